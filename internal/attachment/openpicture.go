package attachment

import (
	"strconv"
)

// pictures are the formats that are searched for codes.
func pictures() []string { return []string{"png", "jpg", "gif", "bmp", "webp", "tif"} }

// openPicture finds QR codes, and reads the metadata by programs and cameras.
func openPicture(i *inspector, n *node) {
	p := i.known.picture(i.file(n.id).SHA256, n.data)
	d := newDocument(p.Field("ImageDescription"), p.Field("Artist"), p.Field("Software"), p.Field("UserComment"))
	for _, c := range p.Codes {
		d.keep(&d.Codes, c.Text, 4<<10)
		if c.Inverted {
			d.note("inverted code")
		}
		if c.Coloured {
			d.note("coloured code")
		}
	}
	d.note("size " + strconv.Itoa(p.Width) + "x" + strconv.Itoa(p.Height))
	for _, note := range p.Notes {
		d.note(string(note))
	}
	i.file(n.id).Document = d
	i.explode.picture(n, p)
}

// openSVG finds the codes in a drawing.
func openSVG(i *inspector, n *node) {
	p := i.known.drawing(i.file(n.id).SHA256, n.data)
	d := newDocument("", "", "", "")
	for _, c := range p.Codes {
		d.keep(&d.Codes, c.Text, 4<<10)
	}
	for _, note := range p.Notes {
		d.note(string(note))
	}
	i.file(n.id).Document = d
}
