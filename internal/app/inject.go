package app

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"outrider/internal/budget"
	"outrider/internal/config"
	"outrider/internal/mailbox/file"
	"outrider/internal/message"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/store"
	"outrider/internal/tenant"
)

type injectCmd struct {
	Paths []string `arg:"" help:"Files (eml, mbox, gz), Maildirs or directories; - is standard input."`
	To    []string `help:"Recipients. Default: those of To and Cc in protected domains, or postmaster of the first one."`
	From  string   `help:"Reverse-path. Default: the author of each message."`
	Via   string   `help:"Gateway, host:port. Default: the first address that the configuration listens on."`
}

// patience bounds how long inject waits for the facts about one message.
const patience = 5 * time.Second

// outriderID finds the id in the gateway's reply.
var outriderID = regexp.MustCompile(`\bid ([0-9a-z]{26})\b`)

// Run sends every message and shows verdict and fate of each.
func (i *injectCmd) Run(c *cli) (err error) {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	dir, err := tenant.New(&cfg)
	if err != nil {
		return err
	}
	if i.Via == "" {
		i.Via = cfg.Listen.SMTP[0]
	}
	db := c.ownDatabase(&cfg)
	if db != nil {
		defer func() { err = errors.Join(err, db.Close()) }()
	}
	client := relay.New(relayConfig(&cfg, nil, discard()))
	defer func() { err = errors.Join(err, client.Close()) }()
	c.printf("%-34s %-13s %5s  %-12s %s\n", "FILE", "DISPOSITION", "SCORE", "STATUS", "WHY, OR WHAT THE GATEWAY SAID")
	failures := 0
	for item, err := range file.Read(os.Stdin, i.Paths...) {
		if err == nil {
			err = i.one(c, client, db, dir, &item)
		}
		if err != nil {
			failures++
			c.printf("%-34s %v\n", clip(base(item.Path), 34), err)
		}
	}
	if failures > 0 {
		return fmt.Errorf("injecting: %d messages were not taken by the gateway", failures)
	}
	return nil
}

// ownDatabase opens the database of the gateway when it is on this machine; nil when
// not, and then only the gateway's replies are shown.
func (c *cli) ownDatabase(cfg *config.Config) *store.DB {
	if _, err := os.Stat(databasePath(cfg)); err != nil {
		return nil
	}
	db, err := store.OpenSQLite(c.ctx, databasePath(cfg))
	if err != nil {
		return nil
	}
	return db
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// one sends one message. A refusal by policy is a result; a gateway that does not
// answer is an error.
func (i *injectCmd) one(c *cli, client *relay.Relay, db *store.DB, dir *tenant.Directory, item *file.Item) error {
	job := i.job(item.Raw, dir)
	route := tenant.NewRoute(&config.Route{Hosts: []string{i.Via}, TLS: string(tenant.TLSOpportunistic)})
	results := client.Deliver(c.ctx, route, job, nil)
	var said []string
	id := ""
	for _, r := range results {
		if r.Host == "" {
			return fmt.Errorf("connecting to %s: %s\n  Is Outrider running? Start it with \"outrider serve\"", i.Via, r.Reply)
		}
		if m := outriderID.FindStringSubmatch(r.Reply.Text); m != nil {
			id = m[1]
		}
		if s := r.Reply.String(); len(said) == 0 || said[len(said)-1] != s {
			said = append(said, s)
		}
	}
	if db == nil || id == "" {
		c.printf("%-34s %-13s %5s  %-12s %s\n", clip(base(item.Path), 34), "", "", results[0].Status, clip(strings.Join(said, "; "), 100))
		return nil
	}
	return i.fate(c, db, item, id)
}

// fate shows what the database says of the message, once the facts have arrived.
func (i *injectCmd) fate(c *cli, db *store.DB, item *file.Item, id string) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		m, err := db.Message(c.ctx, id)
		if err == nil && len(m.Deliveries) > 0 {
			why := "nothing suspicious found"
			if len(m.Verdict.Findings) > 0 && m.Verdict.Findings[0].Weight > 0 {
				why = m.Verdict.Findings[0].ID + ": " + m.Verdict.Findings[0].Explanation()
			}
			c.printf("%-34s %-13s %5.2f  %-12s %s\n", clip(base(item.Path), 34), m.Verdict.Disposition, m.Verdict.Score, statusOf(&m), clip(why, 110))
			return nil
		}
		select {
		case <-deadline.C:
			return fmt.Errorf("waiting for the facts about %s: %w", id, errors.Join(err, store.ErrUnknown))
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-tick.C:
		}
	}
}

// job makes an envelope for a message that lost its own.
func (i *injectCmd) job(raw []byte, dir *tenant.Directory) relay.Job {
	raw = canonical(raw)
	m := message.Parse(raw, budget.New(budget.Default()))
	env := smtp.Envelope{From: i.From, Body: smtp.Body8Bit}
	if from := m.Header().Mailboxes("From"); i.From == "" && len(from) > 0 && from[0].Domain != "" {
		env.From = from[0].Address()
	}
	for _, to := range i.To {
		env.Recipients = append(env.Recipients, smtp.Recipient{Address: to})
	}
	for _, name := range []string{"To", "Cc"} {
		for _, mb := range m.Header().Mailboxes(name) {
			if len(i.To) == 0 && dir.Domain(mb.Domain) != nil {
				env.Recipients = append(env.Recipients, smtp.Recipient{Address: mb.Address()})
			}
		}
	}
	if len(env.Recipients) == 0 {
		env.Recipients = []smtp.Recipient{{Address: "postmaster@" + dir.Tenants()[0].Domains[0].Name}}
	}
	traits := message.TraitsOf(raw)
	env.UTF8 = traits.HeaderUTF8
	return relay.Job{Envelope: env, Content: message.NewBody(raw), Traits: traits}
}

// canonical gives every line the end that SMTP demands: files usually have bare LF.
func canonical(raw []byte) []byte {
	out := make([]byte, 0, len(raw)+len(raw)/32)
	for n, c := range raw {
		switch {
		case c == '\r' && (n+1 == len(raw) || raw[n+1] != '\n'):
			out = append(out, '\r', '\n')
		case c == '\n' && (n == 0 || raw[n-1] != '\r'):
			out = append(out, '\r', '\n')
		default:
			out = append(out, c)
		}
	}
	return out
}
