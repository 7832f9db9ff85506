package evidence

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"outrider/internal/attachment"
	"outrider/internal/evidence/mdm"
	"outrider/internal/evidence/reading"
	"outrider/internal/message"
	"outrider/internal/observable"
)

// Bounds on opening the attachments of one message.
const (
	maxOpened    = 60  // files, including pictures
	maxPictures  = 40  // pictures searched for codes
	smallPicture = 200 // bytes; a code needs more
	maxTogether  = 8   // pictures per request
)

// File is one file of the message: an attachment, or a file in one. Attachments that were
// not opened have only the facts from their first bytes and their name.
type File struct {
	*attachment.File                    // non-nil
	Report           *attachment.Report // of the outermost attachment; nil if it was not opened
	Part             *message.Part      // the outermost attachment, or the text that embeds a picture
	Names            []string           // every name that any client shows, at least one
	Attached         bool               // the file is itself an attachment

	page func() *reading.Page
	data []byte // of an attachment
}

// Page returns the file as a page that opens in a browser, or nil.
func (f *File) Page() *reading.Page { return f.page() }

// Label returns the name that readers most likely see, prefixed by the name of the
// containing attachment.
func (f *File) Label() string {
	name := cmp.Or(f.Names[0], "without a name")
	if f.Attached {
		return name
	}
	return cmp.Or(f.Part.Filename, "without a name") + ": " + name
}

// files holds all files, and the reports of the attachments.
type files struct {
	all     []*File // attachments, each followed by the files in it
	reports map[*message.Part]*attachment.Report
	drawn   []mdm.Opened // pictures embedded in the texts
}

// Files returns every file of the message: each attachment, followed by the files in it.
func (e *Evidence) Files() []*File { return e.files().all }

// Reports returns the reports of the opened attachments.
func (e *Evidence) Reports() map[*message.Part]*attachment.Report { return e.files().reports }

func (e *Evidence) readFiles() files {
	out := files{reports: map[*message.Part]*attachment.Report{}}
	var roots []*File
	for _, p := range e.Message.Attachments() {
		if !p.IsMultipart() && (p.MediaType != "message/rfc822" || len(p.Children) == 0) {
			roots = append(roots, newRoot(p))
		}
	}
	roots = append(roots, e.pictures()...)
	e.openAll(roots)
	for _, f := range roots {
		out.all = append(out.all, f)
		e.readable(f)
		if f.Report == nil {
			continue
		}
		if !f.inText() {
			out.reports[f.Part] = f.Report
		} else {
			out.drawn = append(out.drawn, mdm.Opened{Part: f.Part, Report: f.Report})
		}
		for k := 1; k < len(f.Report.Files); k++ {
			inner := &File{File: &f.Report.Files[k], Report: f.Report, Part: f.Part, Names: []string{f.Report.Files[k].Name}}
			e.readable(inner)
			out.all = append(out.all, inner)
		}
	}
	return out
}

// newRoot describes an attachment without opening it.
func newRoot(p *message.Part) *File {
	f := &File{Part: p, Names: p.Filenames(), Attached: true}
	if len(f.Names) == 0 {
		f.Names = []string{p.Filename}
	}
	f.data = p.Decoded()
	f.identify()
	return f
}

func (f *File) identify() {
	kind, format := attachment.Identify(f.data, f.Names[0])
	f.File = &attachment.File{
		Parent: -1, Name: f.Names[0], Extension: observable.Extension(f.Names[0]), Type: kind, Format: format, Size: int64(len(f.data)),
	}
}

// pictures returns the pictures embedded in the texts, as data: URLs and as drawings, since
// they can hold codes as attached ones can.
func (e *Evidence) pictures() []*File {
	var out []*File
	for i := range e.Reading().Texts {
		t := &e.Reading().Texts[i]
		if t.Page == nil {
			continue
		}
		for n, p := range t.Page.Pictures() {
			f := &File{Part: t.Part, Names: []string{"picture " + strconv.Itoa(n+1) + " in the text"}, Attached: true, data: p.Data}
			f.identify()
			if attachment.IsPicture(f.Format) || f.Format == "svg" {
				out = append(out, f)
			}
		}
	}
	return out
}

// openAll opens the attachments that have contents to examine. Consecutive pictures are
// opened together, because senders cut codes into several.
func (e *Evidence) openAll(roots []*File) {
	if e.Open == nil {
		return
	}
	o := opening{evidence: e, pictures: maxPictures}
	for _, f := range roots {
		if o.worth(f) {
			o.add(f)
		} else {
			o.flush()
		}
	}
	o.flush()
}

type opening struct {
	evidence  *Evidence
	passwords []string
	opened    int
	pictures  int // remaining pictures
	waiting   []*File
}

// worth reports whether opening a file can find anything.
func (o *opening) worth(f *File) bool {
	if attachment.IsPicture(f.Format) {
		return len(f.data) >= smallPicture
	}
	return attachment.Opens(f.Format)
}

func (o *opening) add(f *File) {
	picture := attachment.IsPicture(f.Format)
	if picture {
		o.pictures--
	}
	if o.opened == maxOpened || o.pictures < 0 {
		f.take(attachment.Uncounted(f.input(nil)))
		return
	}
	o.opened++
	if !picture || len(o.waiting) == maxTogether {
		o.flush()
	}
	o.waiting = append(o.waiting, f)
	if !picture {
		o.flush()
	}
}

// flush opens the pending files.
func (o *opening) flush() {
	if len(o.waiting) == 0 {
		return
	}
	if o.passwords == nil && slices.ContainsFunc(o.waiting, func(f *File) bool { return !attachment.IsPicture(f.Format) }) {
		o.passwords = o.evidence.Passwords()
	}
	ins := make([]attachment.Input, len(o.waiting))
	for i, f := range o.waiting {
		ins[i] = f.input(o.passwords)
	}
	for i, r := range o.evidence.Open(ins) {
		o.waiting[i].take(r)
	}
	o.waiting = nil
}

func (f *File) input(passwords []string) attachment.Input {
	return attachment.Input{Name: f.Names[0], ContentType: f.Part.MediaType, Data: f.data, Passwords: passwords}
}

// take adopts the contents of a report. A file that could not be opened keeps the facts
// from its first bytes.
func (f *File) take(r *attachment.Report) {
	if f.Report = r; r == nil || len(r.Files) == 0 {
		f.Report = nil
		return
	}
	root := &r.Files[0]
	if root.Unread && root.Format == "unknown" {
		root.Type, root.Format = f.Type, f.Format
	}
	f.File = root
}

// readable sets the page of a file that is one, parsed on first use.
func (e *Evidence) readable(f *File) {
	f.page = sync.OnceValue(func() *reading.Page {
		if !f.opensInBrowser() {
			return nil
		}
		if text := f.content(); text != "" {
			return reading.ReadPage(text, e.Budget)
		}
		return nil
	})
}

// content returns the bytes of a readable file as text.
func (f *File) content() string {
	if !f.Attached {
		return message.DecodeBytes(f.Content, "")
	}
	if strings.HasPrefix(f.Part.MediaType, "text/") && f.Part.Charset != "" {
		if text := f.Part.Text(); text != "" {
			return text
		}
	}
	return message.DecodeBytes(f.data, f.Part.Charset)
}

// opensInBrowser reports whether the file is a page or vector picture by its type, its name or
// its first bytes.
func (f *File) opensInBrowser() bool {
	switch {
	case f.Attached && f.Part.IsHTML() && f.inText():
		return false // a drawing in the text is read with the text
	case f.Attached && (f.Part.IsHTML() || f.Part.MediaType == "image/svg+xml"):
		return true
	}
	switch f.Format {
	case "html", "htmlsheet", "svg", "xhtml":
		return true
	case "zip", "gz", "eml", "pdf":
		return false
	}
	return slices.ContainsFunc(f.Names, isPageName) && (!f.Attached || !attachment.Opens(f.Format))
}

// inText reports whether the file is a picture embedded in a text.
func (f *File) inText() bool { return f.Attached && !f.Part.IsAttachment() }

func isPageName(name string) bool {
	switch observable.Extension(name) {
	case "html", "htm", "shtml", "xhtml", "xht", "svg":
		return true
	}
	return false
}

// Passwords returns the passwords to try on encrypted files: the most common ones, and
// those in the message.
func (e *Evidence) Passwords() []string {
	return append([]string{"infected", "password", "1234", "123456", "12345"}, observable.Passwords(e.Subject()+"\n"+e.Text())...)
}

// Uncounted reports whether the message has more attachments than the bound on opened ones.
func (e *Evidence) Uncounted() bool {
	for _, r := range e.Reports() {
		if r.Has(attachment.NoteMany) {
			return true
		}
	}
	return false
}

// Unopened reports whether an attachment could not be opened in time.
func (e *Evidence) Unopened() bool {
	for _, r := range e.Reports() {
		if r.Unfinished() {
			return true
		}
	}
	return false
}
