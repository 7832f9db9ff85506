package ole

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // MS-OFFCRYPTO fixes the digest
	"crypto/rc4"  //nolint:gosec // MS-OFFCRYPTO fixes the cipher
	"crypto/sha1" //nolint:gosec // MS-OFFCRYPTO fixes the digest
	"encoding/binary"
	"slices"
	"unicode/utf16"
)

// defaultPasswords are tried automatically by Office, so that a document protected by one
// opens without a prompt. MS-OFFCRYPTO, 2.3.7.6 defines the first; the second is
// PowerPoint's.
var defaultPasswords = [...]string{"VelvetSweatshop", "/01Hannes Ruescher/01"}

// DefaultPasswords returns the passwords that Office tries automatically.
func DefaultPasswords() []string { return slices.Clone(defaultPasswords[:]) }

// unlock calls try with the passwords until one opens, and keeps it.
func (r *reader) unlock(try func(password []byte) bool) bool {
	for _, p := range append(defaultPasswords[:len(defaultPasswords):len(defaultPasswords)], r.passwords...) {
		if try(utf16Bytes(p)) {
			r.doc.Password = p
			return true
		}
	}
	return false
}

func utf16Bytes(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// rc4Header holds the encryption parameters of a stream. MS-OFFCRYPTO, 2.3.5.1 and 2.3.6.1.
type rc4Header struct {
	salt     []byte
	verifier []byte // and its digest, encrypted in one run
	api      bool   // CryptoAPI, with SHA-1; else 40 bits, with MD5
	keyBits  int
}

// readRC4 reads a header, which begins with its version.
func readRC4(b []byte) (rc4Header, bool) {
	if len(b) < 4 {
		return rc4Header{}, false
	}
	major, minor := le16(b), le16(b[2:])
	switch {
	case major == 1 && minor == 1 && len(b) >= 52:
		return rc4Header{salt: b[4:20], verifier: b[20:52]}, true
	case major < 2 || major > 4 || minor != 2 || len(b) < 12:
		return rc4Header{}, false
	}
	size := int64(le32(b[8:]))
	if size < 32 || 12+size+60 > int64(len(b)) {
		return rc4Header{}, false
	}
	h := rc4Header{api: true, keyBits: int(le32(b[28:]))}
	if h.keyBits == 0 { // MS-OFFCRYPTO, 2.3.5.1: 0 means 40
		h.keyBits = 40
	}
	v := b[12+size:]
	h.salt, h.verifier = v[4:20], slices.Concat(v[20:36], v[40:60])
	return h, h.keyBits >= 40 && h.keyBits <= 128 && h.keyBits%8 == 0 && le32(b[20:]) == 0x6801
}

// rc4Keys derives the keys of blocks.
type rc4Keys struct {
	rc4Header
	base []byte
}

// keys derives the base of all keys. MS-OFFCRYPTO, 2.3.5.2 and 2.3.6.2.
func (h rc4Header) keys(password []byte) rc4Keys {
	if h.api {
		sum := sha1.Sum(slices.Concat(h.salt, password)) //nolint:gosec // see above
		return rc4Keys{h, sum[:]}
	}
	sum := md5.Sum(password)                                        //nolint:gosec // see above
	sum = md5.Sum(bytes.Repeat(slices.Concat(sum[:5], h.salt), 16)) //nolint:gosec // see above
	return rc4Keys{h, sum[:5]}
}

// cipher returns the cipher of a block, nil for an invalid key size.
func (k rc4Keys) cipher(block uint32) *rc4.Cipher {
	seed := binary.LittleEndian.AppendUint32(slices.Clone(k.base), block)
	var key []byte
	if k.api {
		sum := sha1.Sum(seed) //nolint:gosec // see above
		if key = sum[:k.keyBits/8]; k.keyBits == 40 {
			key = append(slices.Clone(key), make([]byte, 11)...)
		}
	} else {
		sum := md5.Sum(seed) //nolint:gosec // see above
		key = sum[:]
	}
	c, err := rc4.NewCipher(key) //nolint:gosec // see above
	if err != nil {
		return nil
	}
	return c
}

// opens reports whether the keys decrypt the verifier to match its digest.
func (k rc4Keys) opens() bool {
	c := k.cipher(0)
	if c == nil {
		return false
	}
	plain := make([]byte, len(k.verifier))
	c.XORKeyStream(plain, k.verifier)
	if k.api {
		sum := sha1.Sum(plain[:16]) //nolint:gosec // see above
		return bytes.Equal(sum[:], plain[16:])
	}
	sum := md5.Sum(plain[:16]) //nolint:gosec // see above
	return bytes.Equal(sum[:], plain[16:])
}

// decrypt returns the stream with its blocks decrypted.
func (k rc4Keys) decrypt(b []byte, block int) []byte {
	out := make([]byte, len(b))
	for at := 0; at < len(b); at += block {
		c := k.cipher(uint32(at / block))
		if c == nil {
			return nil
		}
		c.XORKeyStream(out[at:min(at+block, len(b))], b[at:min(at+block, len(b))])
	}
	return out
}

// unlockRC4 tries the passwords on a header.
func (r *reader) unlockRC4(header []byte) (rc4Keys, bool) {
	h, ok := readRC4(header)
	if !ok {
		return rc4Keys{}, false
	}
	var keys rc4Keys
	return keys, r.unlock(func(password []byte) bool {
		keys = h.keys(password)
		return keys.opens()
	})
}

// The unencrypted parts of a Word document, and its block size. MS-DOC, 2.2.6.2.
const (
	wordClear = 68
	wordBlock = 512
)

// unlockWord returns the streams of an encrypted document, or false if no password opens
// it. The header precedes the table, and the FIB has its size.
func (r *reader) unlockWord(main, table []byte) ([]byte, []byte, bool) {
	size := int64(le32(main[14:]))
	if le16(main[wordFlag:])&0x8000 != 0 || size > int64(len(table)) || len(main) < wordClear { // 0x8000: obfuscated by XOR
		return nil, nil, false
	}
	keys, ok := r.unlockRC4(table[:size])
	if !ok {
		return nil, nil, false
	}
	if r.left -= int64(len(main) + len(table)); r.left < 0 { // documents may share a table
		r.doc.note(OverLimit)
		return nil, nil, false
	}
	plain, plainTable := keys.decrypt(main, wordBlock), keys.decrypt(table, wordBlock)
	copy(plain, main[:wordClear])
	return plain, plainTable, true
}

// biffBlock is the size of the blocks of a workbook. MS-XLS, 2.2.10.
const biffBlock = 1024

// clearRecords are the records with unencrypted data. MS-XLS, 2.2.10.
var clearRecords = map[uint16]bool{biffBOF: true, biffFilePass: true, 0x0194: true, 0x0195: true, 0x00E1: true, 0x0196: true, 0x0138: true}

// unlockWorkbook returns the stream of a workbook with that FilePass, or false if no
// password opens it. Headers of records are not encrypted and count as positions, as do the
// offsets of sheets.
func (r *reader) unlockWorkbook(stream, filePass []byte) ([]byte, bool) {
	if len(filePass) < 2 || le16(filePass) != 1 { // 0: obfuscated by XOR
		return nil, false
	}
	keys, ok := r.unlockRC4(filePass[2:])
	if !ok {
		return nil, false
	}
	plain := keys.decrypt(stream, biffBlock)
	for pos := 0; pos+4 <= len(stream); {
		id, size := le16(stream[pos:]), int(le16(stream[pos+2:]))
		end := min(pos+4+size, len(stream))
		open := 4
		switch {
		case clearRecords[id]:
			open = end - pos
		case id == biffBoundSheet:
			open = min(8, end-pos)
		}
		copy(plain[pos:pos+open], stream[pos:])
		pos = end
	}
	return plain, true
}
