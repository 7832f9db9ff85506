package scan_test

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strconv"
	"strings"
	"testing"

	"outrider/internal/attachment/ole"
	"outrider/internal/attachment/ooxml"
	"outrider/internal/attachment/pdf"
	"outrider/internal/attachment/picture"
	"outrider/internal/attachment/scan"
	"outrider/internal/attachment/yara"
)

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// field returns the value of a key, "<none>" where it is missing.
func field(e *scan.EXIF, key string) string {
	for _, f := range e.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return "<none>"
}

// fields compares the values of keys.
func fields(t *testing.T, e *scan.EXIF, want map[string]string) {
	t.Helper()
	for key, value := range want {
		if got := field(e, key); got != value {
			t.Errorf("%s: got %q, want %q in %+v", key, got, value, e.Fields)
		}
	}
}

func metadata(format string, f func(*scan.Metadata)) *scan.EXIF {
	m := scan.NewMetadata(nil, "type/"+format, format, ample())
	f(m)
	return m.Result()
}

const document = `%PDF-1.4
1 0 obj <</Type /Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/Contents 4 0 R/Annots[<</Type/Annot/Subtype/Link/A<</S/URI/URI(https://a.example/x)>>>>]>> endobj
4 0 obj <</Length 12>> stream
1 0 obj x <<
endstream endobj
5 0 obj <</Title (wrong)>> endobj
5 0 obj <</Title (A \(b\))/Creator()/Producer <FEFF0051>/CreationDate (D:20260131120001+01'00')/Keywords(k)>> endobj
6 0 obj [1 2 <</A 1>>] endobj
7 0 obj <</Type/Sig/Reason (Certified)/M(D:20260101000000Z)>> endobj
8 0 obj <</Type/XObject/Subtype/Image/Length 5>> stream
endob
endstream endobj
9 0 obj <</Type/Metadata/Subtype/XML/Length 400>> stream
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="DynaPDF 4"><rdf:RDF><rdf:Description xmp:CreatorTool="Tool 1">
<dc:creator><rdf:Seq><rdf:li>Jane</rdf:li></rdf:Seq></dc:creator><xmp:ModifyDate>2026-02-01T10:00:00Z</xmp:ModifyDate></rdf:Description></rdf:RDF></x:xmpmeta>
endstream endobj
trailer <</Root 1 0 R/Info 5 0 R>>
startxref
0
%%EOF
`

func TestPDF(t *testing.T) {
	t.Parallel()
	data := []byte(document)
	p := pdf.Open(data, pdf.DefaultLimits())
	o := scan.ReadObjects(data)
	hash := o.Hash(ample())
	want := "Catalog|Pages|Page|Length|Title|None|XObject/Image|Metadata/XML|"
	sum := md5.Sum([]byte(want))
	same(t, "hash string", hash.HashString, want)
	same(t, "hash", hash.ObjectHash, hex.EncodeToString(sum[:]))
	same(t, "urls", scan.ReadPDF(p, 2, ample()).URLs, []string{"https://a.example/x"})
	e := metadata("pdf", func(m *scan.Metadata) { m.PDF(data, p, o) })
	fields(t, e, map[string]string{
		"FileType": "PDF", "PDFVersion": "1.4", "Title": "A (b)", "Creator": "", "Producer": "Q", "CreateDate": "2026:01:31 12:00:01+01:00",
		"Keywords": "k", "PageCount": "1", "Warning": "Invalid xref table", "SigningReason": "Certified", "SigningDate": "2026:01:01 00:00:00Z",
		"XMPToolkit": "DynaPDF 4", "CreatorTool": "Tool 1", "ModifyDate": "2026:02:01 10:00:00Z", "Encryption": "<none>",
	})
	same(t, "page count", *e.PageCount, 1)
	same(t, "named", text(e.Title)+"|"+text(e.Creator)+"|"+text(e.Producer)+"|"+text(e.Author), "A (b)||Q|<null>")
	good := strings.Replace(document, "startxref\n0", "xref\n0 1\nstartxref\n"+strconv.Itoa(strings.Index(document, "startxref")), 1)
	if e := metadata("pdf", func(m *scan.Metadata) { m.PDF([]byte(good), p, scan.ReadObjects([]byte(good))) }); field(e, "Warning") != "<none>" {
		t.Errorf("a good table: %s", field(e, "Warning"))
	}
}

func TestEncryptedPDF(t *testing.T) {
	t.Parallel()
	data := []byte("%PDF-1.6\n1 0 obj<</Type/Catalog>>endobj\n2 0 obj<</Filter/Standard/V 4/R 4/Length 128/O(" + strings.Repeat("x", 32) + ")/U(" +
		strings.Repeat("y", 32) + ")/P -4>>endobj\ntrailer<</Root 1 0 R/Encrypt 2 0 R/ID[(a)(b)]>>\n%%EOF")
	p := pdf.Open(data, pdf.DefaultLimits())
	e := metadata("pdf", func(m *scan.Metadata) { m.PDF(data, p, scan.ReadObjects(data)) })
	fields(t, e, map[string]string{"Encryption": "Standard V4.4 (128-bit)"})
	locked := false
	for _, f := range e.Fields {
		locked = locked || f.Key == "Warning" && strings.Contains(f.Value, "password protected")
	}
	same(t, "warning", locked, true)
}

func TestPackage(t *testing.T) {
	t.Parallel()
	p := &scan.Package{}
	p.Part("docProps/core.xml", []byte(`<cp:coreProperties><dc:title>T</dc:title><dc:creator>Administrator</dc:creator><cp:lastModifiedBy/>
<dcterms:created xsi:type="dcterms:W3CDTF">2026-01-31T12:00:00Z</dcterms:created></cp:coreProperties>`))
	p.Part("docProps/app.xml", []byte(`<Properties><Template>TM16390866</Template><TotalTime>0</TotalTime><Application>Go Excelize</Application>
<TitlesOfParts><vt:vector size="2"><vt:lpstr>Data</vt:lpstr><vt:lpstr>Data!Print_Titles</vt:lpstr></vt:vector></TitlesOfParts>
<HLinks><vt:vector><vt:variant><vt:i4>327680</vt:i4></vt:variant><vt:variant><vt:lpwstr>cmd.vbs &amp; [IO.File]::Create</vt:lpwstr></vt:variant></vt:vector></HLinks>
<Pages>3</Pages></Properties>`))
	p.Part(`docProps\custom.xml`, []byte(`<Properties><property fmtid="{}" pid="2" name="_AssemblyLocation"><vt:lpwstr>https://a.example/x.vsto</vt:lpwstr></property></Properties>`))
	p.Part("word/document.xml", []byte(`<w:document><w:color w:val="FFFFFF"/><w:color w:val="auto"/><w:color w:themeColor="x" w:val="ff0000"/><pic:pic xmlns:pic="p"></pic:pic></w:document>`))
	p.Part("ppt/slides/slide1.xml", []byte(`<p:sld><a:t>two words</a:t><p:pic/></p:sld>`))
	e := metadata("docx", func(m *scan.Metadata) { m.Package(p) })
	fields(t, e, map[string]string{
		"Creator": "Administrator", "Title": "T", "CreateDate": "2026:01:31 12:00:00Z", "Template": "TM16390866", "TotalEditTime": "0",
		"Application": "Go Excelize", "TitlesOfParts": `["Data","Data!Print_Titles"]`, "Hyperlinks": `["cmd.vbs & [IO.File]::Create"]`,
		"Tag_AssemblyLocation": "https://a.example/x.vsto", "LastModifiedBy": "", "Pages": "3",
	})
	d := p.Docx(7, ample())
	same(t, "docx", []any{text(d.Author), d.WordCount, d.ImageCount, d.FontColors, d.WhiteTextInDoc},
		[]any{"Administrator", 7, 2, []string{"FFFFFF", "auto", "FF0000"}, true})
	s := p.Pptx([]string{"https://a.example"}, ample())
	same(t, "pptx", []any{s.SlideCount, s.WordCount, s.ImageCount, s.URLs}, []any{1, 2, 2, []string{"https://a.example"}})
}

func TestTimesOfEditing(t *testing.T) {
	t.Parallel()
	for minutes, want := range map[string]string{"0": "0", "1": "1 minute", "59": "59 minutes", "90": "1.5 hours", "2880": "2.0 days", "x": "x"} {
		p := &scan.Package{}
		p.Part("docProps/app.xml", []byte("<Properties><TotalTime>"+minutes+"</TotalTime></Properties>"))
		fields(t, metadata("docx", func(m *scan.Metadata) { m.Package(p) }), map[string]string{"TotalEditTime": want})
	}
}

func square() image.Image {
	img := image.NewPaletted(image.Rect(0, 0, 4, 3), color.Palette{color.White, color.Black})
	img.SetColorIndex(1, 1, 1)
	return img
}

// appleProfile is the header of a colour profile.
func appleProfile() []byte {
	b := make([]byte, 128)
	copy(b[36:], "acsp")
	copy(b[48:], "APPL")
	return b
}

func jpegOf(tb testing.TB) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, square(), nil); err != nil {
		tb.Fatal(err)
	}
	segment := append([]byte("ICC_PROFILE\x00\x01\x01"), appleProfile()...)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xe2}, uint16(len(segment)+2))
	comment := append([]byte{0xff, 0xfe, 0, 24}, "CREATOR: gd-jpeg v1.0\n"...)
	return bytes.Join([][]byte{b.Bytes()[:2], comment, head, segment, b.Bytes()[2:]}, nil)
}

func TestPictures(t *testing.T) {
	t.Parallel()
	data := jpegOf(t)
	e := metadata("jpg", func(m *scan.Metadata) { m.Picture(data, picture.Read(data, picture.DefaultLimits())) })
	fields(t, e, map[string]string{"ImageWidth": "4", "ImageHeight": "3", "DeviceManufacturer": "Apple Computer Inc.", "Comment": "CREATOR: gd-jpeg v1.0"})
	same(t, "size", []int{*e.ImageWidth, *e.ImageHeight}, []int{4, 3})
	var b bytes.Buffer
	if err := png.Encode(&b, square()); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	cut := whole[:len(whole)-12]
	for warning, data := range map[string][]byte{"<none>": whole, "Truncated PNG image": cut} {
		e := metadata("png", func(m *scan.Metadata) { m.Picture(data, picture.Read(data, picture.DefaultLimits())) })
		fields(t, e, map[string]string{"Warning": warning})
	}
}

func TestProfileOfPNG(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := png.Encode(&b, square()); err != nil {
		t.Fatal(err)
	}
	body := append([]byte("p\x00\x00"), deflated(appleProfile())...)
	chunk := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), append([]byte("iCCP"), body...)...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	data := bytes.Join([][]byte{b.Bytes()[:33], chunk, b.Bytes()[33:]}, nil)
	e := metadata("png", func(m *scan.Metadata) { m.Picture(data, picture.Read(data, picture.DefaultLimits())) })
	fields(t, e, map[string]string{"DeviceManufacturer": "Apple Computer Inc."})
}

func TestTrailers(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := gif.Encode(&b, square(), nil); err != nil {
		t.Fatal(err)
	}
	for name, whole := range map[string][]byte{"gif": b.Bytes(), "jpeg": jpegOf(t)} {
		mark := map[string]int{"gif": 1, "jpeg": 2}[name]
		got, rest := scan.ReadTrailer(whole)
		if got.TrailerIndex == nil || *got.TrailerIndex != len(whole)-mark || rest != nil {
			t.Errorf("%s of %d bytes: %+v, %v", name, len(whole), got, rest)
		}
		got, rest = scan.ReadTrailer(append(bytes.Clone(whole), "MZ behind"...))
		if got.TrailerIndex == nil || *got.TrailerIndex != len(whole)-mark || len(rest) != 1 || string(rest[0].Data) != "MZ behind" {
			t.Errorf("%s with something behind: %+v, %v", name, got, rest)
		}
		if got, _ := scan.ReadTrailer(whole[:len(whole)-mark]); got.TrailerIndex != nil {
			t.Errorf("%s that is cut ends at %d", name, *got.TrailerIndex)
		}
	}
}

func TestMacho(t *testing.T) {
	t.Parallel()
	b := make([]byte, 32)
	copy(b, "\xcf\xfa\xed\xfe")
	b[12], b[16] = 2, 9
	same(t, "one", *scan.ReadMacho(b), scan.Macho{Bits: 64, Commands: 9, FileType: 2, Processors: 1})
	copy(b, "\xca\xfe\xba\xbe\x00\x00\x00\x02")
	same(t, "two", *scan.ReadMacho(b), scan.Macho{Universal: true, Processors: 2})
	if scan.ReadMacho([]byte("short")) != nil || scan.ReadMacho(make([]byte, 64)) != nil {
		t.Error("what is no program was read")
	}
}

func TestZipAndShortcut(t *testing.T) {
	t.Parallel()
	entry := make([]byte, 46)
	copy(entry, "PK\x01\x02")
	le := binary.LittleEndian
	le.PutUint16(entry[10:], 8)
	le.PutUint16(entry[14:], 46<<9|1<<5|31)
	le.PutUint32(entry[20:], 1000)
	le.PutUint32(entry[24:], 600_000_000)
	le.PutUint16(entry[28:], 5)
	e := metadata("zip", func(m *scan.Metadata) { m.Zip(append(entry, "a.docPK"...)) })
	same(t, "named", []any{text(e.ZipFileName), *e.ZipUncompressedSize, *e.ZipCompressedSize}, []any{"a.doc", int64(600_000_000), int64(1000)})
	fields(t, e, map[string]string{"ZipCompression": "Deflated", "ZipModifyDate": "2026:01:31 00:00:00"})
	local := make([]byte, 30)
	copy(local, "PK\x03\x04")
	copy(local[4:], entry[6:30]) // the same, without who made it
	e = metadata("zip", func(m *scan.Metadata) { m.Zip(append(local, "a.docPK"...)) })
	same(t, "named", []any{text(e.ZipFileName), *e.ZipUncompressedSize, *e.ZipCompressedSize}, []any{"a.doc", int64(600_000_000), int64(1000)})
	fields(t, e, map[string]string{"ZipCompression": "Deflated", "ZipModifyDate": "2026:01:31 00:00:00"})
	for _, short := range [][]byte{nil, entry[:45], local[:29], []byte("PK\x05\x06" + strings.Repeat("a", 60))} {
		if e = metadata("zip", func(m *scan.Metadata) { m.Zip(short) }); e.ZipFileName != nil {
			t.Errorf("%q is called %q", short, *e.ZipFileName)
		}
	}
	l := scan.NewLNK(ample(), "/c findstr x", `C:\cmd.exe`, "", "", "")
	e = metadata("lnk", func(m *scan.Metadata) { m.Shortcut(make([]byte, 76), l, "PC") })
	fields(t, e, map[string]string{"TargetFileSize": "0", "CommandLineArguments": "/c findstr x", "MachineID": "PC", "Description": "<none>"})
	same(t, "arguments", text(e.CommandLineArguments), "/c findstr x")
}

func TestMacros(t *testing.T) {
	t.Parallel()
	source := "Sub AutoOpen()\nx = \"" + hex.EncodeToString([]byte("run calc.exe now")) + "\"\nShell \"cmd.exe\"\nGet \"http://a.example/b.exe\"\ny = \"" +
		encode([]byte("powershell -enc something")) + "\"\nEnd Sub"
	old := &ole.Document{Modules: []ole.Module{{Name: "M", Stream: "VBA/M", Source: source}}, Keywords: ole.Keywords(source)}
	o := &scan.Office{Format: "doc", Old: old}
	o.Project.Add(old)
	v := o.Project.VBA(ample())
	same(t, "hex", v.Hex, []string{"run calc.exe now"})
	same(t, "base64", v.Base64, []string{"powershell -enc something"})
	same(t, "auto", v.AutoExec, []string{"AutoOpen"})
	got := o.Oletools(ample())
	same(t, "macros", got.Indicators.VBAMacros, scan.Present{Exists: true, Risk: "high"})
	same(t, "container", got.Indicators.ContainerFormat.Value+" "+got.Indicators.FileFormat.Value, "OLE MS Word 97-2003 Document")
	same(t, "encryption", got.Indicators.Encryption, scan.Present{Risk: "none"})
	same(t, "code", strings.Contains(text(got.Macros.VBACodeAllModules), "Sub AutoOpen"), true)
	var none scan.Project
	if none.VBA(ample()) != nil {
		t.Error("a project without modules has words")
	}
}

func TestRelationships(t *testing.T) {
	t.Parallel()
	d := &ooxml.Document{Relationships: []ooxml.Relationship{
		{Type: "attachedTemplate", Target: "https://a.example/x.dotm", External: true},
		{Type: "hyperlink", Target: `file:///\\1.2.3.4\x.exe`, External: true},
		{Type: "hyperlink", Target: `C:\x`, External: true},
		{Type: "image", Target: "media/1.png"},
	}}
	got := (&scan.Office{Format: "docx", New: d}).Oletools(ample())
	var all []string
	for _, r := range got.Relationships {
		all = append(all, r.Name+" "+r.Target+" "+text(r.TargetURL))
	}
	same(t, "relationships", all, []string{
		"attachedTemplate https://a.example/x.dotm https://a.example/x.dotm", `hyperlink file:///\\1.2.3.4\x.exe file:///\\1.2.3.4\x.exe`, `hyperlink C:\x <null>`,
	})
	same(t, "count", got.Indicators.ExternalRelationships, scan.Counted{Count: 3, Risk: "high"})
}

func TestOtherResults(t *testing.T) {
	t.Parallel()
	z := scan.NewZip(ample(), []string{"a/", "a/b.exe"}, true)
	same(t, "zip", []any{z.AllPaths, z.AttemptedFiles, z.Encrypted}, []any{[]string{"a/", "a/b.exe"}, []string{"a/b.exe"}, true})
	o := scan.NewOCR([]string{"two words", "more"}, ample())
	same(t, "ocr", []any{o.Raw, o.Text}, []any{"two words\nmore", []string{"two", "words", "more"}})
	r := scan.NewOCRText([]string{"one", "two"}, ample())
	same(t, "ocr text", []any{r.Text, r.Success, len(r.PageResults)}, []any{"one\ntwo", true, 2})
	y := scan.NewYara(yara.Result{Matches: []yara.Match{{Rule: "R", Meta: []yara.Meta{{Name: "a", Value: "b"}}}}, Notes: []yara.Note{"n"}}, 5, ample())
	same(t, "yara", *y, scan.Yara{Matches: []scan.YaraMatch{{Name: "R", Meta: map[string]string{"a": "b"}}}, Flags: []string{"n"}})
	e := metadata("rar", func(m *scan.Metadata) { m.Archive([]string{"x.dll"}) })
	fields(t, e, map[string]string{"ArchivedFileName": "x.dll"})
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}
