// Package example tests rules on example messages by their authors.
//
// A txtar file contains the rule, or names one of a feed, the expected result for each
// message, and the messages. Data outside of the messages is in the same file, so that a
// test is self-contained.
//
// The lines above the first message are comments (#) and settings:
//
//	rule: 4e659d28-53fa-51ca-888d-a7cab1e4bcad
//	expect match: first, second
//	expect no-match: third
//	expect unknown: fourth
//	list org_domains: example.org, example.net
//	people: Ann Example <ann@example.org>
//	profile: prevalence=new solicited=false benign=false bad=false days=0
//	whois: days_old=3 registrar=Example
//	recipient: bob@example.org
//	sent by: the organisation
//
// Limits: 16 MiB per file, 1,000 messages.
package example

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/evidence/mdm"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/rule"
	"outrider/internal/rule/result"
	"outrider/internal/rule/schema"
	"outrider/internal/smtp"
)

// Bounds of a file.
const (
	maxFile     = 16 << 20
	maxMessages = 1000
)

// File is a rule and its example messages.
type File struct {
	ID       string // of a named rule
	Rule     string // YAML of a rule in the file
	Messages []Message
	setup    setup
}

// Message is an example message and its expected result.
type Message struct {
	Name string
	Want rule.Outcome
	Raw  []byte // with CRLF
}

// setup holds the data outside of the messages.
type setup struct {
	lists     rule.Named
	profile   *result.Profile
	whois     *result.Whois
	recipient string
	own       []string
	sent      bool
}

// Parse parses a file.
func Parse(text []byte) (*File, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("reading examples: the file is larger than %d bytes", maxFile)
	}
	archive := txtar.Parse(text)
	f := &File{setup: setup{lists: make(rule.Named)}}
	wants := make(map[string]rule.Outcome)
	if err := f.settings(string(archive.Comment), wants); err != nil {
		return nil, err
	}
	return f, f.parts(archive.Files, wants)
}

func (f *File) settings(comment string, wants map[string]rule.Outcome) error {
	for line := range strings.Lines(comment) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := f.setting(line, wants); err != nil {
			return err
		}
	}
	return nil
}

// parts takes the sections: the rule, and the messages, each with an expected result.
func (f *File) parts(files []txtar.File, wants map[string]rule.Outcome) error {
	for _, part := range files {
		if strings.HasSuffix(part.Name, ".yml") || strings.HasSuffix(part.Name, ".yaml") {
			f.Rule = string(part.Data)
			continue
		}
		want, ok := wants[part.Name]
		if !ok {
			return fmt.Errorf("reading examples: message %q has no expected result", part.Name)
		}
		delete(wants, part.Name)
		if len(f.Messages) == maxMessages {
			return fmt.Errorf("reading examples: there are more than %d messages", maxMessages)
		}
		f.Messages = append(f.Messages, Message{part.Name, want, crlf(part.Data)})
	}
	for name := range wants {
		return fmt.Errorf("reading examples: there is no message %q", name)
	}
	if f.ID == "" && f.Rule == "" {
		return errors.New("reading examples: no rule: add \"rule: ID\" or a section \"rule.yml\"")
	}
	return nil
}

// crlf converts line ends to the form in transport.
func crlf(raw []byte) []byte {
	return []byte(strings.ReplaceAll(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n", "\r\n"))
}

// expectations map the words in files to outcomes.
var expectations = map[string]rule.Outcome{"match": rule.Match, "no-match": rule.NoMatch, "unknown": rule.Indeterminate}

func (f *File) setting(line string, wants map[string]rule.Outcome) error {
	key, value, ok := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	if !ok {
		return fmt.Errorf("reading examples: %q has no colon", line)
	}
	switch verb, name, _ := strings.Cut(key, " "); {
	case key == "rule":
		f.ID = value
	case verb == "expect":
		outcome, ok := expectations[name]
		if !ok {
			return fmt.Errorf("reading examples: %q is not one of match, no-match and unknown", name)
		}
		for _, m := range words(value) {
			if _, twice := wants[m]; twice {
				return fmt.Errorf("reading examples: message %q is named twice", m)
			}
			wants[m] = outcome
		}
	case verb == "list":
		f.setup.lists[name] = rule.NewList(words(value))
		if name == "org_domains" {
			f.setup.own = words(value)
		}
	case key == "people":
		f.setup.lists["org_vips"] = rule.NewPeople(people(value))
	case key == "profile":
		return f.setup.readProfile(value)
	case key == "whois":
		return f.setup.readWhois(value)
	case key == "recipient":
		f.setup.recipient = value
	case key == "sent by":
		f.setup.sent = true
	default:
		return fmt.Errorf("reading examples: unknown setting %q", key)
	}
	return nil
}

// words splits a list at its commas.
func words(s string) []string {
	var out []string
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

func people(s string) []result.Person {
	var out []result.Person
	for _, m := range message.ParseMailboxes(s) {
		out = append(out, result.Person{DisplayName: m.Name, Email: m.Address()})
	}
	return out
}

func (s *setup) readProfile(value string) error {
	p := &result.Profile{}
	for w := range strings.FieldsSeq(value) {
		key, v, _ := strings.Cut(w, "=")
		truth := v == "true"
		switch key {
		case "prevalence":
			p.Prevalence = &v
		case "solicited":
			p.Solicited = &truth
		case "benign":
			p.AnyMessagesBenign, p.AnyFalsePositives = &truth, &truth
		case "bad":
			p.AnyMessagesMaliciousOrSpam = &truth
		case "days":
			n, err := strconv.Atoi(v)
			if err != nil {
				return fmt.Errorf("reading examples: days of the profile: %w", err)
			}
			p.DaysKnown = &n
		default:
			return fmt.Errorf("reading examples: a profile has no %q", key)
		}
	}
	s.profile = p
	return nil
}

func (s *setup) readWhois(value string) error {
	found := true
	w := &result.Whois{Found: &found}
	for f := range strings.FieldsSeq(value) {
		key, v, _ := strings.Cut(f, "=")
		switch key {
		case "days_old":
			n, err := strconv.Atoi(v)
			if err != nil {
				return fmt.Errorf("reading examples: age of the domain: %w", err)
			}
			w.DaysOld = &n
		case "registrar":
			w.RegistrarName = &v
		default:
			return fmt.Errorf("reading examples: a registration has no %q", key)
		}
	}
	s.whois = w
	return nil
}

// Around holds the common parts of the examples of a feed.
type Around struct {
	Schema *rule.Schema
	Lists  rule.Lists
	Have   schema.Capability
	Open   func([]attachment.Input) []*attachment.Report // or nil
}

// Outcome is the result of the rule for one message.
type Outcome struct {
	Message Message
	Got     rule.Result
	Tree    *rule.Explanation
}

// OK reports whether the result is the expected one.
func (o *Outcome) OK() bool { return o.Got.Outcome == o.Message.Want }

// Run judges the messages of the file by the rule.
func (f *File) Run(ctx context.Context, r *rule.Rule, a *Around) ([]Outcome, error) {
	x, err := rule.NewExplainer(a.Schema, r)
	if err != nil {
		return nil, fmt.Errorf("testing rule: %w", err)
	}
	var out []Outcome
	for _, m := range f.Messages {
		got, tree := x.Explain(ctx, f.input(m.Raw, a))
		out = append(out, Outcome{m, got, tree})
	}
	return out, nil
}

// recipient returns the configured recipient, or the first in the header.
func (f *File) recipient(m *message.Message) string {
	if to := m.Header().Mailboxes("To"); f.setup.recipient == "" && len(to) > 0 {
		return to[0].Address()
	}
	return cmp.Or(f.setup.recipient, "recipient@example.org")
}

func (f *File) input(raw []byte, a *Around) *rule.Input {
	b := budget.New(budget.Default())
	m := message.Parse(raw, b)
	received := &message.Received{ID: "example", Body: message.NewBody(raw), At: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	received.Envelope.Recipients = []smtp.Recipient{{Address: f.recipient(m)}}
	in := &rule.Input{Lists: rule.Chain{f.setup.lists, a.Lists}, Have: a.Have, Open: a.Open}
	own := func(domain string) bool { return slices.Contains(f.setup.own, strings.ToLower(domain)) }
	in.Message = mdm.Read(&mdm.Input{Received: received, Message: m, Budget: b, Auth: mailauth.FromHeader(m, nil), Own: own})
	if f.setup.sent {
		in.Message.Type = mdm.Type{Outbound: true}
	} else {
		in.Message.Type.Inbound = true
	}
	if f.setup.profile != nil {
		in.Profile = func(rule.ProfileKind, string) *result.Profile { return f.setup.profile }
	}
	if f.setup.whois != nil {
		in.Whois = func(context.Context, string) *result.Whois { return f.setup.whois }
	}
	return in
}
