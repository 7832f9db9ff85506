package relay

import (
	"context"
	"errors"
	"fmt"
	"io"

	"outrider/internal/smtp"
)

// errContent marks failures caused by the message or by us; another connection would not
// help.
var errContent = errors.New("message cannot be sent")

// transact runs one transaction for the open recipients. It settles each recipient that got
// a reply. After an error the session is unusable; recipients that are still open got no
// reply, and another host may be tried.
func (d *delivery) transact(ctx context.Context, s *session) error {
	utf8Needed := needsUTF8(d.job)
	if reply, ok := d.refuse(s, utf8Needed); ok {
		d.settleAll(reply, nil)
		return nil
	}
	d.refuseUTF8(s)
	if len(d.open) == 0 {
		return nil
	}
	t := transaction{d: d, s: s, rcpts: append([]int(nil), d.open...)}
	if s.has("PIPELINING") {
		return t.pipelined(ctx, utf8Needed)
	}
	return t.stepwise(ctx, utf8Needed)
}

// refuse returns why the message cannot go to a host with these extensions.
func (d *delivery) refuse(s *session, utf8Needed bool) (smtp.Reply, bool) {
	e := &d.job.Envelope
	limit := s.maxSize()
	switch {
	case requiresTLS(e, s.target) && !s.has("REQUIRETLS"):
		return replyNoReqTLS, true // RFC 8689, Section 4.2.1
	case utf8Needed && !s.has("SMTPUTF8"):
		return replyNoUTF8, true // RFC 6531, Section 3.5
	case limit > 0 && d.job.Content.Size() > limit:
		return replyTooBig, true // RFC 1870, Section 6.1: the host would reject it
	case d.job.Traits.EightBit && d.r.cfg.Refuse8Bit && !s.has("8BITMIME"):
		return replyNo8Bit, true // RFC 6152, Section 3
	default:
		return smtp.Reply{}, false
	}
}

// refuseUTF8 fails recipients whose address the host does not support.
func (d *delivery) refuseUTF8(s *session) {
	if s.has("SMTPUTF8") {
		return
	}
	for _, i := range append([]int(nil), d.open...) {
		if !isASCII(d.job.Envelope.Recipients[i].Address) {
			d.settle(i, replyNoUTF8, nil)
		}
	}
}

// transaction is one message on one session.
type transaction struct {
	d        *delivery
	s        *session
	rcpts    []int      // recipients offered
	accepted []int      // recipients that the host accepted
	mail     smtp.Reply // reply to MAIL
	data     smtp.Reply // reply to DATA
}

func (t *transaction) mailLine(utf8Needed bool) string {
	for _, i := range t.rcpts {
		utf8Needed = utf8Needed || !isASCII(t.d.job.Envelope.Recipients[i].Address)
	}
	return "MAIL FROM:<" + t.d.job.Envelope.From + ">" + mailParams(t.d.job, t.s, utf8Needed)
}

func (t *transaction) rcptLine(i int) string {
	r := t.d.job.Envelope.Recipients[i]
	return "RCPT TO:<" + r.Address + ">" + rcptParams(r, t.s)
}

// pipelined sends MAIL, all RCPT and DATA in groups without waiting between them.
func (t *transaction) pipelined(ctx context.Context, utf8Needed bool) error {
	var waiting []func() error // read the replies of the sent commands, in order
	send := func(line string, read func() error) error {
		t.s.send(line)
		waiting = append(waiting, read)
		if t.s.bw.Buffered() < commandGroup {
			return nil
		}
		return t.collect(&waiting)
	}
	if err := send(t.mailLine(utf8Needed), t.readMail); err != nil {
		return err
	}
	for _, i := range t.rcpts {
		if err := send(t.rcptLine(i), func() error { return t.readRcpt(i) }); err != nil {
			return err
		}
	}
	if t.allRefused(waiting) {
		return t.reset()
	}
	t.s.send("DATA")
	waiting = append(waiting, t.readData)
	if err := t.collect(&waiting); err != nil {
		return err
	}
	return t.content(ctx)
}

// allRefused reports whether all recipients are already refused.
func (t *transaction) allRefused(waiting []func() error) bool {
	return len(waiting) == 0 && len(t.accepted) == 0
}

func (t *transaction) collect(waiting *[]func() error) error {
	if err := t.s.flush(); err != nil {
		return err
	}
	for _, read := range *waiting {
		if err := read(); err != nil {
			return err
		}
	}
	*waiting = (*waiting)[:0]
	return nil
}

// stepwise waits for each reply before the next command.
func (t *transaction) stepwise(ctx context.Context, utf8Needed bool) error {
	t.s.send(t.mailLine(utf8Needed))
	err := t.collect(&[]func() error{t.readMail})
	for _, i := range t.rcpts {
		if err != nil || t.mail.Class() != 2 {
			break
		}
		t.s.send(t.rcptLine(i))
		err = t.collect(&[]func() error{func() error { return t.readRcpt(i) }})
	}
	if err != nil {
		return err
	}
	if len(t.accepted) == 0 {
		return t.reset()
	}
	t.s.send("DATA")
	if err := t.collect(&[]func() error{t.readData}); err != nil {
		return err
	}
	return t.content(ctx)
}

// readMail reads the reply to MAIL; a refusal applies to every recipient.
func (t *transaction) readMail() error {
	var err error
	if t.mail, err = t.s.reply("MAIL", t.s.r.cfg.Timeouts.Command); err != nil {
		return err
	}
	if t.mail.Class() != 2 {
		t.d.settleAll(final(t.mail), t.s)
	}
	return nil
}

func (t *transaction) readRcpt(i int) error {
	r, err := t.s.reply("RCPT", t.s.r.cfg.Timeouts.Command)
	switch {
	case err != nil:
		return err
	case t.mail.Class() != 2: // settled by readMail
	case r.Class() == 2:
		t.accepted = append(t.accepted, i)
	default:
		t.d.settle(i, final(r), t.s)
	}
	return nil
}

func (t *transaction) readData() error {
	var err error
	t.data, err = t.s.reply("DATA", t.s.r.cfg.Timeouts.Data)
	return err
}

// final converts a reply that is invalid at its place into a temporary failure.
func final(r smtp.Reply) smtp.Reply {
	if r.Class() == 4 || r.Class() == 5 {
		return r
	}
	return replyGarbage
}

// reset ends a transaction without message and leaves the session usable.
func (t *transaction) reset() error {
	r, err := t.s.cmd("RSET")
	if err == nil && r.Class() != 2 {
		err = refused(r)
	}
	return err
}

// content continues after the reply to DATA.
func (t *transaction) content(ctx context.Context) error {
	switch {
	case len(t.accepted) == 0:
		return t.nothing()
	case t.data.Code == 354:
		return t.send(ctx)
	}
	for _, i := range t.accepted {
		t.d.settle(i, final(t.data), t.s)
	}
	if t.data.Class() == 2 || t.data.Class() == 3 {
		return fail(replyGarbage, "DATA was answered with %s", t.data)
	}
	return t.reset()
}

// nothing ends a transaction in which no recipient was accepted, but DATA was sent. RFC
// 2920, Section 3.1: if the host accepts DATA, a lone dot ends it.
func (t *transaction) nothing() error {
	if t.data.Code != 354 {
		return t.reset()
	}
	if t.s.lmtp {
		return fail(replyGarbage, "DATA was accepted without recipients")
	}
	_, err := t.s.cmd(".")
	return err
}

// send sends the message. It is all or nothing: before the final dot, closing the
// connection still aborts the message.
func (t *transaction) send(ctx context.Context) error {
	w := &dataWriter{w: &blockWriter{s: t.s}}
	if _, err := t.d.job.Content.WriteTo(w); err != nil {
		return t.contentError(err)
	}
	if t.d.commit != nil {
		commit := t.d.commit
		t.d.commit = nil
		if err := commit(ctx); err != nil {
			t.d.stopped = true
			t.d.settleAll(temporary(err), nil)
			return fmt.Errorf("%w: %w", errContent, err)
		}
	}
	if err := w.end(); err != nil {
		return t.contentError(err)
	}
	// From here on the next hop may have the message.
	if err := t.s.flush(); err != nil {
		return t.lost(err)
	}
	return t.finalReplies()
}

// temporary returns the reply of err, but never a permanent failure: a journal that cannot
// be written is no fault of the message.
func temporary(err error) smtp.Reply {
	if r := smtp.ReplyFor(err); r.Class() == 4 {
		return r
	}
	return smtp.ReplyFor(nil)
}

// contentError determines why the content could not be written: by its own fault, by the
// reader's, or by the connection.
func (t *transaction) contentError(err error) error {
	if b, ok := errors.AsType[*blockError](err); ok {
		return fail(replyLost, "sending message: %w", b.err)
	}
	reply := replyContent
	if errors.Is(err, errCanonical) {
		reply = replyCanonical
	}
	t.d.r.log.Error("message not sent", "error", err)
	t.d.settleAll(reply, nil)
	return fmt.Errorf("%w: %w", errContent, err)
}

// lost settles the accepted recipients of a connection that broke after the dot.
func (t *transaction) lost(err error) error {
	reply := smtp.ReplyFor(err)
	if reply.Code != 421 { // which is a reply
		t.d.r.ambiguous.Add(1)
		reply = replyAmbiguous
	}
	for _, i := range t.accepted {
		if t.d.results[i].Status == "" {
			t.d.settle(i, reply, t.s)
		}
	}
	return err
}

// finalReplies reads the reply to the dot: one, or with LMTP one per recipient.
func (t *transaction) finalReplies() error {
	var r smtp.Reply
	for n, i := range t.accepted {
		if n == 0 || t.s.lmtp {
			var err error
			if r, err = t.s.reply("end of data", t.s.r.cfg.Timeouts.Final); err != nil {
				return t.lost(err)
			}
			if r.Class() == 3 {
				return t.lost(fail(replyGarbage, "end of data was answered with %s", r))
			}
		}
		t.d.settle(i, r, t.s)
	}
	return nil
}

// blockError is a failure of the connection, as opposed to one of the content.
type blockError struct{ err error }

// Error returns the cause.
func (e *blockError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *blockError) Unwrap() error { return e.err }

// blockWriter writes to the buffer of the session, with a new deadline per block.
type blockWriter struct {
	s    *session
	left int // bytes until the deadline is set again
}

var _ io.Writer = (*blockWriter)(nil)

// Write writes p.
func (b *blockWriter) Write(p []byte) (int, error) {
	for from := 0; from < len(p); from += writeBuffer {
		part := p[from:min(len(p), from+writeBuffer)]
		if b.left -= len(part); b.left < 0 {
			b.left = writeBuffer
			if err := b.s.limit(b.s.r.cfg.Timeouts.Block); err != nil {
				return 0, &blockError{err}
			}
		}
		if _, err := b.s.bw.Write(part); err != nil {
			return 0, &blockError{err}
		}
	}
	return len(p), nil
}
