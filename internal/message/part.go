package message

import (
	"bytes"
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

// IsFragment reports whether the part is a piece of a message that a client reassembles
// from several, so that no server sees the whole. RFC 2046, Section 5.2.2.
func (p *Part) IsFragment() bool { return p.MediaType == "message/partial" }

// isBodyText reports whether the part is one of the two types of text that all clients
// show.
func (p *Part) isBodyText() bool { return p.MediaType == "text/plain" || p.MediaType == "text/html" }

// IsHTML reports whether clients show the part as a page.
func (p *Part) IsHTML() bool {
	switch p.MediaType {
	case "text/html", "text/x-html", "text/xhtml", "text/watch-html", "application/xhtml+xml":
		return true
	}
	return false
}

// isText reports whether some client shows the part as text of the message. RFC 2046,
// Section 4.1.4: an unknown subtype of text is plain text. Texts with dedicated parsers are
// excluded: calendars, cards and the header of a returned message. So are AMP pages, which
// are shown only for senders registered with the provider, and have an alternative.
func (p *Part) isText() bool {
	subtype, ok := strings.CutPrefix(p.MediaType, "text/")
	if !ok {
		return false
	}
	switch subtype {
	case "calendar", "vcard", "x-vcard", "directory", "x-vcalendar", "rtf", "rfc822-headers", "x-amp-html":
		return false
	}
	return true
}

// IsAttachment reports whether clients offer the part as a file: by its disposition, or as
// a leaf that they do not show as text.
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

// Filenames returns every name that any client shows for the part: Filename, and those in
// other fields, parameters and readings.
func (p *Part) Filenames() []string { return slices.Clone(p.names) }

// Source returns the bytes that the offsets of the part refer to: those of the message, or
// the decoded content of an outer part.
func (p *Part) Source() []byte { return p.msg.Raw }

// RawBytes returns header section and body of the part as in the message.
func (p *Part) RawBytes() []byte { return p.msg.Raw[p.Raw.From:p.Raw.To] }

// BodyBytes returns the body of the part without decoding.
func (p *Part) BodyBytes() []byte { return p.msg.Raw[p.Body.From:p.Body.To] }

// Message returns the part as a separate message if it is the root of one: its header has
// sender, subject, hops and date.
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

// TextParts returns the parts that some client shows as text of the message, in order and
// in all readings: texts of every subtype, including unnamed ones with the disposition
// "attachment", and a text that is the whole message with any disposition. The latter two
// are among Attachments as well. Text of embedded messages is included if clients show them
// inline: not in attached messages, nor in those that reports return.
func (m *Message) TextParts() []*Part {
	var parts []*Part
	for _, p := range m.Parts {
		if p.isText() && p.isShown() && p.inPlace() {
			parts = append(parts, p)
		}
	}
	return parts
}

// ReturnedTexts returns the texts of messages that reports return. Anybody can write a
// report: unless the rest of a message proves that it is one, they are text too.
func (m *Message) ReturnedTexts() []*Part {
	var parts []*Part
	for _, p := range m.Parts {
		if p.isText() && p.isShown() && p.isReturned() {
			parts = append(parts, p)
		}
	}
	return parts
}

// isReturned reports whether the part is in a message that a report returns.
func (p *Part) isReturned() bool {
	for a := p.Parent; a != nil; a = a.Parent {
		if a.isMessage() && a.isReported() {
			return true
		}
	}
	return false
}

// isShown reports whether a text is more than an attached file.
func (p *Part) isShown() bool {
	return p.Filename == "" || p.isBodyText() && !p.IsAttachment() || p.isWhole()
}

// isWhole reports whether the part is the whole content of its message.
func (p *Part) isWhole() bool {
	for a := p; ; a = a.Parent {
		if a.Parent == nil || a.Parent.isMessage() {
			return true
		}
		if len(a.Parent.Children) != 1 || a.Reading != a.Parent.Reading {
			return false
		}
	}
}

// inPlace reports whether clients show the part without a click on an outer part.
func (p *Part) inPlace() bool {
	for a := p.Parent; a != nil; a = a.Parent {
		if a.isMessage() && (a.IsAttachment() || a.isReported()) {
			return false
		}
	}
	return true
}

// isReported reports whether the part is the message that a report returns. A multipart is
// a report only with a status part. RFC 3464, Section 2; RFC 5965, Section 2; RFC 8098,
// Section 3.
func (p *Part) isReported() bool {
	if p.Parent == nil || p.Parent.MediaType != "multipart/report" {
		return false
	}
	return slices.ContainsFunc(p.Parent.Children, (*Part).isStatus)
}

// isStatus reports whether the part holds the fields of a report.
func (p *Part) isStatus() bool {
	var fields []string
	switch p.MediaType {
	case "message/delivery-status", "message/global-delivery-status":
		fields = []string{"action:", "reporting-mta:", "final-recipient:"}
	case "message/disposition-notification", "message/global-disposition-notification":
		fields = []string{"disposition:"}
	case "message/feedback-report":
		fields = []string{"feedback-type:"}
	default:
		return false
	}
	const longest = 64 << 10 // bytes; reports about hundreds of recipients have 20 KiB
	body := p.Decoded()
	lower := bytes.ToLower(body[:min(len(body), longest)])
	return slices.ContainsFunc(fields, func(f string) bool { return bytes.Contains(lower, []byte(f)) })
}

// Attachments returns the parts that clients offer as files, in order and in all readings,
// including those of embedded messages.
func (m *Message) Attachments() []*Part {
	var parts []*Part
	for _, p := range m.Parts {
		if p.IsAttachment() {
			parts = append(parts, p)
		}
	}
	return parts
}
