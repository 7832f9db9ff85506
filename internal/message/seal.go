package message

import (
	"bytes"
	"strings"

	"outrider/internal/budget"
)

// Seal says how a part is signed or encrypted.
type Seal string

// The seals. What is signed can be read; what is encrypted can not.
const (
	SealNone            Seal = ""
	SealSMIMESigned     Seal = "smime-signed"     // RFC 8551, Section 3.5, in both forms
	SealSMIMEEncrypted  Seal = "smime-encrypted"  // RFC 8551, Sections 3.3 and 3.4
	SealSMIMECompressed Seal = "smime-compressed" // RFC 8551, Section 3.6
	SealPGPSigned       Seal = "pgp-signed"       // RFC 3156, Section 5, and in the text itself
	SealPGPEncrypted    Seal = "pgp-encrypted"    // RFC 3156, Section 4, and in the text itself
)

// Seal returns how the part is signed or encrypted: as a multipart, as a file, or in
// its own text.
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
	return SealNone // certificates alone, or the signature of a multipart/signed
}

// Seals returns the seals of the message, each once, in the order of its parts.
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

// pgpSeal looks for the armor of a text that is signed or encrypted in place.
// RFC 9580, Sections 6.2 and 7.
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

// isCMS reports whether the part says that it is an S/MIME object. RFC 8551, Section
// 3.2: clients know it by its media type, and by its name where gateways changed that.
func (p *Part) isCMS() bool {
	switch p.MediaType {
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return true
	case "application/octet-stream":
		return strings.HasSuffix(strings.ToLower(p.Filename), ".p7m")
	}
	return false
}

// maxUnsealed is how many S/MIME objects of one message are looked into. RFC 2634,
// Section 1.1, wraps a message three times; each costs another pass over its content.
const maxUnsealed = 6

// unseal parses what an S/MIME object signs or compresses: clients show it in place.
// Offsets of the parts within refer to that content.
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
