package mailflow_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/config"
	"outrider/internal/detect"
	"outrider/internal/event"
	"outrider/internal/evidence"
	"outrider/internal/history"
	"outrider/internal/mailflow"
	"outrider/internal/rdap"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/spool"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// registryDetector is undecided about a message until a registry has told of its domain,
// and calls it what the subject says then. It also tells what a scanner and the openers of
// files found.
type registryDetector struct {
	saw func(e *evidence.Evidence) // or nil
}

func (registryDetector) Name() string { return "registry" }

func (d registryDetector) Detect(ctx context.Context, e *evidence.Evidence) (found []verdict.Finding, undecided []verdict.Undecided) {
	if d.saw != nil {
		d.saw(e)
	}
	for _, f := range e.Files() {
		if f.Attached && f.Report != nil && f.Report.Has(attachment.NoteOverlap) {
			found = append(found, verdict.Finding{ID: "macro", Class: verdict.ClassMalware, Weight: 1})
		}
		if f.Attached && e.Malware(f.Part) != "" {
			found = append(found, verdict.Finding{ID: "scanned", Class: verdict.ClassMalware, Weight: 1})
		}
	}
	subject := e.Message.Subject()
	if e.Whois == nil || subject == "plain" {
		return found, nil
	}
	if subject == "picture" && !e.Deep {
		undecided = append(undecided, verdict.Undecided{ID: "read", Waits: []string{"ocr"}})
	}
	if e.Whois(ctx, "new.example") == nil {
		return found, append(undecided, verdict.Undecided{ID: "young", Waits: []string{"whois"}})
	}
	weights := map[string]float64{"evil": 20, "odd": 5.5, "picture": 5.5, "fine": 0}
	return append(found, verdict.Finding{ID: "young", Class: verdict.ClassPhish, Weight: weights[subject]}), undecided
}

// accepts is a next hop that takes everything.
type accepts struct{}

func (accepts) Place(ctx context.Context, c mailflow.Copy, commit func(context.Context) error) []relay.Result {
	var out []relay.Result
	err := commit(ctx)
	for _, r := range c.Job.Envelope.Recipients {
		res := relay.Result{Recipient: r, Status: relay.Delivered, Reply: smtp.Reply{Code: 250, Text: "ok"}, Host: "next"}
		if err != nil {
			res.Status = relay.Deferred
		}
		out = append(out, res)
	}
	return out
}

// desk is a flow without a network, over a real spool.
type desk struct {
	t       *testing.T
	dir     string
	spool   *spool.Spool
	flow    *mailflow.Flow
	judge   *mailflow.Judge
	memory  *history.Memory
	results map[string]int // of re-evaluations
	mu      sync.Mutex     // guards results
	skipped atomic.Int32
	log     logBook
	stop    func()
}

func newDesk(t *testing.T, d detect.Detector) *desk {
	t.Helper()
	k := &desk{t: t, dir: t.TempDir(), memory: history.New(), results: make(map[string]int), stop: func() {}}
	k.judge = &mailflow.Judge{Limits: budget.Default(), History: k.memory, Whois: func(context.Context, string) *rdap.Registration { return nil }}
	k.open(d, 64<<20)
	t.Cleanup(func() {
		k.stop()
		if err := k.spool.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

// open builds the flow over what the directory holds.
func (k *desk) open(d detect.Detector, memory int64) {
	k.t.Helper()
	log := slog.New(slog.NewJSONHandler(&k.log, nil))
	var err error
	if k.spool, err = spool.Open(spool.Options{Dir: k.dir, Edge: "edge", MinFreeBytes: 1, Log: log}); err != nil {
		k.t.Fatal(err)
	}
	c, err := config.Parse([]byte(`
tenants:
  - id: a
    domains:
      - {name: example.org, route: {hosts: [next.example]}}
      - {name: strict.example, route: {hosts: [next.example]}, policy: {actions: {SUSPICIOUS: reject}}}
`))
	if err != nil {
		k.t.Fatal(err)
	}
	dir, err := tenant.New(&c)
	if err != nil {
		k.t.Fatal(err)
	}
	k.flow = mailflow.New(mailflow.Config{
		Settings: &mailflow.Settings{
			Directory: dir, Engine: detect.New(detect.Default(), d), Hostname: "gw.example", MaxHops: 30, OnFailure: tenant.ActionDeliver,
			FirstRetry: time.Millisecond, RetryFor: time.Hour, HoldFor: time.Hour, Revisit: true,
		},
		Judge: k.judge, Spool: k.spool, History: k.memory, Signer: mailflow.NewSigner([]byte("key")), Memory: memory, Log: log,
		Observe: mailflow.Observer{Rejudged: k.rejudged, Skipped: func() { k.skipped.Add(1) }},
	})
}

func (k *desk) rejudged(result string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.results[result]++
	if k.results["panic"] > 0 {
		k.results["panic"]--
		panic("a defect")
	}
}

// reopen does what a restart does.
func (k *desk) reopen(d detect.Detector) {
	k.t.Helper()
	k.stop()
	if err := k.spool.Close(); err != nil {
		k.t.Fatal(err)
	}
	k.open(d, 64<<20)
}

func (k *desk) process(raw string, to ...string) error {
	k.t.Helper()
	if len(to) == 0 {
		to = []string{"x@example.org"}
	}
	_, err := k.flow.Process(k.t.Context(), received(raw, "ann@elsewhere.example", to...), accepts{})
	return err
}

func (k *desk) send(raw string) {
	k.t.Helper()
	if err := k.process(raw); err != nil {
		k.t.Fatal(err)
	}
}

// revisit runs re-evaluations until stop.
func (k *desk) revisit() {
	k.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(k.t.Context()))
	done := make(chan error, 1)
	go func() { done <- k.flow.Revisit(ctx) }()
	k.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			k.t.Error(err)
		}
	})
}

// rejudgedFacts returns the facts about re-evaluations.
func (k *desk) rejudgedFacts() (events []event.Event, details []event.RejudgedDetail) {
	k.t.Helper()
	facts, err := k.spool.Facts(0, 1000)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, e := range facts {
		if e.Kind != event.Rejudged {
			continue
		}
		var d event.RejudgedDetail
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			k.t.Fatal(err)
		}
		events, details = append(events, e), append(details, d)
	}
	return events, details
}

// only returns the one fact there is about re-evaluations.
func (k *desk) only() (event.Event, event.RejudgedDetail) {
	k.t.Helper()
	events, details := k.rejudgedFacts()
	if len(events) != 1 {
		k.t.Fatalf("there are %d facts about looks, want one: %+v", len(events), details)
	}
	return events[0], details[0]
}

func (k *desk) waiting(want int) {
	k.t.Helper()
	if n := k.spool.Stats().Revisits; n != want {
		k.t.Errorf("%d re-evaluations wait, want %d", n, want)
	}
}

// pass lets time go by, and all that is due in it be done.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the clock of the bubble
	synctest.Wait()
}

func registered() *rdap.Registration { return &rdap.Registration{Domain: "new.example", Found: true} }

// reports says one thing about each file.
func reports(ins []attachment.Input, kind attachment.NoteKind) []*attachment.Report {
	var out []*attachment.Report
	for _, in := range ins {
		r := attachment.Unopened(in, "")
		r.Notes = []attachment.Note{{Kind: kind}}
		out = append(out, r)
	}
	return out
}

// opens lets files be opened on the way and later, with one thing to say about them.
func (k *desk) opens(kind attachment.NoteKind) {
	k.judge.Open = func(_ context.Context, ins []attachment.Input) []*attachment.Report { return reports(ins, kind) }
	k.judge.Later.Open = func(_ context.Context, ins []attachment.Input) []*attachment.Report { return reports(ins, kind) }
}

// withFile is a message with an archive.
func withFile(subject string) string {
	archive := base64.StdEncoding.EncodeToString([]byte("PK\x03\x04" + strings.Repeat("x", 400)))
	return "From: Ann <ann@elsewhere.example>\r\nTo: x@example.org\r\nSubject: " + subject + "\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: application/zip; name=a.zip\r\nContent-Disposition: attachment; filename=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + archive + "\r\n"
}
