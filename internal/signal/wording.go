package signal

import (
	"strings"

	"outrider/internal/evidence"
)

// Shares of words in texts that readers see less, or expect.
const (
	hiddenShare = 0.5 // text shown only when hidden: readers miss it, but somebody put it there
)

// wording returns the match of a topic whose phrases are in one of the texts with a
// strength above low; at high it counts once, and at most twice. The match names the text
// in which it counts most.
func wording(e *evidence.Evidence, t topic, low, high float64) []Match {
	return wordingIn(e, t, low, high, func(*evidence.Text) bool { return true })
}

// wordingIn is wording for the given texts.
func wordingIn(e *evidence.Evidence, t topic, low, high float64, meant func(*evidence.Text) bool) []Match {
	var best Match
	mild := 1.0
	if isDaemon(e) && t == topicCredential && len(e.Pages()) == 0 {
		mild = daemonShare
	}
	if e.IsReport() {
		return nil // mail systems write about mailboxes and deliveries
	}
	for _, text := range e.Texts() {
		if !meant(text) {
			continue
		}
		found := text.Phrases(lists().phrases)[int(t)]
		more := chance(text, t)
		if times := worded(found, low+more, high+more) * share(text) * mild; times > best.Times {
			best = Match{Portion: text.Portion, Field: text.Field, Value: quoted(found), Args: []any{quoted(found) + where(text)}, Times: times}
		}
	}
	if best.Times <= 0 {
		return nil
	}
	return one(best)
}

// share returns the weight of the words of a text.
func share(t *evidence.Text) float64 {
	if t.Hidden {
		return hiddenShare
	}
	return 1
}

// where names the place of a text outside of the body.
func where(t *evidence.Text) string {
	switch {
	case t.Hidden:
		return " (in text that the message hides)"
	case t.Name != "":
		return " (in " + t.Name + ")"
	}
	return ""
}

// chance returns the strength that a long text reaches by chance: fraudulent letters have
// up to 400 words, twice that with both alternatives; newsletters have thousands. For
// topics of newsletters this holds for a piece of a long text too: several of the words
// occur in some piece.
func chance(t *evidence.Text, about topic) float64 {
	const free, per, most = 700, 250, 4
	n := strings.Count(t.Words(), " ")
	if isNewsworthy(about) && t.Whole > len(t.Text) {
		n = n * t.Whole / max(len(t.Text), 1)
	}
	return min(float64(max(n-free, 0))/per, most)
}

// isNewsworthy reports whether honest newsletters and shops write about a topic at length.
func isNewsworthy(t topic) bool {
	switch t {
	case topicCrypto, topicPrize, topicMiracle, topicSEO, topicTrade, topicAdvance:
		return true
	default:
		return false
	}
}

// hasLure reports whether the message offers the reader a link, a file, or a linked
// picture.
func hasLure(e *evidence.Evidence) bool {
	return len(e.Links()) > 0 || len(e.Files()) > 0
}

// isShort reports whether a text is short enough to be a request for a favour from a
// colleague.
func isShort(t *evidence.Text) bool { return len(t.Text) <= maxFavour }

// demands reports whether the author asks for money, a secret favour, or a salary paid
// elsewhere.
func demands(e *evidence.Evidence) bool {
	return len(wordingIn(e, topicFavour, 0.9, 3, isShort)) > 0 || len(wording(e, topicPayment, 1.8, 4)) > 0 ||
		len(wordingIn(e, topicPayroll, 0.9, 2, isShort)) > 0 || len(wordingIn(e, topicDemand, 0.3, 1, isShort)) > 0
}
