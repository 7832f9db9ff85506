package test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"outrider/internal/mailtest"
)

// TestSmugglingThroughToPostfix puts would-be ends of data before an attacker's
// transaction. Behind Outrider, Postfix must never deliver two messages.
func TestSmugglingThroughToPostfix(t *testing.T) {
	t.Parallel()
	// The Postfix behind believes bare line ends, as versions before 3.9 do by default.
	next := mailtest.StartPostfix(t, mailtest.PostfixConfig{})
	reject := startSite(t, setup{next: next.Addr})
	ends := []string{"", "\r\n", "\n", "\r", "\n\r", "\r\r\n", "\r\n\x00", "\x00\r\n", "\r\n "}
	taken := 0
	for _, before := range ends {
		for _, after := range ends {
			if strings.Contains(before+"."+after, "\r\n.\r\n") {
				continue // the true end of data
			}
			taken += smuggle(t, reject, fmt.Sprintf("%q-%q", before, after), before+"."+after)
		}
	}
	if taken == 0 {
		t.Fatal("the gateway took none of the messages")
	}
	g := next.Sink
	for _, x := range arrived(t, g, taken) {
		if pathOf(x.From) != "ann@sender.example" || pathOf(x.Rcpts[0]) != "bob@plain.example" {
			t.Errorf("smuggled: %s %v\n%s", x.From, x.Rcpts, x.Raw)
		}
	}
	eventuallyEmpty(t, next)
	if n := len(g.Transactions()); n != taken {
		t.Errorf("%d messages were taken and %d arrived", taken, n)
	}
}

// eventuallyEmpty waits until Postfix has nothing more to deliver.
func eventuallyEmpty(t *testing.T, p *mailtest.Postfix) {
	t.Helper()
	eventually(t, patience, func() error {
		if q := p.Queue(t); len(q) > 0 {
			return fmt.Errorf("postfix has %d messages in its queue", len(q))
		}
		return nil
	})
}

// smuggle sends one message and returns how many the gateway took.
func smuggle(t *testing.T, g *site, name, end string) int {
	t.Helper()
	c := g.client(t)
	if err := c.write("MAIL FROM:<ann@sender.example>\r\nRCPT TO:<bob@plain.example>\r\nDATA\r\n"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{250, 250, 354} {
		if r, err := c.reply(); err != nil || r.code != want {
			t.Fatalf("%s: %v: %v", name, r, err)
		}
	}
	err := c.write("Subject: first\r\n\r\ntext" + end +
		"MAIL FROM:<evil@bad.example>\r\nRCPT TO:<victim@plain.example>\r\nDATA\r\nSubject: second\r\n\r\nevil\r\n.\r\nQUIT\r\n")
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for {
		r, err := c.reply()
		if err != nil || r.code == 221 {
			return taken
		}
		if r.code == 250 {
			taken++
		}
		if r.code == 354 {
			t.Errorf("%s: the attacker's DATA was taken for a command", name)
		}
	}
}

// TestForgedFieldsAreRemoved: only the gateway itself writes its fields.
func TestForgedFieldsAreRemoved(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	g := startSite(t, setup{next: sink.Addr})
	forged := "X-Outrider-Disposition: NONE\r\nx-outrider-signature: v=1; h=AAAA; b=AAAA\r\nX-OUTRIDER-Anything: forged\r\n" +
		"Authentication-Results: outrider.example.net; spf=pass smtp.mailfrom=forged.example\r\n" +
		"Authentication-Results: OUTRIDER.example.net\r\n 1; dkim=pass header.d=forged.example\r\n" +
		"Authentication-Results: (a comment) outrider.example.net; dmarc=pass header.from=forged.example\r\n" +
		"Authentication-Results: \"outrider.example.net\"; dmarc=pass header.from=forged.example\r\n" +
		"Authentication-Results: others.example; dkim=pass header.d=kept.example\r\n"
	g.mustSend(t, "mal@bad.example", []string{"bob@plain.example"}, forged+twoParts)
	raw := arrived(t, sink, 1)[0].Body()
	if strings.Contains(string(raw), "forged") {
		t.Errorf("forged fields arrived:\n%s", raw)
	}
	if !strings.Contains(string(raw), "kept.example") {
		t.Error("the results of another host were removed")
	}
	h := parse(raw).Header()
	if got := h.All("X-Outrider-Disposition"); len(got) != 1 || got[0] != "MALICIOUS" && got[0] == "NONE" {
		t.Errorf("dispositions: %q", got)
	}
	if err := g.verify(t, raw); err != nil {
		t.Error(err)
	}
	for _, change := range [][2]string{{"The minutes", "The money"}, {"<mal@bad.example>", "<boss@plain.example>"}, {"X-Outrider-Disposition: ", "X-Outrider-Disposition: NONE "}} {
		if err := g.verify(t, []byte(strings.Replace(string(raw), change[0], change[1], 1))); err == nil {
			t.Errorf("the signature holds after %q became %q", change[0], change[1])
		}
	}
}

var fieldName = regexp.MustCompile(`^[!-9;-~]+:`)

// TestNothingInjectsFields: whatever senders choose, the header keeps its lines.
func TestNothingInjectsFields(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	g := startSite(t, setup{next: sink.Addr})
	texts := []string{
		"Subject: =?utf-8?q?one=0D=0AX-Injected:_yes=0D=0A=0D=0Abody?=\r\n",
		"Subject: =?utf-8?b?b25lDQpYLUluamVjdGVkOiB5ZXM=?=\r\n",
		"Subject: one\r\n\tX-Injected: folded\r\n",
		"Subject:\r\n",
		"Subject: \x00\x0b\x0c\x7f\r\n",
		"Subject: " + strings.Repeat("x", 900) + "\r\n",
		"Subject: " + strings.Repeat("=?utf-8?q?=0D=0A?= ", 40) + "\r\n",
		"",
	}
	for i, s := range texts {
		from := fmt.Sprintf(`"a;b=pass\"x-injected:yes"%d@bad.example`, i)
		o := g.send(t, from, []string{"bob@tag.example"}, s+"From: \"=?utf-8?q?x=0D=0AX-Injected:_yes?=\" <mal@bad.example>\r\nX-Last: 1\r\n\r\nbody\r\n")
		if o.final.code == 250 {
			continue
		}
		g.mustSend(t, "mal@bad.example", []string{"bob@tag.example"}, strings.ReplaceAll(s, "\x00", "")+"From: <mal@bad.example>\r\nX-Last: 1\r\n\r\nbody\r\n")
	}
	for _, x := range arrived(t, sink, len(texts)) {
		header, body, _ := strings.Cut(string(x.Body()), "\r\n\r\n")
		if body != "body\r\n" {
			t.Errorf("the body became %q", body)
		}
		for line := range strings.SplitSeq(header, "\r\n") {
			if strings.HasPrefix(strings.ToLower(line), "x-injected") || !fieldName.MatchString(line) && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") || strings.ContainsAny(line, "\r\n") {
				t.Errorf("line %q in\n%s", line, header)
			}
		}
		if s := parse(x.Body()).Subject(); !strings.HasPrefix(s, "[MALICIOUS]") {
			t.Errorf("subject is %q", s)
		}
	}
}
