package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// wording returns the match of a topic whose phrases stand in the text with a strength
// above low; at high it counts once, and at most twice.
func wording(e *evidence.Evidence, t topic, low, high float64) []Match {
	if e.IsReport() {
		return nil
	}
	found := phrases(e, t)
	more := chance(e)
	times := worded(found, low+more, high+more)
	if times <= 0 {
		return nil
	}
	return one(Match{Portion: verdict.PortionBody, Value: quoted(found), Args: []any{quoted(found)}, Times: times})
}

// chance returns the strength that a long text reaches without meaning it: letters that
// defraud have up to 400 words, twice with both alternatives, newsletters thousands.
func chance(e *evidence.Evidence) float64 {
	const free, per, most = 700, 250, 4
	n := strings.Count(e.Words(), " ")
	return min(float64(max(n-free, 0))/per, most)
}

// hasLure reports whether the message asks the reader to go somewhere: by a link that
// is not the sender's own, a file, or a picture that is one.
func hasLure(e *evidence.Evidence) bool {
	return len(e.Links()) > 0 || len(e.Files()) > 0
}
