package mdm

import (
	"time"

	"outrider/internal/budget"
	"outrider/internal/calendar"
	"outrider/internal/evidence/reading"
	"outrider/internal/message/report"
)

// Calendar is an invitation or another calendar object.
type Calendar struct {
	Part    string  `json:"part"`    // position in the message
	Method  *string `json:"method"`  // "REQUEST", "CANCEL" and so on
	Product *string `json:"product"` // program that made it
	Events  []Event `json:"events"`
}

// Event is one calendar entry.
type Event struct {
	Kind        string     `json:"kind"` // "VEVENT", "VTODO" and the like
	Summary     *string    `json:"summary"`
	Location    *string    `json:"location"`
	Description *string    `json:"description"`
	Organizer   *Mailbox   `json:"organizer"`
	Attendees   []Mailbox  `json:"attendees"` // at most maxMailboxes
	Start       *time.Time `json:"start"`
	End         *time.Time `json:"end"`
	Links       []Link     `json:"links"` // of all its properties
}

// Report is a status report of a mail system: an unproved claim of its sender.
type Report struct {
	Kind         string            `json:"kind"` // "delivery-status", "disposition-notification" or "feedback-report"
	ReportingMTA *string           `json:"reporting_mta"`
	Recipients   []ReportRecipient `json:"recipients"`
	Disposition  *string           `json:"disposition"`   // "displayed", "deleted" and so on
	FeedbackType *string           `json:"feedback_type"` // "abuse", "fraud" and so on
	Returned     bool              `json:"returned"`      // the report includes the original message or its header section
}

// ReportRecipient is the delivery status of one recipient.
type ReportRecipient struct {
	Address    string  `json:"address"`
	Action     *string `json:"action"`
	Status     *string `json:"status"` // enhanced code
	Diagnostic *string `json:"diagnostic"`
}

// newCalendars describes the calendars in order of the parts.
func newCalendars(in *Input) []Calendar {
	out := []Calendar{}
	for _, p := range in.Message.Parts {
		c := in.Reading.Calendars[p]
		if c == nil {
			continue
		}
		model := Calendar{Part: p.Path, Method: text(c.Method), Product: text(c.Product), Events: []Event{}}
		for i := range c.Events {
			model.Events = append(model.Events, newEvent(&c.Events[i], in.Budget))
		}
		out = append(out, model)
	}
	return out
}

func newEvent(e *calendar.Event, b *budget.Budget) Event {
	out := Event{
		Kind: e.Kind, Summary: text(e.Summary), Location: text(e.Location), Description: text(e.Description),
		Organizer: invited(e.Organizer), Attendees: []Mailbox{}, Start: utc(e.Start), End: utc(e.End),
	}
	for _, a := range e.Attendees {
		if m := invited(a); m != nil && len(out.Attendees) < maxMailboxes {
			out.Attendees = append(out.Attendees, *m)
		}
	}
	out.Links = newLinks(reading.EventLinks(e, b))
	return out
}

func invited(p calendar.Person) *Mailbox {
	if p.Name == "" && p.Address == "" {
		return nil
	}
	return &Mailbox{DisplayName: text(p.Name), Email: NewEmail(p.Address)}
}

// newReport describes the first report of a message, or returns nil.
func newReport(in *Input) *Report {
	r, ok := report.Read(in.Message)
	if !ok {
		return nil
	}
	if r.Cut {
		in.Budget.Omit(budget.ReportRecipients)
	}
	out := &Report{Kind: string(r.Kind), ReportingMTA: text(r.ReportingMTA), Recipients: []ReportRecipient{}, Returned: r.Returned != nil}
	for i := range r.Recipients {
		rcpt := &r.Recipients[i]
		address := rcpt.Final
		if address == "" {
			address = rcpt.Original
		}
		out.Recipients = append(out.Recipients, ReportRecipient{address, text(rcpt.Action), text(rcpt.Status), text(rcpt.Diagnostic)})
	}
	if r.Disposition != nil {
		out.Disposition = text(r.Disposition.Type)
	}
	if r.Feedback != nil {
		out.FeedbackType = text(r.Feedback.Type)
	}
	return out
}
