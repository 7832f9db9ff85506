package evidence

import (
	"slices"

	"outrider/internal/attachment/picture"
	"outrider/internal/budget"
	"outrider/internal/markup"
	"outrider/internal/observable"
)

// Bounds on the codes that one message draws.
const (
	maxCodes    = 20 // kept
	maxDrawings = 8  // looked at; each costs up to 60 ms
)

// lookAt keeps what the QR codes say that a page draws with cells or with blocks.
func (b *body) lookAt(p *Page, l *budget.Budget) {
	for _, cells := range p.Grids() {
		if b.mayLook(l) {
			b.addCodes(picture.FromTable(cells))
		}
	}
	drawing, cut := p.Drawing()
	b.lookAtLines(drawing, cut, l)
}

// lookAtText keeps what the QR codes say that a text draws.
func (b *body) lookAtText(text string, l *budget.Budget) {
	drawing, cut := markup.DrawnLines(text)
	b.lookAtLines(drawing, cut, l)
}

func (b *body) lookAtLines(drawing string, cut bool, l *budget.Budget) {
	if cut {
		l.Omit(budget.HTMLDetails)
	}
	if drawing != "" && b.mayLook(l) {
		b.addCodes(picture.FromBlocks(drawing))
	}
}

// mayLook counts the drawings.
func (b *body) mayLook(l *budget.Budget) bool {
	if b.drawings == maxDrawings {
		l.Omit(budget.HTMLDetails)
		return false
	}
	b.drawings++
	return true
}

// addCodes keeps codes, and follows where they lead.
func (b *body) addCodes(codes []string) {
	for _, c := range codes {
		if len(b.codes) == maxCodes || slices.Contains(b.codes, c) {
			continue
		}
		b.codes = append(b.codes, c)
		if u, ok := observable.ParseURL(c); ok && u.IsWeb() {
			u.Place = observable.PlaceCode
			b.urls = append(b.urls, u)
		}
	}
}

// Codes returns what the QR codes say that the body draws without a picture, with the cells
// of a table or with characters. Where they lead is among Links.
func (e *Evidence) Codes() []string { return e.body().codes }
