// Package smtpd is the strict SMTP server that receives mail from strangers.
//
// A session greets, names itself and runs transactions of MAIL, RCPT and DATA or
// BDAT; the Handler decides at each step, and smtpd owns the protocol: order of
// commands, limits, deadlines, line ends and the bytes of the message. Where two
// servers disagree on where a message ends, an attacker can hide a second message in
// the first ("SMTP smuggling"), so only CRLF "." CRLF ends one here, and a message
// with any other use of CR or LF is refused or made canonical before anyone sees it.
// Replies are held back while more commands are waiting in the read buffer, so that
// pipelined clients pay one round trip for a whole envelope.
//
// Standards: RFC 5321 (SMTP), RFC 1870 (SIZE), RFC 2034 and RFC 3463 (enhanced status
// codes), RFC 2920 (PIPELINING), RFC 3030 (CHUNKING, without BINARYMIME), RFC 3207
// (STARTTLS), RFC 3461 (DSN parameters), RFC 3848 (transmission types), RFC 6152
// (8BITMIME), RFC 6531 (SMTPUTF8), RFC 7504 (521), RFC 8689 (REQUIRETLS), RFC 9422
// (LIMITS); XCLIENT as Postfix speaks it; PROXY protocol versions 1 and 2.
//
// Divergences: a space after "FROM:" and "TO:" is accepted, since common clients
// send one. Source routes are ignored, as RFC 5321, Section 4.1.1.3 recommends. A
// command line that ends in a bare LF is answered with 500 and ends the session: what
// follows it is never read. In a message, CR CR LF is a bare CR before a line end: it
// is refused, and normalising makes one line end of it. A dot is removed only behind
// a true CRLF. BDAT with an unreadable size ends the session, because the server could not
// know how many octets follow.
//
// Limits: no AUTH and no submission, no implicit TLS, no BINARYMIME, no EXPN, no
// ETRN. Who may send to whom is the handler's to decide: smtpd refuses no domain.
package smtpd
