// Package calendar parses invitations and business cards.
//
// An invitation is a text of properties in nested components; mail programs show it as a
// card with buttons, and some add it to the calendar before the user has opened the mail.
// So attackers put content into it that filters would find in the body: links, telephone
// numbers, fake meetings.
//
// Standards: RFC 5545 (iCalendar), RFC 5546 (methods), RFC 6047 (in mail), RFC 7986 and RFC
// 9073 (conferences, styled descriptions), vCalendar 1.0 (quoted-printable values), RFC
// 6350 and vCard 2.1 (cards).
//
// Divergences: bare LF and CR end lines; white space before the first property, a missing
// end of a component, and lines that are no properties are tolerated.
//
// Limits: maxEvents components of maxProperties properties each, plus the same number of
// text properties, maxInput bytes. Recurrences are not expanded, and times are kept as
// written beside their UTC value.
package calendar

import (
	"slices"
	"strings"
	"time"
)

// Bounds of one calendar.
const (
	maxInput      = 4 << 20
	maxEvents     = 200
	maxProperties = 200 // per event
	maxValue      = 64 << 10
	maxParams     = 20
	maxDepth      = 8
)

// Calendar is one calendar object.
type Calendar struct {
	Product string // PRODID
	Scale   string // CALSCALE, or ""
	Method  string // upper case: "REQUEST", "CANCEL" and so on, or ""
	Events  []Event
	Texts   []Text // name and description of the calendar
	Cut     bool   // some content exceeded the limits
	Unread  bool   // the cut content is visible to readers, or is a link
}

// Event is one entry: an event, a task or a note.
type Event struct {
	Kind            string // upper case: "VEVENT", "VTODO", "VJOURNAL" and the like
	UID             string
	Summary         string
	Location        string
	Description     string
	DescriptionHTML string // non-standard HTML description, or ""
	Status          string // upper case, or ""
	Organizer       Person
	Attendees       []Person
	Start, End      time.Time // zero if malformed
	Links           []string  // properties that are URIs: URL, ATTACH, CONFERENCE, SOURCE, IMAGE
	Texts           []Text    // all text that readers see, including alarms and names of people
	Properties      []Property
}

// Person is an organizer or attendee.
type Person struct {
	Name    string // CN
	Address string // without "mailto:"
	Status  string // upper case PARTSTAT, or ""
}

// Property is one property as written, text unescaped.
type Property struct {
	Key    string // upper case
	Value  string
	Params []Param
}

// Param is one parameter of a property.
type Param struct{ Key, Value string }

// Param returns the value of the parameter of that upper-case name, or "".
func (p *Property) Param(key string) string {
	for i := range p.Params {
		if p.Params[i].Key == key {
			return p.Params[i].Value
		}
	}
	return ""
}

// Read parses the calendar in a text, and reports whether there is one.
func Read(text string) (*Calendar, bool) {
	c := &Calendar{}
	r := reader{calendar: c}
	c.Cut = properties(text, r.take)
	r.close()
	c.Unread = c.Cut || r.unread
	c.Cut = c.Cut || r.cut
	return c, r.found
}

// properties passes the properties of a text to take, and reports whether any exceeded the
// limits.
func properties(text string, take func(Property)) (cut bool) {
	l := lines{rest: strings.TrimPrefix(text[:min(len(text), maxInput)], "\ufeff")}
	for line, more := l.next(); more; line, more = l.next() {
		if p, ok := property(line); ok {
			take(p)
		}
	}
	return l.cut || len(text) > maxInput
}

// AllTexts returns all text that readers of the calendar see.
func (c *Calendar) AllTexts() []Text {
	out := slices.Clone(c.Texts)
	for i := range c.Events {
		out = append(out, c.Events[i].Texts...)
	}
	return out
}

// reader adds properties to the open component.
type reader struct {
	calendar *Calendar
	found    bool
	open     []string // names of open components, the calendar first
	event    *Event   // the open event, or nil
	cut      bool     // some content was left out
	unread   bool     // it is visible to readers, or is a link
}

func (r *reader) take(p Property) {
	switch p.Key {
	case "BEGIN":
		r.begin(strings.ToUpper(p.Value))
	case "END":
		r.end(strings.ToUpper(p.Value))
	default:
		r.property(p)
	}
}

func (r *reader) begin(name string) {
	switch {
	case name == "VCALENDAR":
		r.close()
		r.found, r.open = true, append(r.open[:0], name)
		return
	case len(r.open) == 0 || len(r.open) > maxDepth:
		return
	case len(r.open) == 1 && name != "VTIMEZONE":
		r.close()
		r.event = &Event{Kind: name}
	}
	r.open = append(r.open, name)
}

// end closes a component, and unclosed ones inside it.
func (r *reader) end(name string) {
	for i := len(r.open) - 1; i >= 0; i-- {
		if r.open[i] == name {
			r.open = r.open[:i]
			break
		}
	}
	if len(r.open) <= 1 {
		r.close()
	}
}

// close keeps the open event.
func (r *reader) close() {
	if r.event == nil {
		return
	}
	if len(r.calendar.Events) < maxEvents {
		r.calendar.Events = append(r.calendar.Events, *r.event)
	} else {
		r.cut, r.unread = true, true
	}
	r.event = nil
}

func (r *reader) property(p Property) {
	switch {
	case r.event != nil && !r.event.room(&p):
		r.cut = true
		r.unread = r.unread || p.Key != "ATTENDEE" && (isShown(p.Key) || isLink(p.Key)) // names of further attendees add no information
	case r.event != nil:
		r.event.take(p, len(r.open) > 2)
	case len(r.open) != 1:
	case isShown(p.Key):
		if len(r.calendar.Texts) >= maxProperties {
			r.cut, r.unread = true, true
			return
		}
		r.calendar.Texts = appendTexts(r.calendar.Texts, &p)
	case p.Key == "PRODID":
		r.calendar.Product = p.Value
	case p.Key == "CALSCALE":
		r.calendar.Scale = p.Value
	case p.Key == "METHOD":
		r.calendar.Method = strings.ToUpper(p.Value)
	}
}

// room reports whether a property is kept. A flood of other properties cannot displace
// text.
func (e *Event) room(p *Property) bool {
	n := len(e.Properties)
	return n < maxProperties || n < 2*maxProperties && p.Key != "ATTENDEE" && (isShown(p.Key) || isLink(p.Key))
}

// take keeps a property. Properties of components inside, such as alarms, do not describe
// the event itself, but can contain links.
func (e *Event) take(p Property, inside bool) {
	e.Properties = append(e.Properties, p)
	if (isLink(p.Key) || p.Param("VALUE") == "URI") && strings.Contains(p.Value, ":") && p.Param("ENCODING") == "" {
		e.Links = append(e.Links, p.Value)
	}
	if alt := p.Param("ALTREP"); strings.Contains(alt, ":") && !strings.HasPrefix(alt, "data:") {
		e.Links = append(e.Links, alt)
	}
	e.Texts = appendTexts(e.Texts, &p)
	if !inside {
		e.describe(&p)
	}
}

func (e *Event) describe(p *Property) {
	switch p.Key {
	case "UID":
		e.UID = p.Value
	case "SUMMARY":
		e.Summary = p.Value
	case "LOCATION":
		e.Location = p.Value
	case "DESCRIPTION":
		e.Description = p.Value
	case "X-ALT-DESC", "STYLED-DESCRIPTION":
		if strings.EqualFold(p.Param("FMTTYPE"), "text/html") {
			e.DescriptionHTML = p.Value
		}
	case "STATUS":
		e.Status = strings.ToUpper(p.Value)
	case "ORGANIZER":
		e.Organizer = person(p)
	case "ATTENDEE":
		e.Attendees = append(e.Attendees, person(p))
	case "DTSTART":
		e.Start = moment(p)
	case "DTEND", "DUE":
		e.End = moment(p)
	}
}

func person(p *Property) Person {
	address := p.Value
	if len(address) > 7 && strings.EqualFold(address[:7], "mailto:") {
		address = address[7:]
	}
	return Person{Name: p.Param("CN"), Address: address, Status: strings.ToUpper(p.Param("PARTSTAT"))}
}

// moment parses a date with or without time. RFC 5545, Section 3.3.5: in UTC, in the zone
// of TZID, or in none; unknown zones are treated as UTC.
func moment(p *Property) time.Time {
	zone := time.UTC
	if id := p.Param("TZID"); id != "" && len(id) < 64 {
		if z, err := time.LoadLocation(id); err == nil {
			zone = z
		}
	}
	for _, layout := range []string{"20060102T150405Z", "20060102T150405", "20060102"} {
		if t, err := time.ParseInLocation(layout, p.Value, zone); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
