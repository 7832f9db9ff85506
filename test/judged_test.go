package test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"outrider/internal/mailauth/arc"
	"outrider/internal/mailauth/dkim"
	"outrider/internal/mailtest"
)

// judgedConfig delivers everything, so that the header of each message tells its disposition.
const judgedConfig = `
hostname: outrider.example.net
data_dir: {{DATA}}
listen: {smtp: ["{{SELF}}"], http: ""}
smtp: {xclient_from: [127.0.0.0/8]}
dns: {servers: ["%s"]}
auth: {trusted_sealers: [fwd.test]}
relay: {first_retry: 100ms, outbound: {hosts: ["{{RETURN}}"], tls: none}}
tenants:
  - id: site
    name: Site
    policy: {external: true, actions: {SPOOF: deliver, MALICIOUS: deliver, MALICIOUS-BEC: deliver, SPAM: deliver}}
    domains: [{name: seen.example, route: {type: smtp, hosts: ["{{NEXT}}"], tls: none}}]
`

// arrival sends a message from 192.0.2.1 and waits until Postfix has it; it returns the
// disposition that the delivered header names.
func (g *site) arrival(t *testing.T, next *mailtest.Postfix, sender, raw string) string {
	t.Helper()
	c := g.client(t)
	from("192.0.2.1")(t, c)
	before := len(next.Sink.Transactions())
	if o, err := c.send(sender, "", []string{"bob@seen.example"}, raw); err != nil || o.final.code != 250 {
		t.Fatalf("sending: %v: %v", o, err)
	}
	var all []mailtest.Transaction
	eventually(t, 60*time.Second, func() error {
		if all = next.Sink.Transactions(); len(all) == before {
			return fmt.Errorf("%d messages arrived", before)
		}
		return nil
	})
	return parse(all[before].Body()).Header().Get("X-Outrider-Disposition")
}

// TestWaveBuysNoTrust sends five harmless messages within seconds and then a phish: it is
// judged as the same phish of a stranger.
func TestWaveBuysNoTrust(t *testing.T) {
	t.Parallel()
	zone := mailtest.StartZone(t, "letters.test. IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n")
	next := mailtest.StartPostfix(t, mailtest.PostfixConfig{})
	text := func(id, subject, body string) string {
		return "From: Pat Lane <pat@letters.test>\r\nTo: bob@seen.example\r\nSubject: " + subject + "\r\nDate: Mon, 30 Nov 2026 09:00:00 +0000\r\n" +
			"Message-ID: <" + id + "@letters.test>\r\n\r\n" + body
	}
	phish := text("last", "Your mailbox password expires today", "Dear user,\r\n\r\nYour password expires today. Please verify your account here:\r\n"+
		"https://storage.letters.test/open\r\n\r\nYour IT desk\r\n")
	stranger := startSite(t, setup{next: next.Addr, text: fmt.Sprintf(judgedConfig, zone.Addr)})
	want := stranger.arrival(t, next, "pat@letters.test", phish)
	if want == "EXTERNAL" || want == "NONE" {
		t.Fatalf("the phish of a stranger is %s", want)
	}
	g := startSite(t, setup{next: next.Addr, text: fmt.Sprintf(judgedConfig, zone.Addr)})
	for i := range 5 {
		if d := g.arrival(t, next, "pat@letters.test", text(fmt.Sprint(i), "Lunch", "Shall we have lunch at noon?\r\n")); d != "EXTERNAL" {
			t.Errorf("harmless message %d is %s", i, d)
		}
	}
	if got := g.arrival(t, next, "pat@letters.test", phish); got != want {
		t.Errorf("after five messages the phish is %s, from a stranger %s", got, want)
	}
}

// TestTrustedSealerThroughPostfix forwards mail of victim.test with the seal of a trusted
// forwarder: what he found counts, and what he quotes of the sender does not.
// RFC 8617, Section 4.1.1: the field has the grammar of Authentication-Results.
func TestTrustedSealerThroughPostfix(t *testing.T) {
	t.Parallel()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	zone := mailtest.StartZone(t, fromZone+"fwd.test. IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"+
		"s._domainkey.fwd.test. IN TXT \"v=DKIM1; k=ed25519; p="+base64.StdEncoding.EncodeToString(pub)+"\"\n")
	next := mailtest.StartPostfix(t, mailtest.PostfixConfig{})
	g := startSite(t, setup{next: next.Addr, text: fmt.Sprintf(judgedConfig, zone.Addr)})
	for i, r := range []struct{ name, results, want string }{
		{"a pass", "mx.fwd.test; dmarc=pass (p=reject; sp=none) header.from=victim.test", "EXTERNAL"},
		{"a fail", "mx.fwd.test; dmarc=fail (p=reject) header.from=victim.test", "SPOOF"},
		{"a pass in a quoted sender", `mx.fwd.test; spf=pass smtp.mailfrom="a; dmarc=pass header.from=victim.test; b"@attack.test; dmarc=fail header.from=victim.test`, "SPOOF"},
		{"a pass in a comment", `mx.fwd.test; spf=pass (of "a) ; dmarc=pass header.from=victim.test (b"@attack.test) smtp.mailfrom=attack.test`, "SPOOF"},
	} {
		raw := "From: Ann <ann@victim.test>\r\nTo: bob@seen.example\r\nSubject: Minutes\r\nDate: Mon, 30 Nov 2026 09:00:00 +0000\r\n" +
			fmt.Sprintf("Message-ID: <sealed-%d@victim.test>\r\n\r\nThe minutes of the meeting follow next week.\r\n", i)
		chain := arc.Validate(t.Context(), []byte(raw), &dkim.Verifier{}, nil)
		fields, err := arc.Seal(chain, &dkim.Signer{Domain: "fwd.test", Selector: "s", Key: key}, r.results, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got := g.arrival(t, next, "list@fwd.test", fields+raw); got != r.want {
			t.Errorf("%s: %s, want %s", r.name, got, r.want)
		}
	}
	// Without a seal the same mail is a forgery.
	if got := g.arrival(t, next, "list@fwd.test", strings.Join([]string{"From: Ann <ann@victim.test>", "To: bob@seen.example", "Subject: Minutes",
		"Date: Mon, 30 Nov 2026 09:00:00 +0000", "Message-ID: <bare@victim.test>", "", "The minutes follow.", ""}, "\r\n")); got != "SPOOF" {
		t.Errorf("without a seal: %s, want SPOOF", got)
	}
}
