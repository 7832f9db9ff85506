package bimi

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of logos.
const (
	maxLogo  = 32 << 10 // bytes, as fetched and decompressed
	maxDepth = 64       // nested elements; drawing programs produce 10
	maxUses  = 1000     // drawings by reference, counting nested references again
)

// ErrLogo is the error of an unacceptable logo file.
var ErrLogo = errors.New("logo is not svg tiny ps")

const nsSVG = "http://www.w3.org/2000/svg"

// drawing lists the allowed elements of Tiny PS. It excludes scripts, animations, links,
// images, foreign objects and media.
var drawing = map[string]bool{
	"svg": true, "title": true, "desc": true, "g": true, "defs": true, "use": true, "path": true, "rect": true,
	"circle": true, "ellipse": true, "line": true, "polyline": true, "polygon": true, "text": true, "tspan": true,
	"textArea": true, "tbreak": true, "linearGradient": true, "radialGradient": true, "stop": true, "solidColor": true,
}

// unpack returns an SVG file, decompressed if compressed (svgz).
func unpack(raw []byte) ([]byte, error) {
	if !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		return raw, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLogo, err)
	}
	out, err := io.ReadAll(io.LimitReader(z, maxLogo+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLogo, err)
	}
	if len(out) > maxLogo {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrLogo, maxLogo)
	}
	return out, nil
}

// CheckSVG reports why a file is no SVG Tiny PS. The error wraps ErrLogo.
func CheckSVG(svg []byte) error {
	if len(svg) > maxLogo {
		return fmt.Errorf("%w: %d bytes", ErrLogo, len(svg))
	}
	d := xml.NewDecoder(bytes.NewReader(svg))
	c := svgCheck{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return c.complete()
		}
		if err == nil {
			err = c.token(token)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLogo, err)
		}
	}
}

// svgCheck is the state of checking a file.
type svgCheck struct {
	depth   int
	roots   int
	inTitle bool // directly below the root
	title   strings.Builder
	ids     []string            // of the open elements, "" without one
	uses    map[string][]string // references, by id of an enclosing element, "" for the whole file
}

var errSVG = errors.New("not allowed")

func (c *svgCheck) token(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return c.start(&t)
	case xml.EndElement:
		c.depth--
		c.ids = c.ids[:len(c.ids)-1]
		c.inTitle = false
	case xml.CharData:
		if c.inTitle {
			c.title.Write(t)
		}
	case xml.ProcInst:
		if t.Target != "xml" {
			return fmt.Errorf("processing instruction %q: %w", t.Target, errSVG)
		}
	case xml.Directive:
		return fmt.Errorf("document type: %w", errSVG) // it could define entities
	}
	return nil
}

func (c *svgCheck) start(e *xml.StartElement) error {
	c.depth++
	switch {
	case c.depth > maxDepth:
		return fmt.Errorf("more than %d levels: %w", maxDepth, errSVG)
	case e.Name.Space != nsSVG || !drawing[e.Name.Local]:
		return fmt.Errorf("element %.40q: %w", e.Name.Local, errSVG)
	case (c.depth == 1) != (e.Name.Local == "svg"):
		return fmt.Errorf("element %.40q at level %d: %w", e.Name.Local, c.depth, errSVG)
	}
	c.refer(e)
	for _, a := range e.Attr {
		if err := checkAttr(a); err != nil {
			return err
		}
	}
	if c.depth == 1 {
		c.roots++
		return checkRoot(e)
	}
	c.inTitle = c.depth == 2 && e.Name.Local == "title"
	return nil
}

// refer records the reference of an element, and its enclosing elements.
func (c *svgCheck) refer(e *xml.StartElement) {
	id, target := "", ""
	for _, a := range e.Attr {
		switch a.Name.Local {
		case "id":
			id = a.Value
		case "href":
			target = strings.TrimPrefix(strings.TrimSpace(a.Value), "#")
		}
	}
	c.ids = append(c.ids, id)
	if e.Name.Local != "use" || target == "" {
		return
	}
	if c.uses == nil {
		c.uses = map[string][]string{}
	}
	c.uses[""] = append(c.uses[""], target)
	for _, around := range c.ids {
		if around != "" {
			c.uses[around] = append(c.uses[around], target)
		}
	}
}

// drawn counts the elements drawn by reference within an element, up to just above maxUses,
// which cycles count as. known holds the finished counts.
func (c *svgCheck) drawn(id string, known map[string]int) int {
	if n, ok := known[id]; ok {
		return n
	}
	known[id] = maxUses + 1 // marks a cycle while counting
	n := 0
	for _, target := range c.uses[id] {
		if n += 1 + c.drawn(target, known); n > maxUses {
			return maxUses + 1
		}
	}
	known[id] = n
	return n
}

// checkRoot checks the required and forbidden attributes of the root.
func checkRoot(e *xml.StartElement) error {
	attrs := map[string]string{}
	for _, a := range e.Attr {
		if a.Name.Space == "" {
			attrs[a.Name.Local] = a.Value
		}
	}
	switch {
	case attrs["version"] != "1.2":
		return fmt.Errorf("version %.20q: %w", attrs["version"], errSVG)
	case attrs["baseProfile"] != "tiny-ps":
		return fmt.Errorf("profile %.20q: %w", attrs["baseProfile"], errSVG)
	}
	for _, name := range []string{"x", "y"} {
		if _, ok := attrs[name]; ok {
			return fmt.Errorf("attribute %s of the root: %w", name, errSVG)
		}
	}
	return nil
}

// checkAttr refuses attributes that could run or load something.
func checkAttr(a xml.Attr) error {
	name, value := strings.ToLower(a.Name.Local), strings.ToLower(a.Value)
	bad := false
	switch {
	case a.Name.Space == "xmlns" || a.Name.Local == "xmlns":
	case name == "href":
		bad = !strings.HasPrefix(strings.TrimSpace(value), "#")
	case strings.HasPrefix(name, "on"), name == "style", name == "base":
		bad = true
	default:
		bad = strings.Count(value, "url(") != strings.Count(value, "url(#") || strings.Contains(value, `\`) || strings.Contains(value, "javascript:")
	}
	if bad {
		return fmt.Errorf("attribute %.40q: %w", a.Name.Local, errSVG)
	}
	return nil
}

func (c *svgCheck) complete() error {
	switch {
	case c.roots != 1:
		return fmt.Errorf("%w: %d roots", ErrLogo, c.roots)
	case strings.TrimSpace(c.title.String()) == "":
		return fmt.Errorf("%w: no title", ErrLogo)
	case c.drawn("", map[string]int{}) > maxUses:
		return fmt.Errorf("%w: references multiply", ErrLogo)
	}
	return nil
}
