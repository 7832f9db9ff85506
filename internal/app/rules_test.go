package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/app"
	"outrider/internal/mailtest"
)

// ruleYAML returns the file of a rule.
func ruleYAML(id, severity, source string) string {
	return fmt.Sprintf("name: Rule %s\ntype: rule\nseverity: %s\nsource: |\n  %s\nid: %s\n", id, severity, source, id)
}

// author is somebody who works with rules: a configuration, and a feed in a directory.
type author struct {
	t                 *testing.T
	dir, config, feed string
}

func newAuthor(t *testing.T) *author {
	t.Helper()
	a := &author{t: t, dir: t.TempDir()}
	a.feed = filepath.Join(a.dir, "feed")
	a.config = write(t, filepath.Join(a.dir, "outrider.yaml"), fmt.Sprintf(`
hostname: gw.example.org
data_dir: %s
rules: {directory: %s, lists: %s, max_invalid_percent: 40}
tenants:
  - id: a
    domains:
      - name: example.org
        route: {hosts: [mail.example.org]}
    people: []
`, filepath.Join(a.dir, "data"), filepath.Join(a.dir, "own"), filepath.Join(a.dir, "lists")))
	a.rule("feed/a.yml", ruleYAML("a", "high", "strings.icontains(subject.subject, \"invoice\")"))
	a.rule("feed/b.yml", ruleYAML("b", "low", "sender.email.domain.domain in $colours"))
	a.rule("own/c.yml", ruleYAML("c", "medium", "sender.email.domain.domain in $org_domains"))
	a.rule("lists/colours.txt", "red.example\n")
	return a
}

func (a *author) rule(path, text string) string {
	a.t.Helper()
	return write(a.t, filepath.Join(a.dir, filepath.FromSlash(path)), text)
}

// run calls "outrider rules".
func (a *author) run(args ...string) (code int, out, errOut string) {
	a.t.Helper()
	var o, e bytes.Buffer
	code = app.Main(a.t.Context(), append([]string{"-c", a.config, "rules"}, args...), &o, &e)
	return code, o.String(), e.String()
}

// must calls it, and wants it to succeed and to print some texts.
func (a *author) must(args string, wants ...string) string {
	a.t.Helper()
	code, out, errOut := a.run(strings.Fields(args)...)
	if code != 0 {
		a.t.Fatalf("rules %s: exit %d\n%s%s", args, code, out, errOut)
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			a.t.Errorf("rules %s: %q is missing in\n%s", args, want, out)
		}
	}
	return out
}

// fails calls it, and wants it to fail with a text.
func (a *author) fails(args, want string) {
	a.t.Helper()
	code, out, errOut := a.run(strings.Fields(args)...)
	if code != 1 || !strings.Contains(out+errOut, want) {
		a.t.Errorf("rules %s: exit %d, %q is missing in\n%s%s", args, code, want, out, errOut)
	}
}

func TestRulesFromPullToRollback(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	a.must("status", "active     nothing")
	a.fails("lint", "there are no active rules")
	a.must("pull "+a.feed, "pulled     public ", "2 rules", "rules      3, of which 3 can run", "added      3", "Staged, not active yet", " rules activate\n")
	a.must("list", "ID ")
	a.must("activate", "active     public ", "own ", "own-lists ")
	a.must("status", "rules      3 on, 0 off, 1 lists", "\npublic     ", "active")
	a.fails("activate", "nothing is staged")
	a.must("pull --activate "+a.feed, "Already active; nothing to do")

	mail := a.rule("mail/a.eml", strings.ReplaceAll(fmt.Sprintf(message, "red.example"), "\n", "\r\n"))
	a.rule("feed/a.yml", ruleYAML("a", "critical", "strings.icontains(subject.subject, \"hello\")"))
	a.must("pull --activate --mail "+filepath.Dir(mail)+" "+a.feed, "changed    1", "~ a", "(source, severity)", "1 messages: 1 matches before, 2 after", "+1", "as on "+mail)
	a.must("list --severity critical", "Rule a")
	a.must("rollback", "active  public ")
	a.must("list --severity high", "Rule a")
	var before, staged []string
	for line := range strings.Lines(a.must("status")) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "public" {
			if f[2] != "active" {
				before = append(before, f[1])
			}
			staged = append(staged, f[1])
		}
	}
	if len(before) != 1 || len(staged) != 2 {
		t.Fatalf("versions %v of %v", before, staged)
	}
	a.must("activate --dry-run --name public --version "+before[0], "changed    1")
	a.must("list --severity high", "Rule a")
	a.must("activate --name public --version "+before[0], "changed    1")
	a.must("list --severity critical", "Rule a")
	a.fails("activate --name public", "belong together")
}

// checked is what a command prints as JSON.
type checked struct {
	Pulled *struct {
		Version string `json:"version"`
	} `json:"pulled"`
	Next struct {
		Feeds map[string]string `json:"feeds"`
	} `json:"next"`
	Rules  int `json:"rules"`
	Runs   int `json:"runs"`
	Added  []struct{ ID string }
	Pruned []struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	} `json:"pruned"`
	Active bool `json:"active"`
}

// pulls pulls the feed, and reads the JSON that is printed.
func (a *author) pulls(args ...string) (got checked) {
	a.t.Helper()
	code, out, errOut := a.run(append([]string{"pull", "--format", "json", a.feed}, args...)...)
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 || got.Pulled == nil || got.Pulled.Version != got.Next.Feeds["public"] {
		a.t.Fatalf("exit %d, %v: %s%s", code, err, out, errOut)
	}
	return got
}

func TestPullPrintsJSONInEveryCase(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	if got := a.pulls(); got.Active || got.Rules != 3 || got.Runs != 3 || len(got.Added) != 3 {
		t.Errorf("pulled: %+v", got)
	}
	if got := a.pulls("--activate"); !got.Active || len(got.Added) != 3 {
		t.Errorf("activated: %+v", got)
	}
	for _, args := range [][]string{{}, {"--activate"}} {
		if got := a.pulls(args...); !got.Active || got.Rules != 3 || got.Runs != 3 || len(got.Added) != 0 {
			t.Errorf("nothing is new, %q: %+v", args, got)
		}
	}
}

func TestPullTellsOfVersionsThatItRemoves(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	a.must("pull --activate " + a.feed)
	var versions []string
	for i := range 7 {
		a.rule("feed/a.yml", ruleYAML("a", "high", fmt.Sprintf("length(attachments) > %d", i)))
		if i == 6 {
			a.must("pull "+a.feed, "pruned     public "+versions[1][:12]+": old versions")
			break
		}
		got := a.pulls()
		versions = append(versions, got.Pulled.Version)
		if i == 5 && (len(got.Pruned) != 1 || got.Pruned[0].Version != versions[0]) {
			t.Errorf("pruned %+v", got.Pruned)
		}
	}
	status := a.must("status", "the last 5 that were pulled")
	if n := strings.Count(status, "\npublic "); n != 6 { // with the one that runs
		t.Errorf("%d versions in\n%s", n, status)
	}
}

func TestABrokenFeedIsRefusedByTheCommand(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	a.must("pull --activate " + a.feed)
	a.rule("feed/a.yml", ruleYAML("a", "high", "no.such.field"))
	a.fails("pull --activate "+a.feed, "the active rules are unchanged: of the 2 rules of feed public 1 cannot be run, which is more than 40 %; the first: a.yml: ")
	a.must("list --severity high", "Rule a")
	var check struct {
		Refused      []string `json:"refused"`
		NewlyInvalid []struct {
			ID string `json:"id"`
		} `json:"newly_invalid"`
	}
	code, out, _ := a.run("activate", "--format", "json", "--dry-run")
	if err := json.Unmarshal([]byte(out), &check); err != nil || code != 1 || len(check.Refused) != 1 || len(check.NewlyInvalid) != 1 || check.NewlyInvalid[0].ID != "a" {
		t.Errorf("exit %d, %v, %s", code, err, out)
	}
}

func TestRulesOverride(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	a.must("pull --activate " + a.feed)
	a.must("override a --off --note ours", "rule      Rule a", "override  off, because ours")
	a.must("override b --severity critical --weight=-1.5 --action quarantine", "override  severity critical, weight -1.5, action quarantine")
	a.must("list --off", "Rule a")
	if out := a.must("list", "Rule b"); strings.Contains(out, "Rule a") {
		t.Errorf("a rule that is off is listed\n%s", out)
	}
	var line struct {
		ID, Severity string
		Override     struct{ Weight float64 }
	}
	if err := json.Unmarshal([]byte(a.must("list --format json --severity critical")), &line); err != nil || line.ID != "b" || line.Override.Weight != -1.5 {
		t.Errorf("got %+v, %v", line, err)
	}
	a.must("override b", "severity critical, weight -1.5")
	a.must("override a --on --reset", "override  none")
	a.must("list", "Rule a")
	a.fails("override a --severity huge", "none of informational")
	if code, _, errOut := a.run("override", "nobody", "--off"); code != 0 || !strings.Contains(errOut, "no active rule has the id nobody") {
		t.Errorf("exit %d, %s", code, errOut)
	}
	a.must("lint", "no rule has the id nobody")
}

func TestRulesLint(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	a.must("pull --activate " + a.feed)
	a.must("lint", "3 of 3 parse and check", "core", "100.0%")
	bad := a.rule("draft/bad.yml", ruleYAML("d", "high", "subject.subjekt == \"a\""))
	a.rule("draft/good.yml", ruleYAML("e", "high", "any($gone, . == subject.subject) and ml.nlu_classifier(subject.subject).language == \"x\""))
	a.fails("lint "+filepath.Dir(bad), bad+":5:3: a Subject has no field \"subjekt\" (did you mean")
	a.fails("lint "+bad, "0 of 1 parse and check")
	good := filepath.Join(filepath.Dir(bad), "good.yml")
	a.must("lint --short-of strict "+good, "1 of 1 parse and check", "unknown       $gone", "there is no list $gone", "needs language model, $gone")
	var l struct {
		Rules, Checked int
		Faults         []struct {
			Path, Hint   string
			Line, Column int
		}
	}
	code, out, _ := a.run("lint", "--format", "json", filepath.Dir(bad))
	if err := json.Unmarshal([]byte(out), &l); err != nil || code != 1 || l.Rules != 2 || l.Checked != 1 || l.Faults[0].Line != 5 || l.Faults[0].Path != bad {
		t.Errorf("exit %d, %v, %+v", code, err, l)
	}
}

// TestRulesLintOfThePublicFeed runs the command over the whole public feed.
func TestRulesLintOfThePublicFeed(t *testing.T) {
	t.Parallel()
	const corpus = "../../.data/sublime/"
	if _, err := os.Stat(corpus); err != nil {
		mailtest.Missing(t, "the public feed (make data unpacks it)")
	}
	a := newAuthor(t)
	out := a.must("lint --short-of strict "+corpus+"sublime-lists "+corpus+"sublime-rules", "1,587 of 1,587 parse and check\n")
	for row, want := range map[string]string{
		"core": "381 32.0% 498", "+ history": "491 41.3% 652", "+ whois": "525 44.2% 676", "+ attachments": "695 58.5% 837",
		"+ text in pictures": "720 60.6% 864", "+ language model": "955 80.3% 1,068", "+ the rest": "1,189 100.0% 1,181",
	} {
		found := false
		for line := range strings.Lines(out) {
			name, figures, _ := strings.Cut(strings.TrimSpace(line), "  ")
			found = found || name == row && strings.Join(strings.Fields(figures), " ") == want
		}
		if !found {
			t.Errorf("%s is not %s in\n%s", row, want, out[:min(len(out), 4000)])
		}
	}
	if n := strings.Count(out, " needs "); n != 1189-720 {
		t.Errorf("%d rules are named that are short of strict", n)
	}
}

func TestRulesFmt(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	ugly := a.rule("fmt/ugly.yml", "name: x # kept\nsource: |\n  type.inbound   and type.outbound\n")
	a.rule("fmt/nice.yml", "source: |\n  type.inbound\n")
	dir := filepath.Dir(ugly)
	const want = "name: x # kept\nsource: |\n  type.inbound\n  and type.outbound\n"
	if out := a.must("fmt " + ugly); out != want {
		t.Errorf("printed %q", out)
	}
	if code, out, _ := a.run("fmt", "--check", dir); code != 1 || out != ugly+"\n" {
		t.Errorf("check: exit %d, %q", code, out)
	}
	if err := os.Chmod(ugly, 0o664); err != nil {
		t.Fatal(err)
	}
	a.must("fmt --write "+dir, ugly)
	if raw, err := os.ReadFile(ugly); err != nil || string(raw) != want {
		t.Errorf("wrote %q, %v", raw, err)
	}
	if info, err := os.Stat(ugly); err != nil || info.Mode().Perm() != 0o664 {
		t.Errorf("permissions %v, %v", info.Mode(), err)
	}
	if out := a.must("fmt --check " + dir); out != "" {
		t.Errorf("check says %q", out)
	}
	a.rule("fmt/bad.yml", "source: |\n  type.inbound\n  and and\n")
	a.fails("fmt --check "+dir, filepath.Join(dir, "bad.yml")+":3:7: ")
}
