package mdm

import (
	"crypto/md5"  //nolint:gosec // names files in lists that others publish
	"crypto/sha1" //nolint:gosec // names files in lists that others publish
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/evidence/reading"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/observable"
)

// Input is the source of the model.
type Input struct {
	Received  *message.Received // always non-nil
	Message   *message.Message  // always non-nil
	Auth      mailauth.Results
	Budget    *budget.Budget                       // always non-nil
	Own       func(domain string) bool             // reports whether the organisation has the domain; or nil
	Reports   map[*message.Part]*attachment.Report // of the opened attachments
	Reading   *reading.Reading                     // of the texts; nil: read them now
	Texts     []FileText                           // of files
	Pictures  []Opened                             // embedded in the texts
	NewSender bool
	Degraded  []string
}

// Opened is an opened file and the part that holds it.
type Opened struct {
	Part   *message.Part
	Report *attachment.Report
}

// Read builds the whole model.
func Read(in *Input) *Message {
	if in.Reading == nil {
		in.Reading = reading.Read(in.Message, in.Budget)
	}
	sum := sha256.Sum256(in.Message.Raw)
	h := in.Message.Header()
	m := &Message{
		Meta:    Meta{ID: string(in.Received.ID), CanonicalID: hex.EncodeToString(sum[:]), CreatedAt: in.Received.At.UTC()},
		Subject: NewSubject(in.Message.Subject()),
		Headers: newHeaders(in),
		External: External{
			MessageID: h.Get("Message-ID"), RouteType: "received",
		},
		Attachments: newAttachments(in),
	}
	m.Subject.IsAutoReply = m.Subject.IsAutoReply || isAutoReply(h)
	if m.Headers.From != nil {
		m.Sender = *m.Headers.From
	}
	m.recipients(in)
	m.Type = newType(in, m)
	docs := readBody(in, m)
	m.Outrider = newOutrider(in, m, docs)
	return m
}

// recipients takes the recipients of the header; those only in the envelope received a
// blind copy.
func (m *Message) recipients(in *Input) {
	h := in.Message.Header()
	m.Recipients = Recipients{To: newMailboxes(h.Mailboxes("To")), Cc: newMailboxes(h.Mailboxes("Cc")), Bcc: newMailboxes(h.Mailboxes("Bcc"))}
	named := make(map[string]bool)
	for _, list := range [][]Mailbox{m.Recipients.To, m.Recipients.Cc, m.Recipients.Bcc} {
		for i := range list {
			named[list[i].Email.Email] = true
		}
	}
	for i, r := range in.Received.Envelope.Recipients {
		e := NewEmail(r.Address)
		if i == 0 {
			m.Mailbox = newOwner(e, slices.Concat(m.Recipients.To, m.Recipients.Cc))
		}
		if len(m.Recipients.Bcc) < maxMailboxes && !named[e.Email] {
			named[e.Email] = true
			m.Recipients.Bcc = append(m.Recipients.Bcc, Mailbox{Email: e})
		}
	}
}

// newOwner describes the recipient. A display name of two words, or "last, first", is
// split.
func newOwner(e Email, named []Mailbox) *Owner {
	o := &Owner{Email: e}
	i := slices.IndexFunc(named, func(m Mailbox) bool { return m.Email.Email == e.Email && m.DisplayName != nil })
	if i < 0 || strings.Contains(*named[i].DisplayName, "@") {
		return o
	}
	o.DisplayName = named[i].DisplayName
	first, last, ok := strings.Cut(*o.DisplayName, " ")
	if l, f, comma := strings.Cut(*o.DisplayName, ","); comma {
		first, last, ok = strings.TrimSpace(f), strings.TrimSpace(l), true
	}
	if ok && first != "" && last != "" {
		o.FirstName, o.LastName = &first, &last
	}
	return o
}

// newType returns the direction of the message. A message from the organisation to itself
// is internal only if its author is authenticated, since anybody can write the address.
func newType(in *Input, m *Message) Type {
	own := in.Own
	if own == nil {
		own = func(string) bool { return false }
	}
	from := own(m.Sender.Email.Domain.Domain)
	inside, outside := 0, 0
	for _, list := range [][]Mailbox{m.Recipients.To, m.Recipients.Cc, m.Recipients.Bcc} {
		for i := range list {
			if own(list[i].Email.Domain.Domain) {
				inside++
			} else {
				outside++
			}
		}
	}
	proved := from && in.Auth.AlignedPass(m.Sender.Email.Domain.Domain)
	return Type{Inbound: !proved, Outbound: proved && outside > 0, Internal: proved && inside > 0}
}

// isAutoReply reports whether the message is an automatic answer. RFC 3834, Section 5.
func isAutoReply(h *message.Header) bool {
	auto := strings.ToLower(h.Get("Auto-Submitted"))
	return strings.HasPrefix(auto, "auto-replied") || h.Has("X-Autoreply") || h.Has("X-Autorespond")
}

// maxAttachments bounds the described attachments.
const maxAttachments = 200

func newAttachments(in *Input) []Attachment {
	out := []Attachment{}
	for _, p := range in.Message.Attachments() {
		if p.IsMultipart() {
			continue
		}
		if len(out) == maxAttachments {
			break
		}
		a := newAttachment(p)
		if r := in.Reports[p]; r != nil && len(r.Files) > 0 {
			a.FileType = r.Files[0].Type
		}
		out = append(out, a)
	}
	return out
}

func newAttachment(p *message.Part) Attachment {
	data := (&Attachment{part: p}).Content()
	fileType, _ := attachment.Identify(data, p.Filename)
	m, s1, s256 := md5.Sum(data), sha1.Sum(data), sha256.Sum256(data) //nolint:gosec // names, see above
	return Attachment{
		part: p, FileName: text(p.Filename), FileExtension: text(observable.Extension(p.Filename)), FileType: fileType,
		ContentType: text(p.MediaType), ContentID: text(p.ContentID), ContentDisposition: text(p.Disposition),
		ContentTransferEncoding: text(p.Encoding), Size: len(data), Part: p.Path,
		MD5: hex.EncodeToString(m[:]), SHA1: hex.EncodeToString(s1[:]), SHA256: hex.EncodeToString(s256[:]),
	}
}

// newOutrider fills our own fields.
func newOutrider(in *Input, m *Message, docs []string) Outrider {
	o := Outrider{
		Auth:     newAuth(&in.Auth),
		Payments: []Payment{}, Phones: []string{}, Defects: []string{}, Exceeded: []string{}, OwnRecipients: []string{}, Seals: []string{},
		HiddenText: strings.Join(docs, "\n"), Degraded: append([]string{}, in.Degraded...), NewSender: in.NewSender,
	}
	o.Codes, o.Texts = append([]string{}, in.Reading.Codes...), append([]FileText{}, in.Texts...)
	o.Files, o.Calendars, o.Report = filesOf(in), newCalendars(in), newReport(in)
	for _, s := range in.Message.Seals() {
		o.Seals = append(o.Seals, string(s))
	}
	o.Fragment = slices.ContainsFunc(in.Message.Parts, (*message.Part).IsFragment)
	for _, p := range observable.Payments(m.Subject.Subject + "\n" + m.Body.CurrentThread.Text) {
		o.Payments = append(o.Payments, Payment{string(p.Kind), p.Value, p.Country})
	}
	o.Phones = append(o.Phones, observable.Phones(m.Body.CurrentThread.Text)...)
	for _, d := range in.Message.Defects {
		if !slices.Contains(o.Defects, string(d.Kind)) {
			o.Defects = append(o.Defects, string(d.Kind))
		}
	}
	for _, p := range in.Message.Parts {
		if p.Reading > 1 {
			o.Readings++
		}
	}
	for _, r := range in.Budget.Exceeded() {
		o.Exceeded = append(o.Exceeded, r.String())
	}
	for _, r := range in.Received.Envelope.Recipients {
		o.OwnRecipients = append(o.OwnRecipients, strings.ToLower(r.Address))
	}
	return o
}

// filesOf lists the files in the attachments.
func filesOf(in *Input) []ArchivedFile {
	out := []ArchivedFile{}
	var opened []Opened
	for _, p := range in.Message.Attachments() {
		if r := in.Reports[p]; r != nil {
			opened = append(opened, Opened{p, r})
		}
	}
	for _, o := range append(opened, in.Pictures...) {
		p, r := o.Part, o.Report
		for i := range r.Files {
			f := &r.Files[i]
			if len(out) == maxArchived {
				return out
			}
			out = append(out, ArchivedFile{
				Part: p.Path, ID: f.ID, Parent: f.Parent, Depth: f.Depth, Name: f.Name, FileType: f.Type, Format: f.Format, MIME: f.MIME,
				Size: f.Size, SHA256: f.SHA256, TLSH: f.TLSH, Entropy: f.Entropy, Encrypted: f.Encrypted, Unread: f.Unread, Notes: notesOf(r, f.ID), Matches: append([]string{}, f.Matches...),
				Document: newDocument(f.Document),
			})
		}
	}
	return out
}

func newDocument(d *attachment.Document) *Document {
	if d == nil {
		return nil
	}
	out := Document{
		Title: text(d.Title), Author: text(d.Author), Creator: text(d.Creator), Pages: d.Pages, Text: d.Text, Links: []URL{},
		Codes: append([]string{}, d.Codes...), Actions: append([]string{}, d.Actions...), Scripts: append([]string{}, d.Scripts...),
		Fields: append([]string{}, d.Fields...), Notes: append([]string{}, d.Notes...),
	}
	for _, raw := range slices.Concat(d.URLs, d.Codes) {
		if u, ok := observable.ParseURL(raw); ok {
			out.Links = append(out.Links, NewURL(u))
		}
	}
	return &out
}

// maxArchived bounds the listed files of one message.
const maxArchived = 500

func notesOf(r *attachment.Report, id int) []string {
	out := []string{}
	for _, n := range r.Notes {
		if n.File == id {
			out = append(out, string(n.Kind))
		}
	}
	return out
}

func newAuth(a *mailauth.Results) Auth {
	out := Auth{
		Source: string(a.Source), SPF: string(a.SPF.Result), DKIM: []string{}, DMARC: string(a.DMARC.Result), Policy: a.DMARC.Policy,
	}
	for _, d := range a.DKIM {
		out.DKIM = append(out.DKIM, string(d.Result)+" "+d.Domain)
	}
	if a.Client.IsValid() {
		out.Client = a.Client.String()
	}
	return out
}
