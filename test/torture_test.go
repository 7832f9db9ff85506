package test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"outrider/internal/event"
	"outrider/internal/quarantine"
	"outrider/internal/spool"
	"outrider/internal/store"
	"outrider/internal/store/blob"
)

// tortureConfig has two tenants, retries within a second, and a next hop that gets
// short patience.
const tortureConfig = `
hostname: outrider.example.net
data_dir: {{DATA}}
listen: {smtp: ["{{SMTP}}"], http: "{{HTTP}}"}
smtp: {max_messages: 100000}
dns: {off: true}
log: {level: error}
spool: {min_free: 160MiB}
relay:
  first_retry: 1s
  connect_timeout: 2s
  reply_timeout: 1s
  final_timeout: 1s
  outbound: {hosts: ["{{SINK}}"], tls: none}
tenants:
  - id: alpha
    name: Alpha
    domains: [{name: alpha.example, route: {type: smtp, hosts: ["{{SINK}}"], tls: none}}]
    blocked: [{sender: blocked.example}]
    exempt: [open@alpha.example]
    policy: {actions: {MALICIOUS: quarantine}}
  - id: beta
    name: Beta
    domains: [{name: beta.example, route: {type: smtp, hosts: ["{{SINK}}"], tls: none}}]
    blocked: [{sender: blocked.example}]
    policy: {actions: {MALICIOUS: quarantine}}
`

// Shape of the load.
const (
	senders       = 8    // clients at once
	perConnection = 20   // messages that a client sends before it connects anew
	blockedShare  = 0.15 // of the messages that policy quarantines
	largeShare    = 0.02 // of the messages whose body the spool keeps in a file
	largeSize     = 300_000
)

// letter is one message of the torture.
type letter struct {
	id, from string
	rcpts    []string
	size     int

	acked    []string // recipients that the gateway took
	rejected bool     // refused for good
	tries    int
	silent   int // tries without an answer
}

func newLetter(n int) *letter {
	l := &letter{id: fmt.Sprintf("t%06d", n), from: "ann@sender.example", size: 200 + rand.IntN(6000)}
	if rand.Float64() < blockedShare {
		l.from = "mal@blocked.example"
	}
	if rand.Float64() < largeShare {
		l.size = largeSize
	}
	domain := []string{"alpha.example", "beta.example"}[n%2]
	for _, local := range []string{"open", "bob", "eve"}[:1+rand.IntN(3)] {
		l.rcpts = append(l.rcpts, local+"@"+domain)
	}
	return l
}

// text renders the message; the same one gives the same octets.
func (l *letter) text() string {
	line := "Minutes of the meeting " + l.id + ", as agreed on Tuesday.\r\n.and a dot\r\n"
	body := strings.Repeat(line, l.size/len(line)+1)
	sum := sha256.Sum256([]byte(body))
	return "From: Ann <" + l.from + ">\r\nTo: " + strings.Join(l.rcpts, ", ") + "\r\nSubject: Minutes " + l.id +
		"\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <" + l.id + "@torture.example>\r\nX-Torture-ID: " + l.id +
		"\r\nX-Torture-Sum: " + hex.EncodeToString(sum[:]) + "\r\n\r\n" + body
}

// torture is one run.
type torture struct {
	p       *process
	sink    *ledger
	letters []*letter
	done    atomic.Int64 // letters answered for good
	resent  atomic.Int64 // transactions without an answer
	refused atomic.Int64 // transactions answered 4xx
}

func envInt(t *testing.T, name string, usual int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return usual
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
	return n
}

// TestTorture kills the gateway under load and accounts for every message.
func TestTorture(t *testing.T) {
	t.Parallel()
	messages, kills := envInt(t, "OUTRIDER_TORTURE", 2000), envInt(t, "OUTRIDER_KILLS", 8)
	sink := startLedger(t)
	p := newProcess(t, t.TempDir(), strings.ReplaceAll(tortureConfig, "{{SINK}}", sink.addr))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(messages)*50*time.Millisecond)
	defer cancel()
	if err := p.start(ctx); err != nil {
		t.Fatal(err)
	}
	r := &torture{p: p, sink: sink}
	for n := range messages {
		r.letters = append(r.letters, newLetter(n))
	}
	began := time.Now()
	var work sync.WaitGroup
	work.Go(func() { r.sendAll(ctx) })
	r.killUnderLoad(ctx, t, kills-kills/4)
	work.Wait()
	sent := time.Since(began)
	r.killRetries(ctx, t, kills/4)
	sink.healthy.Store(true)
	if err := until(ctx, func() error { return p.drained(ctx) }); err != nil {
		t.Fatalf("the queue does not drain: %v", err)
	}
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Fatalf("stopping: %v", err)
	}
	t.Logf("%d messages sent in %v, drained after %v; %d kills; %d transactions resent without an answer, %d after a 4xx",
		messages, sent.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), kills, r.resent.Load(), r.refused.Load())
	r.account(t, kills)
}

// sendAll sends every letter until it is answered for good.
func (r *torture) sendAll(ctx context.Context) {
	todo := make(chan *letter)
	var work sync.WaitGroup
	for range senders {
		work.Go(func() {
			for batch := range chunks(todo, perConnection) {
				r.sendBatch(ctx, batch)
			}
		})
	}
	for _, l := range r.letters {
		todo <- l
	}
	close(todo)
	work.Wait()
}

// chunks gathers up to n values at a time.
func chunks(in <-chan *letter, n int) func(yield func([]*letter) bool) {
	return func(yield func([]*letter) bool) {
		var batch []*letter
		for l := range in {
			if batch = append(batch, l); len(batch) == n {
				if !yield(batch) {
					return
				}
				batch = nil
			}
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// sendBatch sends letters over as few connections as the gateway and its death allow.
func (r *torture) sendBatch(ctx context.Context, batch []*letter) {
	var c *client
	defer func() {
		if c != nil {
			c.close()
		}
	}()
	for len(batch) > 0 && ctx.Err() == nil {
		if c == nil {
			var err error
			if c, err = dial(ctx, r.p.smtp); err != nil {
				pause(ctx, 50*time.Millisecond)
				continue
			}
		}
		over, err := r.try(c, batch[0])
		if err != nil {
			c.close()
			c = nil
			continue
		}
		if over {
			batch = batch[1:]
			r.done.Add(1)
		}
	}
}

// try sends a letter once, and reports whether that was the last time. An error says
// that the connection is useless.
func (r *torture) try(c *client, l *letter) (over bool, err error) {
	l.tries++
	o, err := c.send(l.from, "", l.rcpts, l.text())
	if err != nil {
		r.resent.Add(1)
		l.silent++
		return false, err
	}
	switch o.final.code / 100 {
	case 2:
		l.acked = o.acked()
		return true, nil
	case 5:
		l.rejected = true
		return true, nil
	}
	r.refused.Add(1)
	if o.final.code == 421 {
		return false, errors.New("server leaves")
	}
	return false, nil
}

// killUnderLoad spreads kills over the sending.
func (r *torture) killUnderLoad(ctx context.Context, t *testing.T, n int) {
	t.Helper()
	for k := range n {
		goal := int64(len(r.letters) * (k + 1) / (n + 1))
		err := until(ctx, func() error {
			if r.done.Load() < goal {
				return fmt.Errorf("%d of %d letters sent", r.done.Load(), len(r.letters))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		pause(ctx, rand.N(100*time.Millisecond))
		if err := r.p.restart(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// killRetries kills while only the queue works.
func (r *torture) killRetries(ctx context.Context, t *testing.T, n int) {
	t.Helper()
	for range n {
		pause(ctx, rand.N(800*time.Millisecond))
		if err := r.p.restart(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// books is what the gateway's own records say, after it was stopped.
type books struct {
	field   map[string]string          // Message-ID field by the gateway's id
	kinds   map[string]map[string]bool // kinds of facts by the gateway's id
	bounced map[string]bool            // by "id recipient"
	held    map[string]bool            // by "id recipient", with bytes that can be read
	queued  map[string]bool            // by "id recipient"
	count   map[event.Kind]int
}

func (b *books) id(gateway string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(b.field[gateway], "<"), "@")
	return id
}

// read opens the spool and the database of a gateway that is stopped.
func read(t *testing.T, data string) *books {
	t.Helper()
	b := &books{
		field: map[string]string{}, kinds: map[string]map[string]bool{}, bounced: map[string]bool{},
		held: map[string]bool{}, queued: map[string]bool{}, count: map[event.Kind]int{},
	}
	db, err := store.OpenSQLite(t.Context(), filepath.Join(data, "outrider.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	b.readEvents(t, db)
	b.readHeld(t, db, data)
	b.readSpool(t, data)
	return b
}

// readEvents reads all facts, and checks that the sequences have no gaps.
func (b *books) readEvents(t *testing.T, db *store.DB) {
	t.Helper()
	var edge []uint64
	for _, tenant := range []string{"alpha", "beta"} {
		last := int64(0)
		for {
			events, err := db.Events(t.Context(), tenant, last, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(events) == 0 {
				break
			}
			for i := range events {
				if e := &events[i]; e.Seq != last+1 {
					t.Errorf("tenant %s: event %d follows event %d", tenant, e.Seq, last)
				}
				last = events[i].Seq
				edge = append(edge, events[i].EdgeSeq)
				b.note(&events[i])
			}
		}
	}
	slices.Sort(edge)
	for i := 1; i < len(edge); i++ {
		if edge[i] != edge[i-1]+1 {
			t.Errorf("edge: fact %d follows fact %d", edge[i], edge[i-1])
		}
	}
}

func (b *books) note(e *event.Event) {
	if b.kinds[e.MessageID] == nil {
		b.kinds[e.MessageID] = map[string]bool{}
	}
	b.kinds[e.MessageID][string(e.Kind)] = true
	b.count[e.Kind]++
	switch e.Kind {
	case event.Received:
		var d event.ReceivedDetail
		if json.Unmarshal(e.Detail, &d) == nil {
			b.field[e.MessageID] = d.MessageID
		}
	case event.Bounced:
		for _, r := range e.Recipients {
			b.bounced[b.id(e.MessageID)+" "+r] = true
		}
	default:
	}
}

// readHeld reads the quarantine, every message with all its bytes.
func (b *books) readHeld(t *testing.T, db *store.DB, data string) {
	t.Helper()
	blobs, err := blob.NewDisk(filepath.Join(data, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	items, err := db.HeldItems(t.Context(), quarantine.Filter{State: quarantine.Held, Limit: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range items {
		if n, err := blobSize(t.Context(), blobs, items[i].Blob); err != nil || n != items[i].Size {
			t.Errorf("held message %s has %d of %d bytes: %v", items[i].ID, n, items[i].Size, err)
			continue
		}
		for _, r := range items[i].Envelope.Recipients {
			b.held[b.id(items[i].MessageID)+" "+r.Address] = true
		}
	}
}

func blobSize(ctx context.Context, blobs *blob.Disk, id string) (int64, error) {
	r, err := blobs.Open(ctx, id)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, r)
	return n, errors.Join(err, r.Close())
}

func (b *books) readSpool(t *testing.T, data string) {
	t.Helper()
	edge, err := os.ReadFile(filepath.Join(data, "edge.id"))
	if err != nil {
		t.Fatal(err)
	}
	sp, err := spool.Open(spool.Options{Dir: filepath.Join(data, "spool"), Edge: strings.TrimSpace(string(edge)), MinFreeBytes: 160 << 20, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sp.Close() }()
	entries, err := sp.Queue("", 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		for _, r := range entries[i].Envelope.Recipients {
			b.queued[b.id(string(entries[i].MessageID))+" "+r.Address] = true
		}
	}
	if intents, err := sp.Interrupted(); err != nil || len(intents) > 0 {
		t.Errorf("%d intents are open after a graceful stop: %v", len(intents), err)
	}
}

// account looks for every acknowledged recipient of every letter.
func (r *torture) account(t *testing.T, kills int) {
	t.Helper()
	b := read(t, r.p.data)
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	tally := map[string]int{}
	for _, l := range r.letters {
		if len(l.acked) == 0 && !l.rejected {
			t.Errorf("letter %s was never answered", l.id)
		}
		if l.rejected {
			tally["returned to the sender"]++
		}
		for _, rcpt := range l.acked {
			key := l.id + " " + rcpt
			where := r.where(b, key)
			tally[where]++
			if where == "lost" {
				t.Errorf("acknowledged and lost: %s from %s after %d tries", key, l.from, l.tries)
			}
		}
	}
	r.checkUnseen(t, b)
	copies, unexcused := r.duplicates()
	// A kill between the reply of the next hop and its record in the spool cannot be seen from
	// outside if the connection went on to another message meanwhile. Usually there is none.
	if unexcused > kills {
		t.Errorf("%d of %d duplicates have no excuse, want at most one for each of %d kills", unexcused, copies, kills)
	}
	t.Logf("acknowledged recipients: %v; duplicates: %d, without excuse %d (%d replies of the next hop withheld); notices: %d", tally, copies, unexcused, r.sink.unanswered, r.sink.notices)
	t.Logf("facts: %v", b.count)
}

// duplicates counts copies too many, and those among them that nothing excuses: neither a
// transaction of the client without an answer, nor a reply of the next hop that the gateway
// may not have read.
func (r *torture) duplicates() (copies, unexcused int) {
	for _, l := range r.letters {
		for _, rcpt := range l.rcpts {
			key := l.id + " " + rcpt
			if extra := r.sink.copies[key] - 1; extra > 0 {
				copies += extra
				unexcused += max(0, extra-r.sink.excuses[key]-l.silent)
			}
		}
	}
	return copies, unexcused
}

// where says what became of one acknowledged recipient.
func (r *torture) where(b *books, key string) string {
	switch {
	case r.sink.copies[key] > 0:
		return "delivered"
	case b.held[key]:
		return "held"
	case b.bounced[key]:
		return "bounced"
	case b.queued[key]:
		return "queued"
	default:
		return "lost"
	}
}

// checkUnseen makes sure that nothing reached the next hop that the facts do not tell
// of: an outcome, or that the session was interrupted.
func (r *torture) checkUnseen(t *testing.T, b *books) {
	t.Helper()
	for _, id := range r.sink.damaged {
		t.Errorf("letter %s arrived damaged", id)
	}
	ends := []event.Kind{event.Placed, event.Deferred, event.Rejected, event.Refused, event.Bounced, event.Interrupted}
	for id := range r.sink.gateway {
		if !slices.ContainsFunc(ends, func(k event.Kind) bool { return b.kinds[id][string(k)] }) {
			t.Errorf("message %s arrived and the facts are silent: %v", id, b.kinds[id])
		}
	}
}
