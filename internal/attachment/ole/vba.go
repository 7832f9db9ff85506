package ole

import (
	"bytes"
	"encoding/binary"
	"strings"
)

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// vba reads the projects. MS-OVBA, 2.2.1: a project is a storage "VBA" with a stream "dir"
// that lists the modules.
func (r *reader) vba() {
	for _, e := range r.entries {
		if !strings.EqualFold(e.name, "dir") {
			continue
		}
		dir, ok := r.expand(e.data)
		if !ok {
			r.doc.note(BrokenVBA)
			r.search(e.dir)
			continue
		}
		p := readDir(dir)
		if len(p.modules) == 0 {
			r.doc.note(BrokenVBA)
			r.search(e.dir)
		}
		for _, m := range p.modules {
			r.module(e.dir, m, p.codePage)
		}
	}
}

// project holds the data of the directory stream.
type project struct {
	codePage int
	modules  []moduleRecord
}

type moduleRecord struct {
	name, stream []byte
	offset       int // of the source in the stream
}

// readDir parses the records of a directory. MS-OVBA, 2.3.4.2: an identifier, a size, and
// the data. The version record gives only the size of a part of its data.
func readDir(b []byte) project {
	p := project{codePage: 1252}
	var m *moduleRecord
	for len(b) >= 6 {
		id, size := le16(b), int64(le32(b[2:]))
		if id == 0x0009 {
			size = 6
		}
		if size > int64(len(b)-6) {
			return p
		}
		data := b[6 : 6+size]
		b = b[6+size:]
		if id == 0x0019 && len(p.modules) < 1000 {
			p.modules = append(p.modules, moduleRecord{name: data, stream: data})
			m = &p.modules[len(p.modules)-1]
		}
		switch {
		case id == 0x0003 && size >= 2:
			p.codePage = int(le16(data))
		case id == 0x001A && m != nil:
			m.stream = data
		case id == 0x0031 && m != nil && size >= 4:
			m.offset = int(le32(data))
		}
	}
	return p
}

// module reads one module. MS-OVBA, 2.3.4.3: compiled code, a cache that only its own
// version of Office uses, and then the compressed source.
func (r *reader) module(dir string, rec moduleRecord, codePage int) {
	m := Module{Name: Decode(rec.name, codePage), PCode: rec.offset}
	m.Stream = dir + Decode(rec.stream, codePage)
	data := r.find(m.Stream)
	if rec.offset <= len(data) {
		source, _ := r.expand(data[rec.offset:])
		m.Source = Decode(source, codePage)
	}
	if rec.offset > emptyPCode && m.Statements() == 0 {
		r.doc.note(NoSource)
	}
	r.keep(m)
}

// emptyPCode is an upper bound on the compiled code of a module without statements.
const emptyPCode = 2048

// Statements counts the lines of source written by a person.
func (m *Module) Statements() int {
	n := 0
	for line := range strings.Lines(m.Source) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "Attribute ") {
			n++
		}
	}
	return n
}

func (r *reader) keep(m Module) {
	room := r.limits.Text
	for _, old := range r.doc.Modules {
		room -= len(old.Source)
	}
	if len(m.Source) > room || len(r.doc.Modules) >= r.limits.Items {
		r.doc.note(OverLimit)
		return
	}
	r.doc.Modules = append(r.doc.Modules, m)
}

// search finds modules without a directory: source begins with a line of attributes, whose
// first letters cannot be compressed.
func (r *reader) search(dir string) {
	for _, e := range r.entries {
		at := bytes.Index(e.data, []byte("\x00Attribut"))
		if !strings.HasPrefix(e.path, dir) || at < 3 {
			continue
		}
		if source, ok := r.expand(e.data[at-3:]); ok {
			r.keep(Module{Name: e.name, Stream: e.path, Source: Decode(source, 1252), PCode: at - 3})
		}
	}
}

// expand decompresses a container, and reports false without one. MS-OVBA, 2.4.1.3: chunks
// of at most 4096 bytes, each with a header.
func (r *reader) expand(b []byte) ([]byte, bool) {
	if len(b) < 3 || b[0] != 1 {
		return nil, false
	}
	b = b[1:]
	var out []byte
	for len(b) >= 2 && int64(len(out)) < r.left {
		header := le16(b)
		if header>>12&7 != 3 { // padding, or another container's end
			break
		}
		size := min(int(header&0x0FFF)+3, len(b))
		chunk := b[2:max(2, size)]
		if header&0x8000 == 0 {
			out = append(out, chunk...)
		} else {
			out = expandChunk(out, chunk)
		}
		b = b[max(2, size):]
	}
	r.left -= int64(len(out))
	return out, true
}

// expandChunk appends a chunk. MS-OVBA, 2.4.1.3.5: a byte of flags marks each of eight
// tokens as a character or a copy of earlier output of the chunk.
func expandChunk(out, b []byte) []byte {
	start := len(out)
	for len(b) > 0 {
		flags := b[0]
		b = b[1:]
		for bit := 0; bit < 8 && len(b) > 0; bit++ {
			if flags>>bit&1 == 0 {
				out, b = append(out, b[0]), b[1:]
				continue
			}
			if len(b) < 2 || len(out) == start || len(out)-start > 4096 {
				return out
			}
			out = copyToken(out, start, le16(b))
			b = b[2:]
		}
	}
	return out
}

// copyToken unpacks a copy. MS-OVBA, 2.4.1.3.19.1: the offset takes from 4 to 12 bits,
// increasing with the output.
func copyToken(out []byte, start int, token uint16) []byte {
	bits := 4
	for 1<<bits < len(out)-start {
		bits++
	}
	length := int(token&(0xFFFF>>bits)) + 3
	from := len(out) - int(token>>(16-bits)) - 1
	if from < start {
		return out
	}
	for range length {
		out = append(out, out[from])
		from++
	}
	return out
}
