package evidence

import (
	"strings"
	"sync"
	"unicode/utf8"

	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/evidence/mdm"
	"outrider/internal/evidence/reading"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// Bounds on the texts that are judged, in bytes. Of what is longer the beginning and the end are.
const (
	maxBody      = 2 << 20
	maxFileTexts = 40
	maxFileText  = 512 << 10 // of all files
	leastText    = 4 << 10   // of each file, whatever the others have
	maxHidden    = 24 << 10
	piece        = 5 << 10 // of a long text are judged together, as much as a lure has with room
	overlap      = 1 << 10 // of a piece that the next begins with, so that no cut parts a lure
)

// Text is one text that the message gives its reader: its own, one that it hides, or that of a
// file that people open to read.
type Text struct {
	Portion verdict.Portion // body or attachment
	Field   string          // part number of a file
	Name    string          // of a file
	Hidden  bool            // readers do not see it
	Text    string
	Whole   int           // length of the text of which this is a piece, in bytes; 0: it is whole
	Page    *reading.Page // of a file, where it is a page

	words  func() string
	phones func() []string
	once   sync.Once
	hits   observable.Hits // guarded by once
}

// finish makes the text ready to be asked.
func (t *Text) finish() *Text {
	t.words = sync.OnceValue(func() string { return observable.Words(t.Text) })
	t.phones = sync.OnceValue(func() []string { return observable.Phones(t.Text) })
	return t
}

// Words returns the folded words of the text, as observable.Words makes them.
func (t *Text) Words() string { return t.words() }

// Phones returns the telephone numbers of the text.
func (t *Text) Phones() []string { return t.phones() }

// Phrases returns the phrases of the lexicon that stand in the text. All callers share one
// lexicon, so that the text is read once.
func (t *Text) Phrases(l *observable.Lexicon) observable.Hits {
	t.once.Do(func() { t.hits = l.Find(t.Words()) })
	return t.hits
}

// Texts returns every text that is judged: first what the author wrote in the body, with the
// subject in front; then what the body hides; then the texts of files.
func (e *Evidence) Texts() []*Text { return e.texts() }

func (e *Evidence) readTexts() []*Text {
	out := e.bodyTexts()
	if hidden := e.hiddenText(); hidden != "" {
		out = append(out, (&Text{Portion: verdict.PortionBody, Hidden: true, Text: hidden}).finish())
	}
	left, files := maxFileText, 0
	for _, t := range append(e.messageTexts(), e.fileTexts()...) {
		if files++; files > maxFileTexts {
			e.Budget.Omit(budget.Text)
			break
		}
		text := e.ends(t.Text, max(left, leastText))
		left -= len(text)
		for _, p := range pieces(text) {
			part := &Text{Portion: t.Portion, Field: t.Field, Name: t.Name, Page: t.Page, Text: p, Whole: len(text)}
			out = append(out, part.finish())
		}
	}
	return out
}

// bodyTexts returns what the author wrote in the body: the subject and the text, and the rest of a
// long text in pieces, so that a lure counts wherever it is.
func (e *Evidence) bodyTexts() []*Text {
	current := e.Current()
	if len(current) > maxBody {
		e.Budget.Omit(budget.Text)
		current = ends(current, maxBody)
	}
	var out []*Text
	for _, p := range pieces(current) {
		out = append(out, (&Text{Portion: verdict.PortionBody, Text: p, Whole: len(current)}).finish())
	}
	out[0].Text = e.Subject() + " \n " + out[0].Text
	return out
}

// pieces cuts a text into pieces of the same length, at least one. What surrounds a lure weakens
// it, as chance in package signal says, so a piece is hardly longer than one.
func pieces(s string) []string {
	if len(s) <= piece {
		return []string{s}
	}
	count := (len(s) - overlap + piece - overlap - 1) / (piece - overlap)
	step := (len(s) - overlap + count - 1) / count
	var out []string
	for k := range count {
		out = append(out, s[runeStart(s, k*step):runeStart(s, k*step+step+overlap)])
	}
	return out
}

// runeStart returns the first beginning of a character in s from n on.
func runeStart(s string, n int) int {
	for n < len(s) && !utf8.RuneStart(s[n]) {
		n++
	}
	return min(n, len(s))
}

// hiddenText joins what the pages of the body hide and do not show as well.
func (e *Evidence) hiddenText() string {
	var b strings.Builder
	for _, p := range e.Pages() {
		for _, s := range []string{p.Concealed, p.Outlook} {
			if s != "" {
				b.WriteString(s + "\n")
			}
		}
	}
	return e.ends(b.String(), maxHidden)
}

// messageTexts returns the texts of attached messages. That a report returns a message, or that
// a colleague hands one on, is no word of its author.
func (e *Evidence) messageTexts() []*Text {
	var out []*Text
	if e.IsReport() {
		return nil
	}
	for i := range e.Reading().Attached {
		if t := &e.Reading().Attached[i]; !e.others(t.Part) {
			out = append(out, &Text{Portion: verdict.PortionAttachment, Field: t.Part.Path, Name: "the attached message", Text: t.Shown, Page: t.Page})
		}
	}
	return out
}

// fileTexts returns the texts of files that people open to read.
func (e *Evidence) fileTexts() []*Text {
	var out []*Text
	for _, f := range e.Files() {
		if e.others(f.Part) {
			continue
		}
		t := &Text{Portion: verdict.PortionAttachment, Field: f.Part.Path, Name: f.Label(), Page: f.Page()}
		switch {
		case t.Page != nil:
			t.Text = t.Page.Shown
		case f.Document != nil:
			t.Text = f.Document.Text
		case f.readsAsText():
			t.Text = f.content()
		}
		if t.Page != nil || strings.TrimSpace(t.Text) != "" {
			out = append(out, t)
		}
	}
	return out
}

// readsAsText reports whether people read the file as written.
func (f *File) readsAsText() bool {
	switch f.Format {
	case "txt", "csv", "ics", "vcf", "rtf", "md", "xml", "eml":
		return true
	}
	return f.Attached && strings.HasPrefix(f.Part.MediaType, "text/") && !attachment.Opens(f.Format) || !f.Attached && len(f.Content) > 0
}

// ends is the function of that name, and records what it leaves out.
func (e *Evidence) ends(s string, most int) string {
	if len(s) > most {
		e.Budget.Omit(budget.TextMiddle)
	}
	return ends(s, most)
}

// ends returns the beginning and the end of a text that is longer than most bytes.
func ends(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most/2], "") + "\n" + strings.ToValidUTF8(s[len(s)-most/2:], "")
}

// modelTexts describes the texts of files for rules, with where they lead.
func (e *Evidence) modelTexts() []mdm.FileText {
	var out []mdm.FileText
	for _, t := range e.Texts() {
		if t.Portion != verdict.PortionAttachment {
			continue
		}
		m := mdm.FileText{Part: t.Field, Name: t.Name, Text: t.Text, Links: []mdm.URL{}}
		for _, u := range e.textLinks(t) {
			m.Links = append(m.Links, mdm.NewURL(u))
		}
		out = append(out, m)
	}
	return out
}

// textLinks returns where the text of a file leads.
func (e *Evidence) textLinks(t *Text) []observable.URL {
	var out []observable.URL
	if t.Page == nil {
		return observable.TextURLs(t.Text, e.Budget)
	}
	for _, l := range reading.PageLinks(t.Page, e.Budget) {
		out = append(out, l.URL)
	}
	return out
}
