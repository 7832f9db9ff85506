package rdap

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"outrider/internal/address"
)

// Bounds on the data taken from an answer.
const (
	maxItems = 64  // per list
	maxText  = 300 // bytes per text
	maxURL   = 2000
)

// oldest is when domain registration began; earlier dates are errors.
var oldest = time.Date(1985, 1, 1, 0, 0, 0, 0, time.UTC)

// Registration is a registry's data about a domain. Texts are as written, without control
// characters, and "" if missing; missing times are zero.
type Registration struct {
	Domain      string // the queried organizational domain
	Found       bool   // false: not registered, and the rest is empty
	Registered  time.Time
	Changed     time.Time
	Expires     time.Time
	Checked     time.Time // time of the query
	Registrar   string
	Status      []string // values of RFC 9083, such as "client hold"
	NameServers []string // normal form

	Registrant     Contact
	Administrative Contact
	Technical      Contact

	registrar string // URL of the registrar's answer, or ""
}

// Contact is a person or an organisation in a registration.
type Contact struct {
	Name, Company, Email              string
	Country, CountryCode, State, City string
	Zip, Address                      string // commas separate the lines of an address
	Phone, Fax                        string
}

// object is one object of an answer. Each member is parsed separately, since many servers
// return a malformed one.
type object map[string]json.RawMessage

// take parses a member, and leaves v unchanged if it is missing or of another type.
func (o object) take(member string, v any) bool {
	raw, ok := o[member]
	return ok && json.Unmarshal(raw, v) == nil
}

// text returns a text member.
func (o object) text(member string) string {
	var s string
	o.take(member, &s)
	return clean(s)
}

// list returns a list of objects.
func (o object) list(member string) []object {
	var raw []json.RawMessage
	o.take(member, &raw)
	var out []object
	for _, r := range raw[:min(len(raw), maxItems)] {
		var item object
		if json.Unmarshal(r, &item) == nil && item != nil {
			out = append(out, item)
		}
	}
	return out
}

// texts returns a list of texts, or a single one.
func (o object) texts(member string) []string {
	var many []string
	var one string
	if !o.take(member, &many) && o.take(member, &one) {
		many = []string{one}
	}
	many = many[:min(len(many), maxItems)]
	for i := range many {
		many[i] = clean(many[i])
	}
	return many
}

// Parse parses the answer for a domain in normal form. RFC 9083, Section 5.3: the object of
// a domain.
func Parse(raw []byte, domain string) (*Registration, error) {
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if class := o.text("objectClassName"); class != "domain" {
		return nil, fmt.Errorf("%w: it is about %q", ErrAnswer, class)
	}
	if name, err := address.Domain(o.text("ldhName")); err != nil || name != domain {
		return nil, fmt.Errorf("%w: it is about %q", ErrAnswer, o.text("ldhName"))
	}
	r := &Registration{Domain: domain, Found: true, Status: o.texts("status")}
	r.readEvents(o.list("events"))
	for _, ns := range o.list("nameservers") {
		if name, err := address.Domain(ns.text("ldhName")); err == nil {
			r.NameServers = append(r.NameServers, name)
		}
	}
	for _, e := range o.list("entities") {
		r.readEntity(e)
	}
	r.registrar = related(o.list("links"))
	return r, nil
}

// readEvents takes the dates of the domain. RFC 9083, Section 4.5: an action and a time of
// RFC 3339.
func (r *Registration) readEvents(events []object) {
	for _, e := range events {
		at, err := time.Parse(time.RFC3339, e.text("eventDate"))
		if err != nil || at.Before(oldest) || at.Year() > 9999 {
			continue
		}
		at = at.UTC()
		switch e.text("eventAction") {
		case "registration":
			r.Registered = at
		case "last changed":
			r.Changed = at
		case "expiration":
			r.Expires = at
		}
	}
}

// readEntity takes a person or an organisation, which may have several roles. RFC 9083,
// Section 5.1: an entity has a jCard and roles.
func (r *Registration) readEntity(e object) {
	c := readCard(e)
	for _, role := range e.texts("roles") {
		switch role {
		case "registrar":
			if r.Registrar = c.Name; r.Registrar == "" {
				r.Registrar = c.Company
			}
		case "registrant":
			r.Registrant = c
		case "administrative":
			r.Administrative = c
		case "technical":
			r.Technical = c
		}
	}
}

// related returns the URL of the registrar's answer, or "". RFC 9083, Section 4.2: a link
// has a relation and a media type.
func related(links []object) string {
	for _, l := range links {
		var href string
		if l.take("href", &href); l.text("rel") != "related" || l.text("type") != mediaType || len(href) > maxURL {
			continue
		}
		if u, err := url.Parse(href); err == nil && u.Scheme == "https" && u.Host != "" && len(u.Hostname()) <= maxHostName {
			return href
		}
	}
	return ""
}

// property is one property of a jCard: name, parameters, type, values.
type property []json.RawMessage

// readCard parses the jCard of an entity. RFC 7095, Section 3: an array of "vcard" and an
// array of properties.
func readCard(e object) Contact {
	var card []json.RawMessage
	var properties []property
	if !e.take("vcardArray", &card) || len(card) < 2 || json.Unmarshal(card[1], &properties) != nil {
		return Contact{}
	}
	var c Contact
	for _, p := range properties[:min(len(properties), maxItems)] {
		if len(p) >= 4 {
			c.readProperty(p)
		}
	}
	return c
}

func (c *Contact) readProperty(p property) {
	var name string
	_ = json.Unmarshal(p[0], &name)
	var params object
	_ = json.Unmarshal(p[1], &params)
	switch strings.ToLower(name) {
	case "fn":
		setText(&c.Name, flat(p[3]))
	case "org":
		setText(&c.Company, flat(p[3]))
	case "email":
		setText(&c.Email, flat(p[3]))
	case "tel":
		number := strings.TrimPrefix(flat(p[3]), "tel:")
		if slices.Contains(params.texts("type"), "fax") {
			setText(&c.Fax, number)
		} else {
			setText(&c.Phone, number)
		}
	case "adr":
		c.readAddress(params, p[3])
	}
}

// readAddress parses a postal address. RFC 7095, Section 3.3.1.3: seven parts, each with
// one or several texts. RFC 8605, Section 3.1: the country code is a parameter.
func (c *Contact) readAddress(params object, value json.RawMessage) {
	setText(&c.CountryCode, params.text("cc"))
	var parts []json.RawMessage
	if json.Unmarshal(value, &parts) != nil || len(parts) < 7 {
		return
	}
	setText(&c.Address, flat(parts[2]))
	setText(&c.City, flat(parts[3]))
	setText(&c.State, flat(parts[4]))
	setText(&c.Zip, flat(parts[5]))
	setText(&c.Country, flat(parts[6]))
}

// setText sets an unset value: the first of a kind counts.
func setText(to *string, s string) {
	if *to == "" {
		*to = s
	}
}

// flat returns a text, or the texts of a list joined by commas.
func flat(raw json.RawMessage) string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return clean(one)
	}
	var many []string
	if json.Unmarshal(raw, &many) != nil {
		return ""
	}
	many = slices.DeleteFunc(many, func(s string) bool { return strings.TrimSpace(s) == "" })
	return clean(strings.Join(many[:min(len(many), maxItems)], ", "))
}

// clean truncates untrusted text, and removes characters unfit for display.
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s))
}
