package policy

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestReasonsCarryNoLink(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`The file "https://evil.test/login.html" is a page.`:         `The file "https: / /evil. test/login. html" is a page.`,
		"It leads to www.evil.test.":                                 "It leads to www. evil. test.",
		"Write to a@evil.test now":                                   "Write to a@ evil. test now.",
		"A sentence. Another one: with words.":                       "A sentence. Another one: with words.",
		"It is at 10:30, in 3 days, for 1,000,000 $.":                "It is at 10:30, in 3 days, for 1,000,000 $.",
		"Call +1 (808) 555-1234 (in bill.pdf).":                      "Call +1 (808) xxx-xxxx (in bill. pdf).",
		"Call 0800.555.12.34 or ٠١٢٣٤٥٦٧.":                           "Call 0800. xxx. xx. xx or ٠١٢٣xxxx.",
		"mailto:a skype:b javascript:c localhost:80":                 "mailto: a skype: b javascript: c localhost: 80.",
		`\\server\share and //evil`:                                  `\ \server\share and / /evil.`,
		"evil。test evil．test evil｡test evil․test a＠evil h：／／x":       "evil。 test evil． test evil｡ test evil․ test a＠ evil h： ／ ／x.",
		"a\u202eb\u2066c\u200bd\ufeffe\u00adf":                       "abcdef.",
		"two\r\nlines\tand\x00more\u2028here\u2029":                  "two lines and more here.",
		"a\u0301\u0302\u0303\u0304\u0305b":                           "a\u0301\u0302b.",
		"bad \xff byte":                                              "bad ? byte.",
		"":                                                           "",
		" \n ":                                                       "",
		"Is it?":                                                     "Is it?",
		"The sender is not who it says: " + strings.Repeat("é", 300): "The sender is not who it says: " + strings.Repeat("é", 134) + "…",
	} {
		if got := plainReason(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// links are what clients make links of: addresses of pages with or without a scheme, of
// mailboxes, and telephone numbers.
var links = regexp.MustCompile(`(?:^|[^0-9]):[^\s"'“”‘’)]|:/|[.。．｡@＠][/\pL\pN]|//|\\\\|[0-9][-0-9 ().+/]*(?:[0-9][-0-9 ().+/]*){5}[0-9]`)

// TestNoReasonHasALink makes reasons of pieces of links.
func TestNoReasonHasALink(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"http", "://", "www", ".", "evil", "test", "@", ":", "/", `\`, " ", "\n", "\u202e", "\u200d", "é", "\u0301", "12345", "-", "(", "+1", "。", "＠", "'", `"`})
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(piece, 0, 40).Draw(t, "pieces"), "")
		got := plainReason(in)
		if m := links.FindString(got); m != "" {
			t.Errorf("%q: %q has %q", in, got, m)
		}
		if len(got) > maxReason+len("….") || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return unicode.Is(unicode.C, r) }) {
			t.Errorf("%q: %q", in, got)
		}
	})
}
