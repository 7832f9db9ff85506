package dkim

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds on tag lists: the longest seen in mail have 3 KiB and 16 tags.
const (
	maxTagList = 16 << 10 // bytes
	maxTags    = 64
)

// ErrTags is the error of a malformed tag list.
var ErrTags = errors.New("malformed tag list")

// Tag is one name=value pair.
type Tag struct {
	Name  string
	Value string // without the white space around it
	// Start and End are byte offsets into the list of the text between "=" and the next
	// ";".
	Start, End int
}

// Tags is a tag list in the order of the text.
type Tags []Tag

// Get returns the value of the tag and whether it is present. Names are case-sensitive.
func (t Tags) Get(name string) (string, bool) {
	for i := range t {
		if t[i].Name == name {
			return t[i].Value, true
		}
	}
	return "", false
}

// ParseTags parses the tag list of a signature, a key or an ARC field. Any error makes the
// whole list invalid and wraps ErrTags.
func ParseTags(list string) (Tags, error) {
	if len(list) > maxTagList {
		return nil, fmt.Errorf("%w: %d bytes", ErrTags, len(list))
	}
	var tags Tags
	for start := 0; start <= len(list); {
		end := len(list)
		if i := strings.IndexByte(list[start:], ';'); i >= 0 {
			end = start + i
		}
		// RFC 6376, Section 3.2: one semicolon may follow the last tag.
		if end == len(list) && start > 0 && trimSpace(list[start:]) == "" {
			break
		}
		tag, err := ParseTag(list[start:end])
		if err != nil {
			return nil, err
		}
		tag.Start += start
		tag.End += start
		// RFC 6376, Section 3.2: tags with duplicate names must not occur.
		if _, twice := tags.Get(tag.Name); twice || len(tags) == maxTags {
			return nil, fmt.Errorf("%w: tag %q is repeated", ErrTags, tag.Name)
		}
		tags = append(tags, tag)
		start = end + 1
	}
	return tags, nil
}

// ParseTag parses one tag-spec, the text between two semicolons.
func ParseTag(spec string) (Tag, error) {
	name, value, ok := strings.Cut(spec, "=")
	tag := Tag{Name: trimSpace(name), Value: trimSpace(value), Start: len(name) + 1, End: len(spec)}
	if !ok || !isTagName(tag.Name) {
		return Tag{}, fmt.Errorf("%w: %.40q is not a tag", ErrTags, spec)
	}
	if !isTagValue(tag.Value) {
		return Tag{}, fmt.Errorf("%w: the value of %q has a control character", ErrTags, tag.Name)
	}
	return tag, nil
}

func isTagName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '_') {
			return false
		}
	}
	return s != ""
}

// isTagValue allows the characters of RFC 6376, Section 3.2, and UTF-8. RFC 8616, Section
// 5: names in a signature may be internationalized.
func isTagValue(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c < ' ' && !isSpace(c) || c == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func trimSpace(s string) string { return strings.Trim(s, " \t\r\n") }

// dropSpace removes white space, which is allowed anywhere in base64 and in colon-separated
// lists.
func dropSpace(s string) string {
	if !strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if !isSpace(s[i]) {
			out = append(out, s[i])
		}
	}
	return string(out)
}
