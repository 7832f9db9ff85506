package pdf

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// collect examines every revision of every object, each value once.
func (r *reader) collect() {
	files := map[*stream]bool{}
	for _, o := range r.objects {
		r.walk(o.value, files)
	}
	for _, o := range r.objects {
		if s, ok := o.value.(*stream); ok && s.dict["Type"] == name("EmbeddedFile") && !files[s] {
			r.file("", s)
		}
	}
	r.absolute()
	info := r.dict(r.trailer["Info"])
	get := func(k name) string { return r.string(info[k]) }
	r.doc.Info = Info{get("Title"), get("Author"), get("Subject"), get("Creator"), get("Producer")}
}

// walk visits a value without following references, so that it terminates.
func (r *reader) walk(v value, files map[*stream]bool) {
	switch v := v.(type) {
	case array:
		for _, e := range v {
			r.walk(e, files)
		}
	case *stream:
		if v.dict["Subtype"] == name("Image") {
			r.image(v)
		}
		r.walk(v.dict, files)
	case dict:
		r.look(v, files)
		for _, k := range sorted(v) {
			r.walk(v[k], files)
		}
	}
}

func sorted(d dict) []name {
	keys := make([]name, 0, len(d))
	for k := range d {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// look reads the requests of a dictionary. ISO 32000-1, 12.6 (actions), 7.11 (files) and
// 12.7 (forms).
func (r *reader) look(d dict, files map[*stream]bool) {
	if s, ok := r.resolve(d["S"]).(name); ok {
		r.action(s, d)
	}
	if js, ok := d["JS"]; ok {
		r.script(js)
	}
	if base := r.string(r.dict(d["URI"])["Base"]); base != "" && len(r.bases) < maxBases {
		r.bases = append(r.bases, base)
	}
	if a, ok := d["OpenAction"]; ok {
		r.trigger("OpenAction", a)
	}
	if _, ok := d["AA"]; ok {
		var events []string
		for _, k := range sorted(r.dict(d["AA"])) {
			events = append(events, string(k))
		}
		r.act("AA", strings.Join(events, " "))
	}
	if ef := r.dict(d["EF"]); ef != nil {
		r.fileSpec(d, ef, files)
	}
	if ft, ok := r.resolve(d["FT"]).(name); ok {
		r.field(string(ft), d)
	}
	if d["JavaScript"] != nil { // ISO 32000-1, 12.6.4.16: scripts of the name dictionary run on opening
		r.act("Names", "JavaScript")
	}
	if d["XFA"] != nil {
		r.act("XFA", "")
	}
}

// maxBases bounds the bases of a document; each revision has one.
const maxBases = 8

// absolute resolves links by the base in the catalogue. ISO 32000-1, 12.6.4.7 and table 27.
// An absolute link is unchanged.
func (r *reader) absolute() {
	var bases []*url.URL
	for _, b := range r.bases {
		if u, err := url.Parse(strings.TrimSpace(b)); err == nil && u.IsAbs() {
			bases = append(bases, u)
		}
	}
	links := r.doc.URIs
	if len(bases) == 0 {
		return
	}
	r.doc.URIs = nil
	for _, s := range links {
		u, err := url.Parse(s)
		if err != nil || u.IsAbs() {
			r.doc.URIs = keep(r, r.doc.URIs, s)
			continue
		}
		for _, b := range bases {
			r.doc.URIs = keep(r, r.doc.URIs, b.ResolveReference(u).String())
		}
	}
}

// trigger records an action on opening the document. A destination is no action.
func (r *reader) trigger(kind string, v value) {
	if s, ok := r.resolve(r.dict(v)["S"]).(name); ok {
		r.act(kind, string(s))
	}
}

// action records an action by its type. ISO 32000-1, table 198.
func (r *reader) action(kind name, d dict) {
	switch kind {
	case "URI":
		r.uri(d["URI"])
	case "Launch", "GoToR", "GoToE", "SubmitForm", "ImportData", "Thread":
		r.act(string(kind), r.target(d))
		if fs := r.dict(d["F"]); kind != "SubmitForm" && fs["FS"] == name("URL") { // ISO 32000-1, 7.11.5
			r.uri(fs["F"])
		}
	case "Named":
		n, _ := r.resolve(d["N"]).(name)
		r.act("Named", string(n))
	case "JavaScript", "Rendition", "RichMediaExecute", "Movie", "Sound", "ResetForm", "Hide":
		r.act(string(kind), "")
	}
}

// target returns the file, program or address of an action. Launch has separate fields for
// the Windows program and its parameters. ISO 32000-1, table 204.
func (r *reader) target(d dict) string {
	if win := r.dict(d["Win"]); win != nil {
		return strings.TrimSpace(r.string(win["F"]) + " " + r.string(win["P"]))
	}
	return r.fileName(d["F"])
}

// fileName returns the name of a file specification, a string or a dictionary.
func (r *reader) fileName(v value) string {
	d, ok := r.resolve(v).(dict)
	if !ok {
		return r.string(v)
	}
	for _, k := range []name{"UF", "F", "DOS", "Unix", "Mac", "Desc"} {
		if s := r.string(d[k]); s != "" {
			return s
		}
	}
	return ""
}

func (r *reader) act(kind, target string) {
	if r.once(kind + " " + target) {
		r.doc.Actions = keep(r, r.doc.Actions, Action{Kind: kind, Target: target})
	}
}

// once reports whether the key is new, so that items repeated on a thousand pages are
// listed once.
func (r *reader) once(key string) bool {
	if r.seen[key] || len(r.seen) > 4*r.limits.Items {
		return false
	}
	r.seen[key] = true
	return true
}

// keep appends an item while there is room.
func keep[T any](r *reader, list []T, item T) []T {
	if len(list) >= r.limits.Items {
		r.doc.note(OverLimit)
		return list
	}
	return append(list, item)
}

func (r *reader) uri(v value) {
	t, _ := r.resolve(v).(text)
	s := decodeText(t.raw)
	if s == "" {
		return
	}
	if t.odd {
		r.doc.note(SplitURI)
	}
	if r.once("uri " + s) {
		r.doc.URIs = keep(r, r.doc.URIs, s)
	}
}

// script keeps JavaScript, which is a string or a stream.
func (r *reader) script(v value) {
	s := r.string(v)
	if st, ok := r.resolve(v).(*stream); ok {
		b, _ := r.decode(st)
		s = decodeText(b)
	}
	if s == "" || !r.once("js "+s) {
		return
	}
	room := r.limits.Text
	for _, old := range r.doc.Scripts {
		room -= len(old)
	}
	if len(s) > room {
		r.doc.note(OverLimit)
		s = strings.ToValidUTF8(s[:max(0, room)], "")
	}
	r.doc.Scripts = keep(r, r.doc.Scripts, s)
}

// fileSpec reads an embedded file. ISO 32000-1, 7.11.4: EF lists the same content once per
// platform.
func (r *reader) fileSpec(d, ef dict, files map[*stream]bool) {
	for _, k := range []name{"UF", "F", "DOS", "Unix", "Mac"} {
		s, ok := r.resolve(ef[k]).(*stream)
		if ok && !files[s] {
			files[s] = true
			r.file(r.fileName(d), s)
		}
	}
}

func (r *reader) file(name string, s *stream) {
	b, _ := r.decode(s)
	r.doc.Files = keep(r, r.doc.Files, File{Name: name, Data: b})
}

func (r *reader) field(kind string, d dict) {
	value := r.string(d["V"])
	if n, ok := r.resolve(d["V"]).(name); ok {
		value = string(n)
	}
	if len(value) > 1<<10 { // typed values are short
		value = strings.ToValidUTF8(value[:1<<10], "")
	}
	r.doc.Fields = keep(r, r.doc.Fields, Field{Name: r.string(d["T"]), Kind: kind, Value: value})
}

// string returns a text string as UTF-8, "" for other values.
func (r *reader) string(v value) string {
	t, _ := r.resolve(v).(text)
	return decodeText(t.raw)
}

// decodeText decodes UTF-16 and UTF-8 by their marks, and otherwise PDFDocEncoding, which
// is near Windows-1252. ISO 32000-1, 7.9.2.2.
func decodeText(b []byte) string {
	switch s := string(b); {
	case strings.HasPrefix(s, "\xFE\xFF"):
		return utf16be(b[2:])
	case strings.HasPrefix(s, "\xEF\xBB\xBF"):
		return strings.ToValidUTF8(s[3:], "\uFFFD")
	case utf8.Valid(b):
		return s // writers that ignore the rule write UTF-8
	}
	return latin(b)
}

func utf16be(b []byte) string {
	u := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		u = append(u, uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(utf16.Decode(u))
}

// high is Windows-1252 from 0x80 to 0x9F.
var high = []rune("€�‚ƒ„…†‡ˆ‰Š‹Œ�Ž��‘’“”•–—˜™š›œ�žŸ")

func latin(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		out.WriteRune(latinRune(c))
	}
	return out.String()
}

func latinRune(c byte) rune {
	if c >= 0x80 && c < 0xA0 {
		return high[c-0x80]
	}
	return rune(c)
}
