package message_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
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
	for _, b := range []message.Banner{{Text: strings.Repeat("x", 300)}, {HTML: strings.Repeat("a ", 50) + strings.Repeat("x", 300)}} {
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
	const mark = "MARK"
	for _, tc := range []struct{ name, in, want string }{
		{"behind the body tag", `<html><head><title>x</title></head><body class="a>b">text`, `<html><head><title>x</title></head><body class="a>b">MARKtext`},
		{"a body tag in a comment", `<!-- <body> --><p>text`, `<!-- <body> -->MARK<p>text`},
		{"a body tag in a script", `<script>"<body>"</script><b>text`, `<script>"<body>"</script>MARK<b>text`},
		{"a body tag in a title", `<title><body></title>text`, `<title><body></title>MARKtext`},
		{"no body tag", `<!DOCTYPE html><html><p>text`, `<!DOCTYPE html><html>MARK<p>text`},
		{"a fragment", `<p>text`, `MARK<p>text`},
		{"text alone", `text`, `MARKtext`},
		{"content before the body tag", `<div style="display:none"><body>text`, `MARK<div style="display:none"><body>text`},
		{"a comment that does not end", `<html><!-- <body>text`, `<html>MARK<!-- <body>text`},
		{"a style that does not end", `<head><style>a{}<body>text`, `<head>MARK<style>a{}<body>text`},
		{"a body tag that does not end", `<html><body class="`, `<html>MARK<body class="`},
		{"comments that end at once", `<!--><!---><body>text`, `<!--><!---><body>MARKtext`},
		{"a comment with the other end", `<!-- a --!><body>text-->`, `<!-- a --!><body>MARKtext-->`},
		{"conditional comments", `<!--[if mso]><body><![endif]--><![if !mso]><body>text`, `<!--[if mso]><body><![endif]--><![if !mso]><body>MARKtext`},
		{"capitals and space", "\n<HTML>\n<HEAD><META a=b></HEAD>\n<BODY\nBGCOLOR=red>text", "\n<HTML>\n<HEAD><META a=b></HEAD>\n<BODY\nBGCOLOR=red>MARKtext"},
		{"an XML declaration", `<?xml version="1.0"?><body>text`, `<?xml version="1.0"?><body>MARKtext`},
		{"a tag that begins like body", `<bodyguard>text`, `MARK<bodyguard>text`},
		{"nothing", ``, `MARK`},
	} {
		for _, encoding := range []string{"8bit", "quoted-printable", "base64"} {
			t.Run(tc.name+" in "+encoding, func(t *testing.T) {
				t.Parallel()
				raw := "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + encodeBody(tc.in, encoding)
				out, r := render(t, []byte(raw), message.Edit{Banner: &message.Banner{HTML: mark}})
				got := strings.NewReplacer("\r", "", "\n", "").Replace(message.Parse(out, nil).Root.Text())
				want := strings.NewReplacer("\r", "", "\n", "").Replace(tc.want)
				if got != want || len(r.Skipped) > 0 {
					t.Errorf("got %q, want %q, skipped %q", got, want, r.Skipped)
				}
			})
		}
	}
}

func TestBannerInEachCharset(t *testing.T) {
	t.Parallel()
	banner := &message.Banner{Text: "Außen – Vorsicht", HTML: "<b>Außen – Vorsicht</b>"}
	html := "<b>Au&#223;en &#8211; Vorsicht</b>\r\n"
	for _, tc := range []struct{ name, kind, encoding, body, want string }{
		{"text in UTF-8", "text/plain; charset=utf-8", "8bit", "text", "Außen – Vorsicht\r\n\r\ntext"},
		{"text in UTF-8 that is 7bit", "text/plain; charset=utf-8", "7bit", "text", "Aussen - Vorsicht\r\n\r\ntext"},
		{"text in UTF-8 and quoted-printable", "text/plain; charset=utf-8", "quoted-printable", "text", "Außen – Vorsicht\r\n\r\ntext"},
		{"text in UTF-8 with a mark", "text/plain; charset=utf-8", "8bit", "\xef\xbb\xbftext", "Außen – Vorsicht\r\n\r\ntext"},
		{"text in windows-1252 and base64", "text/plain; charset=windows-1252", "base64", "dGV4dA==", "Außen – Vorsicht\r\n\r\ntext"},
		{"text in Latin-2, which has no dash", "text/plain; charset=iso-8859-2", "8bit", "text", "Aussen - Vorsicht\r\n\r\ntext"},
		{"text without charset", "text/plain", "7bit", "text", "Aussen - Vorsicht\r\n\r\ntext"},
		{"text in an unknown charset", "text/plain; charset=x-none", "7bit", "text", "Aussen - Vorsicht\r\n\r\ntext"},
		{"text in UTF-7", "text/plain; charset=utf-7", "7bit", "a+AOk-", "Aussen - Vorsicht\r\n\r\naé"},
		{"text in UTF-16 and base64", "text/plain; charset=utf-16", "base64", "//50AGUAeAB0AA==", "Außen – Vorsicht\r\n\r\ntext"},
		{"text in UTF-16 and quoted-printable", "text/plain; charset=utf-16be", "quoted-printable", "=00t=00e=00x=00t", "Außen – Vorsicht\r\n\r\ntext"},
		{"text in EBCDIC", "text/plain; charset=ibm037", "base64", "o4Wnow==", "Aussen - Vorsicht\r\n\r\ntext"},
		{"HTML in ASCII", "text/html; charset=us-ascii", "7bit", "<p>text", "\r\n" + html + "<p>text"},
		{"HTML in UTF-16 and base64", "text/html; charset=utf-16", "base64", "//48AHAAPgB0AA==", html + "<p>t"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			raw := "Content-Type: " + tc.kind + "\r\nContent-Transfer-Encoding: " + tc.encoding + "\r\n\r\n" + tc.body
			out, r := render(t, []byte(raw), message.Edit{Banner: banner})
			if got := message.Parse(out, nil).Root.Text(); got != tc.want || len(r.Skipped) > 0 {
				t.Errorf("got %q, want %q, skipped %q", got, tc.want, r.Skipped)
			}
		})
	}
}

func TestBannerIsSkipped(t *testing.T) {
	t.Parallel()
	banner := &message.Banner{Text: "Careful", HTML: "<b>Careful</b>"}
	armor := "-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\ntext\r\n"
	for _, tc := range []struct {
		name, raw, why string
		banner         *message.Banner
	}{
		{"signed parts", "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n", message.SkippedSigned, banner},
		{"encrypted parts", "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b--\r\n", message.SkippedSigned, banner},
		{"S/MIME", "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nMIAG\r\n", message.SkippedSigned, banner},
		{"PGP in place", "Subject: x\r\n\r\nHi\r\n" + armor, message.SkippedSigned, banner},
		{"PGP from the first line", "Subject: x\r\n\r\n" + armor, message.SkippedSigned, banner},
		{"an unknown encoding", "Content-Transfer-Encoding: x-none\r\n\r\ntext", message.SkippedEncoding, banner},
		{"a uuencoded text", "Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n#0V%T\r\n`\r\nend\r\n", message.SkippedEncoding, banner},
		{"no text", "Content-Type: image/png\r\n\r\nx", message.SkippedNoText, banner},
		{"a calendar", "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\n", message.SkippedNoText, banner},
		{"an attached text", "Content-Disposition: attachment\r\n\r\nx", message.SkippedNoText, banner},
		{"an embedded message", "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ntext", message.SkippedNoText, banner},
		{"no form for the type", "Subject: x\r\n\r\ntext", message.SkippedEmptyForm, &message.Banner{HTML: "<b>x</b>"}},
		{"wide text without encoding", "Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: binary\r\n\r\n\xff\xfea\x00", message.SkippedCharset, banner},
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
	if !bytes.Contains(out, []byte("\r\n > Careful\r\n From us\r\n\r\ntext")) {
		t.Errorf("no stuffed lines in %q", out)
	}
}

func TestBannerLinesAreShort(t *testing.T) {
	t.Parallel()
	banner := &message.Banner{Text: strings.Repeat("wörter über wörter ", 200), HTML: `<p title="` + strings.Repeat("x y ", 300) + `">` + strings.Repeat("ü", 100)}
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
