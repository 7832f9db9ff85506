package rule

import (
	"context"
	"time"

	"outrider/internal/attachment"
	"outrider/internal/evidence/mdm"
	"outrider/internal/rule/result"
	"outrider/internal/rule/schema"
)

// Input is a message and the data sources for it. A nil source is unavailable: rules that
// need it are indeterminate.
type Input struct {
	Message *mdm.Message // always non-nil
	Lists   Lists        // always non-nil
	Have    schema.Capability
	Triage  *result.Triage
	// Quick requests only matches, and rules that Later may decide: other rules end as soon
	// as they cannot be true.
	Quick bool
	// Later is the evidence that may arrive after this judgement. It matters to a quick
	// judgement.
	Later     schema.Capability
	Passwords func() []string // candidates for encrypted files
	// cache holds results for the message, shared by all sets of rules.
	cache     map[any]any
	asks      *frame // of the current rules
	described int    // work on nodes, in bytes or nodes
	// Open opens files, and reports their types and contents.
	Open func([]attachment.Input) []*attachment.Report
	// Profile returns the history of a sender before the message: of an address, or of a
	// domain.
	Profile func(kind ProfileKind, key string) *result.Profile
	// Whois returns the registration of a domain; nil if not known yet.
	Whois func(ctx context.Context, domain string) *result.Whois
}

// ProfileKind is the identity that a sender is known by.
type ProfileKind int

// The kinds of profiles.
const (
	BySender ProfileKind = iota // by address at free providers, else by domain
	BySenderEmail
	BySenderDomain
	ByReplyTo
)

// asked is the cache key of an answer.
type asked struct {
	function string
	about    any
}

// once calls ask once per message.
func (f *frame) once(function string, about any, ask func() schema.Value) schema.Value {
	key := asked{function, about}
	if v, ok := f.cache[key].(answer); ok {
		f.missing |= v.missing
		return v.value
	}
	before := f.missing
	f.missing = 0
	v := ask()
	if !f.overrun { // an answer that was cut short is not kept
		f.cache[key] = answer{v, f.missing}
	}
	f.missing |= before
	return v
}

type answer struct {
	value   schema.Value
	missing schema.Capability
}

// profile looks up the profile of a sender.
func profile(kind ProfileKind) func(*frame, *arguments) schema.Value {
	return func(f *frame, _ *arguments) schema.Value {
		if f.in.Profile == nil {
			f.missing |= schema.History
			return schema.Value{}
		}
		by, ok := kind, true
		if kind == BySender {
			by, ok = f.bySender()
		}
		key := senderKey(f, by)
		if !ok || key == "" {
			return schema.Value{}
		}
		return schema.OfObject(f.in.Profile(by, key))
	}
}

// bySender returns the identity of the sender: at a free mail provider, the address. It is
// false if the list of these providers is missing.
func (f *frame) bySender() (ProfileKind, bool) {
	free := f.list("free_email_providers")
	if free != nil && free.Has(f.in.Message.Sender.Email.Domain.Domain, true) {
		return BySenderEmail, true
	}
	return BySenderDomain, free != nil
}

func senderKey(f *frame, kind ProfileKind) string {
	m := f.in.Message
	switch kind {
	case BySenderEmail:
		return m.Sender.Email.Email
	case BySenderDomain:
		return m.Sender.Email.Domain.Domain
	case ByReplyTo:
		if len(m.Headers.ReplyTo) > 0 {
			return m.Headers.ReplyTo[0].Email.Email
		}
	case BySender:
	}
	return ""
}

// whois looks up the registration of a domain.
func whois(f *frame, a *arguments) schema.Value {
	d, ok := a.values[0].Ref().(*mdm.Domain)
	if !ok || d.RootDomain == nil {
		return schema.Value{}
	}
	if f.in.Whois == nil {
		f.missing |= schema.Whois
		return schema.Value{}
	}
	return f.once("whois", *d.RootDomain, func() schema.Value {
		w := f.in.Whois(f.ctx, *d.RootDomain)
		if w == nil {
			f.missing |= schema.Whois
		}
		return schema.OfObject(w)
	})
}

// Days counts whole days between two points in time.
func Days(from, to time.Time) int { return int(to.Sub(from) / (24 * time.Hour)) }
