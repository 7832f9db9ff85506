package rdap

import (
	"cmp"
	"context"
	"net/url"
	"sync"
	"time"
)

// Pace of questions to one server.
const (
	pause      = 500 * time.Millisecond // between questions, in the long run
	burst      = 10                     // questions at once, after a while without any
	leaveAlone = time.Minute            // after a server that said too often, and not for how long
	leaveMost  = time.Hour
	maxServers = 1000 // remembered; registrars are many, and their names come from answers
)

// servers keeps the pace with every server. It is safe for concurrent use.
type servers struct {
	mu    sync.Mutex
	hosts map[string]*server // guarded by mu, with all that is in them
}

// server is the pace with one server.
type server struct {
	next  time.Time // when the next question is due, if all were pause apart
	until time.Time // the server asks for fewer requests until then
}

func newServers() *servers { return &servers{hosts: make(map[string]*server)} }

// await waits until a server may be asked, and fails where that is later than ctx allows.
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

// reserve takes the next turn with a server, if it comes before the end.
func (s *servers) reserve(host string, now, end time.Time, limited bool) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.of(host, now)
	if now.Before(h.until) {
		return 0, false
	}
	// What was not asked in the past may be asked at once, as far as burst goes.
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

// leave leaves a server alone for a time, or for a minute where it named none.
func (s *servers) leave(host string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.of(host, now).until = now.Add(min(cmp.Or(d, leaveAlone), leaveMost))
}

// of returns the pace with a server. mu is held.
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

// makeRoom forgets the servers that could be asked at once, and any one where there is
// none of these. mu is held.
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
