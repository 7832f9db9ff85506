package markup

import (
	"math"
	"strconv"
	"strings"

	"golang.org/x/image/colornames"
)

// color is one color.
type color struct {
	r, g, b, a uint8
	state      colorState
}

type colorState uint8

const (
	unknownColor colorState = iota // unknown background or function
	knownColor
	currentColor // the text color
)

func rgb(v uint32) color {
	return color{r: uint8(v >> 16), g: uint8(v >> 8), b: uint8(v), a: 0xFF, state: knownColor}
}

func transparent() color { return color{state: knownColor} }

// isTransparent reports whether c is invisible.
func (c color) isTransparent() bool {
	return c.state == knownColor && float64(c.a) < 255*invisibleOpacity
}

// over returns c blended over a background.
func (c color) over(bg color) color {
	switch {
	case c.state != knownColor || c.a == 0xFF:
		return c
	case c.a == 0:
		return bg
	case bg.state != knownColor:
		return color{}
	}
	mix := func(f, b uint8) uint8 {
		return uint8((int(f)*int(c.a) + int(b)*(255-int(c.a)) + 127) / 255)
	}
	return color{r: mix(c.r, bg.r), g: mix(c.g, bg.g), b: mix(c.b, bg.b), a: 0xFF, state: knownColor}
}

// parseColor parses a color in lower case. A valid but uncomputed one is unknown. CSS Color
// Level 4 and 5.
func parseColor(s string) (color, bool) {
	if s == "" {
		return color{}, false
	}
	if s[0] == '#' {
		return hexColor(s[1:])
	}
	if s[len(s)-1] == ')' {
		return colorFunction(s)
	}
	switch s {
	case "transparent":
		return transparent(), true
	case "currentcolor":
		return color{state: currentColor}, true
	}
	if c, ok := colornames.Map[s]; ok {
		return color{r: c.R, g: c.G, b: c.B, a: 0xFF, state: knownColor}, true
	}
	return otherColor(s)
}

// otherColor parses names that x/image lacks, and system colors.
func otherColor(s string) (color, bool) {
	switch s {
	case "rebeccapurple":
		return rgb(0x663399), true
	case "canvas", "window", "field", "background", "infobackground":
		return rgb(0xFFFFFF), true
	case "canvastext", "windowtext", "fieldtext", "buttontext", "menutext", "captiontext", "infotext":
		return rgb(0), true
	case "linktext", "-webkit-link":
		return rgb(0x0000EE), true
	case "buttonface", "threedface", "menu", "activeborder", "activecaption", "appworkspace", "buttonborder", "buttonhighlight",
		"buttonshadow", "graytext", "highlight", "highlighttext", "inactiveborder", "inactivecaption", "inactivecaptiontext",
		"mark", "marktext", "scrollbar", "selecteditem", "selecteditemtext", "threeddarkshadow", "threedhighlight",
		"threedlightshadow", "threedshadow", "visitedtext", "activetext", "windowframe", "accentcolor", "accentcolortext":
		return color{}, true
	}
	return color{}, false
}

func hexColor(s string) (color, bool) {
	if len(s) == 3 || len(s) == 4 {
		long := make([]byte, 0, 8)
		for i := range len(s) {
			long = append(long, s[i], s[i])
		}
		s = string(long)
	}
	if len(s) == 6 {
		s += "ff"
	}
	v, err := strconv.ParseUint(s, 16, 32)
	if len(s) != 8 || err != nil {
		return color{}, false
	}
	c := rgb(uint32(v >> 8))
	c.a = uint8(v)
	return c, true
}

// legacyColor parses the attributes bgcolor, color and text. HTML Living Standard, "rules
// for parsing a legacy color value".
func legacyColor(s string) color {
	s = strings.ToLower(strings.TrimSpace(clip(s, 200)))
	if s == "" || s == "transparent" {
		return color{state: currentColor} // no color
	}
	if c, ok := parseColor(s); ok && (s[0] != '#' || len(s) == 4 || len(s) == 7) && s[len(s)-1] != ')' {
		return c
	}
	digits := []byte(clip(strings.TrimPrefix(s, "#"), 128))
	for i := range digits {
		if !isHex(digits[i]) {
			digits[i] = '0'
		}
	}
	for len(digits) == 0 || len(digits)%3 != 0 {
		digits = append(digits, '0')
	}
	c, _ := hexColor(legacyDigits(string(digits)))
	return c
}

// legacyDigits takes two digits of each third: of long thirds the last eight, without their
// common leading zeros.
func legacyDigits(s string) string {
	n := len(s) / 3
	thirds := []string{s[:n], s[n : 2*n], s[2*n:]}
	for n > 8 || n > 2 && thirds[0][0] == '0' && thirds[1][0] == '0' && thirds[2][0] == '0' {
		for i := range thirds {
			thirds[i] = thirds[i][1:]
		}
		n--
	}
	for i, t := range thirds {
		if len(t) == 1 {
			t = "0" + t
		}
		thirds[i] = t[:2]
	}
	return strings.Join(thirds, "")
}

// colorFunction parses rgb(), hsl() and similar functions.
func colorFunction(s string) (color, bool) {
	name, _, _ := strings.Cut(s, "(")
	arguments, ok := callOf(s, name)
	if !ok || len(arguments) > maxSelectorList {
		return color{}, false
	}
	switch name {
	case "color-mix":
		return mixedColor(arguments)
	case "light-dark":
		light := split(arguments)
		return parseLight(light)
	case "contrast-color", "device-cmyk", "attr", "if":
		return color{}, true
	}
	if strings.HasPrefix(arguments, "from ") {
		return color{}, true
	}
	return channels(name, arguments)
}

// parseLight parses light-dark(), which depends on the client's color scheme.
func parseLight(of []string) (color, bool) {
	if len(of) != 2 {
		return color{}, false
	}
	light, ok := parseColor(of[0])
	dark, okDark := parseColor(of[1])
	if light != dark {
		light = color{}
	}
	return light, ok && okDark
}

// mixedColor parses color-mix(in srgb, a 30%, b): in sRGB for every space, since only the
// difference from the background counts.
func mixedColor(arguments string) (color, bool) {
	parts := split(arguments)
	if len(parts) != 3 || !strings.HasPrefix(parts[0], "in ") {
		return color{}, false
	}
	a, shareA, okA := colorShare(parts[1])
	b, shareB, okB := colorShare(parts[2])
	if !okA || !okB || a.state != knownColor || b.state != knownColor {
		return color{}, okA && okB
	}
	switch {
	case shareA < 0 && shareB < 0:
		shareA = 0.5
	case shareA < 0:
		shareA = 1 - shareB
	case shareB >= 0:
		if shareA+shareB <= 0 {
			return color{}, false
		}
		shareA /= shareA + shareB
	}
	mix := func(x, y uint8) uint8 { return uint8(math.Round(float64(x)*shareA + float64(y)*(1-shareA))) }
	return color{r: mix(a.r, b.r), g: mix(a.g, b.g), b: mix(a.b, b.b), a: mix(a.a, b.a), state: knownColor}, true
}

func colorShare(s string) (c color, share float64, ok bool) {
	share = -1
	for w := range words(s) {
		if f, isShare := fraction(w); isShare && strings.HasSuffix(w, "%") {
			share = min(max(f, 0), 1)
			continue
		}
		if c, ok = parseColor(w); !ok {
			return c, share, false
		}
	}
	return c, share, ok
}

// channels parses three channels and an alpha value.
func channels(name, arguments string) (color, bool) {
	space := ""
	if name == "color" {
		space, arguments, _ = strings.Cut(arguments, " ")
	}
	separated := strings.ContainsRune(arguments, ',')
	commas, slashes := strings.Count(arguments, ","), strings.Count(arguments, "/")
	arguments = strings.NewReplacer(",", " ", "/", " ").Replace(arguments)
	var raw []string
	for w := range words(arguments) {
		raw = append(raw, w)
	}
	if len(raw) != 3 && len(raw) != 4 {
		return color{}, false
	}
	r, g, b, ok := toRGB(name, space, raw)
	if !ok || separated && !strings.ContainsRune(arguments, '(') && (commas != len(raw)-1 || slashes > 0 || !isLegacySyntax(name, raw)) {
		return color{}, false
	}
	alpha := 1.0
	if len(raw) == 4 {
		if alpha, ok = channel(raw[3], 1); !ok {
			return color{}, false
		}
	}
	if math.IsNaN(r + g + b + alpha) {
		return color{}, true
	}
	return color{r: toByte(r), g: toByte(g), b: toByte(b), a: toByte(alpha), state: knownColor}, true
}

// isLegacySyntax reports whether comma-separated channels are valid in rgb() or hsl(): in
// rgb() all numbers or all percentages. CSS Color Level 4, Sections 5.1 and 7.
func isLegacySyntax(name string, raw []string) bool {
	share := func(i int) bool { return strings.HasSuffix(raw[i], "%") }
	switch name {
	case "rgb", "rgba":
		return share(0) == share(1) && share(1) == share(2)
	case "hsl", "hsla":
		return share(1) && share(2)
	}
	return false
}

func toByte(v float64) uint8 { return uint8(math.Round(255 * min(max(v, 0), 1))) }

// channel parses a number, a percentage of whole, an angle or "none".
func channel(s string, whole float64) (float64, bool) {
	if s == "none" {
		return 0, true
	}
	if v, ok := parseNumber(s); ok {
		return v, true
	}
	if i := numberEnd(s); i < len(s) && s[i] != '%' {
		if factor := degrees(s[i:]); factor > 0 {
			v, ok := parseNumber(s[:i])
			return v * factor, ok
		}
	}
	f, ok := fraction(s)
	if strings.HasSuffix(s, "%") {
		f *= whole
	}
	return f, ok
}

// degrees returns the degrees of one unit of angle, or 0.
func degrees(unit string) float64 {
	switch unit {
	case "deg":
		return 1
	case "grad":
		return 0.9
	case "rad":
		return 180 / math.Pi
	case "turn":
		return 360
	}
	return 0
}

// wholes returns the value of 100 % of each channel.
func wholes(name string) (whole [3]float64, known bool) {
	switch name {
	case "rgb", "rgba":
		return [3]float64{255, 255, 255}, true
	case "hsl", "hsla", "hwb":
		return [3]float64{1, 100, 100}, true
	case "lab":
		return [3]float64{100, 125, 125}, true
	case "lch":
		return [3]float64{100, 150, 1}, true
	case "oklab":
		return [3]float64{1, 0.4, 0.4}, true
	case "oklch":
		return [3]float64{1, 0.4, 1}, true
	case "color":
		return [3]float64{1, 1, 1}, true
	}
	return whole, false
}

// toRGB converts to sRGB channels of 0 to 1.
func toRGB(name, space string, raw []string) (r, g, b float64, ok bool) {
	scale, known := wholes(name)
	var c [3]float64
	for i := range c {
		v, valid := channel(raw[i], scale[i])
		if !valid || !known {
			return 0, 0, 0, false
		}
		c[i] = v
	}
	switch name {
	case "rgb", "rgba":
		return c[0] / 255, c[1] / 255, c[2] / 255, true
	case "hsl", "hsla":
		r, g, b = hsl(c[0], c[1]/100, c[2]/100)
	case "hwb":
		r, g, b = hwb(c[0], c[1]/100, c[2]/100)
	case "lab":
		r, g, b = lab(c[0], c[1], c[2])
	case "lch":
		r, g, b = lab(c[0], c[1]*math.Cos(c[2]*math.Pi/180), c[1]*math.Sin(c[2]*math.Pi/180))
	case "oklab":
		r, g, b = oklab(c[0], c[1], c[2])
	case "oklch":
		r, g, b = oklab(c[0], c[1]*math.Cos(c[2]*math.Pi/180), c[1]*math.Sin(c[2]*math.Pi/180))
	default:
		return inSpace(space, c)
	}
	return r, g, b, true
}

// inSpace converts color(). Wide spaces are treated as sRGB, which is close enough.
func inSpace(space string, c [3]float64) (r, g, b float64, ok bool) {
	switch space {
	case "srgb", "display-p3", "a98-rgb", "prophoto-rgb", "rec2020":
		return c[0], c[1], c[2], true
	case "srgb-linear":
		return gamma(c[0]), gamma(c[1]), gamma(c[2]), true
	case "xyz", "xyz-d65", "xyz-d50":
		r, g, b = xyz(c[0], c[1], c[2])
		return r, g, b, true
	}
	return 0, 0, 0, false
}

func hsl(h, s, l float64) (r, g, b float64) {
	f := func(n float64) float64 {
		k := math.Mod(n+math.Mod(h, 360)/30+12, 12)
		return l - s*min(l, 1-l)*max(-1, min(k-3, 9-k, 1))
	}
	return f(0), f(8), f(4)
}

func hwb(h, white, black float64) (r, g, b float64) {
	if white+black >= 1 {
		gray := white / (white + black)
		return gray, gray, gray
	}
	r, g, b = hsl(h, 1, 0.5)
	f := 1 - white - black
	return r*f + white, g*f + white, b*f + white
}

// lab converts CIE Lab with the white point D50. CSS Color Level 4, Section 17.
func lab(l, a, b float64) (red, green, blue float64) {
	f := func(t float64) float64 {
		if t > 6.0/29 {
			return t * t * t
		}
		return 3 * (6.0 / 29) * (6.0 / 29) * (t - 4.0/29)
	}
	y := (l + 16) / 116
	return xyz(0.9505*f(y+a/500), f(y), 1.0888*f(y-b/200)) // adapted to D65 by its white point
}

func xyz(x, y, z float64) (r, g, b float64) {
	return gamma(3.2406*x - 1.5372*y - 0.4986*z), gamma(-0.9689*x + 1.8758*y + 0.0415*z), gamma(0.0557*x - 0.2040*y + 1.0570*z)
}

// oklab converts Oklab. CSS Color Level 4, Section 17.
func oklab(l, a, b float64) (red, green, blue float64) {
	cube := func(v float64) float64 { return v * v * v }
	x, y, z := cube(l+0.3963*a+0.2158*b), cube(l-0.1056*a-0.0639*b), cube(l-0.0895*a-1.2915*b)
	return gamma(4.0767*x - 3.3077*y + 0.2310*z), gamma(-1.2684*x + 2.6098*y - 0.3413*z), gamma(-0.0042*x - 0.7034*y + 1.7076*z)
}

func gamma(v float64) float64 {
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

// isLike reports whether text of color c is illegible on background bg: every channel is
// close, and so is the contrast by WCAG 2.1.
func (c color) isLike(bg color) bool {
	const near, contrast = 24, 1.15
	c = c.over(bg)
	if c.state != knownColor || bg.state != knownColor {
		return false
	}
	if apart(c.r, bg.r) > near || apart(c.g, bg.g) > near || apart(c.b, bg.b) > near {
		return false
	}
	hi, lo := c.luminance(), bg.luminance()
	return (max(hi, lo)+0.05)/(min(hi, lo)+0.05) < contrast
}

func apart(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

// luminance is the relative luminance of WCAG 2.1, with the gamma rounded to 2.2.
func (c color) luminance() float64 {
	f := func(v uint8) float64 { return math.Pow(float64(v)/255, 2.2) }
	return 0.2126*f(c.r) + 0.7152*f(c.g) + 0.0722*f(c.b)
}
