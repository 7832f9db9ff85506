// Package budget bounds what one message may cost and is the only source of such
// limits.
//
// Mail is hostile input: a message of a kilobyte can hold a thousand nested parts,
// and an archive of a megabyte can unpack to a terabyte. Every stage spends from
// the one Budget of its message before it works, and stops when that says no;
// running over budget is a finding, not an outage.
package budget

import (
	"sync/atomic"
	"time"
)

// Resource is one thing that a message spends.
type Resource uint8

// The resources of a message.
const (
	Parts         Resource = iota // MIME parts, in all readings and embedded messages together
	Depth                         // levels of MIME nesting (a high-water mark, not a sum)
	HeaderBytes                   // bytes of header sections, all parts together
	HeaderFields                  // header fields, all parts together
	DecodedBytes                  // bytes that transfer decoding and charset conversion produced
	HTMLNodes                     // HTML tokens looked at
	URLs                          // URLs extracted
	DNSQuestions                  // questions asked on behalf of the message
	Signatures                    // DKIM and ARC signatures verified
	UnpackedBytes                 // bytes unpacked from archives and documents
	numLimits
)

// What readers bound by constants of their own. It is not spent: what is left out of it is
// recorded with Omit.
const (
	Addresses        Resource = numLimits + iota // mailboxes of the header fields of one name
	CalendarEvents                               // entries of a calendar, and what they say
	Quotations                                   // earlier messages below a text
	ReportRecipients                             // recipients that a report is about
	Rules                                        // rules that took too long, broke, or had no time left
	HTMLDetails                                  // style rules, attributes, hidden text, scripts, forms and drawings of HTML
	Text                                         // text of a long body, and texts of further files
	TextMiddle                                   // texts of files and hidden texts between their beginning and their end
	numResources
)

var names = [numResources]string{
	"parts", "depth", "header-bytes", "header-fields", "decoded-bytes", "html-nodes", "urls", "dns-questions",
	"signatures", "unpacked-bytes", "addresses", "calendar-events", "quotations", "report-recipients", "rules", "html-details", "text", "text-middle",
}

// String returns the name of the resource as verdicts show it in "degraded".
func (r Resource) String() string { return names[r] }

// Limits says how much of each resource a message may spend, and for how long its
// inline judgement may take.
type Limits struct {
	Of   [numLimits]int64
	Wall time.Duration // inline judgement, from the last byte received to the verdict
}

// Default returns the limits that hold unless the operator configures others.
func Default() Limits {
	return Limits{
		Of: [numLimits]int64{
			Parts:         1000,      // real mail stays under 200; clients show no more
			Depth:         50,        // forwarded chains reach 20
			HeaderBytes:   1 << 20,   // 256 KiB is usual at MTAs; several parts add up
			HeaderFields:  5000,      // a long Received chain with ARC sets has 200
			DecodedBytes:  128 << 20, // twice the largest message accepted by default
			HTMLNodes:     200_000,   // large newsletters have 20,000
			URLs:          2000,      // newsletters have up to 300
			DNSQuestions:  60,        // SPF may ask 10 terms, several signatures one each, DMARC eight
			Signatures:    30,        // real mail has up to four of DKIM; a chain of n forwarders costs 2n (RFC 8617)
			UnpackedBytes: 256 << 20,
		},
		Wall: 5 * time.Second,
	}
}

// Budget is what is left of the limits for one message. It is safe for concurrent use.
type Budget struct {
	limits Limits
	used   [numLimits]atomic.Int64
	over   [numResources]atomic.Bool
}

// New returns a full budget.
func New(l Limits) *Budget { return &Budget{limits: l} }

// Spend takes n of the resource and reports whether the message could afford it.
// What it could not afford is recorded, and not taken.
func (b *Budget) Spend(r Resource, n int64) bool {
	if b.used[r].Add(n) > b.limits.Of[r] {
		b.used[r].Add(-n)
		b.over[r].Store(true)
		return false
	}
	return true
}

// Reach reports whether level n of the resource is allowed, for resources such as
// Depth that measure a height and not a sum.
func (b *Budget) Reach(r Resource, n int64) bool {
	if n > b.limits.Of[r] {
		b.over[r].Store(true)
		return false
	}
	return true
}

// Omit records that something of the resource was left out.
func (b *Budget) Omit(r Resource) { b.over[r].Store(true) }

// Left returns how much of the resource is left.
func (b *Budget) Left(r Resource) int64 { return b.limits.Of[r] - b.used[r].Load() }

// Limits returns the limits that the budget started with.
func (b *Budget) Limits() Limits { return b.limits }

// Exceeded lists the resources of which the message wanted more than it may have.
func (b *Budget) Exceeded() []Resource {
	var rs []Resource
	for r := range numResources {
		if b.over[r].Load() {
			rs = append(rs, r)
		}
	}
	return rs
}
