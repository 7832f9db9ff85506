package ole

import (
	"fmt"
	"strings"
)

// The names of storages and streams of messages. MS-OXMSG, 2.2 and 2.4.
const (
	propertyPrefix  = "__substg1.0_"
	attachPrefix    = "__attach_version1.0_#"
	recipientPrefix = "__recip_version1.0_#"
	embeddedMessage = "__substg1.0_3701000d"
	propertyStream  = "__properties_version1.0"
)

// maxMessages bounds the nested and sibling messages.
const maxMessages = 50

// mailParts collects the parts of a message from its streams.
type mailParts struct {
	mail       *Mail
	files      map[string]*File
	recipients map[string]*Recipient
	order      []string // storages of files and recipients
	messages   []string // storages of messages
	isMessage  map[string]bool
}

// mail reads the message whose storage is dir, and the messages in it. MS-OXMSG, 2.1: a
// stream per property, named by tag and type, and a storage per attachment and recipient.
func (r *reader) mail(dir string) *Mail {
	r.messages++
	p := mailParts{mail: &Mail{}, files: map[string]*File{}, recipients: map[string]*Recipient{}, isMessage: map[string]bool{}}
	sound := r.reminderSound(dir)
	for _, e := range r.entries {
		rest, ok := strings.CutPrefix(strings.ToLower(e.path), dir)
		if !ok {
			continue
		}
		storage, name, found := strings.Cut(rest, "/")
		if !found {
			storage, name = "", rest
		}
		tag, isProperty := strings.CutPrefix(name, propertyPrefix)
		switch {
		case name == embeddedMessage+"/"+propertyStream && strings.HasPrefix(storage, attachPrefix):
			p.messages, p.isMessage[storage] = append(p.messages, dir+storage+"/"+embeddedMessage+"/"), true
		case !isProperty || len(tag) != 8:
		case storage == "" && sound != "" && tag[:4] == sound:
			r.action("reminder-sound", propertyText(tag, e.data))
		case storage == "":
			r.mailField(p.mail, tag, e.data)
		default:
			p.part(storage, tag, e.data)
		}
	}
	r.finish(&p)
	return p.mail
}

// part keeps a property of an attachment or recipient.
func (p *mailParts) part(storage, tag string, b []byte) {
	switch {
	case strings.HasPrefix(storage, attachPrefix):
		if p.files[storage] == nil {
			p.files[storage] = &File{}
			p.order = append(p.order, storage)
		}
		attachment(p.files[storage], p.mail, tag, b)
	case strings.HasPrefix(storage, recipientPrefix):
		if p.recipients[storage] == nil {
			p.recipients[storage] = &Recipient{}
			p.order = append(p.order, storage)
		}
		p.recipients[storage].field(tag, b)
	}
}

// finish lists the parts in order, and reads the inner messages.
func (r *reader) finish(p *mailParts) {
	m := p.mail
	for _, storage := range p.order[:min(len(p.order), r.limits.Items)] {
		switch f := p.files[storage]; {
		case f == nil:
			m.Recipients = append(m.Recipients, *p.recipients[storage])
		case !p.isMessage[storage]:
			m.Attachments = append(m.Attachments, *f)
		}
	}
	for _, link := range m.remote {
		r.action("attachment-link", link)
	}
	for _, dir := range p.messages {
		if r.messages >= maxMessages {
			r.doc.note(OverLimit)
			return
		}
		m.Messages = append(m.Messages, r.mail(dir))
	}
}

// propertyText returns the value of a property: UTF-16, or 8-bit text.
func propertyText(tag string, b []byte) string {
	if tag[4:8] == "001f" {
		return strings.TrimRight(utf16le(b), "\x00")
	}
	return strings.TrimRight(Decode(b, 1252), "\x00")
}

// mailField keeps a property of the message. MS-OXPROPS defines the tags.
func (r *reader) mailField(m *Mail, tag string, b []byte) {
	if len(b) > r.limits.Text {
		r.doc.note(OverLimit)
		b = b[:r.limits.Text]
	}
	switch tag[:4] {
	case "0037":
		m.Subject = propertyText(tag, b)
	case "0c1a":
		m.SenderName = propertyText(tag, b)
	case "0c1f":
		if m.Sender == "" {
			m.Sender = propertyText(tag, b)
		}
	case "5d01": // the SMTP address, if 0C1F is a directory address
		m.Sender = propertyText(tag, b)
	case "0e04":
		m.To = propertyText(tag, b)
	case "007d":
		m.Headers = propertyText(tag, b)
	case "1000":
		m.Text = propertyText(tag, b)
	case "1009":
		m.RTF = r.packedRTF(b)
	case "1013":
		m.HTML = b
	}
}

// packedRTF unpacks the body in Rich Text Format.
func (r *reader) packedRTF(b []byte) []byte {
	out, err := UnpackRTF(b, int(min(r.left, int64(r.limits.Text))))
	if err != nil {
		r.doc.note(BadRTF)
	}
	r.left -= int64(len(out))
	return out
}

// attachment keeps a property of an attachment; the long name takes precedence over the
// short one.
func attachment(f *File, m *Mail, tag string, b []byte) {
	switch tag {
	case "3707001f", "3707001e":
		f.Name = propertyText(tag, b)
	case "3704001f", "3704001e":
		if f.Name == "" {
			f.Name = propertyText(tag, b)
		}
	case "370d001f", "370d001e": // the path of an attachment outside of the message
		m.remote = append(m.remote, propertyText(tag, b))
	case "37010102":
		f.Data = b
	}
}

func (p *Recipient) field(tag string, b []byte) {
	switch tag[:4] {
	case "3001":
		p.Name = propertyText(tag, b)
	case "3003":
		if p.Address == "" {
			p.Address = propertyText(tag, b)
		}
	case "39fe": // the SMTP address
		p.Address = propertyText(tag, b)
	}
}

// reminderSound returns the tag for the reminder sound of the message, or "". Outlook used
// to fetch it from its path, even from a stranger's server. MS-OXPROPS,
// PidLidReminderFileParameter; MS-OXMSG, 2.2.3.1.2: an entry is a number, and its meaning:
// bit 0 a name, and the upper half the order of the tags.
func (r *reader) reminderSound(dir string) string {
	if dir != "" {
		return "" // only the outermost message is opened automatically
	}
	const parameter = 0x851F
	for b := r.find("__nameid_version1.0/__substg1.0_00030102"); len(b) >= 8; b = b[8:] {
		if le32(b) == parameter && b[4]&1 == 0 {
			return fmt.Sprintf("%04x", 0x8000+int(le16(b[6:])))
		}
	}
	return ""
}
