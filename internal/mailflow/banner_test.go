package mailflow_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"outrider/internal/config"
	"outrider/internal/detect"
	"outrider/internal/message"
	"outrider/internal/signal"
	"outrider/internal/tenant"
)

// TestBannersOfMail sends the messages of testdata/banners through a gateway with the built-in
// signals, and compares the texts that are delivered. A file has the policy, the message, and
// what the text of a part must have: each line of "1.txt" is in the text of part 1.
func TestBannersOfMail(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "banners", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no messages", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b := setup(t, nil)
			b.usePolicy(string(archive.Files[0].Data))
			raw := strings.ReplaceAll(string(archive.Files[1].Data), "\n", "\r\n")
			if _, err := b.process(raw, "kim@sender.test", "x@example.org"); err != nil {
				t.Fatal(err)
			}
			m := parse(b.sink.Transactions()[0].Body())
			for _, want := range archive.Files[2:] {
				b.compare(m, want)
			}
			if err := b.signer.Verify(m); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBannerBeyondASCIIIsAnnounced has a text of ASCII that is labelled 8bit: with a banner it
// is eight-bit mail, which the next hop has to be told.
func TestBannerBeyondASCIIIsAnnounced(t *testing.T) {
	t.Parallel()
	for banner, want := range map[string]bool{"Vorsicht, von außen.": true, "Careful.": false} {
		b := setup(t, nil)
		b.usePolicy(fmt.Sprintf("    policy: {external: true, banner: {EXTERNAL: %q}}", banner))
		raw := strings.Replace(mail("hello"), "\r\n\r\n", "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", 1)
		if _, err := b.process(raw, "ann@elsewhere.example", "x@example.org"); err != nil {
			t.Fatal(err)
		}
		sent := b.sink.Transactions()[0]
		if got := strings.Contains(sent.From, "BODY=8BITMIME"); got != want || !strings.Contains(string(sent.Body()), banner) {
			t.Errorf("%s: %s\n%s", banner, sent.From, sent.Body())
		}
	}
}

// usePolicy judges with the built-in signals from now on, under a policy.
func (b *bundle) usePolicy(policy string) {
	b.t.Helper()
	c, err := config.Parse(fmt.Appendf(nil, "tenants:\n  - id: a\n    domains:\n      - {name: example.org, route: {hosts: [%q], tls: none}}\n%s", b.sink.Addr, policy))
	if err != nil {
		b.t.Fatal(err)
	}
	settings := *b.flow.Settings()
	if settings.Directory, err = tenant.New(&c); err != nil {
		b.t.Fatal(err)
	}
	settings.Engine = detect.New(detect.Default(), signal.New(nil))
	b.flow.Configure(&settings)
}

// compare looks for each line of a file in the part that it is named after. "root.txt" is
// the text of a message with one part, and a line that begins with "!" must be missing.
func (b *bundle) compare(m *message.Message, want txtar.File) {
	b.t.Helper()
	path := strings.TrimPrefix(strings.TrimSuffix(want.Name, ".txt"), "root")
	for _, p := range m.Parts {
		if p.Path != path {
			continue
		}
		text := "charset " + p.Charset + "\r\n" + strings.Join(strings.Fields(p.Text()), " ")
		for line := range strings.Lines(string(want.Data)) {
			line, missing := strings.CutPrefix(strings.TrimSpace(line), "!")
			if strings.Contains(text, line) == missing {
				b.t.Errorf("part %q: %q in %q: %v", path, line, text, !missing)
			}
		}
		return
	}
	b.t.Errorf("no part %q in %s", path, m.Raw)
}
