package markup

import "strings"

// outlookAnswers evaluates the condition of a conditional comment as Outlook for Windows
// does: it is mso 16 with VML, and no Internet Explorer. Malformed conditions count as
// true, so that the text is read.
func outlookAnswers(condition string) bool {
	e := conditionReader{rest: strings.ToLower(strings.TrimSpace(condition))}
	v := e.either(0)
	return v || e.failed
}

// conditionReader parses "gte mso 9", "!mso", "(a)&(b)" and "(a)|(b)".
type conditionReader struct {
	rest   string
	failed bool
}

func (e *conditionReader) take(prefix string) bool {
	e.rest = strings.TrimSpace(e.rest)
	rest, ok := strings.CutPrefix(e.rest, prefix)
	if ok {
		e.rest = rest
	}
	return ok
}

func (e *conditionReader) either(depth int) bool {
	v := e.both(depth)
	for e.take("|") {
		other := e.both(depth)
		v = v || other
	}
	return v
}

func (e *conditionReader) both(depth int) bool {
	v := e.single(depth)
	for e.take("&") {
		other := e.single(depth)
		v = v && other
	}
	return v
}

func (e *conditionReader) single(depth int) bool {
	const maxDepth = 8
	switch {
	case depth > maxDepth:
		e.failed = true
		return true
	case e.take("!"):
		return !e.single(depth + 1)
	case e.take("("):
		v := e.either(depth + 1)
		e.take(")")
		return v
	}
	return e.feature()
}

// feature compares a name with a version: "lt mso 12".
func (e *conditionReader) feature() bool {
	end := nextOf(e.rest, "()|&!")
	words := strings.Fields(e.rest[:end])
	e.rest = e.rest[end:]
	comparison := "eq"
	if len(words) > 1 && oneOf(words[0], "lt", "lte", "gt", "gte") {
		comparison, words = words[0], words[1:]
	}
	if len(words) == 0 {
		e.failed = true
		return true
	}
	have := map[string]float64{"mso": 16, "vml": 1, "true": 1}[words[0]]
	if len(words) == 1 {
		return have > 0 || !oneOf(words[0], "ie", "false")
	}
	want, ok := parseNumber(words[1])
	if !ok {
		e.failed = true
		return true
	}
	return have > 0 && compareVersions(have, want, comparison)
}

// compareVersions reports whether the condition is true for any Outlook version from oldest
// to have.
func compareVersions(have, want float64, comparison string) bool {
	const oldest = 9
	switch comparison {
	case "lt":
		return want > oldest
	case "lte":
		return want >= oldest
	case "gt":
		return have > want
	case "gte":
		return have >= want
	}
	return true
}
