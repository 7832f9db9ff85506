package spf

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// macro is one "%{...}". RFC 7208, Section 7.1.
type macro struct {
	letter  byte // lower case
	escape  bool // upper case as written: escaped for URLs
	keep    int  // labels kept from the right; 0: all
	reverse bool
	split   string // delimiters
}

// checkDomainSpec checks a domain-spec. RFC 7208, Section 7.1: it ends with a macro or with
// a top label, optionally followed by a dot.
func checkDomainSpec(s string) error {
	ends, err := scanMacro(s, false)
	if err != nil || ends {
		return err
	}
	s = strings.TrimSuffix(s, ".")
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 || !isTopLabel(s[dot+1:]) {
		return errDomain
	}
	return nil
}

// isTopLabel reports whether s is letters, digits and inner hyphens, and not all digits.
func isTopLabel(s string) bool {
	letter := false
	for i := range len(s) {
		switch c := s[i]; {
		case isLetter(c):
			letter = true
		case isDigit(c):
		case c == '-' && i > 0 && i < len(s)-1:
			letter = true
		default:
			return false
		}
	}
	return letter
}

func checkMacro(s string, explanation bool) error {
	_, err := scanMacro(s, explanation)
	return err
}

// scanMacro checks a macro-string, and reports whether it ends with a macro. In
// explanations, blanks and three more letters are allowed.
func scanMacro(s string, explanation bool) (ends bool, err error) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			m, n, ok := readMacro(s[i:])
			if !ok || !explanation && m.letter != 0 && strings.IndexByte("crt", m.letter) >= 0 {
				return false, errMacro
			}
			i += n - 1
			ends = true
			continue
		case c == ' ' && explanation:
		case c <= ' ' || c > '~':
			return false, fmt.Errorf("byte %#x", c)
		}
		ends = false
	}
	return ends, nil
}

// readMacro parses the macro or escape at the beginning of s, and returns its length. An
// escape has no letter.
func readMacro(s string) (m macro, n int, ok bool) {
	if len(s) < 2 {
		return m, 0, false
	}
	switch s[1] {
	case '%', '_', '-':
		return m, 2, true
	case '{':
	default:
		return m, 0, false
	}
	end := strings.IndexByte(s, '}')
	if end < 3 || strings.IndexByte("slodiphcrtv", s[2]|0x20) < 0 {
		return m, 0, false
	}
	m = macro{letter: s[2] | 0x20, escape: s[2] < 'a'}
	return m, end + 1, m.transform(s[3:end])
}

// transform parses digits, "r" and delimiters.
func (m *macro) transform(s string) bool {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n > 0 {
		keep, err := strconv.Atoi(s[:min(n, 6)])
		if err != nil || keep == 0 {
			return false
		}
		m.keep = keep
	}
	s = s[n:]
	if s != "" && s[0]|0x20 == 'r' {
		m.reverse, s = true, s[1:]
	}
	m.split = s
	return strings.Trim(s, ".-+,/_=") == ""
}

// target expands a domain-spec. RFC 7208, Section 7.3: a name that is too long loses labels
// from the left.
func (c *check) target(spec, domain string) (string, error) {
	out := strings.TrimSuffix(c.expand(spec, domain), ".")
	for len(out) > maxName {
		_, rest, ok := strings.Cut(out, ".")
		if !ok {
			return "", fmt.Errorf("%w: a name of %d characters", errPerm, len(out))
		}
		out = rest
	}
	return out, nil
}

// expand replaces the macros of a checked macro-string.
func (c *check) expand(s, domain string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		m, n, ok := readMacro(s[i:])
		switch {
		case !ok:
			return b.String()
		case m.letter != 0:
			b.WriteString(m.apply(c.value(m.letter, domain)))
		case s[i+1] == '%':
			b.WriteByte('%')
		case s[i+1] == '_':
			b.WriteByte(' ')
		default:
			b.WriteString("%20")
		}
		i += n - 1
	}
	return b.String()
}

// value returns the value of a macro letter. RFC 7208, Section 7.2.
func (c *check) value(letter byte, domain string) string {
	q := &c.query
	at := strings.LastIndexByte(q.Sender, '@')
	switch letter {
	case 's':
		return q.Sender
	case 'l':
		return q.Sender[:at]
	case 'o':
		return q.Sender[at+1:]
	case 'd':
		return domain
	case 'i':
		return dotted(q.Addr)
	case 'p':
		return c.name(domain)
	case 'h':
		return q.Helo
	case 'c':
		return q.Addr.String()
	case 'r':
		if q.Host != "" {
			return q.Host
		}
		return "unknown"
	case 't':
		return strconv.FormatInt(q.At.Unix(), 10)
	default: // v
		if q.Addr.Is6() {
			return "ip6"
		}
		return "in-addr"
	}
}

// dotted writes an address with a dot between its parts: numbers, or nibbles of IPv6.
func dotted(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	var b strings.Builder
	for i, x := range a.As16() {
		if i > 0 {
			b.WriteByte('.')
		}
		fmt.Fprintf(&b, "%X.%X", x>>4, x&15)
	}
	return b.String()
}

// name returns the validated name of the client that is closest to the domain. RFC 7208,
// Section 7.3: the domain itself, then a name below it, then any.
func (c *check) name(domain string) string {
	names := c.validated()
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if slices.Contains(names, domain) {
		return domain
	}
	for _, n := range names {
		if strings.HasSuffix(n, "."+domain) {
			return n
		}
	}
	if len(names) > 0 {
		return names[0]
	}
	return "unknown"
}

// apply splits, reverses, cuts and joins a value. RFC 7208, Section 7.3.
func (m *macro) apply(s string) string {
	delimiters := m.split
	if delimiters == "" {
		delimiters = "."
	}
	if m.keep > 0 || m.reverse || m.split != "" {
		parts := splitAny(s, delimiters)
		if m.reverse {
			slices.Reverse(parts)
		}
		if m.keep > 0 && m.keep < len(parts) {
			parts = parts[len(parts)-m.keep:]
		}
		s = strings.Join(parts, ".")
	}
	if m.escape {
		s = escape(s)
	}
	return s
}

// splitAny splits at every delimiter, and keeps empty parts.
func splitAny(s, delimiters string) []string {
	var parts []string
	from := 0
	for i := range len(s) {
		if strings.IndexByte(delimiters, s[i]) >= 0 {
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}

// escape writes all but unreserved characters as "%XX". RFC 3986, Section 2.3.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isLetter(c) || isDigit(c) || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
