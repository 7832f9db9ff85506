// Package detect runs detectors over the evidence of a message and sums their findings into
// one verdict.
//
// Every finding adds log-odds to one class. The logistic function turns the sum of a class
// and its prior into a probability; the probabilities and a few thresholds give the
// disposition. There is no hidden score: the findings are the verdict.
package detect

import (
	"context"
	"fmt"
	"math"
	"slices"

	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// Detector finds reasons for a verdict in evidence.
type Detector interface {
	// Detect returns its findings, and the detections that lack evidence; none is a valid
	// answer. It returns early when ctx ends.
	Detect(ctx context.Context, e *evidence.Evidence) ([]verdict.Finding, []verdict.Undecided)
	// Name returns the detector and its version, for example "signals/1".
	Name() string
}

// Engine judges messages. It is safe for concurrent use.
type Engine struct {
	detectors []Detector
	model     Model
	versions  map[string]string
}

// New returns an engine that runs the detectors in order.
func New(model Model, detectors ...Detector) *Engine {
	e := &Engine{detectors: detectors, model: model, versions: map[string]string{"model": model.Version}}
	for _, d := range detectors {
		e.versions[d.Name()] = ""
	}
	return e
}

// Judge returns the verdict on a message. A detector that panics, or is cut off by ctx, is
// listed in Degraded and does not stop the others.
func (e *Engine) Judge(ctx context.Context, ev *evidence.Evidence) verdict.Verdict {
	v := verdict.Verdict{Degraded: slices.Clone(ev.Degraded), Versions: e.versions}
	whole := true
	for _, d := range e.detectors {
		if ctx.Err() != nil {
			v.Degraded = append(v.Degraded, d.Name())
			whole = false
			continue
		}
		found, undecided, err := guard(ctx, d, ev)
		if err != nil || ctx.Err() != nil { // findings up to then still count
			v.Degraded = append(v.Degraded, d.Name())
			whole = false
		}
		v.Findings = append(v.Findings, sane(found)...)
		v.Undecided = append(v.Undecided, undecided...)
	}
	for _, r := range ev.Budget.Exceeded() {
		v.Degraded = append(v.Degraded, "budget:"+r.String())
	}
	slices.Sort(v.Degraded)
	v.Degraded = slices.Compact(v.Degraded)
	v.Sort()
	e.model.Decide(&v)
	limit(ev, &v)
	if (!whole || ev.Unopened()) && v.Disposition <= verdict.Bulk {
		if v.Disposition != verdict.None {
			v.Also = append([]verdict.Disposition{v.Disposition}, v.Also...)
		}
		v.Disposition = verdict.Unknown // incomplete judgement differs from no findings
	}
	return v
}

// sane replaces weights that are no finite numbers by 0.
func sane(found []verdict.Finding) []verdict.Finding {
	for i := range found {
		if w := found[i].Weight; math.IsNaN(w) || math.IsInf(w, 0) {
			found[i].Weight = 0
		}
	}
	return found
}

// guard contains a panic: hostile mail that finds a defect in one detector must not
// stop the mail.
func guard(ctx context.Context, d Detector, ev *evidence.Evidence) (found []verdict.Finding, undecided []verdict.Undecided, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("detector %s: panic: %v", d.Name(), p)
		}
	}()
	found, undecided = d.Detect(ctx, ev)
	return found, undecided, nil
}
