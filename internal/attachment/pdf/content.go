package pdf

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// pages counts the pages and reads their text, by the page tree and then the pages outside
// of the tree.
func (r *reader) pages() {
	w := &writer{reader: r, fonts: map[ref]*font{}}
	done := map[int]bool{}
	root := r.dict(r.trailer["Root"])
	r.tree(w, root["Pages"], nil, 0, done)
	for i, o := range r.objects {
		d, ok := o.value.(dict)
		if ok && d["Type"] == name("Page") && r.current[o.num] == i && !done[o.num] {
			done[o.num] = true
			r.page(w, d, r.dict(d["Resources"]))
		}
	}
	r.doc.Text = strings.TrimSpace(w.out.String())
}

// tree visits a node of the page tree, each object once. ISO 32000-1, 7.7.3.4: resources
// are inherited.
func (r *reader) tree(w *writer, v value, inherited dict, depth int, done map[int]bool) {
	n, ok := v.(ref)
	if !ok || done[int(n)] || depth > r.limits.Nesting {
		return
	}
	done[int(n)] = true
	d := r.dict(n)
	if own := r.dict(d["Resources"]); own != nil {
		inherited = own
	}
	kids, isTree := r.resolve(d["Kids"]).(array)
	if !isTree {
		if d != nil {
			r.page(w, d, inherited)
		}
		return
	}
	for _, k := range kids {
		r.tree(w, k, inherited, depth+1, done)
	}
}

// page reads the content of a page, whose streams are concatenated. ISO 32000-1, 7.8.2.
func (r *reader) page(w *writer, d, resources dict) {
	r.doc.Pages++
	if r.doc.Pages > r.limits.Pages {
		r.doc.note(OverLimit)
		return
	}
	var all []byte
	for _, c := range r.list(d, "Contents", "") {
		if s, ok := r.resolve(c).(*stream); ok {
			b, _ := r.decode(s)
			if !r.spend(len(b)) {
				break
			}
			all = append(append(all, b...), '\n')
		}
	}
	w.canvas = newCanvas()
	w.run(all, resources, 0)
	w.write("\n")
	if len(r.doc.Drawings) == maxDrawings {
		return
	}
	if shown := w.canvas.picture(); shown != nil {
		r.doc.Drawings = append(r.doc.Drawings, Drawing{r.doc.Pages, shown})
	}
}

// writer interprets content and keeps the text.
type writer struct {
	*reader
	out    strings.Builder
	font   *font
	fonts  map[ref]*font // by object, since pages share them
	canvas *canvas       // of the page
	deep   bool          // forms beyond maxForms were met
}

func (w *writer) write(s string) {
	if w.out.Len()+len(s) > w.limits.Text {
		w.doc.note(OverLimit)
		return
	}
	w.out.WriteString(s)
}

// gap ends a word or a line, once.
func (w *writer) gap(s string) {
	if old := w.out.String(); old != "" && !strings.HasSuffix(old, "\n") && !strings.HasSuffix(old, s) {
		w.write(s)
	}
}

// run interprets content. Operands precede their operator; no operator takes more than a
// few, so longer lists are truncated.
func (w *writer) run(content []byte, resources dict, depth int) {
	x := &lexer{data: content, nesting: 8}
	var args array
	for {
		v, ok := x.next()
		if !ok {
			return
		}
		op, is := v.(keyword)
		if !is {
			if len(args) < 32 {
				args = append(args, v)
			}
			continue
		}
		switch op {
		case "Do":
			w.form(args, resources, depth)
		case "BI":
			w.inline(x, resources)
		default:
			w.canvas.operate(op, args)
			w.operate(op, args, resources)
		}
		args = args[:0]
	}
}

// operate handles the operators of text, ISO 32000-1, 9.4, and counts those of paths, 8.5.2.
func (w *writer) operate(op keyword, args array, resources dict) {
	switch op {
	case "re", "l", "c", "v", "y":
		w.doc.Shapes++
	case "Tf":
		if len(args) > 0 {
			n, _ := args[0].(name)
			w.font = w.load(w.dict(resources["Font"])[n])
		}
	case "Td", "TD":
		if y, ok := last(args).(float64); ok && y == 0 {
			w.gap(" ")
			return
		}
		w.gap("\n")
	case "T*", "Tm", "ET":
		w.gap("\n")
	case "Tj":
		w.show(last(args))
	case "'", "\"":
		w.gap("\n")
		w.show(last(args))
	case "TJ":
		w.showAll(last(args))
	}
}

func last(args array) value {
	if len(args) == 0 {
		return nil
	}
	return args[len(args)-1]
}

func (w *writer) show(v value) {
	if t, ok := v.(text); ok {
		w.write(w.font.decode(t.raw))
	}
}

// showAll shows strings with moves between them, in thousandths of the font size. A move of
// a fifth counts as a blank.
func (w *writer) showAll(v value) {
	a, _ := v.(array)
	for _, e := range a {
		if n, ok := e.(float64); ok && n < -200 {
			w.gap(" ")
		}
		w.show(e)
	}
}

// maxForms bounds nested forms; honest writers use two.
const maxForms = 8

// form runs a form object. ISO 32000-1, 8.10.
func (w *writer) form(args array, resources dict, depth int) {
	n, ok := last(args).(name)
	if !ok || depth >= maxForms && w.deep {
		return
	}
	s, ok := w.resolve(w.dict(resources["XObject"])[n]).(*stream)
	if !ok || s.dict["Subtype"] != name("Form") {
		return
	}
	if depth >= maxForms {
		w.deep = true
		w.doc.note(OverLimit)
		return
	}
	b, _ := w.decode(s)
	if !w.spend(len(b) + 64) { // forms that call forms multiply
		return
	}
	own := w.dict(s.dict["Resources"])
	if own == nil {
		own = resources
	}
	font, pen := w.font, w.canvas.pen
	if m, ok := w.resolve(s.dict["Matrix"]).(array); ok {
		w.canvas.transform(m)
	}
	w.run(b, own, depth+1)
	w.font, w.canvas.pen = font, pen
}

// font converts codes to text. The nil font is a missing one.
type font struct {
	composite bool
	toUnicode *cmap
	names     map[byte]rune
}

// load reads a font. ISO 32000-1, 9.6 and 9.7.
func (w *writer) load(v value) *font {
	n, shared := v.(ref)
	if f, ok := w.fonts[n]; ok && shared {
		return f
	}
	d := w.dict(v)
	f := &font{composite: d["Subtype"] == name("Type0")}
	if s, ok := w.resolve(d["ToUnicode"]).(*stream); ok {
		b, _ := w.decode(s)
		if w.spend(len(b)) {
			f.toUnicode = readCMap(b)
		}
	}
	// Fonts that are direct objects are parsed each time they are selected.
	if a, ok := w.resolve(w.dict(d["Encoding"])["Differences"]).(array); ok && w.spend(16*len(a)) {
		f.names = differences(a)
	}
	if shared {
		w.fonts[n] = f
	}
	return f
}

// differences parses the changes to an encoding. ISO 32000-1, 9.6.6.1: a code, then the
// names of the glyphs from there on.
func differences(a array) map[byte]rune {
	out := map[byte]rune{}
	code := 0
	for _, e := range a {
		switch e := e.(type) {
		case float64:
			code = int(e)
		case name:
			if c := glyph(string(e)); c != 0 && code >= 0 && code < 256 {
				out[byte(code)] = c
			}
			code++
		}
	}
	return out
}

// glyphs are the names of letters and digits in running text.
var glyphs = map[string]rune{
	"space": ' ', "period": '.', "comma": ',', "colon": ':', "semicolon": ';', "hyphen": '-', "slash": '/', "at": '@',
	"underscore": '_', "question": '?', "equal": '=', "ampersand": '&', "percent": '%', "numbersign": '#', "plus": '+',
	"parenleft": '(', "parenright": ')', "quotesingle": '\'', "quoteright": '’', "quotedbl": '"', "exclam": '!', "dollar": '$',
	"zero": '0', "one": '1', "two": '2', "three": '3', "four": '4', "five": '5', "six": '6', "seven": '7', "eight": '8',
	"nine": '9', "fi": 'ﬁ', "fl": 'ﬂ', "Euro": '€', "endash": '–', "emdash": '—', "bullet": '•', "asterisk": '*',
}

func glyph(s string) rune {
	if c := glyphs[s]; c != 0 {
		return c
	}
	if len(s) == 1 {
		return rune(s[0])
	}
	if len(s) == 7 && strings.HasPrefix(s, "uni") {
		n := rune(0)
		for i := 3; i < 7; i++ {
			n = n<<4 | rune(max(0, unhex(s[i])))
		}
		return n
	}
	return 0
}

func (f *font) decode(b []byte) string {
	switch {
	case f == nil:
		return latin(b)
	case f.toUnicode != nil:
		return f.toUnicode.decode(b, f)
	case f.composite:
		return ""
	}
	return f.simple(b)
}

func (f *font) simple(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		r, ok := f.names[c]
		if !ok {
			r = latinRune(c)
		}
		if r >= ' ' {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// cmap maps codes to text. ISO 32000-1, 9.10.3.
type cmap struct {
	width  int // bytes of a code
	chars  map[int]string
	ranges []span // by low, once read
}

type span struct {
	low, high int
	to        rune
}

// readCMap parses the sections of a map. The stream bounds the sizes, and ranges are not
// expanded.
func readCMap(b []byte) *cmap {
	m := &cmap{width: 1, chars: map[int]string{}}
	x := &lexer{data: b, nesting: 4}
	var args array
	for {
		v, ok := x.next()
		if !ok {
			slices.SortStableFunc(m.ranges, func(a, b span) int { return a.low - b.low })
			return m
		}
		op, is := v.(keyword)
		if !is {
			args = append(args, v)
			continue
		}
		switch op {
		case "endcodespacerange":
			if t, ok := last(args).(text); ok && len(t.raw) == 2 {
				m.width = 2
			}
		case "endbfchar":
			m.pairs(args)
		case "endbfrange":
			m.triples(args)
		}
		args = args[:0]
	}
}

func code(v value) int {
	t, _ := v.(text)
	n := 0
	for _, c := range t.raw[:min(len(t.raw), 4)] {
		n = n<<8 | int(c)
	}
	return n
}

func target(v value) string {
	t, _ := v.(text)
	return utf16be(t.raw[:min(len(t.raw), 32)])
}

func (m *cmap) pairs(args array) {
	for i := 0; i+1 < len(args); i += 2 {
		m.chars[code(args[i])] = target(args[i+1])
	}
}

func (m *cmap) triples(args array) {
	for i := 0; i+2 < len(args); i += 3 {
		low, high := code(args[i]), code(args[i+1])
		if list, ok := args[i+2].(array); ok {
			for j, e := range list {
				m.chars[low+j] = target(e)
			}
			continue
		}
		if to, size := utf8.DecodeRuneInString(target(args[i+2])); size > 0 {
			m.ranges = append(m.ranges, span{low, high, to})
		}
	}
}

func (m *cmap) decode(b []byte, f *font) string {
	var out strings.Builder
	for i := 0; i+m.width <= len(b); i += m.width {
		c := int(b[i])
		if m.width == 2 {
			c = c<<8 | int(b[i+1])
		}
		out.WriteString(m.lookup(c, f))
	}
	return out.String()
}

// lookup caches the results of ranges, so that text costs one map access per code.
func (m *cmap) lookup(c int, f *font) string {
	if s, ok := m.chars[c]; ok {
		return s
	}
	s := ""
	if m.width == 1 && !f.composite {
		s = f.simple([]byte{byte(c)})
	}
	// The last range that begins before the code; honest ranges do not overlap.
	after, _ := slices.BinarySearchFunc(m.ranges, c+1, func(r span, c int) int { return r.low - c })
	if after > 0 && c <= m.ranges[after-1].high {
		s = string(m.ranges[after-1].to + rune(c-m.ranges[after-1].low))
	}
	m.chars[c] = s
	return s
}
