package outcome_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"outrider/internal/rule"
	"outrider/internal/rule/feed"
	"outrider/internal/rule/outcome"
	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

const letter = "From: Ann <ann@red.example>\r\nTo: bob@example.org\r\nSubject: papers\r\n\r\nsee https://red.example/a\r\n"

// can returns what a source can come to with some capabilities and lists.
func can(t interface{ Fatalf(string, ...any) }, source string, have schema.Capability, list func(string) bool) outcome.Set {
	e, err := syntax.Parse(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	v := outcome.Evaluator{Functions: schema.NewFunctions(schema.NewTypes()), Have: have, List: list}
	return v.Of(e.Root)
}

func TestWhatCanFire(t *testing.T) {
	t.Parallel()
	for source, tc := range map[string]struct {
		have schema.Capability
		want bool
	}{
		"true":                    {0, true},
		"false":                   {0, false},
		"null":                    {0, false},
		"subject.subject == null": {0, false},
		"not false":               {0, true},
		"type.inbound and false":  {0, false},
		"type.inbound or false":   {0, true},
		"subject.subject is null": {0, true},
		"beta.fuzzy_attack_score().verdict is null":                                                {0, true},
		"beta.fuzzy_attack_score().verdict == \"x\"":                                               {0, false},
		"profile.by_sender().solicited":                                                            {0, false},
		"not profile.by_sender().solicited":                                                        {0, false},
		"profile.by_sender().solicited is not null":                                                {0, false},
		"not profile.by_sender().solicited ":                                                       {schema.History, true},
		"type.inbound and (type.inbound or profile.by_sender().solicited)":                         {0, true},
		"any(ml.nlu_classifier(body.current_thread.text).intents, .name == \"a\")":                 {0, false},
		"not any(ml.nlu_classifier(body.current_thread.text).intents, .name == \"a\")":             {0, false},
		"all(ml.nlu_classifier(body.current_thread.text).intents, .name == \"a\")":                 {0, true},
		"length(ml.nlu_classifier(body.current_thread.text).intents) == 0":                         {0, false},
		"length(filter(ml.nlu_classifier(body.current_thread.text).intents, .name == \"a\")) == 0": {0, true},
		"length(filter(ml.nlu_classifier(body.current_thread.text).intents, .name == \"a\")) > 0":  {0, false},
		"length(filter(body.links, profile.by_sender().solicited)) > 0":                            {0, false},
		"any(filter(ml.nlu_classifier(body.current_thread.text).intents, true), .name == \"a\")":   {0, false},
		"any(attachments, any(file.explode(.), .size > 3))":                                        {0, false},
		"any(attachments, any(file.explode(.), .size > 3)) ":                                       {schema.Files, true},
		"any(attachments, any(file.explode(.), strings.contains(.scan.ocr.raw, \"a\")))":           {schema.Files, false},
		"any(attachments, any(file.explode(.), strings.contains(.scan.ocr.raw, \"a\"))) ":          {schema.Files | schema.OCR, true},
		"any(attachments, any(file.explode(.), .scan.qr.type == \"url\"))":                         {schema.Files | schema.OCR, false},
		"coalesce(profile.by_sender().solicited, true)":                                            {0, true},
		"coalesce(profile.by_sender().solicited, false)":                                           {0, false},
		"sender.email.domain.domain in $gone":                                                      {0, false},
		"sender.email.domain.domain not in $gone":                                                  {0, false},
		"any($gone, . == \"a\")":                                                                   {0, false},
		"sender.email.email in $sender_emails":                                                     {0, false},
		"sender.email.email in $sender_emails ":                                                    {schema.History, true},
		"2 of (type.inbound, profile.by_sender().solicited, false)":                                {0, false},
		"1 of (type.inbound, profile.by_sender().solicited, false)":                                {0, true},
		"network.whois(sender.email.domain).days_old < 30":                                         {0, false},
		"strings.contains(subject.subject, beta.fuzzy_attack_score().verdict)":                     {0, false},
		"strings.contains(subject.subject, beta.fuzzy_attack_score().verdict, \"a\")":              {0, true},
		"strings.concat(subject.subject, beta.fuzzy_attack_score().verdict) == \"a\"":              {0, false},
		"length(body.links) + length(ml.nlu_classifier(body.current_thread.text).intents) > 0":     {0, false},
		"ratio(body.links, profile.by_sender().solicited) == 0":                                    {0, true},
		"any(map(body.links, profile.by_sender().solicited), .)":                                   {0, false},
		"any(map(body.links, .href_url.domain.domain), . == \"a\")":                                {0, true},
		"any([1, 2], . == length(body.links))":                                                     {0, true},
		"any(body.links, any(body.links, ..href_url.domain.domain == .href_url.domain.domain))":    {0, true},
		"sum([1, 2]) > 2 and -1 < 0":                                                               {0, true},
		"0 > 1":                                                                                    {0, false},
		"subject.subject in (null)":                                                                {0, true}, // not followed: harmless
	} {
		list := func(name string) bool { return name == "sender_emails" && tc.have&schema.History != 0 }
		if got := can(t, source, tc.have, list); got&outcome.True != 0 != tc.want {
			t.Errorf("%s with %s: got %b", source, tc.have, got)
		}
	}
}

// conditions generates conditions on available and missing values.
func conditions(depth int) *rapid.Generator[string] {
	leaves := rapid.SampledFrom([]string{
		"true", "false", "null == 1", "type.inbound", "type.outbound", "profile.by_sender().solicited", "subject.subject == \"papers\"", "subject.subject is null",
		"sender.email.domain.domain in $gone", "sender.email.domain.domain in $colours", "profile.by_sender().solicited is null",
		"any(ml.nlu_classifier(subject.subject).intents, .name == \"a\")", "all(ml.nlu_classifier(subject.subject).intents, .name == \"a\")",
		"length(filter(ml.nlu_classifier(subject.subject).intents, true)) == 0", "length(filter(body.links, profile.by_sender().solicited)) > 0",
		"length(distinct($gone)) == 0", "coalesce(profile.by_sender().solicited, true)", "coalesce(profile.by_sender().solicited, type.inbound)",
		"strings.contains(subject.subject, network.whois(sender.email.domain).registrar_name, \"papers\")", "network.whois(sender.email.domain).days_old > 3",
		"sender.email.domain.domain in (\"red.example\", \"x\")", "length(body.links) == 1", "0 == length(filter($gone, true))", "-1 < 0",
		"ratio(body.links, profile.by_sender().solicited) == 0", "any(attachments, true)", "sum([1, 2]) == 3",
	})
	if depth == 0 {
		return leaves
	}
	return rapid.Custom(func(t *rapid.T) string {
		part := func() string { return conditions(depth-1).Draw(t, "part") }
		switch rapid.IntRange(0, 7).Draw(t, "form") {
		case 0:
			return "(" + part() + " and " + part() + ")"
		case 1:
			return "(" + part() + " or " + part() + ")"
		case 2:
			return "not (" + part() + ")"
		case 3:
			return "2 of (" + part() + ", " + part() + ", " + part() + ")"
		case 4:
			return "any(body.links, " + part() + ")"
		case 5:
			return "all(body.links, " + part() + ")"
		case 6:
			return "any(map(body.links, " + part() + "), .)"
		default:
			return "length(filter(body.links, " + part() + ")) > 0"
		}
	})
}

func TestWhateverIsTrueCanFire(t *testing.T) {
	t.Parallel()
	in, err := feed.PrepareModel(t.Context(), "a", []byte(letter))
	if err != nil {
		t.Fatal(err)
	}
	known := rule.Named{"colours": rule.NewList([]string{"red.example"})}
	in.Lists = known
	s, fired := rule.NewSchema(), 0
	rapid.Check(t, func(t *rapid.T) {
		source := conditions(rapid.IntRange(0, 4).Draw(t, "depth")).Draw(t, "source")
		e := rule.Compile(s, []*rule.Rule{{ID: "a", Name: "a", Kind: rule.Detection, Source: source}})
		if len(e.Invalid()) > 0 {
			t.Fatalf("%s: %v", source, e.Invalid())
		}
		fires := can(t, source, 0, func(name string) bool { return known[name] != nil })&outcome.True != 0
		e.Judge(context.Background(), in, func(r rule.Result) {
			if r.Outcome == rule.Match {
				if fired++; !fires {
					t.Fatalf("%s is true, and is said to be unable to be", source)
				}
			}
		})
	})
	if fired < 10 {
		t.Errorf("%d expressions were true", fired)
	}
}
