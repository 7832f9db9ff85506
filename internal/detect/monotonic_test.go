package detect_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"outrider/internal/config"
	"outrider/internal/detect"
	"outrider/internal/mailauth"
	"outrider/internal/policy"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// actions lists what policies can do, the mildest first.
var actions = []string{"deliver", "defer", "quarantine", "reject"}

// drawFinding draws a finding that speaks against a message.
func drawFinding(t *rapid.T) verdict.Finding {
	return verdict.Finding{
		ID: "drawn", Class: rapid.SampledFrom(verdict.Classes()).Draw(t, "class"), Weight: rapid.Float64Range(0, 12).Draw(t, "weight"),
		Portion: rapid.SampledFrom([]verdict.Portion{verdict.PortionBody, verdict.PortionHeader, verdict.PortionLink, verdict.PortionAttachment}).Draw(t, "portion"),
		Field:   rapid.SampledFrom([]string{"", "From", "Subject"}).Draw(t, "field"),
		Action:  rapid.SampledFrom([]string{"", "", "defer", "quarantine", "reject"}).Draw(t, "action"),
		Least:   rapid.SampledFrom([]verdict.Disposition{verdict.None, verdict.None, verdict.Suspicious, verdict.Spoof}).Draw(t, "least"),
	}
}

// drawPolicy draws a directory whose policy does anything about each disposition but NONE.
func drawPolicy(t *rapid.T) *tenant.Directory {
	text := "tenants:\n  - id: a\n    domains: [{name: example.org, route: {hosts: [mail.example.org]}}]\n    policy:\n      actions:\n"
	for _, name := range []string{"BULK", "SPAM", "SUSPICIOUS", "SPOOF", "MALICIOUS-BEC", "MALICIOUS"} {
		text += fmt.Sprintf("        %s: %s\n", name, rapid.SampledFrom(actions).Draw(t, name))
	}
	c, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	d, err := tenant.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestMoreEvidenceNeverLeadsToAMilderAction proves that adding a finding that speaks against a
// message never makes the action on it milder, whatever the policy does about each disposition.
func TestMoreEvidenceNeverLeadsToAMilderAction(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir := drawPolicy(t)
		auth, known := mailauth.Results{}, 0
		if rapid.Bool().Draw(t, "known") {
			auth, known = proved(), 9
		}
		before := rapid.SliceOfN(rapid.Custom(drawFinding), 0, 5).Draw(t, "findings")
		if rapid.Bool().Draw(t, "good") {
			before = append(before, verdict.Finding{ID: "known-sender", Class: verdict.ClassPhish, Weight: -2})
		}
		act := func(found []verdict.Finding) (int, verdict.Verdict) {
			v := detect.New(detect.Default(), fixed(found)).Judge(t.Context(), facts(known, auth))
			d := policy.Decide(dir, []smtp.Recipient{{Address: "x@example.org"}}, &v, policy.Facts{Now: time.Now()})
			return slices.Index(actions, string(d[0].Action)), v
		}
		less, v := act(before)
		more, w := act(append(slices.Clone(before), drawFinding(t)))
		if more < less {
			t.Fatalf("%s and %s: %s; with one more finding %s and %s: %s", v.Disposition, v.Also, actions[less], w.Disposition, w.Also, actions[more])
		}
		if w.Disposition < v.Disposition {
			t.Fatalf("%s, with one more finding %s", v.Disposition, w.Disposition)
		}
	})
}
