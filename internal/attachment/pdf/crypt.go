package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5" //nolint:gosec // ISO 32000-1, 7.6.3.3 prescribes it; nothing is protected by it here
	"crypto/rc4" //nolint:gosec // as above
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
)

// padding replaces the missing characters of a password. ISO 32000-1, 7.6.3.3.
const padding = "\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08" +
	"\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A"

// cipherKey decrypts the strings and streams of a document.
type cipherKey struct {
	key             []byte
	text, streams   name // V2, AESV2, AESV3, or None
	revision, bytes int
}

// maxPasswords bounds the passwords tried on one document: the newest kind takes ten
// milliseconds each.
const maxPasswords = 30

// unlock tries the empty user password, with which readers open a document without a
// prompt, and then the others, and decrypts the strings.
func (r *reader) unlock(passwords []string) {
	d := r.dict(r.trailer["Encrypt"])
	if d == nil {
		return
	}
	r.doc.Encrypted = true
	k := &cipherKey{revision: r.int(d["R"])}
	if !r.methods(k, d) || !r.try(k, d, passwords) {
		r.doc.note(BadEncryption)
		return
	}
	r.key = k
	self, _ := r.trailer["Encrypt"].(ref)
	for i, o := range r.objects {
		if o.num != int(self) {
			r.objects[i].value = k.open(o.value, o.num)
		}
	}
}

func (r *reader) try(k *cipherKey, d dict, passwords []string) bool {
	for _, p := range append([]string{""}, passwords[:min(len(passwords), maxPasswords)]...) {
		if r.derive(k, d, p) {
			r.doc.Password = p
			return true
		}
	}
	return false
}

// methods reads the ciphers. ISO 32000-1, 7.6.5: versions 4 and 5 define them in crypt
// filters.
func (r *reader) methods(k *cipherKey, d dict) bool {
	k.text, k.streams, k.bytes = "V2", "V2", 5
	switch v := r.int(d["V"]); {
	case v == 1:
		return true
	case v == 2 || v == 3:
		if n := r.int(d["Length"]); n >= 40 && n <= 128 {
			k.bytes = n / 8
		}
		return true
	case v != 4 && v != 5:
		return false
	}
	k.bytes = 16
	method := func(key name) name {
		n, _ := r.resolve(d[key]).(name)
		m, _ := r.resolve(r.dict(r.dict(d["CF"])[n])["CFM"]).(name)
		if m == "" {
			return "None"
		}
		return m
	}
	k.text, k.streams = method("StrF"), method("StmF")
	return true
}

// derive computes the key of a user password and checks it.
func (r *reader) derive(k *cipherKey, d dict, password string) bool {
	raw := func(key name) []byte {
		t, _ := r.resolve(d[key]).(text)
		return t.raw
	}
	o, u := raw("O"), raw("U")
	if k.revision >= 5 {
		return k.derive256(u, raw("UE"), password[:min(len(password), 127)])
	}
	if k.revision < 2 || len(o) < 32 || len(u) < 32 {
		return false
	}
	var id []byte
	if ids, ok := r.resolve(r.trailer["ID"]).(array); ok && len(ids) > 0 {
		t, _ := r.resolve(ids[0]).(text)
		id = t.raw
	}
	// ISO 32000-1, 7.6.3.3, algorithm 2.
	in := append([]byte((password + padding)[:32]), o[:32]...)
	in = binary.LittleEndian.AppendUint32(in, uint32(int64(r.int(d["P"]))))
	in = append(in, id...)
	if plain, ok := r.resolve(d["EncryptMetadata"]).(bool); ok && !plain && k.revision >= 4 {
		in = append(in, 0xFF, 0xFF, 0xFF, 0xFF)
	}
	sum := md5.Sum(in) //nolint:gosec // as above
	if k.revision >= 3 {
		for range 50 {
			sum = md5.Sum(sum[:k.bytes]) //nolint:gosec // as above
		}
	}
	k.key = sum[:k.bytes]
	return k.check(u, id)
}

// check compares the key's output with the U entry. ISO 32000-1, 7.6.3.4, algorithms 4 to
// 6.
func (k *cipherKey) check(u, id []byte) bool {
	if k.revision == 2 {
		return bytes.Equal(rc4With(k.key, []byte(padding)), u[:32])
	}
	sum := md5.Sum(append([]byte(padding), id...)) //nolint:gosec // as above
	out := sum[:]
	for i := range 20 {
		round := make([]byte, len(k.key))
		for j, c := range k.key {
			round[j] = c ^ byte(i)
		}
		out = rc4With(round, out)
	}
	return bytes.Equal(out, u[:16])
}

func rc4With(key, in []byte) []byte {
	c, err := rc4.NewCipher(key) //nolint:gosec // as above
	if err != nil {
		return in
	}
	out := make([]byte, len(in))
	c.XORKeyStream(out, in)
	return out
}

// derive256 is for keys of 256 bits. ISO 32000-2, 7.6.4.3.3, algorithm 2.A: U is a hash, a
// salt for verification, and a salt for the key that encrypts the key.
func (k *cipherKey) derive256(u, ue []byte, password string) bool {
	if len(u) < 48 || len(ue) < 32 || k.revision > 6 {
		return false
	}
	hash := hash6
	if k.revision == 5 {
		hash = func(password, salt []byte) []byte {
			sum := sha256.Sum256(append(bytes.Clone(password), salt...))
			return sum[:]
		}
	}
	if !bytes.Equal(hash([]byte(password), u[32:40]), u[:32]) {
		return false
	}
	block, err := aes.NewCipher(hash([]byte(password), u[40:48]))
	if err != nil {
		return false
	}
	k.key = make([]byte, 32)
	cipher.NewCBCDecrypter(block, make([]byte, 16)).CryptBlocks(k.key, ue[:32])
	return true
}

// hash6 is algorithm 2.B of ISO 32000-2, 7.6.4.3.4, for user passwords: at least 64 rounds,
// until the last byte of a round allows an end, by the 288th at the latest.
func hash6(password, salt []byte) []byte {
	first := sha256.Sum256(append(bytes.Clone(password), salt...))
	k := first[:]
	for i := 0; i < 1000; i++ {
		e := bytes.Repeat(append(bytes.Clone(password), k...), 64)
		block, err := aes.NewCipher(k[:16])
		if err != nil {
			return nil
		}
		cipher.NewCBCEncrypter(block, k[16:32]).CryptBlocks(e, e)
		mod := 0
		for _, c := range e[:16] { // 256 is 1 modulo 3, so that digits add up
			mod += int(c)
		}
		k = hashBy(mod%3, e)
		if i >= 63 && int(e[len(e)-1]) <= i-31 {
			break
		}
	}
	return k[:32]
}

func hashBy(which int, in []byte) []byte {
	switch which {
	case 0:
		sum := sha256.Sum256(in)
		return sum[:]
	case 1:
		sum := sha512.Sum384(in)
		return sum[:]
	}
	sum := sha512.Sum512(in)
	return sum[:]
}

// open decrypts the strings inside a value of an object.
func (k *cipherKey) open(v value, num int) value {
	switch v := v.(type) {
	case text:
		return text{k.decrypt(k.text, v.raw, num), false}
	case array:
		for i := range v {
			v[i] = k.open(v[i], num)
		}
	case dict:
		for key := range v {
			v[key] = k.open(v[key], num)
		}
	case *stream:
		k.open(v.dict, num)
	}
	return v
}

// stream decrypts the bytes of a stream. ISO 32000-1, 7.5.8.2: cross-reference streams
// are never encrypted.
func (k *cipherKey) stream(s *stream) []byte {
	if s.dict["Type"] == name("XRef") {
		return s.raw
	}
	return k.decrypt(k.streams, s.raw, s.num)
}

// decrypt is algorithm 1 of ISO 32000-1, 7.6.2. Generations above 0 are not supported.
func (k *cipherKey) decrypt(method name, in []byte, num int) []byte {
	key := k.key
	if method == "V2" || method == "AESV2" {
		seed := append(append([]byte{}, key...), byte(num), byte(num>>8), byte(num>>16), 0, 0)
		if method == "AESV2" {
			seed = append(seed, "sAlT"...)
		}
		sum := md5.Sum(seed) //nolint:gosec // as above
		key = sum[:min(len(k.key)+5, 16)]
	}
	switch method {
	case "V2":
		return rc4With(key, in)
	case "AESV2", "AESV3":
		return unAES(key, in)
	}
	return in
}

// unAES decrypts CBC with a leading vector and padding at the end.
func unAES(key, in []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil || len(in) < 32 {
		return nil
	}
	out := make([]byte, (len(in)-16)/16*16)
	cipher.NewCBCDecrypter(block, in[:16]).CryptBlocks(out, in[16:16+len(out)])
	if n := int(out[len(out)-1]); n >= 1 && n <= 16 {
		out = out[:len(out)-n]
	}
	return out
}
