// Package message reads Internet messages: header sections, MIME parts, their
// decoded content, and everything about them that is not as it should be.
//
// A message (RFC 5322) is a header section, an empty line and a body; MIME (RFC
// 2045 to 2049) makes the body a tree of parts, each with a media type and a
// transfer encoding. Mail clients repair broken messages, each in its own way, and
// attackers hide in the differences: this parser never fails, keeps byte offsets
// of everything, and reports each repair as a Defect. Where clients are known to
// differ, it offers a second reading.
//
// Standards: RFC 5322, RFC 2045 to 2047, RFC 2049, RFC 2183 (Content-Disposition),
// RFC 2231 (parameters), RFC 3676 (format=flowed), RFC 6532 (UTF-8 headers), RFC
// 2152 (UTF-7).
//
// Divergences: a line ends with CRLF or LF; a CR alone does not end a line. A line
// in a header section that is no field is skipped when the next line is one, and
// ends the section otherwise. A delimiter line must equal "--" and the boundary,
// followed by white space at most; RFC 2046 asks for the beginning of the line
// only, which is the second reading. A byte order mark before the header section is
// ignored.
//
// Limits: the resources of package budget; a message that wants more keeps the
// rest as one leaf, whose texts and file names are read flat, without its structure. At most maxReadings parts are read a second time, and
// nothing inside a second reading is.
package message

import (
	"strings"
	"sync"
	"time"

	"outrider/internal/address"
	"outrider/internal/budget"
)

// Range is a half-open range of byte offsets into Message.Raw.
type Range struct{ From, To int }

// Len returns the number of bytes in the range.
func (r Range) Len() int { return r.To - r.From }

// Message is one parsed message. It is immutable and safe for concurrent use.
type Message struct {
	Raw     []byte   // the bytes that were parsed; shared, never changed
	Root    *Part    // always non-nil; its header is the header of the message
	Parts   []*Part  // every part in reading order, Root first, those of embedded messages and second readings included
	Defects []Defect // everything tolerated, in order of offset, at most maxDefects

	work int // bytes that scans looked at, to prove that they are linear
	base int // for the bytes of a decoded part: where that stands in the outermost message
}

// Header returns the header section of the message.
func (m *Message) Header() *Header { return &m.Root.Header }

// Part is one node of the MIME tree.
type Part struct {
	Path     string  // position as IMAP numbers it: "" is the root, "1", "2.1"; a multipart that is an embedded message ends with "TEXT"; a second reading adds "~2", or the next number that is free
	Header   Header  // header section of the part; empty for parts without one
	Raw      Range   // from the first header byte to the last body byte
	Body     Range   // body bytes, without the line end that belongs to the boundary
	Parent   *Part   // or nil for the root
	Children []*Part // parts of a multipart, or the one embedded message of message/rfc822
	Depth    int     // levels below the root

	MediaType   string            // lower case, for example "text/html"; what clients take it for when the field is missing or broken
	Params      map[string]string // Content-Type parameters, names in lower case, values decoded (RFC 2231); or nil
	Disposition string            // lower-case Content-Disposition type, or ""
	Filename    string            // decoded name from Content-Disposition or Content-Type, or ""
	Encoding    string            // lower-case transfer encoding that is applied: "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "x-yenc"
	Charset     string            // lower-case declared charset, or ""
	ContentID   string            // without angle brackets, or ""
	Reading     int               // 1 for the first reading, 2 for the second where clients differ

	msg      *Message       // the message that the offsets belong to; not the outer one where a transfer encoding was undone first
	budget   *budget.Budget // spent by Decoded and Text
	names    []string       // every file name that some client shows, Filename first
	cautious bool           // decode as clients do that stop at the first padding or junk
	flowed   bool           // format=flowed
	unread   bool           // not taken apart, since the budget for levels or parts is spent

	decodeOnce sync.Once
	decoded    []byte
	base64     base64Flaws // of decoded
	badQP      bool        // of decoded
	validUTF8  bool        // decoded is known to be UTF-8
	textOnce   sync.Once
	text       string
}

// Header is one header section.
type Header struct {
	Fields []Field // in order, duplicates included

	raw []byte
}

// Field is one header field.
type Field struct {
	Name  string // as written
	Key   string // Name in lower case
	Raw   Range  // the whole field with its line end
	Value Range  // behind the colon, without the final line end; may be folded
}

// Mailbox is one address of an address list such as From.
type Mailbox struct {
	Name   string // display name, decoded (RFC 2047), or ""
	Local  string // local part as written, without quotes
	Domain string // domain in normal form where it has one, as written otherwise
	Group  string // name of the group that it stands in, or ""

	// Readings are further domains that some client takes for that of the address, in
	// normal form: it has several "@" or words, is encoded, or has a route in front.
	Readings []string
	Defect   AddressDefect // what is wrong with the address, or ""
}

// HasName reports whether the domain is a domain name in normal form: not missing, not
// unreadable, not an address literal.
func (m Mailbox) HasName() bool {
	if m.Domain == "" || m.Domain[0] == '[' {
		return false
	}
	d, err := address.Domain(m.Domain)
	return err == nil && d == m.Domain && strings.ContainsFunc(d, isAlphanumeric)
}

// Domains returns every domain name that some client reads, the most usual one first.
func (m Mailbox) Domains() []string {
	if !m.HasName() {
		return nil
	}
	return append([]string{m.Domain}, m.Readings...)
}

// Address returns "local@domain", or the local part alone where there is no domain.
func (m Mailbox) Address() string {
	if m.Domain == "" {
		return m.Local
	}
	return m.Local + "@" + m.Domain
}

// Hop is one Received field.
type Hop struct {
	From     string    // name that the client gave
	FromName string    // reverse name that the server found, or ""
	FromAddr string    // address of the client, or ""
	By       string    // name of the server
	With     string    // protocol
	ID       string    // id at the server
	For      string    // recipient
	At       time.Time // zero where unreadable
}

// Defect is one deviation that the parser tolerated.
type Defect struct {
	Kind   DefectKind
	Offset int    // byte offset in Message.Raw; for what was decoded from base64 or the like, the offset of that body
	Part   string // Path of the part
	Detail string // what was seen, at most 100 bytes
}
