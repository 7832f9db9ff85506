package clamav

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Version is the version of the daemon and its signatures.
type Version struct {
	Engine   string    // such as "1.4.3"
	Database int       // number of the daily signatures, 0 if there are none
	Date     time.Time // of the daily signatures, by the daemon's clock
}

// maxName bounds the name of a signature.
const maxName = 200

// parseScan parses the reply to a stream.
func parseScan(reply string) (signature string, err error) {
	text := strings.TrimPrefix(reply, "stream: ")
	switch {
	case text == "OK":
		return "", nil
	case strings.HasSuffix(text, "size limit exceeded. ERROR"):
		return "", ErrTooLarge
	case strings.HasSuffix(text, " ERROR"):
		return "", errors.New("clamd reports: " + printable(strings.TrimSuffix(text, " ERROR")))
	}
	name, found := strings.CutSuffix(text, " FOUND")
	if name = printable(undigest(name)); !found || name == "" {
		return "", unexpected([]byte(reply))
	}
	return name, nil
}

// undigest drops the digest and size after a name, as in "Name(0123abcd:68)".
func undigest(name string) string {
	open := strings.LastIndexByte(name, '(')
	if open <= 0 || !strings.HasSuffix(name, ")") {
		return name
	}
	digest, size, ok := strings.Cut(name[open+1:len(name)-1], ":")
	if !ok || strings.Trim(digest, "0123456789abcdef") != "" || strings.Trim(size, "0123456789") != "" {
		return name
	}
	return name[:open]
}

// parseVersion parses "ClamAV 1.4.3/27800/Tue Oct 7 08:00:00 2025", where the text after
// the engine is missing without daily signatures.
func parseVersion(reply string) (Version, error) {
	text, ok := strings.CutPrefix(reply, "ClamAV ")
	if !ok {
		return Version{}, unexpected([]byte(reply))
	}
	engine, rest, daily := strings.Cut(text, "/")
	v := Version{Engine: printable(engine)}
	if !daily {
		return v, nil
	}
	number, date, _ := strings.Cut(rest, "/")
	var err error
	if v.Database, err = strconv.Atoi(number); err != nil {
		return Version{}, fmt.Errorf("reading the number of the signatures: %w", err)
	}
	if v.Date, err = time.Parse(time.ANSIC, date); err != nil {
		return Version{}, fmt.Errorf("reading the date of the signatures: %w", err)
	}
	return v, nil
}

func unexpected(reply []byte) error {
	return fmt.Errorf("clamd answers %q", printable(string(reply)))
}

// printable returns the beginning of a text, only visible ASCII and blanks.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s[:min(len(s), maxName)]))
}
