package policy_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"outrider/internal/config"
	"outrider/internal/policy"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

const organisation = `
tenants:
  - id: a
    domains:
      - name: example.org
        route: {hosts: [mail.example.org]}
      - name: strict.example
        route: {hosts: [mail.example.org]}
        policy: {actions: {MALICIOUS: reject, SPAM: quarantine}}
      - name: elsewhere.example
        route: {hosts: [other.example]}
    exempt: [reports@example.org]
    trusted:
      - {sender: boss@partner.example}
      - {sender: news.example, accept: true}
      - {sender: old.example, expires: 2026-01-01}
      - {sender: sloppy.example, unverified: true}
      - {sender: 192.0.2.0/24}
    blocked:
      - {sender: enemy@partner.example}
      - {sender: 198.51.100.7}
    policy:
      external: true
      subject_tag: {SPAM: "[%LABELS] ", EXTERNAL: "[outside] "}
      labels: {SPAM: Junk}
      banner: {SUSPICIOUS: "Careful. %REASONS"}
`

func directory(t interface{ Fatal(...any) }) *tenant.Directory {
	c, err := config.Parse([]byte(organisation))
	if err != nil {
		t.Fatal(err)
	}
	d, err := tenant.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func recipients(addrs ...string) (out []smtp.Recipient) {
	for _, a := range addrs {
		out = append(out, smtp.Recipient{Address: a})
	}
	return out
}

// override returns what changed the plain mapping from disposition to action, or "".
func override(d *policy.Decision) string {
	if d.Reason.By == verdict.ByDisposition {
		return ""
	}
	return d.Reason.Code()
}

func TestOneRecipient(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		to, from, ip string
		verified     bool
		verdict      verdict.Disposition
		want         tenant.Action
		disposition  verdict.Disposition
		override     string
	}{
		"clean mail from outside is marked so":              {to: "x@example.org", from: "a@b.example", want: tenant.ActionDeliver, disposition: verdict.External},
		"clean mail from inside is not":                     {to: "x@example.org", from: "y@example.org", verified: true, want: tenant.ActionDeliver, disposition: verdict.None},
		"an unproven inside is outside":                     {to: "x@example.org", from: "y@example.org", want: tenant.ActionDeliver, disposition: verdict.External},
		"malicious mail is held by default":                 {to: "x@example.org", from: "a@b.example", verdict: verdict.Malicious, want: tenant.ActionQuarantine, disposition: verdict.Malicious},
		"a domain overrides its tenant":                     {to: "x@strict.example", from: "a@b.example", verdict: verdict.Malicious, want: tenant.ActionReject, disposition: verdict.Malicious},
		"an exempt recipient gets everything":               {to: "Reports@example.org", from: "a@b.example", verdict: verdict.Malicious, want: tenant.ActionDeliver, override: "exempt"},
		"a trusted sender that is verified":                 {to: "x@example.org", from: "boss@partner.example", verified: true, verdict: verdict.Malicious, want: tenant.ActionDeliver, override: "trusted:boss@partner.example"},
		"a trusted sender that anybody may have forged":     {to: "x@example.org", from: "boss@partner.example", verdict: verdict.Malicious, want: tenant.ActionQuarantine, disposition: verdict.Malicious},
		"a trusted sender that needs no proof":              {to: "x@example.org", from: "a@sloppy.example", verdict: verdict.Spam, want: tenant.ActionDeliver, override: "trusted:sloppy.example"},
		"an expired entry":                                  {to: "x@example.org", from: "a@old.example", verified: true, verdict: verdict.Malicious, want: tenant.ActionQuarantine, disposition: verdict.Malicious},
		"an accepted sender is exempt from spam":            {to: "x@strict.example", from: "a@mail.news.example", verified: true, verdict: verdict.Spam, want: tenant.ActionDeliver, override: "accepted:news.example"},
		"an accepted sender is not exempt from malice":      {to: "x@example.org", from: "a@news.example", verified: true, verdict: verdict.Malicious, want: tenant.ActionQuarantine, disposition: verdict.Malicious},
		"a trusted network":                                 {to: "x@example.org", from: "a@b.example", ip: "192.0.2.9", verdict: verdict.Malicious, want: tenant.ActionDeliver, override: "trusted:192.0.2.0/24"},
		"a blocked address":                                 {to: "x@example.org", from: "enemy@partner.example", verified: true, want: tenant.ActionQuarantine, disposition: verdict.Malicious, override: "blocked:enemy@partner.example"},
		"a blocked host wins over a trusted sender":         {to: "x@example.org", from: "boss@partner.example", verified: true, ip: "198.51.100.7", want: tenant.ActionQuarantine, disposition: verdict.Malicious, override: "blocked:198.51.100.7/32"},
		"a domain that a reload took away is deferred":      {to: "x@gone.example", from: "a@b.example", want: tenant.ActionDefer, override: "domain-removed"},
		"a subdomain of a trusted address is somebody else": {to: "x@example.org", from: "boss@sub.partner.example", verified: true, verdict: verdict.Malicious, want: tenant.ActionQuarantine, disposition: verdict.Malicious},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := policy.Facts{From: tc.from, Authors: []string{tc.from}, Now: now, Verified: func(string) bool { return tc.verified }}
			if tc.ip != "" {
				f.Client = netip.MustParseAddr(tc.ip)
			}
			ds := policy.Decide(directory(t), recipients(tc.to), &verdict.Verdict{Disposition: tc.verdict}, f)
			if len(ds) != 1 || ds[0].Action != tc.want || ds[0].Disposition != tc.disposition || override(&ds[0]) != tc.override {
				t.Errorf("got %+v", ds)
			}
		})
	}
}

func TestTagsAndBannersAreFilledIn(t *testing.T) {
	t.Parallel()
	v := verdict.Verdict{Disposition: verdict.Suspicious, Findings: []verdict.Finding{
		{ID: "a", Weight: 3, Reason: "First."}, {ID: "b", Weight: 2, Reason: "First."}, {ID: "c", Weight: 1, Reason: "Second."}, {ID: "d", Weight: -1, Reason: "Good."},
	}}
	d := policy.Decide(directory(t), recipients("x@example.org"), &v, policy.Facts{})[0]
	if d.Banner != "Careful. First. Second." {
		t.Errorf("banner %q", d.Banner)
	}
	v.Disposition = verdict.Spam
	if d = policy.Decide(directory(t), recipients("x@example.org"), &v, policy.Facts{})[0]; d.SubjectPrefix != "[Junk] " {
		t.Errorf("subject prefix %q", d.SubjectPrefix)
	}
}

func TestMixedRefusalsAreHeldAndNeverBounced(t *testing.T) {
	t.Parallel()
	v := verdict.Verdict{Disposition: verdict.Malicious}
	ds := policy.Decide(directory(t), recipients("x@strict.example", "reports@example.org"), &v, policy.Facts{})
	if len(ds) != 2 || ds[0].Action != tenant.ActionQuarantine || ds[0].Reason.Instead != "reject" || ds[1].Action != tenant.ActionDeliver {
		t.Errorf("got %+v, want the strict domain to hold and the exempt recipient to get it", ds)
	}
	ds = policy.Decide(directory(t), recipients("x@strict.example", "y@strict.example"), &v, policy.Facts{})
	if len(ds) != 1 || ds[0].Action != tenant.ActionReject {
		t.Errorf("got %+v, want one refusal for all", ds)
	}
}

func TestCopiesAreFew(t *testing.T) {
	t.Parallel()
	ds := policy.Decide(directory(t), recipients("x@example.org", "y@strict.example", "z@elsewhere.example"), &verdict.Verdict{}, policy.Facts{})
	if len(ds) != 2 {
		t.Errorf("%d copies, want one per next hop: %+v", len(ds), ds)
	}
}

func TestEveryRecipientIsDecidedOnce(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	rapid.Check(t, func(t *rapid.T) {
		to := rapid.SliceOfN(rapid.SampledFrom([]string{
			"x@example.org", "y@example.org", "reports@example.org", "x@strict.example", "x@elsewhere.example", "x@gone.example",
		}), 1, 8).Draw(t, "to")
		v := verdict.Verdict{Disposition: verdict.Disposition(rapid.IntRange(0, int(verdict.NumDispositions)-1).Draw(t, "disposition"))}
		from := rapid.SampledFrom([]string{"a@b.example", "boss@partner.example", "enemy@partner.example", ""}).Draw(t, "from")
		ds := policy.Decide(dir, recipients(to...), &v, policy.Facts{From: from, Verified: func(string) bool { return true }})
		var got []string
		held := true
		for _, d := range ds {
			local := d.Local()
			if local && !held {
				t.Fatal("a decision that needs nobody comes after one that does")
			}
			held = held && local
			if (d.Action == tenant.ActionReject || d.Action == tenant.ActionDefer) && len(ds) > 1 {
				for _, o := range ds {
					if o.Action != d.Action {
						t.Fatalf("refused for some only: %+v", ds)
					}
				}
			}
			for _, r := range d.Recipients {
				got = append(got, r.Address)
			}
		}
		if len(got) != len(to) {
			t.Fatalf("%d recipients became %d: %s", len(to), len(got), strings.Join(got, " "))
		}
	})
}

func TestTrustIsNotBorrowed(t *testing.T) {
	t.Parallel()
	verified := func(domain string) bool { return domain == "partner.example" || domain == "news.example" }
	for name, tc := range map[string]struct {
		f       policy.Facts
		verdict verdict.Disposition
		want    verdict.Disposition
	}{
		"by a reverse-path that the reader does not see": {policy.Facts{From: "boss@partner.example", Authors: []string{"ceo@example.org"}, Verified: verified}, verdict.MaliciousBEC, verdict.MaliciousBEC},
		"by one of two authors":                          {policy.Facts{Authors: []string{"x@evil.example", "boss@partner.example"}, Verified: verified}, verdict.Malicious, verdict.Malicious},
		"by an author for whom DMARC failed":             {policy.Facts{Authors: []string{"boss@partner.example"}, Verified: verified, Forged: true}, verdict.Malicious, verdict.Malicious},
		"a reverse-path makes bulk acceptable":           {policy.Facts{From: "b1@news.example", Authors: []string{"shop@client.example"}, Verified: verified}, verdict.Bulk, verdict.None},
		"and nothing worse":                              {policy.Facts{From: "b1@news.example", Authors: []string{"shop@client.example"}, Verified: verified}, verdict.Suspicious, verdict.Suspicious},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ds := policy.Decide(directory(t), recipients("x@example.org"), &verdict.Verdict{Disposition: tc.verdict}, tc.f)
			if ds[0].Disposition != tc.want {
				t.Errorf("got %s (%s)", ds[0].Disposition, ds[0].Reason.Code())
			}
		})
	}
}

// What an operator asks for where a rule matches is done, unless the policy is stricter
// already or the sender is trusted.
func TestActionsOfRules(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	for _, c := range []struct {
		to, action string
		d          verdict.Disposition
		want       tenant.Action
		reason     string
	}{
		{"bob@example.org", "quarantine", verdict.None, tenant.ActionQuarantine, "rule:r"},
		{"bob@example.org", "reject", verdict.Spam, tenant.ActionReject, "rule:r"},
		{"bob@example.org", "defer", verdict.None, tenant.ActionDefer, "rule:r"},
		{"bob@example.org", "deliver", verdict.None, tenant.ActionDeliver, "disposition:EXTERNAL"},
		{"bob@strict.example", "quarantine", verdict.Malicious, tenant.ActionReject, "disposition:MALICIOUS"},
		{"reports@example.org", "quarantine", verdict.Spam, tenant.ActionDeliver, "exempt"},
	} {
		v := &verdict.Verdict{Disposition: c.d, Findings: []verdict.Finding{{ID: "x"}, {ID: "r", Action: c.action}}}
		ds := policy.Decide(dir, recipients(c.to), v, policy.Facts{Authors: []string{"stranger@far.example"}})
		if ds[0].Action != c.want || ds[0].Reason.Code() != c.reason {
			t.Errorf("%s, %s, %s: %s because of %s, want %s because of %s", c.to, c.action, c.d, ds[0].Action, ds[0].Reason.Code(), c.want, c.reason)
		}
	}
}

// A milder disposition whose threshold is met too may have the stricter action.
func TestReasonIsTheDispositionThatDecided(t *testing.T) {
	t.Parallel()
	v := &verdict.Verdict{Disposition: verdict.Suspicious, Also: []verdict.Disposition{verdict.Spoof}, Findings: []verdict.Finding{
		{ID: "dmarc-fail", Name: "Forged", Class: verdict.ClassSpoof, Weight: 6},
	}}
	d := policy.Decide(directory(t), recipients("bob@example.org"), v, policy.Facts{})[0]
	if want := "disposition SPOOF: Forged (dmarc-fail)"; d.Action != tenant.ActionQuarantine || d.Reason.String() != want {
		t.Errorf("%s: %s, want quarantine: %s", d.Action, d.Reason.String(), want)
	}
}
