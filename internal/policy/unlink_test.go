package policy

import "testing"

func TestReasonsCarryNoLink(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`The file "https://evil.test/login.html" is a page.`: `The file "https: //evil. test/login. html" is a page.`,
		"It leads to www.evil.test.":                         "It leads to www. evil. test.",
		"Write to a@evil.test now":                           "Write to a@ evil. test now",
		"A sentence. Another one: with words.":               "A sentence. Another one: with words.",
		"":                                                   "",
	} {
		if got := unlinked(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
