package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"outrider/internal/config"
)

const minimal = `
tenants:
  - id: a
    domains:
      - name: example.org
        route: {hosts: [mail.example.org]}
`

func TestMinimalConfigurationIsComplete(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	if c.SMTP.MaxSize != 50<<20 || c.Hostname == "" || c.Relay.RetryFor.String() != "5d" {
		t.Errorf("defaults are missing: %+v", c)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"a misspelt setting":                     {"hostnam: x\n" + minimal, `unknown field "hostnam"`},
		"a repeated setting":                     {"hostname: a\nhostname: b\n" + minimal, "already defined"},
		"a wrong type":                           {"smtp: {max_recipients: many}\n" + minimal, "max_recipients"},
		"a time without a unit":                  {"dns: {timeout: 5}\n" + minimal, "time span"},
		"a size without a unit":                  {"smtp: {max_size: 50}\n" + minimal, "50MiB"},
		"nothing to protect":                     {"hostname: x", "nothing to protect"},
		"no route":                               {strings.Replace(minimal, "hosts: [mail.example.org]", "tls: required", 1), "lead back here"},
		"look-back without trusted networks":     {strings.Replace(minimal, "route:", "lookback_hops: 2\n        route:", 1), "trusted_hops"},
		"an action that does not exist":          {minimal + "    policy: {actions: {SPAM: drop}}\n", `"drop" is not known`},
		"a disposition that does not exist":      {minimal + "    policy: {actions: {JUNK: deliver}}\n", `"JUNK" is not known`},
		"a domain that is listed twice":          {minimal + "  - id: b\n    domains:\n      - name: EXAMPLE.org\n        route: {hosts: [x]}\n", "already"},
		"a certificate without its key":          {"tls: {cert: a.pem}\n" + minimal, "belong together"},
		"memory that holds no message":           {"detection: {memory: 60MiB}\n" + minimal, "smtp.max_size"},
		"a listener without a port":              {"listen: {smtp: [localhost]}\n" + minimal, "host:port"},
		"a network that is none":                 {"smtp: {xclient_from: [10.0.0.0/99]}\n" + minimal, "192.0.2.0/24"},
		"a proxy in any network":                 {"smtp: {proxy_from: [\"::/0\"]}\n" + minimal, "trusts all hosts"},
		"an upstream gateway in any network":     {strings.Replace(minimal, "route:", "lookback_hops: 1\n        trusted_hops: [0.0.0.0/0]\n        route:", 1), "trusts all hosts"},
		"a trusted sender in any network":        {minimal + "    trusted: [{sender: 0.0.0.0/0}]\n", "matches all senders"},
		"a blocked sender with any address":      {minimal + "    blocked: [{sender: \"*\"}]\n", "matches all senders"},
		"all addresses of a blocked domain":      {minimal + "    blocked: [{sender: \"*@bad.test\"}]\n", `Write "bad.test"`},
		"all domains below a blocked one":        {minimal + "    blocked: [{sender: \"*.bad.test\"}]\n", `Write "bad.test"`},
		"a wildcard within a sender":             {minimal + "    trusted: [{sender: \"ann*@good.test\"}]\n", "has a wildcard"},
		"a wildcard domain":                      {strings.Replace(minimal, "example.org", `"*.example.org"`, 1), "List each domain"},
		"a next hop without a host":              {strings.Replace(minimal, "[mail.example.org]", `[":25"]`, 1), "names no host"},
		"a next hop with a port that is none":    {strings.Replace(minimal, "[mail.example.org]", `["mail.example.org:smtp"]`, 1), "not a port"},
		"a socket that speaks SMTP":              {strings.Replace(minimal, "[mail.example.org]", `["unix:/run/lmtp"]`, 1), "type lmtp"},
		"quarantine that is emptied at once":     {"quarantine: {keep: 1s}\n" + minimal, "before it can be reviewed"},
		"a second document":                      {minimal + "---\nhostname: other\n", "one document"},
		"levels without end":                     {"hostname: " + strings.Repeat("[", 100000), "levels"},
		"levels of blocks without end":           {strings.Repeat("- ", 100000) + "x", "levels"},
		"a share of rules that is none":          {"rules: {max_invalid_percent: 101}\n" + minimal, "rules.max_invalid_percent"},
		"a subject tag that would inject fields": {minimal + "    policy: {subject_tag: {SPAM: \"a\\nb\"}}\n", "control characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Parse([]byte(tc.in))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
}

func TestOnlyTheOwnPortIsOwn(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		listen, hop string
		own         bool
	}{
		{"127.0.0.1:2525", "127.0.0.1:2525", true},
		{"127.0.0.1:2525", "localhost:2525", true},
		{"127.0.0.1:2525", "127.0.0.1:2526", false},
		{"127.0.0.1:25", "127.0.0.2:25", false},
		{"127.0.0.1:25", "192.0.2.1:25", false},
		{"0.0.0.0:25", "127.0.0.2:25", true},
		{":25", "mx.example.org", true},
		{"192.0.2.7:25", "192.0.2.7", true},
		{"192.0.2.7:25", "127.0.0.1", false},
		{"127.0.0.1:25", "mx.example.org", false},
		{"192.0.2.7:25", "mail.example.org", false},
		{"[::]:25", "[::1]:25", true},
	} {
		in := fmt.Sprintf("hostname: mx.example.org\nlisten: {smtp: [%q]}\n%s", tc.listen, strings.Replace(minimal, "[mail.example.org]", fmt.Sprintf("[%q]", tc.hop), 1))
		c, err := config.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Loops(); (err != nil) != tc.own || tc.own && !strings.Contains(err.Error(), "tenants[0].domains[0].route.hosts[0]") {
			t.Errorf("next hop %s of listener %s: %v", tc.hop, tc.listen, err)
		}
	}
}

func TestSettingsThatNeedARestartAreNamed(t *testing.T) {
	t.Parallel()
	read := func(in string) *config.Config {
		c, err := config.Parse([]byte(in + minimal))
		if err != nil {
			t.Fatal(err)
		}
		return &c
	}
	old := read("hostname: a\n")
	for in, want := range map[string]string{
		"hostname: a\nrelay: {max_hops: 7}\nquarantine: {keep: 2d}\nretention: {keep: 0s}\nlog: {level: info}\n": "",
		"hostname: b\n": "hostname",
		"hostname: a\nsmtp: {max_recipients: 7}\nrelay: {max_hops: 7, dane: false}\n": "smtp.max_recipients relay.dane",
		"hostname: a\ndetection: {deadline: 1s, memory: 1GiB}\n":                      "detection.memory",
	} {
		if got := strings.Join(config.NeedRestart(old, read(in)), " "); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestNobodyIsNotTheSameAsNotTold(t *testing.T) {
	t.Parallel()
	for in, known := range map[string]bool{minimal: false, minimal + "    people: []\n": true} {
		c, err := config.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		// Lists that rules read are empty in one case and missing in the other.
		if p := c.Tenants[0].People; (p != nil) != known || len(p) != 0 || c.Rules.MaxInvalidPercent != 5 {
			t.Errorf("people %#v of %q", p, in)
		}
	}
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Parse([]byte("log: {level: loud, format: xml}\ntls: {key: k}\n" + minimal))
	for _, want := range []string{"log.level", "log.format", "tls:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}

func TestReferenceIsTheCommittedManual(t *testing.T) {
	t.Parallel()
	got, err := config.Reference("markdown")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Error(`docs/config.md is out of date; run "make docs"`)
	}
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "| `") && strings.HasSuffix(strings.TrimSpace(line), "|  |") {
			t.Errorf("a setting has no comment: %s", line)
		}
	}
}

func TestSchemaIsJSON(t *testing.T) {
	t.Parallel()
	got, err := config.Reference("schema")
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(got), &v); err != nil {
		t.Fatal(err)
	}
	if v["additionalProperties"] != false {
		t.Error("the schema lets unknown settings pass")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("tenants: [&a {id: x, domains: *a}]"))
	f.Add([]byte("hostname: !!binary x"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if c, err := config.Parse(in); err == nil && c.Validate() != nil {
			t.Error("a configuration that was accepted is not valid")
		}
	})
}
