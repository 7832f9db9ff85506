package evidence_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/evidence"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/observable"
)

func of(text string, change ...func(*evidence.Facts)) *evidence.Evidence {
	raw := []byte(strings.ReplaceAll(text, "\n", "\r\n"))
	b := budget.New(budget.Default())
	f := evidence.Facts{Received: &message.Received{Body: message.NewBody(raw)}, Message: message.Parse(raw, b), Budget: b}
	for _, c := range change {
		c(&f)
	}
	return evidence.New(f)
}

const alternative = `From: A <a@b.test>
Subject: Grüße
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Plain words.
> quoted words
--b
Content-Type: text/html; charset=utf-8

<p>Shown <a href="https://c.test/x">https://c.test/x</a> words<i hidden>secret</i></p><img src="https://i.test/p.png">
--b--
`

func TestTextAndURLsAreThoseThatReadersSee(t *testing.T) {
	t.Parallel()
	e := of(alternative)
	if got, want := strings.Join(strings.Fields(e.Words()), " "), "gruße plain words shown https c test x words"; got != strings.Replace(want, "ß", "ss", 1) {
		t.Errorf("words %q", got)
	}
	if strings.Contains(e.Current(), "quoted") || !strings.Contains(e.Text(), "quoted") || strings.Contains(e.Text(), "secret") {
		t.Errorf("text %q, fresh %q", e.Text(), e.Current())
	}
	if len(e.URLs()) != 2 || len(e.Links()) != 1 || e.Links()[0].Host != "c.test" {
		t.Errorf("URLs %v, links %v", e.URLs(), e.Links())
	}
}

func TestEvidenceIsSharedByManyReaders(t *testing.T) {
	t.Parallel()
	e := of(alternative)
	l := observable.NewLexicon([]observable.Phrase{{Topic: 0, Text: "plain words"}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if len(e.Phrases(l)[0]) != 1 || len(e.Files()) != 0 || e.Author().Domain != "b.test" {
				t.Error("a reader saw something else")
			}
		})
	}
	wg.Wait()
}

func TestListHostIsProvedOnlyByItsOwnIdentity(t *testing.T) {
	t.Parallel()
	const list = "From: A <a@b.test>\nList-Id: Talk <talk.moss.example>\n\nHello.\n"
	spf := func(domain string) func(*evidence.Facts) {
		return func(f *evidence.Facts) {
			f.Auth = mailauth.Results{Source: mailauth.SourceEdge, SPF: mailauth.SPF{Result: mailauth.Pass, Domain: domain}}
		}
	}
	if !of(list, spf("bounces.moss.example")).ListHostProved() {
		t.Error("the list host proved itself")
	}
	if of(list, spf("evil.test")).ListHostProved() {
		t.Error("another host is not the list host")
	}
	if of("From: A <a@b.test>\n\nHello.\n", spf("b.test")).ListHostProved() {
		t.Error("there is no list")
	}
}

func TestInsideIsDecidedByTheTrueSender(t *testing.T) {
	t.Parallel()
	peer := func(s string) func(*evidence.Facts) {
		return func(f *evidence.Facts) { f.Received.Peer.Addr = netip.MustParseAddr(s) }
	}
	client := func(s string) func(*evidence.Facts) {
		return func(f *evidence.Facts) { f.Auth.Client = netip.MustParseAddr(s) }
	}
	const mail = "From: A <a@b.test>\n\nHello.\n"
	if !of(mail, peer("10.0.0.4")).FromInside() || of(mail, peer("203.0.113.4")).FromInside() || of(mail).FromInside() {
		t.Error("the connecting address decides where look-back found none")
	}
	if of(mail, peer("10.0.0.4"), client("203.0.113.4")).FromInside() {
		t.Error("a gateway inside hands on mail from outside")
	}
}

func TestRepliesAndReports(t *testing.T) {
	t.Parallel()
	if !of("From: a@b.test\nIn-Reply-To: <1@x>\n\nYes.\n> Shall we?\n").IsReply() || of("From: a@b.test\nIn-Reply-To: <1@x>\n\nYes.\n").IsReply() {
		t.Error("a reply names what it answers, and quotes it")
	}
	const status = "From: MAILER-DAEMON@b.test\nContent-Type: multipart/report; boundary=b\n\n--b\n\nFailed.\n--b\nContent-Type: message/delivery-status\n\n" +
		"Reporting-MTA: dns; b.test\n\nFinal-Recipient: rfc822; u@b.test\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
	from := func(f *evidence.Facts) { f.Received.Envelope.From = "a@b.test" }
	if !of(status).IsReport() || of(status, from).IsReport() {
		t.Error("a report has no reverse-path")
	}
	for _, text := range []string{"From: MAILER-DAEMON@b.test\n\nFailed.\n", strings.Replace(status, "message/delivery-status", "text/plain", 1), strings.Replace(status, "Action: failed\nStatus: 5.1.1\n", "", 1)} {
		if of(text).IsReport() {
			t.Errorf("without a readable status this is no report: %q", text)
		}
	}
}

func TestFilesAreLookedInto(t *testing.T) {
	t.Parallel()
	e := of("From: a@b.test\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSee the file.\n--b\nContent-Type: application/octet-stream; name=a.html\n\n" +
		"<form><input type=password></form>\n--b\nContent-Type: application/pdf; name=b.pdf\nContent-Transfer-Encoding: base64\n\nTVo=\n--b--\n")
	files := e.Files()
	if len(files) != 2 || files[0].Page() == nil || len(files[0].Page().Forms()) != 1 || files[1].Format != "mz" {
		t.Errorf("files %+v", files)
	}
}
