package markup

import (
	"strings"
)

// property is a CSS property that affects visibility.
type property uint8

const (
	noProperty property = iota
	customProperty
	allProperties
	display
	visibility
	opacity
	fontSize
	textColor
	textFill
	strokeColor
	textStroke
	textShadow
	svgFill
	svgFillOpacity
	svgStroke
	backgroundColor
	backgroundImage
	backgroundClip
	backgroundArea
	overflowX
	overflowY
	width
	height
	maxWidth
	maxHeight
	minWidth
	minHeight
	position
	left
	top
	right
	bottom
	float
	flexGrow
	textIndent
	textAlign
	direction
	whiteSpace
	marginLeft
	marginTop
	marginRight
	marginBottom
	paddingLeft
	paddingTop
	paddingRight
	paddingBottom
	border
	clipRect
	clipPath
	transform
	translate
	scale
	rotate
	zoom
	msoHide
	lineHeight
	filter
	blend
	contentVisibility
	contain
	containerType
	containerName
	intrinsicSize
	clipMargin
	boxSizing
	mask
	animation
	content
	counterReset
	counterIncrement
	counterSet
	colorScheme
	listStyle
	quotes
	propertyCount
)

// declaration is one property with its value, in lower case except for content and custom
// properties.
type declaration struct {
	property  property
	name      string // of a custom property, or of one whose value has var()
	value     string
	important bool
	variable  bool // the value needs substitution of var()
}

// propertyOf returns the property with a name; some have several names.
func propertyOf(name string) property {
	switch name {
	case "display":
		return display
	case "visibility":
		return visibility
	case "opacity", "-webkit-opacity":
		return opacity
	case "all":
		return allProperties
	case "mso-hide":
		return msoHide
	case "zoom":
		return zoom
	case "content":
		return content
	case "color-scheme":
		return colorScheme
	case "list-style-type", "list-style":
		return listStyle
	case "quotes":
		return quotes
	}
	for _, look := range [...]func(string) property{textProperty, boxProperty, edgeProperty, effectProperty} {
		if p := look(name); p != noProperty {
			return p
		}
	}
	return noProperty
}

func textProperty(name string) property {
	switch name {
	case "font-size":
		return fontSize
	case "color":
		return textColor
	case "-webkit-text-fill-color":
		return textFill
	case "-webkit-text-stroke", "-webkit-text-stroke-width":
		return textStroke
	case "-webkit-text-stroke-color":
		return strokeColor
	case "text-shadow":
		return textShadow
	case "fill":
		return svgFill
	case "fill-opacity":
		return svgFillOpacity
	case "stroke":
		return svgStroke
	case "text-indent":
		return textIndent
	case "text-align":
		return textAlign
	case "direction":
		return direction
	case "white-space", "text-wrap", "text-wrap-mode", "white-space-collapse":
		return whiteSpace
	case "line-height":
		return lineHeight
	}
	return noProperty
}

func boxProperty(name string) property {
	switch name {
	case "background-color":
		return backgroundColor
	case "background-image":
		return backgroundImage
	case "background-clip", "-webkit-background-clip":
		return backgroundClip
	case "background-size", "background-position", "background-repeat", "background-position-x", "background-position-y":
		return backgroundArea
	case "overflow-x", "overflow-inline":
		return overflowX
	case "overflow-y", "overflow-block":
		return overflowY
	case "width", "inline-size":
		return width
	case "height", "block-size":
		return height
	case "max-width", "max-inline-size":
		return maxWidth
	case "max-height", "max-block-size":
		return maxHeight
	case "min-width", "min-inline-size":
		return minWidth
	case "min-height", "min-block-size":
		return minHeight
	case "position":
		return position
	case "float":
		return float
	case "flex-grow":
		return flexGrow
	}
	return noProperty
}

func edgeProperty(name string) property {
	switch name {
	case "left", "inset-inline-start":
		return left
	case "top", "inset-block-start":
		return top
	case "right", "inset-inline-end":
		return right
	case "bottom", "inset-block-end":
		return bottom
	case "margin-left", "margin-inline-start", "-webkit-margin-start":
		return marginLeft
	case "margin-top", "margin-block-start", "-webkit-margin-before":
		return marginTop
	case "margin-right", "margin-inline-end", "-webkit-margin-end":
		return marginRight
	case "margin-bottom", "margin-block-end", "-webkit-margin-after":
		return marginBottom
	case "padding-left", "padding-inline-start", "-webkit-padding-start":
		return paddingLeft
	case "padding-top", "padding-block-start":
		return paddingTop
	case "padding-right", "padding-inline-end":
		return paddingRight
	case "padding-bottom", "padding-block-end":
		return paddingBottom
	}
	return noProperty
}

func effectProperty(name string) property {
	switch name {
	case "clip":
		return clipRect
	case "clip-path", "-webkit-clip-path":
		return clipPath
	case "transform", "-webkit-transform":
		return transform
	case "translate":
		return translate
	case "scale":
		return scale
	case "rotate":
		return rotate
	case "filter", "-webkit-filter":
		return filter
	case "mix-blend-mode", "backdrop-filter", "-webkit-backdrop-filter":
		return blend
	case "content-visibility":
		return contentVisibility
	case "contain":
		return contain
	case "container-type":
		return containerType
	case "container-name":
		return containerName
	case "contain-intrinsic-size", "contain-intrinsic-height", "contain-intrinsic-block-size":
		return intrinsicSize
	case "overflow-clip-margin":
		return clipMargin
	case "box-sizing", "-webkit-box-sizing":
		return boxSizing
	case "mask", "mask-image", "-webkit-mask", "-webkit-mask-image":
		return mask
	case "animation-name", "-webkit-animation-name":
		return animation
	case "counter-reset":
		return counterReset
	case "counter-increment":
		return counterIncrement
	case "counter-set":
		return counterSet
	}
	return noProperty
}

// isInherited reports whether the property is inherited.
func (p property) isInherited() bool {
	switch p {
	case visibility, fontSize, textColor, textFill, strokeColor, textStroke, textShadow, svgFill, svgFillOpacity, svgStroke, textIndent, textAlign,
		direction, whiteSpace, msoHide, lineHeight, quotes:
		return true
	default:
		return false
	}
}

// sheetParser parses declarations and rules.
type sheetParser struct {
	quirks bool
}

// declarations returns the relevant declarations, in order. Invalid ones are dropped, so
// that an earlier one applies. CSS Syntax, Section 9.
func (p *sheetParser) declarations(css string) []declaration {
	css = closed(css)
	out := make([]declaration, 0, min(1+strings.Count(css, ";"), maxAttributes))
	for css != "" {
		i := endOf(css, ";")
		out = p.declaration(css[:i], out)
		css = css[min(i+1, len(css)):]
	}
	return out
}

func (p *sheetParser) declaration(css string, out []declaration) []declaration {
	css = trimSpace(css)
	if css == "" {
		return out
	}
	name, rest := cutName(css)
	rest = trimSpace(rest)
	if name == "" || !strings.HasPrefix(rest, ":") {
		return out
	}
	value, important := cutImportant(trimSpace(rest[1:]))
	if strings.HasPrefix(name, "--") {
		if strings.EqualFold(value, "initial") {
			value = noValue
		}
		return append(out, declaration{property: customProperty, name: name, value: value, important: important})
	}
	return p.expand(strings.ToLower(name), value, important, out)
}

// cutImportant cuts "!important", which may contain white space.
func cutImportant(s string) (value string, important bool) {
	i := strings.LastIndexByte(s, '!')
	if i < 0 || !strings.EqualFold(unescape(trimSpace(s[i+1:])), "important") {
		return s, false
	}
	return trimSpace(s[:i]), true
}

// expand adds the declarations of a name and its value, if the value is valid.
func (p *sheetParser) expand(name, value string, important bool, out []declaration) []declaration {
	id := propertyOf(name)
	if id == noProperty && !isShorthand(name) {
		return out
	}
	if id != content && id != listStyle && id != quotes {
		value = keyword(value)
	}
	d := declaration{property: id, name: name, value: value, important: important}
	if strings.Contains(value, "var(") && (id != noProperty || isShorthand(name)) {
		if !namesVariables(value) {
			return out
		}
		d.variable = true
		return append(out, d)
	}
	if id == noProperty {
		return p.shorthand(name, value, important, out)
	}
	if isGlobal(value) || p.isValid(id, value) {
		return append(out, d)
	}
	return out
}

// keyword converts a value to lower case and decodes its escapes, outside of strings. Names
// of custom properties keep their case.
func keyword(s string) string {
	s = lowerKeywords(s)
	if strings.IndexByte(s, '\\') >= 0 && !strings.ContainsAny(s, `"'`) && !strings.Contains(s, "\\\n") {
		return unescapeName(s)
	}
	return s
}

func lowerKeywords(s string) string {
	lower := strings.ToLower(s)
	if lower == s || len(lower) != len(s) || !strings.Contains(lower, "var(") {
		return lower
	}
	var b strings.Builder
	for s != "" {
		i := strings.Index(s, "--")
		if i < 0 {
			break
		}
		name, _ := cutName(s[i:])
		n := i + max(min(len(name), len(s)-i), 2)
		b.WriteString(lower[:i])
		b.WriteString(s[i:n])
		s, lower = s[n:], lower[n:]
	}
	b.WriteString(lower)
	return b.String()
}

func isGlobal(value string) bool {
	switch value {
	case "inherit", "initial", "unset", "revert", "revert-layer":
		return true
	}
	return false
}

func isShorthand(name string) bool {
	switch name {
	case "background", "font", "margin", "padding", "inset", "overflow", "flex", "border", "container", "animation", "-webkit-animation",
		"border-top", "border-left", "border-right", "border-bottom", "border-width", "outline", "box-shadow", "border-block", "border-inline",
		"border-image", "outline-width", "border-top-width", "border-bottom-width":
		return true
	}
	return strings.HasPrefix(name, "margin-") || strings.HasPrefix(name, "padding-") || strings.HasPrefix(name, "inset-")
}

// shorthand adds the declarations of a shorthand property.
func (p *sheetParser) shorthand(name, value string, important bool, out []declaration) []declaration {
	add := func(id property, value string) {
		if isGlobal(value) || p.isValid(id, value) {
			out = append(out, declaration{property: id, name: name, value: value, important: important})
		}
	}
	switch name {
	case "background":
		p.background(value, add)
	case "font":
		p.font(value, add)
	case "margin":
		p.sides(value, []property{marginTop, marginRight, marginBottom, marginLeft}, add)
	case "padding":
		p.sides(value, []property{paddingTop, paddingRight, paddingBottom, paddingLeft}, add)
	case "inset":
		p.sides(value, []property{top, right, bottom, left}, add)
	case "margin-inline":
		p.sides(value, []property{marginLeft, marginRight}, add)
	case "margin-block":
		p.sides(value, []property{marginTop, marginBottom}, add)
	case "padding-inline":
		p.sides(value, []property{paddingLeft, paddingRight}, add)
	case "padding-block":
		p.sides(value, []property{paddingTop, paddingBottom}, add)
	case "inset-inline":
		p.sides(value, []property{left, right}, add)
	case "inset-block":
		p.sides(value, []property{top, bottom}, add)
	case "overflow":
		p.sides(value, []property{overflowX, overflowY}, add)
	default:
		p.shorthandOfBox(name, value, add)
	}
	return out
}

func (p *sheetParser) shorthandOfBox(name, value string, add func(property, string)) {
	switch name {
	case "flex":
		add(flexGrow, flexGrowOf(value))
	case "container":
		names, kind, _ := strings.Cut(value, "/")
		add(containerName, trimSpace(names))
		add(containerType, trimSpace(kind))
	case "animation", "-webkit-animation":
		add(animation, value)
	case "border", "border-top", "border-left", "border-right", "border-bottom", "border-width", "outline", "box-shadow",
		"border-block", "border-inline", "border-image", "outline-width", "border-top-width", "border-bottom-width":
		add(border, value)
	}
}

func flexGrowOf(value string) string {
	for w := range words(value) {
		switch w {
		case "none", "0":
			return "0"
		case "auto", "1":
			return "1"
		}
		if _, ok := parseNumber(w); ok {
			return w
		}
	}
	return value
}

// sides expands one to four values. CSS 2.1, Section 8.3.
func (p *sheetParser) sides(value string, to []property, add func(property, string)) {
	var all []string
	for w := range words(value) {
		if !isGlobal(w) && !p.isValid(to[0], w) || len(all) == len(to) {
			return
		}
		all = append(all, w)
	}
	if len(all) == 0 {
		return
	}
	for i, id := range to {
		switch {
		case i < len(all):
			add(id, all[i])
		case i < 2:
			add(id, all[0])
		default:
			add(id, all[min(i-2, len(all)-1)])
		}
	}
}

// background takes the color and the presence of a picture.
func (p *sheetParser) background(value string, add func(property, string)) {
	picture, shade, area, part := "none", "initial", "initial", "initial"
	if isGlobal(value) {
		picture, shade, area = value, value, value
	}
	for w := range words(value) {
		switch {
		case isPicture(w):
			picture = w
		case w == "," && shade != "initial": // only the last layer has a color
			return
		case oneOf(w, "/", "no-repeat", "repeat-x", "repeat-y", "space", "round"):
			part = "part"
		case w == "text":
			area = "text"
		case w != "0" && p.isValid(backgroundColor, w):
			shade = w
		case !isBackgroundWord(w, p.quirks):
			return
		}
	}
	add(backgroundColor, shade)
	add(backgroundImage, picture)
	add(backgroundClip, area)
	add(backgroundArea, part)
}

func isPicture(w string) bool {
	return strings.HasPrefix(w, cssFunction) || strings.Contains(w, "gradient(") || strings.Contains(w, "image(") ||
		strings.HasPrefix(w, "image-set(") || strings.HasPrefix(w, "cross-fade(") || strings.HasPrefix(w, "-webkit-image-set(") ||
		strings.HasPrefix(w, "element(") || strings.HasPrefix(w, "paint(")
}

func isBackgroundWord(w string, quirks bool) bool {
	switch w {
	case "none", "inherit", "initial", "unset", "revert", ",", "/", "repeat", "no-repeat", "repeat-x", "repeat-y", "space", "round", "scroll", "fixed",
		"local", "left", "right", "top", "bottom", "center", "cover", "contain", "auto", "border-box", "padding-box", "content-box",
		"border-area":
		return true
	}
	return isLengthText(w, quirks)
}

// font takes the size: "bold 12px/1.5 Arial". A system font has its own size.
func (p *sheetParser) font(value string, add func(property, string)) {
	switch value {
	case "caption", "icon", "menu", "message-box", "small-caption", "status-bar", "-webkit-mini-control", "-webkit-small-control", "-webkit-control":
		add(fontSize, "13.333px")
		add(lineHeight, "normal")
		return
	}
	if isGlobal(value) {
		add(fontSize, value)
		add(lineHeight, value)
		return
	}
	size, height, before, family, slash := "", "normal", "", false, false
	for w := range words(value) {
		switch {
		case w == "/":
			slash = size != ""
		case slash:
			height, slash = w, false
		case size != "" && (w == "," && !family || w == "!" || strings.HasSuffix(w, "!")):
			return
		case size != "":
			family = true
		case isFontWord(w) && w != "normal" && (strings.Contains(" "+before+" ", " "+w+" ")):
			return
		case p.isValid(fontSize, w) && !isFontWord(w):
			size = w
		case !isFontWord(w):
			return
		default:
			before += " " + w
		}
	}
	if size != "" && family {
		add(fontSize, size)
		add(lineHeight, height)
	}
}

// isFontWord reports whether a word may precede the size: a style, variant or weight.
func isFontWord(w string) bool {
	switch w {
	case "normal", "italic", "oblique", "bold", "bolder", "lighter", "small-caps":
		return true
	}
	if strings.HasSuffix(w, "deg") || strings.HasSuffix(w, "condensed") || strings.HasSuffix(w, "expanded") {
		return true
	}
	v, ok := parseNumber(w)
	return ok && v >= 1 && v <= 1000
}
