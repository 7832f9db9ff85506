// Package page renders the pages of a PDF.
//
// A lure may have no link and no text at all: a page that is one drawing, with a code to
// scan in it. Only a renderer shows what people see, and PDF renderers are large programs
// with a long history of vulnerabilities. This package runs PDFium inside a WebAssembly
// virtual machine without files, network or real clock, with bounded memory and time.
//
// Standards: ISO 32000-1 and 32000-2, as PDFium reads them.
//
// Divergences: forms and annotations are drawn as on a screen; scripts do not run.
//
// Limits: making a Renderer takes two to three seconds of CPU time and about 300 MB, so a
// process has one, and only if started for it. Pages beyond Limits.Pages are a note.
package page

import (
	"context"
	"fmt"
	"image"
	"io"
	"slices"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Limits bounds what one Render may cost.
type Limits struct {
	Pages int           `json:"pages"` // rendered, from the first
	Side  int           `json:"side"`  // pixels of the longer side of a picture, at most 2000
	Wall  time.Duration `json:"wall"`  // for opening the document, and for each page
}

// DefaultLimits returns the limits for one document.
func DefaultLimits() Limits {
	return Limits{
		Pages: 3,    // lures have one to five, and show their message on the first
		Side:  1600, // as picture.Limits.Side
		Wall:  3 * time.Second,
	}
}

const (
	maxSide     = 2000             // pixels
	memoryPages = 256 << 20 >> 16  // of the virtual machine, 64 KiB each
	startWall   = 30 * time.Second // for making one instance, which takes milliseconds
)

// Note is the reason why something was left out.
type Note string

// The notes of a Render.
const (
	MorePages  Note = "more-pages" // the document has more than Limits.Pages
	Late       Note = "late"       // a page, and the rest, ran out of time
	Unreadable Note = "unreadable" // PDFium cannot open the document, or a page
	Crashed    Note = "crashed"    // PDFium failed inside
	NotDrawn   Note = "not-drawn"  // a page without a size
)

// Picture is a page as seen.
type Picture struct {
	Number int // of the page, from 1
	Image  *image.RGBA
}

// Renderer renders pages. It serves one caller at a time.
type Renderer struct {
	pool pdfium.Pool
	stop context.CancelFunc
}

// Open creates a Renderer, which Close ends.
func Open() (*Renderer, error) {
	ctx, stop := context.WithCancel(context.Background())
	pool, err := webassembly.Init(webassembly.Config{
		Context: ctx, MaxTotal: 1, MaxIdle: 1, Stdout: io.Discard, Stderr: io.Discard,
		FSConfig: wazero.NewFSConfig(), // no access to this machine
		RuntimeConfig: wazero.NewRuntimeConfig().
			WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
			WithMemoryLimitPages(memoryPages).
			WithCloseOnContextDone(true),
	})
	if err != nil {
		stop()
		return nil, fmt.Errorf("starting pdfium: %w", err)
	}
	return &Renderer{pool, stop}, nil
}

// Close ends the virtual machine.
func (r *Renderer) Close() error {
	defer r.stop()
	if err := r.pool.Close(); err != nil {
		return fmt.Errorf("ending pdfium: %w", err)
	}
	return nil
}

// Render renders the first pages of a document. The password is that of the user, "" if
// none is needed. A page that cannot be rendered is a note; an error means that the
// Renderer is unusable.
func (r *Renderer) Render(ctx context.Context, data []byte, password string, l Limits) ([]Picture, []Note, error) {
	start, cancel := context.WithTimeout(ctx, startWall)
	defer cancel()
	instance, err := r.pool.GetInstanceWithContext(start)
	if err != nil {
		return nil, nil, fmt.Errorf("starting an instance of pdfium: %w", err)
	}
	d := &drawing{instance: instance, limits: l}
	defer func() { _ = instance.Close() }() // it fails after the instance was killed
	d.open(ctx, data, password)
	return d.pictures, d.notes, nil
}

// drawing is one Render.
type drawing struct {
	instance pdfium.Pdfium
	limits   Limits
	pictures []Picture
	notes    []Note
	dead     bool // the instance no longer responds
}

func (d *drawing) open(ctx context.Context, data []byte, password string) {
	var document references.FPDF_DOCUMENT
	pages := 0
	d.within(ctx, func() error {
		answer, err := d.instance.OpenDocument(&requests.OpenDocument{File: &data, Password: &password})
		if err != nil {
			return fmt.Errorf("opening: %w", err)
		}
		document = answer.Document
		count, err := d.instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: document})
		if err != nil {
			return fmt.Errorf("counting pages: %w", err)
		}
		pages = count.PageCount
		return nil
	})
	if pages > d.limits.Pages {
		d.note(MorePages)
	}
	for k := 0; k < min(pages, d.limits.Pages) && !d.dead; k++ {
		d.within(ctx, func() error { return d.page(document, k) })
	}
}

func (d *drawing) note(n Note) {
	if !slices.Contains(d.notes, n) {
		d.notes = append(d.notes, n)
	}
}

// page draws one page, counted from 0.
func (d *drawing) page(document references.FPDF_DOCUMENT, index int) error {
	side := min(d.limits.Side, maxSide)
	answer, err := d.instance.RenderPageInPixels(&requests.RenderPageInPixels{
		Page:  requests.Page{ByIndex: &requests.PageByIndex{Document: document, Index: index}},
		Width: side, Height: side,
	})
	if err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	defer answer.Cleanup()
	drawn, ok := answer.Result.RenderedImage.(*image.RGBA)
	if !ok || drawn.Rect.Empty() {
		d.note(NotDrawn)
		return nil
	}
	// The pixels are in the memory of the machine, which is freed with it.
	own := image.NewRGBA(drawn.Rect)
	copy(own.Pix, drawn.Pix)
	d.pictures = append(d.pictures, Picture{index + 1, own})
	return nil
}

// within runs one step with a time limit.
func (d *drawing) within(ctx context.Context, step func() error) {
	ctx, cancel := context.WithTimeout(ctx, d.limits.Wall)
	defer cancel()
	kill := context.AfterFunc(ctx, func() { _ = d.instance.Kill() })
	defer func() {
		crashed := recover() != nil
		switch late := !kill(); {
		case late:
			d.dead = true
			d.note(Late)
		case crashed:
			d.dead = true
			d.note(Crashed)
		}
	}()
	if err := step(); err != nil && ctx.Err() == nil {
		d.note(Unreadable)
	}
}
