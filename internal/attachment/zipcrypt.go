package attachment

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // WinZip AES derives its keys with it
	"encoding/binary"
	"hash/crc32"
)

// maxLocked bounds the undecryptable entries of an archive before further attempts end. A
// key costs a thousand rounds, and archives with many passwords are not meant for people.
const maxLocked = 20

// zipPasswords is the state of the passwords of an archive.
type zipPasswords struct {
	candidates []string
	last       string // that opened an entry, or ""
	locked     int    // entries that stayed encrypted
	untried    int    // entries on which nothing was tried
}

// tries returns the passwords to try on the next entry, the last successful one first.
func (z *zipPasswords) tries() []string {
	if z.last == "" {
		return z.candidates
	}
	return append([]string{z.last}, z.candidates...)
}

// decrypt tries the passwords on an entry, the last successful one first. It returns the
// packed bytes and their method, or nil after too many undecryptable entries.
func (i *inspector) decrypt(e *zipEntry, data []byte, keys *zipPasswords) (plain []byte, method uint16, err error) {
	if e.flags&0x40 != 0 { // APPNOTE 7: strong encryption
		return nil, 0, errMethod
	}
	if keys.locked == maxLocked {
		keys.untried++
		return nil, 0, nil
	}
	for _, p := range keys.tries() {
		if i.ctx() != nil {
			return nil, 0, errWall
		}
		if e.method == 99 {
			plain, method = winZip(e.extra, data, p)
		} else if plain, method = zipCrypto(e, data, p), e.method; plain != nil && !i.unpacks(method, plain, e.crc) {
			plain = nil
		}
		if plain != nil {
			keys.last = p
			return plain, method, nil
		}
	}
	keys.locked++
	return nil, 0, errLocked
}

// winZip decrypts AE-1 and AE-2 and verifies the authentication code, or returns nil. Its
// format is salt, two bytes of verification, data, and ten bytes of HMAC-SHA1.
func winZip(extra, data []byte, password string) ([]byte, uint16) {
	x := extraField(extra, 0x9901)
	if len(x) < 7 || x[4] < 1 || x[4] > 3 {
		return nil, 0
	}
	salt, key := 4+4*int(x[4]), 8+8*int(x[4])
	if len(data) < salt+12 {
		return nil, 0
	}
	keys, err := pbkdf2.Key(sha1.New, password, data[:salt], 1000, 2*key+2)
	if err != nil || string(keys[2*key:]) != string(data[salt:salt+2]) {
		return nil, 0
	}
	body, code := data[salt+2:len(data)-10], data[len(data)-10:]
	mac := hmac.New(sha1.New, keys[key:2*key])
	mac.Write(body)
	if !hmac.Equal(mac.Sum(nil)[:10], code) {
		return nil, 0
	}
	block, err := aes.NewCipher(keys[:key])
	if err != nil {
		return nil, 0
	}
	return littleCTR(block, body), binary.LittleEndian.Uint16(x[5:])
}

// littleCTR is counter mode with a little-endian counter from 1, as WinZip has it.
func littleCTR(block cipher.Block, data []byte) []byte {
	out := make([]byte, len(data))
	var counter, pad [aes.BlockSize]byte
	for at := 0; at < len(data); at += aes.BlockSize {
		binary.LittleEndian.PutUint64(counter[:], uint64(at/aes.BlockSize)+1)
		block.Encrypt(pad[:], counter[:])
		for k := at; k < min(at+aes.BlockSize, len(data)); k++ {
			out[k] = data[k] ^ pad[k-at]
		}
	}
	return out
}

// zipKeys is the state of the cipher of APPNOTE 6.1.
type zipKeys [3]uint32

func (k *zipKeys) update(b byte) {
	k[0] = crc32.IEEETable[byte(k[0])^b] ^ k[0]>>8
	k[1] = (k[1]+k[0]&0xff)*134775813 + 1
	k[2] = crc32.IEEETable[byte(k[2])^byte(k[1]>>24)] ^ k[2]>>8
}

func (k *zipKeys) decrypt(b byte) byte {
	t := k[2] | 2
	b ^= byte(t * (t ^ 1) >> 8)
	k.update(b)
	return b
}

// zipCrypto decrypts the traditional cipher, or returns nil if the check byte is wrong.
func zipCrypto(e *zipEntry, data []byte, password string) []byte {
	if len(data) < 12 {
		return nil
	}
	keys := zipKeys{0x12345678, 0x23456789, 0x34567890}
	for k := range len(password) {
		keys.update(password[k])
	}
	var last byte
	for _, b := range data[:12] {
		last = keys.decrypt(b)
	}
	if last != byte(e.crc>>24) && last != byte(e.time>>8) {
		return nil
	}
	out := make([]byte, len(data)-12)
	for k, b := range data[12:] {
		out[k] = keys.decrypt(b)
	}
	return out
}
