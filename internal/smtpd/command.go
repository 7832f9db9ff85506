package smtpd

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"outrider/internal/address"
	"outrider/internal/smtp"
)

// verbForeign stands for the first words of other protocols that browsers and
// scanners can be made to speak on our port.
const verbForeign = "foreign"

// verbAbsent stands for the commands of SMTP that this server does not have.
const verbAbsent = "absent"

// maxVerb is the length of the longest verb.
const maxVerb = 8

// parseCommand splits a command line. The verb is "" if unknown, and ok is
// false when the line holds octets that no command may have.
func parseCommand(line []byte) (verb, arg string, ok bool) {
	n := 0
	for n < len(line) && isAlpha(line[n]) {
		n++
	}
	verb = knownVerb(line[:n])
	if len(line) > 0 && line[0] == 0x16 {
		return verbForeign, "", true // a TLS record
	}
	for _, b := range line {
		if b < ' ' || b == 0x7f {
			return verb, "", false
		}
	}
	rest := line[n:]
	if len(rest) > 0 && rest[0] != ' ' {
		return "", "", true
	}
	return verb, strings.Trim(string(rest), " "), true
}

// knownVerb returns the upper-case verb without allocating it, or "".
func knownVerb(word []byte) string {
	if len(word) > maxVerb {
		return ""
	}
	var buf [maxVerb]byte
	for i, b := range word {
		buf[i] = b &^ 0x20
	}
	switch string(buf[:len(word)]) {
	case "MAIL":
		return "MAIL"
	case "RCPT":
		return "RCPT"
	case "DATA":
		return "DATA"
	case "BDAT":
		return "BDAT"
	case "EHLO":
		return "EHLO"
	case "QUIT":
		return "QUIT"
	case "RSET":
		return "RSET"
	case "HELO":
		return "HELO"
	case "STARTTLS":
		return "STARTTLS"
	case "NOOP":
		return "NOOP"
	case "VRFY":
		return "VRFY"
	case "HELP":
		return "HELP"
	case "XCLIENT":
		return "XCLIENT"
	case "AUTH", "EXPN", "ETRN", "TURN", "SEND", "SOML", "SAML":
		return verbAbsent
	case "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PRI":
		return verbForeign
	}
	return ""
}

// isAlpha reports whether b is an ASCII letter.
func isAlpha(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// extensions are what a session may use of its server's extensions.
type extensions struct {
	params     bool // ESMTP parameters at all: the client said EHLO
	eightBit   bool
	utf8       bool
	requireTLS bool
	maxSize    int64
}

// mailCommand is what MAIL says.
type mailCommand struct {
	env      smtp.Envelope
	size     int64 // SIZE, or 0
	tolerate tolerated
}

// tolerated lists what a path had and should not have.
type tolerated struct{ space, route bool }

// parseMail reads the argument of MAIL.
func parseMail(arg string, ext extensions) (mailCommand, error) {
	var m mailCommand
	path, rest, err := cutPath(arg, "FROM:")
	if err != nil {
		return m, err
	}
	m.tolerate = path.tolerated
	for name, value := range params(rest) {
		if !ext.params {
			return m, refuseParam()
		}
		if err := m.param(name, value, ext); err != nil {
			return m, err
		}
	}
	if m.env.From = path.text; path.text == "" {
		return m, nil
	}
	return m, checkAddress(path.text, m.env.UTF8, "5.1.7")
}

// param takes one parameter of MAIL.
func (m *mailCommand) param(name, value string, ext extensions) error {
	switch {
	case name == "SIZE" && m.size == 0:
		return m.setSize(value, ext.maxSize)
	case name == "BODY" && m.env.Body == "" && ext.eightBit:
		return m.setBody(value)
	case name == "SMTPUTF8" && !m.env.UTF8 && ext.utf8:
		m.env.UTF8 = true
		return empty(value)
	case name == "REQUIRETLS" && !m.env.RequireTLS:
		return m.setRequireTLS(value, ext.requireTLS)
	case name == "RET" && m.env.Ret == "":
		m.env.Ret = strings.ToUpper(value)
		return oneOf(m.env.Ret, "FULL", "HDRS")
	case name == "ENVID" && m.env.EnvID == "":
		// RFC 3461, Section 4.4: at most 100 characters.
		m.env.EnvID = value
		return validXtext(value, 100)
	}
	return refuseRepeated(name, "SIZE", "BODY", "SMTPUTF8", "REQUIRETLS", "RET", "ENVID")
}

// setSize takes the declared size.
// RFC 1870, Section 3: up to 20 digits.
func (m *mailCommand) setSize(value string, limit int64) error {
	if value == "" || len(value) > 20 || strings.Trim(value, "0123456789") != "" {
		return refuseSyntax()
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n > limit {
		return &smtp.Error{Code: replyTooBig.Code, Enhanced: replyTooBig.Enhanced, Text: replyTooBig.Text}
	}
	m.size = n
	return nil
}

// setBody takes the body type.
func (m *mailCommand) setBody(value string) error {
	m.env.Body = smtp.Body(strings.ToUpper(value))
	return oneOf(string(m.env.Body), string(smtp.Body7Bit), string(smtp.Body8Bit))
}

// setRequireTLS takes REQUIRETLS.
// RFC 8689, Section 4.2: only a session under TLS may ask for it.
func (m *mailCommand) setRequireTLS(value string, allowed bool) error {
	if !allowed {
		return &smtp.Error{Code: 530, Enhanced: "5.7.10", Text: "REQUIRETLS needs STARTTLS first"}
	}
	m.env.RequireTLS = true
	return empty(value)
}

// rcptCommand is what RCPT says.
type rcptCommand struct {
	rcpt     smtp.Recipient
	tolerate tolerated
}

// parseRcpt reads the argument of RCPT. utf8 says whether MAIL asked for SMTPUTF8.
func parseRcpt(arg string, esmtp, utf8 bool) (rcptCommand, error) {
	var r rcptCommand
	path, rest, err := cutPath(arg, "TO:")
	if err != nil {
		return r, err
	}
	r.tolerate = path.tolerated
	for name, value := range params(rest) {
		if !esmtp {
			return r, refuseParam()
		}
		if err := r.param(name, value); err != nil {
			return r, err
		}
	}
	r.rcpt.Address = path.text
	// RFC 5321, Section 4.5.1: "postmaster" needs no domain.
	if strings.EqualFold(path.text, "postmaster") {
		return r, nil
	}
	return r, checkAddress(path.text, utf8, "5.1.3")
}

// param takes one parameter of RCPT.
func (r *rcptCommand) param(name, value string) error {
	switch {
	case name == "NOTIFY" && r.rcpt.Notify == "":
		r.rcpt.Notify = strings.ToUpper(value)
		return validNotify(r.rcpt.Notify)
	case name == "ORCPT" && r.rcpt.ORcpt == "":
		r.rcpt.ORcpt = value
		return validORcpt(value)
	}
	return refuseRepeated(name, "NOTIFY", "ORCPT")
}

// path is a reverse-path or forward-path without angle brackets and source route.
type path struct {
	text string
	tolerated
}

// cutPath reads the keyword and the path that it announces.
func cutPath(arg, keyword string) (p path, rest string, err error) {
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return p, "", refuseSyntax()
	}
	s := arg[len(keyword):]
	if t := strings.TrimLeft(s, " "); len(t) < len(s) {
		p.space, s = true, t
	}
	end := pathEnd(s)
	if end < 0 || end+1 < len(s) && s[end+1] != ' ' {
		return p, "", refuseSyntax()
	}
	p.text, p.route = cutRoute(s[1:end])
	return p, s[end+1:], nil
}

// pathEnd returns the index of the closing bracket of the path that s begins with, or
// a negative number. Brackets in quotes do not count.
func pathEnd(s string) int {
	if s == "" || s[0] != '<' {
		return -1
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			return i
		}
	}
	return -1
}

// cutRoute removes a source route, "@a,@b:".
// RFC 5321, Section 4.1.1.3: servers should ignore it.
func cutRoute(s string) (mailbox string, had bool) {
	if !strings.HasPrefix(s, "@") {
		return s, false
	}
	route, mailbox, ok := strings.Cut(s, ":")
	if !ok {
		return s, false
	}
	for hop := range strings.SplitSeq(route, ",") {
		domain, ok := strings.CutPrefix(hop, "@")
		if _, err := address.Domain(domain); !ok || err != nil {
			return s, false
		}
	}
	return mailbox, true
}

// checkAddress checks the syntax of an address; status is the enhanced code for a bad
// one.
func checkAddress(s string, utf8 bool, status string) error {
	_, err := address.ParsePath(s, utf8)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, address.ErrNeedUTF8):
		return &smtp.Error{Code: 553, Enhanced: "5.6.7", Text: "Address needs SMTPUTF8"}
	case errors.Is(err, address.ErrTooLong):
		return &smtp.Error{Code: 501, Enhanced: status, Text: "Address too long"}
	default:
		return &smtp.Error{Code: 501, Enhanced: status, Text: "Malformed address"}
	}
}

// params yields the ESMTP parameters in s, their names in upper case.
func params(s string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for p := range strings.SplitSeq(s, " ") {
			if p == "" {
				continue
			}
			name, value, _ := strings.Cut(p, "=")
			if !yield(strings.ToUpper(name), value) {
				return
			}
		}
	}
}

// validNotify checks a NOTIFY value in upper case.
// RFC 3461, Section 4.1: NEVER is not combined with other values.
func validNotify(s string) error {
	if s == "NEVER" {
		return nil
	}
	seen := make([]string, 0, 3)
	for word := range strings.SplitSeq(s, ",") {
		if oneOf(word, "SUCCESS", "FAILURE", "DELAY") != nil || oneOf(word, seen...) == nil {
			return refuseSyntax()
		}
		seen = append(seen, word)
	}
	return nil
}

// validORcpt checks an original recipient: an address type and xtext.
// RFC 3461, Section 4.2: at most 500 characters. RFC 6533, Section 3: type "utf-8"
// also has UTF-8 itself in it.
func validORcpt(s string) error {
	kind, text, ok := strings.Cut(s, ";")
	if !ok || kind == "" || text == "" || strings.Trim(strings.ToLower(kind), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return refuseSyntax()
	}
	if strings.EqualFold(kind, "utf-8") && len(s) <= 500 {
		return nil
	}
	return validXtext(text, 500-len(kind)-1)
}

// validXtext checks xtext of up to limit characters.
// RFC 3461, Section 4: printable ASCII, where "+" begins two upper-case hex digits.
func validXtext(s string, limit int) error {
	if s == "" || len(s) > limit {
		return refuseSyntax()
	}
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b <= ' ' || b > '~' || b == '=':
			return refuseSyntax()
		case b == '+':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return refuseSyntax()
			}
			i += 2
		}
	}
	return nil
}

// isHex reports whether b is an upper-case hex digit.
func isHex(b byte) bool { return '0' <= b && b <= '9' || 'A' <= b && b <= 'F' }

// parseChunk reads the argument of BDAT.
// RFC 3030, Section 2: a decimal number of octets, and LAST after the last chunk.
func parseChunk(arg string) (size int64, last bool, err error) {
	digits, word, more := strings.Cut(arg, " ")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false, refuseSyntax()
	}
	if more && !strings.EqualFold(strings.Trim(word, " "), "LAST") {
		return 0, false, refuseSyntax()
	}
	if size, err = strconv.ParseInt(digits, 10, 64); err != nil {
		return 0, false, refuseSyntax()
	}
	return size, more, nil
}

// empty refuses a value where none belongs.
func empty(value string) error {
	if value != "" {
		return refuseSyntax()
	}
	return nil
}

// oneOf refuses a word that is not among those given.
func oneOf(word string, words ...string) error {
	if slices.Contains(words, word) {
		return nil
	}
	return refuseSyntax()
}

// refuseSyntax returns the error for a command that cannot be read.
func refuseSyntax() error {
	return &smtp.Error{Code: replySyntax.Code, Enhanced: replySyntax.Enhanced, Text: replySyntax.Text}
}

// refuseParam returns the error for a parameter that is not offered.
// RFC 5321, Section 4.1.1.11: 555.
func refuseParam() error {
	return &smtp.Error{Code: 555, Enhanced: "5.5.4", Text: "Parameter not recognised or not offered"}
}

// refuseRepeated returns the error for a known name that came twice or is not offered,
// and for an unknown one.
func refuseRepeated(name string, known ...string) error {
	if oneOf(name, known...) == nil && name != "BODY" && name != "SMTPUTF8" {
		return refuseSyntax()
	}
	return refuseParam()
}
