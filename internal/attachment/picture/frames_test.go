package picture_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/tiff"

	"outrider/internal/attachment/picture"
)

// dull is a picture without a code, of the size of one.
func dull(w, h int) *image.RGBA {
	img := on(w, h, color.White, nil)
	img.Set(3, 3, color.Black)
	return img
}

func gifOf(tb testing.TB, frames ...image.Image) []byte {
	tb.Helper()
	g := &gif.GIF{}
	for _, f := range frames {
		p := image.NewPaletted(f.Bounds(), color.Palette{color.White, color.Black})
		for y := range f.Bounds().Dy() {
			for x := range f.Bounds().Dx() {
				p.Set(x, y, f.At(x, y))
			}
		}
		g.Image, g.Delay = append(g.Image, p), append(g.Delay, 10)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func pngChunk(kind, body string) string {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(out, kind+body...)
	return string(binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:])))
}

// apngOf is an animated PNG of frames that cover all of it.
func apngOf(frames ...image.Image) []byte {
	be := binary.BigEndian
	var out strings.Builder
	out.WriteString("\x89PNG\r\n\x1a\n")
	for k, f := range frames {
		control := be.AppendUint32(nil, uint32(k))
		control = be.AppendUint32(control, uint32(f.Bounds().Dx()))
		control = be.AppendUint32(control, uint32(f.Bounds().Dy()))
		control = append(control, make([]byte, 8+4+2)...)
		picture.Chunks(encode(f), func(kind string, body []byte) bool {
			switch {
			case kind == "IHDR" && k == 0:
				out.WriteString(pngChunk(kind, string(body)) + pngChunk("acTL", "\x00\x00\x00\x02\x00\x00\x00\x00") + pngChunk("fcTL", string(control)))
			case kind == "IHDR":
				out.WriteString(pngChunk("fcTL", string(control)))
			case kind == "IDAT" && k == 0:
				out.WriteString(pngChunk(kind, string(body)))
			case kind == "IDAT":
				out.WriteString(pngChunk("fdAT", "\x00\x00\x00\x09"+string(body)))
			}
			return true
		})
	}
	return []byte(out.String() + pngChunk("IEND", ""))
}

// tiffOf is two pages: the directory of the second is moved after the first file.
func tiffOf(tb testing.TB, first, second image.Image) []byte {
	tb.Helper()
	var a, b bytes.Buffer
	if err := tiff.Encode(&a, first, nil); err != nil {
		tb.Fatal(err)
	}
	if err := tiff.Encode(&b, second, nil); err != nil {
		tb.Fatal(err)
	}
	le := binary.LittleEndian
	one, two := a.Bytes(), b.Bytes()
	shift := uint32(len(one))
	at := le.Uint32(two[4:])
	for k := range int(le.Uint16(two[at:])) {
		e := two[int(at)+2+12*k:]
		if tag, kind, count := le.Uint16(e), le.Uint16(e[2:]), le.Uint32(e[4:]); tag == 273 || kind == 5 || kind == 3 && count > 2 {
			le.PutUint32(e[8:], le.Uint32(e[8:])+shift)
		}
	}
	end := int(le.Uint32(one[4:]))
	le.PutUint32(one[end+2+12*int(le.Uint16(one[end:])):], shift+at)
	return append(one, two...)
}

func TestLaterFrames(t *testing.T) {
	t.Parallel()
	code := paint(modules(t, link), 4, color.Black, color.White)
	none := dull(code.Rect.Dx(), code.Rect.Dy())
	for _, tt := range []struct {
		name string
		data []byte
		want []string
	}{
		{"GIF", gifOf(t, none, none, code), []string{link}},
		{"GIF without", gifOf(t, none, none, none), nil},
		{"GIF of 40", gifOf(t, append(slices.Repeat([]image.Image{none}, 40), code)...), []string{link}},
		{"PNG", apngOf(none, code), []string{link}},
		{"PNG without", apngOf(none, none), nil},
		{"TIFF", tiffOf(t, none, code), []string{link}},
		{"TIFF without", tiffOf(t, none, none), nil},
	} {
		p := picture.Read(tt.data, picture.DefaultLimits())
		if got := texts(p); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, notes %v, want %v", tt.name, got, p.Notes, tt.want)
		}
	}
}

func TestCodesInSVG(t *testing.T) {
	t.Parallel()
	grid := modules(t, link)
	each := func(f func(x, y int) string) string {
		var s strings.Builder
		for y, row := range grid {
			for x, dark := range row {
				if dark {
					s.WriteString(f(x, y))
				}
			}
		}
		return s.String()
	}
	rect := func(x, y int) string { return fmt.Sprintf(`<rect x="%d" y="%d" width="1" height="1"/>`, x, y) }
	lines := each(func(x, y int) string { return fmt.Sprintf("M%d %d.5h1", x, y) })
	ground := `<rect width="100%" height="100%" fill="#fff"/>`
	for _, tt := range []struct {
		name, body string
		want       []string
	}{
		{"rectangles", ground + each(rect), []string{link}},
		{"in a group", `<g transform="translate(4,4) scale(2)" fill="#000">` + each(rect) + `</g>`, []string{link}},
		{"turned", `<g transform="rotate(90)">` + each(rect) + `</g>`, []string{link}},
		{"light on dark", `<rect x="-4" y="-4" width="50" height="50"/><g style="fill:white">` + each(rect) + `</g>`, []string{link}},
		{"white on nothing", `<g fill="white">` + each(rect) + `</g>`, []string{link}},
		{"strokes of a path", `<path stroke="#000000" fill="none" d="` + lines + `"/>`, []string{link}},
		{"a filled path", `<path d="` + each(func(x, y int) string { return fmt.Sprintf("M%d,%dH%dV%dH%dz", x, y, x+1, y+1, x) }) + `"/>`, []string{link}},
		{"circles", each(func(x, y int) string { return fmt.Sprintf(`<circle cx="%d.5" cy="%d.5" r=".5"/>`, x, y) }), []string{link}},
		{"uses", `<defs><rect id="m" width="1" height="1"/></defs>` + each(func(x, y int) string { return fmt.Sprintf(`<use xlink:href="#m" x="%d" y="%d"/>`, x, y) }), []string{link}},
		{"a style sheet", `<style>.g{fill:#fff}.m{fill:#123}</style><rect class="g" x="-4" y="-4" width="50" height="50"/><g class="m">` + each(rect) + `</g>`, []string{link}},
		{"nothing that shows", `<g fill="none">` + each(rect) + `</g>`, nil},
		{"a drawing", strings.Repeat(`<rect x="1" y="2" width="9" height="3"/><path d="M1 1l4 4"/>`, 40), nil},
	} {
		p := picture.FromSVG(`<svg xmlns="http://www.w3.org/2000/svg">`+tt.body+`</svg>`, picture.DefaultLimits())
		if got := texts(p); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, notes %v, want %v", tt.name, got, p.Notes, tt.want)
		}
	}
}

func TestBlocksOfAnyWidth(t *testing.T) {
	t.Parallel()
	grid := modules(t, link)
	at := func(x, y int) bool { return y < len(grid) && x < len(grid[y]) && grid[y][x] }
	cells := func(dark, light string, lines int) string {
		var s strings.Builder
		for _, row := range grid {
			var line strings.Builder
			for _, d := range row {
				if d {
					line.WriteString(dark)
				} else {
					line.WriteString(light)
				}
			}
			s.WriteString(strings.Repeat(line.String()+"\n", lines))
		}
		return s.String()
	}
	packed := func(w, h int, char func(x, y int) rune) string {
		var s strings.Builder
		for y := 0; y < len(grid); y += h {
			for x := 0; x < len(grid[0]); x += w {
				s.WriteRune(char(x, y))
			}
			s.WriteString("\n")
		}
		return s.String()
	}
	bit := func(x, y, n int) int {
		if at(x, y) {
			return n
		}
		return 0
	}
	for _, tt := range []struct{ name, text string }{
		{"one", cells("█", " ", 1)},
		{"two", cells("██", "  ", 1)},
		{"three", cells("███", "   ", 1)},
		{"four on two lines", cells("████", "    ", 2)},
		{"six on three lines", cells("######", "      ", 3)},
		{"quarters", packed(2, 2, func(x, y int) rune {
			return []rune(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█")[bit(x, y, 1)|bit(x+1, y, 2)|bit(x, y+1, 4)|bit(x+1, y+1, 8)]
		})},
		{"dots of Braille", packed(2, 4, func(x, y int) rune {
			dots := 0
			for k, n := range [4][2]int{{1, 8}, {2, 16}, {4, 32}, {64, 128}} {
				dots |= bit(x, y+k, n[0]) | bit(x+1, y+k, n[1])
			}
			return rune(0x2800 + dots)
		})},
	} {
		if got := picture.FromBlocks(tt.text); !slices.Equal(got, []string{link}) {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	if got := picture.FromBlocks(strings.Repeat("## # ## #  # ## ## # ### #\n", 30)); got != nil {
		t.Errorf("a pattern: %v", got)
	}
}

func FuzzFromSVG(f *testing.F) {
	f.Add(`<svg><g transform="matrix(1 0 0 1 2 2)"><path d="M0 0h1v-1.5.5z" stroke="rgb(1,2,3)"/></g></svg>`)
	f.Add(`<svg><style>.a{fill:red}</style><use href="#x"/><image href="data:image/png;base64,AAAA"/></svg>`)
	l := picture.DefaultLimits()
	l.Pixels = 1 << 16
	f.Fuzz(func(_ *testing.T, text string) { picture.FromSVG(text, l) })
}
