package observable

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"outrider/internal/address"
)

// Place is where a URL was found.
type Place string

// The places of URLs.
const (
	PlaceText    Place = "text"    // in plain text that clients turn into links
	PlaceAnchor  Place = "anchor"  // href of a or area
	PlaceForm    Place = "form"    // action of a form
	PlaceImage   Place = "image"   // source of an image
	PlaceRefresh Place = "refresh" // target of a refresh
	PlaceFrame   Place = "frame"   // source of a frame
	PlaceScript  Place = "script"  // source of a script
	PlaceCode    Place = "code"    // in a QR code that the body draws
)

// URL is one link as a browser would follow it.
type URL struct {
	Raw      string     // as written, at most maxURL bytes
	Scheme   string     // lower case; hxxp and similar are normalized
	Host     string     // normal form of package address, or the text of an IP address
	Port     int        // 0: not given, or the default of the scheme
	Path     string     // from the first slash, without query and fragment
	Query    string     // without the question mark
	Fragment string     // without the number sign
	IP       netip.Addr // invalid if the host is a name
	User     string     // userinfo before the host, or ""
	Numeric  bool       // the address is written as a number, octal or hexadecimal
	Odd      bool       // the host is no valid DNS name, but browsers look it up
	Place    Place
	Text     string // visible text of an anchor, at most maxAnchorText bytes
}

// Bounds of one URL.
const (
	maxURL        = 8 << 10 // bytes; browsers accept more, mail does not need more
	maxAnchorText = 300     // bytes; enough to see an address in it
)

// Org returns the organizational domain of the host, or "" for addresses.
func (u *URL) Org() string {
	if u.IP.IsValid() || u.Host == "" {
		return ""
	}
	return address.Organizational(u.Host)
}

// IsWeb reports whether the URL leads to a host on the web.
func (u *URL) IsWeb() bool { return u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") }

// IsLink reports whether a reader can follow the URL, or is redirected to it.
func (u *URL) IsLink() bool {
	return (u.IsWeb() || u.Scheme == "file" && u.Host != "") && u.Place != PlaceImage && u.Place != PlaceScript && u.Place != PlaceFrame
}

// ParseURL parses an absolute URL as browsers do. URLs without a host, such as "mailto:",
// keep the rest in Path.
func ParseURL(raw string) (URL, bool) {
	if len(raw) > maxURL {
		raw = raw[:maxURL]
	}
	u := URL{Raw: raw}
	s := clean(raw)
	scheme, rest, ok := cutScheme(s)
	switch {
	case ok:
		u.Scheme = scheme
	case strings.HasPrefix(s, "//"), strings.HasPrefix(s, `\\`):
		u.Scheme, rest = "https", s
	default:
		return URL{}, false
	}
	switch u.Scheme {
	case "http", "https", "ftp":
	case "file":
		return u.parseFile(rest), true
	default:
		u.Path = rest
		return u, true
	}
	// WHATWG URL, 4.4: special schemes accept any number of slashes and back-slashes.
	rest = strings.TrimLeft(rest, `/\`)
	end := strings.IndexAny(rest, `/\?#`)
	if end < 0 {
		end = len(rest)
	}
	u.splitPath(rest[end:])
	return u, u.parseAuthority(rest[:end])
}

// parseFile parses the text after "file:". A host makes it a link to a share on another
// machine. WHATWG URL, 4.4: file state.
func (u *URL) parseFile(rest string) URL {
	out := *u
	inner := strings.TrimLeft(rest, `/\`)
	slashes := len(rest) - len(inner)
	end := strings.IndexAny(inner, `/\?#`)
	if end < 0 {
		end = len(inner)
	}
	// "file:////host/share" denotes the share "\\host\share".
	if (slashes == 2 || slashes >= 4) && out.parseAuthority(inner[:end]) {
		out.splitPath(inner[end:])
		return out
	}
	out = *u
	out.Path = rest
	return out
}

// clean removes the characters that browsers remove: controls and spaces around, tabs and
// line breaks inside.
func clean(s string) string {
	s = strings.TrimFunc(s, func(c rune) bool { return c <= ' ' })
	if strings.ContainsAny(s, "\t\r\n") {
		s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	}
	return s
}

// cutScheme returns the scheme in lower case and the text after its colon.
func cutScheme(s string) (scheme, rest string, ok bool) {
	for i := range len(s) {
		c := s[i] | 0x20
		switch {
		case c >= 'a' && c <= 'z':
		case i > 0 && (s[i] >= '0' && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.'):
		case s[i] == ':' && i > 0:
			return undefang(strings.ToLower(s[:i])), s[i+1:], true
		default:
			return "", "", false
		}
	}
	return "", "", false
}

// undefang returns the original of a scheme that was altered to prevent clicks.
func undefang(scheme string) string {
	switch scheme {
	case "hxxp", "htxp", "hxtp":
		return "http"
	case "hxxps", "htxps", "hxtps":
		return "https"
	default:
		return scheme
	}
}

func (u *URL) splitPath(s string) {
	s, u.Fragment, _ = strings.Cut(s, "#")
	u.Path, u.Query, _ = strings.Cut(s, "?")
}

// parseAuthority parses user, host and port.
func (u *URL) parseAuthority(s string) bool {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		u.User, s = s[:at], s[at+1:]
	}
	s = strings.NewReplacer("[.]", ".", "(.)", ".", "[dot]", ".").Replace(s)
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return false
		}
		host, port = s[1:end], strings.TrimPrefix(s[end+1:], ":")
	} else if colon := strings.LastIndexByte(s, ':'); colon >= 0 {
		host, port = s[:colon], s[colon+1:]
	}
	u.parsePort(port)
	return u.parseHost(host)
}

func (u *URL) parsePort(s string) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 65535 || u.Scheme == "http" && n == 80 || u.Scheme == "https" && n == 443 {
		return
	}
	u.Port = n
}

// parseHost normalizes the host.
func (u *URL) parseHost(s string) bool {
	if strings.Contains(s, ":") {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return false
		}
		u.IP, u.Host = ip.Unmap(), ip.Unmap().String()
		return true
	}
	s = percentDecode(s)
	domain, ok := hostName(s)
	if !ok {
		if domain, ok = oddHost(s); !ok {
			return false
		}
		u.Odd = true
	}
	if ip, numeric, ok := parseIPv4(domain); ok {
		u.IP, u.Host, u.Numeric = ip, ip.String(), numeric
		return true
	}
	u.Host = domain
	// WHATWG URL, 3.5: a host whose last label is a number is an address or invalid.
	last := domain[strings.LastIndexByte(domain, '.')+1:]
	if _, err := parseNumber(last); err == nil {
		return false
	}
	return strings.Contains(domain, ".") || domain == "localhost"
}

// forbidden are the characters that no host contains. WHATWG URL, 3.1: forbidden domain
// code points; controls are forbidden too.
const forbidden = " #%/:<>?@[\\]^|\x7f"

// hostName returns the normal form of a valid DNS name. Normalization must be stable, so
// that the name can be looked up.
func hostName(s string) (string, bool) {
	domain, err := address.Domain(s)
	if err != nil || strings.ContainsRune(s, utf8.RuneError) || strings.ContainsAny(domain, forbidden+"\"`{}") {
		return "", false
	}
	again, err := address.Domain(domain)
	return domain, err == nil && again == domain
}

// oddHost returns the form that browsers look up for a host that is no valid DNS name: with
// characters outside of names, or labels that are invalid by IDNA. WHATWG URL, 3.5: domain
// to ASCII without CheckHyphens and VerifyDnsLength.
func oddHost(s string) (string, bool) {
	domain, err := address.Lenient(s)
	if err != nil || strings.ContainsAny(domain, forbidden) || strings.ContainsFunc(domain, unicode.IsControl) {
		return "", false
	}
	return domain, true
}

// percentDecode decodes percent encoding. A percent sign without a valid code stays as it
// is. WHATWG URL, 1.3: percent-decode.
func percentDecode(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHexDigit(s[i+1]) && isHexDigit(s[i+2]) {
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

func isHexDigit(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// parseIPv4 parses an address as browsers do: one to four numbers, each decimal, octal or
// hexadecimal, the last of which fills the remaining bytes. numeric reports whether it is
// not written as four decimal numbers.
func parseIPv4(s string) (ip netip.Addr, numeric, ok bool) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip, false, ip.Is4()
	}
	parts := strings.Split(strings.TrimSuffix(s, "."), ".")
	if len(parts) > 4 {
		return netip.Addr{}, false, false
	}
	var value uint64
	for i, p := range parts {
		n, err := parseNumber(p)
		last := i == len(parts)-1
		if err != nil || !last && n > 255 || last && n >= 1<<(8*(5-len(parts))) {
			return netip.Addr{}, false, false
		}
		if last {
			value |= n
		} else {
			value |= n << (8 * (3 - i))
		}
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true, true
}

func parseNumber(s string) (uint64, error) {
	switch {
	case strings.HasPrefix(s, "0x"):
		return strconv.ParseUint("0"+s[2:], 16, 64)
	case len(s) > 1 && s[0] == '0':
		return strconv.ParseUint(s[1:], 8, 64)
	default:
		return strconv.ParseUint(s, 10, 64)
	}
}
