package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"outrider/internal/event"
	"outrider/internal/store"
)

type eventsCmd struct {
	Follow  bool   `short:"f" help:"Print new events as they are recorded, until interrupted."`
	Since   since  `help:"Only events since then: a time span such as 2h or 7d, or a time such as 2026-11-30T08:00:00Z."`
	Type    string `help:"Only events of this kind, such as quarantined or released."`
	Message string `help:"Only events of the message with this id."`
	Tenant  string `help:"Only this tenant."`

	listing
}

// Bounds of following.
const (
	followEvery = 500 * time.Millisecond
	followBatch = 1000
)

// filter returns what the command line selects.
func (e *eventsCmd) filter() (store.EventFilter, error) {
	f := store.EventFilter{Tenant: e.Tenant, MessageID: e.Message, Kind: event.Kind(strings.ToLower(e.Type)), Since: e.Since.time(time.Now()), Limit: e.Limit}
	if f.Kind == "" {
		return f, nil
	}
	return f, oneOf("--type", string(f.Kind), event.Kinds())
}

// Run lists events, the newest last, and follows them where asked to.
func (e *eventsCmd) Run(c *cli) (err error) {
	f, err := e.filter()
	if err != nil {
		return err
	}
	db, cfg, err := c.database()
	if err != nil {
		return err
	}
	source := &liveDatabase{c: c, path: databasePath(&cfg), db: db}
	defer func() { err = errors.Join(err, source.db.Close()) }()
	if source.file, err = os.Stat(source.path); err != nil {
		return fmt.Errorf("following the database: %w", err)
	}
	if err := knownTenant(&cfg, e.Tenant); err != nil {
		return err
	}
	// What is recorded between this and the list is printed once: the list ends at these numbers.
	last, err := db.LastEvents(c.ctx)
	if err != nil {
		return err
	}
	t := c.newStream(column{title: "TIME", width: 23}, column{title: "EVENT", width: 10}, column{title: "KIND", width: 11}, column{title: "MESSAGE", width: 26},
		column{title: "RECIPIENTS", width: 24, min: 16}, column{title: "DETAIL", width: 40, min: 24})
	if err := e.list(c, t, db, f, last); err != nil || !e.Follow {
		return err
	}
	return e.follow(c, t, source, f, last)
}

// list prints the newest events, up to the numbers in last where more are followed.
func (e *eventsCmd) list(c *cli, t *table, db *store.DB, f store.EventFilter, last map[string]int64) error {
	list, err := db.LatestEvents(c.ctx, f)
	if err != nil {
		return err
	}
	for i := range list {
		if ev := &list[i]; !e.Follow || ev.Seq <= last[ev.Tenant] {
			if err := e.print(c, t, ev); err != nil {
				return err
			}
		}
	}
	if len(list) == 0 && !e.Follow {
		c.note("no events")
	}
	if len(list) < f.Limit {
		return nil
	}
	return c.cutShort(len(list), "events", func() (int, error) { return db.CountEvents(c.ctx, f) })
}

// follow prints events after the numbers in last until the command is interrupted.
func (e *eventsCmd) follow(c *cli, t *table, source *liveDatabase, f store.EventFilter, last map[string]int64) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		err := source.refresh()
		if err == nil {
			err = e.catchUp(c, t, source.db, f, last)
		}
		if c.ctx.Err() != nil {
			return nil // interrupted: that is how following ends
		}
		if err != nil {
			return err
		}
		select {
		case <-c.ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// liveDatabase is the database of a gateway that may rebuild it, which puts another file in its
// place.
type liveDatabase struct {
	c    *cli
	path string
	db   *store.DB
	file os.FileInfo // that db has open
}

// refresh opens the database again if another file has taken its place. While there is no file,
// the old one is kept.
func (l *liveDatabase) refresh() error {
	file, err := os.Stat(l.path)
	if err != nil || os.SameFile(file, l.file) {
		return nil //nolint:nilerr // the gateway is replacing it
	}
	db, _, err := l.c.database()
	if err != nil {
		return err
	}
	err = l.db.Close()
	l.db, l.file = db, file
	return err
}

// catchUp prints what was recorded since, tenant by tenant.
func (e *eventsCmd) catchUp(c *cli, t *table, db *store.DB, f store.EventFilter, last map[string]int64) error {
	now, err := db.LastEvents(c.ctx)
	if err != nil {
		return err
	}
	for tenant, newest := range now {
		if f.Tenant != "" && f.Tenant != tenant {
			continue
		}
		if newest < last[tenant] {
			last[tenant] = 0 // another database took its place
		}
		for last[tenant] < newest {
			n, err := e.batch(c, t, db, f, tenant, last)
			if err != nil {
				return err
			}
			if n == 0 {
				last[tenant] = newest // they were removed by age meanwhile
			}
		}
	}
	return nil
}

// batch prints the next events of a tenant and returns how many it read.
func (e *eventsCmd) batch(c *cli, t *table, db *store.DB, f store.EventFilter, tenant string, last map[string]int64) (int, error) {
	list, err := db.Events(c.ctx, tenant, last[tenant], followBatch)
	for i := range list {
		if f.Match(&list[i]) {
			if err := e.print(c, t, &list[i]); err != nil {
				return 0, err
			}
		}
		last[tenant] = list[i].Seq
	}
	return len(list), err
}

// print prints one event.
func (e *eventsCmd) print(c *cli, t *table, ev *event.Event) error {
	if e.Format == "json" {
		return c.jsonLine(ev)
	}
	return t.add(cell{text: ev.At.Local().Format("2006-01-02 15:04:05.000")}, cell{text: ev.Tenant + "#" + strconv.FormatInt(ev.Seq, 10)}, cell{text: string(ev.Kind), style: kindStyle(ev.Kind)},
		cell{text: ev.MessageID}, cell{text: firstOf(ev.Recipients)}, cell{text: summaryOf(ev)})
}

func kindStyle(k event.Kind) style {
	switch k {
	case event.Rejected, event.Bounced, event.Interrupted:
		return red
	case event.Quarantined, event.Deferred, event.Refused:
		return yellow
	case event.Placed, event.Released:
		return green
	case event.Received, event.Judged, event.Rejudged, event.Deleted, event.Expired:
	}
	return plain
}

// summaryOf sums up the detail of an event in one line. A detail that cannot be read is left out.
func summaryOf(e *event.Event) string {
	switch e.Kind {
	case event.Received:
		var d event.ReceivedDetail
		_ = json.Unmarshal(e.Detail, &d)
		return fmt.Sprintf("from %s, client %s, %d bytes: %s", d.HeaderFrom, d.Client, d.Size, d.Subject)
	case event.Judged:
		return judgedSummary(e)
	case event.Rejudged:
		var d event.RejudgedDetail
		_ = json.Unmarshal(e.Detail, &d)
		return fmt.Sprintf("%s, was %s, re-evaluation %d (%s)", d.Verdict.Disposition, d.Before, d.Attempt, strings.Join(d.Why, "; "))
	case event.Quarantined, event.Released, event.Deleted, event.Expired:
		return heldSummary(e)
	case event.Placed, event.Deferred, event.Rejected, event.Refused, event.Bounced, event.Interrupted:
		return deliverySummary(e)
	}
	return ""
}

// judgedSummary names the verdict, and what was decided and could not be done to the message.
func judgedSummary(e *event.Event) string {
	var d event.JudgedDetail
	var decisions []struct {
		Skipped []string `json:"skipped"`
	}
	_ = json.Unmarshal(e.Detail, &d)
	_ = json.Unmarshal(d.Decisions, &decisions) // without decisions nothing was skipped
	text := fmt.Sprintf("%s, score %.2f", d.Verdict.Disposition, d.Verdict.Score)
	var skipped []string
	for _, x := range decisions {
		skipped = append(skipped, x.Skipped...)
	}
	slices.Sort(skipped)
	if skipped = slices.Compact(skipped); len(skipped) > 0 {
		text += ", skipped " + strings.Join(skipped, "; ")
	}
	return text
}

func heldSummary(e *event.Event) string {
	var d event.HeldDetail
	_ = json.Unmarshal(e.Detail, &d)
	text := "held as " + d.Held
	if d.By != "" {
		text = "by " + d.By + ", " + text
	}
	if d.Reason != nil {
		text += ": " + d.Reason.String()
	}
	return text
}

func deliverySummary(e *event.Event) string {
	var d event.DeliveryDetail
	_ = json.Unmarshal(e.Detail, &d)
	text := strings.TrimSpace(d.Host + " " + d.Reply)
	if d.Reason != nil {
		text += ": " + d.Reason.String()
	}
	if !d.Next.IsZero() {
		text += "; next attempt " + when(d.Next)
	}
	return text
}
