package mailauth

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"outrider/internal/budget"
	"outrider/internal/mailauth/arc"
	"outrider/internal/mailauth/dkim"
	"outrider/internal/message"
)

// Sealer adds our set to the ARC chain of outgoing mail. A banner breaks the author's
// signature, and the delivering address is ours: the next host can then use our results, if
// it trusts the sealing domain.
type Sealer struct{ signer dkim.Signer }

// NewSealer returns a sealer for a domain whose selector publishes the public key.
func NewSealer(domain, selector string, key crypto.Signer) *Sealer {
	return &Sealer{signer: dkim.Signer{Domain: domain, Selector: selector, Key: key}}
}

// Errors of ReadKey.
var (
	errNoPEM    = errors.New("no private key in PEM")
	errKeyKind  = errors.New("the key is neither RSA nor Ed25519")
	errShortKey = errors.New("the key is shorter than 2048 bits")
)

// minSealBits is the minimum size of an RSA key for sealing. RFC 8301, Section 3.2.
const minSealBits = 2048

// ReadKey parses a private key in PEM: PKCS #8, or PKCS #1 for RSA.
func ReadKey(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errNoPEM
	}
	var key any
	var err error
	if block.Type == "RSA PRIVATE KEY" {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	} else {
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("reading private key: %w", err)
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < minSealBits {
			return nil, errShortKey
		}
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, errKeyKind
}

// Record returns the name and the text of the TXT record that the domain must publish.
func (s *Sealer) Record() (name, text string, err error) {
	name = s.signer.Selector + "._domainkey." + s.signer.Domain
	public := s.signer.Key.Public()
	if k, ok := public.(ed25519.PublicKey); ok {
		// RFC 8463, Section 4.
		return name, "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(k), nil
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", "", fmt.Errorf("encoding the public key of %s: %w", name, err)
	}
	return name, "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
}

// Seal returns the fields to put on top of the outgoing message raw, or "" if its chain
// accepts no further set: one that was broken before, or that could not be validated.
// results are those of Verify for the received message, and host is our authserv-id.
func (s *Sealer) Seal(ctx context.Context, results *Results, raw []byte, host string, now time.Time) (string, error) {
	chain := results.chain
	if chain == nil {
		b := budget.New(budget.Default())
		if message.Parse(raw, b).Header().Has("ARC-Seal") {
			return "", nil
		}
		chain = arc.Validate(ctx, raw, &dkim.Verifier{}, b) // there is none, and no query is needed
	}
	out, err := arc.Seal(chain.Leaving(raw), &s.signer, results.Header(host), now)
	if errors.Is(err, arc.ErrClosed) || errors.Is(err, arc.ErrUnsettled) {
		return "", nil
	}
	return out, err
}
