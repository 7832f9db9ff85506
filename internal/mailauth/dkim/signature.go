package dkim

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"outrider/internal/address"
)

// RSA and Ed25519 are the allowed algorithms.
const (
	RSASHA256     = "rsa-sha256"
	Ed25519SHA256 = "ed25519-sha256"
)

// Params holds the tags of a signature field: a DKIM-Signature or an ARC-Message-Signature.
type Params struct {
	Tags      Tags
	Algorithm string
	Domain    string // d= in normal form
	Selector  string
	Header    Canon
	Body      Canon
	Names     []string // h= in lower case
	BodyHash  []byte
	Value     []byte // b=
	Length    int64  // l=, or -1
	Created   time.Time
	Expires   time.Time

	field Field
	agent string // domain of i= of a DKIM-Signature, or ""; in ARC, i= is the instance
}

// ParseParams parses the common tags of all signatures over a message. The error is an
// *Error; Params holds the tags before it.
func ParseParams(f Field) (Params, error) {
	p := Params{Header: Simple, Body: Simple, Length: whole, field: f}
	tags, err := ParseTags(f.Value())
	if err != nil {
		return p, failure(PermError, WhySyntax, "reading signature: %w", err)
	}
	p.Tags = tags
	p.readNames()
	for _, step := range []func() *Error{p.readSigner, p.readCanon, p.readHashes, p.readNumbers} {
		if e := step(); e != nil {
			return p, e
		}
	}
	return p, nil
}

// ParseSeal parses the tags of an ARC-Seal, which signs no body and lists no fields.
func ParseSeal(f Field) (Params, error) {
	p := Params{Header: Relaxed, Length: whole, field: f}
	tags, err := ParseTags(f.Value())
	if err != nil {
		return p, failure(PermError, WhySyntax, "reading seal: %w", err)
	}
	p.Tags = tags
	if e := p.readSigner(); e != nil {
		return p, e
	}
	var e *Error
	if p.Value, e = p.bytes("b"); e != nil {
		return p, e
	}
	if e := p.readNumbers(); e != nil {
		return p, e
	}
	return p, nil
}

// readSigner parses a=, d= and s=.
func (p *Params) readSigner() *Error {
	p.Algorithm, _ = p.Tags.Get("a")
	p.Selector, _ = p.Tags.Get("s")
	d, _ := p.Tags.Get("d")
	if p.Algorithm == "" || p.Selector == "" || d == "" {
		return failure(PermError, WhyMissing, "a=, d= or s= is missing")
	}
	var err error
	if p.Domain, err = address.Domain(d); err != nil {
		return failure(PermError, WhySyntax, "reading d=: %w", err)
	}
	if p.Selector, err = address.Domain(p.Selector); err != nil {
		return failure(PermError, WhySyntax, "reading s=: %w", err)
	}
	switch p.Algorithm {
	case RSASHA256, Ed25519SHA256:
		return nil
	case "rsa-sha1":
		// RFC 8301, Section 3.1: rsa-sha1 must not be used for verifying.
		return failure(PermError, WhyRetired, "a=rsa-sha1 proves nothing")
	default:
		return failure(PermError, WhyAlgorithm, "a=%.40q is unknown", p.Algorithm)
	}
}

// readCanon parses c=. RFC 6376, Section 3.5: both halves default to "simple".
func (p *Params) readCanon() *Error {
	c, ok := p.Tags.Get("c")
	if !ok {
		return nil
	}
	header, body, both := strings.Cut(c, "/")
	p.Header = Canon(strings.ToLower(header))
	if both {
		p.Body = Canon(strings.ToLower(body))
	}
	if !p.Header.known() || !p.Body.known() {
		p.Header, p.Body = Simple, Simple
		return failure(PermError, WhyCanon, "c=%.40q is unknown", c)
	}
	return nil
}

func (c Canon) known() bool { return c == Simple || c == Relaxed }

// readNames parses h=.
func (p *Params) readNames() {
	for _, n := range colonList(p.Tags, "h") {
		if n != "" {
			p.Names = append(p.Names, n)
		}
	}
}

func (p *Params) readHashes() *Error {
	if _, ok := p.Tags.Get("h"); !ok {
		return failure(PermError, WhyMissing, "h= is missing")
	}
	var e *Error
	if p.BodyHash, e = p.bytes("bh"); e != nil {
		return e
	}
	p.Value, e = p.bytes("b")
	return e
}

// bytes decodes a tag in base64.
func (p *Params) bytes(name string) ([]byte, *Error) {
	v, _ := p.Tags.Get(name)
	if v == "" {
		return nil, failure(PermError, WhyMissing, "%s= is missing", name)
	}
	out, err := base64.StdEncoding.DecodeString(dropSpace(v))
	if err != nil {
		return nil, failure(PermError, WhySyntax, "decoding %s=: %w", name, err)
	}
	return out, nil
}

// readNumbers parses t=, x= and l=.
func (p *Params) readNumbers() *Error {
	t, ok1 := p.number("t", 12)
	x, ok2 := p.number("x", 12)
	l, ok3 := p.number("l", 18)
	if !ok1 || !ok2 || !ok3 {
		return failure(PermError, WhySyntax, "t=, x= or l= is no number")
	}
	p.Length = l
	if t >= 0 {
		p.Created = time.Unix(t, 0).UTC()
	}
	if x >= 0 {
		p.Expires = time.Unix(x, 0).UTC()
	}
	// RFC 6376, Section 3.5: x= must be greater than t= if both are present.
	if t >= 0 && x >= 0 && x <= t {
		return failure(PermError, WhySyntax, "x= is not after t=")
	}
	return nil
}

// number parses a tag with at most that many digits; -1 if missing. RFC 6376, Section 3.5:
// timestamps have up to 12 digits; larger values are infinite.
func (p *Params) number(name string, digits int) (int64, bool) {
	v, ok := p.Tags.Get(name)
	if !ok {
		return -1, true
	}
	if v == "" || strings.Trim(v, "0123456789") != "" {
		return -1, false
	}
	v = strings.TrimLeft(v, "0")
	if len(v) > digits {
		v = strings.Repeat("9", digits)
	}
	n, err := strconv.ParseInt("0"+v, 10, 64)
	return n, err == nil
}

// checkDKIM checks the requirements specific to DKIM-Signature.
func (p *Params) checkDKIM(now time.Time) *Error {
	// RFC 6376, Section 6.1.1: a signature without v=1 must be ignored.
	if v, _ := p.Tags.Get("v"); v != "1" {
		return failure(PermError, WhyVersion, "v=%.10q is unknown", v)
	}
	if !slices.Contains(p.Names, "from") {
		return failure(PermError, WhyNoFrom, "h= does not name From")
	}
	if q := colonList(p.Tags, "q"); q != nil && !slices.Contains(q, "dns/txt") {
		return failure(PermError, WhyQuery, "q= does not offer dns/txt")
	}
	if i, ok := p.Tags.Get("i"); ok {
		i = quotedPrintable(i)
		d, good := identityDomain(i)
		if !good || !address.Within(d, p.Domain) {
			return failure(PermError, WhyIdentity, "i=%.80q is outside d=%s", i, p.Domain)
		}
		p.agent = d
	}
	if !p.Expires.IsZero() && p.Expires.Before(now) {
		return failure(PermError, WhyExpired, "the signature expired at %s", p.Expires.Format(time.RFC3339))
	}
	return nil
}

func identityDomain(i string) (string, bool) {
	at := strings.LastIndexByte(i, '@')
	if at < 0 {
		return "", false
	}
	d, err := address.Domain(i[at+1:])
	return d, err == nil
}

// quotedPrintable decodes a value in which "=" and two hexadecimal digits encode an octet
// and white space is ignored. Invalid encoding stays as it is. RFC 6376, Section 2.11.
func quotedPrintable(v string) string {
	if !strings.ContainsAny(v, "= \t\r\n") {
		return v
	}
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		case c == '=' && i+2 < len(v):
			if n, err := strconv.ParseUint(v[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, v[i])
	}
	return string(out)
}
