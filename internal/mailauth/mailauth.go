// Package mailauth finds out who really sent a message: SPF, DKIM and DMARC, and the
// Authentication-Results header in which receivers write down what they found.
//
// SPF asks whether the connecting address may use the envelope's domain; DKIM checks
// a signature that a domain put on header and body; DMARC ties either to the domain
// that the reader sees in From, and publishes what the owner of that domain wants
// done with mail that fails. All three are judged for the true sender: the connecting
// address, or the one that connected to the first trusted gateway before us.
//
// Forwarders break both, and say by ARC what they found before.
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

// Result is the outcome of one method, in the words of RFC 8601, Section 2.7.
type Result string

// The outcomes. The empty Result means that the method was not tried.
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

// Source says where results come from.
type Source string

// The sources of results.
const (
	SourceEdge   Source = "edge"   // computed by Outrider
	SourceHeader Source = "header" // read from the Authentication-Results of the receiving host
	SourceNone   Source = "none"   // not checked
)

// SPF is the outcome of SPF.
type SPF struct {
	Result Result `json:"result"`
	Domain string `json:"domain"`         // domain that was checked
	Helo   bool   `json:"helo"`           // the HELO identity was checked, since the reverse-path is null
	Term   string `json:"term,omitempty"` // of the record, that decided
	Why    string `json:"why,omitempty"`  // of an error; what the domain says about a fail
}

// DKIM is the outcome of one signature.
type DKIM struct {
	Result Result `json:"result"`
	Domain string `json:"domain"`         // d=
	Ident  string `json:"ident"`          // i=, or ""
	Why    string `json:"why,omitempty"`  // why it did not pass
	Keys   int    `json:"keys,omitempty"` // header fields signed

	Selector   string   `json:"selector,omitempty"`
	Algorithm  string   `json:"algorithm,omitempty"`
	Bits       int      `json:"bits,omitempty"`       // of the key
	Testing    bool     `json:"testing,omitempty"`    // the domain says that it only tests
	Unsigned   int64    `json:"unsigned,omitempty"`   // bytes of the body that l= leaves open
	Open       []string `json:"open,omitempty"`       // important fields that the message has and the signature leaves open
	Oversigned []string `json:"oversigned,omitempty"` // fields that cannot be added without breaking the signature
}

// DMARC is the outcome of DMARC.
type DMARC struct {
	Result  Result `json:"result"`
	Domain  string `json:"domain"`  // author domain
	Policy  string `json:"policy"`  // "none", "quarantine", "reject", or "" without a record
	Aligned string `json:"aligned"` // "spf", "dkim", or ""
	Why     string `json:"why,omitempty"`
	Apply   string `json:"apply,omitempty"`    // the policy as the owner wants it applied: lower than Policy while it tests
	Org     string `json:"org,omitempty"`      // organizational domain of the author, where it was needed
	FoundAt string `json:"found_at,omitempty"` // domain whose record applies
	Testing bool   `json:"testing,omitempty"`  // t=y
}

// ARC is the chain of those who forwarded the message.
type ARC struct {
	Result  Result   `json:"result,omitempty"` // of the chain; empty where there is none
	Why     string   `json:"why,omitempty"`
	Sealers []string `json:"sealers,omitempty"` // newest first
	Trusted bool     `json:"trusted,omitempty"` // the newest is one whose word counts
	DMARC   Result   `json:"dmarc,omitempty"`   // what the newest found
}

// Results is everything known about the authentication of one message.
type Results struct {
	Source Source     `json:"source"`
	Host   string     `json:"host,omitempty"` // authserv-id of the host that checked, for SourceHeader
	Client netip.Addr `json:"client"`         // the true sender's address; invalid where unknown
	Hops   int        `json:"hops"`           // how many Received fields look-back went up
	SPF    SPF        `json:"spf"`
	DKIM   []DKIM     `json:"dkim"`
	DMARC  DMARC      `json:"dmarc"`
	ARC    ARC        `json:"arc,omitzero"`

	Authors  []string `json:"authors,omitempty"`  // every domain that some client takes for an author's
	Nameless bool     `json:"nameless,omitempty"` // some author has no readable domain, or there are more than are looked at

	chain *arc.Chain // as it was found, for sealing; nil where there is none, or it was not checked
}

// Vouched reports whether a forwarder that is trusted found that DMARC passed before it
// changed the message.
func (r *Results) Vouched() bool {
	return r.ARC.Result == Pass && r.ARC.Trusted && r.ARC.DMARC == Pass
}

// Disowned reports whether the author's domain disowns the message, and no trusted
// forwarder says that it was in order before.
func (r *Results) Disowned() bool { return r.DMARC.Result == Fail && !r.Vouched() }

// AlignedPass reports whether SPF, DKIM or DMARC passed for the organization of the
// domain. DMARC pass counts only for the author domain that it was found for. An author
// domain is proved only where every other one is, so that writing several gains nothing
// authors, or one that clients read differently.
func (r *Results) AlignedPass(domain string) bool {
	if domain == "" || !r.proves(domain) {
		return false
	}
	return !slices.Contains(r.Authors, domain) || r.AuthorsAligned()
}

// AuthorsAligned reports whether the message has authors, and every one of their domains
// is proved.
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

// proves reports whether something passed for the organization of the domain.
func (r *Results) proves(domain string) bool {
	if r.DMARC.Result == Pass && address.SameOrganization(r.DMARC.Domain, domain) {
		return true
	}
	if r.SPF.Result == Pass && !r.SPF.Helo && address.SameOrganization(r.SPF.Domain, domain) {
		return true
	}
	return r.DKIMPass(domain)
}

// authors takes the authors of the message.
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

// Degraded names the methods that could not be finished and may have another outcome
// later.
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

// domainOf returns the domain of an address or the whole string where it has no "@".
func domainOf(addr string) string {
	if i := strings.LastIndexByte(addr, '@'); i >= 0 {
		return addr[i+1:]
	}
	return addr
}
