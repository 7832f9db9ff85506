package mailflow_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"outrider/internal/quarantine"
)

// logBook keeps what was logged. It is safe for concurrent use.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *logBook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// lines returns the lines with a message, and all their values.
func (l *logBook) lines(t *testing.T, msg string) (out []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if v["msg"] == msg {
			out = append(out, v)
		}
	}
	return out
}

// wants compares the named values of a line.
func wants(t *testing.T, line, want map[string]any) {
	t.Helper()
	for key, v := range want {
		if line[key] != v {
			t.Errorf("%s is %v, want %v, in %v", key, line[key], v, line)
		}
	}
}

func TestOneLinePerMessageSaysWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for name, tc := range map[string]struct {
		subject string
		to      []string
		want    map[string]any
	}{
		"delivered": {"s", []string{"x@example.org"}, map[string]any{
			"level": "INFO", "tenant": "a", "client": "192.0.2.1", "from": "ann@elsewhere.example", "author": "ann@elsewhere.example", "message_id_field": "<1@elsewhere.example>",
			"recipients": 1.0, "rcpt": "x@example.org", "disposition": "NONE", "action": "deliver", "reason": "disposition NONE", "placed": 1.0, "reply": 250.0, "error": nil, "held": nil,
		}},
		"held and delivered": {"evil", []string{"x@example.org", "reports@example.org", "y@example.org"}, map[string]any{
			"recipients": 3.0, "disposition": "MALICIOUS", "action": "quarantine; deliver", "reason": "disposition MALICIOUS: evil; recipient is exempt",
			"quarantined": 2.0, "placed": 1.0, "reply": 250.0,
		}},
		"rejected": {"evil", []string{"x@strict.example"}, map[string]any{
			"action": "reject", "reason": "disposition MALICIOUS: evil", "rejected": 1.0, "placed": nil, "reply": 550.0,
		}},
		"for no tenant": {"s", []string{"x@gone.example"}, map[string]any{"tenant": nil, "action": nil, "recipients": 1.0, "reply": 451.0}},
	} {
		before := len(b.log.lines(t, "message"))
		_, err := b.process(mail(tc.subject), "ann@elsewhere.example", tc.to...)
		lines := b.log.lines(t, "message")
		if len(lines) != before+1 {
			t.Fatalf("%s: %d lines, want one", name, len(lines)-before)
		}
		t.Log(name)
		wants(t, lines[before], tc.want)
		if _, failed := lines[before]["error"]; failed != (err != nil) {
			t.Errorf("%s: the line has the error %v, the sender %v", name, lines[before]["error"], err)
		}
	}
}

func TestLinesAreBoundedAndHoldNoContent(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	raw := strings.Replace(mail("secret subject"), "Message-ID: <1@", "Message-ID: <\u2028\x1b[31m"+strings.Repeat("x", 100_000)+"@", 1)
	to := make([]string, 500)
	for i := range to {
		to[i] = "someone" + strings.Repeat("x", i%50) + "@example.org"
	}
	if _, err := b.process(raw, "ann@elsewhere.example", to...); err != nil {
		t.Fatal(err)
	}
	if text := b.log.text.String(); len(text) > 4000 || strings.Contains(text, "secret") || strings.ContainsAny(text, "\x1b\u2028") || strings.Count(text, "\n") != len(b.log.lines(t, "message")) {
		t.Errorf("%d bytes: %.5000q", len(text), text)
	}
}

func TestOneLinePerActionJoinsTheMessage(t *testing.T) {
	t.Parallel()
	down := make(chan struct{})
	b := setup(t, func(c string) string {
		select {
		case <-down:
		default:
			if c == "." {
				return "451 4.3.0 not now"
			}
		}
		return ""
	})
	if _, err := b.process(mail("s"), "ann@elsewhere.example", "x@example.org"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.process(mail("evil"), "ann@elsewhere.example", "x@example.org"); err != nil {
		t.Fatal(err)
	}
	close(down)
	box := b.run()
	var items []quarantine.Item
	b.until("the held message", func() bool {
		items, _ = box.List(t.Context(), quarantine.Filter{State: quarantine.Held})
		return len(items) == 1
	})
	if err := box.Release(t.Context(), items[0].ID, "admin"); err != nil {
		t.Fatal(err)
	}
	b.until("three actions", func() bool { return len(b.log.lines(t, "action")) == 3 })
	messages, byAction := b.log.lines(t, "message"), map[string][]map[string]any{}
	for _, line := range b.log.lines(t, "action") {
		name, _ := line["action"].(string)
		byAction[name] = append(byAction[name], line)
	}
	if len(byAction["placed"]) != 2 || len(byAction["released"]) != 1 {
		t.Fatalf("got %v", byAction)
	}
	wants(t, messages[1], map[string]any{"held": items[0].ID, "quarantined": 1.0})
	wants(t, byAction["released"][0], map[string]any{
		"message_id": messages[1]["message_id"], "held": items[0].ID, "by": "admin", "reason": "disposition MALICIOUS: evil", "recipients": 1.0, "tenant": "a",
	})
	for _, line := range byAction["placed"] {
		if line["message_id"] == messages[0]["message_id"] {
			wants(t, line, map[string]any{"attempts": 2.0, "rcpt": "x@example.org"})
		}
	}
}
