package bimi

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"outrider/internal/mailauth/dkim"
)

// DefaultSelector is the selector of mail without one.
const DefaultSelector = "default"

// Bounds of records, in bytes.
const (
	maxRecord = 4 << 10
	maxURL    = 2 << 10
)

// ErrRecord is the error of an unusable record or selector.
var ErrRecord = errors.New("malformed bimi record")

// Record is the published record of a domain. A record without Location and Authority opts
// out.
type Record struct {
	Location  string `json:"l,omitempty"`   // https URL of the logo
	Authority string `json:"a,omitempty"`   // https URL of the evidence document
	Personal  bool   `json:"avp,omitempty"` // avp=personal: a picture of the author takes precedence over the logo
}

// IsRecord reports whether the text has the form of a record: its version comes first.
func IsRecord(txt string) bool {
	first, _, _ := strings.Cut(txt, ";")
	tag, err := dkim.ParseTag(first)
	return err == nil && tag.Name == "v" && tag.Value == "BIMI1"
}

// ParseRecord parses a record. Unknown tags are skipped. The error wraps ErrRecord.
func ParseRecord(txt string) (Record, error) {
	if len(txt) > maxRecord || !IsRecord(txt) {
		return Record{}, fmt.Errorf("%w: %.40q", ErrRecord, txt)
	}
	tags, err := dkim.ParseTags(txt)
	if err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	var r Record
	location, ok := tags.Get("l")
	authority, has := tags.Get("a")
	if !ok && !has {
		return Record{}, fmt.Errorf("%w: no location", ErrRecord)
	}
	if r.Location, err = parseURL(location); err != nil {
		return Record{}, err
	}
	// Early records used "self" for missing evidence.
	if authority != "self" {
		if r.Authority, err = parseURL(authority); err != nil {
			return Record{}, err
		}
	}
	avp, _ := tags.Get("avp")
	r.Personal = strings.EqualFold(avp, "personal")
	return r, nil
}

// parseURL accepts the empty string, and https URLs.
func parseURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > maxURL || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "", fmt.Errorf("%w: url %.80q", ErrRecord, s)
	}
	return s, nil
}

// isSelector reports whether s is a sequence of host name labels, which may contain
// underscores.
func isSelector(s string) bool {
	if len(s) > 180 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return (r < '0' || r > '9') && (r < 'a' || r > 'z') && r != '-' && r != '_'
		}) {
			return false
		}
	}
	return true
}
