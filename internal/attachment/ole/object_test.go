package ole_test

import (
	"slices"
	"strings"
	"testing"

	"outrider/internal/attachment/ole"
)

// oldBook is a workbook of Excel 5 with a macro sheet.
func oldBook(cells ...string) []file {
	bof := func(kind int) string { return biff(0x809, n16(0x0500)+n16(kind)+n32(0)) }
	globals := bof(5) + biff(0x85, n32(0)+"\x02\x01\x02M1") +
		biff(0x18, n16(0x20)+"\x00\x01"+n16(4)+strings.Repeat("\x00", 8)+"\x01"+"\x44"+n16(0)+"\x00") +
		biff(0x17, "\x08\x01cmd\x03/c ") + biff(0x0A, "")
	return []file{{"Book", globals + bof(0x40) + strings.Join(cells, "") + biff(0x0A, "")}}
}

func TestWorkbookOfExcel5(t *testing.T) {
	t.Parallel()
	exec := "\x17\x08calc.exe" + "\x42\x01" + n16(110)
	d := ole.Read(build(oldBook(cell(0, 0, exec), cell(1, 0, "\x44"+n16(0xC002)+"\x01"), biff(0x204, n16(2)+n16(0)+n16(0)+n16(4)+"caf\xE9"))...), ole.DefaultLimits())
	var formulas []string
	for _, f := range d.MacroFormulas {
		formulas = append(formulas, f.Text)
	}
	if !slices.Contains(formulas, `=EXEC("calc.exe")`) || !slices.Contains(formulas, "=B3") || !d.AutoOpen {
		t.Errorf("formulas %q, runs %v", formulas, d.AutoOpen)
	}
	if !strings.Contains(d.Text, "café") || len(d.Sheets) != 1 || d.Sheets[0] != (ole.Sheet{Name: "M1", State: "veryHidden", Macro: true}) {
		t.Errorf("text %q, sheets %+v", d.Text, d.Sheets)
	}
	if !slices.Equal(d.DDE, []string{"cmd /c "}) {
		t.Errorf("links of DDE %q", d.DDE)
	}
}

func TestObjects(t *testing.T) {
	t.Parallel()
	const urlMoniker = "\xE0\xC9\xEA\x79\xF9\xBA\xCE\x11\x8C\x82\x00\xAA\x00\x4B\xA9\x0B"
	target := wide("http://a.example/x.hta") + "\x00\x00"
	d := ole.Read(build(
		file{"\x01Ole", n32(0x02000001) + n32(1) + n32(0) + n32(0) + n32(0) + n32(16+4+len(target)) + urlMoniker + n32(len(target)) + target},
		file{"ObjectPool/_1/Equation Native", "\x1c\x00"},
		file{"Macros/UserForm1/f", "\x00\x04\x20"}, file{"Macros/UserForm1/o", "\x00\x02powershell -e aa\x00\x01" + wide("second caption")},
		file{"Notes/o", "no form has this text"},
	), ole.DefaultLimits())
	if !slices.Equal(d.Remote, []string{"http://a.example/x.hta"}) {
		t.Errorf("linked objects %q", d.Remote)
	}
	if len(d.Equations) != 1 {
		t.Errorf("%d equations", len(d.Equations))
	}
	if forms := strings.Join(d.FormStrings, "|"); !strings.Contains(forms, "powershell -e aa") || !strings.Contains(forms, "second caption") || strings.Contains(forms, "no form") {
		t.Errorf("texts of forms %q", forms)
	}
}

func TestMacrosThatRunByThemselves(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ source, want string }{
		{"Sub AutoOpen()\nEnd Sub", "AutoOpen"},
		{"Private Sub Document_Open()\nEnd Sub\nSub x()\nEnd Sub", "Document_Open"},
		{"Public Function Auto_Close()\nEnd Function", "Auto_Close"},
		{"Private Sub InkPicture1_Painted(ByVal h As Long)\nEnd Sub", "InkPicture1_Painted"},
		{"Private Sub CommandButton1_Click()\nEnd Sub", ""},
		{"' calls AutoOpen of the template\nSub Total()\nEnd Sub", ""},
	} {
		d := &ole.Document{Modules: []ole.Module{{Source: tt.source}}}
		if got := strings.Join(d.AutoMacros(), " "); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.source, got, tt.want)
		}
	}
}
