package feed

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"outrider/internal/budget"
	"outrider/internal/evidence/mdm"
	"outrider/internal/mailauth"
	"outrider/internal/mailbox/file"
	"outrider/internal/message"
	"outrider/internal/rule"
)

// Prepare turns a mail into the input of rules. Its lists are those of the mail's tenant,
// or nil; the lists of the rules come after them.
type Prepare func(ctx context.Context, path string, raw []byte) (*rule.Input, error)

// Preparer returns a Prepare for a back-test of some rules, and a function that ends it.
type Preparer func(next *Active) (prepare Prepare, done func(), err error)

// PrepareModel returns the message alone, from its header and body: it opens no attachment
// and uses no network service.
func PrepareModel(_ context.Context, path string, raw []byte) (*rule.Input, error) {
	b := budget.New(budget.Default())
	m := message.Parse(raw, b)
	return &rule.Input{Message: mdm.Read(&mdm.Input{
		Received: &message.Received{ID: message.ID(path), Source: message.SourceFile, Body: message.NewBody(raw)},
		Message:  m, Budget: b, Auth: mailauth.FromHeader(m, nil),
	})}, nil
}

// maxExamples bounds the mails that are listed for one rule.
const maxExamples = 3

// BackTest compares the results of the old and the new rules for the same mail.
type BackTest struct {
	Messages int          `json:"messages"`
	Unread   int          `json:"unread"` // files that could not be read
	Before   int          `json:"matches_before"`
	After    int          `json:"matches_after"`
	Failed   int          `json:"failed"` // new rules that failed on a message
	Rules    []Difference `json:"rules"`  // rules that match other mail than before, most first
}

// Difference is the change of one rule.
type Difference struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Before   int      `json:"before"`   // messages
	After    int      `json:"after"`    // messages
	Gained   int      `json:"gained"`   // messages that only the new rule matches
	Lost     int      `json:"lost"`     // messages that only the old one matched
	Examples []string `json:"examples"` // of both, in order
}

// side is the old rules, or the new ones.
type side struct {
	engine *rule.Engine
	lists  rule.Named
}

// matches returns the names of the rules that match, by id, and the number of failures.
// Queries, and automations that wait for people, are ignored.
func (s side) matches(ctx context.Context, in *rule.Input) (out map[string]string, failed int) {
	mine := *in
	mine.Lists = rule.Chain{in.Lists, s.lists}
	out = make(map[string]string)
	s.engine.Judge(ctx, &mine, func(r rule.Result) {
		switch {
		case r.Outcome == rule.Match && r.Rule.Kind != rule.Query && r.Rule.Kind != rule.Automation:
			out[r.Rule.ID] = r.Rule.Name
		case r.Outcome == rule.Failed:
			failed++
		}
	})
	return out, failed
}

// tally collects the results.
type tally struct {
	mu    sync.Mutex
	out   BackTest
	rules map[string]*Difference
}

// backTest judges mail by both sides.
func backTest(ctx context.Context, p *Plan, next *Active, before, after side) (*BackTest, error) {
	prepare := PrepareModel
	if p.Prepare != nil {
		made, done, err := p.Prepare(next)
		if err != nil {
			return nil, fmt.Errorf("judging mail by the new rules: %w", err)
		}
		defer done()
		prepare = made
	}
	t := &tally{rules: make(map[string]*Difference)}
	mails := make(chan file.Item)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for m := range mails {
				t.judge(ctx, prepare, m, before, after)
			}
		})
	}
	for m, err := range file.Read(strings.NewReader(""), p.Mail) {
		if err != nil {
			t.unread()
			continue
		}
		if ctx.Err() != nil {
			break
		}
		mails <- m
	}
	close(mails)
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("judging mail by the new rules: %w", err)
	}
	if t.out.Messages == 0 {
		return nil, fmt.Errorf("judging mail by the new rules: there is no mail in %s", p.Mail)
	}
	return t.result(), nil
}

func (t *tally) unread() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out.Unread++
}

func (t *tally) judge(ctx context.Context, prepare Prepare, m file.Item, before, after side) {
	in, err := prepare(ctx, m.Path, m.Raw)
	if err != nil {
		t.unread()
		return
	}
	old, _ := before.matches(ctx, in)
	made, failed := after.matches(ctx, in)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out.Messages++
	t.out.Before += len(old)
	t.out.After += len(made)
	t.out.Failed += failed
	for id, name := range old {
		d := t.rule(id, name)
		d.Before++
		if _, still := made[id]; !still {
			d.Lost++
			d.example(m.Path)
		}
	}
	for id, name := range made {
		d := t.rule(id, name)
		d.After++
		if _, already := old[id]; !already {
			d.Gained++
			d.example(m.Path)
		}
	}
}

func (t *tally) rule(id, name string) *Difference {
	d := t.rules[id]
	if d == nil {
		d = &Difference{ID: id, Name: name}
		t.rules[id] = d
	}
	return d
}

// example keeps the lexically first paths, so that the result is deterministic.
func (d *Difference) example(path string) {
	d.Examples = append(d.Examples, path)
	slices.Sort(d.Examples)
	d.Examples = d.Examples[:min(len(d.Examples), maxExamples)]
}

func (t *tally) result() *BackTest {
	for _, d := range t.rules {
		if d.Gained+d.Lost > 0 {
			t.out.Rules = append(t.out.Rules, *d)
		}
	}
	slices.SortFunc(t.out.Rules, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(b.Gained+b.Lost, a.Gained+a.Lost), strings.Compare(a.ID, b.ID))
	})
	return &t.out
}
