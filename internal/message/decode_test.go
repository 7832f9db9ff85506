package message_test

import (
	"bytes"
	"encoding/base64"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"outrider/internal/message"
)

func TestDecodeBase64(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in, goOn, stop string
		differs, clean       bool
	}{
		{"clean text in lines", "SGVsbG8s\r\nIHdvcmxk\r\n", "Hello, world", "Hello, world", false, true},
		{"one padding", "SGVsbG8=", "Hello", "Hello", false, true},
		{"two paddings", "SA==", "H", "H", false, true},
		{"nothing", "", "", "", false, true},
		{"content behind padding", "SA==SGk=", "HHi", "H", true, false},
		{"junk between", "SGVs#bG8=", "Hello", "Hel", true, false},
		{"padding is missing", "SGVsbG8", "Hello", "Hello", false, false},
		{"one character too many", "SGVsbG8sX", "Hello,", "Hello,", false, false},
		{"padding before anything", "=SGk=", "Hi", "", true, false},
		{"groups across line ends", "SG\r\nVsb\nG8=", "Hello", "Hello", false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			goOn, differs, clean := message.DecodeBase64([]byte(tc.in), false)
			stop, _, _ := message.DecodeBase64([]byte(tc.in), true)
			if string(goOn) != tc.goOn || string(stop) != tc.stop || differs != tc.differs || clean != tc.clean {
				t.Errorf("got %q, stopping %q, differs %v, clean %v", goOn, stop, differs, clean)
			}
		})
	}
}

func TestBase64IsUndone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Byte()).Draw(t, "content")
		width := rapid.IntRange(1, 80).Draw(t, "width")
		text := fold(base64.StdEncoding.EncodeToString(want), width)
		got, _, clean := message.DecodeBase64([]byte(text), false)
		if !bytes.Equal(got, want) || !clean {
			t.Fatalf("%q decodes to %x, clean %v", text, got, clean)
		}
	})
}

// TestBase64CheckAgreesWithDecoder compares the check that does not decode, on text
// that is mostly base64.
func TestBase64CheckAgreesWithDecoder(t *testing.T) {
	t.Parallel()
	letters := rapid.SampledFrom([]byte("ABCDEFGHab01+/+/==\r\n #"))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(letters).Draw(t, "text")
		goOn, differs, clean := message.DecodeBase64(text, false)
		stop, _, _ := message.DecodeBase64(text, true)
		checkDiffers, checkClean := message.CheckBase64(text)
		if differs != checkDiffers || clean != checkClean {
			t.Fatalf("decoder: differs %v, clean %v; check: %v, %v", differs, clean, checkDiffers, checkClean)
		}
		if !bytes.Equal(goOn, stop) && !differs {
			t.Fatalf("%q and %q do not differ", goOn, stop)
		}
	})
}

func TestQuotedPrintableIsUndone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Byte()).Draw(t, "content")
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Binary = true
		if _, err := w.Write(want); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, clean := message.DecodeQP(b.Bytes())
		if !bytes.Equal(got, want) || !clean || !message.CheckQP(b.Bytes()) {
			t.Fatalf("%q decodes to %q, clean %v", b.String(), got, clean)
		}
	})
}

func TestUUAndYEncAreUndone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Byte()).Draw(t, "content")
		if got := message.DecodeUU([]byte(encodeUU(want))); !bytes.Equal(got, want) {
			t.Fatalf("%q decodes to %x", encodeUU(want), got)
		}
		if got := message.DecodeYEnc([]byte(encodeYEnc(want))); !bytes.Equal(got, want) {
			t.Fatalf("%q decodes to %x", encodeYEnc(want), got)
		}
	})
}

func fold(s string, width int) string {
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width] + "\r\n")
		s = s[width:]
	}
	return b.String() + s
}

func encodeUU(b []byte) string {
	var out strings.Builder
	out.WriteString("begin 644 x\r\n")
	for len(b) > 0 {
		line := b[:min(len(b), 45)]
		b = b[len(line):]
		out.WriteByte(" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLM"[len(line)])
		for i := 0; i < len(line); i += 3 {
			var g [3]byte
			copy(g[:], line[i:])
			for _, v := range []byte{g[0] >> 2, g[0]<<4 | g[1]>>4, g[1]<<2 | g[2]>>6, g[2]} {
				out.WriteByte(uuChar(v & 63))
			}
		}
		out.WriteString("\r\n")
	}
	return out.String() + "`\r\nend\r\n"
}

func uuChar(v byte) byte {
	if v == 0 {
		return '`'
	}
	return v + ' '
}

func encodeYEnc(b []byte) string {
	var out strings.Builder
	out.WriteString("=ybegin line=128 size=1 name=x\r\n")
	for i, c := range b {
		c += 42
		if c == 0 || c == '\n' || c == '\r' || c == '=' {
			out.WriteByte('=')
			c += 64
		}
		out.WriteByte(c)
		if i%128 == 127 {
			out.WriteString("\r\n")
		}
	}
	return out.String() + "\r\n=yend size=1\r\n"
}

func TestHeaderText(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, want string }{
		{"plain text", "lunch at noon", "lunch at noon"},
		{"one word in Q", "=?iso-8859-1?Q?caf=E9_au_lait?=", "café au lait"},
		{"one word in B", "=?utf-8?B?Y2Fmw6k=?=", "café"},
		{"space between words is dropped", "=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"},
		{"space between word and text stays", "=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"},
		{"a character split between words", "=?utf-8?Q?caf=C3?= =?UTF-8?Q?=A9?=", "café"},
		{"a character split between words of both encodings", "=?utf-8?Q?caf=C3?= =?utf-8?B?qQ==?=", "café"},
		{"words that touch text", "x=?utf-8?Q?y?=z", "xyz"},
		{"spaces within a word", "=?utf-8?Q?a b c?=", "a b c"},
		{"a language", "=?utf-8*en?Q?a?=", "a"},
		{"an unknown charset", "=?x-none?Q?a=E9?=", "aé"},
		{"an encoding that does not exist", "=?utf-8?X?a?=", "=?utf-8?X?a?="},
		{"a word without end", "=?utf-8?Q?abc", "=?utf-8?Q?abc"},
		{"raw UTF-8", "café", "café"},
		{"raw Latin-1", "caf\xe9", "café"},
		{"line breaks in a word", "=?utf-8?Q?a=0D=0Ab=00?=", "a b "},
		{"base64 without padding", "=?utf-8?B?Y2Fmw6k?=", "café"},
		{"Japanese in shifts", "=?iso-2022-jp?B?GyRCJDMbKEI=?=", "こ"},
		{"an empty word", "a =?utf-8?Q??= b", "a  b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := message.DecodeText(tc.in); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestDecodeCharset(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in, charset, want string
		known                   bool
	}{
		{"UTF-8", "caf\xc3\xa9", "utf-8", "café", true},
		{"Latin-1 is windows-1252", "\x80", "iso-8859-1", "€", true},
		{"a byte order mark in UTF-8", "\xef\xbb\xbfa", "utf-8", "a", true},
		{"UTF-16 with mark", "\xfe\xff\x00a", "utf-16", "a", true},
		{"UTF-16 without mark", "a\x00b\x00", "utf-16", "ab", true},
		{"UTF-16 that is ASCII", "plain text", "utf-16", "plain text", false},
		{"UTF-32 with mark", "\xff\xfe\x00\x00a\x00\x00\x00", "", "a", false},
		{"no charset and valid UTF-8", "\xc3\xa9", "", "é", false},
		{"no charset and no UTF-8", "\xe9", "", "é", false},
		{"ASCII that is none", "\xc3\xa9", "us-ascii", "é", false},
		{"a code page by number", "\x82", "cp437", "é", true},
		{"a code page with a dash", "\x82", "cp-850", "é", true},
		{"a Japanese code page", "\x82\xb1", "cp932", "こ", true},
		{"a Chinese code page", "\xd6\xd0", "cp936", "中", true},
		{"a Korean code page", "\xb0\xa1", "cp949", "가", true},
		{"a Taiwanese code page", "\xa4\xa4", "cp950", "中", true},
		{"the code page of UTF-8", "\xc3\xa9", "cp65001", "é", true},
		{"a code page that does not exist", "\xe9", "cp9", "é", false},
		{"a name that is too long", "\xe9", strings.Repeat("x", 70), "é", false},
		{"a code page of Windows", "\xcf", "cp1251", "П", true},
		{"a name with underscores", "\xe9", "iso_8859_1", "é", true},
		{"Shift_JIS", "\x82\xb1", "shift_jis", "こ", true},
		{"gb2312 is GBK", "\xd6\xd0", "gb2312", "中", true},
		{"HZ", "~{VP~}", "hz-gb-2312", "中", true},
		{"UTF-7", "a+AOk-b+-", "utf-7", "aéb+", true},
		{"UTF-7 with a broken shift", "a+b", "utf-7", "a", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, known := message.DecodeCharset([]byte(tc.in), tc.charset)
			if got != tc.want || known != tc.known {
				t.Errorf("got %q, %v, want %q, %v", got, known, tc.want, tc.known)
			}
		})
	}
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	want := time.Date(2024, 11, 4, 9, 5, 7, 0, time.UTC)
	for _, in := range []string{
		"Mon, 04 Nov 2024 09:05:07 +0000", "4 Nov 2024 09:05:07 GMT", "Mon, 4 Nov 24 10:05:07 +0100 (CET)",
		"Mon Nov  4 09:05:07 2024", "Mon, 04-Nov-2024 09:05:07 UTC", "04 November 2024 04:05:07 EST",
		"Mon,04 Nov 2024 09:05:07 -0000", "(comment) 4 Nov 124 09:05:07 Z", "2024-11-04T09:05:07Z", "Nov 4, 2024 9:05:07",
		"4 Nov 2024 14:35:07 +05:30",
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			if got, ok := message.ParseDate(in); !ok || !got.Equal(want) {
				t.Errorf("got %v, %v", got, ok)
			}
		})
	}
	for _, in := range []string{"", "yesterday", "32 Foo 2024 10:00", "4 Nov 2024", "4 Nov 2024 25:00:00", "4 Nov 2024 10:00 +9999"} {
		t.Run("refused: "+in, func(t *testing.T) {
			t.Parallel()
			if got, ok := message.ParseDate(in); ok {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestHops(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 11, 4, 9, 5, 7, 0, time.UTC)
	for _, tc := range []struct {
		name, in string
		want     message.Hop
	}{
		{
			"Postfix", "from mail.a.example (mx1.a.example [192.0.2.1])\r\n (using TLSv1.3)\r\n\tby mx.b.example (Postfix) with ESMTPS id 4Xh7\r\n\tfor <bob@b.example>; Mon,  4 Nov 2024 09:05:07 +0000 (UTC)",
			message.Hop{
				From: "mail.a.example", FromName: "mx1.a.example", FromAddr: "192.0.2.1", By: "mx.b.example", With: "ESMTPS",
				ID: "4Xh7", For: "bob@b.example", At: at,
			},
		},
		{
			"Exim", "from [192.0.2.7] (helo=laptop) by mx.b.example with esmtpsa (TLS1.3) (Exim 4.97) (envelope-from <a@a.example>) id 1t7 for bob@b.example; Mon, 04 Nov 2024 09:05:07 +0000",
			message.Hop{From: "[192.0.2.7]", FromAddr: "192.0.2.7", By: "mx.b.example", With: "esmtpsa", ID: "1t7", For: "bob@b.example", At: at},
		},
		{
			"Exchange with IPv6", "from A.prod.example (2001:db8::1) by B.prod.example\r\n (2001:db8::2) with Microsoft SMTP Server id 15.20; Mon, 4 Nov 2024 09:05:07 +0000",
			message.Hop{From: "A.prod.example", FromAddr: "2001:db8::1", By: "B.prod.example", With: "Microsoft", ID: "15.20", At: at},
		},
		{
			"tagged IPv6 literal", "from x.example ([IPv6:2001:db8::9]) by y.example; nonsense",
			message.Hop{From: "x.example", FromAddr: "2001:db8::9", By: "y.example"},
		},
		{"qmail", "(qmail 1234 invoked by uid 89); 4 Nov 2024 09:05:07 -0000", message.Hop{At: at}},
		{
			"a literal as HELO", "from [203.0.113.5] (unknown [192.0.2.66]) by y.example",
			message.Hop{From: "[203.0.113.5]", FromAddr: "192.0.2.66", By: "y.example"},
		},
		{
			"an address as HELO", "from 203.0.113.5 (unknown [192.0.2.66]) by y.example",
			message.Hop{From: "203.0.113.5", FromAddr: "192.0.2.66", By: "y.example"},
		},
		{
			"a literal in the reverse name", "from x (a[203.0.113.5]b [192.0.2.66]) by y.example",
			message.Hop{From: "x", FromAddr: "192.0.2.66", By: "y.example"},
		},
		{
			"an address that the server does not know", "from [203.0.113.5] (a[203.0.113.5] [unknown]) by y.example",
			message.Hop{From: "[203.0.113.5]", By: "y.example"},
		},
		{
			"a comment without an address", "from [203.0.113.5] (unknown) by y.example",
			message.Hop{From: "[203.0.113.5]", By: "y.example"},
		},
		{
			"a literal in the certificate", "from x (unknown [192.0.2.66]) (Client CN \"[203.0.113.5]\") by y.example",
			message.Hop{From: "x", FromAddr: "192.0.2.66", By: "y.example"},
		},
		{
			"Exim with a literal as HELO and ident", "from a.example ([192.0.2.66]:2525 helo=[203.0.113.5] ident=[203.0.113.5]) by y.example",
			message.Hop{From: "a.example", FromAddr: "192.0.2.66", By: "y.example"},
		},
		{
			"Exim without a reverse name and a literal as HELO", "from [192.0.2.66] (helo=[203.0.113.5]) by y.example",
			message.Hop{From: "[192.0.2.66]", FromAddr: "192.0.2.66", By: "y.example"},
		},
		{
			"qmail with a literal as HELO", "from unknown (HELO [203.0.113.5]) (192.0.2.66) by y.example",
			message.Hop{From: "unknown", FromAddr: "192.0.2.66", By: "y.example"},
		},
		{
			"a keyword as HELO", "from by (unknown [192.0.2.66]) by y.example",
			message.Hop{From: "by", FromAddr: "192.0.2.66", By: "y.example"},
		},
		{"an unclosed comment", "from x.example (((y", message.Hop{From: "x.example"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := message.Parse([]byte("Received: "+tc.in+"\r\n\r\n"), nil)
			want := []message.Hop{tc.want}
			if diff := cmp.Diff(want, m.Hops(), cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Errorf("hops (-want +got):\n%s", diff)
			}
		})
	}
}
