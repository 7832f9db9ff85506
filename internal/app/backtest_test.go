package app_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// withZip is a message with an archive that holds one text.
func withZip(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("inside.txt")
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return "From: a@red.example\r\nTo: bob@example.org\r\nSubject: Papers\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nSee there.\r\n--b\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename=p.zip\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(b.Bytes()) + "\r\n--b--\r\n"
}

func TestBackTestOpensAttachments(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	mail := a.rule("mail/zip.eml", withZip(t, "the marrow of the matter"))
	a.must("pull --activate " + a.feed)
	a.rule("feed/text.yml", ruleYAML("text", "high", `any(attachments, any(file.explode(.), any(.scan.strings.strings, strings.icontains(., "marrow"))))`))
	a.rule("feed/yara.yml", ruleYAML("yara", "high", `any(attachments, any(file.explode(.), any(.scan.yara.matches, .name == "marrow")))`))
	a.rule("feed/marrow.yara", `rule marrow { strings: $a = "marrow" condition: $a }`)
	a.rule("feed/other.yml", ruleYAML("other", "high", `any(attachments, any(file.explode(.), any(.scan.strings.strings, strings.icontains(., "bone"))))`))
	out := a.must("pull --mail "+filepath.Dir(mail)+" "+a.feed, "1 messages: 1 matches before, 3 after", "Rule text, as on "+mail, "Rule yara, as on "+mail)
	if strings.Contains(out, "Rule other, as on") {
		t.Errorf("a rule matches what is not there\n%s", out)
	}
}

// Mail is judged with the lists of the tenant of its recipient, and mail for nobody in
// particular with those of all.
func TestBackTestUsesTheListsOfTheTenant(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	write(t, a.config, fmt.Sprintf(`
hostname: gw.example.org
data_dir: %s
tenants:
  - id: a
    domains: [{name: first.example, route: {hosts: [mail.example.org]}}]
    people: [{name: Ann Example, addresses: [ann@first.example]}]
  - id: b
    domains: [{name: second.example, route: {hosts: [mail.example.org]}}]
`, filepath.Join(a.dir, "data")))
	for i, addresses := range [][2]string{
		{"x@first.example", "bob@first.example"}, {"x@second.example", "bob@second.example"}, // within a tenant
		{"x@first.example", "bob@second.example"}, {"x@second.example", "bob@first.example"}, // between them
		{"x@first.example", "undisclosed:;"}, {"x@second.example", "bob@elsewhere.example"},
		{"x@elsewhere.example", "bob@elsewhere.example"},
	} {
		a.rule(fmt.Sprintf("mail/%d.eml", i), fmt.Sprintf("From: Ann Example <%s>\r\nTo: %s\r\nSubject: Hello\r\n\r\nx\r\n", addresses[0], addresses[1]))
	}
	a.must("pull --activate " + a.feed)
	a.rule("feed/within.yml", ruleYAML("within", "high", "sender.email.domain.domain in $org_domains"))
	// A tenant without people does not borrow those of another.
	a.rule("feed/vip.yml", ruleYAML("vip", "high", "sender.display_name in $org_display_names"))
	a.must("pull --mail "+filepath.Join(a.dir, "mail")+" "+a.feed, "7 messages: 0 matches before, 9 after", "+4      -0  Rule within", "+5      -0  Rule vip")
}
