package detect

import (
	"cmp"
	"slices"

	"outrider/internal/evidence"
	"outrider/internal/mailauth"
	"outrider/internal/verdict"
)

// enoughHard is the evidence of identity or payload, in log-odds, from which the limit
// on proved senders no longer holds.
const enoughHard = 4

// limit holds back quarantine where only the content speaks against a sender who is
// proved and known: people with whom the tenant corresponds may write about passwords
// and payments. A forged name, a link or a file is more than content.
func limit(ev *evidence.Evidence, v *verdict.Verdict) {
	if v.Disposition <= verdict.Suspicious || !provedAndKnown(ev) {
		return
	}
	hard := 0.0
	for _, f := range v.Findings {
		if f.Weight > 0 && isHard(&f) {
			hard += f.Weight
		}
	}
	also := slices.DeleteFunc(v.Also, func(d verdict.Disposition) bool { return d == verdict.Suspicious })
	if hard < enoughHard {
		v.Also = slices.DeleteFunc(also, func(d verdict.Disposition) bool { return d > verdict.Suspicious })
		v.Disposition = verdict.Suspicious
		return
	}
	// It would be SUSPICIOUS with less evidence: what the policy does about that is the least.
	v.Also = append(also, verdict.Suspicious)
	slices.SortFunc(v.Also, func(a, b verdict.Disposition) int { return cmp.Compare(b, a) })
}

// provedAndKnown reports whether DMARC passed and the address is known by its mail.
func provedAndKnown(ev *evidence.Evidence) bool {
	return ev.Auth.DMARC.Result == mailauth.Pass && ev.AuthorProved() && ev.AuthorKnown()
}

// isHard reports whether a finding is about who sent the message or what it carries,
// and not about what it says.
func isHard(f *verdict.Finding) bool {
	switch f.Portion {
	case verdict.PortionAttachment, verdict.PortionLink, verdict.PortionEnvelope, verdict.PortionStructure:
		return f.Class != verdict.ClassBulk && f.Class != verdict.ClassSpam
	case verdict.PortionHeader:
		return f.Field != "Subject" && f.Class != verdict.ClassBulk && f.Class != verdict.ClassSpam
	case verdict.PortionBody:
	}
	return false
}
