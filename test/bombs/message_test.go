package bombs

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// head begins every message.
const head = "From: Ann <ann@sender.example>\r\nTo: bob@plain.example\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\nMIME-Version: 1.0\r\n"

// field, plain, page and in make a message of one header field or one body.
func field(name, value string) func() []byte {
	return func() []byte { return []byte(head + name + ": " + value + "\r\n\r\ntext\r\n") }
}

func body(header string, text func() string) func() []byte {
	return func() []byte { return []byte(head + header + "\r\n\r\n" + text() + "\r\n") }
}

func plain(text func() string) func() []byte {
	return body("Content-Type: text/plain; charset=utf-8", text)
}

func html(text func() string) func() []byte {
	return body("Content-Type: text/html; charset=utf-8", text)
}

func times(s string, n int) func() string { return func() string { return strings.Repeat(s, n) } }

// each joins what f makes of 0 to n-1.
func each(n int, f string) func() string {
	return func() string {
		var b strings.Builder
		for k := range n {
			fmt.Fprintf(&b, f, k)
		}
		return b.String()
	}
}

func messages() []bomb {
	return append(append(structures(), headers()...), bodies()...)
}

func structures() []bomb {
	mixed := `Content-Type: multipart/mixed; boundary="b"`
	return []bomb{
		{"million parts", body(mixed, times("--b\r\n\r\nx\r\n", 1_000_000)), "too-many-parts"},
		{"nested multiparts", nestedMultiparts(10_000), "nested-too-deep"},
		{"nested messages", body("Content-Type: message/rfc822", times("Content-Type: message/rfc822\r\n\r\n", 10_000)), "nested-too-deep"},
		{"nested signed messages", body("Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64", nestedSigned(40)), "nested-too-deep"},
		{"boundary of 100 KB", body("Content-Type: multipart/mixed; boundary=\""+strings.Repeat("b", 100_000)+"\"", times("--"+strings.Repeat("b", 100_000)+"\r\n\r\nx\r\n", 20)), "long-boundary"},
		{"boundary that begins another", body(mixed, each(20_000, "--b%d\r\n\r\nx\r\n")), "delimiter-prefix"},
		{"delimiters without content", body(mixed, times("--b\r\n", 10_000)), "too-many-parts"},
		{"one boundary at each level", body(mixed, times("--b\r\n"+mixed+"\r\n\r\n", 10_000)), "boundary-reused"},
		{"closed again and again", body(mixed, times("--b--\r\n--b\r\n\r\nx\r\n", 50_000)), "delimiter-after-close"},
		{"calendar of many events", body("Content-Type: text/calendar", func() string {
			return "BEGIN:VCALENDAR\r\n" + each(80_000, "BEGIN:VEVENT\r\nUID:%d\r\nEND:VEVENT\r\n")() + "END:VCALENDAR"
		}), "budget:calendar-events"},
		{"calendar with a long folded line", body("Content-Type: text/calendar", func() string {
			return "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:" + strings.Repeat("x\r\n ", 1<<20) + "\r\nEND:VEVENT\r\nEND:VCALENDAR"
		}), "budget:calendar-events"},
		{"delivery report of many recipients", body("Content-Type: multipart/report; report-type=delivery-status; boundary=b", func() string {
			return "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a.example\r\n\r\n" +
				each(100_000, "Final-Recipient: rfc822; u%d@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n")() + "--b--"
		}), "budget:report-recipients"},
	}
}

func headers() []bomb {
	return []bomb{
		{"header line of 1 MB", field("Subject", strings.Repeat("x", 1<<20)), "long-line"},
		{"many header fields", func() []byte { return []byte(head + each(100_000, "X-%d: y\r\n")() + "\r\ntext") }, "header-too-large"},
		{"many encoded words", field("Subject", strings.Repeat("=?utf-8?q?=61?= ", 50_000)), "long-line"},
		{"parameter in many pieces", func() []byte {
			return []byte(head + "Content-Type: application/octet-stream" + each(10_000, ";\r\n name*%d=x")() + "\r\n\r\ntext")
		}, "too-many-parameters"},
		{"many addresses", func() []byte {
			return []byte("From: a@b.example\r\nTo: " + each(50_000, "u%d@c.example,\r\n ")() + "z@c.example\r\n\r\ntext")
		}, "budget:addresses"},
		{"many authors", func() []byte {
			return []byte("From: " + each(50_000, "a@d%d.example,\r\n ")() + "z@c.example\r\n\r\ntext")
		}, "budget:addresses"},
		{"comments in From", func() []byte {
			return []byte("From: " + strings.Repeat("(", 100_000) + strings.Repeat(")", 100_000) + " a@b.example\r\n\r\ntext")
		}, "long-line"},
		{"comments in Received", field("Received", "from a "+strings.Repeat("(", 100_000)+" by b; "+strings.Repeat("(", 100_000)), "long-line"},
		{"groups in From", func() []byte { return []byte("From: " + strings.Repeat("g:", 100_000) + "a@b.example\r\n\r\ntext") }, "long-line"},
		{"quotes in From", func() []byte { return []byte("From: " + strings.Repeat(`"\"`, 100_000) + "\r\n\r\ntext") }, "long-line"},
		{"many signatures", func() []byte {
			return []byte(each(200, "DKIM-Signature: v=1; a=rsa-sha256; d=d%d.example; s=s; c=relaxed/relaxed; h=from; bh=AAAA; b=AAAA\r\n")() + head + "\r\n" + strings.Repeat("text \r\n", 200_000))
		}, "budget:signatures"},
		{"many seals", func() []byte {
			var b strings.Builder
			for k := 60; k > 0; k-- {
				fmt.Fprintf(&b, "ARC-Seal: i=%[1]d; a=rsa-sha256; cv=pass; d=d.example; s=s; b=AAAA\r\nARC-Message-Signature: i=%[1]d; a=rsa-sha256; d=d.example; s=s; h=from; bh=AAAA; b=AAAA\r\nARC-Authentication-Results: i=%[1]d; a.example; spf=pass\r\n", k)
			}
			return []byte(b.String() + head + "\r\ntext")
		}, "arc:fail"},
	}
}

func bodies() []bomb {
	return append(append(texts(), encodings()...), pages()...)
}

func encodings() []bomb {
	return []bomb{
		{"base64 in one line", body("Content-Transfer-Encoding: base64", func() string { return base64.StdEncoding.EncodeToString(make([]byte, 15<<20)) }), "long-line"},
		{"base64 junk", body("Content-Transfer-Encoding: base64", times("!=?A", 2<<20)), "base64-junk"},
		{"soft line breaks", body("Content-Transfer-Encoding: quoted-printable", times("=\r\n", 3<<20)), silent("nothing stands between them, and all is decoded")},
		{"uuencoded files", plain(each(10_000, "begin 644 f%d\r\n#86)C\r\n`\r\nend\r\n")), "uuencoded-in-text"},
		{"UTF-7", body("Content-Type: text/plain; charset=utf-7", times("+AGE-", 1<<20)), "long-line"},
		{"gzip of zeros", attached("a.gz", func() []byte { return gz(make([]byte, 64<<20)) }), "file-truncated"},
		{"nested zips", attached("a.zip", func() []byte { return nestedZips(200) }), "limit-depth"},
		{"escapes of ISO-2022-JP", body("Content-Type: text/plain; charset=iso-2022-jp", times("\x1b$B\x1b(B", 1<<20)), "long-line"},
	}
}

func texts() []bomb {
	return []bomb{
		{"quotations of quotations", plain(func() string { return strings.Repeat("> ", 50_000) + "text" }), "long-line"},
		{"many levels of quotation", plain(func() string {
			var b strings.Builder
			for k := range 2000 {
				b.WriteString(strings.Repeat(">", k) + " text\r\n")
			}
			return b.String()
		}), "budget:quotations"},
		{"reply introductions", plain(times("On Monday Ann <ann@sender.example> wrote:\r\n", 100_000)), "budget:quotations"},
		{"text without spaces", plain(times("x", 20<<20)), "long-line"},
		{"text of dots", plain(times(".", 4<<20)), "long-line"},
		{"text of www.", plain(times("www.", 1<<20)), "long-line"},
		{"text of http://", plain(times("http://", 1<<19)), "long-line"},
		{"text of a.b.", plain(times("a.b.", 1<<20)), "long-line"},
		{"text of @", plain(times("a@", 1<<21)), "long-line"},
		{"text of opening brackets", plain(times("(<[", 1<<20)), "long-line"},
		{"zero-width characters", plain(times("\u200b", 200_000)), "long-line"},
		{"combining marks", plain(times("a\u0301\u0316", 500_000)), "long-line"},
	}
}

func pages() []bomb {
	return []bomb{
		{"nested divisions", html(times("<div>", 1_000_000)), "budget:html-nodes"},
		{"unclosed tables", html(times("<table>x", 100_000)), "budget:quotations"},
		{"nested anchors", html(times("<a href=x>y", 100_000)), "budget:urls"},
		{"misnested formatting", html(times("<b><i><a href=x><p>", 40_000)), "budget:urls"},
		{"style sheet and elements", html(func() string {
			return "<style>" + each(50_000, ".c%d .d{color:red}")() + "</style>" + each(10_000, "<p class='c%d d'>x</p>")()
		}), "budget:html-details"},
		{"selectors of descendants", html(func() string {
			return "<style>" + strings.Repeat("div div div div div div span{display:none}", 5000) + "</style>" + strings.Repeat("<div>", 200) + strings.Repeat("<span>x</span>", 10_000)
		}), "budget:html-details"},
		{"inline styles", html(times("<p style='"+strings.Repeat("color:red;", 200)+"'>x</p>", 5000)), "long-line"},
		{"many links", html(each(100_000, "<a href='https://h%d.example/'>x</a>")), "budget:html-nodes"},
		{"link of 5 MB", html(func() string { return "<a href='https://a.example/" + strings.Repeat("%41", 5<<20/3) + "'>x</a>" }), "long-line"},
		{"character references", html(times("&amp;", 1_000_000)), "long-line"},
		{"code of table cells", html(times("<tr>"+strings.Repeat("<td bgcolor=black></td>", 100)+"</tr>", 100)), "long-line"},
		{"many attributes", html(func() string { return "<p " + each(100_000, "a%d=x ")() + ">x" }), "budget:html-details"},
		{"page whose script holds 10 MB", attached("a.html", func() []byte {
			return []byte("<html><script>var b=atob('" + strings.Repeat("QUFB", 10<<18) + "');URL.createObjectURL(new Blob([b]))</script>")
		}), "budget:html-details"},
		{"picture of lines whose script holds 10 MB", attached("a.svg", func() []byte {
			return []byte("<svg xmlns='http://www.w3.org/2000/svg'><script>var b=atob('" + strings.Repeat("QUFB", 10<<18) + "')</script></svg>")
		}), "budget:html-details"},
		{"tables of noise", html(func() string {
			return strings.Repeat("<table>"+each(150, "<tr>%[1]d"+strings.Repeat("<td bgcolor=black><td><td>", 50))()+"</table>", 9)
		}), "budget:html-details"},
		{"lines of blocks", plain(times(strings.Repeat("█ ▀", 30)+"\r\n", 20_000)), "budget:html-details"},
		{"2,001 links", html(times("<a href='https://h.example/'>x</a>\r\n", 2001)), "budget:urls"},
		{"comments that do not end", html(times("<!--", 1_000_000)), "long-line"},
	}
}
