package relay

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"outrider/internal/dns"
)

// Values of TLSA fields, named as in RFC 7218.
const (
	usageTA = 2 // DANE-TA: a trust anchor
	usageEE = 3 // DANE-EE: the certificate of the host itself

	selectorCert = 0
	selectorSPKI = 1

	matchFull   = 0
	matchSHA256 = 1
	matchSHA512 = 2
)

var errTLSA = errors.New("certificate matches no tlsa record")

// usable returns the records that can verify a certificate. RFC 7672, Section 3.1.3: the
// usages of public authorities are unusable for SMTP. RFC 7671, Section 9: of two digests
// of the same data, the stronger one counts.
func usable(records []dns.TLSA) []dns.TLSA {
	out := slices.DeleteFunc(slices.Clone(records), func(t dns.TLSA) bool {
		return (t.Usage != usageTA && t.Usage != usageEE) || !wellFormed(t)
	})
	stronger := func(t dns.TLSA) bool {
		return t.Matching == matchSHA256 && slices.ContainsFunc(out, func(o dns.TLSA) bool {
			return o.Usage == t.Usage && o.Selector == t.Selector && o.Matching == matchSHA512
		})
	}
	return slices.DeleteFunc(slices.Clone(out), stronger)
}

// wellFormed reports whether any certificate could match the record.
func wellFormed(t dns.TLSA) bool {
	switch t.Matching {
	case matchSHA256:
		return t.Selector <= selectorSPKI && len(t.Data) == sha256.Size
	case matchSHA512:
		return t.Selector <= selectorSPKI && len(t.Data) == sha512.Size
	case matchFull:
		return full(t)
	default:
		return false
	}
}

// full reports whether the record contains a whole certificate or key.
func full(t dns.TLSA) bool {
	var err error
	switch t.Selector {
	case selectorCert:
		_, err = x509.ParseCertificate(t.Data)
	case selectorSPKI:
		_, err = x509.ParsePKIXPublicKey(t.Data)
	default:
		return false
	}
	return err == nil
}

// matches reports whether the record matches the certificate. RFC 6698, Section 2.1.
func matches(t dns.TLSA, cert *x509.Certificate) bool {
	data := cert.Raw
	if t.Selector == selectorSPKI {
		data = cert.RawSubjectPublicKeyInfo
	}
	switch t.Matching {
	case matchSHA256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case matchSHA512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return bytes.Equal(data, t.Data)
}

// verifyDANE checks the certificates of a handshake against the TLSA records.
func (d *demand) verifyDANE(cs tls.ConnectionState) error {
	chain := cs.PeerCertificates
	if len(chain) == 0 {
		return errTLSA
	}
	anchors, found := x509.NewCertPool(), false
	for _, t := range d.tlsa {
		if t.Usage == usageEE {
			// RFC 7672, Section 3.1.1: names and dates are ignored here.
			if matches(t, chain[0]) {
				return nil
			}
			continue
		}
		for _, cert := range anchorsOf(t, chain[1:]) {
			anchors.AddCert(cert)
			found = true
		}
	}
	if !found {
		return errTLSA
	}
	return d.verifyBelow(anchors, chain)
}

// anchorsOf returns the trust anchors of the record: matching certificates from the host,
// and the one in the record itself.
func anchorsOf(t dns.TLSA, sent []*x509.Certificate) []*x509.Certificate {
	var out []*x509.Certificate
	for _, cert := range sent {
		if matches(t, cert) {
			out = append(out, cert)
		}
	}
	if t.Matching == matchFull && t.Selector == selectorCert {
		if cert, err := x509.ParseCertificate(t.Data); err == nil {
			out = append(out, cert)
		}
	}
	return out
}

// verifyBelow verifies that the first certificate of the chain leads to one of the anchors
// and has one of the names. RFC 7672, Section 3.1.2.
func (d *demand) verifyBelow(anchors *x509.CertPool, chain []*x509.Certificate) error {
	options := x509.VerifyOptions{Roots: anchors, Intermediates: intermediates(chain)}
	if _, err := chain[0].Verify(options); err != nil {
		return fmt.Errorf("%w: %w", errTLSA, err)
	}
	var err error
	for _, name := range d.names {
		if err = chain[0].VerifyHostname(name); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", errTLSA, err)
}

func intermediates(chain []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range chain[1:] {
		pool.AddCert(cert)
	}
	return pool
}

// verifyPKIX verifies the certificates of a handshake as a strict client does.
func verifyPKIX(cs tls.ConnectionState, name string, roots *x509.CertPool) error {
	chain := cs.PeerCertificates
	if len(chain) == 0 {
		return errNoCertificates
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: intermediates(chain)})
	return err //nolint:wrapcheck // observe names the action
}
