package attachment

import (
	"context"
	"image"
	"io"
	"time"

	"outrider/internal/attachment/page"
)

// What the tests of this package reach inside for.
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

// Answer is what a worker says that has so much time for all inputs.
func Answer(ins []Input, left time.Duration) []*Report {
	return (&Tools{}).answer(&request{Inputs: ins, Limits: DefaultLimits(), Left: left})
}

// exploding returns an inspection that tells what rules ask about.
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

// InspectBroken explodes a document whose reader panics, once, when it goes on behind what the
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

// ShowPages makes of pages that were drawn what a second look does. Visit is told of each that
// becomes a file.
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
