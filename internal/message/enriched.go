package message

import "strings"

// maxCommand is the length in bytes of a formatting command. RFC 1896: at most 60
// characters.
const maxCommand = 62

// enrichedText returns text/enriched, or its predecessor text/richtext, as clients show it:
// without commands and their parameters. RFC 1896 and RFC 1341, Section 7.1.3.
func enrichedText(s string, rich bool) string {
	e := enriched{rich: rich}
	e.out.Grow(len(s))
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			i = len(s)
		}
		e.show(s[:i])
		if s = s[i:]; s == "" {
			break
		}
		name, n := enrichedCommand(s)
		switch {
		case n > 0:
			e.command(name)
		case strings.HasPrefix(s, "<<"):
			n = 2
			e.show("<")
		default:
			n = 1
			e.show("<")
		}
		s = s[n:]
	}
	return e.out.String()
}

// enriched collects the visible text.
type enriched struct {
	out    strings.Builder
	rich   bool // text/richtext
	hidden int  // enclosing commands with hidden content
}

func (e *enriched) show(s string) {
	if e.hidden == 0 {
		e.out.WriteString(s)
	}
}

func (e *enriched) command(name string) {
	switch {
	case name == "param", e.rich && name == "comment":
		e.hidden++
	case name == "/param", e.rich && name == "/comment":
		e.hidden = max(0, e.hidden-1)
	case e.rich && name == "lt":
		e.show("<")
	case e.rich && (name == "nl" || name == "np"):
		e.show("\n")
	}
}

// enrichedCommand returns the name of the command at the start of s, in lower case, and its
// length, or 0.
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
