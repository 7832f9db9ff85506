package dkim

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"slices"
)

// appendField appends the canonical form of a field, with its CRLF.
func (c Canon) appendField(dst, raw []byte) []byte {
	if c == Simple {
		// RFC 6376, Section 3.4.1: fields are unchanged.
		dst = append(dst, raw...)
		if !bytes.HasSuffix(raw, crlf) {
			dst = append(dst, crlf...)
		}
		return dst
	}
	// RFC 6376, Section 3.4.2: lower-case name, unfolded, each run of white space reduced
	// to one space, none at the ends and none around the colon.
	name, value, _ := bytes.Cut(raw, []byte(":"))
	for _, b := range bytes.TrimRight(name, " \t") {
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		dst = append(dst, b)
	}
	dst = append(dst, ':')
	dst = appendRelaxed(dst, value)
	return append(dst, crlf...)
}

// appendRelaxed unfolds value and reduces its white space.
func appendRelaxed(dst, value []byte) []byte {
	start, gap := len(dst), false
	for i, b := range value {
		switch {
		case b == ' ' || b == '\t':
			gap = true
		case b == '\r' && i+1 < len(value) && value[i+1] == '\n', b == '\n' && i > 0 && value[i-1] == '\r':
		default:
			if gap && len(dst) > start {
				dst = append(dst, ' ')
			}
			gap = false
			dst = append(dst, b)
		}
	}
	return dst
}

// whole is the length for a signature without l=.
const whole = int64(-1)

// digest hashes a canonical body once, with intermediate sums for each l=.
type digest struct {
	h     hash.Hash
	n     int64            // bytes hashed
	marks []int64          // remaining lengths, ascending
	sums  map[int64][]byte // by length; whole for all
	buf   [4096]byte       // collects short lines
	fill  int              // bytes in buf
}

// bodySums hashes the body in canonicalization c and returns the sums of its first l bytes
// for each valid l in limits, that of the whole, and its length.
func (m *Message) bodySums(c Canon, limits []int64) (sums map[int64][]byte, size int64) {
	d := &digest{h: sha256.New(), sums: map[int64][]byte{}}
	for _, l := range limits {
		if l != whole {
			d.marks = append(d.marks, l)
		}
	}
	slices.Sort(d.marks)
	if c == Simple {
		d.simple(m.body)
	} else {
		d.relaxed(m.body)
	}
	d.flush()
	d.hash(nil)
	d.sums[whole] = d.h.Sum(nil)
	return d.sums, d.n
}

// simple drops the empty lines at the end. RFC 6376, Section 3.4.3: an empty body is one
// CRLF.
func (d *digest) simple(body []byte) {
	for bytes.HasSuffix(body, crlf) {
		body = body[:len(body)-2]
	}
	d.hash(body)
	d.hash(crlf)
}

// relaxed drops white space at line ends, reduces other runs to one space, and drops the
// empty lines at the end. RFC 6376, Section 3.4.4: an empty body stays empty.
func (d *digest) relaxed(body []byte) {
	empty := 0 // pending empty lines
	for len(body) > 0 {
		n := lineLen(body)
		line := bytes.TrimRight(bytes.TrimSuffix(body[:n], crlf), " \t")
		body = body[n:]
		if len(line) == 0 {
			empty++
			continue
		}
		for ; empty > 0; empty-- {
			d.write(crlf)
		}
		d.shrunk(line)
		d.write(crlf)
	}
}

var space = []byte(" ")

// shrunk writes a line without white space at its end.
func (d *digest) shrunk(line []byte) {
	for len(line) > 0 {
		i := wideGap(line)
		d.write(line[:i])
		line = line[i:]
		if len(line) > 0 {
			d.write(space)
			line = bytes.TrimLeft(line, " \t")
		}
	}
}

// wideGap returns the offset of the first white space other than a single space.
func wideGap(line []byte) int {
	tab := bytes.IndexByte(line, '\t')
	if tab < 0 {
		tab = len(line)
	}
	for at := 0; ; {
		i := bytes.IndexByte(line[at:tab], ' ')
		if i < 0 {
			return tab
		}
		at += i + 1
		if at < len(line) && (line[at] == ' ' || line[at] == '\t') {
			return at - 1
		}
	}
}

func (d *digest) write(p []byte) {
	if d.fill+len(p) > len(d.buf) {
		d.flush()
	}
	if len(p) > len(d.buf) {
		d.hash(p)
		return
	}
	d.fill += copy(d.buf[d.fill:], p)
}

func (d *digest) flush() {
	d.hash(d.buf[:d.fill])
	d.fill = 0
}

// hash hashes p and stores the sums at the marks inside it.
func (d *digest) hash(p []byte) {
	for len(d.marks) > 0 && d.marks[0] <= d.n+int64(len(p)) {
		k := d.marks[0] - d.n
		d.h.Write(p[:k])
		p = p[k:]
		d.n += k
		d.sums[d.marks[0]] = d.h.Sum(nil)
		d.marks = d.marks[1:]
	}
	d.h.Write(p)
	d.n += int64(len(p))
}
