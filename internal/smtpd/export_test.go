package smtpd

import (
	"outrider/internal/message"
	"outrider/internal/smtp"
)

// Read is what became of the octets of one message, for tests.
type Read struct {
	Body   []byte
	Traits message.Traits
	Used   int  // octets of the input up to the end of the message
	Done   bool // the end was found
	Reply  smtp.Reply
}

// ReadDots reads a message as DATA does, in blocks.
func ReadDots(cfg Config, blocks [][]byte) Read {
	cfg = cfg.withDefaults()
	c := newContent(&cfg, nil)
	var dots dotReader
	var r Read
	for _, b := range blocks {
		n, done := dots.read(b, c)
		r.Used += n
		if r.Done = done; done {
			break
		}
	}
	return c.result(r)
}

// ReadChunks reads a message as BDAT does, in chunks.
func ReadChunks(cfg Config, chunks [][]byte) Read {
	cfg = cfg.withDefaults()
	c := newContent(&cfg, nil)
	r := Read{Done: true}
	for _, b := range chunks {
		c.write(b)
		r.Used += len(b)
	}
	return c.result(r)
}

// result completes r.
func (c *content) result(r Read) Read {
	c.end()
	r.Reply, _ = c.refusal()
	r.Traits = c.traits
	if c.err == nil {
		r.Body, _ = c.capture.Finish().Bytes()
	}
	c.discard()
	return r
}

// ParseLine parses a command line and its argument as the session would.
func ParseLine(line []byte) (verb string, mail smtp.Envelope, rcpt smtp.Recipient, ok bool, err error) {
	verb, arg, ok := parseCommand(line)
	if !ok {
		return verb, mail, rcpt, false, nil
	}
	switch verb {
	case "MAIL":
		m, err := parseMail(arg, extensions{params: true, eightBit: true, utf8: true, requireTLS: true, maxSize: 1000})
		return verb, m.env, rcpt, true, err
	case "RCPT":
		r, err := parseRcpt(arg, true, true)
		return verb, mail, r.rcpt, true, err
	case "BDAT":
		_, _, err = parseChunk(arg)
	case "XCLIENT":
		parseXClient(arg)
	}
	return verb, mail, rcpt, true, err
}

// CheckEvery is how often certificate files are looked at.
const CheckEvery = checkEvery
