package scan

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Decoded is a file as text, if it is one. It is decoded once for all users.
type Decoded struct {
	Text   string // empty if it is no text
	IsText bool

	data []byte
}

// Decode decodes a text file: UTF-16 by its mark, or UTF-8 without NUL.
func Decode(data []byte) *Decoded {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return &Decoded{wide(data[2:], binary.LittleEndian), true, data}
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return &Decoded{wide(data[2:], binary.BigEndian), true, data}
	}
	text := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(text) == 0 || bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
		return &Decoded{data: data}
	}
	return &Decoded{string(text), true, data}
}

// Strings lists the printable runs of the file, and its text if it is one.
func (d *Decoded) Strings(b *Budget) *Strings {
	found := set{}
	out := &Strings{}
	if d.IsText {
		raw := b.Text(d.Text, maxRaw)
		out.Raw = &raw
		lines(d.Text, func(run string) { found.add(b, run, maxString, maxStrings) })
	} else {
		keep := func(run string) {
			if isMeaningful(run) {
				found.add(b, run, maxString, maxStrings)
			}
		}
		runs(d.data, 1, keep)
		runs(d.data, 2, keep)
	}
	out.Strings = found.strings()
	return out
}

func wide(data []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(data)/2)
	for k := range units {
		units[k] = order.Uint16(data[2*k:])
	}
	return string(utf16.Decode(units))
}

// Lines returns all printable runs of the file as one text, one line each, at most most
// bytes, for the search for addresses.
func (d *Decoded) Lines(most int) string {
	if d.IsText {
		return d.Text[:min(len(d.Text), most)]
	}
	var s strings.Builder
	for width := 1; width <= 2; width++ {
		runs(d.data, width, func(run string) {
			if len(run) >= 6 && s.Len()+len(run) < most {
				s.WriteString(run + "\n")
			}
		})
	}
	return s.String()
}

// leastRun is the minimum length of a run.
const leastRun = 4

// lines calls f for the runs of a text between control characters.
func lines(text string, f func(string)) {
	for run := range strings.FieldsFuncSeq(text, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		if len(run) >= leastRun && utf8.RuneCountInString(run) >= leastRun {
			f(run)
		}
	}
}

// runs calls f for the runs of printable ASCII, one or two bytes a character.
func runs(data []byte, width int, f func(string)) {
	var run []byte
	end := func() {
		if len(run) >= leastRun {
			f(string(run))
		}
		run = run[:0]
	}
	for at := 0; at+width <= len(data); {
		if c := data[at]; c >= 0x20 && c < 0x7f && (width == 1 || data[at+1] == 0) {
			run = append(run, c)
			at += width
			continue
		}
		end()
		at++
	}
	end()
}

// isMeaningful reports whether a run of a binary is more than noise: seven characters, or three
// consecutive letters or digits.
func isMeaningful(run string) bool {
	if len(run) >= 7 {
		return true
	}
	letters, digits := 0, 0
	for k := range len(run) {
		c := run[k]
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letters, digits = letters+1, 0
		case c >= '0' && c <= '9':
			letters, digits = 0, digits+1
		default:
			letters, digits = 0, 0
		}
		if letters == 3 || digits == 3 {
			return true
		}
	}
	return false
}
