package rule_test

import (
	"slices"
	"strings"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/evidence"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/rule"
	"outrider/internal/rule/schema"
	"outrider/internal/verdict"
)

func facts(raw string) *evidence.Evidence {
	b := budget.New(budget.Default())
	m := message.Parse([]byte(raw), b)
	return evidence.New(evidence.Facts{
		Received: &message.Received{ID: "1", Source: message.SourceFile, Body: message.NewBody([]byte(raw))}, Message: m, Auth: mailauth.FromHeader(m, nil), Budget: b,
	})
}

func detecting(lists rule.Lists, rules ...*rule.Rule) *rule.Detector {
	s := rule.NewSchema()
	return rule.NewDetector(rule.NewSet(s, rule.Compile(s, rules), lists, "7"))
}

// A match is a finding with the class of its attack, the weight of its severity, and the
// place of what it saw.
func TestFindings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attack, severity, source string
		class                    verdict.Class
		weight                   float64
		portion                  verdict.Portion
		field, value             string
	}{
		{"Credential Phishing", "high", "any(body.links, .href_url.domain.domain == 'pay.example.net')", verdict.ClassPhish, 2, verdict.PortionLink, "", "pay.example.net"},
		{"Malware/Ransomware", "critical", "any(attachments, .file_extension == 'eml')", verdict.ClassMalware, 3.5, verdict.PortionAttachment, "", "eml"},
		{"BEC/Fraud", "medium", "sender.email.local_part == 'ann' and not any(attachments, .size > 99999)", verdict.ClassBEC, 1.2, verdict.PortionHeader, "From", "ann"},
		{"Spam", "low", "strings.icontains(body.current_thread.text, 'kelvin')", verdict.ClassSpam, 0.5, verdict.PortionBody, "", "Kelvin"},
		{"Spam", "strange", "strings.icontains(subject.subject, 'invoice')", verdict.ClassSpam, 0.5, verdict.PortionHeader, "Subject", "Invoice"},
	} {
		r := &rule.Rule{ID: "r", Name: "R", Kind: rule.Detection, Severity: c.severity, AttackTypes: []string{c.attack}, Source: c.source, Description: "It is so. And more."}
		d := detecting(rule.Named{}, r)
		found, _ := d.Detect(t.Context(), facts(strings.ReplaceAll(letter, "\n", "\r\n")))
		if len(found) != 1 {
			t.Errorf("%s: %d findings", c.source, len(found))
			continue
		}
		f := found[0]
		if f.ID != "r" || f.Class != c.class || f.Weight != c.weight || f.Portion != c.portion || f.Field != c.field || !strings.Contains(f.Value, c.value) || f.Detail != "It is so." || !strings.HasSuffix(f.Reason, ".") || strings.Contains(f.Reason, "It is so") {
			t.Errorf("%s: %+v", c.source, f)
		}
	}
}

// A message that an exclusion matches has no findings; only detection rules make some.
func TestExclusionsAndOtherKinds(t *testing.T) {
	t.Parallel()
	e := facts(letter)
	match := func(kind rule.Kind) *rule.Rule {
		return &rule.Rule{ID: string(kind), Name: string(kind), Kind: kind, Source: "true"}
	}
	if found, _ := detecting(rule.Named{}, match(rule.Detection), match(rule.DLP), match(rule.Automation), match(rule.Query)).Detect(t.Context(), e); len(found) != 1 {
		t.Errorf("%d findings, want 1", len(found))
	}
	if found, _ := detecting(rule.Named{}, match(rule.Detection), match(rule.Exclusion)).Detect(t.Context(), e); len(found) != 0 {
		t.Errorf("%d findings of an excluded message", len(found))
	}
}

func TestReplaceChangesTheSet(t *testing.T) {
	t.Parallel()
	d := detecting(rule.Named{}, &rule.Rule{ID: "a", Name: "a", Kind: rule.Detection, Source: "true"})
	s := rule.NewSchema()
	d.Replace(rule.NewSet(s, rule.Compile(s, nil), rule.Named{}, "8"))
	if found, _ := d.Detect(t.Context(), facts(letter)); len(found) != 0 || d.Name() != "rules/8" {
		t.Errorf("%d findings of %s", len(found), d.Name())
	}
}

// A rule that waits for later evidence is reported, unless another of its conditions
// decides it, or it also waits for unavailable evidence.
func TestUndecidedRulesAreNamed(t *testing.T) {
	t.Parallel()
	const young = "network.whois(sender.email.domain).days_old < 30"
	for _, c := range []struct {
		source string
		later  schema.Capability
		waits  []string
	}{
		{young, schema.Whois, []string{"whois"}},
		{young + " and sender.email.local_part == 'ann'", schema.Whois, []string{"whois"}},
		{young + " and sender.email.local_part == 'bob'", schema.Whois, nil},
		{young + " or sender.email.local_part == 'ann'", schema.Whois, nil}, // it matches
		{young + " or sender.email.local_part == 'bob'", schema.Whois, []string{"whois"}},
		{young + " and any(ml.nlu_classifier(body.current_thread.text).intents, .name == 'bec')", schema.Whois, nil},
		{young + " or sender.email.domain.domain in $gone", schema.Whois, []string{"whois"}},
		{young + " and sender.email.domain.domain in $gone", schema.Whois, nil},
		{"coalesce(network.whois(sender.email.domain).days_old, 999) < 30", schema.Whois, []string{"whois"}},
		{"not (coalesce(network.whois(sender.email.domain).days_old, 1) < 30)", schema.Whois, []string{"whois"}},
		{"network.whois(sender.email.domain).days_old is null", schema.Whois, []string{"whois"}}, // it matches for now
		{"coalesce(sender.email.domain.domain in $gone, " + young + ")", schema.Whois, []string{"whois"}},
		{young, 0, nil},
		{young, schema.OCR, nil},
		{young + " and headers.return_path.local_part == 'x'", schema.Whois, nil}, // unknown for any registration data
	} {
		d := detecting(rule.Named{}, &rule.Rule{ID: "r", Name: "R", Kind: rule.Detection, Source: c.source})
		d.Set().Later = c.later
		_, undecided := d.Detect(t.Context(), facts(letter))
		var waits []string
		if len(undecided) == 1 && undecided[0].ID == "r" {
			waits = undecided[0].Waits
		}
		if !slices.Equal(waits, c.waits) || len(undecided) > 1 {
			t.Errorf("%s: %v, want %v", c.source, undecided, c.waits)
		}
	}
}
