package attachment

import (
	"context"
	"fmt"
	"image"
	"strings"

	"outrider/internal/attachment/page"
	"outrider/internal/attachment/picture"
)

// secondLook examines files after all were read: with slower tools, and only if the first
// pass found a reason.
type secondLook struct {
	tools     *Tools
	inspector *inspector
	held      int // bytes
	waiting   []node
	texts     int // pictures whose text was read
}

// Bounds of the second pass.
const (
	maxSecond     = 16       // files
	maxSecondHeld = 64 << 20 // bytes of them
	maxTexts      = 6        // pictures whose text is read; about a second each
	leastWidth    = 120      // pixels; smaller ones are logos and buttons
	leastHeight   = 32
)

// keep keeps a file that may be worth a second pass.
func (s *secondLook) keep(f *File, data []byte) {
	drawn := s.tools.pages != nil && f.Format == "pdf"
	shown := s.tools.text != nil && IsPicture(f.Format)
	if !drawn && !shown || len(s.waiting) == maxSecond || s.held+len(data) > maxSecondHeld {
		return
	}
	s.held += len(data)
	s.waiting = append(s.waiting, node{f.ID, data})
}

func (s *secondLook) run(ctx context.Context) {
	for _, n := range s.waiting {
		if ctx.Err() != nil {
			s.inspector.noteOnce(NoteWall, n.id, ctx.Err().Error())
			return
		}
		s.file(ctx, n)
	}
}

func (s *secondLook) file(ctx context.Context, n node) {
	if s.inspector.file(n.id).Document == nil {
		return // it was not opened
	}
	if s.inspector.file(n.id).Format != "pdf" {
		if img := picture.Decode(n.data, picture.DefaultLimits()); img != nil {
			s.read(ctx, n.id, n.id, img, "picture")
		}
		return
	}
	if _, ok := s.inspector.report.wantsPages(n.id); ok || s.inspector.explode != nil {
		s.pages(ctx, n)
	}
}

// pages renders the pages of a PDF, and examines them like pictures.
func (s *secondLook) pages(ctx context.Context, n node) {
	f := s.inspector.file(n.id)
	pictures, notes, err := s.tools.pages.Render(ctx, n.data, f.Password, s.tools.limits)
	if err != nil {
		s.inspector.note(NoteUnreadable, n.id, err.Error())
		return
	}
	for _, note := range notes {
		f.Document.note("pages: " + string(note))
	}
	s.show(ctx, n.id, pictures)
}

// show examines rendered pages until the time is up.
func (s *secondLook) show(ctx context.Context, id int, pictures []page.Picture) {
	d := s.inspector.file(id).Document
	wordless := len(d.Text)/max(d.Pages, 1) < littleText
	for k := range pictures {
		if ctx.Err() != nil {
			s.inspector.noteOnce(NoteWall, id, ctx.Err().Error())
			return
		}
		s.page(ctx, id, &pictures[k], wordless)
	}
}

// page finds codes on a page and, if there is a reason, reads its text.
func (s *secondLook) page(ctx context.Context, id int, p *page.Picture, wordless bool) {
	where := fmt.Sprintf("page %d", p.Number)
	codes := codesIn(p.Image)
	s.inspector.file(id).Document.codes(codes, where)
	shown := s.inspector.explode.page(id, p, codes)
	if (wordless || s.inspector.explode != nil) && s.tools.text != nil {
		s.read(ctx, id, shown, p.Image, where)
	}
}

// read adds the text in a picture to its document; shown is the file of the picture.
func (s *secondLook) read(ctx context.Context, id, shown int, img image.Image, where string) {
	if s.texts == maxTexts || img.Bounds().Dx() < leastWidth || img.Bounds().Dy() < leastHeight {
		return
	}
	s.texts++
	d := s.inspector.file(id).Document
	text, err := s.tools.text.Read(ctx, img)
	switch {
	case err != nil:
		s.inspector.note(NoteUnreadable, id, err.Error())
		return
	case text.Words > 0:
		d.text(strings.TrimSpace(d.Text + "\n\n" + text.Text))
		d.note(fmt.Sprintf("text of %s read in %s, confidence %.0f", where, text.Languages, text.Confidence))
	}
	s.inspector.explode.text(shown, text.Text)
}

// Bounds on the PDFs whose pages are rendered.
const (
	muchText   = 1500 // bytes per page; more text carries the message itself
	littleText = 40   // bytes per page
	manyShapes = 60   // the smallest code has about a hundred dark runs
)

// WantsPages returns why a PDF in the report should be examined again, by a worker that
// renders pages.
func WantsPages(r *Report) (reason string, ok bool) {
	for id := range r.Files {
		if reason, ok = r.wantsPages(id); ok {
			return reason, true
		}
	}
	return "", false
}

// wantsPages returns why the pages of a PDF should be rendered: the first pass found no
// link, and its content is not text.
func (r *Report) wantsPages(id int) (reason string, ok bool) {
	f := &r.Files[id]
	d := f.Document
	if f.Format != "pdf" || d == nil || d.Pages == 0 || len(d.URLs) > 0 || strings.Contains(d.Text, "://") || hasCode(r, id) {
		return "", false
	}
	switch text := len(d.Text) / d.Pages; {
	case text >= muchText:
		return "", false
	case d.Shapes >= manyShapes:
		return fmt.Sprintf("%d shapes and no link", d.Shapes), true
	case d.Pictures > 0:
		return fmt.Sprintf("%d pictures and no link", d.Pictures), true
	case text < littleText:
		return "neither text nor a link", true
	}
	return "", false
}

// hasCode reports whether a code was read in a document or in a picture of it.
func hasCode(r *Report, id int) bool {
	for k := range r.Files {
		f := &r.Files[k]
		if (k == id || f.Parent == id) && f.Document != nil && len(f.Document.Codes) > 0 {
			return true
		}
	}
	return false
}
