package calendar_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/calendar"
	"outrider/internal/mailtest"
	"outrider/internal/message"
)

const invitation = `BEGIN:VCALENDAR
PRODID:-//Desk\, Inc//Planner 4//EN
VERSION:2.0
CALSCALE:GREGORIAN
method:request
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:7@desk.example
DTSTART;TZID=Europe/Berlin:20261103T090000
DTEND:20261103T083000Z
SUMMARY:Payroll\; new form
ORGANIZER;CN="Falk, Ines: office":MAILTO:ines@desk.example
ATTENDEE;PARTSTAT=needs-action;CN=Bob:mailto:bob@inbox.example
ATTENDEE:mailto:eve@inbox.example
DESCRIPTION:Please sign in at https://forms.
  desk.example/pay\nbefore noon.
X-ALT-DESC;FMTTYPE=text/html:<a href="https://forms.desk.example/pay">here</a>
URL:https://desk.example/7
ATTACH;FMTTYPE=application/pdf:https://files.desk.example/a.pdf
ATTACH;ENCODING=BASE64;VALUE=BINARY:aGVsbG8=
STATUS:confirmed
BEGIN:VALARM
DESCRIPTION:ring
ATTACH:https://ring.example/x.wav
END:VALARM
END:VEVENT
END:VCALENDAR
`

func TestRead(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r\n", "\r"} {
		c, ok := calendar.Read(strings.ReplaceAll(invitation, "\n", end))
		if !ok || len(c.Events) != 1 {
			t.Fatalf("found %v, %d events", ok, len(c.Events))
		}
		if n := len(c.Events[0].Properties); n != 15 {
			t.Errorf("%d properties, want 15", n)
		}
		c.Events[0].Properties, c.Events[0].Texts = nil, nil
		want := &calendar.Calendar{Product: "-//Desk, Inc//Planner 4//EN", Scale: "GREGORIAN", Method: "REQUEST", Events: []calendar.Event{{
			Kind: "VEVENT", UID: "7@desk.example", Summary: "Payroll; new form", Status: "CONFIRMED",
			Description:     "Please sign in at https://forms. desk.example/pay\nbefore noon.",
			DescriptionHTML: `<a href="https://forms.desk.example/pay">here</a>`,
			Organizer:       calendar.Person{Name: "Falk, Ines: office", Address: "ines@desk.example"},
			Attendees:       []calendar.Person{{Name: "Bob", Address: "bob@inbox.example", Status: "NEEDS-ACTION"}, {Address: "eve@inbox.example"}},
			Start:           time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 3, 8, 30, 0, 0, time.UTC),
			Links: []string{"https://desk.example/7", "https://files.desk.example/a.pdf", "https://ring.example/x.wav"},
		}}}
		if diff := cmp.Diff(want, c); diff != "" {
			t.Errorf("line end %q (-want +got):\n%s", end, diff)
		}
	}
}

func TestBrokenCalendars(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		found      bool
		summaries  string
	}{
		{"nothing", "", false, ""},
		{"another text", "Dear Bob,\nSUMMARY:no\n", false, ""},
		{"no ends", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:a", true, "a"},
		{"event within event", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:a\nBEGIN:VEVENT\nSUMMARY:b\nEND:VEVENT\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:c\nEND:VEVENT\n", true, "a c"},
		{"lines that are nothing", "BEGIN:VCALENDAR\nBEGIN:VEVENT\n:x\nx\n\"a:b\nSUMMARY;CN=\"open:a\nSUMMARY:d\nEND:VEVENT", true, "d"},
		{"two calendars", "BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:a\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:b", true, "a b"},
		{"an end too many", "BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR\nEND:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:outside", true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, ok := calendar.Read(test.text)
			var got []string
			for i := range c.Events {
				got = append(got, c.Events[i].Summary)
			}
			if ok != test.found || strings.Join(got, " ") != test.summaries {
				t.Errorf("found %v %q", ok, got)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	many := "BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VEVENT\n"+strings.Repeat("ATTENDEE:mailto:a@b.example\n", 300)+"END:VEVENT\n", 300)
	c, _ := calendar.Read(many)
	if len(c.Events) != 200 || len(c.Events[0].Attendees) != 200 || !c.Cut {
		t.Errorf("%d events, %d attendees, cut %v", len(c.Events), len(c.Events[0].Attendees), c.Cut)
	}
	long, _ := calendar.Read("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDESCRIPTION:" + strings.Repeat("a\n ", 1<<20))
	if n := len(long.Events[0].Description); n == 0 || n > 64<<10 {
		t.Errorf("%d bytes of description", n)
	}
}

// TestCorpus reads the calendars of the mail corpora: every declared calendar has an entry.
func TestCorpus(t *testing.T) {
	t.Parallel()
	events := 0
	for _, file := range mailtest.Files(t, []string{"mail/train/ham/ml_openbmc"}, ".eml") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range message.Parse(raw, nil).Parts {
			if p.MediaType != "text/calendar" {
				continue
			}
			c, ok := calendar.Read(string(p.Decoded()))
			if !ok || len(c.Events) == 0 || c.Events[0].UID == "" || c.Events[0].Start.IsZero() {
				t.Errorf("%s: found %v, %d events", file, ok, len(c.Events))
			}
			events += len(c.Events)
		}
	}
	t.Logf("%d events", events)
	if events < 20 {
		t.Errorf("%d events in the corpus", events)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(invitation)
	f.Add("BEGIN:VCALENDAR\nBEGIN:VEVENT\nBEGIN:VALARM\nATTENDEE;CN=\"a;b\":c\n\n ;:\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, _ := calendar.Read(text)
		for i := range c.Events {
			if e := &c.Events[i]; len(e.Description) > len(text)*3 || len(e.Properties) > 200 {
				t.Errorf("%d bytes of description, %d properties from %d bytes", len(e.Description), len(e.Properties), len(text))
			}
		}
	})
}
