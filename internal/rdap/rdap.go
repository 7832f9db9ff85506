// Package rdap asks registries when and by whom a domain was registered.
//
// Which server answers for a domain is read from the bootstrap file of IANA, and from a
// short table where there is none. An answer is kept for a day, and servers are asked
// slowly: many of them shut out who asks often, and one that says so is left alone as long
// as it wants. Where a registry leaves the registrant to the registrar, that one is asked
// too.
//
// Standards: RFC 7480 (RDAP over HTTP), RFC 9082 (queries), RFC 9083 (answers), RFC 9224
// (bootstrap), RFC 7095 and 8605 (jCard).
//
// Limits: domains only, over HTTPS only; domains whose registry offers no RDAP have no
// answer. Registrants are mostly redacted by registries, and are shown as they come.
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
	timeout     = 2 * time.Second // of a lookup as a whole
	keepError   = 5 * time.Minute // until a server that failed is asked for the domain again
	maxAnswer   = 256 << 10       // bytes
	mediaType   = "application/rdap+json"
	otherType   = "application/json" // what some servers say instead
	maxHostName = 253

	statusMissing  = 404
	statusTooOften = 429
)

// Reasons for which there is no answer.
var (
	ErrNoServer = errors.New("no registration data service is known for the domain")
	ErrBusy     = errors.New("server asks for fewer requests")
	ErrAnswer   = errors.New("answer is not a registration of the domain")
)

// Fetcher fetches answers; egress.Client fits.
type Fetcher interface {
	Get(ctx context.Context, url string, o egress.Options) (*egress.Response, error)
}

// Config says how a Client works. Zero values mean the defaults named.
type Config struct {
	Fetcher     Fetcher
	Bootstrap   string        // URL or file of RFC 9224 that comes before the short table, or ""
	Keep        time.Duration // how long a registration is remembered; 24 hours
	KeepMissing time.Duration // how long it is remembered that there is none; 1 hour
	MaxDomains  int           // remembered; 50,000
	Log         *slog.Logger  // nothing is logged when nil
}

// Client asks and remembers. It is safe for concurrent use.
type Client struct {
	cfg     Config
	table   *table
	servers *servers
	cache   *otter.Cache[string, entry]
	flights singleflight.Group
	asking  sync.WaitGroup
	ctx     context.Context //nolint:containedctx // ends with the client
	cancel  context.CancelFunc
}

// entry is what is remembered of a domain.
type entry struct {
	registration *Registration // nil with err
	err          error
	keep         time.Duration // 0: not at all
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

// Close ends the questions under way and waits for them.
func (c *Client) Close() error {
	c.cancel()
	c.asking.Wait()
	c.cache.StopAllGoroutines()
	return nil
}

// Cached returns what is remembered of the organizational domain of a domain, without
// asking anybody.
func (c *Client) Cached(domain string) (*Registration, bool) {
	name, err := organizational(domain)
	if err != nil {
		return nil, false
	}
	e, ok := c.cache.GetIfPresent(name)
	return e.registration, ok && e.err == nil
}

// Serves reports whether anybody can be asked about a domain, as far as is known: many
// countries have no such server.
func (c *Client) Serves(domain string) bool {
	name, err := organizational(domain)
	if err != nil {
		return false
	}
	base, due := c.table.find(name, time.Now())
	return base != "" || due && c.cfg.Bootstrap != ""
}

// Lookup returns the registration of the organizational domain of a domain. One that is
// not registered has Found false. Callers do not change what they get.
func (c *Client) Lookup(ctx context.Context, domain string) (*Registration, error) {
	name, err := organizational(domain)
	if err != nil {
		return nil, err
	}
	if e, ok := c.cache.GetIfPresent(name); ok {
		return e.registration, e.err
	}
	flight := c.flights.DoChan(name, func() (any, error) {
		// What is found belongs to the client and not to the asker, who may give up.
		c.asking.Add(1)
		defer c.asking.Done()
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

// organizational returns the name that is registered.
func organizational(domain string) (string, error) {
	name, err := address.Domain(domain)
	if err != nil {
		return "", fmt.Errorf("looking for a registration: %w", err)
	}
	return address.Organizational(name), nil
}

// ask finds out about a domain.
func (c *Client) ask(ctx context.Context, domain string) entry {
	base, err := c.base(ctx, domain)
	if err != nil {
		return entry{err: err, keep: keepError}
	}
	// RFC 9082, Section 3.1.3: domain/ and the name; A-labels are always understood.
	reg, err := c.fetch(ctx, base+"domain/"+domain, domain)
	if e, ok := errors.AsType[*egress.Error](err); ok && e.Status == statusMissing {
		// RFC 7480, Section 5.3: there is no such domain.
		return entry{registration: &Registration{Domain: domain, Checked: time.Now()}, keep: c.cfg.KeepMissing}
	}
	switch {
	case errors.Is(err, ErrBusy) || c.ctx.Err() != nil && err != nil:
		return entry{err: err} // says nothing about the domain or its server
	case err != nil:
		c.cfg.Log.WarnContext(ctx, "registration could not be read", "domain", domain, "error", err)
		return entry{err: err, keep: keepError}
	}
	c.refer(ctx, reg)
	return entry{registration: reg, keep: c.cfg.Keep}
}

// refer asks the registrar for what the registry leaves to it. Without it the answer is
// good all the same.
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

// fetch gets and reads one answer, when the server may be asked.
func (c *Client) fetch(ctx context.Context, url, domain string) (*Registration, error) {
	host := hostOf(url)
	if err := c.servers.await(ctx, host); err != nil {
		return nil, fmt.Errorf("asking %s about %s: %w", host, domain, err)
	}
	resp, err := c.cfg.Fetcher.Get(ctx, url, egress.Options{HTTPSOnly: true, MediaTypes: []string{mediaType, otherType}, MaxBody: maxAnswer})
	if err != nil {
		if e, ok := errors.AsType[*egress.Error](err); ok && e.Status == statusTooOften {
			// RFC 7480, Section 5.5: who asks too often is told so, and perhaps for how long.
			c.servers.leave(host, e.RetryAfter)
			err = errors.Join(ErrBusy, err)
		}
		return nil, fmt.Errorf("asking %s about %s: %w", host, domain, err)
	}
	reg, err := Parse(resp.Body, domain)
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s about %s: %w", host, domain, err)
	}
	reg.Checked = time.Now()
	return reg, nil
}
