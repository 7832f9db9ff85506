package smtpd

import (
	"cmp"
	"crypto/tls"
	"net/netip"
	"time"
)

// NewlinePolicy says what happens to a message that holds a bare CR or a bare LF.
type NewlinePolicy string

// The newline policies. Neither lets a bare CR or LF through.
const (
	RejectBare    NewlinePolicy = "reject"    // answer 550 5.6.11; the default
	NormaliseBare NewlinePolicy = "normalise" // replace each by CRLF before anything else sees it
)

// Config is the configuration of a Server. A zero number or duration stands for its
// default; start from DefaultConfig to have the usual extensions on.
type Config struct {
	Hostname string // name in the greeting and in the answer to EHLO; "localhost" when ""
	Banner   string // text after the name in the greeting; "ESMTP" when ""

	MaxSize            int64 // octets of one message; 64 MiB by default
	MaxLine            int   // octets of one line of a message; 1 MiB by default, since real mail goes far beyond 998
	MaxRecipients      int   // recipients of one message; 1000 by default
	MaxMessagesPerConn int   // transactions of one session; 1000 by default
	MaxConns           int   // sessions at a time; 1000 by default
	MaxConnsPerAddr    int   // sessions at a time from one address, or one /64 for IPv6; 50 by default
	MaxConnsPerNetwork int   // sessions at a time from one /24, or one /48 for IPv6; 200 by default, and never less than MaxConnsPerAddr
	MaxErrors          int   // protocol errors of one session; 10 by default
	Memory             int64 // octets of all messages being received and judged that are kept in memory; the rest goes to CaptureDir; 64 MiB by default

	Timeouts Timeouts

	BareNewlines  NewlinePolicy // RejectBare when ""
	RejectNUL     bool          // refuse messages with a NUL octet instead of recording them in Traits
	Advertise8Bit bool          // offer 8BITMIME; off where a next hop cannot take it
	AdvertiseUTF8 bool          // offer SMTPUTF8; off where a next hop cannot take it

	ProxyFrom      []netip.Prefix // networks whose connections must begin with a PROXY header; no others may send one
	XClientFrom    []netip.Prefix // networks that may use XCLIENT; they are exempt from EarlyTalkDelay and the limits of one client
	Gateways       []netip.Prefix // networks of upstream gateways, which are exempt from the limits of one client
	EarlyTalkDelay time.Duration  // silence before the greeting, in which clients must not talk; none on loopback or when 0

	CaptureDir string // directory for messages too large for memory; the system's temporary directory when ""
	// Room is asked before so many bytes of a large message are written to CaptureDir; with an error
	// the message is answered 452. Or nil.
	Room func(bytes int64) error
	TLS  *tls.Config // for STARTTLS, which is not offered when nil; GetCertificate lets its owner renew certificates
}

// Timeouts bounds how long a session waits for its client.
//
// RFC 5321, Section 4.5.3.2: five minutes for commands, two for the first data, three
// between blocks of data.
type Timeouts struct {
	Greeting    time.Duration // from the greeting to the end of the first command; 5 min by default
	Command     time.Duration // to the end of any later command; 5 min by default
	DataInit    time.Duration // to the first octet of a message; 2 min by default
	DataBlock   time.Duration // between two reads of a message; 3 min by default
	DataTotal   time.Duration // for one message or BDAT chunk; 30 min by default
	RateGrace   time.Duration // before MinRate applies; 1 min by default
	MinRate     int64         // octets per second that a message must come with on average; 200 by default
	Write       time.Duration // until a reply is taken; 1 min by default
	Handshake   time.Duration // TLS handshake; 30 s by default
	ProxyHeader time.Duration // PROXY header; 5 s by default
	Drain       time.Duration // after shutdown began, for transactions under way; 30 s by default
}

// DefaultConfig returns the configuration that holds unless an operator changes it.
func DefaultConfig(hostname string) Config {
	return Config{Hostname: hostname, Advertise8Bit: true, AdvertiseUTF8: true}.withDefaults()
}

// withDefaults replaces what is zero.
func (c Config) withDefaults() Config {
	c.Hostname = cmp.Or(c.Hostname, "localhost")
	c.Banner = cmp.Or(c.Banner, "ESMTP")
	c.MaxSize = cmp.Or(c.MaxSize, 64<<20)
	c.MaxLine = cmp.Or(c.MaxLine, 1<<20)
	c.MaxRecipients = cmp.Or(c.MaxRecipients, 1000)
	c.MaxMessagesPerConn = cmp.Or(c.MaxMessagesPerConn, 1000)
	c.MaxConns = cmp.Or(c.MaxConns, 1000)
	c.MaxConnsPerAddr = cmp.Or(c.MaxConnsPerAddr, 50)
	c.MaxConnsPerNetwork = cmp.Or(c.MaxConnsPerNetwork, 200)
	c.Memory = cmp.Or(c.Memory, 64<<20)
	c.MaxErrors = cmp.Or(c.MaxErrors, 10)
	c.BareNewlines = cmp.Or(c.BareNewlines, RejectBare)
	c.Timeouts = c.Timeouts.withDefaults()
	return c
}

// withDefaults replaces what is zero.
func (t Timeouts) withDefaults() Timeouts {
	t.Greeting = cmp.Or(t.Greeting, 5*time.Minute)
	t.Command = cmp.Or(t.Command, 5*time.Minute)
	t.DataInit = cmp.Or(t.DataInit, 2*time.Minute)
	t.DataBlock = cmp.Or(t.DataBlock, 3*time.Minute)
	t.DataTotal = cmp.Or(t.DataTotal, 30*time.Minute)
	t.RateGrace = cmp.Or(t.RateGrace, time.Minute)
	t.MinRate = cmp.Or(t.MinRate, 200)
	t.Write = cmp.Or(t.Write, time.Minute)
	t.Handshake = cmp.Or(t.Handshake, 30*time.Second)
	t.ProxyHeader = cmp.Or(t.ProxyHeader, 5*time.Second)
	t.Drain = cmp.Or(t.Drain, 30*time.Second)
	return t
}

// contains reports whether addr lies in one of the networks.
func contains(networks []netip.Prefix, addr netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}
