// Package mtasts reads, keeps and applies the policies of SMTP MTA Strict Transport
// Security.
//
// SMTP encrypts only when both sides happen to offer it, and whoever is between them
// can take the offer away. With MTA-STS a domain says over HTTPS, where certificates are
// verified, which hosts take its mail and that they speak TLS; a TXT record tells when
// the policy has changed. A sender that has seen the policy once keeps it for as long as
// the policy says, so that an attacker who blocks it later gains nothing: that is why
// Client can keep policies in a directory over restarts.
//
// Standards: RFC 8461 (MTA-STS).
//
// Divergences: policies may end their lines with LF or CRLF, and bytes after a valid
// line that cannot be read as a line are skipped, as RFC 8461, Section 3.2 asks for
// unknown fields.
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

// Bounds of what is read.
const (
	maxRecord = 1 << 10  // bytes; a record has about 40
	maxPolicy = 64 << 10 // bytes; RFC 8461, Section 3.3 suggests this limit
	maxHosts  = 100
	maxLines  = 1000
	maxAge    = 31_557_600 // seconds; RFC 8461, Section 3.2: a year
)

// Mode says what a sender is to do where a host does not fulfil the policy.
type Mode string

// The modes of RFC 8461, Section 5.
const (
	ModeNone    Mode = "none"    // nothing: the domain has no policy, or not any more
	ModeTesting Mode = "testing" // deliver all the same, and report
	ModeEnforce Mode = "enforce" // do not deliver there
)

// Policy is what a domain says about its hosts. The zero value is that of a domain that
// says nothing.
type Policy struct {
	Mode   Mode          // "" is ModeNone
	MX     []string      // patterns in lower case: names, or names after "*."
	MaxAge time.Duration // how long the policy may be kept
}

// Errors of the parsers.
var (
	ErrRecord = errors.New("malformed mta-sts record")
	ErrPolicy = errors.New("malformed mta-sts policy")
)

// IsRecord reports whether a text says of itself that it is a policy record.
// RFC 8461, Section 3.1: texts that do not begin so are discarded.
func IsRecord(txt string) bool {
	rest, ok := strings.CutPrefix(txt, "v=STSv1")
	return ok && strings.HasPrefix(strings.TrimLeft(rest, " \t"), ";")
}

// ParseRecord returns the id of the policy, at most 32 letters and digits, that a TXT
// record announces. The error wraps ErrRecord.
// RFC 8461, Section 3.1: v=STSv1 comes first, id once, and fields that we do not know
// are skipped if they are well-formed.
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

// ParsePolicy reads the text of a policy. The error wraps ErrPolicy.
// RFC 8461, Section 3.2: of a field that is given twice, all but mx, the first counts.
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

// reader is a policy that is being read.
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

// parseAge reads a number of seconds. More than a year is a year.
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

// complete reports what is missing.
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

// Match reports whether the policy names the host, in any case and with or without final
// dot.
// RFC 8461, Section 4.1: a wildcard stands for exactly one label, the left-most.
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
