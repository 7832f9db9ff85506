// Package mdm is the message data model: every field of a message that rules, models and
// analysts can use, named as in the public rule feed.
//
// Rules of the feed use about three hundred named fields. This package defines those fields
// as types and fills them from a parsed message: an absent value is null, an empty list is
// a list, and a name that does not parse is present with valid set to false. Our own fields
// are in "outrider", which no rule of the feed uses.
//
// Standards: RFC 5322 (fields, addresses, threads), RFC 8601 (Authentication-Results), RFC
// 7208 Section 9.1 (Received-SPF), RFC 6376 Section 3.5 and RFC 8617 Section 4
// (signatures).
//
// Divergences: hop 0 holds the fields of the author and the first Received, so that rules
// find the origin of a message in one place. Addresses and domains are in lower case.
//
// Limits: each list states its bound; the bodies come from packages markup and thread,
// within the budget of the message.
package mdm

import (
	"time"

	"outrider/internal/markup"
	"outrider/internal/message"
)

// Message is the root of the model.
type Message struct {
	Meta        Meta         `json:"_meta"`
	Type        Type         `json:"type"`
	Sender      Mailbox      `json:"sender"`     // first author of From
	Recipients  Recipients   `json:"recipients"` // of the header, or of the envelope if the header names none
	Mailbox     *Owner       `json:"mailbox"`    // recipient for whom the message was judged
	Subject     Subject      `json:"subject"`
	Headers     Headers      `json:"headers"`
	Body        Body         `json:"body"`
	Attachments []Attachment `json:"attachments"`
	External    External     `json:"external"`
	Outrider    Outrider     `json:"outrider"` // fields of our own
}

// Meta identifies the message within Outrider.
type Meta struct {
	ID          string     `json:"id"`
	CanonicalID string     `json:"canonical_id"` // SHA-256 of the message
	CreatedAt   time.Time  `json:"created_at"`
	EffectiveAt *time.Time `json:"effective_at"` // time for which lists and profiles are read
}

// External is the mailbox's data about the message.
type External struct {
	MessageID  string  `json:"message_id"` // Message-ID field, with angle brackets
	RouteType  string  `json:"route_type"` // "received" or "sent"
	Spam       *bool   `json:"spam"`
	SpamFolder *bool   `json:"spam_folder"`
	ThreadID   *string `json:"thread_id"`
}

// Type is the direction of the message.
type Type struct {
	Inbound  bool `json:"inbound"`
	Outbound bool `json:"outbound"`
	Internal bool `json:"internal"` // authenticated mail from the organisation to itself
}

// Mailbox is a name and an address.
type Mailbox struct {
	DisplayName *string `json:"display_name"`
	Email       Email   `json:"email"`
}

// Owner is the recipient for whom a message was judged. Names are the display names that
// the message gives the address, if any.
type Owner struct {
	DisplayName *string `json:"display_name"`
	Email       Email   `json:"email"`
	FirstName   *string `json:"first_name"`
	LastName    *string `json:"last_name"`
}

// Email is an address.
type Email struct {
	Email     string `json:"email"`
	LocalPart string `json:"local_part"`
	Domain    Domain `json:"domain"`
}

// Domain is a domain name, split by the public suffix list.
type Domain struct {
	Domain     string  `json:"domain"`      // as written, in lower case
	RootDomain *string `json:"root_domain"` // one label below the public suffix
	SLD        *string `json:"sld"`         // the first label of the root domain
	TLD        *string `json:"tld"`         // the public suffix, of one or several labels
	Subdomain  *string `json:"subdomain"`   // labels before the root domain
	Punycode   *string `json:"punycode"`    // A-labels, if the name has characters beyond ASCII
	Valid      bool    `json:"valid"`
}

// Recipients are the mailboxes of the recipients.
type Recipients struct {
	To  []Mailbox `json:"to"`
	Cc  []Mailbox `json:"cc"`
	Bcc []Mailbox `json:"bcc"`
}

// Subject is the subject and its parts.
type Subject struct {
	Subject     string   `json:"subject"`
	Base        *string  `json:"base"` // without tags and reply prefixes
	IsReply     bool     `json:"is_reply"`
	IsForward   bool     `json:"is_forward"`
	IsAutoReply bool     `json:"is_auto_reply"`
	Tags        []string `json:"tags"` // text in leading brackets, for example "[EXTERNAL]"
}

// IP is an IP address.
type IP struct {
	IP          string         `json:"ip"`
	Version     *int           `json:"version"`
	Translation *IPTranslation `json:"translation"`
}

// IPTranslation is the notation of an IP address.
type IPTranslation struct {
	Original string   `json:"original"`
	V4ToV6   *bool    `json:"v4_to_v6"`
	Encoders []string `json:"encoders"` // "octal", "hexadecimal", "decimal_integer"
}

// Body is the content of the message.
type Body struct {
	CurrentThread   Thread           `json:"current_thread"`
	PreviousThreads []PreviousThread `json:"previous_threads"` // the newest first
	HTML            *HTML            `json:"html"`
	Plain           *Plain           `json:"plain"`
	Links           []Link           `json:"links"` // distinct by target and visible text
	IPs             []IP             `json:"ips"`
}

// Thread is the text that the author wrote now.
type Thread struct {
	Text     string   `json:"text"`
	Links    []Link   `json:"links"`
	Banners  []Banner `json:"banners"`
	Preamble *string  `json:"preamble"` // line that introduces the quotation
}

// Banner is a warning that a gateway put before the text.
type Banner struct {
	Text  string `json:"text"`
	Links []Link `json:"links"`
}

// PreviousThread is an earlier message that this one quotes.
type PreviousThread struct {
	Index      int        `json:"index"`
	Text       string     `json:"text"`
	Preamble   *string    `json:"preamble"`
	Sender     *Mailbox   `json:"sender"`
	Recipients Recipients `json:"recipients"`
	Subject    *Subject   `json:"subject"`
	Date       *time.Time `json:"date"`
	Links      []Link     `json:"links"`
	Banners    []Banner   `json:"banners"`
}

// HTML is the HTML text of the body.
type HTML struct {
	Raw                     string  `json:"raw"`
	InnerText               string  `json:"inner_text"`
	DisplayText             string  `json:"display_text"`
	Charset                 *string `json:"charset"`
	ContentTransferEncoding *string `json:"content_transfer_encoding"`
	Links                   []Link  `json:"links"`

	document *markup.Document // the parsed document
}

// Plain is the plain text of the body.
type Plain struct {
	Raw                     string  `json:"raw"`
	Charset                 *string `json:"charset"`
	ContentTransferEncoding *string `json:"content_transfer_encoding"`
	Links                   []Link  `json:"links"`
}

// Link is a link as a reader sees it.
type Link struct {
	HrefURL     URL     `json:"href_url"`     // target, unwrapped
	DisplayURL  *URL    `json:"display_url"`  // visible text, if it is a URL
	DisplayText *string `json:"display_text"` // visible text, if it is no URL
	Mismatched  bool    `json:"mismatched"`   // both are URLs with different root domains
	Parser      string  `json:"parser"`       // "plain", "hyperlink", or "code" for a QR code that the body draws
	Visible     *bool   `json:"visible"`
}

// URL is a URL, split into parts.
type URL struct {
	URL                string              `json:"url"`
	Scheme             *string             `json:"scheme"`
	Username           *string             `json:"username"`
	Password           *string             `json:"password"`
	Domain             Domain              `json:"domain"`
	IP                 *IP                 `json:"ip"`
	Port               *int                `json:"port"`
	Path               *string             `json:"path"`
	QueryParams        *string             `json:"query_params"` // without the question mark
	QueryParamsDecoded map[string][]string `json:"query_params_decoded"`
	Fragment           *string             `json:"fragment"` // without the number sign
	Rewrite            *Rewrite            `json:"rewrite"`
}

// Rewrite is how a URL was wrapped.
type Rewrite struct {
	Original string   `json:"original"`
	Encoders []string `json:"encoders"` // outermost first
}

// Attachment is a part other than the text of the body.
type Attachment struct {
	FileName                *string `json:"file_name"`
	FileExtension           *string `json:"file_extension"` // of the name, in lower case, without the dot
	FileType                string  `json:"file_type"`      // by content, or "unknown"
	ContentType             *string `json:"content_type"`
	ContentID               *string `json:"content_id"` // without angle brackets
	ContentDisposition      *string `json:"content_disposition"`
	ContentTransferEncoding *string `json:"content_transfer_encoding"`
	Size                    int     `json:"size"` // decoded
	MD5                     string  `json:"md5"`
	SHA1                    string  `json:"sha1"`
	SHA256                  string  `json:"sha256"`
	Part                    string  `json:"part"` // position in the message; our own field

	part *message.Part // source; nil for a hand-made one
}

// Outrider holds our own fields, which the feed's model lacks.
type Outrider struct {
	Auth          Auth           `json:"auth"`
	Payments      []Payment      `json:"payments"`
	Codes         []string       `json:"codes"` // contents of QR codes that the body draws with cells or characters
	Phones        []string       `json:"phones"`
	HiddenText    string         `json:"hidden_text"` // in the HTML, hidden from readers
	Defects       []string       `json:"defects"`     // defects of form, each kind once
	Readings      int            `json:"readings"`    // parts that clients interpret in two ways
	Degraded      []string       `json:"degraded"`    // checks that did not finish in time
	Exceeded      []string       `json:"exceeded"`    // limits of the budget that were exceeded
	NewSender     bool           `json:"new_sender"`  // first mail from the address
	OwnRecipients []string       `json:"own_recipients"`
	Files         []ArchivedFile `json:"files"` // opened attachments and the files in them
	Texts         []FileText     `json:"texts"` // texts of files that people read like the body
	Calendars     []Calendar     `json:"calendars"`
	Report        *Report        `json:"report"`   // delivery or other status report
	Seals         []string       `json:"seals"`    // signatures and encryption: "smime-signed", "pgp-encrypted" and so on
	Fragment      bool           `json:"fragment"` // piece of a message that was split into several
}

// FileText is the text of a file that people open to read: a page, a document, an attached
// message.
type FileText struct {
	Part  string `json:"part"` // position of the attachment
	Name  string `json:"name"`
	Text  string `json:"text"`
	Links []URL  `json:"links"`
}

// ArchivedFile is an attachment or a file in one.
type ArchivedFile struct {
	Part      string    `json:"part"`   // position of the attachment
	ID        int       `json:"id"`     // within the attachment; the attachment is 0
	Parent    int       `json:"parent"` // id of the container, -1 for the attachment
	Depth     int       `json:"depth"`
	Name      string    `json:"name"`
	FileType  string    `json:"file_type"`
	Format    string    `json:"format"` // more specific than file_type
	MIME      string    `json:"mime"`   // by content
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	TLSH      string    `json:"tlsh"`
	Entropy   float64   `json:"entropy"` // bits per byte
	Encrypted bool      `json:"encrypted"`
	Unread    bool      `json:"unread"`   // content was not read
	Notes     []string  `json:"notes"`    // content that was not examined, and defects
	Matches   []string  `json:"matches"`  // names of matching YARA rules
	Document  *Document `json:"document"` // content, if it is a document that was read
}

// Document is the content of a file that people open to read or to look at.
type Document struct {
	Title   *string  `json:"title"`
	Author  *string  `json:"author"`
	Creator *string  `json:"creator"` // program that made the document
	Pages   int      `json:"pages"`
	Text    string   `json:"text"`
	Links   []URL    `json:"links"`   // targets of links and QR codes
	Codes   []string `json:"codes"`   // contents of QR codes
	Actions []string `json:"actions"` // actions on opening or at a click
	Scripts []string `json:"scripts"` // JavaScript and macros
	Fields  []string `json:"fields"`  // names of form fields
	Notes   []string `json:"notes"`   // defects that readers tolerate
}

// Auth holds the authentication results of our own edge, or of the host that received the
// message.
type Auth struct {
	Source string   `json:"source"` // "edge", "header" or "none"
	SPF    string   `json:"spf"`
	DKIM   []string `json:"dkim"` // "pass example.org", one per signature
	DMARC  string   `json:"dmarc"`
	Policy string   `json:"policy"` // of the author's domain
	Client string   `json:"client"` // address of the true sender
}

// Payment identifies an account for payments.
type Payment struct {
	Kind    string `json:"kind"`
	Value   string `json:"value"`
	Country string `json:"country"`
}
