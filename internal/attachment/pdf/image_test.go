package pdf_test

import (
	"fmt"
	"image/color"
	"strings"
	"testing"

	"outrider/internal/attachment/pdf"
)

func TestPicture(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, dict, data, want string }{
		{"rgb", "/Width 2/Height 1/BitsPerComponent 8/ColorSpace/DeviceRGB", "\x01\x02\x03\x04\x05\x06", "010203 040506"},
		{"packed rgb", "/Width 1/Height 1/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/FlateDecode", flate("\x01\x02\x03"), "010203"},
		{"grey", "/Width 2/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray", "\x10\xff", "101010 ffffff"},
		{"grey of two bits", "/Width 4/Height 1/BitsPerComponent 2/ColorSpace/DeviceGray", "\x1b", "000000 555555 aaaaaa ffffff"},
		{"grey of sixteen bits", "/Width 1/Height 1/BitsPerComponent 16/ColorSpace/DeviceGray", "\x12\x34", "121212"},
		{"one bit", "/Width 3/Height 2/BitsPerComponent 1/ColorSpace/DeviceGray", "\xa0\x40", "ffffff 000000 ffffff 000000 ffffff 000000"},
		{"turned round", "/Width 2/Height 1/BitsPerComponent 1/ColorSpace/DeviceGray/Decode[1 0]", "\x80", "000000 ffffff"},
		{"mask", "/Width 2/Height 1/ImageMask true", "\x80", "ffffff 000000"},
		{"cmyk", "/Width 2/Height 1/BitsPerComponent 8/ColorSpace/DeviceCMYK", "\x00\x00\x00\xff\x00\x00\x00\x00", "000000 ffffff"},
		{"profile", "/Width 1/Height 1/BitsPerComponent 8/ColorSpace[/ICCBased 6 0 R]", "\x01\x02\x03", "010203"},
		{"indexed", "/Width 2/Height 1/BitsPerComponent 8/ColorSpace[/Indexed/DeviceRGB 1<0102030a0b0c>]", "\x01\x00", "0a0b0c 010203"},
		{"indexed by a bit", "/Width 2/Height 1/BitsPerComponent 1/ColorSpace[/Indexed/DeviceGray 1<00ff>]", "\x40", "000000 ffffff"},
		{"index past the palette", "/Width 1/Height 1/BitsPerComponent 8/ColorSpace[/Indexed/DeviceRGB 1<01>]", "\x01", "000000"},
		{"ink", "/Width 2/Height 1/BitsPerComponent 8/ColorSpace[/Separation/Black/DeviceCMYK 6 0 R]", "\xff\x00", "000000 ffffff"},
		{"rows are missing", "/Width 1/Height 2/BitsPerComponent 8/ColorSpace/DeviceGray", "\x01", "010101 ffffff"},
		{"more pixels than allowed", "/Width 9999/Height 9999/BitsPerComponent 8/ColorSpace/DeviceGray", "\x01", "none"},
		{"bits that no picture has", "/Width 1/Height 1/BitsPerComponent 7/ColorSpace/DeviceGray", "\x01", "none"},
		{"no size", "/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray", "\x01", "none"},
		{"jpeg", "/Width 1/Height 1/Filter/DCTDecode", "\xff\xd8", "none"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := read(shell + "6 0 obj <</N 3/Length 0>> stream\n\nendstream endobj\n7 0 obj <</Subtype/Image" + test.dict +
				fmt.Sprintf("/Length %d>> stream\n%s\nendstream endobj\n", len(test.data), test.data) + trailer)
			if len(d.Images) != 1 {
				t.Fatalf("%d pictures, notes %v", len(d.Images), d.Notes)
			}
			if got := shown(&d.Images[0]); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestInlinePicture(t *testing.T) {
	t.Parallel()
	content := "q BI /W 2 /H 1 /BPC 8 /CS /G ID \x01\x02 EI Q BI /W 1 /H 1 /BPC 8 /CS /Own /F /AHx ID 010203> EI\nBT /F1 1 Tf (text) Tj ET"
	d := read(strings.Replace(shell, "/Resources<<", "/Resources<</ColorSpace<</Own[/DeviceRGB]>>", 1) +
		fmt.Sprintf("4 0 obj <</Length %d>> stream\n%s\nendstream endobj\n", len(content), content) + trailer)
	if len(d.Images) != 2 || d.Text != "text" {
		t.Fatalf("%d pictures, text %q", len(d.Images), d.Text)
	}
	if a, b := shown(&d.Images[0]), shown(&d.Images[1]); a != "010101 020202" || b != "010203" {
		t.Errorf("got %s and %s", a, b)
	}
}

// shown lists the colours of a picture.
func shown(i *pdf.Image) string {
	img := i.Picture(1000)
	if img == nil {
		return "none"
	}
	var out []string
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			out = append(out, fmt.Sprintf("%02x%02x%02x", c.R, c.G, c.B))
		}
	}
	return strings.Join(out, " ")
}
