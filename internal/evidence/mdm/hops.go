package mdm

import (
	"strings"

	"outrider/internal/message"
)

// maxHops bounds the hops, and maxFields the fields of all of them.
const (
	maxHops   = 100
	maxFields = 2000
)

// usualFields is the number of fields of a typical hop.
const usualFields = 16

// newHops splits the header section into hops, the author's first. Counted from below, each
// Received or X-Received field after the first begins a hop.
func newHops(h *message.Header) []Hop {
	hops := []Hop{{Fields: make([]Field, 0, usualFields)}}
	for i := len(h.Fields) - 1; i >= 0; i-- {
		f := &h.Fields[i]
		position := len(h.Fields) - 1 - i
		if position == maxFields {
			break
		}
		last := &hops[len(hops)-1]
		if isReceived(f.Key) && last.Received != nil && len(hops) < maxHops {
			hops = append(hops, Hop{Index: len(hops), Fields: make([]Field, 0, usualFields)})
			last = &hops[len(hops)-1]
		}
		value := h.Value(*f)
		last.Fields = append(last.Fields, Field{Name: f.Name, Value: value, Position: position})
		last.read(f.Key, value)
	}
	return hops
}

func isReceived(key string) bool { return key == "received" || key == "x-received" }

// read takes the hop's data from one field. The lowest field of a kind counts, except for
// results: the top-most is that of the host that added its own last.
func (h *Hop) read(key, value string) {
	switch key {
	case "received", "x-received":
		if h.Received == nil {
			h.Received = newReceived(value)
		}
	case "received-spf":
		h.ReceivedSPF = newReceivedSPF(value)
	case "dkim-signature", "domainkey-signature", "x-google-dkim-signature", "arc-message-signature":
		if h.Signature == nil || key == "dkim-signature" {
			h.Signature = newSignature(signatureTypes[key], value)
		}
	default:
		if kind, ok := resultTypes[key]; ok && (h.AuthenticationResults == nil || kind == "standard") {
			h.AuthenticationResults = newAuthResults(kind, value)
		}
	}
}

// signatureTypes and resultTypes map field names to their types.
var (
	signatureTypes = map[string]string{
		"dkim-signature": "dkim", "domainkey-signature": "domainkey", "x-google-dkim-signature": "google", "arc-message-signature": "arc",
	}
	resultTypes = map[string]string{
		"authentication-results": "standard", "arc-authentication-results": "arc", "x-original-authentication-results": "original",
		"authentication-results-original": "original", "x-ms-exchange-authentication-results": "microsoft", "x-agari-authentication-results": "agari",
	}
)

// newReceived splits a Received field into its clauses as written. RFC 5321, Section 4.4.
func newReceived(value string) *Received {
	r := &Received{}
	clauses := value
	if i := strings.LastIndexByte(value, ';'); i >= 0 {
		clauses = value[:i]
		if at, ok := message.ParseDate(value[i+1:]); ok {
			r.Time, r.ZoneOffset = utc(at), offset(at)
		}
	}
	into := &r.Additional
	var words []string
	flush := func() {
		if s := strings.Join(words, " "); s != "" && *into == nil {
			*into = &Raw{s}
		}
		words = nil
	}
	for _, word := range outerWords(clauses) {
		if next := r.clause(word); next != nil && *next == nil && next != into {
			flush()
			into = next
			continue
		}
		words = append(words, word)
	}
	flush()
	return r
}

// clause returns the field for the clause that a keyword begins, or nil.
func (r *Received) clause(word string) **Raw {
	switch strings.ToLower(word) {
	case "from":
		return &r.Source
	case "by":
		return &r.Server
	case "via":
		return &r.Link
	case "with":
		return &r.Protocol
	case "id":
		return &r.ID
	case "for":
		return &r.Mailbox
	default:
		return nil
	}
}

// outerWords splits s at white space outside of comments.
func outerWords(s string) []string {
	var out []string
	depth, start := 0, -1
	for i := 0; i <= len(s); i++ {
		end := i == len(s)
		switch {
		case !end && s[i] == '(':
			depth++
		case !end && s[i] == ')' && depth > 0:
			depth--
		}
		space := end || depth == 0 && (s[i] == ' ' || s[i] == '\t')
		switch {
		case space && start >= 0:
			out, start = append(out, s[start:i]), -1
		case !space && start < 0:
			start = i
		}
	}
	return out
}

// tags parses "name=value; name=value". RFC 6376, Section 3.2.
func tags(value string) map[string]*string {
	out := make(map[string]*string)
	for part := range strings.SplitSeq(value, ";") {
		name, v, ok := strings.Cut(part, "=")
		if !ok {
			continue
		}
		if v = strings.TrimSpace(v); out[strings.TrimSpace(name)] == nil {
			out[strings.TrimSpace(name)] = &v
		}
	}
	return out
}

// newSignature parses a signature field. RFC 6376, Section 3.5; RFC 8617, Section 4.1.2.
func newSignature(kind, value string) *Signature {
	t := tags(value)
	return &Signature{
		Type: kind, Algorithm: t["a"], Selector: t["s"], Domain: t["d"], Headers: t["h"], Signature: t["b"],
		BodyHash: t["bh"], Version: t["v"], Instance: t["i"],
	}
}
