// Package verdict holds the vocabulary of judgement: Class, Finding, Disposition and
// Verdict.
//
// A verdict is a sum of named findings. Each finding adds log-odds to one class of unwanted
// mail, and a calibrated model turns the sums into probabilities, so that one list explains
// the verdict in the header, the console, the API and the SIEM. Dispositions and their
// order are those of the reference product.
//
// The package imports no other package of Outrider and does no I/O.
package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Class is one kind of unwanted mail.
type Class uint8

// The classes, in tie-breaking order.
const (
	ClassMalware Class = iota // carries or leads to malicious code
	ClassPhish                // steals credentials or data by impersonation
	ClassBEC                  // business email compromise: fraud by persuasion
	ClassSpoof                // the sender is not who the message claims
	ClassSpam                 // unsolicited commercial mail and scams sent in bulk
	ClassBulk                 // newsletters and marketing that a recipient may want
	NumClasses
)

var classNames = [NumClasses]string{"malware", "phish", "bec", "spoof", "spam", "bulk"}

// Classes lists every class in order.
func Classes() []Class {
	return []Class{ClassMalware, ClassPhish, ClassBEC, ClassSpoof, ClassSpam, ClassBulk}
}

// String returns the lower-case name of the class, for example "phish".
func (c Class) String() string {
	if c < NumClasses {
		return classNames[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// ParseClass returns the class with the given name.
func ParseClass(name string) (Class, error) {
	for _, c := range Classes() {
		if strings.EqualFold(c.String(), name) {
			return c, nil
		}
	}
	return 0, fmt.Errorf("parsing class: %q is not one of %s", name, strings.Join(classNames[:], ", "))
}

// MarshalText writes the name of the class.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the name of a class.
func (c *Class) UnmarshalText(text []byte) (err error) {
	*c, err = ParseClass(string(text))
	return err
}

// Portion is the part of the message that contains a finding.
type Portion string

// The portions of a message.
const (
	PortionEnvelope   Portion = "envelope"
	PortionHeader     Portion = "header"
	PortionBody       Portion = "body"
	PortionAttachment Portion = "attachment"
	PortionLink       Portion = "link"
	PortionStructure  Portion = "structure"
)

// MaxValue bounds the bytes of Finding.Value: enough to recognise the value, short enough
// for a header line.
const MaxValue = 200

// Finding is one reason for a verdict: the observed value, its place, and its weight.
type Finding struct {
	ID      string  `json:"id"`               // stable machine name, for example "reply-to-differs"
	Name    string  `json:"name"`             // short title for display
	Class   Class   `json:"class"`            // class that the weight counts for
	Weight  float64 `json:"weight"`           // log-odds (natural logarithm) added to the class; a negative weight counts against it
	Field   string  `json:"field,omitempty"`  // header field, part number or envelope command
	Portion Portion `json:"portion"`          // portion of the message
	Value   string  `json:"value,omitempty"`  // the observed value, at most MaxValue bytes
	Reason  string  `json:"reason,omitempty"` // one sentence that explains the finding to an employee
	Detail  string  `json:"detail,omitempty"` // one sentence for analysts, if it adds to Reason: what a rule matches
	Action  string  `json:"action,omitempty"` // the operator's action for a matching rule: quarantine, reject or defer

	// Least is the mildest disposition of a message with this finding; None sets none.
	Least Disposition `json:"least,omitzero"`
}

// Explanation returns the sentence for analysts, with the name of the rule for a rule's
// finding.
func (f *Finding) Explanation() string {
	if f.Detail == "" {
		return f.Reason
	}
	return f.Name + ": " + f.Detail
}

// Disposition is the summary of a verdict in one word.
type Disposition uint8

// Dispositions, least severe first, so that the larger value is more severe. SPOOF is above
// SUSPICIOUS, since forged mail is held by default and suspicious mail is tagged:
// additional evidence must not release forged mail.
const (
	None Disposition = iota
	Unknown
	External
	Encrypted
	Bulk
	Spam
	Suspicious
	Spoof
	MaliciousBEC
	Malicious
	NumDispositions
)

var dispositionNames = [NumDispositions]string{
	"NONE", "UNKNOWN", "EXTERNAL", "ENCRYPTED", "BULK", "SPAM", "SUSPICIOUS", "SPOOF", "MALICIOUS-BEC", "MALICIOUS",
}

// String returns the name of the disposition in the reference product, for example "MALICIOUS-BEC".
func (d Disposition) String() string {
	if d < NumDispositions {
		return dispositionNames[d]
	}
	return fmt.Sprintf("DISPOSITION(%d)", uint8(d))
}

// ParseDisposition returns the disposition with the given name in any case.
func ParseDisposition(name string) (Disposition, error) {
	for d := None; d < NumDispositions; d++ {
		if strings.EqualFold(d.String(), name) {
			return d, nil
		}
	}
	return None, fmt.Errorf("parsing disposition: %q is not one of %s", name, strings.Join(dispositionNames[:], ", "))
}

// MarshalText writes the name of the disposition.
func (d Disposition) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the name of a disposition.
func (d *Disposition) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDisposition(string(text))
	return err
}

// Probabilities holds one probability, 0 to 1, per class.
type Probabilities [NumClasses]float64

// Map returns the probabilities by class name.
func (p Probabilities) Map() map[string]float64 {
	m := make(map[string]float64, NumClasses)
	for _, c := range Classes() {
		m[c.String()] = p[c]
	}
	return m
}

// Worst returns the most probable class and its probability.
func (p Probabilities) Worst() (Class, float64) {
	worst := ClassMalware
	for _, c := range Classes() {
		if p[c] > p[worst] {
			worst = c
		}
	}
	return worst, p[worst]
}

// Verdict is the judgement of one message, with its reasons.
type Verdict struct {
	Disposition Disposition   `json:"disposition"`
	Also        []Disposition `json:"also,omitempty"`     // milder dispositions whose thresholds are met too, most severe first
	Score       float64       `json:"score"`              // probability, 0 to 1, that the message is unwanted
	Classes     Probabilities `json:"classes"`            // probability per class
	Findings    []Finding     `json:"findings"`           // heaviest first
	Degraded    []string      `json:"degraded,omitempty"` // stages that missed their deadline or lacked a source
	// Undecided are the detections that wait for evidence of a later re-evaluation.
	Undecided []Undecided       `json:"undecided,omitempty"`
	Versions  map[string]string `json:"versions,omitempty"` // detector sets and models that were used
}

// Undecided is a detection that lacks evidence, and the evidence that it waits for.
type Undecided struct {
	ID    string   `json:"id"`    // of the finding that it would add
	Waits []string `json:"waits"` // capabilities, for example "whois"
}

// Sort orders the findings heaviest first, then by name, so that the order is
// deterministic.
func (v *Verdict) Sort() {
	slices.SortStableFunc(v.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.ID, b.ID))
	})
}

// Has reports whether the verdict contains the finding with the given id.
func (v *Verdict) Has(id string) bool {
	return slices.ContainsFunc(v.Findings, func(f Finding) bool { return f.ID == id })
}
