package message

import (
	"bytes"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// isISO2022 reports whether a name is that of a charset that switches between character
// sets by escape sequences.
func isISO2022(name string) bool {
	return strings.HasPrefix(name, "iso-2022-") || strings.HasPrefix(name, "iso2022") || strings.HasPrefix(name, "csiso2022") ||
		name == "cp50220" || name == "cp50221" || name == "cp50222" || name == "jis"
}

// codedSet is one character set, and its encoding beside ASCII.
type codedSet struct {
	width  int    // bytes of one character
	prefix []byte // before each character
	enc    encoding.Encoding
}

// The sets of the charsets in use. The zero codedSet is ASCII.
var (
	setASCII    = codedSet{}
	setJIS      = codedSet{width: 2, enc: japanese.EUCJP}
	setJISMore  = codedSet{width: 2, prefix: []byte{0x8F}, enc: japanese.EUCJP}
	setKatakana = codedSet{width: 1, prefix: []byte{0x8E}, enc: japanese.EUCJP}
	setChinese  = codedSet{width: 2, enc: simplifiedchinese.GBK}
	setKorean   = codedSet{width: 2, enc: korean.EUCKR}
	setLatin    = codedSet{width: 1, enc: charmap.ISO8859_1}
	setGreek    = codedSet{width: 1, enc: charmap.ISO8859_7}
)

// escapes are the sequences, without ESC, that select a set. Target is its scope: the bytes
// that follow (0), those after SO (1), or one character after ESC N (2). RFC 1468, RFC
// 1554, RFC 1557, RFC 1922, RFC 2237.
var escapes = []struct {
	bytes  string
	target int
	set    *codedSet
}{
	{"(B", 0, &setASCII}, {"(J", 0, &setASCII}, {"(I", 0, &setKatakana},
	{"$@", 0, &setJIS}, {"$B", 0, &setJIS}, {"$(B", 0, &setJIS}, {"$(D", 0, &setJISMore}, {"$(O", 0, &setJIS}, {"$(Q", 0, &setJIS},
	{"$A", 0, &setChinese}, {"$(A", 0, &setChinese}, {"$(C", 0, &setKorean},
	{"$)C", 1, &setKorean}, {"$)A", 1, &setChinese}, {")I", 1, &setKatakana},
	{".A", 2, &setLatin}, {".F", 2, &setGreek},
}

const (
	escape   = 0x1B
	shiftOut = 0x0E
	shiftIn  = 0x0F
)

// switcher decodes one text.
type switcher struct {
	out   strings.Builder
	sets  [3]*codedSet // by target of escapes
	shift bool         // SO is active
	run   []byte       // pending characters of one set
	of    *codedSet    // the set of run
	clean bool
}

// decodeISO2022 decodes text that switches between sets by escape sequences, and reports
// whether it is well-formed. One decoder serves all such charsets: mailers mix them up.
func decodeISO2022(b []byte) (text string, clean bool) {
	s := switcher{sets: [3]*codedSet{&setASCII, &setKorean, &setLatin}, of: &setASCII, clean: true}
	for len(b) > 0 {
		b = b[s.step(b):]
	}
	s.flush()
	return s.out.String(), s.clean
}

// step decodes one sequence or character and returns its length.
func (s *switcher) step(b []byte) int {
	set := s.sets[0]
	if s.shift {
		set = s.sets[1]
	}
	switch c := b[0]; {
	case c == escape:
		return s.escape(b)
	case c == shiftOut, c == shiftIn:
		s.shift = c == shiftOut
		return 1
	case c <= ' ', c == 0x7F:
		s.add(&setASCII, b[:1])
		return 1
	case c >= 0x80:
		s.clean = false
		s.add(&setASCII, []byte("\ufffd"))
		return 1
	case set.width == 2 && (len(b) == 1 || b[1] <= ' ' || b[1] >= 0x7F):
		s.clean = false
		s.add(&setASCII, b[:1])
		return 1
	}
	n := max(1, set.width)
	s.add(set, b[:n])
	return n
}

// escape decodes an escape sequence. An unknown one becomes a replacement character.
func (s *switcher) escape(b []byte) int {
	for _, e := range escapes {
		if bytes.HasPrefix(b[1:], []byte(e.bytes)) {
			s.sets[e.target] = e.set
			return 1 + len(e.bytes)
		}
	}
	if len(b) > 2 && b[1] == 'N' {
		s.add(s.sets[2], b[2:3])
		return 3
	}
	s.clean = false
	s.add(&setASCII, []byte("\ufffd"))
	return 1
}

// add keeps one character of a set.
func (s *switcher) add(set *codedSet, b []byte) {
	if set != s.of {
		s.flush()
		s.of = set
	}
	s.run = append(s.run, set.prefix...)
	for _, c := range b {
		if set.enc != nil {
			c |= 0x80
		}
		s.run = append(s.run, c)
	}
}

// flush decodes the characters of one set together.
func (s *switcher) flush() {
	if s.of.enc == nil {
		s.out.Write(s.run)
	} else {
		text, ok := decodeWith(s.of.enc, s.run)
		s.clean = s.clean && ok
		s.out.WriteString(text)
	}
	s.run = s.run[:0]
}
