package yara

import (
	"fmt"
	"strings"
)

// Expressions returns the strings of the rules as regular expressions on bytes, for
// comparison. Alternatives inside bytes are left out.
func Expressions(r *Rules) []string {
	var out []string
	for _, p := range r.patterns {
		for _, v := range p.variants {
			out = append(out, v.expression())
		}
	}
	return out
}

func (v *variant) expression() string {
	if v.re != nil {
		return v.re.source
	}
	var b strings.Builder
	b.WriteString("(?s")
	if v.fold {
		b.WriteByte('i')
	}
	b.WriteByte(':')
	for _, e := range v.elements {
		switch {
		case e.choices != nil:
			return b.String() + ")"
		case e.jump && e.max < 0:
			b.WriteString(".*?")
		case e.jump:
			b.WriteString(strings.Repeat(".", e.min) + strings.Repeat(".?", e.max-e.min))
		case e.mask != 0xff:
			b.WriteByte('.')
		default:
			fmt.Fprintf(&b, `\x%02x`, e.value)
		}
	}
	return b.String() + ")"
}
