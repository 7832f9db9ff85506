// Package history knows who has written to a tenant before.
//
// First contact is what most fraud has in common, and what most honest senders have
// only once. The memory of senders is held per tenant in memory, is filled from the
// store at start, and grows with every judged message; it is bounded, and forgets
// those not heard of for longest.
//
// Limits: counts are kept per sender address and domain; threads and relationships
// between people are not.
package history

import (
	"sync"
	"time"

	"outrider/internal/address"
)

// maxSenders bounds the senders remembered per tenant: about 100 MB.
const maxSenders = 500_000

// Sender is what is known of one sender.
type Sender struct {
	First    time.Time // first message seen; zero: never
	Last     time.Time // last message seen
	Messages int       // messages judged as wanted
}

// Contact is what is known of the author of a message before it came.
type Contact struct {
	Known   bool   // whether there is a memory to ask: false offline
	Address Sender // of the whole address
	Domain  Sender // of its organizational domain
}

// First reports whether this is certainly the first message of the address.
func (c Contact) First() bool { return c.Known && c.Address.First.IsZero() }

// FirstDomain reports whether this is certainly the first message of the domain.
func (c Contact) FirstDomain() bool { return c.Known && c.Domain.First.IsZero() }

// Memory remembers senders. It is safe for concurrent use.
type Memory struct {
	mu      sync.RWMutex
	senders map[string]map[string]Sender // by tenant, then by address key or "@" and domain; guarded by mu
}

// New returns an empty memory.
func New() *Memory { return &Memory{senders: make(map[string]map[string]Sender)} }

// Load adds what the store remembers of one sender key.
func (m *Memory) Load(tenant, key string, s Sender) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(tenant)[key] = s
}

// of returns the senders of a tenant. The caller holds mu.
func (m *Memory) of(tenant string) map[string]Sender {
	t := m.senders[tenant]
	if t == nil {
		t = make(map[string]Sender)
		m.senders[tenant] = t
	}
	return t
}

// Contact returns what is known of an author address.
func (m *Memory) Contact(tenant, author string) Contact {
	if m == nil {
		return Contact{}
	}
	keys, ok := Keys(author)
	if !ok {
		return Contact{}
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	t := m.senders[tenant]
	return Contact{Known: true, Address: t[keys[0]], Domain: t[keys[1]]}
}

// Keys returns the keys under which an author address is remembered: the address and
// its organizational domain.
func Keys(author string) (keys [2]string, ok bool) {
	a, err := address.ParsePath(author, true)
	if err != nil {
		return keys, false
	}
	return [2]string{a.Key(), "@" + address.Organizational(a.Domain)}, true
}

// Learn records a wanted message of an author address.
func (m *Memory) Learn(tenant, author string, at time.Time) {
	keys, ok := Keys(author)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.of(tenant)
	for _, k := range keys {
		s := t[k]
		if s.First.IsZero() {
			s.First = at
			makeRoom(t)
		}
		s.Last = at
		s.Messages++
		t[k] = s
	}
}

// makeRoom forgets the oldest of a few senders when the memory is full. Looking at a
// few is enough to keep the recent ones, and bounds the work.
func makeRoom(t map[string]Sender) {
	if len(t) < maxSenders {
		return
	}
	const sample = 8
	oldest, seen := "", 0
	for k, s := range t {
		if oldest == "" || s.Last.Before(t[oldest].Last) {
			oldest = k
		}
		if seen++; seen == sample {
			break
		}
	}
	delete(t, oldest)
}
