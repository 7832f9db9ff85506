package app

import (
	"context"
	"log/slog"

	"outrider/internal/config"
	"outrider/internal/egress"
)

// NewBesideRegistry is New with registries that a bootstrap file names and a guard lets
// through.
func NewBesideRegistry(ctx context.Context, c config.Config, file string, guard egress.Config, log *slog.Logger) (*App, error) {
	return build(ctx, c, bootstrap{file, guard}, log)
}

// FormulaSafe is what is done to texts that a spreadsheet may read.
var FormulaSafe = formulaSafe

// RaiseFileLimit is what a start does about the limit of open files.
var RaiseFileLimit = raiseFileLimit

// TellFileLimit logs a limit that is too low.
func TellFileLimit(limit uint64, c *config.Config, log *slog.Logger) {
	tellFileLimit(limit, filesNeeded(c), c, log)
}

// Reach is what is known of whether registries can be reached.
type Reach struct{ reach reach }

// Note takes what became of a question.
func (r *Reach) Note(domain string, err error) { r.reach.note(domain, err) }

// Lost reports whether registries are not waited for.
func (r *Reach) Lost(domain string) bool { return r.reach.lost(domain) }

// Secret is how the gateway's own secrets are read.
var Secret = secret

// AdviseLogo is what check says of the logo of a domain.
var AdviseLogo = adviseLogo

// RulesOf returns what identifies the compiled rules that run.
func RulesOf(a *App) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rules.compiled()
}

// Close ends a gateway that never ran.
func Close(a *App) error { return a.close() }

// Private is how the files of a data directory become private.
var Private = private
