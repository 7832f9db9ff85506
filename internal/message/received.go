package message

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"net/netip"
	"time"

	"outrider/internal/smtp"
)

// ID is Outrider's identifier of one received message: 26 characters that sort by time of
// receipt.
type ID string

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID returns a fresh id for a message received at t: 48 bits of milliseconds and
// 80 random bits.
func NewID(t time.Time) ID {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(t.UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // never fails, by its contract
	return ID(idEncoding.EncodeToString(b[:]))
}

// Source is the origin of a message.
type Source string

// The sources of mail.
const (
	SourceSMTP Source = "smtp" // received by this edge by SMTP
	SourceFile Source = "file" // received by other hosts: scan, journals, mailboxes
)

// Peer is the other side of the session that handed the message over.
type Peer struct {
	Addr       netip.Addr // connecting address, after PROXY and XCLIENT; invalid if unknown
	Name       string     // reverse name given by XCLIENT, or ""
	Helo       string     // name given by HELO or EHLO
	Protocol   string     // "SMTP", "ESMTP", "ESMTPS", "UTF8SMTPS", "LMTP" (RFC 3848, RFC 6531)
	TLSVersion string     // "TLS1.3", or "" on clear text
	TLSCipher  string     // cipher suite, or "" on clear text
}

// Traits are facts about the bytes that determine where a message can be sent. The
// receiving edge collects them during receipt.
type Traits struct {
	EightBit   bool // a byte above 127 anywhere
	HeaderUTF8 bool // a byte above 127 in the top header section
	NUL        bool // a NUL byte anywhere
	BareCR     bool // bare CR were present (and normalised where so configured)
	BareLF     bool // bare LF were present (and normalised where so configured)
	MaxLine    int  // longest line in octets without CRLF
}

// Received is one message as received: raw bytes, envelope, and origin.
type Received struct {
	ID       ID
	Session  string // id of the SMTP session, or ""
	Source   Source
	Envelope smtp.Envelope
	Peer     Peer
	At       time.Time // time of the last byte
	Body     *Body     // header and body bytes with CRLF line ends as received; always non-nil
	Traits   Traits
}
