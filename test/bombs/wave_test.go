package bombs

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"outrider/internal/verdict"
)

// longDomain is a message whose author has a domain of a mebibyte.
func longDomain() []byte {
	return []byte("From: IT Desk <help@" + strings.Repeat("b.", 1<<19) + "test>\r\nTo: bob@plain.example\r\nSubject: Your password expires today\r\n" +
		"Date: Mon, 30 Nov 2026 09:00:00 +0000\r\nMessage-ID: <long@mailer.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" +
		"<p>Dear user,<p>your password expires today. Verify your account now to keep access to your mailbox." +
		`<p><a href="http://192.0.2.77:8080/owa/login.php?e=bob@plain.example">https://mail.plain.example/keep</a>`)
}

// TestLongDomainsAtOnce judges four copies at once: each within the deadline, with all
// detectors, and held. The field that is too long is recorded. RFC 1035, Section 3.1: a domain has at most 255 octets.
func TestLongDomainsAtOnce(t *testing.T) {
	t.Parallel()
	g, s := judge(startWorkers(t))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			raw := longDomain()
			j, err := g.Inline(t.Context(), s, received(raw), raw, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if degraded := slices.DeleteFunc(slices.Clone(j.Verdict.Degraded), needsDNS); !slices.Equal(degraded, []string{"budget:header-fields"}) {
				t.Errorf("degraded: %q, want the long field and no detector", degraded)
			}
			switch d := j.Verdict.Disposition; d {
			case verdict.Malicious, verdict.MaliciousBEC, verdict.Spoof:
			default:
				t.Errorf("judged %s: %+v", d, j.Verdict.Findings)
			}
		})
	}
	all.Wait()
}
