package address_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/publicsuffix"

	"outrider/internal/address"
	"outrider/internal/mailtest"
)

// suite calls f for every line of a file of the conformance data.
func suite(t *testing.T, name string, f func(line string)) {
	t.Helper()
	file, err := os.Open(mailtest.Data(t, filepath.Join("conformance", name)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		f(lines.Text())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestPublicSuffixSuite runs the cases that come with the public suffix list.
func TestPublicSuffixSuite(t *testing.T) {
	t.Parallel()
	passed := 0
	suite(t, "psl/tests/tests.txt", func(line string) {
		input, want, ok := strings.Cut(line, " ")
		if !ok || strings.HasPrefix(line, "//") || input == "null" {
			return
		}
		got := "null"
		// A public suffix is its own organizational domain here, where the suite has none.
		if d, err := address.Domain(input); err == nil && !isSuffix(d) {
			got = address.Organizational(d)
		}
		if w, err := address.Domain(want); err == nil {
			want = w
		}
		if got != want {
			t.Errorf("%s: %s, want %s", input, got, want)
			return
		}
		passed++
	})
	t.Logf("%d passed", passed)
}

// idnaCase is one case of the suite of UTS #46.
type idnaCase struct {
	ID, Op, Input string
	Expect        *string // nil: it must be refused
}

// TestIDNASuite runs the suite with what browsers do with names in mind: what they follow
// is a name here, even where IDNA2008 refuses it.
func isSuffix(d string) bool {
	suffix, _ := publicsuffix.PublicSuffix(d)
	return suffix == d
}

func TestIDNASuite(t *testing.T) {
	t.Parallel()
	counts := map[string]int{}
	suite(t, "idna_kjd/idna_uts46_cases.jsonl", func(line string) {
		var c idnaCase
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		got, err := address.Domain(c.Input)
		if c.Op == "decode" && err == nil {
			got = address.Unicode(got)
		}
		class := compareIDNA(&c, got, err)
		if counts[class]++; strings.HasPrefix(class, "failed") {
			t.Errorf("%s %s %+q: %+q, %v", c.ID, c.Op, c.Input, got, err)
		}
	})
	t.Logf("%v", counts)
	if counts["passed"] < 12_000 {
		t.Errorf("%v", counts)
	}
}

// compareIDNA returns whether we agree with the suite, or the reason for the difference.
func compareIDNA(c *idnaCase, got string, err error) string {
	long := slices.ContainsFunc(strings.FieldsFunc(c.Input, func(r rune) bool { return r == '.' }), func(l string) bool { return len(l) > 50 })
	switch {
	case c.Expect == nil && err != nil, c.Expect != nil && err == nil && got == *c.Expect:
		return "passed"
	case c.Expect != nil && err == nil && got == strings.TrimSuffix(*c.Expect, "."):
		return "diverged: the normal form has no final dot"
	case c.Expect == nil:
		return "diverged: browsers follow the name, so it is one"
	case err != nil && long:
		return "diverged: DNS cannot carry a label of that length"
	case strings.Contains(c.Input, "\u1e9e"):
		return "diverged: the capital sharp s is read as by the Unicode version of the library"
	case err != nil && errors.Is(err, address.ErrSyntax):
		return "failed: refused"
	case err != nil:
		return "diverged: the library's Unicode version does not know the character"
	}
	return "failed: another name"
}
