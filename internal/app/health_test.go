package app_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/app"
	"outrider/internal/config"
	"outrider/internal/mailtest"
)

// gateway runs a gateway whose configuration is that of the bundle, changed.
func gateway(t *testing.T, prepare func(b *bundle), changes ...string) *bundle {
	t.Helper()
	b := &bundle{t: t, dir: t.TempDir()}
	b.maildir = filepath.Join(b.dir, "maildir")
	yaml := func(smtp, web string) string { return strings.NewReplacer(changes...).Replace(b.yaml(smtp, web)) }
	if prepare != nil {
		b.config = write(t, filepath.Join(b.dir, "first.yaml"), yaml("127.0.0.1:0", ""))
		prepare(b)
	}
	c, err := config.Parse([]byte(yaml("127.0.0.1:0", "127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	if b.app, err = app.New(t.Context(), c, slog.New(slog.NewJSONHandler(&b.log, nil))); err != nil {
		t.Fatal(err)
	}
	b.serve(yaml)
	return b
}

// One session, in which a recipient is refused and a message is held: its lines, the reply and the
// quarantine are joined by ids.
func TestLogLinesAreJoinedByIDs(t *testing.T) {
	t.Parallel()
	b := gateway(t, nil)
	mail := write(t, filepath.Join(b.dir, "a.eml"), fmt.Sprintf(message, "blocked.example"))
	var sent struct {
		ID, Reply string
		Held      []string
	}
	out := b.must("inject", "--to", "x@example.org,y@elsewhere.example", "--format", "json", mail)
	if err := json.Unmarshal([]byte(out), &sent); err != nil || len(sent.Held) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	lines := map[string]map[string]any{}
	for line := range strings.Lines(b.log.String()) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		msg, _ := v["msg"].(string)
		lines[msg] = v
	}
	m, refused := lines["message"], lines["recipient refused"]
	if m["message_id"] != sent.ID || !strings.Contains(sent.Reply, sent.ID) || m["held"] != sent.Held[0] || m["reason"] != "block list entry blocked.example (case 7)" {
		t.Errorf("the line is %v, the result %+v", m, sent)
	}
	if m["session"] == "" || m["session"] != refused["session"] || refused["rcpt"] != "y@elsewhere.example" {
		t.Errorf("the refusal is %v, the message %v", refused, m)
	}
}

// A message that is refused for its form has no id. Its line has the session, the reverse-path, the
// first recipient and the reply.
func TestRefusedMessageIsLogged(t *testing.T) {
	t.Parallel()
	b := gateway(t, nil)
	c, err := config.Load(b.config)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := textproto.Dial("tcp", c.Listen.SMTP[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // the server ends the session
	if _, _, err := conn.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		command string
		code    int
	}{
		{"HELO c.example", 250}, {"MAIL FROM:<a@b.example>", 250}, {"RCPT TO:<x@example.org>", 250}, {"DATA", 354}, {"a\nb\r\n.", 550},
	} {
		if err := conn.PrintfLine("%s", step.command); err != nil {
			t.Fatal(err)
		}
		if _, text, err := conn.ReadResponse(step.code); err != nil {
			t.Fatalf("%q: %s: %v", step.command, text, err)
		}
	}
	var line struct{ Msg, Session, From, Rcpt, Reply string }
	for text := range strings.Lines(b.log.String()) {
		if err := json.Unmarshal([]byte(text), &line); err == nil && line.Msg == "message refused" {
			break
		}
	}
	if line.Msg != "message refused" || line.Session == "" || line.From != "a@b.example" || line.Rcpt != "x@example.org" || !strings.HasPrefix(line.Reply, "550 5.6.11") {
		t.Errorf("the log is %s", b.log.String())
	}
}

func TestReadyNamesWhatMailIsEvaluatedWithout(t *testing.T) {
	t.Parallel()
	zone := mailtest.StartZone(t, "example.org. 300 IN TXT \"x\"\n")
	pull := func(b *bundle) {
		feed := filepath.Join(b.dir, "feed")
		write(b.t, filepath.Join(feed, "detection-rules", "a.yml"), ruleYAML("a", "low", "false"))
		b.must("rules", "pull", feed, "--activate")
	}
	broken := func(b *bundle) {
		pull(b)
		write(b.t, filepath.Join(b.dir, "data", "rules", "active.json"), "{")
	}
	for name, tc := range map[string]struct {
		prepare func(b *bundle)
		changes []string
		code    int
		want    []string // lines
		gauges  string   // degraded components
	}{
		"nothing":           {pull, []string{"dns: {off: true}", "dns: {servers: [\"" + zone.Addr + "\"]}"}, 200, []string{"ok"}, ""},
		"rules and dns":     {nil, nil, 200, []string{"degraded", "rules: no rules are active", "dns: disabled by dns.off"}, "dns rules"},
		"a silent resolver": {pull, []string{"dns: {off: true}", "dns: {servers: [\"127.0.0.1:1\"], timeout: 1s}"}, 200, []string{"degraded", "dns: mail is evaluated without SPF, DKIM and DMARC: asking the resolvers: "}, "dns"},
		"broken rules":      {broken, []string{"dns: {off: true}", "dns: {servers: [\"" + zone.Addr + "\"]}"}, 200, []string{"degraded", "rules: not loaded: "}, "rules"},
		"detection":         {pull, []string{"dns: {off: true}", "dns: {servers: [\"" + zone.Addr + "\"]}\ndetection: {off: true}"}, 200, []string{"degraded", "detection: disabled by detection.off"}, "detection"},
		"a full disk":       {pull, []string{"dns: {off: true}", "dns: {servers: [\"" + zone.Addr + "\"]}\nspool: {min_free: 8000000GiB}"}, 503, []string{"unavailable", "spool: "}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := gateway(t, tc.prepare, tc.changes...)
			code, body := get(t, "http://"+b.http+"/readyz")
			lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
			if code != tc.code || len(lines) != len(tc.want) {
				t.Fatalf("%d\n%s", code, body)
			}
			for i, want := range tc.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %d is %q, want %q", i+1, lines[i], want)
				}
			}
			var status struct {
				Status     string
				Components []struct{ Name, Status, Detail string }
			}
			if _, body = get(t, "http://"+b.http+"/readyz?format=json"); json.Unmarshal([]byte(body), &status) != nil || status.Status != lines[0] || len(status.Components) != 6 {
				t.Errorf("got %s", body)
			}
			_, metrics := get(t, "http://"+b.http+"/metrics")
			for _, c := range []string{"database", "detection", "rules", "workers", "dns"} {
				want := map[bool]string{true: " 1\n", false: " 0\n"}[strings.Contains(tc.gauges, c)]
				if !strings.Contains(metrics, `outrider_degraded{component="`+c+`"}`+want) {
					t.Errorf("the gauge of %s is not%s", c, want)
				}
			}
		})
	}
}

func TestReadyIsJSONForWhoAsks(t *testing.T) {
	t.Parallel()
	b := start(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.http+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	var status struct{ Status string }
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil || status.Status != "degraded" || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%+v, %v", status, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
}
