// Package mailauth authenticates the sender of a message by SPF, DKIM and DMARC, and parses
// the Authentication-Results header in which receivers record their results.
//
// SPF checks whether the connecting address may use the envelope's domain; DKIM verifies a
// domain's signature on header and body; DMARC ties either to the visible domain in From,
// and publishes the domain owner's policy for mail that fails. All three are checked for
// the true sender: the connecting address, or the one that connected to the first trusted
// gateway before us.
//
// Forwarders break both, and record their earlier results by ARC.
//
// Standards: RFC 7208 (SPF), RFC 6376, 8301 and 8463 (DKIM), RFC 8617 (ARC), RFC 9989
// (DMARC), RFC 8601 (Authentication-Results).
package mailauth

import (
	"net/netip"
	"slices"
	"strings"

	"outrider/internal/address"
	"outrider/internal/mailauth/arc"
	"outrider/internal/message"
)

// Result is the result of one method, as in RFC 8601, Section 2.7.
type Result string

// The results. The empty Result means that the method was not tried.
const (
	None      Result = "none"
	Pass      Result = "pass"
	Fail      Result = "fail"
	SoftFail  Result = "softfail"
	Neutral   Result = "neutral"
	Policy    Result = "policy"
	TempError Result = "temperror"
	PermError Result = "permerror"
)

// Source is the origin of results.
type Source string

// The sources of results.
const (
	SourceEdge   Source = "edge"   // computed by Outrider
	SourceHeader Source = "header" // read from the Authentication-Results of the receiving host
	SourceNone   Source = "none"   // not checked
)

// SPF is the result of SPF.
type SPF struct {
	Result Result `json:"result"`
	Domain string `json:"domain"`         // domain that was checked
	Helo   bool   `json:"helo"`           // the HELO identity was checked, because the reverse-path is null
	Term   string `json:"term,omitempty"` // the deciding term of the record
	Why    string `json:"why,omitempty"`  // reason of an error; the domain's explanation of a fail
}

// DKIM is the result of one signature.
type DKIM struct {
	Result Result `json:"result"`
	Domain string `json:"domain"`         // d=
	Ident  string `json:"ident"`          // i=, or ""
	Why    string `json:"why,omitempty"`  // why it did not pass
	Keys   int    `json:"keys,omitempty"` // header fields signed

	Selector   string   `json:"selector,omitempty"`
	Algorithm  string   `json:"algorithm,omitempty"`
	Bits       int      `json:"bits,omitempty"`       // of the key
	Testing    bool     `json:"testing,omitempty"`    // the domain is only testing
	Unsigned   int64    `json:"unsigned,omitempty"`   // bytes of the body that l= leaves unsigned
	Open       []string `json:"open,omitempty"`       // important fields of the message that are unsigned
	Oversigned []string `json:"oversigned,omitempty"` // fields that cannot be added without breaking the signature
}

// DMARC is the result of DMARC.
type DMARC struct {
	Result  Result `json:"result"`
	Domain  string `json:"domain"`  // author domain
	Policy  string `json:"policy"`  // "none", "quarantine", "reject", or "" without a record
	Aligned string `json:"aligned"` // "spf", "dkim", or ""
	Why     string `json:"why,omitempty"`
	Apply   string `json:"apply,omitempty"`    // the policy to apply: milder than Policy in testing mode
	Org     string `json:"org,omitempty"`      // organizational domain of the author, if needed
	FoundAt string `json:"found_at,omitempty"` // domain whose record applies
	Testing bool   `json:"testing,omitempty"`  // t=y
}

// ARC is the chain of forwarders of the message.
type ARC struct {
	Result  Result   `json:"result,omitempty"` // of the chain; empty without one
	Why     string   `json:"why,omitempty"`
	Sealers []string `json:"sealers,omitempty"` // newest first
	Trusted bool     `json:"trusted,omitempty"` // the newest sealer is trusted
	DMARC   Result   `json:"dmarc,omitempty"`   // DMARC result of the newest sealer
}

// Results holds all authentication results of one message.
type Results struct {
	Source Source     `json:"source"`
	Host   string     `json:"host,omitempty"` // authserv-id of the checking host, for SourceHeader
	Client netip.Addr `json:"client"`         // the true sender's address; invalid if unknown
	Hops   int        `json:"hops"`           // number of Received fields that look-back passed
	SPF    SPF        `json:"spf"`
	DKIM   []DKIM     `json:"dkim"`
	DMARC  DMARC      `json:"dmarc"`
	ARC    ARC        `json:"arc,omitzero"`

	Authors  []string `json:"authors,omitempty"`  // every domain that any client reads as an author's
	Nameless bool     `json:"nameless,omitempty"` // an author lacks a readable domain, or there are more authors than the limit

	chain *arc.Chain // as validated, for sealing; nil if missing, or not checked
}

// Vouched reports whether a trusted forwarder recorded a DMARC pass before it changed the
// message.
func (r *Results) Vouched() bool {
	return r.ARC.Result == Pass && r.ARC.Trusted && r.ARC.DMARC == Pass
}

// Disowned reports whether DMARC failed with a policy against the message, and no trusted
// forwarder recorded an earlier pass.
func (r *Results) Disowned() bool { return r.DMARC.Result == Fail && !r.Vouched() }

// AlignedPass reports whether SPF, DKIM or DMARC passed for the organization of the domain.
// A DMARC pass counts only for its author domain. An author domain is proved only if every
// other one is, so that extra authors, or ambiguous ones, do not help a sender.
func (r *Results) AlignedPass(domain string) bool {
	if domain == "" || !r.proves(domain) {
		return false
	}
	return !slices.Contains(r.Authors, domain) || r.AuthorsAligned()
}

// AuthorsAligned reports whether the message has authors, and every one of their domains is
// proved.
func (r *Results) AuthorsAligned() bool {
	if r.Nameless || len(r.Authors) == 0 {
		return false
	}
	for _, d := range r.Authors {
		if !r.proves(d) {
			return false
		}
	}
	return true
}

// proves reports whether a method passed for the organization of the domain.
func (r *Results) proves(domain string) bool {
	if r.DMARC.Result == Pass && address.SameOrganization(r.DMARC.Domain, domain) {
		return true
	}
	if r.SPF.Result == Pass && !r.SPF.Helo && address.SameOrganization(r.SPF.Domain, domain) {
		return true
	}
	return r.DKIMPass(domain)
}

// authors collects the authors of the message.
func (r *Results) authors(m *message.Message) {
	a := m.Authors()
	r.Authors, r.Nameless = a.Domains, a.Nameless || a.More
}

// DKIMPass reports whether a signature of the organization of the domain passed.
func (r *Results) DKIMPass(domain string) bool {
	for _, d := range r.DKIM {
		if d.Result == Pass && address.SameOrganization(d.Domain, domain) {
			return true
		}
	}
	return false
}

// Degraded names the methods that did not finish and may have another result later.
func (r *Results) Degraded() []string {
	var out []string
	if r.SPF.Result == TempError {
		out = append(out, "spf")
	}
	for _, d := range r.DKIM {
		if d.Result == TempError {
			out = append(out, "dkim")
			break
		}
	}
	if r.DMARC.Result == TempError {
		out = append(out, "dmarc")
	}
	return out
}

func normal(domain string) string {
	if d, err := address.Domain(domain); err == nil {
		return d
	}
	return strings.ToLower(domain)
}

// domainOf returns the domain of an address, or the whole string without an "@".
func domainOf(addr string) string {
	if i := strings.LastIndexByte(addr, '@'); i >= 0 {
		return addr[i+1:]
	}
	return addr
}
