package rule

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"outrider/internal/attachment"
	"outrider/internal/attachment/scan"
	"outrider/internal/budget"
	"outrider/internal/calendar"
	"outrider/internal/evidence/mdm"
	"outrider/internal/message"
	"outrider/internal/rule/result"
	"outrider/internal/rule/schema"
)

// file is the argument of functions of files, as bytes.
type file struct {
	name, contentType string
	data              []byte
}

// fileOf returns the file argument of a function. Files within files, and files that would
// have to be downloaded or created, have no bytes here.
func (f *frame) fileOf(v schema.Value) (file, bool) {
	switch p := v.Ref().(type) {
	case *mdm.Attachment:
		if data := p.Content(); data != nil {
			return file{value(p.FileName), value(p.ContentType), data}, true
		}
	case *result.HTML:
		return file{"part.html", "text/html", []byte(p.Raw())}, true
	case nil:
		return file{}, false
	}
	f.missing |= schema.Files
	return file{}, false
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// onFile applies a function to a file, once per file.
func onFile(name string, v schema.Value, f *frame, do func(file) schema.Value) schema.Value {
	in, ok := f.fileOf(v)
	if !ok {
		return schema.Value{}
	}
	return f.once(name, v.Ref(), func() schema.Value {
		if !f.spend(1 + len(in.data)/regexStep) {
			return schema.Value{}
		}
		return do(in)
	})
}

// maxNested bounds the bytes of a parsed attached message.
const maxNested = 32 << 20

// parseEML parses an attached message.
func parseEML(f *frame, a *arguments) schema.Value {
	return onFile("eml", a.values[0], f, func(in file) schema.Value {
		if len(in.data) > maxNested {
			return schema.Value{}
		}
		m := message.Parse(in.data, f.budget())
		if !isMessage(m) {
			return schema.Value{}
		}
		received := &message.Received{Body: message.NewBody(in.data)}
		return schema.OfObject(mdm.Read(&mdm.Input{Received: received, Message: m, Budget: f.budget()}))
	})
}

// isMessage reports whether a file has the header section of mail: any bytes can be parsed
// as a message.
func isMessage(m *message.Message) bool {
	h := m.Header()
	return slices.ContainsFunc([]string{"From", "Received", "Message-ID", "Subject", "Date", "MIME-Version"}, func(name string) bool {
		return h.Get(name) != ""
	})
}

// budget returns the shared parsing budget of the functions of one message.
func (f *frame) budget() *budget.Budget {
	if f.parsing == nil {
		f.parsing = budget.New(budget.Default())
	}
	return f.parsing
}

func fileHTML(f *frame, a *arguments) schema.Value {
	return onFile("html", a.values[0], f, func(in file) schema.Value { return parseHTML(f, message.DecodeBytes(in.data, "")) })
}

func decoded(e encoding.Encoding, data []byte) (string, bool) {
	out, err := e.NewDecoder().Bytes(data)
	return string(out), err == nil
}

// fileText decodes a file as text, in the first encoding that fits.
func fileText(f *frame, a *arguments) schema.Value {
	wanted := encodings(a, "utf8")
	return onFile("text:"+strings.Join(wanted, ","), a.values[0], f, func(in file) schema.Value {
		for _, name := range wanted {
			if s, ok := decodeAs(name, in.data); ok {
				return schema.OfObject(&result.Text{Text: s})
			}
		}
		return schema.Value{}
	})
}

// encodings returns the encodings in a call, in lower case and without punctuation, or
// others without any.
func encodings(a *arguments, others ...string) []string {
	l := a.named["encodings"].List()
	if l == nil {
		return others
	}
	names, out := strings.NewReplacer("-", "", "_", ""), []string(nil)
	for i := range l.Len() {
		out = append(out, strings.ToLower(names.Replace(l.At(i).Text())))
	}
	return out
}

// decodeAs decodes bytes in one of the encodings.
func decodeAs(name string, data []byte) (string, bool) {
	switch name {
	case "ascii":
		return string(data), strings.IndexFunc(string(data), func(r rune) bool { return r >= utf8.RuneSelf }) < 0
	case "utf8":
		return string(data), utf8.Valid(data)
	case "utf16", "utf16le":
		if len(data)%2 != 0 {
			return "", false
		}
		return decoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), data)
	case "utf16be":
		if len(data)%2 != 0 {
			return "", false
		}
		return decoded(unicode.UTF16(unicode.BigEndian, unicode.UseBOM), data)
	case "latin1", "iso88591", "windows1252", "cp1252":
		return decoded(charmap.Windows1252, data)
	default:
		return "", false
	}
}

func fileICS(f *frame, a *arguments) schema.Value {
	return onFile("ics", a.values[0], f, func(in file) schema.Value {
		c, ok := calendar.Read(message.DecodeBytes(in.data, ""))
		if !ok {
			return schema.Value{}
		}
		out := &result.ICS{ProductID: filled(c.Product), Scale: filled(c.Scale), Method: filled(c.Method)}
		for i := range c.Events {
			out.Events = append(out.Events, f.event(&c.Events[i]))
		}
		return schema.OfObject(out)
	})
}

func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (f *frame) event(e *calendar.Event) result.Event {
	out := result.Event{Summary: filled(e.Summary), Description: filled(e.Description), Location: filled(e.Location), Organizer: invited(e.Organizer)}
	for _, p := range e.Attendees {
		if m := invited(p); m != nil {
			out.Attendees = append(out.Attendees, *m)
		}
	}
	out.Links = mdm.TextLinks(strings.Join(append([]string{e.Location, e.Description}, e.Links...), "\n"), f.budget())
	if e.DescriptionHTML != "" {
		out.DescriptionHTML = f.html(e.DescriptionHTML)
		out.Links = append(out.Links, out.DescriptionHTML.Links()...)
	}
	for _, p := range e.Properties {
		out.RawProperties = append(out.RawProperties, result.KeyValue{Key: p.Key, Value: p.Value})
	}
	return out
}

func invited(p calendar.Person) *mdm.Mailbox {
	if p.Name == "" && p.Address == "" {
		return nil
	}
	return &mdm.Mailbox{DisplayName: filled(p.Name), Email: mdm.NewEmail(p.Address)}
}

// explode opens a file and all files in it.
func explode(f *frame, a *arguments) schema.Value {
	r := f.open(a.values[0])
	if r == nil {
		return schema.Value{}
	}
	return f.once("explode", a.values[0].Ref(), func() schema.Value {
		return schema.OfObjects(attachment.Responses(r))
	})
}

// open opens a file, once.
func (f *frame) open(v schema.Value) *attachment.Report {
	in, ok := f.fileOf(v)
	if !ok {
		return nil
	}
	if f.in.Open == nil {
		f.missing |= schema.Files
		return nil
	}
	key := asked{"open", v.Ref()}
	if r, ok := f.cache[key].(*attachment.Report); ok {
		return r
	}
	input := attachment.Input{Name: in.name, ContentType: in.contentType, Data: in.data, Explode: true}
	if _, format := attachment.Identify(in.data, in.name); f.in.Passwords != nil && !attachment.IsPicture(format) {
		input.Passwords = f.in.Passwords() // pictures need none, and most messages have only pictures
	}
	reports := f.in.Open([]attachment.Input{input})
	if len(reports) == 0 || reports[0] == nil || len(reports[0].Files) == 0 || reports[0].Files[0].Unread {
		f.missing |= schema.Files // time ran out, or the file crashed its worker
		return nil
	}
	f.cache[key] = reports[0]
	return reports[0]
}

// expandArchives lists the files of one or several archives.
func expandArchives(f *frame, a *arguments) schema.Value {
	list := []schema.Value{a.values[0]}
	if l := a.values[0].List(); l != nil {
		list = nil
		for i := range min(l.Len(), maxElements) {
			list = append(list, l.At(i))
		}
	}
	out := &result.Archive{Files: []mdm.Attachment{}}
	for _, v := range list {
		r := f.open(v)
		if r == nil {
			continue
		}
		for i := range r.Files {
			if archived := &r.Files[i]; archived.Depth > 0 {
				size := int(archived.Size)
				out.Files = append(out.Files, mdm.Attachment{
					FileName: filled(archived.Name), FileExtension: filled(archived.Extension), FileType: archived.Type,
					ContentType: filled(archived.MIME), Size: size, MD5: archived.MD5, SHA1: archived.SHA1, SHA256: archived.SHA256,
				})
			}
		}
	}
	if f.missing&schema.Files != 0 {
		return schema.Value{}
	}
	return schema.OfObject(out)
}

// ofScan returns a part of the scan of a file.
func ofScan[T any](part func(*scan.Scan) *T, needs schema.Capability) func(*frame, *arguments) schema.Value {
	return func(f *frame, a *arguments) schema.Value {
		r := f.open(a.values[0])
		if r == nil || len(r.Files) == 0 || r.Files[0].Scan == nil {
			return schema.Value{}
		}
		found := part(r.Files[0].Scan)
		if found == nil {
			f.missing |= needs &^ f.in.Have
		}
		return schema.OfObject(found)
	}
}

// base64 functions.

func decodeBase64(_ *frame, s string) schema.Value {
	out, ok := unbase64(strings.TrimSpace(s), base64.RawStdEncoding)
	if !ok {
		out, ok = unbase64(strings.TrimSpace(s), base64.RawURLEncoding)
	}
	if !ok || !utf8.Valid(out) {
		return schema.Value{}
	}
	return schema.OfString(string(out))
}

// unbase64 decodes with or without padding; e has none.
func unbase64(s string, e *base64.Encoding) ([]byte, bool) {
	s = strings.TrimRight(s, "=")
	out, err := e.DecodeString(s)
	return out, err == nil
}

// Bounds on base64 decoding within a text.
const (
	shortBase64 = 8 // characters; shorter runs are words
	maxDecoded  = 500
)

// scanBase64 decodes every base64 run in a text.
func scanBase64(f *frame, a *arguments) schema.Value {
	s, ok := a.text(0)
	if !ok || !f.spend(1+len(s)/regexStep) {
		return schema.Value{}
	}
	s = f.cut(s, maxText)
	url := a.named["format"].Text() == "url"
	padded := !a.named["ignore_padding"].True()
	wanted := encodings(a, "utf8", "ascii")
	out := []string{}
	for run := range base64Runs(s, url) {
		if len(out) >= maxDecoded {
			break
		}
		if text, ok := decodeRun(run, url, padded, wanted); ok {
			out = append(out, text)
			continue
		}
		for piece := range piecesOf(run) {
			if text, ok := decodeRun(piece, url, padded, wanted); ok {
				out = append(out, text)
			}
		}
	}
	return schema.OfStrings(out[:min(len(out), maxDecoded)])
}

// piecesOf yields the parts of a run between slashes: in URL paths a slash more often
// separates runs than belongs to one.
func piecesOf(run string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for piece := range strings.SplitSeq(run, "/") {
			if len(piece) >= shortBase64 && len(piece) < len(run) && !yield(piece) {
				return
			}
		}
	}
}

// base64Runs yields the longest runs of the alphabet, with the padding after them.
func base64Runs(s string, url bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for len(s) > 0 {
			end := 0
			for end < len(s) && isBase64(s[end], url) {
				end++
			}
			padded := end
			for padded < min(end+2, len(s)) && s[padded] == '=' {
				padded++
			}
			if end >= shortBase64 && !yield(s[:padded]) {
				return
			}
			s = s[min(max(padded, 1), len(s)):]
		}
	}
}

func isBase64(c byte, url bool) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	case url:
		return c == '-' || c == '_'
	default:
		return c == '+' || c == '/'
	}
}

func decodeRun(run string, url, padded bool, wanted []string) (string, bool) {
	e := base64.RawStdEncoding
	if url {
		e = base64.RawURLEncoding
	}
	if padded && len(run)%4 != 0 {
		return "", false
	}
	data, ok := unbase64(run, e)
	if !ok || len(data) == 0 {
		return "", false
	}
	for _, name := range wanted {
		if s, ok := decodeAs(name, data); ok && isPrintable(s) {
			return s, true
		}
	}
	return "", false
}

// isPrintable reports whether a text has no control characters except line breaks: random
// words decode into control characters.
func isPrintable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7F || r == utf8.RuneError
	}) < 0
}
