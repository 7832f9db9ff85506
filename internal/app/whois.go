package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"outrider/internal/config"
	"outrider/internal/dns"
	"outrider/internal/egress"
	"outrider/internal/rdap"
)

// registries says when and by whom domains were registered. On the way of a message it
// answers what it knows already, and learns the rest behind it, so that the next message
// from the same domain is judged with it. A later look waits for the answer.
type registries struct {
	client *rdap.Client
	fetch  *egress.Client
	wanted chan string
	mu     sync.Mutex
	waits  map[string]bool // domains in wanted, or being asked about; guarded by mu
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

// newRegistries returns nil where nobody may be asked.
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
	r.done.Go(func() { r.learn(ctx) })
	return r, nil
}

// learn asks about the domains that messages wanted to know of.
func (r *registries) learn(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case domain := <-r.wanted:
			_, _ = r.client.Lookup(ctx, domain) // the client remembers failures too
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
	if err != nil {
		return nil
	}
	return found
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
