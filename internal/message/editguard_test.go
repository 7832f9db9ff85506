package message_test

import (
	"strings"
	"testing"

	"outrider/internal/message"
)

func TestBannerKeepsWordsAndLooks(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"Caution":                           {`<div class="outrider-banner" style=`, ">Caution</div>"},
		"<b>a</b> b":                        {"<b class=", ">a</b> b</div>", "font-weight:bold!important"},
		`<p style="color:red">a</p>`:        {"color:red!important", ">a</p>"},
		`<p style="color:red!important">`:   {"color:red!important;"},
		`<p style="background:url(a;b)">a`:  {"background:url(a;b)!important"},
		`<a href="https://help.test">a</a>`: {`href="https://help.test"`, "display:inline!important"},
		"<table><tr><td>a</table>":          {"display:table-cell!important", "display:table-row!important"},
		"Caution: שלום":                     {"direction:ltr!important"},
		"שלום":                              {"direction:rtl!important"},
		"注意":                                {"&#27880;&#24847;</div>"},
		strings.Repeat("注", 50):             {strings.Repeat("&#27880;", 20) + "<!-- -->"},
	} {
		page := withBanner(t, "", &message.Banner{HTML: in})
		i := strings.Index(page, `class="outrider-banner"`)
		banner := strings.Join(strings.Fields(page[strings.LastIndex(page[:i], "<"):strings.LastIndex(page, "<outrider-")]), " ")
		for _, w := range want {
			if !strings.Contains(banner, w) {
				t.Errorf("%s: %s lacks %s", in, banner, w)
			}
		}
		if strings.Count(banner, "; ") > strings.Count(banner, "!important") {
			t.Errorf("%s: a declaration is not important: %s", in, banner)
		}
	}
}

// withBanner returns a page as it is delivered.
func withBanner(tb testing.TB, page string, b *message.Banner) string {
	tb.Helper()
	raw := "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + page
	out, r := render(tb, []byte(raw), message.Edit{Banner: b})
	if len(r.Skipped) > 0 {
		tb.Errorf("skipped: %q", r.Skipped)
	}
	return message.Parse(out, nil).Root.Text()
}

func TestLooksOfTheSendersBodyStay(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`background-color: #EEE; font-family:Arial`:                 `background-color: #EEE; font-family:Arial; "`,
		`color:#fff!important`:                                      `color:#fff!important; "`,
		`opacity:0!important`:                                       `"`,
		`font-family:&quot;Open Sans&quot;`:                         `font-family:&#34;Open Sans&#34;; "`,
		`background:url(x');opacity:0!important;background:url(y')`: `"`,
		`color:r\65 d`:                                              `"`,
		`color:red/*`:                                               `"`,
		`color:&quot;red`:                                           `"`,
		`color:rgb(1,2,3`:                                           `"`,
		`margin-top:-90px`:                                          `"`,
		`font-family:` + strings.Repeat("x", 5000):                  `"`,
	} {
		page := strings.Join(strings.Fields(withBanner(t, `<html><body style="`+in+`">text`, &message.Banner{HTML: "x"})), " ")
		_, body, _ := strings.Cut(page, "<body style=")
		if want = "scrollbar-color:#8a8a8a #f1f1f1!important; " + want; !strings.Contains(body[:strings.IndexByte(body, '>')], want) {
			t.Errorf("%s: got %s, want %s", in, body, want)
		}
	}
}
