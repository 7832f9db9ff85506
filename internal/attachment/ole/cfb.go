package ole

import (
	"bytes"
)

// The marks of sector chains. MS-CFB, 2.1.
const (
	endOfChain = 0xFFFFFFFA // and above: no sector number
	noEntry    = 0xFFFFFFFF
	miniSector = 64
	miniCutoff = 4096 // shorter streams are in the mini stream
)

// container is the file system of a compound file. Office opens files with broken chains,
// so a chain is read up to its first defect.
type container struct {
	data   []byte
	sector int // bytes of a sector
	fat    []uint32
	mini   []uint32 // sector chains of the mini stream
	small  []byte   // the mini stream
	dirs   []byte   // entries of 128 bytes
	room   int      // remaining bytes to read; chains may share sectors
	broken bool
}

// openContainer reads the tables, and reports false if it is no compound file.
func openContainer(data []byte) (*container, bool) {
	if len(data) < 512 || !bytes.HasPrefix(data, []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")) {
		return nil, false
	}
	c := &container{data: data, sector: 512, room: 2*len(data) + 4096}
	if le16(data[30:]) == 12 { // MS-CFB, 2.2: the power of two of the sector size
		c.sector = 4096
	}
	c.readFAT()
	c.dirs = c.chain(le32(data[48:]), len(data))
	for b := c.chain(le32(data[60:]), len(data)); len(b) >= 4; b = b[4:] {
		c.mini = append(c.mini, le32(b))
	}
	if len(c.dirs) >= 128 {
		c.small = c.chain(le32(c.dirs[116:]), len(data))
	}
	c.broken = c.broken || len(c.dirs) == len(data) // the chain has a loop
	c.room = len(data)                              // for the streams
	return c, len(c.dirs) >= 128
}

// at returns a sector, nil if out of range. The header takes the place of a sector.
func (c *container) at(n uint32) []byte {
	from := (int64(n) + 1) * int64(c.sector)
	if n >= endOfChain || from >= int64(len(c.data)) {
		return nil
	}
	return c.data[from:min(from+int64(c.sector), int64(len(c.data)))]
}

// readFAT reads the sectors of the allocation table: the header lists 109, and a separate
// chain the others. MS-CFB, 2.3 and 2.5.
func (c *container) readFAT() {
	list := c.data[76:512]
	next := le32(c.data[68:])
	for seen := 0; seen <= len(c.data)/c.sector; seen++ {
		for ; len(list) >= 4; list = list[4:] {
			c.addFAT(c.at(le32(list)))
		}
		s := c.at(next)
		if len(s) < c.sector {
			return
		}
		list, next = s[:c.sector-4], le32(s[c.sector-4:])
	}
	c.broken = true
}

// addFAT appends a sector of the table, which has at most one entry per sector.
func (c *container) addFAT(b []byte) {
	for ; len(b) >= 4 && len(c.fat) <= len(c.data)/c.sector+c.sector; b = b[4:] {
		c.fat = append(c.fat, le32(b))
	}
}

// chain reads the sectors from n on, at most size bytes.
func (c *container) chain(n uint32, size int) []byte {
	var out []byte
	for len(out) < size && n < endOfChain {
		s := c.at(n)
		if s == nil || len(s) > c.room || int64(n) >= int64(len(c.fat)) {
			c.broken = true
			break
		}
		c.room -= len(s)
		out = append(out, s...)
		n = c.fat[n]
	}
	return out[:min(size, len(out))]
}

// miniChain reads a stream of the mini stream. MS-CFB, 2.4.
func (c *container) miniChain(n uint32, size int) []byte {
	var out []byte
	for len(out) < size && n < endOfChain {
		from := int64(n) * miniSector
		if from >= int64(len(c.small)) || int64(n) >= int64(len(c.mini)) || c.room < miniSector {
			c.broken = true
			break
		}
		c.room -= miniSector
		out = append(out, c.small[from:min(from+miniSector, int64(len(c.small)))]...)
		n = c.mini[n]
	}
	return out[:min(size, len(out))]
}

// dirEntry is an entry of the directory. MS-CFB, 2.6.1.
type dirEntry struct {
	name               string
	kind               byte // 1 storage, 2 stream, 5 root
	left, right, child uint32
	start              uint32
	size               int64
}

func (c *container) entry(n uint32) (dirEntry, bool) {
	if int64(n) >= int64(len(c.dirs)/128) {
		return dirEntry{}, false
	}
	b := c.dirs[int64(n)*128:][:128]
	e := dirEntry{kind: b[66], left: le32(b[68:]), right: le32(b[72:]), child: le32(b[76:]), start: le32(b[116:])}
	e.size = int64(le32(b[120:])) // the upper half is undefined in version 3, and unused here
	e.name = utf16le(b[:max(0, min(int(le16(b[64:])), 64)-2)])
	return e, true
}

// classes returns the class identifiers of storages, as in the directory. MS-CFB, 2.6.1.
func (c *container) classes() []string {
	var out []string
	for b := c.dirs; len(b) >= 128 && len(out) < maxClasses; b = b[128:] {
		if class := string(b[80:96]); (b[66] == 1 || b[66] == 5) && class != string(make([]byte, 16)) {
			out = append(out, class)
		}
	}
	return out
}

// maxClasses bounds the classes kept of one file.
const maxClasses = 1000

// place is a pending entry and its storages.
type place struct {
	entry uint32
	dir   string
	depth int
}

// maxStorages bounds nested storages; honest documents have fewer than six.
const maxStorages = 16

// walk calls f for every stream, each entry once, in order of the sibling tree. It stops
// when f returns false. Without recursion a degenerate tree costs no stack.
func (c *container) walk(f func(dir, name string, b []byte) bool) {
	root, _ := c.entry(0)
	todo := []place{{root.child, "", 0}}
	seen := map[uint32]bool{0: true}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		e, ok := c.entry(p.entry)
		if !ok || seen[p.entry] {
			c.broken = c.broken || p.entry != noEntry
			continue
		}
		seen[p.entry] = true
		todo = append(todo, place{e.right, p.dir, p.depth})
		switch {
		case e.kind == 2 && !f(p.dir, e.name, c.stream(e)):
			return
		case e.kind == 1 && p.depth < maxStorages:
			todo = append(todo, place{e.child, p.dir + e.name + "/", p.depth + 1})
		case e.kind == 1:
			c.broken = true
		}
		todo = append(todo, place{e.left, p.dir, p.depth})
	}
}

// stream returns the readable bytes of a stream.
func (c *container) stream(e dirEntry) []byte {
	size := int(min(e.size, int64(len(c.data))))
	var b []byte
	if e.size < miniCutoff {
		b = c.miniChain(e.start, size)
	} else {
		b = c.chain(e.start, size)
	}
	c.broken = c.broken || int64(len(b)) < e.size
	return b
}
