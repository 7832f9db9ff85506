package calendar

import (
	"io"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// lines unfolds the lines of a text. RFC 5545, Section 3.1: a line that begins with a space
// or a tab continues the previous line.
type lines struct {
	rest string
	cut  bool // a line exceeded the limit
}

// next returns one line, cut at maxValue, and whether there was one.
func (l *lines) next() (string, bool) {
	if l.rest == "" {
		return "", false
	}
	line := l.physical()
	if isQuotedPrintable(line) {
		return l.within(l.softBreaks(line), maxValue), true
	}
	if !l.folded() {
		return l.within(line, maxValue), true
	}
	var b strings.Builder
	b.WriteString(l.within(line, maxValue))
	for l.folded() {
		b.WriteString(l.within(l.physical()[1:], maxValue-b.Len()))
	}
	return b.String(), true
}

// isQuotedPrintable reports whether the parameters of a property declare quoted-printable,
// with or without the parameter name. vCalendar 1.0, Section 2.1.3.
func isQuotedPrintable(line string) bool {
	head, _, ok := strings.Cut(line[:min(len(line), maxHead)], ":")
	return ok && strings.Contains(strings.ToUpper(head), "QUOTED-PRINTABLE")
}

// maxHead bounds the bytes of a line that are searched for parameters.
const maxHead = 1000

// softBreaks appends the lines that follow a "=" at the end of the line, and folded lines.
func (l *lines) softBreaks(line string) string {
	var b strings.Builder
	for {
		more := strings.HasSuffix(line, "=")
		b.WriteString(strings.TrimSuffix(line, "="))
		switch {
		case l.rest == "" || b.Len() > maxValue || !more && !l.folded():
			return b.String()
		case l.folded():
			line = l.physical()[1:]
		default:
			line = l.physical()
		}
	}
}

// within returns at most n bytes of s.
func (l *lines) within(s string, n int) string {
	if len(s) > n {
		l.cut = true
	}
	return s[:min(len(s), n)]
}

func (l *lines) folded() bool { return l.rest != "" && (l.rest[0] == ' ' || l.rest[0] == '\t') }

// physical returns one line as written, without its end.
func (l *lines) physical() string {
	i := strings.IndexAny(l.rest, "\r\n")
	if i < 0 {
		line := l.rest
		l.rest = ""
		return line
	}
	line := l.rest[:i]
	if l.rest[i] == '\r' && i+1 < len(l.rest) && l.rest[i+1] == '\n' {
		i++
	}
	l.rest = l.rest[i+1:]
	return line
}

// property parses "name;param=value:value".
func property(line string) (Property, bool) {
	end := strings.IndexAny(line, ";:")
	if end <= 0 || strings.ContainsAny(line[:end], " \t\"") {
		return Property{}, false
	}
	p := Property{Key: strings.ToUpper(line[:end])}
	rest := line[end:]
	for rest != "" && rest[0] == ';' {
		var param Param
		if param, rest = parameter(rest[1:]); len(p.Params) < maxParams {
			p.Params = append(p.Params, param)
		}
	}
	if rest == "" {
		return Property{}, false
	}
	p.Value = strings.ToValidUTF8(p.decode(rest[1:]), "\ufffd")
	if isText(p.Key) {
		p.Value = unescape(p.Value)
	}
	return p, true
}

// parameter parses one parameter. RFC 5545, Section 3.2: quoted values may contain
// semicolons and colons; RFC 6868 escapes the quotes themselves.
func parameter(s string) (p Param, rest string) {
	end := 0
	for quoted := false; end < len(s); end++ {
		if c := s[end]; c == '"' {
			quoted = !quoted
		} else if !quoted && (c == ';' || c == ':') {
			break
		}
	}
	key, value, named := strings.Cut(s[:end], "=")
	if !named {
		switch strings.ToUpper(key) { // vCalendar 1.0 omits the parameter name
		case "QUOTED-PRINTABLE", "BASE64":
			key, value = "ENCODING", key
		}
	}
	value = strings.NewReplacer(`"`, "", "^n", "\n", "^'", `"`, "^^", "^").Replace(value)
	return Param{strings.ToUpper(key), strings.ToValidUTF8(value, "\ufffd")}, s[end:]
}

// isText reports whether values of the property are escaped text.
// RFC 5545, Section 3.3.11.
func isText(key string) bool {
	switch key {
	case "SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT", "CATEGORIES", "RESOURCES", "PRODID", "NAME", "STYLED-DESCRIPTION",
		"FN", "N", "NOTE", "NICKNAME", "ORG", "TITLE", "ROLE", "ADR", "LABEL":
		return true
	}
	return strings.HasPrefix(key, "X-")
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n', 'N':
			b.WriteByte('\n')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// decode decodes the declared encoding and charset. Binary values stay as they are.
// vCalendar 1.0, Section 2.1.3; vCard 2.1, Section 2.1.3.
func (p *Property) decode(v string) string {
	if strings.EqualFold(p.Param("ENCODING"), "QUOTED-PRINTABLE") {
		raw, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(v)))
		if err == nil || len(raw) > 0 {
			v = string(raw)
		}
	}
	charset := p.Param("CHARSET")
	if utf8.ValidString(v) && (charset == "" || strings.EqualFold(charset, "utf-8")) {
		return v
	}
	enc, err := htmlindex.Get(charset)
	if err != nil {
		enc = charmap.Windows1252
	}
	if text, err := enc.NewDecoder().String(v); err == nil {
		return text
	}
	return v
}
