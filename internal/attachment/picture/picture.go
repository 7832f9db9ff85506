// Package picture extracts the content of a picture without showing it.
//
// Lures hide their text and links in pictures, since filters read text: a QR code is a link
// that only a phone follows. A picture is also the cheapest bomb, since a few bytes of
// header declare any number of pixels, so the header is checked before the rest is read.
// This package finds QR codes in many renderings, reads the metadata of the maker's tools,
// and computes hashes that match similar pictures.
//
// Standards: ISO/IEC 18004 (QR codes, by gozxing), CIPA DC-008 (Exif 2.32) over TIFF 6.0,
// PNG 3rd edition, Sections 5.3 (chunks) and 11.3.3 (textual ones), ITU-T T.81, Section
// B.1.1.4 (segments), and XMP part 1 of ISO 16684.
//
// Divergences: metadata is read from broken pictures too, entries out of bounds are left
// out, and loops between directories end the reading; each is recorded as a Note. Names of
// metadata are those of ExifTool, which public rules test for.
//
// Limits: of moving pictures and of TIFF with several pages maxFrames are searched, spread
// over all. AVIF, HEIC, JPEG XL and icons are not decoded; SVG is only searched for codes.
// Large pictures of many colours are searched in fewer ways than small ones and drawings,
// see harder.
package picture

import (
	"bytes"
	"image"
	"image/color"
)

// Limits bounds the cost of one Read.
type Limits struct {
	Pixels   int  // width times height; more are not decoded
	Side     int  // pixels; longer sides are shrunk before the search for codes
	Codes    int  // codes kept
	Centers  int  // candidates for the corner marks of codes, per attempt; the cost is cubic
	Metadata int  // fields kept
	Text     int  // bytes of one field, and of one inflated text chunk
	Hashes   bool // compute the perceptual hashes too
}

// DefaultLimits returns the limits for one picture in a worker of 256 MiB.
func DefaultLimits() Limits {
	return Limits{
		Pixels:   16_000_000, // a progressive JPEG of this size takes 240 MB at worst
		Side:     1600,       // codes of lures are a fifth of the picture
		Codes:    32,
		Centers:  96,
		Metadata: 200,
		Text:     64 << 10,
	}
}

// Note is a defect of a picture.
type Note string

// The notes of a picture.
const (
	UnknownFormat Note = "unknown-format" // no supported picture format
	TooLarge      Note = "too-large"      // more pixels than the limit, not decoded
	ManyFrames    Note = "many-frames"    // frames or pages that were not searched
	ManyScans     Note = "many-scans"     // pixels that are drawn again and again, not decoded
	Broken        Note = "broken"         // the header or the pixels do not decode
	DecoderFailed Note = "decoder-failed" // a decoder panicked
	ManyCenters   Note = "many-centers"   // more candidates for corner marks than the limit
	BadMetadata   Note = "bad-metadata"   // offsets or lengths out of bounds
	MetadataLoop  Note = "metadata-loop"  // a directory that leads to itself
)

// Picture is the content of one file.
type Picture struct {
	Format        string // png, jpeg, gif, bmp, webp, tiff, or empty
	Width, Height int    // pixels, from the header
	Codes         []Code // distinct payloads, in the order found
	Metadata      []Field
	Decoded       bool       // whether the following facts are known
	DHash, PHash  uint64     // perceptual hashes; compare by Distance
	Mean          color.RGBA // the mean colour over white
	OneColour     bool       // a spacer or a tracking pixel
	Notes         []Note     // each once
}

// Code is one QR code.
type Code struct {
	Text     string
	Corners  []image.Point // of the finder marks: bottom left, top left, top right; pixels
	Inverted bool          // drawn light on dark
	Coloured bool          // visible in one colour channel only
}

// Field is one piece of metadata.
type Field struct {
	Name  string // ExifTool's name, such as Software
	Value string // UTF-8, trimmed
}

// reading is the state of one Read.
type reading struct {
	*Picture
	limits  Limits
	centers int // candidates for corner marks so far

	framePixels int // of searched frames
}

// Read reads a picture. It never fails: undecodable data is a note.
func Read(data []byte, l Limits) *Picture {
	r := &reading{Picture: &Picture{}, limits: l}
	f := sniff(data)
	if f == nil {
		r.note(UnknownFormat)
		return r.Picture
	}
	r.Format = f.name
	r.metadata(data)
	if img := r.decode(f, data); img != nil {
		r.look(img)
	}
	if len(r.Codes) == 0 && r.Width > 0 {
		r.frames(f, data)
	}
	return r.Picture
}

// Decode returns the pixels of a picture, nil if it cannot be decoded or has too many.
func Decode(data []byte, l Limits) image.Image {
	f := sniff(data)
	if f == nil {
		return nil
	}
	return (&reading{Picture: &Picture{}, limits: l}).decode(f, data)
}

// Look takes the facts from pixels decoded elsewhere, at most Limits.Pixels.
func Look(img image.Image, l Limits) *Picture {
	b := img.Bounds()
	r := &reading{Picture: &Picture{Width: b.Dx(), Height: b.Dy()}, limits: l}
	if b.Empty() || b.Dx() > l.Pixels/b.Dy() {
		r.note(TooLarge)
		return r.Picture
	}
	r.look(img)
	return r.Picture
}

// Field returns the first value of a name, or nothing.
func (p *Picture) Field(name string) string {
	for _, f := range p.Metadata {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func (p *Picture) note(n Note) {
	for _, known := range p.Notes {
		if known == n {
			return
		}
	}
	p.Notes = append(p.Notes, n)
}

// decode returns the pixels if the header declares few enough.
func (r *reading) decode(f *format, data []byte) (img image.Image) {
	defer func() {
		if recover() != nil {
			r.note(DecoderFailed)
			img = nil
		}
	}()
	c, err := f.config(bytes.NewReader(data))
	if err != nil {
		r.note(Broken)
		return nil
	}
	r.Width, r.Height = c.Width, c.Height
	if c.Width <= 0 || c.Height <= 0 {
		r.note(Broken)
		return nil
	}
	if c.Width > r.limits.Pixels/c.Height || f.name == "webp" && largestFrame(data) > r.limits.Pixels {
		r.note(TooLarge)
		return nil
	}
	if f.name == "jpeg" && scans(data) > maxScanned/(c.Width*c.Height) {
		r.note(ManyScans)
		return nil
	}
	img, err = f.decode(bytes.NewReader(data))
	if err != nil {
		r.note(Broken)
		return nil
	}
	return img
}

// look derives the facts from the pixels.
func (r *reading) look(img image.Image) {
	p := sample(img, r.limits.Side)
	if p == nil {
		r.note(Broken)
		return
	}
	r.Decoded = true
	if r.Mean, r.OneColour = p.mean, p.oneColour; r.OneColour && !p.clear {
		return
	}
	if r.limits.Hashes {
		r.DHash, r.PHash = dhash(p.luma), phash(p.luma)
	}
	r.findCodes(p)
	if p.clear && len(r.Codes) == 0 { // a dark page makes light content visible
		dark := sampleOver(img, r.limits.Side, 0)
		r.try(dark.factor, attempt{func() *image.Gray { return dark.luma }, 1, 1, false})
	}
}
