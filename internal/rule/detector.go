package rule

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"outrider/internal/budget"
	"outrider/internal/evidence"
	"outrider/internal/rule/schema"
	"outrider/internal/verdict"
)

// Set is a collection of rules that run together, with their lists. It is immutable.
type Set struct {
	Engine  *Engine
	Lists   Lists
	Have    schema.Capability  // available data sources besides the message
	Version string             // of feeds and overrides
	Weights map[string]float64 // by id; they override the weights by severity
	Actions map[string]string  // by id: the minimum action for a matching rule
	Tenants map[string]Lists   // lists of each tenant, by its id
	// Later is what a re-evaluation may add: rules that wait for nothing else are named.
	Later schema.Capability
	// Unsolicited treats all senders as unsolicited if no sent mail is seen.
	Unsolicited bool

	// Report is called for rules that exceeded their steps or panicked, at the first fault
	// and when they are tripped. It may be nil.
	Report func(r *Rule, err error)

	schema     *Schema
	explainers sync.Map // by *Rule
}

// NewSet returns a set with an engine's rules.
func NewSet(s *Schema, e *Engine, l Lists, version string) *Set {
	return &Set{Engine: e, Lists: l, Version: version, schema: s}
}

// Detector runs a set of rules over evidence; the set can be replaced meanwhile. It is safe
// for concurrent use.
type Detector struct {
	set atomic.Pointer[Set]
}

// NewDetector returns a detector that runs a set.
func NewDetector(s *Set) *Detector {
	d := &Detector{}
	d.set.Store(s)
	return d
}

// Replace sets the set for later messages.
func (d *Detector) Replace(s *Set) { d.set.Store(s) }

// Set returns the set in use.
func (d *Detector) Set() *Set { return d.set.Load() }

// Name returns the name of the detector and the version of the set.
func (d *Detector) Name() string { return "rules/" + d.set.Load().Version }

// maxUndecided bounds the undecided rules that are listed for one message.
const maxUndecided = 50

// Detect returns a finding for each detection rule that matches, and the rules that a
// re-evaluation can decide. If an exclusion matches, such as one for a phishing exercise of
// the organisation, there are neither.
func (d *Detector) Detect(ctx context.Context, e *evidence.Evidence) ([]verdict.Finding, []verdict.Undecided) {
	s := d.set.Load()
	in := s.Input(e)
	in.Quick = true
	var matched []*Compiled
	var undecided []verdict.Undecided
	excluded, failed := false, 0
	s.Engine.Judge(ctx, in, func(r Result) {
		kind := r.Rule.Kind
		switch {
		case r.Outcome == Failed:
			failed++
			s.report(&r)
		case r.Outcome == Indeterminate && len(undecided) < maxUndecided:
			undecided = append(undecided, verdict.Undecided{ID: r.Rule.ID, Waits: r.Missing.Names()})
		case r.Outcome == Match && kind == Exclusion:
			excluded = true
		case r.Outcome == Match && kind == Detection:
			matched = append(matched, r.Compiled)
			if r.Missing&in.Later != 0 && len(undecided) < maxUndecided { // with that evidence it may not match
				undecided = append(undecided, verdict.Undecided{ID: r.Rule.ID, Waits: r.Missing.Names()})
			}
		}
	})
	if failed > 0 { // the verdict records that not all rules ran
		e.Budget.Omit(budget.Rules)
	}
	if excluded {
		return nil, nil
	}
	out := make([]verdict.Finding, 0, len(matched))
	for i, r := range matched {
		out = append(out, s.finding(ctx, in, r.Rule, i < maxExplained))
	}
	return out, undecided
}

// report reports a failed rule if the fault is worth it.
func (s *Set) report(r *Result) {
	if s.Report != nil && r.Tell {
		s.Report(r.Rule, r.Err)
	}
}

// Input returns the data that rules can use.
func (s *Set) Input(e *evidence.Evidence) *Input {
	in := &Input{cache: make(map[any]any), Message: e.Model(), Lists: s.Lists, Have: s.Have, Passwords: sync.OnceValue(e.Passwords), Open: e.Open}
	if e.Deep {
		in.Have |= schema.OCR
	}
	in.Later = s.Later &^ in.Have
	if e.Tenant != nil && s.Tenants[e.Tenant.ID] != nil {
		in.Lists = Chain{s.Tenants[e.Tenant.ID], s.Lists}
	}
	in.addPeople(e, s.Unsolicited)
	return in
}

// reasonOf explains a match to an employee. Descriptions of rules are written for analysts,
// and describe the rule.
func reasonOf(c verdict.Class) string {
	switch c {
	case verdict.ClassMalware:
		return "The message is like others that bring harmful files or programs."
	case verdict.ClassPhish:
		return "The message is like others that steal passwords or other secrets."
	case verdict.ClassBEC:
		return "The message is like others that trick people into paying money or handing over data."
	case verdict.ClassSpoof:
		return "The sender may not be who the message claims."
	case verdict.ClassSpam:
		return "The message is like unwanted advertising."
	case verdict.ClassBulk, verdict.NumClasses:
	}
	return "The message is like others that are sent to many people."
}

// maxExplained bounds the matches of one message that are explained. Further matches count,
// but have no place.
const maxExplained = 10

// finding describes a match by the conditions that made the rule true, and their places.
func (s *Set) finding(ctx context.Context, in *Input, r *Rule, explained bool) verdict.Finding {
	f := verdict.Finding{
		ID: r.ID, Name: r.Name, Class: ClassOf(r), Weight: s.weight(r), Portion: verdict.PortionStructure,
		Reason: reasonOf(ClassOf(r)), Detail: sentence(r.Description), Action: s.Actions[r.ID],
	}
	if !explained {
		return f
	}
	x, err := s.explainer(r)
	if err != nil {
		return f
	}
	_, tree := x.Explain(ctx, in)
	for _, reason := range tree.Reasons() {
		portion, field, ok := portionOf(reason.Text)
		if !ok || f.Value != "" {
			continue
		}
		f.Portion, f.Field, f.Value = portion, field, shown(reason)
	}
	return f
}

func (s *Set) explainer(r *Rule) (*Explainer, error) {
	if x, ok := s.explainers.Load(r); ok {
		return x.(*Explainer), nil //nolint:forcetypeassert // nothing else is stored
	}
	x, err := NewExplainer(s.schema, r)
	if err != nil {
		return nil, err
	}
	s.explainers.Store(r, x)
	return x, nil
}

// shown formats the values of a condition.
func shown(e *Explanation) string {
	var parts []string
	for _, v := range e.Values {
		parts = append(parts, v.Path+" = "+v.Value)
	}
	if len(parts) == 0 {
		parts = append(parts, e.Text)
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, strings.Join(parts, "; "))
	return cut(text, verdict.MaxValue-len("…"))
}

// places maps fields of the model to places in a message. The first field in a condition
// counts.
var places = []struct {
	field   string
	portion verdict.Portion
	header  string
}{
	{"subject.", verdict.PortionHeader, "Subject"},
	{"sender.", verdict.PortionHeader, "From"},
	{"headers.reply_to", verdict.PortionHeader, "Reply-To"},
	{"headers.return_path", verdict.PortionEnvelope, "MAIL"},
	{"recipients.", verdict.PortionHeader, "To"},
	{"attachments", verdict.PortionAttachment, ""},
	{"body.links", verdict.PortionLink, ""},
	{".href_url", verdict.PortionLink, ""},
	{".display_url", verdict.PortionLink, ""},
	{"current_thread.links", verdict.PortionLink, ""},
	{"body.", verdict.PortionBody, ""},
	{"headers.", verdict.PortionHeader, ""},
	{".file_", verdict.PortionAttachment, ""},
	{".scan.", verdict.PortionAttachment, ""},
	{"profile.", verdict.PortionHeader, "From"},
}

func portionOf(text string) (verdict.Portion, string, bool) {
	for _, p := range places {
		if strings.Contains(text, p.field) && text != "type.inbound" {
			return p.portion, p.header, true
		}
	}
	return "", "", false
}

// weights are the log-odds of a match by severity. They are set by hand: severity in the
// feed rates the harm of a true match, not the precision of the rule.
var weights = map[string]float64{"informational": 0, "low": 0.5, "medium": 1.2, "high": 2, "critical": 3.5}

func (s *Set) weight(r *Rule) float64 {
	if w, ok := s.Weights[r.ID]; ok {
		return w
	}
	if w, ok := weights[r.Severity]; ok {
		return w
	}
	return weights["low"]
}

// classes are the classes of attack types, most severe first.
var classes = []struct {
	attack string
	class  verdict.Class
}{
	{"Malware/Ransomware", verdict.ClassMalware},
	{"Credential Phishing", verdict.ClassPhish},
	{"Callback Phishing", verdict.ClassBEC},
	{"BEC/Fraud", verdict.ClassBEC},
	{"Extortion", verdict.ClassBEC},
	{"ICS Phishing", verdict.ClassPhish},
	{"Reconnaissance", verdict.ClassBEC},
	{"Spam", verdict.ClassSpam},
}

// ClassOf returns the class that a rule counts for. Of several attack types, phishing
// precedes malware: most rules with both concern pages.
func ClassOf(r *Rule) verdict.Class {
	if slices.Contains(r.AttackTypes, "Credential Phishing") {
		return verdict.ClassPhish
	}
	for _, c := range classes {
		if slices.Contains(r.AttackTypes, c.attack) {
			return c.class
		}
	}
	return verdict.ClassSpam
}

// sentence returns the first sentence of a description.
func sentence(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if i := strings.Index(s, ". "); i >= 0 {
		s = s[:i+1]
	}
	return cmp.Or(cut(s, verdict.MaxValue), "A rule of the feed matches.")
}
