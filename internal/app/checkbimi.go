package app

import (
	"context"
	"time"

	"outrider/internal/dns"
	"outrider/internal/egress"
	"outrider/internal/mailauth/bimi"
	"outrider/internal/mailauth/dmarc"
)

// logoPatience bounds the fetching of one logo.
const logoPatience = 10 * time.Second

// logos returns what looks for the logos of domains, and fetches them.
func logos(s *dns.Session, private bool) *bimi.Checker {
	return bimi.New(bimi.Config{Resolver: s, Fetcher: egress.New(egress.Config{Resolver: s, AllowPrivate: private, Timeout: logoPatience})})
}

// logo looks for the logo that a domain wants shown beside its mail.
func (k *checker) logo(s *dns.Session, found *bimi.Checker, domain string) {
	what := "BIMI of " + domain
	res := found.Check(k.c.ctx, domain, bimi.DefaultSelector)
	switch advice, good := adviseLogo(&res, enforced(k.c.ctx, s, domain)); {
	case good:
		k.ok(what, "%s", clip(describeLogo(&res), 120))
	default:
		k.warn(what, advice, "%s", clip(describeLogo(&res), 120))
	}
}

// enforced reports whether receivers refuse mail of a domain that fails DMARC, also below it.
func enforced(ctx context.Context, s *dns.Session, domain string) bool {
	e := dmarc.Evaluator{Resolver: s}
	o := e.Evaluate(ctx, dmarc.Input{Authors: []string{domain}})
	return bimi.Eligible(true, &o.Outcome)
}

// describeLogo says what a domain publishes, or why nothing is shown.
func describeLogo(res *bimi.Result) string {
	switch res.Status {
	case bimi.None:
		return "no record: mail programs show no logo"
	case bimi.Declined:
		return "the domain takes no part"
	case bimi.Pass:
		if res.Record.Authority != "" {
			return "logo " + res.Record.Location + ", evidence " + res.Record.Authority
		}
		return "logo " + res.Record.Location
	default:
		return res.Why
	}
}

// adviseLogo returns what to do about a record, or reports that it is good. A logo is no
// duty: a domain without one is told so and not warned.
func adviseLogo(res *bimi.Result, enforced bool) (advice string, good bool) {
	switch res.Status {
	case bimi.None, bimi.Declined:
		return "", true
	case bimi.TempError:
		return "The answer is unknown; try again.", false
	case bimi.Pass, bimi.Skipped:
	default:
		return "No logo is shown: correct the record, or the file that it names (SVG Tiny PS, at most 32 KiB).", false
	}
	switch {
	case !enforced:
		return "No logo is shown until DMARC has p=quarantine or p=reject, for subdomains too, and no t=y.", false
	case res.Record.Authority == "":
		return "Large mailbox providers show only logos that a mark certificate proves: name it in a=.", false
	}
	return "", true
}
