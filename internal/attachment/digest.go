package attachment

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // a name of files that the field uses, no protection
	"crypto/sha1" //nolint:gosec // as MD5
	"crypto/sha256"
	"encoding/hex"
	"math"
)

// Bounds of examine.
const (
	headBytes = 64
	hostBytes = 256 << 10 // a script that starts programs is rarely longer
	tlshBytes = 8 << 20   // TLSH runs at 100 MB/s; later bytes add little
)

// examine sets the facts from the bytes: type, digests, entropy and head.
func examine(f *File, data []byte) {
	m, s, l := md5.Sum(data), sha1.Sum(data), sha256.Sum256(data) //nolint:gosec // see the imports
	f.MD5, f.SHA1, f.SHA256 = hex.EncodeToString(m[:]), hex.EncodeToString(s[:]), hex.EncodeToString(l[:])
	f.TLSH = TLSH(data[:min(len(data), tlshBytes)])
	f.Entropy = entropy(data)
	f.Head = append([]byte(nil), data[:min(len(data), headBytes)]...)
	f.Format, f.MIME = identify(data, f.Extension)
	f.Type = typeOf(f.Format)
	f.HostScript = (f.Extension == "js" || f.Extension == "mjs") && callsHost(data[:min(len(data), hostBytes)])
}

// callsHost reports whether a script names an object of the Windows Script Host.
func callsHost(script []byte) bool {
	low := bytes.ToLower(script)
	for _, word := range []string{"activexobject", "wscript", "getobject", "shell.application", "scripting."} {
		if bytes.Contains(low, []byte(word)) {
			return true
		}
	}
	return false
}

// entropy returns Shannon's entropy in bits per byte.
func entropy(data []byte) float64 {
	var counts [256]int
	for _, b := range data {
		counts[b]++
	}
	var sum float64
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(data))
			sum -= p * math.Log2(p)
		}
	}
	return sum
}
