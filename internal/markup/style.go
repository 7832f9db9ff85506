package markup

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Why names what hides a text.
type Why string

// What hides text.
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
	WhyElement    Why = "element"          // template and the like, which no client shows
	WhyComment    Why = "comment"
)

const (
	invisibleOpacity = 0.05
	invisibleFont    = 2    // pixels: two are no letters
	sliver           = 1    // pixels of a clipped box
	farAway          = -500 // pixels beyond the edge
)

// style is what an element inherits and is.
type style struct {
	gone       Why // hides everything within, whatever that says
	invisible  bool
	msoHide    bool
	pre        bool
	font       float64 // pixels
	opacity    float64 // of all ancestors together
	color      color
	background color
	box        box // of the element itself, not inherited
}

// box is what the declarations of one element say about its place.
type box struct {
	display                           string
	opacity                           float64
	overflowHidden, positioned        bool
	flat, narrow, lines, far, clipped bool
	scaled                            bool
}

func rootStyle() style {
	return style{font: defaultFont, opacity: 1, color: rgb(0), background: rgb(0xFFFFFF)}
}

// hides returns why the text of the element cannot be seen, or "".
func (s *style) hides() Why {
	switch {
	case s.gone != "":
		return s.gone
	case s.invisible:
		return WhyVisibility
	case s.opacity < invisibleOpacity:
		return WhyOpacity
	case s.font <= invisibleFont:
		return WhyFontSize
	case s.color.state == transparentColor || s.color.isLike(s.background):
		return WhyColor
	}
	return ""
}

// styleOf computes the style of the element n within parent: presentational attributes
// first, then sheets by specificity, then the style attribute, then what is important.
func (v *visitor) styleOf(n *html.Node, parent style) style {
	s := parent
	s.box = box{opacity: 1}
	v.fromAttributes(n, &s)
	inline := v.inline(attr(n, "style"))
	v.matched = v.sheet.matching(n, v.matched[:0])
	if len(v.matched) > 1 {
		slices.SortFunc(v.matched, func(a, b *rule) int {
			if a.selector.specificity != b.selector.specificity {
				return a.selector.specificity - b.selector.specificity
			}
			return a.order - b.order
		})
	}
	for _, important := range []bool{false, true} {
		for _, r := range v.matched {
			s.apply(r.declarations, important, parent.font)
		}
		s.apply(inline, important, parent.font)
	}
	s.settle(n)
	return s
}

// inline reads a style attribute; documents repeat the same few.
func (v *visitor) inline(css string) []declaration {
	if css == "" {
		return nil
	}
	if ds, ok := v.styles[css]; ok {
		return ds
	}
	ds := parseDeclarations(withoutComments(css))
	v.doc.work += len(css)
	if len(v.styles) < maxStyles {
		v.styles[css] = ds
	}
	return ds
}

func (v *visitor) fromAttributes(n *html.Node, s *style) {
	for i := range n.Attr {
		value := n.Attr[i].Val
		switch n.Attr[i].Key {
		case "bgcolor":
			s.paint(parseColor(strings.ToLower(value)))
		case "background":
			s.background = color{}
		case "color", "text":
			if n.DataAtom == atom.Font || n.DataAtom == atom.Body {
				s.color = parseColor(strings.ToLower(value))
			}
		}
	}
	switch n.DataAtom {
	case atom.A:
		if hasAttr(n, "href") {
			s.color = rgb(0x0000EE)
		}
	case atom.Pre, atom.Textarea:
		s.pre = true
	default:
	}
}

// paint puts a color behind the text; one that is not known may be a picture.
func (s *style) paint(c color) {
	if c.state != transparentColor {
		s.background = c
	}
}

func (s *style) apply(ds []declaration, important bool, parentFont float64) {
	for i := range ds {
		if ds[i].important == important {
			s.set(ds[i].property, ds[i].value, parentFont)
		}
	}
}

func (s *style) set(property, value string, parentFont float64) {
	switch property {
	case "font-size":
		s.font = fontSize(value, parentFont, s.font)
	case "font":
		s.shorthand(value, parentFont)
	case "color", "-webkit-text-fill-color":
		if value != "inherit" {
			s.color = parseColor(value)
		}
	case "background", "background-color", "background-image":
		s.setBackground(property, value)
	case "visibility":
		s.invisible = value == "hidden" || value == "collapse" || value == "inherit" && s.invisible
	case "opacity":
		if f, ok := fraction(value, 1); ok {
			s.box.opacity = f
		}
	case "filter":
		if strings.Contains(value, "opacity(0") && !strings.Contains(value, "opacity(0.") || strings.Contains(value, "opacity=0)") {
			s.box.opacity = 0
		}
	case "mso-hide":
		s.msoHide = value == "all"
	default:
		s.box.set(property, value, s.font)
	}
}

// setBackground takes the color; a picture hides what color there is.
func (s *style) setBackground(property, value string) {
	if strings.Contains(value, "url(") || strings.Contains(value, "gradient") {
		s.background = color{}
		return
	}
	if property == "background-image" || value == "none" || value == "inherit" || value == "initial" {
		return
	}
	c := parseColor(value)
	if c.state == unknownColor && property == "background" {
		for word := range strings.FieldsSeq(value) {
			if c = parseColor(word); c.state != unknownColor {
				break
			}
		}
	}
	s.paint(c)
}

// shorthand finds the size in a font declaration: "bold 12px/1.5 Arial".
func (s *style) shorthand(value string, parentFont float64) {
	for word := range strings.FieldsSeq(value) {
		size, _, _ := strings.Cut(word, "/")
		if size == "" {
			continue
		}
		if size == "0" || size[0] >= '0' && size[0] <= '9' && size[len(size)-1] >= 'a' || strings.HasSuffix(size, "%") {
			s.font = fontSize(size, parentFont, s.font)
			return
		}
	}
}

func fontSize(value string, parent, otherwise float64) float64 {
	switch value {
	case "xx-small":
		return 9
	case "x-small":
		return 10
	case "small":
		return 13
	case "medium", "initial":
		return defaultFont
	case "large":
		return 18
	case "x-large", "xx-large":
		return 24
	case "smaller":
		return parent * 0.83
	case "larger":
		return parent * 1.2
	}
	if v, ok := length(value, parent); ok && v >= 0 {
		return v
	}
	return otherwise
}

func (b *box) set(property, value string, font float64) {
	pixels, isLength := length(value, font)
	small := isLength && pixels >= 0 && pixels <= sliver
	switch property {
	case "display":
		b.display = value
	case "content-visibility":
		b.clipped = value == "hidden"
	case "overflow", "overflow-x", "overflow-y":
		b.overflowHidden = value == "hidden" || value == "clip"
	case "width", "max-width":
		b.narrow = small || b.narrow && property == "width" && !isLength
	case "height", "max-height":
		b.flat = small || b.flat && property == "height"
	case "line-height":
		b.lines = small && !strings.HasPrefix(value, "1") || value == "1px"
	case "position":
		b.positioned = value == "absolute" || value == "fixed" || value == "relative"
	case "left", "top", "right", "bottom", "text-indent", "margin-left", "margin-top":
		b.far = b.far || isLength && pixels <= farAway
	case "margin":
		b.far = b.far || hasFar(value)
	case "clip", "clip-path":
		b.clipped = clipsAll(value)
	case "transform":
		b.scaled = strings.Contains(value, "scale(0)") || strings.Contains(value, "scale(0,") || strings.Contains(value, "scale(0.0")
	}
}

// hasFar reports whether the margin at the top or left is beyond the edge.
func hasFar(value string) bool {
	for v := range strings.FieldsSeq(value) {
		if pixels, ok := length(v, defaultFont); ok && pixels <= farAway {
			return true
		}
	}
	return false
}

// clipsAll reports whether clip or clip-path leave nothing: rect(0,0,0,0), rect(1px
// 1px 1px 1px), inset(50%), inset(100%), circle(0).
func clipsAll(value string) bool {
	value = strings.ReplaceAll(value, " ", "")
	if strings.HasPrefix(value, "rect(") {
		return !strings.ContainsAny(value, "23456789")
	}
	for _, none := range []string{"inset(50%", "inset(100%", "circle(0", "polygon(00,00"} {
		if strings.HasPrefix(value, none) && !strings.HasPrefix(value, none+".") {
			return true
		}
	}
	return false
}

// settle turns what the declarations say together into why the element is gone.
func (s *style) settle(n *html.Node) {
	s.opacity *= s.box.opacity
	if s.gone != "" {
		return
	}
	b := &s.box
	switch {
	case b.display == "none":
		s.gone = WhyDisplay
	case b.display == "" && hasAttr(n, "hidden"):
		s.gone = WhyAttribute
	case b.far:
		s.gone = WhyOffScreen
	case b.clipped:
		s.gone = WhyClipped
	case b.scaled:
		s.gone = WhyScaled
	case b.overflowHidden && (b.flat || b.lines):
		s.gone = WhyZeroHeight
	case b.overflowHidden && b.narrow:
		s.gone = WhyZeroWidth
	}
}
