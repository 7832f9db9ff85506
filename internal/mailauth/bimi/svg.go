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
	maxDepth = 64       // elements within each other; drawing programs make 10
	maxUses  = 1000     // drawings by reference, those within what is referred to counted again
)

// ErrLogo is the error of a file that is no harmless SVG.
var ErrLogo = errors.New("logo is not svg tiny ps")

const nsSVG = "http://www.w3.org/2000/svg"

// drawing are the elements that Tiny PS has. What is not here cannot be in a logo:
// scripts, animations, links, images, foreign objects, media.
var drawing = map[string]bool{
	"svg": true, "title": true, "desc": true, "g": true, "defs": true, "use": true, "path": true, "rect": true,
	"circle": true, "ellipse": true, "line": true, "polyline": true, "polygon": true, "text": true, "tspan": true,
	"textArea": true, "tbreak": true, "linearGradient": true, "radialGradient": true, "stop": true, "solidColor": true,
}

// unpack returns an SVG file, decompressed where it is compressed (svgz).
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

// CheckSVG reports why a file is not SVG of the profile Tiny PS. The error wraps ErrLogo.
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

// svgCheck is a file that is being checked.
type svgCheck struct {
	depth   int
	roots   int
	inTitle bool // directly below the root
	title   strings.Builder
	ids     []string            // of the open elements, "" where there is none
	uses    map[string][]string // by the id of an element around, "" for the whole: what is drawn by reference
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

// refer remembers what an element draws by reference, and within what it is.
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

// drawn counts what is drawn by reference within an element, up to more than maxUses, as
// what goes in circles counts. Known holds the counts of elements that are done.
func (c *svgCheck) drawn(id string, known map[string]int) int {
	if n, ok := known[id]; ok {
		return n
	}
	known[id] = maxUses + 1 // while it is being counted
	n := 0
	for _, target := range c.uses[id] {
		if n += 1 + c.drawn(target, known); n > maxUses {
			return maxUses + 1
		}
	}
	known[id] = n
	return n
}

// checkRoot looks at what the root must say of itself, and must not.
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

// checkAttr refuses whatever could run or load something.
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
