package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"outrider/internal/attachment"
	"outrider/internal/config"
	"outrider/internal/evidence"
	"outrider/internal/mailbox/file"
	"outrider/internal/quarantine"
	"outrider/internal/relay"
	"outrider/internal/rule"
	"outrider/internal/smtp"
	"outrider/internal/store"
)

type rulesHuntCmd struct {
	Rule   string   `arg:"" help:"Rule id, part of a rule name, or a YAML file."`
	Paths  []string `arg:"" optional:"" help:"Files, mailboxes or directories. Default: the gateway's own Maildir routes and its quarantine."`
	AskDNS bool     `name:"ask-dns" help:"Query DNS and domain registries (RDAP) now."`
	Since  since    `help:"Only mail received since then: a time span such as 30d or 12h, or a time such as 2026-11-30T08:00:00Z."`
	Format string   `enum:"text,json" default:"text" help:"text, or json: one object per line (see outrider schema)."`
	Quiet  bool     `short:"q" help:"Print no progress and no summary."`
}

// huntLine is what hunt prints of a message as JSON.
type huntLine struct {
	Path           string       `json:"path" doc:"file; #N is the Nth message of an mbox"`
	MessageID      string       `json:"message_id,omitempty" doc:"Outrider's id of the message, where it came through this gateway"`
	Held           string       `json:"held,omitempty" doc:"id in the quarantine, where the message is held"`
	Outcome        rule.Outcome `json:"outcome" doc:"match, indeterminate or failed"`
	Missing        []string     `json:"missing,omitempty" doc:"what an indeterminate result lacked"`
	Partial        []string     `json:"partial,omitempty" doc:"what of the message was not read"`
	From           string       `json:"from" doc:"address of the author"`
	Recipients     []string     `json:"recipients" doc:"recipients"`
	Subject        string       `json:"subject" doc:"subject"`
	Received       *time.Time   `json:"received,omitempty" doc:"time of receipt"`
	ReceivedSource string       `json:"received_source,omitempty" doc:"what the time is taken from: database, received (the last Received field), or date (the Date field, where there is no other)"`
	Reasons        []string     `json:"reasons,omitempty" doc:"conditions that made the rule match"`
}

// hunt is one search.
type hunt struct {
	cmd     *rulesHuntCmd
	cli     *cli
	set     *rule.Set
	rule    *rule.Explainer
	offline *offline
	db      *store.DB   // or nil: this machine has no database of a gateway
	blobs   os.FileInfo // of the directory of held bodies, or nil
	since   time.Time
	table   *table
	found   tally
}

// tally counts what a hunt saw, and what it could not search.
type tally struct {
	seen, matched, undecided, unread, partial, undated int
	missing, parts                                     map[string]int // messages by what they lacked, and by what was not read
}

// Run looks for mail that a rule matches, message by message. The exit code is 3 where
// there is some.
func (h *rulesHuntCmd) Run(c *cli) (err error) {
	s, cfg, err := c.shelf()
	if err != nil {
		return err
	}
	r, err := s.find(h.Rule)
	if err != nil {
		return err
	}
	x, err := rule.NewExplainer(s.schema, r)
	if err != nil {
		return err
	}
	o, err := c.offline(&cfg, newRuleBase(s.files, ""), false, h.AskDNS)
	if err != nil {
		return err
	}
	defer o.close()
	hunt := &hunt{
		cmd: h, cli: c, set: s.set, rule: x, offline: o, db: c.ownDatabase(&cfg), since: h.Since.time(time.Now()),
		found: tally{missing: make(map[string]int), parts: make(map[string]int)},
		table: c.newStream(column{title: "OUTCOME", width: 7}, column{title: "RECEIVED", width: 16}, column{title: "FROM", width: 28, min: 20}, column{title: "TO", width: 24, min: 16},
			column{title: "SUBJECT", width: 36, min: 16}, column{title: "HELD OR PATH", width: 40, min: 26}),
	}
	if hunt.db != nil {
		defer func() { err = errors.Join(err, hunt.db.Close()) }()
	}
	hunt.blobs, _ = os.Stat(blobPath(&cfg)) // nil where nothing was ever held
	own := len(h.Paths) == 0
	var absent []string
	if own {
		h.Paths, absent = ownMail(&cfg)
	}
	if err := hunt.run(); err != nil {
		return err
	}
	if !h.Quiet {
		hunt.summary(r.Name)
		hunt.gaps(own, absent)
	}
	if err := context.Cause(c.ctx); err != nil {
		return fmt.Errorf("hunting, not all mail was searched: %w", err)
	}
	if hunt.found.matched > 0 {
		return ExitError(3)
	}
	return nil
}

func (h *hunt) run() error {
	bar := (&scanCmd{Quiet: h.cmd.Quiet, Paths: h.cmd.Paths}).progress(h.cli.errOut)
	defer bar.done()
	for item, err := range file.Read(os.Stdin, h.cmd.Paths...) {
		if h.cli.ctx.Err() != nil {
			break
		}
		if h.inBlobs(item.Path) && !bodyName.MatchString(filepath.Base(item.Path)) {
			continue // what is kept beside a held body
		}
		bar.add(item.Path)
		if err == nil {
			err = h.one(&item)
		}
		if errors.Is(err, errWriting) {
			return err
		}
		if err != nil {
			h.cli.note("not searched: %s: %v", visible(item.Path), err)
			h.found.unread++
		}
	}
	return nil
}

var errWriting = errors.New("writing results")

// one searches one message.
func (h *hunt) one(item *file.Item) error {
	in, ev, err := h.offline.evidence(h.cli.ctx, item.Raw, h.set)
	if err != nil {
		return err
	}
	line := huntLine{Path: item.Path, From: in.Message.Sender.Email.Email, Subject: in.Message.Subject.Subject, Recipients: recipientsIn(&ev.Received.Envelope)}
	if err := h.date(&line, in); err != nil {
		return err
	}
	if line.Received != nil && line.Received.Before(h.since) {
		return nil
	}
	unfinished := watchFiles(in)
	result, tree := h.rule.Explain(h.cli.ctx, in)
	line.Outcome, line.Missing, line.Partial = result.Outcome, result.Missing.Names(), partial(ev, *unfinished)
	h.found.add(&line)
	if line.Outcome == rule.NoMatch || h.cmd.Format == "text" && line.Outcome != rule.Match {
		return nil
	}
	for _, reason := range tree.Reasons() {
		line.Reasons = append(line.Reasons, reason.Text)
	}
	if err := h.print(&line); err != nil {
		return fmt.Errorf("%w: %w", errWriting, err)
	}
	return nil
}

func recipientsIn(env *smtp.Envelope) []string {
	out := []string{}
	for _, r := range env.Recipients {
		out = append(out, r.Address)
	}
	return out
}

// watchFiles notes in what it returns whether a file that the rule asks about was not read to its end.
func watchFiles(in *rule.Input) *bool {
	var unfinished bool
	open := in.Open
	in.Open = func(files []attachment.Input) []*attachment.Report {
		reports := open(files)
		unfinished = unfinished || slices.ContainsFunc(reports, (*attachment.Report).Unfinished)
		return reports
	}
	return &unfinished
}

// partial names what of a message was not read.
func partial(ev *evidence.Evidence, unfinished bool) []string {
	var out []string
	for _, r := range ev.Budget.Exceeded() {
		out = append(out, r.String())
	}
	if unfinished || ev.Unopened() {
		out = append(out, "attachments")
	}
	return out
}

func (t *tally) add(l *huntLine) {
	t.seen++
	switch l.Outcome {
	case rule.Match:
		t.matched++
	case rule.Indeterminate, rule.Failed:
		t.undecided++
		for _, m := range l.Missing {
			t.missing[m]++
		}
	case rule.NoMatch:
	}
	if len(l.Partial) > 0 {
		t.partial++
	}
	for _, p := range l.Partial {
		t.parts[p]++
	}
	if l.ReceivedSource == "" || l.ReceivedSource == "date" {
		t.undated++
	}
}

// ourID is the form of Outrider's ids.
var ourID = regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{26}$`)

// date finds out when a message was received: the database knows it of held mail; otherwise the
// last host that received it says so. Only where none does, its author is believed.
func (h *hunt) date(line *huntLine, in *rule.Input) error {
	line.Received, line.ReceivedSource = in.Message.Headers.Date, "date"
	for i := range in.Message.Headers.Hops {
		r := in.Message.Headers.Hops[i].Received
		if r == nil {
			continue
		}
		if r.Time != nil {
			line.Received, line.ReceivedSource = r.Time, "received"
		}
		if r.ID != nil && ourID.MatchString(r.ID.Raw) {
			line.MessageID = r.ID.Raw
		}
	}
	if line.Received == nil {
		line.ReceivedSource = ""
	}
	if h.db == nil || !h.isHeld(line.Path) {
		return nil
	}
	item, err := h.db.HeldBody(h.cli.ctx, filepath.Base(line.Path))
	if errors.Is(err, quarantine.ErrUnknown) {
		return nil
	}
	line.Received, line.ReceivedSource, line.MessageID, line.Held = &item.At, "database", item.MessageID, item.ID
	line.Recipients = addressesOf(&item)
	return err
}

// bodyName is the form of the file names of held bodies.
var bodyName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// isHeld reports whether a file is the body of a held message of this gateway, by whatever path.
func (h *hunt) isHeld(path string) bool {
	return bodyName.MatchString(filepath.Base(path)) && h.inBlobs(path)
}

// inBlobs reports whether a file is in the directory of held bodies of this gateway.
func (h *hunt) inBlobs(path string) bool {
	if h.blobs == nil {
		return false
	}
	info, err := os.Stat(filepath.Dir(filepath.Dir(path)))
	return err == nil && os.SameFile(info, h.blobs)
}

func (h *hunt) print(l *huntLine) error {
	if h.cmd.Format == "json" {
		return h.cli.jsonLine(l)
	}
	at, where := "", l.Path
	if l.Received != nil {
		at = when(*l.Received)
	}
	if l.Held != "" {
		where = l.Held
	}
	return h.table.add(cell{string(l.Outcome), outcomeStyle(l.Outcome)}, cell{text: at}, cell{text: l.From}, cell{text: firstOf(l.Recipients)}, cell{text: l.Subject}, cell{text: where})
}

// summary says what was found.
func (h *hunt) summary(name string) {
	t := &h.found
	h.cli.note("%q: %s of %s messages match", visible(name), grouped(t.matched), grouped(t.seen))
}

// gaps says what could not be searched.
func (h *hunt) gaps(own bool, absent []string) {
	t := &h.found
	say := func(what string, n int, parts map[string]int) {
		if n > 0 {
			h.cli.note("%s: %s%s", what, grouped(n), counted(parts))
		}
	}
	say("not decided for want of evidence", t.undecided, t.missing)
	say("read in part only", t.partial, t.parts)
	say("could not be read", t.unread, nil)
	if !h.since.IsZero() {
		say("no time of receipt, the Date field was used", t.undated, nil)
	}
	for _, path := range absent {
		h.cli.note("not searched: %s does not exist", path)
	}
	if !own {
		return
	}
	if h.db == nil {
		h.cli.note("not searched: the gateway's database does not exist or cannot be read, so it is unknown how much mail was delivered elsewhere")
		return
	}
	n, err := h.db.CountWithoutBody(h.cli.ctx, h.since, relay.HostMaildir)
	if err != nil {
		h.cli.note("counting mail that was delivered elsewhere: %v", err)
	}
	say("not searched, since no copy is kept of mail that was rejected, deleted or delivered to another host", n, nil)
}

// counted lists what was counted, most frequent first.
func counted(counts map[string]int) string {
	if len(counts) == 0 {
		return ""
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for i, n := range names {
		names[i] = n + " " + grouped(counts[n])
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// ownMail is where the gateway keeps mail that it can read again: what it holds, and the
// mailboxes that it delivers to itself. What does not exist is returned apart.
func ownMail(cfg *config.Config) (paths, absent []string) {
	all := []string{blobPath(cfg)}
	for i := range cfg.Tenants {
		for k := range cfg.Tenants[i].Domains {
			if r := &cfg.Tenants[i].Domains[k].Route; r.Type == "maildir" && !slices.Contains(all, r.Path) {
				all = append(all, r.Path)
			}
		}
	}
	for _, p := range all {
		if _, err := os.Stat(p); err != nil {
			absent = append(absent, p)
		} else {
			paths = append(paths, p)
		}
	}
	return paths, absent
}
