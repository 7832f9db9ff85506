package message

import (
	"slices"
	"strings"
)

// IsMultipart reports whether the media type is a multipart.
func (p *Part) IsMultipart() bool { return strings.HasPrefix(p.MediaType, "multipart/") }

// isMessage reports whether the part embeds a whole message, or the beginning of one.
func (p *Part) isMessage() bool {
	switch p.MediaType {
	case "message/rfc822", "message/global":
		return true
	case "message/partial":
		// RFC 2046, Section 5.2.2.1: the first fragment begins with the enclosed header.
		return p.Params["number"] == "1"
	}
	return false
}

// IsFragment reports whether the part is a piece of a message that a client puts
// together again from several, so that nobody on the way sees the whole.
// RFC 2046, Section 5.2.2.
func (p *Part) IsFragment() bool { return p.MediaType == "message/partial" }

// isBodyText reports whether clients can show the part as text of the message.
func (p *Part) isBodyText() bool { return p.MediaType == "text/plain" || p.MediaType == "text/html" }

// IsAttachment reports whether clients offer the part as a file: its disposition
// says so, or it is a leaf that they do not show as text.
func (p *Part) IsAttachment() bool {
	switch {
	case p.IsMultipart():
		return false
	case p.Disposition == "attachment":
		return true
	case p.isMessage() && len(p.Children) > 0:
		return p.Filename != "" && p.Disposition != "inline"
	case p.isBodyText():
		return p.Filename != "" && p.Disposition != "inline" && p.Parent != nil
	default:
		return true
	}
}

// Filenames returns every name that some client shows for the part: Filename, and
// what other fields, parameters and readings of them say.
func (p *Part) Filenames() []string { return slices.Clone(p.names) }

// Source returns the bytes that the offsets of the part refer to: those of the
// message, or what the transfer encoding of an outer part was decoded to.
func (p *Part) Source() []byte { return p.msg.Raw }

// RawBytes returns header section and body of the part as they stand.
func (p *Part) RawBytes() []byte { return p.msg.Raw[p.Raw.From:p.Raw.To] }

// BodyBytes returns the body of the part as it stands, without decoding.
func (p *Part) BodyBytes() []byte { return p.msg.Raw[p.Body.From:p.Body.To] }

// Message returns the part as a message of its own, where it is the root of one: its
// header gives sender, subject, hops and date.
func (p *Part) Message() (*Message, bool) {
	if p.Parent != nil && !p.Parent.isMessage() {
		return nil, false
	}
	m := &Message{Raw: p.msg.Raw, Root: p}
	m.collect(p)
	return m, true
}

// collect adds p and everything below it in the first reading.
func (m *Message) collect(p *Part) {
	m.Parts = append(m.Parts, p)
	for _, child := range p.Children {
		m.collect(child)
	}
}

// TextParts returns the parts that clients show as text of the message, in order and
// in all readings. Text of embedded messages belongs to it where clients show those
// in place: not in attached messages, nor in those that reports return.
func (m *Message) TextParts() []*Part {
	var parts []*Part
	for _, p := range m.Parts {
		if p.isBodyText() && !p.IsAttachment() && p.inPlace() {
			parts = append(parts, p)
		}
	}
	return parts
}

// inPlace reports whether no part around p hides it behind a click.
func (p *Part) inPlace() bool {
	for a := p.Parent; a != nil; a = a.Parent {
		if a.isMessage() && (a.IsAttachment() || a.Parent != nil && a.Parent.MediaType == "multipart/report") {
			return false
		}
	}
	return true
}

// Attachments returns the parts that clients offer as files, in order and in all
// readings, those of embedded messages included.
func (m *Message) Attachments() []*Part {
	var parts []*Part
	for _, p := range m.Parts {
		if p.IsAttachment() {
			parts = append(parts, p)
		}
	}
	return parts
}
