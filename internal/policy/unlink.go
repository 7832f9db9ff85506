package policy

import "strings"

// unlinked breaks up what clients would make a link of: a reason can name an attachment
// or a host as the sender wrote it, and a warning must not carry a link of the attacker.
func unlinked(reason string) string {
	var b strings.Builder
	for i, c := range reason {
		b.WriteRune(c)
		rest := reason[i+len(string(c)):]
		switch {
		case c == ':' && strings.HasPrefix(rest, "//"), c == '.' && startsWord(rest), c == '@' && startsWord(rest):
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func startsWord(s string) bool {
	return s != "" && s[0] != ' ' && s[0] != '\n' && s[0] != '"' && s[0] != '\'' && s[0] != ')' && s[0] != '.'
}
