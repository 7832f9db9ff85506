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

// Bounds on the judged texts, in bytes. Of longer texts the beginning and the end are
// judged.
const (
	maxBody      = 2 << 20
	maxFileTexts = 40
	maxFileText  = 512 << 10 // of all files
	leastText    = 4 << 10   // of each file, independent of the others
	maxHidden    = 24 << 10
	piece        = 5 << 10 // of a long text, judged together: room for a lure
	overlap      = 1 << 10 // shared by consecutive pieces, so that no cut splits a lure
)

// Text is one text of the message: the body, hidden text, or the text of a file that people
// open to read.
type Text struct {
	Portion verdict.Portion // body or attachment
	Field   string          // part number of a file
	Name    string          // of a file
	Hidden  bool            // hidden from readers
	Text    string
	Whole   int           // length of the text that this is a piece of, in bytes; 0 for a whole text
	Page    *reading.Page // if the file is a page

	words  func() string
	phones func() []string
	once   sync.Once
	hits   observable.Hits // guarded by once
}

// finish sets the lazily computed fields.
func (t *Text) finish() *Text {
	t.words = sync.OnceValue(func() string { return observable.Words(t.Text) })
	t.phones = sync.OnceValue(func() []string { return observable.Phones(t.Text) })
	return t
}

// Words returns the folded words of the text, in the form of observable.Words.
func (t *Text) Words() string { return t.words() }

// Phones returns the telephone numbers of the text.
func (t *Text) Phones() []string { return t.phones() }

// Phrases returns the phrases of the lexicon in the text. All callers share one lexicon, so
// the text is searched once.
func (t *Text) Phrases(l *observable.Lexicon) observable.Hits {
	t.once.Do(func() { t.hits = l.Find(t.Words()) })
	return t.hits
}

// Texts returns every judged text: first the new text of the body after the subject; then
// the hidden text of the body; then the texts of files.
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

// bodyTexts returns the new text of the body: the subject and the text, a long text in
// pieces, so that a lure counts anywhere in it.
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

// pieces cuts a text into at least one piece of equal length. The surrounding text weakens
// a lure, as chance in package signal describes, so a piece is hardly longer than a lure.
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

// runeStart returns the first start of a character in s at or after n.
func runeStart(s string, n int) int {
	for n < len(s) && !utf8.RuneStart(s[n]) {
		n++
	}
	return min(n, len(s))
}

// hiddenText joins the hidden text of the pages of the body that no page shows.
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

// messageTexts returns the texts of attached messages. A message that a report returns, or
// a colleague forwards, is not the author's text.
func (e *Evidence) messageTexts() []*Text {
	var out []*Text
	if e.IsReport() {
		return nil
	}
	for i := range e.Reading().Attached {
		if t := &e.Reading().Attached[i]; !e.isForwarded(t.Part) {
			out = append(out, &Text{Portion: verdict.PortionAttachment, Field: t.Part.Path, Name: "the attached message", Text: t.Shown, Page: t.Page})
		}
	}
	return out
}

// fileTexts returns the texts of files that people open to read.
func (e *Evidence) fileTexts() []*Text {
	var out []*Text
	for _, f := range e.Files() {
		if e.isForwarded(f.Part) {
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

// ends calls the function ends, and records the text that it leaves out.
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

// modelTexts describes the texts of files and their links for rules.
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

// textLinks returns the targets of the links in the text of a file.
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
