package test

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"outrider/internal/app"
	"outrider/internal/config"
	"outrider/internal/event"
	"outrider/internal/mailflow"
	"outrider/internal/mailtest"
	"outrider/internal/message"
	"outrider/internal/quarantine"
	"outrider/internal/store"
	"outrider/internal/store/blob"
)

// siteConfig has a domain per policy. Senders in bad.example are malicious, those in
// sender.example are trusted, whatever the detection thinks of the text.
const siteConfig = `
hostname: outrider.example.net
data_dir: {{DATA}}
listen: {smtp: ["{{SELF}}"], http: ""}
smtp: {xclient_from: [127.0.0.0/8]}
dns: {off: true}
relay:
  first_retry: 100ms
  retry_for: {{RETRY_FOR}}
  outbound: {hosts: ["{{RETURN}}"], tls: none}
tenants:
  - id: site
    name: Site
    domains:
      - {name: plain.example, route: &next {type: smtp, hosts: ["{{NEXT}}"], tls: none}, policy: {actions: {MALICIOUS: deliver}}}
      - {name: tag.example, route: *next, policy: {actions: {MALICIOUS: deliver}, subject_tag: {MALICIOUS: "[%LABELS] "}}}
      - {name: banner.example, route: *next, policy: {actions: {MALICIOUS: deliver}, banner: {MALICIOUS: "Beware of this sender."}}}
      - {name: hold.example, route: *next}
      - {name: reject.example, route: *next, policy: {actions: {MALICIOUS: reject}}}
      - {name: defer.example, route: *next, policy: {actions: {MALICIOUS: defer}}}
      - {name: net.example, route: *next, ip_restrictions: [192.0.2.0/24]}
      - {name: tls.example, route: *next, require_tls_inbound: true}
      - {name: list.example, route: *next, recipients: list, recipient_list: [bob]}
      - {name: ask.example, route: *next, recipients: ask}
      - {name: behind.example, route: *next, lookback_hops: 1, trusted_hops: [127.0.0.0/8]}
      - {name: loop.example, route: {type: smtp, hosts: ["{{BACK}}"], tls: none}}
    partners: [{domain: partner.example, require_tls: true}]
    trusted: [{sender: sender.example, unverified: true}]
    blocked: [{sender: bad.example}, {sender: 198.51.100.0/24}]
    exempt: [reports@hold.example]
    policy: {actions: {MALICIOUS: quarantine}}
  - id: other
    name: Other
    domains: [{name: other.example, route: *next}]
`

// site is an Outrider in this process.
type site struct {
	app  *app.App
	addr string
	data string
	text string // of the configuration
	stop func() error
}

// setup says where a site sends.
type setup struct {
	next, back string // host:port of the next hop and of the host for notifications
	retryFor   string
	self       string // host:port that the site listens on
	loop       string // host:port that leads back to it; "" is next
	text       string // of the configuration; "" is siteConfig
}

// startSite runs a gateway until the test ends.
func startSite(t *testing.T, s setup) *site {
	t.Helper()
	if s.retryFor == "" {
		s.retryFor = "5d"
	}
	if s.back == "" {
		s.back = s.next
	}
	if s.self == "" {
		s.self = "127.0.0.1:0"
	}
	if s.text == "" {
		s.text = siteConfig
	}
	if s.loop == "" {
		s.loop = s.next
	}
	g := &site{data: filepath.Join(t.TempDir(), "data")}
	g.text = strings.NewReplacer("{{DATA}}", g.data, "{{SELF}}", s.self, "{{BACK}}", s.loop, "{{NEXT}}", s.next, "{{RETURN}}", s.back, "{{RETRY_FOR}}", s.retryFor).Replace(s.text)
	c, err := config.Parse([]byte(g.text))
	if err != nil {
		t.Fatal(err)
	}
	if g.app, err = app.New(t.Context(), c, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	addrs, err := g.app.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g.addr = addrs[0].String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- g.app.Run(ctx) }()
	g.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := g.stop(); err != nil {
			t.Errorf("stopping the gateway: %v", err)
		}
	})
	return g
}

// client connects to the gateway until the test ends.
func (g *site) client(t *testing.T) *client {
	t.Helper()
	c, err := dial(t.Context(), g.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

// send sends a message over a new connection.
func (g *site) send(t *testing.T, from string, rcpts []string, body string) *outcome {
	t.Helper()
	o, err := g.client(t).send(from, "", rcpts, body)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// mustSend is send for mail that has to be taken.
func (g *site) mustSend(t *testing.T, from string, rcpts []string, body string) {
	t.Helper()
	if o := g.send(t, from, rcpts, body); o.final.code != 250 || len(o.acked()) != len(rcpts) {
		t.Fatalf("the gateway said %v to %v", o.final, o.rcpts)
	}
}

// database opens the store beside the gateway.
func (g *site) database(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), filepath.Join(g.data, "outrider.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// facts waits until the store has so many facts of a kind, and returns all facts.
func (g *site) facts(t *testing.T, kind event.Kind, n int) []event.Event {
	t.Helper()
	db := g.database(t)
	var events []event.Event
	eventually(t, 20*time.Second, func() (err error) {
		if events, err = db.Events(t.Context(), "site", 0, 1000); err != nil {
			return err
		}
		if got := len(ofKind(events, kind)); got < n {
			return fmt.Errorf("%d facts %q, want %d", got, kind, n)
		}
		return nil
	})
	return events
}

func ofKind(events []event.Event, kind event.Kind) []event.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e event.Event) bool { return e.Kind != kind })
}

// held waits until so many messages are in quarantine.
func (g *site) held(t *testing.T, n int) []quarantine.Item {
	t.Helper()
	db := g.database(t)
	var items []quarantine.Item
	eventually(t, 20*time.Second, func() (err error) {
		if items, err = db.HeldItems(t.Context(), quarantine.Filter{State: quarantine.Held, Limit: 1000}); err == nil && len(items) < n {
			err = fmt.Errorf("%d messages are held, want %d", len(items), n)
		}
		return err
	})
	return items
}

// release asks for the release of a held message.
func (g *site) release(t *testing.T, id string) {
	t.Helper()
	blobs, err := blob.NewDisk(filepath.Join(g.data, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	if err := quarantine.NewBox(g.database(t), blobs).Release(t.Context(), id, "tester"); err != nil {
		t.Fatal(err)
	}
}

// verify checks the signature of a message with the key of the gateway.
func (g *site) verify(t *testing.T, raw []byte) error {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.data, "signing.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return mailflow.NewSigner(key).Verify(parse(raw))
}

func parse(raw []byte) *message.Message { return message.Parse(raw, nil) }

// arrived waits for n messages at a sink.
func arrived(t *testing.T, sink *mailtest.Sink, n int) []mailtest.Transaction {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got := sink.Wait(ctx, n)
	if len(got) != n {
		t.Fatalf("%d messages arrived, want %d", len(got), n)
	}
	return got
}

// to returns the one message that went to the recipient.
func to(t *testing.T, ts []mailtest.Transaction, rcpt string) *mailtest.Transaction {
	t.Helper()
	var found []mailtest.Transaction
	for _, x := range ts {
		if slices.ContainsFunc(x.Rcpts, func(r string) bool { return pathOf(r) == rcpt }) {
			found = append(found, x)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d messages for %s, want 1", len(found), rcpt)
	}
	return &found[0]
}

// simple is a small message with the subject.
func simple(from, subject string) string {
	return "From: Ann <" + from + ">\r\nTo: Bob <bob@plain.example>\r\nSubject: " + subject +
		"\r\nDate: Tue, 03 Nov 2026 09:12:44 +0100\r\nMessage-ID: <1@client.example>\r\n\r\nHello Bob,\r\n.. and dots.\r\n"
}

// twoParts is a message with a text and an HTML version.
const twoParts = "From: Mal <mal@bad.example>\r\nTo: Bob <bob@plain.example>\r\nSubject: Minutes\r\n" +
	"Date: Tue, 03 Nov 2026 09:12:44 +0100\r\nMessage-ID: <2@client.example>\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/alternative; boundary=cut\r\n\r\n--cut\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
	"The minutes, as text.\r\n--cut\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" +
	"<html><body><p>The minutes, as HTML.</p></body></html>\r\n--cut--\r\n"
