// Package smtp holds the words of SMTP that every road of mail shares: Envelope,
// Recipient, Reply and Error.
//
// SMTP (RFC 5321) moves a message with an envelope: a reverse-path, to which
// failures are reported, and one or more forward-paths. Every command is answered
// by a three-digit reply, refined by an enhanced status code (RFC 3463); the first
// digit says whether a failure is temporary (4) or permanent (5).
//
// Standards: RFC 5321 (SMTP), RFC 3461 (DSN parameters), RFC 3463 and RFC 5248
// (enhanced status codes), RFC 6152 (8BITMIME), RFC 3030 (BINARYMIME), RFC 6531
// (SMTPUTF8), RFC 8689 (REQUIRETLS).
package smtp

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Body is the BODY parameter of MAIL (RFC 6152, RFC 3030).
type Body string

// The values of the BODY parameter.
const (
	Body7Bit   Body = "7BIT"
	Body8Bit   Body = "8BITMIME"
	BodyBinary Body = "BINARYMIME"
)

// Envelope is the reverse-path and forward-paths of one message with their ESMTP
// parameters.
type Envelope struct {
	From       string      `json:"from"`                  // reverse-path without angle brackets; "" is the null sender
	Recipients []Recipient `json:"recipients"`            // at least one
	Body       Body        `json:"body,omitempty"`        // "" is 7BIT
	UTF8       bool        `json:"utf8,omitempty"`        // SMTPUTF8 was asked for
	RequireTLS bool        `json:"require_tls,omitempty"` // REQUIRETLS was asked for
	Ret        string      `json:"ret,omitempty"`         // DSN: "FULL", "HDRS" or ""
	EnvID      string      `json:"envid,omitempty"`       // DSN: ENVID as given (xtext)
}

// Recipient is one forward-path with its DSN parameters (RFC 3461).
type Recipient struct {
	Address string `json:"address"`          // forward-path without angle brackets, as the client wrote it
	ORcpt   string `json:"orcpt,omitempty"`  // original recipient as given ("rfc822;xtext"), or ""
	Notify  string `json:"notify,omitempty"` // "NEVER", or a list of SUCCESS, FAILURE, DELAY, or ""
}

// Reply is one complete SMTP reply.
type Reply struct {
	Code     int    // 200 to 599
	Enhanced string // for example "2.1.5", or "" where the reply has none
	Text     string // lines separated by "\n", without code and enhanced code
}

// Class returns the first digit of the code.
func (r Reply) Class() int { return r.Code / 100 }

// String returns the reply on one line, for logs and Diagnostic-Code.
func (r Reply) String() string {
	text := strings.ReplaceAll(r.Text, "\n", " ")
	return strings.TrimSpace(fmt.Sprintf("%d %s", r.Code, strings.TrimSpace(r.Enhanced+" "+text)))
}

// Err returns nil for a 2xx or 3xx reply and an *Error otherwise.
func (r Reply) Err() error {
	if r.Class() == 2 || r.Class() == 3 {
		return nil
	}
	return &Error{Code: r.Code, Enhanced: r.Enhanced, Text: r.Text}
}

// Error is a failure with two audiences: Code, Enhanced and Text go to the other
// side of the connection, Err goes to the log.
type Error struct {
	Code     int    // 400 to 599
	Enhanced string // enhanced status code, or "" to derive one from Code
	Text     string // public text, never nil knowledge about policy
	Err      error  // private cause, or nil
}

// Error returns the public reply and the private cause, for logs.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Reply().String()
	}
	return fmt.Sprintf("%s: %v", e.Reply(), e.Err)
}

// Unwrap returns the private cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool { return e.Code/100 != 5 }

// Reply returns the public part of the error.
func (e *Error) Reply() Reply {
	return Reply{Code: e.Code, Enhanced: cmp.Or(e.Enhanced, fmt.Sprintf("%d.0.0", e.Code/100)), Text: e.Text}
}

// ReplyFor returns the reply that tells the other side about err. An error that
// is not classified is temporary: the sender keeps the message and tries again,
// so that an internal error never loses mail.
func ReplyFor(err error) Reply {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reply()
	}
	return Reply{Code: 451, Enhanced: "4.3.0", Text: "Temporary failure, please try again later"}
}

// IsTemporary reports whether err may go away by itself; an unclassified error may.
func IsTemporary(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return !ok || e.Temporary()
}
