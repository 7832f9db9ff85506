package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"outrider/internal/dns"
	"outrider/internal/message"
	"outrider/internal/mtasts"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

// Content is the bytes of a message: canonical lines with CRLF, not dot-stuffed. It
// may be written several times.
type Content interface {
	io.WriterTo
	Size() int64
}

// Job is one message for the recipients of one route.
type Job struct {
	Envelope smtp.Envelope
	Content  Content
	Traits   message.Traits
}

// Status is the delivery status of one recipient.
type Status string

// The status of a recipient after an attempt.
const (
	Delivered Status = "delivered" // the next hop has taken responsibility
	Deferred  Status = "deferred"  // worth another attempt
	Failed    Status = "failed"    // will not succeed
)

// HostMaildir is the host name for delivery into a Maildir.
const HostMaildir = "maildir"

// Result is the delivery result of one recipient.
type Result struct {
	Recipient smtp.Recipient
	Status    Status
	Reply     smtp.Reply // of the next hop, or ours without one
	Host      string     // host that replied, HostMaildir, or "" for our own reply
	TLS       string     // version and cipher suite of the connection, or ""
	Verified  string     // how the host's certificate was verified: VerifiedDANE and so on, or ""
	DSN       bool       // the host accepted the duty to notify the sender (RFC 3461, Section 5.2.1)
	At        time.Time
}

// Resolver looks up next hops; dns.Session fits. A name that does not exist is a
// *net.DNSError with IsNotFound.
type Resolver interface {
	LookupMX(ctx context.Context, domain string) ([]*net.MX, error)
	LookupHost(ctx context.Context, host string) ([]netip.Addr, error)
}

// SecureResolver also returns the DNSSEC status of the answers; dns.Session fits.
type SecureResolver interface {
	LookupSecureMX(ctx context.Context, domain string) ([]*net.MX, bool, error)
	LookupSecureHost(ctx context.Context, host string) (dns.Host, error)
	LookupTLSA(ctx context.Context, name string) ([]dns.TLSA, bool, error)
}

// Policies returns the MTA-STS policies of domains; mtasts.Client fits. With an error the
// domain counts as one without policy.
type Policies interface {
	Policy(ctx context.Context, domain string) (mtasts.Policy, error)
}

// Timeouts bounds the stages of a session.
type Timeouts struct {
	Connect  time.Duration // TCP and TLS handshake
	Greeting time.Duration
	Command  time.Duration // EHLO, MAIL, RCPT and others
	Data     time.Duration // reply to DATA
	Block    time.Duration // each block of the message
	Final    time.Duration // reply to the final dot
	Idle     time.Duration // of a connection in the pool
}

// DefaultTimeouts returns the timeouts of RFC 5321, Section 4.5.3.2, shorter if a sender
// waits for us.
func DefaultTimeouts() Timeouts {
	return Timeouts{
		Connect:  30 * time.Second,
		Greeting: 2 * time.Minute, // the RFC requires five, but the sender's session waits meanwhile
		Command:  5 * time.Minute,
		Data:     2 * time.Minute,
		Block:    3 * time.Minute,
		Final:    10 * time.Minute, // giving up early causes duplicates
		Idle:     30 * time.Second, // below the idle limits of common servers
	}
}

// Config configures a Relay. Zero values mean the stated defaults.
type Config struct {
	Hostname       string                                                            // name for EHLO and for detecting ourselves among MX hosts
	Timeouts       Timeouts                                                          // DefaultTimeouts when zero
	MaxIdle        int                                                               // pooled connections per host; 16 when 0
	MaxOpen        int                                                               // concurrent connections per host, others wait; 128 when 0
	MaxMessages    int                                                               // per connection; 200 when 0
	Refuse8Bit     bool                                                              // fail 8-bit messages for hosts without 8BITMIME instead of sending them unchanged
	Resolver       Resolver                                                          // or nil: host names are left to Dial, and MX routes are deferred
	Secure         SecureResolver                                                    // for DANE on routes by MX, or nil: no DANE; replaces Resolver there
	Policies       Policies                                                          // for MTA-STS on routes by MX, or nil: no MTA-STS
	AllowPrivateMX bool                                                              // dial loopback and private addresses from MX records and address literals; routes with hosts always may
	Dial           func(ctx context.Context, network, addr string) (net.Conn, error) // net.Dialer when nil
	Log            *slog.Logger                                                      // always non-nil
}

// Relay delivers to next hops. It is safe for concurrent use.
type Relay struct {
	cfg       Config
	log       *slog.Logger
	pool      *pool
	health    *health
	ambiguous atomic.Uint64
	maildirs  sync.Mutex // held while a Maildir is created

	mu    sync.Mutex
	roots map[string]*authority // by CAFile; guarded by mu
}

// New returns a relay. Close must be called.
func New(c Config) *Relay {
	if c.Timeouts == (Timeouts{}) {
		c.Timeouts = DefaultTimeouts()
	}
	c.MaxIdle, c.MaxOpen, c.MaxMessages = cmp.Or(c.MaxIdle, 16), cmp.Or(c.MaxOpen, 128), cmp.Or(c.MaxMessages, 200)
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	return &Relay{
		cfg: c, log: c.Log, pool: newPool(c.MaxIdle, c.MaxOpen, c.Timeouts.Idle), health: newHealth(),
		roots: map[string]*authority{},
	}
}

// Close closes the pooled connections. Running deliveries are not interrupted.
func (r *Relay) Close() error {
	r.pool.close()
	return nil
}

// Stats counts events since New.
type Stats struct {
	Ambiguous uint64 // connections lost between the final dot and its reply
}

// Stats returns the counters.
func (r *Relay) Stats() Stats { return Stats{Ambiguous: r.ambiguous.Load()} }

// Replies of the relay itself, without a next hop's.
var (
	replyNoHost    = smtp.Reply{Code: 451, Enhanced: "4.4.1", Text: "Next hop does not answer"}
	replyLost      = smtp.Reply{Code: 451, Enhanced: "4.4.2", Text: "Connection to next hop lost"}
	replyAmbiguous = smtp.Reply{Code: 451, Enhanced: "4.4.2", Text: "Connection to next hop lost after end of data, message may be delivered twice"}
	replyGarbage   = smtp.Reply{Code: 451, Enhanced: "4.5.0", Text: "Next hop does not follow the protocol"}
	replyCanonical = smtp.Reply{Code: 554, Enhanced: "5.6.0", Text: "Message has a bare CR, a bare LF or a NUL"}
	replyContent   = smtp.Reply{Code: 451, Enhanced: "4.3.0", Text: "Message cannot be read"}
	replyTLS       = smtp.Reply{Code: 451, Enhanced: "4.7.5", Text: "TLS with next hop is required and not possible"}
	replyNoReqTLS  = smtp.Reply{Code: 550, Enhanced: "5.7.30", Text: "Next hop does not support REQUIRETLS"}
	replyNoUTF8    = smtp.Reply{Code: 553, Enhanced: "5.6.7", Text: "Next hop does not support SMTPUTF8"}
	replyNo8Bit    = smtp.Reply{Code: 554, Enhanced: "5.6.3", Text: "Next hop does not support 8BITMIME"}
	replyTooBig    = smtp.Reply{Code: 552, Enhanced: "5.3.4", Text: "Message too big for next hop"}
	replyBadFrom   = smtp.Reply{Code: 553, Enhanced: "5.1.7", Text: "Malformed sender address"}
	replyBadRcpt   = smtp.Reply{Code: 553, Enhanced: "5.1.3", Text: "Malformed recipient address"}
	replyNullMX    = smtp.Reply{Code: 556, Enhanced: "5.1.10", Text: "Domain does not accept mail"}
	replyNoDomain  = smtp.Reply{Code: 550, Enhanced: "5.1.2", Text: "Domain does not exist"}
	replyNoRoute   = smtp.Reply{Code: 550, Enhanced: "5.4.4", Text: "Domain has no mail host that can be used"}
	replyLoop      = smtp.Reply{Code: 554, Enhanced: "5.4.6", Text: "Mail for domain loops back to this host"}
	replyDNS       = smtp.Reply{Code: 451, Enhanced: "4.4.3", Text: "Domain cannot be looked up now"}
	replyRoute     = smtp.Reply{Code: 451, Enhanced: "4.3.5", Text: "Route is misconfigured"}
)

// Deliver delivers the job to the hosts of the route and returns one result per recipient,
// in order. commit, if not nil, is called at most once, after recipients were accepted and
// before the message can be complete: if it fails, the transaction is aborted and every
// open recipient is deferred with its reply.
func (r *Relay) Deliver(ctx context.Context, route tenant.Route, job Job, commit func(context.Context) error) []Result {
	d := newDelivery(r, route, &job, commit)
	d.validate()
	switch {
	case len(d.open) == 0:
	case route.Transport == tenant.TransportMaildir:
		d.toMaildir(ctx)
	case len(route.Hosts) == 0 && route.Domain == "":
		d.perDomain(ctx)
	default:
		d.toHosts(ctx)
	}
	return d.complete()
}

// delivery is one call of Deliver.
type delivery struct {
	r         *Relay
	route     tenant.Route
	job       *Job
	commit    func(context.Context) error // nil if none, or already called
	results   []Result
	open      []int      // indices of recipients without a result
	failure   smtp.Reply // result of recipients that stay open
	stopped   bool       // commit has failed: nothing more may be sent
	permanent bool       // every tried host refused permanently
	at        time.Time
}

func newDelivery(r *Relay, route tenant.Route, job *Job, commit func(context.Context) error) *delivery {
	d := &delivery{r: r, route: route, job: job, commit: commit, failure: replyNoHost, at: time.Now()}
	for i, rcpt := range job.Envelope.Recipients {
		d.results = append(d.results, Result{Recipient: rcpt})
		d.open = append(d.open, i)
	}
	return d
}

// statusOf maps a reply to a status: neither success nor a permanent failure is worth
// another attempt.
func statusOf(reply smtp.Reply) Status {
	switch reply.Class() {
	case 2:
		return Delivered
	case 5:
		return Failed
	default:
		return Deferred
	}
}

// settle sets the result of recipient i; s is nil for our own reply.
func (d *delivery) settle(i int, reply smtp.Reply, s *session) {
	res := &d.results[i]
	res.Status, res.Reply, res.At = statusOf(reply), reply, time.Now()
	if s != nil {
		res.Host, res.TLS, res.Verified, res.DSN = s.target.name, s.tls, s.verified, s.has("DSN")
	}
	for k, o := range d.open {
		if o == i {
			d.open = append(d.open[:k], d.open[k+1:]...)
			return
		}
	}
}

// settleAll sets the same result for all open recipients.
func (d *delivery) settleAll(reply smtp.Reply, s *session) {
	for len(d.open) > 0 {
		d.settle(d.open[0], reply, s)
	}
}

// complete returns the results. Callers drop a message when every recipient has a final
// one, so a recipient without a result is deferred.
func (d *delivery) complete() []Result {
	for i := range d.results {
		if res := &d.results[i]; res.Status == "" {
			d.r.log.Error("delivery returned no result for a recipient", "recipient", res.Recipient.Address, "route", d.route.Key())
			res.Status, res.Reply, res.At = Deferred, replyNoHost, time.Now()
		}
	}
	return d.results
}

// validate settles recipients without contacting a host: addresses that would break the
// command line. The receiving edge has checked them; a queue file or an API may not have.
func (d *delivery) validate() {
	if !safePath(d.job.Envelope.From) {
		d.settleAll(replyBadFrom, nil)
		return
	}
	for i, rcpt := range d.job.Envelope.Recipients {
		if rcpt.Address == "" || !safePath(rcpt.Address) {
			d.settle(i, replyBadRcpt, nil)
		}
	}
	if d.job.Traits.NUL {
		d.settleAll(replyCanonical, nil)
	}
}

// perDomain delivers to the MX of each recipient's own domain.
func (d *delivery) perDomain(ctx context.Context) {
	groups := map[string][]int{}
	var order []string
	for _, i := range d.open {
		domain := domainOf(d.job.Envelope.Recipients[i].Address)
		if groups[domain] == nil {
			order = append(order, domain)
		}
		groups[domain] = append(groups[domain], i)
	}
	for _, domain := range order {
		d.route.Domain, d.open = domain, groups[domain]
		if d.stopped {
			d.settleAll(smtp.ReplyFor(nil), nil)
			continue
		}
		d.failure, d.permanent = replyNoHost, false
		d.toHosts(ctx)
	}
}

// toHosts tries the hosts of the route until no recipient is open.
func (d *delivery) toHosts(ctx context.Context) {
	targets, err := d.r.targets(ctx, d.route)
	if err != nil {
		d.r.log.Info("route has no host", "route", d.route.Key(), "error", err)
		d.settleAll(smtp.ReplyFor(err), nil)
		return
	}
	d.permanent = true
	for _, t := range targets {
		if len(d.open) == 0 {
			return
		}
		if expired(ctx) {
			d.permanent = false
			break
		}
		d.tryHost(ctx, t)
	}
	if !d.permanent && d.failure.Class() == 5 {
		d.failure = replyNoHost
	}
	d.settleAll(d.failure, nil)
}

// tryHost makes one attempt, or two if the first used a dead pooled connection.
func (d *delivery) tryHost(ctx context.Context, t target) {
	if t.untrusted && requiresTLS(&d.job.Envelope, t) {
		// RFC 8689, Section 8.2: the name must be authenticated by DNSSEC or an MTA-STS
		// policy.
		d.hostFailed(ctx, t, fail(replyNoReqTLS, "the name of mail host %s is not authenticated", t.name))
		return
	}
	for _, fresh := range []bool{false, true} {
		s, err := d.r.connect(ctx, d.route, t, requiresTLS(&d.job.Envelope, t), fresh)
		if err != nil {
			d.hostFailed(ctx, t, d.withoutTLS(err))
			return
		}
		err = d.transact(ctx, s)
		d.r.release(s, err)
		if err == nil {
			d.r.health.good(t.addr)
			return
		}
		if errors.Is(err, errContent) {
			return
		}
		if len(d.open) == 0 || s.messages == 1 || expired(ctx) {
			d.hostFailed(ctx, t, err)
			return
		}
		// The pooled connection was dead, and nothing was sent: try once more.
	}
}

// expired reports whether ctx has ended, or is about to: a connection with its deadline may
// fail a moment earlier.
func expired(ctx context.Context) bool {
	until, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(until)
}

// withoutTLS makes missing TLS a permanent failure if the sender required TLS. RFC 8689,
// Section 4.2.1: such a message is returned, not sent in the clear.
func (d *delivery) withoutTLS(err error) error {
	if d.job.Envelope.RequireTLS && smtp.ReplyFor(err) == replyTLS {
		return fail(replyNoReqTLS, "tls is required by the sender: %w", err)
	}
	return err
}

// hostFailed records why a host could not be used for the open recipients.
func (d *delivery) hostFailed(ctx context.Context, t target, err error) {
	d.r.log.Info("next hop failed", "host", t.name, "addr", t.addr, "error", err)
	reply := smtp.ReplyFor(err)
	if reply.Class() != 5 && !expired(ctx) {
		d.r.health.bad(t.addr)
	}
	if d.permanent = d.permanent && reply.Class() == 5; d.permanent || reply.Class() != 5 {
		d.failure = reply
	}
}

// fail returns an error with a reply for the sender and a cause for the log.
func fail(reply smtp.Reply, format string, args ...any) error {
	return &smtp.Error{Code: reply.Code, Enhanced: reply.Enhanced, Text: reply.Text, Err: fmt.Errorf(format, args...)} //nolint:err113 // cause
}
