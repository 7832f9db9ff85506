package observable

import (
	"strings"
	"unicode/utf8"

	"outrider/internal/address"
	"outrider/internal/budget"
)

// TextURLs returns the URLs that clients turn into links in plain text: those with a
// scheme, including defanged ones such as "hxxp", names that begin with "www.", and other
// host names below a public suffix. It stops when b has no URL left.
func TextURLs(text string, b *budget.Budget) []URL {
	var out []URL
	for pos := 0; pos < len(text); {
		start, end, found := nextURL(text, pos)
		if !found {
			break
		}
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

// nextURL returns the start and end of the next URL at or after pos.
func nextURL(text string, pos int) (start, end int, found bool) {
	for i := pos; i < len(text); i++ {
		switch c := text[i]; {
		case c == ':':
			if start := schemeStart(text, pos, i); start < i {
				return start, urlEnd(text, start), true
			}
		case c|0x20 == 'w' && isBare(text, i):
			return i, urlEnd(text, i), true
		case c == '.':
			if start, end, ok := namedHost(text, pos, i); ok {
				return start, end, true
			}
			i = max(i, hostEnd(text, i)-1) // each name is examined once
		}
	}
	return 0, 0, false
}

// namedHost reports whether dot is the first dot of a host name that clients turn into a
// link. A name after a letter or an arithmetic sign is part of an address, a path or an
// expression.
func namedHost(text string, low, dot int) (start, end int, ok bool) {
	start, end = hostStart(text, low, dot), hostEnd(text, dot)
	if start == dot || !mayPrecede(text[:start]) {
		return 0, 0, false
	}
	whole := strings.TrimRight(text[start:min(end, start+maxHost)], ".-_")
	host := trimHost(whole)
	if end-start > maxHost && len(host) == len(whole) {
		return 0, 0, false
	}
	path := start+len(host) < len(text) && strings.IndexByte("/?", text[start+len(host)]) >= 0
	end = start + len(host)
	if end < len(text) && strings.IndexByte("@(=$*", text[end]) >= 0 || !isLinkedName(host, path) {
		return 0, 0, false
	}
	if path {
		end = urlEnd(text, start)
	}
	return start, end, true
}

// maxHost is the longest host name in text. RFC 1035, Section 2.3.4.
const maxHost = 253

// mayPrecede reports whether a host name may begin after a text.
func mayPrecede(before string) bool {
	c, size := utf8.DecodeLastRuneInString(before)
	if c < utf8.RuneSelf || size == 0 {
		return size == 0 || strings.IndexByte(" \t\r\n([<\"'>:,;|", byte(c)) >= 0
	}
	return endsLink(c) || isRunOn(c) || !isHostRune(c)
}

// isLinkedName reports whether clients treat a name as a host. Sentences without a blank
// after the full stop ("done.So") and file names do not count, unless a path follows.
func isLinkedName(host string, path bool) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if len(last) < 2 || last != strings.ToLower(last) && host != strings.ToUpper(host) {
		return false
	}
	if strings.Contains(fileSuffixes, " "+strings.ToLower(last)+" ") || !path && strings.Contains(wordSuffixes, " "+strings.ToLower(last)+" ") {
		return false
	}
	domain, err := address.Domain(host)
	return err == nil && IsKnownSuffix(domain)
}

// Top-level domains that are more often something else.
const (
	fileSuffixes = " md py rs sh pl so cc ps zip mov java bz ml mk ac vi la "
	wordSuffixes = " is no to be at as do am my id so la "
)

// isBare reports whether a name with "www." begins at i.
func isBare(text string, i int) bool {
	return len(text) > i+4 && strings.EqualFold(text[i:i+4], "www.") && (i == 0 || !isHostByte(text[i-1]))
}

// longestScheme is the length in bytes of the longest scheme of links in text.
const longestScheme = 5

// schemeStart goes back over the letters of a known scheme, from a colon with slashes after
// it. It returns colon without one.
func schemeStart(text string, low, colon int) int {
	if !strings.HasPrefix(text[colon:], "://") && !strings.HasPrefix(text[colon:], `:\\`) {
		return colon
	}
	i := colon
	for i > low && colon-i < longestScheme && isLetter(text[i-1]) {
		i--
	}
	for ; i < colon; i++ { // "seehttp://": the preceding letters may belong to a word
		switch undefang(strings.ToLower(text[i:colon])) {
		case "http", "https", "ftp":
			return i
		}
	}
	return colon
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// urlEnd returns the end of the URL that begins at start.
func urlEnd(text string, start int) int {
	from := start
	if colon := strings.IndexByte(text[start:min(len(text), start+longestScheme+1)], ':'); colon >= 0 {
		from = start + colon + 1
		for from < len(text) && strings.IndexByte(`/\`, text[from]) >= 0 {
			from++
		}
	}
	end := linkEnd(text, from, start+maxURL, true)
	if host := hostOf(text[from:end]); len(host) > 0 {
		if n := len(trimHost(host)); n < len(host) {
			return from + n
		}
	}
	if end < len(text) && strings.IndexByte(`/\?#`, text[end]) >= 0 {
		return linkEnd(text, end, start+maxURL, false)
	}
	return end
}

// hostOf returns the host of an authority without user and port, or "".
func hostOf(authority string) string {
	if strings.ContainsAny(authority, "@[") {
		return ""
	}
	if host, port, ok := strings.Cut(authority, ":"); ok && strings.Trim(port, "0123456789") == "" {
		return host
	}
	return authority
}

// linkEnd returns the end of a link that continues at from, or of its authority.
func linkEnd(text string, from, longest int, authority bool) int {
	i := from
	for i < len(text) && i < longest {
		c, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case c <= ' ', c < utf8.RuneSelf && strings.IndexByte("<>\"{}|^`", byte(c)) >= 0:
			return i
		case authority && c < utf8.RuneSelf && strings.IndexByte(`/\?#`, byte(c)) >= 0:
			return i
		case authority && isOtherDot(c) && !isKnownHost(text[from:i]):
		case endsLink(c):
			return i
		}
		i += size
	}
	return i
}

// trimURL removes punctuation that belongs to the sentence.
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
	if !strings.Contains(raw, ":") || schemeStart(raw, 0, strings.IndexByte(raw, ':')) == strings.IndexByte(raw, ':') {
		if host, _, _ := strings.Cut(raw, "/"); strings.Contains(host, "@") {
			return URL{}, false // an address with a local part like a name
		}
		full = "http://" + raw
	}
	u, ok := ParseURL(full)
	u.Raw, u.Place = raw, PlaceText
	return u, ok && u.Host != ""
}

// ShownDomain returns the domain that the visible text of a link shows if the text is only
// a URL or a domain name, and "" otherwise.
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
