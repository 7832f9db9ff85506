package bimi

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // older evidence has nothing else; see Covers
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"outrider/internal/address"
)

// Bounds of evidence documents.
const (
	maxEvidence = 256 << 10 // bytes; they contain the logo and some have 50 KiB
	maxCerts    = 10
	maxImages   = 10
)

// ErrEvidence is the error of an invalid evidence document.
var ErrEvidence = errors.New("evidence is not valid")

var (
	oidLogotype = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 12} // RFC 3709, Section 4.1
	oidUsage    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 31} // id-kp-BrandIndicatorforMessageIdentification
	oidSHA1     = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA256   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

// Evidence is a certificate in which an authority certifies a logo.
type Evidence struct {
	Logo []byte // logo in the certificate, decompressed, or nil

	leaf     *x509.Certificate
	others   []*x509.Certificate
	embedded []byte // Logo as embedded
	hashes   []logoHash
}

// logoHash is HashAlgAndValue of RFC 3709, Section 4.1.
type logoHash struct {
	Algorithm pkix.AlgorithmIdentifier
	Value     []byte
}

// logoDetails is LogotypeDetails of RFC 3709, Section 4.1.
type logoDetails struct {
	MediaType string
	Hashes    []logoHash
	URIs      []string
}

// ParseEvidence parses an evidence document: certificates in PEM, that of the mark first.
// The error wraps ErrEvidence.
func ParseEvidence(doc []byte) (*Evidence, error) {
	if len(doc) > maxEvidence {
		return nil, fmt.Errorf("%w: %d bytes", ErrEvidence, len(doc))
	}
	var certs []*x509.Certificate
	for block, rest := pem.Decode(doc); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrEvidence, err)
		}
		if certs = append(certs, cert); len(certs) > maxCerts {
			return nil, fmt.Errorf("%w: more than %d certificates", ErrEvidence, maxCerts)
		}
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("%w: no certificate", ErrEvidence)
	}
	e := &Evidence{leaf: certs[0], others: certs[1:]}
	return e, e.readLogotype()
}

// Subject returns the owner of the mark.
func (e *Evidence) Subject() string { return e.leaf.Subject.String() }

// Verify verifies that the evidence was issued by an authority, for logos, is valid at a
// time, and covers the domain. The error wraps ErrEvidence.
func (e *Evidence) Verify(roots *x509.CertPool, domain, selector string, at time.Time) error {
	pool := x509.NewCertPool()
	for _, c := range e.others {
		pool.AddCert(c)
	}
	leaf := *e.leaf
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), oidLogotype.Equal)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return fmt.Errorf("%w: %w", ErrEvidence, err)
	}
	if !slices.ContainsFunc(leaf.UnknownExtKeyUsage, oidUsage.Equal) {
		return fmt.Errorf("%w: it was not made for logos", ErrEvidence)
	}
	names := []string{domain, address.Organizational(domain), selector + "._bimi." + domain}
	for _, san := range leaf.DNSNames {
		if name, err := address.Domain(san); err == nil && slices.Contains(names, name) {
			return nil
		}
	}
	return fmt.Errorf("%w: it is not for %s", ErrEvidence, domain)
}

// Covers reports whether the evidence is for the logo, given as fetched and decompressed. A
// SHA-1 hash counts only without a SHA-256 one. The error wraps ErrEvidence.
func (e *Evidence) Covers(raw, logo []byte) error {
	forms := [][]byte{raw, logo}
	if e.Logo != nil && bytes.Equal(e.Logo, logo) {
		forms = append(forms, e.embedded)
	}
	weak := !slices.ContainsFunc(e.hashes, func(h logoHash) bool { return h.Algorithm.Algorithm.Equal(oidSHA256) })
	for _, h := range e.hashes {
		if slices.ContainsFunc(forms, func(form []byte) bool { return h.of(form, weak) }) {
			return nil
		}
	}
	return fmt.Errorf("%w: it is for another logo", ErrEvidence)
}

// of reports whether h is the hash of data.
func (h logoHash) of(data []byte, weak bool) bool {
	switch {
	case h.Algorithm.Algorithm.Equal(oidSHA256):
		sum := sha256.Sum256(data)
		return bytes.Equal(sum[:], h.Value)
	case h.Algorithm.Algorithm.Equal(oidSHA1) && weak:
		sum := sha1.Sum(data) //nolint:gosec // see Covers
		return bytes.Equal(sum[:], h.Value)
	default:
		return false
	}
}

// readLogotype takes hashes and logo from the logotype extension.
func (e *Evidence) readLogotype() error {
	i := slices.IndexFunc(e.leaf.Extensions, func(x pkix.Extension) bool { return x.Id.Equal(oidLogotype) })
	if i < 0 {
		return fmt.Errorf("%w: no logotype", ErrEvidence)
	}
	images, err := subjectImages(e.leaf.Extensions[i].Value)
	if err != nil {
		return err
	}
	for _, image := range images {
		e.hashes = append(e.hashes, image.Hashes...)
		for _, uri := range image.URIs {
			e.embed(uri)
		}
	}
	if len(e.hashes) == 0 {
		return fmt.Errorf("%w: no hash of a logo", ErrEvidence)
	}
	return nil
}

// embed keeps the first logo embedded in the certificate as a data URL (RFC 2397).
func (e *Evidence) embed(uri string) {
	_, data, ok := strings.Cut(uri, ";base64,")
	if !ok || e.Logo != nil || !strings.HasPrefix(strings.ToLower(uri), "data:image/svg+xml") {
		return
	}
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return
	}
	if logo, err := unpack(raw); err == nil {
		e.Logo, e.embedded = logo, raw
	}
}

// subjectImages returns the images that a logotype extension shows for the subject.
//
//	LogotypeExtn ::= SEQUENCE { ..., subjectLogo [2] EXPLICIT LogotypeInfo OPTIONAL, ... }
//	LogotypeInfo ::= CHOICE { direct [0] LogotypeData, ... }
//	LogotypeData ::= SEQUENCE { image SEQUENCE OF LogotypeImage OPTIONAL, ... }
//	LogotypeImage ::= SEQUENCE { imageDetails LogotypeDetails, ... }
func subjectImages(der []byte) ([]logoDetails, error) {
	path := []struct{ class, tag int }{
		{asn1.ClassUniversal, asn1.TagSequence}, {asn1.ClassContextSpecific, 2}, {asn1.ClassContextSpecific, 0}, {asn1.ClassUniversal, asn1.TagSequence},
	}
	for _, p := range path {
		inner, err := child(der, p.class, p.tag)
		if err != nil {
			return nil, err
		}
		der = inner
	}
	var out []logoDetails
	for len(der) > 0 && len(out) < maxImages {
		var image asn1.RawValue
		var details logoDetails
		var err error
		if der, err = asn1.Unmarshal(der, &image); err == nil {
			_, err = asn1.Unmarshal(image.Bytes, &details)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: reading logotype: %w", ErrEvidence, err)
		}
		out = append(out, details)
	}
	return out, nil
}

// child returns the content of the first value in der of a class and tag.
func child(der []byte, class, tag int) ([]byte, error) {
	for len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return nil, fmt.Errorf("%w: reading logotype: %w", ErrEvidence, err)
		}
		if v.Class == class && v.Tag == tag {
			return v.Bytes, nil
		}
		der = rest
	}
	return nil, fmt.Errorf("%w: no image in its logotype", ErrEvidence)
}
