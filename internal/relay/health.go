package relay

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A host that failed is tried last for this long, plus or minus half of it, so that not all
// deliveries return to it at once.
const badFor = time.Minute

// maxBad bounds the remembered failures; beyond it all are dropped.
const maxBad = 10_000

// health remembers addresses that failed recently.
type health struct {
	mu    sync.Mutex
	until map[string]time.Time // end of the penalty; guarded by mu
}

func newHealth() *health { return &health{until: map[string]time.Time{}} }

func (h *health) bad(addr string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.until) >= maxBad {
		clear(h.until)
	}
	h.until[addr] = time.Now().Add(badFor/2 + rand.N(badFor)) //nolint:gosec // not a secret
}

func (h *health) good(addr string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.until, addr)
}

// order moves bad targets to the end.
func (h *health) order(ts []target) []target {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	rank := func(t target) int {
		if now.Before(h.until[t.addr]) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(ts, func(a, b target) int { return rank(a) - rank(b) })
	return ts
}
