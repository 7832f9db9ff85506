package attachment

import (
	"context"

	"outrider/internal/attachment/picture"
	"outrider/internal/attachment/scan"
)

// InspectAll inspects consecutive files. A code split over two pictures is added to the
// report of the first.
func (t *Tools) InspectAll(ctx context.Context, ins []Input, l Limits) []*Report {
	t.inputs = len(ins)
	defer func() { t.inputs = 0 }()
	reports := make([]*Report, len(ins))
	for k := range ins {
		reports[k] = t.Inspect(ctx, ins[k], l)
		if k > 0 && isPictureOf(reports[k-1]) && isPictureOf(reports[k]) {
			join(reports[k-1], ins[k-1].Data, ins[k].Data)
		}
	}
	return reports
}

// isPictureOf reports whether a report is about a picture without a code.
func isPictureOf(r *Report) bool {
	f := &r.Files[0]
	return IsPicture(f.Format) && f.Document != nil && len(f.Document.Codes) == 0
}

// join searches two pictures for a split code, and reports it with the first.
func join(r *Report, a, b []byte) {
	d := r.Files[0].Document
	for _, c := range picture.Joined(a, b, picture.DefaultLimits()) {
		d.keep(&d.Codes, c.Text, 4<<10)
		d.note("code over two pictures")
	}
	if len(d.Codes) > 0 {
		codesOf(r, 0, &scan.Budget{Left: maxFacts / 8})
	}
}
