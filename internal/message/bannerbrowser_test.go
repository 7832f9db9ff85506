package message_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/message"
)

// shownBanner is a banner as the gateway writes them.
var shownBanner = &message.Banner{
	Text: "Caution",
	HTML: `<div role="alert" style="border:1px solid #9c1c1c;border-left-width:6px;padding:8px 12px">Caution: this message looks suspicious. <b>The sender</b> is not who it says.<br>注意 second line</div>`,
}

// attack is a page whose sender wants the banner unseen.
type attack struct{ name, page string }

// sheetAttacks are style rules that reach for a banner.
var sheetAttacks = []string{
	"[role=alert]{display:none!important}", "body>div:first-child{position:absolute!important;left:-9999px!important}", "div{display:none!important}",
	"*{visibility:hidden!important}", "div{opacity:0!important}", "div{font-size:0!important}", "*{font-size:0!important;color:transparent!important}", "div{color:#fff!important}",
	"div{height:0!important;overflow:hidden!important}", "div{max-height:0!important;overflow:hidden!important}", "div{width:0!important;overflow:hidden!important}",
	"div{clip-path:inset(100%)!important}", "div{transform:scale(0)!important}", "div{translate:-9999px!important}", "div{text-indent:-9999px!important}",
	"div{margin-left:-9999px!important}", "div{margin:-999px!important}", "div{content-visibility:hidden!important}", "div{filter:opacity(0)!important}", "div{zoom:.01!important}",
	"div{-webkit-text-fill-color:transparent!important}", "div::first-line{color:transparent!important}", "div::first-letter{font-size:0!important}", "div{float:left!important;margin-left:-9999px!important}",
	"@keyframes k{from,to{opacity:0}}div{animation:k 9s!important}", "@layer a{div{display:none!important}}", "div{line-height:0!important;overflow:hidden!important}", "div{all:unset!important;display:none!important}",
	"body{font-size:0;color:#fff;text-indent:-9999px;line-height:0}", "div{letter-spacing:-1em!important}", "div{writing-mode:vertical-rl!important}", "div{position:fixed!important;top:-999px!important}",
	"div{mask:linear-gradient(transparent,transparent)!important}", "div{contain:strict!important}", "p{position:absolute;top:0;left:0;width:100%;height:500px;background:#fff;z-index:999}", "div{rotate:y 90deg!important}",

	"body{display:none!important}", "html{display:none!important}", "html{opacity:0!important}", "body{visibility:hidden!important;opacity:0!important}",
	"body{transform:translateY(-400px)!important}", "html{transform:scale(0)!important}", "body{clip-path:inset(50%)!important}", "body{margin-top:-500px!important}", "body{margin-top:3000px!important}",
	"html{padding-top:3000px!important}", "body{padding-top:100vh!important}", "body{border-top:3000px solid #fff!important}", "body{position:absolute!important;left:-9999px!important}", "body{height:0!important;overflow:hidden!important}",
	"body{width:0!important;overflow:hidden!important}", "body{display:flex!important;flex-direction:column-reverse!important}", "html{display:grid!important;grid-template-rows:3000px auto}", "body{zoom:.01!important}", "html{filter:invert(1) opacity(.1)!important}",
	"body{mix-blend-mode:screen!important;filter:brightness(9)!important}", "html{writing-mode:vertical-rl!important}", "body{columns:9!important}", "body{outline:2000px solid #fff!important;outline-offset:-2000px!important}",
	"body::before{content:'';position:fixed;inset:0;background:#fff;z-index:2147483647!important}", "body::after{content:'';position:fixed;inset:0;background:#fff;z-index:2147483647!important}", "html::after{content:'';position:fixed;inset:0;background:#fff;z-index:2147483647!important}",
	":root::before{content:'';display:block!important;height:3000px!important}", "body::before{content:'x' / '';display:block!important;height:3000px!important}", "head{display:block!important;height:3000px!important}",
	"head,title,style{display:block!important;position:fixed!important;inset:0!important;background:#fff!important;z-index:2147483647!important}", ".outrider-banner{display:none!important}", ".outrider-banner::before{content:'All is well';position:absolute;inset:0;background:#fff}",
	".outrider-banner::after{content:'';position:fixed!important;inset:0!important;background:#fff!important;z-index:2147483647!important}", ".outrider-banner *{display:none!important}", "body>*:has(~*){display:none!important}",
	"body>:nth-child(1){order:9;margin-top:-999px!important}", "@media screen{:not(p){display:none!important}}", "@media (prefers-color-scheme:light){div{color:#fff!important;background:#fff!important}}", "@supports(display:grid){div{display:none!important}}",
	"@font-face{font-family:sans-serif;src:url(data:font/woff2;base64,d09GMg)}*{font-family:none!important}", "@keyframes z{to{transform:translateY(-999px)}}body{animation:z 1ms forwards!important}", "html{transition:opacity 9s;opacity:0}@starting-style{html{opacity:0}}",
	"body{text-transform:uppercase;-webkit-text-security:disc;text-shadow:0 0 9px #fff;letter-spacing:-9px;word-spacing:-99px}", "*{direction:rtl!important;unicode-bidi:bidi-override!important}", "html{scroll-snap-type:y mandatory!important}#x{scroll-snap-align:start!important;margin-top:3000px;height:900px}",
	"html{overflow:hidden!important;height:0!important;contain:strict!important}", "html{container-type:size!important}", "body{offset-path:path('M 0 -900 L 0 -900')!important}", "*{perspective:1px!important;backface-visibility:hidden!important;transform:rotateY(180deg)!important}",
	"b{display:none!important}", "br{display:none!important}b::first-letter{font-size:0}", "*::selection{color:#fff}::first-line{color:#fff!important;font-size:0!important}", "@layer{.outrider-banner{display:none!important}.outrider-banner::before{content:'gone'!important;display:block!important}}",
	"body>*{position:fixed!important;top:0!important;z-index:2147483647!important;background:#fff!important}", "body>*:last-child{margin-top:-300px!important;background:#fff!important;z-index:2147483647!important}", "body{--x:1}@property --x{syntax:'*';inherits:true}div{display:var(--y,none)!important}",
	"html::scroll-button(*){content:'';position:fixed;inset:0;background:#fff;z-index:2147483647!important}html{overflow:scroll!important}", "body{-webkit-box-reflect:above;-webkit-line-clamp:1;display:-webkit-box!important;-webkit-box-orient:vertical;overflow:hidden!important}",
	"@scope(body){:scope>*{display:none!important}}", "body{shape-outside:circle();float:right!important;width:1px!important;overflow:hidden!important}", "body{will-change:opacity;isolation:isolate;opacity:.01!important}", "*{accent-color:#fff;mask-image:linear-gradient(#0000,#0000)!important}",

	"html::-webkit-scrollbar{width:5000px}html{scrollbar-gutter:stable both-edges!important}p{height:4000px}", "html{scrollbar-gutter:stable both-edges!important}",
	"body{-webkit-mask-box-image:linear-gradient(transparent,transparent)!important}", "html{-webkit-mask-box-image:linear-gradient(transparent,transparent)!important}",
	"body{place-content:end!important;place-items:end!important;place-self:end!important;height:3000px!important}", "html,body{align-content:end!important;min-height:3000px!important}", "body{white-space:pre!important;line-height:3000px!important}",
	"html{white-space:pre!important;line-height:3000px!important}",
}

// pageAttacks are pages whose structure takes a banner out of sight, or covers it.
var pageAttacks = []attack{
	{"fixed cover on top of all", `<div style="position:fixed;inset:0;background:#fff;z-index:2147483647!important">All is well</div>`},
	{"absolute cover on top of all", `<div style="position:absolute!important;top:-200px;left:0;width:2000px;height:900px;background:#fff;z-index:2147483647">All is well</div>`},
	{"negative margin over it", `<div style="position:relative;margin-top:-300px;height:600px;background:#fff;z-index:2147483647">All is well</div>`},
	{"cover that leaves its element", `</div></div></body></html><div style="position:fixed;inset:0;background:#fff;z-index:2147483647"></div>`},
	{"cover in a second body", `<body><p>x</p></body><body style="display:none;position:fixed"><div style="position:fixed;inset:0;background:#fff;z-index:2147483647"></div>`},
	{"open dialog", `<dialog open style="position:fixed;inset:0;width:100%;height:100%;max-width:none;max-height:none;border:0;z-index:2147483647">All is well</dialog>`},
	{"body is a popover", `<html><body popover style="margin-top:900px">text`},
	{"body is hidden", `<html hidden><body hidden style="display:none">text`},
	{"body is hidden until found", `<html hidden=until-found><body hidden=until-found>text`},
	{"important style of body", `<html style="opacity:0!important"><body style="display:none!important;margin-top:-999px!important">text`},
	{"style that reads as another", `<body style="background:url(x');opacity:0!important;background:url(y')">text`},
	{"style twice", `<html lang=en style="opacity:0" STYLE="display:none!important"><body class=x style="opacity:0!important" style="display:none">text`},
	{"a comment that does not end", `<html><head><!-- <body>text`},
	{"a comment that ends early", `<!--><div hidden>--><body>text`},
	{"a comment that ends with a bang", `<!-- --!><div hidden> --><body>text`},
	{"a title that does not end", `<head><title>x<body>text`},
	{"a textarea around the body", `<textarea hidden><body>text`},
	{"noscript around the body", `<head><noscript><body>text</noscript>`},
	{"plaintext", `<html><plaintext><body>text`},
	{"a template around the body", `<template><body>text</template>`},
	{"a shadow root of the body", `<html><template shadowrootmode=open><p>hidden</template><body><template shadowrootmode=open><p>shadow</p></template>text`},
	{"svg around the body", `<svg width=0 height=0><foreignObject><body>text`},
	{"svg with styles", `<svg><style>body{display:none!important}*{opacity:0!important}</style></svg>text`},
	{"math around the body", `<math><annotation-xml encoding="text/html"><body>text`},
	{"a select around the body", `<select hidden><option><body>text`},
	{"a table around the body", `<table hidden><tr><td><body>text`},
	{"details around the body", `<details><summary>more</summary><body>text`},
	{"a quote in an unquoted value", `<html a=="><template><body title=">">text`},
	{"a script that goes on", `<script><!--<script></script><body>--></script>text`},
	{"a policy against our styles", `<head><meta http-equiv=Content-Security-Policy content="style-src 'none'"><body>text`},
	{"a policy that allows one sheet", `<head><meta http-equiv=Content-Security-Policy content="style-src 'sha256-biLFinpqYMtWHmXfkA1BPeCY0/fNt46SAZ+BBk5YUog='"><style>body{}</style><body>text`},
	{"frames", `<frameset rows="*"><frame src="about:blank"></frameset>`},
	{"a frame with a document", `<iframe srcdoc="<style>body{background:#fff}</style>" style="position:fixed;inset:0;width:100%;height:100%;border:0;z-index:2147483647"></iframe>`},
	{"a base and a refresh", `<head><base href="https://evil.test/" target=_top><meta http-equiv=refresh content="9999;url=https://evil.test/"></head><body>text`},
	{"a narrow viewport", `<head><meta name=viewport content="width=1,initial-scale=.1"><meta name=color-scheme content=dark></head><body>text`},
	{"dark mode", `<html style="color-scheme:dark"><head><style>:root{color-scheme:dark;background:#000;forced-color-adjust:none}</style></head><body bgcolor=black text=black>text`},
	{"a sheet in the body", `<body><p>text</p><style>body,html{display:none!important}.outrider-banner{display:none!important}</style>`},
	{"a layer of the same kind before ours", `<html><style>@layer a{body::after{content:'';position:fixed;inset:0;background:#fff;z-index:2147483647!important}}</style><body>text`},
	{"body ends at once", `<html><head></head><body></body></html><style>body{display:none!important}</style>text`},
	{"a huge image first", `<img width=4000 height=4000 style="margin-top:-4000px;position:relative;z-index:2147483647;background:#fff">`},
	{"a mark of UTF-8 in the page", "\ufeff<html><body style=display:none>text"},
	{"a video over all", `<video poster="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><rect width='9999' height='9999' fill='white'/></svg>" style="position:fixed;inset:0;width:100vw;height:100vh;object-fit:cover;z-index:2147483647"></video>`},
	{"an anchor that covers", `<style>div{anchor-name:--b}</style><p style="position:fixed;position-anchor:--b;inset:0;width:anchor-size(width);height:300px;background:#fff;z-index:2147483647">All is well</p>`},
	{"a backdrop filter", `<div style="position:fixed;inset:0;backdrop-filter:brightness(100);z-index:2147483647"></div>`},
	{"a scroll target", `<p style="margin-top:3000px;scroll-snap-align:start">x</p><p style="height:2000px">y</p>`},
	{"an initial scroll target", `<p style="margin-top:3000px;scroll-initial-target:nearest!important">x</p><p style="height:2000px">y</p>`},
	{"a field that is focused", `<p style="margin-top:3000px"><input autofocus></p><p style="height:2000px">y</p>`},
	{"a sheet in an address", `<head><link rel=stylesheet href="data:text/css,body::after{content:'';position:fixed;inset:0;background:%23fff;z-index:2147483647!important}body{display:none!important}"></head><body>text`},
	{"a sheet before the page", `<style>body{display:none!important}</style><html><head><title>x</title></head><body>text`},
	{"a cover that grows", `<style>@keyframes g{from{height:0}to{height:900px}}i{animation:g 1ms forwards;position:fixed;top:0;left:0;width:100%;background:#fff;z-index:2147483647}</style><i></i>`},
	{"an html tag behind the head", `<head></head><html style="opacity:0!important;display:none!important"><body>text`},
	{"marquee and blink", `<marquee behavior=slide direction=up style="position:fixed;inset:0;background:#fff;z-index:2147483647">x</marquee>`},
	{"a fieldset and a legend", `<fieldset style="margin-top:-200px;background:#fff;position:relative;z-index:2147483647"><legend>x</legend></fieldset>`},
	{"many open tags", strings.Repeat("<div>", 600) + `<div style="position:fixed;inset:0;background:#fff;z-index:2147483647">`},
	{"unclosed formatting", `<b><i><u><font color=white size=1><a href="https://evil.test">` + `</p><p><font color=white>text`},
}

// controls are pages that want nothing.
var controls = []attack{
	{"plain", `<p>Hello,</p><p>I was looking at your website.</p>`},
	{"whole page", `<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>x</title><style>p{margin:1em}</style></head><body style="margin:0;background:#eee"><p>Hello`},
	{"text alone", `Hello`},
	{"nothing", ``},
}

// attacks returns all of them.
func attacks() []attack {
	all := append([]attack(nil), pageAttacks...)
	for _, css := range sheetAttacks {
		all = append(all, attack{css, "<html><head><style>" + css + "</style></head><body><p>Hello</p><p id=x>there</p></body></html>"})
	}
	return all
}

// TestBannerLooksTheSameWhateverTheSenderWrites renders pages with a banner in Chromium. The
// area of the banner has the pixels that it has above an empty page.
func TestBannerLooksTheSameWhateverTheSenderWrites(t *testing.T) {
	t.Parallel()
	all := append(controls, attacks()...)
	pages := []string{withBanner(t, "", shownBanner)}
	for _, a := range all {
		pages = append(pages, withBanner(t, a.page, shownBanner))
	}
	seen := look(t, pages)
	box := drawn(seen[0].Picture)
	if box.Dx() < 900 || box.Dy() < 40 || box.Dy() > mailtest.FrameSeen-20 {
		t.Fatalf("a banner by itself is drawn in %v", box)
	}
	for round := 0; ; round++ {
		odd := unlike(seen, box)
		if len(odd) == 0 {
			return
		}
		if round == 3 {
			for _, i := range odd {
				t.Errorf("%s: the banner does not look as it does by itself: %s", all[i-1].name, all[i-1].page)
			}
			return
		}
		// A busy browser draws some pages late.
		again := make([]string, 0, len(odd))
		for _, i := range odd {
			again = append(again, pages[i])
		}
		for n, s := range look(t, again) {
			seen[odd[n]] = s
		}
	}
}

// TestAttacksAreReal proves that the test can fail: without what defends a banner, most of
// the attacks hide it.
func TestAttacksAreReal(t *testing.T) {
	t.Parallel()
	all := attacks()
	pages := []string{shownBanner.HTML}
	for _, a := range all {
		pages = append(pages, strings.Replace(a.page, "<body>", "<body>"+shownBanner.HTML, 1))
	}
	seen := look(t, pages)
	if odd := unlike(seen, drawn(seen[0].Picture)); len(odd) < len(all)*3/4 {
		t.Errorf("%d of %d attacks work on a banner that defends nothing", len(odd), len(all))
	}
}

func look(t *testing.T, pages []string) []mailtest.Seen {
	t.Helper()
	seen, err := mailtest.Chromium(t).Look(pages)
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// unlike returns which pictures differ from the first within a box.
func unlike(seen []mailtest.Seen, box image.Rectangle) []int {
	var odd []int
	for i := range seen {
		if !alike(seen[0].Picture, seen[i].Picture, box) {
			odd = append(odd, i)
		}
	}
	return odd
}

// alike reports whether two pictures are the same within a box. Rounding of colors is no
// difference.
func alike(a, b *image.RGBA, box image.Rectangle) bool {
	const rounding = 3
	for y := box.Min.Y; y < box.Max.Y; y++ {
		row, other := a.Pix[a.PixOffset(box.Min.X, y):a.PixOffset(box.Max.X, y)], b.Pix[b.PixOffset(box.Min.X, y):b.PixOffset(box.Max.X, y)]
		if bytes.Equal(row, other) {
			continue
		}
		for i := range row {
			if d := int(row[i]) - int(other[i]); d > rounding || d < -rounding {
				return false
			}
		}
	}
	return true
}

// drawn returns the smallest box around all that is not white.
func drawn(p *image.RGBA) image.Rectangle {
	var box image.Rectangle
	white := color.RGBA{255, 255, 255, 255}
	for y := p.Rect.Min.Y; y < p.Rect.Max.Y; y++ {
		for x := p.Rect.Min.X; x < p.Rect.Max.X; x++ {
			if p.RGBAAt(x, y) != white {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return box
}

// TestAttacksAreMany keeps the promise of docs/browser-differential.md.
func TestAttacksAreMany(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, a := range attacks() {
		if names[a.name] {
			t.Errorf("twice: %s", a.name)
		}
		names[a.name] = true
	}
	if len(names) < 100 {
		t.Error(fmt.Sprint(len(names), " attacks"))
	}
}
