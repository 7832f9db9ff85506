// Package mtasts parses, caches and applies the policies of SMTP MTA Strict Transport
// Security.
//
// SMTP uses opportunistic encryption, which an attacker on the path can strip. With MTA-STS
// a domain publishes over HTTPS, where certificates are verified, which hosts receive its
// mail and that they support TLS; a TXT record announces changes of the policy. A sender
// caches a fetched policy for its stated lifetime, so that an attacker gains nothing by
// blocking it later; for that reason Client can keep policies in a directory over restarts.
//
// Standards: RFC 8461 (MTA-STS).
//
// Divergences: policies may end their lines with LF or CRLF, and malformed bytes after a
// valid line are skipped, as RFC 8461, Section 3.2 requires for unknown fields.
//
// Limits: a record has at most 1 KiB, a policy 64 KiB and 100 hosts.
package mtasts

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"outrider/internal/address"
)

// Bounds on parsed data.
const (
	maxRecord = 1 << 10  // bytes; a record has about 40
	maxPolicy = 64 << 10 // bytes; RFC 8461, Section 3.3 suggests this limit
	maxHosts  = 100
	maxLines  = 1000
	maxAge    = 31_557_600 // seconds; RFC 8461, Section 3.2: a year
)

// Mode is what a sender does when a host does not fulfil the policy.
type Mode string

// The modes of RFC 8461, Section 5.
const (
	ModeNone    Mode = "none"    // nothing: the domain has no policy, or withdrew it
	ModeTesting Mode = "testing" // deliver anyway, and report
	ModeEnforce Mode = "enforce" // do not deliver to that host
)

// Policy is the policy of a domain for its hosts. The zero value is that of a domain
// without a policy.
type Policy struct {
	Mode   Mode          // "" is ModeNone
	MX     []string      // patterns in lower case: names, or names after "*."
	MaxAge time.Duration // lifetime in caches
}

// Errors of the parsers.
var (
	ErrRecord = errors.New("malformed mta-sts record")
	ErrPolicy = errors.New("malformed mta-sts policy")
)

// IsRecord reports whether a text has the form of a policy record. RFC 8461, Section 3.1:
// other texts are discarded.
func IsRecord(txt string) bool {
	rest, ok := strings.CutPrefix(txt, "v=STSv1")
	return ok && strings.HasPrefix(strings.TrimLeft(rest, " \t"), ";")
}

// ParseRecord returns the policy id, at most 32 letters and digits, that a TXT record
// announces. The error wraps ErrRecord. RFC 8461, Section 3.1: v=STSv1 comes first, id
// once, and unknown well-formed fields are skipped.
func ParseRecord(txt string) (string, error) {
	if len(txt) > maxRecord || !IsRecord(txt) {
		return "", fmt.Errorf("%w: %.40q", ErrRecord, txt)
	}
	_, rest, _ := strings.Cut(txt, ";")
	id := ""
	for field := range strings.SplitSeq(rest, ";") {
		if field = strings.Trim(field, " \t"); field == "" {
			continue
		}
		name, value, ok := strings.Cut(field, "=")
		switch {
		case !ok || name == "" || value == "":
			return "", fmt.Errorf("%w: field %.40q", ErrRecord, field)
		case name != "id":
		case id != "" || !isID(value):
			return "", fmt.Errorf("%w: id %.40q", ErrRecord, value)
		default:
			id = value
		}
	}
	if id == "" {
		return "", fmt.Errorf("%w: no id", ErrRecord)
	}
	return id, nil
}

// isID reports whether s is 1 to 32 letters and digits.
func isID(s string) bool {
	return len(s) >= 1 && len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	})
}

// ParsePolicy parses a policy. The error wraps ErrPolicy. RFC 8461, Section 3.2: of
// duplicate fields other than mx, the first counts.
func ParsePolicy(text []byte) (Policy, error) {
	if len(text) > maxPolicy {
		return Policy{}, fmt.Errorf("%w: %d bytes", ErrPolicy, len(text))
	}
	r := reader{seen: map[string]bool{}}
	n := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		if n++; n > maxLines {
			return Policy{}, fmt.Errorf("%w: more than %d lines", ErrPolicy, maxLines)
		}
		if err := r.line(strings.TrimSuffix(line, "\r")); err != nil {
			return Policy{}, err
		}
	}
	return r.policy, r.complete()
}

// reader holds the state of parsing a policy.
type reader struct {
	policy Policy
	seen   map[string]bool // fields
}

func (r *reader) line(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return nil
	}
	name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
	if r.seen[name] && name != "mx" {
		return nil
	}
	var valid bool
	switch name {
	case "version":
		valid = value == "STSv1"
	case "mode":
		r.policy.Mode = Mode(value)
		valid = slices.Contains([]Mode{ModeNone, ModeTesting, ModeEnforce}, r.policy.Mode)
	case "max_age":
		r.policy.MaxAge, valid = parseAge(value)
	case "mx":
		valid = r.addMX(value)
	default:
		return nil
	}
	if !valid {
		return fmt.Errorf("%w: %s %.80q", ErrPolicy, name, value)
	}
	r.seen[name] = true
	return nil
}

// parseAge parses a number of seconds. More than a year is capped at a year.
func parseAge(value string) (time.Duration, bool) {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil || len(value) > 10 {
		return 0, false
	}
	return time.Duration(min(n, maxAge)) * time.Second, true
}

func (r *reader) addMX(value string) bool {
	name, wild := strings.CutPrefix(value, "*.")
	host, err := address.Domain(name)
	if err != nil || strings.Contains(host, "*") || len(r.policy.MX) >= maxHosts {
		return false
	}
	if wild {
		host = "*." + host
	}
	r.policy.MX = append(r.policy.MX, host)
	return true
}

// complete returns an error for missing fields.
func (r *reader) complete() error {
	for _, name := range []string{"version", "mode", "max_age"} {
		if !r.seen[name] {
			return fmt.Errorf("%w: no %s", ErrPolicy, name)
		}
	}
	if r.policy.Mode != ModeNone && len(r.policy.MX) == 0 {
		return fmt.Errorf("%w: no mx", ErrPolicy)
	}
	return nil
}

// Match reports whether the policy lists the host, in any case and with or without final
// dot. RFC 8461, Section 4.1: a wildcard matches exactly one label, the left-most.
func (p Policy) Match(host string) bool {
	host, err := address.Domain(host)
	if err != nil {
		return false
	}
	_, parent, _ := strings.Cut(host, ".")
	return slices.ContainsFunc(p.MX, func(pattern string) bool {
		suffix, wild := strings.CutPrefix(pattern, "*.")
		return wild && suffix == parent || !wild && pattern == host
	})
}
