package markup

import (
	"strings"
)

// cssTargets yields the property and the URL of each url(...) and @import.
func cssTargets(css string) func(yield func(property, u string) bool) {
	return func(yield func(string, string) bool) {
		c := targetCursor{lower: lowerASCII(css)}
		c.skip(0)
		for c.function < len(css) || c.rule < len(css) {
			property, at := c.target()
			u, n := cssString(css[at:])
			if u != "" && !yield(property, u) {
				return
			}
			c.skip(at + n)
		}
	}
}

const cssFunction, cssImport = "url(", "@import"

// targetCursor holds the offsets of the next url( and the next @import, or the length of
// the sheet.
type targetCursor struct {
	lower          string
	function, rule int
	started        bool
}

// skip moves both past offset at; each part of the sheet is searched once.
func (c *targetCursor) skip(at int) {
	if c.function < at || !c.started {
		c.function = indexFrom(c.lower, cssFunction, at)
	}
	if c.rule < at || !c.started {
		c.rule = indexFrom(c.lower, cssImport, at)
	}
	c.started = true
}

// target returns the start of the next target's string; "@import url(x)" is one target.
func (c *targetCursor) target() (property string, at int) {
	if c.function < c.rule {
		return propertyBefore(c.lower[:c.function]), c.function + len(cssFunction)
	}
	const near = 8
	at = c.rule + len(cssImport)
	if c.function < min(at+near, len(c.lower)) && strings.TrimSpace(c.lower[at:c.function]) == "" {
		at = c.function + len(cssFunction)
	}
	return "@import", at
}

// indexFrom returns where sub is in s from offset at on, or len(s).
func indexFrom(s, sub string, at int) int {
	if i := strings.Index(s[at:], sub); i >= 0 {
		return at + i
	}
	return len(s)
}

// cssString parses a quoted or bare URL, and returns its length in bytes.
func cssString(s string) (u string, n int) {
	rest := strings.TrimLeft(s, " \t\r\n")
	skipped := len(s) - len(rest)
	if rest == "" {
		return "", skipped
	}
	stop := ") \t\r\n;"
	if rest[0] == '"' || rest[0] == '\'' {
		stop, rest, skipped = rest[:1], rest[1:], skipped+1
	}
	i := strings.IndexAny(rest, stop)
	if i < 0 {
		i = len(rest)
	}
	return rest[:min(i, maxTarget)], skipped + i
}

// propertyBefore returns the property of the declaration that ends s.
func propertyBefore(s string) string {
	const look = 80
	s = s[max(0, len(s)-look):]
	s = s[strings.LastIndexAny(s, ";{}")+1:]
	property, _, _ := strings.Cut(s, ":")
	return strings.TrimSpace(property)
}

// lowerASCII converts to lower case without changing byte offsets.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
