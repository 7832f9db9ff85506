package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// brandImpersonation finds a brand in the display name or the domain of a sender whose
// domain does not belong to the brand. A brand only in the subject counts half, since
// honest mail mentions brands; replies and lists pass.
func brandImpersonation() Signal {
	return Signal{
		ID: "brand-impersonation", Name: "Brand used by a stranger", Class: verdict.ClassPhish, Weight: 3.5, Since: "0.1",
		Why: "The message speaks as %s, but was sent by %s.",
		Find: func(e *evidence.Evidence) []Match {
			a := e.Author()
			if a.Domain == "" || throughList(e) && e.ListHostProved() {
				return nil
			}
			if e.IsReport() && isSystem(a.Local) {
				return nil // mail systems put the name of their vendor into reports
			}
			if b := brandIn(a.Name, a.Domain); b != "" {
				return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: a.Name + " <" + a.Address() + ">", Args: []any{b, a.Address()}})
			}
			local, _, _ := strings.Cut(a.Local, "+") // people tag their own addresses
			if b := brandIn(strings.NewReplacer(".", " ", "-", " ").Replace(local+" "+a.Domain), a.Domain); b != "" && !isFreemail(a.Domain) {
				return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: a.Address(), Args: []any{b, a.Address()}, Times: 0.8})
			}
			if b := brandIn(e.Subject(), a.Domain); b != "" && !e.IsReply() && !e.Message.Header().Has("In-Reply-To") {
				return one(Match{Portion: verdict.PortionHeader, Field: "Subject", Value: e.Subject(), Args: []any{b, a.Address()}, Times: 0.4})
			}
			return nil
		},
	}
}

// isSystem reports whether a local part is one that mail systems use for reports.
func isSystem(local string) bool {
	local = strings.ToLower(local)
	return local == "postmaster" || strings.HasPrefix(local, "mailer-daemon") || strings.HasPrefix(local, "microsoftexchange")
}

// brandIn returns the name of a brand in text that the domain does not belong to, or "". It
// also resolves spaced letters and look-alikes.
func brandIn(text, domain string) string {
	if b := foreignBrand(text, domain); b != nil {
		return b.name
	}
	return ""
}

// plainLookalikes joins spaced letters ("P a y P a l") and replaces characters beyond ASCII
// by the letters they resemble.
func plainLookalikes(s string) string {
	s = observable.ASCIILookalikes(s)
	fields := strings.Fields(s)
	single := 0
	for _, f := range fields {
		if len(f) == 1 {
			single++
		}
	}
	if single >= 4 {
		return strings.Join(fields, "")
	}
	return s
}
