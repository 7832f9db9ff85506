// Package signal holds the built-in detectors, one per aspect of unwanted mail.
//
// A signal examines the evidence of a message and returns what it found, where, and in one
// sentence why that matters to the reader. Its weight is the log-odds it adds to one class;
// weights of frequent signals are fitted to real mail (weights.go), the others are set by
// hand in the file of the signal. testdata has one corpus per signal, with messages that
// must match and near misses that must not.
//
// Limits: words are matched in the major European languages, Japanese and Chinese as listed
// in lists/phrases.txt; text in pictures is not read.
package signal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// Signal is one detector.
type Signal struct {
	ID     string              // stable machine name
	Name   string              // short title for display
	Class  verdict.Class       // class that the weight counts for
	Least  verdict.Disposition // mildest disposition of a matching message; None sets none
	Weight float64             // log-odds per match, times Match.Times; a fitted weight replaces it
	Since  string              // first version that has it
	Why    string              // one sentence; %s stands for an argument of the match
	Find   func(*evidence.Evidence) []Match
}

// Match is one place where a signal applies.
type Match struct {
	Portion verdict.Portion
	Field   string  // header field, part number or envelope command, or ""
	Value   string  // what was found
	Args    []any   // for Why
	Times   float64 // strength as a multiple of the weight; 0 stands for 1
}

// version changes with every change of a signal or a weight.
const version = "1"

// All lists every signal with its effective weight.
func All() []Signal {
	all := ByHand()
	for i := range all {
		if w, ok := fitted[all[i].ID]; ok {
			all[i].Weight = w
		}
	}
	return all
}

// ByHand lists every signal with the weight set by hand, grouped into sender, attachments,
// links, wording, and signs of wanted mail.
func ByHand() []Signal {
	return []Signal{
		dmarcFailed(), knownDomainUnproved(), ownDomainSpoof(), personImpersonation(), nameShowsAddress(), lookalikeDomain(),
		brandImpersonation(), replyToDiffers(), severalAuthors(), unreadableAuthor(), namedInSubject(), suspiciousDomain(), randomSender(),
		executableAttachment(), knownMalware(), disguisedFile(), encryptedArchive(), officeMacro(), documentAction(), htmlForm(), htmlScript(), attachedPage(), documentLink(),
		linkTextMismatch(), mixedScriptHost(), addressLink(), hiddenLink(), hostedPage(), recipientInLink(), throwawayLink(), stolenBrand(), drawnCode(),
		credentialLure(), cryptoLure(), callbackInvoice(), newSenderPayment(), urgentFavour(), paymentChange(), payrollChange(),
		advanceFee(), extortion(), procurement(), prizeLure(), miracleOffer(), searchSpam(), tradeSpam(), removalOffer(),
		genericGreeting(), obfuscatedText(), hiddenText(), pictureOnly(), mimeEvasion(), messageFragment(), headerOddities(), bulkMail(),
		knownSender(), conversation(), unreadContent(),
	}
}

// Set holds the enabled signals. It is immutable and safe for concurrent use.
type Set struct{ signals []Signal }

// New returns all signals except the disabled ids.
func New(disabled []string) *Set {
	lists() // built at start, so that no message waits for it
	return &Set{signals: slices.DeleteFunc(All(), func(s Signal) bool { return slices.Contains(disabled, s.ID) })}
}

// Name names the set and its version.
func (s *Set) Name() string { return "signals/" + version }

// Detect runs the signals.
func (s *Set) Detect(ctx context.Context, e *evidence.Evidence) ([]verdict.Finding, []verdict.Undecided) {
	var out []verdict.Finding
	for i := range s.signals {
		if ctx.Err() != nil {
			break
		}
		for _, m := range s.signals[i].Find(e) {
			out = append(out, s.signals[i].finding(&m))
		}
	}
	return out, nil
}

func (s *Signal) finding(m *Match) verdict.Finding {
	why := s.Why
	if len(m.Args) > 0 {
		args := make([]any, len(m.Args))
		for i, a := range m.Args {
			args[i] = argument(fmt.Sprint(a))
		}
		why = fmt.Sprintf(s.Why, args...)
	}
	return verdict.Finding{
		ID: s.ID, Name: s.Name, Class: s.Class, Least: s.Least, Weight: s.Weight * cmp.Or(m.Times, 1),
		Field: m.Field, Portion: m.Portion, Value: printable(m.Value, verdict.MaxValue), Reason: why,
	}
}

// maxArg bounds the bytes of a value inside a reason, so that it stays one sentence.
const maxArg = 80

// argument returns a value for use in a reason. A list that is too long ends after a whole
// item.
func argument(s string) string {
	short := printable(s, maxArg)
	if len(short) == len(printable(s, len(s))) {
		return short
	}
	if i := strings.LastIndex(short, ", "); i > 0 {
		return short[:i]
	}
	return short + "…"
}

// printable replaces characters that could disturb a reader or a log, and cuts at a
// character boundary.
func printable(s string, limit int) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\t' || c == '\n' || c == '\r':
			return ' '
		case unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' || c == '\u2029':
			return -1
		default:
			return c
		}
	}, s)
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// one returns a list of the single match m.
func one(m Match) []Match { return []Match{m} }
