package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// pictureOnly finds messages that consist of a linked picture with hardly any text, so that
// text filters cannot read them. Signatures with a logo have text as well and pass.
func pictureOnly() Signal {
	return Signal{
		ID: "picture-only", Name: "Picture instead of text", Class: verdict.ClassSpam, Weight: 2, Since: "0.1",
		Why: "The message is a picture with a link (%s) and hardly any text.",
		Find: func(e *evidence.Evidence) []Match {
			pages := e.Pages()
			if len(pages) == 0 || e.IsReply() {
				return nil
			}
			images, words := 0, 0
			for _, page := range pages {
				images += page.Images.Shown
				words += len(strings.Fields(page.Shown)) - len(strings.Fields(strings.Join(page.Images.Alt, " "))) // text in a picture does not count
			}
			links := e.Links()
			if images == 0 || words > 30 || len(links) == 0 {
				return nil
			}
			for i := range links {
				if links[i].Place == observable.PlaceAnchor {
					return one(Match{Portion: verdict.PortionBody, Value: links[i].Raw, Args: []any{links[i].Host}})
				}
			}
			return nil
		},
	}
}
