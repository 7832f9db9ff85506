package markup_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/markup"
)

func TestAllTextHasWhatIsNotShown(t *testing.T) {
	t.Parallel()
	for doc, words := range map[string]string{
		`<p>a</p>`:                                 "a",
		`<p>a</p><p hidden>b</p><p>c</p>`:          "a b c",
		`<title>t</title>a<template>b</template>`:  "t ab",
		`a<!--[if mso]>b<![endif]-->c`:             "a b c",
		`a<img alt=b src=data:,x>c`:                "a b c",
		`a<noscript>b</noscript><!-- no -->`:       "ab",
		`a<iframe srcdoc="b<i hidden>c</i>">`:      "a bc",
		`a<input type=hidden value=" b">`:          "a b",
		`a<details><summary>b</summary>c`:          "a b c",
		`<style>p::before{content:"x"}</style><p>`: "x",
		`a<script>b</script><style>c</style>`:      "a",
	} {
		if got := strings.Join(strings.Fields(parse(doc).AllText()), " "); got != words {
			t.Errorf("%s: %q, want %q", doc, got, words)
		}
	}
}

func TestOutlookEvaluatesConditions(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]bool{
		"mso": true, "gte mso 9": true, "lt mso 9": false, "(gte mso 9)|(IE)": true, "(gte mso 9)&(IE)": false, "IE": false, "!mso": false, "!IE": true,
		"mso 16": true, "gt mso 15": true, "gt mso 16": false, "vml": true, "false": false, "!(lt mso 9)": true, "((((((((((mso))))))))))": true, "": true, "lt mso x": true,
	} {
		d := parse("<!--[if " + condition + "]><p>text</p><![endif]-->")
		if got := d.Outlook == "text"; got != want {
			t.Errorf("%s: %v", condition, got)
		}
	}
}

func TestSchemelessTargetsAreHostsWhereTheyLookIt(t *testing.T) {
	t.Parallel()
	for href, want := range map[string]string{
		"evil-one.com": "http://evil-one.com", "evil-one.com/a?b": "http://evil-one.com/a?b", "www.sender.test": "http://www.sender.test", "//evil-one.com/x": "http://evil-one.com/x",
		"evil-one.com:8080/x": "http://evil-one.com:8080/x", "203.0.113.7/x": "http://203.0.113.7/x", "evil.zip/login": "http://evil.zip/login", "a.b.sh": "http://a.b.sh",
		"page.html": "page.html", "docs/plan.pdf": "docs/plan.pdf", "readme.md": "readme.md", "#top": "#top", "?q": "?q", "index.php?x=1": "index.php?x=1", "run.sh": "run.sh", "a..com": "a..com",
		"mailto:a@b.com": "mailto:a@b.com", "1.2.3": "1.2.3", strings.Repeat("a.", 200) + "com": strings.Repeat("a.", 200) + "com",
	} {
		links := parse(`<a href="` + href + `">x</a>`).Links()
		if len(links) != 1 || links[0].URL != want {
			t.Errorf("%s: %+v, want %s", href, links, want)
		}
	}
}

func TestVitalAttributesAreReadAfterManyOthers(t *testing.T) {
	t.Parallel()
	many := numbered("a%d=b ", 300)
	d := parse("<a " + many + `href="https://a.test/" style="display:none">x</a><img ` + many + `src="https://b.test/">`)
	if links := d.Links(); len(links) != 2 || links[0].Scheme != "https" || d.DisplayText() != "" {
		t.Errorf("%+v, shown %q", d.Links(), d.DisplayText())
	}
}

func TestEndsOfHiddenTextAreKept(t *testing.T) {
	t.Parallel()
	d := parse("<p hidden>first</p>" + strings.Repeat("<i hidden>word</i>", 30_000) + "<p hidden>last</p>")
	h := d.Hidden()
	if h[0].Text != "first" || h[len(h)-1].Text != "last" {
		t.Errorf("%q to %q", h[0].Text, h[len(h)-1].Text)
	}
}

func TestPicturesOfDataAddressesAndDrawings(t *testing.T) {
	t.Parallel()
	gif := base64.StdEncoding.EncodeToString([]byte("GIF89a"))
	d := parse(`<img src="data:image/gif;base64,` + gif + `"><img src="data:image/gif;base64,` + gif + `"><p style="background:url(data:image/png,%41b)">x</p>
		<svg viewBox="0 0 9 9"><rect width="9" height="9"/></svg><img src="https://a.test/x.png"><a href="data:text/html,x">no picture</a>`)
	got := d.Pictures()
	if len(got) != 3 || string(got[0].Data) != "GIF89a" || got[0].MediaType != "image/gif" || string(got[1].Data) != "Ab" || got[2].MediaType != "image/svg+xml" ||
		!strings.Contains(string(got[2].Data), "viewBox") {
		t.Errorf("%q", got)
	}
	b := budget.New(budget.Default())
	markup.Parse(strings.Repeat("<svg><rect/></svg>", 21), b)
	if len(b.Exceeded()) != 1 {
		t.Errorf("21 drawings: %v", b.Exceeded())
	}
}

// TestDrawingsOfSquaresBecomeCells draws the same pattern in each of the ways of SVG.
func TestDrawingsOfSquaresBecomeCells(t *testing.T) {
	t.Parallel()
	const side = 21
	dark := func(x, y int) bool { return x == 0 || y == 0 || x == side-1 || y == side-1 || (x*y)%3 == 1 }
	var rects, uses, path, stroke, circles strings.Builder
	for y := range side {
		for x := range side {
			if dark(x, y) {
				fmt.Fprintf(&rects, `<rect x="%d" y="%d" width="1" height="1" fill="#000"/>`, x, y)
				fmt.Fprintf(&uses, `<use href="#m" x="%d" y="%d"/>`, x, y)
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
				fmt.Fprintf(&stroke, "M%d %d.5h1", x, y)
				fmt.Fprintf(&circles, `<circle cx="%d.5" cy="%d.5" r=".5"/>`, x, y)
			}
		}
	}
	for name, inner := range map[string]string{
		"rects":   rects.String(),
		"scaled":  `<rect width="210" height="210" fill="white"/><g transform="scale(10)">` + rects.String() + `</g>`,
		"uses":    `<defs><rect id="m" width="1" height="1"/></defs>` + uses.String(),
		"path":    `<path d="` + path.String() + `"/>`,
		"stroke":  `<path fill="none" stroke="#000" d="` + stroke.String() + `"/>`,
		"circles": circles.String(),
		"ground":  `<rect width="21" height="21" fill="#fff"/><path style="fill:black" d="` + path.String() + `"/>`,
	} {
		grids := parse("<svg viewBox='0 0 21 21'>" + inner + "</svg>").Grids()
		if len(grids) != 1 || len(grids[0]) != side+8 {
			t.Errorf("%s: %d grids", name, len(grids))
			continue
		}
		for y := range side {
			for x := range side {
				if grids[0][y+4][x+4] != dark(x, y) {
					t.Fatalf("%s: cell %d %d", name, x, y)
				}
			}
		}
	}
	if g := parse("<svg><path d='M0 0C1 1 2 2 3 3z'/><rect width=5 height=5 /></svg>").Grids(); len(g) != 0 {
		t.Error("control: a logo is no grid")
	}
}

func TestXMLIsReadByItsNamespaces(t *testing.T) {
	t.Parallel()
	d := markup.Parse(`<?xml version="1.0"?><?xml-stylesheet href="https://css.test/a.css"?><!DOCTYPE h:html [<!ENTITY u "https://evil.test/"><!ENTITY f "<h:form action='&u;'><h:input type='password'/></h:form>">]>
		<h:html xmlns:h="http://www.w3.org/1999/xhtml" xmlns:s="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><h:body><h:p>Sign <![CDATA[in <now>]]></h:p>&f;
		<s:svg><s:a xlink:href="https://svg.test/"><s:text>draw</s:text></s:a><s:script>location="https://go.test/"</s:script></s:svg></h:body></h:html>`, nil)
	var urls []string
	for _, l := range d.Links() {
		urls = append(urls, string(l.Place)+" "+l.URL)
	}
	if got, want := strings.Join(urls, ", "), "style https://css.test/a.css, form https://evil.test/, anchor https://svg.test/, code https://go.test/"; got != want {
		t.Errorf("links %s, want %s", got, want)
	}
	if f := d.Forms(); len(f) != 1 || !f[0].Password || d.Script.Elements != 1 {
		t.Errorf("forms %+v, scripts %d", f, d.Script.Elements)
	}
	if got := strings.Join(strings.Fields(d.DisplayText()), " "); got != "Sign in <now> draw" {
		t.Errorf("text %q", got)
	}
	for name, doc := range map[string]string{
		"control: XHTML mail": `<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd"><html xmlns="http://www.w3.org/1999/xhtml"><body><p>a<br>b</p></body></html>`,
		"control: Word mail":  `<html xmlns:o="urn:schemas-microsoft-com:office:office"><body><p>a<br>b<o:p></o:p></p></body></html>`,
	} {
		if got := parse(doc).DisplayText(); got != "a\nb" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := markup.ParseXML(`<svg xmlns="http://www.w3.org/2000/svg"><a href="https://a.test/"><text>x</text></a>`, nil).Links(); len(got) != 1 || got[0].Text != "x" {
		t.Errorf("an SVG that is not closed: %+v", got)
	}
}

func TestEntitiesOfEntitiesAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`<!DOCTYPE x [<!ENTITY a0 "ha">`)
	for i := range 30 {
		fmt.Fprintf(&b, `<!ENTITY a%d "&a%d;&a%d;&a%d;&a%d;">`, i+1, i, i, i, i)
	}
	b.WriteString("]><x>&a30;&a5;</x>")
	if d := markup.Parse(b.String(), nil); len(d.InnerText()) > 4<<20 {
		t.Errorf("%d bytes", len(d.InnerText()))
	}
}

func TestWhatOtherDocumentsHideIsShown(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`<div style="background:#000;position:absolute;height:99px;z-index:-1;color:red">x</div><p style="color:#fff">a</p>`: "x a",
		`<p style="color:#fff">a</p>`:                                                                                    "",
		`<p style="color:#fff">a</p><p style="background:#000;color:red">b</p>`:                                          "b",
		`<style>@layer a{p{display:none}}p{display:block}</style><p>a`:                                                   "a",
		`<div style="display:none"><i style="position:fixed">a</i></div>b`:                                               "b",
		`<i style="--a:var(--b);--b:var(--a);display:var(--a,none)">a</i>b`:                                              "b",
		`<i style="--a:none;display:var(--a)">a</i><i style="--a:x">b</i>`:                                               "b",
		`<ol style="counter-reset:c 5"><style>li::before{counter-increment:c;content:counter(c)}</style><li>a<li>b</ol>`: "6a 7b",
	} {
		if got := strings.Join(strings.Fields(parse(doc).DisplayText()), " "); got != want {
			t.Errorf("%s: %q, want %q", doc, got, want)
		}
	}
}
