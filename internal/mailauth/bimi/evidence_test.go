package bimi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"outrider/internal/mailauth/bimi"
)

// authority issues evidence documents.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Marks"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &authority{key, cert}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// mark describes an evidence document. The zero value, except for the logo, is a valid one
// for example.org.
type mark struct {
	logo     string
	hashOf   string // instead of logo
	sha1     bool   // in addition to SHA-256, or alone
	only1    bool
	wrong256 bool
	name     string
	noUsage  bool
	noLogo   bool   // no extension
	der      []byte // instead of a good extension
	critical bool
	remote   bool // the logo is not in the certificate
	expired  bool
}

type hash struct {
	Algorithm pkix.AlgorithmIdentifier
	Value     []byte
}

// logotype is the extension of RFC 3709 for one image of the subject.
func (m mark) logotype(tb testing.TB) []byte {
	tb.Helper()
	data := m.logo
	if m.hashOf != "" {
		data = m.hashOf
	}
	s256, s1 := sha256.Sum256([]byte(data)), sha1.Sum([]byte(data))
	if m.wrong256 {
		s256[0]++
	}
	var hashes []hash
	if !m.only1 {
		hashes = append(hashes, hash{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}}, s256[:]})
	}
	if m.sha1 || m.only1 {
		hashes = append(hashes, hash{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}}, s1[:]})
	}
	uri := "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(packed(tb, m.logo)))
	if m.remote {
		uri = "https://cdn.example/logo.svg"
	}
	type details struct {
		Media  string `asn1:"ia5"`
		Hashes []hash
		URIs   []asn1.RawValue
	}
	type image struct{ Details details }
	raw := func(class, tag int, content []byte) []byte {
		out, err := asn1.Marshal(asn1.RawValue{Class: class, Tag: tag, IsCompound: tag != asn1.TagIA5String, Bytes: content})
		if err != nil {
			tb.Fatal(err)
		}
		return out
	}
	ia5 := asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(uri)}
	images, err := asn1.Marshal([]image{{details{"image/svg+xml", hashes, []asn1.RawValue{ia5}}}})
	if err != nil {
		tb.Fatal(err)
	}
	direct := raw(asn1.ClassContextSpecific, 0, images)
	return raw(asn1.ClassUniversal, asn1.TagSequence, raw(asn1.ClassContextSpecific, 2, direct))
}

// issue returns an evidence document.
func (a *authority) issue(tb testing.TB, m mark) string {
	tb.Helper()
	if m.name == "" {
		m.name = "example.org"
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{Organization: []string{"Example Org"}}, DNSNames: []string{m.name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if m.expired {
		template.NotAfter = time.Now().Add(-time.Hour)
	}
	if !m.noUsage {
		template.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 31}}
	}
	if m.der == nil {
		m.der = m.logotype(tb)
	}
	if !m.noLogo {
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 12}, Critical: m.critical, Value: m.der}}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	var out strings.Builder
	for _, cert := range [][]byte{der, a.cert.Raw} {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	}
	return out.String()
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	for name, tc := range map[string]struct {
		mark mark
		ok   bool
	}{
		"a mark":                          {mark{}, true},
		"a logo elsewhere":                {mark{remote: true}, true},
		"a hash of the compressed logo":   {mark{hashOf: packed(t, goodSVG)}, true},
		"the same, logo elsewhere":        {mark{hashOf: packed(t, goodSVG), remote: true}, false},
		"both hashes":                     {mark{sha1: true}, true},
		"sha-1 alone":                     {mark{only1: true}, true},
		"sha-1 beside a wrong sha-256":    {mark{sha1: true, wrong256: true}, false},
		"a hash of something else":        {mark{hashOf: "x"}, false},
		"a critical extension":            {mark{critical: true}, true},
		"the name of the selector":        {mark{name: "default._bimi.example.org"}, true},
		"the name of another selector":    {mark{name: "other._bimi.example.org"}, false},
		"another name":                    {mark{name: "example.com"}, false},
		"the name of a subdomain":         {mark{name: "a.example.org"}, false},
		"another usage":                   {mark{noUsage: true}, false},
		"expired":                         {mark{expired: true}, false},
		"no logotype":                     {mark{noLogo: true}, false},
		"an empty logotype":               {mark{der: []byte{0x30, 0}}, false},
		"a logotype that is cut":          {mark{der: []byte{0x30, 0x7f, 0}}, false},
		"a logotype without images":       {mark{der: []byte{0x30, 6, 0xa2, 4, 0xa0, 2, 0x30, 0}}, false},
		"a logotype with a broken image":  {mark{der: []byte{0x30, 9, 0xa2, 7, 0xa0, 5, 0x30, 3, 0x30, 1, 5}}, false},
		"a logotype that is no structure": {mark{der: []byte("x")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.mark.logo = goodSVG
			e, err := bimi.ParseEvidence([]byte(ca.issue(t, tc.mark)))
			if err == nil {
				err = errors.Join(e.Verify(ca.pool(), "example.org", "default", time.Now()), e.Covers([]byte(goodSVG), []byte(goodSVG)))
			}
			if tc.ok != (err == nil) || err != nil && !errors.Is(err, bimi.ErrEvidence) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEvidenceIsBounded(t *testing.T) {
	t.Parallel()
	good := newAuthority(t).issue(t, mark{logo: goodSVG})
	for name, doc := range map[string]string{
		"too large":             good + strings.Repeat("\n", 256<<10),
		"too many certificates": strings.Repeat(good, 6),
		"nothing":               "",
		"a key":                 "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"no certificate":        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	} {
		if _, err := bimi.ParseEvidence([]byte(doc)); !errors.Is(err, bimi.ErrEvidence) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseEvidence(f *testing.F) {
	ca := newAuthority(f)
	for _, m := range []mark{{logo: goodSVG}, {logo: goodSVG, noLogo: true}, {logo: "x", remote: true}} {
		f.Add([]byte(ca.issue(f, m)))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if e, err := bimi.ParseEvidence(doc); err == nil {
			_ = e.Subject()
		} else if !errors.Is(err, bimi.ErrEvidence) {
			t.Error(err)
		}
	})
}

func FuzzReadLogotype(f *testing.F) {
	for _, m := range []mark{{logo: goodSVG}, {logo: goodSVG, sha1: true}, {logo: goodSVG, remote: true}} {
		f.Add(m.logotype(f))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		e, err := bimi.ReadLogotype(der)
		if err != nil {
			return
		}
		if len(e.Logo) > 32<<10 {
			t.Errorf("a logo of %d bytes", len(e.Logo))
		}
		if e.Covers([]byte("x"), []byte("x")) == nil && len(der) < 32 {
			t.Error("a hash without bytes")
		}
	})
}
