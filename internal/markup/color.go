package markup

import (
	"math"
	"strconv"
	"strings"
)

// color is one color; unknown where the text or picture behind cannot be told.
type color struct {
	r, g, b uint8
	state   colorState
}

type colorState uint8

const (
	unknownColor colorState = iota
	knownColor
	transparentColor
)

func rgb(v uint32) color {
	return color{r: uint8(v >> 16), g: uint8(v >> 8), b: uint8(v), state: knownColor}
}

// namedColor covers the names near white and black, which hide text, and those that
// authors of mail use; another name is an unknown color, on which text is shown.
func namedColor(name string) (uint32, bool) {
	switch name {
	case "white":
		return 0xFFFFFF, true
	case "snow":
		return 0xFFFAFA, true
	case "ivory":
		return 0xFFFFF0, true
	case "ghostwhite":
		return 0xF8F8FF, true
	case "whitesmoke":
		return 0xF5F5F5, true
	case "floralwhite":
		return 0xFFFAF0, true
	case "mintcream":
		return 0xF5FFFA, true
	case "azure":
		return 0xF0FFFF, true
	case "aliceblue":
		return 0xF0F8FF, true
	case "seashell":
		return 0xFFF5EE, true
	case "honeydew":
		return 0xF0FFF0, true
	case "lightyellow":
		return 0xFFFFE0, true
	case "lightcyan":
		return 0xE0FFFF, true
	case "lavender":
		return 0xE6E6FA, true
	case "linen":
		return 0xFAF0E6, true
	case "beige":
		return 0xF5F5DC, true
	}
	return commonColor(name)
}

func commonColor(name string) (uint32, bool) {
	switch name {
	case "black":
		return 0, true
	case "red":
		return 0xFF0000, true
	case "green":
		return 0x008000, true
	case "lime":
		return 0x00FF00, true
	case "blue":
		return 0x0000FF, true
	case "navy":
		return 0x000080, true
	case "yellow":
		return 0xFFFF00, true
	case "orange":
		return 0xFFA500, true
	case "purple":
		return 0x800080, true
	case "maroon":
		return 0x800000, true
	case "teal":
		return 0x008080, true
	case "olive":
		return 0x808000, true
	case "gray", "grey":
		return 0x808080, true
	case "silver":
		return 0xC0C0C0, true
	case "lightgray", "lightgrey":
		return 0xD3D3D3, true
	case "gainsboro":
		return 0xDCDCDC, true
	case "darkgray", "darkgrey":
		return 0xA9A9A9, true
	case "dimgray", "dimgrey":
		return 0x696969, true
	case "windowtext":
		return 0, true
	case "window":
		return 0xFFFFFF, true
	}
	return 0, false
}

// parseColor reads a color in lower case, as CSS or the attributes bgcolor and color
// write it.
func parseColor(s string) color {
	s = strings.TrimSpace(s)
	if s == "transparent" {
		return color{state: transparentColor}
	}
	if v, ok := namedColor(s); ok {
		return rgb(v)
	}
	if args, ok := colorArguments(s, "rgb"); ok {
		return rgbColor(args)
	}
	if args, ok := colorArguments(s, "hsl"); ok {
		return hslColor(args)
	}
	return hexColor(strings.TrimPrefix(s, "#"))
}

func hexColor(s string) color {
	if len(s) == 3 || len(s) == 4 {
		long := make([]byte, 0, 8)
		for i := range len(s) {
			long = append(long, s[i], s[i])
		}
		s = string(long)
	}
	if len(s) != 6 && len(s) != 8 {
		return color{}
	}
	v, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		return color{}
	}
	if len(s) == 8 {
		if v&0xFF < 13 {
			return color{state: transparentColor}
		}
		v >>= 8
	}
	return rgb(uint32(v))
}

// colorArguments returns the arguments of rgb(), rgba(), hsl() and hsla().
func colorArguments(s, name string) ([]string, bool) {
	s, ok := strings.CutPrefix(s, name)
	if !ok {
		return nil, false
	}
	s = strings.TrimPrefix(s, "a")
	if len(s) < 2 || len(s) > 80 || s[0] != '(' || s[len(s)-1] != ')' {
		return nil, false
	}
	args := strings.FieldsFunc(s[1:len(s)-1], func(c rune) bool { return c == ',' || c == ' ' || c == '/' })
	return args, len(args) >= 3
}

func rgbColor(args []string) color {
	c := color{state: knownColor}
	for i, p := range []*uint8{&c.r, &c.g, &c.b} {
		v, ok := fraction(args[i], 255)
		if !ok {
			return color{}
		}
		*p = uint8(math.Round(255 * v))
	}
	return withAlpha(c, args)
}

func hslColor(args []string) color {
	h, err := strconv.ParseFloat(strings.TrimSuffix(args[0], "deg"), 64)
	s, okS := fraction(args[1], 100)
	l, okL := fraction(args[2], 100)
	if err != nil || math.IsNaN(h) || math.IsInf(h, 0) || !okS || !okL {
		return color{}
	}
	channel := func(n float64) uint8 {
		k := math.Mod(n+math.Mod(h, 360)/30+12, 12)
		return uint8(math.Round(255 * (l - s*min(l, 1-l)*max(-1, min(k-3, 9-k, 1)))))
	}
	return withAlpha(color{r: channel(0), g: channel(8), b: channel(4), state: knownColor}, args)
}

func withAlpha(c color, args []string) color {
	if len(args) < 4 {
		return c
	}
	switch a, ok := fraction(args[3], 1); {
	case ok && a < invisibleOpacity:
		return color{state: transparentColor}
	case !ok || a < 0.5: // what lies behind decides
		return color{}
	}
	return c
}

// fraction reads a number of the scale, or a percentage, as 0 to 1.
func fraction(s string, scale float64) (float64, bool) {
	if p, ok := strings.CutSuffix(s, "%"); ok {
		s, scale = p, 100
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) {
		return 0, false
	}
	return min(max(v/scale, 0), 1), true
}

// isLike reports whether text of color c cannot be read on background bg: every
// channel is close, and so is the contrast as WCAG 2.1 computes it.
func (c color) isLike(bg color) bool {
	const near, contrast = 24, 1.15
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
