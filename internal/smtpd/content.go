package smtpd

import (
	"bytes"
	"encoding/binary"
	"errors"

	"outrider/internal/message"
	"outrider/internal/smtp"
)

// Why content is refused. A write error of the capture stands for itself.
var (
	errBare = errors.New("bare CR or LF in message")
	errNUL  = errors.New("NUL octet in message")
	errLine = errors.New("line of message too long")
)

// content takes the octets of one message without dot-stuffing, as DATA and BDAT both
// yield them, applies the newline policy, gathers traits and keeps the result. Once it
// has refused something it swallows the rest, so that the end can still be found.
type content struct {
	capture   *message.Capture
	normalise bool
	rejectNUL bool
	maxLine   int

	traits  message.Traits
	raw     int64 // octets seen, the refused ones included
	held    int   // CRs at the end of what was seen, undecided until the next octet; at most two
	line    int   // octets of the current line so far
	past    bool  // the header section has ended
	err     error // the first refusal
	scratch []byte
}

// newContent returns the content of a message under the limits of cfg. The capture takes its
// memory from what all messages share.
func newContent(cfg *Config, memory *message.Memory) *content {
	capture := message.NewCapture(cfg.CaptureDir, cfg.MaxSize, memory)
	capture.AskRoom(cfg.Room)
	return &content{
		capture:   capture,
		normalise: cfg.BareNewlines == NormaliseBare,
		rejectNUL: cfg.RejectNUL,
		maxLine:   cfg.MaxLine,
	}
}

// write takes the next octets.
func (c *content) write(p []byte) {
	c.raw += int64(len(p))
	for c.held > 0 && len(p) > 0 && c.err == nil {
		c.writeSlow(p[:1])
		p = p[1:]
	}
	if c.err == nil && len(p) > 0 && !c.writeClean(p) {
		c.writeSlow(p)
	}
}

// end says that no more octets come.
func (c *content) end() {
	if c.err == nil && c.held > 0 {
		c.writeSlow(nil)
	}
	c.traits.MaxLine = max(c.traits.MaxLine, c.line)
}

// writeClean takes p if all its line ends are CRLF, which it finds out without looking
// at single octets. A CR at the very end is held back.
func (c *content) writeClean(p []byte) bool {
	held := 0
	if p[len(p)-1] == '\r' {
		held = 1
		p = p[:len(p)-1]
	}
	ends := bytes.Count(p, []byte{'\n'})
	// As many CR as LF, and a CR before each LF: then every CR has its LF.
	if ends != bytes.Count(p, []byte{'\r'}) {
		return false
	}
	line, longest, headerEnd := c.line, c.traits.MaxLine, -1
	if c.past {
		headerEnd = 0
	}
	rest := p
	for range ends {
		i := bytes.IndexByte(rest, '\n')
		if i == 0 || rest[i-1] != '\r' {
			return false
		}
		line += i - 1
		if line == 0 && headerEnd < 0 {
			headerEnd = len(p) - len(rest)
		}
		longest = max(longest, line)
		line, rest = 0, rest[i+1:]
	}
	c.line, c.held, c.traits.MaxLine = line+len(rest), held, longest
	c.note(p, headerEnd)
	c.keep(p)
	return true
}

// note records traits of p. Before headerEnd lies the header section, unless that is
// negative: then it goes on.
func (c *content) note(p []byte, headerEnd int) {
	if has8Bit(p) {
		c.traits.EightBit = true
		if headerEnd < 0 || has8Bit(p[:headerEnd]) {
			c.traits.HeaderUTF8 = true
		}
	}
	c.past = headerEnd >= 0
	if bytes.IndexByte(p, 0) >= 0 {
		c.traits.NUL = true
	}
}

// keep stores p, whose traits are noted, unless it is to be refused.
func (c *content) keep(p []byte) {
	switch {
	case c.traits.NUL && c.rejectNUL:
		c.refuse(errNUL)
	case max(c.line, c.traits.MaxLine) > c.maxLine:
		c.refuse(errLine)
	default:
		if _, err := c.capture.Write(p); err != nil {
			c.refuse(err)
		}
	}
}

// refuse remembers the first reason and frees what was kept.
func (c *content) refuse(err error) {
	c.err = err
	c.capture.Discard()
}

// writeSlow takes p octet by octet, undecided CRs first. A nil p ends the message.
func (c *content) writeSlow(p []byte) {
	c.scratch = c.scratch[:0]
	if p == nil {
		c.settle()
	}
	for _, b := range p {
		switch b {
		case '\r':
			c.hold()
		case '\n':
			c.traits.BareCR = c.traits.BareCR || c.held > 1
			c.traits.BareLF = c.traits.BareLF || c.held == 0
			c.held = 0
			c.endLine()
		default:
			c.settle()
			c.octet(b)
		}
	}
	if (c.traits.BareCR || c.traits.BareLF) && !c.normalise {
		c.refuse(errBare)
		return
	}
	c.keep(c.scratch)
}

// hold takes a CR. CR CR LF may become one line end, so two are held; of a longer run
// the first is bare for certain.
func (c *content) hold() {
	if c.held == 2 {
		c.traits.BareCR = true
		c.endLine()
		return
	}
	c.held++
}

// settle makes a line end of each CR that turned out to be bare.
func (c *content) settle() {
	for ; c.held > 0; c.held-- {
		c.traits.BareCR = true
		c.endLine()
	}
}

// endLine appends CRLF.
func (c *content) endLine() {
	c.past = c.past || c.line == 0
	c.traits.MaxLine = max(c.traits.MaxLine, c.line)
	c.line = 0
	c.scratch = append(c.scratch, '\r', '\n')
}

// octet appends one octet that is neither CR nor LF.
func (c *content) octet(b byte) {
	c.line++
	c.traits.NUL = c.traits.NUL || b == 0
	if b >= 0x80 {
		c.traits.EightBit = true
		c.traits.HeaderUTF8 = c.traits.HeaderUTF8 || !c.past
	}
	c.scratch = append(c.scratch, b)
}

// discard frees everything that was kept.
func (c *content) discard() { c.capture.Discard() }

// refusal returns the reply that says why the content is not taken, if it is not.
func (c *content) refusal() (smtp.Reply, bool) {
	switch {
	case c.err == nil:
		return smtp.Reply{}, false
	case errors.Is(c.err, errBare):
		// RFC 5321, Section 2.3.8: CR and LF must not occur but as CRLF.
		return smtp.Reply{Code: 550, Enhanced: "5.6.11", Text: "Bare CR or LF is not allowed in a message (RFC 5321, 2.3.8)"}, true
	case errors.Is(c.err, errNUL):
		return smtp.Reply{Code: 550, Enhanced: "5.6.0", Text: "NUL octets are not allowed in a message"}, true
	case errors.Is(c.err, errLine):
		return smtp.Reply{Code: 550, Enhanced: "5.6.0", Text: "A line of the message is too long"}, true
	case errors.Is(c.err, message.ErrBodyTooLarge):
		return replyTooBig, true
	default:
		return smtp.Reply{Code: 452, Enhanced: "4.3.1", Text: "Insufficient system storage, please try again later"}, true
	}
}

// has8Bit reports whether p holds an octet above 127.
func has8Bit(p []byte) bool {
	const high = 0x8080808080808080
	for ; len(p) >= 32; p = p[32:] {
		w := binary.LittleEndian.Uint64(p) | binary.LittleEndian.Uint64(p[8:]) |
			binary.LittleEndian.Uint64(p[16:]) | binary.LittleEndian.Uint64(p[24:])
		if w&high != 0 {
			return true
		}
	}
	for _, b := range p {
		if b >= 0x80 {
			return true
		}
	}
	return false
}
