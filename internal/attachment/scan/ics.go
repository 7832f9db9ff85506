package scan

import (
	"encoding/base64"
	"strconv"
	"strings"

	"outrider/internal/calendar"
)

// Finder returns the distinct addresses in a text, as written.
type Finder func(text string) []string

// ReadICS parses a calendar into the two forms that rules use, and returns its attached
// files. The forms are nil if the text is no calendar.
func ReadICS(text string, find Finder, b *Budget) (*ICSFile, *ICS, []Child) {
	c, ok := calendar.Read(text)
	if !ok {
		return nil, nil, nil
	}
	file := ICSCalendar{Method: b.value(c.Method), ProdID: b.value(c.Product), CalScale: b.value(c.Scale), Components: []ICSComponent{}}
	events := &ICS{ProductID: b.value(c.Product), Scale: b.value(c.Scale), Events: []ICSEvent{}}
	var children []Child
	for i := range c.Events {
		e := &c.Events[i]
		if !b.room(len(file.Components), 24) {
			break
		}
		component, files := componentOf(e, len(children), b)
		file.Components = append(file.Components, component)
		children = append(children, files...)
		if e.Kind != "VTIMEZONE" && e.Kind != "VALARM" {
			events.Events = append(events.Events, eventOf(e, find, b))
		}
	}
	return &ICSFile{Calendars: []ICSCalendar{file}}, events, children
}

// componentOf returns an entry in the scanner's form, and its files; number is the number
// of files before.
func componentOf(e *calendar.Event, number int, b *Budget) (ICSComponent, []Child) {
	c := ICSComponent{
		Type: b.Text(e.Kind, 100), UID: b.value(e.UID), Summary: b.value(e.Summary), Description: b.value(e.Description), Location: b.value(e.Location),
		Status: b.value(e.Status), Organizers: []ICSPerson{}, Attendees: []ICSPerson{}, Attachments: []ICSAttachment{}, URLs: []string{},
	}
	if e.Organizer != (calendar.Person{}) && b.room(0, 4) {
		c.Organizers = append(c.Organizers, person(&e.Organizer, b))
	}
	for k := range e.Attendees {
		if !b.room(len(c.Attendees), 4) {
			break
		}
		c.Attendees = append(c.Attendees, person(&e.Attendees[k], b))
	}
	var children []Child
	for k := range e.Properties {
		p := &e.Properties[k]
		switch p.Key {
		case "DTSTART":
			c.DTStart = b.value(p.Value)
		case "DTEND":
			c.DTEnd = b.value(p.Value)
		case "URL":
			b.keep(&c.URLs, p.Value, maxWord, maxItems)
		case "ATTACH":
			a, child := attached(p, number+len(children), b)
			if b.room(len(c.Attachments), 2) {
				c.Attachments = append(c.Attachments, a)
			}
			if b.more(number + len(children)) {
				children = append(children, child...)
			}
		}
	}
	return c, children
}

func person(p *calendar.Person, b *Budget) ICSPerson {
	return ICSPerson{Mailbox: ICSMailbox{DisplayName: b.value(p.Name), Email: b.Text(p.Address, maxWord)}, PartStat: b.value(p.Status)}
}

// attached reads a property ATTACH. RFC 5545, Section 3.8.1.1: an address, or base64.
func attached(p *calendar.Property, number int, b *Budget) (ICSAttachment, []Child) {
	kind, data := "uri", ""
	switch head, tail, ok := strings.Cut(p.Value, ";base64,"); {
	case strings.EqualFold(p.Param("ENCODING"), "BASE64"):
		kind, data = "binary", p.Value
	case ok && strings.EqualFold(head[:min(5, len(head))], "data:"):
		kind, data = "data_uri", tail
	}
	if kind == "uri" {
		return ICSAttachment{Type: kind, URI: b.value(p.Value)}, nil
	}
	decoded, _ := base64.StdEncoding.DecodeString(data)
	if len(decoded) == 0 {
		return ICSAttachment{Type: kind}, nil
	}
	name := p.Param("FILENAME")
	if name == "" {
		name = p.Param("X-FILENAME")
	}
	if name == "" {
		name = "attachment_" + strconv.Itoa(number)
	}
	return ICSAttachment{Type: kind}, []Child{{Name: name, Source: "ScanIcs", External: scriptKind(p.Param("FMTTYPE")), Data: decoded}}
}

// eventOf returns an entry in the form of beta.file.parse_ics.
func eventOf(e *calendar.Event, find Finder, b *Budget) ICSEvent {
	out := ICSEvent{
		Description: b.value(e.Description), DescriptionHTML: b.value(e.DescriptionHTML), RawProperties: []ICSProperty{},
	}
	links := set{}
	for _, u := range find(e.Description + "\n" + e.DescriptionHTML + "\n" + e.Location) {
		links.add(b, u, maxWord, maxItems)
	}
	for _, u := range e.Links {
		links.add(b, u, maxWord, maxItems)
	}
	out.Links = links.strings()
	for k := range e.Properties {
		p := &e.Properties[k]
		if !b.room(len(out.RawProperties), 2) {
			break
		}
		out.RawProperties = append(out.RawProperties, ICSProperty{Key: b.Text(p.Key, maxWord), Value: b.Text(p.Value, 4*maxWord)})
	}
	return out
}
