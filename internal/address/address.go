// Package address parses and normalizes mail addresses and domain names.
//
// An address has a local part, which only its own domain may interpret, and a domain, which
// is a DNS name. Domains are compared as A-labels in lower case, so that "BÜCHER.example"
// and "xn--bcher-kva.example" are one domain wherever Outrider compares, looks up or
// configures one. The organizational domain is the registrable one by the public suffix
// list.
//
// Standards: RFC 5321 Section 4.1.2 (paths), RFC 5322 Section 3.4 (addr-spec), RFC 5890 to
// 5892 (IDNA), RFC 6531 (internationalised local parts).
//
// Divergences: ParsePath accepts every local part that a client may quote, and keeps its
// spelling; it refuses source routes, which hosts should not send.
package address

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Limits of RFC 5321, Section 4.5.3.1, in octets.
const (
	maxLocal  = 64
	maxDomain = 253 // RFC 1035, Section 3.1: 255 on the wire, with the length of the first label and the root
	maxPath   = 254 // 256 with the angle brackets
)

// Errors of ParsePath.
var (
	ErrSyntax   = errors.New("malformed address")
	ErrTooLong  = errors.New("address too long")
	ErrNeedUTF8 = errors.New("address needs SMTPUTF8")
)

// Address is one mailbox address. The zero value is the null address "<>".
type Address struct {
	Local  string // local part as written, quotes included
	Domain string // normal form of Domain, or an address literal with its brackets
}

// String returns the address as written in a path, without angle brackets.
func (a Address) String() string {
	if a.IsZero() {
		return ""
	}
	return a.Local + "@" + a.Domain
}

// IsZero reports whether the address is the null address.
func (a Address) IsZero() bool { return a == Address{} }

// Key returns the form in which Outrider compares addresses: in lower case, since no host
// in use distinguishes local parts by case, and without redundant quotes. RFC 5321, Section
// 4.1.2: quoted and unquoted forms of one local part are equivalent.
func (a Address) Key() string {
	if n := len(a.Local); n > 2 && a.Local[0] == '"' && isDotAtom(a.Local[1:n-1]) {
		a.Local = a.Local[1 : n-1]
	}
	return strings.ToLower(a.String())
}

// ParsePath parses the content of a reverse-path or forward-path, without its angle
// brackets. utf8OK reports whether SMTPUTF8 was requested.
func ParsePath(s string, utf8OK bool) (Address, error) {
	if len(s) > maxPath {
		return Address{}, ErrTooLong
	}
	local, rest, err := cutLocal(s, utf8OK)
	if err != nil {
		return Address{}, err
	}
	if !strings.HasPrefix(rest, "@") || len(local) > maxLocal {
		return Address{}, ErrSyntax
	}
	domain, err := parseDomain(rest[1:], utf8OK)
	if err != nil {
		return Address{}, err
	}
	return Address{Local: local, Domain: domain}, nil
}

// cutLocal splits s after its local part, which is a dot-atom or a quoted string.
func cutLocal(s string, utf8OK bool) (local, rest string, err error) {
	if !utf8.ValidString(s) {
		return "", "", ErrSyntax
	}
	if !utf8OK && !isASCII(s) {
		return "", "", ErrNeedUTF8
	}
	if strings.HasPrefix(s, `"`) {
		return cutQuoted(s)
	}
	end := strings.IndexByte(s, '@')
	if end <= 0 || !isDotAtom(s[:end]) {
		return "", "", ErrSyntax
	}
	return s[:end], s[end:], nil
}

func cutQuoted(s string) (local, rest string, err error) {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
			if i == len(s) || s[i] < ' ' || s[i] == 0x7f {
				return "", "", ErrSyntax
			}
		case c == '"':
			return s[:i+1], s[i+1:], nil
		case c < ' ' || c == 0x7f:
			return "", "", ErrSyntax
		}
	}
	return "", "", ErrSyntax
}

// isDotAtom reports whether s is a dot-atom. Leading, trailing and double dots are
// accepted, since large providers have issued such addresses.
func isDotAtom(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`()<>[]:;@\,"`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func parseDomain(s string, utf8OK bool) (string, error) {
	if strings.HasPrefix(s, "[") {
		return parseLiteral(s)
	}
	if !utf8OK && !isASCII(s) {
		return "", ErrNeedUTF8
	}
	d, err := Domain(s)
	if err != nil {
		return "", ErrSyntax
	}
	return d, nil
}

// parseLiteral parses an address literal. RFC 5321, Section 4.1.3: IPv6 literals carry the
// tag "IPv6:".
func parseLiteral(s string) (string, error) {
	inner, ok := strings.CutSuffix(strings.TrimPrefix(s, "["), "]")
	if !ok {
		return "", ErrSyntax
	}
	if len(inner) > 5 && strings.EqualFold(inner[:5], "IPv6:") {
		inner = inner[5:]
	}
	if _, err := netip.ParseAddr(inner); err != nil {
		return "", ErrSyntax
	}
	return s, nil
}

// profile maps as browsers do, but keeps underscores and other characters that DNS allows
// and real mail uses.
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.Transitional(false))

// maxSpelling bounds the bytes of a domain name as written: four per character beyond
// ASCII. Longer names are refused early.
const maxSpelling = 4 * (maxDomain + 1)

// Domain returns the normal form of a domain name: A-labels in lower case without
// a final dot.
func Domain(s string) (string, error) {
	if len(s) > maxSpelling {
		return "", fmt.Errorf("reading domain of %d bytes: %w", len(s), ErrTooLong)
	}
	s = strings.TrimSuffix(s, ".")
	d := s
	if !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
		return "", fmt.Errorf("reading domain %q: %w", s, ErrSyntax) // the conversion would not be reversible
	}
	if !isLowerHost(s) {
		var err error
		if d, err = profile.ToASCII(s); err != nil {
			return "", fmt.Errorf("converting domain %q to ASCII: %w", s, err)
		}
		d = strings.TrimSuffix(d, ".") // final dot of another script
	}
	if d == "" || len(d) > maxDomain || !validLabels(d) {
		return "", fmt.Errorf("reading domain %q: %w", s, ErrSyntax)
	}
	return d, nil
}

// lenient maps as browsers do, and checks nothing.
var lenient = idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.ValidateLabels(false), idna.CheckHyphens(false),
	idna.CheckJoiners(false), idna.Transitional(false))

// Lenient returns the form that browsers look up for a host that Domain refuses: labels
// that are invalid A-labels, end in a hyphen or have characters outside of DNS names are
// kept. It is for links only; such names cannot be registered, but wildcards answer for
// them. WHATWG URL, 3.5: domain to ASCII, where beStrict is false.
func Lenient(s string) (string, error) {
	if len(s) > maxSpelling || !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
		return "", fmt.Errorf("reading host of %d bytes: %w", len(s), ErrSyntax)
	}
	// RFC 3490, Section 3.1: the full stops of other scripts separate labels too.
	labels := strings.Split(strings.TrimSuffix(otherDots.Replace(s), "."), ".")
	for i, label := range labels {
		var err error
		if labels[i], err = lenientLabel(label); err != nil {
			return "", fmt.Errorf("converting host %q: %w", s, err)
		}
	}
	d := strings.Join(labels, ".")
	if len(d) > maxDomain {
		return "", ErrTooLong
	}
	return d, nil
}

var otherDots = strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".")

// lenientLabel maps and encodes one label. An ASCII label, or an A-label that does not
// decode, stays as it is.
func lenientLabel(label string) (string, error) {
	if isASCII(label) {
		label = strings.ToLower(label)
	} else {
		mapped, err := lenient.ToUnicode(label)
		if err != nil && mapped == "" {
			return "", err //nolint:wrapcheck // the caller says of what
		}
		if label, err = idna.Punycode.ToASCII(mapped); err != nil {
			return "", err //nolint:wrapcheck // the caller says of what
		}
	}
	if label == "" || len(label) > 63 || strings.Contains(label, ".") {
		return "", ErrSyntax
	}
	return label, nil
}

// isLowerHost reports whether s is already in normal form, so that idna is not needed.
func isLowerHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return !strings.Contains(s, "xn--")
}

// validLabels checks the length and characters of each label. RFC 1035, Section 2.3.4:
// labels have at most 63 octets.
func validLabels(d string) bool {
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 || !isDotAtom(label) {
			return false
		}
	}
	return true
}

// Unicode returns the domain with U-labels, for display. A label that does not convert
// stays as it is.
func Unicode(domain string) string {
	if len(domain) > maxSpelling {
		return domain
	}
	u, err := idna.Display.ToUnicode(domain)
	if err != nil {
		return domain
	}
	return u
}

// Organizational returns the organizational domain of a domain in normal form: one
// label below its public suffix. A public suffix is its own organizational domain.
func Organizational(domain string) string {
	if len(domain) > maxDomain {
		return domain // no domain; the search for its suffix is not linear
	}
	org, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain
	}
	return org
}

// SameOrganization reports whether both domains belong to one organizational domain.
func SameOrganization(a, b string) bool {
	if a == "" || b == "" || a == b {
		return a != "" && a == b
	}
	// Domains of one organization share at least the top label.
	return topLabel(a) == topLabel(b) && Organizational(a) == Organizational(b)
}

func topLabel(domain string) string { return domain[strings.LastIndexByte(domain, '.')+1:] }

// Within reports whether domain is parent or one of its subdomains.
func Within(domain, parent string) bool {
	return domain == parent || len(domain) > len(parent) && strings.HasSuffix(domain, parent) && domain[len(domain)-len(parent)-1] == '.'
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
