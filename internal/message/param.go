package message

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// maxParams bounds the parsed parameters of one field, including the sections of long ones:
// honest fields have five, and names of 2000 characters some 40 sections.
const maxParams = 100

// param is one parameter of a structured field.
type param struct {
	name   string   // lower case, without RFC 2231 decoration
	value  string   // decoded, valid UTF-8
	raw    string   // exact bytes, without quotes
	others []string // values that other clients read, decoded like value (like raw for boundaries)
}

type paramList []param

// paramReader parses the parameters of one field, left to right.
type paramReader struct {
	s     *scanner
	part  *Part
	at    int // offset of the field
	rest  string
	list  paramList
	parts []paramSection
	count int
}

// paramSection is one section of an RFC 2231 parameter.
type paramSection struct {
	name     string
	number   int
	extended bool // with charset and percent signs
	value    string
}

// params parses the parameters of the field at offset at.
func (s *scanner) params(p *Part, rest string, at int) paramList {
	if rest == "" {
		return nil
	}
	r := paramReader{s: s, part: p, at: at, rest: rest}
	for r.next() {
		if r.count++; r.count > maxParams {
			r.defect(DefectManyParameters, r.rest)
			break
		}
	}
	r.join()
	return r.list
}

func (r *paramReader) defect(kind DefectKind, detail string) { r.s.defect(kind, r.part, r.at, detail) }

// cutMain splits a structured field value after its first item, such as the media type, and
// drops comments around it.
func cutMain(v string) (main, rest string) {
	v = skipComments(v)
	if startsWithParam(v) {
		return "", ";" + v
	}
	i := 0
	for i < len(v) && v[i] != ';' && v[i] != '(' {
		i++
	}
	main, rest = v[:i], v[i:]
	if strings.HasPrefix(rest, "(") {
		rest = skipComments(rest)
	}
	main = strings.TrimSpace(main)
	// A missing semicolon: "text/html charset=utf-8".
	if j := strings.IndexAny(main, " \t"); j >= 0 && strings.IndexByte(main[j:], '=') >= 0 {
		return main[:j], main[j:] + rest
	}
	return main, rest
}

// startsWithParam reports whether the item is missing: v begins with a parameter, such as
// the file name of a disposition without type.
func startsWithParam(v string) bool {
	i := strings.IndexAny(v, "=;/( \t")
	return i > 0 && v[i] == '='
}

// skipComments drops white space and comments at the beginning of v. An unterminated
// comment is text.
func skipComments(v string) string {
	for {
		v = strings.TrimLeft(v, " \t")
		if v == "" || v[0] != '(' {
			return v
		}
		n := commentEnd(v)
		if n == 0 {
			return v[1:]
		}
		v = v[n:]
	}
}

// commentEnd returns the length of the comment at the start of v, or 0 if it is
// unterminated.
func commentEnd(v string) int {
	depth := 0
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// next parses one parameter and reports whether there may be more.
func (r *paramReader) next() bool {
	r.rest = strings.TrimLeft(r.rest, "; \t")
	if strings.HasPrefix(r.rest, "(") {
		r.rest = skipComments(r.rest)
		return r.rest != ""
	}
	if r.rest == "" {
		return false
	}
	i := strings.IndexAny(r.rest, "=;")
	if i < 0 || r.rest[i] == ';' {
		r.junk(i)
		return r.rest != ""
	}
	name := strings.ToLower(strings.TrimSpace(r.rest[:i]))
	if j := strings.LastIndexAny(name, " \t"); j >= 0 {
		r.defect(DefectBadParameter, name)
		name = name[j+1:]
	}
	r.rest = strings.TrimLeft(r.rest[i+1:], " \t")
	if strings.HasPrefix(r.rest, `"`) {
		r.quoted(name)
	} else {
		r.bare(name)
	}
	return r.rest != ""
}

// junk drops text without "=" up to index i, or all if that is negative.
func (r *paramReader) junk(i int) {
	if i < 0 {
		i = len(r.rest)
	}
	r.defect(DefectBadParameter, r.rest[:i])
	r.rest = r.rest[i:]
}

// quoted parses a quoted value. Text between the closing quote and the semicolon is ignored
// by some clients and part of the value for others.
func (r *paramReader) quoted(name string) {
	value, n, closed := unquote(r.rest)
	r.rest = r.rest[n:]
	if !closed {
		r.defect(DefectBadParameter, value)
	}
	tail := skipComments(r.rest)
	i := strings.IndexByte(tail, ';')
	if i < 0 {
		i = len(tail)
	}
	junk := strings.TrimSpace(tail[:i])
	switch {
	case junk == "":
		r.rest = tail[i:]
		r.add(name, value)
	case strings.Contains(junk, "="):
		r.defect(DefectBadParameter, junk)
		r.rest = tail
		r.add(name, value)
	default:
		r.defect(DefectBadParameter, junk)
		r.rest = tail[i:]
		r.add(name, value, value+junk)
	}
}

// unquote returns the content of the quoted string at the start of v, and its length. An
// unterminated string extends to the end. In practice only quotes and backslashes are
// escaped: elsewhere a backslash separates folders.
func unquote(v string) (value string, n int, closed bool) {
	escaped := false
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '"':
			value, n = v[1:i], i+1
			if escaped {
				value = unescaper.Replace(value)
			}
			return value, n, true
		case '\\':
			if i+1 < len(v) && (v[i+1] == '"' || v[i+1] == '\\') {
				escaped = true
				i++
			}
		}
	}
	return v[1:], len(v), false
}

var unescaper = strings.NewReplacer(`\"`, `"`, `\\`, `\`)

// bare parses a value without quotes. It ends at white space by the standard; for file
// names most clients continue to the semicolon.
func (r *paramReader) bare(name string) {
	i := bareEnd(r.rest)
	whole := strings.TrimSpace(r.rest[:i])
	j := strings.IndexAny(whole, " \t")
	if j < 0 {
		r.rest = r.rest[i:]
		r.add(name, whole)
		return
	}
	first, tail := whole[:j], strings.TrimSpace(whole[j:])
	isName := strings.HasPrefix(name, "filename") || strings.HasPrefix(name, "name")
	switch {
	case strings.HasPrefix(tail, "(") && commentEnd(tail) == len(tail):
		r.rest = r.rest[i:]
		r.add(name, first)
	case isName && strings.Contains(whole, "=?"):
		r.defect(DefectBadParameter, whole)
		r.rest = r.rest[i:]
		r.add(name, whole, decodeParam(first))
	case strings.Contains(tail, "="):
		r.defect(DefectBadParameter, whole)
		r.rest = r.rest[j:]
		r.add(name, first)
	case isName:
		r.defect(DefectBadParameter, whole)
		r.rest = r.rest[i:]
		r.add(name, whole)
	default:
		r.defect(DefectBadParameter, whole)
		r.rest = r.rest[i:]
		r.add(name, first, whole)
	}
}

// bareEnd returns the latest end of a value without quotes: the first semicolon outside of
// encoded-words.
func bareEnd(s string) int {
	var words wordReader
	for i := 0; i < len(s); i++ {
		if s[i] == ';' {
			return i
		}
		if w, ok := words.at(s[i:]); ok {
			i += w.length - 1
		}
	}
	return len(s)
}

// add keeps one parameter. Other readings of its value follow it.
func (r *paramReader) add(name, raw string, others ...string) {
	if base, section, ok := splitSection(name); ok {
		section.value = raw
		section.name = base
		r.parts = append(r.parts, section)
		return
	}
	x := param{name: name, raw: raw, value: decodeParam(raw), others: others}
	if i := r.index(name); i < 0 {
		r.list = append(r.list, x)
	} else if r.list[i].raw != raw {
		r.defect(DefectDuplicateParam, name)
		r.other(i, x)
	}
}

// other keeps x as another reading of parameter i.
func (r *paramReader) other(i int, x param) {
	if x.name == "boundary" {
		r.list[i].others = append(r.list[i].others, x.raw)
	} else {
		r.list[i].others = append(r.list[i].others, x.value)
	}
}

func (r *paramReader) index(name string) int {
	return slices.IndexFunc(r.list, func(x param) bool { return x.name == name })
}

// decodeParam returns the value of a plain parameter for display. Encoded-words are
// forbidden in quotes, and common there.
func decodeParam(raw string) string {
	if strings.Contains(raw, "=?") {
		return decodeText(raw)
	}
	return toUTF8(raw)
}

// splitSection parses names such as "filename*", "filename*1" and "filename*1*". RFC 2231,
// Sections 3 and 4.
func splitSection(name string) (base string, s paramSection, ok bool) {
	base, rest, found := strings.Cut(name, "*")
	if !found || base == "" {
		return "", s, false
	}
	if rest == "" {
		return base, paramSection{extended: true}, true
	}
	digits, extended := strings.CutSuffix(rest, "*")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return "", s, false
	}
	return base, paramSection{number: n, extended: extended}, true
}

// join merges the sections of RFC 2231 parameters.
func (r *paramReader) join() {
	slices.SortStableFunc(r.parts, func(a, b paramSection) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.number, b.number))
	})
	for len(r.parts) > 0 {
		n := 1
		for n < len(r.parts) && r.parts[n].name == r.parts[0].name {
			n++
		}
		r.assemble(r.parts[:n])
		r.parts = r.parts[n:]
	}
}

// assemble merges the sections of one parameter, which are in order of their numbers.
func (r *paramReader) assemble(sections []paramSection) {
	x := param{name: sections[0].name}
	var charset string
	var value []byte
	for i, s := range sections {
		switch {
		case i > 0 && s.number == sections[i-1].number:
			r.defect(DefectParamDuplicate, s.name)
			x.others = append(x.others, toUTF8(s.value))
			continue
		case i > 0 && s.number != sections[i-1].number+1, i == 0 && s.number > 0:
			r.defect(DefectParamGap, s.name)
		}
		if !s.extended {
			value = append(value, s.value...)
			continue
		}
		if i == 0 {
			charset, s.value = cutCharset(s.value)
		}
		var clean bool
		if value, clean = appendPercent(value, s.value); !clean {
			r.defect(DefectParamCharset, s.value)
		}
	}
	x.raw = string(value)
	text, known := decodeCharset(value, charset)
	if !known && charset != "" {
		r.defect(DefectParamCharset, charset)
	}
	x.value = text
	if strings.Contains(text, "=?") {
		// RFC 2047, Section 5, forbids encoded-words in parameters, and clients decode
		// them. Clients that do not show only the text outside of the words.
		x.value = decodeText(text)
	}
	r.merge(x)
}

// merge adds x, which takes precedence over a plain parameter of that name. RFC 2231 does
// not define this, but RFC 6266, Section 4.3, does for HTTP, and most clients follow it.
func (r *paramReader) merge(x param) {
	i := r.index(x.name)
	if i < 0 {
		r.list = append(r.list, x)
		return
	}
	r.defect(DefectParamMixed, x.name)
	plain := r.list[i]
	r.list[i] = x
	r.list[i].others = append(r.list[i].others, plain.others...)
	if plain.value != x.value {
		r.other(i, plain)
	}
}

// cutCharset splits "charset'language'text".
func cutCharset(v string) (charset, text string) {
	charset, rest, ok := strings.Cut(v, "'")
	if !ok {
		return "", v
	}
	_, text, ok = strings.Cut(rest, "'")
	if !ok {
		return "", v
	}
	return charset, text
}

// appendPercent appends v to b with percent signs decoded. clean is false if one lacks two
// hexadecimal digits; it is then kept.
func appendPercent(b []byte, v string) (out []byte, clean bool) {
	clean = true
	for i := 0; i < len(v); i++ {
		if v[i] != '%' {
			b = append(b, v[i])
			continue
		}
		if i+2 >= len(v) || unhex(v[i+1]) > 15 || unhex(v[i+2]) > 15 {
			clean = false
			b = append(b, '%')
			continue
		}
		b = append(b, unhex(v[i+1])<<4|unhex(v[i+2]))
		i += 2
	}
	return b, clean
}

// isToken reports whether s is a token of RFC 2045, Section 5.1.
func isToken(s string) bool { return s != "" && !strings.ContainsFunc(s, notToken) }

func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?=`, r)
}
