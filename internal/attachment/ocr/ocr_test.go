package ocr_test

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"outrider/internal/attachment/ocr"
	"outrider/internal/mailtest"
)

// written draws lines of text.
func written(tb testing.TB, ink, ground color.Color, size float64, lines ...string) *image.RGBA {
	tb.Helper()
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		tb.Fatal(err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72})
	if err != nil {
		tb.Fatal(err)
	}
	step := int(size * 1.6)
	img := image.NewRGBA(image.Rect(0, 0, 40*int(size), step*(len(lines)+1)))
	draw.Draw(img, img.Rect, image.NewUniform(ground), image.Point{}, draw.Src)
	for k, line := range lines {
		d := font.Drawer{Dst: img, Src: image.NewUniform(ink), Face: face, Dot: fixed.P(20, step*(k+1))}
		d.DrawString(line)
	}
	return img
}

func reader(tb testing.TB) *ocr.Reader {
	tb.Helper()
	r, err := ocr.Open(tb.Context(), ocr.Config{Program: mailtest.Need(tb, "tesseract", "tesseract-ocr")})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestRead(t *testing.T) {
	t.Parallel()
	r := reader(t)
	lines := []string{"Your mailbox is almost full", "Sign in before Friday to keep your messages"}
	tests := []struct {
		name string
		img  image.Image
		want []string
	}{
		{"black on white", written(t, color.Black, color.White, 24, lines...), lines},
		{"small", written(t, color.Black, color.White, 12, lines...), lines},
		{"light on dark", written(t, color.White, color.RGBA{20, 40, 90, 255}, 24, lines...), lines},
		{"on nothing", written(t, color.Black, color.Transparent, 24, lines...), lines},
		{"nothing", image.NewGray(image.Rect(0, 0, 300, 200)), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := r.Read(t.Context(), test.img)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(got.Text, want) {
					t.Errorf("%q is not in %q", want, got.Text)
				}
			}
			if len(test.want) > 0 && (got.Confidence < 70 || got.Words < 10) || len(test.want) == 0 && got.Words > 0 || got.Languages != "eng" {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	program := mailtest.Need(t, "tesseract", "tesseract-ocr")
	page := written(t, color.Black, color.White, 24, strings.Split(strings.Repeat("many words on a page\n", 60), "\n")...)
	tests := []struct {
		name string
		c    ocr.Config
		img  image.Image
		want string
	}{
		{"memory", ocr.Config{Program: program, Memory: 8 << 20}, page, "running"},
		{"clock", ocr.Config{Program: program, Wall: 50 * time.Millisecond}, page, "deadline"},
		{"no pixels", ocr.Config{Program: program}, image.NewGray(image.Rectangle{}), "without pixels"},
		{"a thread of pixels", ocr.Config{Program: program, Pixels: 1000}, image.NewGray(image.Rect(0, 0, 5000, 1)), "without pixels"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, err := ocr.Open(t.Context(), test.c)
			if err == nil {
				_, err = r.Read(t.Context(), test.img)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestOpenNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	program := mailtest.Need(t, "tesseract", "tesseract-ocr")
	tests := []struct {
		c    ocr.Config
		want string
	}{
		{ocr.Config{Program: "/nonexistent/tesseract"}, "no such file"},
		{ocr.Config{Program: program, Languages: []string{"eng", "xx_no"}}, `"xx_no", Debian has it in tesseract-ocr-xx-no`},
		{ocr.Config{Program: program, Languages: []string{"--version"}}, `"--version"`},
	}
	for _, test := range tests {
		if _, err := ocr.Open(t.Context(), test.c); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want %q", test.c, err, test.want)
		}
	}
}

const table = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n" +
	"1\t1\t0\t0\t0\t0\t0\t0\t640\t120\t-1\t\n" +
	"5\t1\t1\t1\t1\t1\t20\t20\t60\t18\t90\tPay\n" +
	"5\t1\t1\t1\t1\t2\t90\t20\t60\t18\t60\tnow\n" +
	"5\t1\t1\t1\t2\t1\t20\t50\t60\t18\t96.5\there\n" +
	"5\t1\t2\t1\t1\t1\t20\t90\t60\t18\t80\tBye\n"

func TestParse(t *testing.T) {
	t.Parallel()
	got := ocr.Parse([]byte(table))
	if want := "Pay now\nhere\n\nBye"; got.Text != want || got.Words != 4 || math.Abs(got.Confidence-82.77) > 0.01 {
		t.Errorf("got %+v, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(table))
	f.Add([]byte("5\t1\t1\t1\t1\t1\t0\t0\t0\t0\tNaN\tx\n5\t\t\t\t\t\t\t\t\t\t1e2\t\xff\x00y\tz\r\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		got := ocr.Parse(out)
		if len(got.Text) > 64<<10 || !utf8.ValidString(got.Text) || !(got.Confidence >= 0 && got.Confidence <= 100.001) {
			t.Errorf("%+v", got)
		}
	})
}
