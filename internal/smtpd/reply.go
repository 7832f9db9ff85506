package smtpd

import (
	"bufio"
	"strconv"
	"strings"

	"outrider/internal/smtp"
)

// maxReplyText is how much text fits a reply line.
//
// RFC 5321, Section 4.5.3.1.5: 512 octets with code and CRLF; the enhanced code takes
// up to ten.
const maxReplyText = 490

// Replies given in several places. None repeats what the client sent: a browser that
// was tricked into talking to us must not get its own script back.
var (
	replyOK          = smtp.Reply{Code: 250, Enhanced: "2.0.0", Text: "OK"}
	replyTooBig      = smtp.Reply{Code: 552, Enhanced: "5.3.4", Text: "Message size exceeds the limit"}
	replySyntax      = smtp.Reply{Code: 501, Enhanced: "5.5.4", Text: "Syntax error in parameters"}
	replyNoParams    = smtp.Reply{Code: 501, Enhanced: "5.5.4", Text: "Command takes no parameters"}
	replyUnknown     = smtp.Reply{Code: 500, Enhanced: "5.5.2", Text: "Command not recognised"}
	replyNotOffered  = smtp.Reply{Code: 502, Enhanced: "5.5.1", Text: "Command not implemented"}
	replyHelloFirst  = smtp.Reply{Code: 503, Enhanced: "5.5.1", Text: "Send EHLO or HELO first"}
	replyMailFirst   = smtp.Reply{Code: 503, Enhanced: "5.5.1", Text: "Send MAIL first"}
	replyNested      = smtp.Reply{Code: 503, Enhanced: "5.5.1", Text: "Transaction is under way already"}
	replyMixed       = smtp.Reply{Code: 503, Enhanced: "5.5.1", Text: "BDAT has begun, send BDAT or RSET"}
	replyShutdown    = smtp.Reply{Code: 421, Enhanced: "4.3.2", Text: "Service is shutting down, please try again later"}
	replyTimeout     = smtp.Reply{Code: 421, Enhanced: "4.4.2", Text: "Timeout, closing connection"}
	replyErrors      = smtp.Reply{Code: 421, Enhanced: "4.7.0", Text: "Too many errors, closing connection"}
	replyOurDefect   = smtp.Reply{Code: 451, Enhanced: "4.3.0", Text: "Temporary failure, please try again later"}
	replyNoMailThere = smtp.Reply{Code: 503, Enhanced: "5.5.1", Text: "Connection is refused, send QUIT"}
)

// writeReply writes r to w: one line per line of text, each short enough.
func writeReply(w *bufio.Writer, r smtp.Reply, utf8 bool) {
	lines := replyLines(r.Text)
	for i, line := range lines {
		_, _ = w.WriteString(strconv.Itoa(r.Code)) // errors stick to w until the flush
		if i < len(lines)-1 {
			_ = w.WriteByte('-')
		} else {
			_ = w.WriteByte(' ')
		}
		if r.Enhanced != "" {
			_, _ = w.WriteString(r.Enhanced)
			_ = w.WriteByte(' ')
		}
		writeText(w, line, utf8)
		_, _ = w.WriteString("\r\n")
	}
}

// replyLines splits text at line feeds, and where a line would get too long.
func replyLines(text string) []string {
	if len(text) <= maxReplyText && !strings.Contains(text, "\n") {
		return []string{text}
	}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		for len(line) > maxReplyText {
			lines, line = append(lines, line[:maxReplyText]), line[maxReplyText:]
		}
		lines = append(lines, line)
	}
	return lines
}

// writeText writes one line of text, in which nothing can end the line.
// RFC 6531, Section 3.7.4.2: only clients that asked for SMTPUTF8 get UTF-8.
func writeText(w *bufio.Writer, s string, utf8 bool) {
	for i := range len(s) {
		b := s[i]
		switch {
		case b < ' ' || b == 0x7f:
			b = ' '
		case b >= 0x80 && !utf8:
			b = '?'
		}
		_ = w.WriteByte(b) // errors stick to w until the flush
	}
}
