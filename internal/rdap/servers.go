package rdap

import (
	"cmp"
	"context"
	"net/url"
	"sync"
	"time"
)

// Rate limit per server.
const (
	pause          = 500 * time.Millisecond // between queries, on average
	burst          = 10                     // queries at once, after an idle time
	defaultBackOff = time.Minute            // after a server refused without a time to wait
	maxBackOff     = time.Hour
	maxServers     = 1000 // kept; there are many registrars, and their names come from answers
)

// servers holds the rate limits of all servers. It is safe for concurrent use.
type servers struct {
	mu    sync.Mutex
	hosts map[string]*server // guarded by mu, including its values
}

// server is the rate limit of one server.
type server struct {
	next  time.Time // when the next query is due at intervals of pause
	until time.Time // the server refuses queries until then
}

func newServers() *servers { return &servers{hosts: make(map[string]*server)} }

// await waits until a server may be queried, and fails if that is after the deadline of
// ctx.
func (s *servers) await(ctx context.Context, host string) error {
	now := time.Now()
	end, limited := ctx.Deadline()
	wait, ok := s.reserve(host, now, end, limited)
	if !ok {
		return ErrBusy
	}
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ErrBusy
	}
}

// reserve takes the next slot of a server, if it is before end.
func (s *servers) reserve(host string, now, end time.Time, limited bool) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.of(host, now)
	if now.Before(h.until) {
		return 0, false
	}
	// Unused slots of the past may be used at once, up to burst.
	next := h.next
	if oldest := now.Add(-(burst - 1) * pause); next.Before(oldest) {
		next = oldest
	}
	wait := next.Sub(now)
	if limited && now.Add(wait).After(end) {
		return 0, false
	}
	h.next = next.Add(pause)
	return wait, true
}

// backOff suspends queries to a server for a time; 0 means defaultBackOff.
func (s *servers) backOff(host string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.of(host, now).until = now.Add(min(cmp.Or(d, defaultBackOff), maxBackOff))
}

// of returns the rate limit of a server. mu is held.
func (s *servers) of(host string, now time.Time) *server {
	h := s.hosts[host]
	if h == nil {
		if len(s.hosts) >= maxServers {
			s.makeRoom(now)
		}
		h = &server{}
		s.hosts[host] = h
	}
	return h
}

// makeRoom drops the servers that may be queried at once, or else any one. mu is held.
func (s *servers) makeRoom(now time.Time) {
	var last string
	for host, h := range s.hosts {
		last = host
		if now.After(h.next) && now.After(h.until) {
			delete(s.hosts, host)
		}
	}
	if len(s.hosts) >= maxServers {
		delete(s.hosts, last)
	}
}

// hostOf returns the host of a URL, or "".
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}
