package ole_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outrider/internal/attachment/ole"
	"outrider/internal/mailtest"
)

func check(t *testing.T, got []string, want string) {
	t.Helper()
	absent, is := strings.CutPrefix(want, "!")
	if slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, absent) }) == is {
		t.Errorf("want %q in\n%.3000s", want, strings.Join(got, "\n"))
	}
}

func describe(d *ole.Document) []string {
	out := []string{fmt.Sprintf("kind %s encrypted %v", d.Kind, d.Encrypted), fmt.Sprintf("info %+v", d.Info)}
	add := func(f string, args ...any) { out = append(out, fmt.Sprintf(f, args...)) }
	for _, m := range d.Modules {
		add("module %s %d", m.Name, len(m.Source))
	}
	for _, k := range d.Keywords {
		add("keyword %s %s", k.Type, k.Keyword)
	}
	for _, s := range d.Sheets {
		add("sheet %s %s %v", s.Name, s.State, s.Macro)
	}
	for _, s := range d.DDE {
		add("dde %s", s)
	}
	for _, a := range d.Actions {
		add("action %s %s", a.Kind, a.Target)
	}
	for _, l := range d.Links {
		add("link %s", l)
	}
	for _, f := range d.Embedded {
		add("embedded %s %d", f.Name, len(f.Data))
	}
	if d.Mail != nil {
		add("mail %s|%s|%s", d.Mail.Subject, d.Mail.Sender, d.Mail.SenderName)
		add("body %.40q", d.Mail.Text)
		for _, f := range d.Mail.Attachments {
			add("attachment %s %d", f.Name, len(f.Data))
		}
	}
	for _, n := range d.Notes {
		add("note %s", n)
	}
	for _, s := range d.Streams {
		add("stream %q %d", s.Path, s.Size)
	}
	return out
}

// TestCorpus reads documents whose names say what is inside.
func TestCorpus(t *testing.T) {
	want := map[string][]string{
		"eicar-word-macro-cmd-echo.doc":               {"kind doc", "module ", "keyword autoexec ", "keyword suspicious Shell"},
		"eicar-word-macro-write-file.doc":             {"module ", "keyword autoexec "},
		"eicar-word-macro-powershell-echo.doc":        {"keyword suspicious Shell"},
		"eicar-word-macro-msgbox.doc":                 {"module ", "!note no-source"},
		"eicar-excel-macro-cmd-echo.xls":              {"kind xls", "keyword autoexec ", "keyword suspicious Shell"},
		"eicar-excel-macro-write-file.xls":            {"module "},
		"eicar-excel-macro-powershell-echo.xls":       {"module "},
		"eicar-excel-macro-msgbox.xls":                {"module "},
		"eicar-excel-dde-cmd-powershell-echo.xls":     {"dde "},
		"eicar-powerpoint-action-macro-msgbox.ppt":    {"kind ppt", "module ", "action macro "},
		"eicar-powerpoint-action-powershell-echo.ppt": {"action program "},
		"testPPT_macros.ppt":                          {"module "},
		"testWORD_macros.doc":                         {"module "},
		"testEXCEL_macro.xls":                         {"module "},
		"testWORD_protected_passtika.doc":             {"kind doc encrypted true"},
		"testWORD_protected_passtika.docx":            {"kind encrypted encrypted true"},
		"testEXCEL_protected_passtika.xls":            {"kind xls encrypted true"},
		"testPPT_protected_passtika.ppt":              {"kind ppt encrypted true"},
		"protectedFile.xlsx":                          {"kind encrypted encrypted true"},
		"testPPT_EmbeddedPDF.ppt":                     {"embedded "},
		"testMSG.msg":                                 {"kind msg", "mail "},
		"testMSG_att_doc.msg":                         {"attachment "},
		"testMSG_chinese.msg":                         {"kind msg"},
		"test-outlook2003.msg":                        {"kind msg"},
	}
	paths, expected := corpus(t), 0
	for name := range want {
		if !slices.ContainsFunc(paths, func(p string) bool { return filepath.Base(p) == name }) {
			t.Errorf("%s is not in the suites", name)
		}
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := describe(ole.Read(data, ole.DefaultLimits()))
		for _, w := range want[filepath.Base(path)] {
			expected++
			t.Run(filepath.Base(path), func(t *testing.T) { check(t, got, w) })
		}
	}
	t.Logf("%d documents read, %d expectations", len(paths), expected)
}

func corpus(tb testing.TB) []string {
	tb.Helper()
	return mailtest.Files(tb, []string{"conformance/att_eicar_office", "conformance/att_tika_archives_office", "conformance/mime_tika"}, ".doc", ".xls", ".ppt", ".msg", ".docx", ".xlsx", ".pptx")
}
