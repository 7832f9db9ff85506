package message

import (
	"errors"
	"fmt"
	"io"
)

// ErrBadPatch is returned for a patch that does not fit the original.
var ErrBadPatch = errors.New("patch does not fit the message")

// Patch reproduces a rendition from its original later: ranges of the original and new
// bytes, in order. The empty patch is the original.
type Patch []Piece

// Piece is a range of the original, or new bytes.
type Piece struct {
	From int64  `json:"from,omitempty"`
	To   int64  `json:"to,omitempty"`
	With []byte `json:"with,omitempty"`
}

// Patch returns the patch of the rendition.
func (r *Rendition) Patch() Patch {
	p := make(Patch, 0, len(r.segments))
	for _, s := range r.segments {
		if s.with != nil {
			p = append(p, Piece{With: s.with})
		} else {
			p = append(p, Piece{From: s.from, To: s.to})
		}
	}
	return p
}

// Prepend returns the patch with bytes before everything else. size is that of the
// original.
func (p Patch) Prepend(b []byte, size int64) Patch {
	if len(p) == 0 {
		p = Patch{{To: size}}
	}
	return append(Patch{{With: b}}, p...)
}

// Size returns the number of bytes that Write writes for an original of that size.
func (p Patch) Size(original int64) int64 {
	if len(p) == 0 {
		return original
	}
	var n int64
	for _, piece := range p {
		n += piece.To - piece.From + int64(len(piece.With))
	}
	return n
}

// Write writes the rendition of an original, which it reads to its end, so that a reader
// that verifies a checksum can do so.
func (p Patch) Write(w io.Writer, original io.Reader) (n int64, err error) {
	if len(p) == 0 {
		return io.Copy(w, original)
	}
	var at int64
	for _, piece := range p {
		m, err := w.Write(piece.With)
		n += int64(m)
		if err != nil {
			return n, err
		}
		if piece.To == piece.From {
			continue
		}
		if piece.From < at || piece.To < piece.From {
			return n, fmt.Errorf("%w: range %d to %d after %d", ErrBadPatch, piece.From, piece.To, at)
		}
		copied, err := copyRange(w, original, piece.From-at, piece.To-piece.From)
		n += copied
		if err != nil {
			return n, err
		}
		at = piece.To
	}
	_, err = io.Copy(io.Discard, original)
	return n, err
}

// copyRange skips some bytes and copies the following ones.
func copyRange(w io.Writer, r io.Reader, skip, length int64) (int64, error) {
	_, err := io.CopyN(io.Discard, r, skip)
	if err == nil {
		length, err = io.CopyN(w, r, length)
	} else {
		length = 0
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: it ends early", ErrBadPatch)
	}
	return length, err
}
