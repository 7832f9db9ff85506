package signal_test

import (
	"testing"

	"outrider/internal/signal"
)

// weightOf returns the weight of a finding of a message, 0 where it has none.
func weightOf(t *testing.T, id, text string, context ...string) float64 {
	t.Helper()
	found, _ := signal.New(nil).Detect(t.Context(), caseEvidence(t, text, context))
	for _, f := range found {
		if f.ID == id {
			return f.Weight
		}
	}
	return 0
}

// The name of a colleague counts in full, or little where a list or a service writes in his name.
func TestColleaguesInTheNamesOfListsAndServices(t *testing.T) {
	t.Parallel()
	const (
		list     = "From: 'Olivia Marsh' via Racks <racks@lists.test>\nSubject: van\nList-Id: <racks.lists.test>\n"
		service  = "From: \"Olivia Marsh (Taskbird)\" <notify@tb-notify.example>\nSubject: task\n"
		docusign = "From: \"Olivia Marsh (DocuSign)\" <notify@tb-notify.example>\nSubject: task\n"
		favour   = "Are you at your desk? I need you to buy gift cards. Keep this between us.\n"
		full     = 8.5
		little   = 8.5 * 0.3
	)
	for _, tt := range []struct {
		name, text, auth string
		want             float64
	}{
		{"a list", list + "\nThe van comes at nine.\n", "auth dmarc=pass dkim=pass:lists.test", little},
		{"a list with a demand", list + "\n" + favour, "auth dmarc=pass dkim=pass:lists.test", full},
		{"a list that is not proved", list + "\nThe van comes at nine.\n", "auth dmarc=none", full},
		{"an address that is not the list's", "From: Olivia Marsh via Racks <boss@lists.test>\nSubject: van\nList-Id: <racks.lists.test>\n\nHello.\n", "auth dmarc=pass dkim=pass:lists.test", full},
		{"a notice of a service", service + "\nOlivia assigned a task: https://app.tb-notify.example/t/1\n", "auth dmarc=pass dkim=pass:tb-notify.example", little},
		{"a service that leads elsewhere", service + "\nOlivia assigned a task: https://tasks.invalid/t/1\n", "auth dmarc=pass dkim=pass:tb-notify.example", full},
		{"a service with a lure", service + "\nVerify your account and confirm your password: https://app.tb-notify.example/t/1\n", "auth dmarc=pass dkim=pass:tb-notify.example", full},
		{"the name of another service", docusign + "\nOlivia assigned a task: https://app.tb-notify.example/t/1\n", "auth dmarc=pass dkim=pass:tb-notify.example", full},
	} {
		if got := weightOf(t, "person-impersonation", tt.text, tt.auth); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestHyphenationIsNoObfuscation(t *testing.T) {
	t.Parallel()
	const head = "From: Kim <kim@sender.test>\nSubject: Notice\nContent-Type: text/html; charset=utf-8\n\n"
	for _, tt := range []struct {
		name, text string
		found      bool
	}{
		{"syllables", "<p>Gar&shy;ten&shy;ge&shy;rä&shy;te und Blu&shy;men&shy;zwie&shy;beln, Lie&shy;fe&shy;rung in&shy;ner&shy;halb ei&shy;ner Wo&shy;che, na&shy;tür&shy;lich</p>", false},
		{"a syllable without a vowel", "<p>Čtvr&shy;tek, čtvr&shy;tek, čtvr&shy;tek, Vrch&shy;ní, vrch&shy;ní, vrch&shy;ní, vrch&shy;ní</p>", false},
		{"each letter", "<p>p&shy;a&shy;s&shy;s&shy;w&shy;o&shy;r&shy;d</p>", true},
		{"two letters each", "<p>pa&shy;ss&shy;wo&shy;rd ex&shy;pi&shy;re&shy;s ac&shy;co&shy;un&shy;t</p>", true},
	} {
		if got := weightOf(t, "obfuscated-text", head+tt.text) > 0; got != tt.found {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// Mail systems sign reports with the name of their vendor; other senders who do so imitate
// the brand.
func TestReportsThatNameTheMakerOfTheSystem(t *testing.T) {
	t.Parallel()
	report := func(from, status string) string {
		return "From: Microsoft Outlook <" + from + ">\nSubject: Undeliverable: Minutes\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" +
			"--b\n\nDelivery has failed.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.sender.test\n\n" +
			"Final-Recipient: rfc822; kim@sender.test\n" + status + "\n--b--\n"
	}
	const status = "Action: failed\nStatus: 5.1.10\n"
	if got := weightOf(t, "brand-impersonation", report("postmaster@sender.test", status)); got != 0 {
		t.Errorf("a report: %v", got)
	}
	if weightOf(t, "brand-impersonation", report("help@sender.test", status)) == 0 || weightOf(t, "brand-impersonation", report("postmaster@sender.test", "")) == 0 {
		t.Error("what is no report of a mail system passes")
	}
}
