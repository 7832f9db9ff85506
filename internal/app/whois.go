package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"outrider/internal/config"
	"outrider/internal/dns"
	"outrider/internal/egress"
	"outrider/internal/rdap"
)

// registries says when and by whom domains were registered. On the way of a message it
// answers from its cache, and fetches the rest in the background, so that the next message
// from the same domain is judged with it. A later look waits for the answer.
type registries struct {
	client *rdap.Client
	fetch  *egress.Client
	wanted chan string
	mu     sync.Mutex
	waits  map[string]bool // domains in wanted, or being asked about; guarded by mu
	reach  reach
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// maxWanted bounds the domains that wait to be asked about. More are forgotten, and asked for
// again by the next message.
const maxWanted = 256

// bootstrap says how registries are found: by the file of IANA, over the public network,
// but in tests.
type bootstrap struct {
	file   string
	egress egress.Config // without its resolver
}

func iana() bootstrap { return bootstrap{file: rdap.IANA} }

// newRegistries returns nil if no registry may be asked.
func newRegistries(c *config.Config, resolver *dns.Client, from bootstrap, log *slog.Logger) (*registries, error) {
	if resolver == nil || !c.Rules.Whois {
		return nil, nil //nolint:nilnil // nil is the one that is switched off
	}
	from.egress.Resolver = resolver.For(nil)
	r := &registries{fetch: egress.New(from.egress), wanted: make(chan string, maxWanted), waits: make(map[string]bool)}
	var err error
	if r.client, err = rdap.New(rdap.Config{Fetcher: r.fetch, Bootstrap: from.file, Log: log}); err != nil {
		return nil, errors.Join(err, r.fetch.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.done.Go(func() { r.run(ctx) })
	return r, nil
}

// run queries the domains that messages asked for.
func (r *registries) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case domain := <-r.wanted:
			_, err := r.client.Lookup(ctx, domain) // the client remembers failures too
			r.reach.note(domain, err)
			r.mu.Lock()
			delete(r.waits, domain)
			r.mu.Unlock()
		}
	}
}

// known answers at once.
func (r *registries) known(_ context.Context, domain string) *rdap.Registration {
	if found, ok := r.client.Cached(domain); ok || !r.client.Serves(domain) {
		return found
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waits[domain] {
		return nil
	}
	select {
	case r.wanted <- domain:
		r.waits[domain] = true
	default:
	}
	return nil
}

// ask answers when the registry has.
func (r *registries) ask(ctx context.Context, domain string) *rdap.Registration {
	found, err := r.client.Lookup(ctx, domain)
	r.reach.note(domain, err)
	if err != nil {
		return nil
	}
	return found
}

// tells reports whether asking about a domain may give an answer soon.
func (r *registries) tells(domain string) bool {
	return r.client.Serves(domain) && !r.reach.lost(domain)
}

// reach remembers which registries can be reached, by the last label of domains. No message is
// to wait for one that cannot. Only domains of registries that are known are noted.
type reach struct {
	mu sync.Mutex
	by map[string]failures // guarded by mu
}

// failures are those in a row.
type failures struct {
	count int
	last  time.Time
}

// A registry counts as lost after so many failures in a row, until it answers or so long after
// the last.
const (
	lostAfter = 10
	lostFor   = 10 * time.Minute
)

func registryOf(domain string) string { return domain[strings.LastIndexByte(domain, '.')+1:] }

// note takes what became of a question. A server that has nothing to say was reached.
func (r *reach) note(domain string, err error) {
	if errors.Is(err, rdap.ErrBusy) || errors.Is(err, rdap.ErrNoServer) || errors.Is(err, context.Canceled) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil || errors.Is(err, rdap.ErrAnswer) {
		delete(r.by, registryOf(domain))
		return
	}
	if r.by == nil {
		r.by = make(map[string]failures)
	}
	r.by[registryOf(domain)] = failures{r.by[registryOf(domain)].count + 1, time.Now()}
}

func (r *reach) lost(domain string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.by[registryOf(domain)]
	return f.count >= lostAfter && time.Since(f.last) < lostFor
}

// close stops asking. It may be called on nil.
func (r *registries) close() error {
	if r == nil {
		return nil
	}
	r.cancel()
	r.done.Wait()
	return errors.Join(r.client.Close(), r.fetch.Close())
}
