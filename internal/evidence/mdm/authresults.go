package mdm

import (
	"strings"

	"outrider/internal/mailauth"
	"outrider/internal/mailauth/authres"
)

// newAuthResults parses one field.
func newAuthResults(kind, value string) *AuthResults {
	r := &AuthResults{Type: kind, DKIMDetails: []Signature{}}
	field := authres.Parse(value)
	if field.Host != "" {
		server := NewDomain(field.Host)
		r.Server = &server
	}
	if kind == "arc" && field.Instance != "" {
		r.Instance = text(field.Instance)
	}
	for i := range field.Results {
		r.add(&field.Results[i])
	}
	return r
}

// add adds one result. The first of a method counts; for DKIM, a pass counts.
func (r *AuthResults) add(s *authres.Result) {
	switch s.Method {
	case "spf":
		if r.SPF == nil {
			r.SPF, r.SPFDetails = text(s.Value), newSPFInfo(s.Value, s.Comment)
			if id := s.Prop("smtp.mailfrom", "smtp.helo"); id != "" {
				r.SPFDetails.Designator = &id
			}
		}
	case "dkim":
		if r.DKIM == nil || s.Value == string(mailauth.Pass) {
			r.DKIM = text(s.Value)
		}
		domain := s.Prop("header.d")
		if domain == "" {
			_, domain, _ = strings.Cut(s.Prop("header.i"), "@")
		}
		r.DKIMDetails = append(r.DKIMDetails, Signature{
			Type: "dkim", Domain: text(strings.ToLower(domain)), Selector: text(s.Prop("header.s")),
			Signature: text(s.Prop("header.b")), Algorithm: text(s.Prop("header.a")),
		})
	case "dmarc":
		if r.DMARC == nil {
			r.DMARC, r.DMARCDetails = text(s.Value), newDMARCInfo(s)
		}
	case "compauth":
		r.CompAuth = &CompAuth{Verdict: text(s.Value), Reason: text(s.Reason)}
	}
}

func newDMARCInfo(s *authres.Result) DMARCInfo {
	d := DMARCInfo{
		Verdict: text(s.Value), Action: text(s.Tag("action")), Disposition: text(s.Tag("dis")), Policy: text(s.Tag("p")),
		SubPolicy: text(s.Tag("sp")), Version: text(s.Tag("v")),
	}
	if from := s.Prop("header.from"); from != "" {
		domain := NewDomain(from)
		d.From = &domain
	}
	return d
}

// newSPFInfo parses the comment that most servers copy from the reference implementation:
// "host: domain of a@b.example designates 192.0.2.1 as permitted sender".
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

// newReceivedSPF parses a Received-SPF field. RFC 7208, Section 9.1.
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
