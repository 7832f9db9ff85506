package calendar_test

import (
	"strings"
	"testing"

	"outrider/internal/calendar"
	"outrider/internal/mailtest"
)

// TestTimeGrowsWithTheText reads families of calendars and cards that are easy to read again
// and again.
func TestTimeGrowsWithTheText(t *testing.T) {
	t.Parallel()
	const event = "BEGIN:VCALENDAR\nBEGIN:VEVENT\n"
	for name, tc := range map[string][2]string{
		"folds":             {event + "DESCRIPTION:", "a\n "},
		"folds of nothing":  {event + "SUMMARY:", "\n "},
		"soft line ends":    {event + "DESCRIPTION;ENCODING=QUOTED-PRINTABLE:", "a=\n"},
		"begins":            {"", "BEGIN:VEVENT\n"},
		"nested calendars":  {"", "BEGIN:VCALENDAR\n"},
		"ends":              {event, "END:VEVENT\n"},
		"events":            {"BEGIN:VCALENDAR\n", "BEGIN:VEVENT\nSUMMARY:a\nEND:VEVENT\n"},
		"attendees":         {event, "ATTENDEE;CN=a:mailto:a@b.test\n"},
		"parameters":        {event + "SUMMARY", ";X=a"},
		"quotes":            {event + "SUMMARY;X=", `"a",`},
		"escapes":           {event + "SUMMARY:", `\n`},
		"pages":             {event + "X-ALT-DESC;FMTTYPE=text/html:", "<p>a"},
		"alarms":            {event, "BEGIN:VALARM\nDESCRIPTION:a\nEND:VALARM\n"},
		"cards":             {"", "BEGIN:VCARD\nFN:a\nURL:http://a.test\nEND:VCARD\n"},
		"properties":        {"BEGIN:VCARD\n", "URL:http://a.test\n"},
		"lines of no sense": {event, ":\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mailtest.Linear(t, 1<<16, func(size int) {
				text := tc[0] + strings.Repeat(tc[1], size/len(tc[1]))
				calendar.Read(text)
				calendar.ReadCards(text)
			})
		})
	}
}
