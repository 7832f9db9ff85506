package verdict

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Basis says what decided about the action for a message.
type Basis string

// The bases of decisions.
const (
	ByDisposition   Basis = "disposition"    // the policy for a disposition
	ByRule          Basis = "rule"           // an action that the operator set for a rule
	ByBlocked       Basis = "blocked"        // an entry of the block list
	ByTrusted       Basis = "trusted"        // a trusted sender
	ByAccepted      Basis = "accepted"       // a sender who is exempt from SPAM, SPOOF and BULK
	ByExempt        Basis = "exempt"         // the recipient gets all mail
	ByDomainRemoved Basis = "domain-removed" // the domain is not configured any more
)

// Cause is a finding that a reason names.
type Cause struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// String returns the title and the id.
func (c Cause) String() string {
	if c.Name == "" || c.Name == c.ID {
		return c.ID
	}
	return c.Name + " (" + c.ID + ")"
}

// Reason says, for analysts, why policy chose an action.
type Reason struct {
	By       Basis    `json:"by"`
	ID       string   `json:"id,omitempty"`         // the disposition, the id of the rule, or the list entry as configured
	Name     string   `json:"name,omitempty"`       // title of the rule
	Note     string   `json:"note,omitempty"`       // of the list entry
	Findings []Cause  `json:"findings,omitempty"`   // the heaviest findings that led to the disposition
	Degraded []string `json:"degraded,omitempty"`   // stages without result, where the disposition is UNKNOWN
	Instead  string   `json:"instead_of,omitempty"` // the action that was replaced, since it cannot be taken for some recipients only
}

// Zero reports whether there is no reason.
func (r *Reason) Zero() bool { return r.By == "" }

// Code returns the reason in one word, such as "blocked:spam.example" or "disposition:SPOOF".
func (r *Reason) Code() string {
	if r.ID == "" {
		return string(r.By)
	}
	return string(r.By) + ":" + r.ID
}

// String returns the reason as a phrase, and "" where there is none.
func (r *Reason) String() string {
	text := r.basis()
	if r.Note != "" {
		text += " (" + r.Note + ")"
	}
	if r.Instead != "" {
		text += "; instead of " + r.Instead + ", which is not possible for some recipients only"
	}
	return text
}

func (r *Reason) basis() string {
	switch r.By {
	case ByDisposition:
		return r.disposition()
	case ByRule:
		return "action set for rule " + Cause{r.ID, r.Name}.String()
	case ByBlocked:
		return "block list entry " + r.ID
	case ByTrusted:
		return "trusted sender " + r.ID
	case ByAccepted:
		return "accepted sender " + r.ID
	case ByExempt:
		return "recipient is exempt"
	case ByDomainRemoved:
		return "domain is no longer configured"
	default:
		return r.Code()
	}
}

func (r *Reason) disposition() string {
	var parts []string
	for _, c := range r.Findings {
		parts = append(parts, c.String())
	}
	if len(r.Degraded) > 0 {
		parts = append(parts, "no result from "+strings.Join(r.Degraded, ", "))
	}
	if len(parts) == 0 {
		return "disposition " + r.ID
	}
	return "disposition " + r.ID + ": " + strings.Join(parts, ", ")
}

// ParseReason reads a stored reason: JSON, or the code that earlier versions stored.
func ParseReason(text string) (r Reason, err error) {
	if !strings.HasPrefix(text, "{") {
		by, id, _ := strings.Cut(text, ":")
		return Reason{By: Basis(by), ID: id}, nil
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Reason{}, fmt.Errorf("reading a reason: %w", err)
	}
	return r, nil
}

// maxCauses bounds what a reason names: the verdict has the rest.
const maxCauses = 3

// Because returns the reason of an action that policy takes for disposition d: the findings that
// demand it, and the heaviest of its classes.
func (v *Verdict) Because(d Disposition) Reason {
	r := Reason{By: ByDisposition, ID: d.String()}
	if d == Unknown {
		r.Degraded = slices.Clone(v.Degraded[:min(len(v.Degraded), maxCauses)])
	}
	demands := func(f *Finding) bool { return f.Least != None && f.Least == d }
	for _, wanted := range []func(*Finding) bool{
		demands,
		func(f *Finding) bool { return !demands(f) && f.Weight > 0 && speaksFor(f.Class, d) },
	} {
		for i := range v.Findings {
			if f := &v.Findings[i]; wanted(f) && len(r.Findings) < maxCauses {
				r.Findings = append(r.Findings, Cause{f.ID, f.Name})
			}
		}
	}
	return r
}

// speaksFor reports whether findings of a class lead to a disposition.
func speaksFor(c Class, d Disposition) bool {
	switch d {
	case Malicious:
		return c == ClassMalware || c == ClassPhish || c == ClassSpoof
	case MaliciousBEC:
		return c == ClassBEC || c == ClassSpoof
	case Suspicious:
		return c == ClassMalware || c == ClassPhish || c == ClassBEC || c == ClassSpoof
	case Spoof:
		return c == ClassSpoof
	case Spam:
		return c != ClassBulk
	case Bulk:
		return c == ClassBulk
	case None, Unknown, External, Encrypted, NumDispositions:
	}
	return false
}
