package mailauth

import (
	"context"
	"net"
	"sync"

	"outrider/internal/mailauth/dmarc"
)

// memo caches the answers of a resolver for one message, so that the second evaluation of
// DMARC, with the results of SPF and DKIM, needs no queries.
type memo struct {
	dns dmarc.Resolver
	txt answers[[]string]
	mx  answers[[]*net.MX]
	ip  answers[[]net.IPAddr]
}

func newMemo(dns dmarc.Resolver) *memo { return &memo{dns: dns} }

// LookupTXT returns the TXT records of name.
func (m *memo) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return m.txt.get(ctx, name, m.dns.LookupTXT)
}

// LookupMX returns the MX records of name.
func (m *memo) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return m.mx.get(ctx, name, m.dns.LookupMX)
}

// LookupIPAddr returns the addresses of name.
func (m *memo) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	return m.ip.get(ctx, name, m.dns.LookupIPAddr)
}

// answers caches the answers of one type, by name.
type answers[T any] struct {
	mu   sync.Mutex
	seen map[string]outcome[T] // guarded by mu
}

type outcome[T any] struct {
	value T
	err   error
}

func (a *answers[T]) get(ctx context.Context, name string, ask func(context.Context, string) (T, error)) (T, error) {
	a.mu.Lock()
	o, ok := a.seen[name]
	a.mu.Unlock()
	if ok {
		return o.value, o.err
	}
	o.value, o.err = ask(ctx, name)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = make(map[string]outcome[T])
	}
	a.seen[name] = o
	return o.value, o.err
}
