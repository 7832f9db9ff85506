package message

import "strings"

// maxCommand is the length in bytes of a formatting command. RFC 1896: at most 60
// characters.
const maxCommand = 62

// enrichedText returns text/enriched, or its predecessor text/richtext, as clients show
// it: without its commands and their parameters.
// RFC 1896 and RFC 1341, Section 7.1.3.
func enrichedText(s string, rich bool) string {
	var b strings.Builder
	b.Grow(len(s))
	hidden := 0 // commands around whose content is not shown
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			i = len(s)
		}
		if hidden == 0 {
			b.WriteString(s[:i])
		}
		if s = s[i:]; s == "" {
			break
		}
		name, n := enrichedCommand(s)
		switch {
		case n == 0 && strings.HasPrefix(s, "<<"):
			n = 2
			fallthrough
		case n == 0:
			n = max(n, 1)
			b.WriteByte('<')
		case name == "param", rich && name == "comment":
			hidden++
		case name == "/param", rich && name == "/comment":
			hidden = max(0, hidden-1)
		case rich && name == "lt" && hidden == 0:
			b.WriteByte('<')
		case rich && (name == "nl" || name == "np") && hidden == 0:
			b.WriteByte('\n')
		}
		s = s[n:]
	}
	return b.String()
}

// enrichedCommand returns the name of the command that s begins with, in lower case, and
// its length, or 0.
func enrichedCommand(s string) (name string, n int) {
	n = strings.IndexByte(s[:min(len(s), maxCommand)], '>')
	if n < 2 {
		return "", 0
	}
	name = strings.ToLower(s[1:n])
	if strings.ContainsFunc(strings.TrimPrefix(name, "/"), notToken) {
		return "", 0
	}
	return name, n + 1
}
