package markup

import "strings"

// isSupported evaluates the condition of @supports. CSS Conditional Rules Level 4.
func isSupported(s string, quirks bool, depth int) bool {
	parser := &sheetParser{}
	selectors := &selectorParser{quirks: quirks, strict: true}
	return condition(s, func(f string) truth {
		if list, ok := callOf(f, "selector"); ok {
			return answer(len(selectors.list(list, 0, false)) == 1)
		}
		name, value, ok := strings.Cut(f, ":")
		if !ok {
			return no
		}
		name, value = strings.ToLower(trimSpace(name)), strings.ToLower(trimSpace(value))
		if accepted, known := isOtherDeclaration(name, value); known {
			return answer(accepted)
		}
		return answer(name != "mso-hide" && len(parser.declaration(f, nil)) > 0)
	}, depth) == yes
}

// isOtherDeclaration handles properties that are irrelevant here. A name that browsers may
// not support counts as unknown, so that the following content counts as visible.
func isOtherDeclaration(name, value string) (accepted, known bool) {
	words := otherKeywords(name)
	if words == "" {
		return false, false
	}
	if isGlobal(value) || strings.Contains(value, "var(--") {
		return true, true
	}
	return isEachOf(value, words), true
}

// isEachOf reports whether every word of a value is a listed keyword, or of a listed kind.
func isEachOf(value, of string) bool {
	n := 0
	for w := range words(value) {
		n++
		switch _, isNumber := parseNumber(w); {
		case w == "," || w == "/":
		case hasWord(of, w), hasWord(of, "<any>"):
		case hasWord(of, "<length>") && isLengthText(w, false):
		case hasWord(of, "<number>") && isNumber:
		case hasWord(of, "<integer>") && isNumber && !strings.ContainsAny(w, ".e"):
		case hasWord(of, "<color>") && isKnownColor(w):
		case hasWord(of, "<function>") && strings.HasSuffix(w, ")"):
		case hasWord(of, "<angle>") && isTimeOrAngle(w):
		case hasWord(of, "<name>") && isIdentifier(w):
		default:
			return false
		}
	}
	return n > 0
}

func isKnownColor(w string) bool {
	_, ok := parseColor(w)
	return ok
}

func isTimeOrAngle(w string) bool {
	i := numberEnd(w)
	_, ok := parseNumber(w[:i])
	return ok && oneOf(w[i:], "s", "ms", "deg", "turn", "rad", "grad")
}

// otherKeywords returns the values of a property, or "".
func otherKeywords(name string) string {
	for _, look := range [...]func(string) string{alignmentKeywords, textKeywords, boxKeywords, effectKeywords} {
		if of := look(name); of != "" {
			return of
		}
	}
	return ""
}

func alignmentKeywords(name string) string {
	const places = "normal stretch start end center flex-start flex-end self-start self-end baseline first last safe unsafe anchor-center"
	switch name {
	case "align-items", "align-self", "place-items", "place-self":
		return places + " auto"
	case "justify-items", "justify-self":
		return places + " auto left right legacy"
	case "align-content", "justify-content", "place-content":
		return places + " space-between space-around space-evenly left right"
	case "gap", "row-gap", "column-gap", "grid-gap", "grid-row-gap", "grid-column-gap":
		return "normal <length>"
	case "grid-template-columns", "grid-template-rows", "grid-auto-columns", "grid-auto-rows":
		return "none auto subgrid min-content max-content <length> <function>"
	case "grid-auto-flow":
		return "row column dense"
	case "grid-row", "grid-column", "grid-area", "grid-row-start", "grid-row-end", "grid-column-start", "grid-column-end":
		return "auto span <integer> <name>"
	case "grid", "grid-template", "grid-template-areas":
		return "<any>"
	case "order":
		return "<integer>"
	case "flex-direction":
		return "row row-reverse column column-reverse"
	case "flex-wrap":
		return "nowrap wrap wrap-reverse"
	case "flex-flow":
		return "row row-reverse column column-reverse nowrap wrap wrap-reverse"
	case "flex-shrink":
		return "<number>"
	case "flex-basis":
		return "auto content min-content max-content fit-content <length>"
	case "anchor-name", "position-anchor":
		return "none auto <name>"
	}
	return ""
}

func textKeywords(name string) string {
	switch name {
	case "font-weight":
		return "normal bold bolder lighter <number>"
	case "font-style":
		return "normal italic oblique <angle>"
	case "font-family", "font-variation-settings", "font-feature-settings", "font-variant-alternates":
		return "<any>"
	case "font-variant", "font-variant-caps":
		return "normal none small-caps all-small-caps petite-caps unicase titling-caps"
	case "font-kerning":
		return "auto normal none"
	case "font-stretch":
		return "normal condensed expanded semi-condensed semi-expanded <length>"
	case "font-optical-sizing":
		return "auto none"
	case "font-palette":
		return "normal light dark <name>"
	case "font-size-adjust":
		return "none from-font <number>"
	case "letter-spacing", "word-spacing":
		return "normal <length>"
	case "text-decoration", "text-decoration-line":
		return "none underline overline line-through solid double dotted dashed wavy auto <color> <length>"
	case "text-decoration-color", "text-emphasis-color", "caret-color":
		return "auto <color>"
	case "text-decoration-style":
		return "solid double dotted dashed wavy"
	case "text-decoration-thickness", "text-underline-offset":
		return "auto from-font <length>"
	case "text-decoration-skip-ink":
		return "auto none all"
	case "text-transform":
		return "none capitalize uppercase lowercase full-width full-size-kana math-auto"
	case "text-overflow":
		return "clip ellipsis"
	case "text-rendering":
		return "auto optimizespeed optimizelegibility geometricprecision"
	case "text-size-adjust", "-webkit-text-size-adjust":
		return "auto none <length>"
	case "word-break":
		return "normal break-all keep-all break-word auto-phrase"
	case "word-wrap", "overflow-wrap":
		return "normal break-word anywhere"
	case "hyphens", "-webkit-hyphens":
		return "none manual auto"
	case "vertical-align":
		return "baseline sub super top text-top middle bottom text-bottom <length>"
	case "writing-mode", "-webkit-writing-mode":
		return "horizontal-tb vertical-rl vertical-lr sideways-rl sideways-lr"
	case "tab-size":
		return "<number> <length>"
	case "speak":
		return "none normal spell-out digits literal-punctuation no-punctuation"
	case "user-select", "-webkit-user-select":
		return "auto text none contain all"
	}
	return ""
}

func boxKeywords(name string) string {
	const lines = "none hidden dotted dashed solid double groove ridge inset outset"
	switch name {
	case "border-color", "border-top-color", "border-right-color", "border-bottom-color", "border-left-color", "outline-color", "column-rule-color":
		return "auto <color>"
	case "border-style", "border-top-style", "border-right-style", "border-bottom-style", "border-left-style", "outline-style":
		return lines + " auto"
	case "border-top", "border-right", "border-bottom", "border-left", "border", "outline", "column-rule":
		return lines + " thin medium thick auto <length> <color>"
	case "border-radius", "border-top-left-radius", "border-top-right-radius", "border-bottom-left-radius", "border-bottom-right-radius",
		"border-spacing", "-webkit-border-radius":
		return "<length>"
	case "border-collapse":
		return "collapse separate"
	case "table-layout":
		return "auto fixed"
	case "box-shadow", "-webkit-box-shadow":
		return "none inset <length> <color>"
	case "box-decoration-break", "-webkit-box-decoration-break":
		return "slice clone"
	case "columns", "column-count", "column-width":
		return "auto <length> <integer>"
	case "column-fill":
		return "auto balance"
	case "column-span":
		return "none all"
	case "aspect-ratio":
		return "auto <number>"
	case "object-fit":
		return "fill contain cover none scale-down"
	case "object-position", "background-position", "transform-origin", "perspective-origin":
		return "left right top bottom center <length>"
	case "background-size":
		return "auto cover contain <length>"
	case "background-repeat":
		return "repeat no-repeat repeat-x repeat-y space round"
	case "background-attachment":
		return "scroll fixed local"
	case "background-origin":
		return "border-box padding-box content-box"
	case "background-blend-mode":
		return "normal multiply screen overlay darken lighten color-dodge color-burn hard-light soft-light difference exclusion hue saturation color luminosity"
	case "list-style-position":
		return "inside outside"
	case "z-index":
		return "auto <integer>"
	case "isolation":
		return "auto isolate"
	case "resize":
		return "none both horizontal vertical block inline"
	case "overscroll-behavior", "overscroll-behavior-x", "overscroll-behavior-y":
		return "auto contain none"
	case "scroll-behavior":
		return "auto smooth"
	case "scroll-snap-type":
		return "none x y block inline both mandatory proximity"
	case "scroll-snap-align":
		return "none start end center"
	case "scrollbar-width":
		return "auto thin none"
	case "scrollbar-color":
		return "auto <color>"
	case "scrollbar-gutter":
		return "auto stable both-edges"
	}
	return ""
}

func effectKeywords(name string) string {
	switch name {
	case "cursor":
		return "auto default none context-menu help pointer progress wait cell crosshair text vertical-text alias copy move no-drop " +
			"not-allowed grab grabbing e-resize n-resize ne-resize nw-resize s-resize se-resize sw-resize w-resize ew-resize ns-resize " +
			"nesw-resize nwse-resize col-resize row-resize all-scroll zoom-in zoom-out <function> <integer>"
	case "pointer-events":
		return "auto none visiblepainted visiblefill visiblestroke visible painted fill stroke all bounding-box"
	case "touch-action":
		return "auto none pan-x pan-y manipulation pinch-zoom pan-left pan-right pan-up pan-down"
	case "appearance", "-webkit-appearance":
		return "none auto button textfield menulist menulist-button searchfield textarea checkbox radio listbox meter progress-bar base-select"
	case "accent-color":
		return "auto <color>"
	case "will-change":
		return "auto <name>"
	case "perspective":
		return "none <length>"
	case "backface-visibility", "-webkit-backface-visibility":
		return "visible hidden"
	case "transform-style":
		return "flat preserve-3d"
	case "transition", "animation", "-webkit-animation", "-webkit-transition":
		return "<name> <angle> <function> <number>"
	case "transition-property", "animation-timing-function", "transition-timing-function":
		return "<name> <function>"
	case "transition-duration", "transition-delay", "animation-duration", "animation-delay":
		return "<angle>"
	case "animation-timeline":
		return "auto none <name> <function>"
	case "animation-fill-mode":
		return "none forwards backwards both"
	case "-webkit-line-clamp":
		return "none <integer>"
	case "-webkit-box-orient":
		return "horizontal vertical inline-axis block-axis"
	case "-webkit-font-smoothing":
		return "auto none antialiased subpixel-antialiased"
	case "-webkit-tap-highlight-color":
		return "<color>"
	case "-webkit-text-security":
		return "none disc circle square"
	case "-webkit-mask-size", "mask-size":
		return "auto cover contain <length>"
	case "mask-repeat", "-webkit-mask-repeat":
		return "repeat no-repeat repeat-x repeat-y space round"
	case "mask", "mask-image", "-webkit-mask", "-webkit-mask-image":
		return "none repeat no-repeat center cover contain <function> <length>"
	case "backdrop-filter":
		return "none <function>"
	}
	return ""
}
