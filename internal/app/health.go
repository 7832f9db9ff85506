package app

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Words of readyz.
const (
	statusOK          = "ok"
	statusDegraded    = "degraded"    // mail flows without a component
	statusUnavailable = "unavailable" // no mail is accepted
)

// component is the state of one part of the gateway.
type component struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// readiness is what readyz answers.
type readiness struct {
	Status     string      `json:"status"`
	Components []component `json:"components"`
}

// text lists what does not work, one component per line.
func (r *readiness) text() string {
	var b strings.Builder
	b.WriteString(r.Status + "\n")
	for _, c := range r.Components {
		if c.Status != statusOK {
			b.WriteString(c.Name + ": " + strings.ReplaceAll(c.Detail, "\n", "; ") + "\n")
		}
	}
	return b.String()
}

// Bounds of a check.
const (
	checkFor  = 3 * time.Second // how long the components have to answer
	checkedAt = time.Second     // how long a result serves all who ask
)

// health knows which components work. It is safe for concurrent use.
type health struct {
	app    *App
	checks []check

	mu    sync.Mutex
	at    time.Time   // of the last check; guarded by mu
	state []component // guarded by mu
}

// check finds out what is wrong with a component; "" is nothing.
type check struct {
	name string
	what func(ctx context.Context) string
}

// newHealth returns the checks of a gateway, each with its gauge.
func newHealth(a *App) *health {
	h := &health{app: a}
	h.checks = []check{
		{"database", h.database}, {"detection", h.detection}, {"rules", h.rules}, {"workers", h.workers}, {"dns", h.dns},
	}
	for i, c := range h.checks {
		a.metrics.Degraded(c.name, func() bool { return h.components(context.Background())[i].Status != statusOK })
	}
	return h
}

// ready returns the state of all components. Only the spool decides whether mail is accepted.
func (h *health) ready(ctx context.Context) readiness {
	r := readiness{Status: statusOK, Components: []component{{Name: "spool", Status: statusOK}}}
	r.Components = append(r.Components, h.components(ctx)...)
	for _, c := range r.Components {
		if c.Status != statusOK {
			r.Status = statusDegraded
		}
	}
	if err := h.app.flow.Healthy(ctx); err != nil {
		r.Status = statusUnavailable
		r.Components[0].Status, r.Components[0].Detail = statusUnavailable, err.Error()
	}
	return r
}

// components checks all components at once, unless they were checked a moment ago.
func (h *health) components(ctx context.Context) []component {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.at) < checkedAt {
		return h.state
	}
	// Others may use the result: a client that goes away must not make components fail.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkFor)
	defer cancel()
	state := make([]component, len(h.checks))
	var wg sync.WaitGroup
	for i, c := range h.checks {
		wg.Go(func() {
			state[i] = component{Name: c.name, Status: statusOK, Detail: c.what(ctx)}
			if state[i].Detail != "" {
				state[i].Status = statusDegraded
			}
		})
	}
	wg.Wait()
	h.at, h.state = time.Now(), state
	return state
}

func (h *health) database(context.Context) string {
	if _, why := h.app.db.State(); why != "" {
		return fmt.Sprintf("down (%s); mail flows, %d events wait in the spool", why, h.app.spool.Stats().Facts)
	}
	return ""
}

func (h *health) detection(context.Context) string {
	if h.app.flow.Settings().Engine == nil {
		return "disabled by detection.off; mail is delivered without evaluation"
	}
	return ""
}

func (h *health) rules(context.Context) string {
	h.app.mu.Lock()
	base := h.app.rules
	h.app.mu.Unlock()
	return base.problem()
}

func (h *health) workers(ctx context.Context) string {
	if err := h.app.workers.Health(ctx); err != nil {
		return "attachments are not opened: " + err.Error()
	}
	return ""
}

func (h *health) dns(ctx context.Context) string {
	if h.app.dns == nil {
		return "disabled by dns.off; mail is evaluated without SPF, DKIM and DMARC"
	}
	if err := h.app.dns.Health(ctx); err != nil {
		return "mail is evaluated without SPF, DKIM and DMARC: " + err.Error()
	}
	return ""
}
