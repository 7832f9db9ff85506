package rule

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Marks in the digest of a document: before and after a name, and before and after the
// value of an attribute.
const (
	markElement   = "\x01"
	markAttribute = "\x02"
	markComment   = "\x03-"
	markEnd       = "\x04"
)

// leastDigest is the usual minimum length of a digest, in bytes.
const leastDigest = 2 << 10

// digest lists the names, attributes and comments of a document. It rules out most
// expressions without a search of the document, because something that they require is
// missing.
func digest(root *html.Node) string {
	var b strings.Builder
	b.Grow(leastDigest)
	for n := range descendants(root) {
		if n.Type == html.CommentNode {
			b.WriteString(markComment + markEnd)
		}
		if n.Type != html.ElementNode {
			continue
		}
		b.WriteString(markElement + n.Data + markEnd)
		for i := range n.Attr {
			b.WriteString(markAttribute + n.Attr[i].Key + markEnd + n.Attr[i].Val)
		}
	}
	return b.String()
}

// within reports whether a digest contains all marks.
func within(digest string, marks []string) bool {
	for _, m := range marks {
		if !strings.Contains(digest, m) {
			return false
		}
	}
	return true
}

// implied are the elements that a document can have without naming them, or under another
// name.
var implied = []string{"html", "head", "body", "tbody", "tr", "colgroup", "p", "br", "img"}

// cannotHave reports whether a document cannot have an element with some marks, since its
// text lacks the name.
func cannotHave(raw string, marks []string) bool {
	return slices.ContainsFunc(marks, func(m string) bool {
		name, isElement := strings.CutPrefix(m, markElement)
		name = strings.TrimSuffix(name, markEnd)
		return isElement && !slices.Contains(implied, name) && !hasTag(raw, name)
	})
}

// hasTag reports whether a text contains the beginning of an element, in upper or lower
// case.
func hasTag(raw, name string) bool {
	for {
		i := strings.IndexByte(raw, '<')
		if i < 0 || len(raw)-i <= len(name) {
			return false
		}
		if raw = raw[i+1:]; strings.EqualFold(raw[:len(name)], name) {
			return true
		}
	}
}

// marksOf returns the marks in the digest of every document in which an XPath expression
// selects something: the names of its steps, and the required values of attributes. It
// returns nothing for an expression of more than one path.
func marksOf(expression string) (marks []string) {
	s := strings.TrimSpace(expression)
	for first := true; ; first = false {
		step := strings.TrimPrefix(strings.TrimPrefix(s, "/"), "/")
		if step == s && !first { // not a path
			return nil
		}
		found, rest, ok := cutStep(step)
		if !ok {
			return nil
		}
		if marks, s = append(marks, found...), rest; s == "" {
			return marks
		}
	}
}

// cutStep returns the marks of a step and its predicates, and the rest.
func cutStep(s string) (marks []string, rest string, ok bool) {
	m := xpathStep.FindStringSubmatch(s)
	if m == nil {
		return nil, "", false
	}
	mark, ok := markOf(m[1], m[2], m[3] != "")
	if mark != "" {
		marks = []string{mark}
	}
	for rest = s[len(m[0]):]; strings.HasPrefix(rest, "["); {
		inside, behind, closed := cutPredicate(rest)
		if !closed {
			return nil, "", false
		}
		if m[1] != "@" && m[1] != "attribute::" {
			marks = append(marks, marksOfNames(inside)...)
		}
		marks, rest = append(marks, marksOfPredicate(inside)...), behind
	}
	return marks, rest, ok
}

// Parts of an XPath expression: a step without its predicates, a condition on an attribute,
// and the text between conditions.
var (
	xpathStep = regexp.MustCompile(`^(@|[a-z-]+::)?([A-Za-z_][\w-]*|\*|\.\.?)(\(\))?`)
	xpathTerm = regexp.MustCompile(`^(?:(?:contains|starts-with)\(\s*@([\w-]+)\s*,\s*(?:"([^"]*)"|'([^']*)')\s*\)|@([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'))?)$`)
	xpathName = regexp.MustCompile(`^local-name\(\)\s*=\s*(?:"([^"]+)"|'([^']+)')$`)
	xpathOr   = regexp.MustCompile(`\bor\b|\|`)
	xpathAnd  = regexp.MustCompile(`\s+and\s+`)
	xpathText = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	xpathPart = regexp.MustCompile(`\([^()]*\)|\[[^\[\]]*\]`)
)

// markOf returns the mark of a step, or "" if every document has it. It is false for text
// that is no step.
func markOf(axis, name string, called bool) (string, bool) {
	switch {
	case called && name == "comment":
		return markComment + markEnd, true
	case called:
		return "", name == "text" || name == "node"
	case axis == "@" || axis == "attribute::":
		return markAttribute + strings.TrimPrefix(name+markEnd, "*"+markEnd), true
	case name == "*" || name[0] == '.':
		return "", true
	default:
		return markElement + name + markEnd, axis != "namespace::"
	}
}

// cutPredicate returns the content of the brackets at the start of a text, and the rest.
func cutPredicate(s string) (inside, rest string, ok bool) {
	depth, quote := 0, byte(0)
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			depth++
		case c == ']':
			if depth--; depth == 0 {
				return s[1:i], s[i+1:], true
			}
		}
	}
	return "", "", false
}

// conjuncts splits a condition at each "and" outside of strings and brackets.
func conjuncts(s string) []string {
	blank := func(part string) string { return strings.Repeat("_", len(part)) }
	outer, before := xpathText.ReplaceAllStringFunc(s, blank), ""
	for outer != before {
		outer, before = xpathPart.ReplaceAllStringFunc(outer, blank), outer
	}
	var out []string
	from := 0
	for _, at := range xpathAnd.FindAllStringIndex(outer, -1) {
		out, from = append(out, strings.TrimSpace(s[from:at[0]])), at[1]
	}
	return append(out, strings.TrimSpace(s[from:]))
}

// marksOfNames returns the marks of the conditions on the name of an element, or on its
// relatives.
func marksOfNames(s string) (marks []string) {
	if xpathOr.MatchString(s) {
		return nil
	}
	for _, term := range conjuncts(s) {
		if m := xpathName.FindStringSubmatch(term); m != nil {
			marks = append(marks, markElement+m[1]+m[2]+markEnd)
		} else if !strings.HasPrefix(term, "@") {
			marks = append(marks, marksOf(term)...)
		}
	}
	return marks
}

// marksOfPredicate returns the marks of the conditions on attributes that must all hold.
func marksOfPredicate(s string) (marks []string) {
	if xpathOr.MatchString(s) {
		return nil
	}
	for _, term := range conjuncts(s) {
		m := xpathTerm.FindStringSubmatch(term)
		if m == nil {
			continue
		}
		marks = append(marks, markAttribute+m[1]+m[4]+markEnd)
		if value := m[2] + m[3] + m[5] + m[6]; value != "" {
			marks = append(marks, value)
		}
	}
	return marks
}
