package relay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"outrider/internal/smtp"
)

// Bounds of one reply. RFC 5321, Section 4.5.3.1.5 allows 512 octets per line; real servers
// send longer ones that contain links.
const (
	maxReplyLine  = 2048     // octets
	maxReplyLines = 128      // an EHLO reply has 20
	maxReplyText  = 16 << 10 // octets of all lines
)

// Errors of readReply.
var (
	errReply     = errors.New("malformed reply")
	errReplySize = errors.New("reply too long")
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// readReply reads one reply of any number of lines.
func readReply(br *bufio.Reader) (smtp.Reply, error) {
	var r smtp.Reply
	var lines []string
	size := 0
	for {
		line, err := readLine(br)
		if err != nil {
			return r, err
		}
		if size += len(line); size > maxReplyText || len(lines) == maxReplyLines {
			return r, errReplySize
		}
		code, text, more, err := splitReply(line)
		if err != nil || r.Code != 0 && code != r.Code {
			return r, fmt.Errorf("%w: %.80q", errReply, line)
		}
		r.Code = code
		lines = append(lines, text)
		if !more {
			break
		}
	}
	finish(&r, lines)
	return r, nil
}

// readLine returns one line without its end. A bare LF ends a line too, since strictness is
// only needed for our own output.
func readLine(br *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxReplyLine:
			return "", errReplySize
		case err == nil:
			return strings.TrimRight(string(line), "\r\n"), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return "", io.ErrUnexpectedEOF
		default:
			return "", err //nolint:wrapcheck // the caller names the command
		}
	}
}

// splitReply splits "250-text". RFC 5321, Section 4.2: three digits, then "-" if more lines
// follow, a space, or the end of the line.
func splitReply(line string) (code int, text string, more bool, err error) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !digits(line[:3]) {
		return 0, "", false, errReply
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	switch {
	case len(line) == 3:
		return code, "", false, nil
	case line[3] == ' ' || line[3] == '-':
		return code, line[4:], line[3] == '-', nil
	default:
		return 0, "", false, errReply
	}
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// finish extracts the enhanced code from the lines and sanitizes the text.
func finish(r *smtp.Reply, lines []string) {
	for i, line := range lines {
		code, text := cutEnhanced(line, r.Class())
		if i == 0 {
			r.Enhanced = code
		}
		if code == "" || code != r.Enhanced {
			text = line
		}
		lines[i] = harmless(text)
	}
	r.Text = strings.Join(lines, "\n")
}

// cutEnhanced splits "5.1.1 text". RFC 3463, Section 2: the class is that of the
// reply, the other two numbers have at most three digits.
func cutEnhanced(s string, class int) (code, text string) {
	code, text, _ = strings.Cut(s, " ")
	part := strings.Split(code, ".")
	if len(part) != 3 || part[0] != strconv.Itoa(class) || class == 3 {
		return "", s
	}
	for _, p := range part[1:] {
		if len(p) > 3 || !digits(p) {
			return "", s
		}
	}
	return code, text
}

// harmless replaces control characters and invalid UTF-8, since replies are copied to logs,
// senders and notifications.
func harmless(s string) string {
	clean := func(r rune) rune {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return '?'
		}
		return r
	}
	return strings.Map(clean, s)
}
