package message

import (
	"bytes"
	"compress/zlib"

	"outrider/internal/budget"
)

// Object identifiers of CMS content types, as encoded. RFC 5652, Section 14.
var (
	oidSigned     = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}
	oidEnveloped  = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03}
	oidCompressed = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x09} // RFC 3274, Section 1.1
	oidAuthEnv    = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17} // RFC 5083, Section 2.1
)

// Tags of ASN.1 as encoded in the first byte. X.690, Section 8.1.2.
const (
	tagInteger  = 0x02
	tagOctets   = 0x04
	tagOID      = 0x06
	tagSequence = 0x30
	tagSet      = 0x31
	tagOctetsIn = 0x24 // constructed octet string
	tagExplicit = 0xa0 // [0]
)

// maxBER bounds the levels of nesting that are followed. The path to the content has six;
// nested constructed octet strings have no use.
const maxBER = 12

// sealed is the outer structure of a CMS object.
type sealed struct {
	kind    []byte // object identifier of the content type
	content []byte // signed or compressed content, or nil
}

// readCMS parses the outer structure of a CMS object: RFC 5652, Sections 3 and 5.1, and RFC
// 3274, Section 1.1. It verifies nothing, and accepts truncated objects.
func readCMS(der []byte) (sealed, bool) {
	c := ber{rest: der}
	if !c.enter(tagSequence) {
		return sealed{}, false
	}
	kind, ok := c.value(tagOID)
	if !ok || !c.enter(tagExplicit) || !c.enter(tagSequence) {
		return sealed{}, false
	}
	s := sealed{kind: kind}
	switch {
	case bytes.Equal(kind, oidSigned):
		s.content = c.encapsulated(tagSet)
	case bytes.Equal(kind, oidCompressed):
		s.content = c.encapsulated(tagSequence)
	}
	return s, true
}

// encapsulated returns the content after the version and one set of algorithms.
func (c *ber) encapsulated(algorithms byte) []byte {
	if _, ok := c.value(tagInteger); !ok || c.tag() != algorithms || !c.skip(0) {
		return nil
	}
	if !c.enter(tagSequence) {
		return nil
	}
	if _, ok := c.value(tagOID); !ok || !c.enter(tagExplicit) {
		return nil
	}
	return c.octets(nil, 0)
}

// ber parses BER sequentially, the encoding that S/MIME clients write: lengths may be
// indefinite, and strings constructed. Each byte is read once or twice.
type ber struct{ rest []byte }

// tag returns the first byte of the next element, or 0 at the end.
func (c *ber) tag() byte {
	if len(c.rest) == 0 {
		return 0
	}
	return c.rest[0]
}

// header reads tag and length. The length is negative if indefinite, and at most the
// remaining bytes. X.690, Section 8.1.3.
func (c *ber) header() (tag byte, length int, ok bool) {
	if len(c.rest) < 2 || c.rest[0]&0x1f == 0x1f {
		return 0, 0, false // multi-byte tags do not occur on the path to the content
	}
	tag, first := c.rest[0], c.rest[1]
	c.rest = c.rest[2:]
	if first == 0x80 {
		return tag, -1, true
	}
	length = int(first)
	if first > 0x80 {
		n := int(first & 0x7f)
		if n > 8 || n > len(c.rest) {
			return 0, 0, false
		}
		length = 0
		for _, b := range c.rest[:n] {
			length = min(length<<8|int(b), 1<<40)
		}
		c.rest = c.rest[n:]
	}
	return tag, min(length, len(c.rest)), true
}

// enter enters an element with the tag. Bytes after it become inaccessible, unless its
// length is indefinite.
func (c *ber) enter(tag byte) bool {
	if c.tag() != tag {
		return false
	}
	_, length, ok := c.header()
	if ok && length >= 0 {
		c.rest = c.rest[:length]
	}
	return ok
}

// value reads an element with the tag and a definite length.
func (c *ber) value(tag byte) ([]byte, bool) {
	if c.tag() != tag {
		return nil, false
	}
	_, length, ok := c.header()
	if !ok || length < 0 {
		return nil, false
	}
	v := c.rest[:length]
	c.rest = c.rest[length:]
	return v, true
}

// skip skips one element.
func (c *ber) skip(depth int) bool {
	_, length, ok := c.header()
	if !ok || depth > maxBER {
		return false
	}
	if length >= 0 {
		c.rest = c.rest[length:]
		return true
	}
	for !c.ended() {
		if !c.skip(depth + 1) {
			return false
		}
	}
	return true
}

// ended reads the two zero bytes that end an indefinite element, and reports whether they,
// or the end of data, were here. X.690, Section 8.1.5.
func (c *ber) ended() bool {
	if len(c.rest) >= 2 && c.rest[0] == 0 && c.rest[1] == 0 {
		c.rest = c.rest[2:]
		return true
	}
	return len(c.rest) == 0
}

// octets appends an octet string, possibly constructed, to out.
func (c *ber) octets(out []byte, depth int) []byte {
	tag, length, ok := c.header()
	switch {
	case !ok || depth > maxBER:
	case tag == tagOctets && length >= 0:
		piece := c.rest[:length]
		c.rest = c.rest[length:]
		if out == nil {
			return piece[:length:length]
		}
		return append(out, piece...)
	case tag == tagOctetsIn:
		inner := c
		if length >= 0 {
			inner = &ber{rest: c.rest[:length]}
			c.rest = c.rest[length:]
		}
		for !inner.ended() {
			before := len(inner.rest)
			out = inner.octets(out, depth+1)
			if len(inner.rest) == before {
				break
			}
		}
	}
	return out
}

// inflate decompresses a CMS object as far as the budget allows.
func inflate(packed []byte, b *budget.Budget) []byte {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	var out []byte
	piece := make([]byte, 32<<10)
	for {
		n, err := r.Read(piece)
		if n > 0 && !b.Spend(budget.DecodedBytes, int64(n)) {
			return out
		}
		out = append(out, piece[:n]...)
		if err != nil || len(out) > maxInflated {
			return out // io.EOF, or the data before an error
		}
	}
}

// maxInflated bounds the decompressed size of a message.
const maxInflated = 64 << 20
