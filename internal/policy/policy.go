// Package policy decides what happens to a judged message: a pure function of the
// tenant's settings, the recipients and the verdict.
//
// Recipients whose outcome is the same share one Decision, so that a message to
// people with different policies is split into as few copies as possible. Each decision names
// what led to its action: the disposition with its findings, a rule, or a list entry.
package policy

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"outrider/internal/address"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// Facts are what policies may ask about a message besides its verdict.
type Facts struct {
	Client   netip.Addr               // true sender; invalid where unknown
	From     string                   // reverse-path
	Authors  []string                 // addresses of the From field
	Verified func(domain string) bool // whether SPF, DKIM or DMARC passed for the domain
	Forged   bool                     // DMARC failed for the author
	Now      time.Time
}

// Decision is what happens to the message for some of its recipients.
type Decision struct {
	Recipients    []smtp.Recipient    `json:"recipients"`
	Domain        *tenant.Domain      `json:"-"`
	Disposition   verdict.Disposition `json:"disposition"` // after overrides
	Action        tenant.Action       `json:"action"`
	SubjectPrefix string              `json:"subject_prefix,omitempty"`
	Banner        string              `json:"banner,omitempty"`
	Skipped       []string            `json:"skipped,omitempty"` // what of it could not be done, and why, such as "banner: …"
	Headers       bool                `json:"-"`
	Reason        verdict.Reason      `json:"reason"` // of the action
}

// Local reports whether the decision is carried out without another host.
func (d *Decision) Local() bool { return d.Action == tenant.ActionQuarantine }

// Decide maps the verdict to decisions for the recipients of one tenant. Every
// recipient is in exactly one decision. Decisions that need no other host come first,
// so that what can be made safe is safe before anything is sent.
func Decide(dir *tenant.Directory, recipients []smtp.Recipient, v *verdict.Verdict, f Facts) []Decision {
	var out []Decision
	for _, r := range recipients {
		d := decideOne(dir, r, v, f)
		i := slices.IndexFunc(out, func(o Decision) bool { return sameOutcome(&o, &d) })
		if i < 0 {
			out = append(out, d)
		} else {
			out[i].Recipients = append(out[i].Recipients, r)
		}
	}
	softenMixed(out)
	slices.SortStableFunc(out, func(a, b Decision) int { return cmp.Compare(order(a.Action), order(b.Action)) })
	return out
}

func order(a tenant.Action) int {
	return slices.Index([]tenant.Action{tenant.ActionQuarantine, tenant.ActionReject, tenant.ActionDefer, tenant.ActionDeliver}, a)
}

// softenMixed replaces what SMTP cannot say. DATA has one reply for all recipients, so
// a message is refused only if it is refused for all; otherwise those who would have
// refused it hold it, and no bounce is sent about mail that may be forged.
func softenMixed(ds []Decision) {
	for _, a := range []tenant.Action{tenant.ActionReject, tenant.ActionDefer} {
		if slices.ContainsFunc(ds, func(d Decision) bool { return d.Action != a }) {
			for i := range ds {
				if ds[i].Action == a {
					ds[i].Action, ds[i].Reason.Instead = tenant.ActionQuarantine, string(a)
				}
			}
		}
	}
}

func sameOutcome(a, b *Decision) bool {
	return a.Action == b.Action && a.Disposition == b.Disposition && a.SubjectPrefix == b.SubjectPrefix &&
		a.Banner == b.Banner && a.Headers == b.Headers && a.Reason.Code() == b.Reason.Code() &&
		a.Domain.Tenant == b.Domain.Tenant && a.Domain.Route.Key() == b.Domain.Route.Key() &&
		(a.Domain == b.Domain || a.Domain.Route.Domain != "" || len(a.Domain.Route.Hosts) > 0 || a.Domain.Route.Path != "")
}

func decideOne(dir *tenant.Directory, r smtp.Recipient, v *verdict.Verdict, f Facts) Decision {
	addr, err := address.ParsePath(r.Address, true)
	dom := dir.Domain(addr.Domain)
	if err != nil || dom == nil {
		// The gate lets no such recipient in; a reload between RCPT and DATA can take the domain away.
		return Decision{Recipients: []smtp.Recipient{r}, Domain: &tenant.Domain{}, Action: tenant.ActionDefer, Disposition: v.Disposition, Reason: verdict.Reason{By: verdict.ByDomainRemoved}}
	}
	d := Decision{Recipients: []smtp.Recipient{r}, Domain: dom, Headers: dom.Policy.Headers}
	d.Disposition, d.Reason = override(dom.Tenant, addr, v.Disposition, f)
	if d.Disposition == verdict.None && d.Reason.Zero() && dom.Policy.External && !internal(dom.Tenant, f) {
		d.Disposition = verdict.External
	}
	d.Action = cmp.Or(dom.Policy.Actions[d.Disposition], tenant.ActionDeliver)
	if d.Reason.Zero() {
		d.Reason = v.Because(d.Disposition)
		strictest(&d, v)
	}
	if d.Action == tenant.ActionDeliver {
		d.SubjectPrefix = expand(dom.Policy.SubjectTag[d.Disposition], &dom.Policy, d.Disposition, v)
		d.Banner = expand(dom.Policy.Banner[d.Disposition], &dom.Policy, d.Disposition, v)
	}
	return d
}

// strictest takes the strictest action of all dispositions whose thresholds are met, and of those
// that the operator has set for rules that match. Who is trusted or exempt stays so.
func strictest(d *Decision, v *verdict.Verdict) {
	raise := func(a tenant.Action, reason verdict.Reason) {
		if s := stricter(d.Action, a); s != d.Action {
			d.Action, d.Reason = s, reason
		}
	}
	for _, also := range v.Also {
		raise(d.Domain.Policy.Actions[also], v.Because(also))
	}
	for _, f := range v.Findings {
		raise(tenant.Action(f.Action), verdict.Reason{By: verdict.ByRule, ID: f.ID, Name: f.Name})
	}
}

// stricter returns the stricter of two actions; one that is not set is the mildest.
func stricter(a, b tenant.Action) tenant.Action {
	strictness := []tenant.Action{tenant.ActionDeliver, tenant.ActionDefer, tenant.ActionQuarantine, tenant.ActionReject}
	if slices.Index(strictness, b) > slices.Index(strictness, a) {
		return b
	}
	return a
}

// override applies the lists of the tenant: exempt recipients first, then blocked
// senders, then trusted ones, so that an entry that blocks is never undone by a wider
// one that trusts.
func override(t *tenant.Tenant, rcpt address.Address, d verdict.Disposition, f Facts) (verdict.Disposition, verdict.Reason) {
	if t.Exempt[rcpt.Key()] {
		return verdict.None, verdict.Reason{By: verdict.ByExempt}
	}
	keys := senderKeys(f)
	for _, b := range t.Blocked {
		if b.Match(f.Client, keys...) {
			return verdict.Malicious, verdict.Reason{By: verdict.ByBlocked, ID: b.String(), Note: b.Note}
		}
	}
	for i := range t.Trusted {
		if tr := &t.Trusted[i]; honoured(tr, keys, f) {
			return trust(tr, d)
		}
	}
	return d, verdict.Reason{}
}

func senderKeys(f Facts) []string {
	keys := make([]string, 0, 1+len(f.Authors))
	for _, s := range append([]string{f.From}, f.Authors...) {
		if a, err := address.ParsePath(s, true); err == nil {
			keys = append(keys, a.Key())
		}
	}
	return keys
}

// honoured reports whether a trusted entry holds: it matches, has not expired, and what
// it matched by was proved. A network needs no further proof.
func honoured(tr *tenant.Trusted, keys []string, f Facts) bool {
	switch {
	case !tr.Expires.IsZero() && !f.Now.Before(tr.Expires):
		return false
	case tr.Network.IsValid():
		return tr.Match(f.Client)
	case tr.Unverified:
		return tr.Match(f.Client, keys...)
	}
	for _, k := range provenKeys(tr, f) {
		_, domain, _ := strings.Cut(k, "@")
		if tr.Match(f.Client, k) && f.Verified != nil && f.Verified(domain) {
			return true
		}
	}
	return false
}

// provenKeys returns the identities that a trusted entry may be matched by. What the
// reader sees is the author, so that is who must be trusted: a single one, and not one
// for whom DMARC failed. The reverse-path alone, which a bulk sender shares with all
// his customers, makes no more than bulk acceptable.
func provenKeys(tr *tenant.Trusted, f Facts) []string {
	if f.Forged || len(f.Authors) != 1 {
		return nil
	}
	if tr.AcceptOnly {
		return senderKeys(f)
	}
	return senderKeys(Facts{Authors: f.Authors})
}

func trust(tr *tenant.Trusted, d verdict.Disposition) (verdict.Disposition, verdict.Reason) {
	if !tr.AcceptOnly {
		return verdict.None, verdict.Reason{By: verdict.ByTrusted, ID: tr.String(), Note: tr.Note}
	}
	if d == verdict.Spam || d == verdict.Spoof || d == verdict.Bulk {
		return verdict.None, verdict.Reason{By: verdict.ByAccepted, ID: tr.String(), Note: tr.Note}
	}
	return d, verdict.Reason{}
}

// internal reports whether the message comes from the tenant itself, proven.
func internal(t *tenant.Tenant, f Facts) bool {
	for _, k := range senderKeys(f) {
		_, domain, _ := strings.Cut(k, "@")
		if t.Owns(domain) && f.Verified != nil && f.Verified(domain) {
			return true
		}
	}
	return false
}

// maxReasons is how many findings a banner explains: more than three sentences are
// not read.
const maxReasons = 3

// expand fills in the template of a tag or banner.
func expand(template string, p *tenant.Policy, d verdict.Disposition, v *verdict.Verdict) string {
	if !strings.Contains(template, "%") {
		return template
	}
	var reasons []string
	for _, f := range v.Findings {
		reason := plainReason(f.Reason)
		if f.Weight > 0 && reason != "" && len(reasons) < maxReasons && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	said := strings.Join(reasons, " ")
	if said == "" {
		template = strings.ReplaceAll(template, "%REASONS ", "")
	}
	return strings.NewReplacer("%LABELS", cmp.Or(p.Labels[d], d.String()), "%REASONS", said).Replace(template)
}
