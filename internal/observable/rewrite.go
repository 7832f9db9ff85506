package observable

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"outrider/internal/address"
)

// Bounds of unwrapping.
const (
	maxWraps    = 8        // nested wrappers; chains of several gateways reach four
	maxInflated = 64 << 10 // bytes of one compressed target
	maxDecoded  = 4        // passes of percent-decoding per value
)

// errNoTarget is the error of a wrapped URL that does not contain its target: only its
// service can resolve it.
var errNoTarget = errors.New("target is not in the url")

// Rewrite is how gateways, mailers and redirectors wrapped a URL.
type Rewrite struct {
	Original string   // the URL as written in the message
	Encoders []string // names of the wrapping services as rules use them, outermost first
}

// Unwrap returns the target of u, as far as it can be derived without a network query, and
// how u was wrapped. A URL that is not wrapped is returned unchanged.
func Unwrap(u URL) (URL, Rewrite) {
	rw := Rewrite{Original: u.Raw}
	for range maxWraps {
		next, name, ok := unwrapOnce(&u)
		if name == "" {
			return u, rw
		}
		rw.Encoders = append(rw.Encoders, name)
		if !ok {
			return u, rw
		}
		next.Place, next.Text = u.Place, u.Text
		u = next
	}
	return u, rw
}

// unwrapOnce removes one wrapper. name is the name of the wrapper, or "" without one; ok
// reports whether the target is known.
func unwrapOnce(u *URL) (next URL, name string, ok bool) {
	if !u.IsWeb() || u.IP.IsValid() {
		return URL{}, "", false
	}
	for _, r := range rewritersOf(u) {
		raw, err := r.target(u)
		if errors.Is(err, errNoTarget) {
			if strings.Contains(wrappersOnly, " "+r.name+" ") {
				name = r.name // known service, opaque target: another rule of the host may decode it
			}
			continue
		}
		if next, ok := parseTarget(raw); ok && next.String() != u.String() {
			return next, r.name, true
		}
	}
	return URL{}, name, false
}

// parseTarget parses the content of a wrapper, which may be percent-encoded more than once,
// or lack its scheme.
func parseTarget(raw string) (URL, bool) {
	for range maxDecoded {
		if next, ok := ParseURL(raw); ok && (next.IsWeb() || next.Scheme != "" && next.Host == "" && isOpaque(next.Scheme)) {
			return next, true
		}
		again := percentDecode(raw)
		if again == raw {
			break
		}
		raw = again
	}
	host, _, _ := strings.Cut(raw, "/")
	if domain, err := address.Domain(host); err == nil && strings.Contains(domain, ".") && IsKnownSuffix(domain) {
		return ParseURL("http://" + raw)
	}
	return URL{}, false
}

func isOpaque(scheme string) bool {
	return scheme == "mailto" || scheme == "tel" || scheme == "javascript"
}

// String returns the URL in normal form.
func (u *URL) String() string {
	var b strings.Builder
	b.WriteString(u.Scheme + ":")
	if u.Host != "" {
		b.WriteString("//")
		if u.User != "" {
			b.WriteString(u.User + "@")
		}
		if u.IP.Is6() {
			b.WriteString("[" + u.Host + "]")
		} else {
			b.WriteString(u.Host)
		}
		if u.Port != 0 {
			b.WriteString(":" + strconv.Itoa(u.Port))
		}
	}
	b.WriteString(u.Path)
	if u.Query != "" {
		b.WriteString("?" + u.Query)
	}
	if u.Fragment != "" {
		b.WriteString("#" + u.Fragment)
	}
	return b.String()
}

// Param is one query parameter.
type Param struct{ Name, Value string }

// maxParams bounds the parsed parameters of one query.
const maxParams = 200

// Params returns the parameters of the query, decoded, in order.
func (u *URL) Params() []Param {
	var out []Param
	for part := range strings.FieldsFuncSeq(u.Query, func(r rune) bool { return r == '&' || r == ';' }) {
		if len(out) == maxParams {
			break
		}
		name, value, _ := strings.Cut(part, "=")
		out = append(out, Param{unquery(name), unquery(value)})
	}
	return out
}

// unquery decodes one name or value; invalid encoding stays as it is.
func unquery(s string) string { return percentDecode(strings.ReplaceAll(s, "+", " ")) }

// param returns the first parameter with one of the names, in order of the names, ignoring
// case.
func (u *URL) param(names ...string) string {
	params := u.Params()
	for _, name := range names {
		for _, p := range params {
			if strings.EqualFold(p.Name, name) && p.Value != "" {
				return p.Value
			}
		}
	}
	return ""
}

// segments returns the parts of the path, as written.
func (u *URL) segments() []string { return strings.Split(strings.Trim(u.Path, "/"), "/") }

// decodeBase64 decodes both alphabets, padded or not.
func decodeBase64(s string) (string, error) {
	s = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/", " ", "+").Replace(s), "=")
	raw, err := base64.RawStdEncoding.DecodeString(s)
	return string(raw), err //nolint:wrapcheck // the target is unreadable, for whatever reason
}

// fromParam returns the target in a parameter.
func fromParam(names ...string) func(*URL) (string, error) {
	return func(u *URL) (string, error) {
		if v := u.param(names...); v != "" {
			return v, nil
		}
		return "", errNoTarget
	}
}

// fromBase64Param returns the target in a base64 parameter.
func fromBase64Param(names ...string) func(*URL) (string, error) {
	return func(u *URL) (string, error) {
		if v := u.param(names...); v != "" {
			return decodeBase64(v)
		}
		return "", errNoTarget
	}
}

// fromRawQuery returns the whole query.
func fromRawQuery(u *URL) (string, error) {
	if strings.HasPrefix(u.Query, "http") {
		return u.Query, nil
	}
	return "", errNoTarget
}

// fromBase64Segment returns the target in the last path segment that is a URL in base64.
func fromBase64Segment(u *URL) (string, error) {
	parts := u.segments()
	for i := len(parts) - 1; i >= 0; i-- {
		if s, err := decodeBase64(parts[i]); err == nil && strings.HasPrefix(s, "http") {
			return s, nil
		}
	}
	return "", errNoTarget
}

// fromSegment returns the last percent-encoded segment of the path that is a URL.
func fromSegment(u *URL) (string, error) {
	parts := u.segments()
	for i := len(parts) - 1; i >= 0; i-- {
		if s := percentDecode(parts[i]); strings.HasPrefix(s, "http:") || strings.HasPrefix(s, "https:") {
			return s, nil
		}
	}
	if i := strings.Index(u.Path, "/http"); i >= 0 {
		return u.rest(i + 1), nil
	}
	return "", errNoTarget
}

// rest returns the URL from a path offset on.
func (u *URL) rest(from int) string {
	s := u.Path[from:]
	if u.Query != "" {
		s += "?" + u.Query
	}
	if u.Fragment != "" {
		s += "#" + u.Fragment
	}
	return s
}

// afterPath returns the host and path after a path prefix such as "/amp/s/".
func afterPath(prefixes ...string) func(*URL) (string, error) {
	return func(u *URL) (string, error) {
		for _, p := range prefixes {
			rest, ok := strings.CutPrefix(u.Path, p)
			if !ok || rest == "" {
				continue
			}
			scheme := "http://"
			if s, secure := strings.CutPrefix(rest, "s/"); secure {
				scheme, rest = "https://", s
			}
			if strings.HasPrefix(rest, "http") {
				scheme = ""
			}
			return scheme + u.rest(len(u.Path)-len(rest)), nil
		}
		return "", errNoTarget
	}
}

// fromInflated returns the first URL in a zlib-compressed segment.
func fromInflated(u *URL) (string, error) {
	tried := 0
	for _, part := range u.segments() {
		if !strings.HasPrefix(part, "eJ") { // base64 of the zlib header
			continue
		}
		if tried++; tried > maxWraps {
			break
		}
		packed, err := decodeBase64(part)
		if err != nil {
			continue
		}
		r, err := zlib.NewReader(strings.NewReader(packed))
		if err != nil {
			continue
		}
		text, _ := io.ReadAll(io.LimitReader(r, maxInflated)) // data before an error counts
		if i := bytes.Index(text, []byte("http")); i >= 0 {
			end := bytes.IndexAny(text[i:], " \"'|\x00\n&")
			if end < 0 {
				end = len(text) - i
			}
			return string(text[i : i+end]), nil
		}
	}
	return "", errNoTarget
}

// fromJSON returns the first string with one of the names in a JSON text, and in strings
// that are JSON themselves.
func fromJSON(text string, names ...string) (string, error) {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return "", errNoTarget
	}
	if s, ok := findJSON(v, names, maxDecoded); ok {
		return s, nil
	}
	return "", errNoTarget
}

func findJSON(v any, names []string, depth int) (string, bool) {
	m, ok := v.(map[string]any)
	if !ok || depth == 0 {
		return "", false
	}
	for _, name := range names {
		if s, ok := m[name].(string); ok && strings.HasPrefix(strings.ToLower(s), "http") {
			return s, true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if s, ok := findJSON(unpackJSON(m[key]), names, depth-1); ok {
			return s, true
		}
	}
	return "", false
}

// unpackJSON parses a string that is itself a JSON object.
func unpackJSON(v any) any {
	text, ok := v.(string)
	if !ok || !strings.HasPrefix(text, "{") {
		return v
	}
	var parsed any
	if json.Unmarshal([]byte(text), &parsed) != nil {
		return v
	}
	return parsed
}
