package picture_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"outrider/internal/attachment/picture"
)

const link = "https://login.example/a?b=c"

// modules returns the code of a text, one cell per module and a margin.
func modules(tb testing.TB, text string) [][]bool {
	tb.Helper()
	m, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, 1, 1, nil)
	if err != nil {
		tb.Fatal(err)
	}
	grid := make([][]bool, m.GetHeight())
	for y := range grid {
		for x := range m.GetWidth() {
			grid[y] = append(grid[y], m.Get(x, y))
		}
	}
	return grid
}

// paint draws a code.
func paint(grid [][]bool, scale int, dark, light color.Color) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, len(grid[0])*scale, len(grid)*scale))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			c := light
			if grid[y/scale][x/scale] {
				c = dark
			}
			img.Set(x, y, c)
		}
	}
	return img
}

// turn rotates by a right angle.
func turn(grid [][]bool) [][]bool {
	out := make([][]bool, len(grid[0]))
	for y := range out {
		for x := range grid {
			out[y] = append(out[y], grid[len(grid)-1-x][y])
		}
	}
	return out
}

func encode(img image.Image) []byte {
	var b bytes.Buffer
	png.Encode(&b, img)
	return b.Bytes()
}

func texts(p *picture.Picture) []string {
	var out []string
	for _, c := range p.Codes {
		out = append(out, c.Text)
	}
	slices.Sort(out)
	return out
}

func TestCodes(t *testing.T) {
	grid, other := modules(t, link), modules(t, "second")
	plain := paint(grid, 4, color.Black, color.White)
	two := image.NewRGBA(image.Rect(0, 0, 400, 200))
	draw.Draw(two, two.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(two, plain.Rect, plain, image.Point{}, draw.Src)
	second := paint(other, 5, color.Black, color.White)
	draw.Draw(two, second.Rect.Add(image.Pt(220, 10)), second, image.Point{}, draw.Src)
	var rough, anim, bitmap, tagged bytes.Buffer
	jpeg.Encode(&rough, plain, &jpeg.Options{Quality: 20})
	gif.Encode(&anim, plain, nil)
	bmp.Encode(&bitmap, plain)
	tiff.Encode(&tagged, plain, nil)
	tests := []struct {
		name string
		data []byte
		want []string
	}{
		{"plain", encode(plain), []string{link}},
		{"turned", encode(paint(turn(grid), 4, color.Black, color.White)), []string{link}},
		{"turned twice", encode(paint(turn(turn(grid)), 4, color.Black, color.White)), []string{link}},
		{"inverted", encode(paint(grid, 4, color.White, color.Black)), []string{link}},
		{"low contrast", encode(paint(grid, 4, color.Gray{120}, color.Gray{150})), []string{link}},
		{"coloured", encode(paint(grid, 4, color.RGBA{200, 0, 0, 255}, color.RGBA{0, 102, 0, 255})), []string{link}},
		{"transparent", encode(paint(grid, 4, color.Black, color.Transparent)), []string{link}},
		{"small", encode(paint(grid, 2, color.Black, color.White)), []string{link}},
		{"huge", encode(paint(grid, 60, color.Black, color.White)), []string{link}},
		{"two", encode(two), []string{link, "second"}},
		{"jpeg", rough.Bytes(), []string{link}},
		{"gif", anim.Bytes(), []string{link}},
		{"bmp", bitmap.Bytes(), []string{link}},
		{"tiff", tagged.Bytes(), []string{link}},
		{"none", encode(paint([][]bool{{true, false}, {false, true}}, 50, color.Black, color.White)), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := picture.Read(test.data, picture.DefaultLimits())
			if got := texts(p); !slices.Equal(got, test.want) || len(p.Notes) > 0 {
				t.Errorf("got %v, notes %v, want %v", got, p.Notes, test.want)
			}
			for _, c := range p.Codes {
				if len(c.Corners) != 3 || !c.Corners[1].In(image.Rect(0, 0, p.Width, p.Height)) {
					t.Errorf("corners %v", c.Corners)
				}
			}
		})
	}
}

// blocks draws a code with characters.
func blocks(grid [][]bool, half, wide bool) string {
	var b strings.Builder
	for y := 0; y < len(grid); y++ {
		for x := range grid[y] {
			n := 0
			if grid[y][x] {
				n = 3
			}
			if half {
				n &= 1
				if y+1 < len(grid) && grid[y+1][x] {
					n |= 2
				}
			}
			c := []string{" ", "▀", "▄", "█"}[n]
			b.WriteString(c)
			if wide {
				b.WriteString(c)
			}
		}
		b.WriteString("\n")
		if half {
			y++
		}
	}
	return b.String()
}

func TestDrawn(t *testing.T) {
	grid := modules(t, link)
	// Lines and columns of the margin say nothing.
	grid = slices.DeleteFunc(grid, func(row []bool) bool { return !slices.Contains(row, true) })
	tests := []struct{ name, text string }{
		{"half blocks", blocks(grid, true, false)},
		{"two to a module", blocks(grid, false, true)},
		{"one to a module", blocks(grid, false, false)},
		{"in a letter", "Dear █ friend,\nscan this:\n" + blocks(grid, true, false) + "Bye\n"},
	}
	for _, test := range tests {
		if got := picture.FromBlocks(test.text); !slices.Equal(got, []string{link}) {
			t.Errorf("%s: got %q", test.name, got)
		}
	}
	if got := picture.FromTable(grid); !slices.Equal(got, []string{link}) {
		t.Errorf("table: got %q", got)
	}
	if got := picture.FromTable([][]bool{{true}, nil}); got != nil {
		t.Errorf("tiny table: got %q", got)
	}
}

// chunk is one chunk of a PNG picture.
func chunk(kind, body string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, kind...), body...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
}

// directory is a little-endian TIFF structure of one directory of texts.
func directory(next uint32, entries ...string) string {
	head := binary.LittleEndian.AppendUint32([]byte("II*\x00"), 8)
	head = binary.LittleEndian.AppendUint16(head, uint16(len(entries)))
	at := 8 + 2 + 12*len(entries) + 4
	var tail string
	for _, e := range entries {
		head = append(head, e[:2]...)
		head = binary.LittleEndian.AppendUint16(head, 2)
		head = binary.LittleEndian.AppendUint32(head, uint32(len(e)-2))
		head = binary.LittleEndian.AppendUint32(head, uint32(at+len(tail)))
		tail += e[2:]
	}
	return string(binary.LittleEndian.AppendUint32(head, next)) + tail
}

// segment is one segment of a JPEG picture.
func segment(kind byte, body string) string {
	return string(binary.BigEndian.AppendUint16([]byte{0xff, kind}, uint16(len(body)+2))) + body
}

func TestMetadata(t *testing.T) {
	const magic = "\x89PNG\r\n\x1a\n"
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write([]byte("packed"))
	w.Close()
	exif := directory(0, "\x0f\x01Maker Inc\x00", "\x31\x01Editor 3\x00")
	tests := []struct {
		name, data, field, want string
		note                    picture.Note
	}{
		{"text", magic + chunk("tEXt", "Software\x00Tool 1"), "Software", "Tool 1", picture.Broken},
		{"packed text", magic + chunk("zTXt", "Comment\x00\x00"+z.String()), "Comment", "packed", picture.Broken},
		{"international", magic + chunk("iTXt", "Author\x00\x00\x00de\x00\x00Müller"), "Author", "Müller", picture.Broken},
		{"latin 1", magic + chunk("tEXt", "Author\x00M\xfcller"), "Author", "Müller", picture.Broken},
		{"xmp in png", magic + chunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00<x xmp:CreatorTool=\"Canva\"/>"), "CreatorTool", "Canva", ""},
		{"exif in png", magic + chunk("eXIf", exif), "Make", "Maker Inc", ""},
		{"length", magic + "\xff\xff\xff\xfftEXtSoftware\x00T", "Software", "", picture.BadMetadata},
		{"exif in jpeg", "\xff\xd8" + segment(0xe1, "Exif\x00\x00"+exif), "Software", "Editor 3", ""},
		{"xmp in jpeg", "\xff\xd8" + segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00<xmp:CreatorTool>PS</xmp:CreatorTool>"), "CreatorTool", "PS", ""},
		{"comment", "\xff\xd8" + segment(0xfe, "by hand"), "Comment", "by hand", ""},
		{"loop", directory(8, "\x0f\x01Maker Inc\x00"), "Make", "Maker Inc", picture.MetadataLoop},
		{"absurd offset", directory(0xfffffff0, "\x0f\x01Maker Inc\x00"), "Make", "Maker Inc", picture.BadMetadata},
		{"absurd count", "II*\x00\x08\x00\x00\x00\xff\xff", "Make", "", picture.BadMetadata},
	}
	for _, test := range tests {
		p := picture.Read([]byte(test.data), picture.DefaultLimits())
		if got := p.Field(test.field); got != test.want || test.note != "" && !slices.Contains(p.Notes, test.note) {
			t.Errorf("%s: got %q of %v, notes %v, want %q", test.name, got, p.Metadata, p.Notes, test.want)
		}
	}
}

// bombs are headers which promise more pixels than anything holds.
func bombs() map[string]string {
	le, be := binary.LittleEndian, binary.BigEndian
	b := make([]byte, 54)
	copy(b, "BM")
	for at, v := range map[int]uint32{10: 54, 14: 40, 18: 65000, 22: 65000} {
		le.PutUint32(b[at:], v)
	}
	b[26], b[28] = 1, 24
	dir := le.AppendUint16(le.AppendUint32([]byte("II*\x00"), 8), 5)
	for _, e := range [][2]uint16{{256, 65000}, {257, 65000}, {258, 8}, {259, 1}, {262, 1}} {
		dir = le.AppendUint32(le.AppendUint16(le.AppendUint16(dir, e[0]), 3), 1)
		dir = le.AppendUint32(dir, uint32(e[1]))
	}
	ihdr := be.AppendUint32(be.AppendUint32(nil, 65000), 65000)
	return map[string]string{
		"bmp":  string(b),
		"tiff": string(le.AppendUint32(dir, 0)),
		"png":  "\x89PNG\r\n\x1a\n" + chunk("IHDR", string(ihdr)+"\x08\x02\x00\x00\x00"),
		"gif":  "GIF89a\xe8\xfd\xe8\xfd\x00\x00\x00",
		"jpeg": "\xff\xd8" + segment(0xc0, "\x08\xfd\xe8\xfd\xe8\x01\x01\x11\x00") + segment(0xda, "\x01\x01\x00\x00\x3f\x00"),
		"webp": "RIFF\x20\x00\x00\x00WEBPVP8L\x0a\x00\x00\x00\x2f\xff\xff\xff\x0f\x00\x00\x00\x00\x00",
	}
}

func TestBombs(t *testing.T) {
	for name, data := range bombs() {
		p := picture.Read([]byte(data), picture.DefaultLimits())
		if p.Decoded || !slices.Contains(p.Notes, picture.TooLarge) {
			t.Errorf("%s: decoded %v at %dx%d, notes %v", name, p.Decoded, p.Width, p.Height, p.Notes)
		}
	}
}

// TestManyMarks gives a wall of corner marks, on which the finder takes cubic time.
func TestManyMarks(t *testing.T) {
	grid := modules(t, link)
	mark := paint(grid, 2, color.Black, color.White).SubImage(image.Rect(8, 8, 24, 24))
	img := image.NewRGBA(image.Rect(0, 0, 800, 800))
	for y := 0; y < 800; y += 16 {
		for x := 0; x < 800; x += 16 {
			draw.Draw(img, image.Rect(x, y, x+16, y+16), mark, image.Pt(8, 8), draw.Src)
		}
	}
	p := picture.Read(encode(img), picture.DefaultLimits())
	if !slices.Contains(p.Notes, picture.ManyCenters) {
		t.Errorf("notes %v", p.Notes)
	}
}

func TestHashes(t *testing.T) {
	grid := modules(t, link)
	l := picture.DefaultLimits()
	l.Hashes = true
	a := picture.Read(encode(paint(grid, 8, color.Black, color.White)), l)
	var rough bytes.Buffer
	jpeg.Encode(&rough, paint(grid, 6, color.Gray{20}, color.Gray{240}), &jpeg.Options{Quality: 40})
	b := picture.Read(rough.Bytes(), l)
	c := picture.Read(encode(paint([][]bool{{true, false, false}, {true, true, false}}, 80, color.Black, color.White)), l)
	if d := bits.OnesCount64(a.PHash ^ b.PHash); d > 10 {
		t.Errorf("phash of one picture at two sizes differs in %d bits", d)
	}
	if d := bits.OnesCount64(a.PHash ^ c.PHash); d <= 10 {
		t.Errorf("phash of two pictures differs in %d bits only", d)
	}
	spacer := picture.Read(encode(paint([][]bool{make([]bool, 20)}, 1, color.Black, color.White)), picture.DefaultLimits())
	if !spacer.OneColour || spacer.Mean != (color.RGBA{255, 255, 255, 255}) {
		t.Errorf("spacer: %+v", spacer)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(encode(paint(modules(f, link), 2, color.Black, color.White)))
	f.Add([]byte(directory(8, "\x0f\x01Maker Inc\x00")))
	for _, data := range bombs() {
		f.Add([]byte(data))
	}
	l := picture.DefaultLimits()
	l.Pixels = 1 << 16
	f.Fuzz(func(_ *testing.T, data []byte) { picture.Read(data, l) })
}
