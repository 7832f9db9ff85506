package reading

import (
	"strings"
	"unicode"

	"outrider/internal/budget"
	"outrider/internal/markup"
	"outrider/internal/observable"
)

// Page is an HTML text of the message, or an attached document.
type Page struct {
	*markup.Document

	Shown     string // text that readers see, blocks on lines of their own
	Concealed string // text hidden from readers, at most maxConcealed bytes
	Links     []Link // links that a reader can follow
	URLs      []observable.URL
	DataLinks int // links and frames to data: and javascript: URLs
	ZeroWidth int // invisible characters within words
}

// maxConcealed bounds the hidden text that is kept.
const maxConcealed = 64 << 10

// NewPage reads a page that was parsed.
func NewPage(d *markup.Document, b *budget.Budget) *Page {
	p := &Page{Document: d, Shown: d.DisplayText(), Concealed: concealed(d), ZeroWidth: zeroWidth(d.InnerText())}
	for _, l := range d.Links() {
		place, ok := placeOf(l.Place)
		if !ok {
			continue
		}
		if l.Scheme == "javascript" || l.Scheme == "data" && place != observable.PlaceImage {
			p.DataLinks++
		}
		p.link(&l, place, b)
	}
	return p
}

// link keeps a link that parses as a URL.
func (p *Page) link(l *markup.Link, place observable.Place, b *budget.Budget) {
	u, ok := observable.ParseURL(l.URL)
	if !ok {
		return
	}
	u.Place, u.Text = place, strings.Join(strings.Fields(l.Text), " ")
	if l.Place == markup.PlaceAnchor || l.Place == markup.PlaceForm || l.Place == markup.PlaceRefresh || l.Place == markup.PlaceCode {
		if len(p.Links) >= maxLinks {
			b.Omit(budget.URLs)
		} else {
			p.Links = append(p.Links, Link{URL: u, Label: strings.TrimSpace(l.Text), Visible: l.Visible})
		}
	}
	if place != placeNone && u.Scheme != "data" && b.Spend(budget.URLs, 1) {
		p.URLs = append(p.URLs, u)
	}
}

// placeNone marks addresses in scripts: rules use them, signals do not.
const placeNone observable.Place = ""

// placeOf translates a place of markup; ok is false for links that people neither follow
// nor see.
func placeOf(p markup.Place) (place observable.Place, ok bool) {
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
	case markup.PlaceCode:
		return placeNone, true
	default:
		return placeNone, false
	}
}

// concealed joins the texts that are hidden from readers.
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

// zeroWidth counts invisible characters between two letters, where their only use is to
// break words for machines. Joiners have a use in several scripts. Soft hyphens count only
// in words with a piece that is no syllable: HTML, Section 4.5.27, defines them for
// hyphenation, and some writers put them into every word.
func zeroWidth(s string) int {
	n := 0
	var w cutWord
	for _, c := range s {
		switch {
		case unicode.IsLetter(c):
			w.letter(c)
		case c >= 0x80 && c != 0x200C && c != 0x200D && observable.IsInvisible(c):
			w.cut(c == 0xAD)
		default:
			n += w.count()
			w = cutWord{}
		}
	}
	return n + w.count()
}

// cutWord is one word and the invisible characters in it.
type cutWord struct {
	others, soft           int
	pending, pendingSoft   int  // after the last letter
	letters                int  // of the piece after the last soft hyphen
	vowel                  bool // the piece has a vowel
	begun, unpronounceable bool
}

func (w *cutWord) letter(c rune) {
	w.others, w.soft = w.others+w.pending, w.soft+w.pendingSoft
	if w.pendingSoft > 0 {
		w.endPiece()
	}
	w.pending, w.pendingSoft, w.begun = 0, 0, true
	w.letters++
	w.vowel = w.vowel || c >= 0x80 || strings.ContainsRune("aeiouyAEIOUY", c)
}

func (w *cutWord) cut(soft bool) {
	switch {
	case !w.begun:
	case soft:
		w.pendingSoft++
	default:
		w.pending++
	}
}

// endPiece ends a piece of the word. A syllable has at least two letters and a vowel; in
// some languages an r or l among consonants serves as the vowel.
func (w *cutWord) endPiece() {
	w.unpronounceable = w.unpronounceable || w.letters < 2 || !w.vowel && w.letters < 3
	w.letters, w.vowel = 0, false
}

func (w *cutWord) count() int {
	if w.soft > 0 {
		if w.endPiece(); w.unpronounceable {
			return w.others + w.soft
		}
	}
	return w.others
}
