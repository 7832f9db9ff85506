package rule_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"outrider/internal/attachment"
	"outrider/internal/rule"
	"outrider/internal/rule/result"
	"outrider/internal/rule/schema"
)

func detection(id, source string) *rule.Rule {
	return &rule.Rule{ID: id, Name: id, Path: id, Kind: rule.Detection, Source: source}
}

func judged(t *testing.T, in *rule.Input, rules ...*rule.Rule) map[string]rule.Result {
	t.Helper()
	e := rule.Compile(rule.NewSchema(), rules)
	for _, a := range e.Invalid() {
		t.Fatalf("%s: %v", a.Rule.Name, a.Err)
	}
	out := map[string]rule.Result{}
	e.Judge(t.Context(), in, func(r rule.Result) { out[r.Rule.ID] = r })
	return out
}

// mailOf makes a message of fields and a text.
func mailOf(fields, text string) string {
	return fields + "From: a@b.example\nTo: bob@example.org\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n" + text + "\n"
}

func references(n int) string {
	var b strings.Builder
	b.WriteString("References:")
	for i := range n {
		fmt.Fprintf(&b, "\n <%d@example.org>", i)
	}
	return b.String() + "\n"
}

const endless = `any(headers.references, any(headers.references, any(headers.references, any(headers.references, length(.) > 999 and length(..) > 1 and length(...) > 1))))`

// A condition that several rules share and that takes too long makes none of them match.
func TestOverrunsOfSharedConditionsMatchNothing(t *testing.T) {
	t.Parallel()
	for _, quick := range []bool{false, true} {
		in := input(t, mailOf(references(200)+"Subject: x\n", "x"))
		in.Quick = quick
		got := judged(t, in, detection("a", endless+" and length(subject.subject) > 0"), detection("b", endless+" and length(subject.subject) < 9"),
			detection("c", endless+" and length(subject.subject) == 1"), detection("d", "subject.subject == 'x'"))
		for _, id := range []string{"a", "b", "c"} {
			if got[id].Outcome != rule.Failed || !errors.Is(got[id].Err, rule.ErrSteps) {
				t.Errorf("quick %v, %s: %s %v", quick, id, got[id].Outcome, got[id].Err)
			}
		}
		if got["d"].Outcome != rule.Match {
			t.Errorf("quick %v: the other rule is %s", quick, got["d"].Outcome)
		}
	}
}

func TestQuickTestsSharedConditions(t *testing.T) {
	t.Parallel()
	in := input(t, letter)
	in.Quick = true
	got := judged(t, in, detection("a", "type.outbound and length(subject.subject) > 0"), detection("b", "type.outbound and length(subject.subject) > 1"),
		detection("c", "type.outbound and length(subject.subject) > 2"))
	for id, r := range got {
		if r.Outcome == rule.Match {
			t.Errorf("%s matches mail that comes in", id)
		}
	}
}

// A rule that was ended early leaves no false answer to the next.
func TestOverrunsAreNotRemembered(t *testing.T) {
	t.Parallel()
	in := input(t, mailOf(references(200)+"Subject: x\n", "<p>hello</p>"))
	got := judged(t, in,
		detection("a", endless+" or any(html.xpath(body.html, '//p').nodes, .inner_text == 'hello')"),
		detection("b", "any(html.xpath(body.html, '//p').nodes, .inner_text == 'hello')"))
	if got["b"].Outcome != rule.Match {
		t.Errorf("the second rule is %s", got["b"].Outcome)
	}
}

// Unexamined elements could decide: neither "not any" nor "all" is true.
func TestLongListsAndTextsAreNotDecidedByTheirBeginning(t *testing.T) {
	t.Parallel()
	in := input(t, mailOf(references(100)+"Subject: x\n", "<p>"+strings.Repeat("ab ", 400_000)+"end</p>"))
	many := "flatten(map(headers.references, map(headers.references, .)))" // 10,000
	for source, want := range map[string]string{
		"any(" + many + ", . == 'none')":                       "null",
		"all(" + many + ", . != 'none')":                       "null",
		"any(" + many + ", . == '1@example.org')":              "true",
		"length(filter(" + many + ", . == 'none')) == 0":       "null",
		"strings.contains(body.html.raw, 'nowhere')":           "false", // who pads a message must not escape "not contains"
		"strings.contains(body.html.raw, 'ab ab')":             "true",
		"strings.starts_with(body.html.raw, '<p>ab')":          "true",
		"strings.ends_with(strings.concat('x', 'end'), 'end')": "true",
		"strings.ends_with(body.html.raw, 'x')":                "null",
		"regex.contains(body.html.raw, 'no.where')":            "false",
		"regex.contains(body.html.raw, 'ab{1}')":               "true",
	} {
		if v, _ := rule.Eval(t, rule.NewSchema(), source, in); rule.Show(v) != want {
			t.Errorf("%s is %s, want %s", source, rule.Show(v), want)
		}
	}
}

// A file that could not be opened is not an empty file.
func TestUnopenedFilesAreMissing(t *testing.T) {
	t.Parallel()
	in := input(t, letter)
	in.Open = func(files []attachment.Input) []*attachment.Report {
		return []*attachment.Report{attachment.Unopened(files[0], "busy")}
	}
	for _, source := range []string{
		"any(attachments, any(file.explode(.), any(.scan.url.urls, .scheme == 'https')))",
		"any(attachments, length(file.expand_archives(.).files) == 0)",
		"any(attachments, file.oletools(.).indicators.vba_macros.exists)",
	} {
		if v, missing := rule.Eval(t, rule.NewSchema(), source, in); !v.IsNull() || missing&schema.Files == 0 {
			t.Errorf("%s is %s, missing %s", source, rule.Show(v), missing)
		}
	}
}

func TestBySenderNeedsTheListOfProviders(t *testing.T) {
	t.Parallel()
	in := input(t, letter)
	in.Lists = rule.Named{}
	in.Profile = func(rule.ProfileKind, string) *result.Profile { return &result.Profile{Solicited: new(bool)} }
	if v, missing := rule.Eval(t, rule.NewSchema(), "profile.by_sender().solicited", in); !v.IsNull() || missing&schema.Listed == 0 {
		t.Errorf("%s, missing %s", rule.Show(v), missing)
	}
}

// Words are measured as they are looked for.
func TestShortWordsOfSeveralBytes(t *testing.T) {
	t.Parallel()
	in := input(t, mailOf("Subject: ok\n", "x"))
	for _, source := range []string{"strings.icontains(subject.subject, \"\u212a\")", "subject.subject =~ \"o\u212a\"", "subject.subject in~ (\"o\u212a\")"} {
		if got := judged(t, in, detection("a", source)); got["a"].Outcome != rule.Match {
			t.Errorf("%s: %s", source, got["a"].Outcome)
		}
	}
}

func TestFaultsOfPatternsAndNetworks(t *testing.T) {
	t.Parallel()
	for _, source := range []string{`regex.match(subject.subject, '\Qabc')`, "beta.ip_in('10.0.0.1', strings.concat('10.0.0.0', '/8'))", "beta.ip_in('10.0.0.1', '10.0.0.0/33')"} {
		if _, err := rule.Analyze(rule.NewSchema(), detection("a", source)); err == nil {
			t.Errorf("%s has no fault", source)
		}
	}
}

func TestReasonsBehindNot(t *testing.T) {
	t.Parallel()
	x, err := rule.NewExplainer(rule.NewSchema(), detection("a", "not type.outbound and strings.icontains(subject.subject, 'invoice')"))
	if err != nil {
		t.Fatal(err)
	}
	if _, tree := x.Explain(t.Context(), input(t, letter)); len(tree.Reasons()) != 1 {
		t.Errorf("%d reasons", len(tree.Reasons()))
	}
}

// Costly operations are paid for in steps: each of these ends, most of them early.
func TestCostlyExpressionsAreBounded(t *testing.T) {
	t.Parallel()
	deep := mailOf("Subject: x\n", strings.Repeat("<div>", 480)+strings.Repeat("word ", 150_000)+strings.Repeat("</div>", 480))
	long := mailOf("Subject: "+strings.Repeat("a", 40_000)+"\n", strings.Repeat("x", 256<<10))
	for name, c := range map[string]struct{ mail, source string }{
		"nodes":            {deep, "length(html.xpath(body.html, '//div').nodes) > 1000"},
		"values":           {deep, `length(html.xpath(body.html, '//*[contains(translate(normalize-space(.),"ABC","abc"),"qqq")]').nodes) > 1000`},
		"wildcards":        {long, "strings.like(subject.subject, strings.concat('*', subject.subject, 'b*'))"},
		"matches":          {long, "regex.count(body.html.raw, 'x(?:.*y)?') > 2000"},
		"distances":        {long, "strings.ilevenshtein(subject.subject, body.html.raw) > 2000"},
		"texts of texts":   {mailOf(references(200)+"Subject: x\n", strings.Repeat("x", 100_000)), "length(map(headers.references, strings.concat(., body.html.raw, ..subject.subject))) < 0"},
		"lists of a list":  {mailOf(references(200)+"Subject: x\n", "x"), endless},
		"json":             {mailOf("Subject: x\n", strings.Repeat("[", 200_000)), "strings.parse_json(body.html.raw) is not null"},
		"base64 of base64": {mailOf("Subject: x\n", strings.Repeat("QUFB", 60_000)), "any(strings.scan_base64(body.html.raw), any(strings.scan_base64(.), . == 'x'))"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := strings.ReplaceAll(c.source, "..subject.subject", "subject.subject")
			in := input(t, c.mail)
			got := judged(t, in, detection("a", source), detection("b", "type.inbound"))
			if got["b"].Outcome != rule.Match {
				t.Errorf("the other rule is %s", got["b"].Outcome)
			}
			if got["a"].Outcome == rule.Match {
				t.Errorf("%s matches", source)
			}
		})
	}
}

// The deadline of the message ends rules in the middle.
func TestDeadlineEndsRules(t *testing.T) {
	t.Parallel()
	var rules []*rule.Rule
	for i := range 40 {
		rules = append(rules, detection(fmt.Sprint(i), fmt.Sprintf("any(headers.references, any(headers.references, any(headers.references, length(.) + length(..) + length(...) == 999 + %d)))", i)))
	}
	in := input(t, mailOf(references(80)+"Subject: x\n", "x"))
	e, failed := rule.Compile(rule.NewSchema(), rules), 0
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // of seconds that they take together
	defer cancel()
	e.Judge(ctx, in, func(r rule.Result) {
		if errors.Is(r.Err, context.DeadlineExceeded) {
			failed++
		}
	})
	if failed == 0 {
		t.Error("40 long rules were done in 300 ms")
	}
}

// A match that depends on missing evidence reports it.
func TestMatchesSayWhatTheyAreWithout(t *testing.T) {
	t.Parallel()
	const (
		age  = "network.whois(sender.email.domain).days_old"
		mind = "ml.nlu_classifier(body.current_thread.text).intents"
	)
	for source, want := range map[string]schema.Capability{
		"sender.email.local_part == 'a'":                                        0,
		age + " is null":                                                        schema.Whois,
		"coalesce(" + age + ", 1) < 30":                                         schema.Whois,
		"coalesce(1, " + age + ") < 30":                                         0,
		"coalesce(" + age + " is null, false)":                                  schema.Whois,
		"not (" + age + " is not null)":                                         schema.Whois,
		"length(filter(" + mind + ", .name == 'x')) == 0":                       schema.Language,
		"all(" + mind + ", .name == 'x')":                                       schema.Language,
		"sender.email.local_part == 'a' or " + age + " is null":                 0,
		"sender.email.local_part == 'b' or " + age + " is null":                 schema.Whois,
		"sender.email.local_part == 'a' and (" + age + " < 3 or true)":          0,
		"any(recipients.to, coalesce(" + age + ", 1) == 1)":                     schema.Whois,
		"any(recipients.to, .email.local_part == 'bob' or " + age + " is null)": 0,
		"2 of (true, " + age + " is null, false)":                               schema.Whois,
	} {
		for _, quick := range []bool{false, true} {
			in := input(t, mailOf("Subject: a\n", "hello"))
			in.Quick = quick
			// Four times, for what rules share is computed once.
			got := judged(t, in, detection("a", source), detection("b", source), detection("c", source+" and type.inbound"), detection("d", "("+source+") and 1 < 2"))
			for _, id := range []string{"a", "b", "c", "d"} {
				if r := got[id]; r.Outcome != rule.Match || r.Missing != want {
					t.Errorf("%s of %s (quick: %v): %s without %q, want %q", id, source, quick, r.Outcome, r.Missing, want)
				}
			}
		}
	}
}

// Data of a node is not stored if the rule was ended while computing it.
func TestNodesOfOverrunsAreNotRemembered(t *testing.T) {
	t.Parallel()
	const nodes = "html.xpath(body.html, '//p').nodes"
	for _, field := range []string{"inner_text", "display_text", "raw"} {
		in := input(t, mailOf(references(200)+"Subject: x\n", "<p>hello</p>"))
		ends := fmt.Sprintf("any(%s, length(filter(headers.references, %s)) + length(.%s) > 0)", nodes, endless, field)
		got := judged(t, in, detection("a", ends), detection("b", fmt.Sprintf("any(%s, strings.contains(.%s, 'hello'))", nodes, field)))
		if got["b"].Outcome != rule.Match {
			t.Errorf("%s: the second rule is %s", field, got["b"].Outcome)
		}
		if got["a"].Outcome != rule.Failed {
			t.Errorf("%s: the first rule is %s", field, got["a"].Outcome)
		}
	}
	in := input(t, mailOf(references(200)+"Subject: x\n", "<p><a href='https://red.example/'>x</a></p>"))
	got := judged(t, in, detection("a", fmt.Sprintf("any(%s, length(filter(headers.references, %s)) + length(.links) > 0)", nodes, endless)),
		detection("b", fmt.Sprintf("any(%s, length(.links) == 1)", nodes)))
	if got["b"].Outcome != rule.Match {
		t.Errorf("links: the second rule is %s", got["b"].Outcome)
	}
}

// Rules that wait for the same are named one and all, be it that they share the condition.
func TestSharedConditionsCanWait(t *testing.T) {
	t.Parallel()
	in := input(t, letter)
	in.Quick, in.Later = true, schema.History
	const asked = "profile.by_sender_email().solicited"
	got := judged(t, in, detection("a", asked), detection("b", asked+" and type.inbound"), detection("c", asked+" and length(subject.subject) > 0"), detection("d", asked+" and type.outbound"))
	for _, id := range []string{"a", "b", "c"} {
		if r := got[id]; r.Outcome != rule.Indeterminate || r.Missing != schema.History {
			t.Errorf("%s: %q, missing %q", id, r.Outcome, r.Missing)
		}
	}
	if r, ok := got["d"]; ok {
		t.Errorf("what cannot match is %s", r.Outcome)
	}
}

// A null result is not given up if none of its parts is missing.
func TestQuickJudgementOfWhatIsNull(t *testing.T) {
	t.Parallel()
	many := "flatten(map(headers.references, map(headers.references, .)))" // 10,000
	for source, want := range map[string]bool{
		"any(flatten([[headers.mailer]]), . is null)":                                    true,
		"any(values(strings.parse_json('{\"a\": null}')), . is null)":                    true,
		"any(strings.parse_json('[null]'), . is null)":                                   true,
		"any(strings.parse_json('[1]'), (. == 'x') is null)":                             true,
		"any(strings.parse_json('[1]'), length(.) is null)":                              true,
		"('x' in [headers.mailer]) is null":                                              true,
		"(coalesce(strings.parse_json('true'), 'x') == 'x') is null":                     true,
		"'abc'[0:length(headers.mailer)] is null":                                        true,
		"sum(strings.parse_json('[\"x\"]')) is null":                                     true,
		"length(filter(" + many + ", true)) is null":                                     true,
		"any(" + many + ", . == 'none') is null":                                         true,
		"all(" + many + ", coalesce(., 'x') != 'none') is null":                          true,
		"length(ml.link_analysis(body.links[0]).effective_url.rewrite.encoders) == 0":    false,
		"not any(ml.link_analysis(body.links[0]).effective_url.rewrite.encoders, false)": false,
	} {
		for _, quick := range []bool{false, true} {
			in := input(t, mailOf(references(100)+"Subject: x\n", "<a href='https://red.example/'>x</a>"))
			in.Quick = quick
			if got := judged(t, in, detection("a", source))["a"]; (got.Outcome == rule.Match) != want {
				t.Errorf("%s (quick: %v): %q %v", source, quick, got.Outcome, got.Err)
			}
		}
	}
}

// To look whether a document has a name at all is paid for.
func TestNamesOfDocumentsAreLookedForInSteps(t *testing.T) {
	t.Parallel()
	var parts []string
	for i := range 300 {
		parts = append(parts, fmt.Sprintf("length(html.xpath(strings.parse_html(body.html.raw), '//x%d').nodes) > 0", i))
	}
	got := judged(t, input(t, mailOf("Subject: x\n", strings.Repeat("x", 1<<20))), detection("a", strings.Join(parts, " or ")))
	if !errors.Is(got["a"].Err, rule.ErrSteps) {
		t.Errorf("%q %v", got["a"].Outcome, got["a"].Err)
	}
}

// The links of nodes within nodes are paid for, each time that they are collected.
func TestLinksOfNodesAreCollectedInSteps(t *testing.T) {
	t.Parallel()
	doc := strings.Repeat("<div>", 480) + strings.Repeat("<a href='https://a.example/p'>w</a>", 400) + strings.Repeat("</div>", 480)
	got := judged(t, input(t, mailOf("Subject: x\n", doc)), detection("a", "any(html.xpath(body.html, '//div').nodes, length(.links) < 0)"))
	if !errors.Is(got["a"].Err, rule.ErrSteps) {
		t.Errorf("%q %v", got["a"].Outcome, got["a"].Err)
	}
}
