package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"outrider/internal/config"
	"outrider/internal/event"
	"outrider/internal/mailauth"
	"outrider/internal/store"
	"outrider/internal/verdict"
)

type messagesCmd struct {
	List messagesListCmd `cmd:"" help:"List messages, newest first."`
	Show messagesShowCmd `cmd:"" help:"Show one message: verdict, evidence and history."`
}

type messagesListCmd struct {
	Tenant      string          `help:"Only this tenant."`
	Disposition string          `help:"Only this disposition, such as MALICIOUS."`
	From        string          `help:"Only authors whose address contains this."`
	To          string          `help:"Only this recipient."`
	Since       config.Duration `default:"30d" help:"Maximum age, such as 2h or 7d."`
	Limit       int             `default:"50" help:"Maximum number of rows."`
	JSON        bool            `help:"Print one JSON object per line."`
}

// Run lists.
func (m *messagesListCmd) Run(c *cli) (err error) {
	if m.Disposition != "" {
		if _, err := verdict.ParseDisposition(m.Disposition); err != nil {
			return err
		}
	}
	db, _, err := c.database()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	list, err := db.Messages(c.ctx, store.MessageFilter{
		Tenant: m.Tenant, Disposition: strings.ToUpper(m.Disposition), Sender: strings.ToLower(m.From), Recipient: m.To,
		Since: time.Now().Add(-m.Since.D()), Limit: m.Limit,
	})
	if err != nil {
		return err
	}
	if m.JSON {
		enc := json.NewEncoder(c.out)
		for i := range list {
			if err := enc.Encode(&list[i]); err != nil {
				return fmt.Errorf("writing results: %w", err)
			}
		}
		return nil
	}
	c.printf("%-26s  %-16s  %-13s  %5s  %-12s  %-30s  %s\n", "ID", "RECEIVED", "DISPOSITION", "SCORE", "STATUS", "FROM", "SUBJECT")
	for i := range list {
		x := &list[i]
		c.printf("%-26s  %-16s  %-13s  %5.2f  %-12s  %-30s  %s\n", x.ID, x.At.Local().Format("2006-01-02 15:04"), x.Verdict.Disposition,
			x.Verdict.Score, statusOf(x), clip(x.HeaderFrom, 30), clip(x.Subject, 60))
	}
	return nil
}

// statusOf sums up where a message stands for all its recipients.
func statusOf(m *store.Message) string {
	status := ""
	for _, d := range m.Deliveries {
		switch status {
		case "", d.Status:
			status = d.Status
		default:
			return "mixed"
		}
	}
	return status
}

type messagesShowCmd struct {
	ID string `arg:"" help:"Message id, as printed by messages list."`
}

// Run shows one message.
func (m *messagesShowCmd) Run(c *cli) error { return c.showMessage(m.ID) }

func (c *cli) showMessage(id string) (err error) {
	db, _, err := c.database()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m, err := db.Message(c.ctx, id)
	if err != nil {
		return err
	}
	c.printf("message   %s\n", m.ID)
	c.printf("received  %s from %s, %d bytes\n", m.At.Local().Format(time.RFC1123), m.Client, m.Size)
	c.printf("envelope  <%s>\n", clip(m.From, 200))
	c.printf("from      %s <%s>\n", clip(m.FromName, 100), clip(m.HeaderFrom, 200))
	c.printf("subject   %s\n", clip(m.Subject, 200))
	var auth mailauth.Results
	if json.Unmarshal(m.Auth, &auth) == nil && auth.Source != "" {
		c.printf("auth      %s\n", auth.Header(string(auth.Source)))
	}
	c.printf("verdict   %s, score %.2f\n", m.Verdict.Disposition, m.Verdict.Score)
	for _, f := range m.Verdict.Findings {
		c.printf("  %+5.1f %-8s %-28s %s\n", f.Weight, f.Class, f.ID, clip(f.Explanation(), 160))
		if f.Value != "" {
			c.printf("%17s in %s %s: %s\n", "", f.Portion, f.Field, clip(f.Value, 160))
		}
	}
	if len(m.Verdict.Degraded) > 0 {
		c.printf("degraded  %s\n", strings.Join(m.Verdict.Degraded, ", "))
	}
	for _, u := range m.Verdict.Undecided {
		c.printf("undecided %s, for want of %s\n", u.ID, strings.Join(u.Waits, ", "))
	}
	return c.showHistory(db, id)
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
			clip(strings.Join(e.Recipients, ", "), 80), clip(saidBy(e), 160))
	}
	return nil
}

// saidBy sums up the detail of an event.
func saidBy(e *event.Event) string {
	if e.Kind == event.Rejudged {
		var d event.RejudgedDetail
		_ = json.Unmarshal(e.Detail, &d) // an unreadable one is shown without
		return fmt.Sprintf("%s before, %s after look %d (%s)", d.Before, d.Verdict.Disposition, d.Attempt, strings.Join(d.Why, "; "))
	}
	if e.Kind == event.Judged {
		return skippedOf(e)
	}
	var d struct {
		Reply string `json:"reply"`
		Host  string `json:"host"`
		By    string `json:"by"`
	}
	_ = json.Unmarshal(e.Detail, &d) // details of other kinds have none of these
	return strings.TrimSpace(d.Host + " " + d.Reply + " " + d.By)
}

// skippedOf lists what was decided and could not be done to the message, such as a banner.
func skippedOf(e *event.Event) string {
	var d event.JudgedDetail
	var decisions []struct {
		Skipped []string `json:"skipped"`
	}
	if json.Unmarshal(e.Detail, &d) != nil || json.Unmarshal(d.Decisions, &decisions) != nil {
		return "" // an unreadable one is shown without
	}
	var skipped []string
	for _, x := range decisions {
		skipped = append(skipped, x.Skipped...)
	}
	slices.Sort(skipped)
	if skipped = slices.Compact(skipped); len(skipped) == 0 {
		return ""
	}
	return "skipped " + strings.Join(skipped, "; ")
}
