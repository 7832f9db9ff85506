package evidence_test

import (
	"slices"
	"strings"
	"testing"

	"outrider/internal/budget"
)

// TestWhatReadersLeaveOutIsSaid: whatever a reader does not keep is in the verdict, and
// in the model.
func TestWhatReadersLeaveOutIsSaid(t *testing.T) {
	t.Parallel()
	const mime = "From: a@b.test\nMIME-Version: 1.0\nContent-Type: "
	events := func(n int) string {
		return mime + "text/calendar\n\nBEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\n", n) + "END:VCALENDAR\n"
	}
	statuses := func(n int) string {
		return mime + "multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a.test\n\n" +
			strings.Repeat("Final-Recipient: rfc822; u@b.test\nAction: failed\nStatus: 5.1.1\n\n", n) + "--b--\n"
	}
	quotes := func(n int) string {
		return mime + "text/plain\n\nYes.\n\n" + strings.Repeat("On Mon, 2 Nov 2026 at 10:00, Ann <ann@a.test> wrote:\n> hello\n\n", n)
	}
	deep := func(n int) string { return mime + "text/plain\n\nYes.\n" + strings.Repeat(">", n) + " hello\n" }
	for _, test := range []struct {
		name, text string
		want       []budget.Resource
	}{
		{"1,999 recipients", "From: a@b.test\nTo: " + strings.Repeat("u@c.test,\n ", 1998) + "u@c.test\n\nHello.\n", nil},
		{"3,000 recipients", "From: a@b.test\nTo: " + strings.Repeat("u@c.test,\n ", 3000) + "u@c.test\n\nHello.\n", []budget.Resource{budget.Addresses}},
		{"3,000 authors", "From: " + strings.Repeat("u@c.test,\n ", 3000) + "u@c.test\n\nHello.\n", []budget.Resource{budget.Addresses}},
		{"200 events", events(200), nil},
		{"201 events", events(201), []budget.Resource{budget.CalendarEvents, budget.Text}},
		{"a long event", strings.Replace(events(1), "SUMMARY:x", "SUMMARY:"+strings.Repeat("x\n ", 70_000), 1), []budget.Resource{budget.CalendarEvents, budget.Text}},
		{"300 guests", strings.Replace(events(1), "SUMMARY:x", "SUMMARY:x"+strings.Repeat("\nATTENDEE:mailto:u@b.test", 300), 1), []budget.Resource{budget.CalendarEvents}},
		{"400 statuses", statuses(400), nil},
		{"600 statuses", statuses(600), []budget.Resource{budget.ReportRecipients}},
		{"90 answers", quotes(90), nil},
		{"200 answers", quotes(200), []budget.Resource{budget.Quotations}},
		{"30 levels of quotation", deep(30), nil},
		{"40 levels of quotation", deep(40), []budget.Resource{budget.Quotations}},
	} {
		e := of(test.text)
		_ = e.Author()
		exceeded := e.Model().Outrider.Exceeded
		if got := e.Budget.Exceeded(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v", test.name, got)
		}
		if len(exceeded) != len(test.want) {
			t.Errorf("%s: the model has %v", test.name, exceeded)
		}
	}
}
