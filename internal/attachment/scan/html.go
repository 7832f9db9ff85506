package scan

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// ReadHTML lists the content of the tags of a page, and returns its scripts. It reads
// tokens, since rules use tags and not the rendered page.
func ReadHTML(page string, b *Budget) (*HTMLFile, []Child) {
	r := &htmlReader{
		z: html.NewTokenizer(strings.NewReader(page)), budget: b, spans: map[string]bool{},
		out: &HTMLFile{
			Scripts: []HTMLScript{}, Spans: []HTMLSpan{}, Forms: []HTMLForm{}, Frames: []HTMLFrame{}, Inputs: []HTMLInput{},
		},
	}
	for {
		switch r.z.Next() {
		case html.ErrorToken:
			r.out.Hyperlinks = r.links.strings()
			return r.out, r.children
		case html.StartTagToken, html.SelfClosingTagToken:
			r.tag()
		case html.TextToken:
			r.text()
		default:
		}
	}
}

// htmlReader is the state of one ReadHTML.
type htmlReader struct {
	z        *html.Tokenizer
	budget   *Budget
	out      *HTMLFile
	links    set
	spans    map[string]bool
	inside   atom.Atom // script or title, whose text comes next
	external []string  // kinds declared by the open script
	children []Child
}

// attributes returns the attributes of the current tag by name, the first of each.
func (r *htmlReader) attributes() map[string]string {
	out := map[string]string{}
	for more := true; more && len(out) < 100; {
		var key, value []byte
		key, value, more = r.z.TagAttr()
		if _, known := out[string(key)]; !known && len(key) > 0 {
			out[string(key)] = string(value)
		}
	}
	return out
}

func (r *htmlReader) tag() {
	name, has := r.z.TagName()
	tag := atom.Lookup(name)
	r.inside = 0
	attributes := map[string]string{}
	if has {
		attributes = r.attributes()
	}
	get := func(key string) *string { return attribute(r.budget, attributes, key) }
	switch tag {
	case atom.Title:
		r.inside = tag
	case atom.A:
		r.link(attributes["href"])
	case atom.Img:
		r.link(attributes["src"])
	case atom.Script:
		r.script(attributes, get)
	case atom.Span:
		r.span(attributes, get)
	default:
		r.control(tag, get)
	}
}

// attribute returns one of a tag, nil where it is missing.
func attribute(b *Budget, attributes map[string]string, key string) *string {
	v, ok := attributes[key]
	if !ok {
		return nil
	}
	v = b.Text(v, maxWord)
	return &v
}

// link keeps an address; data: URLs are left to the search for base64.
func (r *htmlReader) link(target string) {
	if target != "" && !strings.HasPrefix(strings.ToLower(target[:min(len(target), 5)]), "data:") {
		r.links.add(r.budget, target, maxWord, maxStrings)
	}
}

func (r *htmlReader) script(attributes map[string]string, get func(string) *string) {
	r.inside = atom.Script
	r.external = scriptKind(attributes["language"], attributes["type"])
	r.out.TotalScripts++
	if r.budget.room(len(r.out.Scripts), 4) {
		r.out.Scripts = append(r.out.Scripts, HTMLScript{Language: get("language"), Type: get("type"), Src: get("src")})
	}
}

// scriptKind returns the declared kind of a script, in lower case.
func scriptKind(words ...string) []string {
	out := []string{}
	for _, w := range words {
		if w = strings.ToLower(strings.TrimSpace(w)); w != "" && len(w) < 100 {
			out = append(out, w)
		}
	}
	return out
}

func (r *htmlReader) span(attributes map[string]string, get func(string) *string) {
	r.out.TotalSpans++
	key := attributes["class"] + "\x00" + attributes["style"]
	if !r.spans[key] && r.budget.room(len(r.out.Spans), 2) {
		r.spans[key] = true
		r.out.Spans = append(r.out.Spans, HTMLSpan{Class: get("class"), Style: get("style")})
	}
}

// control keeps forms, frames and inputs.
func (r *htmlReader) control(tag atom.Atom, get func(string) *string) {
	o, b := r.out, r.budget
	switch tag {
	case atom.Form:
		if o.TotalForms++; b.room(len(o.Forms), 2) {
			o.Forms = append(o.Forms, HTMLForm{get("action"), get("method")})
		}
	case atom.Frame, atom.Iframe:
		if o.TotalFrames++; b.room(len(o.Frames), 3) {
			o.Frames = append(o.Frames, HTMLFrame{get("src"), get("name"), get("style")})
		}
	case atom.Input:
		if o.TotalInputs++; b.room(len(o.Inputs), 3) {
			o.Inputs = append(o.Inputs, HTMLInput{get("type"), get("name"), get("value")})
		}
	default:
	}
}

// text takes the text after a title or script tag.
func (r *htmlReader) text() {
	switch r.inside {
	case atom.Title:
		if r.out.Title == nil {
			title := r.budget.Text(strings.TrimSpace(string(r.z.Text())), maxWord)
			r.out.Title = &title
		}
	case atom.Script:
		source := string(r.z.Raw())
		if strings.TrimSpace(source) == "" {
			break
		}
		if r.out.TotalExtracted++; !r.budget.more(len(r.children)) {
			break
		}
		r.children = append(r.children, scriptChild("ScanHtml", r.out.TotalScripts, r.external, source))
		if n := len(r.out.Scripts); n == r.out.TotalScripts {
			r.out.Scripts[n-1].Scripts = r.budget.value(source[:min(len(source), maxWord)])
		}
	default:
	}
	r.inside = 0
}

// scriptChild names the script with that number, from 1 on.
func scriptChild(source string, number int, external []string, text string) Child {
	return Child{Name: "script_" + strconv.Itoa(number-1), Source: source, External: external, Data: []byte(text)}
}

// IsScript reports whether a script with these declarations is JavaScript.
func IsScript(external []string) bool {
	for _, w := range external {
		if !strings.Contains(w, "javascript") && !strings.Contains(w, "ecmascript") && !strings.Contains(w, "jscript") && w != "module" &&
			w != "text/babel" {
			return false
		}
	}
	return true
}
