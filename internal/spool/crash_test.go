package spool_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider/internal/event"
	"outrider/internal/message"
	"outrider/internal/spool"
)

// Environment of the child process of TestCrashTorture.
const envCrashDir = "OUTRIDER_SPOOL_CRASH_DIR"

func crashOptions(dir string) spool.Options {
	return spool.Options{Dir: dir, Edge: "edge-1", MinFreeBytes: 1, BodyFileThreshold: 4 << 10, Log: slog.New(slog.DiscardHandler)}
}

// TestMain turns the test binary into the victim of TestCrashTorture when it is
// started as one, and looks for goroutines that are left when it is not.
func TestMain(m *testing.M) {
	if dir := os.Getenv(envCrashDir); dir != "" {
		os.Exit(victim(dir))
	}
	goleak.VerifyTestMain(m)
}

// victim commits from many writers and tells its standard output what the spool has
// acknowledged, until it is killed.
func victim(dir string) int {
	s, err := spool.Open(crashOptions(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var out sync.Mutex
	ack := func(line string) {
		out.Lock()
		defer out.Unlock()
		_, _ = os.Stdout.WriteString(line + "\n") // a pipe keeps what was written when the writer dies
	}
	ack("open")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				if err := victimStep(s, ack); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}
		})
	}
	wg.Wait()
	return 0
}

// victimStep is one message that is queued, and sometimes delivered at once. The
// lines say what a later reader may rely on; "ending" comes before the entry ends,
// since the kill may come between the fsync and the acknowledgement.
func victimStep(s *spool.Spool, ack func(string)) error {
	ctx := context.Background()
	id := message.NewID(time.Now())
	a, err := s.Begin(spool.Intent{ID: id, Tenant: "t", At: time.Now()})
	if err != nil {
		return err
	}
	if err := a.Wait(ctx); err != nil {
		return err
	}
	body := message.NewBody([]byte(strings.Repeat(string(id)+"\r\n", 1+rand.IntN(300))))
	e := spool.Entry{MessageID: id, Tenant: "t", Content: body, Next: time.Now()}
	f := event.Event{Kind: event.Deferred, Tenant: "t", MessageID: string(id), At: time.Now()}
	if rand.IntN(4) == 0 {
		return s.Commit(ctx, spool.Batch{ID: id, Facts: []event.Event{f}, Lazy: true})
	}
	q := []spool.Entry{e}
	if err := s.Commit(ctx, spool.Batch{ID: id, Queue: q, Facts: []event.Event{f}}); err != nil {
		return err
	}
	ack(fmt.Sprintf("queued %s %s %d", q[0].ID, id, body.Size()))
	// The scheduled re-evaluation shares the body of the entry, and may outlive it.
	v := []spool.Revisit{{MessageID: id, Tenant: "t", Next: time.Now(), Body: q[0].Body}}
	if err := s.Commit(ctx, spool.Batch{Revisit: v, Lazy: rand.IntN(2) == 0}); err != nil {
		return err
	}
	if rand.IntN(2) == 0 {
		defer func() { _ = s.Commit(ctx, spool.Batch{Revisited: []string{v[0].ID}, Lazy: true}) }()
	}
	if rand.IntN(2) == 0 {
		return nil
	}
	ack("ending " + q[0].ID)
	f.Kind = event.Placed
	if err := s.Commit(ctx, spool.Batch{Done: []string{q[0].ID}, Facts: []event.Event{f}}); err != nil {
		return err
	}
	ack("ended " + q[0].ID)
	return nil
}

// ledger is what the victims were told.
type ledger struct {
	queued        map[string]string // entry id to message id and size
	ending, ended map[string]bool
}

func (l *ledger) read(line string) {
	word := strings.Fields(line)
	switch {
	case len(word) == 4 && word[0] == "queued":
		l.queued[word[1]] = word[2] + " " + word[3]
	case len(word) == 2 && word[0] == "ending":
		l.ending[word[1]] = true
	case len(word) == 2 && word[0] == "ended":
		l.ended[word[1]] = true
	}
}

// TestCrashTorture kills a process under load at random moments, again and again on
// one directory, and compares what the spool holds with what it acknowledged.
func TestCrashTorture(t *testing.T) {
	t.Parallel()
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	dir := t.TempDir()
	l := &ledger{queued: map[string]string{}, ending: map[string]bool{}, ended: map[string]bool{}}
	for range rounds {
		killOne(t, dir, l)
		compare(t, dir, l)
	}
	t.Logf("%d messages acknowledged, %d ended, %d crashes", len(l.queued), len(l.ended), rounds)
}

func killOne(t *testing.T, dir string, l *ledger) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envCrashDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	left := 50 + rand.IntN(2000) // lines until the kill, so that the moment differs each time
	for lines.Scan() {
		l.read(lines.Text())
		if left--; left == 0 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || left > 0 {
		t.Fatalf("the victim ended by itself: %v", err)
	}
}

// compare opens the spool as the next process would.
func compare(t *testing.T, dir string, l *ledger) {
	t.Helper()
	s, err := spool.Open(crashOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	es, err := s.Queue("", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, e := range es {
		have[e.ID] = true
		if want, ok := l.queued[e.ID]; ok && want != fmt.Sprintf("%s %d", e.MessageID, e.Body.Size) {
			t.Errorf("entry %s is %s %d, acknowledged as %s", e.ID, e.MessageID, e.Body.Size, want)
		}
		if got := content(t, s, e.Body); strings.Trim(strings.ReplaceAll(got, string(e.MessageID), ""), "\r\n") != "" {
			t.Errorf("body of %s differs", e.ID)
		}
	}
	compareRevisits(t, s)
	for id := range l.queued {
		if !have[id] && !l.ending[id] {
			t.Errorf("acknowledged entry %s is lost", id)
		}
		if have[id] && l.ended[id] {
			t.Errorf("ended entry %s came back", id)
		}
	}
	compareFacts(t, s, l)
	resolve(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// compareRevisits reads the body of every scheduled re-evaluation, and fails if anything is left over.
func compareRevisits(t *testing.T, s *spool.Spool) {
	t.Helper()
	vs, err := s.Revisits(false, time.Now().Add(time.Hour), 1<<20)
	if err != nil || len(vs) != s.Stats().Revisits {
		t.Fatalf("%d re-evaluations wait, want %d: %v", len(vs), s.Stats().Revisits, err)
	}
	for i := range vs {
		if got := content(t, s, vs[i].Body); strings.Trim(strings.ReplaceAll(got, string(vs[i].MessageID), ""), "\r\n") != "" {
			t.Errorf("body of look %s differs", vs[i].ID)
		}
	}
}

func compareFacts(t *testing.T, s *spool.Spool, l *ledger) {
	t.Helper()
	facts, err := s.Facts(0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	deferred := map[string]bool{}
	for i, f := range facts {
		if f.EdgeSeq != uint64(i+1) {
			t.Fatalf("fact %d has number %d", i+1, f.EdgeSeq)
		}
		if f.Kind == event.Deferred {
			deferred[f.MessageID] = true
		}
	}
	for id, m := range l.queued {
		if name, _, _ := strings.Cut(m, " "); !deferred[name] {
			t.Errorf("fact of acknowledged entry %s is lost", id)
		}
	}
}

// resolve ends the interrupted intents as start-up does.
func resolve(t *testing.T, s *spool.Spool) {
	t.Helper()
	is, err := s.Interrupted()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range is {
		f := event.Event{Kind: event.Interrupted, Tenant: "t", MessageID: string(i.ID), At: at}
		commit(t, s, spool.Batch{ID: i.ID, Facts: []event.Event{f}})
	}
	if is, _ := s.Interrupted(); len(is) != 0 {
		t.Errorf("%d intents cannot be resolved", len(is))
	}
}
