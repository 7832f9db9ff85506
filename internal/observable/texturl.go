package observable

import (
	"strings"
	"unicode/utf8"

	"outrider/internal/address"
	"outrider/internal/budget"
)

// TextURLs returns the URLs that clients make links of in plain text: those with a
// scheme, spoiled ones such as "hxxp" included, and names that begin with "www.".
// It stops where b has no URL left.
func TextURLs(text string, b *budget.Budget) []URL {
	var out []URL
	for pos := 0; pos < len(text); {
		start, found := nextURL(text, pos)
		if !found {
			break
		}
		end := urlEnd(text, start)
		if raw := trimURL(text[start:end]); raw != "" {
			u, ok := parseText(raw)
			if ok && !b.Spend(budget.URLs, 1) {
				return out
			}
			if ok {
				out = append(out, u)
			}
		}
		pos = max(end, start+1)
	}
	return out
}

// nextURL returns where the next URL begins at or behind pos.
func nextURL(text string, pos int) (int, bool) {
	for i := pos; i < len(text); i++ {
		switch text[i] {
		case ':':
			if start := schemeStart(text, pos, i); start < i {
				return start, true
			}
		case 'w', 'W':
			if isBare(text, i) {
				return i, true
			}
		}
	}
	return 0, false
}

// isBare reports whether a name that begins with "www." begins at i.
func isBare(text string, i int) bool {
	return len(text) > i+4 && strings.EqualFold(text[i:i+4], "www.") && (i == 0 || !isHostByte(text[i-1]))
}

// schemeStart goes back over the letters of a scheme that is known, from a colon with
// slashes behind it. It returns colon where there is none.
func schemeStart(text string, low, colon int) int {
	if !strings.HasPrefix(text[colon:], "://") && !strings.HasPrefix(text[colon:], `:\\`) {
		return colon
	}
	const longest = 5
	i := colon
	for i > low && colon-i < longest && isLetter(text[i-1]) {
		i--
	}
	for ; i < colon; i++ { // "seehttp://": the letters in front may be those of a word
		switch undefang(strings.ToLower(text[i:colon])) {
		case "http", "https", "ftp":
			return i
		}
	}
	return colon
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isHostByte(c byte) bool {
	return isLetter(c) || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c >= utf8.RuneSelf
}

// urlEnd returns where the URL that begins at start ends.
func urlEnd(text string, start int) int {
	for i := start; i < len(text); i++ {
		if i-start >= maxURL || text[i] <= ' ' || strings.IndexByte("<>\"{}|^`", text[i]) >= 0 {
			return i
		}
	}
	return len(text)
}

// trimURL leaves out punctuation that belongs to the sentence.
func trimURL(s string) string {
	for s != "" {
		last := s[len(s)-1]
		switch {
		case strings.IndexByte(".,;:!?'*_", last) >= 0:
		case last == ')' && strings.Count(s, "(") < strings.Count(s, ")"):
		case last == ']' && strings.Count(s, "[") < strings.Count(s, "]"):
		default:
			return s
		}
		s = s[:len(s)-1]
	}
	return s
}

func parseText(raw string) (URL, bool) {
	full := raw
	if len(raw) > 4 && strings.EqualFold(raw[:4], "www.") {
		if host, _, _ := strings.Cut(raw, "/"); strings.Contains(host, "@") {
			return URL{}, false // an address whose local part begins with "www."
		}
		full = "http://" + raw
	}
	u, ok := ParseURL(full)
	u.Raw, u.Place = raw, PlaceText
	return u, ok && u.Host != ""
}

// ShownDomain returns the domain that the text of a link shows to the reader: the text
// is a URL or a domain name, alone. It returns "" for other texts.
func ShownDomain(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxAnchorText || strings.ContainsAny(text, " \t\r\n@") {
		return ""
	}
	if strings.Contains(text, "://") {
		u, ok := ParseURL(text)
		if !ok || u.IP.IsValid() {
			return ""
		}
		return u.Host
	}
	host, _, _ := strings.Cut(text, "/")
	host = strings.TrimRight(host, ".")
	domain, err := address.Domain(host)
	if err != nil || !strings.Contains(domain, ".") || !IsKnownSuffix(domain) {
		return ""
	}
	return domain
}
