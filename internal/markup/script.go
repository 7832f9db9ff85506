package markup

import (
	"slices"
	"strings"
)

// Script describes the scripts and event handlers of a document.
type Script struct {
	Elements int      // script elements
	Handlers int      // event handlers: onload and the like
	Text     string   // inline scripts and handlers, at most maxScript bytes
	Base64   int      // longest run of base64 in scripts, and in attributes other than targets
	Acts     []Act    // distinct actions
	buffer   []string // until Text is joined
	size     int
}

// Act is one action of a script that mail hardly needs.
type Act string

// Actions of scripts: the first six are parts of HTML smuggling, which builds the
// attachment in the browser, after the filters.
const (
	ActSaveBlob  Act = "save-blob"      // msSaveBlob, msSaveOrOpenBlob
	ActObjectURL Act = "object-url"     // createObjectURL
	ActBlob      Act = "blob"           // new Blob
	ActDecode    Act = "decode-payload" // atob with much base64
	ActDownload  Act = "download"       // an anchor with the download attribute
	ActClick     Act = "click"          // a simulated click
	ActUnescape  Act = "write-decoded"  // document.write of the result of unescape, atob or decodeURIComponent
	ActLocation  Act = "location"       // opens another page
	ActEval      Act = "eval"
	ActSend      Act = "send" // XMLHttpRequest, fetch, sendBeacon
)

func (s *Script) add(text string, d *Document) {
	if s.size+len(text) > maxScript {
		text = clip(text, maxScript-s.size)
		d.tolerate(ScriptsCut)
	}
	s.size += len(text)
	d.work += len(text)
	s.buffer = append(s.buffer, text)
}

// attribute finds a payload in an attribute other than a target.
func (s *Script) attribute(value string) {
	if len(value) >= largeBase64 {
		s.Base64 = max(s.Base64, longestBase64(value))
	}
}

// finish determines the actions of the scripts.
func (s *Script) finish() {
	s.Text = strings.Join(s.buffer, "\n")
	s.buffer = nil
	if s.Text == "" {
		return
	}
	s.Base64 = max(s.Base64, longestBase64(s.Text))
	lower := lowerASCII(s.Text)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(lower, w) })
	}
	decodes := has("atob(", "unescape(", "decodeuricomponent(", "fromcharcode")
	for _, a := range []struct {
		act Act
		is  bool
	}{
		{ActSaveBlob, has("mssaveblob", "mssaveoropenblob")},
		{ActObjectURL, has("createobjecturl")},
		{ActBlob, has("new blob", "new file(")},
		{ActDecode, s.Base64 >= largeBase64 && has("atob", "fromcharcode", "base64")},
		{ActDownload, has(".download", "'download'", `"download"`)},
		{ActClick, has(".click()", "dispatchevent(")},
		{ActUnescape, decodes && has("document.write", "innerhtml")},
		{ActLocation, has("location=", "location =", "location.href", "location.replace", "location.assign", "window.open")},
		{ActEval, has("eval(", "new function(")},
		{ActSend, has("xmlhttprequest", "fetch(", "sendbeacon", "$.ajax", "$.post")},
	} {
		if a.is {
			s.Acts = append(s.Acts, a.act)
		}
	}
}

func longestBase64(s string) int {
	longest, run := 0, 0
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}

// scriptText takes the text of a script or handler, and the targets in it.
func (v *visitor) scriptText(text, element, attribute string) {
	room := maxScript - v.doc.Script.size
	v.doc.Script.add(text, v.doc)
	text = clip(text, max(room, 0))
	found := codeTargets(text)
	if len(found) == maxCodeTargets {
		v.doc.tolerate(LinksCut)
	}
	for _, u := range found {
		v.link(Link{Href: u, Element: element, Attr: attribute, Place: PlaceCode})
	}
}

// codeTargets returns the quoted strings that are URLs with a scheme, and those that follow
// "location" or "open(".
func codeTargets(s string) []string {
	var out []string
	for at := 0; len(out) < maxCodeTargets; {
		i := strings.IndexAny(s[at:], "\"'`")
		if i < 0 {
			break
		}
		start := at + i + 1
		n := strings.IndexByte(s[start:], s[start-1])
		if n < 0 {
			break
		}
		word := s[start : start+n]
		if len(word) <= 4096 && (isCodeURL(word) || word != "" && leads(s[:start-1])) {
			out = append(out, word)
		}
		at = start + n + 1
	}
	return out
}

func isCodeURL(s string) bool {
	switch schemeOf(s) {
	case "http", "https", "ftp", "file", "data", "javascript", "blob", "mailto":
		return true
	}
	return strings.HasPrefix(s, "//") && len(s) > 4 && strings.Contains(s, ".")
}

// leads reports whether the text before a string makes it a target.
func leads(before string) bool {
	const look = 40
	before = strings.TrimRight(lowerASCII(before[max(0, len(before)-look):]), " \t\r\n")
	for _, end := range []string{"location=", "location.href=", "location =", "location.href =", "location.replace(", "location.assign(", "window.open("} {
		if strings.HasSuffix(before, end) {
			return true
		}
	}
	return false
}
