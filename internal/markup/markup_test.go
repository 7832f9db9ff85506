package markup_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/markup"
)

func parse(doc string) *markup.Document { return markup.Parse(doc, budget.New(budget.Default())) }

func TestShownAndHiddenTextComeApart(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, doc, shown, hidden string }{
		{"display", `<p>a</p><div style="display: none">b<b style="display:block">c</b></div>d`, "a d", "display-none:b display-none:c"},
		{"visibility can be undone", `a<p style="visibility:hidden">b<i style="visibility:visible">c</i></p>`, "ac", "visibility:b"},
		{"opacity multiplies", `a<p style="opacity:.2">b<i style="opacity:.2">c</i></p>`, "a b", "opacity:c"},
		{"font size of nothing", `a<p style="font-size:0">b<i style="font-size:2em">c</i><i style="font-size:12px">d</i></p>`, "ad", "font-size:b font-size:c"},
		{"font shorthand", `<p style="font:0/0 a">b</p><p style="font:bold 12px/1 a">c</p>`, "c", "font-size:b"},
		{"white on white", `a<font color="white">b</font><span style="color:#fefefe">c</span>`, "a", "color-on-color:b color-on-color:c"},
		{"white on black", `<table bgcolor="#000000"><tr><td><font color=white>b</font>c</td></tr></table>`, "b", "color-on-color:c"},
		{"white on a picture", `<div style="background:url(x.png)"><p style="color:#fff">b</p></div>`, "b", ""},
		{"transparent", `a<p style="color:rgba(0,0,0,0)">b</p>`, "a", "color-on-color:b"},
		{"hsl", `a<p style="background:hsl(120,100%,25%);color:#008000">b</p>`, "a", "color-on-color:b"},
		{"off screen", `a<p style="position:absolute;left:-9999px">b</p><p style="text-indent:-1000em">c</p>`, "a", "off-screen:b off-screen:c"},
		{"clipped", `a<p style="position:absolute;clip:rect(0 0 0 0)">b</p><p style="clip-path:inset(50%)">c</p><p style="transform:scale(0)">d</p>`, "a", "clipped:b clipped:c scaled:d"},
		{"no height", `a<p style="max-height:0;overflow:hidden">b</p><p style="max-height:0">c</p>`, "a c", "zero-height:b"},
		{"no width", `a<p style="width:0px;overflow:hidden">b</p>`, "a", "zero-width:b"},
		{"outlook", `a<p style="mso-hide:all">b</p>`, "a b", "mso-hide:b"},
		{"attribute", `a<p hidden>b</p><p hidden style="display:block">c</p>`, "a c", "hidden-attribute:b"},
		{"details", `<details><summary>a</summary>b</details><details open>c</details>`, "a c", "details:b"},
		{"template", `a<template>b</template><!-- c -->`, "a", "element:b comment:c"},
		{"sheet by class", `<style>.x{display:none}</style>a<p class="y x">b</p>`, "a", "display-none:b"},
		{"descendant and child", `<style>div p > i{display:none}</style><div><p><i>b</i><b><i>c</i></b></p></div>`, "c", "display-none:b"},
		{"attribute selector", `<style>[data-x^="ab"]{display:none}</style><i data-x=abc>b</i><i data-x=cab>c</i>`, "c", "display-none:b"},
		{"specificity", `<style>#i{display:block}.c{display:none}</style><p class=c id=i>b</p>`, "b", ""},
		{"important", `<style>.c{display:none!important}</style><p class=c style="display:block">b</p>`, "", "display-none:b"},
		{"media", `<style>@media print{p{display:none}}@media screen{i{display:none}}@media (max-width:600px){b{display:none}}</style><p>a</p><i>b</i><b>c</b>`, "a c", "display-none:b"},
		{"a comment within a sheet", `<style>/* } */ .x{dis/**/play:block}.x{display:none}</style><p class=x>b</p>`, "", "display-none:b"},
		{"invisible characters", "a\u200bb\u00adc\u2003d&zwnj;", "abc d", ""},
		{"words in pieces", `Pay<b></b>Pal`, "PayPal", ""},
		{"scripts", `a<script>b</script><style>c</style>d`, "ad", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := parse(tt.doc)
			if got := strings.Join(strings.Fields(d.DisplayText()), " "); got != tt.shown {
				t.Errorf("shown %q, want %q", got, tt.shown)
			}
			var hidden []string
			for _, h := range d.Hidden() {
				hidden = append(hidden, string(h.Why)+":"+h.Text)
			}
			if got := strings.Join(hidden, " "); got != tt.hidden {
				t.Errorf("hidden %q, want %q", got, tt.hidden)
			}
		})
	}
}

func TestDisplayTextKeepsBlocksOnLines(t *testing.T) {
	t.Parallel()
	d := parse("<title> T\n x </title><h1>a</h1>b  c<br>d<br><br>e<ul><li>f<li>g</ul><table><tr><td>h<td>i<tr><td>j</table><pre>k\n l</pre>")
	if want := "a\n\nb c\nd\n\ne\nf\ng\nh i\nj\nk\nl"; d.DisplayText() != want {
		t.Errorf("got  %q\nwant %q", d.DisplayText(), want)
	}
	if d.Title != "T x" {
		t.Errorf("title %q", d.Title)
	}
}

func TestLinksComeFromEverywhere(t *testing.T) {
	t.Parallel()
	d := parse(`<base href="https://base.test/d/"><a href=" rel/y ">see <b>this</b></a><area href=//x.test><form action=f method=POST><input name=u><input type=password name=p>
		<button formaction=g>go</button></form><img src=i srcset="s1 1x, s2 2x"><iframe src=if></iframe><embed src=e><object data=o></object>
		<meta http-equiv=Refresh content="0;URL='https://r.test/'"><link rel=stylesheet href=l><video poster=po><source src=so></video>
		<svg><a xlink:href=sa><text>t</text></a><use xlink:href=us /></svg><table background=bg><tr><td background=bg2></table><input type=image src=ii>
		<p style="background:url('st')">x</p><style>@import "im"; .a{background-image:url(sh)}</style><button onclick="location='oc'">b</button>
		<a href="j&#x0A;avascript:x()">j</a><a href="data:text/html,x">d</a><a href="blob:https://a/b" style="display:none">b</a><a ping=pi>p</a>
		<!--[if mso]><v:rect href="https://vml.test/"><v:fill src="vf"/>text</v:rect><![endif]-->`)
	var got []string
	for _, l := range d.Links() {
		got = append(got, fmt.Sprintf("%s.%s %s %s %q %v%s", l.Element, l.Attr, l.Place, l.URL, l.Text, l.Visible, map[bool]string{true: " outlook"}[l.Outlook]))
	}
	want := strings.Split(strings.TrimSpace(linksWanted), "\n")
	for i := range max(len(got), len(want)) {
		g, w := "", ""
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("link %d:\n got %s\nwant %s", i, g, w)
		}
	}
	if f := d.Forms(); len(f) != 2 || f[0].Action != "f" || !strings.EqualFold(f[0].Method, http.MethodPost) || !f[0].Password || len(f[0].Fields) != 3 {
		t.Errorf("forms %+v", f)
	}
	if d.Outlook != "text" {
		t.Errorf("outlook %q", d.Outlook)
	}
}

const linksWanted = `
base.href base https://base.test/d/ "" false
a.href anchor https://base.test/d/rel/y "see this" true
area.href anchor https://x.test "" true
form.action form https://base.test/d/f "" true
button.formaction form https://base.test/d/g "" true
img.src image https://base.test/d/i "" true
img.srcset image https://base.test/d/s1 "" true
img.srcset image https://base.test/d/s2 "" true
iframe.src frame https://base.test/d/if "" true
embed.src object https://base.test/d/e "" true
object.data object https://base.test/d/o "" true
meta.content refresh https://r.test/ "" false
link.href style https://base.test/d/l "" false
video.poster image https://base.test/d/po "" true
source.src media https://base.test/d/so "" false
a.href anchor https://base.test/d/sa "t" true
use.href image https://base.test/d/us "" true
table.background backdrop https://base.test/d/bg "" true
td.background backdrop https://base.test/d/bg2 "" true
input.src image https://base.test/d/ii "" true
p.background backdrop https://base.test/d/st "" true
button.onclick code https://base.test/d/oc "" false
a.href anchor javascript:x() "j" true
a.href anchor data:text/html,x "d" true
a.href anchor blob:https://a/b "" false
a.ping ping https://base.test/d/pi "" true
v:rect.href anchor https://vml.test/ "" false outlook
v:fill.src image https://base.test/d/vf "" true outlook
style.@import style https://base.test/d/im "" false
style.background-image backdrop https://base.test/d/sh "" false
`

func TestScriptsThatBuildFiles(t *testing.T) {
	t.Parallel()
	d := parse(`<body onload="go()"><script>var b=atob("` + strings.Repeat("QUJD", 400) + `");var u=URL.createObjectURL(new Blob([b]));a.download="x.zip";a.click();
		navigator.msSaveOrOpenBlob(b);document.write(unescape("%3c"));window.open("https://w.test/x")</script>`)
	got := fmt.Sprint(d.Script.Acts)
	if want := "[save-blob object-url blob decode-payload download click write-decoded location]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if d.Script.Elements != 1 || d.Script.Handlers != 1 || d.Script.Base64 != 1600 || len(d.Links()) != 1 {
		t.Errorf("%+v %+v", d.Script.Base64, d.Links())
	}
}

func TestPreheaderAndPictures(t *testing.T) {
	t.Parallel()
	d := parse(`<title>no</title><div style="display:none">Your invoice&zwnj;&nbsp;is here</div><p>Hello</p><img src="https://t.test/p.gif" width=1 height=1><img src=x alt="A  b">`)
	if want := "Your invoice is here Hello A b"; d.Preheader() != want {
		t.Errorf("got %q, want %q", d.Preheader(), want)
	}
	if d.Images.Shown != 1 || d.Images.Trackers != 1 || len(d.Images.Alt) != 1 || d.Images.Alt[0] != "A b" {
		t.Errorf("%+v", d.Images)
	}
}

func TestTheBudgetCutsTheDocument(t *testing.T) {
	t.Parallel()
	l := budget.Default()
	l.Of[budget.HTMLNodes] = 10
	b := budget.New(l)
	d := markup.Parse(strings.Repeat("<p>a", 100_000)+"<p>last", b)
	if got := strings.Count(d.DisplayText(), "a"); got < 60_000 || got > 70_000 || !strings.HasSuffix(d.DisplayText(), "last") || len(b.Exceeded()) != 1 || len(d.Tolerated) != 1 {
		t.Errorf("%d texts, exceeded %v, tolerated %v", got, b.Exceeded(), d.Tolerated)
	}
}
