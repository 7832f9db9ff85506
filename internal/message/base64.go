package message

// base64Flaws holds the defects of base64 text.
type base64Flaws struct {
	junk      bool // characters outside the alphabet
	padding   bool // content after the padding
	truncated bool // the last group is incomplete
}

// differs reports whether clients that stop early see less than others.
func (f base64Flaws) differs() bool { return f.junk || f.padding }

// Classes of base64Class.
const (
	base64Space = 1 << iota
	base64Pad
	base64Junk
)

// base64Class is 0 for the alphabet.
var base64Class = func() (t [256]byte) {
	for c := range t {
		t[c] = base64Junk
	}
	for _, c := range base64Alphabet {
		t[c] = 0
	}
	for _, c := range " \t\r\n" {
		t[c] = base64Space
	}
	t['='] = base64Pad
	return t
}()

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// base64Bad marks entries of base64Values that are not in the alphabet.
const base64Bad = 1 << 31

// base64Values are the values of the alphabet, shifted to each of the four places of a
// group, so that four look-ups decode a group.
var base64Values = func() (t [4][256]uint32) {
	for place := range t {
		for c := range t[place] {
			t[place][c] = base64Bad
		}
		for v, c := range base64Alphabet {
			t[place][c] = uint32(v) << (18 - 6*place)
		}
	}
	return t
}()

// decodeBase64 decodes src like clients that ignore junk and continue after padding, or, if
// cautious, like those that stop there. It reads src at most once.
func decodeBase64(src []byte, cautious bool) ([]byte, base64Flaws) {
	d := base64Decoder{out: make([]byte, 0, len(src)/4*3+3), cautious: cautious}
	for i := 0; i < len(src); {
		if d.count == 0 {
			if i += d.groups(src[i:]); i == len(src) {
				break
			}
		}
		if !d.one(src[i]) {
			break
		}
		i++
	}
	d.flush()
	return d.out, d.flaws
}

type base64Decoder struct {
	out      []byte
	group    uint32
	count    int  // characters of the group
	padded   bool // padding was the last character
	cautious bool
	flaws    base64Flaws
}

// groups decodes complete groups without other characters in between, and returns the
// number of characters.
func (d *base64Decoder) groups(src []byte) int {
	i := 0
	for ; i+4 <= len(src); i += 4 {
		g := src[i : i+4 : i+4]
		v := base64Values[0][g[0]] | base64Values[1][g[1]] | base64Values[2][g[2]] | base64Values[3][g[3]]
		if v&base64Bad != 0 {
			break
		}
		d.out = append(d.out, byte(v>>16), byte(v>>8), byte(v))
	}
	if i > 0 {
		d.again()
	}
	return i
}

// again records that content follows padding.
func (d *base64Decoder) again() {
	if d.padded {
		d.flaws.padding = true
		d.padded = false
	}
}

// one processes a single character and reports whether to continue.
func (d *base64Decoder) one(c byte) bool {
	switch base64Class[c] {
	case 0:
		d.again()
		d.group = d.group<<6 | base64Values[3][c]
		if d.count++; d.count == 4 {
			d.flush()
		}
	case base64Pad:
		d.flaws.truncated = d.flaws.truncated || d.count == 1
		// "=" before any content is no padding.
		d.flaws.junk = d.flaws.junk || d.count == 0 && len(d.out) == 0 && !d.padded
		d.padLeft()
		return !d.cautious
	case base64Junk:
		d.flaws.junk = true
		return !d.cautious
	}
	return true
}

// padLeft completes the group at its padding.
func (d *base64Decoder) padLeft() {
	if d.count > 1 {
		d.write()
	}
	d.group, d.count, d.padded = 0, 0, true
}

// flush writes the group, which may only be incomplete at the end.
func (d *base64Decoder) flush() {
	if d.count > 0 && d.count < 4 {
		d.flaws.truncated = true
	}
	if d.count > 1 {
		d.write()
	}
	d.group, d.count = 0, 0
}

// write appends the bytes of count characters.
func (d *base64Decoder) write() {
	v := d.group << (6 * (4 - d.count))
	b := [3]byte{byte(v >> 16), byte(v >> 8), byte(v)}
	d.out = append(d.out, b[:d.count-1]...)
}

// checkBase64 returns the defects of src without decoding it.
func checkBase64(src []byte) base64Flaws {
	var flaws base64Flaws
	count, padded, empty := 0, false, true
	for i := 0; i < len(src); {
		if n := alphabetRun(src[i:]); n > 0 {
			count += n
			i += n
			flaws.padding = flaws.padding || padded
			padded, empty = false, false
			continue
		}
		switch base64Class[src[i]] {
		case base64Pad:
			flaws.truncated = flaws.truncated || count%4 == 1
			flaws.junk = flaws.junk || empty
			count, padded = 0, true
		case base64Junk:
			flaws.junk = true
		}
		i++
	}
	flaws.truncated = flaws.truncated || count%4 != 0
	return flaws
}

// alphabetRun returns the length of the prefix of src in the alphabet.
func alphabetRun(src []byte) int {
	i := 0
	for ; i+8 <= len(src); i += 8 {
		s := src[i : i+8 : i+8]
		if base64Class[s[0]]|base64Class[s[1]]|base64Class[s[2]]|base64Class[s[3]]|
			base64Class[s[4]]|base64Class[s[5]]|base64Class[s[6]]|base64Class[s[7]] != 0 {
			break
		}
	}
	for i < len(src) && base64Class[src[i]] == 0 {
		i++
	}
	return i
}
