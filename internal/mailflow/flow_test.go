package mailflow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider/internal/budget"
	"outrider/internal/clock"
	"outrider/internal/config"
	"outrider/internal/detect"
	"outrider/internal/dns"
	"outrider/internal/event"
	"outrider/internal/evidence"
	"outrider/internal/history"
	"outrider/internal/mailflow"
	"outrider/internal/mailtest"
	"outrider/internal/message"
	"outrider/internal/policy"
	"outrider/internal/quarantine"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/spool"
	"outrider/internal/store"
	"outrider/internal/store/blob"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// subjectDetector calls mail malicious whose subject says so, so that tests choose.
type subjectDetector struct{}

func (subjectDetector) Name() string { return "subject" }

func (subjectDetector) Detect(_ context.Context, e *evidence.Evidence) ([]verdict.Finding, []verdict.Undecided) {
	switch subject := e.Message.Subject(); {
	case strings.Contains(subject, "panic"):
		panic("a defect")
	case strings.Contains(subject, "evil"):
		return []verdict.Finding{{ID: "evil", Class: verdict.ClassPhish, Weight: 20, Reason: "It says so."}}, nil
	case strings.Contains(subject, "odd"):
		return []verdict.Finding{{ID: "odd", Class: verdict.ClassPhish, Weight: 5.5, Reason: "It is odd."}}, nil
	}
	return nil, nil
}

type bundle struct {
	t      *testing.T
	flow   *mailflow.Flow
	spool  *spool.Spool
	db     *store.DB
	sink   *mailtest.Sink
	signer *mailflow.Signer
	relay  *relay.Relay
	judge  *mailflow.Judge
	log    *logBook
	clock  *clock.Clock
	wall   atomic.Int64 // by how much the time of day is ahead
	passed atomic.Int64 // by how much more time has passed
}

// setup builds a whole flow in front of a sink that answers as reply says.
func setup(t *testing.T, reply func(string) string) *bundle {
	t.Helper()
	b := &bundle{t: t, sink: mailtest.StartSink(t, mailtest.SinkConfig{Reply: reply}), signer: mailflow.NewSigner([]byte("key")), log: &logBook{}}
	log := slog.New(slog.NewJSONHandler(b.log, nil))
	var err error
	if b.spool, err = spool.Open(spool.Options{Dir: t.TempDir(), Edge: "edge", Log: log}); err != nil {
		t.Fatal(err)
	}
	if b.db, err = store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "o.db")); err != nil {
		t.Fatal(err)
	}
	b.relay = relay.New(relay.Config{Hostname: "gw.example", Log: log})
	c, err := config.Parse(fmt.Appendf(nil, `
tenants:
  - id: a
    domains:
      - {name: example.org, route: {hosts: ["%[1]s"], tls: none}}
      - {name: strict.example, route: {hosts: ["%[1]s"], tls: none}, policy: {actions: {MALICIOUS: reject}}}
    exempt: [reports@example.org]
  - id: b
    domains: [{name: other.example, route: {hosts: ["%[1]s"], tls: none}}]
`, b.sink.Addr))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := tenant.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	b.clock = clock.New(clock.Config{
		Wall:    func() time.Time { return time.Now().Add(time.Duration(b.wall.Load())) },
		Elapsed: func() time.Duration { return time.Since(begun) + time.Duration(b.passed.Load()) },
		Log:     log,
	})
	memory := history.New()
	b.judge = &mailflow.Judge{Limits: budget.Default(), History: memory}
	b.flow = mailflow.New(mailflow.Config{
		Settings: &mailflow.Settings{
			Directory: dir, Engine: detect.New(detect.Default(), subjectDetector{}), Hostname: "gw.example", MaxHops: 30, OnFailure: tenant.ActionDeliver,
			Outbound: tenant.Route{Transport: tenant.TransportSMTP, Hosts: []string{b.sink.Addr}, TLS: tenant.TLSNone}, FirstRetry: time.Millisecond,
			RetryFor: time.Hour, DelayAt: time.Hour, HoldFor: time.Hour,
		},
		Judge: b.judge, Spool: b.spool, Relay: b.relay, History: memory,
		Signer: b.signer, Memory: 64 << 20, Log: log, Clock: b.clock,
	})
	t.Cleanup(func() {
		for _, c := range []func() error{b.relay.Close, b.spool.Close, b.db.Close} {
			if err := c(); err != nil {
				t.Error(err)
			}
		}
	})
	return b
}

func mail(subject string) string {
	return "From: Ann <ann@elsewhere.example>\r\nTo: x@example.org\r\nSubject: " + subject + "\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@elsewhere.example>\r\n\r\nbody\r\n"
}

func received(raw, from string, to ...string) *message.Received {
	r := &message.Received{
		ID: message.NewID(time.Now()), Source: message.SourceSMTP, At: time.Now(), Body: message.NewBody([]byte(raw)), Traits: message.TraitsOf([]byte(raw)),
		Envelope: smtp.Envelope{From: from}, Peer: message.Peer{Addr: netip.MustParseAddr("192.0.2.1"), Helo: "client.example", Protocol: "ESMTP"},
	}
	for _, a := range to {
		r.Envelope.Recipients = append(r.Envelope.Recipients, smtp.Recipient{Address: a})
	}
	return r
}

func (b *bundle) process(raw, from string, to ...string) (smtp.Reply, error) {
	b.t.Helper()
	return b.flow.Process(b.t.Context(), received(raw, from, to...), mailflow.NextHop{Relay: b.relay})
}

// run serves the queue and the quarantine until the test ends.
func (b *bundle) run() *quarantine.Box {
	b.t.Helper()
	blobs, err := blob.NewDisk(b.t.TempDir())
	if err != nil {
		b.t.Fatal(err)
	}
	b.serveQuarantine(&mailflow.Shipper{Flow: b.flow, Store: b.db, Blobs: blobs})
	return quarantine.NewBox(b.db, blobs)
}

// serveQuarantine serves the queue and the quarantine until stop is called or the test ends.
func (b *bundle) serveQuarantine(shipper *mailflow.Shipper) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 2)
	go func() { done <- b.flow.Redeliver(ctx) }()
	go func() { done <- shipper.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				b.t.Error(err)
			}
		}
	})
	b.t.Cleanup(stop)
	return stop
}

// until waits until ok is true.
func (b *bundle) until(what string, ok func() bool) {
	b.t.Helper()
	mailtest.Until(b.t, what, ok)
}

func (b *bundle) kinds(tenant string) string {
	b.t.Helper()
	es, err := b.db.Events(b.t.Context(), tenant, 0, 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, e := range es {
		out = append(out, string(e.Kind))
	}
	return strings.Join(out, " ")
}

func parse(raw []byte) *message.Message { return message.Parse(raw, budget.New(budget.Default())) }

func TestDeliveredMailCarriesOurHeaderAndNobodyElses(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	forged := "X-Outrider-Disposition: NONE\r\nx-outrider-anything: 1\r\nAuthentication-Results: GW.example; dmarc=pass header.from=bank.example\r\nAuthentication-Results: other.example; spf=pass\r\n"
	reply, err := b.process(forged+mail("odd"), "ann@elsewhere.example", "x@example.org")
	if err != nil || reply.Code != 250 || !strings.Contains(reply.Text, "Outrider id") {
		t.Fatalf("got %v, %v", reply, err)
	}
	m := parse(b.sink.Transactions()[0].Body())
	h := m.Header()
	if d := h.All("X-Outrider-Disposition"); len(d) != 1 || d[0] != "SUSPICIOUS" {
		t.Errorf("disposition %q", d)
	}
	if h.Has("X-Outrider-Anything") || len(h.All("Authentication-Results")) != 2 || strings.Contains(strings.Join(h.All("Authentication-Results"), " "), "bank") {
		t.Errorf("foreign fields stayed: %q", h.All("Authentication-Results"))
	}
	if !strings.HasPrefix(m.Subject(), "[SUSPICIOUS] odd") {
		t.Errorf("subject %q", m.Subject())
	}
	if !strings.Contains(m.Root.Text(), "It is odd.") {
		t.Errorf("the banner is missing: %q", m.Root.Text())
	}
	if err := b.signer.Verify(m); err != nil {
		t.Error(err)
	}
	changed := parse(bytes.Replace(m.Raw, []byte("SUSPICIOUS\r\n"), []byte("NONE\r\n"), 1))
	if b.signer.Verify(changed) == nil || mailflow.NewSigner([]byte("other")).Verify(m) == nil {
		t.Error("a signature that is not ours was accepted")
	}
}

func TestHeaderNamesTheListEntryThatDecided(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if _, err := b.process(mail("evil"), "ann@elsewhere.example", "reports@example.org"); err != nil {
		t.Fatal(err)
	}
	m := parse(b.sink.Transactions()[0].Body())
	if v := m.Header().Get("X-Outrider-Verdict"); !strings.Contains(v, "; reason=exempt; evil (phish") {
		t.Errorf("verdict %q", v)
	}
	if err := b.signer.Verify(m); err != nil {
		t.Error(err)
	}
}

func TestRefusalOfTheNextHopIsPassedOn(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c string) string {
		if strings.HasPrefix(c, "RCPT") {
			return "550 5.1.1 nobody here"
		}
		return ""
	})
	_, err := b.process(mail("s"), "ann@elsewhere.example", "x@example.org")
	if r := smtp.ReplyFor(err); r.Code != 550 || r.Text != "nobody here" {
		t.Errorf("got %v", err)
	}
	if s := b.spool.Stats(); s.Queued != 0 {
		t.Errorf("%d entries were queued for mail that the sender keeps", s.Queued)
	}
}

func TestPartialRefusalIsAnsweredByANotification(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c string) string {
		if strings.HasPrefix(c, "RCPT TO:<bad@") {
			return "550 5.1.1 nobody here"
		}
		return ""
	})
	b.run()
	if reply, err := b.process(mail("s"), "ann@elsewhere.example", "x@example.org", "bad@example.org"); err != nil || reply.Code != 250 {
		t.Fatalf("got %v, %v", reply, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	dsn := b.sink.Wait(ctx, 2)[1]
	if !strings.HasPrefix(dsn.From, "MAIL FROM:<>") || !strings.Contains(dsn.Rcpts[0], "ann@elsewhere.example") || !bytes.Contains(dsn.Body(), []byte("bad@example.org")) {
		t.Errorf("got %s %s\n%s", dsn.From, dsn.Rcpts, dsn.Body())
	}
	if _, err := b.process(mail("s"), "", "x@example.org", "bad@example.org"); err != nil {
		t.Fatal(err)
	}
	b.until("both messages to be recorded", func() bool { return strings.Count(b.kinds("a"), "bounced") == 2 })
	if n := len(b.sink.Transactions()); n != 3 {
		t.Errorf("%d transactions, want no notification to the null sender", n)
	}
}

func TestNextHopThatDefersGetsTheMailLater(t *testing.T) {
	t.Parallel()
	down := make(chan struct{})
	b := setup(t, func(c string) string {
		select {
		case <-down:
			return ""
		default:
		}
		if c == "." {
			return "451 4.3.0 not now"
		}
		return ""
	})
	reply, err := b.process(mail("s"), "ann@elsewhere.example", "x@example.org")
	if err != nil || reply.Code != 250 || b.spool.Stats().Queued != 1 {
		t.Fatalf("got %v, %v, %+v", reply, err, b.spool.Stats())
	}
	close(down)
	b.run()
	b.until("the queue to be empty", func() bool { return b.spool.Stats().Queued == 0 })
	b.until("the facts", func() bool { return strings.Contains(b.kinds("a"), "received judged deferred placed") })
	if err := b.signer.Verify(parse(b.sink.Transactions()[len(b.sink.Transactions())-1].Body())); err != nil {
		t.Errorf("what was spooled is not what was decided: %v", err)
	}
}

// TestHeldMailIsReleasedWithItsTrace proves that a released message is what came, below the
// fields that it would have got if it had been delivered, and that it says that it was held.
func TestHeldMailIsReleasedWithItsTrace(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	box := b.run()
	forged := "X-Outrider-Released: Mon, 02 Nov 2026 10:00:00 +0000; id=1\r\nAuthentication-Results: gw.example; dmarc=pass header.from=bank.example\r\n"
	raw := forged + mail("evil")
	if reply, err := b.process(raw, "ann@elsewhere.example", "x@example.org"); err != nil || reply.Code != 250 {
		t.Fatalf("got %v, %v", reply, err)
	}
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
	if n := len(b.sink.Transactions()); n != 0 {
		t.Fatalf("%d held messages reached the next hop", n)
	}
	if err := box.Release(t.Context(), id, "me"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m := parse(b.sink.Wait(ctx, 1)[0].Body())
	if !bytes.HasSuffix(m.Raw, []byte("\r\n"+mail("evil"))) || bytes.Contains(m.Raw, []byte("bank.example")) {
		t.Errorf("released\n%q\nwant\n%q", m.Raw, raw)
	}
	if got := m.Header().All("X-Outrider-Released"); len(got) != 1 || !strings.HasSuffix(got[0], "; id="+id) {
		t.Errorf("X-Outrider-Released: %q", got)
	}
	if err := b.signer.Verify(m); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"Received": "from client.example", "Authentication-Results": "gw.example; ", "X-Outrider-Disposition": "MALICIOUS", "X-Outrider-Trace": "n=1;"} {
		if got := m.Header().All(name); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	b.until("the facts", func() bool { return b.kinds("a") == "received judged quarantined released placed" })
	if item, err := box.Show(t.Context(), id); err != nil || item.State != quarantine.Released {
		t.Errorf("got %+v, %v", item, err)
	}
}

// TestBannerThatCannotBeAddedIsReported proves that no banner is dropped in silence.
func TestBannerThatCannotBeAddedIsReported(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.run()
	sealed := strings.Replace(mail("odd"), "\r\n\r\n", "\r\nContent-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n\r\n", 1) + "--b--\r\n"
	if _, err := b.process(sealed, "ann@elsewhere.example", "x@example.org"); err != nil {
		t.Fatal(err)
	}
	b.until("the facts", func() bool { return b.kinds("a") == "received judged placed" })
	events, err := b.db.Events(t.Context(), "a", 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var d event.JudgedDetail
	var decisions []policy.Decision
	if err := errors.Join(json.Unmarshal(events[1].Detail, &d), json.Unmarshal(d.Decisions, &decisions)); err != nil {
		t.Fatal(err)
	}
	if len(decisions) != 1 || !slices.Equal(decisions[0].Skipped, []string{message.SkippedSigned}) {
		t.Errorf("decisions %s", d.Decisions)
	}
	if lines := b.log.lines(t, "message"); len(lines) != 1 || lines[0]["skipped"] != message.SkippedSigned {
		t.Errorf("the log says %v", lines)
	}
}

// TestBannerIsAddedToWhatIsNoText proves that a file alone leaves with a warning.
func TestBannerIsAddedToWhatIsNoText(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	file := strings.Replace(mail("odd"), "\r\n\r\n", "\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n", 1)
	if _, err := b.process(file, "ann@elsewhere.example", "x@example.org"); err != nil {
		t.Fatal(err)
	}
	m := parse(b.sink.Transactions()[0].Body())
	if parts := m.Root.Children; len(parts) != 2 || !strings.Contains(parts[0].Text(), "It is odd.") || parts[1].MediaType != "application/pdf" || string(parts[1].BodyBytes()) != "body\r\n" {
		t.Errorf("%s", m.Raw)
	}
	if err := b.signer.Verify(m); err != nil {
		t.Error(err)
	}
}

func TestDeletedMailIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	box := b.run()
	if _, err := b.process(mail("evil"), "ann@elsewhere.example", "x@example.org"); err != nil {
		t.Fatal(err)
	}
	var item quarantine.Item
	b.until("the held message", func() bool {
		if items, _ := box.List(t.Context(), quarantine.Filter{State: quarantine.Held}); len(items) == 1 {
			item = items[0]
		}
		return item.ID != ""
	})
	if err := box.Delete(t.Context(), item.ID, "me"); err != nil {
		t.Fatal(err)
	}
	b.until("its end", func() bool { i, _ := box.Show(t.Context(), item.ID); return i.State == quarantine.Deleted })
	b.until("its body to go", func() bool { _, err := box.Body(t.Context(), item.ID); return err != nil })
}

func TestPolicyRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	_, err := b.process(mail("evil"), "ann@elsewhere.example", "x@strict.example")
	if r := smtp.ReplyFor(err); r.Code != 550 || r.Enhanced != "5.7.1" {
		t.Errorf("got %v", err)
	}
	reply, err := b.process(mail("evil"), "ann@elsewhere.example", "x@strict.example", "reports@example.org")
	if err != nil || reply.Code != 250 || len(b.sink.Transactions()) != 1 {
		t.Errorf("mixed recipients: %v, %v", reply, err)
	}
}

func TestLoopsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	raw := mail("s")
	for pass := 1; ; pass++ {
		_, err := b.process(raw, "ann@elsewhere.example", "x@example.org")
		if r := smtp.ReplyFor(err); err != nil {
			if r.Enhanced != "5.4.6" || pass != 4 {
				t.Errorf("pass %d ended in %v", pass, err)
			}
			break
		}
		if pass > 10 {
			t.Fatal("the message goes round for ever")
		}
		raw = string(b.sink.Transactions()[pass-1].Body())
	}
	hops := strings.Repeat("Received: from a by b; Mon, 02 Nov 2026 10:00:00 +0000\r\n", 31)
	if _, err := b.process(hops+mail("s"), "ann@elsewhere.example", "x@example.org"); smtp.ReplyFor(err).Enhanced != "5.4.6" {
		t.Errorf("31 hops: %v", err)
	}
	forged := "X-Outrider-Trace: i=aaaaaaaaaaaa; n=9; b=00\r\n" + mail("s")
	if _, err := b.process(forged, "ann@elsewhere.example", "x@example.org"); err != nil {
		t.Errorf("a forged trace stopped mail: %v", err)
	}
}

func TestDefectOfADetectorDoesNotStopMail(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if reply, err := b.process(mail("panic"), "ann@elsewhere.example", "x@example.org"); err != nil || reply.Code != 250 {
		t.Fatalf("got %v, %v", reply, err)
	}
	if v := parse(b.sink.Transactions()[0].Body()).Header().Get("X-Outrider-Verdict"); !strings.Contains(v, "degraded=dmarc,spf,subject") {
		t.Errorf("verdict %q does not name what is missing", v)
	}
}

func TestSuccessIsReportedWhenTheNextHopWillNot(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c string) string {
		if strings.HasPrefix(c, "EHLO") {
			return "250-sink\r\n250 PIPELINING"
		}
		return ""
	})
	b.run()
	r := received(mail("s"), "ann@elsewhere.example", "x@example.org")
	r.Envelope.Recipients[0].Notify = "SUCCESS"
	if _, err := b.flow.Process(t.Context(), r, mailflow.NextHop{Relay: b.relay}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if dsn := b.sink.Wait(ctx, 2)[1].Body(); !bytes.Contains(dsn, []byte("Action: relayed")) {
		t.Errorf("got\n%s", dsn)
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	peer := message.Peer{Addr: netip.MustParseAddr("192.0.2.1")}
	for name, tc := range map[string]struct {
		to     string
		before []string
		want   string // enhanced code, or "" for welcome
	}{
		"a protected domain":              {to: "x@example.org"},
		"in other case":                   {to: "x@EXAMPLE.org."},
		"another domain":                  {to: "x@elsewhere.example", want: "5.7.1"},
		"a subdomain":                     {to: "x@sub.example.org", want: "5.7.1"},
		"the per cent hack":               {to: "x%elsewhere.example@example.org", want: "5.1.3"},
		"a bang path":                     {to: "elsewhere.example!x@example.org", want: "5.1.3"},
		"a quoted at sign":                {to: `"x@elsewhere.example"@example.org`, want: "5.1.3"},
		"a pipe":                          {to: `"|sh"@example.org`, want: "5.1.3"},
		"an address literal":              {to: "x@[127.0.0.1]", want: "5.7.1"},
		"postmaster":                      {to: "Postmaster"},
		"no domain":                       {to: "root", want: "5.1.3"},
		"another tenant beside the first": {to: "x@other.example", before: []string{"x@example.org"}, want: "4.5.3"},
		"the same tenant":                 {to: "x@strict.example", before: []string{"x@example.org"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := b.flow.Recipient(t.Context(), peer, received("", "a@b.example", tc.before...).Envelope, smtp.Recipient{Address: tc.to})
			if (err == nil) != (tc.want == "") || err != nil && smtp.ReplyFor(err).Enhanced != tc.want {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestPostmasterNeedsNoDomain(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if reply, err := b.process(mail("s"), "ann@elsewhere.example", "Postmaster"); err != nil || reply.Code != 250 {
		t.Fatalf("got %v, %v", reply, err)
	}
	if to := b.sink.Transactions()[0].Rcpts[0]; !strings.Contains(to, "Postmaster@example.org") {
		t.Errorf("sent to %s", to)
	}
}

func TestSlowSenderDNSDoesNotBlindTheDetectors(t *testing.T) {
	t.Parallel()
	zone := mailtest.StartZone(t, "silent elsewhere.example\nsilent _dmarc.elsewhere.example\n")
	resolver, err := dns.New(dns.Config{Servers: []string{zone.Addr}, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resolver.Close() })
	s := *setup(t, nil).flow.Settings()
	s.Deadline = 3 * time.Second // of which the detectors have what is left on a busy machine too
	judge := &mailflow.Judge{DNS: resolver, Limits: budget.Default()}
	raw := mail("evil")
	j, err := judge.Inline(t.Context(), &s, received(raw, "ann@elsewhere.example", "x@example.org"), []byte(raw), nil)
	if err != nil || j.Verdict.Disposition != verdict.Malicious || !slices.Contains(j.Verdict.Degraded, "spf") {
		t.Errorf("got %s, degraded %v, %v", j.Verdict.Disposition, j.Verdict.Degraded, err)
	}
}

func TestFactsStaySmall(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.run()
	if _, err := b.process(mail(strings.Repeat("<é>", 100_000)), "ann@elsewhere.example", "x@example.org"); err != nil {
		t.Fatal(err)
	}
	b.until("the facts", func() bool { return strings.Contains(b.kinds("a"), "placed") })
	es, err := b.db.Events(t.Context(), "a", 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		if len(e.Detail) > 10_000 {
			t.Errorf("the fact %s has %d bytes", e.Kind, len(e.Detail))
		}
	}
}

func TestMailOfADomainThatWasRemovedWaits(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c string) string {
		if c == "." {
			return "451 4.3.0 not now"
		}
		return ""
	})
	if _, err := b.process(mail("s"), "ann@elsewhere.example", "x@example.org"); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse([]byte("tenants: [{id: b, domains: [{name: other.example, route: {hosts: [x]}}]}]"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := tenant.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	s := *b.flow.Settings()
	s.Directory = dir
	b.flow.Configure(&s)
	first, err := b.spool.Queue("", 10)
	if err != nil {
		t.Fatal(err)
	}
	b.run()
	b.until("the entry to be looked at", func() bool {
		now, err := b.spool.Queue("", 10)
		return err == nil && len(now) == 1 && now[0].Next.After(first[0].Next)
	})
	if n := len(b.sink.Transactions()); n > 1 {
		t.Errorf("%d transactions: mail of a removed domain went elsewhere", n)
	}
}

func TestForgedSendersAreNotNotified(t *testing.T) {
	t.Parallel()
	reply := func(c string) string {
		if strings.HasPrefix(c, "RCPT TO:<bad@") {
			return "550 5.1.1 nobody here"
		}
		return ""
	}
	b := setup(t, reply)
	s := *b.flow.Settings()
	b.flow.Configure(&s)
	b.run()
	if _, err := b.process(mail("odd"), "victim@forged.example", "x@example.org", "bad@example.org"); err != nil {
		t.Fatal(err)
	}
	b.until("the fact", func() bool { return strings.Contains(b.kinds("a"), "bounced") })
	if n := len(b.sink.Transactions()); n != 1 || b.spool.Stats().Queued != 0 {
		t.Errorf("%d transactions, %d queued: a stranger was told of spam in his name", n, b.spool.Stats().Queued)
	}
}

func TestHeldMailWaitsForBlobsThatAreAway(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	dir := filepath.Join(t.TempDir(), "blobs")
	blobs, err := blob.NewDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.process(mail("evil"), "ann@elsewhere.example", "x@example.org"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	shipper := &mailflow.Shipper{Flow: b.flow, Store: b.db, Blobs: blobs}
	if err := shipper.Ship(t.Context()); err == nil || b.spool.Stats().Held != 1 {
		t.Fatalf("a directory that is away was taken for a lost body: %v, %+v", err, b.spool.Stats())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := shipper.Ship(t.Context()); err != nil {
		t.Fatal(err)
	}
	items, err := b.db.HeldItems(t.Context(), quarantine.Filter{State: quarantine.Held, Limit: 10})
	if err != nil || len(items) != 1 || b.spool.Stats().Held != 0 {
		t.Errorf("got %+v, %v", items, err)
	}
}

// TestFailedRecord proves what is answered when the journal goes away between the
// delivery and the record of it.
func TestFailedRecord(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		to   []string
		want int
	}{
		"all of it is delivered":                     {[]string{"x@example.org"}, 250},
		"somebody must be told of a failure":         {[]string{"x@example.org", "bad@example.org"}, 451},
		"a part should have been held or sent later": {[]string{"x@example.org", "later@example.org"}, 451},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b *bundle
			b = setup(t, func(c string) string {
				switch {
				case strings.HasPrefix(c, "RCPT TO:<bad@"):
					return "550 5.1.1 nobody here"
				case strings.HasPrefix(c, "RCPT TO:<later@"):
					return "451 4.2.1 not now"
				case c == ".":
					if err := b.spool.Close(); err != nil {
						t.Error(err)
					}
				}
				return ""
			})
			reply, err := b.process(mail("s"), "ann@elsewhere.example", tc.to...)
			if err != nil {
				reply = smtp.ReplyFor(err)
			}
			if reply.Code/100 != tc.want/100 {
				t.Errorf("got %v, %v", reply, err)
			}
		})
	}
}
