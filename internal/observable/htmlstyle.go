package observable

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// attributes are those of one element that matter here.
type attributes struct {
	href, src, action, style, kind, content, httpEquiv, width, height, bgcolor, color string

	hidden   bool
	handlers int // event handlers: onload and the like
}

// maxAttributes bounds the attributes read of one element; browsers see the first of a
// name, and nobody writes hundreds.
const maxAttributes = 200

func readAttributes(z *html.Tokenizer, more bool) attributes {
	var a attributes
	for n := 0; more && n < maxAttributes; n++ {
		var key, value []byte
		key, value, more = z.TagAttr()
		a.set(string(key), string(value))
	}
	return a
}

func (a *attributes) set(key, value string) {
	if len(key) > 2 && strings.HasPrefix(key, "on") {
		a.handlers++
		return
	}
	if key == "hidden" {
		a.hidden = true
		return
	}
	if p := a.field(key); p != nil && *p == "" {
		*p = value
	}
}

// field returns where the value of the attribute goes, or nil.
func (a *attributes) field(key string) *string {
	switch key {
	case "href":
		return &a.href
	case "src", "data":
		return &a.src
	case "action":
		return &a.action
	case "style":
		return &a.style
	case "type":
		return &a.kind
	case "content":
		return &a.content
	case "http-equiv":
		return &a.httpEquiv
	case "width":
		return &a.width
	case "height":
		return &a.height
	case "bgcolor":
		return &a.bgcolor
	case "color":
		return &a.color
	}
	return nil
}

// isTiny reports whether a picture has at most two pixels a side.
func (a *attributes) isTiny() bool {
	w, errW := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(a.width), "px"))
	h, errH := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(a.height), "px"))
	return errW == nil && w <= 2 && errH == nil && h <= 2
}

// hide works out from the attributes whether the text of the element can be seen.
func (e *element) hide(a *attributes) {
	if a.bgcolor != "" {
		e.color = normalColor(a.bgcolor)
	}
	color := normalColor(a.color)
	e.hidden = e.hidden || a.hidden
	for declaration := range strings.SplitSeq(strings.ToLower(a.style), ";") {
		property, value, ok := strings.Cut(declaration, ":")
		if !ok {
			continue
		}
		property = strings.TrimSpace(property)
		value = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "!important"))
		switch property {
		case "color":
			color = normalColor(value)
		case "background", "background-color":
			e.color = normalColor(value)
		default:
			e.hidden = e.hidden || hides(property, value)
		}
	}
	if color != "" && color == e.color {
		e.hidden = true
	}
}

// hides reports whether a declaration makes text invisible.
func hides(property, value string) bool {
	switch property {
	case "display":
		return value == "none"
	case "visibility":
		return value == "hidden" || value == "collapse"
	case "opacity":
		n, err := strconv.ParseFloat(value, 64)
		return err == nil && n < 0.05
	case "font-size":
		return isNothing(value, 1)
	case "mso-hide":
		return value == "all"
	}
	return false
}

// isNothing reports whether a length is at most limit pixels.
func isNothing(value string, limit float64) bool {
	number := strings.TrimRight(value, "pxtem% ")
	n, err := strconv.ParseFloat(number, 64)
	unit := strings.TrimSpace(value[len(number):])
	return err == nil && (n == 0 || n <= limit && (unit == "px" || unit == "pt"))
}

// normalColor brings the common spellings of a colour to one, or returns "".
func normalColor(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	switch s {
	case "white", "#fff", "rgb(255,255,255)", "rgb(255, 255, 255)":
		return "#ffffff"
	case "black", "#000", "rgb(0,0,0)", "rgb(0, 0, 0)":
		return "#000000"
	}
	if len(s) == 4 && s[0] == '#' {
		return string([]byte{'#', s[1], s[1], s[2], s[2], s[3], s[3]})
	}
	if len(s) == 7 && s[0] == '#' {
		return s
	}
	return ""
}
