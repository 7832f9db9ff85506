package mailflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
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
	"outrider/internal/dns"
	"outrider/internal/event"
	"outrider/internal/evidence"
	"outrider/internal/history"
	"outrider/internal/mailflow"
	"outrider/internal/mailtest"
	"outrider/internal/message"
	"outrider/internal/rdap"
	"outrider/internal/spool"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

func TestUndecidedMessageIsJudgedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		var asked atomic.Int32
		k.judge.Later.Whois = func(context.Context, string) *rdap.Registration {
			if asked.Add(1) == 1 {
				return nil // the registry is away at first
			}
			return registered()
		}
		start := time.Now()
		k.send(mail("evil"))
		k.send(mail("plain"))
		k.revisit()
		pass(time.Minute)
		if events, _ := k.rejudgedFacts(); len(events) != 0 || asked.Load() != 1 {
			t.Fatalf("%d facts after %d questions: nothing has changed yet", len(events), asked.Load())
		}
		k.waiting(1)
		pass(time.Hour)
		e, d := k.only()
		if at := e.At.Sub(start).Round(time.Second); at != 10*time.Minute || d.Attempt != 2 {
			t.Errorf("look %d came after %s", d.Attempt, at)
		}
		if d.Before != verdict.None || d.Verdict.Disposition != verdict.Malicious || !d.Verdict.Has("young") || len(d.Verdict.Undecided) != 0 {
			t.Errorf("got %s before, and %+v", d.Before, d.Verdict)
		}
		if !slices.Equal(d.Why, []string{"undecided: whois"}) || !strings.Contains(string(d.Decisions), "quarantine") || d.Auth != nil {
			t.Errorf("why %q, decisions %s, auth %s", d.Why, d.Decisions, d.Auth)
		}
		var observation history.Observation
		if err := json.Unmarshal(d.History, &observation); err != nil || observation.What != history.Unwanted || observation.Author != "ann@elsewhere.example" {
			t.Errorf("the observation is %s: %v", d.History, err)
		}
		if p, _ := k.memory.View("a", time.Now().Add(9*24*time.Hour)).Profile(history.ByAddress, "ann@elsewhere.example"); p.Unwanted == nil || !*p.Unwanted {
			t.Error("the memory has not recorded the observation")
		}
		k.waiting(0)
		if k.results["worse"] != 1 || k.spool.Stats().Bytes != 0 {
			t.Errorf("results %v, %+v", k.results, k.spool.Stats())
		}
		lines := k.log.lines(t, "action")
		if len(lines) != 1 {
			t.Fatalf("%d lines, want one: %v", len(lines), lines)
		}
		wants(t, lines[0], map[string]any{
			"level": "WARN", "action": "rejudged", "message_id": e.MessageID, "before": "NONE", "disposition": "MALICIOUS", "attempt": 2.0, "why": "undecided: whois", "recipients": 1.0,
		})
	})
}

func TestLooksEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		start := time.Now()
		var at []time.Duration
		k.judge.Later.Whois = func(context.Context, string) *rdap.Registration {
			at = append(at, time.Since(start).Round(time.Minute))
			return nil
		}
		k.send(mail("evil"))
		k.revisit()
		pass(24 * time.Hour)
		if want := []time.Duration{0, 10 * time.Minute, 130 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("re-evaluations at %v, want %v", at, want)
		}
		_, d := k.only()
		if d.Attempt != 3 || d.Verdict.Disposition != verdict.None || len(d.Verdict.Undecided) != 1 || d.History != nil {
			t.Errorf("got %+v", d)
		}
		k.waiting(0)
		if k.results["same"] != 1 {
			t.Errorf("results %v", k.results)
		}
	})
}

func TestMailThatIsOwedNothing(t *testing.T) {
	t.Parallel()
	hint := []string{"x@example.org"}
	for name, tc := range map[string]struct {
		detector detect.Detector
		change   func(s *mailflow.Settings)
		to       []string
		subject  string
		refused  bool
	}{
		"what all is known of":           {detector: registryDetector{}, to: hint, subject: "plain"},
		"what the sender keeps":          {detector: both{}, to: []string{"x@strict.example"}, subject: "odd", refused: true},
		"what is malicious":              {detector: both{}, to: hint, subject: "evil"},
		"what a detector broke on":       {detector: both{}, to: hint, subject: "panic"},
		"anything without detection":     {detector: registryDetector{}, to: hint, subject: "odd", change: func(s *mailflow.Settings) { s.Engine = nil }},
		"anything where that is off":     {detector: registryDetector{}, to: hint, subject: "odd", change: func(s *mailflow.Settings) { s.Revisit = false }},
		"the temporary error of offline": {detector: subjectDetector{}, to: hint, subject: "odd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newDesk(t, tc.detector)
			if tc.change != nil {
				s := *k.flow.Settings()
				tc.change(&s)
				k.flow.Configure(&s)
			}
			if err := k.process(mail(tc.subject), tc.to...); (err != nil) != tc.refused {
				t.Fatal(err)
			}
			k.waiting(0)
			if n := k.skipped.Load(); n != 0 {
				t.Errorf("%d re-evaluations were skipped", n)
			}
		})
	}
}

// both is undecided, and has a finding already.
type both struct{}

func (both) Name() string { return "both" }

func (both) Detect(ctx context.Context, e *evidence.Evidence) ([]verdict.Finding, []verdict.Undecided) {
	found, _ := subjectDetector{}.Detect(ctx, e)
	return found, []verdict.Undecided{{ID: "young", Waits: []string{"whois"}}}
}

func TestLateDNSIsAskedAgain(t *testing.T) {
	t.Parallel()
	resolver := func(zone string) *dns.Client {
		c, err := dns.New(dns.Config{Servers: []string{mailtest.StartZone(t, zone).Addr}, Timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	k := newDesk(t, subjectDetector{})
	k.judge.DNS = resolver("fail elsewhere.example\n")
	k.send(mail("odd"))
	k.waiting(1)
	k.judge.DNS = resolver("elsewhere.example TXT \"v=spf1 ip4:192.0.2.1 -all\"\n_dmarc.elsewhere.example TXT \"v=DMARC1; p=reject\"\n")
	k.revisit()
	b := bundle{t: t}
	b.until("the look", func() bool { events, _ := k.rejudgedFacts(); return len(events) == 1 })
	_, d := k.only()
	if len(d.Why) != 1 || !strings.HasPrefix(d.Why[0], "late: ") || !strings.Contains(d.Why[0], "spf") || len(d.Verdict.Degraded) != 0 || !d.Verdict.Has("odd") {
		t.Errorf("why %q, verdict %+v", d.Why, d.Verdict)
	}
	if !strings.Contains(string(d.Auth), `"dmarc":{"result":"pass"`) {
		t.Errorf("authentication found %s", d.Auth)
	}
	k.waiting(0)
}

// slowDetector takes longer than the deadline of mail under way, and in a later re-evaluation longer
// than any, where it is told so.
type slowDetector struct{ looks *atomic.Int32 }

func (slowDetector) Name() string { return "slow" }

func (d slowDetector) Detect(ctx context.Context, e *evidence.Evidence) ([]verdict.Finding, []verdict.Undecided) {
	if n := d.looks.Add(1); n == 1 || n == 2 && e.Message.Subject() == "slow" {
		<-ctx.Done()
		return nil, nil
	}
	return []verdict.Finding{{ID: "late", Class: verdict.ClassPhish, Weight: 5.5}}, nil
}

func TestDetectorThatMissedTheDeadlineIsAskedAgain(t *testing.T) {
	t.Parallel()
	for subject, attempt := range map[string]int{"odd": 1, "slow": 2} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newDesk(t, slowDetector{new(atomic.Int32)})
				start := time.Now()
				k.send(mail(subject))
				if d := time.Since(start); d != budget.Default().Wall {
					t.Errorf("mail waited %s", d)
				}
				k.revisit()
				pass(time.Hour)
				_, d := k.only()
				if d.Attempt != attempt || !d.Verdict.Has("late") || d.Before != verdict.Unknown || !slices.Equal(d.Why, []string{"late: slow"}) {
					t.Errorf("got %+v", d)
				}
				k.waiting(0)
			})
		})
	}
}

// stuckDetector is undecided on the way, takes longer than any re-evaluation once, and then knows.
type stuckDetector struct{ looks *atomic.Int32 }

func (stuckDetector) Name() string { return "stuck" }

func (d stuckDetector) Detect(ctx context.Context, _ *evidence.Evidence) ([]verdict.Finding, []verdict.Undecided) {
	switch d.looks.Add(1) {
	case 1:
		return nil, []verdict.Undecided{{ID: "young", Waits: []string{"whois"}}}
	case 2:
		<-ctx.Done()
		return nil, nil
	}
	return []verdict.Finding{{ID: "young", Class: verdict.ClassPhish, Weight: 5.5}}, nil
}

func TestLookWithoutADetectorDoesNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, stuckDetector{new(atomic.Int32)})
		k.send(mail("odd"))
		k.revisit()
		pass(time.Hour)
		if _, d := k.only(); d.Attempt != 2 || !d.Verdict.Has("young") || !slices.Equal(d.Why, []string{"undecided: whois"}) {
			t.Errorf("got %+v", d)
		}
		k.waiting(0)
	})
}

func TestWithoutRoomMailGoesOn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rows int
		size int64 // of each
		owed bool
	}{
		"too many messages":    {rows: 10_000, size: 1},
		"room for one more":    {rows: 9_999, size: 1, owed: true},
		"too many bytes":       {rows: 256, size: 1 << 20},
		"room for a small one": {rows: 255, size: 1 << 20, owed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newDesk(t, registryDetector{})
			body := message.NewBody(make([]byte, tc.size))
			rows := slices.Repeat([]spool.Revisit{{Next: time.Now().Add(time.Hour), Content: body}}, tc.rows)
			if err := k.spool.Commit(t.Context(), spool.Batch{Revisit: rows}); err != nil {
				t.Fatal(err)
			}
			k.send(mail("odd"))
			want := tc.rows
			if tc.owed {
				want++
			}
			k.waiting(want)
			if skipped := k.skipped.Load() == 1; skipped == tc.owed {
				t.Errorf("%d re-evaluations were skipped", k.skipped.Load())
			}
		})
	}
}

func TestHeldMailAndItsLookShareABody(t *testing.T) {
	t.Parallel()
	k := newDesk(t, both{})
	s := *k.flow.Settings()
	c, err := config.Parse([]byte(`tenants: [{id: a, domains: [{name: example.org, route: {hosts: [n]}, policy: {actions: {SUSPICIOUS: quarantine}}}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Directory, err = tenant.New(&c); err != nil {
		t.Fatal(err)
	}
	k.flow.Configure(&s)
	k.send(mail("odd"))
	if st := k.spool.Stats(); st.Held != 1 || st.Revisits != 1 || st.Bytes != int64(len(mail("odd"))) {
		t.Errorf("got %+v", st)
	}
}

// TestPanicInAReevaluation proves that an internal error ends neither the other re-evaluations nor those to
// come, and costs no verdict.
func TestPanicInAReevaluation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		k.judge.Later.Whois = func(context.Context, string) *rdap.Registration { return registered() }
		k.results["panic"] = 1 // after one of the re-evaluations
		k.send(mail("odd"))
		k.send(mail("odd"))
		k.revisit()
		pass(time.Minute)
		if events, _ := k.rejudgedFacts(); len(events) != 2 {
			t.Errorf("%d facts, want both", len(events))
		}
		k.judge.Later.Deep, k.judge.Later.DeepText = func(context.Context, []attachment.Input) []*attachment.Report { panic("a defect") }, true
		k.opens(attachment.NoteOverlap)
		k.send(withFile("picture"))
		pass(time.Minute)
		_, details := k.rejudgedFacts()
		if len(details) != 3 || !details[2].Verdict.Has("macro") || len(details[2].Verdict.Undecided) != 2 {
			t.Errorf("a re-evaluation that broke gave %+v", details)
		}
		k.waiting(0)
	})
}

func TestWhatWasFoundIsNotLostByALateStage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		k.opens(attachment.NoteOverlap)
		k.judge.Later.Whois = func(context.Context, string) *rdap.Registration { return registered() }
		var scans atomic.Int32
		k.judge.Scan = func(context.Context, []byte) (string, error) {
			if scans.Add(1) == 2 {
				return "", errors.New("the scanner restarts")
			}
			return "Eicar", nil
		}
		k.send(withFile("odd"))
		k.revisit()
		pass(time.Minute)
		if events, _ := k.rejudgedFacts(); len(events) != 0 {
			t.Fatal("a re-evaluation without the scanner counts")
		}
		pass(time.Hour)
		_, d := k.only()
		if d.Attempt != 2 || !d.Verdict.Has("scanned") || !d.Verdict.Has("young") || len(d.Verdict.Degraded) != 2 {
			t.Errorf("got %+v", d)
		}
	})
}

// TestFileThatNobodyCanDraw proves that it hides nothing else.
func TestFileThatNobodyCanDraw(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		k.opens(attachment.NoteOverlap)
		k.judge.Later.Deep = func(ctx context.Context, ins []attachment.Input) []*attachment.Report {
			<-ctx.Done() // takes all the time it can get
			return reports(ins, attachment.NoteWorkerDied)
		}
		k.judge.Later.DeepText = true
		k.judge.Later.Whois = func(context.Context, string) *rdap.Registration { return registered() }
		k.send(withFile("picture"))
		k.revisit()
		pass(5 * time.Minute)
		_, d := k.only()
		if !d.Verdict.Has("macro") || !d.Verdict.Has("young") || !slices.Contains(d.Verdict.Degraded, "attachments") {
			t.Errorf("got %+v", d)
		}
		k.waiting(1) // it may be drawn yet
		pass(24 * time.Hour)
		if events, details := k.rejudgedFacts(); len(events) != 2 || details[1].Attempt != 3 || k.results["worse"] != 1 || k.results["same"] != 1 {
			t.Errorf("in the end there are %+v, %v", details, k.results)
		}
		k.waiting(0)
	})
}

func TestPagesAreDrawnLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var deep []bool
		k := newDesk(t, registryDetector{saw: func(e *evidence.Evidence) { deep = append(deep, e.Deep) }})
		k.judge.Later.DeepText = true
		k.judge.Open = func(_ context.Context, ins []attachment.Input) []*attachment.Report {
			r := attachment.Unopened(ins[0], "")
			r.Notes = nil
			r.Files[0].Format, r.Files[0].Document = "pdf", &attachment.Document{Pages: 1}
			return []*attachment.Report{r}
		}
		k.judge.Later.Deep = func(_ context.Context, ins []attachment.Input) []*attachment.Report {
			return reports(ins, attachment.NoteOverlap)
		}
		k.send(withFile("plain"))
		k.revisit()
		pass(time.Minute)
		_, d := k.only()
		if !d.Verdict.Has("macro") || len(d.Why) != 1 || !strings.HasPrefix(d.Why[0], "pages: ") || !slices.Equal(deep, []bool{false, true}) {
			t.Errorf("got %+v, deep %v", d, deep)
		}
		k.waiting(0)
	})
}

// TestFilesAreDrawnOnlyWhereThatMayTell proves that a message which waits for a registry
// does not take the time of the deep workers, and that one which was drawn once is from
// then on, so that nothing is lost by a later re-evaluation.
func TestFilesAreDrawnOnlyWhereThatMayTell(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]string{"odd": "[false false false]", "picture": "[false true true]"} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var drawn []bool
				k := newDesk(t, registryDetector{saw: func(e *evidence.Evidence) { drawn = append(drawn, e.Deep) }})
				k.opens(attachment.NoteOverlap)
				k.judge.Later.Deep, k.judge.Later.DeepText = k.judge.Later.Open, true
				asked := 0
				k.judge.Later.Whois = func(context.Context, string) *rdap.Registration {
					if asked++; asked == 1 {
						return nil
					}
					return registered()
				}
				k.send(withFile(subject))
				k.revisit()
				pass(time.Hour)
				if got := fmt.Sprint(drawn); got != want {
					t.Errorf("files were drawn: %s, want %s", got, want)
				}
				k.waiting(0)
			})
		})
	}
}

// TestReevaluationsLeaveTheWorkersOfMailInFlightAlone proves that a re-evaluation never asks those who open
// files on the way.
func TestReevaluationsLeaveTheWorkersOfMailInFlightAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		k.opens(attachment.NoteOverlap)
		var asked atomic.Int32
		open := k.judge.Open
		k.judge.Open = func(ctx context.Context, ins []attachment.Input) []*attachment.Report {
			asked.Add(1)
			return open(ctx, ins)
		}
		k.judge.Later.Deep = func(_ context.Context, ins []attachment.Input) []*attachment.Report {
			return reports(ins, attachment.NoteBusy)
		}
		k.judge.Later.DeepText = true
		k.send(withFile("odd"))
		k.send(withFile("picture"))
		k.revisit()
		pass(24 * time.Hour)
		if n := asked.Load(); n != 2 {
			t.Errorf("workers of mail under way were asked about 2 messages %d times", n)
		}
		k.waiting(0)
	})
}

func TestSlowLooksHoldUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		k.opens(attachment.NoteOverlap)
		var busy, most atomic.Int32
		k.judge.Later.Deep = func(_ context.Context, ins []attachment.Input) []*attachment.Report {
			most.Store(max(most.Load(), busy.Add(1)))
			defer busy.Add(-1)
			pause := time.NewTimer(time.Minute)
			defer pause.Stop()
			<-pause.C
			return reports(ins, attachment.NoteOverlap)
		}
		k.judge.Later.DeepText = true
		k.judge.Later.Whois = func(context.Context, string) *rdap.Registration { return registered() }
		for range 20 {
			k.send(withFile("picture"))
		}
		k.send(mail("odd"))
		k.revisit()
		pass(time.Second)
		if _, d := k.only(); !d.Verdict.Has("young") || d.Verdict.Has("macro") {
			t.Errorf("got %+v", d)
		}
		pass(time.Hour)
		if events, _ := k.rejudgedFacts(); len(events) != 21 || most.Load() != 2 {
			t.Errorf("%d facts, %d drawn at once", len(events), most.Load())
		}
		k.waiting(0)
	})
}

// TestNobodyToAsk proves that a rule which waits for a registry that does not exist makes
// no message wait for it.
func TestNobodyToAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		var served atomic.Bool
		k.judge.Registry = func(domain string) bool { return domain == "new.example" && served.Load() }
		k.send(mail("odd"))
		k.waiting(0)
		served.Store(true)
		k.send(mail("odd"))
		k.waiting(1)
		served.Store(false) // as it turns out when it is asked
		k.revisit()
		pass(time.Minute)
		if _, d := k.only(); d.Attempt != 1 || len(d.Verdict.Undecided) != 1 {
			t.Errorf("got %+v", d)
		}
		k.waiting(0)
	})
}

func TestLookDoesNotKnowTheAuthorByTheMessageItself(t *testing.T) {
	t.Parallel()
	var first []bool
	var mu sync.Mutex
	k := newDesk(t, registryDetector{saw: func(e *evidence.Evidence) {
		mu.Lock()
		defer mu.Unlock()
		first = append(first, e.Contact.First())
	}})
	c, err := dns.New(dns.Config{Servers: []string{mailtest.StartZone(t, people).Addr}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	k.judge.DNS = c
	k.judge.Later.Whois = func(context.Context, string) *rdap.Registration { return registered() }
	r := received("From: <ann@friend.example>\r\nTo: x@example.org\r\nSubject: fine\r\n\r\nbody\r\n", "ann@friend.example", "x@example.org")
	if _, err := k.flow.Process(t.Context(), r, accepts{}); err != nil {
		t.Fatal(err)
	}
	if k.memory.Contact("a", "ann@friend.example").First() {
		t.Fatal("the message has not made its author known")
	}
	k.judge.DNS = nil // what was proved stays: keys are rotated
	k.revisit()
	b := bundle{t: t}
	b.until("the look", func() bool { events, _ := k.rejudgedFacts(); return len(events) == 1 })
	if _, d := k.only(); !slices.Equal(first, []bool{true, true}) || len(d.Verdict.Degraded) != 0 {
		t.Errorf("first contact: %v, degraded %v", first, d.Verdict.Degraded)
	}
}

func TestLooksSurviveARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		k.judge.Later.Whois = func(ctx context.Context, _ string) *rdap.Registration {
			<-ctx.Done() // never answers
			return nil
		}
		k.send(mail("odd"))
		k.reopen(registryDetector{})
		k.waiting(1)
		k.revisit()
		pass(time.Second) // it waits for the registry
		k.reopen(registryDetector{})
		k.waiting(1)
		k.judge.Later.Whois = func(context.Context, string) *rdap.Registration { return registered() }
		k.revisit()
		pass(time.Second)
		if _, d := k.only(); d.Attempt != 1 || !d.Verdict.Has("young") {
			t.Errorf("a stop counts as a look: %+v", d)
		}
	})
}

// TestMessageThatEndsTheProcess proves that it does so three times at most, and that the
// others are looked at meanwhile.
func TestMessageThatEndsTheProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		var looks atomic.Int32
		k.judge.Later.Whois = func(context.Context, string) *rdap.Registration {
			looks.Add(1)
			return registered()
		}
		k.send(mail("odd"))
		for n := range 3 {
			// What a process leaves after that ends in its look.
			rows, err := k.spool.Revisits(false, time.Now().Add(24*time.Hour), 10)
			if err != nil || len(rows) != 1 {
				t.Fatalf("got %+v, %v", rows, err)
			}
			rows[0].Attempts = n + 1
			if err := k.spool.Commit(t.Context(), spool.Batch{Again: rows}); err != nil {
				t.Fatal(err)
			}
		}
		k.reopen(registryDetector{})
		k.revisit()
		pass(time.Minute)
		if n := looks.Load(); n != 0 {
			t.Errorf("it was looked at %d times more", n)
		}
		k.waiting(0)
	})
}

func TestLooksLeaveMemoryToMailUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		if err := k.spool.Close(); err != nil {
			t.Fatal(err)
		}
		k.open(registryDetector{}, 8000) // two small messages at once
		var busy, most atomic.Int32
		k.judge.Later.Whois = func(ctx context.Context, _ string) *rdap.Registration {
			most.Store(max(most.Load(), busy.Add(1)))
			defer busy.Add(-1)
			<-ctx.Done()
			return nil
		}
		large := mail("odd") + strings.Repeat("a long text\r\n", 100)
		for range 8 {
			k.send(large)
		}
		k.revisit()
		pass(time.Second)
		start := time.Now()
		k.send(mail("plain"))
		if d := time.Since(start); d != 0 || busy.Load() != 1 {
			t.Errorf("mail waited %s for %d looks", d, busy.Load())
		}
		pass(24 * time.Hour)
		k.waiting(0)
		if most.Load() != 1 {
			t.Errorf("%d re-evaluations at once in the memory of one", most.Load())
		}
	})
}

func TestLooksAreLetGoWhenSwitchedOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		k.judge.Later.Whois = func(context.Context, string) *rdap.Registration { return registered() }
		k.send(mail("odd"))
		s := *k.flow.Settings()
		s.Revisit = false
		k.flow.Configure(&s)
		k.revisit()
		pass(time.Minute)
		if events, _ := k.rejudgedFacts(); len(events) != 0 || k.spool.Stats().Bytes != 0 {
			t.Errorf("%d facts, %+v", len(events), k.spool.Stats())
		}
		k.waiting(0)
	})
}

func TestManyLooksAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newDesk(t, registryDetector{})
		var busy, most atomic.Int32
		k.judge.Later.Whois = func(ctx context.Context, _ string) *rdap.Registration {
			most.Store(max(most.Load(), busy.Add(1)))
			defer busy.Add(-1)
			pause := time.NewTimer(time.Second)
			defer pause.Stop()
			<-pause.C
			return registered()
		}
		k.revisit()
		for i := range 40 {
			k.send(mail([]string{"odd", "fine"}[i%2]))
		}
		pass(time.Minute)
		if events, _ := k.rejudgedFacts(); len(events) != 40 || most.Load() != 2 {
			t.Errorf("%d facts, at most %d at once", len(events), most.Load())
		}
		if fmt.Sprint(k.results) != "map[same:20 worse:20]" {
			t.Errorf("results %v", k.results)
		}
		k.waiting(0)
	})
}

// TestFilesBehindTheBoundAreNotLate proves that no re-evaluation is scheduled for files that no re-evaluation would
// open, although the verdict says that they were not.
func TestFilesBehindTheBoundAreNotLate(t *testing.T) {
	t.Parallel()
	_, part, _ := strings.Cut(withFile("plain"), "MIME-Version: 1.0\r\n")
	many := "From: Ann <ann@elsewhere.example>\r\nTo: x@example.org\r\nSubject: plain\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		strings.Repeat("--b\r\n"+part, 70) + "--b--\r\n"
	for kind, owed := range map[attachment.NoteKind]int{attachment.NoteOverlap: 0, attachment.NoteBusy: 1} {
		k := newDesk(t, registryDetector{})
		k.opens(kind)
		k.send(many)
		k.waiting(owed)
		var judged event.Event
		b := bundle{t: t}
		b.until("the fact", func() bool {
			facts, err := k.spool.Facts(0, 100)
			i := slices.IndexFunc(facts, func(e event.Event) bool { return e.Kind == event.Judged })
			if i >= 0 {
				judged = facts[i]
			}
			return err == nil && i >= 0
		})
		var d event.JudgedDetail
		if err := json.Unmarshal(judged.Detail, &d); err != nil || !slices.Contains(d.Verdict.Degraded, "attachments") {
			t.Errorf("%s: degraded %q, %v", kind, d.Verdict.Degraded, err)
		}
	}
}

// TestMailUnderWayGoesFirst proves that a re-evaluation begins when mail leaves a processor free, and in
// any case in the end.
func TestMailUnderWayGoesFirst(t *testing.T) {
	t.Parallel()
	for busy, want := range map[time.Duration]time.Duration{0: 0, 3 * time.Second: 3 * time.Second, time.Hour: 5 * time.Minute} {
		t.Run(busy.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newDesk(t, registryDetector{saw: func(e *evidence.Evidence) {
					if e.Message.Subject() == "plain" {
						pass := time.NewTimer(busy)
						defer pass.Stop()
						<-pass.C
					}
				}})
				start := time.Now()
				var at time.Duration
				k.judge.Later.Whois = func(context.Context, string) *rdap.Registration {
					at = time.Since(start)
					return registered()
				}
				k.send(mail("odd"))
				var mails sync.WaitGroup
				for range runtime.GOMAXPROCS(0) {
					mails.Go(func() { k.send(mail("plain")) })
				}
				synctest.Wait()
				k.revisit()
				pass(2 * time.Hour)
				mails.Wait()
				if late := at - want; late < 0 || late > 2*time.Second {
					t.Errorf("the re-evaluation came after %s, want %s", at, want)
				}
			})
		})
	}
}
