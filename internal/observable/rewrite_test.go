package observable_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"bytes"
	"compress/zlib"

	"pgregory.net/rapid"

	"outrider/internal/observable"
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func zipped(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b64(b.String())
}

// Every service, with a URL in the form that it has.
func TestUnwrap(t *testing.T) {
	t.Parallel()
	const to = "https://target.example/a?b=c"
	const enc = "https%3A%2F%2Ftarget.example%2Fa%3Fb%3Dc"
	for _, c := range []struct{ raw, encoders, want string }{
		{"https://eur01.safelinks.protection.outlook.com/?url=" + enc + "&data=05%7C01&sdata=x&reserved=0", "azure_safelink", to},
		{"https://statics.teams.cdn.office.net/evergreen-assets/safelinks/1/atp-safelinks.html?url=" + enc, "microsoft", to},
		{"https://urldefense.proofpoint.com/v1/url?u=" + enc + "&k=x", "proofpoint", to},
		{"https://urldefense.proofpoint.com/v2/url?u=https-3A__target.example_a-3Fb-3Dc&d=x&c=y", "proofpoint", to},
		{"https://urldefense.com/v3/__https://target.example/a*b__;Pw!!abc!def$", "proofpoint", "https://target.example/a?b"},
		{"https://urldefense.com/v3/__https:/target.example/**B__;Pz09!!abc!def$", "proofpoint", "https://target.example/?=="[:26]},
		{"https://linkprotect.cudasvc.com/url?a=" + enc + "&c=E,1,x&typo=1", "barracuda", to},
		{"https://www.linkedin.com/redir/redirect?url=" + enc, "linkedin", to},
		{"https://www.youtube.com/redirect?event=x&q=" + enc, "youtube", to},
		{"https://slack-redir.net/link?url=" + enc, "slack", to},
		{"https://vk.com/away.php?to=" + enc, "vk", to},
		{"https://steamcommunity.com/linkfilter/?u=" + enc, "steam", to},
		{"https://out.reddit.com/t3_x?url=" + enc, "reddit", to},
		{"https://duckduckgo.com/l/?uddg=" + enc, "duckduckgo", to},
		{"https://protect.checkpoint.com/v2/___https://target.example/a?b=c___.YXAzOm", "checkpoint", to},
		{"https://url.avanan.click/v2/r01/___myyux://yfwljy.jcfruqj/f?g=h___.YXAzOm", "checkpoint", to},
		{"https://secure-web.cisco.com/1aBcD/" + enc, "cisco", to},
		{"https://link.edgepilot.com/s/1/2?u=" + enc, "edgepilot", to},
		{"https://urlsand.esvalabs.com/?u=" + enc + "&e=1", "esvalabs", to},
		{"https://protect2.fireeye.com/v1/url?k=1&q=1&u=" + enc, "fireeye", to},
		{"https://gw.customer.example/fmlurlsvc/?fewReq=:B:x&url=" + enc, "fortimail", to},
		{"https://eu-west-1.protection.sophos.com/?d=target.example&u=" + b64(to) + "&i=1", "sophos", to},
		{"https://linklock.titanhq.com/analyse?url=" + enc, "titanhq", to},
		{"https://imsva91-ctp.trendmicro.com:443/wis/clicktime/v1/query?url=" + enc + "&umid=1", "trend_micro", to},
		{"https://x.awstrack.me/L0/" + enc + "/1/0100", "aws_ses", to},
		{"https://brand.app.link/?$fallback_url=" + enc, "branch_io", to},
		{"https://click.convertkit-mail2.com/abc/def/" + b64(to), "convertkit", to},
		{"https://m.exactag.com/ai.aspx?extProvId=5&url=" + enc, "exactag", to},
		{"https://email.sender.example/c/" + zipped("h=1\nl="+to), "mailgun", to},
		{"https://x.mjt.lu/lnk/AAA/1/tok/" + b64(to), "mailjet", to},
		{"https://mandrillapp.com/track/click/1/target.example?p=" + b64(`{"s":"x","v":1,"p":"{\"u\":1,\"url\":\"https:\\/\\/target.example\\/a?b=c\"}"}`), "mandrill", to},
		{"https://public-eur.mkt.dynamics.com/api/orgs/1/r/2?msdynmkt_target=%7B%22TargetUrl%22%3A%22https%253A%252F%252Ftarget.example%252Fa%253Fb%253Dc%22%7D", "microsoft_dynamics", to},
		{"https://trackingservice.monday.com/tracker/link?token=" + b64("{}") + "." + b64(`{"originalUrl":"`+to+`"}`) + ".x", "monday_tracker", to},
		{"https://click.pstmrk.it/3s/target.example%2Fa%3Fb%3Dc/x/y/z", "postmark", to},
		{"https://engage.squarespace-mail.com/r?m=1&u=" + enc, "squarespace", to},
		{"https://www.bing.com/ck/a?!&&p=1&u=a1" + b64(to) + "&ntb=1", "bing_open_redirect", to},
		{"https://deref-gmx.net/mail/client/x/dereferrer/?redirectUrl=" + enc, "deref_mail", to},
		{"https://adclick.g.doubleclick.net/pcs/click?xai=1&adurl=" + enc, "doubleclick", to},
		{"https://ad.doubleclick.net/ddm/clk/1;2;t?https://target.example/a?b=c", "doubleclick", to},
		{"https://l.facebook.com/l.php?u=" + enc + "&h=1", "facebook", to},
		{"https://www.youtube.com/redirect?event=video_description&q=" + enc, "youtube", to},
		{"https://www.linkedin.com/redir/redirect?url=" + enc + "&urlhash=x", "linkedin", to},
		{"https://www.linkedin.com/safety/go?url=" + enc, "linkedin", to},
		{"https://l.instagram.com/?u=" + enc, "instagram", to},
		{"https://www.google.de/amp/s/target.example/a?b=c", "google_amp", to},
		{"https://target-example.cdn.ampproject.org/c/s/target.example/a?b=c", "google_amp_project", to},
		{"https://www.googleadservices.com/pagead/aclk?sa=L&adurl=" + enc, "google_adservices", to},
		{"https://meet.google.com/linkredirect?authuser=0&dest=" + enc, "google_meet_redirect", to},
		{"https://www.google.com/travel/clk?pcurl=" + enc, "google_travel_redirect", to},
		{"https://target-example.translate.goog/a?b=c&_x_tr_sl=de&_x_tr_tl=en", "google_translate_open_redirect", to},
		{"https://translate.google.com/translate?u=" + enc, "google_translate_open_redirect", to},
		{"https://www.google.co.uk/url?sa=t&url=" + enc, "google_open_redirect", to},
		{"https://href.li/?" + to, "href_li", to},
		{"https://login.microsoftonline.com/common/oauth2/authorize?client_id=1&redirect_uri=" + enc, "microsoft_oauth_redirect", to},
		{"https://r.search.yahoo.com/_ylt=A/RV=2/RE=1/RO=10/RU=" + enc + "/RK=2/RS=x", "yahoo", to},
		{"https://accounts.youtube.com/accounts/SetSID?ssdc=1&continue=" + enc, "youtube_set_sid", to},
		{"https://shop.example/logout?returnTo=" + enc, "generic_logout_redirect", to},
		{"https://shop.example/x?destURL=" + enc, "generic_desturl", to},
		// One wrapper in another, and what only its owner can open.
		{"https://urldefense.proofpoint.com/v1/url?u=https%3A%2F%2Fl.facebook.com%2Fl.php%3Fu%3Dhttps%253A%252F%252Ftarget.example%252Fa%253Fb%253Dc", "proofpoint facebook", to},
		{"https://url.emailprotection.link/?bAbC", "securence", "https://url.emailprotection.link/?bAbC"},
		// URLs without a wrapper.
		{to, "", to},
		{"https://shop.example/login?url=" + enc, "", "https://shop.example/login?url=" + enc},
		{"https://www.google.com/search?q=tea", "", "https://www.google.com/search?q=tea"},
	} {
		u, ok := observable.ParseURL(c.raw)
		if !ok {
			t.Errorf("%s is no url", c.raw)
			continue
		}
		got, rw := observable.Unwrap(u)
		if e := strings.Join(rw.Encoders, " "); got.String() != c.want || e != c.encoders || rw.Original != c.raw {
			t.Errorf("%s:\n got %s by %q\nwant %s by %q", c.raw, got.String(), e, c.want, c.encoders)
		}
	}
}

// Unwrapping ends, and what it returns is a URL again.
func TestUnwrapEnds(t *testing.T) {
	t.Parallel()
	hosts := []string{"www.google.com/url?q=", "l.facebook.com/l.php?u=", "urldefense.com/v3/__", "href.li/?", "x.translate.goog/", "click.pstmrk.it/3s/", "a.example/logout?url="}
	rapid.Check(t, func(t *rapid.T) {
		raw := "https://" + rapid.SampledFrom(hosts).Draw(t, "host") + rapid.StringMatching(`([a-z0-9%:/?=&*_;.-]|https://|www\.google\.com/url\?q=){0,80}`).Draw(t, "rest")
		u, ok := observable.ParseURL(raw)
		if !ok {
			return
		}
		got, _ := observable.Unwrap(u)
		if again, ok := observable.ParseURL(got.String()); !ok || again.Host != got.Host {
			t.Errorf("%s gives %q, which is read as %q", raw, got.String(), again.String())
		}
	})
}

func FuzzUnwrap(f *testing.F) {
	f.Add("https://urldefense.com/v3/__https://a.example/*b__;Pw!!x!y$")
	f.Add("https://mandrillapp.com/track/click/1/a?p=eyJwIjoie30ifQ")
	f.Fuzz(func(t *testing.T, raw string) {
		if u, ok := observable.ParseURL(raw); ok {
			if _, rw := observable.Unwrap(u); len(rw.Encoders) > 9 {
				t.Errorf("%d wrappers", len(rw.Encoders))
			}
		}
	})
}

// The names of the message data model, all of which Unwrap supports.
const encoders = `adobe appspot aws_ses azurecomm azure_safelink barracuda bing_open_redirect branch_io checkpoint cisco cloudflare convertkit deref_mail
doubleclick edgepilot esvalabs exactag exclaimer facebook fireeye fortimail generic_desturl generic_logout_redirect go_acoustic google_amp
google_amp_project google_adservices google_meet_redirect google_notifications google_open_redirect google_tag_manager google_travel_redirect
google_translate_open_redirect google_user_content href_li indeed_open_redirect inky instagram mailgun mailjet mandrill messagegears microsoft
microsoft_dynamics microsoft_oauth_redirect monday_tracker postmark ppcprotect proofpoint pylonlinks securence sophos sqclick squarespace sublime
titanhq topsec trend_micro vtiger wix yahoo youtube_set_sid`

func TestEveryEncoderIsKnown(t *testing.T) {
	t.Parallel()
	known := observable.Encoders()
	names := strings.Fields(encoders)
	if len(names) != 62 {
		t.Errorf("%d names", len(names))
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			t.Errorf("%s is not known", name)
		}
	}
}
