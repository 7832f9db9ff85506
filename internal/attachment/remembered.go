package attachment

import (
	"crypto/sha256"
	"encoding/binary"
	"image"

	"outrider/internal/attachment/pdf"
	"outrider/internal/attachment/picture"
	"outrider/internal/message"
)

// remembered caches the facts of pictures by digest: logos recur in many mails, and a file
// is opened once for its facts and once for rules. It belongs to one goroutine.
type remembered struct {
	pictures map[string]*picture.Picture
	codes    map[string][]picture.Code
}

// Bounds of the cache. A full map is cleared.
const (
	maxRemembered     = 512
	maxRememberedText = 16 << 10 // bytes of metadata of one picture
)

func newRemembered() *remembered {
	return &remembered{pictures: map[string]*picture.Picture{}, codes: map[string][]picture.Code{}}
}

// picture reads a picture whose digest is known.
func (r *remembered) picture(digest string, data []byte) *picture.Picture {
	return r.remember(digest, func() *picture.Picture { return picture.Read(data, picture.DefaultLimits()) })
}

// drawing reads a drawing in SVG whose digest is known.
func (r *remembered) drawing(digest string, data []byte) *picture.Picture {
	return r.remember(digest, func() *picture.Picture {
		return picture.FromSVG(message.DecodeBytes(data, ""), picture.DefaultLimits())
	})
}

func (r *remembered) remember(digest string, read func() *picture.Picture) *picture.Picture {
	if p := r.pictures[digest]; p != nil {
		return p
	}
	p := read()
	size := 0
	for _, f := range p.Metadata {
		size += len(f.Name) + len(f.Value)
	}
	if size <= maxRememberedText {
		if len(r.pictures) >= maxRemembered {
			clear(r.pictures)
		}
		r.pictures[digest] = p
	}
	return p
}

// codesOf finds the codes in the pixels identified by key; draw returns nil without any.
func (r *remembered) codesOf(key string, draw func() image.Image) []picture.Code {
	found, ok := r.codes[key]
	if ok {
		return found
	}
	img := draw()
	if img == nil {
		return nil
	}
	if len(r.codes) >= maxRemembered {
		clear(r.codes)
	}
	found = codesIn(img)
	r.codes[key] = found
	return found
}

// rawKey identifies the pixels of a picture in a PDF.
func rawKey(img *pdf.Image) string {
	h := sha256.New()
	var head [5 * 8]byte
	for k, n := range []int{img.Width, img.Height, img.Bits, img.Components, img.Base} {
		binary.LittleEndian.PutUint64(head[8*k:], uint64(n))
	}
	h.Write(head[:])
	if img.Inverted {
		h.Write([]byte{1})
	}
	h.Write(img.Palette)
	h.Write(img.Data)
	return string(h.Sum(nil))
}
