package report

import (
	"slices"
	"strings"
	"time"

	"outrider/internal/message"
)

// Bounds of one report.
const (
	maxBlocks = 500
	maxFields = 100 // of one group
	maxValue  = 2 << 10
)

// group holds the fields up to an empty line.
type group []field

type field struct{ key, value string }

// blocks parses groups of fields. RFC 3464, Section 2.1: they have the form of header
// fields, which may be folded. Other lines are ignored. cut reports whether there are more
// groups.
func blocks(text string) (all []group, cut bool) {
	var g group
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.TrimSpace(line) == "":
			if len(g) > 0 {
				all, g = append(all, g), nil
			}
		case line[0] == ' ' || line[0] == '\t':
			g.fold(line)
		case len(g) < maxFields:
			if key, value, ok := strings.Cut(line, ":"); ok {
				g = append(g, field{strings.ToLower(strings.TrimSpace(key)), clip(strings.TrimSpace(value))})
			}
		}
		if len(all) == maxBlocks {
			return all, true
		}
	}
	if len(g) > 0 {
		all = append(all, g)
	}
	return all, false
}

// fold adds a continuation line to the last field.
func (g group) fold(line string) {
	if n := len(g); n > 0 && len(g[n-1].value) < maxValue {
		g[n-1].value = clip(strings.TrimSpace(g[n-1].value + " " + strings.TrimSpace(line)))
	}
}

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxValue)], "") }

// get returns the value of the first field of that name, or "".
func (g group) get(key string) string {
	if i := slices.IndexFunc(g, func(f field) bool { return f.key == key }); i >= 0 {
		return g[i].value
	}
	return ""
}

// all returns the non-empty values of the fields of that name.
func (g group) all(key string) []string {
	var out []string
	for _, f := range g {
		if f.key == key && f.value != "" {
			out = append(out, f.value)
		}
	}
	return out
}

// date parses the first field that contains a date.
func (g group) date(keys ...string) time.Time {
	for _, k := range keys {
		if t, ok := message.ParseDate(g.get(k)); ok {
			return t
		}
	}
	return time.Time{}
}

// untyped returns the text after "rfc822;", "dns;" or another type. RFC 3464, Section
// 2.1.2.
func untyped(s string) string {
	if kind, rest, ok := strings.Cut(s, ";"); ok && !strings.ContainsAny(kind, "@<. ") {
		s = rest
	}
	return bare(s)
}

// bare returns an address without surrounding white space and angle brackets.
func bare(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") {
		s = s[1 : len(s)-1]
	}
	return s
}

// word returns the first word in lower case: comments follow it.
func word(s string) string {
	if f := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '(' || r == ';' }); len(f) > 0 {
		return strings.ToLower(f[0])
	}
	return ""
}

// squeeze removes white space.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }
