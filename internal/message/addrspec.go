package message

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"outrider/internal/address"
)

// AddressDefect is the reason why clients may read an address differently, or not at all.
type AddressDefect string

// The defects of addresses. The first one found is kept.
const (
	AddressTooLong      AddressDefect = "domain-too-long"   // longer than any domain
	AddressUnreadable   AddressDefect = "unreadable-domain" // the text after the "@" is no domain name
	AddressSeveralAt    AddressDefect = "several-at"        // several "@" outside of quotes and comments
	AddressSeveralWords AddressDefect = "several-words"     // several words, or an invalid character, after the "@"
	AddressEncoded      AddressDefect = "encoded-address"   // an encoded-word replaces an address or a part of it
	AddressQuoted       AddressDefect = "quoted-address"    // a quoted string replaces an address
	AddressRoute        AddressDefect = "source-route"      // an obsolete route precedes the address
)

// maxDomainReadings bounds the domains read from one address.
const maxDomainReadings = 20

// maxRawDomain bounds the bytes of one domain as written. RFC 1035, Section 3.1: a name has
// at most 255 octets; a character of another script takes up to four bytes, and the labels
// may be separated by comments and white space.
const maxRawDomain = 4 << 10

// box splits an address. The mailbox has every domain that any client reads.
func (r *boxReader) box(addr string) Mailbox {
	b := addrBuilder{box: Mailbox{Group: r.group}}
	if n := len("mailto:"); len(addr) > n && strings.EqualFold(addr[:n], "mailto:") {
		addr = addr[n:]
	}
	route, addr := cutRoute(addr)
	local, domains := splitAddress(addr)
	b.box.Local = toUTF8(localPart(local))
	b.read(domains)
	if strings.Contains(addr, "=?") {
		// RFC 2047, Section 5: no encoded-word in an address; some clients decode it.
		b.decoded(decodeText(addr))
	}
	if route != "" {
		b.defect(AddressRoute)
		_, domains = splitAddress(route)
		b.read(domains)
	}
	return b.finish()
}

// cutRoute splits an obsolete route "@a,@b:" off the address.
// RFC 5322, Section 4.4.
func cutRoute(addr string) (route, rest string) {
	if strings.HasPrefix(addr, "@") {
		if i := strings.IndexByte(addr, ':'); i >= 0 {
			return addr[:i], addr[i+1:]
		}
	}
	return "", addr
}

// addrBuilder collects the readings of one address.
type addrBuilder struct {
	box   Mailbox
	found []string // every readable domain, in order of reading
	bad   string   // invalid domain, as written
}

func (b *addrBuilder) defect(d AddressDefect) { b.box.Defect = cmp.Or(b.box.Defect, d) }

// read parses the text after each "@". The last one has precedence: the quotes of a local
// part may have been lost.
func (b *addrBuilder) read(domains []string) {
	if len(domains) > 1 {
		b.defect(AddressSeveralAt)
	}
	for _, d := range slices.Backward(domains) {
		b.domain(d)
	}
}

// decoded parses the address again, with its encoded-words decoded.
func (b *addrBuilder) decoded(addr string) {
	local, domains := splitAddress(addr)
	if len(domains) == 0 {
		return
	}
	b.defect(AddressEncoded)
	if len(b.found) == 0 && b.bad == "" {
		b.box.Local = localPart(local)
	}
	b.read(domains)
}

// domain parses the text in the place of one domain.
func (b *addrBuilder) domain(s string) {
	s = strings.TrimSpace(s)
	if len(s) > maxRawDomain {
		b.defect(AddressTooLong)
		return
	}
	s = joinLabels(toUTF8(s))
	if isLiteral(s) || b.add(s) {
		b.literal(s)
		return
	}
	visible := strings.Map(dropInvisible, s)
	words := strings.FieldsFunc(visible, notDomain)
	switch {
	case len(words) > 1:
		b.defect(AddressSeveralWords)
	case len(s) > maxDomainName && len(words) == 1:
		b.defect(AddressTooLong)
		return
	default:
		b.defect(AddressUnreadable)
	}
	for _, w := range words[:min(len(words), maxDomainReadings)] {
		// A word without a dot is a remainder, not a known domain.
		if strings.Contains(strings.Trim(w, "."), ".") {
			b.add(w)
		}
	}
	b.add(strings.Trim(strings.Join(strings.Fields(visible), ""), "[]"))
	b.bad = s
}

// maxDomainName is the length of a domain name in characters. RFC 1035, Section 3.1.
const maxDomainName = 253

// literal keeps an address literal, which is no domain name.
func (b *addrBuilder) literal(s string) {
	if isLiteral(s) && b.bad == "" {
		b.bad = s
	}
}

// isLiteral reports whether s is in brackets and has no further "@" or word. RFC 5321,
// Section 4.1.3.
func isLiteral(s string) bool {
	inner, ok := strings.CutSuffix(s, "]")
	inner, open := strings.CutPrefix(inner, "[")
	return ok && open && inner != "" && len(inner) < maxLiteral && strings.Trim(inner, "0123456789abcdefABCDEF.:IPv") == ""
}

// add keeps a domain and reports whether s is one.
func (b *addrBuilder) add(s string) bool {
	d, err := address.Domain(s)
	if err != nil || !strings.ContainsFunc(d, isAlphanumeric) {
		return false
	}
	if again, err := address.Domain(d); err != nil || again != d {
		return false // cannot be looked up
	}
	if !slices.Contains(b.found, d) && len(b.found) < maxDomainReadings {
		b.found = append(b.found, d)
	}
	return true
}

// finish selects the domain of the mailbox among the readings.
func (b *addrBuilder) finish() Mailbox {
	switch {
	case len(b.found) > 0:
		b.box.Domain = b.found[0]
		b.box.Readings = slices.Clip(b.found[1:])
	case len(b.bad) <= maxDomainName:
		b.box.Domain = decodeText(b.bad)
	}
	if len(b.box.Readings) == 0 {
		b.box.Readings = nil
	}
	return b.box
}

// splitAddress splits an address at each "@" outside of quoted strings and comments: the
// local part, and the text after each. Comments become spaces. Beyond the bound, the first
// and the last are kept. RFC 5322, Sections 3.2.2, 3.2.4 and 3.4.1.
func splitAddress(s string) (local string, domains []string) {
	r := boxReader{}
	parts := []string{""}
	var part []byte
	for i := 0; i < len(s); {
		n := 1
		if s[i] == '"' || s[i] == '(' {
			n = r.skipOpaque(s[i:])
		}
		switch {
		case s[i] == '@':
			parts[len(parts)-1], part = string(part), part[:0]
			if len(parts) <= maxDomainReadings {
				parts = append(parts, "")
			}
		case s[i] == '(' && n > 1:
			part = append(part, ' ')
		default:
			part = append(part, s[i:i+n]...)
		}
		i += n
	}
	parts[len(parts)-1] = string(part)
	return parts[0], parts[1:]
}

// joinLabels removes the white space around dots. RFC 5322, Section 4.4: obs-domain = atom
// *("." atom), with CFWS around each.
func joinLabels(s string) string {
	if !strings.ContainsAny(s, " \t") {
		return s
	}
	var b strings.Builder
	for w := range strings.FieldsSeq(s) {
		if b.Len() > 0 && w[0] != '.' && !strings.HasSuffix(b.String(), ".") {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

// notDomain reports whether a character separates domains.
func notDomain(c rune) bool {
	return c < 0x80 && c != '.' && c != '-' && c != '_' && !isAlphanumeric(c)
}

func isAlphanumeric(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }

// dropInvisible drops controls and characters without width, as some clients do.
func dropInvisible(c rune) rune {
	if c != ' ' && c != '\t' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c)) {
		return -1
	}
	return c
}

// localPart removes quotes, and the white space around dots.
func localPart(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, `"`) {
		value, n, _ := unquote(s)
		return value + s[n:]
	}
	if len(s) > maxRawDomain {
		return s
	}
	return joinLabels(s)
}
