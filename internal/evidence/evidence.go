// Package evidence holds everything known about one message at judgement.
//
// Detectors see a message only through its Evidence: the message itself, its
// envelope, who sent it by proof, what was observed in it, and what the tenant knows
// about the people involved. What is costly is computed when it is first asked for,
// once, within the budget of the message.
package evidence

import (
	"outrider/internal/budget"
	"outrider/internal/history"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/tenant"
)

// Facts are what the mail path knows before judgement.
type Facts struct {
	Received *message.Received // always non-nil
	Message  *message.Message  // always non-nil
	Auth     mailauth.Results  // Source is SourceNone where nobody checked
	Tenant   *tenant.Tenant    // or nil: judged for nobody in particular
	Domain   *tenant.Domain    // of the first recipient, or nil
	Contact  history.Contact   // of the author; not Known offline
	Budget   *budget.Budget    // always non-nil
	Degraded []string          // stages that missed their deadline so far
}

// Evidence is one message under judgement. It is safe for concurrent use.
type Evidence struct {
	Facts
	derived
}

// derived is what is computed on demand.
type derived struct{}

// New returns the evidence of one message.
func New(f Facts) *Evidence { return &Evidence{Facts: f} }
