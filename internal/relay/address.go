package relay

import (
	"strings"
	"unicode/utf8"

	"outrider/internal/smtp"
)

// maxAddress bounds an address, in octets: twice the limit of RFC 5321, Section 4.5.3.1.3,
// so that the host itself refuses addresses that it finds too long.
const maxAddress = 512

// safePath reports whether an address cannot end its angle brackets or the line.
func safePath(a string) bool {
	if len(a) > maxAddress || !utf8.ValidString(a) {
		return false
	}
	quoted := false
	for i := 0; i < len(a); i++ {
		switch c := a[i]; {
		case c < ' ' || c == 0x7f:
			return false
		case c == '\\' && quoted:
			if i++; i == len(a) || a[i] < ' ' || a[i] == 0x7f {
				return false
			}
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '<' || c == '>' || c == ' '):
			return false
		}
	}
	return !quoted
}

// safeParam reports whether a DSN parameter is safe in a command line.
func safeParam(p string) bool {
	for i := range len(p) {
		if p[i] <= ' ' || p[i] >= 0x7f {
			return false
		}
	}
	return p != ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// domainOf returns the text after the last "@".
func domainOf(a string) string { return a[strings.LastIndexByte(a, '@')+1:] }

// needsUTF8 reports whether the message, apart from its recipients, requires SMTPUTF8. Raw
// 8-bit fields of a sender who did not request SMTPUTF8 are old mail, which is relayed
// unchanged by custom.
func needsUTF8(j *Job) bool {
	return !isASCII(j.Envelope.From) || j.Envelope.UTF8 && j.Traits.HeaderUTF8
}

// mailParams returns the parameters of MAIL that the host supports.
func mailParams(j *Job, s *session, utf8Needed bool) string {
	var b strings.Builder
	e := &j.Envelope
	if s.has("SIZE") {
		b.WriteString(" SIZE=" + itoa(j.Content.Size()))
	}
	if s.has("8BITMIME") && (j.Traits.EightBit || e.Body == smtp.Body8Bit) {
		b.WriteString(" BODY=8BITMIME")
	}
	if s.has("SMTPUTF8") && (utf8Needed || e.UTF8) {
		b.WriteString(" SMTPUTF8")
	}
	if e.RequireTLS && s.has("REQUIRETLS") {
		b.WriteString(" REQUIRETLS")
	}
	if s.has("DSN") {
		if e.Ret == "FULL" || e.Ret == "HDRS" {
			b.WriteString(" RET=" + e.Ret)
		}
		if safeParam(e.EnvID) {
			b.WriteString(" ENVID=" + e.EnvID)
		}
	}
	return b.String()
}

// rcptParams returns the parameters of RCPT that the host supports.
func rcptParams(r smtp.Recipient, s *session) string {
	if !s.has("DSN") {
		return ""
	}
	p := ""
	if safeParam(r.Notify) {
		p += " NOTIFY=" + r.Notify
	}
	if safeParam(r.ORcpt) {
		p += " ORCPT=" + r.ORcpt
	}
	return p
}
