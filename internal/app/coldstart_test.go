package app_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"outrider/internal/app"
	"outrider/internal/config"
	"outrider/internal/event"
	msg "outrider/internal/message"
	"outrider/internal/smtp"
	"outrider/internal/spool"
)

// fillSpool writes n messages, half of them queued and half held, with the facts of each, as a
// gateway leaves them that is killed before the database has any.
func fillSpool(b *testing.B, data string, n int) {
	b.Helper()
	edge := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	if err := os.MkdirAll(data, 0o700); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "edge.id"), []byte(hex.EncodeToString(edge)+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	s, err := spool.Open(spool.Options{Dir: filepath.Join(data, "spool"), Edge: hex.EncodeToString(edge), MinFreeBytes: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	var g errgroup.Group
	g.SetLimit(256)
	for i := range n {
		g.Go(func() error { return s.Commit(context.Background(), outcome(i)) })
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// outcome is what one message leaves in the spool.
func outcome(i int) spool.Batch {
	now := time.Now()
	id, rcpt := msg.NewID(now), []smtp.Recipient{{Address: fmt.Sprintf("user%d@example.org", i%1000)}}
	env := smtp.Envelope{From: fmt.Sprintf("ann%d@friend.example", i%5000), Recipients: rcpt}
	body := msg.NewBody([]byte("Subject: s\r\n\r\n" + strings.Repeat("a line of text\r\n", 120)))
	o := spool.Batch{ID: id, Facts: []event.Event{
		event.New(event.Received, "a", string(id), now, rcpt, event.ReceivedDetail{From: env.From, HeaderFrom: env.From, Subject: "s", Size: body.Size()}),
		event.New(event.Judged, "a", string(id), now, rcpt, event.JudgedDetail{}),
	}}
	if i%2 == 0 {
		o.Queue = []spool.Entry{{MessageID: id, Tenant: "a", RouteKey: "r", Domain: "example.org", Envelope: env, Created: now, Next: now.Add(time.Hour), Expires: now.Add(100 * time.Hour), Content: body}}
		o.Facts = append(o.Facts, event.New(event.Deferred, "a", string(id), now, rcpt, event.DeliveryDetail{Reply: "451 4.4.1 later"}))
		return o
	}
	held := string(msg.NewID(now))
	o.Hold = []spool.Held{{ID: held, MessageID: id, Tenant: "a", At: now, Envelope: env, Content: body}}
	o.Facts = append(o.Facts, event.New(event.Quarantined, "a", string(id), now, rcpt, event.HeldDetail{Held: held}))
	return o
}

// BenchmarkColdStart measures how long a gateway takes from its start to its greeting with so
// many messages in the spool whose facts are not in the database, and what it holds in memory.
func BenchmarkColdStart(b *testing.B) {
	for _, n := range []int{20_000, 200_000} {
		b.Run(fmt.Sprintf("messages=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			fillSpool(b, filepath.Join(dir, "data"), n)
			var heap uint64
			for b.Loop() {
				heap = max(heap, coldStart(b, dir))
			}
			b.ReportMetric(float64(heap)/(1<<20), "MiB")
		})
	}
}

// coldStart starts the gateway, waits for its greeting, and stops it.
func coldStart(b *testing.B, dir string) (heap uint64) {
	b.Helper()
	gw := &bundle{dir: dir, maildir: filepath.Join(dir, "maildir")}
	c, err := config.Parse([]byte(gw.yaml("127.0.0.1:0", "")))
	if err != nil {
		b.Fatal(err)
	}
	a, err := app.New(b.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	addrs, err := a.Listen(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	greet(b, addrs[0].String())
	b.StopTimer()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	cancel()
	if err := <-done; err != nil {
		b.Log(err) // what is left in the spool is shipped by the next start
	}
	b.StartTimer()
	return m.HeapAlloc
}

func greet(b *testing.B, addr string) {
	b.Helper()
	var d net.Dialer
	conn, err := d.DialContext(b.Context(), "tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "220 ") {
		b.Fatalf("greeted with %q, %v", line, err)
	}
	if err := conn.Close(); err != nil {
		b.Fatal(err)
	}
}
