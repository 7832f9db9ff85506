package spf_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"outrider/internal/mailauth/spf"
	"outrider/internal/mailtest"
)

// spfScenario is one document of the SPF suites.
type spfScenario struct {
	Description string             `yaml:"description"`
	Tests       map[string]spfCase `yaml:"tests"`
	Zone        map[string][]any   `yaml:"zonedata"`
}

type spfCase struct {
	Helo   string `yaml:"helo"`
	Host   string `yaml:"host"`
	From   string `yaml:"mailfrom"`
	Result any    `yaml:"result"` // one word, or several that are allowed
	Why    string `yaml:"explanation"`
}

func (c *spfCase) allows(r spf.Result) bool {
	switch want := c.Result.(type) {
	case string:
		return want == string(r)
	case []any:
		return slices.ContainsFunc(want, func(w any) bool { return w == string(r) })
	default:
		return false
	}
}

// suiteZone answers as the suites define: listed records exist, "TIMEOUT" makes all other
// queries for the name fail, and SPF is used as TXT unless TXT is listed.
type suiteZone map[string][]any

var errSuiteTimeout = &net.DNSError{Err: "timeout", IsTimeout: true, IsTemporary: true}

func notFoundError(name string) error {
	return &net.DNSError{Err: "not found", Name: name, IsNotFound: true}
}

// find returns the values of one type, through CNAME records.
func (z suiteZone) find(name, kind string) ([]any, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for range 10 {
		records, ok := z[name]
		if !ok {
			return nil, notFoundError(name)
		}
		found, alias, err := pick(records, kind)
		if alias == "" {
			return found, err
		}
		name = strings.ToLower(strings.TrimSuffix(alias, "."))
	}
	return nil, errors.New("a chain of CNAME records")
}

func pick(records []any, kind string) (found []any, alias string, err error) {
	for _, r := range records {
		if r == "TIMEOUT" {
			err = errSuiteTimeout
		}
		fields, _ := r.(map[string]any)
		for k, v := range fields {
			switch k {
			case kind:
				found = append(found, v)
			case "CNAME":
				alias = fmt.Sprint(v)
			case "TIMEOUT", "SERVFAIL":
				err = errSuiteTimeout
			}
		}
	}
	if len(found) > 0 {
		return found, "", nil
	}
	return nil, alias, err
}

func (z suiteZone) LookupTXT(_ context.Context, name string) ([]string, error) {
	values, err := z.find(name, "TXT")
	if len(values) == 0 {
		if spf, _ := z.find(name, "SPF"); len(spf) > 0 {
			values, err = spf, nil
		}
	}
	if len(values) == 1 && values[0] == "NONE" {
		values, err = nil, z.rest(name)
	}
	var out []string
	for _, v := range values {
		switch v := v.(type) {
		case []any:
			var b strings.Builder
			for _, piece := range v {
				fmt.Fprint(&b, piece)
			}
			out = append(out, b.String())
		default:
			out = append(out, fmt.Sprint(v))
		}
	}
	return out, orNotFound(len(out), err, name)
}

// spfDivergences are cases that we answer differently, with the reason.
var spfDivergences = map[string]string{
	"default-modifier":       "the modifier is an extension of one library that no standard has",
	"default-modifier-harsh": "the modifier is an extension of one library that no standard has",
}

// Names of one label: after a colon, an equals sign or an at sign, and alone.
var (
	shortInTerm = regexp.MustCompile(`([:=@])([a-z][a-z0-9-]*)(/[0-9/]+)?( |$)`)
	shortAlone  = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
)

// lengthen adds a label to names of one label: one library's suite has them, and the
// standard excludes such domains.
func lengthen(v any) any {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "ip6:") {
			return v
		}
		if shortAlone.MatchString(v) {
			return v + ".example"
		}
		version, terms := "", v
		if len(v) > 6 && strings.EqualFold(v[:6], "v=spf1") {
			version, terms = v[:6], v[6:]
		}
		return version + strings.TrimRight(shortInTerm.ReplaceAllString(strings.ReplaceAll(terms, " ", "  "), "${1}${2}.example$3$4"), " ")
	case []any:
		for i := range v {
			v[i] = lengthen(v[i])
		}
	}
	return v
}

// lengthened returns the zone and its tests with longer names.
func lengthened(z suiteZone, tests map[string]spfCase) suiteZone {
	out := suiteZone{}
	for name, records := range z {
		for _, r := range records {
			if fields, ok := r.(map[string]any); ok {
				for k := range fields {
					fields[k] = lengthen(fields[k])
				}
			}
		}
		out[lengthen(name).(string)] = records
	}
	for id, c := range tests {
		c.From, _ = lengthen(c.From).(string)
		tests[id] = c
	}
	return out
}

// rest is the error of questions about a name that are not answered.
func (z suiteZone) rest(name string) error {
	_, err := z.find(name, "nothing")
	return err
}

// orNotFound makes an error of an empty answer, as the client does.
func orNotFound(n int, err error, name string) error {
	if err == nil && n == 0 {
		return notFoundError(name)
	}
	return err
}

func (z suiteZone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	values, err := z.find(name, "MX")
	var out []*net.MX
	for _, v := range values {
		if pair, ok := v.([]any); ok && len(pair) == 2 {
			out = append(out, &net.MX{Host: fmt.Sprint(pair[1])})
		}
	}
	return out, orNotFound(len(out), err, name)
}

func (z suiteZone) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	a, err := z.find(host, "A")
	aaaa, err6 := z.find(host, "AAAA")
	var out []net.IPAddr
	for _, v := range slices.Concat(a, aaaa) {
		out = append(out, net.IPAddr{IP: net.ParseIP(fmt.Sprint(v))})
	}
	if len(out) > 0 {
		return out, nil
	}
	if errors.Is(err6, errSuiteTimeout) {
		err = err6
	}
	return nil, orNotFound(0, err, host)
}

func (z suiteZone) LookupAddr(_ context.Context, addr string) ([]string, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, err
	}
	values, err := z.find(reverseName(a), "PTR")
	var out []string
	for _, v := range values {
		out = append(out, fmt.Sprint(v)+".")
	}
	return out, orNotFound(len(out), err, addr)
}

func reverseName(a netip.Addr) string {
	var labels []string
	if a.Is4() {
		for _, b := range a.As4() {
			labels = append(labels, fmt.Sprint(b))
		}
		slices.Reverse(labels)
		return strings.Join(labels, ".") + ".in-addr.arpa"
	}
	for _, b := range a.As16() {
		labels = append(labels, fmt.Sprintf("%x", b>>4), fmt.Sprintf("%x", b&15))
	}
	slices.Reverse(labels)
	return strings.Join(labels, ".") + ".ip6.arpa"
}

// TestSPFSuites runs the suites of RFC 7208 and its predecessor's, with the additions of
// two libraries.
func TestSPFSuites(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"rfc7208-tests.yml", "pyspf-tests.yml", "blitirispf-tests.yml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			passed, diverged := 0, 0
			for _, s := range spfScenarios(t, filepath.Join(mailtest.Data(t, "conformance/spf_openspf"), name)) {
				zone := suiteZone{}
				for k, v := range s.Zone {
					zone[strings.ToLower(k)] = v
				}
				if name == "blitirispf-tests.yml" {
					zone = lengthened(zone, s.Tests)
				}
				for id, c := range s.Tests {
					o := evaluate(t, zone, &c)
					got := o.Result
					if c.Why != "" && c.Why != "DEFAULT" && got == spf.Fail && o.Explanation != c.Why {
						t.Errorf("%s: explanation %q, want %q", id, o.Explanation, c.Why)
					}
					why, named := spfDivergences[id]
					switch {
					case c.allows(got) && !named:
						passed++
					case named && !c.allows(got):
						diverged++
						t.Logf("%s: %s, the suite says %v: %s", id, got, c.Result, why)
					default:
						t.Errorf("%s: %s: got %s, want %v (named as a divergence: %v)", s.Description, id, got, c.Result, named)
					}
				}
			}
			t.Logf("%d passed, %d named divergences, 0 failed", passed, diverged)
			if passed < 14 {
				t.Errorf("%d passed", passed)
			}
		})
	}
}

func spfScenarios(t *testing.T, file string) []spfScenario {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []spfScenario
	for d := yaml.NewDecoder(f); ; {
		var s spfScenario
		err := d.Decode(&s)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("reading %s: %v", file, err)
		}
		out = append(out, s)
	}
}

func evaluate(t *testing.T, zone suiteZone, c *spfCase) spf.Outcome {
	t.Helper()
	q := spf.Query{Addr: netip.MustParseAddr(c.Host), Sender: c.From, Helo: c.Helo, Host: "receiver.example", At: time.Unix(1<<30, 0)}
	if c.From == "" {
		q.Sender = "postmaster@" + c.Helo
	}
	q.Domain = q.Sender[strings.LastIndexByte(q.Sender, '@')+1:]
	return spf.Evaluate(t.Context(), zone, q)
}
