package mdm_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"outrider/internal/budget"
	"outrider/internal/evidence/mdm"
	"outrider/internal/mailauth"
	"outrider/internal/mailtest"
	"outrider/internal/message"
	"outrider/internal/smtp"
)

func read(tb testing.TB, raw string, change ...func(*mdm.Input)) *mdm.Message {
	tb.Helper()
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
	b := budget.New(budget.Default())
	in := &mdm.Input{
		Received: &message.Received{ID: "id", Source: message.SourceFile, At: time.Unix(0, 0), Body: message.NewBody([]byte(raw))},
		Message:  message.Parse([]byte(raw), b), Budget: b, Auth: mailauth.Results{Source: mailauth.SourceNone},
	}
	for _, c := range change {
		c(in)
	}
	return mdm.Read(in)
}

// at returns the value at a path such as "body.links.0.parser", as JSON.
func at(tb testing.TB, m *mdm.Message, path string) string {
	tb.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		tb.Fatal(err)
	}
	for key := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			inner, ok := x[key]
			if !ok {
				tb.Fatalf("%s: no field %s", path, key)
			}
			v = inner
		case []any:
			if key == "#" {
				v = len(x)
				continue
			}
			var i int
			if _, err := fmtSscan(key, &i); err != nil || i >= len(x) {
				return "absent"
			}
			v = x[i]
		default:
			return "absent"
		}
	}
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return strings.TrimSpace(out.String())
}

func fmtSscan(s string, i *int) (int, error) { return 1, json.Unmarshal([]byte(s), i) }

const mail = `Return-Path: <bounce@news.sender.co.uk>
Delivered-To: olivia@example.org
Authentication-Results: mx.example.org; dkim=pass header.i=@sender.co.uk header.s=k1 header.b=Abc; spf=pass (mx.example.org: domain of bounce@news.sender.co.uk designates 192.0.2.9 as permitted sender) smtp.mailfrom=bounce@news.sender.co.uk; dmarc=pass (p=REJECT sp=NONE dis=NONE) header.from=sender.co.uk
Received-SPF: pass (mx.example.org: domain of bounce@news.sender.co.uk designates 192.0.2.9 as permitted sender) client-ip=192.0.2.9; helo=out.sender.co.uk;
Received: from out.sender.co.uk (out.sender.co.uk [192.0.2.9]) by mx.example.org with ESMTPS id q1 for <olivia@example.org>; Mon, 2 Nov 2026 10:00:02 +0100
DKIM-Signature: v=1; a=rsa-sha256; d=sender.co.uk; s=k1; h=from:to; bh=BH=; b=Abcdef
Received: from [10.0.0.7] by out.sender.co.uk with ESMTPA id q0; Mon, 2 Nov 2026 09:00:01 +0000
X-Mailer: Mailer 7
Message-ID: <m1@sender.co.uk>
In-Reply-To: <m0@example.org>
References: <m00@example.org> <m0@example.org>
From: "Ada L." <Ada@Sender.co.uk>
Reply-To: ada@freemail.com
To: Olivia <olivia@example.org>
Date: Mon, 2 Nov 2026 04:30:00 -0430
Subject: [EXTERNAL] Re: AW: Invoice
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Please see <a href=3D"https://eur01.safelinks.protection.outlook.com/?url=3Dhttps%3A%2F%2Fu:p@0x7f.0.0.1:8080%2Fa%3Fx%3D1%26x%3D2%23f">www.example.com</a></p><p style=3D"display:none">secret words</p>
--b
Content-Type: application/pdf; name="a.pdf.PDF"
Content-Disposition: attachment; filename="a.pdf.PDF"
Content-ID: <c1@x>
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--b--
`

func TestFields(t *testing.T) {
	t.Parallel()
	m := read(t, mail, func(in *mdm.Input) {
		in.Auth = mailauth.FromHeader(in.Message, nil)
		in.Received.Envelope = smtp.Envelope{Recipients: []smtp.Recipient{{Address: "olivia@example.org"}, {Address: "Blind@example.org"}}}
		in.Own = func(d string) bool { return d == "example.org" }
	})
	for path, want := range map[string]string{
		"type.inbound":                                                   "true",
		"type.internal":                                                  "false",
		"sender.display_name":                                            `"Ada L."`,
		"sender.email.email":                                             `"ada@sender.co.uk"`,
		"sender.email.domain.root_domain":                                `"sender.co.uk"`,
		"sender.email.domain.sld":                                        `"sender"`,
		"sender.email.domain.tld":                                        `"co.uk"`,
		"sender.email.domain.subdomain":                                  "null",
		"recipients.bcc.0.email.email":                                   `"blind@example.org"`,
		"mailbox.email.local_part":                                       `"olivia"`,
		"subject.base":                                                   `"Invoice"`,
		"subject.is_reply":                                               "true",
		"subject.tags":                                                   `["[EXTERNAL]"]`,
		"headers.hops.#":                                                 "2",
		"headers.hops.0.received.server.raw":                             `"out.sender.co.uk"`,
		"headers.hops.0.received.source.raw":                             `"[10.0.0.7]"`,
		"headers.hops.0.fields.0.name":                                   `"Content-Type"`,
		"headers.hops.0.fields.0.position":                               "0",
		"headers.hops.0.signature.selector":                              `"k1"`,
		"headers.hops.1.received.mailbox.raw":                            `"<olivia@example.org>"`,
		"headers.hops.1.received.zone_offset":                            `"1"`,
		"headers.hops.1.received.time":                                   `"2026-11-02T09:00:02Z"`,
		"headers.hops.1.authentication_results.dkim":                     `"pass"`,
		"headers.hops.1.authentication_results.server.tld":               `"org"`,
		"headers.hops.1.authentication_results.dmarc_details.policy":     `"REJECT"`,
		"headers.hops.1.authentication_results.spf_details.client_ip.ip": `"192.0.2.9"`,
		"headers.hops.1.received_spf.helo.domain":                        `"out.sender.co.uk"`,
		"headers.auth_summary.dmarc.pass":                                "true",
		"headers.auth_summary.spf.pass":                                  "true",
		"headers.auth_summary.spf.received_hop":                          "1",
		"headers.message_id":                                             `"<m1@sender.co.uk>"`,
		"headers.in_reply_to":                                            `"<m0@example.org>"`,
		"headers.references":                                             `["m00@example.org","m0@example.org"]`,
		"headers.reply_to.0.email.domain.domain":                         `"freemail.com"`,
		"headers.return_path.email":                                      `"bounce@news.sender.co.uk"`,
		"headers.return_path.domain.subdomain":                           `"news"`,
		"headers.date":                                                   `"2026-11-02T09:00:00Z"`,
		"headers.date_original_offset":                                   `"-4:30"`,
		"headers.mailer":                                                 `"Mailer 7"`,
		"headers.delivered_to.email":                                     `"olivia@example.org"`,
		"headers.ips.#":                                                  "2",
		"body.html.display_text":                                         `"Please see www.example.com"`,
		"body.current_thread.text":                                       `"Please see www.example.com"`,
		"body.plain":                                                     "null",
		"body.links.#":                                                   "1",
		"body.links.0.parser":                                            `"hyperlink"`,
		"body.links.0.visible":                                           "true",
		"body.links.0.display_url.domain.domain":                         `"www.example.com"`,
		"body.links.0.href_url.rewrite.encoders":                         `["azure_safelink"]`,
		"body.links.0.href_url.ip.ip":                                    `"127.0.0.1"`,
		"body.links.0.href_url.ip.translation.encoders":                  `["hexadecimal"]`,
		"body.links.0.href_url.username":                                 `"u"`,
		"body.links.0.href_url.password":                                 `"p"`,
		"body.links.0.href_url.port":                                     "8080",
		"body.links.0.href_url.path":                                     `"/a"`,
		"body.links.0.href_url.query_params":                             `"x=1&x=2"`,
		"body.links.0.href_url.query_params_decoded.x":                   `["1","2"]`,
		"body.links.0.href_url.fragment":                                 `"f"`,
		"body.ips.0.ip":                                                  `"127.0.0.1"`,
		"attachments.#":                                                  "1",
		"attachments.0.file_name":                                        `"a.pdf.PDF"`,
		"attachments.0.file_extension":                                   `"pdf"`,
		"attachments.0.file_type":                                        `"pdf"`,
		"attachments.0.content_id":                                       `"c1@x"`,
		"attachments.0.size":                                             "9",
		"outrider.hidden_text":                                           `"secret words"`,
		"outrider.auth.dkim":                                             `["pass sender.co.uk"]`,
	} {
		if got := at(t, m, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

// Absent values are null, and empty lists are lists.
func TestAbsence(t *testing.T) {
	t.Parallel()
	m := read(t, "Subject:\n\n")
	for path, want := range map[string]string{
		"headers.auth_summary.dmarc.pass": "null", "headers.auth_summary.spf.pass": "null", "headers.reply_to": "[]", "headers.references": "[]",
		"headers.message_id": "null", "body.links": "[]", "body.previous_threads": "[]", "body.html": "null", "attachments": "[]",
		"sender.email.email": `""`, "sender.email.domain.valid": "false", "headers.domains": "[]", "headers.ips": "[]", "subject.base": "null",
		"recipients.to": "[]", "body.current_thread.text": `""`, "body.current_thread.links": "[]", "headers.date": "null",
	} {
		if got := at(t, m, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

// Text that looks like a signature belongs to the text, since anybody can put one on top.
func TestSignatureIsText(t *testing.T) {
	t.Parallel()
	m := read(t, "From: Portal Support <a@sender.co.uk>\n\nStorage full\n-- \nPortal Support\nRelease your messages here: https://walk.example.com/x\n")
	if s := m.Body.CurrentThread.Text; !strings.Contains(s, "Storage full") || !strings.Contains(s, "Release your messages") {
		t.Errorf("text %q", s)
	}
}

func TestTypeNeedsProof(t *testing.T) {
	t.Parallel()
	const from = "From: a@example.org\nTo: b@example.org, c@other.com\n\nHi\n"
	own := func(in *mdm.Input) { in.Own = func(d string) bool { return d == "example.org" } }
	if m := read(t, from, own); !m.Type.Inbound || m.Type.Internal || m.Type.Outbound {
		t.Errorf("a name that nobody proved: %+v", m.Type)
	}
	m := read(t, from, own, func(in *mdm.Input) {
		in.Auth = mailauth.Results{Source: mailauth.SourceEdge, Client: netip.MustParseAddr("192.0.2.1"), DKIM: []mailauth.DKIM{{Result: mailauth.Pass, Domain: "example.org"}}}
	})
	if m.Type.Inbound || !m.Type.Internal || !m.Type.Outbound {
		t.Errorf("a proved author: %+v", m.Type)
	}
}

func TestSubject(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Re: Hello":                  "Hello|reply",
		"RE[2]: Fwd: Hello":          "Hello|reply|forward",
		"[Ticket 7] [EXT] WG: Hello": "Hello|forward|[Ticket 7]|[EXT]",
		"回复：你好":                      "你好|reply",
		"Automatic reply: away":      "Automatic reply: away|auto",
		"Report: Hello":              "Report: Hello",
		"Re:":                        "|reply",
		"Meeting at 10:30":           "Meeting at 10:30",
		"Antw: [list] Re: TR: x":     "x|reply|forward|[list]",
	} {
		s := mdm.NewSubject(in)
		var got strings.Builder
		if s.Base != nil {
			got.WriteString(*s.Base)
		}
		for _, f := range []struct {
			on   bool
			name string
		}{{s.IsReply, "|reply"}, {s.IsForward, "|forward"}, {s.IsAutoReply, "|auto"}} {
			if f.on {
				got.WriteString(f.name)
			}
		}
		for _, tag := range s.Tags {
			got.WriteString("|" + tag)
		}
		if diff := gocmp.Diff(want, got.String()); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

// The feed ships two messages with the model that its authors' product made of them in
// 2021. Every field is as there but for those that say when and under which name, for
// addresses (that product did not read IPv6), and for where a hop begins.
func TestGolden(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(mailtest.Data(t, "sublime"), "sublime-rules", "tutorial-files")
	for _, name := range []string{"2-write/impersonation", "3-write/office365_covid_phish"} {
		raw, err := os.ReadFile(filepath.Join(dir, name+".eml"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, name+".mdm"))
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		m := read(t, string(raw))
		ours, _ := json.Marshal(m)
		if err := json.Unmarshal(ours, &got); err != nil {
			t.Fatal(err)
		}
		for _, d := range missing(want, got, "") {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// missing compares what want has; lists of hops and what is named in the comment of
// TestGolden are left out.
func missing(want, got any, path string) []string {
	switch path {
	case "._meta", ".headers.hops", ".headers.ips":
		return nil
	}
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		var out []string
		for k, v := range w {
			out = append(out, missing(v, g[k], path+"."+k)...)
		}
		return out
	case []any:
		g, _ := got.([]any)
		if len(g) != len(w) {
			return []string{path + " has another length"}
		}
		var out []string
		for i := range w {
			out = append(out, missing(w[i], g[i], path)...)
		}
		return out
	}
	if s, ok := want.(string); ok && s == "" && got == nil {
		return nil // what was empty in 2021 is null today
	}
	if diff := gocmp.Diff(normal(want), normal(got)); diff != "" {
		return []string{path + ": " + diff}
	}
	return nil
}

// normal leaves line ends and white space at the end out.
func normal(v any) any {
	if s, ok := v.(string); ok {
		return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
	}
	return v
}

func FuzzRead(f *testing.F) {
	f.Add(mail)
	f.Add("Received: from (by (with\nAuthentication-Results: ;;=;x=(y\nSubject: [a] re: [b\n\nhttp://0x1/")
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := json.Marshal(read(t, raw)); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	b.SetBytes(int64(len(mail)))
	for b.Loop() {
		read(b, mail)
	}
}
