package markup

import (
	"strings"
)

// isValid reports whether browsers accept a value for a property. An invalid one leaves an
// earlier declaration in force.
func (p *sheetParser) isValid(id property, value string) bool {
	if value == "" {
		return false
	}
	switch id {
	case allProperties:
		return isGlobal(value)
	case fontSize:
		return isFontSize(value, p.quirks)
	case textColor, textFill, strokeColor, backgroundColor:
		return p.isColor(value)
	case svgFill, svgStroke:
		return value == "none" || strings.HasPrefix(value, cssFunction) || value == "context-fill" || value == "context-stroke" || p.isColor(value)
	case opacity, svgFillOpacity, zoom:
		v, ok := fraction(value)
		if id == zoom && v < 0 {
			return false
		}
		return ok || id == zoom && (value == "normal" || value == "reset")
	case width, height, minWidth, minHeight, maxWidth, maxHeight:
		return p.isSize(id, value)
	case left, top, right, bottom, marginLeft, marginTop, marginRight, marginBottom:
		return value == "auto" || isLengthText(value, p.quirks)
	case paddingLeft, paddingTop, paddingRight, paddingBottom:
		return isLengthText(value, p.quirks) && value[0] != '-'
	case textIndent:
		return isLengthText(indentOf(value), p.quirks)
	case lineHeight:
		return isLineHeight(value)
	case flexGrow:
		v, ok := parseNumber(value)
		return ok && v >= 0
	default:
		return isValidKeyword(id, value)
	}
}

// indentOf returns the length of an indent without its keywords.
func indentOf(value string) string {
	for w := range words(value) {
		if w != "hanging" && w != "each-line" {
			return w
		}
	}
	return ""
}

// isColor accepts numbers without "#" in quirks mode. Quirks Mode Standard, Section 3.1.
func (p *sheetParser) isColor(value string) bool {
	if _, ok := parseColor(value); ok {
		return true
	}
	return p.quirks && (len(value) == 3 || len(value) == 6) && isHexText(value)
}

func isHexText(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return s != ""
}

// cssColor reads the color of a valid declaration.
func cssColor(value string) color {
	c, ok := parseColor(value)
	if !ok && isHexText(value) {
		c, _ = hexColor(value)
	}
	return c
}

func isFontSize(value string, quirks bool) bool {
	if _, ok := namedFontSize(value); ok || value == "smaller" || value == "larger" || value == "math" {
		return true
	}
	px, ok := length(value, units{font: defaultFont, percent: 100, quirks: quirks})
	return ok && !(px < 0)
}

// namedFontSize returns the pixels of a keyword.
func namedFontSize(value string) (float64, bool) {
	switch value {
	case "xx-small":
		return 9, true
	case "x-small":
		return 10, true
	case "small":
		return 13, true
	case "medium":
		return defaultFont, true
	case "large":
		return 18, true
	case "x-large":
		return 24, true
	case "xx-large":
		return 32, true
	case "xxx-large", "-webkit-xxx-large":
		return 48, true
	}
	return 0, false
}

func (p *sheetParser) isSize(id property, value string) bool {
	switch value {
	case "auto":
		return id != maxWidth && id != maxHeight
	case "none":
		return id == maxWidth || id == maxHeight
	case "min-content", "max-content", "fit-content", "stretch", "-webkit-fill-available", "-webkit-fit-content", "intrinsic", "min-intrinsic",
		"-webkit-min-content", "-webkit-max-content":
		return true
	}
	return isLengthText(value, p.quirks) && value[0] != '-' || strings.HasPrefix(value, "fit-content(") || strings.HasPrefix(value, "calc-size(")
}

func isLineHeight(value string) bool {
	if v, ok := parseNumber(value); ok {
		return v >= 0
	}
	return value == "normal" || isLengthText(value, false) && value[0] != '-'
}

func isValidKeyword(id property, value string) bool {
	switch id {
	case display:
		return isDisplay(value)
	case visibility:
		return value == "visible" || value == "hidden" || value == "collapse"
	case overflowX, overflowY:
		return oneOf(value, "visible", "hidden", "clip", "scroll", "auto", "overlay", "-webkit-paged-x", "-webkit-paged-y")
	case position:
		return oneOf(value, "static", "relative", "absolute", "fixed", "sticky", "-webkit-sticky")
	case float:
		return oneOf(value, "none", "left", "right", "inline-start", "inline-end")
	case textAlign:
		return oneOf(value, "left", "right", "center", "justify", "start", "end", "match-parent", "-webkit-center", "-webkit-left",
			"-webkit-right", "-webkit-auto", "-internal-center")
	case direction:
		return value == "ltr" || value == "rtl"
	case contentVisibility:
		return oneOf(value, "visible", "hidden", "auto")
	case clipRect:
		return value == "auto" || strings.HasPrefix(value, "rect(") && isRect(value)
	case clipPath:
		return isClipPath(value)
	case transform, filter:
		return value == "none" || isFunctions(value)
	case scale, translate, rotate:
		return value == "none" || strings.ContainsAny(value, "0123456789")
	case whiteSpace:
		return isWhiteSpace(value)
	case boxSizing:
		return oneOf(value, "border-box", "content-box")
	case contain:
		return isContain(value)
	case content:
		return isContent(value)
	case msoHide:
		return oneOf(value, "all", "screen", "none")
	default:
		return true
	}
}

func isWhiteSpace(value string) bool {
	for w := range words(value) {
		if !oneOf(w, "normal", "nowrap", "pre", "pre-wrap", "pre-line", "break-spaces", "wrap", "collapse", "preserve", "preserve-breaks",
			"preserve-spaces", "balance", "pretty", "stable", "-webkit-nowrap", "-webkit-pre-wrap", "-moz-pre-wrap") {
			return false
		}
	}
	return true
}

func isContain(value string) bool {
	if oneOf(value, "none", "strict", "content") {
		return true
	}
	for w := range words(value) {
		if !oneOf(w, "size", "inline-size", "block-size", "layout", "style", "paint") {
			return false
		}
	}
	return true
}

func oneOf(value string, of ...string) bool {
	for _, v := range of {
		if v == value {
			return true
		}
	}
	return false
}

// isContent reports whether a value consists of texts, pictures and counters, or is one
// keyword.
func isContent(value string) bool {
	if lower := strings.ToLower(value); lower == "normal" || lower == "none" {
		return true
	}
	for w := range words(value) {
		switch {
		case w[0] == '"', w[0] == '\'', w == "/", strings.HasSuffix(w, ")") && isContentFunction(w):
		case oneOf(strings.ToLower(w), "open-quote", "close-quote", "no-open-quote", "no-close-quote"):
		default:
			return false
		}
	}
	return true
}

func isContentFunction(w string) bool {
	name, _, _ := strings.Cut(strings.ToLower(w), "(")
	return oneOf(name, "attr", "counter", "counters") || isPicture(strings.ToLower(w))
}

// isFunctions reports whether value consists of non-empty functions.
func isFunctions(value string) bool {
	for w := range words(value) {
		name, _, ok := strings.Cut(w, "(")
		arguments, isCall := callOf(w, name)
		if !ok || !isCall || !isEffect(name) || !takes(name, arguments) {
			return false
		}
	}
	return true
}

// takes reports whether the argument of a rotation is an angle, and that of opacity() is
// not negative. CSS Transforms Level 1, Section 11.
func takes(name, argument string) bool {
	switch name {
	case "rotate", "rotatex", "rotatey", "rotatez", "skewx", "skewy":
		return trimSpace(argument) == "0" || isTimeOrAngle(trimSpace(argument)) || strings.HasSuffix(argument, ")")
	case "opacity":
		return !strings.HasPrefix(trimSpace(argument), "-")
	}
	return true
}

func isEffect(name string) bool {
	switch name {
	case "translate", "translatex", "translatey", "translatez", "translate3d", "scale", "scalex", "scaley", "scalez", "scale3d", "rotate",
		"rotatex", "rotatey", "rotatez", "rotate3d", "skew", "skewx", "skewy", "matrix", "matrix3d", "perspective",
		"opacity", "blur", "brightness", "contrast", "grayscale", "hue-rotate", "invert", "saturate", "sepia", "drop-shadow", "url":
		return true
	}
	return false
}

func isClipPath(value string) bool {
	if oneOf(value, "none", "border-box", "padding-box", "content-box", "margin-box", "fill-box", "stroke-box", "view-box") {
		return true
	}
	for w := range words(value) {
		name, _, ok := strings.Cut(w, "(")
		if ok && oneOf(name, "inset", "circle", "ellipse", "polygon", "path", "rect", "xywh", "shape", "url") {
			return strings.HasSuffix(w, ")")
		}
	}
	return false
}

// isDisplay lists the values that browsers support. CSS Display Level 3.
func isDisplay(value string) bool {
	switch value {
	case "none", "inline", "block", "inline-block", "table", "inline-table", "table-row", "table-row-group", "table-header-group",
		"table-footer-group", "table-cell", "table-caption", "table-column", "table-column-group", "flex", "inline-flex", "grid",
		"inline-grid", "list-item", "contents", "flow-root", "ruby", "ruby-text", "math", "-webkit-box", "-webkit-inline-box",
		"-webkit-flex", "-webkit-inline-flex", "flow", "block math", "inline math", "grid-lanes", "inline-grid-lanes":
		return true
	}
	outer, inner, two := strings.Cut(value, " ")
	return two && oneOf(outer, "block", "inline") && oneOf(inner, "flow", "flow-root", "table", "flex", "grid", "ruby", "flow list-item", "list-item") ||
		value == "list-item block" || value == "list-item inline"
}
