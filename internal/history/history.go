// Package history knows who has written to a tenant before, and whom it wrote to.
//
// First contact is what most fraud has in common, and what most honest senders have
// only once. The memory is held per tenant, is filled from the store at start, and grows
// with every judged message; it is bounded, and forgets those not heard of for longest,
// strangers before those who are known.
//
// Two questions are kept apart. Contact tells of wanted messages of proved authors alone,
// since only these make a sender known. A Profile tells of every message that bears the
// name of a sender and is not disowned by its domain, whatever was thought of it.
//
// Limits: counts are kept per address, organizational domain and address for replies;
// threads and relationships between two people are not. Times of single messages are not
// kept but counts per four hours, of which the last 32 that had any stay apart.
package history

import (
	"sync"
	"sync/atomic"
	"time"

	"outrider/internal/address"
)

// maxRecords bounds the addresses and domains remembered per tenant: about 110 MB where most
// wrote a few times, and 300 MB at most.
const maxRecords = 500_000

// Sender is what is known of one sender.
type Sender struct {
	First    time.Time // first message seen; zero: never
	Last     time.Time // last message seen
	Messages int       // messages judged as wanted
	Days     int       // different days, in UTC, on which wanted messages came, from First to Last
	Written  bool      // somebody of the tenant wrote to it
}

// Bounds of what makes a sender trusted.
const (
	trustedMessages = 3 // wanted messages of the proved author
	trustedDays     = 3 // on which they came
)

// Trusted reports whether the sender has written wanted mail on several days, or somebody
// of the tenant wrote to it. Messages of one hour buy no trust, however many: a wave must
// not make its own sender known.
func (s Sender) Trusted() bool {
	return s.Messages > 0 && s.Written || s.Messages >= trustedMessages && s.Days >= trustedDays
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
	limit   int         // records per tenant
	loading atomic.Bool // until Loaded: what is not here may be in the store
	mu      sync.RWMutex
	tenants map[string]*past // guarded by mu, with all that is in them
}

// past is the memory of one tenant.
type past struct {
	// By key: an address, "@" and a domain, or ">" and an address that replies go to. A name
	// is in one of the two.
	familiar  map[string]*Record // see Record.Familiar
	strangers map[string]*Record

	since int64 // first thing remembered, in microseconds since 1970; 0: nothing yet
	sent  int64 // first message remembered that the tenant sent; 0: none yet
}

// NewLoading returns a memory that is being filled from the store: until Loaded it answers that
// its contacts are unknown, since it cannot tell what never happened. It records observations meanwhile.
func NewLoading() *Memory {
	m := New()
	m.loading.Store(true)
	return m
}

// Loaded says that everything the store remembers was added.
func (m *Memory) Loaded() { m.loading.Store(false) }

// New returns an empty memory.
func New() *Memory { return &Memory{limit: maxRecords, tenants: make(map[string]*past)} }

// Load adds the stored record of one key to what was observed since.
func (m *Memory) Load(tenant, key string, r Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.of(tenant)
	if since := p.get(key); since != nil {
		r.merge(since)
	} else {
		p.makeRoom(m.limit)
	}
	p.put(key, &r)
	p.note(&r)
}

// get returns what is remembered under a key, or nil.
func (p *past) get(key string) *Record {
	if r := p.familiar[key]; r != nil {
		return r
	}
	return p.strangers[key]
}

// put keeps a record among those of its kind.
func (p *past) put(key string, r *Record) {
	if !r.Familiar() {
		p.strangers[key] = r
		return
	}
	delete(p.strangers, key)
	p.familiar[key] = r
}

// all calls f for every record.
func (p *past) all(f func(key string, r *Record)) {
	for _, records := range []map[string]*Record{p.familiar, p.strangers} {
		for key, r := range records {
			f(key, r)
		}
	}
}

// of returns the memory of a tenant. The caller holds mu.
func (m *Memory) of(tenant string) *past {
	p := m.tenants[tenant]
	if p == nil {
		p = &past{familiar: make(map[string]*Record), strangers: make(map[string]*Record)}
		m.tenants[tenant] = p
	}
	return p
}

// note keeps since when there is a memory.
func (p *past) note(r *Record) {
	for _, at := range []int64{r.First, r.FirstIn, r.FirstOut} {
		p.since = earlier(p.since, at)
	}
	p.sent = earlier(p.sent, r.FirstOut)
}

// Contact returns what is known of an author address.
func (m *Memory) Contact(tenant, author string) Contact {
	if m == nil || m.loading.Load() {
		return Contact{}
	}
	keys, ok := Keys(author)
	if !ok {
		return Contact{}
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	c := Contact{Known: true}
	if p := m.tenants[tenant]; p != nil {
		c.Address, c.Domain = p.get(keys[0]).Sender(), p.get(keys[1]).Sender()
	}
	return c
}

// Keys returns the keys under which an author address is remembered: the address and
// its organizational domain.
func Keys(author string) (keys [2]string, ok bool) {
	a, err := address.ParsePath(author, true)
	if err != nil || a.IsZero() {
		return keys, false
	}
	return [2]string{a.Key(), domainKey(a.Domain)}, true
}

func domainKey(domain string) string { return "@" + address.Organizational(domain) }

// replyKey is the key of an address that replies go to. No address begins so.
func replyKey(addr string) string { return ">" + addr }

// ObserveWanted records a wanted message of a proved author address.
func (m *Memory) ObserveWanted(tenant, author string, at time.Time) {
	keys, ok := Keys(author)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		m.of(tenant).observe(k, Known, at, m.limit)
	}
}

// Observe records the observation of a judged, sent or released message.
func (m *Memory) Observe(tenant string, l Observation) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.of(tenant)
	l.Each(func(key string, what What) { p.observe(key, what, l.At, m.limit) })
}

func (p *past) observe(key string, what What, at time.Time, limit int) {
	r := p.get(key)
	if r == nil {
		p.makeRoom(limit)
		r = &Record{}
	}
	r.Observe(what, at)
	p.put(key, r)
	p.note(r)
}

// makeRoom forgets the oldest of a few when the memory is full. Looking at a few is enough
// to keep the recent ones, and bounds the work. Strangers go first, so that a flood of
// made-up senders does not wash away those who are known.
func (p *past) makeRoom(limit int) {
	if len(p.familiar)+len(p.strangers) < limit {
		return
	}
	records := p.strangers
	if len(records) == 0 {
		records = p.familiar
	}
	const sample = 8
	var oldest time.Time
	victim, seen := "", 0
	for k, r := range records {
		if at := r.Seen(); victim == "" || at.Before(oldest) {
			victim, oldest = k, at
		}
		if seen++; seen == sample {
			break
		}
	}
	delete(records, victim)
}
