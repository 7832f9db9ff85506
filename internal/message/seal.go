package message

import (
	"bytes"
	"strings"

	"outrider/internal/budget"
)

// Seal is the kind of signature or encryption of a part.
type Seal string

// The seals. Signed content is readable; encrypted content is not.
const (
	SealNone            Seal = ""
	SealSMIMESigned     Seal = "smime-signed"     // RFC 8551, Section 3.5, in both forms
	SealSMIMEEncrypted  Seal = "smime-encrypted"  // RFC 8551, Sections 3.3 and 3.4
	SealSMIMECompressed Seal = "smime-compressed" // RFC 8551, Section 3.6
	SealPGPSigned       Seal = "pgp-signed"       // RFC 3156, Section 5, and inline
	SealPGPEncrypted    Seal = "pgp-encrypted"    // RFC 3156, Section 4, and inline
)

// Seal returns the kind of signature or encryption of the part: as a multipart, as a file,
// or inline.
func (p *Part) Seal() Seal {
	switch p.MediaType {
	case "multipart/signed":
		if strings.Contains(strings.ToLower(p.Params["protocol"]), "pgp") {
			return SealPGPSigned
		}
		return SealSMIMESigned
	case "multipart/encrypted":
		return SealPGPEncrypted
	case "text/plain":
		return p.pgpSeal()
	}
	if !p.isCMS() {
		return SealNone
	}
	s, ok := readCMS(p.Decoded())
	if !ok {
		return SealNone
	}
	return s.seal()
}

func (s sealed) seal() Seal {
	switch {
	case bytes.Equal(s.kind, oidSigned) && s.content != nil:
		return SealSMIMESigned
	case bytes.Equal(s.kind, oidEnveloped), bytes.Equal(s.kind, oidAuthEnv):
		return SealSMIMEEncrypted
	case bytes.Equal(s.kind, oidCompressed):
		return SealSMIMECompressed
	}
	return SealNone // only certificates, or the signature of a multipart/signed
}

// Seals returns the distinct seals of the message, in order of its parts.
func (m *Message) Seals() []Seal {
	var out []Seal
	seen := map[Seal]bool{SealNone: true}
	for _, p := range m.Parts {
		if s := p.Seal(); !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// pgpSeal finds the armor of an inline signed or encrypted text. RFC 9580, Sections 6.2 and
// 7.
func (p *Part) pgpSeal() Seal {
	b := p.Decoded()
	for i := 0; ; {
		n := bytes.Index(b[i:], []byte("-----BEGIN PGP "))
		if n < 0 {
			return SealNone
		}
		i += n
		rest := b[i+len("-----BEGIN PGP "):]
		if i == 0 || b[i-1] == '\n' {
			switch {
			case bytes.HasPrefix(rest, []byte("MESSAGE-----")):
				return SealPGPEncrypted
			case bytes.HasPrefix(rest, []byte("SIGNED MESSAGE-----")):
				return SealPGPSigned
			}
		}
		i++
	}
}

// isCMS reports whether the part is declared as an S/MIME object. RFC 8551, Section 3.2:
// clients recognise its media type, and its name if gateways changed that.
func (p *Part) isCMS() bool {
	switch p.MediaType {
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return true
	case "application/octet-stream":
		return strings.HasSuffix(strings.ToLower(p.Filename), ".p7m")
	}
	return false
}

// maxUnsealed bounds the opened S/MIME objects of one message. RFC 2634, Section 1.1, wraps
// a message three times; each costs another pass over its content.
const maxUnsealed = 6

// unseal parses the content of a signed or compressed S/MIME object, which clients show
// inline. Offsets of the inner parts refer to that content.
func (p *parser) unseal(part *Part) {
	s, ok := readCMS(part.Decoded())
	if !ok || s.content == nil {
		return
	}
	if bytes.Equal(s.kind, oidCompressed) {
		s.content = inflate(s.content, p.budget)
	}
	switch {
	case len(s.content) == 0:
		return
	case p.unsealed == maxUnsealed || !p.budget.Reach(budget.Depth, int64(part.Depth)+1):
		p.defect(DefectTooDeep, part, part.Raw.From, part.MediaType)
		return
	}
	p.unsealed++
	m := &Message{Raw: s.content, base: p.place(part)}
	child, ok := p.newPart(part, m)
	if !ok {
		p.defect(DefectTooManyParts, part, part.Body.From, "")
		return
	}
	p.scanAll(child, m, Range{0, len(m.Raw)}, variant{})
}
