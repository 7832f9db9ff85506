package mailauth

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/authres"

	"outrider/internal/message"
)

// Bounds on foreign headers.
const (
	maxHeader  = 16 << 10 // bytes of one Authentication-Results value that are read
	maxResults = 50       // results read from it
)

// FromHeader returns the results that the receiving host of m wrote: those of the
// top-most Authentication-Results, or of the top-most run of them with one name, and
// never of a lower one, which a sender could have written. hosts lists the names that
// are believed; an empty list believes whoever stands on top.
func FromHeader(m *message.Message, hosts []string) Results {
	out := Results{Source: SourceNone}
	for i, value := range m.Header().All("Authentication-Results") {
		if len(value) > maxHeader {
			break
		}
		host, results := parseResults(value)
		if i == 0 {
			if len(hosts) > 0 && !slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
				break
			}
			out.Source, out.Host = SourceHeader, host
		} else if host == "" || !strings.EqualFold(host, out.Host) {
			// RFC 8601, Section 5: only an unbroken run from the same trusted host counts.
			break
		}
		for _, r := range results[:min(len(results), maxResults)] {
			out.add(r)
		}
	}
	if out.Source == SourceHeader {
		out.complete(m)
	}
	return out
}

// parseResults reads one header value. Large providers leave out the authserv-id; the
// name is "" then.
func parseResults(value string) (host string, results []authres.Result) {
	first, _, _ := strings.Cut(value, ";")
	first = stripComments(first)
	if strings.Contains(first, "=") {
		value = "none; " + value
	} else if fields := strings.Fields(first); len(fields) > 0 {
		host = strings.ToLower(fields[0])
	}
	_, results, err := authres.Parse(value)
	if err != nil {
		results = parseEach(value)
	}
	return host, results
}

// parseEach reads what it can of a value in which some result is malformed.
func parseEach(value string) []authres.Result {
	var out []authres.Result
	_, rest, _ := strings.Cut(value, ";")
	for part := range strings.SplitSeq(rest, ";") {
		if _, rs, err := authres.Parse("none; " + strings.TrimSpace(part)); err == nil {
			out = append(out, rs...)
		}
	}
	return out
}

func stripComments(s string) string {
	var b strings.Builder
	depth := 0
	for _, c := range s {
		switch {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func (r *Results) add(res authres.Result) {
	switch v := res.(type) {
	case *authres.SPFResult:
		if r.SPF.Result == "" {
			from := v.From
			r.SPF = SPF{Result: result(v.Value), Domain: normal(domainOf(from)), Why: v.Reason}
			if from == "" {
				r.SPF.Helo, r.SPF.Domain = true, normal(v.Helo)
			}
		}
	case *authres.DKIMResult:
		d := DKIM{Result: result(v.Value), Domain: normal(v.Domain), Ident: v.Identifier, Why: v.Reason}
		if d.Domain == "" {
			d.Domain = normal(domainOf(v.Identifier))
		}
		r.DKIM = append(r.DKIM, d)
	case *authres.DMARCResult:
		if r.DMARC.Result == "" {
			r.DMARC = DMARC{Result: result(v.Value), Domain: normal(v.From), Why: v.Reason}
		}
	}
}

// result maps the spellings in use to those of RFC 8601. A word that is no result
// counts as an error of the host that wrote it.
func result(v authres.ResultValue) Result {
	switch r := Result(strings.ToLower(string(v))); r {
	case None, Pass, Fail, SoftFail, Neutral, Policy, TempError, PermError:
		return r
	case "hardfail":
		return Fail
	case "bestguesspass":
		return None // a provider's guess where the domain published nothing
	default:
		return PermError
	}
}

// complete fills in what such headers put into comments and other fields.
func (r *Results) complete(m *message.Message) {
	if r.DMARC.Domain == "" {
		r.DMARC.Domain = authorDomain(m)
	}
	value := m.Header().Get("Authentication-Results")
	lower := strings.ToLower(value)
	for _, p := range []string{"reject", "quarantine", "none"} {
		if r.DMARC.Policy == "" && (strings.Contains(lower, "p="+p) || strings.Contains(lower, "policy="+p)) {
			r.DMARC.Policy = p
		}
	}
	// Two large receivers name their action and not the policy; either implies the policy.
	if r.DMARC.Policy == "" && r.DMARC.Result == Fail {
		switch {
		case strings.Contains(lower, "action=oreject"), strings.Contains(lower, "action=reject"):
			r.DMARC.Policy = "reject"
		case strings.Contains(lower, "action=quarantine"):
			r.DMARC.Policy = "quarantine"
		}
	}
	if _, after, ok := strings.Cut(lower, "sender ip is "); ok {
		addr, _, _ := strings.Cut(after, ")")
		if ip, err := netip.ParseAddr(strings.TrimSpace(addr)); err == nil {
			r.Client = ip.Unmap()
		}
	}
	if r.DMARC.Result == Pass {
		r.DMARC.Aligned = r.alignedBy()
	}
}

func (r *Results) alignedBy() string {
	if r.DKIMPass(r.DMARC.Domain) {
		return "dkim"
	}
	return "spf"
}

// Header returns the value of the Authentication-Results field that host writes.
// Characters that a sender controls are reduced to those that need no quoting.
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

// token keeps the characters of a domain name, so that no value can end the result
// that it stands in.
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
