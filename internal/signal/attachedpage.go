package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// attachedPage finds messages with almost no text and an attached web page or vector
// picture, which opens in the browser: the page is the actual message, outside of the body.
// Pages beside a real text pass.
func attachedPage() Signal {
	return Signal{
		ID: "attached-page", Name: "Attached page instead of text", Class: verdict.ClassPhish, Weight: 2.5, Since: "0.1",
		Why: "The message says hardly anything and attaches the web page %s.",
		Find: func(e *evidence.Evidence) []Match {
			const hardlyAny = 40 // words, including the subject: a greeting and a signature
			if e.IsReply() || e.IsReport() || len(strings.Fields(e.Words())) > hardlyAny {
				return nil
			}
			for _, f := range e.Files() {
				if f.Attached && f.Page() != nil && opensInBrowser(f.Names[0]) {
					return one(Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: f.Label(), Args: []any{f.Label()}})
				}
			}
			return nil
		},
	}
}

func opensInBrowser(name string) bool {
	switch observable.Extension(name) {
	case "html", "htm", "shtml", "xhtml", "svg", "mht", "mhtml":
		return true
	}
	return false
}
