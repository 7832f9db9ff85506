package markup_test

// Reasons why the evaluator is right to differ from Chromium. Where clients differ, what
// one of them shows counts as shown.
const (
	notComputed  = "shown in doubt: the areas of boxes that are clipped in part, turned or grown are not computed"
	otherClients = "shown: clients that do not know the element, attribute or rule show the text"
	quirksOnly   = "shown: percentages of heights count in quirks mode only, and web mail is in standards mode"
	pictures     = "shown: the picture behind the text is missing in the test, and may be dark"
	schemes      = "shown: the color scheme of the client decides"
	unreadable   = "hidden: nobody can read letters of two pixels, of less than five percent opacity or of the color of the ground"
	lineBelow    = "hidden: the line below the letters is drawn, the letters are not"
	moment       = "shown: what is seen for a moment is seen"
	headless     = "shown: the headless browser has no mouse, and draws what is in view only"
	otherBase    = "followed: in the test the address of the page itself is a base, which mail does not have"
	inert        = "listed: the second reading lists links of templates and other elements that are not followed"
	blending     = "shown in doubt: blending and relative colors are not computed"
	scrolls      = "shown: one can scroll to it, or a wider window shows it"
	disguised    = "shown: the letters are drawn as dots, and copied as letters"
)

// named has the variants that differ, each with its reason.
func named() map[string]string {
	return map[string]string{
		"link: <template><a href=\"https://a.test/x\">a</a></template>": inert,
		"link: <math><a href=\"https://a.test/x\">a</a></math>":         inert,
		"base relative/ http:x":        otherBase,
		"base data:text/html,x http:x": otherBase,
		"base javascript:x http:x":     otherBase,
		"base mailto:a@b //o.test/x":   otherBase,
		"base mailto:a@b #f":           otherBase,
		"box body contain:strict":      notComputed,
		"box html contain:strict":      notComputed,
		"sheet: <svg><style type=\"text/x\">.x{display:none}</style></svg>":                                     otherClients,
		"at-rule: @starting-style{.x{display:none}}":                                                            otherClients,
		"media (any-hover:none)":                                                                                headless,
		"color: color:light-dark(white,black)":                                                                  schemes,
		"color: color:light-dark(black,white);color-scheme:dark":                                                schemes,
		"color: color:rgb(from white r g b)":                                                                    blending,
		"color: color:white;background:url(x.png)":                                                              pictures,
		"color: color:white;mix-blend-mode:difference":                                                          blending,
		"color: color:white;text-decoration:underline black":                                                    lineBelow,
		"color attribute: <p>start</p><table background=x.png bgcolor=black><tr><td>QZWORD</table>":             pictures,
		"size: height:0%;overflow:hidden":                                                                       quirksOnly,
		"size: max-height:0%;overflow:hidden":                                                                   quirksOnly,
		"size: content-visibility:auto":                                                                         headless,
		"size: -webkit-text-security:disc":                                                                      disguised,
		"nested size: <div style=\"font-size:10px\"><p style=\"font-size:.1em\">QZWORD</p></div>":               unreadable,
		"nested size: <div style=\"opacity:.2\"><p style=\"opacity:.2\">QZWORD</p></div>":                       unreadable,
		"nested size: <table><tr style=\"visibility:collapse\"><td style=\"visibility:visible\">QZWORD</table>": otherClients,
		"nested size: <table><col style=\"visibility:collapse\"><tr><td>QZWORD</table>":                         otherClients,
		"place: transform:rotate(90deg)":                                                                        notComputed,
		"place: rotate:45deg":                                                                                   notComputed,
		"place: transform:scale(2)":                                                                             notComputed,
		"place: clip-path:inset(49%)":                                                                           notComputed,
		"place: clip-path:circle(50%)":                                                                          notComputed,
		"place: clip-path:path('M0 0')":                                                                         notComputed,
		"element: <p popover>QZWORD</p>":                                                                        otherClients,
		"element: <object type=\"text/x\">QZWORD</object>":                                                      otherClients,
		"element: <video>QZWORD</video>":                                                                        otherClients,
		"element: <math>QZWORD</math>":                                                                          otherClients,
		"element: <select>QZWORD</select>":                                                                      otherClients,
		"svg: <text y=20><textPath href=\"#p\">QZWORD</textPath></text>":                                        otherClients,
		"svg around: <svg width=0 height=0 style=\"overflow:visible\"><text y=20>QZWORD</text></svg>":           otherClients,
		"found: filter:invert(1)":                                                                               blending,
		"found: mask-image:url(none.png)":                                                                       pictures,
		"found: transform:skewX(90deg)":                                                                         notComputed,
		"found: text-indent:200%":                                                                               scrolls,
		"found: position:absolute;left:100%":                                                                    scrolls,
		"found: position:absolute;top:9999px":                                                                   scrolls,
		"found: overflow:hidden;max-height:3px":                                                                 notComputed,
		"found: font-size-adjust:0":                                                                             otherClients,
		"found: opacity:attr(data-x,0)":                                                                         otherClients,
		"found: overflow:hidden;aspect-ratio:99999/1":                                                           notComputed,
		"found: font-size:2px":                                                                                  unreadable,
		"found: overflow:hidden;width:1px":                                                                      unreadable,
		"found: filter:opacity(0.02)":                                                                           unreadable,
		"found: color:#f8f8f8":                                                                                  unreadable,
		"found rule: @import \"data:text/css,.x{display:none}\";":                                               otherClients,
		"found rule: @function --a(){result:none}.x{display:--a()}":                                             otherClients,
		"found element: <select><option>a<option>QZWORD</select>":                                               otherClients,
		"found element: <math><mphantom><mi>QZWORD</mi></mphantom></math>":                                      otherClients,
		"found element: <style>::placeholder{color:white}</style><input placeholder=QZWORD>":                    otherClients,
		"found element: <div style=\"line-height:0;overflow:hidden\"><span style=\"display:block\">QZWORD</span></div>": notComputed,
		"animation: @keyframes k{to{opacity:0}}.x{animation:k .01s forwards}":                                           moment,
	}
}
