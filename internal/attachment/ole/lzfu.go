package ole

import (
	"errors"
	"hash/crc32"
)

// rtfDictionary is the initial content of the window. MS-OXRTFCP, 2.1.2.1.
const rtfDictionary = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` +
	"\r\n" + `\par \pard\plain\f0\fs20\b\i\u\tab\tx`

// The kinds of packed RTF. MS-OXRTFCP, 2.1.3.1.4.
const (
	rtfStored = 0x414C454D // "MELA"
	rtfPacked = 0x75465A4C // "LZFu"
)

// The errors of UnpackRTF.
var (
	errNotRTF    = errors.New("not packed RTF")
	errRTFLength = errors.New("packed RTF is cut")
	errRTFSum    = errors.New("the checksum of packed RTF is wrong")
)

// UnpackRTF decompresses Outlook's RTF, to at most limit bytes. With an error of length or
// checksum it returns the unpacked part, since Outlook may show it.
func UnpackRTF(d []byte, limit int) ([]byte, error) {
	if len(d) < 16 {
		return nil, errNotRTF
	}
	packed, size := int64(le32(d)), int64(le32(d[4:]))
	body := d[16:]
	if packed-12 < int64(len(body)) && packed >= 12 {
		body = body[:packed-12]
	}
	switch le32(d[8:]) {
	case rtfStored:
		return body[:min(size, int64(len(body)), int64(limit))], nil
	case rtfPacked:
	default:
		return nil, errNotRTF
	}
	w := rtfWindow{left: limit}
	w.at = copy(w.ring[:], rtfDictionary)
	w.unpack(body)
	switch {
	case ^crc32.Update(^uint32(0), crc32.IEEETable, body) != le32(d[12:]):
		return w.out, errRTFSum
	case int64(len(w.out)) < size:
		return w.out, errRTFLength
	}
	return w.out, nil
}

// rtfWindow is the output, and the ring of 4 KiB that tokens refer to.
type rtfWindow struct {
	ring [4096]byte
	at   int
	out  []byte
	left int
}

// unpack reads runs of eight tokens after a byte of flags. MS-OXRTFCP, 2.2.2.
func (w *rtfWindow) unpack(b []byte) {
	for len(b) > 1 && w.left > 0 {
		flags := b[0]
		b = b[1:]
		for bit := 0; bit < 8 && len(b) > 0; bit++ {
			if flags>>bit&1 == 0 {
				w.put(b[0])
				b = b[1:]
				continue
			}
			if len(b) < 2 || !w.reference(int(b[0])<<4|int(b[1])>>4, int(b[1]&15)+2) {
				return
			}
			b = b[2:]
		}
	}
}

func (w *rtfWindow) put(c byte) {
	if w.left > 0 {
		w.out = append(w.out, c)
		w.left--
	}
	w.ring[w.at] = c
	w.at = (w.at + 1) % len(w.ring)
}

// reference copies from the ring. A reference to the write position is the end.
func (w *rtfWindow) reference(from, length int) bool {
	if from == w.at {
		return false
	}
	for k := range length {
		w.put(w.ring[(from+k)%len(w.ring)])
	}
	return true
}
