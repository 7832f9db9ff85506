package yara_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"outrider/internal/attachment/yara"
)

// typical returns a document of about so many bytes as mail carries it: objects of a PDF,
// text, markup and packed streams.
func typical(tb testing.TB, size int) []byte {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the invoice of your order is attached please find payment details account number with kind regards we have received it and will process within days")
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	for id := 1; b.Len() < size; id++ {
		var text bytes.Buffer
		for range 400 {
			fmt.Fprintf(&text, "%s %d ", words[r.IntN(len(words))], r.IntN(100))
		}
		fmt.Fprintf(&b, "%d 0 obj\n<</Type /Page /Parent 3 0 R /MediaBox [0 0 595 842] /Rect [%d.25 %d 300 20]>>\nendobj\n", id, r.IntN(500), r.IntN(800))
		fmt.Fprintf(&b, "%d 0 obj\n<</Subtype /Image\n/Width %d\n/Height %d /Filter /FlateDecode>>\nstream\n", id, r.IntN(2000), r.IntN(2000))
		w, err := flate.NewWriter(&b, flate.DefaultCompression)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write(text.Bytes()); err != nil {
			tb.Fatal(err)
		}
		if err := w.Close(); err != nil {
			tb.Fatal(err)
		}
		b.WriteString("\nendstream\n<p class=\"body\">" + text.String()[:800] + "</p>\n")
	}
	return b.Bytes()
}

// TestOffsets compares where strings are found with what package bytes finds.
func TestOffsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ab\x00]{1,7}`).Draw(t, "text")
		data := rapid.StringMatching(`[ab\x00]{0,40}`).Draw(t, "data")
		rules, err := yara.Compile(rule(fmt.Sprintf(`$a = "%s"`, strings.ReplaceAll(text, "\x00", `\x00`)), "$a"))
		if err != nil {
			t.Fatal(err)
		}
		count, first := 0, -1
		for at := range len(data) {
			if strings.HasPrefix(data[at:], text) {
				if count++; first < 0 {
					first = at
				}
			}
		}
		got := rules.Match([]byte(data), yara.DefaultLimits()).Matches
		switch {
		case (len(got) > 0) != (count > 0):
			t.Fatalf("%q in %q: got %v, want %d", text, data, got, count)
		case count > 0 && (got[0].Strings[0].At != first || got[0].Strings[0].Count != count):
			t.Fatalf("%q in %q: got %v, want %d from %d", text, data, got, count, first)
		}
	})
}

// TestExpressionAtoms tests regular expressions whose rarest bytes follow others.
func TestExpressionAtoms(t *testing.T) {
	tests := []struct {
		in, data string
		at       int // -1 if it must not be found
	}{
		{`[a-z]{3}evil`, "zz abcevil", 3},
		{`[a-z]{3}evil`, "abevil", -1},
		{`x?[0-9]evil`, "--x7evil", 2},
		{`.{2,5}(evil|good)`, "abcgood", 0},
		{`(ab|cd)(ef|gh)xyz`, "..cdefxyz", 2},
		{`\d+evil\d+`, "..12evil3", 2},
		{`(?i)EvIl`, "eViL", 0},
		{`[Kk]elvin`, "kelvin", 0},
		{`(xy){2}z`, "xyxyxyz", 2},
		{`\bevil\b`, "an evil-one", 3},
		{`evil$`, "evil", 0},
		{`[^a]\x00\x01\x02\x03`, "b\x00\x01\x02\x03", 0},
		{`(a|)evil`, "evil", 0},
		{`(evil|[a-z])x`, "qx", 0},
	}
	for _, test := range tests {
		t.Run(test.in, func(t *testing.T) {
			t.Parallel()
			rules, err := yara.Compile(rule("$a = /"+test.in+"/", "$a"))
			if err != nil {
				t.Fatal(err)
			}
			result := rules.Match([]byte(test.data), yara.DefaultLimits())
			got, notes := result.Matches, result.Notes
			if len(notes) > 0 || (len(got) > 0) != (test.at >= 0) || len(got) > 0 && got[0].Strings[0].At != test.at {
				t.Errorf("got %v, notes %v, want %d", got, notes, test.at)
			}
		})
	}
}

// TestKept bounds the matches of all strings together.
func TestKept(t *testing.T) {
	rules, err := yara.Compile(rule(`$a = "aaaa" $b = "aaaaa" $c = "aaaaaa"`, "#a + #b + #c == 500"))
	if err != nil {
		t.Fatal(err)
	}
	l := yara.DefaultLimits()
	l.Kept = 500
	r := rules.Match(bytes.Repeat([]byte("a"), 1000), l)
	if got, notes := r.Matches, r.Notes; len(got) != 1 || !slices.Contains(notes, yara.ManyMatches) {
		t.Errorf("got %v, notes %v", got, notes)
	}
}

// BenchmarkScan matches the rules of the public feed against a document of 1 MB, and looks
// for the same strings with one regular expression each.
func BenchmarkScan(b *testing.B) {
	rules, err := yara.Compile(feed(b))
	if err != nil {
		b.Fatal(err)
	}
	data := typical(b, 1<<20)
	b.Run("rules", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			rules.Match(data, yara.DefaultLimits())
		}
	})
	b.Run("regexp", func(b *testing.B) {
		var all []*regexp.Regexp
		for _, e := range yara.Expressions(rules) {
			all = append(all, regexp.MustCompile(e))
		}
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			for _, re := range all {
				re.FindAllIndex(data, -1)
			}
		}
	})
}
