package mailtest

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	mdns "github.com/miekg/dns"
)

// Zone is a name server on loopback that answers from text.
type Zone struct {
	Addr      string // host:port, for dns.Config
	Questions atomic.Int64

	records map[string][]mdns.RR // by lower-case name and type
	names   map[string]bool
	faults  map[string]string
}

// StartZone serves the records of text, one per line in the format of a zone file with
// absolute names. A line "fail NAME" makes every question about the name end in
// SERVFAIL, "silent NAME" leaves it without an answer, and "big NAME" truncates it over
// UDP. The server ends with the test.
func StartZone(tb testing.TB, text string) *Zone {
	tb.Helper()
	z := &Zone{records: map[string][]mdns.RR{}, names: map[string]bool{}, faults: map[string]string{}}
	for line := range strings.Lines(text) {
		z.add(tb, strings.TrimSpace(line))
	}
	pc, ln := listenBoth(tb)
	z.Addr = pc.LocalAddr().String()
	handler := mdns.HandlerFunc(z.answer)
	for _, s := range []*mdns.Server{{PacketConn: pc, Handler: handler}, {Listener: ln, Handler: handler}} {
		started, done := make(chan struct{}), make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(done)
			if err := s.ActivateAndServe(); err != nil {
				tb.Logf("name server: %v", err)
			}
		}()
		<-started
		tb.Cleanup(func() {
			if err := s.Shutdown(); err != nil {
				tb.Logf("stopping name server: %v", err)
			}
			<-done
		})
	}
	return z
}

// listenBoth finds a port that is free for UDP and TCP.
func listenBoth(tb testing.TB) (net.PacketConn, net.Listener) {
	tb.Helper()
	for range 20 {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		ln, err := net.Listen("tcp", pc.LocalAddr().String())
		if err == nil {
			return pc, ln
		}
		_ = pc.Close()
	}
	tb.Fatal("no port is free for both UDP and TCP")
	return nil, nil
}

func (z *Zone) add(tb testing.TB, line string) {
	tb.Helper()
	if line == "" || strings.HasPrefix(line, "#") {
		return
	}
	if f := strings.Fields(line); f[0] == "fail" || f[0] == "silent" || f[0] == "big" {
		z.faults[mdns.Fqdn(strings.ToLower(f[1]))] = f[0]
		return
	}
	rr, err := mdns.NewRR(line)
	if err != nil || rr == nil {
		tb.Fatalf("reading zone line %q: %v", line, err)
	}
	name := strings.ToLower(rr.Header().Name)
	z.names[name] = true
	key := name + mdns.TypeToString[rr.Header().Rrtype]
	z.records[key] = append(z.records[key], rr)
}

func (z *Zone) answer(w mdns.ResponseWriter, q *mdns.Msg) {
	z.Questions.Add(1)
	name := strings.ToLower(q.Question[0].Name)
	r := new(mdns.Msg)
	r.SetReply(q)
	_, udp := w.RemoteAddr().(*net.UDPAddr)
	switch fault := z.faults[name]; {
	case fault == "silent":
		return
	case fault == "fail":
		r.Rcode = mdns.RcodeServerFailure
	case fault == "big" && udp:
		r.Truncated = true
	case !z.names[name]:
		r.Rcode = mdns.RcodeNameError
	default:
		r.AuthenticatedData = true
		r.Answer = z.records[name+mdns.TypeToString[q.Question[0].Qtype]]
	}
	_ = w.WriteMsg(r) // the asker has a timeout
}
