package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"outrider/internal/event"
	"outrider/internal/mailtest"
)

// TestThroughPostfix sends one message to people with different policies from a real
// Postfix, through Outrider, to a real Postfix, and looks at what that delivers.
func TestThroughPostfix(t *testing.T) {
	t.Parallel()
	next := mailtest.StartPostfix(t, mailtest.PostfixConfig{})
	g := startSite(t, setup{next: next.Addr})
	first := mailtest.StartPostfix(t, mailtest.PostfixConfig{Relay: g.addr})
	rcpts := []string{"bob@plain.example", "bob@tag.example", "bob@banner.example", "bob@hold.example", "bob@reject.example", "reports@hold.example"}
	c, err := dial(t.Context(), first.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if o, err := c.send("mal@bad.example", "", rcpts, twoParts); err != nil || len(o.acked()) != len(rcpts) {
		t.Fatalf("Postfix took the message for %v: %v", o, err)
	}
	got := arrived(t, next.Sink, 4)

	untouched := to(t, got, "bob@plain.example").Body()
	if !bytes.HasSuffix(untouched, []byte(twoParts)) {
		t.Errorf("the message without tag and banner arrived as:\n%s", untouched)
	}
	if s := parse(to(t, got, "bob@tag.example").Body()).Subject(); s != "[MALICIOUS] Minutes" {
		t.Errorf("subject is %q", s)
	}
	if !bytes.HasSuffix(to(t, got, "reports@hold.example").Body(), []byte(twoParts)) {
		t.Error("the message for the exempt recipient was changed")
	}
	checkBanner(t, to(t, got, "bob@banner.example").Body())
	for _, x := range got {
		if err := g.verify(t, x.Body()); err != nil {
			t.Errorf("message for %v: %v", x.Rcpts, err)
		}
		if x.From != "" && pathOf(x.From) != "mal@bad.example" {
			t.Errorf("sender of %v is %q", x.Rcpts, x.From)
		}
	}

	// Those who would have refused it hold it, since others took it.
	items := g.held(t, 2)
	for _, i := range items {
		g.release(t, i.ID)
	}
	got = arrived(t, next.Sink, 6)
	for _, rcpt := range []string{"bob@hold.example", "bob@reject.example"} {
		checkOriginal(t, to(t, got, rcpt).Body(), twoParts)
	}
	g.facts(t, event.Released, 2)
	g.facts(t, event.Placed, 6)
}

func checkBanner(t *testing.T, raw []byte) {
	t.Helper()
	parts := parse(raw).TextParts()
	if len(parts) != 2 {
		t.Fatalf("the message with a banner has %d texts", len(parts))
	}
	for _, p := range parts {
		text := strings.Join(strings.Fields(p.Text()), " ")
		banner, minutes := strings.Index(text, "Beware of this sender."), strings.Index(text, "The minutes")
		if banner < 0 || minutes < banner {
			t.Errorf("the text %s has no banner before it:\n%s", p.MediaType, text)
		}
	}
}

// checkOriginal makes sure that the message is the original one below the trace fields
// of the hosts on the way and those of its receipt and release.
func checkOriginal(t *testing.T, raw []byte, original string) {
	t.Helper()
	trace, ok := bytes.CutSuffix(raw, []byte(original))
	if !ok {
		t.Fatalf("the released message is not the original:\n%s", raw)
	}
	for line := range strings.Lines(string(trace)) {
		ours := slices.ContainsFunc([]string{"Received: ", "Authentication-Results: ", "X-Outrider-", "\t", " "}, func(start string) bool { return strings.HasPrefix(line, start) })
		if !ours {
			t.Errorf("the released message has an added line %q", line)
		}
	}
	for _, want := range []string{"X-Outrider-Released: ", "reason=blocked:bad.example"} {
		if !bytes.Contains(trace, []byte(want)) {
			t.Errorf("the released message lacks %q in\n%s", want, trace)
		}
	}
}

// TestSeveralPoliciesSplitOneMessage has fewer copies than recipients.
func TestSeveralPoliciesSplitOneMessage(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	g := startSite(t, setup{next: sink.Addr})
	g.mustSend(t, "mal@bad.example", []string{"a@tag.example", "b@tag.example", "a@banner.example", "b@banner.example"}, twoParts)
	got := arrived(t, sink, 2)
	for _, x := range got {
		if len(x.Rcpts) != 2 {
			t.Errorf("a copy went to %v", x.Rcpts)
		}
	}
}

func TestDeferredMailArrivesLater(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	sink := mailtest.StartSink(t, mailtest.SinkConfig{Reply: func(command string) string {
		if !up.Load() && strings.HasPrefix(command, "RCPT") {
			return "451 4.3.0 Not now"
		}
		return ""
	}})
	g := startSite(t, setup{next: sink.Addr})
	g.mustSend(t, "ann@sender.example", []string{"bob@plain.example"}, simple("ann@sender.example", "Later"))
	g.facts(t, event.Deferred, 2) // the first attempt, and a retry
	up.Store(true)
	got := arrived(t, sink, 1)
	if body := simple("ann@sender.example", "Later"); !bytes.HasSuffix(got[0].Body(), []byte(body)) {
		t.Errorf("the message arrived as:\n%s", got[0].Body())
	}
	if err := g.verify(t, got[0].Body()); err != nil {
		t.Error(err)
	}
	events := g.facts(t, event.Placed, 1)
	if n := len(ofKind(events, event.Received)); n != 1 {
		t.Errorf("the message was received %d times", n)
	}
}

// TestNextHopDown needs no answer at all from the next hop.
func TestNextHopDown(t *testing.T) {
	t.Parallel()
	g := startSite(t, setup{next: quietAddr(t), retryFor: "1s"})
	g.mustSend(t, "", []string{"bob@plain.example"}, simple("ann@sender.example", "Nobody"))
	for _, e := range ofKind(g.facts(t, event.Bounced, 1), event.Bounced) {
		if dsnSent(t, e) {
			t.Error("the null sender was notified")
		}
	}
}

func dsnSent(t *testing.T, e event.Event) bool {
	t.Helper()
	var d event.DeliveryDetail
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		t.Fatal(err)
	}
	return d.DSN
}

// TestBounces reach the Postfix of the sender: after a refusal that came too late to
// be passed on, and when time is up. The null sender gets none.
func TestBounces(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{Reply: refusals()})
	back := mailtest.StartSink(t, mailtest.SinkConfig{})
	home := mailtest.StartPostfix(t, mailtest.PostfixConfig{Relay: back.Addr})
	g := startSite(t, setup{next: sink.Addr, back: home.Addr, retryFor: "1s"})
	for _, rcpt := range []string{"never@plain.example", "later-never-too@plain.example", "late@plain.example"} {
		g.send(t, "", []string{rcpt}, simple("ann@sender.example", rcpt))
	}
	if o := g.send(t, "ann@sender.example", []string{"never@plain.example"}, simple("ann@sender.example", "No")); o.final.code != 550 {
		t.Errorf("the refusal was passed on as %v", o.final)
	}
	g.mustSend(t, "ann@sender.example", []string{"good@plain.example", "never@plain.example"}, simple("ann@sender.example", "Partly"))
	g.mustSend(t, "ann@sender.example", []string{"later-never@plain.example"}, simple("ann@sender.example", "Afterwards"))
	g.mustSend(t, "ann@sender.example", []string{"late@plain.example"}, simple("ann@sender.example", "Expired"))
	got := arrived(t, back, 3)
	for _, failed := range []string{"\r\nFinal-Recipient: rfc822;never@plain.example\r\n", "rfc822;later-never@plain.example\r\n", "rfc822;late@plain.example\r\n"} {
		n := 0
		for _, x := range got {
			if strings.Contains(strings.ReplaceAll(string(x.Body()), "rfc822; ", "rfc822;"), failed) {
				n++
			}
			if pathOf(x.From) != "" || !slices.ContainsFunc(x.Rcpts, func(r string) bool { return pathOf(r) == "ann@sender.example" }) {
				t.Errorf("a notification went from %q to %v", x.From, x.Rcpts)
			}
		}
		if n != 1 {
			t.Errorf("%d notifications name %s", n, strings.TrimSpace(failed))
		}
	}
	told, untold := 0, 0
	for _, e := range ofKind(g.facts(t, event.Bounced, 5), event.Bounced) {
		if dsnSent(t, e) {
			told++
		} else {
			untold++
		}
	}
	if told != 3 || untold != 2 {
		t.Errorf("%d bounces with and %d without a notification", told, untold)
	}
	to(t, sink.Transactions(), "good@plain.example")
}

// refusals answers by the name of the recipient: each "later-never" is deferred once.
func refusals() func(string) string {
	var asked sync.Map // recipients that were deferred
	return func(command string) string {
		switch rcpt := pathOf(command); {
		case !strings.HasPrefix(command, "RCPT"):
			return ""
		case strings.HasPrefix(rcpt, "never@"):
			return "550 5.1.1 No such mailbox"
		case strings.HasPrefix(rcpt, "late@"):
			return "451 4.2.1 Not now"
		case strings.HasPrefix(rcpt, "later-never"):
			if _, before := asked.LoadOrStore(rcpt, true); before {
				return "550 5.1.1 Gone"
			}
			return "451 4.2.1 Not now"
		}
		return ""
	}
}

// TestReplyOfTheNextHopIsPassedOn in the normal case, in which there is no queue.
func TestReplyOfTheNextHopIsPassedOn(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{Reply: func(command string) string {
		if command == "." {
			return "250 2.0.0 Queued as 4711"
		}
		return ""
	}})
	g := startSite(t, setup{next: sink.Addr})
	o := g.send(t, "ann@sender.example", []string{"bob@plain.example"}, simple("ann@sender.example", "Hi"))
	if o.final.code != 250 || !strings.Contains(o.final.text, "Queued as 4711") {
		t.Errorf("the gateway said %v", o.final)
	}
}

// TestStopDrains stops the gateway while the next hop thinks about one message that
// is held for one recipient and on its way to another.
func TestStopDrains(t *testing.T) {
	t.Parallel()
	reached, answer := make(chan struct{}), make(chan struct{})
	sink := mailtest.StartSink(t, mailtest.SinkConfig{Reply: func(command string) string {
		if command == "." {
			close(reached)
			<-answer
		}
		return ""
	}})
	g := startSite(t, setup{next: sink.Addr})
	c, idle := g.client(t), g.client(t)
	said := make(chan error, 1)
	go func() {
		o, err := c.send("mal@bad.example", "", []string{"bob@plain.example", "bob@hold.example"}, twoParts)
		if err == nil && o.final.code != 250 {
			err = fmt.Errorf("the gateway said %v", o.final)
		}
		said <- err
	}()
	<-reached
	stopped := make(chan error, 1)
	go func() { stopped <- g.stop() }()
	if r, err := idle.reply(); err != nil || r.code != 421 {
		t.Errorf("the idle client was told %v: %v", r, err)
	}
	close(answer)
	if err := <-said; err != nil {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if len(sink.Transactions()) != 1 {
		t.Errorf("%d messages arrived", len(sink.Transactions()))
	}
	g.held(t, 1)
}

// TestRestartKeepsTheQueue stops a gateway with a queue and starts another on its data.
func TestRestartKeepsTheQueue(t *testing.T) {
	t.Parallel()
	sink := startLedger(t)
	sink.healthy.Store(true)
	sink.closed.Store(true)
	p := newProcess(t, t.TempDir(), strings.ReplaceAll(tortureConfig, "{{SINK}}", sink.addr))
	if err := p.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &torture{p: p, sink: sink}
	for n := range 20 {
		r.letters = append(r.letters, newLetter(n))
	}
	r.sendAll(t.Context())
	if err := r.p.end(15); err != nil {
		t.Fatal(err)
	}
	sink.closed.Store(false)
	if err := p.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, func() error { return p.drained(t.Context()) })
	if err := r.p.end(15); err != nil {
		t.Fatal(err)
	}
	r.account(t, 0)
}
