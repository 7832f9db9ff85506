package message

import (
	"bytes"
	"slices"
)

// htmlStart returns the offset in HTML at which a banner is the first thing that is
// shown: behind the body tag, or before the first content where content comes first.
func htmlStart(b []byte) int {
	pos := 0
	for {
		start := pos + skipHTMLSpace(b[pos:])
		if start == len(b) || b[start] != '<' {
			return pos
		}
		end, body, hidden := htmlToken(b, start)
		switch {
		case body:
			return end
		case !hidden || end == 0:
			return pos
		}
		pos = end
	}
}

func skipHTMLSpace(b []byte) int {
	return len(b) - len(bytes.TrimLeft(b, " \t\r\n\f"))
}

// htmlToken looks at the markup at offset pos. end is the offset behind it, or 0
// where it does not end; hidden says that nothing of it is shown.
func htmlToken(b []byte, pos int) (end int, body, hidden bool) {
	rest := b[pos:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		return htmlComment(b, pos), false, true
	case bytes.HasPrefix(rest, []byte("<!")), bytes.HasPrefix(rest, []byte("<?")):
		i := bytes.IndexByte(rest, '>')
		if i < 0 {
			return 0, false, true
		}
		return pos + i + 1, false, true
	}
	name := tagName(rest[1:])
	end = tagEnd(b, pos)
	switch name {
	case "body":
		return end, end > 0, false
	case "html", "head", "/head", "meta", "link", "base":
		return end, false, true
	case "title", "style", "script":
		if end > 0 {
			end = rawTextEnd(b, end, name)
		}
		return end, false, true
	}
	return end, false, false
}

// htmlComment returns the offset behind the comment at pos, or 0.
func htmlComment(b []byte, pos int) int {
	rest := b[pos+4:]
	if bytes.HasPrefix(rest, []byte(">")) {
		return pos + 5
	}
	if bytes.HasPrefix(rest, []byte("->")) {
		return pos + 6
	}
	end := 0
	if i := bytes.Index(rest, []byte("-->")); i >= 0 {
		end = pos + 4 + i + 3
		rest = rest[:i]
	}
	if i := bytes.Index(rest, []byte("--!>")); i >= 0 {
		end = pos + 4 + i + 4
	}
	return end
}

// maxTagName is the length in bytes of the longest tag name that matters here.
const maxTagName = 8

// tagName returns the name at the beginning of b in lower case, or "".
func tagName(b []byte) string {
	n := 0
	for n < len(b) && n <= maxTagName && !bytes.ContainsRune([]byte(" \t\r\n\f/>"), rune(b[n])) || n == 0 && len(b) > 0 && b[0] == '/' {
		n++
	}
	return string(bytes.ToLower(b[:n]))
}

// tagEnd returns the offset behind the tag at pos, or 0. A ">" in a quoted attribute
// value does not end it.
func tagEnd(b []byte, pos int) int {
	var quote byte
	for i := pos + 1; i < len(b); i++ {
		switch c := b[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '>':
			return i + 1
		case (c == '"' || c == '\'') && afterEquals(b[pos:i]):
			quote = c
		}
	}
	return 0
}

// afterEquals reports whether an attribute value begins behind b.
func afterEquals(b []byte) bool {
	for _, c := range slices.Backward(b) {
		switch c {
		case ' ', '\t', '\r', '\n', '\f':
		default:
			return c == '='
		}
	}
	return false
}

// rawTextEnd returns the offset behind the end tag of an element whose content is
// text whatever it looks like, or 0.
func rawTextEnd(b []byte, pos int, name string) int {
	for pos < len(b) {
		i := bytes.Index(b[pos:], []byte("</"))
		if i < 0 {
			return 0
		}
		pos += i
		if tagName(b[pos+2:]) == name {
			return tagEnd(b, pos)
		}
		pos += 2
	}
	return 0
}
