package bench

import (
	"slices"
	"testing"
	"time"
)

// latencyMessages is how many messages one measurement of latency sends, one after the
// other.
const latencyMessages = 2000

// BenchmarkLatency measures what a gateway adds to the time of one message of 10 KB,
// from MAIL to the reply to the message, over one kept connection. The figures of the
// direct way to the sink are subtracted.
func BenchmarkLatency(b *testing.B) {
	for _, detection := range []bool{false, true} {
		b.Run(map[bool]string{false: "detection off", true: "all signals"}[detection], func(b *testing.B) {
			next := startSink(b)
			addr := startOutrider(b, next.addr, detection).addr
			for b.Loop() {
				direct, through := timings(b, next.addr), timings(b, addr)
				for p, name := range map[int]string{50: "p50-ms", 99: "p99-ms"} {
					i := latencyMessages * p / 100
					b.ReportMetric(float64((through[i]-direct[i]).Microseconds())/1000, name)
				}
			}
		})
	}
}

// timings returns how long each message took, sorted.
func timings(b *testing.B, addr string) []time.Duration {
	b.Helper()
	s, err := dial(addr)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.conn.Close() }()
	message := wire(text(10 << 10))
	out := make([]time.Duration, 0, latencyMessages)
	for range latencyMessages {
		began := time.Now()
		if code, err := s.send(message); err != nil || code != 250 {
			b.Fatalf("server said %d: %v", code, err)
		}
		out = append(out, time.Since(began))
	}
	slices.Sort(out)
	return out
}

// BenchmarkMemory sends 500 messages of 10 MB at once and reports the most memory that
// Outrider had resident.
func BenchmarkMemory(b *testing.B) {
	const sessions = 500
	for _, detection := range []bool{false, true} {
		b.Run(map[bool]string{false: "detection off", true: "all signals"}[detection], func(b *testing.B) {
			next := startSink(b)
			g := startOutrider(b, next.addr, detection)
			mails := slices.Repeat([][]byte{wire(text(10 << 20))}, sessions)
			for b.Loop() {
				began := time.Now()
				if n := flood(b, g.addr, sessions, mails); n != sessions {
					b.Errorf("%d of %d messages were accepted", n, sessions)
				}
				b.ReportMetric(float64(g.peakMemory(b))/(1<<20), "peak-MiB")
				b.ReportMetric(float64(sessions)/time.Since(began).Seconds(), "msgs/s")
			}
		})
	}
}
