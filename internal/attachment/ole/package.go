package ole

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" //nolint:gosec // MS-OFFCRYPTO allows the digest
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"hash"
	"slices"
	"strings"
)

// maxSpins bounds the hashing rounds for one document, total of all passwords: Office
// writes 100,000, and accepts ten million.
const maxSpins = 4_000_000

// unlockPackage decrypts a zip-based document. MS-OFFCRYPTO, 2.3.4.4: its size precedes it.
func (r *reader) unlockPackage() {
	info, b := r.find("EncryptionInfo"), r.find("EncryptedPackage")
	if len(info) < 8 || len(b) < 8 {
		return
	}
	size := binary.LittleEndian.Uint64(b)
	var plain []byte
	if le16(info) == 4 && le16(info[2:]) == 4 {
		plain = r.agile(info[8:], b[8:])
	} else if le16(info[2:]) == 2 {
		plain = r.standard(info[8:], b[8:])
	}
	r.doc.Package = plain[:min(size, uint64(len(plain)))]
}

// spin hashes a password with its salt, and then the digest repeatedly with a counter.
// MS-OFFCRYPTO, 2.3.4.7 and 2.3.4.11.
func (r *reader) spin(h hash.Hash, salt, password []byte, rounds int) []byte {
	h.Reset()
	h.Write(salt)
	h.Write(password)
	sum := h.Sum(nil)
	var counter [4]byte
	for k := range rounds {
		h.Reset()
		binary.LittleEndian.PutUint32(counter[:], uint32(k))
		h.Write(counter[:])
		h.Write(sum)
		sum = h.Sum(sum[:0])
	}
	return sum
}

// spins takes rounds from the budget of a document, and reports whether there were enough.
func (r *reader) spins(n int) bool {
	if r.spun += n; r.spun > maxSpins {
		r.doc.note(OverLimit)
		return false
	}
	return true
}

// standard decrypts a package of Office 2007: AES in independent blocks, SHA-1, and 50,000
// rounds. MS-OFFCRYPTO, 2.3.4.5 to 2.3.4.9.
func (r *reader) standard(info, b []byte) []byte {
	const rounds = 50_000
	size := int64(le32(info))
	if size < 32 || 4+size+20+16+4+32 > int64(len(info)) {
		return nil
	}
	bits, v := int(le32(info[20:])), info[4+size:]
	if bits != 128 && bits != 192 && bits != 256 {
		return nil
	}
	salt, verifier := v[4:20], slices.Concat(v[20:36], v[40:72])
	var key []byte
	ok := r.unlock(func(password []byte) bool {
		if !r.spins(rounds) {
			return false
		}
		h := sha1.New()                                                         //nolint:gosec // MS-OFFCRYPTO fixes the digest
		h.Write(append(r.spin(sha1.New(), salt, password, rounds), 0, 0, 0, 0)) //nolint:gosec // MS-OFFCRYPTO fixes the digest
		key = expand(h.Sum(nil))[:bits/8]
		plain := ecb(key, verifier)
		sum := sha1.Sum(plain[:16]) //nolint:gosec // MS-OFFCRYPTO fixes the digest
		return bytes.Equal(sum[:], plain[16:36])
	})
	if !ok {
		return nil
	}
	return ecb(key, b)
}

// expand doubles the length of a digest. MS-OFFCRYPTO, 2.3.4.7, as CryptDeriveKey does.
func expand(sum []byte) []byte {
	var out []byte
	for _, fill := range [...]byte{0x36, 0x5C} {
		pad := bytes.Repeat([]byte{fill}, 64)
		for k, c := range sum {
			pad[k] ^= c
		}
		digest := sha1.Sum(pad) //nolint:gosec // MS-OFFCRYPTO fixes the digest
		out = append(out, digest[:]...)
	}
	return out
}

// ecb decrypts independent whole blocks.
func ecb(key, b []byte) []byte {
	c, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	out := make([]byte, len(b)/aes.BlockSize*aes.BlockSize)
	for at := 0; at < len(out); at += aes.BlockSize {
		c.Decrypt(out[at:], b[at:])
	}
	return out
}

// agileKey holds the encryption parameters of a part of an agile document. MS-OFFCRYPTO,
// 2.3.4.10.
type agileKey struct {
	Spins         int    `xml:"spinCount,attr"`
	Bits          int    `xml:"keyBits,attr"`
	Block         int    `xml:"blockSize,attr"`
	Cipher        string `xml:"cipherAlgorithm,attr"`
	Chaining      string `xml:"cipherChaining,attr"`
	Digest        string `xml:"hashAlgorithm,attr"`
	Salt          string `xml:"saltValue,attr"`
	VerifierInput string `xml:"encryptedVerifierHashInput,attr"`
	VerifierHash  string `xml:"encryptedVerifierHashValue,attr"`
	Key           string `xml:"encryptedKeyValue,attr"`
}

// newHash returns the digest, nil for an unsupported one.
func (k *agileKey) newHash() hash.Hash {
	switch strings.ReplaceAll(strings.ToUpper(k.Digest), "-", "") {
	case "SHA1":
		return sha1.New() //nolint:gosec // MS-OFFCRYPTO allows the digest
	case "SHA256":
		return sha256.New()
	case "SHA384":
		return sha512.New384()
	case "SHA512":
		return sha512.New()
	}
	return nil
}

// valid reports whether the kind of key is supported.
func (k *agileKey) valid() bool {
	return k.newHash() != nil && k.Cipher == "AES" && k.Chaining == "ChainingModeCBC" && k.Block == aes.BlockSize &&
		(k.Bits == 128 || k.Bits == 192 || k.Bits == 256) && k.Spins >= 0
}

// The blocks for deriving the keys of parts. MS-OFFCRYPTO, 2.3.4.13.
const (
	verifierInputKey = "\xFE\xA7\xD2\x76\x3B\x4B\x9E\x79"
	verifierHashKey  = "\xD7\xAA\x0F\x6D\x30\x61\x34\x4E"
	packageKey       = "\x14\x6E\x0B\xE7\xAB\xAC\xD0\xD6"
)

// agile decrypts a package of Office 2010 and later: the password decrypts a key, which
// decrypts the document in segments of 4096 bytes.
func (r *reader) agile(info, b []byte) []byte {
	var x struct {
		Data agileKey   `xml:"keyData"`
		Keys []agileKey `xml:"keyEncryptors>keyEncryptor>encryptedKey"`
	}
	if xml.Unmarshal(info[:min(len(info), 64<<10)], &x) != nil || len(x.Keys) == 0 {
		return nil
	}
	x.Data.Spins = 0
	slot := x.Keys[len(x.Keys)-1] // certificates may precede the password
	if !slot.valid() || !x.Data.valid() {
		return nil
	}
	var key []byte
	ok := r.unlock(func(password []byte) bool {
		if !r.spins(slot.Spins) {
			return false
		}
		key = r.agileSlot(&slot, password)
		return key != nil
	})
	if !ok {
		return nil
	}
	return x.Data.segments(key, b)
}

// agileSlot returns the key that a password opens, or nil.
func (r *reader) agileSlot(k *agileKey, password []byte) []byte {
	salt, h := decode64(k.Salt), k.newHash()
	base := r.spin(h, salt, password, k.Spins)
	part := func(block, value string) []byte {
		h.Reset()
		h.Write(base)
		h.Write([]byte(block))
		return cbc(fit(h.Sum(nil), k.Bits/8, 0x36), fit(salt, k.Block, 0x36), decode64(value))
	}
	h2 := k.newHash()
	h2.Write(part(verifierInputKey, k.VerifierInput))
	sum, want := h2.Sum(nil), part(verifierHashKey, k.VerifierHash)
	if len(want) < len(sum) || !bytes.Equal(sum, want[:len(sum)]) {
		return nil
	}
	return part(packageKey, k.Key)
}

// segments decrypts the document. MS-OFFCRYPTO, 2.3.4.15.
func (k *agileKey) segments(key, b []byte) []byte {
	const segment = 4096
	salt, h := decode64(k.Salt), k.newHash()
	key = key[:min(len(key), k.Bits/8)]
	out := make([]byte, 0, len(b))
	for n := uint32(0); len(b) > 0; n++ {
		part := b[:min(segment, len(b))]
		b = b[len(part):]
		h.Reset()
		h.Write(salt)
		h.Write(binary.LittleEndian.AppendUint32(nil, n))
		out = append(out, cbc(key, fit(h.Sum(nil), k.Block, 0x36), part)...)
	}
	return out
}

// fit truncates or pads a digest.
func fit(b []byte, n int, pad byte) []byte {
	for len(b) < n {
		b = append(b, pad)
	}
	return b[:n]
}

// cbc decrypts chained whole blocks, nil with a wrong key size.
func cbc(key, iv, b []byte) []byte {
	c, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	out := make([]byte, len(b)/aes.BlockSize*aes.BlockSize)
	cipher.NewCBCDecrypter(c, iv).CryptBlocks(out, b[:len(out)])
	return out
}

// decode64 decodes the valid prefix of a value.
func decode64(s string) []byte {
	b := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Decode(b, []byte(s))
	if err != nil && n == 0 {
		return nil
	}
	return b[:n]
}
