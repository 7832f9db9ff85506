package relay

import (
	"bytes"
	"errors"
	"fmt"
	"mime/quotedprintable"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"outrider/internal/message"
	"outrider/internal/smtp"
)

// Bounds of a notification, in bytes.
const (
	maxReturned   = 1 << 20  // larger originals are returned as headers only
	maxHeaders    = 64 << 10 // of the returned original
	maxDiagnostic = 500      // of a Diagnostic-Code, so that its line stays below 998
	maxShown      = 300      // of one address or name in a field
)

// Action is the action reported for a recipient (RFC 3464, Section 2.3.3).
type Action string

// The actions that a relay reports.
const (
	ActionFailed    Action = "failed"
	ActionDelayed   Action = "delayed"
	ActionDelivered Action = "delivered" // into a Maildir or by LMTP
	ActionRelayed   Action = "relayed"   // to a host without DSN support
)

// DSN is the content of a delivery status notification.
type DSN struct {
	Hostname   string        // of this host, for Reporting-MTA and the sender address
	Envelope   smtp.Envelope // of the original message
	Original   Content       // or nil: the original is not returned
	Arrived    time.Time     // time of receipt of the original
	At         time.Time     // time of the notification
	RetryUntil time.Time     // of delayed recipients; may be zero
	Recipients []Reported
}

// Reported is one recipient of the original message.
type Reported struct {
	Result
	Action Action
}

// ComposeDSN writes the notification and its envelope. It returns false if no notification
// is due: the original has a null reverse-path, or no recipient requested this kind of
// report (RFC 3461, Section 4.1).
func ComposeDSN(d DSN) ([]byte, smtp.Envelope, bool) {
	var wanted []Reported
	for _, r := range d.Recipients {
		if wants(r.Recipient.Notify, r.Action) {
			wanted = append(wanted, r)
		}
	}
	// RFC 3461, Section 6.1: never a notification about a notification.
	if d.Envelope.From == "" || !safePath(d.Envelope.From) || len(wanted) == 0 {
		return nil, smtp.Envelope{}, false
	}
	d.Recipients = wanted
	c := composer{d: d, boundary: string(message.NewID(d.At))}
	raw := c.compose()
	env := smtp.Envelope{
		Recipients: []smtp.Recipient{{Address: d.Envelope.From, Notify: "NEVER"}},
		UTF8:       !isASCII(d.Envelope.From),
	}
	if !isASCII(string(raw)) {
		env.Body = smtp.Body8Bit
	}
	return raw, env, true
}

// wants applies NOTIFY. RFC 3461, Section 4.1: without it, failures are reported and delays
// may be; success only on request.
func wants(notify string, a Action) bool {
	asked := func(word string) bool {
		for w := range strings.SplitSeq(notify, ",") {
			if strings.EqualFold(strings.TrimSpace(w), word) {
				return true
			}
		}
		return false
	}
	switch a {
	case ActionFailed:
		return notify == "" || asked("FAILURE")
	case ActionDelayed:
		return notify == "" || asked("DELAY")
	case ActionDelivered, ActionRelayed:
		return asked("SUCCESS")
	default:
		return false
	}
}

// composer writes one notification.
type composer struct {
	d        DSN
	boundary string
	b        bytes.Buffer
}

// field writes one header field. Every value passes through printable, so that it cannot
// end its line.
func (c *composer) field(name, value string) {
	fmt.Fprintf(&c.b, "%s: %s\r\n", name, value)
}

// printable keeps printable ASCII and replaces all other characters, up to n bytes.
func printable(s string, n int) string {
	clean := func(r rune) rune {
		if r < ' ' || r >= 0x7f {
			return '?'
		}
		return r
	}
	s = strings.Map(clean, s)
	return s[:min(len(s), n)]
}

func (c *composer) compose() []byte {
	c.header()
	c.part("text/plain; charset=utf-8", "quoted-printable")
	c.explain()
	c.part("message/delivery-status", "")
	c.status()
	c.original()
	fmt.Fprintf(&c.b, "\r\n--%s--\r\n", c.boundary)
	return c.b.Bytes()
}

func (c *composer) header() {
	host := printable(c.d.Hostname, maxShown)
	c.field("From", "Mail Delivery System <MAILER-DAEMON@"+host+">")
	c.field("To", "<"+c.d.Envelope.From+">") // safePath: no control characters
	c.field("Subject", c.subject())
	c.field("Date", c.d.At.Format(time.RFC1123Z))
	c.field("Message-ID", "<"+c.boundary+"@"+host+">")
	c.field("Auto-Submitted", "auto-replied") // RFC 3834, Section 5
	c.field("MIME-Version", "1.0")
	c.field("Content-Type", `multipart/report; report-type=delivery-status; boundary="`+c.boundary+`"`)
	c.b.WriteString("\r\n")
}

// worst returns the action for the subject.
func (c *composer) worst() Action {
	rank := map[Action]int{ActionFailed: 3, ActionDelayed: 2, ActionDelivered: 1, ActionRelayed: 1}
	w := c.d.Recipients[0].Action
	for _, r := range c.d.Recipients {
		if rank[r.Action] > rank[w] {
			w = r.Action
		}
	}
	return w
}

func (c *composer) subject() string {
	switch c.worst() {
	case ActionFailed:
		return "Your message was not delivered"
	case ActionDelayed:
		return "Your message is delayed"
	case ActionDelivered, ActionRelayed:
		return "Your message was delivered"
	default:
		return "Delivery report"
	}
}

func (c *composer) part(mediaType, encoding string) {
	fmt.Fprintf(&c.b, "\r\n--%s\r\n", c.boundary)
	c.field("Content-Type", mediaType)
	if encoding != "" {
		c.field("Content-Transfer-Encoding", encoding)
	}
	c.b.WriteString("\r\n")
}

// explain writes the human-readable part.
func (c *composer) explain() {
	w := quotedprintable.NewWriter(&c.b)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\r\n", args...) } // writing to a buffer cannot fail
	line("This is the mail system at %s.", printable(c.d.Hostname, maxShown))
	line("")
	for _, r := range c.d.Recipients {
		line("%s", sentence(r.Action, harmless(r.Recipient.Address)))
		if r.Host != "" && r.Host != HostMaildir {
			line("    %s said: %s", harmless(r.Host), harmless(r.Reply.String()))
		} else {
			line("    %s", harmless(r.Reply.String()))
		}
	}
	if c.worst() == ActionDelayed {
		line("")
		line("You need not send it again: delivery will be tried further%s.", until(c.d.RetryUntil))
	}
	_ = w.Close()
}

func sentence(a Action, rcpt string) string {
	switch a {
	case ActionFailed:
		return "Your message to <" + rcpt + "> was not delivered and will not be tried again:"
	case ActionDelayed:
		return "Your message to <" + rcpt + "> has not been delivered yet:"
	case ActionDelivered:
		return "Your message to <" + rcpt + "> was delivered:"
	case ActionRelayed:
		return "Your message to <" + rcpt + "> was passed on to a system that sends no further reports:"
	default:
		return "Your message to <" + rcpt + ">:"
	}
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + t.Format(time.RFC1123Z)
}

// status writes the machine-readable part: one group of fields for the message, and one per
// recipient.
func (c *composer) status() {
	c.field("Reporting-MTA", "dns; "+printable(c.d.Hostname, maxShown))
	if safeParam(c.d.Envelope.EnvID) {
		c.field("Original-Envelope-Id", printable(unxtext(c.d.Envelope.EnvID), maxShown))
	}
	c.field("Arrival-Date", c.d.Arrived.Format(time.RFC1123Z))
	for _, r := range c.d.Recipients {
		c.b.WriteString("\r\n")
		c.recipient(r)
	}
}

func (c *composer) recipient(r Reported) {
	if typ, addr, ok := strings.Cut(r.Recipient.ORcpt, ";"); ok && safeParam(r.Recipient.ORcpt) {
		c.field("Original-Recipient", printable(typ, 60)+"; "+printable(unxtext(addr), maxShown))
	}
	c.field("Final-Recipient", typedAddress(r.Recipient.Address))
	c.field("Action", string(r.Action))
	c.field("Status", statusCode(r))
	if r.Host != "" && r.Host != HostMaildir { // a Maildir is no MTA
		c.field("Remote-MTA", "dns; "+hostOrLiteral(r.Host))
		c.field("Diagnostic-Code", "smtp; "+printable(r.Reply.String(), maxDiagnostic))
	}
	if !r.At.IsZero() {
		c.field("Last-Attempt-Date", r.At.Format(time.RFC1123Z))
	}
	if r.Action == ActionDelayed && !c.d.RetryUntil.IsZero() {
		c.field("Will-Retry-Until", c.d.RetryUntil.Format(time.RFC1123Z))
	}
}

func hostOrLiteral(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return "[" + host + "]"
	}
	return printable(host, maxShown)
}

// statusCode returns the enhanced code, with the class of the action.
func statusCode(r Reported) string {
	class := map[Action]string{ActionFailed: "5", ActionDelayed: "4", ActionDelivered: "2", ActionRelayed: "2"}[r.Action]
	code, _ := cutEnhanced(r.Reply.Enhanced, r.Reply.Class())
	if _, rest, ok := strings.Cut(code, "."); ok && r.Reply.Class() == int(class[0]-'0') {
		return class + "." + rest
	}
	return class + ".0.0"
}

// typedAddress writes an address in ASCII. RFC 6533, Section 3: utf-8-addr-xtext escapes
// other characters as \x{HEX}.
func typedAddress(a string) string {
	if isASCII(a) {
		return "rfc822; " + printable(a, maxShown)
	}
	var b strings.Builder
	b.WriteString("utf-8; ")
	for _, r := range a {
		switch {
		case r == utf8.RuneError || r < ' ' || r == 0x7f:
			b.WriteByte('?')
		case r < utf8.RuneSelf && r != '\\' && r != '+' && r != '=':
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\x{%X}`, r)
		}
	}
	return b.String()
}

// unxtext decodes xtext. RFC 3461, Section 4: "+" and two upper-case hex digits.
func unxtext(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '+' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'A' + 10
}

// original returns the message, or its headers. RFC 3461, Section 4.3: RET selects which,
// for failures only; headers are enough otherwise.
func (c *composer) original() {
	if c.d.Original == nil {
		return
	}
	whole := c.d.Envelope.Ret == "FULL" && c.worst() == ActionFailed && c.d.Original.Size() <= maxReturned
	mediaType, limit := "text/rfc822-headers", maxHeaders
	if whole {
		mediaType, limit = "message/rfc822", maxReturned
	}
	raw := head(c.d.Original, limit, !whole)
	c.part(mediaType, encodingOf(raw))
	c.b.Write(raw)
}

func encodingOf(raw []byte) string {
	if isASCII(string(raw)) {
		return "7bit"
	}
	return "8bit"
}

// errEnough stops reading an original.
var errEnough = errors.New("enough")

// head returns the first bytes of a content, with canonical line ends and without NUL; with
// headersOnly it ends before the first empty line.
func head(content Content, limit int, headersOnly bool) []byte {
	l := &limited{left: limit, headersOnly: headersOnly}
	_, _ = content.WriteTo(l) // the readable part is returned, even if empty
	raw := l.buf.Bytes()
	if headersOnly {
		if bytes.HasPrefix(raw, []byte("\r\n")) {
			return nil
		}
		if i := bytes.Index(raw, []byte("\r\n\r\n")); i >= 0 {
			raw = raw[:i+2]
		}
	}
	return canonical(raw)
}

// limited collects written bytes up to a limit, or to the end of the header.
type limited struct {
	buf         bytes.Buffer
	left        int
	headersOnly bool
}

// Write writes p.
func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	from := max(l.buf.Len()-3, 0) // the empty line may span two writes
	l.buf.Write(p[:n])
	l.left -= n
	if n < len(p) || l.headersOnly && bytes.Contains(l.buf.Bytes()[from:], []byte("\r\n\r\n")) {
		return n, errEnough
	}
	return n, nil
}

// canonical replaces each bare CR and LF by CRLF, and NUL by "?".
func canonical(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := range raw {
		switch c := raw[i]; {
		case c == 0:
			out = append(out, '?')
		case c == '\r' && (i+1 == len(raw) || raw[i+1] != '\n'):
			out = append(out, "\r\n"...)
		case c == '\n' && (i == 0 || raw[i-1] != '\r'):
			out = append(out, "\r\n"...)
		default:
			out = append(out, c)
		}
	}
	return out
}
