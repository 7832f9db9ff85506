package pdf

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"io"
	"math/bits"
)

// spend takes n bytes of the decoding budget.
func (r *reader) spend(n int) bool {
	if int64(n) > r.left {
		r.left = 0
		r.doc.note(OverLimit)
		return false
	}
	r.left -= int64(n)
	return true
}

// decode returns the content of a stream, and the first unsupported filter, or "". ISO
// 32000-1, 7.4.
func (r *reader) decode(s *stream) ([]byte, name) {
	if b, ok := r.decoded[s]; ok {
		return b, ""
	}
	body := s.raw
	if r.key != nil && !s.bare {
		if !r.spend(len(body)) { // undecodable streams are not cached, and decrypted again
			return nil, ""
		}
		body = r.key.stream(s)
	}
	filters, params := r.list(s.dict, "Filter", "F"), r.list(s.dict, "DecodeParms", "DP")
	for i, f := range filters {
		if i >= 8 { // chains of honest documents have two
			r.doc.note(OverLimit)
			return nil, "too-many"
		}
		var p dict
		if i < len(params) {
			p = r.dict(params[i])
		}
		n, _ := r.resolve(f).(name)
		out, ok := r.filter(n, p, body)
		if !ok {
			return body, n
		}
		body = out
	}
	r.decoded[s] = body
	return body, ""
}

// list returns a dictionary entry that may be one value or an array.
func (r *reader) list(d dict, key, short name) array {
	v := r.resolve(d[key])
	if v == nil {
		v = r.resolve(d[short])
	}
	switch v := v.(type) {
	case nil:
		return nil
	case array:
		return v
	}
	return array{v}
}

// filter applies one filter, and reports false for picture filters.
func (r *reader) filter(n name, p dict, body []byte) ([]byte, bool) {
	var out []byte
	switch n {
	case "FlateDecode", "Fl":
		out = r.predict(p, r.flate(body))
	case "LZWDecode", "LZW":
		early := 1
		if _, ok := r.resolve(p["EarlyChange"]).(float64); ok {
			early = r.int(p["EarlyChange"])
		}
		out = r.predict(p, unLZW(body, early, int(min(r.left, 1<<30))))
	case "ASCIIHexDecode", "AHx":
		x := &lexer{data: body}
		out = x.hex().raw
	case "ASCII85Decode", "A85":
		out = un85(body)
	case "RunLengthDecode", "RL":
		out = unRunLength(body, int(min(r.left, 1<<30)))
	case "Crypt":
		out = body
	default:
		return nil, false
	}
	if !r.spend(len(out)) {
		return nil, true
	}
	return out, true
}

// flate inflates the valid prefix. Readers accept a stream with a bad zlib header or
// checksum.
func (r *reader) flate(body []byte) []byte {
	var src io.Reader
	if z, err := zlib.NewReader(bytes.NewReader(body)); err == nil {
		src = z
	} else {
		r.doc.note(BadFilter)
		src = flate.NewReader(bytes.NewReader(body[min(2, len(body)):]))
	}
	var out bytes.Buffer
	if _, err := io.Copy(&out, io.LimitReader(src, r.left+1)); err != nil {
		r.doc.note(BadFilter)
	}
	return out.Bytes()
}

// predict reverses the predictors. ISO 32000-1, 7.4.4.4: 2 is that of TIFF, 10 and above
// are those of PNG, selected by each row.
func (r *reader) predict(p dict, b []byte) []byte {
	kind := r.int(p["Predictor"])
	if kind < 2 {
		return b
	}
	or := func(k name, def int) int {
		if n := r.int(p[k]); n > 0 && n < 1<<20 {
			return n
		}
		return def
	}
	colors, bits, columns := or("Colors", 1), or("BitsPerComponent", 8), or("Columns", 1)
	if colors > 64 || bits > 32 {
		r.doc.note(BadFilter)
		return b
	}
	pixel, row := max(1, colors*bits/8), (colors*bits*columns+7)/8
	if kind == 2 {
		return unTIFF(b, row, pixel, bits)
	}
	return unPNG(b, row, pixel)
}

func unTIFF(b []byte, row, pixel, bits int) []byte {
	if bits != 8 {
		return b
	}
	for at := 0; at < len(b); at += row {
		line := b[at:min(at+row, len(b))]
		for i := pixel; i < len(line); i++ {
			line[i] += line[i-pixel]
		}
	}
	return b
}

func unPNG(b []byte, row, pixel int) []byte {
	out := make([]byte, 0, len(b))
	var above []byte // the previous row, nil for the first
	for at := 0; at+1 < len(b); at += row + 1 {
		start := len(out)
		out = append(out, b[at+1:min(at+1+row, len(b))]...)
		unfilter(b[at], out[start:], above, pixel)
		above = out[start:]
	}
	return out
}

// unfilter reverses the filter of one PNG row. RFC 2083, Section 6.
func unfilter(kind byte, line, above []byte, pixel int) {
	for i := range line {
		var left, up, corner byte
		if i < len(above) {
			up = above[i]
		}
		if i >= pixel {
			left = line[i-pixel]
			if i-pixel < len(above) {
				corner = above[i-pixel]
			}
		}
		switch kind {
		case 1:
			line[i] += left
		case 2:
			line[i] += up
		case 3:
			line[i] += byte((int(left) + int(up)) / 2)
		case 4:
			line[i] += paeth(int(left), int(up), int(corner))
		}
	}
}

func paeth(a, b, c int) byte {
	abs := func(n int) int { return max(n, -n) }
	p := a + b - c
	switch pa, pb, pc := abs(p-a), abs(p-b), abs(p-c); {
	case pa <= pb && pa <= pc:
		return byte(a)
	case pb <= pc:
		return byte(b)
	}
	return byte(c)
}

// un85 decodes ASCII base-85. ISO 32000-1, 7.4.3.
func un85(b []byte) []byte {
	out := make([]byte, 0, len(b)*4/5+4)
	var group uint32
	n := 0
	for _, c := range bytes.TrimPrefix(bytes.TrimSpace(b), []byte("<~")) {
		switch {
		case c == '~':
			return tail85(out, group, n)
		case c == 'z' && n == 0:
			out = append(out, 0, 0, 0, 0)
		case c < '!' || c > 'u':
		default:
			group = group*85 + uint32(c-'!')
			if n++; n == 5 {
				out = append(out, byte(group>>24), byte(group>>16), byte(group>>8), byte(group))
				group, n = 0, 0
			}
		}
	}
	return tail85(out, group, n)
}

// tail85 ends a group of n digits, which encode n-1 bytes.
func tail85(out []byte, group uint32, n int) []byte {
	if n < 2 {
		return out
	}
	for range 5 - n {
		group = group*85 + 84
	}
	whole := []byte{byte(group >> 24), byte(group >> 16), byte(group >> 8), byte(group)}
	return append(out, whole[:n-1]...)
}

// unRunLength decodes run lengths. ISO 32000-1, 7.4.5: 128 ends the data. The size is
// computed first, so that the buffer is allocated once.
func unRunLength(b []byte, most int) []byte {
	size := 0
	for i := 0; i < len(b) && b[i] != 128 && size <= most; {
		n := int(b[i])
		if n < 128 {
			size += min(n+1, len(b)-i-1)
			i += n + 2
			continue
		}
		size += 257 - n
		i += 2
	}
	out := make([]byte, 0, size)
	for i := 0; i < len(b) && b[i] != 128 && len(out) <= most; {
		n := int(b[i])
		i++
		if n < 128 {
			out = append(out, b[i:min(i+n+1, len(b))]...)
			i += n + 1
			continue
		}
		for k := 0; i < len(b) && k < 257-n; k++ {
			out = append(out, b[i])
		}
		i++
	}
	return out
}

// unLZW decodes LZW of codes from 9 to 12 bits. ISO 32000-1, 7.4.4.2: 256 clears the table,
// 257 ends the data. Entries are ranges of the output, which contains each of them.
func unLZW(b []byte, early, most int) []byte {
	type span struct{ from, to int }
	var (
		out   []byte
		table [4096]span
		next  = 258
		width = 9
		last  = span{-1, -1}
		acc   uint32
		have  int
	)
	for _, c := range b {
		acc, have = acc<<8|uint32(c), have+8
		if have < width {
			continue
		}
		have -= width
		code := int(acc>>have) & (1<<width - 1)
		if code == 257 || len(out) > most {
			break
		}
		if code == 256 {
			next, width, last = 258, 9, span{-1, -1}
			continue
		}
		from := len(out)
		switch {
		case code < 256:
			out = append(out, byte(code))
		case code < next:
			out = append(out, out[table[code].from:table[code].to]...)
		case last.from >= 0:
			out = append(append(out, out[last.from:last.to]...), out[last.from])
		default:
			return out
		}
		if last.from >= 0 && next < 4096 {
			table[next] = span{last.from, last.to + 1}
			next++
		}
		last = span{from, len(out)}
		width = max(width, min(12, bits.Len(uint(next+early))))
	}
	return out
}
