package attachment

import (
	"strings"

	"outrider/internal/calendar"
)

// openCalendar reads the texts and links of a calendar in another file.
func openCalendar(i *inspector, n *node) {
	c, ok := calendar.Read(string(n.data))
	if !ok {
		return
	}
	var text strings.Builder
	d := newDocument("", "", c.Product, "")
	for k := range c.Events {
		e := &c.Events[k]
		for _, s := range []string{e.Summary, e.Location, e.Organizer.Name, e.Organizer.Address, e.Description, e.DescriptionHTML} {
			if s != "" && text.Len() <= maxDocumentText {
				text.WriteString(s + "\n")
			}
		}
		d.links(e.Links...)
	}
	d.text(strings.TrimSpace(text.String()))
	d.links(find(d.Text)...)
	if c.Cut {
		d.note(noteCut)
	}
	i.file(n.id).Document = d
}
