package markup_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"outrider/internal/mailtest"
)

// word is the word whose visibility is asked for.
const word = "QZWORD"

// anagram puts an anagram in the place of the word, also where it is written in two parts or
// in base64. Both are as wide in every font, so that pictures differ if the word is seen.
func anagram(doc string) string {
	return strings.NewReplacer("QZ", "ZQ", "WORD", "DROW", "PHA+UVpXT1JEPC9wPg==", "PHA+WlFEUk9XPC9wPg==").Replace(doc)
}

// variant is one way to show or hide the word, or to write links.
type variant struct{ name, doc string }

// TestDisplayTextIsWhatChromiumShows compares, for each variant, whether the word is part of
// the displayed text with whether Chromium draws it. Differences are mended, or named in
// divergences with their reasons.
func TestDisplayTextIsWhatChromiumShows(t *testing.T) {
	t.Parallel()
	all := variants()
	if least := 400; len(all) < least {
		t.Fatalf("%d variants, want at least %d", len(all), least)
	}
	shown, here := inChromium(t, all), make([]bool, len(all))
	for i, v := range all {
		here[i] = strings.Contains(parse(v.doc).DisplayText(), word)
	}
	reasons := named()
	lookAgain(t, all, shown, func(i int) bool { return (here[i] == shown[i]) == (reasons[all[i].name] == "") })
	agreed, differ := 0, map[string]int{}
	for i, v := range all {
		here := here[i]
		reason := reasons[v.name]
		switch {
		case here == shown[i] && reason == "":
			agreed++
		case here == shown[i]:
			t.Errorf("%s: named as a divergence, but there is none", v.name)
		case reason != "":
			differ[reason]++
		default:
			t.Errorf("%s: in Chromium %v, here %v: %s", v.name, shown[i], here, v.doc)
		}
	}
	report(t, len(all), agreed, differ)
}

// inChromium returns of which variants the word is seen. Two browsers share the work.
func inChromium(t *testing.T, all []variant) []bool {
	t.Helper()
	browsers := [2]*mailtest.Browser{mailtest.Chromium(t), mailtest.Chromium(t)}
	shown := make([]bool, len(all))
	half := len(all) / len(browsers)
	var both sync.WaitGroup
	both.Go(func() { look(t, browsers[0], all[:half], shown[:half]) })
	both.Go(func() { look(t, browsers[1], all[half:], shown[half:]) })
	both.Wait()
	return shown
}

// lookAgain repeats the variants with an unexpected result: a busy browser draws some
// pictures and fallbacks late.
func lookAgain(t *testing.T, all []variant, shown []bool, expected func(int) bool) {
	t.Helper()
	for range 3 {
		var odd []int
		var docs []variant
		for i := range all {
			if !expected(i) {
				odd, docs = append(odd, i), append(docs, all[i])
			}
		}
		if len(odd) == 0 {
			return
		}
		again := make([]bool, len(docs))
		look(t, mailtest.Chromium(t), docs, again)
		for n, i := range odd {
			shown[i] = again[n]
		}
	}
}

func look(t *testing.T, browser *mailtest.Browser, all []variant, shown []bool) {
	t.Helper()
	docs := make([]string, 0, 2*len(all))
	for _, v := range all {
		docs = append(docs, v.doc, anagram(v.doc))
	}
	seen, err := browser.Look(docs)
	if err != nil {
		t.Error(err)
		return
	}
	for i := range all {
		shown[i] = seen[2*i].Differs(seen[2*i+1])
	}
}

func report(t *testing.T, inputs, agreed int, named map[string]int) {
	t.Helper()
	var b strings.Builder
	total := 0
	for reason, n := range named {
		fmt.Fprintf(&b, "\n%4d %s", n, reason)
		total += n
	}
	t.Logf("%d inputs, %d agreements, %d named divergences%s", inputs, agreed, total, b.String())
}

// TestLinksAreWhatChromiumFollows compares the targets of links.
func TestLinksAreWhatChromiumFollows(t *testing.T) {
	t.Parallel()
	all := linkVariants()
	browser := mailtest.Chromium(t)
	docs := make([]string, len(all))
	for i, v := range all {
		docs[i] = v.doc
	}
	links, err := browser.Links(docs)
	if err != nil {
		t.Fatal(err)
	}
	reasons := named()
	agreed, differ := 0, map[string]int{}
	for i, targets := range links {
		want := outside(targets)
		var got []string
		for _, l := range parse(all[i].doc).Links() {
			if l.Place == "anchor" {
				got = append(got, l.URL)
			}
		}
		got = outside(got)
		reason := reasons[all[i].name]
		switch {
		case slices.Equal(got, want) && reason == "":
			agreed++
		case slices.Equal(got, want):
			t.Errorf("%s: named as a divergence, but there is none", all[i].name)
		case reason != "":
			differ[reason]++
		default:
			t.Errorf("%s: in Chromium %q, here %q: %s", all[i].name, want, got, all[i].doc)
		}
	}
	report(t, len(all), agreed, differ)
}

// outside returns the hosts and paths of targets on other hosts than that of the test, as
// far as both sides write them alike.
func outside(targets []string) []string {
	var out []string
	for _, u := range targets {
		scheme, rest, ok := strings.Cut(u, ":")
		if !ok || strings.Contains(u, "127.0.0.1") || strings.ContainsAny(scheme, "/?#") {
			continue
		}
		rest = strings.TrimLeft(strings.ReplaceAll(rest, `\`, "/"), "/")
		host, path, _ := strings.Cut(rest, "/")
		out = append(out, strings.ToLower(scheme)+"://"+strings.ToLower(host)+"/"+path)
	}
	return out
}
