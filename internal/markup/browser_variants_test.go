package markup_test

import (
	"fmt"
)

// variants returns the documents whose word is looked for.
func variants() []variant {
	var all []variant
	for _, of := range []func() []variant{boxes, sheets, selectors, media, colors, sizes, places, elements, drawings, entities, reveals, conditional, found} {
		all = append(all, of()...)
	}
	return all
}

// kinds gives each document a name of its own.
func kinds(kind, before, after string, middles ...string) []variant {
	var all []variant
	for _, m := range middles {
		all = append(all, variant{kind + ": " + m, before + m + after})
	}
	return all
}

// boxes tries declarations on elements of each kind of box.
func boxes() []variant {
	holders := []struct{ name, doc string }{
		{"block", `<p>start</p><div style="%s">QZWORD</div>`},
		{"inline", `<p>start <span style="%s">QZWORD</span></p>`},
		{"inline block", `<p>start <span style="display:inline-block;%s">QZWORD</span></p>`},
		{"cell", `<table><tr><td>start<td style="%s">QZWORD</table>`},
		{"row", `<table><tr><td>start<tr style="%s"><td>QZWORD</table>`},
		{"table", `<p>start</p><table style="%s"><tr><td>QZWORD</table>`},
		{"flex item", `<div style="display:flex"><b>start</b><b style="%s">QZWORD</b></div>`},
		{"body", `<body style="%s"><p>start<p>QZWORD`},
		{"html", `<html style="%s"><body><p>start<p>QZWORD`},
		{"placed child", `<p>start</p><div style="%s"><p style="position:absolute">QZWORD</p></div>`},
	}
	var all []variant
	for _, css := range []string{
		"display:none", "visibility:hidden", "visibility:collapse", "opacity:0", "font-size:0", "color:#fff", "color:transparent",
		"height:0;overflow:hidden", "max-height:0;overflow:hidden", "width:0;overflow:hidden", "left:-9999px", "position:absolute;left:-9999px",
		"position:relative;left:-9999px", "position:fixed;top:-999px", "margin-left:-9999px", "margin-top:-9999px", "text-indent:-9999px",
		"clip:rect(0 0 0 0)", "position:absolute;clip:rect(0,0,0,0)", "clip-path:inset(100%)", "transform:scale(0)",
		"transform:translateX(-9999px)", "content-visibility:hidden", "line-height:0;overflow:hidden", "contain:strict", "contain:size",
		"filter:opacity(0)", "display:table-column", "display:contents;opacity:0", "zoom:.01", "height:0;overflow:clip", "block-size:0;overflow:auto",
	} {
		for _, h := range holders {
			all = append(all, variant{"box " + h.name + " " + css, fmt.Sprintf(h.doc, css)})
		}
	}
	return all
}

const shownAndMarked = `<p>start</p><p class=x id=i lang=fr title=t>QZWORD</p>`

// sheets tries style elements that apply or do not.
func sheets() []variant {
	rule := ".x{display:none}"
	all := kinds("sheet", "", shownAndMarked,
		`<style>`+rule+`</style>`, `<style type="text/css">`+rule+`</style>`, `<style type="TEXT/CSS">`+rule+`</style>`,
		`<style type="text/plain">`+rule+`</style>`, `<style type="">`+rule+`</style>`, `<style type="text/css; charset=utf-8">`+rule+`</style>`,
		`<style media=screen>`+rule+`</style>`, `<style media=print>`+rule+`</style>`, `<style media="tv, screen">`+rule+`</style>`,
		`<style media="nonsense">`+rule+`</style>`, `<style media="not print">`+rule+`</style>`, `<style media="">`+rule+`</style>`,
		`<style title=a>p{margin:1px}</style><style title=b>`+rule+`</style>`, `<style title=a>`+rule+`</style><style title=b>p{margin:0}</style>`,
		`<style title=a>p{margin:1px}</style><style>`+rule+`</style>`, `<template><style>`+rule+`</style></template>`,
		`<math><style>`+rule+`</style></math>`, `<svg><style>`+rule+`</style></svg>`, `<svg><style type="text/x">`+rule+`</style></svg>`,
		`<noscript><style>`+rule+`</style></noscript>`, `<style><!--`+rule+`--></style>`, `<style>--> `+rule+`</style>`,
		`<style>/* c */.x/**/{/**/display/**/:/**/none/**/}</style>`, `<style>.x{dis/**/play:none}</style>`, `<style>/* open .x{display:none}</style>`,
		`<style>junk; `+rule+`</style>`, `<style>junk{} `+rule+`</style>`, `<style>} `+rule+`</style>`, `<style>{} `+rule+`</style>`,
		`<style>@bogus; `+rule+`</style>`, `<style>@bogus{} `+rule+`</style>`, `<style>@bogus{`+rule+`}</style>`,
		`<style>@charset "x"; `+rule+`</style>`, `<style>@import "http://css.test/x.css"; `+rule+`</style>`, `<style>.x{display:none</style>`,
		`<style>.x{color:red;;;display:none}</style>`, `<style>.x{color:red display:none}</style>`, `<style>.x{junk;display:none}</style>`,
		`<style>.x{display:none;junk}</style>`, `<style>.x{{}display:none}</style>`, `<style>.x{a:{;}display:none}</style>`, `<style>.x{display:none!important}</style>`,
		`<style>.x{display:none! important}</style>`, `<style>.x{display:none !bogus}</style>`, `<style>.x{display:none;display:bogus}</style>`,
		`<style>.x{display:none;display:block}</style>`, `<style>.x{display:none!important;display:block}</style>`, `<style>.x{DISPLAY:NONE}</style>`,
		`<style>.x{d\69splay:none}</style>`, `<style>.x{display:n\6fne}</style>`, `<style>.x{display:"none"}</style>`, `<style>a{content:"}`+rule+`"}</style>`,
		"<style>a{content:\"x\n} .x{display:none}</style>", `<style>a{background:url(x"y)} `+rule+`</style>`, `<style>a{background:url( x )} `+rule+`</style>`,
		`<style>(`+rule+`</style>`, `<style>a{b:(} `+rule+`</style>`, `<style>a{b:[;} ]} `+rule+`</style>`,
	)
	return append(all, kinds("at-rule", "<style>", "</style>"+shownAndMarked,
		"@supports (display:grid){"+rule+"}", "@supports (bogus:1){"+rule+"}", "@supports not (bogus:1){"+rule+"}", "@supports (display:bogus){"+rule+"}",
		"@supports (display:grid) and (color:red){"+rule+"}", "@supports (display:grid) and (bogus:1){"+rule+"}", "@supports (bogus:1) or (color:red){"+rule+"}",
		"@supports selector(p > a){"+rule+"}", "@supports selector(::bogus){"+rule+"}", "@supports ((color:red)){"+rule+"}", "@supports bogus(x){"+rule+"}",
		"@supports not selector(p){"+rule+"}", "@supports (--a:b){"+rule+"}", "@supports display:grid{"+rule+"}",
		"@layer a{"+rule+"}", ".x{display:block}@layer a{p.x{display:none}}", "@layer a{.x{display:block}}.x{display:none}",
		"@layer a,b;@layer b{.x{display:none}}@layer a{p.x{display:block}}", "@layer a,b;@layer a{.x{display:none}}@layer b{p.x{display:block}}",
		"@layer a{.x{display:none!important}}.x{display:block!important}", "@layer{.x{display:none}}", "@layer a{@layer b{.x{display:none}}.x{display:block}}",
		"@layer a.b{.x{display:none}}@layer a{.x{display:block}}", "@layer a{.x{display:none}}@layer a.b{.x{display:block}}",
		"@container (min-width:1px){"+rule+"}", "body{container-type:inline-size}@container (min-width:1px){"+rule+"}",
		"body{container-type:inline-size}@container (max-width:1px){"+rule+"}", "body{container-type:inline-size}@container (width > 10px){"+rule+"}",
		"body{container:n/inline-size}@container n (min-width:1px){"+rule+"}", "body{container-type:inline-size}@container not (min-width:1px){"+rule+"}",
		"@scope (body){"+rule+"}", "@scope (.none){"+rule+"}", "@scope (body) to (.x){"+rule+"}", "@scope (body) to (b){"+rule+"}", "@scope (.x){:scope{display:none}}",
		`@namespace "http://x.test/";`+rule, `@namespace "http://www.w3.org/1999/xhtml";`+rule, `@namespace x "http://x.test/";x|p{display:none}`,
		`@namespace h "http://www.w3.org/1999/xhtml";h|p.x{display:none}`, `*|p.x{display:none}`, `|p.x{display:none}`, `bogus|p.x{display:none}`,
		"body{.x{display:none}}", "body{& .x{display:none}}", "body{& > .x{display:none}}", "body{> .x{display:none}}", ".x{&{display:none}}",
		".x{&.y{display:none}}", ".x{color:red;&[id]{display:none}}", "p{.none &{display:none}}", "p{body &{display:none}}", "body{color:red; .x{display:none} margin:0}",
		"body{@media screen{.x{display:none}}}", "body{@media print{.x{display:none}}}", ".x{@media screen{display:none}}", "body{p:is(&, .x){display:none}}",
		"@font-face{font-family:x}"+rule, "@page{margin:1px}"+rule, "@keyframes k{from{opacity:0}}"+rule, "@property --x{syntax:'*';inherits:true}"+rule,
		"@media screen{@media (min-width:1px){"+rule+"}}", "@media screen{@media print{"+rule+"}}", "@media screen;"+rule, "@MEDIA screen{"+rule+"}",
		"@starting-style{"+rule+"}", "@counter-style x{system:cyclic}"+rule, "@layer a;"+rule, "@document url(x){"+rule+"}", "@-moz-document url-prefix(){"+rule+"}",
	)...)
}

// selectors tries selectors that match, do not match or are invalid.
func selectors() []variant {
	doc := `{display:none}</style><p id=first>start</p><div class="a b" data-k="v w"><p class="x y" id=i lang=fr-CA title=Title>QZWORD</p><p></p></div>`
	return append(kinds("selector", "<style>", doc,
		".x", ".X", "p.x", "P.x", "i.x", "#i", "#I", ".x.y", ".x.z", "div .x", "div > .x", "body > .x", "body .x", "div + .x", "#first + div .x", "#first ~ div .x",
		"p ~ .x", "* .x", "*.x", "[title]", "p[title]", "[title=Title]", "[title=title]", "[title=title i]", "[title=title s]", `[title="Title"]`, "[TITLE]",
		"[title^=T]", "[title$=e]", "[title*=itl]", `[title^=""]`, "[class~=y]", "[lang|=fr]", "[title='x'], .x", "[data-k] .x", "[data-k~=w] .x",
		".x:first-child", ".x:last-child", ".x:nth-child(1)", ".x:nth-child(2n)", ".x:nth-child(odd)", ".x:nth-child(-n+1)", ".x:nth-last-child(2)",
		".x:only-child", ".x:first-of-type", ".x:nth-of-type(1)", "p:nth-child(1 of .x)", "p:nth-child(2 of .x)", ".x:nth-child(0)", ".x:nth-child(+n)", ".x:nth-child( n )",
		".x:not(.z)", ".x:not(.y)", ".x:not(#first, i)", ".x:not(:bogus)", ".x:is(p, i)", ".x:is(:bogus, p)", ".x:is()", ".x:where(p)", ".x:is(.a .x)", ":where(.x, ::bogus)",
		":-webkit-any(.x)", ":-moz-any(.x)", ":matches(.x)", "div:has(.x)", "div:has(> .x)", "div:has(+ .x)", "p:has(+ p)", "#first:has(~ div) ~ div", "div:has(.none)", "div:has(:bogus)",
		".x, :bogus", ".x, ::bogus", ".x, ::before", ".x, ::-webkit-bogus", ".x, p::bogus(x)", ".x,", ",.x", ".x,,p", ".x{}.x", ".x >", "> .x", ".x + ", "..x", ".1x", ".\\31x, .x", ".\\78", "\\2e x", ".x\\",
		".x:hover", ".x:not(:hover)", ".x:link", ".x:visited", ".x:root", ":root .x", "html .x", ":root > body .x", ".x:empty", ".x:not(:empty)", ".x:lang(fr)", ".x:lang(de)", ".x:lang(fr-ca)", ".x:dir(ltr)", ".x:dir(rtl)",
		".x:target", ".x:defined", ".x:checked", ".x:enabled", ".x:focus-within", ".x:scope", ":scope .x", ".x:active", ".x:bogus", ".x:nth-child(bogus)", ".x:host", ":host .x", ".x::first-line", ".x::selection", ".x:before",
		"p.x:not(.a *)", "p.x:not(.b p)", ".a>.x", ".a  >  .x", ".a\n.x", ".a/**/.x", ".a/**/ .x", ".a /**/ > /**/ .x", "p/**/.x", ".x!", ".x|y", "p|x", "*|*.x", "[*|title]", "[|title]", "[x|title]", ".x[title", ".x(", "&.x", "& .x", ".x:nth-child(2n+1 of p)", ".x:read-only", ".x:any-link", "a:any-link",
	), append(kinds("doctype selector", "<!DOCTYPE html><style>", doc, ".X", "#I", "P.x", "[TITLE]", ".x:is(.X)"),
		append(kinds("specificity", "<style>", "</style>"+shownAndMarked,
			".x{display:none}p{display:block}", "p{display:block}.x{display:none}", "#i{display:block}.x.x.x{display:none}", ".x{display:none}p.x{display:block}",
			":where(#i){display:block}.x{display:none}", ":is(#i){display:block}.x{display:none}", ":is(#z, .x){display:block}#z, p.x.x{display:none}",
			":not(#z).x{display:block}p.x{display:none}", "[title]{display:block}p{display:none}", "*{display:none}p{display:block}", "body,html,.x{display:block}*{display:none}",
			".x{display:none}.x{display:block}", ".x{display:none!important}#i{display:block}", ".x{visibility:hidden}#i{visibility:visible!important}",
			":has(.x) .x{display:none}body .x{display:block}", ".x:nth-child(n of #i){display:none}.x.x{display:block}"),
			kinds("style attribute", `<p>start</p><style>.x{display:none}.y{display:none!important}</style>`, ">QZWORD</p>",
				`<p class=x style="display:block"`, `<p class=y style="display:block"`, `<p class=y style="display:block!important"`, `<p style="display:none;display:block"`,
				`<p style="}display:none"`, `<p style="{display:none}"`, `<p style="display:none}"`, `<p style=";display:none"`, `<p style="color:red;;display:none"`,
				`<p style="display:none;"style="display:block"`, `<p STYLE="display:none"`, `<p style="DISPLAY:none"`, `<p style="display: NONE"`, `<p style="display:&#110;one"`,
				`<p style="display:\6eone"`, `<p style="display:none\9"`, `<p style="*display:none"`, `<p style="_display:none"`, `<p style="display:&nbsp;none"`, `<p style='a:";display:none"'`,
				`<p style="/*display:none*/"`, `<p style="display/**/:none"`, `<p style="--a:;display:none"`, `<p style="display:none /* x"`, `<p style="a:url(;display:none"`, `<p style="@x{};display:none"`, `<p style="@x;display:none"`, `<p style="&{display:none}"`,
			)...)...)...)
}

func media() []variant {
	var all []variant
	for _, q := range []string{
		"screen", "print", "all", "speech", "tty", "not screen", "not print", "only screen", "only print", "screen, print", "print, screen", "bogus", "not bogus", "and", "screen and",
		"(min-width:1px)", "(max-width:1px)", "(min-width:800px)", "(max-width:800px)", "(min-width:1024px)", "(max-width:1024px)", "(width:1024px)", "(width)", "(height)", "(min-height:1px)", "(max-height:1px)", "(min-height:9999px)",
		"(min-device-width:1px)", "(max-device-width:1px)", "(orientation:landscape)", "(orientation:portrait)", "(prefers-color-scheme:light)", "(prefers-color-scheme:dark)", "(prefers-reduced-motion:reduce)",
		"(prefers-reduced-motion:no-preference)", "(prefers-contrast:more)", "(min-resolution:1dppx)", "(min-resolution:2dppx)", "(max-resolution:96dpi)", "(-webkit-min-device-pixel-ratio:2)", "(-webkit-min-device-pixel-ratio:0)", "(-webkit-max-device-pixel-ratio:1)",
		"(color)", "(min-color:1)", "(monochrome)", "(min-monochrome:1)", "(color-index)", "(grid)", "(grid:0)", "(scan:progressive)", "(aspect-ratio:4/3)", "(min-aspect-ratio:1/1)", "(max-aspect-ratio:1/1)",
		"(width > 100px)", "(width < 100px)", "(100px < width)", "(1px <= width <= 9999px)", "(9999px <= width)", "(width >= 1024px)", "(width = 1024px)", "(bogus:1)", "not (bogus:1)", "(bogus)", "not (max-width:1px)", "(not (max-width:1px))",
		"(min-width:1px) and (max-width:9999px)", "(min-width:1px) and (max-width:1px)", "(max-width:1px) or (min-width:1px)", "screen and (min-width:1px)", "screen and (max-width:1px)", "print and (min-width:1px)", "not screen and (max-width:1px)", "not all and (bogus)",
		"screen and (min-width:1px) and (orientation:landscape)", "screen or (min-width:1px)", "(min-width:1px), bogus", "(min-width:-1px)", "(max-width:bogus)", "(min-width:60em)", "(max-width:60em)", "(max-width:40rem)", "(min-width:10cm)", "(forced-colors:none)", "(inverted-colors:none)", "(display-mode:browser)", "(update:fast)", "(any-hover:none)", "(dynamic-range:standard)", "(dynamic-range:high)", "(color-gamut:srgb)", "( min-width : 1px )", "SCREEN", "(MIN-WIDTH:1PX)", "(scripting:enabled)", "(scripting:none)", "((min-width:1px))", "(min-width:calc(1px + 1px))", "(max-width:calc(1px*2))",
	} {
		all = append(all, variant{"media " + q, "<style>@media " + q + "{.x{display:none}}</style>" + shownAndMarked})
	}
	return all
}

func colors() []variant {
	all := kinds("color", `<p>start</p><p style="`, `">QZWORD</p>`,
		"color:white", "color:#fff", "color:#ffff", "color:#fff0", "color:#ffffff00", "color:#00000000", "color:#ffffffff", "color:fff", "color:ffffff", "color:#ggg", "color:#ff", "color:WHITE", "color:#FFF",
		"color:rgb(255,255,255)", "color:rgb(255 255 255)", "color:rgb(100%,100%,100%)", "color:rgb(255,255,255,1)", "color:rgba(0,0,0,0)", "color:rgb(0 0 0 / 0)", "color:rgb(0 0 0 / 0%)", "color:rgb(300,300,300)", "color:rgb(255,255)", "color:rgb(-1,0,0)",
		"color:hsl(0,0%,100%)", "color:hsl(0 0% 100%)", "color:hsl(120deg 50% 100%)", "color:hsla(0,0%,0%,0)", "color:hsl(0.5turn 100% 50%)", "color:hwb(0 100% 0%)", "color:hwb(0 0% 100%)", "color:lab(100 0 0)", "color:lab(0 0 0)", "color:lab(100% 0 0)",
		"color:lch(100 0 0)", "color:oklab(1 0 0)", "color:oklab(100% 0 0)", "color:oklch(1 0 0)", "color:oklch(0 0 0)", "color:oklch(100% 0 0)", "color:color(srgb 1 1 1)", "color:color(srgb 0 0 0)", "color:color(display-p3 1 1 1)", "color:color(srgb-linear 1 1 1)", "color:color(xyz 0.9505 1 1.089)", "color:color(bogus 1 1 1)",
		"color:color-mix(in srgb, white, white)", "color:color-mix(in srgb, white 0%, black)", "color:color-mix(in oklch, black, black)", "color:color-mix(in srgb, transparent, transparent)", "color:light-dark(white,black)", "color:light-dark(black,white);color-scheme:dark",
		"color:transparent", "color:currentcolor", "color:inherit", "color:initial", "color:unset", "color:bogus", "color:white;color:bogus", "color:canvas", "color:canvastext", "color:window", "color:rebeccapurple", "color:none", "color:rgb(from white r g b)",
		"color:white!important", "color:white;background:black", "color:white;background-color:#000", "color:white;background:none", "color:white;background:white", "color:white;background:url(x.png)", "color:white;background:linear-gradient(#000,#000)", "color:white;background:#000 url(x.png) no-repeat",
		"color:black;background:black", "color:#333;background:currentcolor", "color:white;background-color:rgba(0,0,0,.9)", "color:black;background:rgb(0 0 0)", "color:white;background:black;background:bogus", "color:white;background:black;background:transparent", "color:white;background:#000 bogus",
		"color:white;text-shadow:0 0 1px #000", "color:white;text-shadow:0 0 1px #fff", "color:white;text-shadow:none", "color:transparent;text-shadow:1px 1px 0 red", "color:white;-webkit-text-stroke:1px black", "color:white;-webkit-text-stroke:0 black", "color:white;-webkit-text-stroke:1px white", "color:transparent;-webkit-text-stroke:1px",
		"-webkit-text-fill-color:white", "-webkit-text-fill-color:transparent", "-webkit-text-fill-color:black;color:white", "-webkit-text-fill-color:white;color:black", "-webkit-text-fill-color:currentcolor;color:white",
		"color:transparent;background:linear-gradient(red,blue);-webkit-background-clip:text", "color:transparent;background:red;background-clip:text", "color:transparent;background:white;background-clip:text", "background:black;color:white;background-clip:text",
		"color:white;filter:invert(1)", "filter:brightness(0)", "filter:opacity(0%)", "filter:opacity(.0)", "filter:blur(0)", "color:white;mix-blend-mode:difference", "color:white;filter:drop-shadow(0 0 1px #000)", "color:white;border:20px solid black", "color:white;outline:20px solid black", "color:white;box-shadow:inset 0 0 0 99px black", "color:white;text-decoration:underline black",
		"color:#fefefe", "color:#eee", "color:var(--x,white)", "--x:white;color:var(--x)", "--x:white;color:var(--y,black)", "--x:var(--y);--y:white;color:var(--x)", "--x:var(--x);color:var(--x,white)", "color:white;color:var(--none)", "--X:white;color:var(--x,black)", "--x:255;color:rgb(var(--x),255,255)", "--x: ;color:white var(--x)", "color:white;opacity:.5",
	)
	return append(all, kinds("color attribute", "", "",
		`<p>start</p><font color=white>QZWORD</font>`, `<p>start</p><font color="#fff">QZWORD</font>`, `<p>start</p><font color=fff>QZWORD</font>`, `<p>start</p><font color=ffffff>QZWORD</font>`, `<p>start</p><font color=transparent>QZWORD</font>`, `<p>start</p><font color="rgb(255,255,255)">QZWORD</font>`,
		`<p>start</p><font color=chucknorris>QZWORD</font>`, `<p>start</p><font color="#ffffffffffff">QZWORD</font>`, `<p>start</p><font color="">QZWORD</font>`, `<p>start</p><font color=" white ">QZWORD</font>`, `<p>start</p><span color=white>QZWORD</span>`, `<p>start</p><font color="white" style="color:black">QZWORD</font>`,
		`<body text=white><p>start<p>QZWORD`, `<body bgcolor=black><p>start<p>QZWORD`, `<body bgcolor=black text=white><p>start<p>QZWORD`, `<body link=white><p>start<p><a href=x>QZWORD</a>`, `<body text=white><p><a href=x>QZWORD</a>`, `<body text=white><p><a>QZWORD</a>`,
		`<p>start</p><table bgcolor=black><tr><td>QZWORD</table>`, `<p>start</p><table bgcolor=black><tr><td style="color:white">QZWORD</table>`, `<p>start</p><table><tr bgcolor=black><td><font color=white>QZWORD</font></table>`, `<p>start</p><table background=x.png bgcolor=black><tr><td>QZWORD</table>`, `<p>start</p><div bgcolor=black><font color=white>QZWORD</font></div>`,
		`<body style="color:white"><p>start</p><table><tr><td>QZWORD</table>`, `<!DOCTYPE html><body style="color:white"><p>start</p><table><tr><td>QZWORD</table>`, `<p>start</p><div style="color:white"><table><tr><td>QZWORD</table></div>`, `<p>start</p><div style="color:white"><button>QZWORD</button></div>`, `<p>start</p><div style="color:white"><textarea>QZWORD</textarea></div>`, `<p>start</p><div style="color:white"><input value=QZWORD></div>`, `<p>start</p><div style="color:white"><mark>QZWORD</mark></div>`,
		`<p>start</p><div style="background:black"><p style="color:white">QZWORD</p></div>`, `<p>start</p><div style="background:black;color:white"><p style="background:white">QZWORD</p></div>`, `<body style="background:black;color:white"><p>QZWORD`, `<html style="background:black"><body style="color:white"><p>QZWORD`,
		`<div style="background:#000;position:absolute;width:100%;height:500px;z-index:-1"></div><div style="color:#fff">QZWORD</div>`, `<div style="color:#fff">QZWORD</div><div style="background:#000;position:absolute;top:0;width:100%;height:500px;z-index:-1"></div>`,
		`<div style="background:#000;height:99px"></div><div style="color:#fff;margin-top:-50px">QZWORD</div>`, `<div style="background:#000;height:99px"></div><div style="color:#fff;position:relative;top:-50px">QZWORD</div>`, `<div style="background:#000;height:99px"></div><div style="color:#fff;transform:translateY(-50px)">QZWORD</div>`, `<div style="background:#000;height:99px"></div><div style="color:#fff;position:absolute;top:30px">QZWORD</div>`, `<div style="border-top:60px solid #000;height:0;color:#fff"><div style="margin-top:-50px">QZWORD</div></div>`,
		`<table style="background:#000"><tr><td style="color:#fff">QZWORD</table>`, `<table><tr><td style="background:#000"><table><tr><td><font color=#fff>QZWORD</font></table></table>`, `<p>start</p><p style="color:white">QZWORD</p>`, `<style>p::first-line{color:black}</style><p style="color:white">QZWORD</p>`, `<style>p::first-letter{color:black}</style><p style="color:white">QZWORD</p>`, `<style>::selection{color:black}</style><p style="color:white">QZWORD</p>`,
	)...)
}

func sizes() []variant {
	all := kinds("size", `<p>start</p><div style="`, `">QZWORD</div>`,
		"font-size:0px", "font-size:0.0", "font-size:0em", "font-size:0%", "font-size:0pt", "font-size:-1px", "font-size:1e-1px", "font-size:calc(1px - 1px)", "font-size:calc(0px)", "font-size:calc(0)", "font-size:min(0px,9px)", "font-size:max(0px,9px)", "font-size:clamp(0px,0px,9px)", "font-size:clamp(14px,2vw,20px)", "font-size:calc(1px*0)", "font-size:calc(9px/3)",
		"font-size:0vw", "font-size:bogus", "font-size:0;font-size:bogus", "font-size:0;font-size:16px", "font-size:0;font:caption", "font:0/0 a", "font:0 a", "font:bold 0px/1 serif", "font:0", "font-size:0;font:16px serif", "font-size:0;font:inherit", "font-size:0;font:bogus", "font-size:.1em", "font-size:10%", "font-size:smaller", "font-size:xx-small", "font-size:xxx-large", "font-size:initial", "font-size:0;all:unset", "font-size:0;all:initial", "font-size:0;all:inherit", "all:unset;font-size:0",
		"height:0", "height:0;overflow:visible", "height:0;overflow:hidden", "height:0;overflow:scroll", "height:0;overflow:auto", "height:0;overflow-y:hidden", "height:0;overflow-x:hidden", "height:0px;overflow:bogus", "height:0%;overflow:hidden", "height:0;min-height:40px;overflow:hidden", "min-height:0;overflow:hidden", "max-height:0;height:50px;overflow:hidden", "max-height:0;min-height:30px;overflow:hidden", "height:0;overflow:hidden;padding-bottom:30px", "height:0;overflow:hidden;padding:20px", "height:0;overflow:hidden;box-sizing:border-box;padding-bottom:30px", "height:calc(0px);overflow:hidden", "height:0;overflow:hidden;display:inline", "height:0;overflow:hidden;display:table", "height:0;overflow:hidden;display:table-cell", "height:0;overflow:hidden;display:flex", "height:0;overflow:hidden;display:grid", "height:0;overflow:hidden;position:absolute", "height:auto;overflow:hidden", "height:0;height:auto;overflow:hidden", "height:min-content;overflow:hidden", "height:0;overflow:hidden;overflow:visible", "max-height:0", "max-height:none;overflow:hidden", "max-height:0;overflow:clip", "max-height:0%;overflow:hidden",
		"width:0;overflow:hidden", "width:0", "max-width:0;overflow:hidden", "width:0%;overflow:hidden", "width:0;min-width:200px;overflow:hidden", "width:0;overflow:hidden;padding-right:99px", "inline-size:0;overflow:hidden", "width:0;overflow:hidden;display:inline", "width:100%;overflow:hidden", "width:50%;overflow:hidden", "width:0;overflow:hidden;white-space:nowrap",
		"line-height:0", "line-height:0;overflow:hidden", "line-height:0px;height:20px;overflow:hidden", "line-height:1", "line-height:0%;overflow:hidden",
		"opacity:0.0", "opacity:0%", "opacity:-1", "opacity:0;opacity:1", "opacity:0;opacity:bogus", "opacity:.5", "opacity:calc(0)", "opacity:inherit", "-webkit-opacity:0", "-moz-opacity:0", "filter:alpha(opacity=0)",
		"visibility:hidden;visibility:bogus", "visibility:initial", "visibility:HIDDEN", "display:none;display:-bogus", "display:none;display:inline", "display:none!important;display:block", "display:contents", "display:inline-block", "display:flow-root", "display:block flow", "display:run-in", "display:none;all:unset", "display:none;all:initial", "display:none;all:revert", "all:unset;display:none", "display:revert", "display:none;display:revert", "display:none;display:unset",
		"zoom:0", "zoom:.5", "zoom:0%", "zoom:0;zoom:1", "contain:size;overflow:hidden", "contain:paint", "contain:size layout paint", "contain:content", "contain:none", "content-visibility:auto", "letter-spacing:-1em", "letter-spacing:-99px", "word-spacing:-999px", "text-transform:uppercase", "direction:rtl", "unicode-bidi:bidi-override", "writing-mode:vertical-rl", "text-overflow:ellipsis;overflow:hidden;white-space:nowrap", "text-security:disc", "-webkit-text-security:disc", "user-select:none", "pointer-events:none", "mask:linear-gradient(#000,#000)", "backface-visibility:hidden", "mso-hide:all", "-webkit-line-clamp:1;display:-webkit-box;-webkit-box-orient:vertical;overflow:hidden", "columns:2", "border-radius:99px;overflow:hidden",
	)
	return append(all, kinds("nested size", `<p>start</p>`, "",
		`<div style="font-size:0"><p style="font-size:16px">QZWORD</p></div>`, `<div style="font-size:0"><p style="font-size:1em">QZWORD</p></div>`, `<div style="font-size:0"><p style="font-size:1rem">QZWORD</p></div>`, `<div style="font-size:0"><p style="font-size:medium">QZWORD</p></div>`, `<div style="font-size:0"><p style="font-size:larger">QZWORD</p></div>`, `<div style="font-size:0"><font size=3>QZWORD</font></div>`, `<div style="font-size:0"><font size="+1">QZWORD</font></div>`, `<div style="font-size:0"><font size=bogus>QZWORD</font></div>`, `<div style="font-size:0"><font size=0>QZWORD</font></div>`, `<div style="font-size:0"><h1>QZWORD</h1></div>`, `<div style="font-size:0"><big>QZWORD</big></div>`, `<div style="font-size:0"><button>QZWORD</button></div>`, `<div style="font-size:0"><input value=QZWORD></div>`, `<div style="font-size:0"><textarea>QZWORD</textarea></div>`, `<div style="font-size:0"><table><tr><td>QZWORD</table></div>`, `<div style="font-size:0"><pre>QZWORD</pre></div>`, `<div style="font-size:0"><code>QZWORD</code></div>`,
		`<div style="font-size:.1em"><p style="font-size:.1em">QZWORD</p></div>`, `<div style="font-size:10px"><p style="font-size:.1em">QZWORD</p></div>`, `<div style="font-size:1px"><p style="font-size:16em">QZWORD</p></div>`, `<div style="font-size:1px;transform:scale(16);transform-origin:0 0"><p>QZWORD</p></div>`,
		`<div style="visibility:hidden"><p style="visibility:visible">QZWORD</p></div>`, `<div style="visibility:hidden"><p style="visibility:inherit">QZWORD</p></div>`, `<div style="visibility:hidden"><p style="visibility:unset">QZWORD</p></div>`, `<div style="visibility:hidden"><p style="all:initial">QZWORD</p></div>`, `<div style="display:none"><p style="display:block">QZWORD</p></div>`, `<div style="opacity:0"><p style="opacity:1">QZWORD</p></div>`, `<div style="opacity:.2"><p style="opacity:.2">QZWORD</p></div>`,
		`<div style="height:0;overflow:hidden"><p style="position:absolute">QZWORD</p></div>`, `<div style="height:0;overflow:hidden;position:relative"><p style="position:absolute">QZWORD</p></div>`, `<div style="height:0;overflow:hidden"><p style="position:fixed;top:50px">QZWORD</p></div>`, `<div style="height:0;overflow:hidden;position:relative"><p style="position:fixed;top:50px">QZWORD</p></div>`, `<div style="height:0;overflow:hidden;transform:scale(1)"><p style="position:fixed;top:50px">QZWORD</p></div>`, `<div style="height:0;overflow:hidden"><p style="position:relative">QZWORD</p></div>`, `<div style="height:0;overflow:hidden"><p style="float:left">QZWORD</p></div>`, `<div style="height:0;overflow:hidden"><table><tr><td>QZWORD</table></div>`, `<div style="max-height:0;overflow:hidden"><div style="height:99px">QZWORD</div></div>`,
		`<div style="line-height:0;overflow:hidden"><span style="line-height:20px">QZWORD</span></div>`, `<div style="line-height:0;overflow:hidden"><p>QZWORD</p></div>`, `<div style="display:flex;flex-direction:column;height:99px"><div style="height:0;flex:1;overflow:hidden">QZWORD</div></div>`, `<div style="display:flex"><div style="width:0;flex-grow:1;overflow:hidden">QZWORD</div></div>`, `<div style="display:flex"><span style="height:0;overflow:hidden">QZWORD</span></div>`, `<div style="display:grid"><span style="height:0;overflow:hidden">QZWORD</span></div>`,
		`<table width=600><tr><td>a<td style="width:1%;overflow:hidden">QZWORD</table>`, `<table style="table-layout:fixed;width:200px"><tr><td style="width:0;overflow:hidden">QZWORD<td>b</table>`, `<table><tr style="visibility:collapse"><td>QZWORD</table>`, `<table><tr style="visibility:collapse"><td style="visibility:visible">QZWORD</table>`, `<table><caption style="height:0;overflow:hidden">QZWORD</caption><tr><td>a</table>`, `<table><tr><td height=0 style="overflow:hidden">QZWORD</table>`, `<table height=0 style="overflow:hidden"><tr><td>QZWORD</table>`, `<table><thead style="display:none"><tr><td>QZWORD</thead><tr><td>a</table>`, `<table><col style="visibility:collapse"><tr><td>QZWORD</table>`, `<table><col style="display:none"><tr><td>QZWORD</table>`,
		`<div style="color:red;display:none"><style>div{display:block!important}</style>QZWORD</div>`, `<fieldset style="height:0;overflow:hidden"><legend>QZWORD</legend></fieldset>`, `<button style="height:0;overflow:hidden">QZWORD</button>`, `<center style="height:0;overflow:hidden">QZWORD</center>`, `<a style="height:0;overflow:hidden">QZWORD</a>`, `<label style="width:0;overflow:hidden">QZWORD</label>`, `<font style="height:0;overflow:hidden">QZWORD</font>`,
	)...)
}

func places() []variant {
	all := kinds("place", `<p>start</p><div style="`, `">QZWORD</div>`,
		"position:absolute;left:-999px", "position:absolute;left:-9999em", "position:absolute;left:-100vw", "position:absolute;left:-10px", "position:absolute;right:9999px", "position:absolute;right:-9999px", "position:absolute;top:-400px", "position:absolute;top:-9999px", "position:absolute;bottom:9999px", "position:absolute;top:-9999px;padding-top:9999px", "position:absolute;left:-9999px;padding-left:9999px", "position:absolute;left:-9999px;margin-left:9999px", "position:absolute;inset:-9999px auto auto -9999px", "position:absolute;inset-inline-start:-9999px", "position:absolute;left:-9999px;left:0", "position:absolute;left:-9999px;left:bogus", "position:absolute;left:calc(-1px*9999)", "position:fixed;left:-9999px", "position:sticky;left:-9999px", "position:relative;top:-9999px", "position:relative;right:9999px", "position:relative;bottom:-10px", "position:static;left:-9999px", "position:bogus;left:-9999px", "position:absolute;left:-9999px;position:static", "position:absolute;right:0", "position:absolute;bottom:0;top:0", "position:absolute",
		"margin-left:-9999px;width:20000px", "margin:0 0 0 -9999px", "margin:-9999px", "margin-left:-9999px;margin-left:0", "margin-left:-9999px;padding-left:9999px", "margin-left:-9999px;text-align:right", "margin-left:-9999px;float:right", "margin-left:-9999px;direction:rtl", "margin-right:-9999px", "margin-bottom:-9999px", "margin-top:-10px", "margin-inline-start:-9999px", "margin-left:-100%", "margin-top:-100%",
		"text-indent:-9999px;text-align:right", "text-indent:-9999px;text-align:center", "text-indent:-999em", "text-indent:-10px", "text-indent:100%;white-space:nowrap;overflow:hidden", "text-indent:-9999px;text-indent:0", "text-indent:-9999px;direction:rtl", "text-indent:-100%", "padding-left:9999px;overflow:hidden", "padding-top:20px",
		"transform:translate(-9999px)", "transform:translate(-9999px,0)", "transform:translateY(-9999px)", "transform:translate3d(-9999px,0,0)", "transform:translateX(-9999px) translateX(9999px)", "transform:translateX(-200%)", "transform:scale(0,1)", "transform:scale(1,0)", "transform:scaleX(0)", "transform:scaleY(0)", "transform:scale(.001)", "transform:scale(0%)", "transform:scale3d(0,0,0)", "transform:scale(0);transform:none", "transform:scale(0);transform:bogus", "transform:matrix(0,0,0,0,0,0)", "transform:matrix(1,0,0,1,-9999,0)", "transform:rotateX(90deg)", "transform:rotateY(90deg)", "transform:rotate(90deg)", "transform:rotateY(0.25turn)", "transform:rotate(180deg)", "transform:skew(10deg)", "transform:scale(-1)", "-webkit-transform:scale(0)", "-ms-transform:scale(0)", "scale:0", "scale:0 1", "scale:1 0", "scale:none", "translate:-9999px", "translate:0 -9999px", "translate:none", "rotate:y 90deg", "rotate:45deg", "transform:scale(0) scale(9)", "transform:scale(2)",
		"clip:rect(0,0,0,0);position:fixed;top:40px", "position:absolute;clip:rect(1px,1px,1px,1px)", "position:absolute;clip:rect(0,1110px,111px,0)", "position:absolute;clip:rect(auto,auto,auto,auto)", "position:absolute;clip:rect(0,0,auto,auto)", "position:absolute;clip:auto", "position:absolute;clip:rect(0 99px 99px 0)", "position:relative;clip:rect(0,0,0,0)", "position:absolute;clip:rect(0,0,0)", "position:absolute;clip:rect(9px,9px,5px,5px)",
		"clip-path:inset(50%)", "clip-path:inset(49%)", "clip-path:inset(100.0%)", "clip-path:inset(0 0 100% 0)", "clip-path:inset(0 100% 0 0)", "clip-path:inset(0 0 10% 0)", "clip-path:inset(60% 0 60% 0)", "clip-path:circle(0)", "clip-path:circle(0px at 0 0)", "clip-path:circle(50%)", "clip-path:circle(999px)", "clip-path:ellipse(0 0)", "clip-path:polygon(0 0)", "clip-path:polygon(0 0, 0 0, 0 0)", "clip-path:polygon(0 0, 100% 0, 100% 100%, 0 100%)", "clip-path:polygon(0 0, 100% 0)", "clip-path:none", "clip-path:url(#none)", "-webkit-clip-path:inset(100%)", "clip-path:bogus(1)", "clip-path:inset(100%);clip-path:none", "clip-path:inset(0)", "clip-path:rect(0 0 0 0)", "clip-path:xywh(0 0 0 0)", "clip-path:path('M0 0')",
	)
	return append(all, kinds("nested place", `<p>start</p>`, "",
		`<div style="margin-left:-9999px"><div style="margin-left:9999px">QZWORD</div></div>`, `<div style="text-indent:-9999px"><p style="text-indent:0">QZWORD</p></div>`, `<div style="text-indent:-9999px"><p>QZWORD</p></div>`, `<div style="text-indent:-9999px">first<br>QZWORD</div>`, `<div style="text-indent:-9999px"><span>QZWORD</span></div>`, `<div style="text-indent:-9999px"><p>a</p>QZWORD</div>`, `<div style="text-indent:-9999px"><table><tr><td>QZWORD</table></div>`, `<div style="text-indent:-9999px"><button>QZWORD</button></div>`, `<div style="text-indent:-9999px"><span style="display:inline-block">QZWORD</span></div>`,
		`<div style="position:absolute;left:-9999px"><p style="position:absolute;left:9999px;top:30px">QZWORD</p></div>`, `<div style="position:absolute;left:-9999px"><p style="position:fixed;left:9px;top:30px">QZWORD</p></div>`, `<div style="position:relative;left:-9999px"><p style="position:relative;left:9999px">QZWORD</p></div>`, `<div style="position:relative;top:500px"><p style="position:absolute;top:-450px">QZWORD</p></div>`, `<div style="height:999px;margin-top:-990px"></div><p>QZWORD</p>`, `<div style="transform:translateX(-9999px)"><p style="transform:translateX(9999px)">QZWORD</p></div>`, `<div style="transform:scale(.1)"><p style="transform:scale(10)">QZWORD</p></div>`, `<div style="transform:scale(0)"><p style="transform:scale(10)">QZWORD</p></div>`,
		`<div style="overflow:hidden;height:20px"><div style="margin-top:-9999px">QZWORD</div></div>`, `<div style="overflow:hidden"><span style="position:relative;left:-9999px">QZWORD</span></div>`, `<span style="margin-top:-9999px">QZWORD</span>`, `<span style="margin-left:-9999px">QZWORD</span>`, `<span style="top:-999px">QZWORD</span>`, `<span style="transform:translateX(-9999px)">QZWORD</span>`, `<table style="margin-left:-9999px"><tr><td>QZWORD</table>`, `<table style="position:absolute;left:-9999px"><tr><td>QZWORD</table>`, `<table><tr><td style="position:relative;left:-9999px">QZWORD</table>`, `<table><tr><td style="margin-left:-9999px">QZWORD</table>`, `<table><tr><td style="text-indent:-9999px">QZWORD</table>`, `<table><tr><td style="padding-left:9px">QZWORD</table>`, `<div align=right style="text-indent:-9999px">QZWORD</div>`, `<div dir=rtl style="margin-left:-9999px">QZWORD</div>`, `<div style="float:left;margin-left:-9999px">QZWORD</div>`, `<div style="margin-top:-9999px;float:left">QZWORD</div>`,
	)...)
}
