package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// searchSpam finds cold offers of search ranking, links, web design and address lists. Talk
// about a website among people who know each other passes.
func searchSpam() Signal {
	return Signal{
		ID: "search-spam", Name: "Cold offer of web services", Class: verdict.ClassSpam, Weight: 3.5, Since: "0.1",
		Why: "A stranger offers services for websites or address lists: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReply() {
				return nil
			}
			return wording(e, topicSEO, 1, 2.5)
		},
	}
}
