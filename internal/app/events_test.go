package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"outrider/internal/app"
	"outrider/internal/event"
	"outrider/internal/mailtest"
)

// safeBuffer is a buffer that may be read while it is written.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// follow runs events --follow until stop, and returns when it has printed what was recorded before.
func (b *bundle) follow(before string) (out *safeBuffer, stop func()) {
	b.t.Helper()
	out = &safeBuffer{}
	var errOut safeBuffer
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan int, 1)
	go func() {
		done <- app.Main(ctx, []string{"-c", b.config, "events", "--follow", "--format", "json"}, out, &errOut)
	}()
	mailtest.Until(b.t, "what was recorded before", func() bool { return out.String() == before })
	return out, func() {
		b.t.Helper()
		cancel()
		if code := <-done; code != 0 || errOut.String() != "" {
			b.t.Errorf("exit %d, %s", code, errOut.String())
		}
	}
}

// TestEventsAreFollowedAcrossARebuild deletes the database while events are followed; the gateway
// writes it anew.
func TestEventsAreFollowedAcrossARebuild(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.stay(1)
	mail := filepath.Join(b.dir, "mail")
	b.must("inject", mail)
	before := b.must("events", "--format", "json")
	out, stop := b.follow(before)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(b.dir, "data", "outrider.db"+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	mailtest.Until(t, "the rebuilt database", func() bool {
		return b.metric(`outrider_database_rebuilds_total{fault="replaced"} 1`) && b.metric("outrider_database_up 1")
	})
	b.must("inject", mail)
	mailtest.Until(t, "what is recorded in the new file", func() bool { return strings.Count(out.String(), "\n") == 2*strings.Count(before, "\n") })
	stop()
}

func TestEventsAreFollowedBesideTheGateway(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.stay(1)
	mail := filepath.Join(b.dir, "mail")
	b.must("inject", mail)
	before := b.must("events", "--format", "json")
	out, stop := b.follow(before)
	b.must("inject", mail)
	mailtest.Until(t, "what is recorded now", func() bool { return strings.Count(out.String(), "\n") == 2*strings.Count(before, "\n") })
	stop()
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	if all := b.must("events", "--format", "json"); all != out.String() {
		t.Errorf("followed\n%s\nlisted without a gateway\n%s", out.String(), all)
	}
	seq := int64(0)
	for line := range strings.Lines(out.String()) {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if seq++; e.Seq != seq || e.Tenant != "a" {
			t.Errorf("event %d of %s came as number %d", e.Seq, e.Tenant, seq)
		}
	}
}

func TestEventsAreSelected(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.stay(1)
	b.must("inject", filepath.Join(b.dir, "mail"))
	held := b.must("events", "--type", "quarantined")
	if !strings.Contains(held, "block list entry blocked.example (case 7)") || strings.Count(held, "\n") != 2 {
		t.Errorf("got\n%s", held)
	}
	var e event.Event
	if err := json.Unmarshal([]byte(b.must("events", "--type", "quarantined", "--format", "json")), &e); err != nil {
		t.Fatal(err)
	}
	if out := b.must("events", "--message", e.MessageID, "--tenant", "a"); strings.Count(out, e.MessageID) != 3 {
		t.Errorf("got\n%s", out)
	}
	if out := b.must("events", "--since", "2020-01-01T00:00:00Z", "--limit", "1"); !strings.Contains(out, "a#6") {
		t.Errorf("the newest is not last:\n%s", out)
	}
	if out := b.must("events", "--since", "2199-01-01"); strings.Contains(out, "a#") {
		t.Errorf("got\n%s", out)
	}
}
