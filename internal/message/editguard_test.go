package message_test

import (
	"strings"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/message"
)

// bannerFragment is a banner as the gateway writes them.
const bannerFragment = `<div role="alert" style="border:1px solid #8a6d00;padding:8px;color:#222222;background-color:#ffffff">Caution: QZWORD <b>QZWORD</b><br>second line</div>`

// hidingSheets are style rules of senders that reach for a banner.
var hidingSheets = []string{
	"", "[role=alert]{display:none!important}", "body>div:first-child{position:absolute!important;left:-9999px!important}", "div{display:none!important}",
	"*{visibility:hidden!important}", "div{opacity:0!important}", "div{font-size:0!important}", "*{font-size:0!important;color:transparent!important}", "div{color:#fff!important}",
	"div{height:0!important;overflow:hidden!important}", "div{max-height:0!important;overflow:hidden!important}", "div{width:0!important;overflow:hidden!important}",
	"div{clip-path:inset(100%)!important}", "div{transform:scale(0)!important}", "div{translate:-9999px!important}", "div{text-indent:-9999px!important}",
	"div{margin-left:-9999px!important}", "div{margin:-999px!important}", "div{content-visibility:hidden!important}", "div{filter:opacity(0)!important}", "div{zoom:.01!important}",
	"div{-webkit-text-fill-color:transparent!important}", "div::first-line{color:transparent!important}", "div::first-letter{font-size:0!important}", "div{float:left!important;margin-left:-9999px!important}",
	"@keyframes k{from,to{opacity:0}}div{animation:k 9s!important}", "@layer a{div{display:none!important}}", "div{line-height:0!important;overflow:hidden!important}", "div{all:unset!important;display:none!important}",
	"body{font-size:0;color:#fff;text-indent:-9999px;line-height:0}", "div{letter-spacing:-1em!important}", "div{writing-mode:vertical-rl!important}", "div{position:fixed!important;top:-999px!important}",
	"div{mask:linear-gradient(transparent,transparent)!important}", "div{contain:strict!important}", "p{position:absolute;top:0;left:0;width:100%;height:500px;background:#fff;z-index:999}", "div{rotate:y 90deg!important}",
}

// TestGuardedBannerIsSeenWhateverTheSenderWrites renders banners in Chromium below style rules
// that hide them. A banner is seen if its picture changes with its words.
func TestGuardedBannerIsSeenWhateverTheSenderWrites(t *testing.T) {
	t.Parallel()
	var docs []string
	banner := message.GuardedBanner(bannerFragment)
	for _, css := range hidingSheets {
		doc := "<html><head><style>" + css + "</style></head><body>" + banner + "<p>Hello</p></body></html>"
		docs = append(docs, doc, strings.ReplaceAll(doc, "QZWORD", "ZQDROW"))
	}
	plain := "<style>[role=alert]{display:none!important}</style>" + bannerFragment
	docs = append(docs, plain, strings.ReplaceAll(plain, "QZWORD", "ZQDROW"))
	seen, err := mailtest.Chromium(t).Look(docs)
	if err != nil {
		t.Fatal(err)
	}
	differ := func(i int) bool { return seen[2*i].Differs(seen[2*i+1]) }
	for i, css := range hidingSheets {
		if !differ(i) {
			t.Errorf("the banner is not seen below %q", css)
		}
	}
	if differ(len(hidingSheets)) {
		t.Error("control: a banner without a guard is seen although a rule hides it")
	}
}

func TestGuardedBannerKeepsWordsAndLooks(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"":                                  {""},
		"Caution":                           {"<div style=", ">Caution</div>"},
		"<b>a</b> b":                        {"<b style=", ">a</b> b</div>"},
		`<p style="color:red">a</p>`:        {"color:red!important", ">a</p>"},
		`<p style="color:red!important">`:   {"color:red!important;"},
		`<p style="background:url(a;b)">a`:  {"background:url(a;b)!important"},
		`<a href="https://help.test">a</a>`: {`href="https://help.test"`, "display:inline!important"},
		"<table><tr><td>a</table>":          {"display:table-cell!important", "display:table-row!important"},
	} {
		got := message.GuardedBanner(in)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: %s lacks %s", in, got, w)
			}
		}
		if strings.Count(got, ";") > 0 && strings.Count(got, ":")-strings.Count(in, "https:") > strings.Count(got, "!important") {
			t.Errorf("%s: a declaration is not important: %s", in, got)
		}
	}
}

func TestBannerInOtherScriptsMakesTheTextUTF8(t *testing.T) {
	t.Parallel()
	const japanese = "注意: 外部からのメールです"
	for _, test := range []struct{ name, header, body, charset string }{
		{"us-ascii", "Content-Type: text/plain; charset=us-ascii\r\n", "Hello = there\r\nsecond line  \r\n", "utf-8"},
		{"no type", "", "Hello\r\n", "utf-8"},
		{"7bit UTF-8", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n", "Hello\r\n", "utf-8"},
		{"flowed", "Content-Type: text/plain; format=flowed\r\n", "Hello \r\nthere\r\n", "utf-8"},
		{"Latin-1", "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n", "Gr\xfc\xdfe\r\n", "utf-8"},
		{"Latin-1 in quoted-printable", "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n", "Gr=FC=DFe\r\n", "utf-8"},
		{"control: Japanese can carry it", "Content-Type: text/plain; charset=shift_jis\r\nContent-Transfer-Encoding: 8bit\r\n", "Hello\r\n", "shift_jis"},
		{"control: UTF-8 in 8bit", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", "Hello\r\n", "utf-8"},
	} {
		raw := []byte("From: a@b.test\r\nMIME-Version: 1.0\r\n" + test.header + "\r\n" + test.body)
		before := message.Parse(raw, nil).Root.Text()
		out, r := render(t, raw, message.Edit{Banner: &message.Banner{Text: japanese}})
		p := message.Parse(out, nil).Root
		text := strings.ReplaceAll(p.Text(), "\r\n", "\n")
		if want := japanese + "\n\n" + strings.ReplaceAll(before, "\r\n", "\n"); text != want {
			t.Errorf("%s: got %q, want %q", test.name, text, want)
		}
		if p.Charset != test.charset || len(r.Skipped) > 0 {
			t.Errorf("%s: charset %s, skipped %v", test.name, p.Charset, r.Skipped)
		}
		if strings.Contains(test.header, "flowed") != strings.Contains(p.Header.Get("Content-Type"), "format=flowed") {
			t.Errorf("%s: %s", test.name, p.Header.Get("Content-Type"))
		}
	}
}

func TestBannerInOtherScriptsWithinPartsAndSignedParts(t *testing.T) {
	t.Parallel()
	const japanese = "注意"
	multi := "Content-Type: multipart/%s; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Hello\r\n--b--\r\n"
	out, r := render(t, []byte(strings.ReplaceAll(multi, "%s", "alternative")), message.Edit{Banner: &message.Banner{Text: japanese, HTML: japanese}})
	parts := message.Parse(out, nil).TextParts()
	if len(parts) != 2 || !strings.HasPrefix(parts[0].Text(), japanese) || !strings.Contains(parts[1].Text(), "&#27880;") || len(r.Skipped) > 0 {
		t.Errorf("%s", out)
	}
	raw := strings.ReplaceAll(multi, "%s", "signed")
	if out, r := render(t, []byte(raw), message.Edit{Banner: &message.Banner{Text: japanese, HTML: japanese}}); string(out) != raw || len(r.Skipped) == 0 {
		t.Errorf("a signed part is changed: %s", out)
	}
}
