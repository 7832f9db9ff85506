// Package dns is Outrider's caching stub resolver.
//
// Mail authentication and routing depend on DNS: TXT records publish SPF, DKIM and DMARC
// policies, MX records list the hosts of a domain, PTR records map an address to names. The
// client queries configured recursive resolvers over UDP, with TCP for truncated answers,
// caches answers for their time to live and absence for the time in the zone's SOA, and
// reports whether the resolver validated an answer by DNSSEC.
//
// Standards: RFC 1034 and 1035 (DNS), RFC 2308 (negative caching), RFC 3596 (AAAA), RFC
// 4035 Section 3.2.3 (the AD bit), RFC 6698 (TLSA), RFC 6891 (EDNS).
//
// Limits: Authentic relies on the AD bit, and trusts only resolvers on loopback, since
// anyone on the path could set it.
package dns

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	mdns "github.com/miekg/dns"
	"golang.org/x/sync/singleflight"

	"outrider/internal/budget"
)

// Bounds of the cache and of single answers.
const (
	cacheEntries = 100_000          // about 50 MB of typical TXT answers
	maxTTL       = 6 * time.Hour    // a mistaken record must not stay for a week
	minTTL       = 5 * time.Second  // a TTL of 0 must not cause two queries for one message
	negativeTTL  = time.Minute      // for answers without an SOA
	maxRecords   = 100              // more records of one type have no honest use
	udpSize      = 1232             // RFC 9715, Section 3.2: avoids fragmentation
	attempts     = 2                // per query, over all servers
	flightGrace  = 10 * time.Second // a shared query continues after its first caller has given up
)

// Config selects the resolvers.
type Config struct {
	Servers []string      // host or host:port; empty: those of /etc/resolv.conf
	Timeout time.Duration // per query
}

// Client queries resolvers and caches the answers. It is safe for concurrent use.
type Client struct {
	servers  []string
	timeout  time.Duration
	cache    *otter.Cache[question, answer]
	flights  singleflight.Group
	inFlight sync.WaitGroup     // queries in flight
	heard    atomic.Int64       // time of the last answer, in Unix nanoseconds; 0 after a failure
	ctx      context.Context    //nolint:containedctx // ends with the client
	cancel   context.CancelFunc // ends the queries in flight
}

type question struct {
	name  string // lower case, with final dot
	qtype uint16
}

type answer struct {
	records   []mdns.RR
	rcode     int
	authentic bool
	ttl       time.Duration
}

// New returns a client. Close must be called.
func New(c Config) (*Client, error) {
	servers := c.Servers
	if len(servers) == 0 {
		rc, err := mdns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil {
			return nil, fmt.Errorf("reading the system's resolvers: %w", err)
		}
		for _, s := range rc.Servers {
			servers = append(servers, net.JoinHostPort(s, rc.Port))
		}
	}
	out := make([]string, len(servers))
	for i, s := range servers {
		if _, _, err := net.SplitHostPort(s); err != nil {
			s = net.JoinHostPort(strings.Trim(s, "[]"), "53")
		}
		out[i] = s
	}
	if len(out) == 0 {
		return nil, errors.New("setting up dns: no resolver is configured")
	}
	cache, err := otter.New(&otter.Options[question, answer]{
		MaximumSize: cacheEntries,
		ExpiryCalculator: otter.ExpiryCreatingFunc(func(e otter.Entry[question, answer]) time.Duration {
			return e.Value.ttl
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the dns cache: %w", err)
	}
	client := &Client{servers: out, timeout: c.Timeout, cache: cache}
	client.ctx, client.cancel = context.WithCancel(context.Background())
	return client, nil
}

// Close cancels the queries in flight and waits for them. A nil client has none.
func (c *Client) Close() error {
	if c == nil {
		return nil
	}
	c.cancel()
	c.inFlight.Wait()
	c.cache.StopAllGoroutines()
	return nil
}

// For returns a view of the client whose queries count against b.
func (c *Client) For(b *budget.Budget) *Session { return &Session{client: c, budget: b} }

// Session makes queries for one message.
type Session struct {
	client *Client // or nil: every query fails temporarily
	budget *budget.Budget
}

// Offline returns a session without a resolver: every lookup fails temporarily.
func Offline() *Session { return &Session{} }

// errBudget is the error of a message that exceeds its number of queries.
var errBudget = errors.New("too many dns questions for one message")

func (s *Session) ask(ctx context.Context, name string, qtype uint16) (answer, error) {
	if s.client == nil {
		return answer{}, &net.DNSError{Err: "dns is switched off", Name: name, IsTemporary: true}
	}
	if s.budget != nil && !s.budget.Spend(budget.DNSQuestions, 1) {
		return answer{}, &net.DNSError{Err: errBudget.Error(), Name: name, UnwrapErr: errBudget}
	}
	return s.client.ask(ctx, name, qtype)
}

// LookupTXT returns the TXT records of name, the strings of each joined.
func (s *Session) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a, err := s.ask(ctx, name, mdns.TypeTXT)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, rr := range a.records {
		if t, ok := rr.(*mdns.TXT); ok {
			out = append(out, strings.Join(t.Txt, ""))
		}
	}
	return nonEmpty(out, name)
}

// LookupMX returns the MX records of name.
func (s *Session) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	mxs, _, err := s.LookupSecureMX(ctx, name)
	return mxs, err
}

// LookupIPAddr returns the IPv4 and IPv6 addresses of host.
func (s *Session) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	var out []net.IPAddr
	a4, err4 := s.ask(ctx, host, mdns.TypeA)
	a6, err6 := s.ask(ctx, host, mdns.TypeAAAA)
	for _, rr := range append(a4.records, a6.records...) {
		switch r := rr.(type) {
		case *mdns.A:
			out = append(out, net.IPAddr{IP: r.A})
		case *mdns.AAAA:
			out = append(out, net.IPAddr{IP: r.AAAA})
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	if err := errors.Join(temporary(err4), temporary(err6)); err != nil {
		return nil, err
	}
	return nonEmpty(out, host)
}

// temporary returns err if a later query may succeed, and nil otherwise.
func temporary(err error) error {
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return nil
	}
	return err
}

// LookupHost returns the addresses of host.
func (s *Session) LookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	ips, err := s.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip.IP); ok {
			out = append(out, a.Unmap())
		}
	}
	return out, nil
}

// LookupAddr returns the names of an address.
func (s *Session) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	name, err := mdns.ReverseAddr(addr)
	if err != nil {
		return nil, fmt.Errorf("reversing address %q: %w", addr, err)
	}
	a, err := s.ask(ctx, name, mdns.TypePTR)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, rr := range a.records {
		if p, ok := rr.(*mdns.PTR); ok {
			out = append(out, p.Ptr)
		}
	}
	return nonEmpty(out, addr)
}

// Authentic reports whether the resolver validated the answer to (name, qtype), one
// of "A", "MX", "TXT", "TLSA", "CNAME", by DNSSEC.
func (s *Session) Authentic(ctx context.Context, name, qtype string) bool {
	a, err := s.ask(ctx, name, mdns.StringToType[qtype])
	return err == nil && a.authentic
}

func nonEmpty[T any](out []T, name string) ([]T, error) {
	if len(out) == 0 {
		return nil, &net.DNSError{Err: "no such record", Name: name, IsNotFound: true}
	}
	return out[:min(len(out), maxRecords)], nil
}

// ask returns the cached answer, or makes one query shared by all concurrent callers.
func (c *Client) ask(ctx context.Context, name string, qtype uint16) (answer, error) {
	if _, ok := mdns.IsDomainName(name); !ok || name == "" {
		return answer{}, &net.DNSError{Err: "not a domain name", Name: name, IsNotFound: true}
	}
	q := question{strings.ToLower(mdns.Fqdn(name)), qtype}
	if a, ok := c.cache.GetIfPresent(q); ok {
		return a, a.err(name)
	}
	select {
	case r := <-c.share(q):
		if r.Err != nil {
			return answer{}, &net.DNSError{Err: r.Err.Error(), Name: name, IsTemporary: true, UnwrapErr: r.Err}
		}
		a, _ := r.Val.(answer)
		return a, a.err(name)
	case <-ctx.Done():
		return answer{}, &net.DNSError{Err: "deadline", Name: name, IsTimeout: true, IsTemporary: true, UnwrapErr: ctx.Err()}
	}
}

// share makes one query for all concurrent callers. The query belongs to the client and not to a
// caller, who may give up.
func (c *Client) share(q question) <-chan singleflight.Result {
	return c.flights.DoChan(q.name+mdns.TypeToString[q.qtype], func() (any, error) {
		c.inFlight.Add(1)
		defer c.inFlight.Done()
		ctx, cancel := context.WithTimeout(c.ctx, c.timeout+flightGrace)
		defer cancel()
		return c.exchange(ctx, q)
	})
}

// heardFor is how long an answer proves that the resolvers work.
const heardFor = time.Minute

// Health returns nil if a resolver answered within the last minute, or answers a query for the root
// now. Names chosen by senders do not count as failures: their servers may be silent.
func (c *Client) Health(ctx context.Context) error {
	if time.Since(time.Unix(0, c.heard.Load())) < heardFor {
		return nil
	}
	select {
	case r := <-c.share(question{".", mdns.TypeNS}):
		if r.Err != nil {
			return fmt.Errorf("asking the resolvers: %w", r.Err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("asking the resolvers: %w", ctx.Err())
	}
}

// err converts the response code into the error of the standard resolver.
func (a answer) err(name string) error {
	switch a.rcode {
	case mdns.RcodeSuccess:
		return nil
	case mdns.RcodeNameError:
		return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	default:
		return &net.DNSError{Err: "server answered " + mdns.RcodeToString[a.rcode], Name: name, IsTemporary: true}
	}
}

// exchange tries the servers in turn, starting with a random one, and caches the answer.
func (c *Client) exchange(ctx context.Context, q question) (answer, error) {
	msg := new(mdns.Msg)
	msg.SetQuestion(q.name, q.qtype)
	msg.SetEdns0(udpSize, false)
	msg.AuthenticatedData = true       // RFC 6840, Section 5.7: requests the AD bit without DNSSEC records
	first := rand.IntN(len(c.servers)) //nolint:gosec // spreads load, not a secret
	var errs []error
	for try := range max(attempts, len(c.servers)) {
		server := c.servers[(first+try)%len(c.servers)]
		r, err := c.once(ctx, msg, server)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if r.Rcode != mdns.RcodeSuccess && r.Rcode != mdns.RcodeNameError {
			errs = append(errs, fmt.Errorf("querying %s for %s: %s", server, q.name, mdns.RcodeToString[r.Rcode]))
			continue
		}
		a := answer{records: r.Answer, rcode: r.Rcode, authentic: r.AuthenticatedData && loopback(server), ttl: ttlOf(r)}
		c.cache.Set(q, a)
		c.heard.Store(time.Now().UnixNano())
		return a, nil
	}
	c.heard.Store(0)
	return answer{}, errors.Join(errs...)
}

func (c *Client) once(ctx context.Context, msg *mdns.Msg, server string) (*mdns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := over(ctx, &mdns.Client{Net: "udp", UDPSize: udpSize, Timeout: c.timeout}, msg, server)
	if err == nil && r.Truncated {
		r, err = over(ctx, &mdns.Client{Net: "tcp", Timeout: c.timeout}, msg, server)
	}
	if err != nil {
		return nil, fmt.Errorf("querying %s for %s: %w", server, msg.Question[0].Name, err)
	}
	return r, nil
}

// over queries over one transport, and stops when ctx ends: the library supports deadlines
// only.
func over(ctx context.Context, client *mdns.Client, msg *mdns.Msg, server string) (*mdns.Msg, error) {
	conn, err := client.DialContext(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // nothing was written that could be lost
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	r, _, err := client.ExchangeWithConnContext(ctx, msg, conn)
	return r, err
}

// ttlOf returns how long the answer may be cached. RFC 2308, Section 5: absence is cached
// for the smaller of the SOA's TTL and minimum.
func ttlOf(r *mdns.Msg) time.Duration {
	ttl := maxTTL
	for _, rr := range r.Answer {
		ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second)
	}
	if len(r.Answer) == 0 {
		ttl = negativeTTL
		for _, rr := range r.Ns {
			if soa, ok := rr.(*mdns.SOA); ok {
				ttl = time.Duration(min(soa.Hdr.Ttl, soa.Minttl)) * time.Second
			}
		}
	}
	return min(max(ttl, minTTL), maxTTL)
}

func loopback(server string) bool {
	ap, err := netip.ParseAddrPort(server)
	return err == nil && ap.Addr().IsLoopback()
}
