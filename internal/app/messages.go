package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"outrider/internal/event"
	"outrider/internal/mailauth"
	"outrider/internal/store"
	"outrider/internal/verdict"
)

type messagesCmd struct {
	List messagesListCmd `cmd:"" help:"List messages, newest first."`
	Show messagesShowCmd `cmd:"" help:"Show one message: verdict, reasons, evidence and history."`
}

type messagesListCmd struct {
	Tenant      string `help:"Only this tenant."`
	Disposition string `help:"Only this disposition, such as MALICIOUS."`
	Status      string `help:"Only messages with this status for a recipient, such as quarantined, placed or deferred."`
	From        string `help:"Only authors whose address contains this."`
	To          string `help:"Only this recipient."`
	Since       since  `default:"30d" help:"Only messages received since then: a time span such as 2h or 7d, or a time such as 2026-11-30T08:00:00Z."`

	listing
}

// messageLine is what list prints of one message as JSON.
type messageLine struct {
	ID          string              `json:"id" doc:"Outrider's id of the message"`
	Tenant      string              `json:"tenant" doc:"id of the tenant"`
	Received    time.Time           `json:"received" doc:"time of receipt"`
	From        string              `json:"from" doc:"reverse-path"`
	Author      string              `json:"author" doc:"first address of the From field"`
	AuthorName  string              `json:"author_name" doc:"display name of the author"`
	Subject     string              `json:"subject" doc:"subject, cut to 1000 bytes"`
	FieldID     string              `json:"message_id_field" doc:"Message-ID field"`
	Client      string              `json:"client" doc:"connecting address"`
	Size        int64               `json:"size" doc:"bytes"`
	Disposition verdict.Disposition `json:"disposition" doc:"disposition of the latest evaluation"`
	Score       float64             `json:"score" doc:"0 to 1: probability that the message is unwanted"`
	Classes     map[string]float64  `json:"classes" doc:"probability of each class of unwanted mail"`
	Findings    []verdict.Finding   `json:"findings" doc:"reasons for the verdict, heaviest first"`
	Degraded    []string            `json:"degraded" doc:"stages without result"`
	Undecided   []verdict.Undecided `json:"undecided" doc:"rules that wait for evidence"`
	Status      string              `json:"status" doc:"status of the recipients, each once, separated by commas"`
	Reason      string              `json:"reason,omitempty" doc:"why policy held or rejected the message"`
	Recipients  []store.Delivery    `json:"recipients" doc:"what became of the message for each recipient"`
}

func newMessageLine(m *store.Message) messageLine {
	v := &m.Verdict
	return messageLine{
		ID: m.ID, Tenant: m.Tenant, Received: m.At, From: m.From, Author: m.HeaderFrom, AuthorName: m.FromName, Subject: m.Subject, FieldID: m.FieldID,
		Client: m.Client, Size: m.Size, Disposition: v.Disposition, Score: v.Score, Classes: v.Classes.Map(), Findings: some(v.Findings), Degraded: some(v.Degraded),
		Undecided: some(v.Undecided), Status: statusOf(m), Reason: reasonOf(m), Recipients: some(m.Deliveries),
	}
}

// some makes an empty list of none, which JSON tells apart.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// filter returns what the command line selects.
func (m *messagesListCmd) filter() (store.MessageFilter, error) {
	f := store.MessageFilter{
		Tenant: m.Tenant, Status: strings.ToLower(m.Status), Sender: m.From, Recipient: m.To, Since: m.Since.time(time.Now()), Limit: m.Limit,
	}
	if m.Disposition != "" {
		d, err := verdict.ParseDisposition(m.Disposition)
		if err != nil {
			return f, fmt.Errorf("reading --disposition: %w", err)
		}
		f.Disposition = d.String()
	}
	if f.Status == "" {
		return f, nil
	}
	return f, oneOf("--status", f.Status, statuses())
}

// statuses lists what can become of a message for a recipient.
func statuses() []event.Kind {
	return slices.DeleteFunc(event.Kinds(), func(k event.Kind) bool { return k == event.Received || k == event.Judged || k == event.Rejudged })
}

// oneOf checks a value of a flag.
func oneOf[T ~string](flag, value string, valid []T) error {
	var names []string
	for _, v := range valid {
		names = append(names, string(v))
	}
	if slices.Contains(names, value) {
		return nil
	}
	return fmt.Errorf("reading %s: %q is none of %s", flag, value, strings.Join(names, ", "))
}

// Run lists.
func (m *messagesListCmd) Run(c *cli) (err error) {
	f, err := m.filter()
	if err != nil {
		return err
	}
	db, cfg, err := c.database()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := knownTenant(&cfg, m.Tenant); err != nil {
		return err
	}
	list, err := db.Messages(c.ctx, f)
	if err != nil {
		return err
	}
	if err := m.print(c, list); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return c.cutShort(len(list), "messages", func() (int, error) { return db.CountMessages(c.ctx, f) })
}

func (m *messagesListCmd) print(c *cli, list []store.Message) error {
	if m.Format == "json" {
		for i := range list {
			if err := c.jsonLine(newMessageLine(&list[i])); err != nil {
				return err
			}
		}
		return nil
	}
	t := c.newTable(column{title: "ID"}, column{title: "RECEIVED"}, column{title: "DISPOSITION"}, column{title: "SCORE", right: true}, column{title: "STATUS", min: 11},
		column{title: "FROM", min: 24}, column{title: "TO", min: 24}, column{title: "SUBJECT", min: 16}, column{title: "HELD"}, column{title: "REASON", min: 40})
	for i := range list {
		x := &list[i]
		if err := t.add(cell{text: x.ID}, cell{text: when(x.At)}, cell{x.Verdict.Disposition.String(), styleOf(x.Verdict.Disposition)}, cell{text: fmt.Sprintf("%.2f", x.Verdict.Score)},
			cell{statusOf(x), kindStyle(event.Kind(statusOf(x)))}, cell{text: x.HeaderFrom}, cell{text: recipientsOf(x)}, cell{text: x.Subject}, cell{text: heldOf(x)}, cell{text: reasonOf(x)}); err != nil {
			return err
		}
	}
	return t.flush()
}

// distinct lists the values of all recipients, each once.
func distinct(m *store.Message, value func(d *store.Delivery) string) []string {
	var out []string
	for i := range m.Deliveries {
		if v := value(&m.Deliveries[i]); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// statusOf lists what became of a message.
func statusOf(m *store.Message) string {
	return strings.Join(distinct(m, func(d *store.Delivery) string { return d.Status }), ",")
}

// heldOf lists the ids of held copies.
func heldOf(m *store.Message) string {
	return strings.Join(distinct(m, func(d *store.Delivery) string { return d.Held }), " ")
}

// reasonOf says why policy held or rejected a message.
func reasonOf(m *store.Message) string {
	return strings.Join(distinct(m, func(d *store.Delivery) string {
		if d.Reason == nil {
			return ""
		}
		return d.Reason.String()
	}), "; ")
}

// recipientsOf names the recipients.
func recipientsOf(m *store.Message) string {
	return firstOf(distinct(m, func(d *store.Delivery) string { return d.Recipient }))
}

// firstOf names the first and counts the others.
func firstOf(list []string) string {
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	default:
		return fmt.Sprintf("%s +%d", list[0], len(list)-1)
	}
}

type messagesShowCmd struct {
	ID     string `arg:"" help:"Message id, as printed by messages list."`
	Format string `enum:"text,json" default:"text" help:"text, or json: as messages list prints it."`
}

// Run shows one message.
func (m *messagesShowCmd) Run(c *cli) error { return c.showMessage(m.ID, m.Format) }

func (c *cli) showMessage(id, format string) (err error) {
	db, _, err := c.database()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m, err := db.Message(c.ctx, id)
	if errors.Is(err, store.ErrUnknown) {
		return fmt.Errorf("%w\n  \"%s messages list\" prints the ids of messages, \"quarantine list\" those of held copies", err, c.program())
	}
	if err != nil {
		return err
	}
	if format == "json" {
		return c.jsonLine(newMessageLine(&m))
	}
	c.printf("message   %s\n", m.ID)
	c.printf("tenant    %s\n", m.Tenant)
	c.printf("received  %s from %s, %d bytes\n", m.At.Local().Format(time.RFC1123), m.Client, m.Size)
	c.printf("envelope  <%s>\n", clip(m.From, 200))
	c.printf("from      %s <%s>\n", clip(m.FromName, 100), clip(m.HeaderFrom, 200))
	c.printf("subject   %s\n", clip(m.Subject, 200))
	var auth mailauth.Results
	if json.Unmarshal(m.Auth, &auth) == nil && auth.Source != "" {
		c.printf("auth      %s\n", auth.Header(string(auth.Source)))
	}
	c.showVerdict(&m.Verdict)
	c.showRecipients(&m)
	return c.showHistory(db, id)
}

func (c *cli) showVerdict(v *verdict.Verdict) {
	c.printf("verdict   %s, score %.2f\n", c.screen.paint(styleOf(v.Disposition), v.Disposition.String()), v.Score)
	for _, f := range v.Findings {
		c.printf("  %+5.1f %-8s %-28s %s\n", f.Weight, f.Class, clip(f.ID, 100), clip(f.Explanation(), 160))
		if f.Value != "" {
			place := strings.TrimSpace(fmt.Sprint(f.Portion, " ", clip(f.Field, 100)))
			c.printf("%17s in %s: %s\n", "", place, clip(f.Value, 160))
		}
	}
	if len(v.Degraded) > 0 {
		c.printf("degraded  %s\n", clip(strings.Join(v.Degraded, ", "), 300))
	}
	for _, u := range v.Undecided {
		c.printf("undecided %s: missing %s\n", clip(u.ID, 100), strings.Join(u.Waits, ", "))
	}
}

// maxShownRecipients bounds the recipients that are shown one by one; JSON has all.
const maxShownRecipients = 50

func (c *cli) showRecipients(m *store.Message) {
	c.printf("recipients\n")
	for i := range m.Deliveries[:min(len(m.Deliveries), maxShownRecipients)] {
		d := &m.Deliveries[i]
		c.printf("  %-12s %s\n", d.Status, clip(d.Recipient, 320))
		if d.Held != "" {
			c.printf("%14s held as %s\n", "", d.Held)
		}
		if d.Reason != nil {
			c.printf("%14s because of %s\n", "", clip(d.Reason.String(), 400))
		}
	}
	if n := len(m.Deliveries) - maxShownRecipients; n > 0 {
		c.printf("  and %s more\n", grouped(n))
	}
}

func (c *cli) showHistory(db *store.DB, id string) error {
	events, err := db.EventsOf(c.ctx, id)
	if err != nil {
		return err
	}
	c.printf("history\n")
	for i := range events {
		e := &events[i]
		c.printf("  #%-6d %s  %-12s %s  %s\n", e.Seq, e.At.Local().Format("2006-01-02 15:04:05.000"), e.Kind,
			clip(firstOf(e.Recipients), 80), clip(summaryOf(e), 400))
	}
	return nil
}
