package rdap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"outrider/internal/address"
	"outrider/internal/egress"
)

// Times and sizes of the bootstrap file.
const (
	renewAfter    = 7 * 24 * time.Hour
	renewAgain    = 10 * time.Minute // after a failed fetch
	maxBootstrap  = 1 << 20          // bytes
	maxServices   = 10_000           // names in the file
	bootstrapTime = 20 * time.Second
)

// IANA is the URL of the bootstrap file.
const IANA = "https://data.iana.org/rdap/dns.json"

// wellKnown are the servers of some large domains, used without a bootstrap file entry.
var wellKnown = map[string]string{
	"com":  "https://rdap.verisign.com/com/v1/",
	"net":  "https://rdap.verisign.com/net/v1/",
	"org":  "https://rdap.publicinterestregistry.org/rdap/",
	"uk":   "https://rdap.nominet.uk/uk/",
	"xyz":  "https://rdap.centralnic.com/xyz/",
	"app":  "https://pubapi.registry.google/rdap/",
	"dev":  "https://pubapi.registry.google/rdap/",
	"page": "https://pubapi.registry.google/rdap/",
	"info": "https://rdap.identitydigital.services/rdap/",
	"io":   "https://rdap.identitydigital.services/rdap/",
}

// table maps domains to servers. It is safe for concurrent use.
type table struct {
	mu    sync.Mutex
	bases map[string]string // URLs with a final slash, by domain; immutable; guarded by mu
	next  time.Time         // when the file is read again; guarded by mu
}

func newTable() *table { return &table{bases: wellKnown} }

// find returns the base of the server for a domain, and whether the file is due. RFC 9224,
// Section 4: the longest match by labels counts.
func (t *table) find(domain string, now time.Time) (base string, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	due = !now.Before(t.next)
	for name, more := domain, true; more; _, name, more = strings.Cut(name, ".") {
		if base := t.bases[name]; base != "" {
			return base, due
		}
	}
	return "", due
}

// replace stores the content of a file; nil changes only the time of the next read.
func (t *table) replace(bases map[string]string, next time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if bases != nil {
		t.bases = maps.Clone(wellKnown)
		maps.Copy(t.bases, bases)
	}
	t.next = next
}

// base returns the base URL of the server for a domain. It reads the bootstrap file when
// that is due, and waits for it only if the domain needs it.
func (c *Client) base(ctx context.Context, domain string) (string, error) {
	base, due := c.table.find(domain, time.Now())
	if due && c.cfg.Bootstrap != "" {
		done := c.flights.DoChan(" bootstrap", func() (any, error) {
			c.inFlight.Add(1)
			defer c.inFlight.Done()
			c.renew()
			return nil, nil
		})
		if base == "" {
			select {
			case <-done:
			case <-ctx.Done():
				return "", fmt.Errorf("waiting for the bootstrap file: %w", context.Cause(ctx))
			}
			base, _ = c.table.find(domain, time.Now())
		}
	}
	if base == "" {
		return "", fmt.Errorf("looking for the registry of %s: %w", domain, ErrNoServer)
	}
	return base, nil
}

// renew reads the bootstrap file. On failure the existing content stays.
func (c *Client) renew() {
	ctx, cancel := context.WithTimeout(c.ctx, bootstrapTime)
	defer cancel()
	bases, err := c.readBootstrap(ctx)
	if err != nil {
		c.table.replace(nil, time.Now().Add(renewAgain))
		c.cfg.Log.WarnContext(ctx, "bootstrap file could not be read", "file", c.cfg.Bootstrap, "error", err)
		return
	}
	c.table.replace(bases, time.Now().Add(renewAfter))
}

func (c *Client) readBootstrap(ctx context.Context) (map[string]string, error) {
	if !strings.Contains(c.cfg.Bootstrap, "://") {
		raw, err := os.ReadFile(c.cfg.Bootstrap)
		if err != nil {
			return nil, fmt.Errorf("reading bootstrap file: %w", err)
		}
		return ParseBootstrap(raw)
	}
	resp, err := c.cfg.Fetcher.Get(ctx, c.cfg.Bootstrap, egress.Options{HTTPSOnly: true, MaxBody: maxBootstrap})
	if err != nil {
		return nil, fmt.Errorf("fetching bootstrap file: %w", err)
	}
	return ParseBootstrap(resp.Body)
}

// errBootstrap is the error of a file without services.
var errBootstrap = errors.New("file is not an RDAP bootstrap file")

// ParseBootstrap parses a bootstrap file: the base URL of the server by domain. Servers
// without HTTPS are left out. RFC 9224, Section 3: services are pairs of a list of domains
// and a list of URLs.
func ParseBootstrap(raw []byte) (map[string]string, error) {
	var file struct {
		Services [][][]string `json:"services"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("%w: %w", errBootstrap, err)
	}
	bases := make(map[string]string)
	for _, service := range file.Services {
		if len(service) != 2 {
			continue
		}
		base, ok := secure(service[1])
		for _, name := range service[0] {
			if name, err := address.Domain(name); ok && err == nil && len(bases) < maxServices {
				bases[name] = base
			}
		}
	}
	if len(bases) == 0 {
		return nil, fmt.Errorf("%w: it names no server", errBootstrap)
	}
	return bases, nil
}

// secure returns the first URL with HTTPS, with a final slash.
func secure(urls []string) (string, bool) {
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" {
			return strings.TrimSuffix(u.String(), "/") + "/", true
		}
	}
	return "", false
}
