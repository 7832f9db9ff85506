package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// suspiciousDomain finds sender domains of the kind that spammers register in bulk: endings
// with much abuse, labels of random letters, or deep subdomains. Known senders are exempted
// by their history.
func suspiciousDomain() Signal {
	return Signal{
		ID: "suspicious-domain", Name: "Throw-away sender domain", Class: verdict.ClassSpam, Weight: 1.5, Since: "0.1",
		Why: "The sender's domain %s looks like one that is used for a short time and thrown away.",
		Find: func(e *evidence.Evidence) []Match {
			d := e.Author().Domain
			if d == "" || isFreemail(d) || !strings.Contains(d, ".") {
				return nil
			}
			times := 0.0
			if lists().suffixes[d[strings.LastIndexByte(d, '.')+1:]] {
				times += 0.8
			}
			if looksRandom(observable.Brand(d)) || looksRandom(d[:strings.IndexByte(d, '.')]) {
				times += 0.8
			}
			if strings.Count(d, ".") >= 4 {
				times += 0.5
			}
			if times == 0 {
				return nil
			}
			return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: d, Args: []any{d}, Times: times})
		},
	}
}

// looksRandom reports whether a label is machine-made: alternating letters and digits, or
// runs of consonants that no language has.
func looksRandom(label string) bool {
	if len(label) < 6 || strings.HasPrefix(label, "xn--") {
		return false
	}
	run, longest, changes := 0, 0, 0
	for i := range len(label) {
		letter, digit := isLetter(label[i]), isDigit(label[i])
		if letter && !strings.ContainsRune("aeiouy", rune(label[i])) {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
		if i > 0 && (letter && isDigit(label[i-1]) || digit && isLetter(label[i-1])) {
			changes++
		}
	}
	return longest >= 6 || changes >= 4 || longest >= 5 && changes >= 2
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
