package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"outrider/internal/config"
	"outrider/internal/quarantine"
	"outrider/internal/store/blob"
	"outrider/internal/verdict"
)

type quarantineCmd struct {
	List    quarantineListCmd    `cmd:"" help:"List quarantined messages and why they are held, newest first."`
	Show    quarantineShowCmd    `cmd:"" help:"Show one quarantined message and why it is held."`
	Release quarantineReleaseCmd `cmd:"" help:"Release quarantined messages to their recipients, without tag or banner."`
	Delete  quarantineDeleteCmd  `cmd:"" help:"Delete quarantined messages permanently."`
}

// box opens the quarantine of the configured data directory.
func (c *cli) box() (*quarantine.Box, config.Config, func() error, error) {
	db, cfg, err := c.database()
	if err != nil {
		return nil, cfg, nil, err
	}
	blobs, err := blob.NewDisk(blobPath(&cfg))
	if err != nil {
		return nil, cfg, nil, errors.Join(err, db.Close())
	}
	return quarantine.NewBox(db, blobs), cfg, db.Close, nil
}

type quarantineListCmd struct {
	Tenant string `help:"Only this tenant."`
	State  string `default:"held" help:"Only this state: ${states}."`
	All    bool   `help:"All states."`

	listing
}

// quarantineLine is what list prints of one held message as JSON.
type quarantineLine struct {
	ID          string              `json:"id" doc:"id in the quarantine, for show, release and delete"`
	State       quarantine.State    `json:"state" doc:"what became of it"`
	Tenant      string              `json:"tenant" doc:"id of the tenant"`
	MessageID   string              `json:"message_id" doc:"Outrider's id of the message, for messages show"`
	Received    time.Time           `json:"received" doc:"time of receipt"`
	Expires     time.Time           `json:"expires" doc:"when it is deleted if it is still held"`
	Disposition verdict.Disposition `json:"disposition" doc:"disposition when it was held"`
	Reason      verdict.Reason      `json:"reason" doc:"why it is held"`
	ReasonText  string              `json:"reason_text" doc:"reason as a phrase"`
	From        string              `json:"from" doc:"reverse-path"`
	Author      string              `json:"author" doc:"first address of the From field"`
	Subject     string              `json:"subject" doc:"subject, cut to 1000 bytes"`
	Recipients  []string            `json:"recipients" doc:"recipients of the held copy"`
	Size        int64               `json:"size" doc:"bytes"`
	SHA256      string              `json:"sha256" doc:"hash of the message as received"`
	AskedBy     string              `json:"asked_by,omitempty" doc:"who asked for its release or deletion"`
	BodyMissing bool                `json:"body_missing,omitempty" doc:"its body is lost: it can be deleted, but not released"`
}

// heldState returns the state of a message for lists.
func heldState(i *quarantine.Item) string {
	if i.BodyMissing {
		return "body-missing"
	}
	return string(i.State)
}

func newQuarantineLine(i *quarantine.Item) quarantineLine {
	return quarantineLine{
		ID: i.ID, State: i.State, Tenant: i.Tenant, MessageID: i.MessageID, Received: i.At, Expires: i.Expires, Disposition: i.Disposition, Reason: i.Reason,
		ReasonText: i.Reason.String(), From: i.Envelope.From, Author: i.HeaderFrom, Subject: i.Subject, Recipients: addressesOf(i), Size: i.Size, SHA256: i.Blob, AskedBy: i.AskedBy, BodyMissing: i.BodyMissing,
	}
}

func addressesOf(i *quarantine.Item) []string { return recipientsIn(&i.Envelope) }

// Run lists.
func (q *quarantineListCmd) Run(c *cli) (err error) {
	f := quarantine.Filter{Tenant: q.Tenant, State: quarantine.State(strings.ToLower(q.State)), Limit: q.Limit}
	if q.All {
		f.State = ""
	} else if err := oneOf("--state", string(f.State), quarantine.States()); err != nil {
		return err
	}
	box, cfg, closeBox, err := c.box()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeBox()) }()
	if err := knownTenant(&cfg, q.Tenant); err != nil {
		return err
	}
	items, err := box.List(c.ctx, f)
	if err != nil {
		return err
	}
	if err := q.print(c, items); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return c.cutShort(len(items), "held messages", func() (int, error) { return box.Count(c.ctx, f) })
}

func (q *quarantineListCmd) print(c *cli, items []quarantine.Item) error {
	if q.Format == "json" {
		for i := range items {
			if err := c.jsonLine(newQuarantineLine(&items[i])); err != nil {
				return err
			}
		}
		return nil
	}
	t := c.newTable(column{title: "ID"}, column{title: "STATE"}, column{title: "RECEIVED"}, column{title: "DISPOSITION"},
		column{title: "FROM", min: 24}, column{title: "TO", min: 24}, column{title: "MESSAGE"}, column{title: "SUBJECT", min: 16}, column{title: "REASON", min: 40})
	for i := range items {
		it := &items[i]
		if err := t.add(cell{text: it.ID}, cell{text: heldState(it)}, cell{text: when(it.At)}, cell{it.Disposition.String(), styleOf(it.Disposition)}, cell{text: it.HeaderFrom},
			cell{text: firstOf(addressesOf(it))}, cell{text: it.MessageID}, cell{text: it.Subject}, cell{text: it.Reason.String()}); err != nil {
			return err
		}
	}
	return t.flush()
}

type quarantineShowCmd struct {
	ID     string `arg:"" help:"Quarantine id."`
	Raw    bool   `help:"Print the original message. It may be malicious; do not open it in a mail client."`
	Format string `enum:"text,json" default:"text" help:"text, or json: as quarantine list prints it."`
}

// Run shows one message, with the verdict as the database has it.
func (q *quarantineShowCmd) Run(c *cli) (err error) {
	box, _, closeBox, err := c.box()
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
	if q.Format == "json" {
		return c.jsonLine(newQuarantineLine(&item))
	}
	c.printf("held      %s  %s\n", item.ID, heldState(&item))
	c.printf("to        %s\n", clip(strings.Join(addressesOf(&item), ", "), 500))
	c.printf("expires   %s\n", item.Expires.Local().Format(time.RFC1123))
	c.printf("reason    %s\n", clip(item.Reason.String(), 400))
	return c.showMessage(item.MessageID, q.Format)
}

type quarantineReleaseCmd struct {
	IDs []string `arg:"" name:"id" help:"Quarantine ids."`
}

// Run asks for the release and waits until the gateway has carried it out.
func (q *quarantineReleaseCmd) Run(c *cli) error {
	return c.ask(q.IDs, quarantine.ReleaseAsked, (*quarantine.Box).Release)
}

type quarantineDeleteCmd struct {
	IDs []string `arg:"" name:"id" help:"Quarantine ids."`
}

// Run asks for the removal and waits until the gateway has carried it out.
func (q *quarantineDeleteCmd) Run(c *cli) error {
	return c.ask(q.IDs, quarantine.DeleteAsked, (*quarantine.Box).Delete)
}

var errNoBody = errors.New("its body is missing: it can only be deleted")

// askPatience is how long a request is watched. It stays in the database beyond.
const askPatience = 10 * time.Second

func (c *cli) ask(ids []string, state quarantine.State, do func(*quarantine.Box, context.Context, string, string) error) (err error) {
	box, _, closeBox, err := c.box()
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
func (c *cli) await(box *quarantine.Box, id string, state quarantine.State) (quarantine.Item, error) {
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
