package markup

import "strings"

// scanner finds the boundaries of HTML tokens, as html.Tokenizer does, without parsing
// their content: the survey needs only names and lengths. HTML Living Standard, Section
// 13.2.5.
type scanner struct {
	rest string
	raw  string // name of the current raw text element, "" outside of script and similar
}

// tokenKind is the kind of a token.
type tokenKind uint8

const (
	noToken tokenKind = iota
	textToken
	startToken
	endToken
	otherToken // comments, document types and the like
)

// next returns the kind of the next token and its source.
func (s *scanner) next() (tokenKind, string) {
	if s.rest == "" {
		return noToken, ""
	}
	kind, n := textToken, 0
	if s.raw != "" {
		n = rawEnd(s.rest, s.raw)
		s.raw = ""
	}
	if n == 0 {
		if n = textEnd(s.rest); n == 0 {
			kind, n = s.tag()
		}
	}
	if n == 0 { // an unterminated tag is ignored
		return noToken, ""
	}
	token := s.rest[:n]
	s.rest = s.rest[n:]
	return kind, token
}

// textEnd returns the start of the first tag, comment or similar token.
func textEnd(s string) int {
	for i := 0; ; {
		j := strings.IndexByte(s[i:], '<')
		if j < 0 || i+j+1 >= len(s) {
			return len(s)
		}
		i += j
		c := s[i+1]
		if isLetter(c) || c == '!' || c == '?' || c == '/' && i+2 < len(s) {
			return i
		}
		i++
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// tag measures the token that begins with "<".
func (s *scanner) tag() (tokenKind, int) {
	switch c := s.rest[1]; {
	case strings.HasPrefix(s.rest, "<!--"):
		return otherToken, commentEnd(s.rest)
	case c == '!' || c == '?':
		return otherToken, markupEnd(s.rest)
	case c == '/' && !isLetter(s.rest[2]):
		return otherToken, markupEnd(s.rest)
	case c == '/':
		return endToken, tagEnd(s.rest)
	}
	n := tagEnd(s.rest)
	if n == 0 {
		return noToken, 0
	}
	if name := tagNameOf(s.rest[1:n]); isRawText(name) {
		s.raw = name
	}
	return startToken, n
}

func markupEnd(s string) int {
	if i := strings.IndexByte(s, '>'); i >= 0 {
		return i + 1
	}
	return len(s)
}

// commentEnd finds "-->" or "--!>"; "<!-->" and "<!--->" are complete comments.
func commentEnd(s string) int {
	for _, short := range []string{"<!-->", "<!--->"} {
		if strings.HasPrefix(s, short) {
			return len(short)
		}
	}
	for i := 4; ; {
		j := strings.Index(s[i:], "--")
		if j < 0 {
			return len(s)
		}
		i += j
		switch rest := s[i+2:]; {
		case strings.HasPrefix(rest, ">"):
			return i + 3
		case strings.HasPrefix(rest, "!>"):
			return i + 4
		}
		i++
	}
}

// tagEnd finds the ">" outside of attribute values, or returns 0.
func tagEnd(s string) int {
	end, _ := attributesOf(s)
	return end
}

// attributesOf returns the end of a tag, or 0, and its number of attributes.
func attributesOf(s string) (end, n int) {
	i := 1 + len(s[1:]) - len(strings.TrimLeft(s[1:], "/"))
	i += nextOf(s[i:], " \n\t\f\r/>")
	for {
		for i < len(s) && (isHTMLSpace(s[i]) || s[i] == '/') {
			i++
		}
		if i >= len(s) {
			return 0, n
		}
		if s[i] == '>' {
			return i + 1, n
		}
		n++
		i++ // the first character of a name may be "="
		for i < len(s) && !isHTMLSpace(s[i]) && s[i] != '/' && s[i] != '>' && s[i] != '=' {
			i++
		}
		i = skipValue(s, i)
	}
}

// valueEnd returns the last byte of the value after the "=" at i, if it is quoted.
func valueEnd(s string, i int) int {
	j := i + 1
	for j < len(s) && isHTMLSpace(s[j]) {
		j++
	}
	if j == len(s) || s[j] != '"' && s[j] != '\'' {
		return i
	}
	if k := strings.IndexByte(s[j+1:], s[j]); k >= 0 {
		return j + 1 + k
	}
	return len(s) - 1
}

func isHTMLSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\f' || c == '\r' }

// tagNameOf returns the name at the beginning of s in lower case.
func tagNameOf(s string) string {
	i := 0
	for i < len(s) && s[i] != '>' && s[i] != '/' && !isHTMLSpace(s[i]) {
		i++
	}
	for k := range i {
		if s[k] >= 'A' && s[k] <= 'Z' {
			return strings.ToLower(s[:i])
		}
	}
	return s[:i]
}

func isRawText(name string) bool {
	switch name {
	case "iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp":
		return name != "noscript"
	}
	return false
}

// rawEnd returns the offset of the end tag of a raw text element.
func rawEnd(s, name string) int {
	if name == "plaintext" {
		return len(s)
	}
	for i := 0; ; {
		j := strings.Index(s[i:], "</")
		if j < 0 {
			return len(s)
		}
		i += j
		if after := i + 2 + len(name); after < len(s) && strings.EqualFold(s[i+2:after], name) && (isHTMLSpace(s[after]) || s[after] == '/' || s[after] == '>') {
			return i
		}
		i += 2
	}
}

// skipValue returns the end of an attribute whose name ends at i.
func skipValue(tag string, i int) int {
	for i < len(tag) && isHTMLSpace(tag[i]) {
		i++
	}
	if i == len(tag) || tag[i] != '=' {
		return i
	}
	if end := valueEnd(tag, i); end > i {
		return end + 1
	}
	i++
	for i < len(tag) && isHTMLSpace(tag[i]) {
		i++
	}
	for i < len(tag) && !isHTMLSpace(tag[i]) && tag[i] != '>' {
		i++
	}
	return i
}
