package scan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/attachment/scan"
)

// ample is a budget that no test meets.
func ample() *scan.Budget { return &scan.Budget{Left: 8 << 20} }

// links is in for the finder of addresses: words with a scheme or before ".example".
func links(text string) []string {
	var out []string
	for w := range strings.FieldsSeq(text) {
		if strings.Contains(w, "://") || strings.Contains(w, ".example") {
			out = append(out, w)
		}
	}
	return out
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func text(s *string) string {
	if s == nil {
		return "<null>"
	}
	return *s
}

func TestStrings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, data string
		want       []string
		raw        string
	}{
		{"lines of a text, each once", "first\nab\tlonger\r\nfirst\n", []string{"first", "longer"}, "first\nab\tlonger\r\nfirst\n"},
		{"letters of all scripts", "größer als\nпривет", []string{"größer als", "привет"}, "größer als\nпривет"},
		{"UTF-16 with a mark", "\xff\xfeh\x00e\x00l\x00l\x00o\x00", []string{"hello"}, "hello"},
		{"runs of a binary", "\x00\x01program\x00ab\xffC:\\x\x02", []string{"program"}, "<null>"},
		{"UTF-16 in a binary", "\x00\x00k\x00e\x00r\x00n\x00e\x00l\x003\x00\x01", []string{"kernel3"}, "<null>"},
		{"noise is dropped", "\x00q=;)\x00#Z%1\x00abc1\x00", []string{"abc1"}, "<null>"},
		{"nothing", "", []string{}, "<null>"},
	} {
		got := scan.Decode([]byte(tt.data)).Strings(ample())
		same(t, tt.name, got.Strings, tt.want)
		same(t, tt.name, text(got.Raw), tt.raw)
	}
}

// A text is decoded once: 16 MiB of UTF-16 take a while.
func TestTextsAreDecodedOnce(t *testing.T) { // alone, because it counts allocations
	for name, data := range map[string]string{"UTF-8": strings.Repeat("word ", 1000), "UTF-16": "\xff\xfe" + strings.Repeat("w\x00 \x00", 1000)} {
		d := scan.Decode([]byte(data))
		if !d.IsText || d.Lines(10) != d.Text[:10] {
			t.Errorf("%s: %q, %q", name, d.Text[:10], d.Lines(10))
		}
		if n := testing.AllocsPerRun(10, func() { d.Lines(1 << 20) }); n != 0 {
			t.Errorf("%s: %v allocations for lines that are there", name, n)
		}
	}
	if d := scan.Decode([]byte("\x00\x01program\x00")); d.IsText || d.Text != "" || d.Lines(100) != "program\n" {
		t.Errorf("a binary: %q, %q", d.Text, d.Lines(100))
	}
}

func TestBudgetBoundsJSON(t *testing.T) {
	t.Parallel()
	page := strings.Repeat("<a href='x'>\u2028\"\\\x01\n", 5000)
	for _, left := range []int{0, 1, 10, 1000, 50_000} {
		b := &scan.Budget{Left: left}
		got := scan.Decode([]byte(page)).Strings(b)
		out, err := json.Marshal(got)
		if err != nil || len(out) > left+40 || b.Left < 0 || !b.Cut {
			t.Errorf("budget %d: %d bytes of JSON, %d left, cut %v, %v", left, len(out), b.Left, b.Cut, err)
		}
	}
}

func TestJavaScript(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, source string
		want         scan.JavaScript
	}{
		{
			"words", `var _0xab = document['write'](atob("PGE+")); // done`,
			scan.JavaScript{
				Tokens:   []string{"Keyword", "Identifier", "Punctuator", "String", "LineComment"},
				Keywords: []string{"var"}, Identifiers: []string{"_0xab", "document", "atob"}, Strings: []string{"write", "PGE+"},
			},
		},
		{
			"a slash divides behind a value and matches behind an operator", `a = b / c / d; e = /x[/]y/gi.test(s); if (q) /z/.exec(s); (f) / g / h`,
			scan.JavaScript{
				Tokens: []string{"Identifier", "Punctuator", "RegularExpression", "Keyword"}, Keywords: []string{"if"},
				Identifiers:        []string{"a", "b", "c", "d", "e", "test", "s", "q", "exec", "f", "g", "h"},
				RegularExpressions: []string{"/x[/]y/gi", "/z/"},
			},
		},
		{
			"templates", "x = `one ${ f({a: `two`}) } three`",
			scan.JavaScript{
				Tokens: []string{"Identifier", "Punctuator", "Template"}, Identifiers: []string{"x", "f", "a"}, Strings: []string{"one ", "two", " three"},
			},
		},
		{
			"escapes stay", `ato\u0062("a\"b", 'c'); /* no end`,
			scan.JavaScript{
				Tokens: []string{"Identifier", "Punctuator", "String", "BlockComment"}, Identifiers: []string{`ato\u0062`}, Strings: []string{`a\"b`, "c"},
			},
		},
		{
			"numbers", `0x1F + 1.5e-3 + .5 + 10n + true + null`,
			scan.JavaScript{Tokens: []string{"Numeric", "Punctuator", "Boolean", "Null"}},
		},
		{
			"an open string ends with its line", "a = 'open\nb",
			scan.JavaScript{Tokens: []string{"Identifier", "Punctuator", "String"}, Identifiers: []string{"a", "b"}, Strings: []string{"open"}},
		},
	} {
		for _, l := range []*[]string{&tt.want.Tokens, &tt.want.Keywords, &tt.want.Identifiers, &tt.want.Strings, &tt.want.RegularExpressions} {
			if *l == nil {
				*l = []string{}
			}
		}
		same(t, tt.name, *scan.ReadJavaScript(tt.source, ample()), tt.want)
	}
}

const page = `<!doctype html><title> Sign in &amp; go </title><body onload="x()">
<a href="https://a.example/?b=1&amp;c=2">A</a><a href="https://a.example/?b=1&amp;c=2">again</a><img src="logo.png"><img src="data:image/png;base64,AAAA">
<span class="s" style="color:red">1</span><span class="s" style="color:red">2</span><SPAN>3</SPAN>
<form action="/post" method=POST><input type=password name=p></form><iframe src="//f.example"></iframe>
<script language="VBScript">MsgBox "<a href='no'>"</script><script src="x.js"></script><script type="text/javascript">var a = 1;</script>`

func TestHTML(t *testing.T) {
	t.Parallel()
	got, children := scan.ReadHTML(page, ample())
	same(t, "title", text(got.Title), "Sign in & go")
	same(t, "hyperlinks", got.Hyperlinks, []string{"https://a.example/?b=1&c=2", "logo.png"})
	same(t, "spans", len(got.Spans), 2)
	same(t, "counts", []int{got.TotalScripts, got.TotalSpans, got.TotalForms, got.TotalFrames, got.TotalInputs, got.TotalExtracted}, []int{3, 3, 1, 1, 1, 2})
	same(t, "language", text(got.Scripts[0].Language), "VBScript")
	same(t, "source", text(got.Scripts[1].Src), "x.js")
	same(t, "form", text(got.Forms[0].Action)+" "+text(got.Forms[0].Method), "/post POST")
	var names []string
	for _, c := range children {
		names = append(names, fmt.Sprintf("%s %v %s %v", c.Name, c.External, c.Data, scan.IsScript(c.External)))
	}
	same(t, "children", names, []string{
		`script_0 [vbscript] MsgBox "<a href='no'>" false`, `script_2 [text/javascript] var a = 1; true`,
	})
}

func TestXML(t *testing.T) {
	t.Parallel()
	got, children := scan.ReadXML(`<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><!-- <no/> --><a xlink:href="x>y"><circle r='1'/></a>
<x:circle/><script type="text/ecmascript"><![CDATA[ if (a < b) go("</p>"); ]]></script><script>a &lt; b</script><script src="x"/></svg>`, ample())
	same(t, "type", text(got.DocType)+" "+text(got.Version), "<!DOCTYPE svg> 1.0")
	same(t, "tags", got.Tags, []string{"svg", "a", "circle", "script"})
	same(t, "namespaces", got.Namespaces, []string{"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"})
	same(t, "counts", []int{got.TotalTags, got.TotalScripts, got.TotalExtracted}, []int{7, 3, 2})
	var sources []string
	for _, c := range children {
		sources = append(sources, c.Name+":"+string(c.Data))
	}
	same(t, "scripts", sources, []string{`script_0: if (a < b) go("</p>"); `, "script_1:a < b"})
}

func TestICS(t *testing.T) {
	t.Parallel()
	file, events, children := scan.ReadICS(strings.ReplaceAll(`BEGIN:VCALENDAR
PRODID:-//abc1//EN
CALSCALE:GREGORIAN
METHOD:REQUEST
BEGIN:VEVENT
UID:u@example.com
SUMMARY:Renewal
DESCRIPTION:Call or visit https://pay.example/x
ORGANIZER;CN=Boss:mailto:boss@example.com
ATTENDEE;CN=Me;PARTSTAT=NEEDS-ACTION:mailto:me@example.org
ATTACH:CID:part1
ATTACH;ENCODING=BASE64;VALUE=BINARY;FILENAME=a.html:PGh0bWw+
URL:https://meet.example/
X-LONG:0123456789abcdef0123456789abcdef
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n"), links, ample())
	c := file.Calendars[0]
	same(t, "calendar", text(c.Method)+" "+text(c.ProdID)+" "+text(events.ProductID)+" "+text(events.Scale), "REQUEST -//abc1//EN -//abc1//EN GREGORIAN")
	e := c.Components[0]
	same(t, "event", e.Type+" "+text(e.UID)+" "+text(e.Summary), "VEVENT u@example.com Renewal")
	same(t, "organizer", text(e.Organizers[0].Mailbox.DisplayName)+" "+e.Organizers[0].Mailbox.Email, "Boss boss@example.com")
	same(t, "attendee", e.Attendees[0].Mailbox.Email+" "+text(e.Attendees[0].PartStat), "me@example.org NEEDS-ACTION")
	same(t, "attachments", e.Attachments[0].Type+" "+text(e.Attachments[0].URI)+" "+e.Attachments[1].Type, "uri CID:part1 binary")
	same(t, "urls", e.URLs, []string{"https://meet.example/"})
	same(t, "file", children[0].Name+" "+string(children[0].Data), "a.html <html>")
	same(t, "first link", events.Events[0].Links[0], "https://pay.example/x")
	found := slices.ContainsFunc(events.Events[0].RawProperties, func(p scan.ICSProperty) bool {
		return p.Key == "X-LONG" && len(p.Value) == 32
	})
	same(t, "raw property", found, true)
	if f, _, _ := scan.ReadICS("no calendar", links, ample()); f != nil {
		t.Errorf("a calendar was read in no calendar: %+v", f)
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"https://a.example/x":                "url https://a.example/x",
		"HTTPS://A.EXAMPLE/":                 "url HTTPS://A.EXAMPLE/",
		"a.example/login":                    "url a.example/login",
		"mailto:a@b.example":                 "email mailto:a@b.example",
		"tel:+123":                           "mobile <null>",
		"WIFI:S:net;;":                       "wifi <null>",
		"geo:1,2":                            "geo <null>",
		"market://details?x":                 "app <null>",
		"URLTO:https://a.test":               "url https://a.test",
		"just words":                         "undefined <null>",
		"1BoatSLRHtKNngkdXEeobR76b53LETtpyT": "undefined <null>",
	} {
		first, all := scan.ReadCodes([]string{data, "second"}, links, ample())
		if got := text(first.Type) + " " + text(first.URL); got != want || text(first.Data) != data || !all.Found || len(all.Items) != 2 {
			t.Errorf("%s: got %s, want %s", data, got, want)
		}
	}
	if first, all := scan.ReadCodes(nil, links, ample()); first.Data != nil || first.Type != nil || all.Found || all.Items == nil {
		t.Errorf("without codes: %+v, %+v", first, all)
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	valid := func(s string) bool { return !strings.Contains(s, "|") }
	got := scan.ReadURLs(`see https://a.example/1 and (http://bad|host/) or <file://h/x>`, links, valid, ample())
	same(t, "urls", got.URLs, []string{"https://a.example/1", "(http://bad|host/)", "<file://h/x>", "file://h/x"})
	same(t, "invalid", got.InvalidURLs, []string{"http://bad|host/"})
	got.Add([]string{"https://a.example/1", "https://b.example/"}, ample())
	same(t, "together", len(got.URLs), 5)
	var none *scan.URLList
	none.Add([]string{"x"}, ample())
}

func TestBase64(t *testing.T) {
	t.Parallel()
	script := []byte("var link = 'https://a.example/login?user=someone'; window.location.href = link;")
	program := append([]byte("MZ"), make([]byte, 200)...)
	known := func(data []byte) bool { return bytes.HasPrefix(data, []byte("MZ")) }
	text := fmt.Sprintf("eval(atob('%s'));\nx = \"%s\"; again '%s'; id = 'ABCdef0123456789';\n%s", encode(script), encode(program), encode(script),
		strings.Repeat("f00dF00D", 20))
	var got []string
	for _, c := range scan.Base64(text, known) {
		got = append(got, c.Name+" "+string(c.Data[:2]))
	}
	same(t, "found", got, []string{"base64_0 va", "base64_1 MZ"})
}

func TestTastes(t *testing.T) {
	t.Parallel()
	locked := "PK\x03\x04\x14\x00\x01\x00\x00\x00"
	dos := make([]byte, 128)
	copy(dos, "MZ\x90\x00")
	dos[60] = 0x80
	for _, tt := range []struct {
		name, data, format string
		script             bool
		want               []string
	}{
		{"a program", "MZ\x90\x00", "pe", false, []string{"mz_file"}},
		{"a Mach-O", "\xcf\xfa\xed\xfe", "macho", false, []string{"macho_file"}},
		{"a locked zip", locked, "zip", false, []string{"encrypted_zip", "zip_file"}},
		{"a script of a page", "go()", "txt", true, []string{"javascript_file"}},
		{"a page with a program", "<html>" + encode(dos), "html", false, []string{"base64_pe", "html_file"}},
		{"a program in UTF-16", string(widen(encode(dos))), "txt", false, []string{"base64_pe"}},
		{"a macro", "Attribute VB_Name = \"x\"", "txt", false, []string{"vb_file"}},
		{"words", "TV is on", "txt", false, []string{}},
	} {
		same(t, tt.name, scan.Tastes([]byte(tt.data), tt.format, tt.script), tt.want)
	}
}

func widen(s string) []byte {
	var out []byte
	for k := range len(s) {
		out = append(out, s[k], 0)
	}
	return out
}
