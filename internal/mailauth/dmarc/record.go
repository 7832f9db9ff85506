package dmarc

import (
	"errors"
	"fmt"
	"strings"

	"outrider/internal/mailauth/dkim"
)

// Bounds on records.
const (
	maxRecord = 4 << 10 // bytes; the longest in use have 1 KiB
	maxTags   = 64
	maxURIs   = 10 // report addresses kept of each kind
)

// ErrRecord is the error of an unusable policy record.
var ErrRecord = errors.New("malformed dmarc record")

// Record is a policy record.
type Record struct {
	Policy       Disposition `json:"p,omitempty"`
	Subdomain    Disposition `json:"sp,omitempty"` // or ""
	Nonexistent  Disposition `json:"np,omitempty"` // or ""
	StrictDKIM   bool        `json:"adkim_strict,omitempty"`
	StrictSPF    bool        `json:"aspf_strict,omitempty"`
	Testing      bool        `json:"testing,omitempty"` // t=y
	PSD          byte        `json:"psd,omitempty"`     // 'y', 'n' or 'u'
	Reports      []string    `json:"rua,omitempty"`
	Failures     []string    `json:"ruf,omitempty"`
	FailureModes string      `json:"fo,omitempty"`
	Ignored      []string    `json:"ignored,omitempty"` // tags that were malformed, unknown or given twice
}

// IsRecord reports whether the text has the form of a policy record. RFC 9989, Section 4.8:
// the version comes first and is case-sensitive.
func IsRecord(txt string) bool {
	first, _, _ := strings.Cut(txt, ";")
	tag, err := dkim.ParseTag(first)
	return err == nil && tag.Name == "v" && tag.Value == "DMARC1"
}

// ParseRecord parses a policy record. A malformed tag is listed in Ignored and does not
// affect the others. The error wraps ErrRecord.
func ParseRecord(txt string) (Record, error) {
	r := Record{PSD: 'u'}
	if len(txt) > maxRecord || !IsRecord(txt) {
		return r, fmt.Errorf("%w: %.40q", ErrRecord, txt)
	}
	seen := map[string]bool{"v": true}
	_, rest, _ := strings.Cut(txt, ";")
	n := 0
	for spec := range strings.SplitSeq(rest, ";") {
		if strings.TrimSpace(spec) == "" {
			continue
		}
		if n++; n > maxTags {
			return r, fmt.Errorf("%w: more than %d tags", ErrRecord, maxTags)
		}
		tag, err := dkim.ParseTag(spec)
		name := strings.ToLower(tag.Name)
		if err != nil || seen[name] || !r.set(name, tag.Value) {
			r.Ignored = append(r.Ignored, name)
		}
		seen[name] = true
	}
	return r, r.settle(seen)
}

// settle applies the rule for records without a valid policy. RFC 9989, Section 4.10.1:
// with a report address, such a record means p=none; otherwise it is ignored.
func (r *Record) settle(seen map[string]bool) error {
	bad := seen["p"] && r.Policy == "" || seen["sp"] && r.Subdomain == "" || seen["np"] && r.Nonexistent == ""
	if bad {
		if len(r.Reports) == 0 {
			return fmt.Errorf("%w: no valid policy", ErrRecord)
		}
		r.Policy, r.Subdomain, r.Nonexistent = NoAction, "", ""
	}
	if r.Policy == "" {
		// RFC 9989, Section 4.7: without p=, the record means p=none.
		r.Policy = NoAction
	}
	return nil
}

// set stores one tag and reports whether it was known and valid.
func (r *Record) set(name, value string) bool {
	lower := strings.ToLower(value)
	switch name {
	case "p":
		return disposition(&r.Policy, lower)
	case "sp":
		return disposition(&r.Subdomain, lower)
	case "np":
		return disposition(&r.Nonexistent, lower)
	case "adkim":
		return flag(&r.StrictDKIM, lower, "s", "r")
	case "aspf":
		return flag(&r.StrictSPF, lower, "s", "r")
	case "t":
		return flag(&r.Testing, lower, "y", "n")
	case "psd":
		if lower != "y" && lower != "n" && lower != "u" {
			return false
		}
		r.PSD = lower[0]
		return true
	case "rua":
		r.Reports = uris(value)
		return len(r.Reports) > 0
	case "ruf":
		r.Failures = uris(value)
		return len(r.Failures) > 0
	case "fo":
		r.FailureModes = lower
		return true
	default:
		return false
	}
}

func disposition(to *Disposition, value string) bool {
	switch d := Disposition(value); d {
	case NoAction, Quarantine, Reject:
		*to = d
		return true
	default:
		return false
	}
}

func flag(to *bool, value, yes, no string) bool {
	*to = value == yes
	return value == yes || value == no
}

// uris returns the report addresses of a list.
func uris(value string) []string {
	var out []string
	for u := range strings.SplitSeq(value, ",") {
		u = strings.TrimSpace(u)
		scheme, rest, ok := strings.Cut(u, ":")
		if ok && scheme != "" && rest != "" && len(out) < maxURIs {
			out = append(out, u)
		}
	}
	return out
}

// choose returns the policy for the author domain and its tag. RFC 9989, Section 4.10.1: p=
// for the domain of the record itself, np= for non-existent subdomains, sp= for others, and
// p= if those are missing.
func (r *Record) choose(own, exists bool) (Disposition, string) {
	switch {
	case own:
		return r.Policy, "p"
	case !exists && r.Nonexistent != "":
		return r.Nonexistent, "np"
	case r.Subdomain != "":
		return r.Subdomain, "sp"
	default:
		return r.Policy, "p"
	}
}

// lower applies t=y.
// RFC 9989, Section 4.7: in testing mode, the policy one level below applies.
func (r *Record) lower(d Disposition) Disposition {
	switch {
	case !r.Testing:
		return d
	case d == Reject:
		return Quarantine
	default:
		return NoAction
	}
}
