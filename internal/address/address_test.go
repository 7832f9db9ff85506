package address_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"outrider/internal/address"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   string
		utf8 bool
		want string // "" for an error
		err  error
	}{
		"a plain address":                         {in: "a@example.org", want: "a@example.org"},
		"the domain loses its case":               {in: "A.b@EXAMPLE.Org", want: "A.b@example.org"},
		"a quoted local part keeps its quotes":    {in: `"a b"@example.org`, want: `"a b"@example.org`},
		"a quoted at sign":                        {in: `"a@b"@example.org`, want: `"a@b"@example.org`},
		"an escaped quote":                        {in: `"a\"b"@example.org`, want: `"a\"b"@example.org`},
		"plus and other atext":                    {in: "a+b/c=d!#$@example.org", want: "a+b/c=d!#$@example.org"},
		"dots that only large providers issue":    {in: "a..b.@example.org", want: "a..b.@example.org"},
		"an address literal":                      {in: "a@[192.0.2.1]", want: "a@[192.0.2.1]"},
		"an IPv6 literal":                         {in: "a@[IPv6:2001:db8::1]", want: "a@[IPv6:2001:db8::1]"},
		"a U-label with SMTPUTF8":                 {in: "a@bücher.example", utf8: true, want: "a@xn--bcher-kva.example"},
		"a U-label without SMTPUTF8":              {in: "a@bücher.example", err: address.ErrNeedUTF8},
		"an A-label":                              {in: "a@xn--bcher-kva.example", want: "a@xn--bcher-kva.example"},
		"a UTF-8 local part with SMTPUTF8":        {in: "jürgen@example.org", utf8: true, want: "jürgen@example.org"},
		"a UTF-8 local part without SMTPUTF8":     {in: "jürgen@example.org", err: address.ErrNeedUTF8},
		"a final dot of the domain":               {in: "a@example.org.", want: "a@example.org"},
		"no domain":                               {in: "a", err: address.ErrSyntax},
		"an empty local part":                     {in: "@example.org", err: address.ErrSyntax},
		"an empty domain":                         {in: "a@", err: address.ErrSyntax},
		"an empty label":                          {in: "a@b..org", err: address.ErrSyntax},
		"two at signs":                            {in: "a@b@example.org", err: address.ErrSyntax},
		"a source route":                          {in: "@relay.example:a@example.org", err: address.ErrSyntax},
		"a space":                                 {in: "a b@example.org", err: address.ErrSyntax},
		"a line end":                              {in: "a\r\nRCPT@example.org", err: address.ErrSyntax},
		"a line end in quotes":                    {in: "\"a\r\n\"@example.org", err: address.ErrSyntax},
		"a quote that stays open":                 {in: `"a@example.org`, err: address.ErrSyntax},
		"a literal that is no address":            {in: "a@[example]", err: address.ErrSyntax},
		"a local part of 65 octets":               {in: strings.Repeat("a", 65) + "@example.org", err: address.ErrSyntax},
		"a path of 255 octets":                    {in: "a@" + strings.Repeat("b.", 126) + "c", err: address.ErrTooLong},
		"bytes that are not UTF-8":                {in: "a\xff@example.org", utf8: true, err: address.ErrSyntax},
		"a label of 64 octets":                    {in: "a@" + strings.Repeat("b", 64) + ".org", err: address.ErrSyntax},
		"an angle bracket that would end a path":  {in: "a@b>c", err: address.ErrSyntax},
		"a quoted pair at the end of the quote":   {in: `"a\`, err: address.ErrSyntax},
		"a control character in the local part":   {in: "a\x01@example.org", err: address.ErrSyntax},
		"an underscore in the domain is accepted": {in: "a@b_c.example", want: "a@b_c.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := address.ParsePath(tc.in, tc.utf8)
			if !errors.Is(err, tc.err) || err == nil && got.String() != tc.want {
				t.Errorf("got %q, %v; want %q, %v", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestDomainsOfOneOrganization(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"mail.example.org", "example.org", true},
		{"a.example.co.uk", "b.example.co.uk", true},
		{"example.co.uk", "other.co.uk", false},
		{"evil-example.org", "example.org", false},
		{"", "", false},
		{"org", "org", true},
	} {
		if got := address.SameOrganization(tc.a, tc.b); got != tc.want {
			t.Errorf("SameOrganization(%q, %q) = %v", tc.a, tc.b, got)
		}
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		domain, parent string
		want           bool
	}{
		{"example.org", "example.org", true}, {"a.example.org", "example.org", true},
		{"badexample.org", "example.org", false}, {"example.org", "a.example.org", false}, {".example.org", "example.org", true},
	} {
		if got := address.Within(tc.domain, tc.parent); got != tc.want {
			t.Errorf("Within(%q, %q) = %v", tc.domain, tc.parent, got)
		}
	}
}

func TestNormalFormIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[a-zA-Z0-9äöü._-]{1,20}@[a-zA-Z0-9äöü-]{1,10}\.[a-z]{2,5}`).Draw(t, "address")
		first, err := address.ParsePath(in, true)
		if err != nil {
			return
		}
		again, err := address.ParsePath(first.String(), true)
		if err != nil || again != first {
			t.Fatalf("%q became %q, then %q (%v)", in, first, again, err)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"a@example.org", `"a\"b"@[IPv6:::1]`, "jürgen@bücher.example", "a@xn--", "@", `"`, "a@b>c\r\n", "a@\u0130.example"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, in string, utf8OK bool) {
		a, err := address.ParsePath(in, utf8OK)
		if err != nil {
			return
		}
		if strings.ContainsAny(a.String(), "\r\n\x00") || !strings.HasPrefix(a.Local, `"`) && strings.ContainsAny(a.Local, "<> ") {
			t.Errorf("%q was read as %q", in, a)
		}
		if b, err := address.ParsePath(a.String(), utf8OK); err != nil || b != a {
			t.Errorf("%q was read as %q, and that as %q (%v)", in, a, b, err)
		}
		_ = address.Organizational(a.Domain)
		_ = address.Unicode(a.Domain)
	})
}

func TestQuotesThatChangeNothingMakeNoOtherAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`"Evil"@Example.org`: "evil@example.org", `evil@example.org`: "evil@example.org", `"a b"@example.org`: `"a b"@example.org`, `""@example.org`: `""@example.org`,
	} {
		a, err := address.ParsePath(in, false)
		if err != nil || a.Key() != want {
			t.Errorf("%s has the key %s, %v", in, a.Key(), err)
		}
	}
}
