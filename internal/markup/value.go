package markup

import (
	"math"
	"strconv"
	"strings"
)

const defaultFont = 16 // pixels

// Assumed sides of the screen for media queries and relative units, in pixels.
const (
	screenWidth  = 1024
	screenHeight = 768
)

// units holds the reference values of relative lengths.
type units struct {
	font    float64 // pixels of one em
	percent float64 // pixels of 100 %; NaN if it depends on the content
	quirks  bool    // numbers without a unit are pixels
}

// quantity is a number with its dimension: a length in pixels, or none. A valid but unknown
// value is NaN.
type quantity struct {
	v        float64
	isLength bool
}

// parseNumber parses a CSS number, which excludes "inf" and hexadecimals.
func parseNumber(s string) (float64, bool) {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && c != '+' && c != '-' && c|0x20 != 'e' {
			return 0, false
		}
	}
	if s == "" || s[len(s)-1] == '.' {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(v, 0) {
		return 0, false
	}
	return min(max(v, -1e9), 1e9), true
}

// length parses a length as pixels. The result is NaN if it is valid and depends on unknown
// values.
func length(s string, u units) (float64, bool) {
	if s == "0" {
		return 0, true
	}
	q, ok := evaluate(s, u, 0)
	switch {
	case !ok:
		return 0, false
	case q.isLength:
		return q.v, true
	}
	return q.v, !strings.Contains(s, "(") && (u.quirks || q.v == 0)
}

// isLengthText reports whether s can be a length, with any reference.
func isLengthText(s string, quirks bool) bool {
	_, ok := length(s, units{font: defaultFont, percent: 100, quirks: quirks})
	return ok
}

// evaluate evaluates a number, a length or a function of these.
func evaluate(s string, u units, depth int) (quantity, bool) {
	const maxCalls = 16
	if depth > maxCalls || s == "" {
		return quantity{}, false
	}
	if s[len(s)-1] == ')' {
		return call(s, u, depth)
	}
	i := numberEnd(s)
	v, ok := parseNumber(s[:i])
	if !ok {
		return quantity{}, false
	}
	if i == len(s) {
		return quantity{v: v}, true
	}
	factor, ok := u.of(s[i:])
	return quantity{v: v * factor, isLength: true}, ok
}

// numberEnd returns the start of the unit; an e is part of a number only before digits.
func numberEnd(s string) int {
	for i, exponent := 0, false; i < len(s); i++ {
		c := s[i]
		if exponent && c|0x20 == 'e' {
			return i
		}
		isExponent := c == 'e' && i+1 < len(s) && (s[i+1] >= '0' && s[i+1] <= '9' || s[i+1] == '-' && i+2 < len(s) && s[i+2] >= '0' && s[i+2] <= '9')
		if (c < '0' || c > '9') && c != '.' && c != '+' && c != '-' && !isExponent {
			return i
		}
		exponent = exponent || isExponent
	}
	return len(s)
}

// of returns the pixels of one unit. CSS Values and Units Level 4, Section 6.
func (u units) of(unit string) (float64, bool) {
	switch unit {
	case "px":
		return 1, true
	case "%":
		return u.percent / 100, true
	case "em", "ic":
		return u.font, true
	case "rem", "ric":
		return defaultFont, true
	case "ex", "ch", "rch", "rex":
		return u.font / 2, true
	case "cap", "rcap":
		return u.font * 0.7, true
	case "lh", "rlh":
		return u.font * 1.2, true
	}
	if f, ok := viewportUnit(unit); ok {
		return f, true
	}
	return absoluteUnit(unit)
}

func absoluteUnit(unit string) (float64, bool) {
	const inch = 96
	switch unit {
	case "pt":
		return inch / 72.0, true
	case "pc":
		return inch / 6, true
	case "in":
		return inch, true
	case "cm":
		return inch / 2.54, true
	case "mm":
		return inch / 25.4, true
	case "q":
		return inch / 101.6, true
	}
	return 0, false
}

func viewportUnit(unit string) (float64, bool) {
	for _, kind := range []string{"s", "l", "d"} {
		if rest, ok := strings.CutPrefix(unit, kind); ok && strings.HasPrefix(rest, "v") {
			unit = rest
			break
		}
	}
	switch unit {
	case "vw", "vi", "vmax", "cqw", "cqi", "cqmax":
		return screenWidth / 100.0, true
	case "vh", "vb", "vmin", "cqh", "cqb", "cqmin":
		return screenHeight / 100.0, true
	}
	return 0, false
}

// call evaluates a mathematical function. CSS Values and Units Level 4, Section 10.
func call(s string, u units, depth int) (quantity, bool) {
	name, _, _ := strings.Cut(s, "(")
	arguments, ok := callOf(s, name)
	if !ok {
		return quantity{}, false
	}
	switch name {
	case "calc", "-webkit-calc", "":
		return sum(arguments, u, depth+1)
	case "min", "max", "clamp":
		return compareAll(name, arguments, u, depth+1)
	case "env":
		return environment(arguments, u, depth+1)
	case "anchor", "anchor-size", "attr", "if", "calc-size":
		return quantity{v: math.NaN(), isLength: true}, true
	case "abs", "round", "mod", "rem", "hypot", "sign", "pow", "sqrt", "exp", "log", "sin", "cos", "tan":
		return compute(name, arguments, u, depth+1)
	}
	return quantity{}, false
}

// environment evaluates env(): device values are unknown, and an unknown name uses its
// fallback.
func environment(arguments string, u units, depth int) (quantity, bool) {
	all := split(arguments)
	if len(all) == 2 && !strings.HasPrefix(all[0], "safe-area-") && !strings.Contains(all[0], "-inset-") {
		return sum(all[1], u, depth)
	}
	return quantity{v: math.NaN(), isLength: true}, true
}

// compute evaluates functions of numbers and lengths. CSS Values and Units Level 4,
// Sections 10.3 to 10.7.
func compute(name, arguments string, u units, depth int) (quantity, bool) {
	var all []quantity
	for _, a := range split(arguments) {
		if oneOf(a, "up", "down", "nearest", "to-zero") && name == "round" && len(all) == 0 {
			return quantity{v: math.NaN(), isLength: true}, true
		}
		q, ok := sum(a, u, depth)
		if !ok {
			return quantity{}, false
		}
		all = append(all, q)
	}
	first := all[0]
	if len(all) == 2 && (name == "mod" || name == "rem" || name == "round" || name == "hypot") && first.isLength == all[1].isLength {
		return quantity{v: ofTwo(name, first.v, all[1].v), isLength: first.isLength}, true
	}
	f, known := map[string]func(float64) float64{
		"abs": math.Abs, "hypot": math.Abs, "round": math.Round, "sqrt": math.Sqrt, "exp": math.Exp, "log": math.Log,
		"sin": math.Sin, "cos": math.Cos, "tan": math.Tan,
	}[name]
	if len(all) != 1 || !known || first.isLength && name != "abs" && name != "hypot" {
		return quantity{v: math.NaN(), isLength: first.isLength && name != "sign"}, true
	}
	return quantity{v: f(first.v), isLength: first.isLength}, true
}

func ofTwo(name string, a, b float64) float64 {
	switch name {
	case "round":
		return math.Round(a/b) * b
	case "hypot":
		return math.Hypot(a, b)
	}
	return math.Mod(a, b)
}

// compareAll evaluates min(), max() and clamp().
func compareAll(name, arguments string, u units, depth int) (quantity, bool) {
	var all []quantity
	for _, a := range split(arguments) {
		if a == "none" && name == "clamp" {
			a = map[bool]string{true: "-1e9px", false: "1e9px"}[len(all) == 0]
		}
		q, ok := sum(a, u, depth)
		if !ok || len(all) > 0 && q.isLength != all[0].isLength {
			return quantity{}, false
		}
		all = append(all, q)
	}
	return combine(name, all)
}

func combine(name string, all []quantity) (quantity, bool) {
	total := all[0]
	if name == "clamp" {
		if len(all) != 3 {
			return quantity{}, false
		}
		total.v = math.Max(total.v, math.Min(all[1].v, all[2].v))
		return total, true
	}
	for _, q := range all[1:] {
		if name == "min" {
			total.v = math.Min(total.v, q.v)
		} else {
			total.v = math.Max(total.v, q.v)
		}
	}
	return total, true
}

// sum evaluates terms between "+" and "-", which must be surrounded by white space.
func sum(s string, u units, depth int) (quantity, bool) {
	var total quantity
	operator := byte('+')
	for first := true; ; first = false {
		i := operatorIn(s)
		q, ok := product(trimSpace(s[:i]), u, depth)
		if !ok || !first && q.isLength != total.isLength {
			return quantity{}, false
		}
		if operator == '-' {
			q.v = -q.v
		}
		total = quantity{v: total.v + q.v, isLength: q.isLength}
		if i == len(s) {
			return total, true
		}
		operator = s[i+1]
		s = s[i+2:]
	}
}

// operatorIn returns the offset of a "+" or "-" surrounded by white space.
func operatorIn(s string) int {
	for i := 0; i < len(s); {
		i += endOf(s[i:], " \t\n\r\f\x01")
		if i+2 < len(s) && (s[i+1] == '+' || s[i+1] == '-') && isSpace(s[i+2]) {
			return i
		}
		i++
	}
	return len(s)
}

// product evaluates factors between "*" and "/".
func product(s string, u units, depth int) (quantity, bool) {
	total := quantity{v: 1}
	operator := byte('*')
	for {
		i := endOf(s, "*/")
		q, ok := evaluate(trimSpace(s[:i]), u, depth)
		if !ok || q.isLength && (operator == '/' || total.isLength) {
			return quantity{}, false
		}
		if operator == '/' {
			total.v /= q.v
		} else {
			total = quantity{v: total.v * q.v, isLength: total.isLength || q.isLength}
		}
		if i == len(s) {
			return total, true
		}
		operator = s[i]
		s = s[i+1:]
	}
}

// fraction parses a number or a percentage, where 100 % is 1.
func fraction(s string) (float64, bool) {
	q, ok := evaluate(s, units{font: math.NaN(), percent: 1}, 0)
	if !ok {
		return 0, false
	}
	return q.v, !q.isLength || strings.Contains(s, "%")
}

// noValue marks a custom property that was set to initial.
const noValue = "\x00"

// scope holds the custom properties of an element, and those inherited.
type scope struct {
	values map[string]string
	outer  *scope
}

func (s *scope) lookup(name string) (string, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.values[name]; ok {
			return v, v != noValue
		}
	}
	return "", false
}

// Bounds of the substitution of custom properties, which can double at each step.
const (
	maxVariables     = 16      // nested var()
	maxSubstituted   = 8 << 10 // bytes of one value
	maxSubstitutions = 1 << 20 // bytes in one document
)

// substitution substitutes var(). CSS Custom Properties Level 1, Section 3.
type substitution struct {
	vars  *scope
	spent *int // bytes substituted in the document, at most maxSubstitutions
}

func (t substitution) apply(s string, depth int) (string, bool) {
	*t.spent += len(s)
	if depth > maxVariables || *t.spent > maxSubstitutions {
		return "", false
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "var(")
		if i < 0 {
			b.WriteString(s)
			return b.String(), b.Len() <= maxSubstituted
		}
		b.WriteString(s[:i])
		s = s[i+len("var("):]
		end := endOf(s, ")")
		v, ok := t.variable(s[:end], depth)
		if b.Len() > 0 && isNameByte(b.String()[b.Len()-1]) {
			b.WriteByte(commentMark) // words do not join
		}
		if b.WriteString(v); !ok || b.Len() > maxSubstituted {
			return "", false
		}
		if s = s[min(end+1, len(s)):]; s != "" && isNameByte(s[0]) {
			b.WriteByte(commentMark)
		}
	}
}

// namesVariables reports whether each var() names a custom property.
func namesVariables(s string) bool {
	for {
		_, rest, ok := strings.Cut(s, "var(")
		if !ok {
			return true
		}
		rest = trimSpace(rest)
		if name, _ := cutName(rest); !strings.HasPrefix(name, "--") || len(name) < 3 {
			return false
		}
		s = rest
	}
}

// variable returns the value of one var(), or its fallback.
func (t substitution) variable(arguments string, depth int) (string, bool) {
	i := endOf(arguments, ",")
	if v, ok := t.vars.lookup(trimSpace(arguments[:i])); ok {
		if v, ok = t.apply(v, depth+1); ok {
			return v, true
		}
	}
	if i == len(arguments) {
		return "", false
	}
	return t.apply(trimSpace(arguments[i+1:]), depth+1)
}
