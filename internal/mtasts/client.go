package mtasts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"outrider/internal/address"
	"outrider/internal/egress"
)

// Timing of policies.
const (
	recheck      = 5 * time.Minute // until the record of a domain is checked again
	fetchAgain   = 5 * time.Minute // RFC 8461, Section 3.3: between failed attempts
	refreshAt    = 24 * time.Hour  // RFC 8461, Section 5.1: a policy is renewed well before it expires
	fetchTimeout = 15 * time.Second
)

// Resolver looks up TXT records; dns.Session fits. A name that does not exist is a
// *net.DNSError with IsNotFound.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Fetcher fetches policies; egress.Client fits.
type Fetcher interface {
	Get(ctx context.Context, url string, o egress.Options) (*egress.Response, error)
}

// Config configures a Client.
type Config struct {
	Resolver   Resolver
	Fetcher    Fetcher
	Dir        string // directory that keeps policies over restarts, created if missing; "" keeps them in memory only
	MaxDomains int    // cached domains; 10,000 when 0
	Log        *slog.Logger
}

// Client finds and caches the policies of domains. It is safe for concurrent use.
type Client struct {
	cfg      Config
	store    store
	flights  singleflight.Group
	inFlight sync.WaitGroup
	ctx      context.Context //nolint:containedctx // ends with the client
	cancel   context.CancelFunc

	mu      sync.Mutex
	domains map[string]*entry // guarded by mu; entries are immutable
}

// entry is the cached state of one domain.
type entry struct {
	id      string // of the record that announced the policy
	policy  Policy
	text    []byte    // the policy as fetched
	fetched time.Time // zero without a policy
	next    time.Time // time of the next check
	err     error     // why there is no policy, or nil if the domain has none
}

// live reports whether the policy is unexpired.
func (e *entry) live(now time.Time) bool {
	return e != nil && !e.fetched.IsZero() && now.Before(e.fetched.Add(e.policy.MaxAge))
}

// fresh reports whether an unexpired policy with the same id need not be fetched again.
func (e *entry) fresh(now time.Time) bool {
	return e.live(now) && now.Before(e.fetched.Add(min(refreshAt, e.policy.MaxAge/2)))
}

// New returns a client with the policies kept in the directory. Close must be called.
func New(c Config) (*Client, error) {
	c.MaxDomains = cmp.Or(c.MaxDomains, 10_000)
	client := &Client{cfg: c, store: store{dir: c.Dir}, domains: map[string]*entry{}}
	if err := client.store.load(c.MaxDomains, func(domain string, e *entry) { client.domains[domain] = e }); err != nil {
		return nil, fmt.Errorf("loading mta-sts policies: %w", err)
	}
	client.ctx, client.cancel = context.WithCancel(context.Background())
	return client, nil
}

// Close cancels pending work and waits for it.
func (c *Client) Close() error {
	c.cancel()
	c.inFlight.Wait()
	return nil
}

// Policy returns the policy of a domain. The zero Policy means that the domain has none; an
// error beside it means that this is not certain. RFC 8461, Section 3.3: mail is then
// delivered as if the domain had none.
func (c *Client) Policy(ctx context.Context, domain string) (Policy, error) {
	domain, err := address.Domain(domain)
	if err != nil {
		return Policy{}, fmt.Errorf("looking for mta-sts policy: %w", err)
	}
	e, now := c.known(domain), time.Now()
	if e == nil || !now.Before(e.next) {
		e, err = c.renew(ctx, domain, e)
	}
	switch {
	case e.live(now):
		return e.policy, nil
	case err != nil:
		return Policy{}, err
	default:
		return Policy{}, e.err
	}
}

func (c *Client) known(domain string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.domains[domain]
}

// renew determines the current policy, once for all concurrent callers. When ctx ends
// first, it returns the old entry.
func (c *Client) renew(ctx context.Context, domain string, old *entry) (*entry, error) {
	flight := c.flights.DoChan(domain, func() (any, error) {
		// The result belongs to the client and not to the caller, who may give up.
		c.inFlight.Add(1)
		defer c.inFlight.Done()
		fctx, cancel := context.WithTimeout(c.ctx, fetchTimeout)
		defer cancel()
		e := c.find(fctx, domain, old)
		c.remember(domain, e)
		return e, nil
	})
	select {
	case r := <-flight:
		e, _ := r.Val.(*entry)
		return e, nil
	case <-ctx.Done():
		return old, fmt.Errorf("waiting for mta-sts policy of %s: %w", domain, context.Cause(ctx))
	}
}

// find looks up the record of a domain, and fetches the policy if its id is new. RFC 8461,
// Section 5.1: a fetched policy is valid until it expires, even if the record changes or
// disappears.
func (c *Client) find(ctx context.Context, domain string, old *entry) *entry {
	now := time.Now()
	id, err := c.record(ctx, domain)
	switch {
	case err != nil || id == "":
		return keep(old, now, recheck, err)
	case old.fresh(now) && old.id == id:
		return keep(old, now, recheck, nil)
	}
	e, err := c.fetch(ctx, domain, id)
	if err != nil {
		c.cfg.Log.Warn("policy was not fetched", "domain", domain, "still_valid", old.live(now), "error", err)
		return keep(old, now, fetchAgain, err)
	}
	e.fetched, e.next = now, now.Add(recheck)
	return e
}

// keep returns the existing state, with a time for the next check.
func keep(old *entry, now time.Time, again time.Duration, err error) *entry {
	e := entry{err: err}
	if old.live(now) {
		e = *old
	}
	e.next = now.Add(again)
	return &e
}

// record returns the policy id that a domain announces, or "" without one.
func (c *Client) record(ctx context.Context, domain string) (string, error) {
	txts, err := c.cfg.Resolver.LookupTXT(ctx, "_mta-sts."+domain)
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking up mta-sts record of %s: %w", domain, err)
	}
	var records []string
	for _, txt := range txts {
		if IsRecord(txt) {
			records = append(records, txt)
		}
	}
	switch len(records) {
	case 0:
		return "", nil
	case 1:
		return ParseRecord(records[0])
	default:
		// RFC 8461, Section 3.1: several records count as none.
		return "", fmt.Errorf("%w: %d records at %s", ErrRecord, len(records), domain)
	}
}

// fetch fetches the policy. RFC 8461, Section 3.3: over HTTPS, as text/plain, and redirects
// must not be followed.
func (c *Client) fetch(ctx context.Context, domain, id string) (*entry, error) {
	url := "https://mta-sts." + domain + "/.well-known/mta-sts.txt"
	resp, err := c.cfg.Fetcher.Get(ctx, url, egress.Options{
		NoRedirects: true, HTTPSOnly: true, MediaTypes: []string{"text/plain"}, MaxBody: maxPolicy,
	})
	if err != nil {
		return nil, fmt.Errorf("fetching mta-sts policy of %s: %w", domain, err)
	}
	if resp.Status != 200 {
		return nil, fmt.Errorf("fetching mta-sts policy of %s: %w: status %d", domain, ErrPolicy, resp.Status)
	}
	policy, err := ParsePolicy(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading mta-sts policy of %s: %w", domain, err)
	}
	return &entry{id: id, policy: policy, text: resp.Body}, nil
}

// remember replaces the state of a domain, and makes room for it.
func (c *Client) remember(domain string, e *entry) {
	c.mu.Lock()
	old := c.domains[domain]
	if old == nil && len(c.domains) >= c.cfg.MaxDomains {
		c.makeRoom()
	}
	c.domains[domain] = e
	c.mu.Unlock()
	var err error
	switch {
	case e.fetched.IsZero() && old != nil && !old.fetched.IsZero():
		err = c.store.remove(domain)
	case !e.fetched.IsZero() && (old == nil || !old.fetched.Equal(e.fetched)):
		err = c.store.save(domain, e)
	}
	if err != nil {
		c.cfg.Log.Warn("policy was not kept", "domain", domain, "error", err)
	}
}

// makeRoom drops the domains without policy, which are cheap to look up again, or else the
// policy that expires first. mu is held.
func (c *Client) makeRoom() {
	now, first := time.Now(), ""
	var end time.Time
	for domain, e := range c.domains {
		if !e.live(now) {
			c.forget(domain)
			continue
		}
		if ends := e.fetched.Add(e.policy.MaxAge); first == "" || ends.Before(end) {
			first, end = domain, ends
		}
	}
	if len(c.domains) >= c.cfg.MaxDomains {
		c.forget(first)
	}
}

// forget drops a domain. mu is held.
func (c *Client) forget(domain string) {
	delete(c.domains, domain)
	if err := c.store.remove(domain); err != nil {
		c.cfg.Log.Warn("policy was not removed", "domain", domain, "error", err)
	}
}
