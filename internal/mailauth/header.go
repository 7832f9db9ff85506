package mailauth

import (
	"net/netip"
	"slices"
	"strings"

	"outrider/internal/mailauth/authres"
	"outrider/internal/message"
)

// FromHeader returns the results by the receiving host of m: those of the top-most
// Authentication-Results, or of the top-most run of them with one name, and never of a
// lower one, which a sender could have written. hosts lists the trusted names; an empty
// list trusts the top-most one.
func FromHeader(m *message.Message, hosts []string) Results {
	out := Results{Source: SourceNone}
	out.authors(m)
	for i, value := range m.Header().All("Authentication-Results") {
		field := authres.Parse(value)
		if field.Cut {
			break // the rest may contain a result that counts
		}
		host := strings.ToLower(field.Host)
		if i == 0 {
			if len(hosts) > 0 && !slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
				break
			}
			out.Source, out.Host = SourceHeader, host
		} else if host == "" || !strings.EqualFold(host, out.Host) {
			// RFC 8601, Section 5: only an unbroken run from the same trusted host counts.
			break
		}
		for j := range field.Results {
			out.add(&field.Results[j])
		}
	}
	if out.Source == SourceHeader {
		out.complete()
	}
	return out
}

// add takes one result. The first of a method counts; for DMARC a fail counts, because a
// receiver writes one result for each author domain.
func (r *Results) add(res *authres.Result) {
	switch res.Method {
	case "spf":
		if r.SPF.Result == "" {
			r.addSPF(res)
		}
	case "dkim":
		ident := res.Prop("header.i")
		d := DKIM{Result: result(res.Value), Domain: normal(res.Prop("header.d")), Ident: ident, Why: res.Reason, Selector: res.Prop("header.s")}
		if d.Domain == "" {
			d.Domain = normal(domainOf(ident))
		}
		r.DKIM = append(r.DKIM, d)
	case "dmarc":
		if v := result(res.Value); r.DMARC.Result == "" || v == Fail {
			policy := policyOf(res, v)
			r.DMARC = DMARC{Result: v, Domain: normal(res.Prop("header.from")), Policy: policy, Apply: appliedOf(res, policy), Why: res.Reason}
		}
	}
}

func (r *Results) addSPF(res *authres.Result) {
	from := res.Prop("smtp.mailfrom", "smtp.mail")
	r.SPF = SPF{Result: result(res.Value), Domain: normal(domainOf(from)), Why: res.Reason}
	if from == "" {
		r.SPF.Helo, r.SPF.Domain = true, normal(res.Prop("smtp.helo"))
	}
	if _, after, ok := strings.Cut(strings.ToLower(res.Comment), "sender ip is "); ok {
		addr, _, _ := strings.Cut(after, " ")
		if ip, err := netip.ParseAddr(addr); err == nil {
			r.Client = ip.Unmap()
		}
	}
}

// result maps the spellings in use to those of RFC 8601. An unknown word counts as an error
// of the host that wrote it.
func result(v string) Result {
	switch r := Result(v); r {
	case None, Pass, Fail, SoftFail, Neutral, Policy, TempError, PermError:
		return r
	case "hardfail":
		return Fail
	case "bestguesspass":
		return None // a provider's guess for a domain without a policy
	default:
		return PermError
	}
}

// policyOf returns the policy that a receiver writes beside a DMARC result, or "".
func policyOf(res *authres.Result, v Result) string {
	for _, p := range []string{res.Prop("policy.published-domain-policy"), res.Tag("p"), res.Tag("policy")} {
		switch p = strings.ToLower(p); p {
		case "reject", "quarantine", "none":
			return p
		}
	}
	// Two large receivers write their action instead of the policy; either implies the
	// policy.
	if v == Fail {
		switch strings.ToLower(res.Tag("action")) {
		case "oreject", "reject":
			return "reject"
		case "quarantine":
			return "quarantine"
		}
	}
	return ""
}

// appliedOf returns the receiver's action if its comment names a milder one than the policy
// ("p=REJECT dis=NONE"), or "". OpenDMARC and large receivers write it for a policy in
// testing, and for mail that they treat as forwarded. It never raises the policy.
func appliedOf(res *authres.Result, policy string) string {
	severity := []string{"none", "quarantine", "reject"}
	dis := slices.Index(severity, strings.ToLower(res.Tag("dis")))
	if dis < 0 || dis >= slices.Index(severity, policy) {
		return ""
	}
	return severity[dis]
}

// complete derives the remaining fields. A receiver that checked one author of several, or
// an author that readers do not see, proved nothing: an added author must not help the
// sender.
func (r *Results) complete() {
	if r.DMARC.Domain == "" && len(r.Authors) == 1 {
		r.DMARC.Domain = r.Authors[0]
	}
	if r.DMARC.Result != Pass {
		return
	}
	if r.Nameless || !r.AuthorsAligned() {
		r.DMARC.Result, r.DMARC.Why = None, "the receiver found this for "+r.DMARC.Domain+", and From shows other authors"
		return
	}
	r.DMARC.Aligned = r.alignedBy()
}

func (r *Results) alignedBy() string {
	if r.DKIMPass(r.DMARC.Domain) {
		return "dkim"
	}
	return "spf"
}

// Header returns the value of the Authentication-Results field that host writes. Values
// that a sender controls are reduced to characters that need no quoting.
func (r *Results) Header(host string) string {
	var b strings.Builder
	b.WriteString(token(host))
	wrote := false
	write := func(parts ...string) {
		wrote = true
		b.WriteString("; ")
		for i, p := range parts {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(p)
		}
	}
	if r.SPF.Result != "" {
		prop := "smtp.mailfrom="
		if r.SPF.Helo {
			prop = "smtp.helo="
		}
		write("spf="+string(r.SPF.Result), prop+token(r.SPF.Domain))
	}
	for _, d := range r.DKIM {
		write("dkim="+string(d.Result), "header.d="+token(d.Domain))
	}
	if r.DMARC.Result != "" {
		parts := []string{"dmarc=" + string(r.DMARC.Result), "header.from=" + token(r.DMARC.Domain)}
		if r.DMARC.Policy != "" {
			parts = append(parts, "policy.published-domain-policy="+token(r.DMARC.Policy))
		}
		write(parts...)
	}
	if r.ARC.Result == Pass || r.ARC.Result == Fail {
		write("arc=" + string(r.ARC.Result)) // RFC 8617, Section 7.1
	}
	if !wrote {
		b.WriteString("; none")
	}
	return b.String()
}

// token keeps the characters of a domain name, so that no value can end its result.
func token(s string) string {
	s = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".-_:", c) {
			return c
		}
		return -1
	}, s)
	if s == "" {
		return "unknown"
	}
	return s[:min(len(s), 255)]
}
