package verdict_test

import (
	"encoding/json"
	"testing"

	"outrider/internal/verdict"
)

func TestReasonsNameWhatDecided(t *testing.T) {
	t.Parallel()
	v := verdict.Verdict{Degraded: []string{"attachments"}, Findings: []verdict.Finding{
		{ID: "phish-words", Name: "Words of phishing", Class: verdict.ClassPhish, Weight: 4},
		{ID: "dmarc-fail", Name: "Sender is forged", Class: verdict.ClassSpoof, Weight: 3},
		{ID: "known", Class: verdict.ClassSpoof, Weight: -2},
		{ID: "unread-content", Name: "Unread content", Class: verdict.ClassMalware, Least: verdict.Suspicious},
	}}
	for name, tc := range map[string]struct {
		reason     verdict.Reason
		code, text string
	}{
		"a disposition names its findings":    {v.Because(verdict.Spoof), "disposition:SPOOF", "disposition SPOOF: Sender is forged (dmarc-fail)"},
		"what demands a disposition is first": {v.Because(verdict.Suspicious), "disposition:SUSPICIOUS", "disposition SUSPICIOUS: Unread content (unread-content), Words of phishing (phish-words), Sender is forged (dmarc-fail)"},
		"an unknown one names its stages":     {v.Because(verdict.Unknown), "disposition:UNKNOWN", "disposition UNKNOWN: no result from attachments"},
		"none has none":                       {v.Because(verdict.External), "disposition:EXTERNAL", "disposition EXTERNAL"},
		"a list names its entry":              {verdict.Reason{By: verdict.ByBlocked, ID: "spam.example", Note: "case 7"}, "blocked:spam.example", "block list entry spam.example (case 7)"},
		"a rule has its title":                {verdict.Reason{By: verdict.ByRule, ID: "r1", Name: "Fake bank"}, "rule:r1", "action set for rule Fake bank (r1)"},
		"an action may be replaced":           {verdict.Reason{By: verdict.ByExempt, Instead: "reject"}, "exempt", "recipient is exempt; instead of reject, which is not possible for some recipients only"},
	} {
		if tc.reason.Code() != tc.code || tc.reason.String() != tc.text {
			t.Errorf("%s: %q, %q", name, tc.reason.Code(), tc.reason.String())
		}
		raw, err := json.Marshal(tc.reason)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := verdict.ParseReason(string(raw)); err != nil || back.String() != tc.text {
			t.Errorf("%s: %s reads back as %q, %v", name, raw, back.String(), err)
		}
	}
}

func TestReasonsOfEarlierVersionsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"blocked:2001:db8::/32": "block list entry 2001:db8::/32", "exempt": "recipient is exempt", "": ""} {
		if r, err := verdict.ParseReason(text); err != nil || r.String() != want || r.Zero() != (text == "") {
			t.Errorf("%q reads as %q, %v", text, r.String(), err)
		}
	}
	if _, err := verdict.ParseReason(`{"by":`); err == nil {
		t.Error("a damaged reason was read")
	}
}
