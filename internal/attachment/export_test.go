package attachment

import (
	"context"
	"image"
	"io"
	"time"

	"outrider/internal/attachment/page"
	"outrider/internal/attachment/scan"
)

// Internals for the tests of this package.
var (
	SevenZipAsks = sevenZipAsks
	RARRounds    = rarRounds
)

// Running returns how many workers run.
func (p *Pool) Running() (n int) {
	for range p.config.Size {
		<-p.slots
	}
	p.mu.Lock()
	n = len(p.ready)
	p.mu.Unlock()
	for range p.config.Size {
		p.slots <- struct{}{}
	}
	return n
}

// ServeUnconfined is Serve in the process of the test.
func ServeUnconfined(r io.Reader, w io.Writer) error {
	return serve(r, w, func(Setup) error { return nil })
}

// Answer returns the answer of a worker with that much time for all inputs.
func Answer(ins []Input, left time.Duration) []*Report {
	return (&Tools{}).answer(&request{Inputs: ins, Limits: DefaultLimits(), Left: left})
}

// exploding returns an inspection with the data for rules.
func exploding(visit func(*File)) *inspector {
	i := &inspector{ctx: func() error { return nil }, limits: DefaultLimits(), report: &Report{}, known: newRemembered()}
	i.explode = newExplosion(i, 1)
	i.visit = func(f *File, data []byte) {
		i.explode.file(f, data)
		if visit != nil {
			visit(f)
		}
	}
	return i
}

// InspectBroken explodes a document whose reader panics, once, when it goes on after what the
// document says.
func InspectBroken(in Input) *Report {
	i := exploding(nil)
	broken := false
	i.ctx = func() error {
		if !broken && i.report.Files[0].Document != nil {
			broken = true
			panic("broken")
		}
		return nil
	}
	i.run(in)
	return i.report
}

// ShowPages runs the second pass on rendered pages. It calls visit for each that becomes a
// file.
func ShowPages(ctx context.Context, visit func(*File), pages ...*image.RGBA) *Report {
	i := exploding(visit)
	id := i.add(File{Parent: -1, Name: "a.pdf"}, []byte("%PDF-1.4"), "")
	i.file(id).Document = newDocument("", "", "", "")
	var pictures []page.Picture
	for k, img := range pages {
		pictures = append(pictures, page.Picture{Number: k + 1, Image: img})
	}
	(&secondLook{tools: &Tools{}, inspector: i}).show(ctx, id, pictures)
	return i.report
}

// Inspect looks at the file and at what is inside, in this process and without tools. It
// never fails: what it cannot read is a note. Files that strangers sent belong into a Pool.
func Inspect(ctx context.Context, in Input, l Limits) *Report {
	return Walk(ctx, in, l, nil)
}

// Walk is Inspect, and calls visit, if not nil, once for every file that was read, with
// the bytes looked at. The bytes are valid during the call only.
func Walk(ctx context.Context, in Input, l Limits, visit func(*File, []byte)) *Report {
	return (&Tools{}).walk(ctx, in, l, visit)
}

// ExifOf returns the metadata of the input of an explosion; nil without one.
func ExifOf(r *Report) *scan.EXIF { return first(r).ExifTool }

// OletoolsOf returns the indicators and macros of the input; nil if it is no document.
func OletoolsOf(r *Report) *scan.Oletools { return first(r).Oletools }

// QROf returns the codes that the input shows; nil if it shows nothing.
func QROf(r *Report) *scan.QR { return first(r).Codes }

// OCROf returns the text that the input shows; nil if none was looked for.
func OCROf(r *Report) *scan.OCRText { return first(r).Read }

// ICSOf returns the calendar that the input is; nil if it is none.
func ICSOf(r *Report) *scan.ICS { return first(r).Calendar }

// first returns the scan of the input, empty if there is none.
func first(r *Report) *scan.Scan {
	if len(r.Files) == 0 || r.Files[0].Scan == nil {
		return &scan.Scan{}
	}
	return r.Files[0].Scan
}
