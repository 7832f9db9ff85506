package markup

import "strings"

// plainGradient returns the color of a gradient with only one color: it renders like that
// color.
func plainGradient(value string) (color, bool) {
	name, _, _ := strings.Cut(value, "(")
	arguments, ok := callOf(value, name)
	if !ok || !strings.HasSuffix(name, "-gradient") {
		return color{}, false
	}
	var plain color
	n := 0
	for i, stop := range split(arguments) {
		found := false
		for w := range words(stop) {
			c, isColor := parseColor(w)
			switch {
			case !isColor:
				continue
			case c.state != knownColor, n > 0 && c != plain:
				return color{}, false
			}
			plain, found = c, true
			n++
		}
		if !found && i > 0 && !isLengthText(stop, false) {
			return color{}, false
		}
	}
	return plain, n > 1
}

// drawsShadow reports whether one of the shadows makes the letters visible: it is close,
// and not too blurred.
func (s *style) drawsShadow(value string) bool {
	const far, thin = 300, 40 // pixels
	for _, shadow := range split(value) {
		ink, n := s.color, 0
		var lengths [3]float64
		for w := range words(shadow) {
			if c, ok := parseColor(w); ok {
				ink = s.resolved(c)
				continue
			}
			px, ok := length(w, units{font: s.font})
			if n == len(lengths) || !ok {
				return false
			}
			lengths[n] = px
			n++
		}
		x, y, blur := lengths[0], lengths[1], lengths[2]
		if n >= 2 && max(x, -x) < far && max(y, -y) < far && blur < thin && !ink.isLike(s.background) {
			return true
		}
	}
	return false
}
