// Package rdap queries registries for the registration date and registrant of a domain.
//
// The server for a domain comes from the IANA bootstrap file, or from a short built-in
// table. Answers are cached for a day, and queries are rate-limited: many servers block
// frequent clients, and a server's Retry-After is respected. If a registry refers to the
// registrar for the registrant, the registrar is queried too.
//
// Standards: RFC 7480 (RDAP over HTTP), RFC 9082 (queries), RFC 9083 (answers), RFC 9224
// (bootstrap), RFC 7095 and 8605 (jCard).
//
// Limits: domains only, over HTTPS only; domains whose registry offers no RDAP have no
// answer. Registries mostly redact registrants, which are returned as received.
package rdap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"outrider/internal/address"
	"outrider/internal/egress"
)

// Times and sizes.
const (
	timeout     = 2 * time.Second // of a whole lookup
	keepError   = 5 * time.Minute // until a server that failed is queried for the domain again
	maxAnswer   = 256 << 10       // bytes
	mediaType   = "application/rdap+json"
	otherType   = "application/json" // used by some servers instead
	maxHostName = 253

	statusMissing  = 404
	statusTooOften = 429
)

// Reasons for a missing answer.
var (
	ErrNoServer = errors.New("no registration data service is known for the domain")
	ErrBusy     = errors.New("rate limit of the server exceeded")
	ErrAnswer   = errors.New("answer is not a registration of the domain")
)

// Fetcher fetches answers; egress.Client fits.
type Fetcher interface {
	Get(ctx context.Context, url string, o egress.Options) (*egress.Response, error)
}

// Config configures a Client. Zero values mean the stated defaults.
type Config struct {
	Fetcher     Fetcher
	Bootstrap   string        // URL or file of RFC 9224 that takes precedence over the short table, or ""
	Keep        time.Duration // cache time of a registration; 24 hours
	KeepMissing time.Duration // cache time of an unregistered domain; 1 hour
	MaxDomains  int           // cached; 50,000
	Log         *slog.Logger  // nil disables logging
}

// Client queries registries and caches the answers. It is safe for concurrent use.
type Client struct {
	cfg      Config
	table    *table
	servers  *servers
	cache    *otter.Cache[string, entry]
	flights  singleflight.Group
	inFlight sync.WaitGroup
	ctx      context.Context //nolint:containedctx // ends with the client
	cancel   context.CancelFunc
}

// entry is the cached result of a domain.
type entry struct {
	registration *Registration // nil with err
	err          error
	keep         time.Duration // 0: not cached
}

// New returns a client. Close must be called.
func New(c Config) (*Client, error) {
	c.Keep, c.KeepMissing = cmp.Or(c.Keep, 24*time.Hour), cmp.Or(c.KeepMissing, time.Hour)
	c.MaxDomains = cmp.Or(c.MaxDomains, 50_000)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	cache, err := otter.New(&otter.Options[string, entry]{
		MaximumSize:      c.MaxDomains,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, entry]) time.Duration { return e.Value.keep }),
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the cache of registrations: %w", err)
	}
	client := &Client{cfg: c, table: newTable(), servers: newServers(), cache: cache}
	client.ctx, client.cancel = context.WithCancel(context.Background())
	return client, nil
}

// Close cancels the queries in flight and waits for them.
func (c *Client) Close() error {
	c.cancel()
	c.inFlight.Wait()
	c.cache.StopAllGoroutines()
	return nil
}

// Cached returns the cached registration of the organizational domain of a domain, without
// a query.
func (c *Client) Cached(domain string) (*Registration, bool) {
	name, err := organizational(domain)
	if err != nil {
		return nil, false
	}
	e, ok := c.cache.GetIfPresent(name)
	return e.registration, ok && e.err == nil
}

// Serves reports whether a server for a domain is known: many country-code registries have
// none.
func (c *Client) Serves(domain string) bool {
	name, err := organizational(domain)
	if err != nil {
		return false
	}
	base, due := c.table.find(name, time.Now())
	return base != "" || due && c.cfg.Bootstrap != ""
}

// Lookup returns the registration of the organizational domain of a domain. An unregistered
// domain has Found false. Callers must not change the result.
func (c *Client) Lookup(ctx context.Context, domain string) (*Registration, error) {
	name, err := organizational(domain)
	if err != nil {
		return nil, err
	}
	if e, ok := c.cache.GetIfPresent(name); ok {
		return e.registration, e.err
	}
	flight := c.flights.DoChan(name, func() (any, error) {
		// The result belongs to the client and not to the caller, who may give up.
		c.inFlight.Add(1)
		defer c.inFlight.Done()
		actx, cancel := context.WithTimeout(c.ctx, timeout)
		defer cancel()
		e := c.ask(actx, name)
		if e.keep > 0 {
			c.cache.Set(name, e)
		}
		return e, nil
	})
	select {
	case r := <-flight:
		e, _ := r.Val.(entry)
		return e.registration, e.err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the registration of %s: %w", name, context.Cause(ctx))
	}
}

// organizational returns the registrable domain.
func organizational(domain string) (string, error) {
	name, err := address.Domain(domain)
	if err != nil {
		return "", fmt.Errorf("looking for a registration: %w", err)
	}
	return address.Organizational(name), nil
}

// ask queries the server for a domain.
func (c *Client) ask(ctx context.Context, domain string) entry {
	base, err := c.base(ctx, domain)
	if err != nil {
		return entry{err: err, keep: keepError}
	}
	// RFC 9082, Section 3.1.3: domain/ and the name; servers must accept A-labels.
	reg, err := c.fetch(ctx, base+"domain/"+domain, domain)
	if e, ok := errors.AsType[*egress.Error](err); ok && e.Status == statusMissing {
		// RFC 7480, Section 5.3: the domain does not exist.
		return entry{registration: &Registration{Domain: domain, Checked: time.Now()}, keep: c.cfg.KeepMissing}
	}
	switch {
	case errors.Is(err, ErrBusy) || c.ctx.Err() != nil && err != nil:
		return entry{err: err} // no information about the domain or its server
	case err != nil:
		c.cfg.Log.WarnContext(ctx, "registration could not be read", "domain", domain, "error", err)
		return entry{err: err, keep: keepError}
	}
	c.refer(ctx, reg)
	return entry{registration: reg, keep: c.cfg.Keep}
}

// refer queries the registrar for the data that the registry leaves to it. The registry's
// answer is valid without it.
func (c *Client) refer(ctx context.Context, reg *Registration) {
	if reg.registrar == "" || reg.Registrant != (Contact{}) {
		return
	}
	more, err := c.fetch(ctx, reg.registrar, reg.Domain)
	if err != nil {
		c.cfg.Log.DebugContext(ctx, "registrar did not answer", "domain", reg.Domain, "error", err)
		return
	}
	reg.Registrant = more.Registrant
	reg.Administrative = cmp.Or(reg.Administrative, more.Administrative)
	reg.Technical = cmp.Or(reg.Technical, more.Technical)
	reg.Registrar = cmp.Or(reg.Registrar, more.Registrar)
}

// fetch fetches and parses one answer, within the rate limit of the server.
func (c *Client) fetch(ctx context.Context, url, domain string) (*Registration, error) {
	host := hostOf(url)
	if err := c.servers.await(ctx, host); err != nil {
		return nil, fmt.Errorf("querying %s about %s: %w", host, domain, err)
	}
	resp, err := c.cfg.Fetcher.Get(ctx, url, egress.Options{HTTPSOnly: true, MediaTypes: []string{mediaType, otherType}, MaxBody: maxAnswer})
	if err != nil {
		if e, ok := errors.AsType[*egress.Error](err); ok && e.Status == statusTooOften {
			// RFC 7480, Section 5.5: a server may refuse frequent queries, and may give a
			// time to wait.
			c.servers.backOff(host, e.RetryAfter)
			err = errors.Join(ErrBusy, err)
		}
		return nil, fmt.Errorf("querying %s about %s: %w", host, domain, err)
	}
	reg, err := Parse(resp.Body, domain)
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s about %s: %w", host, domain, err)
	}
	reg.Checked = time.Now()
	return reg, nil
}
