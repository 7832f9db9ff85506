package mdm

import (
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"

	"outrider/internal/address"
	"outrider/internal/message"
	"outrider/internal/observable"
)

// text returns s, or null where it is empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// NewDomain parses a domain name. An invalid name is kept as written, with valid false.
func NewDomain(s string) Domain {
	s = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), ".")
	ascii, err := address.Domain(s)
	if err != nil || !strings.Contains(ascii, ".") {
		return Domain{Domain: s}
	}
	tld := registrySuffix(ascii)
	above, ok := strings.CutSuffix(ascii, "."+tld)
	if !ok {
		return Domain{Domain: s}
	}
	sld := above[strings.LastIndexByte(above, '.')+1:]
	root := sld + "." + tld
	d := Domain{Domain: s, RootDomain: &root, SLD: &sld, TLD: &tld, Valid: observable.IsKnownSuffix(ascii)}
	if sub, ok := strings.CutSuffix(ascii, "."+root); ok {
		d.Subdomain = &sub
	}
	if strings.Contains(ascii, "xn--") {
		d.Punycode = &ascii
	}
	return d
}

// registrySuffix returns the public suffix under which a registry registers names. The
// private part of the list is ignored: rules identify hosting services by their root
// domain.
func registrySuffix(domain string) string {
	suffix, icann := publicsuffix.PublicSuffix(domain)
	for !icann {
		_, parent, ok := strings.Cut(suffix, ".")
		if !ok {
			break
		}
		suffix, icann = publicsuffix.PublicSuffix(parent)
	}
	return suffix
}

// NewEmail parses an address; text that is no address becomes the local part.
func NewEmail(s string) Email {
	s = strings.ToLower(strings.Trim(strings.TrimSpace(s), "<>"))
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return Email{Email: s, LocalPart: s}
	}
	return Email{Email: s, LocalPart: s[:at], Domain: NewDomain(s[at+1:])}
}

func newMailbox(m message.Mailbox) Mailbox {
	return Mailbox{DisplayName: text(m.Name), Email: NewEmail(m.Address())}
}

// maxMailboxes bounds the mailboxes of one list.
const maxMailboxes = 1000

func newMailboxes(list []message.Mailbox) []Mailbox {
	out := make([]Mailbox, 0, min(len(list), maxMailboxes))
	for _, m := range list[:min(len(list), maxMailboxes)] {
		out = append(out, newMailbox(m))
	}
	return out
}

// newIP parses an address, alone or in brackets.
func newIP(s string) *IP {
	s = strings.Trim(strings.TrimSpace(s), "[]")
	s = strings.TrimPrefix(s, "IPv6:")
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return nil
	}
	ip := addrIP(addr)
	return &ip
}

func addrIP(addr netip.Addr) IP {
	addr = addr.Unmap().WithZone("")
	version := 4
	if addr.Is6() {
		version = 6
	}
	return IP{IP: addr.String(), Version: &version}
}

// NewURL parses a URL and removes the wrapping of gateways and redirectors.
func NewURL(u observable.URL) URL {
	target, wrapped := observable.Unwrap(u)
	full := target.Raw
	if !strings.Contains(full, ":") { // "www.example.com"
		full = target.String()
	}
	out := URL{
		URL: full, Scheme: text(target.Scheme), Domain: urlDomain(&target), Path: text(target.Path),
		QueryParams: text(target.Query), Fragment: text(target.Fragment), QueryParamsDecoded: map[string][]string{},
	}
	if target.Port != 0 {
		out.Port = &target.Port
	}
	name, password, both := strings.Cut(target.User, ":")
	out.Username = text(name)
	if both {
		out.Password = &password
	}
	if target.IP.IsValid() {
		ip := addrIP(target.IP)
		if target.Numeric {
			ip.Translation = &IPTranslation{Original: hostAsWritten(target.Raw), Encoders: numberForms(hostAsWritten(target.Raw))}
		}
		out.IP = &ip
	}
	for _, p := range target.Params() {
		out.QueryParamsDecoded[p.Name] = append(out.QueryParamsDecoded[p.Name], p.Value)
	}
	if len(wrapped.Encoders) > 0 {
		out.Rewrite = &Rewrite{Original: wrapped.Original, Encoders: wrapped.Encoders}
	}
	return out
}

func urlDomain(u *observable.URL) Domain {
	if u.IP.IsValid() {
		return Domain{Domain: u.Host}
	}
	return NewDomain(u.Host)
}

// hostAsWritten returns the host of a URL before normalization.
func hostAsWritten(raw string) string {
	_, rest, _ := strings.Cut(raw, ":")
	rest = strings.TrimLeft(rest, `/\`)
	if i := strings.IndexAny(rest, `/\?#`); i >= 0 {
		rest = rest[:i]
	}
	return rest[strings.LastIndexByte(rest, '@')+1:]
}

// numberForms lists the notations of the numbers of an address.
func numberForms(host string) []string {
	host, _, _ = strings.Cut(host, ":")
	forms := make([]string, 0, 2)
	add := func(form string) {
		for _, f := range forms {
			if f == form {
				return
			}
		}
		forms = append(forms, form)
	}
	parts := strings.Split(host, ".")
	for _, p := range parts {
		switch {
		case strings.HasPrefix(strings.ToLower(p), "0x"):
			add("hexadecimal")
		case len(p) > 1 && p[0] == '0':
			add("octal")
		}
	}
	if len(forms) == 0 && len(parts) < 4 {
		add("decimal_integer")
	}
	return forms
}
