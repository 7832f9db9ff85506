package markup

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Picture is a picture in the document itself: from a data: URL, or an SVG drawing.
type Picture struct {
	MediaType string // lower case, "image/svg+xml" for drawings
	Data      []byte
}

// Pictures returns the distinct pictures of data: URLs and the SVG drawings in the
// document, in that order. Pictures beyond maxPictures, or larger than maxPicture bytes,
// are left out and recorded in Tolerated.
func (d *Document) Pictures() []Picture {
	var out []Picture
	for _, u := range d.pictures {
		if kind, data, ok := decodeData(u); ok {
			out = append(out, Picture{MediaType: kind, Data: data})
		}
	}
	for _, n := range d.drawings {
		w := boundedWriter{}
		if html.Render(&w, n) == nil {
			out = append(out, Picture{MediaType: "image/svg+xml", Data: w.b})
		}
	}
	return out
}

// boundedWriter accepts up to maxPicture bytes.
type boundedWriter struct{ b []byte }

func (w *boundedWriter) Write(p []byte) (int, error) {
	if len(w.b)+len(p) > maxPicture {
		return 0, errLarge
	}
	w.b = append(w.b, p...)
	return len(p), nil
}

// errLarge stops rendering a drawing that is too large.
type constantError string

func (e constantError) Error() string { return string(e) }

const errLarge = constantError("the drawing is too large")

// notePicture keeps the data: URL of a picture.
func (v *visitor) notePicture(target string, place Place) {
	if place != PlaceImage && place != PlaceBackground || slices.Contains(v.doc.pictures, target) {
		return
	}
	if len(v.doc.pictures) == maxPictures || len(target) > maxPicture {
		v.doc.tolerate(PicturesCut)
		return
	}
	v.doc.pictures = append(v.doc.pictures, target)
}

// decodeData decodes a data: URL. RFC 2397, and the Fetch Standard, Section 6, which
// tolerates white space and missing padding.
func decodeData(target string) (mediaType string, data []byte, ok bool) {
	if schemeOf(clip(target, maxPreheader)) != "data" {
		return "", nil, false
	}
	head, body, ok := strings.Cut(target[len("data:"):], ",")
	if !ok {
		return "", nil, false
	}
	body = unescapePercent(body)
	mediaType, parameters, _ := strings.Cut(strings.ToLower(head), ";")
	if mediaType = strings.TrimSpace(mediaType); mediaType == "" {
		mediaType = "text/plain"
	}
	if !strings.HasSuffix(strings.TrimSpace(parameters), "base64") {
		return mediaType, []byte(body), true
	}
	body = strings.NewReplacer(" ", "", "\t", "", "\n", "", "\r", "", "\f", "", "-", "+", "_", "/").Replace(body)
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(body, "="))
	return mediaType, data, err == nil || len(data) > 0
}

// unescapePercent decodes valid escapes and keeps the rest.
func unescapePercent(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	if out, err := url.PathUnescape(s); err == nil {
		return out
	}
	var b strings.Builder
	for s != "" {
		i := nextOf(s, "%")
		b.WriteString(s[:i])
		s = s[i:]
		if len(s) >= 3 && isHex(s[1]) && isHex(s[2]) {
			c, _ := url.PathUnescape(s[:3])
			b.WriteString(c)
			s = s[3:]
		} else if s != "" {
			b.WriteByte('%')
			s = s[1:]
		}
	}
	return b.String()
}
