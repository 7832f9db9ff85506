package markup

import (
	"math"
	"strings"
)

// appliesToScreen evaluates a list of media queries for a screen of ordinary width in light
// colors. Media Queries Level 4.
func appliesToScreen(queries string) bool {
	if trimSpace(queries) == "" {
		return true
	}
	for _, q := range split(queries) {
		if queryApplies(q) {
			return true
		}
	}
	return false
}

func queryApplies(q string) bool {
	if strings.HasPrefix(q, "(") || isNotCondition(q) {
		return condition(q, mediaFeature, 0) == yes
	}
	negated := false
	kind, rest := cutName(q)
	if kind == "not" || kind == "only" {
		negated = kind == "not"
		kind, rest = cutName(trimSpace(rest))
	}
	if kind == "and" || kind == "or" || kind == "not" || kind == "only" || kind == "layer" || kind == "" {
		return false
	}
	holds := answer(kind == "all" || kind == "screen")
	if rest = trimSpace(rest); rest != "" {
		word, condi := cutName(rest)
		if word != "and" || condi == "" || !isSpace(condi[0]) || strings.Contains(condi, ") or ") && hasWord(condi, "or") {
			return false
		}
		holds = both(holds, condition(trimSpace(condi), mediaFeature, 0))
	}
	if negated {
		holds = holds.not()
	}
	return holds == yes
}

// isNotCondition distinguishes "not (color)" from "not print".
func isNotCondition(q string) bool {
	word, rest := cutName(q)
	return word == "not" && rest != "" && isSpace(rest[0]) && strings.HasPrefix(trimSpace(rest), "(")
}

// truth is the result of a condition. Media Queries Level 4, Section 3.1.
type truth uint8

const (
	no truth = iota
	yes
	unknown
)

func answer(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	default:
		return unknown
	}
}

func both(a, b truth) truth {
	switch {
	case a == no || b == no:
		return no
	case a == yes && b == yes:
		return yes
	}
	return unknown
}

func either(a, b truth) truth { return both(a.not(), b.not()).not() }

// condition evaluates "not", "and", "or" and parentheses around features.
func condition(s string, feature func(string) truth, depth int) truth {
	s = trimSpace(s)
	if depth > maxAtRules || s == "" {
		return unknown
	}
	if word, rest := cutName(s); strings.EqualFold(word, "not") && rest != "" && isSpace(rest[0]) {
		return one(trimSpace(rest), feature, depth).not()
	}
	result, joined, before := unknown, "", ""
	for first := true; ; first = false {
		i := wordEnd(s)
		t := one(s[:i], feature, depth)
		switch {
		case first:
			result = t
		case before != "" && before != joined: // "and" and "or" only mix in parentheses
			return unknown
		case joined == "and":
			result = both(result, t)
		case joined == "or":
			result = either(result, t)
		default:
			return unknown
		}
		if s = trimSpace(s[i:]); s == "" {
			return result
		}
		before = joined
		if joined, s = cutName(s); s == "" || !isSpace(s[0]) {
			return unknown
		}
		joined, s = strings.ToLower(joined), trimSpace(s)
	}
}

// wordEnd returns the end of a parenthesis or function with its name.
func wordEnd(s string) int {
	i := endOf(s, " \t\n\r\f\x01")
	if j := strings.IndexByte(s, '('); j >= 0 && j < i {
		return min(j+1+endOf(s[j+1:], ")")+1, len(s))
	}
	return i
}

// one evaluates the text between two operators.
func one(s string, feature func(string) truth, depth int) truth {
	inner, ok := callOf(s, "")
	switch {
	case !ok && !strings.HasSuffix(s, ")"):
		return unknown
	case !ok:
		return feature(s)
	}
	inner = trimSpace(inner)
	if strings.HasPrefix(inner, "(") || isNotCondition(inner) || strings.Contains(inner, ")") && !strings.Contains(inner, ":") && !strings.ContainsAny(inner, "<>=") {
		return condition(inner, feature, depth+1)
	}
	return feature(inner)
}

// mediaFeature evaluates one feature, without its parentheses.
func mediaFeature(s string) truth {
	if strings.ContainsAny(s, "<>=") {
		return rangeOf(s, screenValue)
	}
	name, value, has := strings.Cut(s, ":")
	name, value = trimSpace(name), trimSpace(value)
	if v, ok := keywordFeature(name); ok {
		if !has {
			return answer(v != "none" && v != "no-preference" && v != "0")
		}
		return answer(v == value)
	}
	return sizeFeature(name, value, has, screenValue)
}

// sizeFeature compares "min-width: 10px" and similar features.
func sizeFeature(name, value string, has bool, size func(string) float64) truth {
	bare, isMin := strings.CutPrefix(strings.TrimPrefix(name, "-webkit-"), "min-")
	bare, isMax := strings.CutPrefix(bare, "max-")
	have := size(bare)
	if math.IsNaN(have) {
		return unknown
	}
	if !has {
		return answer(have != 0 && !isMin && !isMax)
	}
	want, ok := featureValue(value)
	if isLength := strings.HasSuffix(bare, "width") || strings.HasSuffix(bare, "height"); isLength && want != 0 {
		if _, isNumber := parseNumber(value); isNumber {
			return unknown
		}
	}
	switch {
	case !ok:
		return unknown
	case isMin:
		return answer(have >= want)
	case isMax:
		return answer(have <= want)
	}
	return answer(have == want)
}

// featureValue parses a length, a number, a ratio or a resolution.
func featureValue(s string) (float64, bool) {
	if a, b, ok := strings.Cut(s, "/"); ok {
		x, okX := parseNumber(trimSpace(a))
		y, okY := parseNumber(trimSpace(b))
		return x / y, okX && okY
	}
	for unit, dots := range map[string]float64{"dppx": 1, "dpi": 1 / 96.0, "dpcm": 2.54 / 96, "x": 1} {
		if number, ok := strings.CutSuffix(s, unit); ok && !strings.HasSuffix(number, "p") {
			v, ok := parseNumber(number)
			return v * dots, ok
		}
	}
	q, ok := evaluate(s, units{font: defaultFont, percent: math.NaN()}, 0)
	return q.v, ok && !math.IsNaN(q.v)
}

// screenValue returns a feature of the screen, or NaN.
func screenValue(name string) float64 {
	switch name {
	case "width", "device-width":
		return screenWidth
	case "height", "device-height":
		return screenHeight
	case "aspect-ratio", "device-aspect-ratio":
		return screenWidth / float64(screenHeight)
	case "resolution", "device-pixel-ratio":
		return 1
	case "color":
		return 8
	case "color-index", "monochrome", "grid":
		return 0
	}
	return math.NaN()
}

// keywordFeature returns the value of a keyword feature on a computer.
func keywordFeature(name string) (string, bool) {
	switch name {
	case "orientation":
		return "landscape", true
	case "prefers-color-scheme":
		return "light", true
	case "prefers-reduced-motion", "prefers-contrast", "prefers-reduced-transparency":
		return "no-preference", true
	case "hover", "any-hover":
		return "hover", true
	case "pointer", "any-pointer":
		return "fine", true
	case "forced-colors", "scripting":
		return "none", true
	case "update":
		return "fast", true
	case "overflow-block", "overflow-inline":
		return "scroll", true
	case "display-mode":
		return "browser", true
	case "color-gamut":
		return "srgb", true
	case "dynamic-range":
		return "standard", true
	}
	return "", false
}

// rangeOf evaluates "width >= 10px" and "1px < width < 9px".
func rangeOf(s string, size func(string) float64) truth {
	var parts, signs []string
	for {
		i := endOf(s, "<>=")
		parts = append(parts, trimSpace(s[:i]))
		if i == len(s) {
			break
		}
		sign := s[i : i+1]
		if i+1 < len(s) && s[i+1] == '=' && sign != "=" {
			sign += "="
		}
		signs = append(signs, sign)
		s = s[i+len(sign):]
	}
	result := answer(len(signs) <= 2)
	if len(signs) == 2 && (signs[0][0] != signs[1][0] || signs[0] == "=") {
		return unknown
	}
	for i, sign := range signs {
		a, b := rangeValue(parts[i], size), rangeValue(parts[i+1], size)
		result = both(result, compare(a, b, sign))
	}
	return result
}

func rangeValue(s string, size func(string) float64) float64 {
	if v := size(s); !math.IsNaN(v) {
		return v
	}
	v, ok := featureValue(s)
	if !ok {
		return math.NaN()
	}
	return v
}

func compare(a, b float64, sign string) truth {
	if math.IsNaN(a) || math.IsNaN(b) {
		return unknown
	}
	switch sign {
	case "<":
		return answer(a < b)
	case "<=":
		return answer(a <= b)
	case ">":
		return answer(a > b)
	case ">=":
		return answer(a >= b)
	}
	return answer(a == b)
}

// containerApplies evaluates a query for a container of that width, NaN if unknown.
func containerApplies(query string, width float64) bool {
	if name, rest := cutName(query); name != "" && name != "not" && rest != "" && !strings.HasPrefix(rest, "(") {
		query = trimSpace(rest)
	}
	size := func(name string) float64 {
		if name == "width" || name == "inline-size" {
			return width
		}
		return math.NaN()
	}
	return condition(query, func(f string) truth {
		if strings.ContainsAny(f, "<>=") {
			return rangeOf(f, size)
		}
		name, value, has := strings.Cut(f, ":")
		return sizeFeature(trimSpace(name), trimSpace(value), has, size)
	}, 0) == yes
}
