package rule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"strings"
	"testing"

	"pgregory.net/rapid"

	"outrider/internal/rule"
	"outrider/internal/rule/result"
	"outrider/internal/rule/schema"
)

// texts are expressions of type string, of the message or (after a bar) of a link.
var texts = []string{
	"subject.subject", "sender.display_name", "body.html.raw", "body.current_thread.text", "headers.mailer", "sender.email.domain.domain",
	"strings.replace_confusables(subject.subject)", "strings.concat(subject.subject, ' ', sender.display_name)", "strings.parse_html(body.html.raw).inner_text",
	"coalesce(headers.mailer, subject.subject)", "coalesce(headers.mailer, 'abcabc')", "strings.parse_json(subject.subject).a", "null",
}

var ofLinks = []string{".display_text", ".href_url.domain.domain", ".href_url.path", ".href_url.url", "coalesce(.display_text, 'Kelvin')", "strings.concat(.href_url.path, 'sure')"}

var literals = []string{"abc", "ABC", "kelvin", "\u212aelvin", "Kelvin", "sure", "\u017fure", "papers", "ab", "", "red.example", "stra\u00dfe", "\u0130stanbul", "<br", "\ufffdabc", "a*b", "*abc*", "?elvin"}

var regexes = []string{
	"abc", "(?:abc){2,}", "(?:abc|sure){3,}", "[kK]elvin", "k?elvin", "(?:<br ?/?>\\s*){3,}", "^abc", "abc$", "(?:ab?c)+?", "\\bsure\\b", "(?:)|abc", "(?:(?:abc){2}x?){2}",
	"\\x{FFFD}abc", "[^\\x00-\\x7f]abc", "s+ure", "stra(?:\u00df|ss)e", "(?:abc){0,3}sure", "(?s:.)abc", "(a|b)(b|c)c",
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func pick(t *rapid.T, label string, from []string) string {
	return rapid.SampledFrom(from).Draw(t, label)
}

func text(t *rapid.T, inLink bool) string {
	if inLink && rapid.IntRange(0, 2).Draw(t, "of link") > 0 {
		return pick(t, "text", ofLinks)
	}
	return pick(t, "text", texts)
}

var links = []string{"body.links", "body.links", "body.links", "filter(body.links, .href_url.path != '/abc')", "body.current_thread.links", "body.html.links", "file.parse_eml(attachments[0]).body.links"}

func condition(t *rapid.T, depth int, inLink bool) string {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		return leaf(t, inLink)
	}
	part := func(l bool) string { return condition(t, depth-1, l) }
	switch rapid.IntRange(0, 17).Draw(t, "form") {
	case 0, 1, 2:
		return "(" + part(inLink) + " and " + part(inLink) + ")"
	case 3:
		return "(" + part(inLink) + " or " + part(inLink) + ")"
	case 4:
		return "not (" + part(inLink) + ")"
	case 5:
		return fmt.Sprintf("%d of (%s, %s, %s)", rapid.IntRange(1, 3).Draw(t, "n"), part(inLink), part(inLink), part(inLink))
	case 6, 7:
		return "any(" + pick(t, "links", links) + ", " + part(true) + ")"
	case 8:
		return "all(" + pick(t, "links", links) + ", " + part(true) + ")"
	case 9:
		return "length(filter(" + pick(t, "links", links) + ", " + part(true) + ")) " + pick(t, "op", []string{"==", ">", "<"}) + " " + pick(t, "n", []string{"0", "1", "2"})
	case 10:
		return "any(map(" + pick(t, "links", links) + ", " + part(true) + "), .)"
	case 11:
		return "ratio(" + pick(t, "links", links) + ", " + part(true) + ") > 0.4"
	case 12:
		return "any(distinct(" + pick(t, "links", links) + ", " + text(t, true) + "), " + part(true) + ")"
	case 13:
		return "coalesce(" + part(inLink) + ", " + part(inLink) + ")"
	case 14:
		return "(" + part(inLink) + ") is null"
	case 15:
		return "any([" + pick(t, "first", paths) + ", " + pick(t, "second", paths) + "], " + ofArray(t) + ")"
	case 16:
		return "any([" + pick(t, "first list", []string{"body.current_thread.links", "body.links"}) + ", " + pick(t, "second list", []string{"body.links", "body.html.links"}) + "], any(., " + leaf(t, true) + "))"
	default:
		return "any(flatten(map(" + pick(t, "links", links) + ", " + text(t, true) + ")), " + pick(t, "of text", []string{". is null", ". == 'Kelvin'", "strings.icontains(., 'abc')", "(. == 'abc') is null"}) + ")"
	}
}

// paths are string expressions in the arrays of rules.
var paths = append([]string{"body.previous_threads[0].text", "body.html.inner_text"}, texts[:6]...)

// ofArray is a condition about an element of an array of texts.
func ofArray(t *rapid.T) string {
	x := pick(t, "element", []string{".", ".", "strings.replace_confusables(.)"})
	switch rapid.IntRange(0, 3).Draw(t, "of array") {
	case 0:
		return "strings.icontains(" + x + ", " + quoted(pick(t, "literal", literals)) + ")"
	case 1:
		return "regex.icontains(" + x + ", " + quoted(pick(t, "regex", regexes)) + ")"
	case 2:
		return x + " =~ " + quoted(pick(t, "literal", literals))
	default:
		return x + " is null"
	}
}

func leaf(t *rapid.T, inLink bool) string {
	x := text(t, inLink)
	lit := func() string { return quoted(pick(t, "literal", literals)) }
	switch rapid.IntRange(0, 14).Draw(t, "kind") {
	case 0, 1:
		return pick(t, "f", []string{"strings.contains", "strings.icontains", "strings.starts_with", "strings.iends_with", "strings.ilike", "strings.like"}) + "(" + x + ", " + lit() + ", " + lit() + ")"
	case 2, 3, 4:
		return pick(t, "f", []string{"regex.contains", "regex.icontains", "regex.match", "regex.imatch"}) + "(" + x + ", " + quoted(pick(t, "regex", regexes)) + ")"
	case 5:
		return x + " " + pick(t, "op", []string{"==", "=~", "!=", "!~"}) + " " + lit()
	case 6:
		return x + " " + pick(t, "in", []string{"in", "in~", "not in", "not in~"}) + " (" + lit() + ", " + lit() + ")"
	case 7:
		return x + " " + pick(t, "in", []string{"in", "in~", "not in"}) + " $" + pick(t, "list", []string{"colours", "gone", "empty"})
	case 8:
		return x + " is " + pick(t, "not", []string{"", "not "}) + "null"
	case 9:
		return pick(t, "f", []string{"regex.count", "regex.icount"}) + "(" + x + ", " + quoted(pick(t, "regex", regexes)) + ") > 1"
	case 10:
		return "length(regex.extract(" + x + ", " + quoted(pick(t, "regex", regexes)) + ")) > 0"
	case 11:
		return "any(html.xpath(body.html, " + quoted(pick(t, "xpath", []string{"//a", "//a[@href]", "//a[contains(@href,\"abc\")]", "//br", "//video", "//p/text()", "//*[@class]", "//comment()"})) + ").nodes, " + pick(t, "node", []string{"true", "strings.icontains(.inner_text, 'kelvin')", "strings.contains(.raw, 'abc')", "length(.links) == 1"}) + ")"
	case 12:
		return pick(t, "asked", []string{
			"profile.by_sender().solicited", "network.whois(sender.email.domain).days_old < 30", "network.whois(sender.email.domain).days_old is null", "profile.by_sender().prevalence in ('new', 'outlier')",
			"any(ml.nlu_classifier(body.current_thread.text).intents, .name == 'x')", "length(beta.ml_topic(subject.subject).topics) is null", "any($colours, strings.icontains(subject.subject, .))", "any($gone, strings.icontains(subject.subject, .))",
			"length(ml.nlu_classifier(subject.subject).entities) == 0", "any(ml.logo_detect(attachments[0]).brands, true)", "ml.link_analysis(body.links[0]).credphish.disposition is null",
			"any(attachments, any(file.explode(.), .size > 3))", "length(ml.link_analysis(body.links[0]).effective_url.rewrite.encoders) == 0", "not any(ml.link_analysis(body.links[0]).redirect_history, true)",
		})
	case 13:
		return "any(attachments, " + pick(t, "of attachments", []string{
			"strings.icontains(.file_name, 'abc')", "strings.icontains(file.parse_html(.).raw, 'kelvin')", "regex.icontains(file.parse_html(.).raw, '(?:abc){2,}')",
			"any(html.xpath(file.parse_html(.), '//a').nodes, strings.contains(.inner_text, 'abc'))", "any(file.parse_eml(.).body.links, strings.icontains(.display_text, 'abc'))",
			"file.parse_eml(.).subject.subject == 'papers'", "length(html.xpath(file.parse_html(.), '//br').nodes) > 1", "any(file.parse_html(.).links, .href_url.path == '/abc')",
		}) + ")"
	default:
		if inLink {
			return pick(t, "of two", []string{".mismatched", "any(body.links, .href_url.domain.domain == ..href_url.domain.domain and .href_url.path != ..href_url.path)", "any(body.links, strings.icontains(.display_text, ..href_url.path))", ".href_url.domain.domain in map(body.links, .display_text)"})
		}
		return pick(t, "constant", []string{"true", "false", "type.inbound", "null == 1", "length(body.links) > 1", "length(attachments) == 0", "'x' in [headers.mailer]"})
	}
}

func mail(t *rapid.T) string {
	words := rapid.SampledFrom([]string{"abc", "abcabc", "Kelvin", "\u212aelvin", "sure", "\u017fURE", "papers", "red", "<br>", "<BR/>", " ", "\u0430bc", "stra\u00dfe", "STRASSE", "<p class=x>", "</p>", "<!-- c -->", "\xffabc", "x"})
	phrase := func(label string) string { return strings.Join(rapid.SliceOfN(words, 0, 6).Draw(t, label), "") }
	body := phrase("body")
	for range rapid.SampledFrom([]int{0, 1, 1, 2, 2, 3, 4, 70}).Draw(t, "links") {
		body += `<a href="https://` + rapid.SampledFrom([]string{"red.example", "abc.example", "blue", "kelvin.example"}).Draw(t, "host") + "/" + rapid.SampledFrom([]string{"", "abc", "abcabcabc", "sure"}).Draw(t, "path") + `">` + phrase("label") + "</a>"
	}
	subject := strings.Map(func(r rune) rune {
		if r == '\ufffd' {
			return 'x'
		}
		return r
	}, phrase("subject"))
	head := "Subject: " + rapid.SampledFrom([]string{subject, subject, `{"a": "abc"}`, `{"a": true}`}).Draw(t, "subject form") + "\n"
	if rapid.Bool().Draw(t, "mailer") {
		head += "X-Mailer: " + phrase("mailer text") + "x\n"
	}
	if rapid.Bool().Draw(t, "one part") {
		return mailOf(head, body)
	}
	part := func(name, kind, text string) string {
		return "--b\nContent-Type: " + kind + "; charset=utf-8\nContent-Disposition: attachment; filename=" + name + "\n\n" + text + "\n"
	}
	return head + "From: a@b.example\nTo: bob@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html; charset=utf-8\n\n" + body + "\n" +
		part("abc.html", "text/html", phrase("file")+body) + part("b.eml", "message/rfc822", mailOf("Subject: papers\n", phrase("inner")+body)) + part("c.html", "text/html", phrase("other file")) + "--b--\n"
}

// trial is some rules and a message.
type trial struct {
	tb    testing.TB
	t     *rapid.T
	s     *rule.Schema
	raw   string
	rules []*rule.Rule
}

// draw makes rules of few conditions, so that they share them.
func (x *trial) draw() {
	x.raw = mail(x.t)
	parts := make([]string, rapid.IntRange(1, 4).Draw(x.t, "parts"))
	for i := range parts {
		parts[i] = condition(x.t, rapid.IntRange(0, 3).Draw(x.t, "depth"), false)
	}
	some := rapid.SliceOfN(rapid.SampledFrom(parts), 1, 3)
	for i := range rapid.IntRange(1, 7).Draw(x.t, "rules") {
		x.rules = append(x.rules, detection(fmt.Sprint(i), strings.Join(some.Draw(x.t, "conjuncts"), " and ")))
	}
}

// input returns the message, with answers about its sender or without.
func (x *trial) input(answered bool) *rule.Input {
	in := input(x.tb, x.raw)
	in.Lists = rule.Named{"colours": rule.NewList([]string{"Red", "blue", "abc"}), "empty": rule.NewList(nil), "free_email_providers": rule.NewList([]string{"gmail.com"})}
	if answered {
		isNew, days := "new", 5
		in.Profile = func(rule.ProfileKind, string) *result.Profile {
			return &result.Profile{Prevalence: &isNew, Solicited: new(bool)}
		}
		in.Whois = func(context.Context, string) *result.Whois { return &result.Whois{DaysOld: &days} }
	}
	return in
}

// judge returns the result of each rule. A rule may take too many steps over many links.
func (x *trial) judge(in *rule.Input, o rule.Options, quick bool) map[string]rule.Result {
	in.Quick = quick
	out := map[string]rule.Result{}
	e := rule.CompileWith(x.s, x.rules, o)
	for _, a := range e.Invalid() {
		x.t.Fatalf("%s: %v", a.Rule.Source, a.Err)
	}
	e.Judge(context.Background(), in, func(r rule.Result) { out[r.Rule.ID] = r })
	for _, r := range out {
		switch {
		case errors.Is(r.Err, rule.ErrSteps), errors.Is(r.Err, rule.ErrSpent):
			x.t.Skip(r.Err)
		case r.Outcome == rule.Failed:
			x.t.Fatalf("%s: %v", r.Rule.Source, r.Err)
		}
	}
	return out
}

func matches(results map[string]rule.Result) (ids []string) {
	for id, r := range results {
		if r.Outcome == rule.Match {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (x *trial) String() string {
	var b strings.Builder
	for _, r := range x.rules {
		b.WriteString(r.ID + ": " + r.Source + "\n")
	}
	return b.String() + x.raw
}

// slow is all parts of the engine that can be turned off.
var slow = rule.Options{NoWords: true, NoSharing: true, NoOrder: true, NoQuick: true}

// Whatever parts of the engine are on, the same rules match.
func TestSpeedChangesNoMatch(t *testing.T) {
	t.Parallel()
	s, matched := rule.NewSchema(), 0
	rapid.Check(t, func(rt *rapid.T) {
		x := trial{tb: t, t: rt, s: s}
		x.draw()
		known := rapid.Bool().Draw(rt, "answered")
		want := matches(x.judge(x.input(known), slow, false))
		matched += len(want)
		for name, o := range map[string]rule.Options{
			"all": {}, "words": {NoSharing: true, NoOrder: true, NoQuick: true}, "sharing": {NoWords: true, NoOrder: true, NoQuick: true},
			"quick": {NoWords: true, NoSharing: true, NoOrder: true}, "none": slow,
		} {
			for _, quick := range []bool{false, true} {
				if got := matches(x.judge(x.input(known), o, quick)); !slices.Equal(got, want) {
					rt.Fatalf("%s (quick: %v): %q match, want %q, of\n%s", name, quick, got, want, &x)
				}
			}
		}
	})
	if matched == 0 {
		t.Errorf("%d rules matched", matched)
	}
}

// A rule that matches with all evidence was reported before; and a match that lacks nothing
// stays one.
func TestAnswersChangeOnlyWhatWaits(t *testing.T) {
	t.Parallel()
	s := rule.NewSchema()
	rapid.Check(t, func(rt *rapid.T) {
		x := trial{tb: t, t: rt, s: s}
		x.draw()
		later := x.judge(x.input(true), slow, false)
		whole := x.judge(x.input(false), rule.Options{}, false)
		in := x.input(false)
		in.Later = schema.History | schema.Whois
		quick := x.judge(in, rule.Options{}, true)
		for _, r := range x.rules {
			is := later[r.ID].Outcome == rule.Match
			if !is && (isMatch(whole[r.ID]) || isMatch(quick[r.ID])) {
				rt.Fatalf("%s matches without anything missing, and not with all that was missing, of\n%s", r.Source, x.raw)
			}
			if quick[r.ID].Outcome == "" && is {
				rt.Fatalf("%s matches later, and is not named before, of\n%s", r.Source, x.raw)
			}
		}
	})
}

// isMatch reports whether a rule matches, and not because of missing evidence.
func isMatch(r rule.Result) bool { return r.Outcome == rule.Match && r.Missing == 0 }
