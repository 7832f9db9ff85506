package signal_test

import (
	"slices"
	"strings"
	"testing"

	"outrider/internal/signal"
	"outrider/internal/verdict"
)

// A lure counts wherever it is in a long text, on a cut of the text as well.
func TestLuresInLongTexts(t *testing.T) {
	t.Parallel()
	const filler = "The racks are in hall four and the bolts lie in the drawer beside the door.\n"
	const lure = "Your mailbox password expires today. Verify your account and confirm your password: https://login.invalid/owa\n"
	head := "From: Kim <kim@sender.test>\nSubject: Notice\n\n"
	has := func(text string) bool {
		found, _ := signal.New(nil).Detect(t.Context(), caseEvidence(t, head+text, nil))
		return slices.ContainsFunc(found, func(f verdict.Finding) bool { return f.ID == "credential-lure" })
	}
	for lines := 0; lines < 160; lines += 9 {
		if !has(strings.Repeat(filler, lines) + lure + strings.Repeat(filler, 60)) {
			t.Errorf("after %d lines: not found", lines)
		}
	}
	if has(strings.Repeat(filler, 200) + "The catalogue: https://www.sender.test/\n") {
		t.Error("found in a long honest text")
	}
}
