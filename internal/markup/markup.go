// Package markup reads an HTML document twice: as a person sees it, and as a
// machine reads it.
//
// Mail clients show HTML, and filters read its text; attackers live in the
// difference, with text of no size, links that no text names and pages that a
// script builds. This package computes what each element looks like from a subset
// of CSS, so that shown and hidden text come apart, and it lists everything that
// a document can load or lead to. Outlook reads comments that others skip, so
// these are a second reading.
//
// Standards: HTML Living Standard (parsing, by golang.org/x/net/html; rendering, Section
// 15), CSS Syntax Level 3, Selectors Level 4, Cascading Level 5 with layers, scopes and
// nesting, Custom Properties, Values and Units Level 4, Color Level 4 and 5, Media Queries
// Level 4, Conditional Rules with @supports and @container, generated content, and SVG as
// far as text in it goes. What a property hides depends on the box that the element makes.
// XML with namespaces and entities is read as browsers do. A test compares the displayed
// text and the links with Chromium; docs/browser-differential.md has the figures.
//
// Divergences: boxes are not laid out. Offsets are added up against an upper bound of the
// height of what comes before; areas of boxes that are clipped in part, turned or grown
// are not computed. Where that leaves a doubt, or clients differ, text counts as shown.
// Letters of two pixels, of less than five percent opacity or of nearly the color of the
// ground count as hidden. Media queries are answered for a screen of 1024 by 768 pixels in
// light colors; what print, dark mode or a narrow screen would change is recorded.
// Pictures are taken as missing, so that their alternative text is shown.
//
// Limits: budget.HTMLNodes bounds the tokens, after which the last maxTail bytes are read;
// the constants of limits.go bound what is kept, and of long hidden text both ends are;
// what was left out is recorded in the budget. A document that would cost html.Parse more
// than linear time is read by a simpler tree builder. Each limit that was met is in
// Tolerated.
package markup

import (
	"slices"

	"golang.org/x/net/html"

	"outrider/internal/budget"
)

// Tolerance names one thing about a document that was cut or read otherwise.
type Tolerance string

// What Parse tolerates.
const (
	TokensCut     Tolerance = "tokens-cut"     // the budget for HTML tokens ended before the document
	SimpleTree    Tolerance = "simple-tree"    // nested or repeated so that the simple tree builder read it
	DepthCut      Tolerance = "depth-cut"      // elements deeper than maxDepth became siblings
	AttributesCut Tolerance = "attributes-cut" // an element has more attributes than are read
	StylesCut     Tolerance = "styles-cut"     // style sheets larger or dearer to match than is read
	LinksCut      Tolerance = "links-cut"      // more links than are kept
	HiddenCut     Tolerance = "hidden-cut"     // more hidden text than is kept
	ScriptsCut    Tolerance = "scripts-cut"    // more script text than is kept
	FormsCut      Tolerance = "forms-cut"      // more forms or fields than are kept
	NestedCut     Tolerance = "nested-cut"     // documents within documents within documents
	PicturesCut   Tolerance = "pictures-cut"   // more or larger pictures in data: URLs or SVG than are kept
	GridsCut      Tolerance = "grids-cut"      // more tables that can be drawings than are kept
	MediaSkipped  Tolerance = "media-skipped"  // @media rules for print, dark mode or narrow screens exist
)

// Document is one parsed document. It is immutable and safe for concurrent use.
type Document struct {
	Title     string      // text of the first title element, white space collapsed
	Outlook   string      // text that only Outlook shows: conditional comments, at most maxHidden bytes
	Script    Script      // what its scripts are and do
	Images    Images      // pictures
	Tolerated []Tolerance // in order of first occurrence, each once

	root      *html.Node
	inner     string
	display   string
	all       string
	preheader string
	hidden    []HiddenText
	links     []Link
	forms     []Form
	spans     []Span
	grids     [][][]bool
	pictures  []string     // data: URLs
	drawings  []*html.Node // svg elements
	work      int
}

// HiddenText is text that a person does not see.
type HiddenText struct {
	Text string
	Why  Why
}

// Images sums up the pictures of a document.
type Images struct {
	Shown    int      // larger than a tracking dot and visible
	Trackers int      // at most two pixels a side, or hidden, and loaded from elsewhere
	Alt      []string // alternative texts, in order, at most maxAlt
}

// Span is where the shown text of an element is in DisplayText.
type Span struct {
	Node     *html.Node
	From, To int // byte offsets
}

// Parse reads doc, which is UTF-8 in the main; it never fails. A nil budget is
// for a fresh one with default limits.
func Parse(doc string, b *budget.Budget) *Document {
	if b == nil {
		b = budget.New(budget.Default())
	}
	if isXML(doc) {
		return ParseXML(doc, b)
	}
	d := &Document{}
	head, tail, risky := survey(doc, b, d)
	d.root = buildTree(head, risky, d)
	d.appendTail(tail)
	return d.read(b, isQuirky(d.root))
}

// read goes through the tree, a second time where the first walk shows that text taken as
// hidden by its color is before another ground.
func (d *Document) read(b *budget.Budget, quirks bool) *Document {
	before := previewOf(d.root, d, quirks)
	maxLinks := int(b.Limits().Of[budget.URLs])
	v := newVisitor(d, before, maxLinks)
	if v.walk(); v.wrong() {
		*d = Document{root: d.root, Tolerated: d.Tolerated, work: d.work}
		again := newVisitor(d, before, maxLinks)
		again.known = &knownPaints{all: v.grounds, displaced: v.displaced}
		again.walk()
		v = again
	}
	v.finish()
	d.confess(b)
	return d
}

// walk reads the whole tree.
func (v *visitor) walk() {
	root := rootStyle()
	v.visit(v.doc.root, &root)
}

// confess records in the budget what was left out, so that the verdict says it.
func (d *Document) confess(b *budget.Budget) {
	for _, t := range d.Tolerated {
		switch t {
		case LinksCut:
			b.Omit(budget.URLs)
		case AttributesCut, StylesCut, HiddenCut, ScriptsCut, FormsCut, NestedCut, GridsCut, PicturesCut:
			b.Omit(budget.HTMLDetails)
		case TokensCut, SimpleTree, DepthCut, MediaSkipped:
		}
	}
}

func (d *Document) tolerate(t Tolerance) {
	if !slices.Contains(d.Tolerated, t) {
		d.Tolerated = append(d.Tolerated, t)
	}
}

// Root returns the tree, always non-nil; it is shared and must not be changed.
func (d *Document) Root() *html.Node { return d.root }

// InnerText returns all text without tags, shown or not; scripts, styles and
// comments are left out.
func (d *Document) InnerText() string { return d.inner }

// DisplayText returns the text that a person sees: blocks on lines of their own,
// white space collapsed, invisible characters removed.
func (d *Document) DisplayText() string { return d.display }

// AllText returns all text for a second reading, shown or not: what DisplayText has, and
// in its place what is hidden, titles, alternative texts, templates, inputs and the text
// that only Outlook shows. Scripts, styles and other comments are left out.
func (d *Document) AllText() string { return d.all }

// Preheader returns the text that mail clients show in the list of messages: the
// first of the body, hidden or not, at most maxPreheader characters.
func (d *Document) Preheader() string { return d.preheader }

// Hidden returns text that is not shown, in order, one entry per text node.
func (d *Document) Hidden() []HiddenText { return d.hidden }

// Links returns everything that the document can load or lead to, in order.
func (d *Document) Links() []Link { return d.links }

// Forms returns the forms, and one without an action for inputs outside of any.
func (d *Document) Forms() []Form { return d.forms }

// Spans returns where each element is in DisplayText, in document order.
// Elements without shown text have From == To.
func (d *Document) Spans() []Span { return d.spans }

// Work returns the number of steps that reading took, which tests compare with the
// length of the document.
func (d *Document) Work() int { return d.work }
