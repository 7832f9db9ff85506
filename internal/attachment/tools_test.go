package attachment_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/image/font"
	"golang.org/x/image/font/inconsolata"
	"golang.org/x/image/math/fixed"

	"outrider/internal/attachment"
	"outrider/internal/attachment/ocr"
	"outrider/internal/attachment/page"
	"outrider/internal/mailtest"
)

const codeLink = "https://login.example/a?b=c"

// code returns the modules of a QR code with their margin.
func code(tb testing.TB, text string) *gozxing.BitMatrix {
	tb.Helper()
	m, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, 1, 1, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// codePicture draws a code with modules of so many pixels.
func codePicture(tb testing.TB, text string, scale int) *image.RGBA {
	tb.Helper()
	m := code(tb, text)
	img := image.NewRGBA(image.Rect(0, 0, m.GetWidth()*scale, m.GetHeight()*scale))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			img.Set(x, y, color.White)
			if m.Get(x/scale, y/scale) {
				img.Set(x, y, color.Black)
			}
		}
	}
	return img
}

func pngOf(tb testing.TB, img image.Image) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

const rulesForTests = `rule Zeta { strings: $a = "needle" condition: $a }
rule Alpha { strings: $a = "needle" nocase condition: $a }
rule Packed { strings: $a = "PK\x03\x04" condition: $a at 0 }
private rule Hidden { condition: true }`

func toolPool(tb testing.TB, s attachment.Setup) *attachment.Pool {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	p := attachment.NewPool(attachment.PoolConfig{Command: []string{self, "worker"}, Size: 1, Setup: s})
	tb.Cleanup(func() {
		if err := p.Close(); err != nil {
			tb.Error(err)
		}
	})
	return p
}

func TestRulesNameFiles(t *testing.T) {
	t.Parallel()
	p := toolPool(t, attachment.Setup{Rules: rulesForTests})
	in := attachment.Input{Name: "a.zip", Data: zipOf(t, "in.txt", "a needle here", "other.txt", "a NEEDLE", "none.txt", "hay")}
	for range 2 { // the rules stay with the worker
		r, err := p.Inspect(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.Files {
			got = append(got, fmt.Sprint(f.Name, f.Matches))
		}
		want := []string{"a.zip[Packed]", "in.txt[Alpha Zeta]", "other.txt[Alpha]", "none.txt[]"}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// Files are compared with the rules that the pool was given last, whatever worker is at hand.
func TestAPoolTakesOtherRules(t *testing.T) {
	t.Parallel()
	p := toolPool(t, attachment.Setup{Rules: rulesForTests})
	for _, tt := range []struct {
		rules string
		want  []string
	}{
		{rulesForTests, []string{"Alpha", "Zeta"}},
		{`rule Other { strings: $a = "needle" condition: $a }`, []string{"Other"}},
		{"", nil},
		{rulesForTests, []string{"Alpha", "Zeta"}},
	} {
		p.UseRules(tt.rules)
		for range 2 {
			r, err := p.Inspect(t.Context(), attachment.Input{Name: "a.txt", Data: []byte("a needle here")})
			if err != nil || !slices.Equal(r.Files[0].Matches, tt.want) {
				t.Fatalf("%s: %v, %v", tt.rules, r, err)
			}
		}
	}
}

// An idle worker ends, and another one starts on demand.
func TestIdleWorkersEnd(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := attachment.NewPool(attachment.PoolConfig{Command: []string{self, "worker"}, Size: 1, Idle: 50 * time.Millisecond})
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	for range 2 {
		if r, err := p.Inspect(t.Context(), attachment.Input{Name: "a.txt", Data: []byte("text")}); err != nil || r.Unfinished() {
			t.Fatalf("%v, %v", r, err)
		}
		late := time.After(20 * time.Second)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for p.Running() > 0 {
			select {
			case <-tick.C:
			case <-late:
				t.Fatal("the worker stays")
			}
		}
	}
}

func TestBrokenRulesAreToldAtTheStart(t *testing.T) {
	t.Parallel()
	_, err := attachment.NewTools(attachment.Setup{Rules: "rule a {\n condition: $x }"})
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
}

func TestSpentPatternsAreNoted(t *testing.T) {
	t.Parallel()
	tools, err := attachment.NewTools(attachment.Setup{Rules: `rule a { strings: $a = /x[^y]*y/ condition: $a }`})
	if err != nil {
		t.Fatal(err)
	}
	data := []byte(strings.Repeat("x", 1<<20))
	if r := tools.Inspect(t.Context(), attachment.Input{Name: "a.txt", Data: data}, attachment.DefaultLimits()); !r.Has(attachment.NotePatterns) {
		t.Errorf("notes %v", r.Notes)
	}
}

func TestNeighboursAreJoined(t *testing.T) {
	t.Parallel()
	whole := codePicture(t, codeLink, 5)
	half := whole.Rect.Dx() / 2
	left := image.NewRGBA(image.Rect(0, 0, half, whole.Rect.Dy()))
	draw.Draw(left, left.Rect, whole, image.Point{}, draw.Src)
	right := image.NewRGBA(image.Rect(0, 0, whole.Rect.Dx()-half, whole.Rect.Dy()))
	draw.Draw(right, right.Rect, whole, image.Pt(half, 0), draw.Src)
	inputs := []attachment.Input{
		{Name: "logo.txt", Data: []byte("no picture")},
		{Name: "1.png", Data: pngOf(t, left)},
		{Name: "2.png", Data: pngOf(t, right)},
	}
	reports, err := toolPool(t, attachment.Setup{}).InspectAll(t.Context(), inputs)
	if err != nil || len(reports) != 3 {
		t.Fatalf("%v, %v", reports, err)
	}
	d := reports[1].Files[0].Document
	if !slices.Equal(d.Codes, []string{codeLink}) || !slices.Contains(d.Notes, "code over two pictures") {
		t.Errorf("%+v", d)
	}
	if d := reports[2].Files[0].Document; len(d.Codes) > 0 {
		t.Errorf("the second half: %+v", d)
	}
}

func TestTooManyInputs(t *testing.T) {
	t.Parallel()
	p := toolPool(t, attachment.Setup{})
	for _, n := range []int{0, 9} {
		if r, err := p.InspectAll(t.Context(), make([]attachment.Input, n)); err == nil {
			t.Errorf("%d inputs: %v", n, r)
		}
	}
}

// letter draws lines of text.
func letter(lines ...string) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 500, 30+20*len(lines)))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	for k, line := range lines {
		d := font.Drawer{Dst: img, Src: image.Black, Face: inconsolata.Regular8x16, Dot: fixed.P(15, 30+20*k)}
		d.DrawString(line)
	}
	return img
}

func TestTextIsReadInAWorker(t *testing.T) {
	t.Parallel()
	l := page.DefaultLimits()
	text := &ocr.Config{Program: mailtest.Need(t, "tesseract", "tesseract-ocr")}
	p := toolPool(t, attachment.Setup{Pages: &l, Text: text})
	shown := letter("Your mailbox is almost full", "Sign in before Friday")
	scanned := pdfOf("/XObject<</P 5 0 R>>", []string{rawPicture(t, shown)}, "180 0 0 60 10 100 cm /P Do")
	for name, data := range map[string][]byte{"letter.png": pngOf(t, shown), "scan.pdf": scanned, "scan.zip": zipOf(t, "scan.pdf", string(scanned))} {
		r, err := p.Inspect(t.Context(), attachment.Input{Name: name, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		d := r.Files[len(r.Files)-1].Document
		if len(r.Notes) > 0 || d == nil || !strings.Contains(d.Text, "Sign in before Friday") {
			t.Errorf("%s: %+v, notes %v", name, d, r.Notes)
			continue
		}
		if !slices.ContainsFunc(d.Notes, func(s string) bool { return strings.Contains(s, "read in eng, confidence ") }) {
			t.Errorf("%s: notes %v", name, d.Notes)
		}
	}
	pagesAreFiles(t, p, scanned)
}
