package attachment

import (
	"bytes"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"unicode/utf8"

	"outrider/internal/attachment/lnk"
	"outrider/internal/attachment/ole"
	"outrider/internal/attachment/ooxml"
	"outrider/internal/attachment/page"
	"outrider/internal/attachment/pdf"
	"outrider/internal/attachment/picture"
	"outrider/internal/attachment/rtf"
	"outrider/internal/attachment/scan"
	"outrider/internal/attachment/yara"
	"outrider/internal/budget"
	"outrider/internal/observable"
)

// Bounds of Input.Explode in the reports of one request, in bytes of JSON: together below 8
// MiB.
const (
	maxScanText = 17 << 18 // strings, texts and words of scripts: 4.25 MiB
	maxFacts    = 14 << 18 // everything else: 3.5 MiB
	factsShare  = 512 << 10
	fixedFacts  = 1500     // digests, names and other fixed parts of one file
	maxExploded = 300      // files extracted from scripts, base64 and documents
	maxWaiting  = 32 << 20 // bytes of pending files
	lookedAt    = 16 << 20 // bytes of one file that are read for strings, scripts and base64
	searched    = 1 << 20  // bytes searched for addresses
)

// explosion provides the data that rules use about the files of one inspection. All its
// methods do nothing on nil.
type explosion struct {
	inspector *inspector
	texts     int // bytes left for texts
	facts     int // bytes left for facts
	waiting   map[int][]scan.Child
	held      int         // bytes pending
	exploded  int         // files added
	adding    *scan.Child // the file being added
	packages  map[int]*scan.Package
	offices   map[int]*scan.Office
	pages     map[int][]string // texts shown by a picture or page
	yara      map[int]*scan.Yara
}

// newExplosion returns an explosion with its share of the bounds among the inputs.
func newExplosion(i *inspector, inputs int) *explosion {
	return &explosion{
		inspector: i, texts: maxScanText / inputs, facts: maxFacts / inputs, waiting: map[int][]scan.Child{},
		packages: map[int]*scan.Package{}, offices: map[int]*scan.Office{}, pages: map[int][]string{}, yara: map[int]*scan.Yara{},
	}
}

// spend runs f with a share of the remaining budget, at most most. The input gets the
// largest share.
func (x *explosion) spend(id int, left *int, most int, f func(*scan.Budget)) {
	share := *left / 2
	if id == 0 {
		share = *left / 4 * 3
	}
	b := &scan.Budget{Left: max(0, min(most, share))}
	before := b.Left
	f(b)
	*left -= before - b.Left
	if b.Cut {
		x.inspector.noteOnce(NoteExplode, id, "what rules ask about is cut")
	}
}

// fact runs f with the scan of a file and a share of the budget for facts. A panic is a
// bug, and costs only the results of f.
func (x *explosion) fact(id int, f func(*scan.Scan, *scan.Budget)) {
	if x == nil || x.inspector.file(id).Scan == nil {
		return
	}
	defer x.inspector.rescue(id)
	x.spend(id, &x.facts, factsShare, func(b *scan.Budget) { f(x.inspector.file(id).Scan, b) })
}

// find returns the distinct addresses in a text.
func find(text string) []string {
	var out []string
	seen := map[string]bool{}
	for _, u := range observable.TextURLs(text, budget.New(budget.Default())) {
		if !seen[u.Raw] {
			seen[u.Raw] = true
			out = append(out, u.Raw)
		}
	}
	return out
}

// file scans the bytes of an added file.
func (x *explosion) file(f *File, data []byte) {
	if x == nil {
		return
	}
	defer x.inspector.rescue(f.ID)
	if x.facts < 2*fixedFacts || x.inspector.ctx() != nil {
		x.inspector.noteOnce(NoteExplode, f.ID, "not all files are scanned")
		return
	}
	x.facts -= fixedFacts
	external := []string{}
	if x.adding != nil {
		f.Source, external = x.adding.Source, x.adding.External
	}
	script := x.isScript(f)
	f.Scan = &scan.Scan{
		Hash: &scan.Hash{MD5: f.MD5, SHA1: f.SHA1, SHA256: f.SHA256}, Entropy: &scan.Entropy{Entropy: f.Entropy},
	}
	f.Flavors = &scan.Flavors{MIME: f.MIME, Yara: scan.Tastes(data, f.Format, script), External: external}
	x.content(f, data, script || f.Format == "js")
	if p := x.packages[f.Parent]; p != nil {
		p.Part(f.Name, data)
	}
}

// isScript reports whether the file being added is JavaScript by its name, or because its
// page runs it.
func (x *explosion) isScript(f *File) bool {
	c := x.adding
	if c == nil || f.Format == "json" {
		return f.Format == "txt" && (f.Extension == "js" || f.Extension == "mjs")
	}
	return scan.IsScript(c.External) && (c.Source == "ScanHtml" || c.Source == "ScanXml" || c.Source == "ScanPdf" && len(c.External) > 0)
}

// content runs the scanners of raw bytes.
func (x *explosion) content(f *File, data []byte, script bool) {
	whole := data
	data = head(data, lookedAt)
	d := scan.Decode(data)
	x.spend(f.ID, &x.texts, maxScanText, func(b *scan.Budget) {
		if script {
			f.Scan.JavaScript = scan.ReadJavaScript(d.Text, b)
		}
		if d.IsText {
			x.markup(f, d.Text, b)
		}
		if !packed(f.Format) {
			f.Scan.URL = urlsOf(d.Lines(searched), b)
		}
		f.Scan.Strings = d.Strings(b)
	})
	switch f.Format {
	case "gif":
		var rest []scan.Child
		f.Scan.GIF, rest = scan.ReadTrailer(whole)
		x.wait(f.ID, rest...)
	case "jpg":
		var rest []scan.Child
		f.Scan.JPEG, rest = scan.ReadTrailer(whole)
		x.wait(f.ID, rest...)
	case "macho":
		f.Scan.Macho = scan.ReadMacho(data)
	case "zip", "jar", "apk", "epub", "odf", "msix", "docx", "docm", "xlsx", "xlsm", "xlsb", "pptx", "pptm", "ooxml":
		x.packages[f.ID] = &scan.Package{}
		x.metadata(f.ID, func(m *scan.Metadata) { m.Zip(zipFirst(whole)) })
	}
	if d.IsText && f.Source != "ScanHtml" && f.Source != "ScanXml" && f.Format != "eml" {
		x.wait(f.ID, scan.Base64(d.Text, recognised)...)
	}
}

// head returns the beginning of a file, cut at a character boundary.
func head(data []byte, most int) []byte {
	if len(data) <= most {
		return data
	}
	for n := most; n > most-utf8.UTFMax; n-- {
		if utf8.RuneStart(data[n]) {
			return data[:n]
		}
	}
	return data[:most]
}

// markup scans texts with a structure.
func (x *explosion) markup(f *File, text string, b *scan.Budget) {
	var children []scan.Child
	switch {
	case f.Format == "html" || f.Format == "htmlsheet" || f.Format == "hta":
		f.Scan.HTML, children = scan.ReadHTML(text, b)
		x.metadata(f.ID, func(m *scan.Metadata) { m.HTML(f.Scan.HTML) })
	case f.Format == "svg" || strings.HasSuffix(f.MIME, "xml"):
		f.Scan.XML, children = scan.ReadXML(text, b)
	case f.Format == "ics":
		f.Scan.ICS, f.Scan.Calendar, children = scan.ReadICS(text, find, b)
		if f.ID > 0 {
			f.Scan.Calendar = nil
		}
	}
	x.wait(f.ID, children...)
}

// urlsOf finds addresses. Texts with a scheme that are no URLs are listed separately.
func urlsOf(text string, b *scan.Budget) *scan.URLList {
	return scan.ReadURLs(text, find, func(s string) bool {
		_, ok := observable.ParseURL(s)
		return ok
	}, b)
}

// packed reports whether the bytes of a format contain no plain-text addresses.
func packed(format string) bool {
	switch format {
	case "zip", "jar", "apk", "epub", "odf", "msix", "7z", "rar", "gz", "bz2", "xz", "zst", "lzma", "lz", "cab", "docx", "docm", "xlsx",
		"xlsm", "xlsb", "pptx", "pptm", "ooxml", "encrypted-ooxml":
		return true
	}
	return IsPicture(format)
}

// recognised reports whether decoded base64 is a hidden file.
func recognised(data []byte) bool {
	format, _ := identify(data, "")
	return format != unknown && format != "txt"
}

// metadata adds to the metadata of a file.
func (x *explosion) metadata(id int, f func(*scan.Metadata)) {
	x.fact(id, func(s *scan.Scan, b *scan.Budget) {
		file := x.inspector.file(id)
		m := scan.NewMetadata(s.ExifTool, file.MIME, file.Format, b)
		f(m)
		s.ExifTool = m.Result()
	})
}

// wait queues files.
func (x *explosion) wait(id int, children ...scan.Child) {
	if x == nil {
		return
	}
	for _, c := range children {
		if len(c.Data) == 0 {
			continue
		}
		if x.held+len(c.Data) > maxWaiting {
			x.inspector.noteOnce(NoteExplode, id, "files in it are left out")
			return
		}
		x.held += len(c.Data)
		x.waiting[id] = append(x.waiting[id], c)
	}
}

// found reports whether files found in this one are queued.
func (x *explosion) found(id int) bool { return x != nil && len(x.waiting[id]) > 0 }

// children adds the files that were found in one.
func (x *explosion) children(id int) {
	if x == nil {
		return
	}
	for _, c := range x.waiting[id] {
		x.held -= len(c.Data)
		x.add(id, c)
	}
	delete(x.waiting, id)
}

// add reports a file found in another, and returns its ID or -1. A panic costs that file
// only.
func (x *explosion) add(parent int, c scan.Child) (id int) {
	i := x.inspector
	id = -1
	defer i.rescue(parent)
	if x.exploded >= maxExploded || i.spent+int64(len(c.Data)) > i.limits.Bytes {
		i.noteOnce(NoteExplode, parent, "files in it are left out")
		return id
	}
	x.exploded++
	i.spent += int64(len(c.Data))
	x.adding = &c
	defer func() { x.adding = nil }()
	return i.add(File{Parent: parent, Name: c.Name}, c.Data, "")
}

// matched keeps the matching rules of a file.
func (x *explosion) matched(id int, r yara.Result) {
	if x != nil {
		x.spend(id, &x.facts, factsShare/8, func(b *scan.Budget) { x.yara[id] = scan.NewYara(r, maxMatches, b) })
	}
}

// pdf takes the facts of an opened document.
func (x *explosion) pdf(n *node, p *pdf.Document) {
	if x == nil {
		return
	}
	defer x.inspector.rescue(n.id)
	objects := scan.ReadObjects(n.data)
	x.fact(n.id, func(s *scan.Scan, b *scan.Budget) {
		s.PDF = scan.ReadPDF(p, len(p.Files)+len(p.Images), b)
		s.PDFObjHash = objects.Hash(b)
		s.URL.Add(s.PDF.URLs, b)
	})
	x.metadata(n.id, func(m *scan.Metadata) { m.PDF(n.data, p, objects) })
	x.wait(n.id, textChild("ScanPdf", p.Text))
	for _, s := range p.Scripts {
		x.wait(n.id, scan.Child{Name: "javascript", Source: "ScanPdf", External: []string{"text/javascript"}, Data: []byte(s)})
	}
}

// textChild is the text of a document as a separate file.
func textChild(source, text string) scan.Child {
	return scan.Child{Name: "text", Source: source, External: []string{}, Data: []byte(text)}
}

// office takes the facts of an opened document.
func (x *explosion) office(id int, o *ooxml.Document) {
	if x == nil {
		return
	}
	defer x.inspector.rescue(id)
	slim := *o
	slim.Macros, slim.Embedded, slim.Images, slim.Text = nil, nil, nil, ""
	x.offices[id] = &scan.Office{Format: x.inspector.file(id).Format, New: &slim}
	x.wait(id, textChild("ScanDocx", o.Text))
	x.fact(id, func(s *scan.Scan, b *scan.Budget) {
		if o.Kind == ooxml.Word {
			s.Docx = x.packages[id].Docx(len(strings.Fields(o.Text)), b)
		}
		if o.Kind == ooxml.PowerPoint {
			s.Pptx = x.packages[id].Pptx(o.Links, b)
		}
	})
	x.metadata(id, func(m *scan.Metadata) { m.Package(x.packages[id]) })
}

// ole takes the facts of an opened document.
func (x *explosion) ole(id int, o *ole.Document) {
	if x == nil {
		return
	}
	defer x.inspector.rescue(id)
	slim := *o
	slim.Package, slim.Embedded, slim.Mail, slim.Text = nil, nil, nil, ""
	office := &scan.Office{Format: x.inspector.file(id).Format, Old: &slim}
	office.Project.Add(&slim)
	if slices.Contains(o.Notes, ole.NotOLE) {
		office.Failure = "the container does not read"
	}
	x.offices[id] = office
	x.metadata(id, func(m *scan.Metadata) { m.OLE(&slim) })
	x.fact(id, func(s *scan.Scan, b *scan.Budget) {
		s.VBA = office.Project.VBA(b)
		s.OLE = &scan.Total{TotalFiles: len(o.Streams), TotalExtracted: len(o.Embedded)}
	})
	x.wait(id, textChild("ScanOle", o.Text))
	for _, m := range o.Modules {
		x.wait(id, scan.Child{Name: m.Name, Source: "ScanVba", External: []string{}, Data: []byte(m.Source)})
	}
}

// rtf takes the facts of an opened document.
func (x *explosion) rtf(id int, r *rtf.Document) {
	x.fact(id, func(s *scan.Scan, _ *scan.Budget) {
		s.RTF = &scan.Total{TotalFiles: len(r.Objects) + len(r.Images), TotalExtracted: len(r.Objects)}
		x.offices[id] = &scan.Office{Format: "rtf"}
	})
	x.wait(id, textChild("ScanRtf", r.Text))
}

// link takes the facts of an opened shortcut.
func (x *explosion) link(n *node, l *lnk.Link) {
	x.fact(n.id, func(s *scan.Scan, b *scan.Budget) {
		s.LNK = scan.NewLNK(b, l.Arguments, l.Target(), l.Description, l.WorkingDir, l.Icon)
		s.URL.Add(commandURLs(l.CommandLine()), b)
		x.metadata(n.id, func(m *scan.Metadata) { m.Shortcut(n.data, s.LNK, l.Machine) })
	})
}

// picture takes the facts of an opened picture.
func (x *explosion) picture(n *node, p *picture.Picture) {
	x.metadata(n.id, func(m *scan.Metadata) { m.Picture(n.data, p) })
}

// page adds a page with its codes as a picture, and returns its ID, or that of the document.
func (x *explosion) page(id int, p *page.Picture, codes []picture.Code) int {
	if x == nil {
		return id
	}
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if e.Encode(&b, p.Image) != nil {
		return id
	}
	shown := x.add(id, scan.Child{Name: fmt.Sprintf("pdf_2_png_%d", p.Number), Source: "ScanPdf", External: []string{}, Data: b.Bytes()})
	if shown < 0 {
		return id
	}
	d := newDocument("", "", "", "")
	for _, c := range codes {
		d.keep(&d.Codes, c.Text, 4<<10)
	}
	x.inspector.file(shown).Document = d
	x.picture(&node{shown, b.Bytes()}, &picture.Picture{Format: "png", Width: p.Image.Rect.Dx(), Height: p.Image.Rect.Dy()})
	return shown
}

// text takes the recognised text of a picture or page.
func (x *explosion) text(id int, text string) {
	if x != nil {
		x.pages[id] = append(x.pages[id], strings.TrimSpace(text[:validPrefix(text, maxDocumentText)]))
	}
}

// validPrefix returns the length of the prefix of s, at most most bytes, that ends at a
// character boundary.
func validPrefix(s string, most int) int {
	most = min(most, len(s))
	for most > 0 && most < len(s) && !utf8.RuneStart(s[most]) {
		most--
	}
	return most
}
