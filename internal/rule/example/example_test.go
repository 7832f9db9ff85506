package example_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/attachment"
	"outrider/internal/mailtest"
	"outrider/internal/rule"
	"outrider/internal/rule/example"
	"outrider/internal/rule/feed"
	"outrider/internal/rule/schema"
)

// TestMain makes the test program its own worker, in which attachments are opened.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		if attachment.Serve(os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// open opens attachments in a worker.
func open(t *testing.T) func([]attachment.Input) []*attachment.Report {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	pool := attachment.NewPool(attachment.PoolConfig{Command: []string{self, "worker"}, Size: 1})
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(files []attachment.Input) []*attachment.Report {
		reports, err := pool.InspectAll(t.Context(), files)
		if err != nil {
			t.Error(err)
		}
		return reports
	}
}

// Fifteen rules of the feed, from the simplest to the hardest, on messages that they match
// and on some that they do not.
func TestRepresentativeRules(t *testing.T) {
	t.Parallel()
	public, err := feed.Load("public", os.DirFS(filepath.Join(mailtest.Data(t, "sublime"), "sublime-rules")))
	if err != nil {
		t.Fatal(err)
	}
	lists, err := feed.Load("lists", os.DirFS(filepath.Join(mailtest.Data(t, "sublime"), "sublime-lists")))
	if err != nil {
		t.Fatal(err)
	}
	around := &example.Around{Schema: rule.NewSchema(), Lists: lists.Lists, Have: schema.Files | schema.QR, Open: open(t)}
	paths, err := filepath.Glob("../testdata/examples/*.txtar")
	if err != nil || len(paths) != 15 {
		t.Fatalf("%d files of examples, want 15: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := example.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			outcomes, err := f.Run(t.Context(), ruleOf(t, f, public), around)
			if err != nil {
				t.Fatal(err)
			}
			matched := false
			for i := range outcomes {
				o := &outcomes[i]
				matched = matched || o.Got.Outcome != rule.NoMatch
				if !o.OK() {
					t.Errorf("%s is %s (%v), want %s", o.Message.Name, o.Got.Outcome, o.Got.Err, o.Message.Want)
				}
			}
			if !matched {
				t.Error("no message matches")
			}
		})
	}
}

func ruleOf(t *testing.T, f *example.File, public *feed.Feed) *rule.Rule {
	t.Helper()
	if f.Rule != "" {
		r, err := feed.Parse([]byte(f.Rule))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, r := range public.Rules {
		if r.ID == f.ID {
			return r
		}
	}
	t.Fatalf("the feed has no rule %s", f.ID)
	return nil
}

func TestFaultsOfExamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"rule: x\nexpect match: a\n", `there is no message "a"`},
		{"rule: x\n-- a --\n", `message "a" has no expected result`},
		{"expect match: a\n-- a --\n", "no rule: add"},
		{"rule: x\nexpect mach: a\n-- a --\n", `"mach" is not one of match, no-match and unknown`},
		{"rule x\n", "has no colon"},
		{"colour: red\n", `unknown setting "colour"`},
		{"profile: days=many\n", "days of the profile"},
		{"profile: shoe=9\n", `a profile has no "shoe"`},
		{"whois: days_old=x\n", "age of the domain"},
	} {
		if _, err := example.Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("rule: x\nlist a: b, c\npeople: A <a@b.example>\nprofile: prevalence=new\nexpect match: m\n-- m --\nFrom: a@b.example\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := example.Parse(text)
		if err == nil && x.ID == "" && x.Rule == "" {
			t.Error("accepted a file about no rule")
		}
	})
}
