// Package relay hands messages to the next hop: by SMTP or LMTP over pooled connections, or
// into a Maildir; and it writes delivery status notifications.
//
// An SMTP client proposes a sender and recipients, and each gets its own reply; then it
// sends the message, ends it with a line that holds a single dot, and the reply to that dot
// transfers the responsibility. With PIPELINING the commands are sent together and the
// replies are matched in order. LMTP is the same with one reply per recipient after the
// dot.
//
// Deliver returns a result for every recipient, never panics, and tries the hosts of a
// route in order. A dead connection from the pool is replaced once, transparently, as long
// as no dot was sent. If the connection breaks after the dot, the next hop may have the
// message: the recipient is deferred, the next attempt may be a duplicate, and Stats counts
// such cases, because SMTP cannot resolve them.
//
// The writer of the message body accepts canonical content only: a bare CR, a bare LF or a
// NUL ends the attempt with 554 5.6.0 before the dot, so that no next hop can see an end of
// data, or a second transaction, where this host saw none.
//
// If a route names no hosts, the owner of the recipient's domain chooses them. Names from
// MX records are then treated only as host names, and addresses of this machine or its
// network are refused with 550 5.4.4 unless Config.AllowPrivateMX is set.
//
// On such routes the owner may also publish how to authenticate the hosts: by TLSA records
// that DNSSEC authenticates (DANE), or else by a policy fetched over HTTPS (MTA-STS). Then
// TLS is mandatory: a host without the right certificate gets nothing, the recipients are
// deferred with 4.7.5, and a connection made under one demand is not used under another. A
// route with its own authorities or name and TLS mode "verified", or with mode "none", is
// the operator's decision and takes precedence over both.
//
// Divergences: a message with 8-bit content goes to a next hop without 8BITMIME as it is,
// unless Config.Refuse8Bit is set. RFC 6152, Section 3 asks for conversion or a bounce;
// conversion breaks DKIM signatures, and hosts that truly lack 8-bit support are extinct. A
// greeting of 5xx fails a recipient only when every host of the route sends one.
//
// A message that asks for REQUIRETLS fails if neither DNSSEC nor a policy authenticates the
// names of the hosts, provided that Config can determine this. DANE ignores the common name
// of a certificate (RFC 7672, Section 3.2.3 would use it, without DNS names).
//
// Limits: no BDAT; a message accepted as BINARYMIME is sent with DATA and refused here if
// it does not consist of lines. If a TLSA record holds only the bare key or a digest of a
// trust anchor, the host must send the anchor's certificate.
//
// Standards: RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 2920 (PIPELINING), RFC 1870 (SIZE), RFC
// 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3461 and RFC 3464 (DSN), RFC 6533
// (internationalised DSN), RFC 3207 (STARTTLS), RFC 8689 (REQUIRETLS), RFC 7505 (null MX),
// RFC 6698, 7671 and 7672 (DANE), RFC 8461 (MTA-STS), RFC 3834 (automatic responses).
package relay
