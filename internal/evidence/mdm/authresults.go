package mdm

import (
	"cmp"
	"strings"

	"outrider/internal/mailauth"
)

// statement is one result of an Authentication-Results field: "spf=pass (why)
// smtp.mailfrom=a@b.example".
type statement struct {
	method, result, comment string
	props                   map[string]string // by name in lower case, with its type: "header.d"
}

// maxStatements bounds the results that are read of one field.
const maxStatements = 50

// newAuthResults reads one field. RFC 8601, Section 2.2. Large providers leave out the
// name of the host, and write what they like into comments.
func newAuthResults(kind, value string) *AuthResults {
	r := &AuthResults{Type: kind, DKIMDetails: []Signature{}}
	for i, part := range outerParts(value) {
		if i > maxStatements {
			break
		}
		part = strings.TrimSpace(part)
		if i < 2 && !strings.Contains(strings.SplitN(part, "(", 2)[0], "=") && part != "" {
			server := NewDomain(strings.Fields(part)[0])
			r.Server = &server
			continue
		}
		if instance, ok := strings.CutPrefix(part, "i="); ok && kind == "arc" {
			r.Instance = text(instance)
			continue
		}
		r.add(newStatement(part))
	}
	return r
}

// outerParts splits at semicolons outside of comments and quotes.
func outerParts(s string) []string {
	var out []string
	depth, quoted, start := 0, false, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == ';' && depth == 0:
			out, start = append(out, s[start:i]), i+1
		}
	}
	return append(out, s[start:])
}

func newStatement(s string) statement {
	st := statement{props: map[string]string{}}
	for i, word := range outerWords(s) {
		if strings.HasPrefix(word, "(") {
			st.comment = strings.TrimSpace(st.comment + " " + strings.Trim(word, "()"))
			continue
		}
		// "dkim=pass (comment)" may come as "dkim=pass(comment)".
		word, inside, ok := strings.Cut(word, "(")
		if ok {
			st.comment = strings.TrimSpace(st.comment + " " + strings.TrimSuffix(inside, ")"))
		}
		name, v, _ := strings.Cut(word, "=")
		name, v = strings.ToLower(strings.TrimSpace(name)), strings.Trim(v, `"`)
		if i == 0 {
			st.method, _, _ = strings.Cut(name, "/")
			st.result = strings.ToLower(v)
			continue
		}
		st.props[name] = v
	}
	// Exchange and Google write "p=NONE sp=QUARANTINE dis=NONE" as a comment.
	for word := range strings.FieldsSeq(st.comment) {
		if name, v, ok := strings.Cut(word, "="); ok && st.props[strings.ToLower(name)] == "" {
			st.props[strings.ToLower(name)] = v
		}
	}
	return st
}

// add uses one result. The first of a method counts, but for DKIM, where a pass does.
func (r *AuthResults) add(s statement) {
	switch s.method {
	case "spf":
		if r.SPF == nil {
			r.SPF, r.SPFDetails = text(s.result), newSPFInfo(s.result, s.comment)
			if id := cmp.Or(s.props["smtp.mailfrom"], s.props["smtp.helo"]); id != "" {
				r.SPFDetails.Designator = &id
			}
		}
	case "dkim":
		if r.DKIM == nil || s.result == string(mailauth.Pass) {
			r.DKIM = text(s.result)
		}
		domain := s.props["header.d"]
		if domain == "" {
			_, domain, _ = strings.Cut(s.props["header.i"], "@")
		}
		r.DKIMDetails = append(r.DKIMDetails, Signature{
			Type: "dkim", Domain: text(strings.ToLower(domain)), Selector: text(s.props["header.s"]),
			Signature: text(s.props["header.b"]), Algorithm: text(s.props["header.a"]),
		})
	case "dmarc":
		if r.DMARC == nil {
			r.DMARC, r.DMARCDetails = text(s.result), newDMARCInfo(&s)
		}
	case "compauth":
		r.CompAuth = &CompAuth{Verdict: text(s.result), Reason: text(s.props["reason"])}
	}
}

func newDMARCInfo(s *statement) DMARCInfo {
	d := DMARCInfo{
		Verdict: text(s.result), Action: text(s.props["action"]), Disposition: text(s.props["dis"]), Policy: text(s.props["p"]),
		SubPolicy: text(s.props["sp"]), Version: text(s.props["v"]),
	}
	if from := s.props["header.from"]; from != "" {
		domain := NewDomain(from)
		d.From = &domain
	}
	return d
}

// newSPFInfo reads what most servers write in the words of the reference
// implementation: "host: domain of a@b.example designates 192.0.2.1 as permitted sender".
func newSPFInfo(result, comment string) SPFInfo {
	info := SPFInfo{Verdict: text(result), Description: text(comment)}
	if host, rest, ok := strings.Cut(comment, ": "); ok && !strings.Contains(host, " ") {
		server := NewDomain(host)
		info.Server = &server
		comment = rest
	}
	words := strings.Fields(comment)
	for i, w := range words {
		switch {
		case w == "of" && i+1 < len(words) && info.Designator == nil:
			info.Designator = text(words[i+1])
		case info.ClientIP == nil:
			info.ClientIP = newIP(strings.Trim(w, ",.;"))
		}
	}
	return info
}

// newReceivedSPF reads a Received-SPF field. RFC 7208, Section 9.1.
func newReceivedSPF(value string) *SPFInfo {
	result, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	comment := ""
	if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "(") {
		words := outerWords(rest)
		comment = strings.Trim(words[0], "()")
		rest = strings.TrimPrefix(rest, words[0])
	}
	info := newSPFInfo(strings.ToLower(result), comment)
	for part := range strings.FieldsFuncSeq(rest, func(r rune) bool { return r == ';' || r == ' ' }) {
		name, v, _ := strings.Cut(part, "=")
		switch v = strings.Trim(v, `"`); strings.ToLower(name) {
		case "client-ip":
			info.ClientIP = newIP(v)
		case "helo":
			helo := NewDomain(v)
			info.Helo = &helo
		case "receiver":
			server := NewDomain(v)
			info.Server = &server
		case "envelope-from":
			info.Designator = text(strings.Trim(v, "<>"))
		}
	}
	return &info
}
