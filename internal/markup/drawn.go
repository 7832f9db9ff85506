package markup

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// drawnText is the text of a pseudo-element.
type drawnText struct {
	text  string
	style style
}

// drawn computes the pseudo-elements of n from the matching rules: the text before and
// after, and whether the first line or letter is visible although the element is not. CSS
// Pseudo-Elements Level 4.
func (v *visitor) drawn(n *html.Node, s *style) (after drawnText) {
	rules := v.cascade.drawn
	if len(rules) == 0 {
		return after
	}
	kept := append([]*rule(nil), rules...)
	for _, name := range [...]string{"first-line", "first-letter"} {
		if of := rulesFor(kept, name); of != nil && s.hides() != "" && s.gone == "" {
			if first := v.drawnStyle(of, s); first.hides() == "" {
				first.box = s.box
				*s = first
			}
		}
	}
	for _, name := range [...]string{"marker", "before"} {
		if name == "marker" && !s.box.listItem {
			continue
		}
		if d := v.drawnText(n, rulesFor(kept, name), s); d.text != "" {
			v.text(d.text, &d.style)
		}
	}
	return v.drawnText(n, rulesFor(kept, "after"), s)
}

func rulesFor(rules []*rule, pseudo string) []*rule {
	var out []*rule
	for _, r := range rules {
		if r.selector.pseudo == pseudo {
			out = append(out, r)
		}
	}
	return out
}

func (v *visitor) drawnStyle(rules []*rule, s *style) style {
	c := &v.cascade
	c.reset(s.vars)
	v.run(rules, nil)
	n := html.Node{Type: html.ElementNode, Data: "span", DataAtom: atom.Span}
	return v.computed(&n, s, c)
}

func (v *visitor) drawnText(n *html.Node, rules []*rule, s *style) drawnText {
	if rules == nil {
		return drawnText{}
	}
	d := drawnText{style: v.drawnStyle(rules, s)}
	v.count(&d.style.box)
	d.text = v.generated(n, d.style.box.content, s)
	return d
}

// generated builds the text of the property content. CSS Generated Content Level 3, Section
// 1.
func (v *visitor) generated(n *html.Node, value string, s *style) string {
	var b strings.Builder
	for w := range words(value) {
		if w == "/" {
			break // the rest is for speech only
		}
		b.WriteString(v.contentPart(n, w, s.quotes))
		if b.Len() > maxHidden {
			v.doc.tolerate(HiddenCut)
			break
		}
	}
	return b.String()
}

func (v *visitor) contentPart(n *html.Node, w, quotes string) string {
	if w[0] == '"' || w[0] == '\'' {
		return unescape(strings.TrimSuffix(w[1:], w[:1]))
	}
	name, arguments, _ := strings.Cut(strings.TrimSuffix(w, ")"), "(")
	switch strings.ToLower(name) {
	case "attr":
		key, fallback, _ := strings.Cut(arguments, ",")
		if key = strings.ToLower(trimSpace(key)); hasAttr(n, key) {
			return attr(n, key)
		}
		return strings.Trim(trimSpace(fallback), `"'`)
	case "counter", "counters":
		key, _, _ := strings.Cut(arguments, ",")
		return strconv.Itoa(v.counters[trimSpace(key)])
	case "open-quote":
		return quote(quotes, 0, "“")
	case "close-quote":
		return quote(quotes, 1, "”")
	}
	return ""
}

// quote returns one of the texts of the property quotes.
func quote(quotes string, i int, otherwise string) string {
	for w := range words(quotes) {
		if w[0] != '"' && w[0] != '\'' {
			return otherwise
		}
		if i == 0 {
			return unescape(strings.TrimSuffix(w[1:], w[:1]))
		}
		i--
	}
	return otherwise
}

// listMark writes a text that replaces the bullet.
func (v *visitor) listMark(s *style) {
	value := s.box.listStyle
	if s.box.listItem && value != "" && (value[0] == '"' || value[0] == '\'') {
		v.text(unescape(strings.TrimSuffix(value[1:], value[:1])), s)
	}
}

// count applies the counters of an element. Nested lists share them, which only affects
// numbering.
func (v *visitor) count(b *box) {
	for i, value := range b.counters {
		if value == "" || value == "none" {
			continue
		}
		name := ""
		for w := range words(value) {
			if step, ok := smallInt(w); ok {
				v.setCounter(name, step, i == 2)
				name = ""
				continue
			}
			v.setDefault(name, i)
			name = w
		}
		v.setDefault(name, i)
	}
}

func (v *visitor) setDefault(name string, kind int) {
	if kind == 2 {
		v.setCounter(name, 1, true)
		return
	}
	v.setCounter(name, 0, false)
}

func (v *visitor) setCounter(name string, to int, add bool) {
	const most = 1000
	if name == "" || len(v.counters) > most {
		return
	}
	if v.counters == nil {
		v.counters = map[string]int{}
	}
	if add {
		to += v.counters[name]
	}
	v.counters[name] = to
}
