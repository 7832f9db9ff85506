package markup

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Place is the use of a target.
type Place string

// The uses of targets.
const (
	PlaceAnchor     Place = "anchor"
	PlaceForm       Place = "form"
	PlaceImage      Place = "image"
	PlaceFrame      Place = "frame"
	PlaceObject     Place = "object"
	PlaceScript     Place = "script"   // loaded as a script
	PlaceCode       Place = "code"     // written in a script or event handler
	PlaceRefresh    Place = "refresh"  // automatic redirect
	PlaceStyle      Place = "style"    // style sheets and fonts
	PlaceBackground Place = "backdrop" // backgrounds
	PlaceMedia      Place = "media"
	PlaceBase       Place = "base"
	PlacePing       Place = "ping" // notified of the click
	PlaceOther      Place = "other"
)

// Link is one target that the document can load or link to.
type Link struct {
	Href    string // as written
	URL     string // normalized as by clients, resolved against the base
	Scheme  string // in lower case, or "" for a relative target without a base
	Text    string // visible text, at most maxLinkText bytes
	Visible bool   // the element, or a part of it, is visible
	Outlook bool   // read by Outlook only: a conditional comment
	Element string // name of the element
	Attr    string // name of the attribute, or of the CSS property
	Place   Place
}

// placeOf returns the use of the target in an attribute of an element; "" for other
// attributes.
func placeOf(n *html.Node, key string) Place {
	switch key {
	case "href":
		return placeOfHref(n)
	case "src":
		return placeOfSrc(n)
	case "action", "formaction":
		return PlaceForm
	case "background":
		return PlaceBackground
	case "poster", "lowsrc", "dynsrc", "o:href":
		return PlaceImage
	case "ping":
		return PlacePing
	case "data", "codebase", "classid", "archive":
		if n.DataAtom == atom.Object || n.DataAtom == atom.Applet {
			return PlaceObject
		}
	case "longdesc", "manifest", "cite":
		return PlaceOther
	}
	return ""
}

func placeOfHref(n *html.Node) Place {
	switch n.DataAtom {
	case atom.Base:
		return PlaceBase
	case atom.Image:
		return PlaceImage
	case atom.Link:
		if rel := strings.ToLower(attr(n, "rel")); strings.Contains(rel, "stylesheet") {
			return PlaceStyle
		}
		return PlaceOther
	case atom.Script:
		return PlaceScript
	default:
	}
	switch n.Data {
	case "use", "image", "feimage", "feImage":
		return PlaceImage
	}
	return PlaceAnchor
}

func placeOfSrc(n *html.Node) Place {
	switch n.DataAtom {
	case atom.Iframe, atom.Frame:
		return PlaceFrame
	case atom.Embed:
		return PlaceObject
	case atom.Script:
		return PlaceScript
	case atom.Audio, atom.Video, atom.Source, atom.Track, atom.Bgsound:
		return PlaceMedia
	default:
		return PlaceImage
	}
}

// targets adds every target of the attributes of n, and returns the index+1 of the one
// labelled by its text, or 0.
func (v *visitor) targets(n *html.Node, st *style, shown bool) int {
	named := 0
	for i := range n.Attr {
		a := &n.Attr[i]
		switch place := placeOf(n, a.Key); {
		case place != "":
			if index := v.link(Link{Href: a.Val, Element: n.Data, Attr: a.Key, Place: place, Visible: shown}); place == PlaceAnchor {
				named = index
			}
		case a.Key == "srcset" || a.Key == "imagesrcset":
			v.srcset(n, a, shown)
		case a.Key == "style":
			v.styleTargets(n, a.Val, shown)
		case a.Key == "srcdoc":
			if st != nil && n.DataAtom == atom.Iframe {
				v.frame(a.Val, st)
			}
		case strings.HasPrefix(a.Key, "on") && len(a.Key) > 3:
			v.doc.Script.Handlers++
			v.scriptText(a.Val, n.Data, a.Key)
		default:
			v.doc.Script.attribute(a.Val)
		}
	}
	if n.DataAtom == atom.Meta && strings.EqualFold(attr(n, "http-equiv"), "refresh") {
		v.link(Link{Href: refreshTarget(attr(n, "content")), Element: n.Data, Attr: "content", Place: PlaceRefresh})
	}
	return named
}

// srcset parses image candidates: URL, descriptor, comma.
func (v *visitor) srcset(n *html.Node, a *html.Attribute, shown bool) {
	left := maxSrcset
	rest := a.Val
	for ; rest != "" && left > 0; left-- {
		rest = strings.TrimLeft(rest, " \t\r\n,")
		u, after, _ := strings.Cut(rest, " ")
		v.link(Link{Href: strings.TrimRight(u, ","), Element: n.Data, Attr: a.Key, Place: PlaceImage, Visible: shown})
		if strings.HasSuffix(u, ",") {
			rest = after
			continue
		}
		_, rest, _ = strings.Cut(after, ",")
	}
	if rest != "" {
		v.doc.tolerate(LinksCut)
	}
}

func (v *visitor) styleTargets(n *html.Node, css string, shown bool) {
	if !strings.ContainsAny(css, "(") {
		return
	}
	for property, u := range cssTargets(css) {
		v.link(Link{Href: u, Element: n.Data, Attr: property, Place: placeOfProperty(property), Visible: shown})
	}
}

func placeOfProperty(property string) Place {
	switch {
	case strings.HasPrefix(property, "background"):
		return PlaceBackground
	case property == "@import", property == "src":
		return PlaceStyle
	}
	return PlaceImage
}

// refreshTarget returns the URL of a refresh: "0; url=https://...".
func refreshTarget(content string) string {
	_, rest, ok := strings.Cut(content, "=")
	if !ok {
		return ""
	}
	return strings.Trim(strings.TrimSpace(rest), `'"`)
}

// link adds l unless it is empty, and returns its index+1, or 0.
func (v *visitor) link(l Link) int {
	if len(l.Href) > maxTarget && schemeOf(cleanTarget(l.Href[:100])) != "data" {
		v.doc.tolerate(LinksCut)
	}
	whole := l.Href
	l.Href = clip(l.Href, maxTarget)
	l.URL = cleanTarget(l.Href)
	if l.URL == "" {
		return 0
	}
	if len(v.doc.links) >= v.maxLinks {
		v.doc.tolerate(LinksCut)
		return 0
	}
	v.doc.work += len(l.Href)
	v.settleTarget(&l)
	if l.Scheme == "data" {
		v.notePicture(whole, l.Place)
	}
	l.Outlook = v.outlook
	l.Text = ""
	v.doc.links = append(v.doc.links, l)
	return len(v.doc.links)
}

// settleTarget resolves the target, or completes one that begins with a host.
func (v *visitor) settleTarget(l *Link) {
	l.Scheme = schemeOf(l.URL)
	switch {
	case l.Place == PlaceBase:
	case v.base.authority != "":
		l.URL, l.Scheme = v.base.resolve(l.URL)
	case l.Scheme == "" && startsAuthority(l.URL):
		l.URL, l.Scheme = "http://"+strings.TrimLeft(l.URL, `/\`), "http"
	case l.Scheme == "" || strings.Contains(l.Scheme, "."):
		if l.Place != PlaceAnchor && l.Place != PlaceForm && l.Place != PlaceRefresh {
			return
		}
		if url, ok := complete(l.URL); ok {
			l.URL, l.Scheme = url, "http"
		}
	}
}

// cleanTarget removes the characters that browsers remove: controls and spaces around, tabs
// and line ends within. URL Standard, Section 4.4.
func cleanTarget(s string) string {
	s = strings.TrimFunc(s, func(c rune) bool { return c <= ' ' })
	if strings.ContainsAny(s, "\t\r\n") {
		s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	}
	return s
}

// schemeOf returns the scheme of a URL in lower case, or "".
func schemeOf(s string) string {
	for i := range len(s) {
		switch c := s[i] | 0x20; {
		case c >= 'a' && c <= 'z', i > 0 && (s[i] >= '0' && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.'):
		case s[i] == ':' && i > 0:
			return strings.ToLower(s[:i])
		default:
			return ""
		}
		if i > 40 {
			return ""
		}
	}
	return ""
}
