package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"golang.org/x/net/html"
)

// insertion is a text to insert into a decoded text at an offset.
type insertion struct {
	at   int
	with string
}

// insertBanner returns the insertions that make a banner the first visible thing of a page
// in an ASCII-compatible form: the banner at the start of the body, the styles that protect
// it and its ancestors, and an element around the sender's content. banner is the output of
// wrapHTML. utf8 means that the page is sent as UTF-8, independent of its own declaration.
func insertBanner(page []byte, banner string, utf8 bool) []insertion {
	h := readHead(page)
	open, root := " style=\""+important(rootGuard), " style=\""+important(htmlGuard)
	var out []insertion
	if h.html >= 0 {
		out = append(out, insertion{h.html, broken(root + h.htmlStyle + "\"")})
	} else {
		out = append(out, insertion{h.first, broken("<html" + root + "\">")})
	}
	if utf8 { // browsers use the first one
		at := h.sheet
		if h.meta >= 0 {
			at = min(h.meta, at)
		}
		out = append(out, insertion{at, "\n<meta charset=\"utf-8\">\n"})
	}
	out = append(out, insertion{h.sheet, broken(bannerSheet)})
	if h.body >= 0 {
		out = append(out, insertion{h.body, broken(open + h.bodyStyle + "\"")})
	} else {
		out = append(out, insertion{h.content, strings.TrimSuffix(broken("<body"+open+"\">"), "\n")})
	}
	around := "<" + contentName(page) + " style=\"" + important(contentGuard) + "\">"
	// A line end by itself would be text of the body, which rules can make a line of any height.
	return merge(append(out, insertion{h.content, "<!--\n-->" + banner + strings.TrimPrefix(broken(around), "\n")}))
}

// broken returns HTML between line ends. It has spaces, at which wrapHTML breaks it.
func broken(s string) string {
	lines, err := wrapHTML(s)
	if err != nil { // keptStyle keeps no long words
		lines = s + "\n"
	}
	return "\n" + lines
}

// merge joins insertions at one offset, in their order.
func merge(in []insertion) []insertion {
	var out []insertion
	for _, i := range in {
		if n := len(out); n > 0 && out[n-1].at == i.at {
			out[n-1].with += strings.TrimPrefix(i.with, "\n")
			continue
		}
		out = append(out, i)
	}
	return out
}

// contentName returns the name of the element around the sender's content. The sender
// cannot close an element whose name the content does not contain: the name is a hash of
// the content, and an end tag with another name does not close it (HTML, Section
// 13.2.6.4.7).
func contentName(page []byte) string {
	sum := sha256.Sum256(page)
	return "outrider-" + hex.EncodeToString(sum[:12])
}

// pageHead holds the offsets in a page before its content; -1 if missing.
type pageHead struct {
	html      int // after "<html" of a tag that is the first
	first     int // of the first tag or text
	meta      int // of the first meta element
	sheet     int // before the first place of style rules
	body      int // after "<body" of a tag before all content
	content   int // where the content begins
	htmlStyle string
	bodyStyle string
}

// readHead parses a page up to the first visible or malformed token. Everything unusual
// counts as content, so that the banner precedes it.
func readHead(page []byte) pageHead {
	h := pageHead{html: -1, first: -1, meta: -1, sheet: -1, body: -1}
	z := html.NewTokenizer(bytes.NewReader(page))
	pos := 0
	for {
		kind := z.Next()
		raw := len(z.Raw())
		if h.first < 0 && (kind == html.StartTagToken || kind == html.SelfClosingTagToken || kind == html.EndTagToken) {
			h.first = pos
		}
		end, ok := h.skip(z, kind, pos, pos+raw)
		if !ok {
			h.content = end
			break
		}
		pos = end
	}
	if h.first < 0 {
		h.first = h.content
	}
	if h.sheet < 0 {
		h.sheet = h.content
		if h.body >= 0 {
			h.sheet = h.body - len("<body")
		}
	}
	return h
}

// skip parses one token from pos to end. It returns the next offset, or the start of the
// content and false.
func (h *pageHead) skip(z *html.Tokenizer, kind html.TokenType, pos, end int) (int, bool) {
	switch kind {
	case html.TextToken:
		return choose(len(bytes.Trim(z.Raw(), " \t\r\n\f")) == 0, end, pos)
	case html.DoctypeToken:
		return choose(bytes.HasSuffix(z.Raw(), []byte(">")), end, pos)
	case html.CommentToken:
		return choose(wholeComment(z.Raw()), end, pos)
	case html.EndTagToken:
		name, _ := z.TagName()
		return choose(string(name) == "head", end, pos)
	case html.StartTagToken, html.SelfClosingTagToken:
		return h.tag(z, pos, end)
	default:
		return pos, false
	}
}

// wholeComment reports whether all parsers agree on the end of a comment.
func wholeComment(raw []byte) bool {
	if !bytes.HasPrefix(raw, []byte("<!--")) {
		return bytes.HasSuffix(raw, []byte(">"))
	}
	text, ok := bytes.CutSuffix(raw[4:], []byte("-->"))
	return ok && !bytes.HasPrefix(text, []byte(">")) && !bytes.HasPrefix(text, []byte("->")) && !bytes.Contains(text, []byte("--!>"))
}

// tag parses one start tag as skip does.
func (h *pageHead) tag(z *html.Tokenizer, pos, end int) (int, bool) {
	name, _ := z.TagName()
	switch string(name) {
	case "html":
		if h.first == pos {
			h.html, h.htmlStyle = pos+len("<html"), keptStyle(z)
		}
		return end, true
	case "head", "base":
		return end, true
	case "meta":
		if h.meta < 0 {
			h.meta = pos
		}
		// Other pragmas, such as a content security policy, only count in a head, not in a
		// body.
		return choose(plainMeta(z), end, pos)
	case "link":
		h.rules(pos)
		return end, true
	case "title":
		return rawEnd(z, pos, end, false)
	case "style", "script":
		h.rules(pos)
		return rawEnd(z, pos, end, string(name) == "script")
	case "body":
		h.body, h.bodyStyle = pos+len("<body"), keptStyle(z)
		return end, false
	}
	return pos, false
}

// choose returns end and true, or pos and false.
func choose(ok bool, end, pos int) (int, bool) {
	if ok {
		return end, true
	}
	return pos, false
}

// rules records the first place of style rules.
func (h *pageHead) rules(pos int) {
	if h.sheet < 0 {
		h.sheet = pos
	}
}

// rawEnd returns the offset after a raw text element. A script with the beginning of a
// comment can continue after an end tag (HTML, script data double escaped state).
func rawEnd(z *html.Tokenizer, pos, end int, script bool) (int, bool) {
	for {
		kind := z.Next()
		end += len(z.Raw())
		switch {
		case kind == html.EndTagToken:
			return end, true
		case kind != html.TextToken, script && bytes.Contains(z.Raw(), []byte("<!--")):
			return pos, false
		}
	}
}

// plainMeta reports whether a meta element only describes the page.
func plainMeta(z *html.Tokenizer) bool {
	for {
		key, value, more := z.TagAttr()
		if string(key) == "http-equiv" {
			switch strings.ToLower(strings.TrimSpace(string(value))) {
			case "content-type", "x-ua-compatible", "content-language", "content-style-type":
			default:
				return false
			}
		}
		if !more {
			return true
		}
	}
}

// keptStyle returns the declarations of a tag's style attribute to keep in our attribute:
// plain fonts and colors.
func keptStyle(z *html.Tokenizer) string {
	for {
		key, value, more := z.TagAttr()
		if string(key) == "style" {
			return plainStyle(string(value))
		}
		if !more {
			return ""
		}
	}
}

// maxKeptStyle is the maximum length of a style attribute whose declarations are kept, in
// bytes.
const maxKeptStyle = 4096

// maxKeptValue is the longest value in bytes, which must fit in a line.
const maxKeptValue = 150

func plainStyle(css string) string {
	if len(css) > maxKeptStyle {
		return ""
	}
	var b strings.Builder
	for d := range declarations(css) {
		name, value, _ := strings.Cut(d, ":")
		if isLook(strings.ToLower(strings.TrimSpace(name))) && isPlainValue(value) {
			b.WriteString(html.EscapeString(strings.Join(strings.Fields(d), " ")) + "; ")
		}
	}
	return b.String()
}

// isLook reports whether a property sets the look of text and background, not the position.
func isLook(property string) bool {
	switch property {
	case "color", "font", "line-height", "text-align", "direction", "background", "background-color", "background-image", "background-repeat",
		"background-position", "background-size", "word-wrap", "overflow-wrap", "word-break":
		return true
	default:
		return strings.HasPrefix(property, "font-")
	}
}

// isPlainValue reports whether all parsers agree on the end of a value: it has complete
// strings and brackets, and nothing that begins a comment, an escape or another
// declaration.
func isPlainValue(v string) bool {
	v = strings.TrimSuffix(strings.ToLower(v), "!important")
	if len(v) > maxKeptValue || !isASCIIText(v) {
		return false
	}
	if strings.ContainsAny(v, "!;\\{}<>\x00\n\r\f") || strings.Contains(v, "/*") || strings.Count(v, `"`)%2+strings.Count(v, "'")%2 > 0 {
		return false
	}
	return strings.Count(v, "(") == strings.Count(v, ")") && strings.Count(v, "[") == strings.Count(v, "]")
}
