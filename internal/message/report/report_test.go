package report_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/message"
	"outrider/internal/message/report"
)

func read(t *testing.T, fields, kind string) *report.Report {
	t.Helper()
	raw := "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nfor people\r\n--b\r\nContent-Type: message/" + kind + "\r\n\r\n" +
		strings.ReplaceAll(fields, "\n", "\r\n") + "\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: lost\r\n--b--\r\n"
	r, ok := report.Read(message.Parse([]byte(raw), nil))
	if !ok {
		t.Fatal("no report")
	}
	return r
}

func TestDeliveryStatus(t *testing.T) {
	t.Parallel()
	r := read(t, `Reporting-MTA: dns; out.sender.example
Original-Envelope-Id: q17
Arrival-Date: Tue, 3 Nov 2026 10:00:00 +0100

Original-Recipient: rfc822;list@a.example
Final-Recipient: RFC822; <ann@a.example>
Action: Failed (no such person)
Status: 5.1.1 (unknown)
Remote-MTA: dns; mx.a.example
Diagnostic-Code: smtp; 550 5.1.1
  unknown here
Last-Attempt-Date: Tue, 3 Nov 2026 10:00:04 +0100

this line is no field
Final-Recipient: bob@a.example
Action: delayed`, "delivery-status")
	want := report.Recipient{
		Final: "ann@a.example", Original: "list@a.example", Action: "failed", Status: "5.1.1", RemoteMTA: "mx.a.example", Diagnostic: "550 5.1.1 unknown here",
	}
	if len(r.Recipients) != 2 {
		t.Fatalf("%d recipients, want 2", len(r.Recipients))
	}
	got := r.Recipients[0]
	if got.LastAttempt.IsZero() || r.Arrival.IsZero() {
		t.Error("a date is missing")
	}
	got.LastAttempt = want.LastAttempt
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if r.Kind != report.KindDelivery || r.ReportingMTA != "out.sender.example" || r.EnvelopeID != "q17" || r.Recipients[1].Action != "delayed" {
		t.Errorf("%+v", r)
	}
	if r.Returned == nil || !strings.Contains(string(r.Returned.Decoded()), "lost") {
		t.Error("the returned header section is missing")
	}
}

func TestDispositionNotification(t *testing.T) {
	t.Parallel()
	r := read(t, "Reporting-UA: pc4.a.example; Mailer 3\nFinal-Recipient: rfc822;ann@a.example\nOriginal-Message-ID: <x@b.example>\n"+
		"Disposition: automatic-action / MDN-sent-automatically; Deleted/error", "disposition-notification")
	want := report.Disposition{
		UserAgent: "pc4.a.example; Mailer 3", Final: "ann@a.example", MessageID: "<x@b.example>",
		Mode: "automatic-action/mdn-sent-automatically", Type: "deleted", Modifiers: "error",
	}
	if r.Kind != report.KindDisposition || *r.Disposition != want {
		t.Errorf("got  %+v\nwant %+v", *r.Disposition, want)
	}
}

func TestFeedback(t *testing.T) {
	t.Parallel()
	r := read(t, "Feedback-Type: Abuse\nUser-Agent: Loop/1\nVersion: 1\nOriginal-Mail-From: <bulk@s.example>\nOriginal-Rcpt-To: <ann@a.example>\n"+
		"Original-Rcpt-To: bob@a.example\nSource-IP: ::ffff:192.0.2.7\nReported-Domain: s.example\nReported-URI: https://s.example/buy\nIncidents: 2", "feedback-report")
	f := r.Feedback
	if f.Type != "abuse" || f.MailFrom != "bulk@s.example" || !slices.Equal(f.Recipients, []string{"ann@a.example", "bob@a.example"}) ||
		f.Source.String() != "192.0.2.7" || f.Domains[0] != "s.example" || f.URIs[0] != "https://s.example/buy" || f.Incidents != "2" {
		t.Errorf("%+v", f)
	}
}

func TestNoReport(t *testing.T) {
	t.Parallel()
	if r, ok := report.Read(message.Parse([]byte("Subject: delivery status\r\n\r\nAction: failed\r\n"), nil)); ok {
		t.Errorf("a text became %+v", r)
	}
}

// withoutFields are the reports of the suites whose fields are not there to be read.
var withoutFields = map[string]string{
	"lhost-googleworkspace-01.eml": "the part is empty",
	"lhost-postfix-64.eml":         "only the group about the message is there",
	"lhost-sendmail-13.eml":        "the name of the field Action lost its first letter",
	"lhost-x3-05.eml":              "only the group about the message is there",
}

// TestSuites reads the reports of the suites: each has what it is for.
func TestSuites(t *testing.T) {
	t.Parallel()
	counts := map[report.Kind]int{}
	empty := map[string]string{}
	for _, file := range mailtest.Files(t, []string{"conformance/dsn_arf_kumomta", "conformance/dsn_sisimai/maildir/bsd"}, ".eml") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, ok := report.Read(message.Parse(raw, nil))
		if !ok {
			continue
		}
		counts[r.Kind]++
		complete := r.Disposition != nil && r.Disposition.Type != "" || r.Feedback != nil && r.Feedback.Type != "" ||
			slices.ContainsFunc(r.Recipients, func(x report.Recipient) bool { return x.Action != "" && x.Final+x.Original != "" })
		if _, named := withoutFields[filepath.Base(file)]; complete == named {
			empty[filepath.Base(file)] = string(r.Kind)
		}
	}
	t.Logf("reports by kind: %v; incomplete: %v", counts, empty)
	if counts[report.KindDelivery] < 150 || counts[report.KindFeedback] < 8 {
		t.Errorf("reports by kind: %v", counts)
	}
	if len(empty) > 0 {
		t.Errorf("without recipient, action or type, or named so and complete: %v", empty)
	}
}

// TestFeedbackSuite compares with what mail-auth expects of its reports.
func TestFeedbackSuite(t *testing.T) {
	t.Parallel()
	files := mailtest.Files(t, []string{"conformance/dkim_arc_mailauth_rs/resources/arf"}, ".eml")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, ok := report.Read(message.Parse(raw, nil))
		if !ok || r.Feedback == nil {
			t.Fatalf("%s: no feedback", file)
		}
		var want struct {
			FeedbackType string   `json:"feedback_type"`
			UserAgent    string   `json:"user_agent"`
			MailFrom     string   `json:"original_mail_from"`
			RcptTo       string   `json:"original_rcpt_to"`
			Domains      []string `json:"reported_domain"`
			URIs         []string `json:"reported_uri"`
			SourceIP     string   `json:"source_ip"`
			MTA          string   `json:"reporting_mta"`
		}
		expected, err := os.ReadFile(strings.TrimSuffix(file, ".eml") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(expected, &want); err != nil {
			t.Fatal(err)
		}
		f := r.Feedback
		source := ""
		if f.Source.IsValid() {
			source = f.Source.String()
		}
		got := []string{strings.ReplaceAll(f.Type, "-", ""), f.UserAgent, f.MailFrom, strings.Join(f.Recipients, ""), strings.Join(f.Domains, " "), strings.Join(f.URIs, " "), source, r.ReportingMTA}
		expect := []string{
			strings.ToLower(want.FeedbackType), want.UserAgent, strings.Trim(want.MailFrom, "<>"), strings.Trim(want.RcptTo, "<>"),
			strings.Join(want.Domains, " "), strings.Join(want.URIs, " "), want.SourceIP, strings.TrimPrefix(want.MTA, "dns; "),
		}
		if !slices.Equal(got, expect) {
			t.Errorf("%s:\ngot  %q\nwant %q", filepath.Base(file), got, expect)
		}
	}
	t.Logf("%d reports compared", len(files))
	if len(files) != 5 {
		t.Errorf("%d reports, want 5", len(files))
	}
}

func FuzzRead(f *testing.F) {
	for _, kind := range []string{"delivery-status", "disposition-notification", "feedback-report"} {
		f.Add("Final-Recipient: rfc822; a@b\nAction: failed\n\n x\nDisposition: a/b; c/d\nSource-IP: 1.2.3.4\n", kind)
	}
	f.Fuzz(func(t *testing.T, fields, kind string) {
		r, ok := report.Read(message.Parse([]byte("Content-Type: message/"+kind+"\r\n\r\n"+fields), nil))
		if ok && len(r.Recipients) > len(fields) {
			t.Errorf("%d recipients of %d bytes", len(r.Recipients), len(fields))
		}
	})
}
