package smtpd_test

import (
	"errors"
	"strings"
	"testing"

	"outrider/internal/address"
	"outrider/internal/smtp"
	"outrider/internal/smtpd"
)

// FuzzCommand parses any line. Whatever is accepted must be safe to write into another
// command, as a relay will.
func FuzzCommand(f *testing.F) {
	for _, seed := range []string{
		"", "NOOP", "mail from:<>", "MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=FULL ENVID=x+2B",
		`RCPT TO:<"a>b\" c"@d.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+40b`, "RCPT TO:<@a.example,@b.example:c@d.example>",
		"RCPT TO:<postmaster>", "RCPT TO:<ü@bücher.example> ORCPT=utf-8;ü@x", "BDAT 10 LAST", "BDAT 99999999999999999999",
		"XCLIENT NAME=a+2Eb ADDR=IPV6:::1 PORT=1 PROTO=SMTP HELO=[UNAVAILABLE]", "GET / HTTP/1.1", "\x16\x03\x01",
		"MAIL FROM:<a@[IPv6:::1]>", "MAIL FROM:<a@b.example>\tSIZE=1", "MAIL FROM: <a@b.example>  SIZE=1 ",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		verb, mail, rcpt, ok, err := smtpd.ParseLine(line)
		if err != nil {
			var known *smtp.Error
			if !errors.As(err, &known) || known.Code < 500 || known.Code > 599 {
				t.Fatalf("%q: error %v is no permanent refusal", line, err)
			}
			return
		}
		if !ok {
			return
		}
		for _, s := range []string{mail.From, mail.EnvID, rcpt.Address, rcpt.ORcpt, rcpt.Notify} {
			if strings.ContainsAny(s, "\r\n\x00") {
				t.Fatalf("%q: control characters in %q", line, s)
			}
		}
		checkPath(t, verb == "MAIL", mail.From)
		checkPath(t, verb == "RCPT" && !strings.EqualFold(rcpt.Address, "postmaster"), rcpt.Address)
	})
}

// checkPath makes sure that an accepted address is one, and ends where its path ends.
func checkPath(t *testing.T, relevant bool, s string) {
	t.Helper()
	if !relevant || s == "" {
		return
	}
	if _, err := address.ParsePath(s, true); err != nil {
		t.Fatalf("accepted %q: %v", s, err)
	}
}
