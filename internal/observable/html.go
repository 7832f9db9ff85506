package observable

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"outrider/internal/budget"
)

// HTML is what one document shows, hides, and does.
type HTML struct {
	Title     string
	Visible   string // text that readers see, blocks on lines of their own
	Hidden    string // text that they do not see, at most maxHidden bytes
	URLs      []URL
	Forms     []Form
	Scripts   int    // script elements and event handlers
	Script    string // text of inline scripts, at most maxScript bytes
	Images    int    // pictures larger than a tracking dot
	Tiny      int    // pictures of at most two pixels
	ZeroWidth int    // invisible characters within words of visible text
	DataLinks int    // links and frames to data: and javascript: URLs
	Tokens    int    // looked at
	Work      int    // bytes and open elements looked at: at most a multiple of the bytes read
}

// Form is one form of a document.
type Form struct {
	Action   string // as written
	Password bool   // asks for a password
	Text     int    // inputs for text or an address
}

// Bounds on what is kept of a document.
const (
	maxHidden = 64 << 10
	maxScript = 256 << 10
	maxOpen   = 256 // open elements whose visibility is tracked; browsers stop at 512
)

// ReadHTML reads a document in one pass. It stops where b has no HTML token left.
func ReadHTML(doc string, b *budget.Budget) *HTML {
	r := htmlReader{out: &HTML{}, budget: b}
	z := html.NewTokenizer(strings.NewReader(doc))
	z.SetMaxBuf(len(doc) + 1)
	for {
		t := z.Next()
		if t == html.ErrorToken || !b.Spend(budget.HTMLNodes, 1) {
			break
		}
		r.out.Tokens++
		r.out.Work += len(z.Raw())
		r.token(z, t)
	}
	r.closeAnchor()
	r.out.Visible, r.out.Hidden = r.visible.String(), r.hidden.String()
	r.out.Script, r.out.Title = r.script.String(), strings.TrimSpace(r.out.Title)
	return r.out
}

// htmlReader is the state while a document is read.
type htmlReader struct {
	out     *HTML
	budget  *budget.Budget
	base    string
	open    []element
	raw     atom.Atom // the raw text element that is open: script, style, title, or 0
	anchor  int       // index+1 in out.URLs of the anchor that is open, or 0
	text    strings.Builder
	visible strings.Builder
	hidden  strings.Builder
	script  strings.Builder
}

// element is one open element that was not void.
type element struct {
	tag    atom.Atom
	name   string // where tag is 0
	hidden bool   // it or one around it
	color  string // background, or ""
}

func (r *htmlReader) token(z *html.Tokenizer, t html.TokenType) {
	switch t {
	case html.TextToken:
		r.onText(z)
	case html.StartTagToken, html.SelfClosingTagToken:
		r.onStart(z, t == html.SelfClosingTagToken)
	case html.EndTagToken:
		name, _ := z.TagName()
		r.onEnd(atom.Lookup(name), string(name))
	default:
	}
}

func (r *htmlReader) onText(z *html.Tokenizer) {
	switch r.raw {
	case atom.Script:
		writeUpTo(&r.script, string(z.Text()), maxScript)
		return
	case atom.Style:
		return
	case atom.Title:
		if len(r.out.Title) < maxAnchorText {
			r.out.Title += string(z.Text())
		}
		return
	default:
	}
	text := string(z.Text())
	r.out.Work += len(text)
	if r.isHidden() {
		writeUpTo(&r.hidden, text, maxHidden)
		return
	}
	r.out.ZeroWidth += countZeroWidth(text)
	r.visible.WriteString(text)
	if r.anchor > 0 {
		writeUpTo(&r.text, text, maxAnchorText)
	}
}

func (r *htmlReader) isHidden() bool { return len(r.open) > 0 && r.open[len(r.open)-1].hidden }

// writeUpTo appends s, whole characters only, until b holds limit bytes.
func writeUpTo(b *strings.Builder, s string, limit int) {
	if left := limit - b.Len(); len(s) > left {
		s = s[:max(left, 0)]
		for s != "" && !utf8.ValidString(s[len(s)-min(len(s), utf8.UTFMax):]) && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
	}
	b.WriteString(s)
}

// countZeroWidth counts invisible characters between two letters, where they only
// serve to break words for machines.
func countZeroWidth(s string) int {
	if isASCII(s) {
		return 0
	}
	n, pending, letter := 0, 0, false
	for _, c := range s {
		switch {
		case IsInvisible(c) && c != 0x200C && c != 0x200D: // joiners have a use in several scripts
			if letter {
				pending++
			}
		case unicode.IsLetter(c):
			n += pending
			pending, letter = 0, true
		default:
			pending, letter = 0, false
		}
	}
	return n
}

func (r *htmlReader) onStart(z *html.Tokenizer, selfClosing bool) {
	name, hasAttr := z.TagName()
	tag := atom.Lookup(name)
	e := element{tag: tag, hidden: r.isHidden()}
	if tag == 0 {
		e.name = string(name)
	}
	a := readAttributes(z, hasAttr)
	if len(r.open) > 0 {
		e.color = r.open[len(r.open)-1].color
	}
	e.hide(&a)
	r.out.Scripts += a.handlers
	r.onTag(tag, &a, e.hidden)
	switch tag {
	case atom.Script, atom.Style, atom.Title:
		if !selfClosing {
			r.raw = tag
		}
	default:
	}
	if isBlock(tag) {
		r.breakLine()
	}
	if !isVoid(tag) && !selfClosing && len(r.open) < maxOpen {
		r.open = append(r.open, e)
	}
}

// onTag takes what the element does.
func (r *htmlReader) onTag(tag atom.Atom, a *attributes, hidden bool) {
	switch tag {
	case atom.A, atom.Area:
		r.closeAnchor()
		if r.addURL(a.href, PlaceAnchor) && tag == atom.A {
			r.anchor = len(r.out.URLs)
		}
	case atom.Base:
		if r.base == "" {
			r.base = a.href
		}
	case atom.Form:
		r.addURL(a.action, PlaceForm)
		r.out.Forms = append(r.out.Forms, Form{Action: a.action})
	case atom.Input:
		r.onInput(a)
	case atom.Img:
		r.onImage(a, hidden)
	case atom.Iframe, atom.Frame, atom.Embed, atom.Object:
		r.addURL(a.src, PlaceFrame)
	case atom.Script:
		r.out.Scripts++
		r.addURL(a.src, PlaceScript)
	case atom.Meta:
		if strings.EqualFold(a.httpEquiv, "refresh") {
			r.addURL(refreshTarget(a.content), PlaceRefresh)
		}
	default:
	}
}

func (r *htmlReader) onImage(a *attributes, hidden bool) {
	r.addURL(a.src, PlaceImage)
	switch {
	case a.isTiny():
		r.out.Tiny++
	case !hidden:
		r.out.Images++
	}
}

// onInput notes what a form asks for. Inputs outside of a form count as one: scripts
// send them.
func (r *htmlReader) onInput(a *attributes) {
	if len(r.out.Forms) == 0 {
		r.out.Forms = append(r.out.Forms, Form{})
	}
	f := &r.out.Forms[len(r.out.Forms)-1]
	switch strings.ToLower(a.kind) {
	case "password":
		f.Password = true
	case "", "text", "email", "tel":
		f.Text++
	}
}

// addURL adds a URL, resolved against the base, and reports whether it did.
func (r *htmlReader) addURL(raw string, place Place) bool {
	if raw == "" {
		return false
	}
	u, ok := ParseURL(raw)
	if !ok && r.base != "" {
		u, ok = ParseURL(strings.TrimRight(r.base, "/") + "/" + strings.TrimLeft(raw, `/\`))
	}
	if ok && (u.Scheme == "javascript" || u.Scheme == "data" && place != PlaceImage) {
		r.out.DataLinks++
	}
	if !ok || u.Scheme == "data" || !r.budget.Spend(budget.URLs, 1) {
		return false
	}
	u.Place = place
	r.out.URLs = append(r.out.URLs, u)
	return true
}

func (r *htmlReader) closeAnchor() {
	if r.anchor > 0 {
		r.out.Work += r.text.Len()
		r.out.URLs[r.anchor-1].Text = strings.Join(strings.Fields(r.text.String()), " ")
	}
	r.anchor = 0
	r.text.Reset()
}

// onEnd closes the element, and those inside of it that were left open. Looking at the
// last few only keeps the work linear.
func (r *htmlReader) onEnd(tag atom.Atom, name string) {
	const look = 16
	switch tag {
	case atom.A:
		r.closeAnchor()
	case atom.Script, atom.Style, atom.Title:
		r.raw = 0
	default:
	}
	if isBlock(tag) {
		r.breakLine()
	}
	for i := len(r.open) - 1; i >= max(0, len(r.open)-look); i-- {
		r.out.Work++
		if r.open[i].tag == tag && (tag != 0 || r.open[i].name == name) {
			r.open = r.open[:i]
			return
		}
	}
}

func (r *htmlReader) breakLine() {
	if r.visible.Len() > 0 {
		r.visible.WriteByte('\n')
	}
	if r.anchor > 0 {
		r.text.WriteByte(' ')
	}
}

// refreshTarget returns the URL of a refresh: "0; url=https://...".
func refreshTarget(content string) string {
	_, rest, ok := strings.Cut(content, "=")
	if !ok {
		return ""
	}
	return strings.Trim(strings.TrimSpace(rest), `'"`)
}

func isVoid(tag atom.Atom) bool {
	switch tag {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta,
		atom.Param, atom.Source, atom.Track, atom.Wbr:
		return true
	default:
		return false
	}
}

func isBlock(tag atom.Atom) bool {
	switch tag {
	case atom.Br, atom.P, atom.Div, atom.Table, atom.Tr, atom.Td, atom.Th, atom.Li, atom.Ul, atom.Ol, atom.H1, atom.H2, atom.H3,
		atom.H4, atom.H5, atom.H6, atom.Hr, atom.Blockquote, atom.Pre, atom.Body, atom.Center, atom.Section, atom.Article, atom.Option:
		return true
	default:
		return false
	}
}
