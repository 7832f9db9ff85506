package smtpd

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"outrider/internal/smtp"
)

// maxHelo bounds the name that a client gives itself, in octets: a domain name.
const maxHelo = 255

// hello answers HELO and EHLO.
func (s *Session) hello(verb, arg string) {
	if s.tooMuchJunk() {
		return
	}
	if arg == "" || len(arg) > maxHelo || strings.Contains(arg, " ") {
		s.fail(replySyntax)
		return
	}
	if s.c.br.Buffered() > 0 {
		// RFC 2920, Section 3.1: EHLO must be the last command of a group.
		s.violate(PipelinedHello)
	}
	// RFC 5321, Section 4.1.4: EHLO within a transaction ends it.
	s.resetTransaction()
	s.helo, s.esmtp = arg, verb == "EHLO"
	text := s.srv.cfg.Hostname
	if s.esmtp {
		text += "\n" + strings.Join(s.keywords(), "\n")
	}
	s.reply(smtp.Reply{Code: 250, Text: text})
}

// keywords lists the extensions on offer.
func (s *Session) keywords() []string {
	cfg := &s.srv.cfg
	words := []string{
		"PIPELINING",
		fmt.Sprintf("SIZE %d", cfg.MaxSize),
		fmt.Sprintf("LIMITS MAILMAX=%d RCPTMAX=%d", cfg.MaxMessagesPerConn, cfg.MaxRecipients),
		"ENHANCEDSTATUSCODES", "CHUNKING", "DSN",
	}
	offer := func(on bool, word string) {
		if on {
			words = append(words, word)
		}
	}
	offer(cfg.Advertise8Bit, "8BITMIME")
	offer(cfg.AdvertiseUTF8, "SMTPUTF8")
	offer(s.mayStartTLS(), "STARTTLS")
	offer(s.tls != nil, "REQUIRETLS")
	offer(s.trusted, "XCLIENT NAME ADDR PORT PROTO HELO")
	return words
}

// mayStartTLS reports whether STARTTLS is on offer.
func (s *Session) mayStartTLS() bool { return s.srv.cfg.TLS != nil && s.tls == nil }

// startTLS answers STARTTLS and changes to TLS.
func (s *Session) startTLS(ctx context.Context, arg string) {
	switch {
	case arg != "":
		s.fail(replyNoParams)
		return
	case s.srv.cfg.TLS == nil:
		s.fail(replyNotOffered)
		return
	case s.tls != nil:
		s.fail(smtp.Reply{Code: 503, Enhanced: "5.5.1", Text: "TLS is active already"})
		return
	}
	if s.c.br.Buffered() > 0 {
		// What came in clear text after STARTTLS was put there by somebody in between,
		// and would be taken for protected.
		s.end = EndErrors
		s.reply(smtp.Reply{Code: 554, Enhanced: "5.5.0", Text: "Text behind STARTTLS, closing connection"})
		return
	}
	s.reply(smtp.Reply{Code: 220, Enhanced: "2.0.0", Text: "Go ahead"})
	state, err := s.c.startTLS(ctx, s.srv.cfg.TLS)
	if err != nil {
		s.end = EndTLS
		s.srv.log.LogAttrs(ctx, slog.LevelDebug, "tls handshake did not succeed", slog.String("session", s.ID()),
			slog.String("client", s.client.Addr().String()), slog.Any("error", err))
		return
	}
	// RFC 3207, Section 4.2: what was learned in clear text is forgotten.
	s.resetTransaction()
	s.tls, s.helo, s.esmtp = state, "", false
}

// xclient answers XCLIENT, with which a trusted proxy tells about its client. The
// session starts again from the greeting.
func (s *Session) xclient(ctx context.Context, arg string) {
	switch {
	case !s.trusted:
		s.fail(smtp.Reply{Code: 550, Enhanced: "5.7.0", Text: "Not authorised to use XCLIENT"})
		return
	case s.tx != nil:
		s.fail(replyNested)
		return
	}
	x, ok := parseXClient(arg)
	if !ok {
		s.fail(replySyntax)
		return
	}
	s.helo, s.esmtp = "", false
	x.apply(s)
	s.welcome(ctx)
}

// xclient attributes; nil is one that was not given.
type xclient struct {
	name, helo *string
	addr       *netip.Addr
	port       *uint16
	esmtp      *bool
}

// parseXClient reads the attributes of XCLIENT. Those about the destination and the
// login are checked for form only, for this server has no use for them.
func parseXClient(arg string) (xclient, bool) {
	var x xclient
	if arg == "" {
		return x, false
	}
	for attr := range strings.SplitSeq(arg, " ") {
		if attr == "" {
			continue
		}
		name, coded, _ := strings.Cut(attr, "=")
		value, ok := unXtext(coded)
		if !ok || !x.set(strings.ToUpper(name), value) {
			return x, false
		}
	}
	return x, true
}

// set takes one attribute. The values for what the proxy does not know are "".
func (x *xclient) set(name, value string) bool {
	if value == "[UNAVAILABLE]" || value == "[TEMPUNAVAIL]" {
		value = ""
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return false
	}
	switch name {
	case "NAME":
		x.name = &value
	case "HELO":
		x.helo = &value
	case "ADDR":
		return x.setAddr(value)
	case "PORT":
		n, err := strconv.ParseUint(value, 10, 16)
		port := uint16(n)
		x.port = &port
		return err == nil || value == ""
	case "PROTO":
		esmtp := strings.EqualFold(value, "ESMTP")
		x.esmtp = &esmtp
		return esmtp || value == "" || strings.EqualFold(value, "SMTP")
	default:
		return slices.Contains([]string{"LOGIN", "DESTADDR", "DESTPORT"}, name)
	}
	return true
}

// setAddr takes the client's address; an unknown one is the invalid address.
func (x *xclient) setAddr(value string) bool {
	const tag = "IPV6:"
	if len(value) > len(tag) && strings.EqualFold(value[:len(tag)], tag) {
		value = value[len(tag):]
	}
	addr, err := netip.ParseAddr(value)
	addr = addr.Unmap().WithZone("")
	x.addr = &addr
	return err == nil || value == ""
}

// apply makes the attributes those of the session. A HELO given by XCLIENT counts as
// said, so that the proxy need not say it again.
func (x *xclient) apply(s *Session) {
	addr, port := s.client.Addr(), s.client.Port()
	if x.addr != nil {
		addr, port = *x.addr, 0
		s.name = ""
	}
	if x.port != nil {
		port = *x.port
	}
	s.client = netip.AddrPortFrom(addr, port)
	if x.name != nil {
		s.name = *x.name
	}
	if x.helo != nil {
		s.helo = *x.helo
	}
	if x.esmtp != nil {
		s.esmtp = *x.esmtp
	}
}

// unXtext decodes xtext.
// RFC 3461, Section 4: "+" and two upper-case hex digits stand for one octet.
func unXtext(s string) (string, bool) {
	if !strings.Contains(s, "+") {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '+' {
			out = append(out, s[i])
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return "", false
		}
		n, _ := strconv.ParseUint(s[i+1:i+3], 16, 8) // two hex digits
		out = append(out, byte(n))
		i += 2
	}
	return string(out), true
}
