package app_test

import (
	"strings"
	"testing"

	"outrider/internal/app"
	"outrider/internal/mailauth/bimi"
)

func TestCheckShowsTheLogosOfDomains(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, zone, want string }{
		{"no record", "", "ok    BIMI of example.org                no record"},
		{"declined", `default._bimi.example.org. 60 IN TXT "v=BIMI1; l=; a="`, "ok    BIMI of example.org                the domain takes no part"},
		{"clear text", `default._bimi.example.org. 60 IN TXT "v=BIMI1; l=http://cdn.example.org/logo.svg"`, "warn  BIMI of example.org                malformed bimi record"},
		{"two records", "default._bimi.example.org. 60 IN TXT \"v=BIMI1; l=\"\ndefault._bimi.example.org. 60 IN TXT \"v=BIMI1; l=https://a.example/\"", "more than one bimi record"},
		{"no answer", "fail default._bimi.example.org.", "The answer is unknown; try again."},
		{"a logo within the network", "default._bimi.example.org. 60 IN TXT \"v=BIMI1; l=https://cdn.example.org/logo.svg\"\ncdn.example.org. 60 IN A 127.0.0.1", "warn  BIMI of example.org                fetching logo"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if out := besideZone(t, test.zone).must("check"); !strings.Contains(out, test.want) {
				t.Errorf("got\n%s", out)
			}
		})
	}
}

func TestAdviceOnLogos(t *testing.T) {
	t.Parallel()
	proved := bimi.Record{Location: "https://a.example/l.svg", Authority: "https://a.example/v.pem"}
	for _, test := range []struct {
		res      bimi.Result
		enforced bool
		advice   string
	}{
		{bimi.Result{Status: bimi.None}, false, ""},
		{bimi.Result{Status: bimi.Declined}, false, ""},
		{bimi.Result{Status: bimi.Fail}, true, "correct the record"},
		{bimi.Result{Status: bimi.TempError}, true, "try again"},
		{bimi.Result{Status: bimi.Pass, Record: proved}, false, "p=quarantine or p=reject"},
		{bimi.Result{Status: bimi.Pass, Record: bimi.Record{Location: proved.Location}}, true, "name it in a="},
		{bimi.Result{Status: bimi.Pass, Record: proved}, true, ""},
		{bimi.Result{Status: bimi.Skipped, Record: bimi.Record{Authority: proved.Authority}}, true, ""},
	} {
		advice, good := app.AdviseLogo(&test.res, test.enforced)
		if good != (test.advice == "") || !strings.Contains(advice, test.advice) {
			t.Errorf("%s, enforced %t: %q", test.res.Status, test.enforced, advice)
		}
	}
}
