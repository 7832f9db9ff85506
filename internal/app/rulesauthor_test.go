package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
	code, out, errOut = a.run("hunt", "a", filepath.Dir(mail), "--since", "2000d", "--format", "json")
	if code != 3 || !strings.Contains(errOut, "1 of 2 messages match") || !strings.Contains(out, `strings.icontains(subject.subject, \"invoice\")`) {
		t.Errorf("%d %s%s", code, out, errOut)
	}
	if code, _, errOut = a.run("hunt", "a", filepath.Dir(mail), "--since", "soon"); code != 2 || !strings.Contains(errOut, "--since") {
		t.Errorf("%d %s", code, errOut)
	}
}

// Held mail is found by the time of its receipt, delivered mail by that of the gateway's Received
// field, whatever their authors wrote as Date.
func TestHuntGoesByTheTimeOfReceipt(t *testing.T) {
	t.Parallel()
	b := start(t)
	rule := write(t, filepath.Join(b.dir, "r.yml"), ruleYAML("all", "low", "true"))
	mail := filepath.Join(b.dir, "mail")
	for name, author := range map[string]string{"held": "blocked.example", "delivered": "friend.example"} {
		write(t, filepath.Join(mail, name+".eml"), strings.Replace(fmt.Sprintf(message, author), "2026", "2016", 1))
	}
	b.must("inject", mail)
	var held struct{ ID string }
	if err := json.Unmarshal([]byte(b.must("quarantine", "list", "--format", "json")), &held); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := b.run("rules", "hunt", rule, "--since", "1h")
	if code != 3 || strings.Count(out, "match") != 2 || !strings.Contains(out, held.ID) || !strings.Contains(errOut, "2 of 2 messages match") || strings.Contains(errOut, "not searched") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	b.must("quarantine", "delete", held.ID)
	code, out, errOut = b.run("rules", "hunt", rule, "--since", "1h")
	if code != 3 || strings.Count(out, "match") != 1 || !strings.Contains(errOut, "not searched, since no copy is kept of mail that was rejected, deleted or delivered to another host: 1\n") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	forged := write(t, filepath.Join(b.dir, "forged.eml"), "Received: from a by b; Mon, 02 Nov 2015 10:00:00 +0000\n"+strings.Replace(fmt.Sprintf(message, "friend.example"), "2026", "2199", 1))
	if code, out, errOut = b.run("rules", "hunt", rule, forged, "--since", "30d"); code != 0 {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
}

func TestHuntSaysWhatItCouldNotSearch(t *testing.T) {
	t.Parallel()
	b := &bundle{t: t, dir: t.TempDir()}
	b.maildir = filepath.Join(b.dir, "maildir")
	b.config = write(t, filepath.Join(b.dir, "o.yaml"), b.yaml("127.0.0.1:0", ""))
	rule := write(t, filepath.Join(b.dir, "r.yml"), ruleYAML("age", "low", `network.whois(sender.email.domain).days_old < 9`))
	file := write(t, filepath.Join(b.dir, "mail", "a.eml"), fmt.Sprintf(message, "friend.example"))
	large := write(t, filepath.Join(b.dir, "mail", "b.eml"), strings.Repeat("X-Field: x\n", 50_000)+fmt.Sprintf(message, "friend.example"))
	code, out, errOut := b.run("rules", "hunt", rule, file, large, filepath.Join(b.dir, "none.eml"), "--since", "36000d")
	for _, want := range []string{
		"0 of 2 messages match", "not decided for want of evidence: 1 (whois 1)", "read in part only: 1 (header-fields 1)", "could not be read: 1",
		"no time of receipt, the Date field was used: 2", "not searched: " + filepath.Join(b.dir, "none.eml"),
	} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%q is missing: exit %d\n%s%s", want, code, out, errOut)
		}
	}
	_, out, errOut = b.run("rules", "hunt", rule)
	for _, want := range []string{"not searched: " + b.maildir + " does not exist", "not searched: the gateway's database does not exist"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%q is missing:\n%s%s", want, out, errOut)
		}
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
		app.Main(t.Context(), []string{"-c", a.config, "scan", "-q", "--format", "json", mail}, &out, &errOut)
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
