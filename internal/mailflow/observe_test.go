package mailflow_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/dns"
	"outrider/internal/history"
	"outrider/internal/mailtest"
	"outrider/internal/quarantine"
)

// people are senders whose messages the tests judge: example.org is the tenant's own and
// sends from our client, as friend.example does; victim.example disowns what others send.
const people = `example.org TXT "v=spf1 ip4:192.0.2.1 -all"
friend.example TXT "v=spf1 ip4:192.0.2.1 -all"
victim.example TXT "v=spf1 -all"
_dmarc.victim.example TXT "v=DMARC1; p=none"
`

func learning(t *testing.T) *bundle {
	t.Helper()
	resolver, err := dns.New(dns.Config{Servers: []string{mailtest.StartZone(t, people).Addr}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resolver.Close() })
	b := setup(t, nil)
	b.judge.DNS = resolver
	return b
}

// send sends a message from an author to x@example.org, with more fields.
func (b *bundle) send(from, subject, fields string) {
	b.t.Helper()
	raw := fmt.Sprintf("From: <%s>\r\nTo: x@example.org\r\nSubject: %s\r\n%s\r\nbody\r\n", from, subject, fields)
	if _, err := b.process(raw, from, "x@example.org"); err != nil {
		b.t.Fatal(err)
	}
}

// about says what a memory knows of a name in nine days, when it is old enough.
func about(t *testing.T, m *history.Memory, kind history.Kind, key string) string {
	t.Helper()
	p, ok := m.View("a", time.Now().Add(9*24*time.Hour)).Profile(kind, key)
	if !ok {
		t.Fatalf("no profile of %s", key)
	}
	say := func(name string, b *bool) string {
		if b == nil || !*b {
			return ""
		}
		return " " + name
	}
	return string(p.Prevalence) + say("solicited", p.Solicited) + say("benign", p.Benign) + say("unwanted", p.Unwanted) + say("failed", p.AuthFailed)
}

func TestEveryJudgedMessageTeaches(t *testing.T) {
	t.Parallel()
	b := learning(t)
	box := b.run()
	b.send("ann@friend.example", "hello", "Reply-To: Desk <DESK@reply.example>\r\n")
	b.send("ceo@victim.example", "hello", "")
	b.send("bad@evil.example", "evil", "Reply-To: drop@evil.example\r\n")
	b.send("x@example.org", "our mail", "Cc: Bob <bob@Partner.example>, y@example.org\r\n")
	b.send("liar@example.com", "no mail of ours", "Cc: mule@crime.example\r\n")
	b.until("the facts", func() bool {
		return strings.Count(b.kinds("a"), "judged") == 5 && strings.Count(b.kinds("a"), "placed") == 4
	})
	var id string
	b.until("the held message", func() bool {
		items, err := box.List(t.Context(), quarantine.Filter{State: quarantine.Held})
		if err != nil {
			t.Fatal(err)
		}
		if len(items) == 1 {
			id = items[0].ID
		}
		return id != ""
	})
	live := b.judge.History
	for _, tt := range []struct {
		kind history.Kind
		key  string
		want string
	}{
		{history.ByAddress, "ann@friend.example", "outlier"},
		{history.ByDomain, "mail.friend.example", "outlier"},
		{history.ByReplyTo, "desk@reply.example", "outlier"},
		{history.ByAddress, "desk@reply.example", "new"},
		{history.ByAddress, "ceo@victim.example", "new failed"},
		{history.ByDomain, "evil.example", "outlier unwanted"},
		{history.ByReplyTo, "drop@evil.example", "outlier unwanted"},
		{history.ByAddress, "bob@partner.example", "new solicited"},
		{history.ByDomain, "partner.example", "new solicited"},
		{history.ByAddress, "y@example.org", "new"},
		{history.ByAddress, "mule@crime.example", "new"},
	} {
		if got := about(t, live, tt.kind, tt.key); got != tt.want {
			t.Errorf("%s is %q, want %q", tt.key, got, tt.want)
		}
	}
	if c := live.Contact("a", "ann@friend.example"); c.First() {
		t.Error("a proved sender of wanted mail is not known")
	}
	for _, stranger := range []string{"ceo@victim.example", "bad@evil.example", "bob@partner.example"} {
		if c := live.Contact("a", stranger); !c.First() {
			t.Errorf("%s is known: %+v", stranger, c)
		}
	}
	if err := box.Release(t.Context(), id, "me"); err != nil {
		t.Fatal(err)
	}
	b.until("the release", func() bool { return strings.Contains(b.kinds("a"), "released") })
	b.until("its observation", func() bool { return about(t, live, history.ByDomain, "evil.example") == "outlier benign unwanted" })

	// What the store kept makes the same memory at the next start.
	b.until("the last fact", func() bool { return strings.Count(b.kinds("a"), "placed") == 5 })
	again := history.New()
	if err := b.db.Senders(t.Context(), 100, again.Load); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(9 * 24 * time.Hour)
	for _, key := range []string{"ann@friend.example", "ceo@victim.example", "bad@evil.example", "bob@partner.example", "x@example.org"} {
		want, _ := live.View("a", at).Profile(history.ByAddress, key)
		if got, ok := again.View("a", at).Profile(history.ByAddress, key); !ok || !cmp.Equal(got, want) {
			t.Errorf("after a restart %s is another: %s", key, cmp.Diff(want, got))
		}
	}
}
