package rule

import (
	"context"
	"time"

	"outrider/internal/evidence"
	"outrider/internal/evidence/mdm"
	"outrider/internal/history"
	"outrider/internal/rdap"
	"outrider/internal/rule/result"
	"outrider/internal/rule/schema"
)

// addPeople gives rules access to the tenant's history with people, and to domain
// registrations, if available. If no sent mail is seen, it is unknown whom the tenant has
// written to; unsolicited assumes that it wrote to no one.
func (in *Input) addPeople(e *evidence.Evidence, unsolicited bool) {
	at := e.Received.At
	if people := e.People; people != nil {
		in.Have |= schema.History
		in.Lists = Chain{remembered{people}, in.Lists}
		in.Profile = func(kind ProfileKind, key string) *result.Profile {
			p := profileOf(people, kind, key)
			if p != nil && p.Solicited == nil && unsolicited {
				p.Solicited = new(bool)
			}
			return p
		}
	}
	if ask := e.Whois; ask != nil {
		in.Have |= schema.Whois
		in.Whois = func(ctx context.Context, domain string) *result.Whois { return whoisOf(ask(ctx, domain), at) }
	}
}

// remembered provides the lists from the history of a tenant.
type remembered struct{ people *history.View }

var listNames = map[string]history.List{
	"sender_emails": history.SenderEmails, "sender_domains": history.SenderDomains,
	"recipient_emails": history.RecipientEmails, "recipient_domains": history.RecipientDomains,
}

// List returns a list backed by the history, or nil if the history is not conclusive yet.
func (r remembered) List(name string) *List {
	l, ok := listNames[name]
	if !ok || !r.people.Knows(l) {
		return nil
	}
	return NewLookup(func(text string) bool { return r.people.Has(l, text) }, func() int { return r.people.Len(l) })
}

// profileOf looks up a sender in the history.
func profileOf(people *history.View, kind ProfileKind, key string) *result.Profile {
	by := history.ByAddress
	switch kind {
	case BySenderDomain:
		by = history.ByDomain
	case ByReplyTo:
		by = history.ByReplyTo
	case BySender, BySenderEmail:
	}
	p, ok := people.Profile(by, key)
	if !ok {
		return nil
	}
	return &result.Profile{
		Prevalence: new(string(p.Prevalence)), Solicited: p.Solicited, DaysKnown: p.DaysKnown, AuthFailed: p.AuthFailed,
		AnyMessagesBenign: p.Benign, AnyFalsePositives: p.Benign, AnyMessagesMaliciousOrSpam: p.Unwanted,
		DaysSince: &result.DaysSince{
			FirstContact: p.FirstContact, LastContact: p.LastContact, LastInbound: p.LastInbound, LastOutbound: p.LastOutbound,
		},
	}
}

// whoisOf returns a registration in the form for rules, at the time of the message.
func whoisOf(r *rdap.Registration, at time.Time) *result.Whois {
	if r == nil {
		return nil
	}
	w := &result.Whois{
		Found: &r.Found, RootDomain: &r.Domain, CheckedAt: known(r.Checked),
		CreatedAt: known(r.Registered), UpdatedAt: known(r.Changed), ExpiresAt: known(r.Expires),
		RegistrarName: said(r.Registrar), DomainStatus: r.Status,
	}
	if at.IsZero() {
		at = r.Checked
	}
	if !r.Registered.IsZero() {
		w.DaysOld = new(max(Days(r.Registered, at), 0))
	}
	for _, name := range r.NameServers {
		w.NameServers = append(w.NameServers, mdm.NewDomain(name))
	}
	c := &r.Registrant
	w.RegistrantName, w.RegistrantCompany, w.RegistrantEmail = said(c.Name), said(c.Company), said(c.Email)
	w.RegistrantCountry, w.RegistrantCountryCode, w.RegistrantState = said(c.Country), said(c.CountryCode), said(c.State)
	w.RegistrantCity, w.RegistrantZip, w.RegistrantAddress = said(c.City), said(c.Zip), said(c.Address)
	w.RegistrantPhone, w.RegistrantFax = said(c.Phone), said(c.Fax)
	c = &r.Administrative
	w.AdministrativeName, w.AdministrativeCompany, w.AdministrativeEmail = said(c.Name), said(c.Company), said(c.Email)
	w.AdministrativeCountry, w.AdministrativeCountryCode, w.AdministrativeState = said(c.Country), said(c.CountryCode), said(c.State)
	w.AdministrativeCity, w.AdministrativeZip, w.AdministrativeAddress = said(c.City), said(c.Zip), said(c.Address)
	w.AdministrativePhone, w.AdministrativeFax = said(c.Phone), said(c.Fax)
	c = &r.Technical
	w.TechnicalName, w.TechnicalCompany, w.TechnicalEmail = said(c.Name), said(c.Company), said(c.Email)
	w.TechnicalCountry, w.TechnicalCountryCode, w.TechnicalState = said(c.Country), said(c.CountryCode), said(c.State)
	w.TechnicalCity, w.TechnicalZip, w.TechnicalAddress = said(c.City), said(c.Zip), said(c.Address)
	w.TechnicalPhone, w.TechnicalFax = said(c.Phone), said(c.Fax)
	return w
}

// said returns nil for an empty text.
func said(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// known returns nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
