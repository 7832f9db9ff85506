package test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"outrider/internal/mailtest"
)

// fromConfig delivers everything to seen.example, and holds forgeries for held.example.
const fromConfig = `
hostname: outrider.example.net
data_dir: {{DATA}}
listen: {smtp: ["{{SELF}}"], http: ""}
smtp: {xclient_from: [127.0.0.0/8]}
dns: {servers: ["%s"]}
relay: {first_retry: 100ms, outbound: {hosts: ["{{RETURN}}"], tls: none}}
tenants:
  - id: site
    name: Site
    policy: {external: true}
    domains:
      - {name: seen.example, route: &next {type: smtp, hosts: ["{{NEXT}}"], tls: none}, policy: {actions: {SPOOF: deliver, MALICIOUS: deliver, MALICIOUS-BEC: deliver, SPAM: deliver}}}
      - {name: held.example, route: *next, policy: {actions: {SPOOF: quarantine, MALICIOUS: quarantine, MALICIOUS-BEC: quarantine}}}
`

// fromZone has a domain that nobody may send for, and one of an attacker whose mail passes.
const fromZone = `
victim.test. IN TXT "v=spf1 -all"
_dmarc.victim.test. IN TXT "v=DMARC1; p=reject"
attack.test. IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.attack.test. IN TXT "v=DMARC1; p=none"
`

// TestAuthorsThroughPostfix sends forgeries whose From clients read as victim.test, and
// the honest forms of the same syntax, through the gateway to a real Postfix: what was
// found is in the delivered header, and forgeries for held.example are held.
func TestAuthorsThroughPostfix(t *testing.T) {
	t.Parallel()
	zone := mailtest.StartZone(t, fromZone)
	next := mailtest.StartPostfix(t, mailtest.PostfixConfig{})
	g := startSite(t, setup{next: next.Addr, text: fmt.Sprintf(fromConfig, zone.Addr)})
	const forged, honest = "dmarc=fail header.from=victim.test", "dmarc=pass header.from=attack.test"
	rows := []struct{ name, from, want string }{
		{"a plain forgery", "Ann <admin@victim.test>", forged},
		{"a comment with an at", "Ann <admin@victim.test(@attack.test)>", forged},
		{"an encoded address", "Ann <=?utf-8?q?admin=40victim=2Etest?=>", forged},
		{"a fold before a dot", "Ann <admin@victim\r\n .test>", forged},
		{"a space after a dot", "Ann <admin@victim. test>", forged},
		{"a quoted local part", `"x@attack.test"@victim.test`, forged},
		{"two words", "Ann <admin@victim.test attack.test>", forged},
		{"two ats", "Ann <admin@victim.test@attack.test>", forged},
		{"two fields", "Ann <x@attack.test>\r\nFrom: Ann <admin@victim.test>", forged},
		{"two mailboxes", "x@attack.test, admin@victim.test", forged},
		{"a plain sender", "Eve <x@attack.test>", honest},
		{"a sender with a comment", "Eve <x@attack.test> (of victim.test)", honest},
		{"a sender with spaces", "Eve <x@attack . test>", honest},
		{"a sender with a quoted local part", `"x@victim.test"@attack.test`, honest},
	}
	for _, r := range rows {
		c := g.client(t)
		from("192.0.2.1")(t, c)
		body := "From: " + r.from + "\r\nTo: bob@seen.example\r\nSubject: " + r.name + "\r\nDate: Mon, 30 Nov 2026 09:00:00 +0000\r\n" +
			"Message-ID: <" + strings.ReplaceAll(r.name, " ", "-") + "@attack.test>\r\n\r\nThe figures are below.\r\n"
		for _, rcpt := range []string{"bob@seen.example", "bob@held.example"} {
			if o, err := c.send("x@attack.test", "", []string{rcpt}, body); err != nil || o.final.code != 250 {
				t.Fatalf("%s for %s: %v: %v", r.name, rcpt, o, err)
			}
		}
	}
	// Each message is delivered or held, in the end.
	var arrivals []mailtest.Transaction
	held := map[string]bool{}
	eventually(t, 60*time.Second, func() error {
		arrivals = next.Sink.Transactions()
		for _, i := range g.held(t, 0) {
			held[i.Subject] = true
		}
		if n := len(arrivals) + len(held); n != 2*len(rows) {
			return fmt.Errorf("%d messages arrived or are held, want %d", n, 2*len(rows))
		}
		return nil
	})
	results, dispositions := map[string]string{}, map[string]string{}
	for _, x := range arrivals {
		h := parse(x.Body()).Header()
		// A tag may stand in the subject; the Message-ID stays.
		name := strings.ReplaceAll(strings.TrimPrefix(strings.TrimSuffix(h.Get("Message-ID"), "@attack.test>"), "<"), "-", " ")
		results[name] = h.Get("Authentication-Results")
		if pathOf(x.Rcpts[0]) == "bob@seen.example" {
			dispositions[name] = h.Get("X-Outrider-Disposition")
		}
	}
	for _, r := range rows {
		if !strings.Contains(results[r.name], r.want) {
			t.Errorf("%s: results are %q", r.name, results[r.name])
		}
		if forgery := r.want == forged; held[r.name] != forgery {
			t.Errorf("%s: held %v with disposition %s", r.name, held[r.name], dispositions[r.name])
		}
	}
}
