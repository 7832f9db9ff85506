package app_test

import (
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/config"
)

const withFile = `From: Ann <ann@elsewhere.example>
To: x@example.org
Subject: a file
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

see the file
--b
Content-Type: application/pdf; name=a.pdf
Content-Disposition: attachment; filename=a.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjQKMSAwIG9iago8PCAvVHlwZSAvQ2F0YWxvZyA+PgplbmRvYmoKJSBuZWVkbGUKdHJhaWxlciA8PCAvUm9vdCAxIDAgUiA+PgolJUVPRgo=
--b--
`

// TestReloadTakesOtherPatterns proves that files are compared with the YARA rules that are there
// at a reload.
func TestReloadTakesOtherPatterns(t *testing.T) {
	t.Parallel()
	b := startWithRules(t, "", ruleYAML("pattern", "critical", "any(outrider.files, any(.matches, . == 'Needle'))"))
	b.must("rules", "override", "pattern", "--action", "quarantine")
	file := write(t, filepath.Join(b.dir, "m.eml"), withFile)
	patterns := filepath.Join(b.dir, "patterns")
	reload := func(rule string) {
		write(t, filepath.Join(patterns, "a.yar"), rule)
		c, err := config.Load(b.config)
		if err != nil {
			t.Fatal(err)
		}
		c.Attachments.Rules = []string{patterns}
		if err := b.app.Reload(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range [][2]string{
		{`rule Other { strings: $a = "haystack" condition: $a }`, "placed"},
		{`rule Needle { strings: $a = "needle" condition: $a }`, "quarantined"},
		{`rule Other { strings: $a = "haystack" condition: $a }`, "placed"},
	} {
		reload(tt[0])
		if out := b.must("inject", file); !strings.Contains(out, tt[1]) {
			t.Errorf("with %s\n%s", tt[0], out)
		}
	}
}
