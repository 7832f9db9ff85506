package message

import "strings"

// word is one encoded-word.
// RFC 2047, Section 2: "=?" charset "?" encoding "?" encoded-text "?=".
type word struct {
	charset  string
	encoding byte // 'B' or 'Q'
	text     string
	length   int // bytes of the whole word
}

// wordReader finds encoded-words in one value, left to right. It remembers that no end
// follows, so that many beginnings cost only one search.
type wordReader struct{ noEnd bool }

// at parses the encoded-word at the start of s. White space inside and an empty text are
// accepted.
func (r *wordReader) at(s string) (word, bool) {
	if r.noEnd || !strings.HasPrefix(s, "=?") {
		return word{}, false
	}
	mark := strings.IndexByte(s[2:min(len(s), maxCharset+3)], '?')
	if mark <= 0 || len(s) < mark+5 || s[mark+4] != '?' {
		return word{}, false
	}
	w := word{charset: s[2 : mark+2], encoding: s[mark+3] &^ 0x20}
	if w.encoding != 'B' && w.encoding != 'Q' {
		return word{}, false
	}
	start := mark + 5
	end := strings.Index(s[start:], "?=")
	if end < 0 {
		r.noEnd = true
		return word{}, false
	}
	w.text, w.length = s[start:start+end], start+end+2
	return w, true
}

// bytes decodes the text of the word, and reports whether it is well-formed.
func (w word) bytes() (b []byte, clean bool) {
	if w.encoding == 'B' {
		var flaws base64Flaws
		b, flaws = decodeBase64([]byte(w.text), false)
		return b, flaws == base64Flaws{}
	}
	return decodeQ(w.text)
}

// decodeQ decodes the Q encoding, in which "_" is a space.
// RFC 2047, Section 4.2.
func decodeQ(s string) (b []byte, clean bool) {
	clean = true
	b = make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			b = append(b, ' ')
		case c == '=' && i+2 < len(s) && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16:
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			clean = clean && c != '='
			b = append(b, c)
		}
	}
	return b, clean
}

// textDecoder collects the decoded form of one unstructured value.
type textDecoder struct {
	out     strings.Builder
	charset string // of the bytes in pending
	pending []byte // decoded bytes of adjacent words with one charset, since a character may be split between two words
}

func (d *textDecoder) flush() {
	if len(d.pending) > 0 {
		text, _ := decodeCharset(d.pending, d.charset)
		d.out.WriteString(text)
		d.pending = d.pending[:0]
	}
}

func (d *textDecoder) word(w word) {
	b, _ := w.bytes()
	if !strings.EqualFold(w.charset, d.charset) {
		d.flush()
		d.charset = w.charset
	}
	d.pending = append(d.pending, b...)
}

// decodeText returns an unfolded field value for display: encoded-words decoded, even if
// they touch other text, valid UTF-8, and spaces for line breaks and NUL.
func decodeText(s string) string {
	if strings.Contains(s, "=?") {
		s = decodeWords(s)
	} else {
		s = toUTF8(s)
	}
	if strings.ContainsAny(s, "\r\n\x00") {
		s = lineBreaks.Replace(s)
	}
	return s
}

var lineBreaks = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\x00", " ")

// decodeWords decodes all encoded-words of s.
// RFC 2047, Section 6.2: white space between adjacent encoded-words is dropped.
func decodeWords(s string) string {
	var d textDecoder
	var r wordReader
	plain := 0 // start of the text that is not written yet
	afterWord := false
	for i := 0; i < len(s); {
		n := strings.Index(s[i:], "=?")
		if n < 0 {
			break
		}
		i += n
		w, ok := r.at(s[i:])
		if !ok {
			if r.noEnd {
				break
			}
			i += 2
			continue
		}
		if gap := s[plain:i]; !afterWord || strings.Trim(gap, " \t") != "" {
			d.flush()
			d.out.WriteString(toUTF8(gap))
		}
		d.word(w)
		i += w.length
		plain, afterWord = i, true
	}
	d.flush()
	d.out.WriteString(toUTF8(s[plain:]))
	return d.out.String()
}

// checkWords reports malformed encoded-words of field i.
func (s *scanner) checkWords(p *Part, i int) {
	f := p.Header.Fields[i]
	v := s.raw[f.Value.From:f.Value.To]
	if !containsWord(v) {
		return
	}
	text := unfold(v)
	var r wordReader
	for pos := 0; pos < len(text); {
		n := strings.Index(text[pos:], "=?")
		if n < 0 {
			return
		}
		pos += n
		w, ok := r.at(text[pos:])
		if !ok || !w.good() {
			s.defect(DefectBadWord, p, f.Raw.From, excerpt([]byte(text[pos:min(len(text), pos+maxDetail)])))
			return
		}
		pos += w.length
	}
}

func containsWord(v []byte) bool {
	for i, c := range v {
		if c == '=' && i+1 < len(v) && v[i+1] == '?' {
			return true
		}
	}
	return false
}

// good reports whether the word is well-formed and its charset known. A character
// may be split between words, so the bytes are not compared with the charset.
func (w word) good() bool {
	if strings.ContainsAny(w.text, " \t") {
		return false
	}
	kind, _ := lookupCharset(w.charset)
	_, clean := w.bytes()
	return clean && kind != charsetUnknown
}
