package markup_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"outrider/internal/budget"
	"outrider/internal/mailtest"
	"outrider/internal/markup"
	"outrider/internal/message"
)

// check tests what holds for every document.
func check(tb interface{ Fatalf(string, ...any) }, doc string) *markup.Document {
	d := markup.Parse(doc, budget.New(budget.Default()))
	if d.Root() == nil {
		tb.Fatalf("no tree")
	}
	shown := d.DisplayText()
	if strings.ContainsAny(shown, "\u200b\u00ad\ufeff\u2060\t\r") || strings.Contains(shown, "\n\n\n") || strings.TrimSpace(shown) != shown {
		tb.Fatalf("shown text is not normal: %q", shown)
	}
	if utf8.ValidString(doc) && !utf8.ValidString(shown+d.Preheader()+d.Outlook+d.Title) {
		tb.Fatalf("cut within a character")
	}
	for _, s := range d.Spans() {
		if s.From > s.To || s.To > len(shown) {
			tb.Fatalf("span %d-%d of %d", s.From, s.To, len(shown))
		}
	}
	for _, rows := range d.Grids() {
		if len(rows) < 21 || len(rows) > 200 {
			tb.Fatalf("a drawing of %d rows", len(rows))
		}
	}
	if lines, _ := d.Drawing(); len(lines) > 65_000 || !strings.Contains(strings.ReplaceAll(d.InnerText(), "\u00a0", " "), strings.TrimSpace(strings.SplitN(lines, "\n", 2)[0])) && !strings.ContainsAny(d.InnerText(), "\r\n") {
		tb.Fatalf("lines of %d bytes that do not stand in the text", len(lines))
	}
	if d.Work() > 64*len(doc)+10_000 {
		tb.Fatalf("%d steps for %d bytes", d.Work(), len(doc))
	}
	return d
}

func FuzzParse(f *testing.F) {
	f.Add(`<style>@media screen{.a > b[c^="d"], #e{display:none!important}}</style><p class=a><b c=de style="font:0/0 a;color:rgba(1,2,3,.5)">x</b>`)
	f.Add(`<!--[if mso]><v:rect href=x><![endif]--><table background=b><td>a<tr>b<select><b>c</table><svg><use xlink:href=a>`)
	f.Add(`<meta http-equiv=refresh content="0;url=x"><iframe srcdoc="<a href=y>"></iframe><img srcset="a 1x,b,"><script>location='x'</script>`)
	f.Add(`<style>@import "x";/* a{background:url( </style><details><summary>a</summary>b</details><p hidden>`)
	f.Add(`<style>@layer a{.x{&:is(.y,:not(b)) > i::before{content:"a" counter(c)}}}@scope (.a) to (.b){p:nth-child(2n+1 of .c){--v:var(--w,red)!important}}@container n (1px<width<=9px){a{}}</style>`)
	f.Add(`<p style="font:calc(1px*(2 + min(3em,4%)))/1 a;clip:rect(0 0 0 0);transform:matrix(1,0,0,1,0,0);color:color-mix(in srgb,oklch(1 0 0),#0003 2%)">x`)
	f.Add(`<!DOCTYPE h:x [<!ENTITY a "&b;"><!ENTITY b "<h:a href='c'/>">]><h:x xmlns:h="http://www.w3.org/1999/xhtml">&a;<![CDATA[d]]></h:x>`)
	f.Add(`<svg><defs><path id=a d="M0 0h1v1z"/></defs><use href="#a" x=1 /><rect width=1 height=1 transform="scale(2) translate(1,2)"/></svg><!--[if (gte mso 9)&!(IE)]>a<![endif]-->`)
	f.Fuzz(func(t *testing.T, doc string) { check(t, doc) })
}

// documents returns the HTML of a corpus.
func documents(tb testing.TB, set string) []string {
	tb.Helper()
	var docs []string
	err := filepath.WalkDir(mailtest.Data(tb, set)+string(filepath.Separator), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if strings.HasSuffix(path, ".html") {
			docs = append(docs, string(raw))
			return err
		}
		for _, p := range message.Parse(bytes.Clone(raw), nil).TextParts() {
			if p.MediaType == "text/html" {
				docs = append(docs, p.Text())
			}
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return docs
}

func TestRealDocuments(t *testing.T) {
	t.Parallel()
	for _, set := range []string{"mail/dev", "mail/html_ham"} {
		simple, hidden, cut, bytes := 0, 0, 0, 0
		docs := documents(t, set)
		for _, doc := range docs {
			d := check(t, doc)
			bytes += len(doc)
			if len(d.Hidden()) > 0 {
				hidden++
			}
			b := budget.New(budget.Default())
			if markup.Parse(doc, b); len(b.Exceeded()) > 0 {
				cut++
			}
			for _, tolerated := range d.Tolerated {
				if tolerated == markup.SimpleTree {
					simple++
				}
			}
		}
		t.Logf("%s: %d documents of %d bytes, %d by the simple tree, %d with hidden text, %d cut", set, len(docs), bytes, simple, hidden, cut)
		if cut*100 > len(docs) {
			t.Errorf("%s: something is left out of %d of %d documents", set, cut, len(docs))
		}
		if len(docs) == 0 || simple*10 > len(docs) {
			t.Errorf("%s: %d of %d documents by the simple tree", set, simple, len(docs))
		}
	}
}

func benchmark(b *testing.B, parse func(doc string)) {
	b.Helper()
	docs := append(documents(b, "mail/dev"), documents(b, "mail/html_ham")...)
	size := 0
	for _, d := range docs {
		size += len(d)
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		for _, d := range docs {
			parse(d)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	benchmark(b, func(doc string) { markup.Parse(doc, nil) })
}

func BenchmarkNetHTML(b *testing.B) {
	benchmark(b, func(doc string) { _, _ = html.Parse(strings.NewReader(doc)) })
}
