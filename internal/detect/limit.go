package detect

import (
	"cmp"
	"slices"

	"outrider/internal/evidence"
	"outrider/internal/mailauth"
	"outrider/internal/verdict"
)

// enoughHard is the evidence of identity or payload, in log-odds, at which the limit on
// proved senders ends.
const enoughHard = 4

// limit avoids quarantine if only the content counts against a proved and known sender:
// correspondents of the tenant may write about passwords and payments. A forged name, a
// link or a file is more than content.
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
	// With less evidence it would be SUSPICIOUS: the policy for SUSPICIOUS is the minimum.
	v.Also = append(also, verdict.Suspicious)
	slices.SortFunc(v.Also, func(a, b verdict.Disposition) int { return cmp.Compare(b, a) })
}

// provedAndKnown reports whether DMARC passed and the address is known from earlier mail.
func provedAndKnown(ev *evidence.Evidence) bool {
	return ev.Auth.DMARC.Result == mailauth.Pass && ev.AuthorProved() && ev.AuthorKnown()
}

// isHard reports whether a finding concerns the sender or payload of the message, not its
// wording.
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
