package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"outrider/internal/quarantine"
	"outrider/internal/store/blob"
)

type quarantineCmd struct {
	List    quarantineListCmd    `cmd:"" help:"List quarantined messages, newest first."`
	Show    quarantineShowCmd    `cmd:"" help:"Show one quarantined message and the reason."`
	Release quarantineReleaseCmd `cmd:"" help:"Release quarantined messages to their recipients, unmodified."`
	Delete  quarantineDeleteCmd  `cmd:"" help:"Delete quarantined messages permanently."`
}

// box opens the quarantine of the configured data directory.
func (c *console) box() (*quarantine.Box, func() error, error) {
	db, cfg, err := c.database()
	if err != nil {
		return nil, nil, err
	}
	blobs, err := blob.NewDisk(blobPath(&cfg))
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return quarantine.NewBox(db, blobs), db.Close, nil
}

type quarantineListCmd struct {
	Tenant string `help:"Only this tenant."`
	All    bool   `help:"Include released, deleted and expired messages."`
	Limit  int    `default:"50" help:"Maximum number of rows."`
	JSON   bool   `help:"Print one JSON object per line."`
}

// Run lists.
func (q *quarantineListCmd) Run(c *console) (err error) {
	box, closeBox, err := c.box()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeBox()) }()
	f := quarantine.Filter{Tenant: q.Tenant, State: quarantine.Held, Limit: q.Limit}
	if q.All {
		f.State = ""
	}
	items, err := box.List(c.ctx, f)
	if err != nil {
		return err
	}
	if q.JSON {
		return c.jsonLines(items)
	}
	c.printf("%-26s  %-13s  %-16s  %-13s  %-30s  %s\n", "ID", "STATE", "RECEIVED", "DISPOSITION", "FROM", "SUBJECT")
	for i := range items {
		it := &items[i]
		c.printf("%-26s  %-13s  %-16s  %-13s  %-30s  %s\n", it.ID, stateOf(it), it.At.Local().Format("2006-01-02 15:04"),
			it.Disposition, clip(it.HeaderFrom, 30), clip(it.Subject, 60))
	}
	return nil
}

// stateOf returns the state of a message as lists show it.
func stateOf(i *quarantine.Item) string {
	if i.BodyMissing {
		return "body-missing"
	}
	return string(i.State)
}

// jsonLines prints one value per line.
func (c *console) jsonLines(items []quarantine.Item) error {
	enc := json.NewEncoder(c.out)
	for i := range items {
		if err := enc.Encode(&items[i]); err != nil {
			return fmt.Errorf("writing results: %w", err)
		}
	}
	return nil
}

type quarantineShowCmd struct {
	ID  string `arg:"" help:"Quarantine id."`
	Raw bool   `help:"Print the original message. It may be malicious: do not open it."`
}

// Run shows one message, with the verdict as the database has it.
func (q *quarantineShowCmd) Run(c *console) (err error) {
	box, closeBox, err := c.box()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeBox()) }()
	if q.Raw {
		body, err := box.Body(c.ctx, q.ID)
		if err != nil {
			return err
		}
		_, err = io.Copy(c.out, body)
		return errors.Join(err, body.Close())
	}
	item, err := box.Show(c.ctx, q.ID)
	if err != nil {
		return err
	}
	c.printf("held      %s  %s\n", item.ID, stateOf(&item))
	c.printf("expires   %s\n", item.Expires.Local().Format(time.RFC1123))
	if item.Override != "" {
		c.printf("override  %s\n", item.Override)
	}
	return c.showMessage(item.MessageID)
}

type quarantineReleaseCmd struct {
	IDs []string `arg:"" help:"Quarantine ids."`
}

// Run asks for the release and waits until the gateway has carried it out.
func (q *quarantineReleaseCmd) Run(c *console) error {
	return c.ask(q.IDs, quarantine.ReleaseAsked, (*quarantine.Box).Release)
}

type quarantineDeleteCmd struct {
	IDs []string `arg:"" help:"Quarantine ids."`
}

// Run asks for the removal and waits until the gateway has carried it out.
func (q *quarantineDeleteCmd) Run(c *console) error {
	return c.ask(q.IDs, quarantine.DeleteAsked, (*quarantine.Box).Delete)
}

var errNoBody = errors.New("its body is missing: it can only be deleted")

// askPatience is how long a request is watched. It stays in the database beyond.
const askPatience = 10 * time.Second

func (c *console) ask(ids []string, state quarantine.State, do func(*quarantine.Box, context.Context, string, string) error) (err error) {
	box, closeBox, err := c.box()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeBox()) }()
	var errs []error
	for _, id := range ids {
		if err := do(box, c.ctx, id, operator()); err != nil {
			errs = append(errs, err)
			continue
		}
		item, err := c.await(box, id, state)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if item.State == state {
			c.printf("%s  %s, pending: the running gateway will carry it out (see its log on failure)\n", id, item.State)
			continue
		}
		if item.State == quarantine.Held {
			errs = append(errs, fmt.Errorf("releasing %s: %w", id, errNoBody))
			continue
		}
		c.printf("%s  %s\n", id, item.State)
	}
	return errors.Join(errs...)
}

// await looks at the message until it has left the state, or patience ends.
func (c *console) await(box *quarantine.Box, id string, state quarantine.State) (quarantine.Item, error) {
	ctx, cancel := context.WithTimeout(c.ctx, askPatience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		item, err := box.Show(c.ctx, id)
		if err != nil || item.State != state {
			return item, err
		}
		select {
		case <-ctx.Done():
			return item, nil
		case <-tick.C:
		}
	}
}

// operator names who asked, for the record.
func operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}
