package observable

import (
	"slices"
	"strings"

	"outrider/internal/address"
)

// rewriter is one service that wraps URLs.
type rewriter struct {
	name   string   // name in rules
	hosts  []string // the host, or a parent domain; none: any host
	path   string   // prefix of the path, or a substring after an asterisk
	target func(*URL) (string, error)
}

// matches reports whether u is a URL of the service.
func (r *rewriter) matches(u *URL) bool {
	if inside, ok := strings.CutPrefix(r.path, "*"); ok {
		if !strings.Contains(strings.ToLower(u.Path), inside) {
			return false
		}
	} else if !strings.HasPrefix(u.Path, r.path) {
		return false
	}
	return len(r.hosts) == 0 || slices.ContainsFunc(r.hosts, func(h string) bool { return isBelow(u.Host, h) })
}

// isBelow reports whether host is the domain, or below it. A domain that ends with a dot
// matches under any public suffix: "google." matches google.de too.
func isBelow(host, domain string) bool {
	if name, ok := strings.CutSuffix(domain, "."); ok {
		org := address.Organizational(host)
		first, _, _ := strings.Cut(org, ".")
		return first == name
	}
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// wrappersOnly are the services whose hosts only redirect, so that their URLs count as
// wrapped even with an unknown target.
const wrappersOnly = " azure_safelink proofpoint barracuda checkpoint cisco edgepilot esvalabs inky securence sophos titanhq trend_micro " +
	"aws_ses branch_io convertkit exactag mailjet mandrill monday_tracker postmark pylonlinks sqclick squarespace deref_mail href_li google_notifications "

// common are the parameter names that most services use for the target.
var common = []string{"url", "u", "target", "redirect", "redirectUrl", "redirect_url", "redirect_uri", "dest", "destination", "link", "to", "r", "q"}

// rewritersOf returns the services that u may belong to, specific ones first.
func rewritersOf(u *URL) []*rewriter {
	var out []*rewriter
	for i := range rewriters {
		if rewriters[i].matches(u) {
			out = append(out, &rewriters[i])
		}
	}
	return out
}

// rewriters lists the services by their names in the message data model. Of several
// matching entries, the first with a target in the URL counts.
var rewriters = []rewriter{
	// Mail gateways.
	{"azure_safelink", []string{"safelinks.protection.outlook.com", "safelinks.protection.office365.us", "safelinks.protection.partner.outlook.cn"}, "/", fromParam("url")},
	{"microsoft", []string{"statics.teams.cdn.office.net", "teams.microsoft.com"}, "/", fromParam("url")},
	{"proofpoint", []string{"urldefense.proofpoint.com", "urldefense.com", "urldefense.us"}, "/v1/url", fromParam("u")},
	{"proofpoint", []string{"urldefense.proofpoint.com", "urldefense.com", "urldefense.us"}, "/v2/url", proofpoint2},
	{"proofpoint", []string{"urldefense.proofpoint.com", "urldefense.com", "urldefense.us"}, "/v3/", proofpoint3},
	{"barracuda", []string{"linkprotect.cudasvc.com"}, "/", fromParam("a", "url")},
	{"checkpoint", []string{"protect.checkpoint.com", "url.avanan.click"}, "/", checkpoint},
	{"cisco", []string{"secure-web.cisco.com"}, "/", fromSegment},
	{"cloudflare", []string{"area1security.com", "cloudflare.com"}, "/", fromParam("url", "target", "u")},
	{"edgepilot", []string{"link.edgepilot.com"}, "/", fromParam("u", "url")},
	{"esvalabs", []string{"esvalabs.com"}, "/", fromParam("u", "url")},
	{"exclaimer", []string{"exclaimer.net", "exclaimer.com"}, "/", fromParam("url", "u", "destination")},
	{"fireeye", []string{"fireeye.com", "trellix.com"}, "*url", fromParam("u")},
	{"fortimail", nil, "/fmlurlsvc/", fromParam("url")},
	{"inky", []string{"inky.com", "inkyphishfence.com"}, "/link", fromParam("url", "u")},
	{"securence", []string{"securence.com", "url.emailprotection.link"}, "/", fromParam("url", "u", "r")},
	{"sophos", []string{"protection.sophos.com"}, "/", fromBase64Param("u")},
	{"sublime", []string{"sublime.security", "sublimesecurity.com"}, "/", fromParam("url", "u", "target")},
	{"titanhq", []string{"titanhq.com"}, "/", fromParam("url", "u")},
	{"topsec", []string{"topsec.com", "topsec.ie"}, "/", fromParam(common...)},
	{"trend_micro", []string{"trendmicro.com", "trendmicro.eu", "trendmicro.co.jp"}, "*/wis/clicktime/", fromParam("url")},
	// Mailers and trackers.
	{"adobe", []string{"adobe.com", "adobesystems.com", "campaign.adobe.com"}, "/r/", fromParam("p1", "url", "u")},
	{"aws_ses", []string{"awstrack.me"}, "/", fromSegment},
	{"azurecomm", []string{"azurecomm.net"}, "/", fromParam(common...)},
	{"branch_io", []string{"app.link", "bnc.lt", "branch.io"}, "/", fromParam("$fallback_url", "$desktop_url", "$web_url", "$original_url", "$3p_url", "url")},
	{"convertkit", []string{"convertkit-mail.com", "convertkit-mail2.com", "convertkit-mail4.com", "kit-mail3.com"}, "/", fromBase64Segment},
	{"exactag", []string{"exactag.com"}, "/", fromParam("url", "rurl", "dest")},
	{"go_acoustic", []string{"goacoustic.com"}, "/", fromParam(common...)},
	{"mailgun", nil, "/c/eJ", fromInflated},
	{"mailjet", []string{"mjt.lu"}, "/lnk/", fromBase64Segment},
	{"mandrill", []string{"mandrillapp.com"}, "/track/click", mandrill},
	{"messagegears", []string{"messagegears.net", "messagegears.io"}, "/", fromParam(common...)},
	{"microsoft_dynamics", []string{"dynamics.com", "dyn365mktg.com"}, "/", dynamics},
	{"monday_tracker", []string{"trackingservice.monday.com"}, "/", mondayTracker},
	{"postmark", []string{"click.pstmrk.it"}, "/", postmark},
	{"ppcprotect", []string{"ppcprotect.com"}, "/", fromParam("url", "lpurl", "dest", "u")},
	{"pylonlinks", []string{"pylonlinks.com"}, "/", fromParam(common...)},
	{"sqclick", []string{"sqclick.com"}, "/", fromParam(common...)},
	{"squarespace", []string{"squarespace-mail.com"}, "/", fromParam("u", "url")},
	{"vtiger", []string{"vtiger.com"}, "/", fromParam(common...)},
	{"wix", []string{"wix.com", "wixemails.com", "wixapps.net"}, "/", fromParam("redirectUrl", "url", "target")},
	// Redirectors that attackers abuse.
	{"appspot", []string{"appspot.com"}, "/", fromParam(common...)},
	{"bing_open_redirect", []string{"bing.com"}, "/ck/a", bing},
	{"deref_mail", []string{"deref-mail.com", "deref-gmx.net", "deref-gmx.com", "deref-web.de", "deref-1und1.de"}, "/", fromParam("redirectUrl")},
	{"doubleclick", []string{"doubleclick.net"}, "/", doubleclick},
	{"facebook", []string{"facebook.com"}, "/l.php", fromParam("u")},
	{"facebook", []string{"facebook.com"}, "/flx/warn", fromParam("u")},
	{"instagram", []string{"l.instagram.com"}, "/", fromParam("u")},
	{"google_amp", []string{"google."}, "/amp/", afterPath("/amp/")},
	{"google_amp_project", []string{"ampproject.org"}, "/", afterPath("/c/", "/v/", "/i/", "/wp/")},
	{"google_adservices", []string{"googleadservices.com"}, "/", fromParam("adurl")},
	{"google_meet_redirect", []string{"meet.google.com"}, "/linkredirect", fromParam("dest")},
	{"google_notifications", []string{"notifications.google.com"}, "/", fromParam("url", "continue")},
	{"google_tag_manager", []string{"googletagmanager.com"}, "/", fromParam(common...)},
	{"google_travel_redirect", []string{"google."}, "/travel/clk", fromParam("pcurl")},
	{"google_translate_open_redirect", []string{"translate.goog"}, "/", translateHost},
	{"google_translate_open_redirect", []string{"translate.google.com"}, "/", fromParam("u")},
	{"google_translate_open_redirect", []string{"google."}, "/translate", fromParam("u")},
	{"google_user_content", []string{"googleusercontent.com"}, "/", fromParam("url")},
	{"google_open_redirect", []string{"google."}, "/url", fromParam("q", "url")},
	{"google_open_redirect", []string{"google."}, "/imgres", fromParam("imgrefurl", "imgurl")},
	{"google_open_redirect", []string{"google."}, "/search", googleLucky},
	{"linkedin", []string{"linkedin.com"}, "/redir/redirect", fromParam("url")},
	{"youtube", []string{"youtube.com"}, "/redirect", fromParam("q")},
	{"slack", []string{"slack-redir.net"}, "/link", fromParam("url", "v")},
	{"vk", []string{"vk.com"}, "/away.php", fromParam("to")},
	{"steam", []string{"steamcommunity.com"}, "/linkfilter", fromParam("u", "url")},
	{"reddit", []string{"out.reddit.com"}, "/", fromParam("url")},
	{"duckduckgo", []string{"duckduckgo.com"}, "/l/", fromParam("uddg")},
	{"href_li", []string{"href.li"}, "/", fromRawQuery},
	{"indeed_open_redirect", []string{"indeed.com"}, "/", fromParam("target", "url", "dest")},
	{"microsoft_oauth_redirect", []string{"login.microsoftonline.com", "login.live.com", "login.windows.net"}, "*authorize", fromParam("redirect_uri")},
	{"yahoo", []string{"yahoo.com", "yahoo.co.jp"}, "*/ru=", yahoo},
	{"linkedin", []string{"linkedin.com"}, "/safety/go", fromParam("url")},
	{"youtube_set_sid", []string{"accounts.youtube.com"}, "/accounts/", fromParam("continue")},
	// Any host.
	{"generic_logout_redirect", nil, "*logout", webParam("post_logout_redirect_uri", "returnTo", "redirect_uri", "redirect", "redirect_url", "redirectUrl", "url", "next", "continue", "service", "goto")},
	{"generic_logout_redirect", nil, "*signout", webParam("post_logout_redirect_uri", "returnTo", "redirect_uri", "redirect", "redirect_url", "redirectUrl", "url", "next", "continue", "service", "goto")},
	{"generic_desturl", nil, "/", webParam("destURL")},
}

// webParam returns the target of a parameter that is an absolute URL. Without the
// parameter, a host is no wrapper, unlike a service known by its host.
func webParam(names ...string) func(*URL) (string, error) {
	return func(u *URL) (string, error) {
		for _, name := range names {
			if v := u.param(name); strings.HasPrefix(v, "http:") || strings.HasPrefix(v, "https:") {
				return v, nil
			}
		}
		return "", nil
	}
}

// proofpoint2 writes "%" as "-" and "/" as "_".
func proofpoint2(u *URL) (string, error) {
	v := u.param("u")
	if v == "" {
		return "", errNoTarget
	}
	return percentDecode(strings.NewReplacer("-", "%", "_", "/").Replace(v)), nil
}

// proofpoint3 is "/v3/__URL__;BASE64!!…": each "*" of the URL stands for the next
// character of the base64 text, and "**" with a letter for a run of them.
func proofpoint3(u *URL) (string, error) {
	whole := u.rest(0)
	_, rest, ok := strings.Cut(whole, "/v3/__")
	if !ok {
		return "", errNoTarget
	}
	end := strings.LastIndex(rest, "__;")
	if end < 0 {
		return "", errNoTarget
	}
	target, packed := rest[:end], rest[end+3:]
	packed, _, _ = strings.Cut(packed, "!")
	replaced, err := decodeBase64(packed)
	if err != nil {
		return target, nil //nolint:nilerr // what is not replaced is still a target
	}
	// Some clients merge the slashes after the scheme.
	return fixSlashes(putBack(target, []rune(replaced))), nil
}

// runLetters encode the lengths of runs in Proofpoint's third form, from 2 on.
const runLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// putBack restores the removed characters.
func putBack(s string, chars []rune) string {
	var b strings.Builder
	take := func(n int) {
		n = min(n, len(chars))
		b.WriteString(string(chars[:n]))
		chars = chars[n:]
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '*' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 < len(s) && s[i+1] == '*' {
			if n := strings.IndexByte(runLetters, s[i+2]); n >= 0 {
				take(n + 2)
				i += 2
				continue
			}
		}
		take(1)
	}
	return b.String()
}

func fixSlashes(s string) string {
	for _, scheme := range []string{"http:/", "https:/"} {
		if rest, ok := strings.CutPrefix(s, scheme); ok && !strings.HasPrefix(rest, "/") {
			return scheme + "/" + rest
		}
	}
	return s
}

// checkpoint is "/v2/___URL___.TOKEN", the URL plain or with its letters shifted along the
// alphabet by a number that the first letters reveal.
func checkpoint(u *URL) (string, error) {
	_, rest, ok := strings.Cut(u.rest(0), "___")
	if !ok {
		return "", errNoTarget
	}
	target, _, _ := strings.Cut(rest, "___")
	if len(target) < 4 {
		return "", errNoTarget
	}
	return fixSlashes(shiftBack(target)), nil
}

// shiftBack reverses a shift of the letters so that the text begins with "http".
func shiftBack(s string) string {
	by := (int(s[0]|0x20) - 'h' + 26) % 26
	shifted := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return 'a' + (r-'a'-rune(by)+26)%26
		case r >= 'A' && r <= 'Z':
			return 'A' + (r-'A'-rune(by)+26)%26
		default:
			return r
		}
	}, s)
	if !strings.HasPrefix(strings.ToLower(shifted), "http") {
		return s
	}
	return shifted
}

// mandrill carries JSON in base64, with JSON inside.
func mandrill(u *URL) (string, error) {
	text, err := decodeBase64(u.param("p"))
	if err != nil || text == "" {
		return "", errNoTarget
	}
	return fromJSON(text, "url", "u")
}

// dynamics carries JSON in a parameter.
func dynamics(u *URL) (string, error) {
	v := u.param("msdynmkt_target", "target")
	if v == "" {
		return "", errNoTarget
	}
	if s, err := fromJSON(v, "TargetUrl", "targetUrl"); err == nil {
		return s, nil
	}
	return v, nil
}

// mondayTracker carries a JSON Web Token whose payload contains the target. RFC 7519.
func mondayTracker(u *URL) (string, error) {
	parts := strings.Split(u.param("token"), ".")
	if len(parts) != 3 {
		return "", errNoTarget
	}
	text, err := decodeBase64(parts[1])
	if err != nil {
		return "", errNoTarget
	}
	return fromJSON(text, "originalUrl", "original_url", "url", "link")
}

// postmark is "/3s/host%2Fpath/…": a digit for the form, and an s for https.
func postmark(u *URL) (string, error) {
	parts := u.segments()
	if len(parts) < 2 {
		return "", errNoTarget
	}
	scheme := "http://"
	if strings.HasSuffix(parts[0], "s") {
		scheme = "https://"
	}
	return scheme + percentDecode(parts[1]), nil
}

// bing carries "a1" and base64.
func bing(u *URL) (string, error) {
	v, ok := strings.CutPrefix(u.param("u"), "a1")
	if !ok {
		return "", errNoTarget
	}
	return decodeBase64(v)
}

// doubleclick has the target in a parameter, or as the end of the path or query.
func doubleclick(u *URL) (string, error) {
	if v := u.param("adurl", "url", "ds_dest_url", "r"); v != "" {
		return v, nil
	}
	whole := u.rest(0)
	if i := strings.LastIndex(whole, "http"); i > 0 && (whole[i-1] == '?' || whole[i-1] == '=' || whole[i-1] == ';' || whole[i-1] == '/') {
		return whole[i:], nil
	}
	return "", errNoTarget
}

// translateHost is a host whose dots are written as hyphens, and hyphens twice.
func translateHost(u *URL) (string, error) {
	label := strings.TrimSuffix(u.Host, ".translate.goog")
	if label == u.Host || label == "" {
		return "", errNoTarget
	}
	host := strings.NewReplacer("--", "-", "-", ".").Replace(label)
	query := make([]string, 0, 4)
	for part := range strings.SplitSeq(u.Query, "&") {
		if part != "" && !strings.HasPrefix(part, "_x_tr_") {
			query = append(query, part)
		}
	}
	s := "https://" + host + u.Path
	if len(query) > 0 {
		s += "?" + strings.Join(query, "&")
	}
	return s, nil
}

// googleLucky is a search that redirects to its first result, which only Google can
// resolve.
func googleLucky(u *URL) (string, error) {
	if u.param("btnI") == "" {
		return "", nil
	}
	return "", errNoTarget
}

// yahoo carries the target as a segment "RU=…".
func yahoo(u *URL) (string, error) {
	for _, part := range u.segments() {
		if v, ok := strings.CutPrefix(part, "RU="); ok && v != "" {
			return percentDecode(v), nil
		}
	}
	return "", errNoTarget
}
