package message_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"html"
	"io"
	"maps"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/message"
)

func TestSubjectPrefix(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 30)
	for _, tc := range []struct{ name, header, prefix, want string }{
		{"plain", "Subject: hello", "[EXT]", "[EXT] hello"},
		{"no space behind the colon", "Subject:hello", "[EXT]", "[EXT] hello"},
		{"missing", "From: a@a.example", "[EXT]", "[EXT]"},
		{"empty", "Subject:", "[EXT]", "[EXT]"},
		{"encoded", "Subject: =?utf-8?Q?caf=C3=A9?=", "[EXT]", "[EXT] café"},
		{"encoded, with a prefix that is encoded as well", "Subject: =?utf-8?Q?caf=C3=A9?=", "[Außen]", "[Außen] café"},
		{"a prefix beyond ASCII", "Subject: hello", "[Außen]", "[Außen] hello"},
		{"raw UTF-8", "Subject: caf\xc3\xa9", "[EXT]", "[EXT] café"},
		{"folded at once", "Subject:\r\n hello", "[EXT]", "[EXT] hello"},
		{"folded later", "Subject: hello\r\n world", "[EXT]", "[EXT] hello world"},
		{"long", "Subject: " + long, "[EXT]", "[EXT] " + strings.TrimSpace(long)},
		{"there already", "Subject: [EXT] hello", "[EXT]", "[EXT] hello"},
		{"there behind marks of replies", "Subject: Re: AW: [ext]  hello", "[EXT]", "Re: AW: [ext]  hello"},
		{"there in an encoded-word", "Subject: =?utf-8?Q?=5BEXT=5D_a?=", "[EXT]", "[EXT] a"},
		{"a line break in the prefix", "Subject: a", "x\r\nBcc: b", "x Bcc: b a"},
		{"white space before the colon", "Subject : a", "[EXT]", "[EXT] a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			raw := []byte(tc.header + "\r\n\r\nbody\r\n")
			out, _ := render(t, raw, message.Edit{SubjectPrefix: tc.prefix})
			m := message.Parse(out, nil)
			if got := m.Subject(); got != tc.want {
				t.Errorf("subject %q, want %q\n%q", got, tc.want, out)
			}
			if got := string(m.Root.BodyBytes()); got != "body\r\n" || m.Header().Has("Bcc") {
				t.Errorf("body %q", got)
			}
			again, _ := render(t, out, message.Edit{SubjectPrefix: tc.prefix})
			if !bytes.Equal(out, again) {
				t.Errorf("applied twice: %q", again)
			}
		})
	}
}

func TestSubjectPrefixReachesEverySubject(t *testing.T) {
	t.Parallel()
	out, _ := render(t, []byte("Subject: a\r\nSubject: b\r\n\r\n"), message.Edit{SubjectPrefix: "[EXT]"})
	if diff := cmp.Diff([]string{"[EXT] a", "[EXT] b"}, message.Parse(out, nil).Header().All("Subject")); diff != "" {
		t.Error(diff)
	}
}

func TestPrependAndRemove(t *testing.T) {
	t.Parallel()
	prepend := "X-Verdict: clean;\r\n score=1\r\n"
	drop := func(f message.Field) bool { return f.Key == "x-verdict" }
	for _, tc := range []struct{ name, raw, want string }{
		{"a forged field goes", "From: a\r\nX-Verdict: forged\r\n folded\r\nTo: b\r\n\r\nbody", prepend + "From: a\r\nTo: b\r\n\r\nbody"},
		{"a continuation on top cannot continue ours", " evil\r\nFrom: a\r\n\r\nbody", prepend + "From: a\r\n\r\nbody"},
		{"a line of an mbox goes", "From x\r\n evil\r\nFrom: a\r\n\r\nbody", prepend + "From: a\r\n\r\nbody"},
		{"a message without header gets an empty line", "Hello you\r\nthere\r\n", prepend + "\r\nHello you\r\nthere\r\n"},
		{"a header that never ends gets an empty line", "From: a\r\nHello you\r\nthere\r\n", prepend + "From: a\r\n\r\nHello you\r\nthere\r\n"},
		{"an empty message", "", prepend},
		{"an empty header", "\r\nbody", prepend + "\r\nbody"},
		{"the first field goes", "X-Verdict: forged\r\n\r\nbody", prepend + "\r\nbody"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			out, _ := render(t, []byte(tc.raw), message.Edit{Prepend: []byte(prepend), Remove: drop})
			if diff := cmp.Diff(tc.want, string(out)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := message.Parse(out, nil).Header().All("X-Verdict"); len(got) != 1 || got[0] != "clean; score=1" {
				t.Errorf("X-Verdict: %q", got)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	m := message.Parse([]byte("From: a\r\n\r\nbody"), nil)
	for _, prepend := range []string{"X: a", "X: a\n", "no field\r\n", " folded\r\n", "X: a\r\n\r\n", "X: a\r\n \r\n"} {
		if _, err := m.Render(nil, message.Edit{Prepend: []byte(prepend)}); !errors.Is(err, message.ErrBadPrepend) {
			t.Errorf("prepend %q: %v", prepend, err)
		}
	}
	for _, b := range []message.Banner{{HTML: `<p title="` + strings.Repeat("x", 300) + `">`}, {HTML: `<p title="` + strings.Repeat("a ", 50) + strings.Repeat("x", 300) + `">`}} {
		if _, err := m.Render(nil, message.Edit{Banner: &b}); !errors.Is(err, message.ErrBadBanner) {
			t.Errorf("banner: %v", err)
		}
	}
	if _, err := m.Render(message.NewBody([]byte("other")), message.Edit{}); err == nil {
		t.Error("a body of another size was accepted")
	}
}

func TestRenderReadsABodyOnDisk(t *testing.T) {
	t.Parallel()
	raw := []byte("Subject: a\r\n\r\n" + strings.Repeat("0123456789\r\n", 100_000))
	c := message.NewCapture(t.TempDir(), 10<<20, nil)
	defer c.Discard()
	if _, err := c.Write(raw); err != nil {
		t.Fatal(err)
	}
	body := c.Finish()
	defer func() {
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := message.Parse(raw, nil).Render(body, message.Edit{SubjectPrefix: "[EXT]"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Bytes()
	want := append([]byte("Subject: [EXT] a"), raw[len("Subject: a"):]...)
	if err != nil || !bytes.Equal(got, want) || int64(len(got)) != r.Size() {
		t.Errorf("%d bytes, want %d: %v", len(got), len(want), err)
	}
}

func TestBannerStandsWhereItIsSeen(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, want string }{
		{"behind the body tag", `<html><head><title>x</title></head><body class="a>b">text`, `<html><head><title>x</title></head>SHEET<body class="a>b">MARKtext`},
		{"a body tag in a comment", `<!-- <body> --><p>text`, `<!-- <body> --><html>SHEET<body>MARK<p>text`},
		{"a body tag in a script", `<script>"<body>"</script><b>text`, `<html>SHEET<script>"<body>"</script><body>MARK<b>text`},
		{"a body tag in a title", `<title><body></title>text`, `<html><title><body></title>SHEET<body>MARKtext`},
		{"no body tag", `<!DOCTYPE html><html><p>text`, `<!DOCTYPE html><html>SHEET<body>MARK<p>text`},
		{"a fragment", `<p>text`, `<html>SHEET<body>MARK<p>text`},
		{"text alone", `text`, `<html>SHEET<body>MARKtext`},
		{"content before the body tag", `<div style="display:none"><body>text`, `<html>SHEET<body>MARK<div><body>text`},
		{"a comment that does not end", `<html><!-- <body>text`, `<html>SHEET<body>MARK<!-- <body>text`},
		{"a style that does not end", `<head><style>a{}<body>text`, `<html><head>SHEET<body>MARK<style>a{}<body>text`},
		{"a body tag that does not end", `<html><body class="`, `<html>SHEET<body>MARK<body class="`},
		{"a comment that readers end in different places", `<!--><!---><body>text`, `<html>SHEET<body>MARK<!--><!---><body>text`},
		{"a comment with the other end", `<!-- a --!><body>text-->`, `<html>SHEET<body>MARK<!-- a --!><body>text-->`},
		{"conditional comments", `<!--[if mso]><body><![endif]--><![if !mso]><body>text`, `<!--[if mso]><body><![endif]--><![if !mso]><html>SHEET<body>MARKtext`},
		{"capitals and space", "\n<HTML>\n<HEAD><META a=b></HEAD>\n<BODY\nBGCOLOR=red>text", "<HTML><HEAD><META a=b></HEAD>SHEET<BODYBGCOLOR=red>MARKtext"},
		{"an XML declaration", `<?xml version="1.0"?><body>text`, `<?xml version="1.0"?><html>SHEET<body>MARKtext`},
		{"a tag that begins like body", `<bodyguard>text`, `<html>SHEET<body>MARK<bodyguard>text`},
		{"a quote that quotes nothing", `<html a=="><template><body title=">">text`, `<html a==">SHEET<body>MARK<template><body title=">">text`},
		{"a script that goes on behind its end", `<script><!--<script></script><body>text`, `<html>SHEET<body>MARK<script><!--<script></script><body>text`},
		{"a policy that forbids our styles", `<head><meta http-equiv="Content-Security-Policy" content="style-src none"><body>text`, `<html><head>SHEET<body>MARK<meta http-equiv="Content-Security-Policy" content="style-src none"><body>text`},
		{"style rules before the body", `<head><meta name=a><link rel=x><style></style></head><body>text`, `<html><head><meta name=a>SHEET<link rel=x><style></style></head><body>MARKtext`},
		{"frames", `<frameset><frame src=x></frameset>`, `<html>SHEET<body>MARK<frameset><frame src=x></frameset>`},
		{"a second html tag", `<head><html style="opacity:0">text`, `<html><head><html>SHEET<body>MARKtext`},
		{"nothing", ``, `<html>SHEET<body>MARK`},
	} {
		for _, encoding := range []string{"8bit", "quoted-printable", "base64"} {
			t.Run(tc.name+" in "+encoding, func(t *testing.T) {
				t.Parallel()
				raw := "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + encodeBody(tc.in, encoding)
				out, r := render(t, []byte(raw), message.Edit{Banner: &message.Banner{HTML: "MARK"}})
				got := pageOutline(message.Parse(out, nil).Root.Text())
				if got != tc.want || len(r.Skipped) > 0 {
					t.Errorf("got %q, want %q, skipped %q", got, tc.want, r.Skipped)
				}
			})
		}
	}
}

// framing finds what a banner brings along.
var framing = regexp.MustCompile(`<div class="outrider-banner"[^>]*>(MARK)</div>\s*<outrider-[0-9a-f]{24}[^>]*>`)

// pageOutline returns a page with a banner without its styles and line ends.
func pageOutline(page string) string {
	page = regexp.MustCompile(`<!--\s*-->`).ReplaceAllString(page, "") // holds the line end before a banner
	page = regexp.MustCompile(`<style>@layer[^<]*</style>`).ReplaceAllString(page, "SHEET")
	page = framing.ReplaceAllString(page, "$1")
	page = regexp.MustCompile(`\s*style="[^"]*"\s*`).ReplaceAllString(page, " ")
	page = strings.NewReplacer("\r", "", "\n", "").Replace(page)
	return strings.NewReplacer(" >", ">", "<BODY ", "<BODY").Replace(strings.ReplaceAll(page, "  ", " "))
}

// scripts are banners that not every charset can hold.
var scripts = map[string]string{
	"ASCII": "Caution + care", "German": "Außen – Vorsicht", "Japanese": "注意: 外部からのメールです", "Arabic": "تنبيه: رسالة خارجية", "emoji": "⚠️ Careful 🚨",
}

// sendersText is a text of a sender in a charset, and the charset that it is sent in with
// each of the scripts; UTF-8 where none is named.
type sendersText struct {
	name, header, body, text string
	keeps                    string // scripts that leave the charset as it is
}

var sendersTexts = []sendersText{
	{"us-ascii", "Content-Type: text/plain; charset=us-ascii\n", "Hello = there\nsecond  \n", "Hello = there\nsecond  \n", "ASCII"},
	{"no type", "", "Hello\n", "Hello\n", "ASCII"},
	{"no charset", "Content-Type: text/plain\n", "Hello\n", "Hello\n", "ASCII"},
	{"empty", "Content-Type: text/plain\n", "", "", "ASCII"},
	{"utf-8 in 7bit", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n", "Hello\n", "Hello\n", "all"},
	{"utf-8 in 8bit", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n", "Grüße\n", "Grüße\n", "all"},
	{"utf-8 in binary", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: binary\n", "Grüße\n", "Grüße\n", "all"},
	{"utf-8 in quoted-printable", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n", "Gr=C3=BC=\nsse\n", "Grüsse\n", "all"},
	{"utf-8 in base64", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n", "R3LDvHNzZQ==\n", "Grüsse", "all"},
	{"utf-8 with a mark", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n", "\ufeffHello\n", "Hello\n", "all"},
	{"flowed", "Content-Type: text/plain; format=flowed; delsp=yes\n", "Hello \nthere\n", "Hello \nthere\n", "ASCII"},
	{"iso-8859-1", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n", "Gr\xfc\xdfe\n", "Grüße\n", "ASCII German"},
	{"iso-8859-1 in quoted-printable", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n", "Gr=FC=DFe\n", "Grüße\n", "ASCII German"},
	{"iso-8859-2, which has no dash", "Content-Type: text/plain; charset=iso-8859-2\nContent-Transfer-Encoding: 8bit\n", "\xb3\n", "ł\n", "ASCII"},
	{"iso-8859-15 in 7bit", "Content-Type: text/plain; charset=iso-8859-15\n", "Hello\n", "Hello\n", "ASCII"},
	{"windows-1252 in base64", "Content-Type: text/plain; charset=windows-1252\nContent-Transfer-Encoding: base64\n", "R3L83w==\n", "Grüß", "ASCII German"},
	{"windows-1251", "Content-Type: text/plain; charset=windows-1251\nContent-Transfer-Encoding: 8bit\n", "\xcf\xf0\n", "Пр\n", "ASCII"},
	{"windows-1256", "Content-Type: text/plain; charset=windows-1256\nContent-Transfer-Encoding: 8bit\n", "\xca\n", "ت\n", "ASCII Arabic"},
	{"iso-2022-jp", "Content-Type: text/plain; charset=iso-2022-jp\n", "\x1b$B$3$s\x1b(B\n", "こん\n", "ASCII Japanese"},
	{"shift_jis", "Content-Type: text/plain; charset=shift_jis\nContent-Transfer-Encoding: 8bit\n", "\x82\xb1\n", "こ\n", "ASCII Japanese"},
	{"shift_jis in 7bit", "Content-Type: text/plain; charset=shift_jis\nContent-Transfer-Encoding: 7bit\n", "Hello\n", "Hello\n", "ASCII Japanese"},
	{"euc-jp", "Content-Type: text/plain; charset=euc-jp\nContent-Transfer-Encoding: 8bit\n", "\xa4\xb3\n", "こ\n", "ASCII Japanese"},
	{"euc-kr", "Content-Type: text/plain; charset=euc-kr\nContent-Transfer-Encoding: 8bit\n", "\xc7\xd1\n", "한\n", "ASCII"},
	{"big5", "Content-Type: text/plain; charset=big5\nContent-Transfer-Encoding: 8bit\n", "\xa4\xa4\n", "中\n", "ASCII Japanese"},
	{"gb18030", "Content-Type: text/plain; charset=gb18030\nContent-Transfer-Encoding: 8bit\n", "\xd6\xd0\n", "中\n", "all"},
	{"koi8-r", "Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: 8bit\n", "\xf0\n", "П\n", "ASCII"},
	{"utf-7", "Content-Type: text/plain; charset=utf-7\n", "a+AOk-\n", "aé\n", "ASCII"},
	{"utf-16 in base64", "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n", "//50AGUAeAB0AA==\n", "text", ""},
	{"utf-16be in quoted-printable", "Content-Type: text/plain; charset=utf-16be\nContent-Transfer-Encoding: quoted-printable\n", "=00t=00e", "te", ""},
	{"utf-16 in binary", "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: binary\n", "\xff\xfea\x00", "a", ""},
	{"utf-16 that is ASCII", "Content-Type: text/plain; charset=utf-16\n", "Hello\n", "Hello\n", "ASCII"},
	{"ebcdic", "Content-Type: text/plain; charset=ibm037\nContent-Transfer-Encoding: base64\n", "o4Wnow==\n", "text", ""},
	{"unknown charset with ASCII", "Content-Type: text/plain; charset=x-none\n", "Hello\n", "Hello\n", "ASCII"},
	{"unknown charset with UTF-8", "Content-Type: text/plain; charset=x-none\nContent-Transfer-Encoding: 8bit\n", "Grüße\n", "Grüße\n", "ASCII"},
	{"us-ascii with UTF-8", "Content-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: 8bit\n", "Grüße\n", "Grüße\n", "ASCII"},
}

// TestBannerInEachCharset puts banners of several scripts into texts in each charset. The
// banner is whole, and the words of the sender are what they were.
func TestBannerInEachCharset(t *testing.T) {
	t.Parallel()
	for _, tc := range sendersTexts {
		for script, banner := range scripts {
			t.Run(script+" in "+tc.name, func(t *testing.T) {
				t.Parallel()
				raw := "From: a@b.test\n" + tc.header + "\n" + tc.body
				out, r := render(t, []byte(raw), message.Edit{Banner: &message.Banner{Text: banner}})
				p := message.Parse(out, nil).Root
				if want := rule + "\n" + banner + "\n" + rule + "\n\n" + tc.text; lines(p.Text()) != want || len(r.Skipped) > 0 {
					t.Errorf("got %q, want %q, skipped %q in %q", p.Text(), want, r.Skipped, out)
				}
				before := message.Parse([]byte(raw), nil).Root
				if keeps := tc.keeps == "all" || strings.Contains(tc.keeps, script); keeps != (p.Charset == before.Charset) || !keeps && p.Charset != "utf-8" {
					t.Errorf("charset %q, was %q", p.Charset, before.Charset)
				}
				if !cmp.Equal(strays(before.Params), strays(p.Params)) {
					t.Errorf("parameters %v, were %v", p.Params, before.Params)
				}
			})
		}
	}
}

// strays returns parameters that have nothing to do with the charset.
func strays(params map[string]string) map[string]string {
	left := maps.Clone(params)
	delete(left, "charset")
	if len(left) == 0 {
		return nil
	}
	return left
}

// TestBannerInEachCharsetOfPages does the same for pages, which have entities.
func TestBannerInEachCharsetOfPages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, kind, encoding, body, text, charset string }{
		{"us-ascii", "text/html; charset=us-ascii", "7bit", "<p>Hello", "<p>Hello", "us-ascii"},
		{"no charset", "text/html", "7bit", "<p>Hello", "<p>Hello", ""},
		{"charset in the page only", "text/html", "8bit", "<html><head><meta charset=iso-8859-1></head><body>\xfc", "ü", "iso-8859-1"},
		{"iso-2022-jp", "text/html; charset=iso-2022-jp", "7bit", "<title>\x1b$B</\x1b(B</title><p>\x1b$B$3\x1b(B", "<p>こ", "utf-8"},
		{"shift_jis", "text/html; charset=shift_jis", "8bit", "<p>\x82\xb1", "<p>こ", "shift_jis"},
		{"utf-7", "text/html; charset=utf-7", "7bit", "+ADw-p+AD4-Hello", "<p>Hello", "utf-8"},
		{"utf-16 in base64", "text/html; charset=utf-16", "base64", "//48AHAAPgB0AA==", "<p>t", "utf-8"},
		{"utf-16 in binary", "text/html; charset=utf-16", "binary", "\xff\xfe<\x00p\x00>\x00", "<p>", "utf-8"},
		{"unknown charset", "text/html; charset=x-none", "8bit", "<p>\xfc", "<p>ü", "x-none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			raw := "Content-Type: " + tc.kind + "\r\nContent-Transfer-Encoding: " + tc.encoding + "\r\n\r\n" + tc.body
			out, r := render(t, []byte(raw), message.Edit{Banner: &message.Banner{HTML: "MARK" + scripts["Japanese"]}})
			p := message.Parse(out, nil).Root
			page := framing.ReplaceAllString(strings.Replace(p.Text(), html.EscapeString(scripts["Japanese"]), "", 1), "$1")
			if !strings.Contains(p.Text(), ">MARK&#27880;&#24847;") || !strings.HasSuffix(page, tc.text) || p.Charset != tc.charset || len(r.Skipped) > 0 {
				t.Errorf("charset %q, skipped %q, page %q", p.Charset, r.Skipped, p.Text())
			}
		})
	}
}

// TestBannerBesideWhatCannotHoldIt has messages without a text, or with one that cannot be
// changed: the banner is a text of its own, and all else stays byte by byte.
func TestBannerBesideWhatCannotHoldIt(t *testing.T) {
	t.Parallel()
	banner := &message.Banner{Text: scripts["Japanese"], HTML: "<b>Careful</b>"}
	for _, tc := range []struct{ name, raw string }{
		{"a picture", "Content-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\niVBO\n"},
		{"an attached text", "Content-Disposition: attachment; filename=a.txt\n\nx\n"},
		{"a calendar", "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\n"},
		{"an embedded message", "Content-Type: message/rfc822\n\nSubject: x\n\ntext\n"},
		{"files", "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\nContent-Type: image/png\n\nx\n--b\nContent-Type: image/gif\n\ny\n--b--\nepilogue\n"},
		{"alternatives without a text", "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/calendar\n\nx\n--b--\n"},
		{"an unknown encoding", "Content-Transfer-Encoding: x-none\n\ntext\n"},
		{"a uuencoded text", "Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n#0V%T\n`\nend\n"},
		{"an unknown charset", "Content-Type: text/plain; charset=x-none\nContent-Transfer-Encoding: 8bit\n\n\xfc\xfe\n"},
		{"a broken charset", "Content-Type: text/plain; charset=euc-kr\nContent-Transfer-Encoding: 8bit\n\n\xff\xff\n"},
		{"a text that is signed in its own charset", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n-----BEGIN PGP SIGNED MESSAGE-----\n\n\xfc\n"},
	} {
		for _, eol := range []string{"\n", "\r\n"} {
			raw := "Subject: x\n" + tc.raw
			raw = strings.ReplaceAll(raw, "\n", eol)
			out, r := render(t, []byte(raw), message.Edit{Banner: banner, SubjectPrefix: "[x]"})
			old, now := message.Parse([]byte(raw), nil), message.Parse(out, nil)
			if now.Root.MediaType != "multipart/mixed" || len(now.Root.Children) < 2 || len(r.Skipped) > 0 || !now.Header().Has("MIME-Version") && old.Root.MediaType != "multipart/mixed" {
				t.Fatalf("%s: skipped %q in %q", tc.name, r.Skipped, out)
			}
			text := now.Root.Children[0]
			if got := strings.TrimSpace(lines(text.Text())); got != rule+"\n"+banner.Text+"\n"+rule || text.IsAttachment() {
				t.Errorf("%s: banner %q", tc.name, got)
			}
			// Complete, or with one more part: the original content is unchanged.
			if !bytes.Contains(out, old.Root.BodyBytes()) && !bytes.Contains(out, old.Root.Children[0].RawBytes()) {
				t.Errorf("%s: the content changed: %q", tc.name, out)
			}
			if last := now.Root.Children[len(now.Root.Children)-1]; old.Root.MediaType != "multipart/mixed" && (last.MediaType != old.Root.MediaType || last.Filename != old.Root.Filename || last.Encoding != old.Root.Encoding) {
				t.Errorf("%s: the fields of the content changed: %q", tc.name, out)
			}
			if now.Subject() != "[x] x" {
				t.Errorf("%s: subject %q", tc.name, now.Subject())
			}
		}
	}
}

func TestBannerIsSkipped(t *testing.T) {
	t.Parallel()
	banner := &message.Banner{Text: "Careful", HTML: "<b>Careful</b>", Beside: true}
	for _, tc := range []struct {
		name, raw, why string
		banner         *message.Banner
	}{
		{"signed parts", signedParts, message.SkippedSigned, &message.Banner{Text: "Careful"}},
		{"encrypted parts", "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b--\r\n", message.SkippedSigned, banner},
		{"S/MIME", "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nMIAG\r\n", message.SkippedSigned, banner},
		{"a report without a text", "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nx\r\n--b--\r\n", message.SkippedNoText, banner},
		{"no header", "\r\n", message.SkippedEmptyForm, &message.Banner{HTML: "<b>x</b>"}},
		{"no form for the type", "Subject: x\r\n\r\ntext", message.SkippedEmptyForm, &message.Banner{HTML: "<b>x</b>"}},
		{"no form for a text of its own", "Content-Type: image/png\r\n\r\nx", message.SkippedNoText, &message.Banner{HTML: "<b>x</b>"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			out, r := render(t, []byte(tc.raw), message.Edit{Banner: tc.banner})
			if diff := cmp.Diff([]string{tc.why}, r.Skipped); diff != "" || string(out) != tc.raw {
				t.Errorf("skipped (-want +got):\n%s\n%q", diff, out)
			}
		})
	}
}

// signedParts is a message whose only text is signed.
const signedParts = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"

// TestBannerBesideASignedText proves that a signature keeps no warning away, and that what
// is signed is sent as it came.
func TestBannerBesideASignedText(t *testing.T) {
	t.Parallel()
	out, r := render(t, []byte(signedParts), message.Edit{Banner: &message.Banner{Text: "Careful", Beside: true}})
	parts := message.Parse(out, nil).Root.Children
	if len(r.Skipped) > 0 || len(parts) != 2 || !strings.Contains(parts[0].Text(), "Careful") || parts[1].MediaType != "multipart/signed" {
		t.Fatalf("skipped %q: %q", r.Skipped, out)
	}
	if old := message.Parse([]byte(signedParts), nil); !bytes.Equal(old.Root.Children[0].RawBytes(), parts[1].Children[0].RawBytes()) {
		t.Errorf("what is signed changed: %q", parts[1].Children[0].RawBytes())
	}
	armored := "Subject: x\r\n\r\nHi\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\ntext\r\n"
	out, r = render(t, []byte(armored), message.Edit{Banner: &message.Banner{Text: "Careful"}})
	if !strings.HasSuffix(string(out), rule+"\r\n\r\n"+strings.TrimPrefix(armored, "Subject: x\r\n\r\n")) || len(r.Skipped) > 0 {
		t.Errorf("skipped %q: %q", r.Skipped, out)
	}
}

// TestBannerReachesTheRootThatIsNamed has related parts of which clients show one or the
// other.
func TestBannerReachesTheRootThatIsNamed(t *testing.T) {
	t.Parallel()
	raw := "Content-Type: multipart/related; start=\"<two>\"; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\none\r\n" +
		"--b\r\nContent-Type: text/html\r\nContent-ID: <two>\r\n\r\ntwo\r\n--b\r\nContent-Type: text/html\r\n\r\nthree\r\n--b--\r\n"
	out, _ := render(t, []byte(raw), message.Edit{Banner: &message.Banner{HTML: "MARK"}})
	for i, p := range message.Parse(out, nil).Root.Children {
		if got, want := strings.Contains(p.Text(), ">MARK<"), i < 2; got != want {
			t.Errorf("part %d has a banner: %v", i+1, got)
		}
	}
}

// TestBannerGoesToEachAlternative proves which texts get a banner and which do not.
func TestBannerGoesToEachAlternative(t *testing.T) {
	t.Parallel()
	raw := strings.ReplaceAll(`Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; format=flowed

text
--a
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html

<p>html
--r
Content-Type: text/html; name=frame.html

<p>frame
--r--
--a
Content-Type: text/calendar

BEGIN:VCALENDAR
--a--
--m
Content-Type: text/plain

second text
--m
Content-Type: multipart/signed; boundary=s

--s

signed
--s--
--m
Content-Type: message/rfc822

Subject: inner

inner
--m--
`, "\n", "\r\n")
	out, r := render(t, []byte(raw), message.Edit{Banner: &message.Banner{Text: "> Careful\nFrom us", HTML: "Careful"}})
	var with []string
	for _, p := range message.Parse(out, nil).Parts {
		if strings.Contains(p.Text(), "Careful") {
			with = append(with, p.Path)
		}
	}
	if diff := cmp.Diff([]string{"1.1", "1.2.1"}, with); diff != "" {
		t.Errorf("parts with banner (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{message.SkippedSigned}, r.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	// format=flowed: quote marks and "From " need a space in front.
	if !bytes.Contains(out, []byte(rule+"\r\n > Careful\r\n From us\r\n"+rule+"\r\n\r\ntext")) {
		t.Errorf("no stuffed lines in %q", out)
	}
}

func TestBannerLinesAreShort(t *testing.T) {
	t.Parallel()
	banner := &message.Banner{Text: strings.Repeat("wörter über wörter ", 200) + strings.Repeat("注", 500) + strings.Repeat("x", 1500), HTML: `<p title="` + strings.Repeat("x y ", 300) + `">` + strings.Repeat("ü", 1000) + strings.Repeat("🚨", 1000)}
	for _, raw := range []string{
		"Subject: x\r\n\r\n" + strings.Repeat("a", 998),
		"Content-Type: text/html\r\n\r\n<body>" + strings.Repeat("a", 992),
		"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("a", 60) + "=\r\n<body>",
	} {
		out, _ := render(t, []byte(raw), message.Edit{Banner: banner})
		for line := range strings.SplitSeq(string(out), "\r\n") {
			if len(line) > 998 || strings.Contains(raw, "quoted") && len(line) > 76 {
				t.Errorf("line of %d bytes: %.80q", len(line), line)
			}
		}
	}
}

// encodeBody encodes a body for tests.
func encodeBody(s, encoding string) string {
	switch encoding {
	case "base64":
		return fold(base64.StdEncoding.EncodeToString([]byte(s)), 76)
	case "quoted-printable":
		var b strings.Builder
		w := quotedprintable.NewWriter(&b)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return b.String()
	default:
		return s
	}
}

// TestBannerIsOnTopOfWhatIsShown has messages whose sender puts something that can get no
// banner in the place that clients show first, or alone.
func TestBannerIsOnTopOfWhatIsShown(t *testing.T) {
	t.Parallel()
	const plain, image = "Content-Type: text/plain\r\n\r\nhello\r\n", "Content-Type: image/png\r\n\r\nPNG\r\n"
	for _, tc := range []struct {
		name, kind string
		parts      []string
		added      bool
	}{
		{"a picture is the preferred form", "alternative", []string{plain, image}, true},
		{"a document is the preferred form", "alternative", []string{plain, "Content-Type: application/pdf\r\n\r\n%PDF\r\n"}, true},
		{"a text of another kind is the preferred form", "alternative", []string{plain, "Content-Type: text/enriched\r\n\r\nhello\r\n"}, true},
		{"a picture above the text", "mixed", []string{image, plain}, true},
		{"an invitation", "alternative", []string{plain, "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\n"}, false},
		{"a picture below the text", "mixed", []string{plain, image}, false},
		{"an attached picture", "mixed", []string{"Content-Disposition: attachment\r\n" + image, plain}, false},
	} {
		raw := "MIME-Version: 1.0\r\nContent-Type: multipart/" + tc.kind + "; boundary=b\r\n\r\n"
		for _, p := range tc.parts {
			raw += "--b\r\n" + p
		}
		out, r := render(t, []byte(raw+"--b--\r\n"), message.Edit{Banner: shownBanner})
		root := message.Parse(out, nil).Root
		first := root.Children[0].MediaType == "text/plain" && strings.HasPrefix(root.Children[0].Text(), "****")
		added := root.MediaType == "multipart/mixed" && len(root.Children) == len(tc.parts)+1 || root.MediaType != "multipart/"+tc.kind
		if added != tc.added || added && !first || len(r.Skipped) > 0 {
			t.Errorf("%s: text added %t, first %t, skipped %q:\n%s", tc.name, added, first, r.Skipped, out)
		}
	}
}
