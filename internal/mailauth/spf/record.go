package spf

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// record is a parsed SPF record. RFC 7208, Section 4.6.1.
type record struct {
	directives []directive
	redirect   string // domain-spec, or ""
	exp        string // domain-spec, or ""
}

// directive is a mechanism with its qualifier.
type directive struct {
	text         string // as written
	result       Result // of a match
	kind         string // lower-case name
	spec         string // domain-spec, or ""
	net          netip.Prefix
	bits4, bits6 int
}

// parse parses a record that begins with the version. Every term must be well-formed.
func parse(text string) (*record, error) {
	rec := &record{}
	for term := range strings.FieldsFuncSeq(text[len(version):], func(r rune) bool { return r == ' ' }) {
		if err := rec.term(term); err != nil {
			return nil, fmt.Errorf("%w: term %q: %w", errPerm, printable(term), err)
		}
	}
	return rec, nil
}

// printable truncates a term for a message.
func printable(s string) string { return s[:min(len(s), 60)] }

// Errors of a term.
var (
	errTerm   = errors.New("malformed")
	errTwice  = errors.New("it is listed twice")
	errDomain = errors.New("no domain")
	errMacro  = errors.New("malformed macro")
)

func (rec *record) term(term string) error {
	if name, value, ok := modifier(term); ok {
		return rec.modify(name, value)
	}
	d := directive{text: term, result: Pass, bits4: 32, bits6: 128}
	switch term[0] {
	case '+', '-', '~', '?':
		d.result = map[byte]Result{'+': Pass, '-': Fail, '~': SoftFail, '?': Neutral}[term[0]]
		term = term[1:]
	}
	end := strings.IndexAny(term, ":/")
	if end < 0 {
		end = len(term)
	}
	d.kind = strings.ToLower(term[:end])
	if err := d.arguments(term[end:]); err != nil {
		return err
	}
	rec.directives = append(rec.directives, d)
	return nil
}

// modifier splits "name=value". A name begins with a letter and contains no colon or slash,
// which excludes a mechanism with an equals sign in its domain.
func modifier(term string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(term, "=")
	if !ok || name == "" || !isLetter(name[0]) {
		return "", "", false
	}
	for i := range len(name) {
		if c := name[i]; !isLetter(c) && !isDigit(c) && c != '-' && c != '_' && c != '.' {
			return "", "", false
		}
	}
	return strings.ToLower(name), value, true
}

// modify takes a modifier. RFC 7208, Section 6: redirect and exp may occur once; unknown
// ones are ignored if they are well-formed.
func (rec *record) modify(name, value string) error {
	var field *string
	switch name {
	case "redirect":
		field = &rec.redirect
	case "exp":
		field = &rec.exp
	default:
		return checkMacro(value, false)
	}
	if *field != "" {
		return errTwice
	}
	*field = value
	return checkDomainSpec(value)
}

// arguments parses the text after the name of a mechanism.
func (d *directive) arguments(rest string) error {
	switch d.kind {
	case "all":
		if rest != "" {
			return errTerm
		}
		return nil
	case "include", "exists":
		return d.domain(rest, true)
	case "ptr":
		return d.domain(rest, false)
	case "a", "mx":
		rest, err := d.lengths(rest)
		if err != nil {
			return err
		}
		return d.domain(rest, false)
	case "ip4", "ip6":
		return d.network(rest)
	}
	return errTerm
}

// domain parses ":domain-spec".
func (d *directive) domain(rest string, needed bool) error {
	if rest == "" && !needed {
		return nil
	}
	spec, ok := strings.CutPrefix(rest, ":")
	if !ok {
		return errTerm
	}
	d.spec = spec
	return checkDomainSpec(spec)
}

// lengths cuts "/24", "//64" or "/24//64" from the end. A slash before them belongs to the
// domain.
func (d *directive) lengths(s string) (rest string, err error) {
	if i := strings.LastIndex(s, "//"); i >= 0 && digits(s[i+2:]) {
		if d.bits6, err = prefixLength(s[i+2:], 128); err != nil {
			return "", err
		}
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '/'); i >= 0 && digits(s[i+1:]) {
		if d.bits4, err = prefixLength(s[i+1:], 32); err != nil {
			return "", err
		}
		s = s[:i]
	}
	return s, nil
}

// network parses ":address/length".
func (d *directive) network(rest string) error {
	rest, ok := strings.CutPrefix(rest, ":")
	if !ok {
		return errTerm
	}
	text, length, given := strings.Cut(rest, "/")
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" || a.Is4() != (d.kind == "ip4") {
		return errTerm
	}
	bits := a.BitLen()
	if given {
		if bits, err = prefixLength(length, bits); err != nil {
			return err
		}
	}
	d.net, err = a.Prefix(bits)
	if a.Is4In6() && bits >= 96 { // the client's address is never in this form
		d.net, err = a.Unmap().Prefix(bits - 96)
	}
	return err
}

// prefixLength parses a length without leading zeros. RFC 7208, Section 5.6.
func prefixLength(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || !digits(s) || n > most || len(s) > 1 && s[0] == '0' {
		return 0, errTerm
	}
	return n, nil
}

func digits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
