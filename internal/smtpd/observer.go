package smtpd

import (
	"time"

	"outrider/internal/smtp"
)

// Violation names one thing that no proper client does and that smtpd tolerates.
// Handlers may weigh it; bulk mailers written in a hurry show several.
type Violation string

// The violations.
const (
	PipelinedHello Violation = "pipelined-hello" // talked on before the answer to HELO or EHLO
	PipelinedData  Violation = "pipelined-data"  // sent text before the answer to DATA
	SpaceInPath    Violation = "space-in-path"   // a space after "FROM:" or "TO:"
	SourceRoute    Violation = "source-route"    // a source route in a path
)

// Refusal says why a connection was turned away before its first command.
type Refusal string

// The reasons to turn a connection away.
const (
	RefusedFull       Refusal = "max-conns"
	RefusedPerAddr    Refusal = "max-conns-per-addr"
	RefusedPerNetwork Refusal = "max-conns-per-network"
	RefusedProxy      Refusal = "proxy-header"
	RefusedEarly      Refusal = "early-talker"
	RefusedByPolicy   Refusal = "policy"
)

// End says why a session ended.
type End string

// The ways in which a session ends.
const (
	EndQuit    End = "quit"
	EndGone    End = "gone"    // the client closed the connection without QUIT, or the network did
	EndTimeout End = "timeout" // the client was silent or too slow
	EndErrors  End = "errors"  // too many protocol errors, or one that no mail client makes
	EndRefused End = "refused" // turned away, or the handler answered 421
	EndDrain   End = "drain"   // the server shuts down
	EndTLS     End = "tls"     // the handshake did not succeed
	EndPanic   End = "panic"   // an internal error, contained
)

// Observer is told what happens, for metrics and the log. Functions may be nil; they are called
// from many goroutines and must not block.
type Observer struct {
	Opened    func()                                     // a session began
	Closed    func(why End, d time.Duration)             // a session ended after d
	Refused   func(why Refusal)                          // a connection was turned away
	Replied   func(verb string, code int)                // a command was answered; unknown verbs are ""
	Message   func(size int64, code int)                 // a message was read to its end and answered
	Discarded func(s *Session, size int64, r smtp.Reply) // a message was refused for its form or size, and no handler saw it
	ReplyLost func(code int)                             // a message was answered, but the client did not take the answer
	Violated  func(v Violation)                          // at most once per session and violation
	Stress    func(on bool)                              // stress mode began or ended
}

// withDefaults replaces nil functions by ones that do nothing.
func (o Observer) withDefaults() Observer {
	if o.Opened == nil {
		o.Opened = func() {}
	}
	if o.Closed == nil {
		o.Closed = func(End, time.Duration) {}
	}
	if o.Refused == nil {
		o.Refused = func(Refusal) {}
	}
	if o.Replied == nil {
		o.Replied = func(string, int) {}
	}
	if o.Message == nil {
		o.Message = func(int64, int) {}
	}
	if o.Discarded == nil {
		o.Discarded = func(*Session, int64, smtp.Reply) {}
	}
	if o.ReplyLost == nil {
		o.ReplyLost = func(int) {}
	}
	if o.Violated == nil {
		o.Violated = func(Violation) {}
	}
	if o.Stress == nil {
		o.Stress = func(bool) {}
	}
	return o
}
