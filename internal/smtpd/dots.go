package smtpd

import "bytes"

// dotState is where in a line of DATA a dotReader is.
type dotState uint8

// The states of a dotReader.
const (
	atLine     dotState = iota // at the start of the data or after CRLF
	inText                     // within a line, not after CR
	afterCR                    // after CR
	afterDot                   // after a dot that began a line, which is withheld
	afterDotCR                 // after such a dot and CR, both withheld
)

// dotReader finds the end of DATA and removes dot-stuffing.
//
// RFC 5321, Section 4.1.1.4: only CRLF "." CRLF ends the data, and the first CRLF
// still belongs to the message. Bare CR and LF begin no line.
type dotReader struct{ state dotState }

// read passes the octets of p on to c and returns how many it used; done says that
// the end of data was among them, and that the rest of p is not data.
func (d *dotReader) read(p []byte, c *content) (used int, done bool) {
	for used < len(p) {
		rest := p[used:]
		switch d.state {
		case atLine, afterDot, afterDotCR:
			n, end := d.line(rest[0], c)
			used += n
			if end {
				return used, true
			}
		case afterCR:
			n := d.newline(rest[0])
			c.write(rest[:n])
			used += n
		case inText:
			n := d.text(rest)
			c.write(rest[:n])
			used += n
		}
	}
	return used, false
}

// line takes b at or near the start of a line and returns how many octets it used.
func (d *dotReader) line(b byte, c *content) (used int, end bool) {
	switch {
	case d.state == atLine && b == '.':
		d.state = afterDot
		return 1, false
	case d.state == afterDot && b == '\r':
		d.state = afterDotCR
		return 1, false
	case d.state == afterDotCR && b == '\n':
		d.state = atLine
		return 1, true
	case d.state == afterDotCR:
		// The CR was part of the line, which was no lone dot.
		d.state = afterCR
		c.write([]byte{'\r'})
		return 0, false
	default:
		// RFC 5321, Section 4.5.2: the first dot of a longer line is removed.
		d.state = inText
		return 0, false
	}
}

// newline decides on the octet after a CR and returns how many it used.
func (d *dotReader) newline(b byte) (used int) {
	switch b {
	case '\n':
		d.state = atLine
		return 1
	case '\r':
		return 1
	default:
		d.state = inText
		return 0
	}
}

// text returns how much of p lies before the next dot that begins a line.
func (d *dotReader) text(p []byte) int {
	if i := bytes.Index(p, []byte("\r\n.")); i >= 0 {
		d.state = atLine
		return i + 2
	}
	switch {
	case bytes.HasSuffix(p, []byte("\r\n")):
		d.state = atLine
	case p[len(p)-1] == '\r':
		d.state = afterCR
	}
	return len(p)
}
