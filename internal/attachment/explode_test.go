package attachment_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider/internal/attachment"
	"outrider/internal/attachment/scan"
	"outrider/internal/budget"
	"outrider/internal/mailtest"
	"outrider/internal/message"
)

// mostJSON is what an explosion may add to a report.
const mostJSON = 8 << 20

func explode(tb testing.TB, name string, data []byte, passwords ...string) *attachment.Report {
	tb.Helper()
	in := attachment.Input{Name: name, Data: data, Passwords: passwords, Explode: true}
	return attachment.Inspect(tb.Context(), in, attachment.DefaultLimits())
}

// named returns the response with that file name.
func named(t *testing.T, r *attachment.Report, name string) scan.Response {
	t.Helper()
	all := attachment.Responses(r)
	k := slices.IndexFunc(all, func(s scan.Response) bool { return s.FileName == name })
	if k < 0 {
		t.Fatalf("no file %s among %d, notes %v", name, len(all), r.Notes)
	}
	return all[k]
}

func value(e *scan.EXIF, key string) string {
	if e == nil {
		return "<no metadata>"
	}
	for _, f := range e.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return "<none>"
}

const smuggling = `<html><title>Microsoft sign in</title><body onload="go()"><a href="file://1.2.3.4/x">x</a>
<script>var _0x1 = document.write(atob("%s"));</script><script type="application/json">{"a": 1}</script></body></html>`

func smuggled() []byte {
	inner := "<html><script>window.location.href = 'https://a.example/login';</script></html>"
	return fmt.Appendf(nil, smuggling, base64.StdEncoding.EncodeToString([]byte(inner)))
}

func TestExplosionOfAPage(t *testing.T) {
	t.Parallel()
	r := explode(t, "a.zip", zipOf(t, "page.html", string(smuggled()), "b.txt", "words"))
	var got []string
	for _, s := range attachment.Responses(r) {
		parent := "-"
		if s.ParentNodeID != nil {
			parent = *s.ParentNodeID
		}
		got = append(got, fmt.Sprintf("%s<%s %s depth %d by %q %s %v", s.NodeID, parent, s.FileName, s.Depth, s.Source, s.Flavors.MIME, s.Flavors.Yara))
	}
	want := []string{
		`0<- a.zip depth 0 by "" application/zip [zip_file]`,
		`1<0 page.html depth 1 by "ScanZip" text/html [html_file]`,
		`2<0 b.txt depth 1 by "ScanZip" text/plain []`,
		`3<1 script_0 depth 2 by "ScanHtml" text/plain [javascript_file]`,
		`4<1 script_1 depth 2 by "ScanHtml" application/json [json_file]`,
		`5<1 base64_0 depth 2 by "ScanBase64" text/html [html_file]`,
		`6<5 script_0 depth 3 by "ScanHtml" text/plain [javascript_file]`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	p := named(t, r, "page.html").Scan
	if p.HTML == nil || *p.HTML.Title != "Microsoft sign in" || p.JavaScript != nil || !slices.Contains(p.URL.URLs, "file://1.2.3.4/x") {
		t.Errorf("page: %+v, %+v", p.HTML, p.URL)
	}
	js := named(t, r, "script_0").Scan.JavaScript
	if js == nil || !slices.Equal(js.Identifiers, []string{"_0x1", "document", "write", "atob"}) {
		t.Errorf("script: %+v", js)
	}
	if z := named(t, r, "a.zip").Scan.Zip; z == nil || !slices.Equal(z.AllPaths, []string{"page.html", "b.txt"}) || z.Encrypted || z.TotalExtracted != 2 {
		t.Errorf("zip: %+v", z)
	}
}

func TestNothingChangesUnlessAsked(t *testing.T) {
	t.Parallel()
	r := inspect("a.html", smuggled())
	out, err := json.Marshal(r)
	if err != nil || len(r.Files) != 1 || strings.Contains(string(out), `"scan"`) || strings.Contains(string(out), `"flavors"`) {
		t.Errorf("%s, %v", out, err)
	}
	all := attachment.Responses(r)
	if len(all) != 1 || all[0].Scan != (scan.Scan{}) || all[0].Flavors.MIME != "text/html" || attachment.ExifOf(r) != nil || attachment.QROf(r) != nil {
		t.Errorf("%+v", all)
	}
}

func TestExplosionOfDocumentsWithMacros(t *testing.T) {
	t.Parallel()
	dir := mailtest.Data(t, "conformance/att_eicar_office")
	for _, name := range []string{"eicar-word-macro-cmd-echo.doc", "eicar-word-macro-cmd-echo.docm", "eicar-excel-macro-cmd-echo.xlsm"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		r := explode(t, name, data)
		o := attachment.OletoolsOf(r)
		if o == nil || !o.Indicators.VBAMacros.Exists || o.Indicators.VBAMacros.Risk != "high" || o.Macros.VBACodeAllModules == nil {
			t.Fatalf("%s: %+v", name, o)
		}
		kinds := map[string]bool{}
		for _, k := range o.Macros.Keywords {
			kinds[k.Type] = true
		}
		if !kinds["autoexec"] || !kinds["suspicious"] {
			t.Errorf("%s: %+v", name, o.Macros.Keywords)
		}
		vb, vba := false, false
		for _, s := range attachment.Responses(r) {
			vb = vb || slices.Contains(s.Flavors.Yara, "vb_file") && s.Source == "ScanVba"
			vba = vba || s.Scan.VBA != nil && len(s.Scan.VBA.AutoExec) > 0
		}
		if !vb || !vba {
			t.Errorf("%s: module %v, words %v", name, vb, vba)
		}
	}
}

func docxOf(tb testing.TB) []byte {
	tb.Helper()
	return zipOf(
		tb, "[Content_Types].xml", `<Types><Override PartName="/x" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
		"word/document.xml", `<?xml version="1.0"?><w:p><w:r><w:color w:val="FFFFFF"/><w:t>Two words</w:t></w:r></w:p>`,
		"word/_rels/document.xml.rels", `<Relationships><Relationship Id="r1" Type="http://x/hyperlink" Target="https://www.youtube.com/redirect" TargetMode="External"/></Relationships>`,
		"docProps/core.xml", `<c><dc:creator>root</dc:creator><dc:title>Payroll</dc:title></c>`,
		"docProps/app.xml", `<Properties><TotalTime>0</TotalTime><Application>Go Excelize</Application></Properties>`,
	)
}

func TestExplosionOfADocument(t *testing.T) {
	t.Parallel()
	r := explode(t, "a.docx", docxOf(t))
	e := attachment.ExifOf(r)
	if *e.Creator != "root" || *e.Title != "Payroll" || value(e, "TotalEditTime") != "0" || value(e, "Application") != "Go Excelize" || value(e, "TitlesOfParts") != "<none>" {
		t.Errorf("metadata: %+v", e.Fields)
	}
	d := named(t, r, "a.docx").Scan.Docx
	if d == nil || *d.Author != "root" || d.WordCount != 2 || !d.WhiteTextInDoc {
		t.Errorf("document: %+v", d)
	}
	o := attachment.OletoolsOf(r)
	if len(o.Relationships) != 1 || o.Relationships[0].Name != "hyperlink" || *o.Relationships[0].TargetURL != "https://www.youtube.com/redirect" || o.Indicators.VBAMacros.Exists {
		t.Errorf("relationships: %+v", o)
	}
	if s := named(t, r, "text"); s.Flavors.MIME != "text/plain" || *s.Scan.Strings.Raw != "Two words" {
		t.Errorf("text: %+v", s)
	}
	if x := named(t, r, "word/document.xml"); x.Flavors.MIME != "text/xml" || x.Scan.XML == nil {
		t.Errorf("part: %+v", x)
	}
}

func TestExplosionOfAPDF(t *testing.T) {
	t.Parallel()
	data := pdfOf("", []string{"9 0 obj <</Type/Annot/Subtype/Link/A<</S/URI/URI(https://a.example/x)>>>> endobj"}, "BT (Hello there) Tj ET")
	r := explode(t, "a.pdf", data)
	s := named(t, r, "a.pdf").Scan
	if s.PDF == nil || !slices.Equal(s.PDF.URLs, []string{"https://a.example/x"}) || !slices.Contains(s.URL.URLs, "https://a.example/x") {
		t.Errorf("links: %+v, %+v", s.PDF, s.URL)
	}
	if s.PDFObjHash.HashString != "Catalog|Pages|Page|Length|Annot/Link|" || *s.ExifTool.PageCount != 1 || s.QR == nil || s.QR.Data != nil {
		t.Errorf("%+v, %+v", s.PDFObjHash, s.ExifTool)
	}
}

func TestExplosionOfAPicture(t *testing.T) {
	t.Parallel()
	r := explode(t, "a.png", pngOf(t, codePicture(t, codeLink, 5)))
	q, s := attachment.QROf(r), named(t, r, "a.png").Scan
	if !q.Found || *q.Items[0].URL != codeLink || *s.QR.Type != "url" || *s.QR.Data != codeLink || *s.ExifTool.ImageWidth == 0 {
		t.Errorf("%+v, %+v", q, s.QR)
	}
	if attachment.OCROf(r) != nil || s.OCR != nil {
		t.Error("text was read without a tool")
	}
}

func TestExplosionOfOtherFiles(t *testing.T) {
	t.Parallel()
	r := explode(t, "a.ics", []byte("BEGIN:VCALENDAR\r\nPRODID:x\r\nBEGIN:VEVENT\r\nDESCRIPTION:see https://a.example/x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if c := attachment.ICSOf(r); c == nil || *c.ProductID != "x" || !slices.Equal(c.Events[0].Links, []string{"https://a.example/x"}) {
		t.Errorf("calendar: %+v", c)
	}
	if c := named(t, r, "a.ics").Scan.ICS.Calendars[0].Components[0]; c.UID != nil || c.Type != "VEVENT" {
		t.Errorf("component: %+v", c)
	}
	r = explode(t, "a.lnk", link(`C:\Windows\System32\cmd.exe`, "/c findstr x", ""))
	if e := attachment.ExifOf(r); value(e, "CommandLineArguments") != "/c findstr x" || *named(t, r, "a.lnk").Scan.LNK.CommandLineArguments != "/c findstr x" {
		t.Errorf("shortcut: %+v", e)
	}
	r = explode(t, "a.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><circle/><a href="x"><script>eval(location.hash)</script></a></svg>`))
	if x := named(t, r, "a.svg"); !slices.Equal(x.Scan.XML.Tags, []string{"svg", "circle", "a", "script"}) || x.Flavors.MIME != "image/svg+xml" {
		t.Errorf("drawing: %+v", x)
	}
	if js := named(t, r, "script_0").Scan.JavaScript; js == nil || !slices.Contains(js.Identifiers, "eval") {
		t.Errorf("script in a drawing: %+v", js)
	}
	r = explode(t, "a.js", []byte("this['ev'+'al'](x1)"))
	if s := named(t, r, "a.js"); s.Scan.JavaScript == nil || !slices.Equal(s.Scan.JavaScript.Strings, []string{"ev", "al"}) || !slices.Contains(s.Flavors.Yara, "javascript_file") {
		t.Errorf("script by its name: %+v", s)
	}
	r = explode(t, "a.wsf", []byte(`<job id="x"><script language="JScript">var s = new ActiveXObject("WScript.Shell")</script></job>`))
	if js := named(t, r, "script_0").Scan.JavaScript; js == nil || !slices.Contains(js.Identifiers, "ActiveXObject") {
		t.Errorf("script of the script host: %+v", js)
	}
	r = explode(t, "a.tar.gz", gz(tarOf("in.txt", []byte("words"))))
	if g, inner := named(t, r, "a.tar.gz").Scan.Gzip, r.Files[1].Scan.Tar; g == nil || g.TotalExtracted != 1 || inner == nil || inner.TotalFiles != 1 {
		t.Errorf("archives: %+v, %+v", g, inner)
	}
}

// An archive in an archive has a directory too, which is first where it is stored as it is.
func TestFirstEntryIsThatOfTheOutermostArchive(t *testing.T) {
	t.Parallel()
	stored := func(files ...string) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for k := 0; k < len(files); k += 2 {
			f, err := w.CreateHeader(&zip.FileHeader{Name: files[k], Method: zip.Store})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = f.Write([]byte(files[k+1]))
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	inner := stored("program.exe", "MZ")
	whole := stored("inner.zip", string(inner), "letter.doc", "words")
	for name, tc := range map[string]struct {
		data  []byte
		first string
	}{
		"whole":                        {whole, "inner.zip"},
		"behind something":             {append([]byte("junk"), whole...), "inner.zip"},
		"without its directory":        {whole[:bytes.LastIndex(whole, []byte("PK\x01\x02"))], "inner.zip"},
		"without the end of it":        {whole[:len(whole)-22], "inner.zip"},
		"with the words of a header":   {stored("a.txt", "PK\x01\x02"+strings.Repeat("\x05", 60)), "a.txt"},
		"with a directory that is off": {append(slices.Clone(whole[:len(whole)-10]), 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f, 0, 0), "inner.zip"},
	} {
		r := explode(t, "a.zip", tc.data)
		if e := attachment.ExifOf(r); e == nil || e.ZipFileName == nil || *e.ZipFileName != tc.first {
			t.Errorf("%s: %q", name, value(e, "ZipFileName"))
		}
	}
	if e := named(t, explode(t, "a.zip", whole), "inner.zip").Scan.ExifTool; value(e, "ZipFileName") != "program.exe" {
		t.Errorf("of the inner archive: %q", value(e, "ZipFileName"))
	}
}

func TestExplosionOfALockedZip(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/zipcrypto.zip")
	if err != nil {
		t.Fatal(err)
	}
	s := named(t, explode(t, "a.zip", data, "Secret77"), "a.zip")
	if s.Scan.EncryptedZip == nil || *s.Scan.EncryptedZip.CrackedPassword != "Secret77" || !s.Scan.Zip.Encrypted || !slices.Contains(s.Flavors.Yara, "encrypted_zip") {
		t.Errorf("%+v, %+v", s.Scan.EncryptedZip, s.Flavors)
	}
	r := explode(t, "a.zip", data)
	if s := named(t, r, "a.zip").Scan; s.EncryptedZip == nil || s.EncryptedZip.CrackedPassword != nil || r.Files[1].Scan != nil {
		t.Errorf("without the password: %+v", s.EncryptedZip)
	}
}

func TestRulesOfAnExplosion(t *testing.T) {
	t.Parallel()
	p := toolPool(t, attachment.Setup{Rules: `rule A { meta: author = "me" strings: $a = "needle" condition: $a }`})
	r, err := p.Inspect(t.Context(), attachment.Input{Name: "a.txt", Data: []byte("a needle"), Explode: true})
	if err != nil {
		t.Fatal(err)
	}
	if y := r.Files[0].Scan.Yara; y == nil || len(y.Matches) != 1 || y.Matches[0].Name != "A" || y.Matches[0].Meta["author"] != "me" {
		t.Errorf("%+v", y)
	}
}

// pagesAreFiles checks the explosion of a scanned document, by a pool that renders pages
// and reads text.
func pagesAreFiles(t *testing.T, p *attachment.Pool, scanned []byte) {
	t.Helper()
	r, err := p.Inspect(t.Context(), attachment.Input{Name: "a.pdf", Data: scanned, Explode: true})
	if err != nil {
		t.Fatal(err)
	}
	s := named(t, r, "pdf_2_png_1")
	if s.Depth != 1 || s.Flavors.MIME != "image/png" || s.Scan.OCR == nil || !strings.Contains(s.Scan.OCR.Raw, "Sign in before Friday") {
		t.Errorf("page: %+v", s)
	}
	if o := attachment.OCROf(r); o == nil || !o.Success || !strings.Contains(o.Text, "almost full") || len(o.PageResults) != 1 {
		t.Errorf("text: %+v", o)
	}
}

func TestPagesAreLookedAtUntilTheTimeIsUp(t *testing.T) {
	t.Parallel()
	lure := codePicture(t, codeLink, 4)
	for wanted := 1; wanted <= 3; wanted++ {
		ctx, cancel := context.WithCancel(t.Context())
		shown := 0
		r := attachment.ShowPages(ctx, func(f *attachment.File) {
			if strings.HasPrefix(f.Name, "pdf_2_png_") {
				shown++
			}
			if shown == wanted {
				cancel()
			}
		}, lure, lure, lure)
		cancel()
		if len(r.Files) != 1+wanted || r.Has(attachment.NoteWall) != (wanted < 3) {
			t.Errorf("%d files after %d pages, notes %v", len(r.Files), wanted, r.Notes)
		}
		for k := range r.Files {
			if d := r.Files[k].Document; d == nil || !slices.Equal(slices.Compact(d.Codes), []string{codeLink}) {
				t.Errorf("%s: %+v", r.Files[k].Name, d)
			}
		}
	}
}

func TestPanicOfAReaderCostsWhatItDidNotFindYet(t *testing.T) {
	t.Parallel()
	file := "2 0 obj<</Type/Filespec/F(a.exe)/EF<</F 3 0 R>>>>endobj 3 0 obj<</Type/EmbeddedFile/Length 2>>stream\nMZ\nendstream endobj"
	script := "9 0 obj <</S/JavaScript/JS(app.alert\\(1\\))>> endobj"
	data := pdfOf("/Font<</F<</Subtype/Type1/BaseFont/Helvetica>>>>", []string{file, script}, "BT /F 9 Tf (Hello there) Tj ET")
	if r := explode(t, "a.pdf", data); len(r.Files) != 4 || r.Has(attachment.NotePanic) {
		t.Fatalf("unbroken: %d files, %v", len(r.Files), r.Notes)
	}
	r := attachment.InspectBroken(attachment.Input{Name: "a.pdf", Data: data, Explode: true})
	if len(r.Notes) != 1 || r.Notes[0] != (attachment.Note{Kind: attachment.NotePanic, File: 0, Detail: "broken"}) {
		t.Errorf("notes %v", r.Notes)
	}
	if s := named(t, r, "text").Scan.Strings; s == nil || !slices.Contains(s.Strings, "Hello there") {
		t.Errorf("text: %+v", s)
	}
	if js := named(t, r, "javascript").Scan.JavaScript; js == nil || !slices.Contains(js.Identifiers, "alert") {
		t.Errorf("script: %+v", js)
	}
}

func TestPanicOverAFileCostsThatFileOnly(t *testing.T) {
	t.Parallel()
	in := attachment.Input{Name: "a.zip", Data: zipOf(t, "a.txt", "one", "b.zip", string(zipOf(t, "d.txt", "four")), "c.txt", "three")}
	var seen []string
	r := attachment.Walk(t.Context(), in, attachment.DefaultLimits(), func(f *attachment.File, _ []byte) {
		seen = append(seen, f.Name)
		if f.Name == "a.txt" || f.Name == "b.zip" {
			panic("broken")
		}
	})
	if got := strings.Join(seen, " "); got != "a.zip a.txt b.zip c.txt d.txt" || len(r.Files) != 5 {
		t.Errorf("looked at %s", got)
	}
	if len(r.Notes) != 2 || r.Notes[0].File != 1 || r.Notes[1].File != 2 {
		t.Errorf("notes %v", r.Notes)
	}
}

// weight is the size of what an explosion added to a report.
func weight(tb testing.TB, r *attachment.Report) int {
	tb.Helper()
	n := 0
	for k := range r.Files {
		if r.Files[k].Scan != nil {
			out, err := json.Marshal([]any{r.Files[k].Scan, r.Files[k].Flavors})
			if err != nil {
				tb.Fatal(err)
			}
			n += len(out)
		}
	}
	return n
}

func TestExplosionsAreBounded(t *testing.T) {
	t.Parallel()
	many := []string{}
	for k := range 2500 {
		many = append(many, fmt.Sprintf("%d.html", k), fmt.Sprintf("<script>a%d</script><span style='%d'>%s", k, k, strings.Repeat("<&>", 300)))
	}
	var scripts, blobs, words strings.Builder
	for k := range 3000 {
		fmt.Fprintf(&scripts, "<script>var a%d = '%s'</script>", k, strings.Repeat("<", 500))
		fmt.Fprintf(&blobs, "%s\n", base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "text %d %s", k, strings.Repeat("ab ", 100))))
	}
	for k := range 400_000 {
		fmt.Fprintf(&words, "<word %d>\n", k)
	}
	for name, data := range map[string][]byte{
		"many.zip": zipOf(t, many...), "scripts.html": []byte("<html>" + scripts.String()), "blobs.txt": []byte(blobs.String()), "words.txt": []byte(words.String()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := explode(t, name, data)
			if n := weight(t, r); n > mostJSON || !r.Has(attachment.NoteExplode) && !r.Has(attachment.NoteFiles) || r.Has(attachment.NotePanic) {
				t.Errorf("%d bytes of JSON, %d files, notes %v", n, len(r.Files), r.Notes[:min(len(r.Notes), 5)])
			}
			t.Logf("%d bytes of JSON, %d files", weight(t, r), len(r.Files))
		})
	}
}

func TestInputsShareTheBounds(t *testing.T) {
	t.Parallel()
	page := []byte("<html>" + strings.Repeat("<p>some words & more</p>\n<script>a()</script>", 60_000))
	ins := make([]attachment.Input, 8)
	for k := range ins {
		ins[k] = attachment.Input{Name: "a.html", Data: page, Explode: true}
	}
	reports, err := toolPool(t, attachment.Setup{}).InspectAll(t.Context(), ins)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, r := range reports {
		n := weight(t, r)
		if total += n; n < 100_000 || r.Has(attachment.NoteWorkerDied) {
			t.Errorf("%d bytes of JSON, notes %v", n, r.Notes)
		}
	}
	if total > mostJSON {
		t.Errorf("%d bytes of JSON together", total)
	}
}

// attachmentsOf returns the named parts of a message.
func attachmentsOf(tb testing.TB, path string) []attachment.Input {
	tb.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var out []attachment.Input
	for _, p := range message.Parse(raw, budget.New(budget.Default())).Parts {
		if p.Filename != "" && len(p.Children) == 0 {
			out = append(out, attachment.Input{Name: p.Filename, ContentType: p.MediaType, Data: p.Decoded(), Explode: true})
		}
	}
	return out
}

func TestRealAttachmentsExplode(t *testing.T) {
	t.Parallel()
	p := pool(t, "worker", attachment.DefaultLimits())
	var inputs []attachment.Input
	for _, path := range mailtest.Files(t, []string{"mail/dev"}) {
		inputs = append(inputs, attachmentsOf(t, path)...)
	}
	for _, path := range corpus(t, "att_eicar_office") {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, attachment.Input{Name: filepath.Base(path), Data: data, Explode: true})
	}
	var times []time.Duration
	heaviest, scanned := 0, 0
	for _, in := range inputs {
		start := time.Now()
		r, err := p.Inspect(t.Context(), in)
		if err != nil || r.Has(attachment.NotePanic) || r.Has(attachment.NoteWorkerDied) {
			t.Errorf("%s: %v, %v", in.Name, r, err)
			continue
		}
		times = append(times, time.Since(start))
		n := weight(t, r)
		if heaviest = max(heaviest, n); n > mostJSON {
			t.Errorf("%s: %d bytes of JSON", in.Name, n)
		}
		if r.Files[0].Scan != nil {
			scanned++
		}
	}
	if len(times) < 50 || scanned < len(times) {
		t.Fatalf("%d attachments, %d scanned", len(times), scanned)
	}
	slices.Sort(times)
	t.Logf("%d attachments, p50 %v, p99 %v, most %v, heaviest %d bytes of JSON", len(times), times[len(times)/2], times[len(times)*99/100],
		times[len(times)-1], heaviest)
}

func FuzzExplode(f *testing.F) {
	for _, s := range [][]byte{
		smuggled(), docxOf(f), pdfOf("", nil, "BT (Hello) Tj ET"), zipOf(f, "a.html", string(smuggled())), link("C:\\a.exe", "b", "c"),
		[]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nATTACH;ENCODING=BASE64:QUJD\nEND:VEVENT\nEND:VCALENDAR"), []byte("{\\rtf1 x}"),
	} {
		f.Add(s)
	}
	l := attachment.DefaultLimits()
	l.Bytes, l.FileBytes, l.Memory, l.Window, l.Passwords = 4<<20, 1<<20, 4<<20, 1<<20, 2
	f.Fuzz(func(t *testing.T, data []byte) {
		r := attachment.Inspect(t.Context(), attachment.Input{Data: data, Explode: true}, l)
		if r.Has(attachment.NotePanic) {
			t.Errorf("%+v", r.Notes)
		}
		if n := weight(t, r); n > mostJSON {
			t.Errorf("%d bytes of JSON", n)
		}
		if all := attachment.Responses(r); len(all) != len(r.Files) || all[0].Depth != 0 {
			t.Errorf("%d responses of %d files", len(all), len(r.Files))
		}
	})
}

// BenchmarkExplode is one page of a megabyte; compare with explode=false.
func BenchmarkExplode(b *testing.B) {
	doc := []byte("<html>" + strings.Repeat("<p class='a'>some words <a href='https://a.example/x'>here</a> <script>var a = f(b);</script></p>\n", 10_000))
	for _, on := range []bool{false, true} {
		b.Run(fmt.Sprintf("explode=%v", on), func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				attachment.Inspect(b.Context(), attachment.Input{Name: "a.html", Data: doc, Explode: on}, attachment.DefaultLimits())
			}
		})
	}
}
