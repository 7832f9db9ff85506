package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/app"
	"outrider/internal/config"
)

const invoice = "From: Ann <ann@red.example>\r\nTo: bob@example.org\r\nSubject: Invoice 4711\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@red.example>\r\n\r\nPlease pay.\r\n"

// running is an author whose feed is active, with a message on disk.
func running(t *testing.T) (a *author, mail string) {
	t.Helper()
	a = newAuthor(t)
	if code, _, errOut := a.run("pull", "--name", "public", a.feed, "--activate"); code != 0 {
		t.Fatalf("pulling: %d %s", code, errOut)
	}
	return a, a.rule("mail/invoice.eml", invoice)
}

func TestRulesExplain(t *testing.T) {
	t.Parallel()
	a, mail := running(t)
	code, out, errOut := a.run("explain", "Rule a", mail)
	if code != 0 || !strings.Contains(out, "Rule a: match") || !strings.Contains(out, `subject.subject is "Invoice 4711"`) {
		t.Errorf("%d %s%s", code, out, errOut)
	}
	code, out, _ = a.run("explain", "--format", "json", "b", mail)
	var got struct{ Outcome string }
	if err := json.Unmarshal([]byte(out), &got); code != 0 || err != nil || got.Outcome != "match" {
		t.Errorf("%d %v %s", code, err, out)
	}
	if code, _, errOut = a.run("explain", "no such rule", mail); code != 1 || !strings.Contains(errOut, "none of") {
		t.Errorf("%d %s", code, errOut)
	}
	own := a.rule("draft.yml", ruleYAML("d", "low", `sender.email.domain.root_domain == "red.example" and network.whois(sender.email.domain).days_old < 9`))
	if code, out, _ = a.run("explain", own, mail); code != 0 || !strings.Contains(out, "indeterminate, for want of whois") {
		t.Errorf("%d %s", code, out)
	}
}

func TestRulesTest(t *testing.T) {
	t.Parallel()
	a, _ := running(t)
	good := a.rule("tests/good.txtar", "rule: a\nexpect match: yes\nexpect no-match: no\n-- yes --\nFrom: a@b.example\nSubject: Invoice\n\nx\n-- no --\nFrom: a@b.example\nSubject: Lunch\n\nx\n")
	if code, out, errOut := a.run("test", good); code != 0 || !strings.Contains(out, "2 messages of 1 files, 0 failed") {
		t.Errorf("%d %s%s", code, out, errOut)
	}
	a.rule("tests/bad.txtar", "rule: a\nexpect match: no\n-- no --\nFrom: a@b.example\nSubject: Lunch\n\nx\n")
	code, out, _ := a.run("test", "-v", filepath.Dir(good))
	if code != 1 || !strings.Contains(out, "no is no-match, want match") || !strings.Contains(out, "1 failed") || !strings.Contains(out, `subject.subject is "Lunch"`) {
		t.Errorf("%d %s", code, out)
	}
}

func TestRulesHunt(t *testing.T) {
	t.Parallel()
	a, mail := running(t)
	a.rule("mail/lunch.eml", strings.Replace(invoice, "Invoice 4711", "Lunch", 1))
	a.rule("mail/old.eml", strings.Replace(invoice, "2026", "2016", 1))
	code, out, errOut := a.run("hunt", "a", filepath.Dir(mail), "--since", "5000d")
	if code != 3 || strings.Count(out, "match") != 2 || !strings.Contains(errOut, "2 of 3 messages match") {
		t.Errorf("%d %s%s", code, out, errOut)
	}
	code, out, errOut = a.run("hunt", "a", filepath.Dir(mail), "--since", "2000d", "--format", "jsonl")
	if code != 3 || !strings.Contains(errOut, "1 of 2 messages match") || !strings.Contains(out, `strings.icontains(subject.subject, \"invoice\")`) {
		t.Errorf("%d %s%s", code, out, errOut)
	}
	if code, _, errOut = a.run("hunt", "a", filepath.Dir(mail), "--since", "soon"); code != 1 || !strings.Contains(errOut, "--since") {
		t.Errorf("%d %s", code, errOut)
	}
}

// Active rules take part in the verdict: with what they saw and where, and with the weight
// that an override gives.
func TestRulesInTheVerdict(t *testing.T) {
	t.Parallel()
	a, mail := running(t)
	scan := func() (found map[string]struct {
		Weight         float64
		Field, Value   string
		Portion, Class string
	}) {
		var out, errOut bytes.Buffer
		app.Main(t.Context(), []string{"-c", a.config, "scan", "-q", "--format", "jsonl", mail}, &out, &errOut)
		var line struct {
			Findings []struct {
				ID, Field, Value, Portion, Class string
				Weight                           float64
			}
		}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s%s", err, out.String(), errOut.String())
		}
		found = make(map[string]struct {
			Weight         float64
			Field, Value   string
			Portion, Class string
		})
		for _, f := range line.Findings {
			found[f.ID] = struct {
				Weight         float64
				Field, Value   string
				Portion, Class string
			}{f.Weight, f.Field, f.Value, f.Portion, f.Class}
		}
		return found
	}
	got := scan()
	if f, ok := got["a"]; !ok || f.Weight != 2 || f.Field != "Subject" || f.Portion != "header" || !strings.Contains(f.Value, "Invoice 4711") {
		t.Errorf("finding of rule a: %v %+v", ok, f)
	}
	if _, ok := got["b"]; !ok {
		t.Error("the list of the organisation is not asked")
	}
	if code, _, errOut := a.run("override", "a", "--weight", "0.5"); code != 0 {
		t.Fatalf("%d %s", code, errOut)
	}
	if f := scan()["a"]; f.Weight != 0.5 {
		t.Errorf("weight after the override: %v", f.Weight)
	}
	if code, _, errOut := a.run("override", "a", "--off"); code != 0 {
		t.Fatalf("%d %s", code, errOut)
	}
	if _, ok := scan()["a"]; ok {
		t.Error("a rule that is off matches")
	}
}

// A reload with rules that cannot be read keeps those that run.
func TestReloadKeepsTheRules(t *testing.T) {
	t.Parallel()
	a, _ := running(t)
	c, err := config.Load(a.config)
	if err != nil {
		t.Fatal(err)
	}
	c.Listen = config.Listen{SMTP: []string{"127.0.0.1:0"}}
	c.DNS.Off = true
	gateway, err := app.New(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithCancel(context.Background())
		stop() // a run that ends at once closes what New opened
		if err := gateway.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	write(t, filepath.Join(a.dir, "data", "rules", "overrides.yaml"), "a:\n  off: maybe\n")
	if err := gateway.Reload(t.Context(), c); err == nil || !strings.Contains(err.Error(), "the old configuration stays") {
		t.Errorf("reloading: %v", err)
	}
}
