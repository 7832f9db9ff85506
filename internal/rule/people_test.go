package rule_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"outrider/internal/budget"
	"outrider/internal/evidence"
	"outrider/internal/history"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/rdap"
	"outrider/internal/rule"
	"outrider/internal/rule/schema"
)

const partnerMail = "From: Ann <ann@mail.partner.example>\nReply-To: desk@reply.example\nTo: bob@example.org\nSubject: Hello\n\nHello.\n"

// evidenceOf returns a message received at a time, with the tenant's history and the
// registries' data.
func evidenceOf(raw string, at time.Time, memory *history.Memory, whois evidence.Whois) *evidence.Evidence {
	raw = strings.ReplaceAll(raw, "\n", "\r\n")
	b := budget.New(budget.Default())
	m := message.Parse([]byte(raw), b)
	return evidence.New(evidence.Facts{
		Received: &message.Received{ID: "1", At: at, Body: message.NewBody([]byte(raw))}, Message: m, Budget: b,
		Auth: mailauth.FromHeader(m, nil), People: memory.View("a", at), Whois: whois,
	})
}

func TestPeopleAndDomains(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	memory := history.New()
	const day = 24 * time.Hour
	memory.Observe("a", history.Observation{At: at.Add(-50 * day), What: history.Wanted, Author: "ann@partner.example", ReplyTo: "desk@reply.example", Sent: []string{"carl@partner.example"}})
	memory.Observe("a", history.Observation{At: at.Add(-2 * day), What: history.Unwanted, Author: "ann@mail.partner.example"})
	whois := func(_ context.Context, domain string) *rdap.Registration {
		if domain != "partner.example" {
			return nil
		}
		return &rdap.Registration{
			Domain: domain, Found: true, Registered: at.Add(-10*day - time.Hour), Registrar: "Names", Checked: at,
			NameServers: []string{"ns1.hosting.example"}, Registrant: rdap.Contact{Company: "Partner Inc.", CountryCode: "IS"},
		}
	}
	s := rule.NewSchema()
	lists := rule.Named{"free_email_providers": rule.NewList([]string{"gmail.com"})}
	set := rule.NewSet(s, nil, lists, "1")
	full := set.Input(evidenceOf(partnerMail, at, memory, whois))
	bare := set.Input(evidenceOf(partnerMail, at, nil, nil))
	early := set.Input(evidenceOf(partnerMail, at.Add(-48*day), memory, whois))
	for _, tt := range []struct {
		source, full, bare, early string
	}{
		{"profile.by_sender().prevalence", `"outlier"`, "null", `"unknown"`},
		{"profile.by_sender().solicited", "true", "null", "true"},
		{"profile.by_sender_email().solicited", "false", "null", "null"},
		{"profile.by_sender_email().any_messages_malicious_or_spam", "true", "null", "null"},
		{"profile.by_sender_email().any_messages_benign", "false", "null", "null"},
		{"profile.by_sender_email().prevalence in ('new', 'outlier')", "true", "null", "false"},
		{"profile.by_sender_domain().days_known", "50", "null", "null"},
		{"profile.by_sender_domain().days_since.last_outbound > 30", "true", "null", "false"},
		{"profile.by_sender_email().days_since.last_inbound", "2", "null", "null"},
		{"beta.profile.by_reply_to().prevalence", `"outlier"`, "null", `"unknown"`},
		{"profile.by_sender().auth_failed == false", "true", "null", "null"},
		{"sender.email.email in $sender_emails", "false", "null", "null"}, // what it sent was unwanted
		{"'ANN@partner.example' in $sender_emails", "true", "null", "null"},
		{"sender.email.domain.domain not in $sender_domains", "false", "null", "null"},
		{"'carl@partner.example' in $recipient_emails", "true", "null", "null"},
		{"sender.email.domain.root_domain in~ $recipient_domains", "true", "null", "null"},
		{"length($recipient_emails)", "1", "null", "null"},
		{"any($recipient_emails, strings.istarts_with(., 'carl'))", "null", "null", "null"},
		{"any($sender_domains, strings.contains(sender.email.email, .))", "null", "null", "null"},
		{"network.whois(sender.email.domain).days_old", "10", "null", "0"},
		{"network.whois(sender.email.domain).found", "true", "null", "true"},
		{"network.whois(sender.email.domain).registrant_company", `"Partner Inc."`, "null", `"Partner Inc."`},
		{"network.whois(sender.email.domain).registrant_name is null", "true", "true", "true"},
		{"any(network.whois(sender.email.domain).name_servers, .root_domain == 'hosting.example')", "true", "null", "true"},
		{"network.whois(headers.reply_to[0].email.domain).days_old < 30", "null", "null", "null"},
	} {
		for name, c := range map[string]struct {
			in   *rule.Input
			want string
		}{"full": {full, tt.full}, "bare": {bare, tt.bare}, "early": {early, tt.early}} {
			if got, _ := rule.Eval(t, s, tt.source, c.in); rule.Show(got) != c.want {
				t.Errorf("%s, %s: %s, want %s", name, tt.source, rule.Show(got), c.want)
			}
		}
	}
	for source, want := range map[string]schema.Capability{
		"profile.by_sender_email().solicited":                             schema.History,
		"sender.email.email in $sender_emails":                            schema.Listed,
		"network.whois(sender.email.domain).found":                        schema.Whois,
		"any($recipient_emails, strings.istarts_with(., 'carl'))":         schema.Listed,
		"any($sender_domains, strings.contains(sender.email.email, .))":   schema.Listed,
		"network.whois(headers.reply_to[0].email.domain).registrar_name ": schema.Whois,
	} {
		if _, missing := rule.Eval(t, s, source, bare); missing&want == 0 {
			t.Errorf("%s does not say what is missing", source)
		}
	}
	if _, missing := rule.Eval(t, s, "network.whois(headers.reply_to[0].email.domain).found", full); missing != schema.Whois {
		t.Errorf("a domain that is not known yet: %v is missing", missing)
	}
}
