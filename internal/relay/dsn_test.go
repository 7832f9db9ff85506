package relay_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/message"
	"outrider/internal/relay"
	"outrider/internal/smtp"
)

var update = flag.Bool("update", false, "write the golden files")

var dsnAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func reported(rcpt smtp.Recipient, a relay.Action, host string, reply smtp.Reply) relay.Reported {
	return relay.Reported{Result: relay.Result{Recipient: rcpt, Host: host, Reply: reply, At: dsnAt}, Action: a}
}

func notification() relay.DSN {
	return relay.DSN{
		Hostname: "out.example", Arrived: dsnAt.Add(-time.Hour), At: dsnAt, RetryUntil: dsnAt.Add(100 * time.Hour),
		Envelope: smtp.Envelope{From: "a@a.example", EnvID: "order+2B42", Ret: "HDRS"},
		Original: message.NewBody([]byte("From: a@a.example\r\nSubject: hello\r\n\r\nbody\r\n")),
		Recipients: []relay.Reported{
			reported(smtp.Recipient{Address: "b@b.example", ORcpt: "rfc822;o+2Bx@b.example"}, relay.ActionFailed, "mx.b.example",
				smtp.Reply{Code: 550, Enhanced: "5.1.1", Text: "No such user,\nask postmaster"}),
			reported(smtp.Recipient{Address: "ü@c.example"}, relay.ActionDelayed, "", smtp.Reply{Code: 451, Enhanced: "4.4.1", Text: "Next hop does not answer"}),
			reported(smtp.Recipient{Address: "d@d.example", Notify: "SUCCESS"}, relay.ActionRelayed, "192.0.2.1", smtp.Reply{Code: 250, Text: "Ok"}),
			reported(smtp.Recipient{Address: "never@d.example", Notify: "NEVER"}, relay.ActionFailed, "192.0.2.1", smtp.Reply{Code: 550, Text: "No"}),
		},
	}
}

func TestComposeDSNWritesWhatTheStandardAsksFor(t *testing.T) {
	t.Parallel()
	full := notification()
	full.Envelope.Ret = "FULL"
	for name, d := range map[string]relay.DSN{"headers": notification(), "full": full} {
		raw, env, ok := relay.ComposeDSN(d)
		if !ok || env.From != "" || len(env.Recipients) != 1 || env.Recipients[0] != (smtp.Recipient{Address: "a@a.example", Notify: "NEVER"}) {
			t.Fatalf("%s: envelope %+v, %t", name, env, ok)
		}
		// The boundary is random, and is in Message-ID too.
		_, boundary, _ := strings.Cut(string(raw), `boundary="`)
		boundary, _, _ = strings.Cut(boundary, `"`)
		got := strings.ReplaceAll(string(raw), boundary, "BOUNDARY")
		golden := filepath.Join("testdata", "dsn", name+".eml")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestMaildirIsNoRemoteMTA(t *testing.T) {
	t.Parallel()
	d := notification()
	d.Recipients = []relay.Reported{
		reported(smtp.Recipient{Address: "b@b.example", Notify: "SUCCESS"}, relay.ActionDelivered, relay.HostMaildir, smtp.Reply{Code: 250, Enhanced: "2.0.0", Text: "Delivered"}),
	}
	raw, _, ok := relay.ComposeDSN(d)
	if !ok || bytes.Contains(raw, []byte("Remote-MTA")) || !bytes.Contains(raw, []byte("Action: delivered")) {
		t.Errorf("got %s", raw)
	}
}

func TestComposeDSNHonoursNotifyAndTheNullSender(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, notify string
		action       relay.Action
		want         bool
	}{
		"a failure is reported by default":         {"a@a.example", "", relay.ActionFailed, true},
		"a delay is reported by default":           {"a@a.example", "", relay.ActionDelayed, true},
		"success is not reported by default":       {"a@a.example", "", relay.ActionDelivered, false},
		"success is reported on request":           {"a@a.example", "FAILURE,SUCCESS", relay.ActionRelayed, true},
		"a delay is not reported when not asked":   {"a@a.example", "FAILURE", relay.ActionDelayed, false},
		"a failure is not reported when not asked": {"a@a.example", "SUCCESS,DELAY", relay.ActionFailed, false},
		"NEVER means never":                        {"a@a.example", "NEVER", relay.ActionFailed, false},
		"the null sender is never notified":        {"", "", relay.ActionFailed, false},
		"a broken sender address gets no mail":     {"a@a.example>\r\nBcc: x", "", relay.ActionFailed, false},
		"words of NOTIFY have no case":             {"a@a.example", "success", relay.ActionDelivered, true},
	} {
		d := notification()
		d.Envelope.From = c.from
		d.Recipients = []relay.Reported{reported(smtp.Recipient{Address: "b@b.example", Notify: c.notify}, c.action, "", smtp.Reply{Code: 550})}
		if _, _, ok := relay.ComposeDSN(d); ok != c.want {
			t.Errorf("%s: got %t", name, ok)
		}
	}
}

func TestComposeDSNForInternationalSenderAsksForSMTPUTF8(t *testing.T) {
	t.Parallel()
	d := notification()
	d.Envelope.From = "ä@a.example"
	raw, env, ok := relay.ComposeDSN(d)
	if !ok || !env.UTF8 || env.Body != smtp.Body8Bit || !bytes.Contains(raw, []byte("\r\nTo: <ä@a.example>\r\n")) {
		t.Errorf("envelope %+v, %t", env, ok)
	}
}

// FuzzComposeDSN checks that nothing that comes from outside can add a field, a part
// or a line that is not canonical.
func FuzzComposeDSN(f *testing.F) {
	f.Add("a@a.example", "b@b.example", "rfc822;b", "mx", "No", "id", []byte("Subject: x\r\n\r\nbody"), true)
	f.Add("a@a.example", "b@b\r\nAction: delivered", "rfc822;+0D+0AAction:x", "mx\r\n\r\n", "a\nb\r\n\r\n--x", "+0D+0A", []byte("X: \x00\r\r\n\n"), false)
	f.Add("ä@a.example", "ü\x00@b", ";", "[::1]", "\xff\x1b", "", []byte("\r\n\r\n"), true)
	f.Fuzz(func(t *testing.T, from, rcpt, orcpt, host, text, envid string, original []byte, whole bool) {
		d := notification()
		d.Envelope = smtp.Envelope{From: from, EnvID: envid}
		if whole {
			d.Envelope.Ret = "FULL"
		}
		d.Hostname = host
		d.Original = message.NewBody(original)
		d.Recipients = []relay.Reported{reported(smtp.Recipient{Address: rcpt, ORcpt: orcpt}, relay.ActionFailed, host, smtp.Reply{Code: 550, Enhanced: text, Text: text})}
		raw, _, ok := relay.ComposeDSN(d)
		if !ok {
			return
		}
		if !isCanonical(string(raw)) {
			t.Fatalf("not canonical: %q", raw)
		}
		assertReport(t, raw, orcpt != "")
	})
}

// assertReport reads the notification with the standard library.
func assertReport(t *testing.T, raw []byte, orcpt bool) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("reading %q: %v", raw, err)
	}
	if len(m.Header) != 8 || m.Header.Get("Auto-Submitted") != "auto-replied" {
		t.Fatalf("header has fields %v", m.Header)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	var parts [][]byte
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, b)
	}
	if len(parts) != 3 {
		t.Fatalf("%d parts in %q", len(parts), raw)
	}
	groups := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(parts[1], "\r\n\r\n"...))))
	first, err := groups.ReadMIMEHeader()
	if err != nil || len(first) < 2 || len(first) > 3 {
		t.Fatalf("message fields %v, %v", first, err)
	}
	second, err := groups.ReadMIMEHeader()
	if err != nil || len(second["Action"]) != 1 || second.Get("Action") != "failed" || len(second["Final-Recipient"]) != 1 || len(second["Original-Recipient"]) > 1 {
		t.Fatalf("recipient fields %v, %v", second, err)
	}
	if !utf8.Valid(parts[1]) || !orcpt && len(second["Original-Recipient"]) != 0 {
		t.Fatalf("recipient fields %v", second)
	}
}
