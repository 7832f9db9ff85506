package reading

import (
	"slices"

	"outrider/internal/attachment/picture"
	"outrider/internal/budget"
	"outrider/internal/markup"
)

// Bounds on the drawn QR codes of one message.
const (
	maxCodes    = 20 // codes that are kept
	maxDrawings = 8  // drawings that are decoded; each costs up to 60 ms
)

// drawings decodes the QR codes that texts draw with cells or with characters.
type drawings struct {
	budget   *budget.Budget
	codes    []string
	searched int
}

// page decodes the codes that a page draws.
func (d *drawings) page(p *Page) {
	for _, cells := range p.Grids() {
		if d.more() {
			d.add(picture.FromTable(cells))
		}
	}
	drawing, cut := p.Drawing()
	d.lines(drawing, cut)
}

// text decodes the codes that a plain text draws.
func (d *drawings) text(s string) {
	drawing, cut := markup.DrawnLines(s)
	d.lines(drawing, cut)
}

func (d *drawings) lines(drawing string, cut bool) {
	if cut {
		d.budget.Omit(budget.HTMLDetails)
	}
	if drawing != "" && d.more() {
		d.add(picture.FromBlocks(drawing))
	}
}

// more counts a drawing and reports whether it is within the bound.
func (d *drawings) more() bool {
	if d.searched == maxDrawings {
		d.budget.Omit(budget.HTMLDetails)
		return false
	}
	d.searched++
	return true
}

func (d *drawings) add(codes []string) {
	for _, c := range codes {
		if len(d.codes) < maxCodes && !slices.Contains(d.codes, c) {
			d.codes = append(d.codes, c)
		}
	}
}
