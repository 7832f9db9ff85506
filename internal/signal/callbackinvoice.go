package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// callbackInvoice finds fake invoices that ask for a call: an amount, a subscription, and a
// telephone number, but no link to the sender's own site. Receipts of shops have such a
// link and pass. Attached texts and documents are judged like the body.
func callbackInvoice() Signal {
	return Signal{
		ID: "callback-invoice", Name: "Invoice that wants a call", Class: verdict.ClassPhish, Weight: 5, Since: "0.1",
		Why: "The message speaks of a charge and wants you to call %s.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReply() || e.IsReport() || linksToAuthor(e) {
				return nil
			}
			var best Match
			for _, t := range e.Texts() {
				if m := callback(e, t); m.Times > best.Times {
					best = m
				}
			}
			if best.Times == 0 {
				return nil
			}
			return one(best)
		},
	}
}

// callback judges one text. The number may be in a tel: link instead.
func callback(e *evidence.Evidence, t *evidence.Text) Match {
	times := worded(t.Phrases(lists().phrases)[int(topicCallback)], 2.5, 5) * share(t)
	if times <= 0 {
		return Match{}
	}
	phone := dialled(e, t)
	if phone == "" {
		return Match{}
	}
	if isFreemail(e.Author().Domain) {
		times *= 1.3
	}
	return Match{Portion: t.Portion, Field: t.Field, Value: phone, Args: []any{phone + where(t)}, Times: times}
}

// dialled returns the first telephone number in a text or its links, or "".
func dialled(e *evidence.Evidence, t *evidence.Text) string {
	if phones := t.Phones(); len(phones) > 0 {
		return phones[0]
	}
	if t.Portion != verdict.PortionBody {
		return ""
	}
	for _, p := range e.Pages() {
		for _, l := range p.Document.Links() {
			if u, ok := observable.ParseURL(l.URL); ok {
				if number, ok := observable.DialedNumber(&u); ok {
					return number
				}
			}
		}
	}
	return ""
}

// linksToAuthor reports whether a link leads to the author's own organization.
func linksToAuthor(e *evidence.Evidence) bool {
	d := e.Author().Domain
	if d == "" || isFreemail(d) {
		return false
	}
	for _, u := range e.Links() {
		if observable.Brand(u.Host) == observable.Brand(d) {
			return true
		}
	}
	return false
}
