package relay

import (
	"bytes"
	"errors"
	"io"
)

// errCanonical is the error of content whose lines do not all end with CRLF.
var errCanonical = errors.New("content has a bare CR, a bare LF or a NUL")

// dataWriter writes the content of DATA: it doubles dots at the start of lines and refuses
// everything that another host could interpret as the end of a line. It is used for one
// message.
type dataWriter struct {
	w    io.Writer
	last byte // last byte written; '\n' only as part of CRLF; 0 at the start
}

var dot = []byte{'.'}

// Write writes p. It processes p in lines, never byte by byte.
func (d *dataWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !d.canonical(p) {
		return 0, errCanonical
	}
	from := 0
	if p[0] == '.' && (d.last == '\n' || d.last == 0) {
		if _, err := d.w.Write(dot); err != nil {
			return 0, err //nolint:wrapcheck // the connection's error
		}
	}
	for {
		// RFC 5321, Section 4.5.2: a dot at the start of a line is doubled.
		i := bytes.Index(p[from:], []byte("\n."))
		if i < 0 {
			break
		}
		if _, err := d.w.Write(p[from : from+i+2]); err != nil {
			return 0, err //nolint:wrapcheck // the connection's error
		}
		from += i + 1
	}
	if _, err := d.w.Write(p[from:]); err != nil {
		return 0, err //nolint:wrapcheck // the connection's error
	}
	d.last = p[len(p)-1]
	return len(p), nil
}

// canonical reports whether p, after the bytes written before, has CR and LF only together,
// and no NUL.
func (d *dataWriter) canonical(p []byte) bool {
	if bytes.IndexByte(p, 0) >= 0 {
		return false
	}
	afterCR := d.last == '\r'
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			// A CR may be the last byte, if the LF comes with the next write.
			cr := bytes.IndexByte(p, '\r')
			return !afterCR && (cr < 0 || cr == len(p)-1)
		}
		if i == 0 && !afterCR || i > 0 && (afterCR || bytes.IndexByte(p[:i], '\r') != i-1) {
			return false
		}
		afterCR = false
		p = p[i+1:]
	}
	return true
}

// end writes the end of data, after a line end for the last line if missing.
func (d *dataWriter) end() error {
	tail := ".\r\n"
	switch d.last {
	case '\r':
		return errCanonical
	case '\n', 0:
	default:
		tail = "\r\n.\r\n"
	}
	_, err := io.WriteString(d.w, tail)
	return err //nolint:wrapcheck // the connection's error
}
