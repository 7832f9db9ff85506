package evidence

import (
	"strings"
	"unicode"

	"outrider/internal/budget"
	"outrider/internal/markup"
	"outrider/internal/observable"
)

// Page is one HTML document, of the body or attached.
type Page struct {
	*markup.Document

	Shown     string // text that readers see, blocks on lines of their own
	Concealed string // text that they do not see, at most maxConcealed bytes
	URLs      []observable.URL
	DataLinks int // links and frames to data: and javascript: URLs
	ZeroWidth int // invisible characters within words
}

// maxConcealed bounds the hidden text that is kept of one document.
const maxConcealed = 64 << 10

func readPage(content string, b *budget.Budget) *Page {
	return newPage(markup.Parse(content, b), b)
}

func newPage(d *markup.Document, b *budget.Budget) *Page {
	p := &Page{Document: d, Shown: d.DisplayText(), Concealed: concealed(d), ZeroWidth: zeroWidth(d.InnerText())}
	for _, l := range d.Links() {
		place, ok := placeOf(l.Place)
		if !ok {
			continue
		}
		if l.Scheme == "javascript" || l.Scheme == "data" && place != observable.PlaceImage {
			p.DataLinks++
		}
		u, ok := observable.ParseURL(l.URL)
		if !ok || u.Scheme == "data" || !b.Spend(budget.URLs, 1) {
			continue
		}
		u.Place, u.Text = place, strings.Join(strings.Fields(l.Text), " ")
		p.URLs = append(p.URLs, u)
	}
	return p
}

// placeOf translates what a target is for. Bases, style sheets and the like neither
// load nor lead to what readers see.
func placeOf(p markup.Place) (observable.Place, bool) {
	switch p {
	case markup.PlaceAnchor:
		return observable.PlaceAnchor, true
	case markup.PlaceForm:
		return observable.PlaceForm, true
	case markup.PlaceImage, markup.PlaceBackground:
		return observable.PlaceImage, true
	case markup.PlaceFrame, markup.PlaceObject:
		return observable.PlaceFrame, true
	case markup.PlaceScript:
		return observable.PlaceScript, true
	case markup.PlaceRefresh:
		return observable.PlaceRefresh, true
	default:
		return "", false
	}
}

// concealed joins the text that no client shows. What Outlook alone hides or shows is
// left out: pages do that to look right there.
func concealed(d *markup.Document) string {
	var b strings.Builder
	for _, h := range d.Hidden() {
		if h.Why == markup.WhyComment || h.Why == markup.WhyMSOHide || b.Len()+len(h.Text) > maxConcealed {
			continue
		}
		b.WriteString(h.Text)
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}

// zeroWidth counts invisible characters between two letters, where they only serve to
// break words for machines. Joiners have a use in several scripts.
func zeroWidth(s string) int {
	n, pending, letter := 0, 0, false
	for _, c := range s {
		switch {
		case unicode.IsLetter(c):
			n += pending
			pending, letter = 0, true
		case c >= 0x80 && c != 0x200C && c != 0x200D && observable.IsInvisible(c):
			if letter {
				pending++
			}
		default:
			pending, letter = 0, false
		}
	}
	return n
}
