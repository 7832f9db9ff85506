package markup

import (
	"math"

	"golang.org/x/net/html"
)

// Why is the reason why a text is hidden.
type Why string

// The reasons why a text is hidden.
const (
	WhyDisplay    Why = "display-none"
	WhyVisibility Why = "visibility"
	WhyOpacity    Why = "opacity"
	WhyFontSize   Why = "font-size"
	WhyColor      Why = "color-on-color"
	WhyOffScreen  Why = "off-screen"
	WhyClipped    Why = "clipped"
	WhyZeroWidth  Why = "zero-width"
	WhyZeroHeight Why = "zero-height"
	WhyScaled     Why = "scaled"
	WhyMSOHide    Why = "mso-hide"         // in Outlook only: the text is in DisplayText too
	WhyAttribute  Why = "hidden-attribute" // the attribute hidden
	WhyDetails    Why = "details"          // closed details
	WhyElement    Why = "element"          // template and similar elements, which no client shows
	WhyComment    Why = "comment"
)

const (
	invisibleOpacity = 0.05
	invisibleFont    = 2    // pixels: letters of two are illegible
	sliver           = 1    // pixels of a clipped box
	farRight         = 4000 // pixels beyond which people do not scroll
	smallestFont     = 6    // minimum of relative sizes in browsers, in pixels
)

// style holds the inherited and computed style of an element.
type style struct {
	gone      Why // hides the whole content, whatever it declares
	clip      Why // hides in-flow content of a box without size
	clipAbs   Why // the same for absolutely positioned content
	clipFixed Why // the same for fixed content

	invisible, msoHide  bool
	pre, nowrap         bool
	rtl                 bool
	align               alignment
	fontFixed           bool // the size is independent of the document's
	outlined            bool // shadows or strokes draw the letters
	shadow              bool // in a shadow tree, which outer sheets do not reach
	contained           bool // in a query container
	moved               bool // away from the background
	flexible            bool // child of a flex or grid container
	inSVG, drawsLetters bool // within svg; within its text
	filled              bool // text-fill applies
	stroked             bool // strokeInk applies

	font, scale, opacity  float64
	indent                float64
	lineFactor, linePixel float64 // line height: times the font, or pixels; NaN for normal
	wide                  float64 // width of the containing block
	color, fill, svgFill  color
	strokeInk             color
	background            color
	place                 place
	vars                  *scope
	containers            string // names of the containers around
	quotes                string // value of the property, or ""
	box                   box
}

// alignment is the alignment of lines.
type alignment uint8

const (
	startAligned alignment = iota
	centerAligned
	endAligned
)

func alignmentOf(value string) alignment {
	switch value {
	case "right", "end", "-webkit-right", "match-parent":
		return endAligned
	case "center", "-webkit-center", "-internal-center", "middle":
		return centerAligned
	}
	return startAligned
}

// place is the start of the content, as moved by declarations. The vertical part is added
// to the height of the preceding content, of which the visitor keeps an upper bound.
type place struct {
	x, y             float64
	originX, originY float64 // of the containing block of absolute positions
	originWide       float64
	screen           bool // that block is the page
}

func rootStyle() style {
	return style{
		font: defaultFont, opacity: 1, scale: 1, lineFactor: math.NaN(), linePixel: math.NaN(), wide: screenWidth,
		color: rgb(0), svgFill: rgb(0), background: rgb(0xFFFFFF), place: place{originWide: screenWidth, screen: true},
	}
}

// hides returns why the text of the element is invisible at any place, or "".
func (s *style) hides() Why {
	switch {
	case s.gone != "":
		return s.gone
	case s.clip != "":
		return s.clip
	case s.invisible:
		return WhyVisibility
	case s.opacity < invisibleOpacity:
		return WhyOpacity
	case s.font == 0 || s.font*s.scale <= invisibleFont:
		return WhyFontSize
	case !s.outlined && s.ink().isLike(s.background):
		return WhyColor
	}
	return ""
}

// ink is the color of the letters.
func (s *style) ink() color {
	switch {
	case s.inSVG:
		return s.resolved(s.svgFill)
	case s.filled:
		return s.resolved(s.fill)
	}
	return s.color
}

func (s *style) resolved(c color) color {
	if c.state == currentColor {
		return s.color
	}
	return c
}

// styleOf computes the style of the element n within parent.
func (v *visitor) styleOf(n *html.Node, parent *style) style {
	c := v.cascadeOf(n, parent)
	s := v.computed(n, parent, c)
	if len(v.sheet.keyframes) > 0 && s.box.animation != "" && v.why(&s, 1) != "" {
		v.animate(n, parent, &s)
	}
	return s
}

// computed turns the cascaded values into a style.
func (v *visitor) computed(n *html.Node, parent *style, c *cascade) style {
	s := *parent
	s.box = box{opacity: 1, scale: 1, zoom: 1}
	s.box.clear()
	v.defaults(n, &s, parent)
	s.vars = c.vars
	c.order(func(p property, value string) { s.set(p, value, parent, v.quirks) })
	v.settle(n, &s, parent)
	return s
}

// animate finds a keyframe that shows hidden content: animations run automatically, and a
// moment of visibility is enough.
func (v *visitor) animate(n *html.Node, parent *style, s *style) {
	c := &v.cascade
	for name := range words(s.box.animation) {
		for _, frame := range v.sheet.keyframes[unescape(name)] {
			for i := range frame {
				if w := c.winners[frame[i].property]; w == nil || !w.important {
					c.win(&frame[i])
				}
			}
			shown := v.computed(n, parent, c)
			if v.why(&shown, 1) == "" {
				*s = shown
				return
			}
		}
	}
}

// set applies one declaration.
func (s *style) set(p property, value string, parent *style, quirks bool) {
	u := units{font: s.font, percent: s.wide, quirks: quirks}
	switch {
	case p == fontSize:
		s.setFont(value, parent, quirks)
	case p.isInherited():
		s.setInherited(p, value, parent, u)
	case p == backgroundColor || p == backgroundImage || p == backgroundClip || p == backgroundArea:
		s.box.setBackground(p, value)
	default:
		if value == "inherit" {
			s.box.inherit(p, &parent.box)
			return
		}
		s.box.set(p, value, u)
	}
}

// setFont computes the size; browsers limit how small relative ones get.
func (s *style) setFont(value string, parent *style, quirks bool) {
	s.fontFixed = false
	if px, ok := namedFontSize(value); ok {
		s.font = px
		return
	}
	switch value {
	case "inherit", "math":
		s.font, s.fontFixed = parent.font, parent.fontFixed
		return
	case "initial":
		s.font = defaultFont
		return
	case "smaller", "larger":
		factor := 1.2
		if value == "smaller" {
			factor = 1 / factor
		}
		s.font, s.fontFixed = parent.font*factor, parent.fontFixed
	default:
		px, ok := length(value, units{font: parent.font, percent: parent.font, quirks: quirks})
		if !ok || px < 0 {
			return
		}
		if math.IsNaN(px) {
			px = defaultFont // depends on unknown values
		}
		s.font, s.fontFixed = px, parent.fontFixed || !isRelativeSize(value)
	}
	if s.font > 0 && s.font < smallestFont && !s.fontFixed {
		s.font = smallestFont
	}
}

// isRelativeSize reports whether a size is one of em, ex or percent.
func isRelativeSize(value string) bool {
	unit := value[numberEnd(value):]
	return unit == "%" || unit == "em" || unit == "ex" || unit == "ch" || unit == "ic" || unit == "cap"
}

// setInherited sets an inherited property.
func (s *style) setInherited(p property, value string, parent *style, u units) {
	switch p {
	case visibility:
		s.invisible = oneOf(value, "hidden", "collapse") || value == "inherit" && parent.invisible
	case msoHide:
		s.msoHide = value == "all" || value == "inherit" && parent.msoHide
	case textColor:
		s.setColor(value, parent)
	case textFill:
		s.filled = value != "initial" && (value != "inherit" || parent.filled)
		s.fill = pick(value, parent.fill, color{state: currentColor})
	case svgFill, svgFillOpacity:
		s.setSVGFill(p, value, parent)
	case textShadow:
		s.outlined = value == "inherit" && parent.outlined || s.drawsShadow(value)
	case strokeColor:
		s.strokeInk = pick(value, parent.strokeInk, color{state: currentColor})
		s.stroked = value != "initial"
	case textStroke, svgStroke:
		s.outlined = value == "inherit" && parent.outlined || s.draws(value, p == textStroke) || s.outlined
	default:
		s.setLine(p, value, parent, u)
	}
}

// setLine sets the appearance of lines.
func (s *style) setLine(p property, value string, parent *style, u units) {
	switch p {
	case direction:
		s.rtl = value == "rtl" || value == "inherit" && parent.rtl
	case textAlign:
		if s.align = alignmentOf(value); value == "inherit" {
			s.align = parent.align
		}
	case quotes:
		if s.quotes = value; value == "inherit" {
			s.quotes = parent.quotes
		}
	case whiteSpace:
		s.setWhiteSpace(value, parent)
	case textIndent:
		if !isGlobal(value) {
			value = indentOf(value)
		}
		s.indent = lengthOr(value, u, parent.indent, 0)
	case lineHeight:
		s.setLineHeight(value, parent, u)
	default:
	}
}

func (s *style) setColor(value string, parent *style) {
	if s.color = pick(value, parent.color, rgb(0)); s.color.state == currentColor {
		s.color = parent.color
	}
}

// pick parses a color, or uses that of the parent or the initial one.
func pick(value string, inherited, initial color) color {
	switch value {
	case "inherit":
		return inherited
	case "initial":
		return initial
	}
	return cssColor(value)
}

func (s *style) setSVGFill(p property, value string, parent *style) {
	if p == svgFillOpacity {
		if f, ok := fraction(value); ok && s.svgFill.state == knownColor {
			s.svgFill.a = toByte(f)
		}
		return
	}
	switch {
	case value == "none":
		s.svgFill = transparent()
	case value == "context-fill" || len(value) > len(cssFunction) && value[:len(cssFunction)] == cssFunction:
		s.svgFill = color{}
	default:
		s.svgFill = pick(value, parent.svgFill, rgb(0))
	}
}

// draws reports whether a stroke is visible: its color differs from the background, and for
// letters it has a width.
func (s *style) draws(value string, needsWidth bool) bool {
	if value == "none" || value == "inherit" || value == "initial" {
		return false
	}
	ink, wide, numbers := s.color, false, 0
	if s.stroked && needsWidth {
		ink = s.resolved(s.strokeInk)
	}
	for w := range words(value) {
		if c, ok := parseColor(w); ok {
			ink = s.resolved(c)
			continue
		}
		if px, ok := length(w, units{font: s.font}); ok {
			numbers++
			wide = wide || px > 0
		}
		wide = wide || oneOf(w, "thin", "medium", "thick")
	}
	return !ink.isLike(s.background) && (wide || numbers == 0 && !needsWidth)
}

func (s *style) setWhiteSpace(value string, parent *style) {
	if value == "inherit" {
		s.pre, s.nowrap = parent.pre, parent.nowrap
		return
	}
	s.pre = oneOf(value, "pre", "pre-wrap", "pre-line", "break-spaces", "preserve", "preserve-breaks")
	s.nowrap = oneOf(value, "pre", "nowrap")
}

func (s *style) setLineHeight(value string, parent *style, u units) {
	s.lineFactor, s.linePixel = math.NaN(), math.NaN()
	switch value {
	case "normal", "initial":
		return
	case "inherit":
		s.lineFactor, s.linePixel = parent.lineFactor, parent.linePixel
		return
	}
	if f, ok := parseNumber(value); ok {
		s.lineFactor = f
		return
	}
	u.percent = u.font
	if px, ok := length(value, u); ok {
		s.linePixel = px
	}
}

// line returns the height of a line, NaN if the font decides.
func (s *style) line() float64 {
	if !math.IsNaN(s.linePixel) {
		return s.linePixel
	}
	return s.lineFactor * s.font
}

// lengthOr parses a length, or uses that of the parent or the initial one.
func lengthOr(value string, u units, inherited, initial float64) float64 {
	switch value {
	case "inherit":
		return inherited
	case "initial":
		return initial
	}
	px, ok := length(value, u)
	if !ok {
		return initial
	}
	return px
}
