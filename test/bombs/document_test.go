package bombs

import (
	"bytes"
	"compress/lzw"
	"compress/zlib"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

func documents() []bomb {
	return append(append(compounds(), packages()...), append(richTexts(), append(pdfStructures(), pdfContents()...)...)...)
}

func compounds() []bomb {
	big := bytes.Repeat([]byte("x"), 100_000)
	return []bomb{
		{"compound file whose sectors follow themselves", func() []byte {
			return oleOf(func(o *compound) { o.stream("A", big, 0xfffffff0); o.fat[len(o.fat)-1] = uint32(len(o.fat) - 2) })
		}, "broken"},
		{"compound file whose directory follows itself", func() []byte {
			return oleOf(func(o *compound) { o.stream("A", big, 100_000); o.circle = true })
		}, "broken"},
		{"compound file whose table of tables follows itself", func() []byte {
			return oleOf(func(o *compound) { o.stream("A", big, 100_000); o.difat = 1 })
		}, "broken"},
		{"compound file whose small sectors follow themselves", func() []byte {
			return oleOf(func(o *compound) { o.small("A", 4000) })
		}, silent("a small stream ends with its size")},
		{"compound file whose entries are their own children", func() []byte {
			return oleOf(func(o *compound) { o.entry("A", 1, 0, 0, 1, 1, 1) })
		}, "broken"},
		{"compound file of a thousand storages in one another", func() []byte {
			return oleOf(func(o *compound) {
				for k := range 1000 {
					o.entry(fmt.Sprint("S", k), 1, 0, 0, none, none, uint32(k+2))
				}
			})
		}, "broken"},
		{"compound file of 10,000 streams at one place", func() []byte {
			return oleOf(func(o *compound) {
				o.stream("\x01Ole10Native", bytes.Repeat([]byte{0x7f}, 4<<20), 4<<20)
				le.PutUint32(o.dirs[128+72:], 2)
				for k := range 10_000 {
					o.entry("\x01Ole10Native", 2, o.start, 4<<20, none, uint32(k+3), none)
				}
			})
		}, "broken"},
		{"workbook of a million records", func() []byte {
			return oleOf(func(o *compound) { o.stream("Workbook", bytes.Repeat([]byte("\x85\x00\x00\x00"), 900_000), 3_600_000) })
		}, silent("records without content are passed over one by one")},
		{"workbook of 300,000 formulas", func() []byte {
			formula := "\x06\x00\x1b\x00" + strings.Repeat("\x00", 20) + "\x05\x00\x17\x02\x00ab"
			return oleOf(func(o *compound) {
				o.stream("Workbook", []byte("\x09\x08\x10\x00\x00\x06\x40\x00"+strings.Repeat("\x00", 12)+strings.Repeat(formula, 100_000)), 3_000_000)
			})
		}, "over-limit"},
		{"message whose text claims 4 GB", func() []byte {
			packed := "\xf0\xff\xff\xff\xf0\xff\xff\xffLZFu\x00\x00\x00\x00" + strings.Repeat("\xff\x0f\xf1\x0f\xf1\x0f\xf1\x0f\xf1\x0f\xf1\x0f\xf1\x0f\xf1\x0f\xf1", 200_000)
			return oleOf(func(o *compound) {
				o.stream("__properties_version1.0", make([]byte, 4096), 4096)
				o.stream("__substg1.0_10090102", []byte(packed), uint32(len(packed)))
			})
		}, "bad-rtf"},
	}
}

const none = 0xffffffff

// compound is a compound file that is being made. Sector 0 and on hold the table.
type compound struct {
	fat     []uint32 // of the sectors of streams
	sectors []byte
	dirs    []byte
	start   uint32 // of the last stream
	mini    bool
	circle  bool
	difat   uint32
}

const tables = 100 // sectors of the table, 128 entries each

func oleOf(fill func(*compound)) []byte {
	o := &compound{}
	o.entry("Root Entry", 5, none-1, 0, none, none, 1)
	fill(o)
	first := o.add(o.dirs)
	if o.circle {
		o.fat[len(o.fat)-1] = first
	}
	h := make([]byte, 512)
	copy(h, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	h[26], h[28], h[29], h[30], h[32] = 3, 0xfe, 0xff, 9, 6
	le.PutUint32(h[48:], first)
	le.PutUint32(h[60:], none-1)
	le.PutUint32(h[68:], none-1)
	if o.mini {
		le.PutUint32(h[60:], tables)
	}
	for k := range 109 {
		le.PutUint32(h[76+4*k:], none)
	}
	for k := range tables {
		le.PutUint32(h[76+4*k:], uint32(k))
	}
	table := bytes.Repeat([]byte{0xff}, tables*512)
	for k, next := range o.fat {
		le.PutUint32(table[4*(tables+k):], next)
	}
	if o.difat != 0 { // the last table sector names itself as the next list
		le.PutUint32(h[68:], tables-1)
		le.PutUint32(table[len(table)-4:], tables-1)
	}
	return slices.Concat(h, table, o.sectors)
}

// add stores bytes in sectors that follow one another, and returns the first.
func (o *compound) add(b []byte) uint32 {
	o.start = uint32(tables + len(o.fat))
	for len(b) > 0 || o.start == uint32(tables+len(o.fat)) {
		part := make([]byte, 512)
		b = b[copy(part, b):]
		o.sectors = append(o.sectors, part...)
		o.fat = append(o.fat, uint32(tables+len(o.fat)+1))
	}
	o.fat[len(o.fat)-1] = none - 1
	return o.start
}

// entry adds an entry of the directory. MS-CFB, 2.6.1.
func (o *compound) entry(name string, kind byte, start, size, left, right, child uint32) {
	e := make([]byte, 128)
	units := utf16.Encode([]rune(name))
	for k, u := range units {
		le.PutUint16(e[2*k:], u)
	}
	e[64], e[66] = byte(2*len(units)+2), kind
	for k, v := range []uint32{left, right, child} {
		le.PutUint32(e[68+4*k:], v)
	}
	le.PutUint32(e[116:], start)
	le.PutUint32(e[120:], size)
	o.dirs = append(o.dirs, e...)
}

// stream adds a stream, beside the one before.
func (o *compound) stream(name string, data []byte, size uint32) {
	n := len(o.dirs) / 128
	if n > 1 {
		le.PutUint32(o.dirs[128*(n-1)+72:], uint32(n))
	}
	o.entry(name, 2, o.add(data), size, none, none, none)
}

// small adds a stream of the mini stream, whose only sector follows itself. The table of
// small sectors and the mini stream come first.
func (o *compound) small(name string, size uint32) {
	o.mini = true
	o.add(make([]byte, 512)) // entry 0 says 0
	le.PutUint32(o.dirs[116:], o.add(make([]byte, 512)))
	le.PutUint32(o.dirs[120:], 512)
	o.entry(name, 2, 0, size, none, none, none)
}

// packageOf makes an Office document of a main part and others.
func packageOf(name string, parts ...entry) []byte {
	list := []entry{
		{"[Content_Types].xml", []byte(`<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`)},
		{"_rels/.rels", []byte(`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="` + name + `"/></Relationships>`)},
	}
	return zipOf(append(list, parts...)...)
}

func document(body string) []byte {
	return packageOf("word/document.xml", entry{"word/document.xml", []byte(body)})
}

const (
	wordStart = `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`
	wordEnd   = `</w:body></w:document>`
)

func workbook(sheet, strs string) []byte {
	return packageOf("xl/workbook.xml",
		entry{"xl/workbook.xml", []byte(`<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`)},
		entry{"xl/_rels/workbook.xml.rels", []byte(`<Relationships><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`)},
		entry{"xl/worksheets/sheet1.xml", []byte(sheet)}, entry{"xl/sharedStrings.xml", []byte(strs)})
}

func packages() []bomb {
	return []bomb{
		{"workbook of a million cells", func() []byte {
			return workbook("<worksheet><sheetData><row>"+strings.Repeat(`<c r="A1"><v>1</v></c>`, 1_000_000)+"</row></sheetData></worksheet>", "<sst/>")
		}, "over-limit"},
		{"workbook of a million strings", func() []byte {
			return workbook("<worksheet/>", "<sst>"+strings.Repeat("<si><t>a</t></si>", 1_000_000)+"</sst>")
		}, "over-limit"},
		{"document of entities of entities", func() []byte {
			var b strings.Builder
			b.WriteString(`<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "ha">`)
			for k := range 30 {
				fmt.Fprintf(&b, `<!ENTITY e%d "%s">`, k+1, strings.Repeat(fmt.Sprintf("&e%d;", k), 10))
			}
			return document(b.String() + "]>" + wordStart + "<w:p><w:r><w:t>&e30;</w:t></w:r></w:p>" + wordEnd)
		}, "doctype"},
		{"document of a million elements in one another", func() []byte {
			return document(wordStart + strings.Repeat("<w:p>", 1_000_000))
		}, "over-limit"},
		{"document with a part of 60 MB", func() []byte { return document(wordStart + strings.Repeat(" ", 60<<20) + wordEnd) }, "over-limit"},
		{"document with an attribute of 10 MB", func() []byte {
			return document(wordStart + `<w:p a="` + strings.Repeat("x", 10<<20) + `"/>` + wordEnd)
		}, silent("an attribute that means nothing is passed over")},
		{"document with 20,000 relationships", func() []byte {
			rels := each(20_000, `<Relationship Id="r%[1]d" TargetMode="External" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink" Target="https://h%[1]d.example/"/>`)()
			return packageOf("word/document.xml", entry{"word/document.xml", []byte(wordStart + wordEnd)}, entry{"word/_rels/document.xml.rels", []byte("<Relationships>" + rels + "</Relationships>")})
		}, "over-limit"},
	}
}

func richTexts() []bomb {
	rtf := func(body string) func() []byte { return func() []byte { return []byte("{\\rtf1\\ansi " + body + "}") } }
	return []bomb{
		{"RTF of a million groups in one another", rtf(strings.Repeat("{", 1_000_000)), "open-groups"},
		{"RTF with an object of 10 MB", rtf("{\\object\\objemb{\\*\\objdata " + strings.Repeat("41", 5<<20) + "}}"), "bad-object"},
		{"RTF with 5,000 objects", rtf(strings.Repeat("{\\object\\objemb{\\*\\objclass Package}{\\*\\objdata 0105000002000000080000005061636b616765000000000000000000010000004100}}", 5000)), "over-limit"},
		{"RTF with binary data of 2 GB", rtf("{\\object{\\*\\objdata \\bin2147483647 x"), "open-groups"},
		{"RTF of 100,000 fields", rtf(each(100_000, "{\\field{\\*\\fldinst HYPERLINK \"https://a%d.example/\"}{\\fldrslt x}}")()), "over-limit"},
		{"RTF of a million characters by number", rtf("\\uc0" + strings.Repeat("\\u1234 ", 1_000_000)), "over-limit"},
		{"RTF of a million control words", rtf(strings.Repeat("\\b9999999999999999999", 1_000_000)), silent("they change how text looks, and nothing is left out")},
	}
}

// pdfOf writes objects from 1 on, the catalogue first, without a table of them.
func pdfOf(objects ...string) []byte {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n")
	for k, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj %s endobj\n", k+1, o)
	}
	b.WriteString("trailer<</Root 1 0 R>>\n%%EOF\n")
	return []byte(b.String())
}

func pdfStream(dict string, data []byte) string {
	return fmt.Sprintf("<<%s/Length %d>>stream\n%s\nendstream", dict, len(data), data)
}

func deflated(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// pdfPage makes a document of one page with its content and other objects, from 5 on.
func pdfPage(content string, more ...string) []byte {
	return pdfOf(append([]string{"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</XObject<</F5 5 0 R>>>>>>", content}, more...)...)
}

func pdfStructures() []bomb {
	return []bomb{
		{"PDF whose table follows itself", func() []byte {
			b := pdfOf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>")
			at := len(b)
			return fmt.Appendf(b, "xref\n0 1\n0000000000 65535 f \ntrailer<</Root 1 0 R/Size 3/Prev %[1]d/XRefStm %[1]d>>\nstartxref\n%[1]d\n%%%%EOF\n", at)
		}, silent("a table is read once")},
		{"PDF whose object streams extend one another", func() []byte {
			one := pdfStream("/Type/ObjStm/N 2/First 10/Extends 3 0 R", []byte("7 0 8 2   3 0 R 2 0 R"))
			two := pdfStream("/Type/ObjStm/N 2/First 10/Extends 2 0 R", []byte("2 0 9 2   8 0 R 7 0 R"))
			return pdfOf("<</Type/Catalog/Pages 7 0 R>>", one, two)
		}, silent("each object is read once")},
		{"PDF whose objects are one another", func() []byte { return pdfOf("2 0 R", "3 0 R", "1 0 R") }, silent("there is no document in it")},
		{"PDF whose pages are their own parents", func() []byte {
			return pdfOf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids["+strings.Repeat("2 0 R ", 1000)+"]/Count 1000>>")
		}, silent("a node is visited once")},
		{"PDF of 200,000 pages", func() []byte {
			return pdfOf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids["+each(200_000, "%d 0 R ")()+"]>>"+each(200_000, " endobj\n%d 0 obj <</Type/Page>>")())
		}, "over-limit"},
		{"PDF of a million arrays in one another", func() []byte { return pdfOf("<</Type/Catalog/A " + strings.Repeat("[", 1_000_000)) }, "broken-object"},
		{"PDF of four million arrays that never end", func() []byte { return pdfOf(strings.Repeat("1 0 obj<<[", 4_000_000)) }, "over-limit"},
		{"PDF of a million dictionaries in one another", func() []byte { return pdfOf("<</Type/Catalog" + strings.Repeat("/A<<", 1_000_000)) }, "broken-object"},
		{"PDF of 300,000 objects", func() []byte { return pdfOf(strings.Repeat("<<>> endobj\n9 0 obj ", 300_000)) }, "over-limit"},
		{"PDF whose length is itself", func() []byte { return pdfPage("<</Length 4 0 R>>stream\nBT\nendstream") }, silent("the stream is read up to its end mark")},
		{"PDF with a script of 10 MB", func() []byte {
			return pdfOf("<</Type/Catalog/OpenAction<</S/JavaScript/JS("+strings.Repeat("a=1;", 10<<18)+")>>>>", "")
		}, "over-limit"},
		{"PDF with 30,000 links", func() []byte {
			return pdfPage("<<>>", "<<>>"+each(30_000, " endobj\n1%[1]d 0 obj <</Type/Annot/Subtype/Link/A<</S/URI/URI(https://a%[1]d.example/)>>>>")())
		}, "over-limit"},
		{"PDF in PDF", nest(20, pdfOf("<</Type/Catalog>>"), func(b []byte) []byte {
			return pdfOf("<</Type/Catalog/Names<</EmbeddedFiles<</Names[(a.pdf)2 0 R]>>>>>>", "<</Type/Filespec/F(a.pdf)/EF<</F 3 0 R>>>>", pdfStream("/Type/EmbeddedFile/Filter/FlateDecode", deflated(b)))
		}), "limit-depth"},
		{"PDF whose outline goes in circles", func() []byte {
			return pdfOf("<</Type/Catalog/Outlines 2 0 R/Names 2 0 R/AcroForm<</Fields[2 0 R]>>>>", "<</First 2 0 R/Next 2 0 R/Prev 2 0 R/Kids[2 0 R 2 0 R]/A<</Next 2 0 R/S/Named>>>>")
		}, silent("an object is looked at once")},
	}
}

func pdfContents() []bomb {
	return []bomb{
		{"PDF stream of 100 MB", func() []byte {
			return pdfPage(pdfStream("/Filter[/FlateDecode/FlateDecode]", deflated(deflated(make([]byte, 100<<20)))))
		}, "over-limit"},
		{"PDF stream with a thousand filters", func() []byte {
			return pdfPage(pdfStream("/Filter["+strings.Repeat("/FlateDecode", 1000)+"]", deflated([]byte("BT"))))
		}, "bad-filter"},
		{"PDF stream of repeated runs", func() []byte {
			return pdfPage(pdfStream("/Filter[/RunLengthDecode/RunLengthDecode]", bytes.Repeat([]byte("\x81\x81"), 20_000)))
		}, "over-limit"},
		{"PDF stream of LZW", func() []byte {
			var b bytes.Buffer
			w := lzw.NewWriter(&b, lzw.MSB, 8)
			_, _ = w.Write(make([]byte, 70<<20))
			_ = w.Close()
			return pdfPage(pdfStream("/Filter/LZWDecode/DecodeParms<</EarlyChange 0>>", b.Bytes()))
		}, "over-limit"},
		{"PDF forms that draw each other twice", func() []byte {
			var forms []string
			for k := range 40 {
				next := fmt.Sprintf("F%d", k+6)
				forms = append(forms, pdfStream(fmt.Sprintf("/Type/XObject/Subtype/Form/Resources<</XObject<</%s %d 0 R>>>>", next, k+6), []byte("/"+next+" Do /"+next+" Do (x) Tj ")))
			}
			return pdfPage(pdfStream("", []byte("/F5 Do")), forms...)
		}, "over-limit"},
		{"PDF of a million saved states", func() []byte { return pdfPage(pdfStream("", bytes.Repeat([]byte("q "), 1_000_000))) }, silent("saved states beyond the depth save nothing that is shown")},
		{"PDF of a million strings", func() []byte {
			return pdfPage(pdfStream("", []byte("BT "+strings.Repeat("(text) Tj ", 1_000_000)+"ET")))
		}, "over-limit"},
		{"PDF of 300,000 rectangles", func() []byte {
			return pdfPage(pdfStream("", []byte(each(300_000, "%d 0 7 9 re f ")())))
		}, silent("shapes are counted, and drawn as far as a code needs")},
		{"PDF picture of four billion pixels", func() []byte {
			return pdfPage(pdfStream("", []byte("/F5 Do")), pdfStream("/Type/XObject/Subtype/Image/Width 65535/Height 65535/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/FlateDecode", deflated(make([]byte, 1<<20))))
		}, "limit-pictures"},
	}
}
