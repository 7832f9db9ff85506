package spf_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outrider/internal/mailauth/spf"
	"outrider/internal/mailtest"
)

// TestMailAuthSuite runs the scenarios of mail-auth, which have their own format: each line
// changes the state from there on, and "expect" checks a result.
func TestMailAuthSuite(t *testing.T) {
	t.Parallel()
	passed, diverged := 0, 0
	for _, file := range mailtest.Files(t, []string{"conformance/dkim_arc_mailauth_rs/resources/spf"}, ".yml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for scenario := range strings.SplitSeq(string(text), "\n---") {
			s := mailAuthScenario{zone: suiteZone{}, state: map[string]string{}}
			for _, broken := range []string{"_dns_error.org", "_dns_error.test.org"} {
				s.zone[broken] = []any{"TIMEOUT"}
			}
			for line := range strings.Lines(scenario) {
				if !s.take(line) {
					continue
				}
				o, id := s.evaluate(t), filepath.Base(file)+" "+s.id()
				want, why, _ := strings.Cut(s.state["expect"], " ")
				same := string(o.Result) == want && (why == "" || o.Explanation == why)
				reason, named := mailAuthDivergences[id]
				switch {
				case same && !named:
					passed++
				case named && !same:
					diverged++
					t.Logf("%s: %s, the suite says %s: %s", id, o.Result, want, reason)
				default:
					t.Errorf("%s: %+v, want %s (named as a divergence: %v)", id, o, s.state["expect"], named)
				}
			}
		}
	}
	t.Logf("%d passed, %d named divergences, 0 failed", passed, diverged)
	if passed < 150 {
		t.Errorf("%d passed", passed)
	}
}

type mailAuthScenario struct {
	zone  suiteZone
	state map[string]string
}

// take parses one line, and reports whether it checks a result.
func (s *mailAuthScenario) take(line string) bool {
	line = strings.TrimPrefix(strings.TrimSpace(line), "- ")
	key, value, ok := strings.Cut(line, ":")
	if !ok || strings.HasPrefix(line, "#") {
		return false
	}
	value = strings.TrimSpace(value)
	switch key {
	case "spf":
		name, _, _ := strings.Cut(value, " ")
		if s.state["tests"] != "" {
			s.zone[name] = slices.DeleteFunc(s.zone[name], func(r any) bool { return r.(map[string]any)["TXT"] != nil })
		}
		s.zone.add(key, value)
	case "exp", "a", "aaaa", "mx", "ptr":
		s.zone.add(key, value)
	case "tests":
		s.state[key] = "begun"
	default:
		s.state[key] = value
	}
	return key == "expect"
}

func (s *mailAuthScenario) id() string {
	return s.state["domain"] + " " + s.state["sender"] + " " + s.state["ip"]
}

// evaluate checks the name of HELO first, which is enough where it does not pass.
func (s *mailAuthScenario) evaluate(t *testing.T) spf.Outcome {
	t.Helper()
	q := spf.Query{Addr: netip.MustParseAddr(s.state["ip"]), Domain: s.state["domain"], Helo: s.state["domain"], Sender: s.state["sender"]}
	if q.Sender == "" {
		q.Sender = "postmaster@" + q.Helo
	}
	from := q.Sender[strings.LastIndexByte(q.Sender, '@')+1:]
	if o := spf.Evaluate(t.Context(), s.zone, q); q.Domain == from || o.Result != spf.Pass && o.Result != spf.None {
		return o
	}
	q.Domain = from
	return spf.Evaluate(t.Context(), s.zone, q)
}

// mailAuthDivergences are cases that we answer differently, with the reason.
var mailAuthDivergences = map[string]string{
	"all.yml test.org sender@test.org 10.0.0.1":                            "no mechanism is called ip, and a malformed term is a permanent error (RFC 7208, Section 4.6)",
	"basic.yml ok.test.org sender@ok.test.org 172.168.0.1":                 "three questions without an answer are one too many (Section 4.6.4)",
	"basic.yml mx.test.org sender@mx.test.org 10.0.0.8":                    "eleven mail hosts are one too many, whichever would match (Section 4.6.4)",
	"exists.yml ip6.test.org sender@ip6.test.org 167.1.2.3":                "exists asks for A records (Section 5.7)",
	"macro.yml mx.example.org strong-bad@email.example.com 2001:db8::cb01": "exists asks for A records (Section 5.7)",
}

// add adds one record. Mail hosts that are addresses get a name.
func (z suiteZone) add(kind, value string) {
	name, values, _ := strings.Cut(value, " ")
	name = strings.ToLower(name)
	if kind == "spf" || kind == "exp" {
		z[name] = append(z[name], map[string]any{"TXT": values})
		return
	}
	for i, v := range strings.FieldsFunc(values, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch _, err := netip.ParseAddr(v); {
		case kind == "ptr":
			a := netip.MustParseAddr(name)
			z[reverseName(a)] = append(z[reverseName(a)], map[string]any{"PTR": v})
		case kind == "mx" && err == nil:
			host := fmt.Sprintf("mx%d.%s", i, name)
			z[name] = append(z[name], map[string]any{"MX": []any{i, host}})
			z[host] = append(z[host], map[string]any{"A": v})
		case kind == "mx":
			z[name] = append(z[name], map[string]any{"MX": []any{i, v}})
		default:
			z[name] = append(z[name], map[string]any{strings.ToUpper(kind): v})
		}
	}
}
