package app_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outrider/internal/app"
	"outrider/internal/config"
	"outrider/internal/mailtest"
)

const message = "From: Ann <ann@%s>\nTo: x@example.org\nSubject: hello\nDate: Mon, 02 Nov 2026 10:00:00 +0000\nMessage-ID: <1@x>\n\nbody\n"

// bundle is a running gateway and its command line.
type bundle struct {
	t       *testing.T
	dir     string
	config  string // path
	maildir string
	http    string
	app     *app.App
	log     safeBuffer
	stop    func() error
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// yaml returns a configuration whose ports are smtp and web.
func (b *bundle) yaml(smtp, web string) string {
	return fmt.Sprintf(`
hostname: gw.example.org
data_dir: %s
listen: {smtp: ["%s"], http: "%s"}
dns: {off: true}
tenants:
  - id: a
    domains:
      - name: example.org
        route: {type: maildir, path: %s}
    blocked: [{sender: blocked.example, note: case 7}]
`, filepath.Join(b.dir, "data"), smtp, web, b.maildir)
}

// start runs a gateway on free ports and writes the configuration that finds it.
func start(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, dir: t.TempDir()}
	b.maildir = filepath.Join(b.dir, "maildir")
	c, err := config.Parse([]byte(b.yaml("127.0.0.1:0", "127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	if b.app, err = app.New(t.Context(), c, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	b.serve(b.yaml)
	return b
}

// serve runs the gateway on free ports and writes the configuration that finds it.
func (b *bundle) serve(yaml func(smtp, web string) string) {
	b.t.Helper()
	addrs, err := b.app.Listen(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	b.http = b.app.HTTPAddr()
	b.config = write(b.t, filepath.Join(b.dir, "outrider.yaml"), yaml(addrs[0].String(), b.http))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.app.Run(ctx) }()
	stopped := false
	b.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	b.t.Cleanup(func() {
		if err := b.stop(); err != nil {
			b.t.Error(err)
		}
	})
}

// run calls the command line.
func (b *bundle) run(args ...string) (code int, out, errOut string) {
	b.t.Helper()
	var o, e bytes.Buffer
	code = app.Main(b.t.Context(), append([]string{"-c", b.config}, args...), &o, &e)
	return code, o.String(), e.String()
}

func (b *bundle) must(args ...string) string {
	b.t.Helper()
	code, out, errOut := b.run(args...)
	if code != 0 {
		b.t.Fatalf("%v: exit %d\n%s%s", args, code, out, errOut)
	}
	return out
}

func TestMailIsInjectedHeldShownAndReleased(t *testing.T) {
	t.Parallel()
	b := start(t)
	good := write(t, filepath.Join(b.dir, "mail", "good.eml"), fmt.Sprintf(message, "friend.example"))
	write(t, filepath.Join(b.dir, "mail", "bad.eml"), fmt.Sprintf(message, "blocked.example"))
	out := b.must("inject", filepath.Dir(good))
	if !strings.Contains(out, "placed") || !strings.Contains(out, "quarantined") {
		t.Errorf("inject shows\n%s", out)
	}
	if list := b.must("messages", "list"); strings.Count(list, "hello") != 2 {
		t.Errorf("messages list shows\n%s", list)
	}
	var held struct{ ID string }
	if err := json.Unmarshal([]byte(b.must("quarantine", "list", "--format", "json")), &held); err != nil {
		t.Fatal(err)
	}
	if show := b.must("quarantine", "show", held.ID); !strings.Contains(show, "block list entry blocked.example (case 7)") || !strings.Contains(show, "quarantined") {
		t.Errorf("quarantine show shows\n%s", show)
	}
	want := strings.ReplaceAll(fmt.Sprintf(message, "blocked.example"), "\n", "\r\n")
	if raw := b.must("quarantine", "show", "--raw", held.ID); raw != want {
		t.Errorf("the held bytes are %q", raw)
	}
	if out := b.must("quarantine", "release", held.ID); !strings.Contains(out, "released") {
		t.Errorf("release says %s", out)
	}
	if code, _, errOut := b.run("quarantine", "delete", held.ID); code != 1 || !strings.Contains(errOut, "no longer held") {
		t.Errorf("deleting what was released: exit %d, %s", code, errOut)
	}
	mailtest.Until(t, "both messages in the Maildir", func() bool {
		files, _ := filepath.Glob(filepath.Join(b.maildir, "new", "*"))
		return len(files) == 2
	})
	files, _ := filepath.Glob(filepath.Join(b.maildir, "new", "*"))
	if !slices.ContainsFunc(files, func(path string) bool {
		raw, _ := os.ReadFile(path)
		return strings.Contains(string(raw), "reason=blocked:blocked.example")
	}) {
		t.Error("the released message does not name the list entry")
	}
	if out := b.must("quarantine", "list", "--all"); !strings.Contains(out, "released") {
		t.Errorf("list --all shows\n%s", out)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body.String()
}

func TestHealthAndMetrics(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.must("inject", write(t, filepath.Join(b.dir, "m.eml"), fmt.Sprintf(message, "friend.example")))
	if code, body := get(t, "http://"+b.http+"/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %q", code, body)
	}
	_, metrics := get(t, "http://"+b.http+"/metrics")
	for _, want := range []string{`outrider_recipients_total{outcome="placed"} 1`, `outrider_smtp_messages_total{class="2xx"} 1`, "outrider_judge_seconds_count 1", "outrider_spool_queued 0"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestScanFormatsAndExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "a.eml"), fmt.Sprintf(message, "friend.example"))
	scan := func(args ...string) (int, string, string) {
		var o, e bytes.Buffer
		code := app.Main(t.Context(), append([]string{"scan"}, args...), &o, &e)
		return code, o.String(), e.String()
	}
	code, out, errOut := scan("--format", "json", file, file)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) != 2 || !strings.Contains(errOut, "2 messages analysed, 0 with errors") || !strings.Contains(errOut, "peak memory") {
		t.Errorf("exit %d\n%s\n%s", code, out, errOut)
	}
	var r map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &r); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"path", "disposition", "score", "classes", "findings", "degraded", "micros"} {
		if _, ok := r[key]; !ok {
			t.Errorf("a line lacks %q", key)
		}
	}
	_, out, _ = scan("--format", "csv", "-q", dir)
	if rows, err := csv.NewReader(strings.NewReader(out)).ReadAll(); err != nil || len(rows) != 2 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if code, out, _ = scan("--format", "json", "-q", write(t, filepath.Join(dir, "empty", ".keep"), "")[:len(dir)+6]); code != 0 || out != "" {
		t.Errorf("nothing to scan: exit %d, %q", code, out)
	}
	if code, _, errOut = scan(filepath.Join(dir, "none")); code != 1 || !strings.Contains(errOut, "1 with errors") {
		t.Errorf("a file that is not there: exit %d\n%s", code, errOut)
	}
}

func TestCheckFindsWhatWouldStopMail(t *testing.T) {
	t.Parallel()
	b := &bundle{t: t, dir: t.TempDir()}
	b.maildir = filepath.Join(b.dir, "maildir")
	b.config = write(t, filepath.Join(b.dir, "o.yaml"), b.yaml("127.0.0.1:0", ""))
	if out := b.must("check", "--no-dns"); !strings.Contains(out, "Maildir") || !strings.Contains(out, "self-signed") {
		t.Errorf("got\n%s", out)
	}
	down := strings.Replace(b.yaml("127.0.0.1:0", ""), "type: maildir", `hosts: ["127.0.0.1:1"]`, 1)
	b.config = write(t, filepath.Join(b.dir, "o.yaml"), down)
	if code, out, _ := b.run("check", "--no-dns"); code != 1 || !strings.Contains(out, "FAIL  next hop of example.org") {
		t.Errorf("a next hop that is down: exit %d\n%s", code, out)
	}
}

func TestMistakesOnTheCommandLine(t *testing.T) {
	t.Parallel()
	b := &bundle{t: t, dir: t.TempDir()}
	b.config = write(t, filepath.Join(b.dir, "o.yaml"), "hostnam: x")
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"an unknown command":           {[]string{"sevre"}, 2, "serve"},
		"a broken configuration":       {[]string{"serve"}, 1, "hostnam"},
		"no argument":                  {[]string{"scan"}, 2, "expected"},
		"a gateway that has never run": {[]string{"messages", "list"}, 1, "hostnam"},
	} {
		if code, _, errOut := b.run(tc.args...); code != tc.code || !strings.Contains(errOut, tc.want) {
			t.Errorf("%s: exit %d, %s", name, code, errOut)
		}
	}
	if out := b.must("version"); !strings.HasPrefix(out, "outrider ") {
		t.Errorf("version says %s", out)
	}
	if out := b.must("config", "reference"); !strings.Contains(out, "`smtp.max_size`") {
		t.Error("the reference lacks a setting")
	}
}

func TestReloadIsAllOrNothing(t *testing.T) {
	t.Parallel()
	b := start(t)
	file := write(t, filepath.Join(b.dir, "m.eml"), fmt.Sprintf(message, "blocked.example"))
	broken, err := config.Parse([]byte(strings.Replace(b.yaml("127.0.0.1:0", ""), "blocked.example", "a..b", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.app.Reload(t.Context(), broken); err == nil {
		t.Fatal("a configuration that cannot work was taken")
	}
	if out := b.must("inject", file); !strings.Contains(out, "quarantined") {
		t.Errorf("after a failed reload\n%s", out)
	}
	other, err := config.Parse([]byte(strings.Replace(b.yaml("127.0.0.1:0", ""), "blocked.example", "else.example", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.app.Reload(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if out := b.must("inject", file); !strings.Contains(out, "placed") {
		t.Errorf("after a reload\n%s", out)
	}
}

func TestSecondGatewayOnOneDirectorySaysSo(t *testing.T) {
	t.Parallel()
	b := start(t)
	c, err := config.Parse([]byte(b.yaml("127.0.0.1:0", "")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.New(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another Outrider") {
		t.Errorf("got %v", err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.must("inject", write(t, filepath.Join(b.dir, "m.eml"), fmt.Sprintf(message, "blocked.example")))
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	if out := b.must("quarantine", "list"); !strings.Contains(out, "ann@blocked.example") {
		t.Errorf("after the stop the list shows\n%s", out)
	}
	if out := b.must("messages", "list", "--disposition", "none"); strings.Contains(out, "\nann") {
		t.Errorf("got\n%s", out)
	}
}

func TestSpreadsheetsTakeNoFormula(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"=1+1": "'=1+1", "@x": "'@x", "a=1": "a=1", "": ""} {
		if got := app.FormulaSafe(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}
