package attachment_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"outrider/internal/attachment"
	"outrider/internal/mailtest"
)

// TestMain lets the test binary be its own worker.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		if attachment.Serve(os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 2 && os.Args[1] == "dying-worker" {
		os.Exit(3)
	}
	if len(os.Args) == 2 && os.Args[1] == "hanging-worker" {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func inspect(name string, data []byte, passwords ...string) *attachment.Report {
	return attachment.Inspect(context.Background(), attachment.Input{Name: name, Data: data, Passwords: passwords}, attachment.DefaultLimits())
}

func zipOf(tb testing.TB, files ...string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for k := 0; k < len(files); k += 2 {
		f, err := w.Create(files[k])
		if err != nil {
			tb.Fatal(err)
		}
		_, _ = io.WriteString(f, files[k+1])
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestTLSHOfPublishedVectors(t *testing.T) {
	t.Parallel()
	fox := strings.TrimSuffix(strings.Repeat("The quick brown fox jumps over the lazy dog.", 6), ".")
	short := "A minimum string length must be 256 bytes! That's so much text this means it's not super useful for finding short text!"
	for text, want := range map[string]string{
		fox:                      "T1F7D0024A251C5294648A1888438D98B292C8C51161211421643460022908221DCD8551",
		short:                    "T1DFB092A1724AC2C0D3CA48452291EA04A5B75EB903A6E7577A54118FFA8148E98F9426",
		"short":                  "",
		strings.Repeat("a", 999): "",
	} {
		if got := attachment.TLSH([]byte(text)); got != want {
			t.Errorf("%.20q: %s, want %s", text, got, want)
		}
	}
	a, b := attachment.TLSH([]byte(fox)), attachment.TLSH([]byte(fox+" twice"))
	if d := attachment.TLSHDistance(a, a); d != 0 {
		t.Errorf("a digest is %d from itself", d)
	}
	if d, far := attachment.TLSHDistance(a, b), attachment.TLSHDistance(a, attachment.TLSH([]byte(short))); d >= far || d < 0 {
		t.Errorf("near %d, far %d", d, far)
	}
}

func TestFileTypes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, data, format, kind string }{
		{"a.exe", "MZ" + strings.Repeat("\x00", 58) + "\x40\x00\x00\x00PE\x00\x00", "pe", "exe"},
		{"a.pdf", "junk %PDF-1.7", "pdf", "pdf"},
		{"a.txt", "<!-- x --><html><body>", "html", "html"},
		{"a.svg", "<?xml version='1.0'?><svg xmlns='x'/>", "svg", "svg"},
		{"a.xml", "<?xml version='1.0'?><a/>", "xml", "unknown"},
		{"a.ics", "BEGIN:VCALENDAR\r\n", "ics", "ics"},
		{"a", "From: a@b\nTo: c@d\n\nhello", "eml", "unknown"},
		{"a.js", "var x = eval('1');", "js", "unknown"},
		{"a.vbs", "Set o = CreateObject(\"x\")", "vbs", "unknown"},
		{"a.ps1", "iex(new-object net.webclient)", "ps1", "unknown"},
		{"a.lnk", "L\x00\x00\x00\x01\x14\x02\x00", "lnk", "unknown"},
		{"a.docx", string(zipOf(t, "[Content_Types].xml", "x", "word/document.xml", "x")), "docx", "docx"},
		{"a.jar", string(zipOf(t, "META-INF/MANIFEST.MF", "x")), "jar", "zip"},
		{"a", "just words", "txt", "unknown"},
		{"a", "", "unknown", "unknown"},
	} {
		f := inspect(tt.name, []byte(tt.data)).Files[0]
		if f.Format != tt.format || f.Type != tt.kind {
			t.Errorf("%s %.20q: format %s, type %s", tt.name, tt.data, f.Format, f.Type)
		}
	}
}

func TestNamesThatDeceive(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]func(attachment.NameFacts) bool{
		"invoice.pdf.exe":       func(f attachment.NameFacts) bool { return f.DoubleExtension == "pdf.exe" && f.Runs },
		"ann\u202efdp.exe":      func(f attachment.NameFacts) bool { return f.Bidi },
		"a.pdf" + "       .scr": func(f attachment.NameFacts) bool { return f.Padding && f.Runs },
		"a.exe. ":               func(f attachment.NameFacts) bool { return f.TrailingSpace && f.Runs },
		"../../etc/passwd":      func(f attachment.NameFacts) bool { return f.Traversal },
		"a.png":                 func(f attachment.NameFacts) bool { return f.Mismatch },
		"honest.txt":            func(f attachment.NameFacts) bool { return f == attachment.NameFacts{} },
	} {
		if f := inspect(name, []byte("plain words")).Files[0].NameFacts; !ok(f) {
			t.Errorf("%q: %+v", name, f)
		}
	}
}

// cabOf writes a cabinet of one stored file whose header claims a size.
func cabOf(body string, claimed uint32) []byte {
	le := binary.LittleEndian
	b := append([]byte("MSCF"), make([]byte, 32)...)
	le.PutUint32(b[16:], 44)
	b[25], b[26], b[28] = 1, 1, 1
	b = append(le.AppendUint32(b, 44+16+6), 1, 0, 0, 0) // folder: data, blocks, stored
	b = append(append(le.AppendUint32(b, claimed), make([]byte, 12)...), "a.txt\x00"...)
	b = append(le.AppendUint16(le.AppendUint16(append(b, 0, 0, 0, 0), uint16(len(body))), uint16(len(body))), body...)
	return b
}

// isoOf writes an image with one file and, if loop is set, a folder that is its root.
func isoOf(body string, loop bool) []byte {
	b := make([]byte, 20*2048)
	le := binary.LittleEndian
	record := func(at, size uint32, flags byte, name string) []byte {
		r := make([]byte, 33+len(name)+1-len(name)&1)
		r[0], r[25], r[32] = byte(len(r)), flags, byte(len(name))
		le.PutUint32(r[2:], at)
		le.PutUint32(r[10:], size)
		copy(r[33:], name)
		return r
	}
	d := b[16*2048:]
	d[0] = 1
	copy(d[1:], "CD001")
	copy(d[156:], record(18, 2048, 2, "\x00"))
	copy(b[17*2048:], "\xffCD001")
	dir := record(19, uint32(len(body)), 0, "A.TXT;1")
	if loop {
		dir = append(dir, record(18, 2048, 2, "LOOP")...)
	}
	copy(b[18*2048:], dir)
	copy(b[19*2048:], body)
	return b
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func tarOf(name string, body []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: name, Size: int64(len(body)), Mode: 0o600})
	_, _ = w.Write(body)
	_ = w.Close()
	return b.Bytes()
}

func TestArchivesAreRead(t *testing.T) {
	t.Parallel()
	const body = "the inner file"
	for name, data := range map[string][]byte{
		"a.zip": zipOf(t, "in.txt", body), "a.cab": cabOf(body, uint32(len(body))), "a.iso": isoOf(body, false),
		"a.gz": gz([]byte(body)), "a.tar": tarOf("in.txt", []byte(body)), "nested.zip": zipOf(t, "a.tgz", string(gz(tarOf("x", []byte(body))))),
		"a.xz": xzOf(t, body), "a.zst": zstdOf(t, body),
		"junk.zip": append([]byte("junk before"), zipOf(t, "in.txt", body)...),
	} {
		found := false
		attachment.Walk(context.Background(), attachment.Input{Name: name, Data: data}, attachment.DefaultLimits(), func(_ *attachment.File, b []byte) {
			found = found || string(b) == body
		})
		if !found {
			t.Errorf("%s: %+v", name, inspect(name, data))
		}
	}
}

// xz4GB is the beginning of an xz whose block declares a dictionary of 4 GiB.
func xz4GB() []byte {
	sum := func(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)) }
	return append(append([]byte("\xfd7zXZ\x00"), sum([]byte{0, 1})...), sum([]byte{2, 0, 0x21, 1, 40, 0, 0, 0})...)
}

func xzOf(tb testing.TB, body string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err != nil {
		tb.Fatal(err)
	}
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	return b.Bytes()
}

func zstdOf(tb testing.TB, body string) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return w.EncodeAll([]byte(body), nil)
}

func overlapping(tb testing.TB) []byte {
	tb.Helper()
	z := zipOf(tb, "a", strings.Repeat("x", 1<<20))
	end := bytes.LastIndex(z, []byte("PK\x05\x06"))
	dir := bytes.Index(z, []byte("PK\x01\x02"))
	out := bytes.Clone(z[:dir])
	for range 1000 {
		out = append(out, z[dir:end]...)
	}
	tail := bytes.Clone(z[end:])
	binary.LittleEndian.PutUint16(tail[10:], 1000)
	binary.LittleEndian.PutUint32(tail[12:], uint32(1000*(end-dir)))
	return append(out, tail...)
}

func deep(tb testing.TB, levels int) []byte {
	tb.Helper()
	data := []byte("end")
	for range levels {
		data = zipOf(tb, "z.zip", string(data))
	}
	return data
}

func million(tb testing.TB) []byte {
	tb.Helper()
	z := zipOf(tb, "a", "x")
	dir, end := bytes.Index(z, []byte("PK\x01\x02")), bytes.LastIndex(z, []byte("PK\x05\x06"))
	out := append(bytes.Clone(z[:dir]), bytes.Repeat(z[dir:end], 1_000_000)...)
	tail := bytes.Clone(z[end:])
	binary.LittleEndian.PutUint32(tail[12:], uint32(1_000_000*(end-dir)))
	return append(out, tail...)
}

// sevenZip3GB is an unpacked header with one LZMA2 coder that declares 3 GiB.
func sevenZip3GB() []byte {
	header := []byte{1, 4, 6, 0, 1, 9, 1, 0, 7, 11, 1, 0, 1, 0x21, 0x21, 1, 39, 12, 1, 0, 0, 0}
	b := append([]byte("7z\xbc\xaf\x27\x1c\x00\x04\x00\x00\x00\x00"), make([]byte, 20)...)
	binary.LittleEndian.PutUint64(b[20:], uint64(len(header)))
	return append(b, header...)
}

func TestBombsEndWithinLimits(t *testing.T) {
	t.Parallel()
	zeros := make([]byte, 64<<20)
	huge := tarOf("a", []byte("x"))
	copy(huge[124:], "77777777777\x00")
	for _, tt := range []struct {
		name string
		data []byte
		want attachment.NoteKind
	}{
		{"nested 1000.zip", deep(t, 1000), attachment.NoteDepth},
		{"overlap.zip", overlapping(t), attachment.NoteOverlap},
		{"million.zip", million(t), attachment.NoteFiles},
		{"ratio.gz", gz(zeros), attachment.NoteTruncated},
		{"gz of gz.gz", gz(gz(zeros)), attachment.NoteTruncated},
		{"dictionary.7z", sevenZip3GB(), attachment.NoteWindow},
		{"dictionary.xz", xz4GB(), attachment.NoteWindow},
		{"size.tar", huge, attachment.NoteUnreadable},
		{"lying.cab", cabOf("x", 1<<31), ""},
		{"loop.iso", isoOf("x", true), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := attachment.DefaultLimits()
			var total int64
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			r := attachment.Walk(t.Context(), attachment.Input{Name: tt.name, Data: tt.data}, l, func(_ *attachment.File, b []byte) { total += int64(len(b)) })
			runtime.ReadMemStats(&after)
			t.Logf("%d bytes in, %d looked at, %d files, %d notes, %v, %d MiB allocated", len(tt.data), total, len(r.Files), len(r.Notes),
				time.Since(start).Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20)
			if total > l.Bytes+int64(len(tt.data))+1<<20 || len(r.Files) > l.Files || len(r.Notes) > l.Notes {
				t.Errorf("beyond the limits: %d bytes, %d files, %d notes", total, len(r.Files), len(r.Notes))
			}
			if tt.want != "" && !r.Has(tt.want) || r.Has(attachment.NotePanic) {
				t.Errorf("no %s: %+v", tt.want, r.Notes[:min(len(r.Notes), 5)])
			}
		})
	}
}

func pool(t *testing.T, argument string, l attachment.Limits) *attachment.Pool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := attachment.NewPool(attachment.PoolConfig{Command: []string{self, argument}, Size: 2, Recycle: 3, Limits: l})
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestWorkersAnswerAsTheLibraryDoes(t *testing.T) {
	t.Parallel()
	p := pool(t, "worker", attachment.DefaultLimits())
	data := zipOf(t, "in.txt", "hello")
	want, _ := json.Marshal(inspect("a.zip", data))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r, err := p.Inspect(t.Context(), attachment.Input{Name: "a.zip", Data: data})
			if got, _ := json.Marshal(r); err != nil || string(got) != string(want) {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
	wg.Wait()
}

func TestDeadWorkersAreNotes(t *testing.T) {
	t.Parallel()
	l := attachment.DefaultLimits()
	l.Wall = -2900 * time.Millisecond // the grace leaves a tenth of a second
	for argument, limits := range map[string]attachment.Limits{"dying-worker": attachment.DefaultLimits(), "hanging-worker": l} {
		r, err := pool(t, argument, limits).Inspect(t.Context(), attachment.Input{Name: "a.exe", Data: []byte("x")})
		if err != nil || !r.Has(attachment.NoteWorkerDied) || r.Files[0].Extension != "exe" {
			t.Errorf("%s: %+v, %v", argument, r, err)
		}
	}
}

func TestInspectionObeysTheTimeOfItsCaller(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if r, err := pool(t, "hanging-worker", attachment.DefaultLimits()).Inspect(ctx, attachment.Input{Name: "a.exe", Data: []byte("x")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a worker that hangs: %+v, %v", r, err)
	}
	in := attachment.Input{Name: "a.zip", Data: zipOf(t, "b.txt", "x")}
	if r := attachment.Answer([]attachment.Input{in, in}, 0); len(r) != 2 || !r[0].Has(attachment.NoteWall) || !r[1].Has(attachment.NoteWall) {
		t.Errorf("without time: %+v", r)
	}
	if r := attachment.Answer([]attachment.Input{in}, time.Minute); len(r[0].Files) != 2 || r[0].Has(attachment.NoteWall) {
		t.Errorf("with time: %+v", r[0])
	}
}

func corpus(tb testing.TB, name string) []string {
	tb.Helper()
	var out []string
	_ = filepath.WalkDir(mailtest.Data(tb, "conformance/"+name), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return nil
	})
	return out
}

func TestSuitesNeverPanic(t *testing.T) {
	t.Parallel()
	kinds := map[attachment.NoteKind]int{}
	files, inner := 0, 0
	for _, suite := range []string{"att_go_zip", "att_tika_archives_office", "att_eicar_office"} {
		for _, path := range corpus(t, suite) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r := inspect(filepath.Base(path), data, "passTika", "Tika", "tika", "test", "pass")
			files, inner = files+1, inner+len(r.Files)-1
			for _, n := range r.Notes {
				if kinds[n.Kind]++; n.Kind == attachment.NotePanic {
					t.Errorf("%s: %s", path, n.Detail)
				}
				if n.Kind != attachment.NoteMismatch {
					t.Logf("%s: %v", filepath.Base(path), n)
				}
			}
		}
	}
	t.Logf("%d files, %d inside, notes %v", files, inner, kinds)
}

func TestPasswordsOfTheMessageOpenZips(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/zipcrypto.zip")
	if err != nil {
		t.Fatal(err)
	}
	if r := inspect("a.zip", data, "wrong", "Secret77"); len(r.Files) != 2 || r.Files[1].Password != "Secret77" || r.Files[1].Unread || !r.Files[0].Encrypted {
		t.Errorf("%+v", r)
	}
	if r := inspect("a.zip", data, "wrong"); !r.Has(attachment.NotePassword) || !r.Files[1].Unread {
		t.Errorf("%+v", r)
	}
}

func TestEICARIsFoundInZips(t *testing.T) {
	t.Parallel()
	mark := []byte("EICAR" + "-STANDARD-ANTIVIRUS-TEST-FILE")
	for _, path := range corpus(t, "att_eicar_office") {
		name := filepath.Base(path)
		data, _ := os.ReadFile(path)
		found := false
		r := attachment.Walk(t.Context(), attachment.Input{Name: name, Data: data}, attachment.DefaultLimits(), func(_ *attachment.File, b []byte) {
			found = found || bytes.Contains(b, mark)
		})
		if (strings.HasSuffix(name, ".zip") || strings.Contains(name, ".com") || strings.HasSuffix(name, ".txt")) && !found {
			t.Errorf("%s: %s", name, fmt.Sprint(r.Notes))
		}
		t.Logf("%s: found %v, %d files", name, found, len(r.Files))
	}
}

func FuzzInspect(f *testing.F) {
	for _, s := range [][]byte{
		zipOf(f, "a", "x"), cabOf("x", 1), isoOf("x", true), gz([]byte("x")), tarOf("a", []byte("x")), sevenZip3GB(),
		[]byte("!<arch>\n"), []byte("Rar!\x1a\x07\x01\x00"), sevenZipStored(f, "1234", "x"), binaryBook(f),
		[]byte("a,=cmd|' /c x'!A0\n"), []byte("ActiveMime\x00\x00x\x9c\x03\x00"), []byte("<html><script>"), []byte("\xff\xfe<\x00s\x00v\x00g\x00"),
		[]byte("PK\x05\x06" + strings.Repeat("\x00", 18)), []byte("PK\x03\x04" + strings.Repeat("\x01", 40)),
		[]byte("PK\x01\x02" + strings.Repeat("\x00", 42) + "PK\x05\x06" + strings.Repeat("\x00", 8) + "\x2e\x00\x00\x00" + strings.Repeat("\x00", 6)),
		[]byte("{\\rtf1{\\object\\objupdate{\\*\\objdata 0105}}}"), pdfWith("/OpenAction 4 0 R", "<< /S /Launch /F (x) >>"),
	} {
		f.Add(s)
	}
	l := attachment.DefaultLimits()
	l.Bytes, l.FileBytes, l.Memory, l.Window, l.Passwords = 4<<20, 1<<20, 4<<20, 1<<20, 2
	f.Fuzz(func(t *testing.T, data []byte) {
		r := attachment.Inspect(t.Context(), attachment.Input{Data: data}, l)
		if r.Has(attachment.NotePanic) {
			t.Errorf("%+v", r.Notes)
		}
		for k, file := range r.Files {
			if file.ID != k || file.Parent >= k || k > 0 && file.Depth < r.Files[k-1].Depth {
				t.Errorf("file %d: %+v", k, file)
			}
		}
	})
}

func FuzzServe(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02{}\x00\x00\x00\x0f{\"inputs\":[{}]}\x00\x00\x00\x01x"))
	f.Fuzz(func(_ *testing.T, data []byte) { _ = attachment.ServeUnconfined(bytes.NewReader(data), io.Discard) })
}

func TestWorkersSurviveBombs(t *testing.T) {
	t.Parallel()
	p := pool(t, "worker", attachment.DefaultLimits())
	zeros := gz(make([]byte, 64<<20))
	for name, data := range map[string][]byte{"a.gz": zeros, "a.zip": zipOf(t, "a.gz", string(zeros), "b.gz", string(zeros), "c.gz", string(zeros)), "a.7z": sevenZip3GB()} {
		r, err := p.Inspect(t.Context(), attachment.Input{Name: name, Data: data})
		if err != nil || r.Has(attachment.NoteWorkerDied) || r.Has(attachment.NotePanic) || len(r.Notes) == 0 {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}
