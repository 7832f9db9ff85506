package dkim

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Bounds on keys.
const (
	// RFC 8301, Section 3.2: signatures with less than 1024 bits are never valid.
	minRSA = 1024
	maxRSA = 8192 // bits; a verification costs 0.5 ms there
	// RFC 6376, Section 3.6.2.2: several records are undefined; some domains publish an RSA
	// and an Ed25519 key under one name.
	maxKeys = 4
)

// Key is a public key record.
type Key struct {
	Type     string   `json:"type,omitempty"`     // k=: "rsa" or "ed25519"
	Bits     int      `json:"bits,omitempty"`     // size of the modulus, or 256
	Testing  bool     `json:"testing,omitempty"`  // t=y: the domain is testing DKIM
	Strict   bool     `json:"strict,omitempty"`   // t=s: i= must not name a subdomain
	Hashes   []string `json:"hashes,omitempty"`   // h=, or nil for all
	Services []string `json:"services,omitempty"` // s=, or nil for all
	Revoked  bool     `json:"revoked,omitempty"`  // p= is empty

	public crypto.PublicKey
}

// Error is the reason why a signature or key is unusable.
type Error struct {
	Result Result
	Why    Why
	Err    error // for display
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func failure(r Result, w Why, format string, args ...any) *Error {
	return &Error{Result: r, Why: w, Err: fmt.Errorf(format, args...)}
}

// ParseKey parses a key record. The error is an *Error.
func ParseKey(txt string) (Key, error) {
	tags, err := ParseTags(txt)
	if err != nil {
		return Key{}, failure(PermError, WhyKeySyntax, "reading dkim key: %w", err)
	}
	// RFC 6376, Section 3.6.1: v= must come first and be DKIM1 if present.
	if v, ok := tags.Get("v"); ok && (v != "DKIM1" || tags[0].Name != "v") {
		return Key{}, failure(PermError, WhyKeySyntax, "reading dkim key: version %q", v)
	}
	k := Key{Type: "rsa", Hashes: colonList(tags, "h"), Services: colonList(tags, "s")}
	if t, ok := tags.Get("k"); ok {
		k.Type = strings.ToLower(t)
	}
	flags := colonList(tags, "t")
	k.Testing, k.Strict = slices.Contains(flags, "y"), slices.Contains(flags, "s")
	p, ok := tags.Get("p")
	if !ok {
		return k, failure(PermError, WhyKeySyntax, "reading dkim key: no p=")
	}
	if p == "" {
		// RFC 6376, Section 3.6.1: an empty value means that the key was revoked.
		k.Revoked = true
		return k, failure(PermError, WhyKeyRevoked, "the key was revoked")
	}
	return k.withPublic(p)
}

func (k Key) withPublic(p string) (Key, error) {
	der, err := base64.StdEncoding.DecodeString(dropSpace(p))
	if err != nil {
		return k, failure(PermError, WhyKeySyntax, "decoding dkim key: %w", err)
	}
	switch k.Type {
	case "rsa":
		return k.withRSA(der)
	case "ed25519":
		// RFC 8463, Section 4: the key is the plain 32 octets.
		if len(der) != ed25519.PublicKeySize {
			return k, failure(PermError, WhyKeySyntax, "an ed25519 key of %d bytes", len(der))
		}
		k.public, k.Bits = ed25519.PublicKey(der), 256
		return k, nil
	default:
		return k, failure(PermError, WhyKeyType, "key type %.20q is unknown", k.Type)
	}
}

// withRSA parses an RSA key. RFC 6376, Section 3.6.1 specifies RSAPublicKey, its example is
// a SubjectPublicKeyInfo, and both are in use.
func (k Key) withRSA(der []byte) (Key, error) {
	if len(der) > 4*maxRSA/8 {
		return k, failure(PermError, WhyKeyLong, "an RSA key of %d bytes", len(der))
	}
	pub, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		other, err := x509.ParsePKIXPublicKey(der)
		if err != nil {
			return k, failure(PermError, WhyKeySyntax, "reading RSA key: %w", err)
		}
		var ok bool
		if pub, ok = other.(*rsa.PublicKey); !ok {
			return k, failure(PermError, WhyKeyType, "k=rsa with a key of another type")
		}
	}
	k.public, k.Bits = pub, pub.N.BitLen()
	switch {
	case k.Bits < minRSA:
		return k, failure(PermError, WhyKeyShort, "an RSA key of %d bits", k.Bits)
	case k.Bits > maxRSA:
		return k, failure(PermError, WhyKeyLong, "an RSA key of %d bits", k.Bits)
	}
	return k, nil
}

// fits returns why the key must not be used for algorithm, or nil.
func (k Key) fits(algorithm string) *Error {
	kind, hash, _ := strings.Cut(algorithm, "-")
	switch {
	case k.Type != kind:
		return failure(PermError, WhyKeyType, "a key of type %s for a=%s", k.Type, algorithm)
	case k.Hashes != nil && !slices.Contains(k.Hashes, hash):
		return failure(PermError, WhyKeyType, "the key does not allow %s", hash)
	case k.Services != nil && !slices.Contains(k.Services, "*") && !slices.Contains(k.Services, "email"):
		return failure(PermError, WhyKeyService, "the key is not for mail")
	}
	return nil
}

// verify reports whether sig is the key's signature of a SHA-256 sum.
func (k Key) verify(sum, sig []byte) bool {
	switch pub := k.public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum, sig) == nil
	case ed25519.PublicKey:
		// RFC 8463, Section 3: Ed25519 signs the hash.
		return ed25519.Verify(pub, sum, sig)
	default:
		return false
	}
}

// lookupKeys looks up the records of a selector.
func lookupKeys(ctx context.Context, dns Resolver, domain, selector string) ([]string, *Error) {
	name := selector + "._domainkey." + domain
	txts, err := dns.LookupTXT(ctx, name)
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound || err == nil && len(txts) == 0 {
		return nil, failure(PermError, WhyNoKey, "no key at %s", name)
	}
	if err != nil {
		return nil, failure(TempError, WhyDNS, "looking up dkim key %s: %w", name, err)
	}
	return txts[:min(len(txts), maxKeys)], nil
}

// match returns the key among the records that made sig, or the best key and the reason for
// the mismatch.
func match(txts []string, algorithm string, sum, sig []byte) (Key, *Error) {
	var best Key
	var why *Error
	for _, txt := range txts {
		key, err := ParseKey(txt)
		e, bad := errors.AsType[*Error](err)
		if !bad {
			e = key.fits(algorithm)
		}
		if e == nil && key.verify(sum, sig) {
			return key, nil
		}
		if e == nil {
			e = failure(Fail, WhySignature, "the signature does not verify")
		}
		// A usable key explains more than a malformed record.
		if why == nil || e.Result == Fail && why.Result != Fail {
			best, why = key, e
		}
	}
	return best, why
}

// colonList returns the words of a tag in lower case, or nil.
func colonList(tags Tags, name string) []string {
	v, ok := tags.Get(name)
	if !ok {
		return nil
	}
	return strings.Split(strings.ToLower(dropSpace(v)), ":")
}
