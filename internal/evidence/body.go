package evidence

import (
	"slices"
	"strings"

	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/calendar"
	"outrider/internal/evidence/mdm"
	"outrider/internal/markup"
	"outrider/internal/message"
	"outrider/internal/observable"
)

// body is what readers see of the message, and what can be followed from there.
type body struct {
	text      string // all that is shown, in all readings and alternatives
	fresh     string // text without the quoted lines
	quoted    int    // quoted lines
	pages     []*Page
	calendars map[*message.Part]*calendar.Calendar
	docs      map[*message.Part]*markup.Document
	urls      []observable.URL
	links     []observable.URL
	codes     []string // drawn without a picture
	drawings  int      // looked at for codes
}

func (e *Evidence) readBody() body {
	b := body{docs: map[*message.Part]*markup.Document{}}
	var text strings.Builder
	for _, p := range e.Message.TextParts() {
		content := p.Text()
		if p.MediaType == "text/html" {
			page := readPage(content, e.Budget)
			b.pages, b.docs[p] = append(b.pages, page), page.Document
			b.urls = append(b.urls, page.URLs...)
			content = page.Shown
			// Clients make links of plain addresses in HTML too; only new ones count.
			b.addText(observable.TextURLs(content, e.Budget))
			b.lookAt(page, e.Budget)
		} else {
			b.urls = append(b.urls, observable.TextURLs(content, e.Budget)...)
			b.lookAtText(content, e.Budget)
		}
		if text.Len() < 2*maxText {
			text.WriteString(content)
			text.WriteByte('\n')
		}
	}
	b.calendars = mdm.Calendars(e.Message, e.Budget)
	for _, p := range e.Message.Parts {
		if c := b.calendars[p]; c != nil {
			b.invite(c, &text, e.Budget)
		}
	}
	b.text, b.links = text.String(), linksOf(b.urls)
	b.fresh, b.quoted = withoutQuotes(b.text)
	return b
}

// invite adds what an invitation says, and where it leads: mail programs show it as a
// card beside the text.
func (b *body) invite(c *calendar.Calendar, text *strings.Builder, l *budget.Budget) {
	for i := range c.Events {
		e := &c.Events[i]
		shown := strings.Join(append([]string{e.Summary, e.Location, e.Description}, e.Links...), "\n")
		b.addText(observable.TextURLs(shown, l))
		if e.DescriptionHTML != "" {
			b.addText(readPage(e.DescriptionHTML, l).URLs)
		}
		if text.Len() < 2*maxText {
			text.WriteString(shown)
			text.WriteByte('\n')
		}
	}
}

// addText adds URLs found in the text of HTML, where no anchor leads to their host.
// The text of an anchor is judged as what it shows, not as a link of its own.
func (b *body) addText(found []observable.URL) {
	for _, u := range found {
		shown := slices.ContainsFunc(b.urls, func(o observable.URL) bool { return o.Host == u.Host || strings.Contains(o.Text, u.Raw) })
		if !shown {
			b.urls = append(b.urls, u)
		}
		if len(b.urls) > maxCompared {
			return
		}
	}
}

// maxCompared bounds the comparisons of addText.
const maxCompared = 200

// withoutQuotes leaves out lines that begin with the quote mark and what precedes them
// as their introduction, and counts them.
func withoutQuotes(text string) (fresh string, quoted int) {
	if !strings.Contains(text, "\n>") && !strings.HasPrefix(text, ">") {
		return text, 0
	}
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimLeft(line, " "), ">") {
			quoted++
			continue
		}
		b.WriteString(line)
	}
	return b.String(), quoted
}

// Text returns what readers see of the body, all alternatives one after the other.
func (e *Evidence) Text() string { return e.body().text }

// FreshText returns the text without quoted lines.
func (e *Evidence) FreshText() string { return e.body().fresh }

// Pages returns the HTML documents of the body.
func (e *Evidence) Pages() []*Page { return e.body().pages }

// URLs returns the URLs of the body in order, pictures included.
func (e *Evidence) URLs() []observable.URL { return e.body().urls }

// Links returns the URLs of the body that readers can follow, and behind each that
// somebody has wrapped the one it leads to, as far as that stands in it.
func (e *Evidence) Links() []observable.URL { return e.body().links }

func linksOf(urls []observable.URL) []observable.URL {
	var out []observable.URL
	for _, u := range urls {
		if !u.IsLink() {
			continue
		}
		out = append(out, u)
		if target, _ := observable.Unwrap(u); target.IsLink() && target.Host != u.Host {
			out = append(out, target)
		}
	}
	return out
}

// File is one attachment.
type File struct {
	Part    *message.Part
	Names   []string              // every name that some client shows, at least one
	Format  string                // by its bytes, as attachment.Identify names it
	Entries []attachment.ZipEntry // of a zip, as its directory names them
	Page    *Page                 // or nil: it is no HTML document
	Macros  bool                  // it is an Office document with a VBA project
}

// Files returns the attachments.
func (e *Evidence) Files() []File { return e.files() }

// maxFiles bounds the attachments that are looked into.
const maxFiles = 100

func (e *Evidence) readFiles() []File {
	var out []File
	for _, p := range e.Message.Attachments() {
		if p.MediaType == "message/rfc822" || p.IsMultipart() {
			continue
		}
		if len(out) == maxFiles {
			break
		}
		out = append(out, e.readFile(p))
	}
	return out
}

func (e *Evidence) readFile(p *message.Part) File {
	f := File{Part: p, Names: p.Filenames()}
	if len(f.Names) == 0 {
		f.Names = []string{p.Filename}
	}
	data := p.Decoded()
	_, f.Format = attachment.Identify(data, f.Names[0])
	switch {
	case attachment.IsZip(f.Format):
		f.Entries = attachment.ListZip(data)
		f.Macros = slices.ContainsFunc(f.Entries, isMacroProject)
	case attachment.HasOLEMacros(data):
		f.Macros = true
	case f.looksLikeHTML(data):
		f.Page = readPage(string(data), e.Budget)
	}
	return f
}

// isMacroProject recognises the VBA project of an OOXML document.
func isMacroProject(z attachment.ZipEntry) bool {
	return strings.HasSuffix(strings.ToLower(z.Name), "vbaproject.bin")
}

func (f *File) looksLikeHTML(data []byte) bool {
	if f.Part.MediaType == "text/html" || f.Part.MediaType == "application/xhtml+xml" || f.Part.MediaType == "image/svg+xml" {
		return true
	}
	for _, n := range f.Names {
		switch observable.Extension(n) {
		case "html", "htm", "shtml", "xhtml", "svg", "mht", "mhtml":
			return true
		}
	}
	head := strings.ToLower(string(data[:min(len(data), 512)]))
	return strings.HasPrefix(f.Part.MediaType, "application/octet") && (strings.Contains(head, "<html") || strings.Contains(head, "<!doctype html"))
}
