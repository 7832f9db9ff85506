package smtpd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"outrider/internal/message"
	"outrider/internal/smtp"
)

// transaction is what is known of the message under way.
type transaction struct {
	env      smtp.Envelope
	size     int64     // as declared, or 0
	attempts int       // RCPT commands
	chunks   *content  // of BDAT, or nil
	began    time.Time // first BDAT
}

// mail answers MAIL.
func (s *Session) mail(ctx context.Context, arg string) {
	switch {
	case s.helo == "":
		s.fail(replyHelloFirst)
		return
	case s.tx != nil:
		s.fail(replyNested)
		return
	case s.mails >= s.srv.cfg.MaxMessagesPerConn:
		s.end = EndErrors
		s.reply(smtp.Reply{Code: 421, Enhanced: "4.7.0", Text: "Too many messages on this connection, please connect again"})
		return
	}
	m, err := parseMail(arg, s.extensions())
	if err != nil {
		s.fail(smtp.ReplyFor(err))
		return
	}
	s.tolerate(m.tolerate)
	s.mails++
	s.Transaction = nil
	s.tx = &transaction{env: m.env, size: m.size}
	if err := s.srv.handler.Mail(ctx, s, m.env); err != nil {
		s.refuse(ctx, err)
		s.resetTransaction()
		return
	}
	s.reply(smtp.Reply{Code: 250, Enhanced: "2.1.0", Text: "Sender OK"})
}

// extensions returns what MAIL may use.
func (s *Session) extensions() extensions {
	cfg := &s.srv.cfg
	return extensions{
		params: s.esmtp, eightBit: cfg.Advertise8Bit, utf8: cfg.AdvertiseUTF8,
		requireTLS: s.tls != nil, maxSize: cfg.MaxSize,
	}
}

// tolerate records what a path should not have had.
func (s *Session) tolerate(t tolerated) {
	if t.space {
		s.violate(SpaceInPath)
	}
	if t.route {
		s.violate(SourceRoute)
	}
}

// rcpt answers RCPT.
func (s *Session) rcpt(ctx context.Context, arg string) {
	if s.tx == nil {
		s.fail(replyMailFirst)
		return
	}
	if s.tx.chunks != nil {
		s.fail(replyMixed)
		return
	}
	s.tx.attempts++
	if limit := s.srv.cfg.MaxRecipients; s.tx.attempts > limit {
		s.tooManyRecipients(s.tx.attempts > 2*limit)
		return
	}
	r, err := parseRcpt(arg, s.esmtp, s.tx.env.UTF8)
	if err != nil {
		s.fail(smtp.ReplyFor(err))
		return
	}
	s.tolerate(r.tolerate)
	if err := s.srv.handler.Rcpt(ctx, s, r.rcpt); err != nil {
		s.refuse(ctx, err)
		return
	}
	s.tx.env.Recipients = append(s.tx.env.Recipients, r.rcpt)
	s.reply(smtp.Reply{Code: 250, Enhanced: "2.1.5", Text: "Recipient OK"})
}

// tooManyRecipients refuses a recipient, and the client when it does not stop.
// RFC 5321, Section 4.5.3.1.10: 452, and the client sends the rest later.
func (s *Session) tooManyRecipients(hopeless bool) {
	if hopeless {
		s.end = EndErrors
		s.reply(replyErrors)
		return
	}
	s.reply(smtp.Reply{Code: 452, Enhanced: "4.5.3", Text: "Too many recipients"})
}

// ready returns the reply that refuses message data now, if it must be refused.
func (s *Session) ready() (smtp.Reply, bool) {
	switch {
	case s.tx == nil:
		return replyMailFirst, false
	case len(s.tx.env.Recipients) > 0:
		return smtp.Reply{}, true
	case s.tx.attempts > 0:
		// RFC 5321, Section 3.3: 554 where all recipients were refused.
		return smtp.Reply{Code: 554, Enhanced: "5.5.1", Text: "No valid recipients"}, false
	default:
		return smtp.Reply{Code: 503, Enhanced: "5.5.1", Text: "Send RCPT first"}, false
	}
}

// data answers DATA and reads the message after it.
func (s *Session) data(ctx context.Context, arg string) {
	if arg != "" {
		s.fail(replyNoParams)
		return
	}
	if r, ok := s.ready(); !ok {
		s.fail(r)
		return
	}
	if s.tx.chunks != nil {
		s.fail(replyMixed)
		return
	}
	if s.c.br.Buffered() > 0 {
		// RFC 2920, Section 3.1: DATA must be the last command of a group.
		s.violate(PipelinedData)
	}
	s.reply(smtp.Reply{Code: 354, Text: "End the message with <CRLF>.<CRLF>"})
	body := newContent(&s.srv.cfg, s.srv.memory)
	body.capture.Expect(s.tx.size)
	defer body.discard()
	if err := s.c.readData(body, s.maxRaw()); err != nil {
		s.brokenData(err)
		return
	}
	s.finish(ctx, body)
}

// maxRaw is how many octets of a message are read to find its end, when it has grown
// beyond the limit already.
func (s *Session) maxRaw() int64 { return 2*s.srv.cfg.MaxSize + maxFlood }

// brokenData ends the session when a message did not come to its end. The server did not answer
// for it, so the client keeps it.
func (s *Session) brokenData(err error) {
	if !errors.Is(err, errFlood) {
		s.broken(err)
		return
	}
	s.end = EndErrors
	s.reply(replyTooBig)
}

// bdat answers BDAT and reads the chunk after it.
//
// RFC 3030, Section 2: the octets follow at once and must be read even when the
// command is refused.
func (s *Session) bdat(ctx context.Context, arg string) {
	size, last, err := parseChunk(arg)
	if err != nil {
		s.end = EndErrors
		s.reply(smtp.ReplyFor(err))
		return
	}
	if size > s.maxRaw() {
		s.brokenData(errFlood)
		return
	}
	if r, ok := s.ready(); !ok {
		s.skipChunk(size, r)
		return
	}
	body, err := s.readChunk(size)
	switch {
	case err != nil:
		s.brokenData(err)
	case last || errors.Is(body.err, errBare): // no later chunk can make it valid
		s.finish(ctx, body)
	default:
		s.chunkDone(size, body)
	}
}

// readChunk reads a chunk of the transaction's message.
func (s *Session) readChunk(size int64) (*content, error) {
	if s.tx.chunks == nil {
		s.tx.chunks, s.tx.began = newContent(&s.srv.cfg, s.srv.memory), time.Now()
	}
	body := s.tx.chunks
	// The clock of a single chunk would let a message take for ever in small ones.
	if time.Since(s.tx.began) > s.srv.cfg.Timeouts.DataTotal {
		return nil, errTimeout
	}
	if size > s.maxRaw()-body.raw {
		return nil, errFlood
	}
	return body, s.c.readChunk(size, body)
}

// chunkDone answers a chunk that is not the last. What was refused stays refused until
// the transaction ends.
func (s *Session) chunkDone(size int64, body *content) {
	if r, refused := body.refusal(); refused {
		s.reply(r)
		return
	}
	s.reply(smtp.Reply{Code: 250, Enhanced: "2.0.0", Text: fmt.Sprintf("%d octets received", size)})
}

// skipChunk reads and drops a chunk.
func (s *Session) skipChunk(size int64, r smtp.Reply) {
	if err := s.c.readChunk(size, nil); err != nil {
		s.broken(err)
		return
	}
	s.fail(r)
}

// finish hands a complete message to the handler and answers it. From here on the
// message is handled once, even if the client has gone.
func (s *Session) finish(ctx context.Context, body *content) {
	defer s.resetTransaction()
	s.junk = 0
	body.end()
	size := body.capture.Size()
	r, refused := body.refusal()
	if refused {
		s.srv.observe.Discarded(s, size, r)
	} else {
		r = s.deliver(ctx, body)
	}
	switch {
	case r.Code == 421:
		s.end = EndRefused
	case errors.Is(body.err, errBare):
		// What follows may be the commands of a message that was smuggled in this one.
		s.end = EndErrors
	}
	s.reply(r)
	s.srv.observe.Message(size, r.Code)
	if err := s.c.bw.Flush(); err != nil {
		s.srv.observe.ReplyLost(r.Code)
		s.end = EndGone
	}
}

// deliver gives the message to the handler.
func (s *Session) deliver(ctx context.Context, body *content) smtp.Reply {
	now := time.Now()
	m := &message.Received{
		ID: message.NewID(now), Session: s.ID(), Source: message.SourceSMTP, Envelope: s.tx.env, Peer: s.Peer(), At: now,
		Body: body.capture.Finish(), Traits: body.traits,
	}
	defer func() { _ = m.Body.Close() }() // closing an unlinked file loses nothing
	r, err := s.srv.handler.Data(ctx, s, m)
	if err != nil {
		return s.replyFor(ctx, err)
	}
	if r.Code < 200 || r.Code > 599 || r.Class() == 3 {
		return s.replyFor(ctx, fmt.Errorf("answering message: handler replied with code %d", r.Code))
	}
	return r
}
