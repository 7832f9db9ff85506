package observable_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"outrider/internal/observable"
)

func TestLexiconFindsWhatASearchPerPhraseFinds(t *testing.T) {
	t.Parallel()
	word := rapid.SampledFrom([]string{"a", "ab", "abc", "b", "ba", "c", "ca"})
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(word, 0, 12).Draw(t, "words"), " ")
	})
	phrase := rapid.Custom(func(t *rapid.T) string {
		p := strings.Join(rapid.SliceOfN(word, 1, 3).Draw(t, "words"), " ")
		if rapid.Bool().Draw(t, "open") {
			p += "*"
		}
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		var phrases []observable.Phrase
		for i, p := range rapid.SliceOfNDistinct(phrase, 1, 8, rapid.ID).Draw(t, "phrases") {
			phrases = append(phrases, observable.Phrase{Topic: i, Text: p})
		}
		words := observable.Words(text.Draw(t, "text"))
		hits := observable.NewLexicon(phrases).Find(words)
		for _, p := range phrases {
			want := " " + strings.TrimSuffix(p.Text, "*")
			if !strings.HasSuffix(p.Text, "*") {
				want += " "
			}
			if got := len(hits[p.Topic]) > 0; got != strings.Contains(words, want) {
				t.Fatalf("phrase %q in %q: got %v", p.Text, words, got)
			}
		}
	})
}

func TestLexiconReturnsEachPhraseOnceInOrder(t *testing.T) {
	t.Parallel()
	l := observable.NewLexicon([]observable.Phrase{{0, "wire transfer"}, {1, "transfer"}, {0, "bank*"}, {0, "パスワード"}})
	hits := l.Find(observable.Words("Banking: WIRE   transfer, wire-transfer. パスワード"))
	if want := []string{"bank", "wire transfer", "パスワード"}; !slices.Equal(hits[0], want) {
		t.Errorf("topic 0: got %q, want %q", hits[0], want)
	}
	if want := []string{"transfer"}; !slices.Equal(hits[1], want) {
		t.Errorf("topic 1: got %q, want %q", hits[1], want)
	}
}
