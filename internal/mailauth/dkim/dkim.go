// Package dkim verifies and makes DKIM signatures on the raw bytes of a message.
//
// A signing domain publishes a public key in DNS and adds a signature field on top of the
// message that covers the body and the header fields it lists. A valid signature proves
// that the domain took responsibility for exactly those bytes, and nothing about unlisted
// fields or an excluded body tail. The result therefore includes which fields are covered,
// and which are signed once more than they occur so that none can be added.
//
// Standards: RFC 6376 (DKIM), RFC 8301 (algorithms and key sizes), RFC 8463 (Ed25519), RFC
// 8601 (result names), RFC 8616 (internationalized names).
//
// Divergences: a signature whose l= leaves bytes of the body unsigned is "policy" and not
// "pass". A signature over a header section with a bare CR or LF is "policy" as well, since
// other parsers see other fields. rsa-sha1 is refused unverified. t=y of a key is reported
// and does not change the result. g= of old keys is ignored. Of several key records each
// suitable one is tried.
//
// Lines end in CRLF. A message without any CRLF is treated as a file in local form, in
// which LF counts as CRLF; in every other message a bare LF is an ordinary byte.
//
// Limits: a tag list has at most 16 KiB and 64 tags, a key name four records, an RSA key
// 1024 to 8192 bits. Signatures count against the budget of the message.
package dkim

import (
	"context"
	"time"
)

// Result is the result of one signature, as defined in RFC 8601, Section 2.7.1.
type Result string

// The outcomes.
const (
	None      Result = "none"      // no signature
	Pass      Result = "pass"      // verified and acceptable
	Fail      Result = "fail"      // does not verify
	Policy    Result = "policy"    // verifies, but is not acceptable here
	Neutral   Result = "neutral"   // cannot be processed
	TempError Result = "temperror" // may be verified later
	PermError Result = "permerror" // can never be verified
)

// Why is the reason why a signature did not pass.
type Why string

// The reasons. The empty Why goes with Pass.
const (
	WhySyntax     Why = "syntax"            // the tag list or one of its values is malformed
	WhyVersion    Why = "version"           // v= is missing or not 1
	WhyMissing    Why = "missing-tag"       // a required tag is missing
	WhyAlgorithm  Why = "algorithm"         // a= is unknown
	WhyRetired    Why = "algorithm-retired" // a= uses SHA-1
	WhyCanon      Why = "canonicalization"  // c= is unknown
	WhyQuery      Why = "query-method"      // q= does not offer dns/txt
	WhyIdentity   Why = "identity"          // i= is outside d=
	WhyNoFrom     Why = "from-unsigned"     // h= does not name From
	WhyExpired    Why = "expired"           // x= has passed
	WhyBodyHash   Why = "body-hash"         // the body was changed
	WhySignature  Why = "signature"         // a signed field was changed, or the key differs
	WhyLength     Why = "body-length"       // l= leaves bytes unsigned
	WhyTooLong    Why = "length-beyond"     // l= is larger than the body
	WhyLineEnds   Why = "line-ends"         // the header section has a bare CR or LF
	WhyDNS        Why = "dns"               // the key lookup failed
	WhyNoKey      Why = "no-key"            // there is no key record
	WhyKeySyntax  Why = "key-syntax"        // the key record is malformed
	WhyKeyRevoked Why = "key-revoked"       // p= is empty
	WhyKeyType    Why = "key-type"          // k= or h= of the key does not fit a=
	WhyKeyService Why = "key-service"       // s= of the key excludes mail
	WhyKeyShort   Why = "key-short"         // an RSA key below 1024 bits
	WhyKeyLong    Why = "key-long"          // an RSA key above 8192 bits
	WhyBudget     Why = "budget"            // the message exceeded its number of signatures
)

// Resolver looks up keys, with errors as from the standard library's resolver. dns.Session
// is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Canon is a canonicalization algorithm.
type Canon string

// The canonicalizations of RFC 6376, Section 3.4.
const (
	Simple  Canon = "simple"
	Relaxed Canon = "relaxed"
)

// Coverage holds the number of occurrences of a field in the message and in h=.
type Coverage struct {
	Field   string `json:"field"`   // lower case
	Present int    `json:"present"` // occurrences in the message
	Signed  int    `json:"signed"`  // occurrences in h=
}

// Covered reports whether every occurrence of the field is signed.
func (c Coverage) Covered() bool { return c.Signed > 0 && c.Signed >= c.Present }

// Oversigned reports whether the field cannot be added without breaking the signature.
func (c Coverage) Oversigned() bool { return c.Signed > c.Present }

// Signature is one signature and its result. Strings come from the message and may hold any
// printable text.
type Signature struct {
	Result Result `json:"result"`
	Why    Why    `json:"why,omitempty"`
	Detail string `json:"detail,omitempty"` // reason for display

	Domain    string    `json:"domain"`    // d=, in normal form
	Selector  string    `json:"selector"`  // s=
	Identity  string    `json:"identity"`  // i=, or ""
	Algorithm string    `json:"algorithm"` // a=, for example "rsa-sha256"
	Header    Canon     `json:"header"`    // first half of c=
	Body      Canon     `json:"body"`      // second half of c=
	Created   time.Time `json:"created"`   // t=, or zero
	Expires   time.Time `json:"expires"`   // x=, or zero
	Length    int64     `json:"length"`    // l= in bytes, or -1
	Unsigned  int64     `json:"unsigned"`  // canonical bytes of the body after l=
	Fields    int       `json:"fields"`    // header fields that the signature covers

	Coverage []Coverage `json:"coverage"` // of each field in Watched
	Key      Key        `json:"key"`      // zero if no key was found
}

// Verification is the result for all signatures of a message.
type Verification struct {
	Signatures []Signature `json:"signatures"` // top-most first
	Skipped    int         `json:"skipped"`    // signatures beyond the bounds, not listed
	LocalForm  bool        `json:"local_form"` // the message had LF instead of CRLF throughout
	Junk       int         `json:"junk"`       // malformed lines of the header section
}

// Watched lists the fields whose coverage is reported: those that determine what a reader
// sees and where replies go.
func Watched() []string {
	return []string{
		"from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references",
		"mime-version", "content-type", "content-transfer-encoding",
	}
}
