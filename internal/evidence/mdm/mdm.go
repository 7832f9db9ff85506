// Package mdm is the message data model: everything that rules, models and analysts may
// ask about a message, under the names of the public rule feed.
//
// Rules of the feed read a message through some three hundred named fields. This package
// holds those fields as types and reads them from a parsed message; what a message does
// not have is null, an empty list is a list, and a name that cannot be read is there with
// valid set to false. Fields of our own are in "outrider", which no rule of the feed
// reads.
//
// Standards: RFC 5322 (fields, addresses, threads), RFC 8601 (Authentication-Results),
// RFC 7208 Section 9.1 (Received-SPF), RFC 6376 Section 3.5 and RFC 8617 Section 4
// (signatures).
//
// Divergences: hop 0 holds the fields of the author and the first Received, so that the
// hop at which a message began can be asked about in one place. Addresses and domains are
// in lower case.
//
// Limits: bounds on lists are stated where they are; the bodies come from packages markup
// and thread, within the budget of the message.
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
	Recipients  Recipients   `json:"recipients"` // of the header; of the envelope where the header does not name them
	Mailbox     *Owner       `json:"mailbox"`    // for whom the message was judged
	Subject     Subject      `json:"subject"`
	Headers     Headers      `json:"headers"`
	Body        Body         `json:"body"`
	Attachments []Attachment `json:"attachments"`
	External    External     `json:"external"`
	Outrider    Outrider     `json:"outrider"` // ours
}

// Meta names the message within Outrider.
type Meta struct {
	ID          string     `json:"id"`
	CanonicalID string     `json:"canonical_id"` // SHA-256 of the message
	CreatedAt   time.Time  `json:"created_at"`
	EffectiveAt *time.Time `json:"effective_at"` // as of when lists and profiles are read
}

// External is what the mailbox knows of the message.
type External struct {
	MessageID  string  `json:"message_id"` // Message-ID field, with angle brackets
	RouteType  string  `json:"route_type"` // "received" or "sent"
	Spam       *bool   `json:"spam"`
	SpamFolder *bool   `json:"spam_folder"`
	ThreadID   *string `json:"thread_id"`
}

// Type says which way the message goes.
type Type struct {
	Inbound  bool `json:"inbound"`
	Outbound bool `json:"outbound"`
	Internal bool `json:"internal"` // from the organisation to itself, and proved
}

// Mailbox is a name and an address.
type Mailbox struct {
	DisplayName *string `json:"display_name"`
	Email       Email   `json:"email"`
}

// Owner is for whom a message was judged. Names are those by which the message calls the
// address, where it does.
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

// Domain is a domain name and its parts by the public suffix list.
type Domain struct {
	Domain     string  `json:"domain"`      // as written, in lower case
	RootDomain *string `json:"root_domain"` // one label below the public suffix
	SLD        *string `json:"sld"`         // that label
	TLD        *string `json:"tld"`         // the public suffix, which may have several labels
	Subdomain  *string `json:"subdomain"`   // what precedes the root domain
	Punycode   *string `json:"punycode"`    // A-labels, where the name has letters beyond ASCII
	Valid      bool    `json:"valid"`
}

// Recipients are the mailboxes that the message is for.
type Recipients struct {
	To  []Mailbox `json:"to"`
	Cc  []Mailbox `json:"cc"`
	Bcc []Mailbox `json:"bcc"`
}

// Subject is the subject and its parts.
type Subject struct {
	Subject     string   `json:"subject"`
	Base        *string  `json:"base"` // without tags and marks of replies
	IsReply     bool     `json:"is_reply"`
	IsForward   bool     `json:"is_forward"`
	IsAutoReply bool     `json:"is_auto_reply"`
	Tags        []string `json:"tags"` // what is in brackets in front, for example "[EXTERNAL]"
}

// IP is an address.
type IP struct {
	IP          string         `json:"ip"`
	Version     *int           `json:"version"`
	Translation *IPTranslation `json:"translation"`
}

// IPTranslation says how an address was written.
type IPTranslation struct {
	Original string   `json:"original"`
	V4ToV6   *bool    `json:"v4_to_v6"`
	Encoders []string `json:"encoders"` // "octal", "hexadecimal", "decimal_integer"
}

// Body is what the message says.
type Body struct {
	CurrentThread   Thread           `json:"current_thread"`
	PreviousThreads []PreviousThread `json:"previous_threads"` // the newest first
	HTML            *HTML            `json:"html"`
	Plain           *Plain           `json:"plain"`
	Links           []Link           `json:"links"` // each once by target and what it shows
	IPs             []IP             `json:"ips"`
}

// Thread is what the author wrote now.
type Thread struct {
	Text     string   `json:"text"`
	Links    []Link   `json:"links"`
	Banners  []Banner `json:"banners"`
	Preamble *string  `json:"preamble"` // line that introduces what is quoted
}

// Banner is a warning that a gateway put in front.
type Banner struct {
	Text  string `json:"text"`
	Links []Link `json:"links"`
}

// PreviousThread is an earlier message that is quoted.
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

	document *markup.Document // what it was read from
}

// Plain is the plain text of the body.
type Plain struct {
	Raw                     string  `json:"raw"`
	Charset                 *string `json:"charset"`
	ContentTransferEncoding *string `json:"content_transfer_encoding"`
	Links                   []Link  `json:"links"`
}

// Link is a link as a reader meets it.
type Link struct {
	HrefURL     URL     `json:"href_url"`     // where it leads, unwrapped
	DisplayURL  *URL    `json:"display_url"`  // the text, where that is a URL
	DisplayText *string `json:"display_text"` // the text, where it is none
	Mismatched  bool    `json:"mismatched"`   // both are URLs of different root domains
	Parser      string  `json:"parser"`       // "plain", "hyperlink", or "code" of a QR code that the body draws
	Visible     *bool   `json:"visible"`
}

// URL is a URL and its parts.
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

// Rewrite says how a URL was wrapped.
type Rewrite struct {
	Original string   `json:"original"`
	Encoders []string `json:"encoders"` // the outer-most first
}

// Attachment is a part that is not the text of the body.
type Attachment struct {
	FileName                *string `json:"file_name"`
	FileExtension           *string `json:"file_extension"` // of the name, in lower case, without the dot
	FileType                string  `json:"file_type"`      // by content; "unknown" where none is known
	ContentType             *string `json:"content_type"`
	ContentID               *string `json:"content_id"` // without angle brackets
	ContentDisposition      *string `json:"content_disposition"`
	ContentTransferEncoding *string `json:"content_transfer_encoding"`
	Size                    int     `json:"size"` // decoded
	MD5                     string  `json:"md5"`
	SHA1                    string  `json:"sha1"`
	SHA256                  string  `json:"sha256"`
	Part                    string  `json:"part"` // position in the message; ours

	part *message.Part // what it is; nil where it is made by hand
}

// Outrider is what the feed's model has no place for.
type Outrider struct {
	Auth          Auth           `json:"auth"`
	Payments      []Payment      `json:"payments"`
	Codes         []string       `json:"codes"` // what QR codes say that the body draws with cells or characters
	Phones        []string       `json:"phones"`
	HiddenText    string         `json:"hidden_text"` // in the HTML and not seen by readers
	Defects       []string       `json:"defects"`     // of the form of the message, each kind once
	Readings      int            `json:"readings"`    // parts that clients read in two ways
	Degraded      []string       `json:"degraded"`    // what was not looked at in time
	Exceeded      []string       `json:"exceeded"`    // what the budget cut
	NewSender     bool           `json:"new_sender"`  // no mail from the address was received before
	OwnRecipients []string       `json:"own_recipients"`
	Files         []ArchivedFile `json:"files"` // attachments that were opened, and what is in them
	Texts         []FileText     `json:"texts"` // of files, that people read like the text of the message
	Calendars     []Calendar     `json:"calendars"`
	Report        *Report        `json:"report"`   // what a mail system says about mail
	Seals         []string       `json:"seals"`    // how parts are signed or encrypted: "smime-signed", "pgp-encrypted" and so on
	Fragment      bool           `json:"fragment"` // it is a piece of a message that was sent in several
}

// FileText is the text of a file that people open to read: a page, a document, an attached message.
type FileText struct {
	Part  string `json:"part"` // position of the attachment
	Name  string `json:"name"`
	Text  string `json:"text"`
	Links []URL  `json:"links"`
}

// ArchivedFile is an attachment or a file found in one.
type ArchivedFile struct {
	Part      string    `json:"part"`   // position of the attachment
	ID        int       `json:"id"`     // within the attachment, which is 0
	Parent    int       `json:"parent"` // id of the container, -1 for the attachment
	Depth     int       `json:"depth"`
	Name      string    `json:"name"`
	FileType  string    `json:"file_type"`
	Format    string    `json:"format"` // finer than file_type
	MIME      string    `json:"mime"`   // by content
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	TLSH      string    `json:"tlsh"`
	Entropy   float64   `json:"entropy"` // bits per byte
	Encrypted bool      `json:"encrypted"`
	Unread    bool      `json:"unread"`   // only the name is known
	Notes     []string  `json:"notes"`    // what was not looked at, or is wrong
	Matches   []string  `json:"matches"`  // names of YARA rules
	Document  *Document `json:"document"` // what it says, where it is a document that was read
}

// Document is what a file says that people open to read or to look at.
type Document struct {
	Title   *string  `json:"title"`
	Author  *string  `json:"author"`
	Creator *string  `json:"creator"` // program that made it
	Pages   int      `json:"pages"`
	Text    string   `json:"text"`
	Links   []URL    `json:"links"`   // of links and of QR codes
	Codes   []string `json:"codes"`   // what QR codes say
	Actions []string `json:"actions"` // what happens by itself or at a click
	Scripts []string `json:"scripts"` // JavaScript and macros
	Fields  []string `json:"fields"`  // names of the fields of a form
	Notes   []string `json:"notes"`   // oddities that readers tolerate
}

// Auth is authentication as our own edge, or the host that received the message, found.
type Auth struct {
	Source string   `json:"source"` // "edge", "header" or "none"
	SPF    string   `json:"spf"`
	DKIM   []string `json:"dkim"` // "pass example.org", one per signature
	DMARC  string   `json:"dmarc"`
	Policy string   `json:"policy"` // of the author's domain
	Client string   `json:"client"` // address of the true sender
}

// Payment is an identity by which money finds its way.
type Payment struct {
	Kind    string `json:"kind"`
	Value   string `json:"value"`
	Country string `json:"country"`
}
