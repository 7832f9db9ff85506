package mailtest

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	mdns "github.com/miekg/dns"
)

// SignedZone is a name server on loopback that answers as a validating resolver does:
// with the AD bit, but for what is said not to be signed.
type SignedZone struct {
	Addr      string // host:port, for dns.Config
	Questions atomic.Int64

	records  map[string][]mdns.RR // by lower-case name and type
	names    map[string]bool
	insecure map[string]bool // names whose answers were not validated
	faults   map[string]bool // name and type, or name alone
}

// StartSignedZone serves the records of text, one per line in the format of a zone file
// with absolute names; aliases are followed. A line "insecure NAME" takes the AD bit off
// answers with a record of that name, and "bogus NAME [TYPE]" makes questions end in
// SERVFAIL, as those do whose signatures are wrong. The server ends with the test.
func StartSignedZone(tb testing.TB, text string) *SignedZone {
	tb.Helper()
	z := &SignedZone{records: map[string][]mdns.RR{}, names: map[string]bool{}, insecure: map[string]bool{}, faults: map[string]bool{}}
	for line := range strings.Lines(text) {
		z.add(tb, strings.TrimSpace(line))
	}
	pc, ln := listenBoth(tb)
	z.Addr = pc.LocalAddr().String()
	serveDNS(tb, pc, ln, z.answer)
	return z
}

// serveDNS answers over both transports until the test ends.
func serveDNS(tb testing.TB, pc net.PacketConn, ln net.Listener, answer mdns.HandlerFunc) {
	tb.Helper()
	for _, s := range []*mdns.Server{{PacketConn: pc, Handler: answer}, {Listener: ln, Handler: answer}} {
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
}

func (z *SignedZone) add(tb testing.TB, line string) {
	tb.Helper()
	f := strings.Fields(line)
	switch {
	case len(f) == 0 || strings.HasPrefix(line, "#"):
	case f[0] == "insecure":
		z.insecure[mdns.Fqdn(f[1])] = true
	case f[0] == "bogus":
		z.faults[mdns.Fqdn(f[1])+strings.Join(f[2:], "")] = true
	default:
		rr, err := mdns.NewRR(line)
		if err != nil || rr == nil {
			tb.Fatalf("reading zone line %q: %v", line, err)
		}
		name := strings.ToLower(rr.Header().Name)
		z.names[name] = true
		key := name + mdns.TypeToString[rr.Header().Rrtype]
		z.records[key] = append(z.records[key], rr)
	}
}

func (z *SignedZone) answer(w mdns.ResponseWriter, q *mdns.Msg) {
	z.Questions.Add(1)
	r := new(mdns.Msg)
	r.SetReply(q)
	r.AuthenticatedData = true
	z.fill(r, strings.ToLower(q.Question[0].Name), mdns.TypeToString[q.Question[0].Qtype])
	_ = w.WriteMsg(r) // the asker has a timeout
}

// fill answers for name, and for what it is an alias of.
func (z *SignedZone) fill(r *mdns.Msg, name, qtype string) {
	for range 8 {
		if z.faults[name] || z.faults[name+qtype] {
			r.Rcode, r.Answer, r.AuthenticatedData = mdns.RcodeServerFailure, nil, false
			return
		}
		r.AuthenticatedData = r.AuthenticatedData && !z.insecure[name]
		alias := z.records[name+"CNAME"]
		if len(alias) == 0 || qtype == "CNAME" {
			break
		}
		r.Answer = append(r.Answer, alias[0])
		target, _ := alias[0].(*mdns.CNAME)
		name = strings.ToLower(target.Target)
	}
	r.Answer = append(r.Answer, z.records[name+qtype]...)
	if !z.names[name] {
		r.Rcode = mdns.RcodeNameError
	}
}
