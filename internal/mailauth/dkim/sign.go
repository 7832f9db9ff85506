package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"outrider/internal/address"
)

// ErrSigner is the error of an incomplete Signer.
var ErrSigner = errors.New("dkim signer is incomplete")

// Signer makes signatures.
type Signer struct {
	Domain   string // d=
	Selector string // s=
	Identity string // i=, or "" for none
	Key      crypto.Signer
	Header   Canon // "" is Relaxed
	Body     Canon // "" is Relaxed

	// Fields lists the fields to sign in lower case, in the order of h=; each occurrence
	// in the message is signed. Nil signs the Watched fields that the message has.
	Fields []string
	// Oversign lists fields to name once more than they occur. Nil means From, Subject, To,
	// Date and Content-Type.
	Oversign []string

	Created time.Time // t=, omitted if zero
	Expires time.Time // x=, omitted if zero
}

// Sign returns the DKIM-Signature field of raw, with its CRLF, to be put on top. raw must
// be the message as sent, with CRLF line ends.
func (s *Signer) Sign(raw []byte) (string, error) {
	m := Open(raw)
	if m.localForm || m.bare {
		return "", fmt.Errorf("signing for %s: the message has bare line ends", s.Domain)
	}
	tags := []Tag{{Name: "v", Value: "1"}}
	if s.Identity != "" {
		tags = append(tags, Tag{Name: "i", Value: s.Identity})
	}
	return s.SignAs("DKIM-Signature", m, append(tags, s.times()...))
}

func (s *Signer) times() []Tag {
	var tags []Tag
	if !s.Created.IsZero() {
		tags = append(tags, Tag{Name: "t", Value: strconv.FormatInt(s.Created.Unix(), 10)})
	}
	if !s.Expires.IsZero() {
		tags = append(tags, Tag{Name: "x", Value: strconv.FormatInt(s.Expires.Unix(), 10)})
	}
	return tags
}

// SignAs makes a signature field with that name over m, with additional tags.
func (s *Signer) SignAs(name string, m *Message, tags []Tag) (string, error) {
	header, body := s.canons()
	algorithm, err := s.algorithm()
	if err != nil {
		return "", err
	}
	sums, _ := m.bodySums(body, nil)
	names := s.names(m)
	tags = append(tags,
		Tag{Name: "a", Value: algorithm},
		Tag{Name: "bh", Value: base64.StdEncoding.EncodeToString(sums[whole])},
		Tag{Name: "c", Value: string(header) + "/" + string(body)},
		Tag{Name: "d", Value: s.Domain},
		Tag{Name: "h", Value: strings.Join(names, ":")},
		Tag{Name: "s", Value: s.Selector},
	)
	return s.seal(name, tags, header, func(p *Params) []byte { p.Names = names; return m.headerSum(p) })
}

// Seal makes an ARC-Seal over fields in order, with additional tags.
func (s *Signer) Seal(name string, fields []Field, tags []Tag) (string, error) {
	algorithm, err := s.algorithm()
	if err != nil {
		return "", err
	}
	tags = append(tags, Tag{Name: "a", Value: algorithm}, Tag{Name: "d", Value: s.Domain}, Tag{Name: "s", Value: s.Selector})
	return s.seal(name, tags, Relaxed, func(p *Params) []byte { return p.sealSum(fields) })
}

// seal writes the field with an empty b=, signs its hash, and writes it again.
func (s *Signer) seal(name string, tags []Tag, header Canon, sum func(*Params) []byte) (string, error) {
	for _, t := range tags {
		if strings.ContainsAny(t.Value, "\r\n;") {
			return "", fmt.Errorf("%w: the value %q of %s=", ErrSigner, t.Value, t.Name)
		}
	}
	empty := writeField(name, tags, "")
	f := NewField(empty)
	list, err := ParseTags(f.Value())
	if err != nil {
		return "", fmt.Errorf("signing for %s: %w", s.Domain, err)
	}
	digest := sum(&Params{Tags: list, Header: header, field: f})
	opts := crypto.SignerOpts(crypto.SHA256)
	if _, ok := s.Key.Public().(ed25519.PublicKey); ok {
		opts = crypto.Hash(0)
	}
	sig, err := s.Key.Sign(rand.Reader, digest, opts)
	if err != nil {
		return "", fmt.Errorf("signing for %s: %w", s.Domain, err)
	}
	return writeField(name, tags, base64.StdEncoding.EncodeToString(sig)), nil
}

// NewField parses one field from its text, which ends in CRLF.
func NewField(text string) Field {
	m := Open([]byte(text))
	if len(m.fields) != 1 {
		return Field{raw: []byte(text), at: -1}
	}
	f := m.fields[0]
	f.at = -1
	return f
}

func (s *Signer) canons() (header, body Canon) {
	header, body = s.Header, s.Body
	if header == "" {
		header = Relaxed
	}
	if body == "" {
		body = Relaxed
	}
	return header, body
}

// algorithm checks the signer and returns a=.
func (s *Signer) algorithm() (string, error) {
	for _, name := range []string{s.Domain, s.Selector} {
		if d, err := address.Domain(name); err != nil || d != name {
			return "", fmt.Errorf("%w: %q is not a domain in normal form", ErrSigner, name)
		}
	}
	if s.Key == nil {
		return "", fmt.Errorf("%w: no key", ErrSigner)
	}
	switch pub := s.Key.Public().(type) {
	case *rsa.PublicKey:
		// RFC 8301, Section 3.2: signers must use at least 1024 bits.
		if pub.N.BitLen() < minRSA {
			return "", fmt.Errorf("%w: an RSA key of %d bits", ErrSigner, pub.N.BitLen())
		}
		return RSASHA256, nil
	case ed25519.PublicKey:
		return Ed25519SHA256, nil
	default:
		return "", fmt.Errorf("%w: a key of an unknown type", ErrSigner)
	}
}

// names returns h=: each field as often as it occurs, oversigned ones once more.
func (s *Signer) names(m *Message) []string {
	var names []string
	if s.Fields != nil {
		names = append(names, s.Fields...)
	} else {
		for _, f := range Watched() {
			for range m.index[f] {
				names = append(names, f)
			}
		}
	}
	over := s.Oversign
	if over == nil {
		over = []string{"from", "subject", "to", "date", "content-type"}
	}
	return append(names, over...)
}

// maxLine is the maximum length of lines in a signature field, unless a value cannot be
// broken. RFC 5322, Section 2.1.1: lines should have at most 78 characters.
const maxLine = 72

// writeField writes the tags in order of their names, b= with the given value.
func writeField(name string, tags []Tag, b string) string {
	byName := map[string]string{"b": b}
	for _, t := range tags {
		byName[t.Name] = t.Value
	}
	var out strings.Builder
	out.WriteString(name + ":")
	col, sep := out.Len(), " "
	for _, n := range []string{"v", "a", "b", "bh", "c", "cv", "d", "h", "i", "l", "q", "s", "t", "x"} {
		v, ok := byName[n]
		if !ok {
			continue
		}
		text := n + "=" + v
		if sep == "; " && (n == "b" || n == "h" || col+len(text) > maxLine) {
			out.WriteString(";\r\n ")
			col = 1
		} else {
			out.WriteString(sep)
			col += len(sep)
		}
		col = foldValue(&out, n, text, col)
		sep = "; "
	}
	out.WriteString("\r\n")
	return out.String()
}

// foldValue writes one tag, breaking b= anywhere and h= after a colon.
func foldValue(out *strings.Builder, name, text string, col int) int {
	if name != "b" && name != "h" {
		out.WriteString(text)
		return col + len(text)
	}
	for len(text) > maxLine {
		cut := maxLine
		if name == "h" {
			if cut = strings.LastIndexByte(text[:maxLine], ':') + 1; cut == 0 {
				break
			}
		}
		out.WriteString(text[:cut] + "\r\n ")
		text, col = text[cut:], 1
	}
	out.WriteString(text)
	if name == "b" {
		// The layout after b= must not depend on its value.
		return maxLine
	}
	return col + len(text)
}
