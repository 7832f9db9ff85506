package feed_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/config"
	"outrider/internal/rule"
	"outrider/internal/rule/feed"
)

// TestThePublicFeedIsCounted compares the figures of the feed with those of mql.md §6. Its
// core excludes functions that parse files (such as file.parse_eml), which ours includes,
// since they need no external source.
func TestThePublicFeedIsCounted(t *testing.T) {
	t.Parallel()
	published, err := feed.Load("lists", os.DirFS("../../../.data/sublime/sublime-lists"))
	if err != nil {
		t.Fatal(err)
	}
	l := feed.Examine(rule.NewSchema(), feed.Merge([]*feed.Feed{published, public(t)}, nil), nil)
	if l.Rules != 1587 || l.Checked != 1587 || l.Detect != 1189 || len(l.Faults) != 0 {
		t.Errorf("%d of %d check, %d detect, faults %v", l.Checked, l.Rules, l.Detect, l.Faults)
	}
	want := []feed.Tier{
		{"core", 381, 498},
		{"+ history", 491, 652},
		{"+ whois", 525, 676},
		{"+ attachments", 695, 837},
		{"+ QR codes", 703, 848},
		{"+ text in pictures", 720, 864},
		{"+ language model", 955, 1068},
		{"+ browser", 1057, 1145},
		{"+ screenshots", 1086, 1154},
		{"+ logos", 1186, 1179},
		{"+ the rest", 1189, 1181},
	}
	if diff := cmp.Diff(want, l.Coverage); diff != "" {
		t.Error(diff)
	}
	if len(l.ShortOf) != 1189-720 {
		t.Errorf("%d rules are short of strict", len(l.ShortOf))
	}
	for _, s := range l.ShortOf {
		if len(s.Missing) == 0 || s.ID == "" {
			t.Errorf("nothing is missing: %+v", s)
		}
	}
	needs := map[string]int{}
	for _, w := range l.Needs {
		needs[w.Name] = w.Rules
	}
	for name, n := range map[string]int{"history": 348, "language model": 343, "ocr": 139, "link analysis": 118, "screenshots": 105, "logo model": 100, "whois": 92, "qr": 40} {
		if needs[name] != n {
			t.Errorf("%d rules need %s, want %d", needs[name], name, n)
		}
	}
	for _, w := range l.Lists {
		if w.From == "unknown" {
			t.Errorf("nobody has $%s", w.Name)
		}
	}
	if len(l.Warnings) != 2 { // lists of the organisation that are published empty
		t.Errorf("warnings %v", l.Warnings)
	}
}

func TestFaultsHaveTheirPlaceInTheFile(t *testing.T) {
	t.Parallel()
	head := "name: x\nid: a\n"
	for name, tc := range map[string]struct{ file, want string }{
		"in a block":                   {head + "source: |\n  type.inbound\n  and no.field\n", "r.yml:5:7: "},
		"on the first line of a block": {head + "source: |\n  no.field\n", "r.yml:4:3: "},
		"after empty lines":            {head + "source: |\n\n\n    no.field\n", "r.yml:6:5: "},
		"in a deeper block":            {head + "source: |-\n      type.inbound and\n      no.field\ntype: rule\n", "r.yml:5:7: "},
		"after a character that is wide": {
			head + "source: |\n  subject.subject == \"\u00e9\u00e9\" and no.field\n", "r.yml:4:31: ",
		},
		"on the line of the key":      {head + "source: no.field\n", "r.yml:3:9: "},
		"in a file of other newlines": {strings.ReplaceAll(head+"source: |\n  type.inbound\n  and no.field\n", "\n", "\r\n"), "r.yml:5:7: "},
		"where it does not parse":     {head + "source: |\n  type.inbound and and\n", "r.yml:4:20: "},
		"in YAML":                     {"source: [\n", "r.yml: reading r.yml: "},
		"without a source":            {"name: x\ntype: rule\n", "r.yml: reading r.yml: it has no source"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := feed.Load("x", fstest.MapFS{"r.yml": {Data: []byte(tc.file)}})
			if err != nil {
				t.Fatal(err)
			}
			l := feed.Examine(rule.NewSchema(), feed.Merge([]*feed.Feed{f}, nil), nil)
			if l.Rules != 1 || l.Checked != 0 || len(l.Faults) != 1 || !strings.HasPrefix(l.Faults[0].String(), tc.want) {
				t.Errorf("got %v, want %s", l.Faults, tc.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	first, err := feed.Load("public", fstest.MapFS{
		"a.yml":              {Data: []byte(ruleFile(1, "sender.email.domain.domain in $colors"))},
		"b.yml":              {Data: []byte(ruleFile(2, "regex.contains(subject.subject"+strings.Repeat(", 'a{1,900}'", 40)+")"))},
		"c.yml":              {Data: []byte(strings.Replace(ruleFile(3, "type.inbound"), "medium", "huge", 1))},
		"d.yml":              {Data: []byte(ruleFile(3, "type.outbound"))},
		"lists/org_vips.txt": {Data: nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	own, err := feed.Load(feed.Own, fstest.MapFS{"a.yml": {Data: []byte(ruleFile(1, "sender.email.domain.domain in $tranco_1m"))}})
	if err != nil {
		t.Fatal(err)
	}
	a := feed.Merge([]*feed.Feed{first, own}, map[string]feed.Override{"nobody": {Off: true}, ruleID(3): {Off: true}})
	l := feed.Examine(rule.NewSchema(), a, rule.Named{})
	var got []string
	for _, w := range l.Warnings {
		got = append(got, w.Message)
	}
	for _, want := range []string{"there is no list $colors", "instructions", `severity "huge" is not known`, "c.yml of feed public has the same id", "a.yml of feed own has the same id", "this list is not used", "no rule has the id nobody"} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
	if len(got) != 7 {
		t.Errorf("got %q", got)
	}
	raw, err := json.Marshal(l.Lists)
	if err != nil || string(raw) != `[{"name":"colors","rules":1,"from":"unknown"},{"name":"tranco_1m","rules":1,"from":"published"}]` {
		t.Errorf("lists %s, %v", raw, err)
	}
}

func TestFormatChangesTheSourceAlone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"a block": {
			"name:   x # kept\nsource: |\n  type.inbound and   subject.subject=='a' // why\ntags:\n   - b\n",
			"name:   x # kept\nsource: |\n  type.inbound\n  and subject.subject == 'a' // why\ntags:\n   - b\n",
		},
		"another indentation": {"source: |\n      type.inbound and type.outbound\nid: x", "source: |\n      type.inbound\n      and type.outbound\nid: x"},
		"the end of the file": {"id: x\nsource: |-\n  type.inbound and type.outbound", "id: x\nsource: |-\n  type.inbound\n  and type.outbound"},
		"empty lines behind":  {"source: |\n  (type.inbound )\n\n\nid: x\n", "source: |\n  (type.inbound)\n\n\nid: x\n"},
		"other newlines":      {"source: |\r\n  type.inbound and type.outbound\r\nid: x\r\n", "source: |\r\n  type.inbound\r\n  and type.outbound\r\nid: x\r\n"},
		"one line":            {"id: x\nsource:    type.inbound   and type.outbound\n", "id: x\nsource:    type.inbound   and type.outbound\n"},
		"a bool of YAML":      {"source: true\n", "source: true\n"},
		"what is in form":     {"source: |\n  type.inbound\n", "source: |\n  type.inbound\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := feed.Format("r.yml", []byte(tc.in))
			if err != nil || string(got) != tc.want {
				t.Fatalf("got %q, %v", got, err)
			}
			if again, err := feed.Format("r.yml", got); err != nil || string(again) != string(got) {
				t.Errorf("again: %q, %v", again, err)
			}
		})
	}
	for in, want := range map[string]string{
		"source: |\n  type.inbound and\n  and\n":           "r.yml:3:3: ",
		"source: >\n  type.inbound\n\n  and type.outbound": "r.yml: its source is not a literal block",
		"a: b\n":                      "r.yml: it is not a rule",
		"source: [\n":                 "r.yml: reading YAML",
		"source: \"a\\nand b and\"\n": "r.yml:1:",
	} {
		if got, err := feed.Format("r.yml", []byte(in)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
}

func TestFormatOfThePublicFeed(t *testing.T) {
	t.Parallel()
	for i, r := range public(t).Rules {
		if i%3 != 0 { // a third takes a second
			continue
		}
		raw, err := os.ReadFile(filepath.Join(corpus, r.Path))
		if err != nil {
			t.Fatal(err)
		}
		out, err := feed.Format(r.Path, raw)
		if err != nil {
			t.Error(err)
			continue
		}
		if again, err := feed.Format(r.Path, out); err != nil || string(again) != string(out) {
			t.Errorf("%s changes again: %v", r.Path, err)
		}
		// All else is as it was.
		before, source, _ := strings.Cut(string(raw), "\nsource:")
		if !strings.HasPrefix(string(out), before) || strings.Count(source, "\n")-strings.Count(string(raw), "\n") > 0 {
			t.Errorf("%s: more than the source changed", r.Path)
		}
	}
}

func TestListsOfTheOrganisation(t *testing.T) {
	t.Parallel()
	parse := func(people string) *config.Tenant {
		c, err := config.Parse([]byte("tenants:\n  - id: a\n    domains:\n      - {name: Mail.Example.co.uk, route: {hosts: [x]}}\n      - {name: example.org, route: {hosts: [x]}}\n" + people))
		if err != nil {
			t.Fatal(err)
		}
		return &c.Tenants[0]
	}
	got := feed.OrgLists(parse("    people:\n      - {name: Ann Example, addresses: [Ann@Example.org, ann@home.example]}\n"))
	for name, want := range map[string]string{
		"org_domains": "example.org mail.example.co.uk", "tenant_domains": "example.org mail.example.co.uk",
		"org_slds": "example", "org_display_names": "Ann Example", "org_vips": "Ann Example Ann Example",
	} {
		if l := got[name]; l == nil || strings.Join(l.Elements(), " ") != want {
			t.Errorf("$%s is %v", name, l)
		}
	}
	// Unconfigured people and an empty list of people differ.
	for people, known := range map[string]bool{"": false, "    people: []\n": true} {
		got := feed.OrgLists(parse(people))
		for _, name := range []string{"org_vips", "org_display_names"} {
			if l := got[name]; (l != nil) != known || known && l.Len() != 0 {
				t.Errorf("with %q $%s is %v", people, name, l)
			}
		}
	}
	if got := feed.OrgLists(nil); len(got) != 0 {
		t.Errorf("nobody has %v", got)
	}
	ann, nobody, unknown := parse("    people:\n      - {name: Ann Example, addresses: [ann@home.example]}\n"), parse("    people: []\n"), parse("")
	other := config.Tenant{Domains: []config.Domain{{Name: "example.net"}}}
	for name, tc := range map[string]struct {
		tenants []config.Tenant
		domains int
		vips    int // -1: missing
	}{
		"people of one":            {[]config.Tenant{*unknown, *ann, *nobody, other}, 3, 1},
		"nobody by name":           {[]config.Tenant{*unknown, *nobody}, 2, 0},
		"people are known of none": {[]config.Tenant{*unknown, other}, 3, -1},
		"no tenants":               {nil, 0, -1},
	} {
		got := feed.AllOrgLists(tc.tenants)
		if l := got["org_vips"]; got["org_domains"].Len() != tc.domains || (l != nil) != (tc.vips >= 0) || l != nil && l.Len() != tc.vips {
			t.Errorf("%s: %d domains, people %v", name, got["org_domains"].Len(), l)
		}
	}
}
