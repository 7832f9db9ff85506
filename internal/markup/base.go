package markup

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// baseURL is the parsed base address of relative references. URL Standard, Section 4.
type baseURL struct {
	scheme, authority, path, query string
}

// parseBase parses the address of a base element, which is ignored without an authority.
func parseBase(href string) (baseURL, bool) {
	if strings.HasPrefix(href, "//") {
		href = "http:" + href
	}
	scheme := schemeOf(href)
	if !isSpecial(scheme) {
		return baseURL{}, false
	}
	rest := href[len(scheme)+1:]
	rest = strings.TrimLeft(rest, `/\`)
	if scheme == "file" {
		return baseURL{}, false
	}
	end := nextOf(rest, `/\?#`)
	b := baseURL{scheme: scheme, authority: rest[:end]}
	b.path, b.query = cutQuery(rest[end:])
	if b.path == "" {
		b.path = "/"
	}
	return b, b.authority != ""
}

// cutQuery splits a path from its query; the fragment is dropped.
func cutQuery(s string) (path, query string) {
	s = s[:nextOf(s, "#")]
	i := nextOf(s, "?")
	return strings.ReplaceAll(s[:i], `\`, "/"), s[i:]
}

// isSpecial lists the schemes in which slashes may be missing or reversed.
func isSpecial(scheme string) bool {
	return oneOf(scheme, "http", "https", "ftp", "ws", "wss", "file")
}

// resolve resolves a reference: one with the same special scheme is relative unless two
// slashes or back-slashes follow. URL Standard, "special relative or authority state".
func (b baseURL) resolve(ref string) (resolved, scheme string) {
	scheme = schemeOf(ref)
	rest := ref
	if scheme != "" {
		rest = ref[len(scheme)+1:]
		if scheme != b.scheme || startsAuthority(rest) {
			return ref, scheme
		}
	}
	if b.authority == "" {
		return ref, scheme
	}
	origin := b.scheme + "://" + b.authority
	switch {
	case startsAuthority(rest):
		return b.scheme + "://" + strings.TrimLeft(rest, `/\`), b.scheme
	case rest == "":
		return origin + b.path + b.query, b.scheme
	case rest[0] == '#':
		return origin + b.path + b.query + rest, b.scheme
	case rest[0] == '?':
		return origin + b.path + rest, b.scheme
	case rest[0] == '/' || rest[0] == '\\':
		return origin + cleanPath(rest), b.scheme
	}
	directory := b.path[:strings.LastIndexByte(b.path, '/')+1]
	if directory == "" {
		directory = "/"
	}
	return origin + cleanPath(directory+rest), b.scheme
}

func startsAuthority(s string) bool {
	return len(s) >= 2 && (s[0] == '/' || s[0] == '\\') && (s[1] == '/' || s[1] == '\\')
}

// cleanPath removes "." and ".." segments.
func cleanPath(s string) string {
	end := nextOf(s, "?#")
	path, rest := strings.ReplaceAll(s[:end], `\`, "/"), s[end:]
	if !strings.Contains(path, "/.") && !strings.Contains(strings.ToLower(path), "/%2e") {
		return path + rest
	}
	var out []string
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch strings.ToLower(strings.ReplaceAll(strings.ToLower(segment), "%2e", ".")) {
		case "..":
			out = out[:max(len(out)-1, 0)]
		case ".":
		default:
			out = append(out, segment)
			last = false
		}
		if last {
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/") + rest
}

// complete adds "http://" to a reference without a scheme that begins with a host name, as
// common mail clients do without a base. "page.html" and "docs/a.pdf" are relative pages,
// which a mail does not have.
func complete(ref string) (completed string, ok bool) {
	end := nextOf(ref, `/\?#`)
	host, port, hasPort := strings.Cut(ref[:end], ":")
	if hasPort {
		if _, isNumber := smallInt(port); !isNumber {
			return ref, false
		}
	}
	if !isHostName(host, end < len(ref) || hasPort) {
		return ref, false
	}
	return "http://" + ref, true
}

// isHostName reports whether a name is a public host name. If the top-level domain is a
// file extension too, something must follow it.
func isHostName(host string, followed bool) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	const most = 253 // RFC 1035, Section 2.3.4, without the root
	if len(host) > most || strings.ContainsAny(host, " @%<>\"'") || strings.HasPrefix(host, ".") || strings.Contains(host, "..") {
		return false
	}
	if strings.HasPrefix(host, "www.") && len(host) > len("www.") {
		return true
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	if suffix == host || !icann {
		return isAddress(host) && followed
	}
	ending := host[strings.LastIndexByte(host, '.')+1:]
	return !isFileEnding(ending) || followed || strings.Count(host, ".") > 1
}

// isAddress reports whether a name is four numbers.
func isAddress(host string) bool {
	parts := strings.Split(host, ".")
	for _, p := range parts {
		if v, ok := smallInt(p); !ok || v < 0 || v > 255 || p[0] == '+' {
			return false
		}
	}
	return len(parts) == 4
}

// isFileEnding lists the top-level domains that are file extensions too.
func isFileEnding(s string) bool {
	return oneOf(s, "zip", "mov", "md", "sh", "pl", "py", "ps", "rs", "ai", "app", "cc", "so", "mm", "pm", "tm", "bz", "gz", "st", "as", "ms")
}
