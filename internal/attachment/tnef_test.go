package attachment_test

import (
	"bytes"
	"encoding/binary"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"outrider/internal/attachment"
	"outrider/internal/mailtest"
)

// tnef writes attributes as Exchange does.
type tnef struct{ bytes.Buffer }

func newTNEF() *tnef {
	t := &tnef{}
	t.Write([]byte{0x78, 0x9f, 0x3e, 0x22, 1, 0})
	return t
}

func (t *tnef) attribute(level byte, id uint32, value []byte) {
	t.WriteByte(level)
	_ = binary.Write(t, binary.LittleEndian, id)
	_ = binary.Write(t, binary.LittleEndian, uint32(len(value)))
	t.Write(value)
	t.Write([]byte{0, 0})
}

// props returns a list of one property of UTF-16 and one of bytes.
func props(id uint16, name string, binID uint16, data []byte) []byte {
	var b bytes.Buffer
	le := binary.LittleEndian
	_ = binary.Write(&b, le, uint32(2))
	var wide []byte
	for _, c := range name + "\x00" {
		wide = le.AppendUint16(wide, uint16(c))
	}
	for _, p := range []struct {
		kind, id uint16
		v        []byte
	}{{0x1f, id, wide}, {0x102, binID, data}} {
		_ = binary.Write(&b, le, []uint16{p.kind, p.id})
		_ = binary.Write(&b, le, []uint32{1, uint32(len(p.v))})
		b.Write(p.v)
		b.Write(make([]byte, -len(p.v)&3))
	}
	return b.Bytes()
}

func names(r *attachment.Report) string {
	var out []string
	for _, f := range r.Files {
		out = append(out, f.Name)
	}
	return strings.Join(out, ", ")
}

func TestTNEF(t *testing.T) {
	t.Parallel()
	w := newTNEF()
	// "MELA": RTF as it is.
	rtf := append([]byte{0, 0, 0, 0, 9, 0, 0, 0}, append([]byte("MELA"), append(make([]byte, 4), `{\rtf1 x}`...)...)...)
	w.attribute(1, 0x69003, props(0x1a, "IPM.Note", 0x1009, rtf))
	w.attribute(2, 0x69002, make([]byte, 14))
	w.attribute(2, 0x18010, []byte("INVOIC~1.JS\x00"))
	w.attribute(2, 0x6800f, []byte("WScript.Echo(1)"))
	w.attribute(2, 0x69005, props(0x3707, "invoice für.js", 0x3703, []byte(".js")))
	r := attachment.Inspect(t.Context(), attachment.Input{Name: "winmail.dat", Data: w.Bytes()}, attachment.DefaultLimits())
	if got := names(r); got != "winmail.dat, body.rtf, invoice für.js" || r.Files[1].Format != "rtf" || !r.Files[2].NameFacts.Runs {
		t.Errorf("files %s, %+v", got, r.Notes)
	}
	for n := range w.Len() { // cut anywhere
		attachment.Inspect(t.Context(), attachment.Input{Name: "winmail.dat", Data: w.Bytes()[:n]}, attachment.DefaultLimits())
	}
}

// property writes a MAPI property with its values.
func property(kind, id uint16, values ...string) string {
	le := binary.LittleEndian
	b := le.AppendUint16(le.AppendUint16(nil, kind), id)
	counted := kind&0xfff == 0x0d || kind&0xfff >= 0x1e && kind&0xfff != 0x40 && kind&0xfff != 0x48
	if counted || kind&0x1000 != 0 {
		b = le.AppendUint32(b, uint32(len(values)))
	}
	for _, v := range values {
		if counted {
			b = le.AppendUint32(b, uint32(len(v)))
		}
		b = append(b, v...)
		for counted && len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return string(b)
}

func list(properties ...string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(properties))), strings.Join(properties, "")...)
}

func TestTNEFAttachments(t *testing.T) {
	t.Parallel()
	const program = "MZ is a program of the test"
	object := strings.Repeat("i", 16) + program
	for _, tt := range []struct {
		name       string
		data       string // attAttachData
		properties []byte
		want       string // contents, in order
	}{
		{"as attribute", program, list(property(0x1f, 0x3707, utf16le("a\x00"))), program},
		{"as bytes", "", list(property(0x102, 0x3701, program)), program},
		{"as object", "", list(property(0x0d, 0x3701, object)), program},
		{"beside a placeholder", "placeholder", list(property(0x102, 0x3701, program)), "placeholder|" + program},
		{"twice the same", program, list(property(0x102, 0x3701, program)), program},
		{"after several values", "", list(property(0x1003, 0x0e28, "\x01\x00\x00\x00", "\x02\x00\x00\x00"), property(0x1002, 0x0e29, "\x01\x00"), property(0x101f, 0x3a58, utf16le("x\x00"), utf16le("yy\x00")),
			property(0x0b, 0x0e1b, "\x01\x00"), property(0x1014, 0x3a59, "12345678"), property(0x102, 0x3701, program)), program},
	} {
		w := newTNEF()
		w.attribute(2, 0x69002, make([]byte, 14))
		w.attribute(2, 0x18010, []byte("a.bin\x00"))
		if tt.data != "" {
			w.attribute(2, 0x6800f, []byte(tt.data))
		}
		w.attribute(2, 0x69005, tt.properties)
		var got []string
		attachment.Walk(t.Context(), attachment.Input{Name: "winmail.dat", Data: w.Bytes()}, attachment.DefaultLimits(), func(f *attachment.File, b []byte) {
			if f.Parent == 0 {
				got = append(got, string(b))
			}
		})
		if strings.Join(got, "|") != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestTNEFBodies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		text       string // attBody
		properties []byte
		want       string
	}{
		{"plain", "call us\x00", nil, "body.txt:call us"},
		{"plain as property", "", list(property(0x1f, 0x1000, utf16le("call us\x00"))), "body.txt:call us"},
		{"a page", "", list(property(0x102, 0x1013, "<html>x")), "body.html:<html>x"},
		{"a page as text", "", list(property(0x1f, 0x1013, utf16le("<html>x\x00"))), "body.html:<html>x"},
		{"after several values", "", list(property(0x1003, 0x8, "\x01\x00\x00\x00"), property(0x102, 0x1013, "<html>x")), "body.html:<html>x"},
		{"nothing", " \x00", nil, ""},
	} {
		w := newTNEF()
		if tt.text != "" {
			w.attribute(1, 0x2800c, []byte(tt.text))
		}
		w.attribute(1, 0x69003, tt.properties)
		r := attachment.Inspect(t.Context(), attachment.Input{Name: "winmail.dat", Data: w.Bytes()}, attachment.DefaultLimits())
		got := ""
		for _, f := range r.Files[1:] {
			if f.Source == attachment.SourceTNEFBody {
				got += f.Name + ":" + string(f.Content)
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestOneNote(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(mailtest.Data(t, "conformance"), "att_tika_archives_office")
	embedded, files := 0, 0
	err := filepath.WalkDir(filepath.Dir(dir), func(path string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".one" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		embedded += len(attachment.Inspect(t.Context(), attachment.Input{Name: d.Name(), Data: data}, attachment.DefaultLimits()).Files) - 1
		return nil
	})
	if err != nil || files < 10 || embedded < 2 {
		t.Errorf("%d files in %d notebooks, %v", embedded, files, err)
	}
	t.Logf("%d files in %d notebooks", embedded, files)
}

func TestMessageInArchive(t *testing.T) {
	t.Parallel()
	mail := "From: a@b.example\nTo: c@d.example\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>hi\n--b\n" +
		"Content-Type: application/x-msdownload; name=run.exe\nContent-Transfer-Encoding: base64\n\nTVo=\n--b--\n"
	r := attachment.Inspect(t.Context(), attachment.Input{Name: "m.eml", Data: []byte(mail)}, attachment.DefaultLimits())
	if got := names(r); got != "m.eml, part 1.html, run.exe" {
		t.Errorf("files %s (%+v)", got, r.Files)
	}
}

// A code in a picture leads where a phone follows.
func TestPictureWithCode(t *testing.T) {
	t.Parallel()
	m, err := qrcode.NewQRCodeWriter().Encode("https://walk.example.com/x", gozxing.BarcodeFormat_QR_CODE, 200, 200, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	r := attachment.Inspect(t.Context(), attachment.Input{Name: "scan me.png", Data: b.Bytes()}, attachment.DefaultLimits())
	if d := r.Files[0].Document; d == nil || len(d.Codes) != 1 || d.Codes[0] != "https://walk.example.com/x" {
		t.Errorf("%+v", d)
	}
}
