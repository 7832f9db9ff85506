package signal_test

import (
	"regexp"
	"strings"
	"testing"

	"outrider/internal/signal"
)

// jargon are words that an employee need not know.
var jargon = regexp.MustCompile(`(?i)\b(headers?|mime|charset|boundary|payload|obfuscat\w*|html|envelope|token|spf|dkim|dmarc|smtp|dns|url|host|regex|script tag|message-id|phish\w*|malware|bec|nobody|stands?)\b`)

// TestReasonsAreWholeSentences checks the texts that employees read in banners.
func TestReasonsAreWholeSentences(t *testing.T) {
	t.Parallel()
	for _, s := range signal.All() {
		why := strings.ReplaceAll(s.Why, "%s", "x")
		if !strings.HasSuffix(why, ".") || strings.ToUpper(why[:1]) != why[:1] || strings.Contains(strings.TrimSuffix(why, "."), ". ") || len(why) > 130 {
			t.Errorf("%s: not one short sentence: %s", s.ID, s.Why)
		}
		if word := jargon.FindString(why); word != "" {
			t.Errorf("%s: %q is jargon: %s", s.ID, word, s.Why)
		}
	}
}

func TestReasonsQuoteWholeItems(t *testing.T) {
	t.Parallel()
	found, _ := signal.New(nil).Detect(t.Context(), caseEvidence(t, "From: a@b.test\nSubject: website ranking\n\n"+
		"I was looking at your website and can improve its ranking on Google. We offer SEO services, backlinks and first page guarantee.\n", nil))
	for _, f := range found {
		if f.ID == "search-spam" {
			_, list, _ := strings.Cut(strings.TrimSuffix(f.Reason, "."), ": ")
			for item := range strings.SplitSeq(list, ", ") {
				if !strings.Contains(f.Value+",", item+",") {
					t.Errorf("%q is a piece of an item: %s", item, f.Reason)
				}
			}
			return
		}
	}
	t.Errorf("no search-spam in %v", found)
}
