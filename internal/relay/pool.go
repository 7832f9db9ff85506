package relay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"outrider/internal/tenant"
)

// pool keeps idle sessions per host and bounds how many are open.
type pool struct {
	maxIdle, maxOpen int
	idleFor          time.Duration
	watchers         sync.WaitGroup

	mu     sync.Mutex
	closed bool                 // guarded by mu
	hosts  map[string]*hostPool // guarded by mu
}

// hostPool is the part of one host. It exists while it has users or idle sessions.
type hostPool struct {
	slots chan struct{} // one token per open session that is in use
	users int           // guarded by pool.mu
	idle  []*session    // most recently used last; guarded by pool.mu
}

func newPool(maxIdle, maxOpen int, idleFor time.Duration) *pool {
	return &pool{maxIdle: maxIdle, maxOpen: maxOpen, idleFor: idleFor, hosts: map[string]*hostPool{}}
}

// enter waits until another session to the host may be used.
func (p *pool) enter(ctx context.Context, key string) error {
	p.mu.Lock()
	h := p.hosts[key]
	if h == nil {
		h = &hostPool{slots: make(chan struct{}, p.maxOpen)}
		p.hosts[key] = h
	}
	h.users++
	p.mu.Unlock()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		h.users--
		p.forget(key, h)
		p.mu.Unlock()
		return fmt.Errorf("waiting for a free connection: %w", context.Cause(ctx))
	}
}

// leave is the reverse of enter.
func (p *pool) leave(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[key]
	<-h.slots
	h.users--
	p.forget(key, h)
}

// forget drops the unused part of a host. mu is held.
func (p *pool) forget(key string, h *hostPool) {
	if h.users == 0 && len(h.idle) == 0 {
		delete(p.hosts, key)
	}
}

// take returns an idle session that is alive, or nil. The caller has entered.
func (p *pool) take(key string) *session {
	for {
		p.mu.Lock()
		h := p.hosts[key]
		if len(h.idle) == 0 {
			p.mu.Unlock()
			return nil
		}
		s := h.idle[len(h.idle)-1]
		h.idle = h.idle[:len(h.idle)-1]
		p.mu.Unlock()
		// The watch reads until it is stopped here; any other result means that the host
		// closed the connection or sent unexpected data.
		_ = s.conn.SetReadDeadline(aLongTimeAgo)
		if err := <-s.watched; errors.Is(err, os.ErrDeadlineExceeded) {
			return s
		}
		_ = s.conn.Close()
	}
}

// put keeps the session for reuse, or quits it.
func (p *pool) put(key string, s *session) {
	p.mu.Lock()
	h := p.hosts[key]
	if p.closed || len(h.idle) >= p.maxIdle {
		p.mu.Unlock()
		s.quit()
		return
	}
	s.watched = make(chan error, 1)
	_ = s.conn.SetDeadline(time.Now().Add(p.idleFor))
	h.idle = append(h.idle, s)
	p.watchers.Go(func() { p.watch(key, s) })
	p.mu.Unlock()
}

// watch waits until an idle session is taken, closed by the host, or idle for too
// long.
func (p *pool) watch(key string, s *session) {
	_, err := s.br.Peek(1)
	s.watched <- err
	p.mu.Lock()
	h := p.hosts[key]
	mine := false
	if h != nil {
		for i, o := range h.idle {
			if o == s {
				h.idle = append(h.idle[:i], h.idle[i+1:]...)
				p.forget(key, h)
				mine = true
				break
			}
		}
	}
	p.mu.Unlock()
	if mine {
		s.quit()
	}
}

// close closes all idle sessions and waits for their watches.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	for _, h := range p.hosts {
		for _, s := range h.idle {
			_ = s.conn.SetReadDeadline(aLongTimeAgo)
		}
	}
	p.mu.Unlock()
	p.watchers.Wait()
}

// connect returns a session that is ready for MAIL: an idle one, or with fresh a new one.
// release must be called.
func (r *Relay) connect(ctx context.Context, route tenant.Route, t target, requireTLS, fresh bool) (*session, error) {
	key := fmt.Sprintf("%s|%s|%t", route.Key(), t.addr, requireTLS)
	if t.demand != nil {
		key += t.demand.key() // a connection is only reused under the same demand
	}
	if err := r.pool.enter(ctx, key); err != nil {
		return nil, fail(replyNoHost, "connecting to %s: %w", t.addr, err)
	}
	if !fresh {
		if s := r.pool.take(key); s != nil {
			s.bind(ctx)
			return s, nil
		}
	}
	s, err := r.dial(ctx, route, t, requireTLS)
	if err != nil {
		r.pool.leave(key)
		return nil, err
	}
	s.key = key
	s.bind(ctx)
	return s, nil
}

// release returns a session to the pool. A non-nil err means that it is unusable.
func (r *Relay) release(s *session, err error) {
	s.unbind()
	s.messages++
	switch {
	case err != nil || s.br.Buffered() > 0:
		_ = s.conn.Close()
	case s.messages >= r.cfg.MaxMessages:
		s.quit()
	default:
		r.pool.put(s.key, s)
	}
	r.pool.leave(s.key)
}
