// Package message parses Internet messages: header sections, MIME parts, their decoded
// content, and all deviations from the standards.
//
// A message (RFC 5322) is a header section, an empty line and a body; MIME (RFC 2045 to
// 2049) makes the body a tree of parts, each with a media type and a transfer encoding.
// Mail clients repair broken messages, each in its own way, and attackers exploit the
// differences: this parser never fails, keeps byte offsets of everything, and reports each
// repair as a Defect. Where clients are known to differ, it offers a second reading.
//
// Standards: RFC 5322, RFC 2045 to 2047, RFC 2049, RFC 2183 (Content-Disposition), RFC 2231
// (parameters), RFC 3676 (format=flowed), RFC 6532 (UTF-8 headers), RFC 2152 (UTF-7).
//
// Divergences: a line ends with CRLF or LF; a CR alone does not end a line. A line in a
// header section that is no field is skipped when the next line is one, and ends the
// section otherwise. A delimiter line must equal "--" and the boundary, followed by white
// space at most; RFC 2046 only requires this for the beginning of the line, which is the
// second reading. A byte order mark before the header section is ignored.
//
// Limits: the resources of package budget; a message beyond them keeps the rest as one
// leaf, whose texts and file names are read flat, without its structure. At most
// maxReadings parts are read a second time, and nothing inside a second reading is.
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
	Raw     []byte   // the parsed bytes; shared, immutable
	Root    *Part    // always non-nil; has the header of the message
	Parts   []*Part  // every part in reading order, Root first, including those of embedded messages and second readings
	Defects []Defect // tolerated deviations, in order of offset, at most maxDefects

	work int // bytes examined by scans, for tests of linear time
	base int // for the bytes of a decoded part: its offset in the outermost message
}

// Header returns the header section of the message.
func (m *Message) Header() *Header { return &m.Root.Header }

// Part is one node of the MIME tree.
type Part struct {
	Path     string  // IMAP part number: "" is the root, "1", "2.1"; a multipart that is an embedded message ends with "TEXT"; a second reading adds "~2", or the next free number
	Header   Header  // header section of the part; empty for parts without one
	Raw      Range   // from the first header byte to the last body byte
	Body     Range   // body bytes, without the line end of the boundary
	Parent   *Part   // or nil for the root
	Children []*Part // parts of a multipart, or the one embedded message of message/rfc822
	Depth    int     // levels below the root

	MediaType   string            // lower case, for example "text/html"; clients' default if the field is missing or broken
	Params      map[string]string // Content-Type parameters, names in lower case, values decoded (RFC 2231); or nil
	Disposition string            // lower-case Content-Disposition type, or ""
	Filename    string            // decoded name from Content-Disposition or Content-Type, or ""
	Encoding    string            // lower-case applied transfer encoding: "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "x-yenc"
	Charset     string            // lower-case declared charset, or ""
	ContentID   string            // without angle brackets, or ""
	Reading     int               // 1 for the first reading, 2 for the second if clients differ

	msg      *Message       // the message of the offsets; not the outer one if a transfer encoding was decoded first
	budget   *budget.Budget // charged by Decoded and Text
	names    []string       // every file name that any client shows, Filename first
	cautious bool           // decode like clients that stop at the first padding or junk
	flowed   bool           // format=flowed
	unread   bool           // not parsed, since the budget for levels or parts is spent

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
	Fields []Field // in order, including duplicates

	raw []byte
}

// Field is one header field.
type Field struct {
	Name  string // as written
	Key   string // Name in lower case
	Raw   Range  // the whole field with its line end
	Value Range  // after the colon, without the final line end; may be folded
}

// Mailbox is one address of an address list such as From.
type Mailbox struct {
	Name   string // display name, decoded (RFC 2047), or ""
	Local  string // local part as written, without quotes
	Domain string // domain in normal form if valid, as written otherwise
	Group  string // name of its group, or ""

	// Readings are further domains that any client reads for the address, in normal form:
	// if it has several "@" or words, is encoded, or has a source route.
	Readings []string
	Defect   AddressDefect // defect of the address, or ""
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

// Domains returns every domain name that any client reads, the most common one first.
func (m Mailbox) Domains() []string {
	if !m.HasName() {
		return nil
	}
	return append([]string{m.Domain}, m.Readings...)
}

// Address returns "local@domain", or the local part without a domain.
func (m Mailbox) Address() string {
	if m.Domain == "" {
		return m.Local
	}
	return m.Local + "@" + m.Domain
}

// Hop is one Received field.
type Hop struct {
	From     string    // name given by the client
	FromName string    // reverse name found by the server, or ""
	FromAddr string    // address of the client, or ""
	By       string    // name of the server
	With     string    // protocol
	ID       string    // id at the server
	For      string    // recipient
	At       time.Time // zero if unreadable
}

// Defect is one tolerated deviation.
type Defect struct {
	Kind   DefectKind
	Offset int    // byte offset in Message.Raw; in decoded content, the offset of the encoded body
	Part   string // Path of the part
	Detail string // the text found, at most 100 bytes
}
