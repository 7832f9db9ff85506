package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outrider/internal/app"
)

// schemas lists the outputs that have a schema in docs/schemas.
var schemas = []string{"events", "hunt", "inject", "messages", "quarantine", "rules", "scan"}

func schemaOf(t *testing.T, name string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "schemas", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSchemasInDocsAreThoseOfTheProgram(t *testing.T) {
	t.Parallel()
	for _, name := range schemas {
		var out, errOut bytes.Buffer
		if code := app.Main(t.Context(), []string{"schema", name}, &out, &errOut); code != 0 {
			t.Fatal(errOut.String())
		}
		raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "schemas", name+".json"))
		if err != nil || string(raw) != out.String() {
			t.Errorf("docs/schemas/%s.json is not current (%v): run make docs", name, err)
		}
	}
	var out, errOut bytes.Buffer
	if code := app.Main(t.Context(), []string{"schema", "none"}, &out, &errOut); code != 1 || !strings.Contains(errOut.String(), strings.Join(schemas, ", ")) {
		t.Errorf("exit %d, %s", code, errOut.String())
	}
}

// violations compares a JSON value with a schema: the keywords that Outrider's schemas use.
func violations(at string, schema map[string]any, v any) (out []string) {
	want, _ := schema["type"].(string)
	got := map[bool]string{true: want}[isType(want, v)]
	if got == "" {
		return []string{fmt.Sprintf("%s is %T, want %s", at, v, want)}
	}
	if values, ok := schema["enum"].([]any); ok && !slices.Contains(values, v) {
		out = append(out, fmt.Sprintf("%s is %v, want one of %v", at, v, values))
	}
	switch x := v.(type) {
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, e := range x {
			out = append(out, violations(fmt.Sprintf("%s[%d]", at, i), items, e)...)
		}
	case map[string]any:
		out = append(out, objectViolations(at, schema, x)...)
	}
	return out
}

func isType(want string, v any) bool {
	n, isNumber := v.(float64)
	switch want {
	case "string":
		_, ok := v.(string)
		return ok
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "integer":
		return isNumber && n == float64(int64(n))
	case "number":
		return isNumber
	case "array":
		_, ok := v.([]any)
		return ok
	default:
		_, ok := v.(map[string]any)
		return ok && want == "object"
	}
}

func objectViolations(at string, schema, v map[string]any) (out []string) {
	properties, _ := schema["properties"].(map[string]any)
	more, _ := schema["additionalProperties"].(map[string]any)
	closed := schema["additionalProperties"] == false
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if name, _ := name.(string); v[name] == nil {
			out = append(out, at+"."+name+" is missing")
		}
	}
	for name, e := range v {
		p, ok := properties[name].(map[string]any)
		switch {
		case ok:
			out = append(out, violations(at+"."+name, p, e)...)
		case more != nil:
			out = append(out, violations(at+"."+name, more, e)...)
		case closed:
			out = append(out, at+"."+name+" is not in the schema")
		}
	}
	return out
}

// checkLines compares every line of JSON with a schema, and returns the lines.
func checkLines(t *testing.T, name, out string, n int) (lines []map[string]any) {
	t.Helper()
	schema := schemaOf(t, name)
	for line := range strings.Lines(out) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%s: %q: %v", name, line, err)
		}
		for _, x := range violations(name, schema, v) {
			t.Errorf("%s", x)
		}
		lines = append(lines, v)
	}
	if len(lines) != n {
		t.Fatalf("%s: %d lines, want %d:\n%s", name, len(lines), n, out)
	}
	return lines
}

func TestJSONKeepsToItsSchema(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.stay(3)
	inject := checkLines(t, "inject", b.must("inject", "--format", "json", filepath.Join(b.dir, "mail")), 4)
	held := checkLines(t, "quarantine", b.must("quarantine", "list", "--format", "json"), 1)[0]
	messages := checkLines(t, "messages", b.must("messages", "list", "--format", "json"), 4)
	checkLines(t, "events", b.must("events", "--format", "json"), 12)
	_, scanned, _ := b.run("scan", "-q", "--format", "json", filepath.Join(b.dir, "mail"))
	checkLines(t, "scan", scanned, 4)
	_, old, _ := b.run("scan", "-q", "--format", "jsonl", filepath.Join(b.dir, "mail"))
	checkLines(t, "scan", old, 4)
	heldID, _ := held["id"].(string)
	messageID, _ := held["message_id"].(string)
	checkLines(t, "quarantine", b.must("quarantine", "show", heldID, "--format", "json"), 1)
	checkLines(t, "messages", b.must("messages", "show", messageID, "--format", "json"), 1)
	for _, m := range messages {
		if m["id"] != held["message_id"] {
			continue
		}
		if m["reason"] != "block list entry blocked.example (case 7)" || m["status"] != "quarantined" || held["reason_text"] != m["reason"] {
			t.Errorf("got %v and %v", m, held)
		}
	}
	if !slices.ContainsFunc(inject, func(l map[string]any) bool {
		ids, _ := l["held"].([]any)
		return l["id"] == held["message_id"] && len(ids) == 1 && ids[0] == held["id"] && l["reason"] == held["reason_text"]
	}) {
		t.Errorf("inject does not name the held message: %v", inject)
	}
	if code, out, errOut := b.run("rules", "hunt", write(t, filepath.Join(b.dir, "r.yml"), ruleYAML("all", "low", "true")), "--format", "json"); code != 3 {
		t.Errorf("hunt: exit %d, %s", code, errOut)
	} else {
		for _, l := range checkLines(t, "hunt", out, 4) {
			if isHeld := l["held"] == held["id"]; isHeld != (l["received_source"] == "database") || l["message_id"] == nil {
				t.Errorf("hunt prints %v", l)
			}
		}
	}
}

// stay writes n messages that are delivered and one that is held, into mail/.
func (b *bundle) stay(n int) {
	b.t.Helper()
	for i := range n {
		write(b.t, filepath.Join(b.dir, "mail", fmt.Sprintf("good%d.eml", i)), fmt.Sprintf(message, "friend.example"))
	}
	write(b.t, filepath.Join(b.dir, "mail", "bad.eml"), fmt.Sprintf(message, "blocked.example"))
}

func TestListsSayWhatTheyLeaveOut(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.stay(3)
	b.must("inject", filepath.Join(b.dir, "mail"))
	b.must("quarantine", "list") // the shipper has written all
	for _, tc := range []struct{ args, want string }{
		{"messages list --limit 3", "showing 3 of 4 messages; use --limit"},
		{"messages list", ""},
		{"messages list --status quarantined --limit 1", ""},
		{"quarantine list --all", ""},
		{"events --limit 2", "showing 2 of 12 events; use --limit"},
		{"events --type judged --since 1h", ""},
		{"events --message gone", "no events"},
	} {
		code, out, errOut := b.run(strings.Fields(tc.args)...)
		if want := strings.TrimSpace("outrider: " + tc.want); tc.want == "" && errOut != "" || code != 0 || tc.want != "" && strings.TrimSpace(errOut) != want {
			t.Errorf("%s: exit %d, %q\n%s", tc.args, code, errOut, out)
		}
	}
	if out := b.must("messages", "list", "--status", "QUARANTINED"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "block list entry blocked.example (case 7)") || !strings.Contains(out, "x@example.org") {
		t.Errorf("got\n%s", out)
	}
}

func TestUnknownNamesAreErrorsThatListTheValid(t *testing.T) {
	t.Parallel()
	b := start(t)
	for _, tc := range []struct {
		args, want string
		code       int
	}{
		{"messages list --tenant z", `reading --tenant: "z" is none of a`, 1},
		{"messages list --disposition evil", "NONE, UNKNOWN, EXTERNAL", 1},
		{"messages list --status gone", "placed, deferred, quarantined", 1},
		{"messages list --limit 0", "not between 1 and 100,000", 2},
		{"messages list --since soon", "2026-11-30T08:00:00Z", 2},
		{"quarantine list --tenant z", `none of a`, 1},
		{"quarantine list --state gone", "held, release-asked, delete-asked, released, deleted, expired", 1},
		{"events --type gone", "received, judged, rejudged", 1},
		{"events --tenant z", "none of a", 1},
		{"rules list --severity bad", "informational, low, medium, high, critical", 1},
		{"schema gone", `"gone" is none of events, hunt`, 1},
		{"messages show gone", ` messages list" prints the ids of messages`, 1},
		{"messages show", `Run "outrider messages show --help"`, 2},
		{"scan", `Run "outrider scan --help"`, 2},
		{"gone", `Run "outrider --help"`, 2},
	} {
		if code, _, errOut := b.run(strings.Fields(tc.args)...); code != tc.code || !strings.Contains(errOut, tc.want) {
			t.Errorf("%s: exit %d, %s", tc.args, code, errOut)
		}
	}
}

func TestCustomaryNamesOfHelpAndVersion(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ args, want string }{
		{"help", "Usage: outrider <command>"},
		{"help messages list", "Usage: outrider messages list"},
		{"--version", "outrider " + app.Version()},
	} {
		var out bytes.Buffer
		if code := app.Main(t.Context(), strings.Fields(tc.args), &out, io.Discard); code != 0 || !strings.HasPrefix(out.String(), tc.want) {
			t.Errorf("%s: exit %d, %s", tc.args, code, out.String())
		}
	}
}
