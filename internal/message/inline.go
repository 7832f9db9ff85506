package message

import (
	"bytes"
	"strings"
)

// maxInline bounds the files within one text that are examined.
const maxInline = 20

// inlineFile is a file embedded in a text without MIME.
type inlineFile struct {
	name     string
	encoding string // "x-uuencode" or "x-yenc"
	at       Range  // from its first line to its last
}

// findInline finds uuencoded and yEnc files in a text.
func findInline(text []byte) []inlineFile {
	if !bytes.Contains(text, []byte("begin ")) {
		return nil
	}
	var files []inlineFile
	for pos := 0; pos < len(text) && len(files) < maxInline; {
		eol := lineEnd(text, pos, len(text))
		f, ok := inlineStart(text[pos:eol])
		if !ok {
			pos = eol
			continue
		}
		end, found := inlineEnd(text, eol, f.encoding)
		if !found {
			pos = eol
			continue
		}
		f.at = Range{pos, end}
		files = append(files, f)
		pos = end
	}
	return files
}

// inlineStart parses the line that begins a file.
func inlineStart(line []byte) (inlineFile, bool) {
	if rest, ok := bytes.CutPrefix(line, []byte("=ybegin ")); ok {
		_, name, _ := strings.Cut(string(rest), "name=")
		return inlineFile{name: toUTF8(strings.TrimSpace(name)), encoding: "x-yenc"}, true
	}
	rest, ok := bytes.CutPrefix(line, []byte("begin "))
	if !ok {
		return inlineFile{}, false
	}
	mode, name, _ := strings.Cut(strings.TrimSpace(string(rest)), " ")
	if len(mode) < 3 || len(mode) > 4 || strings.Trim(mode, "01234567") != "" {
		return inlineFile{}, false
	}
	return inlineFile{name: toUTF8(strings.TrimSpace(name)), encoding: "x-uuencode"}, true
}

// inlineEnd returns the offset after the data that begins at pos. Data without its last
// line counts; text that only resembles a first line has no data.
func inlineEnd(text []byte, pos int, encoding string) (end int, found bool) {
	for pos < len(text) {
		eol := lineEnd(text, pos, len(text))
		line := text[pos:trimEOL(text, pos, eol)]
		switch {
		case encoding == "x-yenc" && bytes.HasPrefix(line, []byte("=yend")),
			encoding == "x-uuencode" && string(bytes.TrimSpace(line)) == "end":
			return eol, found
		case encoding == "x-uuencode" && !isUULine(line):
			return pos, found
		}
		found = found || len(line) > 1
		pos = eol
	}
	return pos, found
}

// isUULine reports whether the first character of the line is consistent with its length.
func isUULine(line []byte) bool {
	if len(line) == 0 || string(line) == "`" || string(line) == " " {
		return true
	}
	if line[0] < ' ' || line[0] > '`' {
		return false
	}
	need := (int(uuValue(line[0])) + 2) / 3 * 4
	// Trailing spaces may be lost, and some encoders add a checksum.
	return len(line)-1 <= need+2 && len(line)-1 >= need/2
}

func uuValue(c byte) byte { return (c - ' ') & 0x3f }

// decodeUU decodes the first uuencoded file in src, or all of src without a first line.
func decodeUU(src []byte) []byte {
	pos := 0
	for p := 0; p < len(src); {
		eol := lineEnd(src, p, len(src))
		if f, ok := inlineStart(src[p:eol]); ok && f.encoding == "x-uuencode" {
			pos = eol
			break
		}
		p = eol
	}
	out := make([]byte, 0, len(src)/4*3+3)
	for pos < len(src) {
		eol := lineEnd(src, pos, len(src))
		line := src[pos:trimEOL(src, pos, eol)]
		if string(bytes.TrimSpace(line)) == "end" {
			break
		}
		out = appendUU(out, line)
		pos = eol
	}
	return out
}

// appendUU decodes one line. Missing characters make it shorter.
func appendUU(out, line []byte) []byte {
	if len(line) < 2 || line[0] < ' ' || line[0] > '`' {
		return out
	}
	want := len(out) + int(uuValue(line[0]))
	for data := line[1:]; len(out) < want && len(data) > 1; {
		var g [4]byte
		n := min(len(data), 4)
		for i := range n {
			g[i] = uuValue(data[i])
		}
		data = data[n:]
		b := [3]byte{g[0]<<2 | g[1]>>4, g[1]<<4 | g[2]>>2, g[2]<<6 | g[3]}
		out = append(out, b[:n-1]...)
	}
	return out[:min(len(out), want)]
}

// decodeYEnc decodes the lines of src other than yEnc control lines.
func decodeYEnc(src []byte) []byte {
	out := make([]byte, 0, len(src))
	started := !bytes.Contains(src, []byte("=ybegin "))
	for pos := 0; pos < len(src); {
		eol := lineEnd(src, pos, len(src))
		line := src[pos:trimEOL(src, pos, eol)]
		pos = eol
		switch {
		case bytes.HasPrefix(line, []byte("=yend")):
			return out
		case bytes.HasPrefix(line, []byte("=y")):
			started = true
		case started:
			out = appendYEnc(out, line)
		}
	}
	return out
}

// appendYEnc decodes one line: each byte is shifted by 42, and by another 64 after "=".
func appendYEnc(out, line []byte) []byte {
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == '=' && i+1 < len(line) {
			i++
			c = line[i] - 64
		}
		out = append(out, c-42)
	}
	return out
}
