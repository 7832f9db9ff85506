package pdf

import (
	"bytes"
	"strconv"
)

// object is one definition of an object.
type object struct {
	num    int
	value  value
	packed bool // inside an object stream, which is encrypted as a whole
}

// reader is the state of one Read.
type reader struct {
	bases   []string // of relative links
	doc     *Document
	data    []byte
	limits  Limits
	left    int64 // of Limits.Bytes
	work    int   // bytes read again after broken objects
	objects []object
	current map[int]int // index of the last definition by number
	starts  offsets     // offsets of the found objects
	decoded map[*stream][]byte
	trailer dict            // the last of each key
	ends    [2]int          // see find
	key     *cipherKey      // nil if not encrypted or not opened
	seen    map[string]bool // links, actions, and scripts
}

// offsets is a set of offsets: a map would cost more than parsing the objects.
type offsets []uint64

func (b offsets) set(at int) { b[at/64] |= 1 << (at % 64) }

func (b offsets) has(at int) bool { return b[at/64]&(1<<(at%64)) != 0 }

// scan finds objects by "1 0 obj". Each byte is read once, except after a broken object,
// where bytes are read again at a cost below that of the document. It ends when no further
// object can be kept.
func (r *reader) scan() {
	r.trailer, r.starts, r.seen = dict{}, make(offsets, len(r.data)/64+1), map[string]bool{}
	for pos := 0; pos < len(r.data); {
		at := bytes.Index(r.data[pos:], []byte("obj"))
		if at < 0 {
			return
		}
		at += pos
		pos = at + 3
		num, start, ok := ObjectNumber(r.data, at)
		if !ok {
			continue
		}
		if len(r.objects) >= r.limits.Objects {
			r.doc.note(OverLimit)
			return
		}
		r.starts.set(start)
		end, whole := r.object(num, pos)
		if !whole && r.work < len(r.data) {
			r.work += end - pos
			continue
		}
		pos = end
	}
}

// ObjectNumber parses the number of an object backward from its "obj" at an offset, and
// returns its start. The number and the generation have at most ten and five digits.
func ObjectNumber(data []byte, at int) (num, start int, ok bool) {
	back := func(p, most int, is func(byte) bool) int {
		q := p
		for q > 0 && p-q < most && is(data[q-1]) {
			q--
		}
		return q
	}
	genEnd := back(at, 8, space)
	gen := back(genEnd, 5, digit)
	numEnd := back(gen, 8, space)
	start = back(numEnd, 10, digit)
	if gen == genEnd || numEnd == gen || start == numEnd {
		return 0, 0, false
	}
	num, err := strconv.Atoi(string(data[start:numEnd]))
	return num, start, err == nil && num > 0 && num < 1<<31
}

// object parses the object whose body begins at pos, and returns its end.
func (r *reader) object(num, pos int) (end int, whole bool) {
	x := &lexer{data: r.data, pos: pos, nesting: r.limits.Nesting}
	v, _ := x.next()
	if x.hidden {
		r.doc.note(HiddenName)
	}
	if x.cut {
		r.doc.note(BrokenObject)
	}
	if k, is := v.(keyword); is {
		return pos, k == "endobj"
	}
	d, isDict := v.(dict)
	if isDict {
		x.skip()
		if bytes.HasPrefix(r.data[x.pos:], []byte("stream")) {
			s := r.stream(d, num, x)
			r.add(object{num: num, value: s})
			return x.pos, true
		}
	}
	r.add(object{num: num, value: v})
	return x.pos, !x.cut
}

// add keeps a definition.
func (r *reader) add(o object) {
	if len(r.objects) >= r.limits.Objects {
		r.doc.note(OverLimit)
		return
	}
	r.current[o.num] = len(r.objects)
	r.objects = append(r.objects, o)
}

// stream reads the body of a stream and skips its end. ISO 32000-1, 7.3.8.1: the length is
// in the dictionary; readers search for "endstream" if it is wrong or indirect.
func (r *reader) stream(d dict, num int, x *lexer) *stream {
	from := x.pos + len("stream")
	if bytes.HasPrefix(r.data[from:], []byte("\r\n")) {
		from += 2
	} else if from < len(r.data) && (r.data[from] == '\n' || r.data[from] == '\r') {
		from++
	}
	if n, ok := d["Length"].(float64); ok {
		if to := from + int(n); n >= 0 && to >= from && to <= len(r.data) {
			rest := bytes.TrimLeft(r.data[to:min(to+8, len(r.data))], "\r\n \t\x00")
			if bytes.HasPrefix([]byte("endstream"), rest) && len(rest) > 0 {
				x.pos = to
				return &stream{dict: d, raw: r.data[from:to], num: num}
			}
		}
		r.doc.note(LengthWrong)
	}
	to := r.find(0, "endstream", from)
	if to == len(r.data) {
		to = r.find(1, "endobj", from)
	}
	x.pos = to
	raw := bytes.TrimSuffix(r.data[from:to], []byte("\n"))
	return &stream{dict: d, raw: bytes.TrimSuffix(raw, []byte("\r")), num: num}
}

// find returns the next offset of word, or the end of the data. A missing word is searched
// once: r.ends caches the search range and its result.
func (r *reader) find(slot int, word string, from int) int {
	if at := r.ends[slot]; at >= from {
		return at
	}
	at := bytes.Index(r.data[from:], []byte(word))
	if at < 0 {
		at = len(r.data)
	} else {
		at += from
	}
	r.ends[slot] = at
	return at
}

// trailers parses all trailer dictionaries; later ones take precedence. ISO 32000-1, 7.5.5
// and, for cross-reference streams, 7.5.8.
func (r *reader) trailers() {
	for _, o := range r.objects {
		if s, ok := o.value.(*stream); ok && s.dict["Type"] == name("XRef") {
			r.merge(s.dict)
		}
	}
	pos := 0
	for range 64 { // updates of honest documents are few
		at := bytes.Index(r.data[pos:], []byte("trailer"))
		if at < 0 {
			return
		}
		x := &lexer{data: r.data, pos: pos + at + len("trailer"), nesting: r.limits.Nesting}
		if v, ok := x.next(); ok {
			if d, is := v.(dict); is {
				r.merge(d)
			}
		}
		pos = max(x.pos, pos+at+len("trailer"))
	}
}

func (r *reader) merge(d dict) {
	for _, k := range []name{"Root", "Info", "Encrypt", "ID"} {
		if v, ok := d[k]; ok && v != nil {
			r.trailer[k] = v
		}
	}
}

// byXref reads objects in the last cross-reference table that the scan missed, such as
// those inside the bytes of another stream. ISO 32000-1, 7.5.4.
func (r *reader) byXref() {
	at := bytes.LastIndex(r.data, []byte("startxref"))
	if at < 0 {
		return
	}
	x := &lexer{data: r.data, pos: at + len("startxref"), nesting: 1}
	v, _ := x.next()
	off, ok := v.(float64)
	if !ok || off < 0 || int(off) >= len(r.data) || !bytes.HasPrefix(r.data[int(off):], []byte("xref")) {
		return
	}
	x.pos = int(off) + len("xref")
	for range 4 * r.limits.Objects {
		v, ok := x.next()
		if _, number := v.(float64); !ok || !number && v != keyword("n") && v != keyword("f") {
			return
		}
		if n, is := v.(float64); is && n > 0 && int(n) < len(r.data) {
			r.at(int(n))
		}
	}
}

// at reads the object at an offset, unless it is known or missing.
func (r *reader) at(off int) {
	for range 8 { // a long run of blanks, referenced by many entries, would cost quadratic time
		if off < len(r.data) && space(r.data[off]) {
			off++
		}
	}
	window := r.data[off:min(off+32, len(r.data))]
	n := bytes.Index(window, []byte("obj"))
	if n < 0 || r.starts.has(off) || r.work > len(r.data) || len(r.objects) >= r.limits.Objects {
		return
	}
	num, start, ok := ObjectNumber(r.data, off+n)
	if !ok || start != off {
		return
	}
	r.starts.set(off)
	r.doc.note(OnlyByXref)
	end, _ := r.object(num, off+n+3)
	r.work += end - off
}

// objectStreams reads the objects inside object streams. ISO 32000-1, 7.5.7: pairs of
// number and offset, then from First on the values.
func (r *reader) objectStreams() {
	for i := range len(r.objects) {
		s, ok := r.objects[i].value.(*stream)
		if !ok || s.dict["Type"] != name("ObjStm") {
			continue
		}
		body, _ := r.decode(s)
		first, _ := r.resolve(s.dict["First"]).(float64)
		if first > 0 && int(first) <= len(body) {
			r.packed(body[:int(first)], body[int(first):])
		}
	}
}

// packed parses the values of an object stream in order, so that overlapping offsets cost
// nothing.
func (r *reader) packed(index, body []byte) {
	x := &lexer{data: index, nesting: 1}
	y := &lexer{data: body, nesting: r.limits.Nesting}
	for {
		num, _ := x.next()
		off, ok := x.next()
		n, isNum := num.(float64)
		o, isOff := off.(float64)
		if !ok || !isNum || !isOff || len(r.objects) >= r.limits.Objects {
			return
		}
		if int(o) > y.pos && int(o) <= len(body) {
			y.pos = int(o)
		}
		v, more := y.next()
		if !more {
			return
		}
		// A later definition in the file itself takes precedence over an older packed one.
		if old, known := r.current[int(n)]; known && !r.objects[old].packed {
			r.objects = append(r.objects, object{num: int(n), value: v, packed: true})
			continue
		}
		r.add(object{num: int(n), value: v, packed: true})
	}
}

// resolve follows references to a value; chains of honest documents have one link.
func (r *reader) resolve(v value) value {
	for range 8 {
		n, ok := v.(ref)
		if !ok {
			return v
		}
		i, ok := r.current[int(n)]
		if !ok {
			return nil
		}
		v = r.objects[i].value
	}
	return nil
}

func (r *reader) dict(v value) dict {
	switch v := r.resolve(v).(type) {
	case dict:
		return v
	case *stream:
		return v.dict
	}
	return nil
}

func (r *reader) int(v value) int {
	n, _ := r.resolve(v).(float64)
	return int(n)
}
