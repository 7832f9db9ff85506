package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/evidence/reading"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// htmlScript finds attached pages that build their content by script, redirect at once, or
// hide their content in encodings, to smuggle it past filters. Pages without scripts, such
// as saved invoices, pass, and so do plain scripts of browser extensions.
func htmlScript() Signal {
	return Signal{
		ID: "html-script", Name: "Attached page with hidden program", Class: verdict.ClassMalware, Weight: 5, Since: "0.1",
		Why: "The attached page %s runs a program when opened: %s.",
		Find: func(e *evidence.Evidence) []Match {
			for _, f := range e.Files() {
				page := f.Page()
				if page == nil || f.Source == "tnef-body" || inPackage(f) == 1 {
					continue
				}
				if how, names, times := tricks(page); times >= 1 || times > 0 && (f.Attached || !hasManifest(f)) {
					return one(Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: strings.TrimSuffix(f.Label()+": "+names, ": "), Args: []any{f.Label(), how}, Times: times})
				}
			}
			return nil
		},
	}
}

// decoders are script functions that decode hidden content.
var decoders = [...]string{
	"atob(", "unescape(", "fromCharCode", "eval(", "document.write", "decodeURIComponent(", "createObjectURL", "msSaveOrOpenBlob",
	"new Function(", "CryptoJS", "innerHTML",
}

// tricks returns the techniques of a page, the names in its scripts that show them, and
// their weight.
func tricks(page *reading.Page) (how, names string, times float64) {
	const unpacks = "it unpacks something that it hides"
	var found []string
	for _, d := range decoders {
		if strings.Contains(page.Script.Text, d) {
			found = append(found, strings.TrimSuffix(d, "("))
		}
	}
	switch {
	case len(found) >= 2:
		return unpacks, strings.Join(found, ", "), 1.5
	case len(found) == 1:
		return unpacks, found[0], 1
	case strings.Contains(page.Script.Text, "location"):
		return "it sends you to another page", "", 1
	case page.DataLinks > 0:
		return "it opens a page hidden inside it", "", 1
	}
	for i := range page.URLs {
		if page.URLs[i].Place == observable.PlaceRefresh {
			return "it sends you to another page", "", 1
		}
	}
	if page.Script.Elements+page.Script.Handlers > 0 {
		return "it contains a program", "", 0.6
	}
	return "", "", 0
}
