package signal

import (
	"strconv"
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// smuggledTimes weighs text in invisible characters, which only programs read.
const smuggledTimes = 2.2

// hiddenText finds text in characters without a glyph, which honest text uses only in
// emoji, and HTML that hides much text from the reader to feed it to filters. The hidden
// preview line of newsletters is short and passes; so do responsive designs, which hide
// text that they show elsewhere.
func hiddenText() Signal {
	return Signal{
		ID: "hidden-text", Name: "Hidden text", Class: verdict.ClassSpam, Weight: 1.5, Since: "0.1",
		Why: "The message hides %s words from you.",
		Find: func(e *evidence.Evidence) []Match {
			if runs := smuggled(e); len(runs) > 0 {
				return one(Match{Portion: verdict.PortionBody, Value: runs[0].Text, Args: []any{strconv.Itoa(len(strings.Fields(runs[0].Text)))}, Times: smuggledTimes})
			}
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

// smuggled returns the runs of characters without a glyph in subject and body.
func smuggled(e *evidence.Evidence) []observable.Smuggled {
	runs := observable.SmuggledRuns(e.Subject())
	for i := range e.Reading().Texts {
		t := &e.Reading().Texts[i]
		text := t.Shown
		if t.Page != nil {
			text = t.Page.InnerText()
		}
		runs = append(runs, observable.SmuggledRuns(text)...)
	}
	return runs
}
