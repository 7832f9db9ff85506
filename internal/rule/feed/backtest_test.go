package feed_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"outrider/internal/rule"
	"outrider/internal/rule/feed"
)

func mail(subject string) string {
	return "From: Ann <ann@red.example>\r\nTo: bob@example.org\r\nSubject: " + subject + "\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n"
}

// prepared returns a preparer that ends nothing.
func prepared(p feed.Prepare) feed.Preparer {
	return func(*feed.Active) (feed.Prepare, func(), error) { return p, func() {}, nil }
}

func TestNewRulesAreJudgedOnOldMail(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.pull(small.write(t))
	s.activate(plan())
	s.pull(small.with(tree{
		"rules/one.yml":     ruleFile(1, "type.inbound\nand strings.icontains(subject.subject, \"offer\")"),
		"lists/colours.txt": "blue.example\n",
		"rules/four.yml":    ruleFile(4, "sender.email.domain.domain in $org_domains"),
	}).write(t))
	p := plan()
	p.Mail = tree{"a.eml": mail("An invoice"), "b.eml": mail("An offer"), "c.eml": mail("Your invoice"), "d.eml": mail("Hello")}.write(t)
	p.Prepare = prepared(func(ctx context.Context, path string, raw []byte) (*rule.Input, error) {
		in, err := feed.PrepareModel(ctx, path, raw)
		in.Lists = rule.Named{"org_domains": rule.NewList([]string{"red.example"})}
		return in, err
	})
	c, err := s.Check(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	b := c.Back
	if b.Messages != 4 || b.Before != 6 || b.After != 5 || b.Failed != 0 || b.Unread != 0 || len(b.Rules) != 3 {
		t.Fatalf("got %+v", b)
	}
	for i, want := range []feed.Difference{
		{ID: ruleID(2), Name: "Rule 2", Before: 4, Lost: 4},
		{ID: ruleID(4), Name: "Rule 4", After: 4, Gained: 4},
		{ID: ruleID(1), Name: "Rule 1", Before: 2, After: 1, Gained: 1, Lost: 2},
	} {
		got := b.Rules[i]
		examples := strings.Join(got.Examples, " ")
		got.Examples = nil
		if !equal(got, want) || !strings.Contains(examples, "a.eml") || strings.Count(examples, ".eml") != 3 {
			t.Errorf("rule %d: %+v as on %s", i, got, examples)
		}
	}
}

func equal(a, b feed.Difference) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Before == b.Before && a.After == b.After && a.Gained == b.Gained && a.Lost == b.Lost
}

func TestMailThatCannotBeJudgedIsCounted(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.pull(small.write(t))
	p := plan()
	p.Mail = tree{"a.eml": mail("a"), "b.eml": mail("b")}.write(t)
	p.Prepare = prepared(func(ctx context.Context, path string, raw []byte) (*rule.Input, error) {
		if strings.HasSuffix(path, "b.eml") {
			return nil, errors.New("no")
		}
		return feed.PrepareModel(ctx, path, raw)
	})
	c, err := s.Check(t.Context(), p)
	if err != nil || c.Back.Messages != 1 || c.Back.Unread != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
	p.Mail = t.TempDir()
	if _, err := s.Check(t.Context(), p); err == nil || !strings.Contains(err.Error(), "there is no mail") {
		t.Errorf("no mail: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Check(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
