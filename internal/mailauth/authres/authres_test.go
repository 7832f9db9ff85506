package authres_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/mailauth/authres"
)

func TestParse(t *testing.T) {
	t.Parallel()
	type result = authres.Result
	type props = []authres.Prop
	for name, tc := range map[string]struct {
		in   string
		want authres.Field
	}{
		"the example of the standard": {
			"example.test; spf=pass smtp.mailfrom=net.test; dkim=pass header.i=@net.test",
			authres.Field{Host: "example.test", Results: []result{
				{Method: "spf", Value: "pass", Props: props{{"smtp.mailfrom", "net.test"}}},
				{Method: "dkim", Value: "pass", Props: props{{"header.i", "@net.test"}}},
			}},
		},
		"no results":              {"example.test 1; none", authres.Field{Host: "example.test", Version: "1"}},
		"nothing":                 {"", authres.Field{}},
		"semicolons only":         {";;;", authres.Field{}},
		"a host in a quoted word": {`"mx 1"; spf=none`, authres.Field{Host: "mx 1", Results: []result{{Method: "spf", Value: "none"}}}},
		"no host": {
			"spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.test; dmarc=pass action=none header.from=a.test;compauth=pass reason=100",
			authres.Field{Results: []result{
				{Method: "spf", Value: "pass", Comment: "sender IP is 192.0.2.1", Props: props{{"smtp.mailfrom", "a.test"}}},
				{Method: "dmarc", Value: "pass", Props: props{{"action", "none"}, {"header.from", "a.test"}}},
				{Method: "compauth", Value: "pass", Reason: "100"},
			}},
		},
		"an instance": {
			"i=2; mx.test; arc=pass",
			authres.Field{Instance: "2", Host: "mx.test", Results: []result{{Method: "arc", Value: "pass"}}},
		},
		"an instance without host": {"i=1; dkim=fail", authres.Field{Instance: "1", Results: []result{{Method: "dkim", Value: "fail"}}}},
		"white space and comments anywhere": {
			"mx.test (us) 1 ; (a) dkim / 1 (b)\r\n = (c) PASS (d) header (e) . (f) D = (g) a.test (h)",
			authres.Field{Host: "mx.test", Version: "1", Results: []result{
				{Method: "dkim", Value: "pass", Comment: "a b c d e f g h", Props: props{{"header.d", "a.test"}}},
			}},
		},
		"a semicolon in a comment": {
			"mx.test; dkim=pass (2048-bit key; unprotected) header.d=a.test",
			authres.Field{Host: "mx.test", Results: []result{
				{Method: "dkim", Value: "pass", Comment: "2048-bit key; unprotected", Props: props{{"header.d", "a.test"}}},
			}},
		},
		"a semicolon in a quoted reason": {
			`mx.test; dmarc=pass reason="ok; dkim=pass \"x\"" header.from=a.test`,
			authres.Field{Host: "mx.test", Results: []result{
				{Method: "dmarc", Value: "pass", Reason: `ok; dkim=pass "x"`, Props: props{{"header.from", "a.test"}}},
			}},
		},
		"a result in a quoted local part": {
			`mx.test; spf=pass smtp.mailfrom="a; dmarc=pass x"@s.test; dmarc=fail header.from=a.test`,
			authres.Field{Host: "mx.test", Results: []result{
				{Method: "spf", Value: "pass", Props: props{{"smtp.mailfrom", "a; dmarc=pass x@s.test"}}},
				{Method: "dmarc", Value: "fail", Props: props{{"header.from", "a.test"}}},
			}},
		},
		"a bracket in a quoted local part in a comment": {
			`mx.test; spf=pass (domain of "a); dmarc=pass (x"@s.test) smtp.mailfrom=s.test`,
			authres.Field{Host: "mx.test", Results: []result{
				{Method: "spf", Value: "pass", Comment: `domain of "a); dmarc=pass (x"@s.test`, Props: props{{"smtp.mailfrom", "s.test"}}},
			}},
		},
		"a quote alone in a comment": {
			`mx.test; spf=pass (19" rack); dmarc=fail (24")`,
			authres.Field{Host: "mx.test", Results: []result{
				{Method: "spf", Value: "pass", Comment: `19" rack`}, {Method: "dmarc", Value: "fail", Comment: `24"`},
			}},
		},
		"nested comments": {
			`mx.test; spf=pass (a (b; dmarc=pass) \) c); dkim=none`,
			authres.Field{Host: "mx.test", Results: []result{
				{Method: "spf", Value: "pass", Comment: `a (b; dmarc=pass) \) c`}, {Method: "dkim", Value: "none"},
			}},
		},
		"a comment that does not end":       {"mx.test; spf=pass (a; dmarc=pass", authres.Field{Host: "mx.test", Results: []result{{Method: "spf", Value: "pass", Comment: "a; dmarc=pass"}}}},
		"a quoted string that does not end": {`mx.test; spf=pass smtp.mailfrom="a; dmarc=pass`, authres.Field{Host: "mx.test", Results: []result{{Method: "spf", Value: "pass", Props: props{{"smtp.mailfrom", "a; dmarc=pass"}}}}}},
		"junk between results":              {"mx.test; =; dmarc=fail; what; spf=none", authres.Field{Host: "mx.test", Results: []result{{Method: "dmarc", Value: "fail"}, {Method: "spf", Value: "none"}}}},
		"equal signs in a value":            {"mx.test; dkim=pass header.b=a+/b==", authres.Field{Host: "mx.test", Results: []result{{Method: "dkim", Value: "pass", Props: props{{"header.b", "a+/b=="}}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, authres.Parse(tc.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTag(t *testing.T) {
	t.Parallel()
	r := authres.Parse("mx.test; dmarc=fail (sp=reject; p=QUARANTINE dis=NONE) action=none header.from=a.test").Results[0]
	for name, want := range map[string]string{"p": "QUARANTINE", "sp": "reject", "dis": "NONE", "action": "none", "x": ""} {
		if got := r.Tag(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := r.Prop("header.d", "header.from"); got != "a.test" {
		t.Errorf("got %q", got)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	f := authres.Parse("mx.test" + strings.Repeat("; a=b", authres.MaxResults+1))
	if len(f.Results) != authres.MaxResults || !f.Cut {
		t.Errorf("%d results, cut %v", len(f.Results), f.Cut)
	}
	f = authres.Parse("mx.test; a=b" + strings.Repeat(" ", authres.MaxField))
	if len(f.Results) != 1 || !f.Cut {
		t.Errorf("%d results, cut %v", len(f.Results), f.Cut)
	}
	f = authres.Parse("mx.test; a=b" + strings.Repeat(" x.y=z", 2000))
	if len(f.Results) != 1 || len(f.Results[0].Props) > 50 {
		t.Errorf("%d results", len(f.Results))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`mx.test 1; spf=pass (x "a); dmarc=pass"@b) smtp.mailfrom="c; d"@e; dkim = pass header . d = f`)
	f.Add("i=1; (((;;\\\"=;\x00")
	f.Fuzz(func(t *testing.T, value string) {
		size := 0
		for _, r := range authres.Parse(value).Results {
			if r.Method == "" || r.Value == "" {
				t.Errorf("an empty result in %q", value)
			}
			size += len(r.Method) + len(r.Value) + len(r.Reason) + len(r.Comment)
			for _, p := range r.Props {
				size += len(p.Name) + len(p.Value)
			}
		}
		if size > 4*len(value) {
			t.Errorf("%d bytes out of %d", size, len(value))
		}
	})
}
