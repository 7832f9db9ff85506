package mdm_test

import "testing"

const machines = `From: Calendar <cal@a.example>
Subject: Payroll
Content-Type: multipart/report; boundary=b

--b
Content-Type: text/plain

-----BEGIN PGP SIGNED MESSAGE-----
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; out.a.example

Original-Recipient: rfc822; eve@c.example
Action: failed
Status: 5.1.1
--b
Content-Type: text/rfc822-headers

Subject: lost
--b
Content-Type: text/calendar; method=REQUEST

BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VEVENT
SUMMARY:Payroll
DTSTART:20261103T090000Z
ORGANIZER;CN=Ines:mailto:ines@a.example
ATTENDEE:mailto:bob@b.example
DESCRIPTION:Sign in at https://forms.example/pay
X-ALT-DESC;FMTTYPE=text/html:<a href="https://other.example/x">here</a>
ATTACH:https://files.example/a.pdf
END:VEVENT
END:VCALENDAR
--b
Content-Type: message/partial; id=x; number=2

AAAA
--b--
`

func TestWhatMachinesSay(t *testing.T) {
	t.Parallel()
	m := read(t, machines)
	for path, want := range map[string]string{
		"outrider.seals":                                               `["pgp-signed"]`,
		"outrider.fragment":                                            "true",
		"outrider.report.kind":                                         `"delivery-status"`,
		"outrider.report.reporting_mta":                                `"out.a.example"`,
		"outrider.report.recipients.0.address":                         `"eve@c.example"`,
		"outrider.report.recipients.0.status":                          `"5.1.1"`,
		"outrider.report.recipients.0.diagnostic":                      "null",
		"outrider.report.feedback_type":                                "null",
		"outrider.report.returned":                                     "true",
		"outrider.calendars.0.method":                                  `"REQUEST"`,
		"outrider.calendars.0.product":                                 "null",
		"outrider.calendars.0.part":                                    `"4"`,
		"outrider.calendars.0.events.0.summary":                        `"Payroll"`,
		"outrider.calendars.0.events.0.start":                          `"2026-11-03T09:00:00Z"`,
		"outrider.calendars.0.events.0.end":                            "null",
		"outrider.calendars.0.events.0.organizer.display_name":         `"Ines"`,
		"outrider.calendars.0.events.0.attendees.0.email.email":        `"bob@b.example"`,
		"outrider.calendars.0.events.0.links.#":                        "3",
		"outrider.calendars.0.events.0.links.0.href_url.url":           `"https://forms.example/pay"`,
		"outrider.calendars.0.events.0.links.1.href_url.url":           `"https://files.example/a.pdf"`,
		"outrider.calendars.0.events.0.links.2.display_text":           `"here"`,
		"outrider.calendars.0.events.0.links.2.href_url.domain.domain": `"other.example"`,
	} {
		if got := at(t, m, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	plain := read(t, "Subject: x\n\nhello\n")
	for path, want := range map[string]string{"outrider.seals": "[]", "outrider.calendars": "[]", "outrider.report": "null", "outrider.fragment": "false"} {
		if got := at(t, plain, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
