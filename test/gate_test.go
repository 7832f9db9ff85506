package test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"outrider/internal/config"
	"outrider/internal/event"
	"outrider/internal/mailtest"
)

func TestGate(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{Reply: refusals()})
	g := startSite(t, setup{next: sink.Addr})
	tests := []struct {
		name, from, rcpt string
		prepare          func(t *testing.T, c *client)
		want             int
	}{
		{name: "mail for strangers is not relayed", from: "ann@sender.example", rcpt: "bob@elsewhere.example", want: 550},
		{name: "percent routes are not relayed", from: "ann@sender.example", rcpt: "bob%elsewhere.example@elsewhere.example", want: 550},
		{name: "subdomains are not protected", from: "ann@sender.example", rcpt: "bob@sub.plain.example", want: 550},
		{name: "protected domains are case-insensitive", from: "ann@sender.example", rcpt: "bob@PLAIN.example", want: 250},
		{name: "listed recipients are known", from: "ann@sender.example", rcpt: "BOB@list.example", want: 250},
		{name: "others are not", from: "ann@sender.example", rcpt: "eve@list.example", want: 550},
		{name: "postmaster is always known", from: "ann@sender.example", rcpt: "postmaster@list.example", want: 250},
		{name: "the next hop is asked and knows", from: "ann@sender.example", rcpt: "bob@ask.example", want: 250},
		{name: "the next hop is asked and refuses", from: "ann@sender.example", rcpt: "never@ask.example", want: 550},
		{name: "the next hop is asked and does not know yet", from: "ann@sender.example", rcpt: "late@ask.example", want: 451},
		{name: "only listed networks may send", from: "ann@sender.example", rcpt: "bob@net.example", want: 550},
		{name: "listed networks may send", from: "ann@sender.example", rcpt: "bob@net.example", prepare: from("192.0.2.7"), want: 250},
		{name: "a domain that wants TLS gets nothing without", from: "ann@sender.example", rcpt: "bob@tls.example", want: 530},
		{name: "and everything with", from: "ann@sender.example", rcpt: "bob@tls.example", prepare: overTLS, want: 250},
		{name: "a partner must use TLS", from: "ann@partner.example", rcpt: "bob@plain.example", want: 550},
		{name: "and so must its subdomains", from: "ann@mail.partner.example", rcpt: "bob@plain.example", want: 550},
		{name: "a partner over TLS is welcome", from: "ann@partner.example", rcpt: "bob@plain.example", prepare: overTLS, want: 250},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := g.client(t)
			if tt.prepare != nil {
				tt.prepare(t, c)
			}
			if r, err := c.ask("MAIL FROM:<" + tt.from + ">\r\n"); err != nil || r.code != 250 {
				t.Fatalf("MAIL: %v: %v", r, err)
			}
			r, err := c.ask("RCPT TO:<" + tt.rcpt + ">\r\n")
			if err != nil || r.code != tt.want {
				t.Errorf("RCPT: %v: %v", r, err)
			}
		})
	}
}

// from pretends to come from the address.
func from(addr string) func(*testing.T, *client) {
	return func(t *testing.T, c *client) {
		t.Helper()
		if r, err := c.ask("XCLIENT ADDR=" + addr + "\r\n"); err != nil || r.code != 220 {
			t.Fatalf("XCLIENT: %v: %v", r, err)
		}
		if r, err := c.ask("EHLO client.example\r\n"); err != nil || r.code != 250 {
			t.Fatalf("EHLO: %v: %v", r, err)
		}
	}
}

func overTLS(t *testing.T, c *client) {
	t.Helper()
	if err := c.startTLS(); err != nil {
		t.Fatal(err)
	}
}

// TestTenantsAreSeparate: one transaction is judged for one tenant.
func TestTenantsAreSeparate(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	g := startSite(t, setup{next: sink.Addr})
	o := g.send(t, "ann@sender.example", []string{"bob@plain.example", "bob@other.example"}, simple("ann@sender.example", "Hi"))
	if o.final.code != 250 || o.rcpts["bob@other.example"].code != 452 {
		t.Errorf("the gateway said %v to %v", o.final, o.rcpts)
	}
	if got := arrived(t, sink, 1); len(got[0].Rcpts) != 1 {
		t.Errorf("the message went to %v", got[0].Rcpts)
	}
}

func TestRefusalsByPolicy(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	g := startSite(t, setup{next: sink.Addr})
	if o := g.send(t, "mal@bad.example", []string{"bob@reject.example"}, twoParts); o.final.code != 550 {
		t.Errorf("reject: %v", o.final)
	}
	if o := g.send(t, "mal@bad.example", []string{"bob@defer.example"}, twoParts); o.final.code != 451 {
		t.Errorf("defer: %v", o.final)
	}
	g.facts(t, event.Rejected, 1)
	g.facts(t, event.Refused, 1)
	if n := len(sink.Transactions()); n != 0 {
		t.Errorf("%d messages arrived", n)
	}
}

// forwarder passes connections on to an address until the test ends, as another host may.
func forwarder(t *testing.T, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				_ = errors.Join(to.Close(), from.Close())
			}
			all.Go(func() { pass(out, in) })
			all.Go(func() { pass(in, out) })
		}
	})
	return l.Addr().String()
}

// TestLoops: mail that another host sends back is rejected after a few rounds. A route to the gateway
// itself is rejected at the start.
func TestLoops(t *testing.T) {
	t.Parallel()
	self := quietAddr(t)
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	g := startSite(t, setup{next: sink.Addr, self: self, loop: forwarder(t, self)})
	o := g.send(t, "ann@sender.example", []string{"bob@loop.example"}, simple("ann@sender.example", "Round"))
	if o.final.code != 554 || !strings.Contains(o.final.text, "loop") {
		t.Errorf("the gateway said %v", o.final)
	}
	many := strings.Repeat("Received: from a by b; Tue, 03 Nov 2026 09:12:44 +0100\r\n", 51) + simple("ann@sender.example", "Hops")
	if o := g.send(t, "ann@sender.example", []string{"bob@plain.example"}, many); o.final.code != 554 {
		t.Errorf("the gateway said %v to 51 hops", o.final)
	}
}

// TestLookBack: behind another gateway, the client before that is the true sender.
func TestLookBack(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	g := startSite(t, setup{next: sink.Addr})
	hop := "Received: from evil.example (evil.example [198.51.100.7])\r\n\tby gateway.example (Postfix) with ESMTP id 4711;\r\n\tTue, 03 Nov 2026 09:12:44 +0100\r\n"
	body := hop + simple("ann@sender.example", "Behind")
	g.mustSend(t, "ann@sender.example", []string{"bob@behind.example"}, body)
	if items := g.held(t, 1); items[0].Reason.Code() != "blocked:198.51.100.0/24" {
		t.Errorf("the message is held because of %q", items[0].Reason.String())
	}
	g.mustSend(t, "ann@sender.example", []string{"bob@plain.example"}, body)
	arrived(t, sink, 1) // where Outrider is the MX, the field proves nothing
	c := g.client(t)
	from("198.51.100.9")(t, c)
	if o, err := c.send("ann@sender.example", "", []string{"bob@hold.example"}, body); err != nil || o.final.code != 250 {
		t.Fatalf("the gateway said %v: %v", o, err)
	}
	g.held(t, 2)
}

func TestSMTPUTF8(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	plain := mailtest.StartSink(t, mailtest.SinkConfig{Extensions: []string{"PIPELINING", "8BITMIME"}})
	body := "From: Jörg <jörg@sender.example>\r\nTo: <müller@plain.example>\r\nSubject: Grüße\r\n\r\nHallo.\r\n"
	g := startSite(t, setup{next: sink.Addr})
	o, err := g.client(t).send("jörg@sender.example", " SMTPUTF8", []string{"müller@plain.example"}, body)
	if err != nil || o.final.code != 250 {
		t.Fatalf("the gateway said %v: %v", o, err)
	}
	got := arrived(t, sink, 1)[0]
	if !strings.Contains(got.From, "SMTPUTF8") || pathOf(got.From) != "jörg@sender.example" || pathOf(got.Rcpts[0]) != "müller@plain.example" {
		t.Errorf("the envelope arrived as %q, %q", got.From, got.Rcpts)
	}
	if !strings.HasSuffix(string(got.Body()), body) {
		t.Errorf("the message arrived as:\n%s", got.Body())
	}
	// RFC 6531, Section 3.2: never to a host that does not offer it.
	g = startSite(t, setup{next: plain.Addr})
	o, err = g.client(t).send("jörg@sender.example", " SMTPUTF8", []string{"müller@plain.example"}, body)
	if err != nil || o.final.code/100 != 5 {
		t.Errorf("with a next hop that cannot take it, the gateway said %v: %v", o, err)
	}
	if len(plain.Transactions()) != 0 {
		t.Error("the message arrived there")
	}
}

// TestReload applies a configuration as a whole or not at all.
func TestReload(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	g := startSite(t, setup{next: sink.Addr})
	next, err := config.Parse([]byte(strings.ReplaceAll(g.text, `MALICIOUS: "[%LABELS] "`, `MALICIOUS: "[changed] "`)))
	if err != nil {
		t.Fatal(err)
	}
	broken := next
	broken.Tenants = append(broken.Tenants[:len(broken.Tenants):len(broken.Tenants)], next.Tenants[0]) // a domain twice
	if err := g.app.Reload(t.Context(), broken); err == nil {
		t.Error("a broken configuration was applied")
	}
	for i, want := range []string{"[MALICIOUS] Minutes", "[changed] Minutes"} {
		g.mustSend(t, "mal@bad.example", []string{"bob@tag.example"}, twoParts)
		got := arrived(t, sink, i+1)
		if s := parse(got[i].Body()).Subject(); s != want {
			t.Errorf("subject is %q, want %q", s, want)
		}
		if err := g.app.Reload(t.Context(), next); err != nil {
			t.Fatal(err)
		}
	}
}
