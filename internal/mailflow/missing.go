package mailflow

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/message"
	"outrider/internal/rdap"
	"outrider/internal/rule/schema"
	"outrider/internal/verdict"
)

// MissingEvidence is the evidence that a judgement lacked and a re-evaluation may have.
type MissingEvidence struct {
	Late  []string `json:"late,omitempty"`  // stages that ran out of time or had no answer
	Waits []string `json:"waits,omitempty"` // capabilities that undecided rules wait for
	Pages string   `json:"pages,omitempty"` // why the pages of an attachment are worth drawing
}

// any reports whether there is a reason for another re-evaluation.
func (k *MissingEvidence) any() bool { return len(k.Late) > 0 || len(k.Waits) > 0 || k.Pages != "" }

// why says the reasons.
func (k *MissingEvidence) why() []string {
	var out []string
	if len(k.Late) > 0 {
		out = append(out, "late: "+strings.Join(k.Late, ", "))
	}
	if len(k.Waits) > 0 {
		out = append(out, "undecided: "+strings.Join(k.Waits, ", "))
	}
	if k.Pages != "" {
		out = append(out, "pages: "+k.Pages)
	}
	return out
}

// deep reports whether it takes drawn pages or text in pictures, which cost seconds.
func (k *MissingEvidence) deep() bool {
	return k.Pages != "" || slices.Contains(k.Late, stageFiles) || slices.Contains(k.Waits, schema.OCR.String())
}

// slow reports whether a re-evaluation may take long: pages are drawn in seconds, and a sender may
// own the name servers that do not answer.
func (k *MissingEvidence) slow() bool { return len(k.Late) > 0 || k.deep() }

// needsAuth reports whether authentication had no answer.
func (k *MissingEvidence) needsAuth() bool { return slices.ContainsFunc(k.Late, isAuth) }

// missing finds out what a judgement had not. The worst verdict wants nothing.
func (g *Judge) missing(ctx context.Context, r *message.Received, j *Judgement, now *pass, unanswered *atomic.Bool) (out MissingEvidence) {
	if j.Verdict.Disposition == verdict.Malicious {
		return out
	}
	out.Late = g.late(ctx, r, j.Verdict.Degraded)
	if !j.Evidence.Unopened() {
		out.Late = slices.DeleteFunc(out.Late, func(stage string) bool { return stage == stageFiles }) // there are too many, as ever
	}
	if len(j.Verdict.Undecided) > 0 {
		out.Waits = waits(j.Verdict.Undecided, unanswered == nil || unanswered.Load())
	}
	if g.Later.Deep == nil || now.draws {
		return out
	}
	for _, inside := range j.Evidence.Reports() {
		if why, ok := attachment.WantsPages(inside); ok {
			out.Pages = why
			break
		}
	}
	return out
}

// late returns those of the stages named as degraded that ran out of time or had no answer,
// and so may have one later. Budgets come out the same each time, and so do our defects.
func (g *Judge) late(ctx context.Context, r *message.Received, degraded []string) []string {
	var out []string
	overrun := ctx.Err() != nil
	for _, name := range degraded {
		again := overrun // a detector; without that it broke
		switch {
		case isAuth(name):
			again = g.DNS != nil && g.verifies(r) && !slices.Contains(degraded, overBudget+budget.DNSQuestions.String())
		case name == stageFiles, name == stageScanner:
			again = true
		case strings.HasPrefix(name, overBudget):
			again = false
		}
		if again {
			out = append(out, name)
		}
	}
	return out
}

// waits returns the capabilities that rules wait for which all they wait for may decide.
// registries says whether one of these may tell more.
func waits(undecided []verdict.Undecided, registries bool) []string {
	var out []string
	for _, u := range undecided {
		if registries || !slices.Contains(u.Waits, schema.Whois.String()) {
			out = append(out, u.Waits...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// watch notes in what it returns whether a registry that can be asked has not told yet. Of
// many countries there is none to ask, and no re-evaluation would change that.
func (g *Judge) watch(now *pass) *atomic.Bool {
	ask := now.whois
	if ask == nil || g.Registry == nil {
		return nil
	}
	var unanswered atomic.Bool
	now.whois = func(ctx context.Context, domain string) *rdap.Registration {
		r := ask(ctx, domain)
		if r == nil && g.Registry(domain) {
			unanswered.Store(true)
		}
		return r
	}
	return &unanswered
}

func isAuth(stage string) bool { return stage == stageSPF || stage == stageDKIM || stage == stageDMARC }

// isDetector reports whether a stage that is late is a detector.
func isDetector(stage string) bool {
	return !isAuth(stage) && stage != stageFiles && stage != stageScanner
}

// overBudget begins the names of budgets that a message exceeded.
const overBudget = "budget:"
