package arc_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"outrider/internal/budget"
	"outrider/internal/mailauth/arc"
	"outrider/internal/mailauth/dkim"
	"outrider/internal/mailtest"
)

// scenario is one document of the ValiMail suite.
type scenario struct {
	Description string            `yaml:"description"`
	Domain      string            `yaml:"domain"`
	Selector    string            `yaml:"sel"`
	Key         string            `yaml:"privatekey"`
	Records     map[string]string `yaml:"txt-records"`
	Tests       yaml.MapSlice     `yaml:"tests"`
}

// zone answers from a table.
type zone map[string]string

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	txt, ok := z[name]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	if txt == "TEMPERROR" {
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	return []string{strings.ReplaceAll(txt, "\n", "")}, nil
}

func scenarios(t *testing.T, name string) []scenario {
	t.Helper()
	f, err := os.Open(filepath.Join(mailtest.Data(t, "conformance/arc_valimail"), "tests", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []scenario
	dec := yaml.NewDecoder(f, yaml.AllowDuplicateMapKey())
	for {
		var s scenario
		err := dec.Decode(&s)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
}

// cases calls f with each test of a scenario, duplicates of a name included.
func (s *scenario) cases(f func(name string, c map[string]string)) {
	for _, item := range s.Tests {
		c := map[string]string{}
		fields, _ := item.Value.(map[string]any)
		for k, v := range fields {
			c[k] = fmt.Sprint(v)
		}
		if c["message"] != "" || c["cv"] != "" {
			f(fmt.Sprint(item.Key), c)
		}
	}
}

func limits() *budget.Budget {
	l := budget.Default()
	l.Of[budget.Signatures] = 200
	return budget.New(l)
}

func wire(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

// validationDivergences are cases of the suite that we answer otherwise, with the reason.
var validationDivergences = map[string]string{
	"ams_fields_c_na": "RFC 6376, Section 3.5, to which RFC 8617 refers: a missing c= is simple/simple; the suite signed relaxed/relaxed",
}

func TestValiMailValidation(t *testing.T) {
	t.Parallel()
	passed, divergent, failed := 0, 0, 0
	for _, s := range scenarios(t, "arc-draft-validation-tests.yml") {
		s.cases(func(name string, c map[string]string) {
			v := &dkim.Verifier{Resolver: zone(s.Records)}
			got := arc.Validate(t.Context(), wire(c["message"]), v, limits())
			want := strings.ToLower(strings.TrimSpace(c["cv"]))
			switch reason, known := validationDivergences[name]; {
			case string(got.Result) == want, want == "" && got.Result == arc.Fail:
				passed++
			case known:
				divergent++
				t.Logf("divergence %s: %s", name, reason)
			default:
				failed++
				t.Errorf("%s (%s): got %s (%s %s), want %q", name, c["description"], got.Result, got.Why, got.Detail, want)
			}
		})
	}
	t.Logf("validation: %d passed, %d deliberate divergences, %d failed", passed, divergent, failed)
	if passed < 150 {
		t.Errorf("the suite was not read: %d cases passed", passed)
	}
}

// merged joins the results that srv wrote, as a sealer does.
func merged(raw []byte, srv string) string {
	var parts []string
	for _, f := range dkim.Open(raw).All("authentication-results") {
		id, rest, _ := strings.Cut(strings.Join(strings.Fields(f.Value()), " "), ";")
		if id == srv {
			parts = append(parts, strings.Trim(rest, "; "))
		}
	}
	return srv + "; " + strings.Join(parts, "; ")
}

// sameTags compares two tag lists without white space, as the suite does.
func sameTags(a, b string) bool {
	clean := func(s string) string { return strings.TrimSuffix(strings.Join(strings.Fields(s), ""), ";") }
	as, bs := strings.Split(clean(a), ";"), strings.Split(clean(b), ";")
	seen := map[string]int{}
	for _, x := range as {
		seen[x]++
	}
	for _, x := range bs {
		seen[x]--
	}
	for _, n := range seen {
		if n != 0 {
			return false
		}
	}
	return true
}

// signingDivergences are cases of the suite that we answer otherwise, with the reason.
var signingDivergences = map[string]string{} // none

func TestValiMailSigning(t *testing.T) {
	t.Parallel()
	passed, divergent, failed := 0, 0, 0
	for _, s := range scenarios(t, "arc-draft-sign-tests.yml") {
		block, _ := pem.Decode([]byte(s.Key))
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		s.cases(func(name string, c map[string]string) {
			problem := sign(t, &s, key, c)
			switch reason, known := signingDivergences[name]; {
			case problem == "":
				passed++
			case known:
				divergent++
				t.Logf("divergence %s: %s", name, reason)
			default:
				failed++
				t.Errorf("%s (%s): %s", name, c["description"], problem)
			}
		})
	}
	t.Logf("signing: %d passed, %d deliberate divergences, %d failed", passed, divergent, failed)
	if passed < 10 {
		t.Errorf("the suite was not read: %d cases passed", passed)
	}
}

func sign(t *testing.T, s *scenario, key *rsa.PrivateKey, c map[string]string) string {
	t.Helper()
	raw := wire(c["message"])
	now, err := strconv.ParseInt(c["t"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	chain := arc.Validate(t.Context(), raw, &dkim.Verifier{Resolver: zone(s.Records)}, limits())
	signer := &dkim.Signer{
		Domain: s.Domain, Selector: s.Selector, Key: key,
		Fields: strings.Split(c["sig-headers"], ":"), Oversign: []string{},
	}
	fields, err := arc.Seal(chain, signer, merged(raw, c["srv-id"]), time.Unix(now, 0))
	if strings.TrimSpace(c["AS"]) == "" {
		if !errors.Is(err, arc.ErrClosed) {
			return fmt.Sprintf("a closed chain was extended: %v", err)
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	m := dkim.Open([]byte(fields))
	for name, key := range map[string]string{"arc-message-signature": "AMS", "arc-authentication-results": "AAR"} {
		if got := m.All(name)[0].Value(); !sameTags(got, c[key]) {
			return fmt.Sprintf("%s is\n%s\nand not\n%s", key, got, c[key])
		}
	}
	return checkSeal(t, s, chain, append([]byte(fields), raw...), c["AS"])
}

// checkSeal compares a seal with that of the suite. Its b= signs the folding of the two
// other fields, which the suite does not fix, so it must hold instead of being the same.
func checkSeal(t *testing.T, s *scenario, before *arc.Chain, raw []byte, want string) string {
	t.Helper()
	got := dkim.Open(raw).All("arc-seal")[0].Value()
	if !sameTags(withoutB(got), withoutB(want)) {
		return fmt.Sprintf("AS is\n%s\nand not\n%s", got, want)
	}
	after := arc.Validate(t.Context(), raw, &dkim.Verifier{Resolver: zone(s.Records)}, limits())
	if before.Result != arc.Fail && (after.Result != arc.Pass || !after.Sets[0].Sealed) {
		return fmt.Sprintf("our seal does not hold: %s %s", after.Why, after.Detail)
	}
	if before.Result == arc.Fail && after.Why != arc.WhySealedFail {
		return fmt.Sprintf("a broken chain is not closed: %s %s", after.Why, after.Detail)
	}
	return ""
}

func withoutB(list string) string {
	var out []string
	for part := range strings.SplitSeq(list, ";") {
		if !strings.HasPrefix(strings.TrimSpace(part), "b=") {
			out = append(out, part)
		}
	}
	return strings.Join(out, ";")
}

// TestStalwartSuite validates chains of real mail. The keys are in the first lines of each
// file.
func TestStalwartSuite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(mailtest.Data(t, "conformance/dkim_arc_mailauth_rs"), "resources", "arc")
	for name, want := range map[string]int{"001.txt": 1, "002.txt": 2} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		head, msg, _ := strings.Cut(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n\n")
		z := zone{}
		for line := range strings.Lines(head) {
			if name, txt, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				z[strings.TrimSuffix(name, ".")] = txt
			}
		}
		c := arc.Validate(t.Context(), wire(msg), &dkim.Verifier{Resolver: z}, limits())
		if c.Result != arc.Pass || len(c.Sets) != want {
			t.Errorf("%s: got %s %s at %d (%s), %d sets", name, c.Result, c.Why, c.At, c.Detail, len(c.Sets))
		}
	}
}
