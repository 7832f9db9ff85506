package rule_test

import (
	_ "embed"
	"strings"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/evidence/mdm"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/rule"
	"outrider/internal/rule/result"
	"outrider/internal/smtp"
)

//go:embed testdata/letter.eml
var letter string

// input reads a message as the gateway would.
func input(tb testing.TB, raw string) *rule.Input {
	tb.Helper()
	raw = strings.ReplaceAll(raw, "\n", "\r\n")
	b := budget.New(budget.Default())
	m := message.Parse([]byte(raw), b)
	received := &message.Received{ID: "1", Body: message.NewBody([]byte(raw))}
	received.Envelope.Recipients = []smtp.Recipient{{Address: "bob@example.org"}}
	lists := rule.Named{
		"free_email_providers": rule.NewList([]string{"gmail.com", "partner.example"}),
		"colours":              rule.NewList([]string{"Red", "blue"}),
		"empty":                rule.NewList(nil),
		"org_vips":             rule.NewPeople([]result.Person{{DisplayName: "Ann Example", Email: "ann@example.org"}}),
	}
	return &rule.Input{
		Message: mdm.Read(&mdm.Input{Received: received, Message: m, Budget: b, Auth: mailauth.FromHeader(m, nil)}),
		Lists:   lists,
	}
}

// The values of expressions, spelled as Show does. The names of the groups are the
// sections of the specification.
var values = map[string][][2]string{
	"logic of three values": {
		{"null and false", "false"}, {"null and true", "null"}, {"null or true", "true"}, {"null or false", "null"}, {"not null", "null"},
		{"true and true and false", "false"}, {"false or null or true", "true"}, {"not true", "false"},
		{"not null is null", "false"},
	},
	"comparison with null": {
		{"null == null", "null"}, {"null != null", "null"}, {"headers.mailer == 'x'", "null"}, {"headers.mailer != 'x'", "null"},
		{"headers.mailer < 'x'", "null"}, {"headers.mailer =~ 'x'", "null"}, {"headers.mailer is null", "true"}, {"headers.mailer is not null", "false"},
		{"headers.mailer in ('x')", "null"}, {"headers.mailer not in ('x')", "null"}, {"headers.mailer in $colours", "null"},
		{"body.plain is null", "true"}, {"body.plain.raw is null", "true"}, {"length(body.plain.raw)", "null"},
		{"network.whois(sender.email.domain).days_old < 30", "null"}, {"network.whois(sender.email.domain).days_old is null", "true"},
	},
	"n of": {
		{"2 of (true, true, null)", "true"}, {"2 of (true, false, false)", "false"}, {"2 of (true, null, false)", "null"},
		{"3 of (true, null, false)", "null"}, {"1 of (null, true)", "true"}, {"2 of (false, false, null)", "null"}, {"0 of (false, null)", "true"},
	},
	"texts and null": {
		{"strings.contains(headers.mailer, 'a')", "null"}, {"strings.contains('abc', headers.mailer)", "null"},
		{"strings.contains('abc', headers.mailer, 'b')", "true"}, {"strings.contains('abc', headers.mailer, 'x')", "false"},
		{"strings.concat('a', headers.mailer)", "null"}, {"regex.contains(headers.mailer, 'a')", "null"}, {"regex.match(headers.mailer, 'a')", "null"},
		{"strings.starts_with(headers.mailer, 'a')", "null"}, {"strings.like(headers.mailer, '*')", "null"}, {"length(headers.mailer)", "null"},
	},
	"lists and null": {
		{"length(headers.reply_to)", "0"}, {"any(headers.reply_to, true)", "false"}, {"all(headers.reply_to, false)", "true"},
		{"ratio(headers.reply_to, true)", "null"}, {"sum([])", "0"}, {"length(body.plain.links)", "0"},
		{"length(file.explode(attachments[0]))", "null"}, {"any(file.explode(attachments[0]), true)", "null"}, {"all(file.explode(attachments[0]), false)", "true"},
		{"ratio(file.explode(attachments[0]), true)", "null"}, {"map(file.explode(attachments[0]), .depth)", "null"},
		{"length(filter(file.explode(attachments[0]), true))", "0"}, {"length(distinct(file.explode(attachments[0])))", "0"},
		{"sum(map(file.explode(attachments[0]), .depth))", "0"}, {"file.explode(attachments[0])[0] is null", "true"},
		{"ratio([1, null, 3], . > 1)", "0.3333333333333333"}, {"any([null, false], .)", "null"}, {"all([null, true], .)", "null"},
		{"any([null, true], .)", "true"}, {"all([null, false], .)", "false"}, {"not any([null, false], .)", "null"},
		{"length(filter([1, null, 3], . > 1))", "1"},
	},
	"coalesce": {
		{"coalesce(headers.mailer, 'none')", `"none"`}, {"coalesce(null, null)", "null"}, {"coalesce(headers.auth_summary.dmarc.pass, false)", "true"},
	},
	"numbers": {
		{"5/2", "2"}, {"5/2.0", "2.5"}, {"(length('abc')+0.0)/2", "1.5"}, {"7 % 3", "1"}, {"1 + 2 * 3", "7"}, {"-2 + 1", "-1"}, {"1/0", "null"}, {"1.0/0", "null"},
		{"5 % 0", "null"}, {"3 == 3.0", "true"}, {"3 == 3.14", "false"}, {"0 < 3 <= 3", "true"}, {"0 < 3 < 3", "false"}, {"1 + null", "null"}, {"length(attachments) % 2", "0"},
		{"sum([1, 2, null])", "3"}, {"sum([length('ab'), length('c')])", "3"},
	},
	"texts": {
		{"length('äöü')", "3"}, {"'a' == 'A'", "false"}, {"'a' =~ 'A'", "true"}, {"'a' !~ 'A'", "false"}, {"'b' > 'a'", "true"}, {"'B' < 'a'", "true"},
		{"strings.icontains('the KELVIN sign', 'kelvin')", "true"}, {"strings.icontains('the \u212Aelvin sign', 'kelvin')", "true"}, {"'\u212A' =~ 'k'", "true"},
		{"strings.like('one two', 'one*')", "true"}, {"strings.like('one two', 'two*')", "false"}, {"strings.like('one two', 'o?e*t?o')", "true"},
		{`strings.like("a\ninvoice\nb", '*invoice*')`, "true"}, {"strings.ilike('ABC', 'a*c')", "true"}, {"strings.like('', '*')", "true"}, {"strings.like('ab', '?')", "false"},
		{"strings.like('é', '?')", "true"}, {"strings.istarts_with('ABc', 'x', 'ab')", "true"}, {"strings.iends_with('abC', 'bc')", "true"},
		{"strings.count('aaa', 'aa')", "1"}, {"strings.icount('aAa', 'A')", "3"}, {"strings.count('abc', '')", "0"},
		{"strings.levenshtein('kitten', 'sitting')", "3"}, {"strings.ilevenshtein('ABC', 'abd')", "1"}, {"strings.concat('a', 'b', 'c')", `"abc"`},
		{"strings.replace_confusables('pаypаl')", `"paypal"`}, {"strings.replace_confusables('m0rn 1l')", `"m0rn 1l"`}, {"strings.replace_confusables('ｐａｙ')", `"pay"`},
		{"strings.replace_confusables('𝐩𝐚𝐲')", `"pay"`}, {"strings.replace_confusables('Müller')", `"Müller"`},
		{"hash.sha256('abc')", `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`},
		{"'abcd'[1:3]", `"bc"`},
	},
	"patterns": {
		{"regex.match('abc', 'b')", "false"}, {"regex.match('abc', 'a|abc')", "true"}, {"regex.match('abc', 'x', '.b.')", "true"}, {"regex.imatch('ABC', 'abc')", "true"},
		{`regex.match("a\nb", 'a.b')`, "false"}, {`regex.contains("a\nb", 'a$')`, "false"}, {`regex.contains("a\nb", '(?m)a$')`, "true"},
		{"regex.icontains('KELVIN', 'kel[v]in')", "true"}, {"regex.icontains('\u212A', 'k')", "true"}, {"regex.count('a1b22', '[0-9]')", "3"}, {"regex.icount('aA', 'a')", "2"},
		{"regex.extract('x=12 y=3', '(?P<n>[a-z])=([0-9]+)')[1].named_groups['n']", `"y"`}, {"regex.extract('x=12', '([a-z])=(z)?')[0].groups[1]", `""`},
		{"regex.extract('x=12', '(?<n>[a-z])=')[0].full_match", `"x="`}, {"length(regex.extract('abc', 'x'))", "0"},
		{"regex.contains(subject.subject, 'invoice')", "false"}, {"regex.icontains(subject.subject, 'invo[iy]ce [0-9]+')", "true"},
		{"regex.icontains(subject.subject, 'bill|invo.ce')", "true"}, {"regex.icontains(subject.subject, '^re')", "true"},
	},
	"membership": {
		{"'x' in ('x')", "true"}, {"'x' in ('y', 'x')", "true"}, {"'X' in ('x')", "false"}, {"'X' in~ ('x')", "true"}, {"'x' not in ('x')", "false"},
		{"'red' in $colours", "false"}, {"'red' in~ $colours", "true"}, {"'Red' in $colours", "true"}, {"'x' in $empty", "false"}, {"'x' in $nobody_made_it", "null"},
		{"'x' not in $nobody_made_it", "null"}, {"'a' in ['a', 'b']", "true"}, {"'Ann Example' in~ map($org_vips, .display_name)", "true"},
		{"1 in (1, 2)", "true"}, {"any($colours, strings.icontains('a RED car', .))", "true"}, {"any($empty, strings.icontains('x', .))", "false"},
		{"any($nobody_made_it, strings.icontains('x', .))", "null"}, {"any($colours, strings.contains(headers.mailer, .))", "null"},
		{"any(['a red car', 'x'], any($colours, strings.icontains(.., .)))", "true"}, {"length($colours)", "2"},
	},
	"lists": {
		{"[1, 2, 3][1]", "2"}, {"[1, 2, 3][-1]", "null"}, {"[1, 2, 3][3]", "null"}, {"[1, 2, 3, 4][1:3]", "[2, 3]"}, {"[1, 2][0:9]", "[1, 2]"}, {"[1, 2][:1]", "[1]"}, {"[1, 2][1:]", "[2]"},
		{"map(recipients.to, .email.email)", `["bob@example.org", "carol@example.org"]`}, {"distinct([1, 2, 1])", "[1, 2]"}, {"distinct(['a', 'A'], length(.))", `["a"]`},
		{"distinct([null, 1, null])", "[null, 1]"}, {"flatten([[1], [2, 3]])", "[1, 2, 3]"}, {"length(flatten([recipients.to, recipients.cc]))", "2"},
		{"any([1, 2], any([10], . + .. == 12))", "true"}, {"any([1], any([2], any([3], . + .. + ... == 6)))", "true"}, {"map(map([1, 2], . + 1), . * 2)", "[4, 6]"},
		{"keys(body.links[0].href_url.query_params_decoded)", `["k", "rid"]`}, {"flatten(values(body.links[0].href_url.query_params_decoded))", `["v", "7"]`},
		{"body.links[0].href_url.query_params_decoded['rid'][0]", `"7"`}, {"length(body.links[0].href_url.query_params_decoded['no'])", "0"}, {"body.links[0].href_url.query_params_decoded['no'][0]", "null"},
	},
	"the message": {
		{"type.inbound", "true"}, {"sender.email.email", `"ann@partner.example"`}, {"sender.display_name", `"Ann Example"`}, {"sender.email.domain.subdomain is null", "true"},
		{"subject.base", `"Invoice 4711"`}, {"subject.is_reply", "true"}, {"headers.message_id", `"<abc@partner.example>"`}, {"headers.references", `["first@example.org", "second@example.org"]`},
		{"headers.auth_summary.dmarc.pass", "true"}, {"length(body.links)", "2"}, {"body.links[0].display_text", `"Pay now"`}, {"body.links[1].mismatched", "true"},
		{"body.links[0].href_url.fragment", `"top"`}, {"mailbox.email.email", `"bob@example.org"`}, {"length(attachments)", "2"}, {"attachments[1].content_type", `"message/rfc822"`},
		{"triage.trigger == 'abuse_report'", "null"},
	},
	"parsing": {
		{"strings.parse_url('https://a.example.com/x?y=1').domain.root_domain", `"example.com"`}, {"strings.parse_url('example.com/x') is null", "true"},
		{"strings.parse_url('example.com/x', strict=false).path", `"/x"`}, {"strings.parse_domain('a.b.co.uk').root_domain", `"b.co.uk"`},
		{"strings.parse_domain('not a domain').valid", "false"}, {"strings.parse_domain('not a domain').error is null", "false"}, {"strings.parse_domain('b.co.uk').error is null", "true"},
		{"strings.parse_email('Ann@Example.com').domain.domain", `"example.com"`}, {"strings.parse_email('nothing') is null", "true"},
		{`strings.parse_json('{"a": [1, "x", true, null], "b": 1.5}')['a'][1]`, `"x"`}, {`strings.parse_json('{"a": true}')['a'] == true`, "true"}, {`strings.parse_json('{"a": 1}').a == "1"`, "null"},
		{`strings.parse_json('{') is null`, "true"}, {`strings.parse_json('{"a": 1}')['b'] is null`, "true"}, {`any(strings.parse_json('[1, 2]'), . == 2)`, "true"},
		{"strings.parse_html('<i>a<b>b</b></i>').inner_text", `"ab\n"`}, {"strings.scan_base64('x aGVsbG8gd29ybGQh y')", `["hello world!"]`}, {"strings.scan_base64('aABpAGgAaQBoAGkA', encodings=['ASCII', 'UTF-16_LE'])", `["hihihi"]`},
		{"file.parse_text(attachments[0], encodings=['Latin-1']).text", `"aGVsbG8gd29ybGQh is base64 of something"`},
		{"strings.scan_base64('nothing here')", "[]"},
		{"strings.scan_base64('/login/aGVsbG8gd29ybGQh/verify')", `["hello world!"]`}, {"strings.scan_base64('/a/dXNlckBleGFtcGxlLm9yZw==')", `["user@example.org"]`},
		{"strings.scan_base64('aGVsbG8gd29ybGQ', ignore_padding=true)[0]", `"hello world"`}, {"strings.scan_base64('aGVsbG8gd29ybGQ')", "[]"},
		{"strings.decode_base64('aGk=')", `"hi"`}, {"strings.decode_base64('%%') is null", "true"},
		{"html.xpath(body.html, '//a/@href').nodes[0].raw", `"https://pay.example.net/x?rid=7&k=v#top"`}, {"length(html.xpath(body.html, '//a').nodes)", "2"},
		{"html.xpath(body.html, '//p').nodes[0].display_text", `"Please pay the Kelvin invoice."`}, {"html.xpath(body.html, '//a[1]').nodes[0].links[0].href_url.path", `"/x"`},
		{"length(html.xpath(body.html, '//video').nodes)", "0"}, {"html.xpath(file.parse_html(attachments[0]), '//x').nodes", "[]"},
		{"beta.ip_in('192.0.2.9', '192.0.2.0/24')", "true"}, {"beta.ip_in('192.0.3.9', '192.0.2.0/24', '198.51.100.7')", "false"}, {"beta.ip_in('2001:db8::1', '2001:db8::/32')", "true"},
		{"beta.ip_in('no address', '192.0.2.0/24')", "null"},
		{"file.parse_text(attachments[0]).text", `"aGVsbG8gd29ybGQh is base64 of something"`}, {"file.parse_eml(attachments[1]).subject.subject", `"inner"`},
		{"file.parse_eml(attachments[1]).body.links[0].href_url.domain.domain", `"evil.example"`}, {"file.parse_eml(attachments[0]) is null", "true"},
		{"any(attachments, any(file.parse_eml(.).body.links, .href_url.path == '/login'))", "true"}, {"any(attachments, file.parse_eml(.).sender.email.email != sender.email.email)", "true"},
	},
}

func TestValues(t *testing.T) {
	t.Parallel()
	in, s := input(t, letter), rule.NewSchema()
	for group, rows := range values {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			for _, row := range rows {
				v, _ := rule.Eval(t, s, row[0], in)
				if got := rule.Show(v); got != row[1] {
					t.Errorf("%s is %s, want %s", row[0], got, row[1])
				}
			}
		})
	}
}

// Each question that the documentation leaves open is a switch.
func TestSwitches(t *testing.T) {
	t.Parallel()
	in := input(t, letter)
	for _, c := range []struct {
		source, off, on string
		switches        rule.Switches
	}{
		{"any([null, false], .)", "null", "false", rule.Switches{AnyUnknownIsFalse: true}},
		{"all([null, true], .)", "null", "true", rule.Switches{AnyUnknownIsFalse: true}},
		{"strings.count('aaa', 'aa')", "1", "2", rule.Switches{CountOverlapping: true}},
		{"strings.parse_url('example.com/x').path", "null", `"/x"`, rule.Switches{LenientURL: true}},
		{"length(body.plain.links)", "0", "null", rule.Switches{NullListOfNull: true}},
		{"all(file.explode(attachments[0]), true)", "true", "null", rule.Switches{AllOfNullIsUnknown: true}},
	} {
		off, _ := rule.Eval(t, rule.NewSchema(), c.source, in)
		on, _ := rule.Eval(t, rule.NewSchemaWith(c.switches), c.source, in)
		if rule.Show(off) != c.off || rule.Show(on) != c.on {
			t.Errorf("%s: %s and %s, want %s and %s", c.source, rule.Show(off), rule.Show(on), c.off, c.on)
		}
	}
}

// Faults of rules include the position, and a suggested correction.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := rule.NewSchema()
	for _, c := range []struct{ source, want string }{
		{"sender.email.domian.domain == 'x'", `1:1: a Email has no field "domian" (did you mean "domain"?)`},
		{"sendr.email", `1:1: a message has no field "sendr" (did you mean "sender"?)`},
		{"strings.icontain(subject.subject, 'x')", `1:1: there is no function "strings.icontain" (did you mean "strings.icontains"?)`},
		{"type.inbound\nand subject.subject", `2:5: "and" needs a bool, and this is a string`},
		{"subject.subject == 1", `1:20: a string is never "==" a int`},
		{"strings.parse_json('{}')['a'] and true", `1:1: "and" needs a bool, and this is JSON (write == true after it)`},
		{"attachments is null", "1:1: a list is never null (compare length(...) with 0)"},
		{"attachments.file_name == 'x'", "1:1: a list of Attachment has no fields (write any(..., .file_name) or [0].file_name)"},
		{"regex.contains(subject.subject, 'a(?=b)')", "1:33: reading the pattern:"},
		{"regex.contains(subject.subject, sender.email.email)", "1:33: a pattern of regex.contains must stand in the rule (write the pattern as a text)"},
		{"any(attachments, ..file_name == 'x')", `1:18: ".." needs as many enclosing any(...), filter(...) or similar calls`},
		{"length(attachments, 1) > 1", "1:1: length takes 1 arguments, and has 2 (length(value))"},
		{"length() > 1", "1:1: length needs 1 arguments, and has 0 (length(value))"},
		{"strings.contains(1, 'a')", "1:18: text of strings.contains is a string, and this is a int"},
		{"subject.subject + 'x' == 'y'", `1:1: "+" needs numbers, and this is a string (strings.concat joins texts)`},
		{"subject.subject", "1:1: a rule is true or false, and this is a string"},
		{"'x' in subject.subject", `1:8: "in" needs a list, and this is a string (use == to compare with one value)`},
		{"sender == 'x'", `1:11: a Mailbox is never "==" a string (name one of its fields)`},
		{"strings.parse_url('x', strikt=true).path == 'x'", `1:31: strings.parse_url has no argument "strikt" (strings.parse_url(text, strict=))`},
		{"html.xpath(body.html, '//[').nodes == []", "1:23: reading the XPath expression:"},
	} {
		_, err := rule.Analyze(s, &rule.Rule{Name: "x", Kind: rule.Detection, Source: c.source})
		if err == nil {
			t.Errorf("%s: no fault", c.source)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.source, err, c.want)
		}
	}
}

// An explanation has the result of each condition, and agrees with the engine.
func TestExplain(t *testing.T) {
	t.Parallel()
	s := rule.NewSchema()
	r := &rule.Rule{Name: "x", Kind: rule.Detection, Source: `type.inbound
and any(body.links, .href_url.path == "/x" and .visible)
and (headers.mailer == "none" or strings.icontains(subject.subject, "invoice"))
and not any(attachments, .file_extension == "exe")
and 2 of (true, network.whois(sender.email.domain).days_old < 9, strings.contains(subject.base, "4711"))`}
	x, err := rule.NewExplainer(s, r)
	if err != nil {
		t.Fatal(err)
	}
	result, tree := x.Explain(t.Context(), input(t, letter))
	if result.Outcome != rule.Match || tree.Truth != rule.True || tree.Operator != "and" || len(tree.Parts) != 5 {
		t.Fatalf("%s %s %s %d: %v", result.Outcome, tree.Truth, tree.Operator, len(tree.Parts), result.Err)
	}
	anyLink, or, not, of := tree.Parts[1], tree.Parts[2], tree.Parts[3], tree.Parts[4]
	if anyLink.Truth != rule.True || anyLink.Parts[0].Parts[0].Values[0].Value != `"/x"` {
		t.Errorf("any: %+v", anyLink.Parts[0].Parts[0])
	}
	if or.Parts[0].Truth != rule.Unknown || or.Parts[1].Truth != rule.True || not.Operator != "not" || not.Parts[0].Truth != rule.False {
		t.Errorf("or: %+v, not: %+v", or, not)
	}
	if w := of.Parts[1]; w.Truth != rule.Unknown || len(w.Missing) != 1 || w.Missing[0] != "whois" {
		t.Errorf("of: %+v", w)
	}
	var reasons []string
	for _, reason := range tree.Reasons() {
		reasons = append(reasons, reason.Text)
	}
	if got := strings.Join(reasons, "; "); !strings.Contains(got, `strings.icontains(subject.subject, "invoice")`) || strings.Contains(got, "mailer") {
		t.Errorf("reasons: %s", got)
	}
}
