package calendar_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/calendar"
)

func event(properties string) string {
	return "BEGIN:VCALENDAR\r\nX-WR-CALNAME:Calls\r\nBEGIN:VEVENT\r\n" + strings.ReplaceAll(properties, "\n", "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   string
		want []calendar.Text
	}{
		"plain ones": {"SUMMARY:One\\, two\nCOMMENT:three\nCONTACT:four", []calendar.Text{
			{Property: "SUMMARY", Value: "One, two"}, {Property: "COMMENT", Value: "three"}, {Property: "CONTACT", Value: "four"},
		}},
		"pages": {"DESCRIPTION:x\nX-ALT-DESC;FMTTYPE=text/html:<b>a</b>\nSTYLED-DESCRIPTION;VALUE=TEXT;FMTTYPE=\"text/html\":<b>b\\n</b>", []calendar.Text{
			{Property: "DESCRIPTION", Value: "x"}, {Property: "X-ALT-DESC", Value: "<b>a</b>", HTML: true}, {Property: "STYLED-DESCRIPTION", Value: "<b>b\n</b>", HTML: true},
		}},
		"a page without its type":     {"X-ALT-DESC:<b>a</b>", []calendar.Text{{Property: "X-ALT-DESC", Value: "<b>a</b>", HTML: true}}},
		"a styled text that is plain": {"STYLED-DESCRIPTION;FMTTYPE=text/plain:a<b", []calendar.Text{{Property: "STYLED-DESCRIPTION", Value: "a<b"}}},
		"two descriptions":            {"DESCRIPTION:a\nDESCRIPTION:b", []calendar.Text{{Property: "DESCRIPTION", Value: "a"}, {Property: "DESCRIPTION", Value: "b"}}},
		"an alternative page": {`DESCRIPTION;ALTREP="data:text/html,%3Cb%3Ea%3C/b%3E":x`, []calendar.Text{
			{Property: "DESCRIPTION", Value: "x"}, {Property: "DESCRIPTION", Value: "<b>a</b>", HTML: true},
		}},
		"an alarm": {"BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:ring us\nEND:VALARM", []calendar.Text{{Property: "DESCRIPTION", Value: "ring us"}}},
		"names":    {"ORGANIZER;CN=\"Desk: call\":mailto:a@b.test\nATTENDEE;CN=Bob:mailto:c@d.test\nATTENDEE:mailto:e@f.test", []calendar.Text{{Property: "ORGANIZER", Value: "Desk: call"}, {Property: "ATTENDEE", Value: "Bob"}}},
		"vCalendar": {"DESCRIPTION;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Gr=C3=BC=\n=C3=9Fe=0D=0Aan alle\nSUMMARY;QUOTED-PRINTABLE;CHARSET=ISO-8859-1:f=FCr", []calendar.Text{
			{Property: "DESCRIPTION", Value: "Grüße\r\nan alle"}, {Property: "SUMMARY", Value: "für"},
		}},
		"a flood before the text": {strings.Repeat("X-A:b\n", 300) + "DESCRIPTION:last", []calendar.Text{{Property: "DESCRIPTION", Value: "last"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, ok := calendar.Read(event(tc.in))
			want := append([]calendar.Text{{Property: "X-WR-CALNAME", Value: "Calls"}}, tc.want...)
			if diff := cmp.Diff(want, c.AllTexts()); !ok || diff != "" {
				t.Errorf("found %v (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func TestLinksOfTexts(t *testing.T) {
	t.Parallel()
	c, _ := calendar.Read(event("DESCRIPTION;ALTREP=\"https://alt.test/\":x\nSTYLED-DESCRIPTION;VALUE=URI:https://styled.test/\nCONFERENCE;LABEL=Join:https://meet.test/"))
	if got := strings.Join(c.Events[0].Links, " "); got != "https://alt.test/ https://styled.test/ https://meet.test/" {
		t.Errorf("got %q", got)
	}
}

func TestReadCards(t *testing.T) {
	t.Parallel()
	cards, cut := calendar.ReadCards("BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lee;Kim;;;\r\nFN:Kim Lee\r\nORG:Desk;Sales\r\nitem1.URL:https://card.test/a\r\n" +
		"TEL;VALUE=uri:tel:+1-808-555-0143\r\nNOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:ring =\r\nnow\r\nPHOTO;ENCODING=b:aGVsbG8=\r\nEND:VCARD\r\n" +
		"BEGIN:VCARD\r\nFN:Ann\r\nEND:VCARD\r\n")
	want := []calendar.Card{
		{Name: "Kim Lee", Links: []string{"https://card.test/a"}, Texts: []calendar.Text{
			{Property: "N", Value: "Lee Kim"}, {Property: "FN", Value: "Kim Lee"}, {Property: "ORG", Value: "Desk Sales"},
			{Property: "TEL", Value: "+1-808-555-0143"}, {Property: "NOTE", Value: "ring now"},
		}},
		{Name: "Ann", Texts: []calendar.Text{{Property: "FN", Value: "Ann"}}},
	}
	if diff := cmp.Diff(want, cards); diff != "" || cut {
		t.Errorf("cut %v (-want +got):\n%s", cut, diff)
	}
	if _, cut = calendar.ReadCards(strings.Repeat("BEGIN:VCARD\r\nFN:a\r\nEND:VCARD\r\n", 51)); !cut {
		t.Error("51 cards are not cut")
	}
}

func FuzzTexts(f *testing.F) {
	f.Add(event("DESCRIPTION;QUOTED-PRINTABLE:=41=\n=42\nORGANIZER;CN=x:y"))
	f.Add("BEGIN:VCARD\nFN;CHARSET=big5:\xa4\xa4\na.URL;X:1")
	f.Fuzz(func(t *testing.T, text string) {
		c, _ := calendar.Read(text)
		size := 0
		for _, x := range c.AllTexts() {
			size += len(x.Value)
		}
		cards, _ := calendar.ReadCards(text)
		for i := range cards {
			for _, x := range cards[i].Texts {
				size += len(x.Value)
			}
		}
		if size > 12*len(text)+100 {
			t.Errorf("%d bytes of text out of %d", size, len(text))
		}
	})
}
