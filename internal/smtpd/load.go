package smtpd

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Stress mode begins when 3/4 of all sessions are taken and ends at a half, so that a server
// at one of the limits does not change all the time. While it lasts, an address gets a
// twentieth of all sessions, and clients are waited for as briefly as shortTimeouts says.
const (
	stressFrom  = 3.0 / 4
	stressUntil = 1.0 / 2
	stressShare = 20
	leastShare  = 2 // sessions that an address may always have
)

// shortTimeouts apply in stress mode, where they are shorter than the configured ones.
func shortTimeouts() Timeouts {
	return Timeouts{
		Greeting: 10 * time.Second, Command: 10 * time.Second, DataInit: 10 * time.Second, DataBlock: 30 * time.Second,
		RateGrace: 10 * time.Second, MinRate: 2000,
	}
}

// load counts sessions, admits new ones, and tells how long clients are waited for. It is
// safe for concurrent use.
type load struct {
	max, perAddr, perNetwork int
	normal                   Timeouts
	short                    Timeouts
	changed                  func(stress bool, open int) // called on every change of mode

	since atomic.Int64 // when stress mode began, in nanoseconds of the Unix time; 0 in normal mode

	mu       sync.Mutex // guards the rest
	open     int
	addrs    map[netip.Addr]int   // sessions by client; no zero values
	networks map[netip.Prefix]int // the same by network
	conns    map[*conn]struct{}   // those of all sessions
}

// newLoad returns the load of a server without sessions.
func newLoad(c *Config, changed func(stress bool, open int)) *load {
	return &load{
		max: c.MaxConns, perAddr: c.MaxConnsPerAddr, perNetwork: max(c.MaxConnsPerNetwork, c.MaxConnsPerAddr),
		normal: c.Timeouts, short: shortTimeouts(), changed: changed,
		addrs: make(map[netip.Addr]int), networks: make(map[netip.Prefix]int), conns: make(map[*conn]struct{}),
	}
}

// admit counts a session in, unless a limit is reached. Clients that are not limited speak for
// many others and have no limit of their own.
func (l *load) admit(c *conn, addr netip.Addr, limited bool) (Refusal, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.max {
		return RefusedFull, false
	}
	if limited {
		if why, ok := l.within(addr); !ok {
			return why, false
		}
		l.addrs[clientOf(addr)]++
		l.networks[networkOf(addr)]++
	}
	l.open++
	l.conns[c] = struct{}{}
	if l.since.Load() == 0 && float64(l.open) >= stressFrom*float64(l.max) {
		l.begin()
	}
	return "", true
}

// within reports whether a client may have one more session.
func (l *load) within(addr netip.Addr) (Refusal, bool) {
	most := l.perAddr
	if l.since.Load() != 0 {
		most = min(most, max(l.max/stressShare, leastShare))
	}
	switch {
	case l.addrs[clientOf(addr)] >= most:
		return RefusedPerAddr, false
	case l.networks[networkOf(addr)] >= l.perNetwork:
		return RefusedPerNetwork, false
	default:
		return "", true
	}
}

// release counts a session out.
func (l *load) release(c *conn, addr netip.Addr, limited bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	delete(l.conns, c)
	if l.since.Load() != 0 && float64(l.open) <= stressUntil*float64(l.max) {
		l.since.Store(0)
		l.changed(false, l.open)
	}
	if limited {
		decrement(l.addrs, clientOf(addr))
		decrement(l.networks, networkOf(addr))
	}
}

// begin starts stress mode. Clients that are waited for already get the short time from now on.
func (l *load) begin() {
	l.since.Store(time.Now().UnixNano())
	for c := range l.conns {
		c.hurry()
	}
	l.changed(true, l.open)
}

// stress returns when stress mode began, and whether it lasts.
func (l *load) stress() (time.Time, bool) {
	since := l.since.Load()
	return time.Unix(0, since), since != 0
}

// command returns until when a command may take that is waited for since start.
func (l *load) command(start time.Time, wait time.Duration) time.Time {
	end := start.Add(wait)
	if since, ok := l.stress(); ok {
		return earliest(end, latest(start, since).Add(l.short.Command))
	}
	return end
}

// data returns until when the next octets of a message must come. start is when the message was
// asked for, or when its first octet came; got counts its octets so far.
func (l *load) data(start, now time.Time, got int64) time.Time {
	end := l.normal.data(start, now, got)
	if since, ok := l.stress(); ok {
		return earliest(end, latest(l.short.data(start, now, got), since.Add(l.short.DataInit)))
	}
	return end
}

// data returns the end of the wait for octets of a message. A client must keep up the minimum
// rate on average, or it could hold a session for years with one octet every three minutes.
func (t *Timeouts) data(start, now time.Time, got int64) time.Time {
	if got == 0 {
		return start.Add(t.DataInit)
	}
	end := earliest(now.Add(t.DataBlock), start.Add(t.RateGrace+time.Duration(got/t.MinRate)*time.Second))
	if t.DataTotal > 0 {
		end = earliest(end, start.Add(t.DataTotal))
	}
	return end
}

// earliest returns the earlier time.
func earliest(t, u time.Time) time.Time {
	if u.Before(t) {
		return u
	}
	return t
}

// latest returns the later time.
func latest(t, u time.Time) time.Time {
	if u.After(t) {
		return u
	}
	return t
}

// decrement takes one of key, and the key with the last.
func decrement[K comparable](m map[K]int, key K) {
	if m[key]--; m[key] <= 0 {
		delete(m, key)
	}
}

// clientOf returns the address under which a client is counted. RFC 4291, Section 2.5.1:
// the last 64 bits of an IPv6 address name an interface, and every client may have as
// many of them as it likes.
func clientOf(addr netip.Addr) netip.Addr {
	if addr = addr.Unmap(); !addr.Is6() {
		return addr
	}
	return netip.PrefixFrom(addr.WithZone(""), 64).Masked().Addr()
}

// networkOf returns the network under which a client is counted: the smallest that is routed by
// itself, which is what one customer gets: a /24 of IPv4 and a /48 of IPv6.
func networkOf(addr netip.Addr) netip.Prefix {
	bits := 48
	if addr = addr.Unmap(); addr.Is4() {
		bits = 24
	}
	p, _ := addr.WithZone("").Prefix(bits) // the zero prefix for the invalid address
	return p
}
