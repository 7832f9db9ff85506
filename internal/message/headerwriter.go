package message

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of lines in header fields, in octets without the line end.
// RFC 5322, Section 2.1.1.
const (
	foldAt  = 78  // recommended maximum
	breakAt = 990 // lines must not be longer than 998; longer words are broken here
)

// HeaderWriter builds header fields. No value can end its field, so that readers see
// exactly the added fields. The zero value is ready for use.
type HeaderWriter struct{ buf []byte }

// Add appends one field. Runs of white space and control characters in value become one
// space; words with characters beyond ASCII become encoded-words. Add refuses invalid field
// names.
func (w *HeaderWriter) Add(name, value string) error {
	if n, colon := fieldName([]byte(name + ":")); n == 0 || n != len(name) || colon != n || n > foldAt-2 {
		return fmt.Errorf("adding header field: %q is not a field name", name)
	}
	w.buf = append(append(w.buf, name...), ':')
	w.words(len(name)+1, encodeValue(value))
	w.buf = append(w.buf, "\r\n"...)
	return nil
}

// Bytes returns the fields added so far, each with its line end.
func (w *HeaderWriter) Bytes() []byte { return w.buf }

// words appends words after column col and folds before those that do not fit.
func (w *HeaderWriter) words(col int, words []string) {
	for i, word := range words {
		// The first word stays with the name: a line of only white space is obsolete
		// syntax.
		if i > 0 && col+1+len(word) > foldAt {
			w.buf = append(w.buf, "\r\n"...)
			col = 0
		}
		for len(word) > breakAt-col-1 {
			n := breakAt - col - 1
			w.buf = append(append(append(w.buf, ' '), word[:n]...), "\r\n"...)
			word, col = word[n:], 0
		}
		if word != "" {
			w.buf = append(append(w.buf, ' '), word...)
			col += 1 + len(word)
		}
	}
}

// encodeValue splits a value into words that are valid in a header field.
func encodeValue(value string) []string {
	words := strings.FieldsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f })
	var out []string
	for i := 0; i < len(words); {
		if isASCIIText(words[i]) {
			out = append(out, words[i])
			i++
			continue
		}
		// Adjacent words are encoded together, since readers drop the space between
		// encoded-words.
		j := i + 1
		for j < len(words) && !isASCIIText(words[j]) {
			j++
		}
		out = append(out, encodeWords(strings.Join(words[i:j], " "))...)
		i = j
	}
	return out
}

func isASCIIText(s string) bool { return !hasEightBit([]byte(s)) }

// maxWordBytes is the number of bytes in one encoded-word. RFC 2047, Section 2: an
// encoded-word has at most 75 characters.
const maxWordBytes = 45

// encodeWords returns s as UTF-8 encoded-words, none of which splits a character.
func encodeWords(s string) []string {
	s = strings.ToValidUTF8(s, "\ufffd")
	var out []string
	for s != "" {
		n := 0
		for n < len(s) {
			_, size := utf8.DecodeRuneInString(s[n:])
			if n+size > maxWordBytes {
				break
			}
			n += size
		}
		out = append(out, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return out
}
