package mtasts_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"outrider/internal/egress"
	"outrider/internal/mtasts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is the DNS and the web of one or more domains, which all say the same.
type world struct {
	mu      sync.Mutex
	txt     []string // no records: the name does not exist
	dnsErr  error
	body    string
	webErr  error
	hang    bool // fetching lasts until it is given up
	lookups int
	fetches int
	url     string
	options egress.Options
}

func (w *world) LookupTXT(_ context.Context, name string) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookups++
	if w.dnsErr == nil && len(w.txt) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return w.txt, w.dnsErr
}

func (w *world) Get(ctx context.Context, url string, o egress.Options) (*egress.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fetches++
	w.url, w.options = url, o
	if w.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &egress.Response{Status: 200, Body: []byte(w.body)}, w.webErr
}

func newClient(t *testing.T, w *world, dir string, domains int) *mtasts.Client {
	t.Helper()
	c, err := mtasts.New(mtasts.Config{Resolver: w, Fetcher: w, Dir: dir, MaxDomains: domains, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var errDown = errors.New("down")

// policyOf is a policy whose host has the given name.
func policyOf(host string, age int) string {
	return fmt.Sprintf("version: STSv1\nmode: enforce\nmx: %s.example\nmax_age: %d\n", host, age)
}

// TestLifeOfAPolicy walks through the life of one policy. Each step changes the world, lets
// time pass, and says which host the policy names then ("" is no policy), whether its
// absence is certain, and how often the policy was fetched.
func TestLifeOfAPolicy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		c := newClient(t, w, "", 0)
		defer func() { _ = c.Close() }()
		for _, s := range []struct {
			name    string
			change  func()
			wait    time.Duration
			host    string
			failed  bool
			fetches int
		}{
			{"no record", func() {}, 0, "", false, 0},
			{"a record, but looked for a moment ago", func() { w.txt, w.body = []string{"v=STSv1; id=1"}, policyOf("one", 200_000) }, time.Minute, "", false, 0},
			{"a record", func() {}, 5 * time.Minute, "one", false, 1},
			{"nothing new", func() { w.body = policyOf("two", 200_000) }, time.Hour, "one", false, 1},
			{"a new id", func() { w.txt[0] = "v=STSv1; id=2" }, time.Hour, "two", false, 2},
			{"a new id, and a broken policy", func() { w.txt[0], w.body = "v=STSv1; id=3", "404" }, time.Hour, "two", false, 3},
			{"not fetched again so soon", func() {}, time.Minute, "two", false, 3},
			{"fetched again later", func() { w.body = policyOf("three", 200_000) }, 5 * time.Minute, "three", false, 4},
			{"the record is gone", func() { w.txt = nil }, time.Hour, "three", false, 4},
			{"two records", func() { w.txt = []string{"v=STSv1; id=4", "v=STSv1; id=5"} }, time.Hour, "three", false, 4},
			{"the name server is down", func() { w.dnsErr = errDown }, time.Hour, "three", false, 4},
			{"renewed after a day", func() { w.dnsErr, w.txt = nil, []string{"spf", "v=STSv1; id=3"} }, 24 * time.Hour, "three", false, 5},
			{"the policy cannot be renewed", func() { w.webErr = errDown }, 40 * time.Hour, "three", false, 6},
			{"and ends", func() {}, 16 * time.Hour, "", true, 7},
			{"it comes back", func() { w.webErr = nil }, 5 * time.Minute, "three", false, 8},
			{"it is given up", func() { w.txt, w.body = []string{"v=STSv1; id=6"}, "version: STSv1\nmode: none\nmax_age: 86400\n" }, time.Hour, "", false, 9},
			{"a policy for no time at all", func() { w.txt[0], w.body = "v=STSv1; id=7", policyOf("four", 0) }, time.Hour, "", false, 10},
			{"is not fetched for each message", func() {}, time.Minute, "", false, 10},
			{"the name server is down without a policy", func() { w.dnsErr = errDown }, time.Hour, "", true, 10},
			{"a record that is malformed", func() { w.dnsErr, w.txt = nil, []string{"v=STSv1; id=?"} }, time.Hour, "", true, 10},
			{"the web server hangs", func() { w.txt[0], w.hang = "v=STSv1; id=8", true }, time.Hour, "", true, 11},
		} {
			<-time.After(s.wait)
			s.change()
			<-time.After(0)
			p, err := c.Policy(t.Context(), "Example.ORG.")
			got := strings.TrimSuffix(strings.Join(p.MX, ","), ".example")
			if got != s.host || (err != nil) != s.failed || w.fetches != s.fetches {
				t.Errorf("%s: host %q, %v, %d fetches", s.name, got, err, w.fetches)
			}
		}
		want := egress.Options{NoRedirects: true, HTTPSOnly: true, MaxBody: 64 << 10}
		if w.url != "https://mta-sts.example.org/.well-known/mta-sts.txt" || len(w.options.MediaTypes) != 1 || w.options.NoRedirects != want.NoRedirects ||
			w.options.HTTPSOnly != want.HTTPSOnly || w.options.MaxBody != want.MaxBody {
			t.Errorf("asked for %s with %+v", w.url, w.options)
		}
	})
}

func TestImpatientAskerGetsWhatIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{txt: []string{"v=STSv1; id=1"}, body: policyOf("one", 200_000)}
		c := newClient(t, w, "", 0)
		defer func() { _ = c.Close() }()
		if _, err := c.Policy(t.Context(), "example.org"); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		w.txt[0], w.hang = "v=STSv1; id=2", true
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if p, err := c.Policy(ctx, "example.org"); err != nil || len(p.MX) != 1 {
			t.Errorf("with a policy: %+v, %v", p, err)
		}
		synctest.Wait()
		<-time.After(patience)
		if p, err := c.Policy(ctx, "other.example"); !errors.Is(err, context.DeadlineExceeded) || len(p.MX) != 0 {
			t.Errorf("without: %+v, %v", p, err)
		}
	})
}

// patience is longer than a fetch may last.
const patience = time.Minute

func TestManyAskersFetchOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{txt: []string{"v=STSv1; id=1"}, body: policyOf("one", 200_000)}
		c := newClient(t, w, "", 0)
		defer func() { _ = c.Close() }()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if p, err := c.Policy(t.Context(), "example.org"); err != nil || len(p.MX) != 1 {
					t.Errorf("got %+v, %v", p, err)
				}
			})
		}
		wg.Wait()
		if w.fetches != 1 {
			t.Errorf("%d fetches", w.fetches)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := &world{txt: []string{"v=STSv1; id=1"}}
	c := newClient(t, w, dir, 10)
	defer func() { _ = c.Close() }()
	for i := range 40 {
		w.body = policyOf("one", 100_000+1000*(i%20))
		if i%2 == 1 {
			w.body = ""
		}
		_, _ = c.Policy(t.Context(), fmt.Sprintf("d%d.example", i))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) > 10 || len(files) < 5 {
		t.Errorf("%d files, %v", len(files), err)
	}
	before := w.lookups
	if p, err := c.Policy(t.Context(), "d38.example"); err != nil || len(p.MX) != 1 || w.lookups != before {
		t.Errorf("the policy that holds longest is forgotten: %+v, %v", p, err)
	}
}

func TestPoliciesOutliveARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "policies")
	w := &world{txt: []string{"v=STSv1; id=1"}, body: policyOf("one", 200_000)}
	c := newClient(t, w, dir, 0)
	for _, domain := range []string{"example.org", "bücher.example", "a/b.example"} {
		if _, err := c.Policy(t.Context(), domain); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Close()
	w.txt, w.dnsErr = nil, errDown
	for name, content := range map[string]string{
		"broken.example.sts":  "{",
		"renamed.example.sts": `{"domain":"example.org"}`,
		"old.example.sts":     `{"domain":"old.example","id":"1","fetched":"2020-01-01T00:00:00Z","policy":"version: STSv1\nmode: none\nmax_age: 1\n"}`,
		"early.example.sts":   `{"domain":"early.example","id":"1","fetched":"2999-01-01T00:00:00Z","policy":"version: STSv1\nmode: none\nmax_age: 1\n"}`,
		"large.example.sts":   strings.Repeat(" ", 1<<20),
		"unfinished-1":        "half",
		"README":              "of somebody else",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c = newClient(t, w, dir, 0)
	defer func() { _ = c.Close() }()
	for domain, known := range map[string]bool{"example.org": true, "xn--bcher-kva.example": true, "a/b.example": false, "old.example": false} {
		p, err := c.Policy(t.Context(), domain)
		if known != (len(p.MX) == 1) || known != (err == nil) {
			t.Errorf("%s: %+v, %v", domain, p, err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	if got := strings.Join(files, " "); got != "README example.org.sts xn--bcher-kva.example.sts" {
		t.Errorf("files: %s", got)
	}
}

func TestMalformedDomainHasNoPolicy(t *testing.T) {
	t.Parallel()
	c := newClient(t, &world{}, "", 0)
	defer func() { _ = c.Close() }()
	for _, domain := range []string{"", "a..b", "[192.0.2.1]", strings.Repeat("a", 300)} {
		if p, err := c.Policy(t.Context(), domain); err == nil || p.Mode != "" {
			t.Errorf("%q: %+v, %v", domain, p, err)
		}
	}
}
