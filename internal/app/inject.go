package app

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"outrider/internal/budget"
	"outrider/internal/config"
	"outrider/internal/event"
	"outrider/internal/mailbox/file"
	"outrider/internal/message"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/store"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

type injectCmd struct {
	Paths []string `arg:"" help:"Files (eml, mbox, gz), Maildirs or directories; - is standard input."`
	To    []string `help:"Recipients. Default: those of To and Cc in protected domains, or postmaster of the first one."`
	From  string   `help:"Reverse-path. Default: the author of each message."`
	Via   string   `help:"Gateway, host:port. Default: the first address that the configuration listens on."`
	// Format has no limit: every message is shown.
	Format string `enum:"text,json" default:"text" help:"text, or json: one object per line (see outrider schema)."`

	out *table
}

// injectLine is what inject prints of one message as JSON.
type injectLine struct {
	Path        string   `json:"path" doc:"file; #N is the Nth message of an mbox"`
	ID          string   `json:"id,omitempty" doc:"Outrider's id of the message, where the gateway gave one"`
	Disposition string   `json:"disposition,omitempty" doc:"disposition, where the database of the gateway is on this machine"`
	Score       *float64 `json:"score,omitempty" doc:"0 to 1: probability that the message is unwanted"`
	Status      string   `json:"status,omitempty" doc:"status of the recipients, each once, separated by commas"`
	Held        []string `json:"held,omitempty" doc:"ids in the quarantine"`
	Recipients  []string `json:"recipients" doc:"recipients that the message was sent to"`
	Reason      string   `json:"reason,omitempty" doc:"why policy held or rejected the message, or the heaviest finding"`
	Reply       string   `json:"reply,omitempty" doc:"what the gateway answered"`
	Error       string   `json:"error,omitempty" doc:"why the message could not be sent"`
}

// patience bounds how long inject waits for the events of one message.
const patience = 5 * time.Second

// outriderID finds the id in the gateway's reply.
var outriderID = regexp.MustCompile(`\bid ([0-9a-z]{26})\b`)

// Run sends every message and shows verdict and status of each.
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
	i.out = c.newStream(column{title: "FILE", width: 30, min: 16}, column{title: "DISPOSITION", width: 13}, column{title: "SCORE", width: 5, right: true}, column{title: "STATUS", width: 11},
		column{title: "ID", width: 26}, column{title: "TO", width: 24, min: 16}, column{title: "REASON OR REPLY", width: 40, min: 24})
	failures := 0
	for item, err := range file.Read(os.Stdin, i.Paths...) {
		line := &injectLine{Path: item.Path, Recipients: []string{}}
		if err == nil {
			err = i.one(c, client, db, dir, &item, line)
		}
		if err != nil {
			failures++
			line.Error = err.Error()
		}
		if err := i.print(c, line); err != nil {
			return fmt.Errorf("writing results: %w", err)
		}
	}
	if failures > 0 {
		return fmt.Errorf("injecting: the gateway did not accept %d messages", failures)
	}
	return nil
}

// print prints one result.
func (i *injectCmd) print(c *cli, l *injectLine) error {
	if i.Format == "json" {
		return c.jsonLine(l)
	}
	score, how := "", plain
	if l.Score != nil {
		score = fmt.Sprintf("%.2f", *l.Score)
	}
	if d, err := verdict.ParseDisposition(l.Disposition); err == nil {
		how = styleOf(d)
	}
	row := []cell{
		{text: base(l.Path)}, {l.Disposition, how}, {text: score}, {l.Status, kindStyle(event.Kind(l.Status))}, {text: l.ID}, {text: firstOf(l.Recipients)},
		{text: cmp.Or(l.Reason, l.Reply)},
	}
	if err := i.out.add(row...); err != nil {
		return err
	}
	if len(l.Held) > 0 {
		if err := i.out.note("held as "+strings.Join(l.Held, " "), plain); err != nil {
			return err
		}
	}
	if l.Error != "" {
		return i.out.note("error: "+l.Error, red)
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
func (i *injectCmd) one(c *cli, client *relay.Relay, db *store.DB, dir *tenant.Directory, item *file.Item, line *injectLine) error {
	job := i.job(item.Raw, dir)
	for _, r := range job.Envelope.Recipients {
		line.Recipients = append(line.Recipients, r.Address)
	}
	route := tenant.NewRoute(&config.Route{Hosts: []string{i.Via}, TLS: string(tenant.TLSOpportunistic)})
	results := client.Deliver(c.ctx, route, job, nil)
	var said []string
	for _, r := range results {
		if r.Host == "" {
			return fmt.Errorf("connecting to %s: %s; is Outrider running? Start it with \"%s serve\"", i.Via, r.Reply, c.program())
		}
		if m := outriderID.FindStringSubmatch(r.Reply.Text); m != nil {
			line.ID = m[1]
		}
		if s := r.Reply.String(); len(said) == 0 || said[len(said)-1] != s {
			said = append(said, s)
		}
	}
	line.Reply, line.Status = strings.Join(said, "; "), string(results[0].Status)
	if db == nil || line.ID == "" {
		return nil
	}
	return i.fate(c, db, line)
}

// fate reads what the database says of the message, once the events have arrived.
func (i *injectCmd) fate(c *cli, db *store.DB, line *injectLine) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		m, err := db.Message(c.ctx, line.ID)
		if err == nil && len(m.Deliveries) > 0 {
			line.Disposition, line.Score, line.Status = m.Verdict.Disposition.String(), &m.Verdict.Score, statusOf(&m)
			line.Held = distinct(&m, func(d *store.Delivery) string { return d.Held })
			if line.Reason = reasonOf(&m); line.Reason == "" {
				line.Reason = heaviest(&m.Verdict)
			}
			return nil
		}
		select {
		case <-deadline.C:
			return fmt.Errorf("waiting for the events of %s: %w", line.ID, errors.Join(err, store.ErrUnknown))
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-tick.C:
		}
	}
}

// heaviest explains the heaviest finding.
func heaviest(v *verdict.Verdict) string {
	if len(v.Findings) == 0 || v.Findings[0].Weight <= 0 {
		return "nothing suspicious found"
	}
	return v.Findings[0].ID + ": " + v.Findings[0].Explanation()
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
