package dkim_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outrider/internal/budget"
	"outrider/internal/mailauth/dkim"
	"outrider/internal/mailtest"
)

// crlfs returns the message with CRLF line ends.
func crlfs(raw []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

// chasquidZone reads the records of one case, or of the case that the file names.
func chasquidZone(t *testing.T, dir, file string) zone {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, file))
	if os.IsNotExist(err) {
		return zone{}
	}
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "\\\n", "")
	if other := strings.TrimSpace(text); strings.HasSuffix(other, ".dns") {
		return chasquidZone(t, dir, other)
	}
	z := zone{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if value = strings.TrimSpace(value); ok && value != "PERMERROR" {
			z[name] = append(z[name], value)
		}
	}
	return z
}

// chasquidDivergences are results that we answer otherwise, with the reason.
var chasquidDivergences = map[string]string{
	"02-too_many_headers": "seven signatures are within our budget of ten",
	"09-limited_body":     "l= leaves most of the body unsigned, which is policy here",
	"03-bad_message":      "a broken first line is skipped and counted; nothing is an error of the message",
}

func TestChasquidSuite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(mailtest.Data(t, "conformance/dkim_chasquid"), "internal", "dkim", "testdata")
	messages, err := filepath.Glob(filepath.Join(dir, "*.msg"))
	if err != nil || len(messages) == 0 {
		t.Fatalf("no messages: %v", err)
	}
	passed, divergent := 0, 0
	for _, path := range messages {
		name := strings.TrimSuffix(filepath.Base(path), ".msg")
		got, want := chasquidCase(t, dir, name)
		switch reason, known := chasquidDivergences[name]; {
		case known:
			divergent++
			t.Logf("divergence %s: %s (got %s, want %s)", name, reason, got, want)
		case got == want:
			passed++
		default:
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	t.Logf("chasquid: %d passed, %d deliberate divergences", passed, divergent)
}

// chasquidCase returns our results and those of the suite, a word for each signature.
func chasquidCase(t *testing.T, dir, name string) (got, want string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name+".msg"))
	if err != nil {
		t.Fatal(err)
	}
	if other := strings.TrimSpace(string(raw)); strings.HasSuffix(other, ".msg") && !strings.Contains(other, "\n") {
		if raw, err = os.ReadFile(filepath.Join(dir, other)); err != nil {
			t.Fatal(err)
		}
	}
	v := dkim.Verifier{Resolver: chasquidZone(t, dir, name+".dns")}
	for _, s := range v.Verify(t.Context(), crlfs(raw), budget.New(budget.Default())).Signatures {
		got += map[dkim.Result]string{dkim.Pass: "SUCCESS ", dkim.TempError: "TEMPFAIL "}[s.Result]
		if s.Result != dkim.Pass && s.Result != dkim.TempError {
			got += "PERMFAIL "
		}
	}
	var expected struct{ Results []struct{ State string } }
	file := filepath.Join(dir, name+".result")
	text, err := os.ReadFile(file)
	if err == nil && bytes.HasSuffix(bytes.TrimSpace(text), []byte(".result")) {
		text, err = os.ReadFile(filepath.Join(dir, strings.TrimSpace(string(text))))
	}
	if err == nil {
		err = json.Unmarshal(text, &expected)
	}
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, r := range expected.Results {
		want += r.State + " "
	}
	return got, want
}

// TestStalwartSuite verifies messages whose signatures are all valid at their time. The
// keys are in the first lines of each file.
func TestStalwartSuite(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(mailtest.Data(t, "conformance/dkim_arc_mailauth_rs"), "resources", "dkim", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages: %v", err)
	}
	passed := 0
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head, msg, _ := bytes.Cut(crlfs(raw), []byte("\r\n\r\n"))
		z := zone{}
		for line := range strings.Lines(string(head)) {
			if name, txt, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				z[strings.TrimSuffix(name, ".")] = []string{txt}
			}
		}
		v := dkim.Verifier{Resolver: z, Now: func() time.Time { return time.Date(2022, 11, 1, 0, 0, 0, 0, time.UTC) }}
		for _, s := range v.Verify(t.Context(), msg, budget.New(budget.Default())).Signatures {
			if s.Result != dkim.Pass {
				t.Errorf("%s: d=%s: %s %s (%s)", filepath.Base(path), s.Domain, s.Result, s.Why, s.Detail)
				continue
			}
			passed++
		}
	}
	t.Logf("%d signatures in %d messages passed", passed, len(files))
}

// flankerDivergences are canonical forms that we have otherwise, with the reason.
var flankerDivergences = map[string]string{
	"simple.01":  "an empty message has no header section, and the suite prints the empty line behind it",
	"relaxed.01": "an empty message has no header section, and the suite prints the empty line behind it",
	"relaxed.24": "RFC 6376, Section 3.4.4: a line of white space becomes empty before empty lines at the end are dropped",
}

// TestFlankerCanonicalization compares canonical headers and bodies with those of a suite
// that was made for DomainKeys.
func TestFlankerCanonicalization(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(mailtest.Data(t, "conformance/dkim_flanker"), "tests", "fixtures", "messages", "dkim")
	passed := 0
	for _, c := range []dkim.Canon{dkim.Simple, dkim.Relaxed} {
		files, err := filepath.Glob(filepath.Join(dir, string(c)+".expected.*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files: %v", err)
		}
		for _, path := range files {
			number := filepath.Ext(path)
			want, err1 := os.ReadFile(path)
			raw, err2 := os.ReadFile(filepath.Join(dir, "email"+number))
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			head, body, _ := bytes.Cut(want, []byte("\r\n\r\n"))
			sum, n := dkim.BodySum(crlfs(raw), c)
			name := string(c) + number
			switch reason, known := flankerDivergences[name]; {
			case dkim.Canonical(crlfs(raw), c) == string(head)+"\r\n" && bytes.Equal(sum, dkim.Sum(body)):
				passed++
			case known:
				t.Logf("divergence %s: %s", name, reason)
			default:
				t.Errorf("%s: header %q, body of %d bytes, want %q", name, dkim.Canonical(crlfs(raw), c), n, want)
			}
		}
	}
	t.Logf("flanker: %d passed", passed)
}
