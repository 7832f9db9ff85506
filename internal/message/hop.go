package message

import (
	"net/netip"
	"strings"
	"time"
)

// Hops returns the parsed Received fields, top-most first. Only those by the own servers
// can be trusted. RFC 5321, Section 4.4.
func (m *Message) Hops() []Hop {
	var hops []Hop
	h := m.Header()
	for i := range h.Fields {
		if h.is(i, "Received") {
			hops = append(hops, parseHop(h.unfold(i)))
		}
	}
	return hops
}

// parseHop parses one Received field.
func parseHop(v string) Hop {
	var hop Hop
	clauses := v
	if i := strings.LastIndexByte(v, ';'); i >= 0 {
		clauses = v[:i]
		hop.At, _ = ParseDate(v[i+1:])
	}
	r := hopReader{rest: clauses}
	for {
		token, comment := r.next()
		if token == "" && comment == "" {
			break
		}
		r.clause(&hop, token, comment)
	}
	// The name given by the client proves nothing if the server adds a comment with its own
	// result. Without a comment, or if the comment holds the client's name, this name is
	// the server's result.
	if !r.verified {
		hop.FromAddr = findAddr(hop.From)
	}
	return hop
}

// hopReader parses the clauses of one Received field.
type hopReader struct {
	rest     string
	keyword  string // the clause of the next tokens
	verified bool   // a server's comment about its client was read
}

// next returns the next word or comment.
func (r *hopReader) next() (token, comment string) {
	r.rest = strings.TrimLeft(r.rest, " \t")
	if strings.HasPrefix(r.rest, "(") {
		n := commentEnd(r.rest)
		if n == 0 {
			comment, r.rest = r.rest[1:], ""
			return "", comment
		}
		comment, r.rest = r.rest[1:n-1], r.rest[n:]
		if comment == "" {
			return r.next()
		}
		return "", comment
	}
	i := 0
	for i < len(r.rest) && r.rest[i] != ' ' && r.rest[i] != '\t' && (r.rest[i] != '(' || i == 0) {
		i++
	}
	token, r.rest = r.rest[:i], r.rest[i:]
	return token, ""
}

// clause uses one word or comment.
func (r *hopReader) clause(hop *Hop, token, comment string) {
	if comment != "" {
		// Further comments quote the client too, for example its certificate.
		if r.keyword == "from" && !r.verified {
			r.verified = hop.fromComment(comment)
		}
		return
	}
	// A client may call itself "by": the word after "from" is always a name.
	named := r.keyword != "from" || hop.From != "" || r.verified
	if key := strings.ToLower(token); named && isHopKeyword(key) {
		r.keyword = key
		return
	}
	r.value(hop, toUTF8(token))
}

func isHopKeyword(s string) bool {
	switch s {
	case "from", "by", "with", "id", "for", "via":
		return true
	}
	return false
}

// value uses one word of the current clause.
func (r *hopReader) value(hop *Hop, token string) {
	switch r.keyword {
	case "from":
		setOnce(&hop.From, token)
	case "by":
		setOnce(&hop.By, token)
	case "with":
		setOnce(&hop.With, token)
	case "id":
		setOnce(&hop.ID, strings.Trim(token, "<>"))
	case "for":
		setOnce(&hop.For, strings.Trim(token, "<>"))
	}
}

func setOnce(s *string, v string) {
	if *s == "" {
		*s = v
	}
}

// fromComment parses the server's findings about its client, for example "mail.example.org
// [192.0.2.1]". It returns false for a comment that only repeats the client's name.
//
// The last literal in brackets is the address: earlier text may be a reverse name or an
// ident made up by the client.
func (hop *Hop) fromComment(comment string) bool {
	said, skip, literal := false, false, false
	for word := range strings.FieldsFuncSeq(comment, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == '(' || r == ')' }) {
		bare, inside := strings.EqualFold(word, "helo") || strings.EqualFold(word, "ehlo"), hasClientKey(word)
		switch {
		case skip: // the name after "HELO"
			skip = false
		case (bare || inside) && hop.FromAddr != "":
			return true // the rest quotes the client
		case bare || inside:
			// Exim writes "[192.0.2.1] (helo=name)", qmail "(HELO name) (192.0.2.1)".
			said, skip = true, bare
		case strings.Contains(word, "["):
			literal, hop.FromAddr = true, findAddr(word)
		case !literal && findAddr(word) != "":
			hop.FromAddr = findAddr(word)
		case hop.FromName == "" && looksLikeHost(word):
			hop.FromName = strings.ToLower(strings.TrimSuffix(word, "."))
		}
	}
	return !said || literal || hop.FromAddr != ""
}

// hasClientKey reports whether a word is a client value that Exim quotes.
func hasClientKey(word string) bool {
	key, _, ok := strings.Cut(word, "=")
	return ok && (strings.EqualFold(key, "helo") || strings.EqualFold(key, "ident"))
}

// findAddr returns the address in a word, alone or in its last brackets, or "".
func findAddr(word string) string {
	if i := strings.LastIndexByte(word, '['); i >= 0 {
		word = word[i+1:]
		if j := strings.IndexByte(word, ']'); j >= 0 {
			word = word[:j]
		}
	}
	if len(word) > 5 && strings.EqualFold(word[:5], "IPv6:") {
		word = word[5:]
	}
	addr, err := netip.ParseAddr(word)
	if err != nil {
		return ""
	}
	return addr.Unmap().WithZone("").String()
}

// looksLikeHost reports whether a word of a comment may be a reverse name.
func looksLikeHost(word string) bool {
	if i := strings.IndexByte(word, '['); i > 0 {
		word = word[:i]
	}
	if !strings.Contains(word, ".") || strings.ContainsAny(word, "=:@/\"'<>;") {
		return false
	}
	return strings.ContainsFunc(word, func(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' })
}

// Date returns the time of the Date field.
func (m *Message) Date() (time.Time, bool) { return ParseDate(m.Header().Get("Date")) }
