// Package markup reads an HTML document twice: as a person sees it, and as a machine reads
// it.
//
// Mail clients show HTML, and filters read its text; attackers exploit the difference, with
// text of no size, links without text and pages built by script. This package computes the
// appearance of each element from a subset of CSS, so that visible and hidden text are
// separated, and lists everything that a document can load or link to. Outlook reads
// comments that other clients skip, so these are a second reading.
//
// Standards: HTML Living Standard (parsing, by golang.org/x/net/html; rendering, Section
// 15), CSS Syntax Level 3, Selectors Level 4, Cascading Level 5 with layers, scopes and
// nesting, Custom Properties, Values and Units Level 4, Color Level 4 and 5, Media Queries
// Level 4, Conditional Rules with @supports and @container, generated content, and SVG as
// far as its text is concerned. The effect of a property depends on the element's box. XML
// with namespaces and entities is read as browsers do. A test compares the displayed text
// and the links with Chromium; docs/browser-differential.md has the figures.
//
// Divergences: boxes are not laid out. Offsets are added up against an upper bound of the
// height of the preceding content; areas of boxes that are partly clipped, rotated or
// enlarged are not computed. In doubt, or if clients differ, text counts as visible.
// Letters of two pixels, of less than five percent opacity or of nearly the background
// color count as hidden. Media queries are evaluated for a screen of 1024 by 768 pixels in
// light colors; rules for print, dark mode or a narrow screen are recorded. Pictures are
// treated as missing, so that their alternative text is shown.
//
// Limits: budget.HTMLNodes bounds the tokens, after which the last maxTail bytes are read;
// the constants of limits.go bound the kept data, and of long hidden text both ends are
// kept; omissions are recorded in the budget. A document that would cost html.Parse more
// than linear time is read by a simpler tree builder. Each limit reached is in Tolerated.
package markup

import (
	"slices"

	"golang.org/x/net/html"

	"outrider/internal/budget"
)

// Tolerance is one deviation or cut in reading a document.
type Tolerance string

// What Parse tolerates.
const (
	TokensCut     Tolerance = "tokens-cut"     // the budget for HTML tokens ended before the document
	SimpleTree    Tolerance = "simple-tree"    // the simple tree builder was used because of nesting or repetition
	DepthCut      Tolerance = "depth-cut"      // elements deeper than maxDepth became siblings
	AttributesCut Tolerance = "attributes-cut" // an element has more attributes than the limit
	StylesCut     Tolerance = "styles-cut"     // style sheets are too large or too costly to match
	LinksCut      Tolerance = "links-cut"      // more links than the limit
	HiddenCut     Tolerance = "hidden-cut"     // more hidden text than the limit
	ScriptsCut    Tolerance = "scripts-cut"    // more script text than the limit
	FormsCut      Tolerance = "forms-cut"      // more forms or fields than the limit
	NestedCut     Tolerance = "nested-cut"     // nested documents are too deep
	PicturesCut   Tolerance = "pictures-cut"   // more or larger pictures in data: URLs or SVG than the limit
	GridsCut      Tolerance = "grids-cut"      // more tables that can be drawings than the limit
	MediaSkipped  Tolerance = "media-skipped"  // @media rules for print, dark mode or narrow screens exist
)

// Document is one parsed document. It is immutable and safe for concurrent use.
type Document struct {
	Title     string      // text of the first title element, white space collapsed
	Outlook   string      // text shown only by Outlook: conditional comments, at most maxHidden bytes
	Script    Script      // content and actions of its scripts
	Images    Images      // pictures
	Tolerated []Tolerance // distinct, in order of first occurrence

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

// HiddenText is text that people cannot see.
type HiddenText struct {
	Text string
	Why  Why
}

// Images summarizes the pictures of a document.
type Images struct {
	Shown    int      // larger than a tracking dot and visible
	Trackers int      // at most two pixels a side, or hidden, and loaded from elsewhere
	Alt      []string // alternative texts, in order, at most maxAlt
}

// Span is the position of an element's visible text in DisplayText.
type Span struct {
	Node     *html.Node
	From, To int // byte offsets
}

// Parse parses doc, mainly UTF-8; it never fails. A nil budget means a fresh one with
// default limits.
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

// read walks the tree, a second time if the first walk shows that text assumed hidden by
// its color has another background.
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
	d.recordOmissions(b)
	return d
}

// walk reads the whole tree.
func (v *visitor) walk() {
	root := rootStyle()
	v.visit(v.doc.root, &root)
}

// recordOmissions records omissions in the budget, so that the verdict reports them.
func (d *Document) recordOmissions(b *budget.Budget) {
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

// InnerText returns all text without tags, visible or not; scripts, styles and comments are
// left out.
func (d *Document) InnerText() string { return d.inner }

// DisplayText returns the visible text: blocks on separate lines, white space collapsed,
// invisible characters removed.
func (d *Document) DisplayText() string { return d.display }

// AllText returns all text for a second reading, visible or not: DisplayText, and in their
// places hidden text, titles, alternative texts, templates, inputs and the text shown only
// by Outlook. Scripts, styles and other comments are left out.
func (d *Document) AllText() string { return d.all }

// Preheader returns the text that mail clients show in the list of messages: the
// first of the body, hidden or not, at most maxPreheader characters.
func (d *Document) Preheader() string { return d.preheader }

// Hidden returns the hidden text, in order, one entry per text node.
func (d *Document) Hidden() []HiddenText { return d.hidden }

// Links returns everything that the document can load or link to, in order.
func (d *Document) Links() []Link { return d.links }

// Forms returns the forms, and one without an action for inputs outside of any.
func (d *Document) Forms() []Form { return d.forms }

// Spans returns the position of each element in DisplayText, in document order. Elements
// without visible text have From == To.
func (d *Document) Spans() []Span { return d.spans }

// Work returns the number of steps of reading, which tests compare with the length of the
// document.
func (d *Document) Work() int { return d.work }
