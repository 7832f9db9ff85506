package disk

import (
	"io"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
)

// fat is a volume of FAT12, FAT16 or FAT32.
type fat struct {
	disk      *device
	cluster   int64 // bytes of a cluster
	table     int64 // offset of the first table
	data      int64 // offset of cluster 2
	count     int64 // clusters
	root      int64 // offset of the root folder of FAT12 and FAT16
	rootSize  int64
	rootStart uint32 // first cluster of the root folder of FAT32
	bits      int
}

func (v *fat) kind() string { return map[int]string{12: "fat12", 16: "fat16", 32: "fat32"}[v.bits] }

// openFAT reads the boot sector, and reports false if it is no FAT. The number of clusters
// alone determines the kind. FAT 1.03, "FAT Type Determination".
func openFAT(d *device, boot []byte) (*fat, bool) {
	sector, per := int64(le16(boot[11:])), int64(boot[13])
	reserved, tables := int64(le16(boot[14:])), int64(boot[16])
	if sector < 512 || sector > 4096 || sector&(sector-1) != 0 || per == 0 || per&(per-1) != 0 || reserved == 0 || tables == 0 || tables > 4 {
		return nil, false
	}
	rootEntries, total, size := int64(le16(boot[17:])), int64(le16(boot[19:])), int64(le16(boot[22:]))
	if total == 0 {
		total = int64(le32(boot[32:]))
	}
	if size == 0 {
		size = int64(le32(boot[36:]))
	}
	v := &fat{disk: d, cluster: sector * per, table: reserved * sector, bits: 32, rootSize: rootEntries * 32}
	v.root = v.table + tables*size*sector
	first := v.root + (v.rootSize+sector-1)/sector*sector
	v.data = first
	v.count = (total*sector - first) / v.cluster
	if size == 0 || v.count < 1 || v.root >= d.size {
		return nil, false
	}
	switch {
	case v.count < 4085:
		v.bits = 12
	case v.count < 65525:
		v.bits = 16
	default:
		v.rootStart = le32(boot[44:])
	}
	return v, true
}

// next returns the next cluster, 0 at the end of a chain.
func (v *fat) next(n uint32) uint32 {
	var value, last uint32
	switch v.bits {
	case 12:
		b := v.disk.read(v.table+int64(n)*3/2, 2)
		if len(b) < 2 {
			return 0
		}
		value, last = uint32(le16(b))>>(4*(n&1))&0xFFF, 0xFF7
	case 16:
		b := v.disk.read(v.table+int64(n)*2, 2)
		if len(b) < 2 {
			return 0
		}
		value, last = uint32(le16(b)), 0xFFF7
	default:
		b := v.disk.read(v.table+int64(n)*4, 4)
		if len(b) < 4 {
			return 0
		}
		value, last = le32(b)&0x0FFFFFFF, 0x0FFFFFF7
	}
	if value < 2 || value >= last {
		return 0
	}
	return value
}

// bytes returns the bytes of a cluster.
func (v *fat) bytes(n uint32) []byte {
	if n < 2 || int64(n)-2 >= v.count {
		return nil
	}
	return v.disk.read(v.data+(int64(n)-2)*v.cluster, v.cluster)
}

// chain reads clusters in order. It ends with the file or the chain; a loop ends with the
// size of the file.
type chain struct {
	volume  *fat
	cluster uint32
	left    int64 // of the size
	rest    []byte
}

func (c *chain) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.left <= 0 || c.cluster == 0 {
			return 0, io.EOF
		}
		c.rest = c.volume.bytes(c.cluster)
		if len(c.rest) == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		c.cluster = c.volume.next(c.cluster)
		c.left -= int64(len(c.rest))
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// dir is a pending folder.
type dir struct {
	cluster uint32
	path    string
}

// maxPath bounds a path; Windows opens up to 260 letters.
const maxPath = 4096

// walk lists the folders from the root on. Each folder is read once.
func (r *reader) walk(v *fat) {
	seen := map[uint32]bool{v.rootStart: true}
	todo := []dir{{v.rootStart, ""}}
	for len(todo) > 0 {
		d := todo[0]
		todo = todo[1:]
		l := listing{reader: r, volume: v, path: d.path}
		if !r.folder(v, d, &l) {
			return
		}
		for _, inner := range l.dirs {
			if !seen[inner.cluster] && inner.cluster != 0 {
				seen[inner.cluster] = true
				todo = append(todo, inner)
			}
		}
	}
}

// folder passes the clusters of a folder to the listing, and reports whether to continue.
func (r *reader) folder(v *fat, d dir, l *listing) bool {
	if d.cluster == 0 { // the root of FAT12 and FAT16 is before the clusters
		for at := int64(0); at < v.rootSize; at += 4096 {
			if !l.entries(v.disk.read(v.root+at, min(4096, v.rootSize-at))) {
				break
			}
		}
		return r.entries >= 0
	}
	for n := d.cluster; n != 0; n = v.next(n) {
		if r.steps--; r.steps < 0 {
			r.image.note(OverLimit)
			return false
		}
		if !l.entries(v.bytes(n)) {
			break
		}
	}
	return r.entries >= 0
}

// listing reads the entries of one folder.
type listing struct {
	*reader
	volume *fat
	path   string
	dirs   []dir
	long   []uint16 // the long name so far
	sum    byte     // checksum of its short name
	order  byte     // order of its next part
}

// The attributes of an entry. FAT 1.03, "FAT Directory Structure".
const (
	attrVolume = 0x08
	attrFolder = 0x10
	attrLong   = 0x0F
)

// entries parses entries of 32 bytes, and reports whether the folder continues.
func (l *listing) entries(b []byte) bool {
	for ; len(b) >= 32; b = b[32:] {
		e := b[:32]
		switch {
		case e[0] == 0:
			return false
		case e[0] == 0xE5:
			l.long = nil
		case e[11]&0x3F == attrLong:
			l.part(e)
		case e[11]&attrVolume != 0:
			if l.image.Label == "" {
				l.image.Label = oem(e[:11])
			}
			l.long = nil
		default:
			if !l.entry(e) {
				return false
			}
		}
	}
	return len(b) == 0
}

// part takes a part of a long name; the parts precede the short one in reverse. FAT 1.03,
// "FAT Long Directory Entries".
func (l *listing) part(e []byte) {
	order := e[0] & 0x3F
	if e[0]&0x40 != 0 {
		l.long, l.sum, l.order = nil, e[13], order
	}
	if order == 0 || order > 20 || order != l.order || e[13] != l.sum {
		l.long, l.order = nil, 0
		return
	}
	l.order--
	var units []uint16
	for _, at := range [...]int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30} {
		u := le16(e[at:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	l.long = append(units, l.long...)
}

// entry lists a file or folder, and reports whether there is room for more.
func (l *listing) entry(e []byte) bool {
	name := shortName(e)
	if l.long != nil && l.order == 0 && l.sum == checksum(e[:11]) {
		name = string(utf16.Decode(l.long))
	}
	l.long = nil
	if name == "." || name == ".." {
		return true
	}
	if l.reader.entries--; l.reader.entries < 0 {
		l.image.note(OverLimit)
		return false
	}
	cluster := uint32(le16(e[26:]))
	if l.volume.bits == 32 {
		cluster |= uint32(le16(e[20:])) << 16
	}
	path := l.path + name
	switch {
	case len(path) > maxPath:
		l.image.note(OverLimit)
	case e[11]&attrFolder != 0:
		l.dirs = append(l.dirs, dir{cluster, path + "/"})
	default:
		l.image.Files = append(l.image.Files, File{Path: path, Size: int64(le32(e[28:])), volume: l.volume, cluster: cluster})
	}
	return true
}

// shortName returns a name of eight and three letters, in lower case if the entry says so,
// as Windows does.
func shortName(e []byte) string {
	raw := append([]byte(nil), e[:11]...)
	if raw[0] == 5 { // replaces a letter that marks deleted entries
		raw[0] = 0xE5
	}
	name, ext := oem(raw[:8]), oem(raw[8:])
	if e[12]&8 != 0 {
		name = strings.ToLower(name)
	}
	if e[12]&16 != 0 {
		ext = strings.ToLower(ext)
	}
	if ext == "" {
		return name
	}
	return name + "." + ext
}

// oem decodes letters of code page 437, without trailing blanks.
func oem(b []byte) string {
	s, err := charmap.CodePage437.NewDecoder().Bytes(b)
	if err != nil {
		s = b
	}
	return strings.TrimRight(string(s), " \x00")
}

// checksum connects a long name with its short one. FAT 1.03, "Name Checksum".
func checksum(short []byte) byte {
	var sum byte
	for _, c := range short {
		sum = sum>>1 | sum<<7
		sum += c
	}
	return sum
}
