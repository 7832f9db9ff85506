package signal

import (
	"strconv"
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// hiddenText finds HTML that hides much text from the reader, to feed filters with it.
// The preview line that newsletters hide is short, and passes; so do designs for
// phones, which hide what they show elsewhere.
func hiddenText() Signal {
	return Signal{
		ID: "hidden-text", Name: "Hidden text", Class: verdict.ClassSpam, Weight: 1.5, Since: "0.1",
		Why: "The message hides %s words from you.",
		Find: func(e *evidence.Evidence) []Match {
			for _, page := range e.Pages() {
				hidden := observable.Words(page.Concealed)
				n := strings.Count(hidden, " ") - 1
				shown := strings.Count(page.Shown, " ") + 1
				var times float64
				switch {
				case n >= 150 && n > shown:
					times = 1.5
				case n >= 60:
					times = 1
				case n >= 5 && n*2 > shown && page.ZeroWidth == 0:
					times = 0.5
				case page.ZeroWidth >= 10:
					times, n = 1, page.ZeroWidth
				default:
					continue
				}
				return one(Match{Portion: verdict.PortionBody, Value: strings.TrimSpace(hidden[:min(len(hidden), 150)]), Args: []any{strconv.Itoa(n)}, Times: times})
			}
			return nil
		},
	}
}
