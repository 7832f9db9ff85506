package attachment

import (
	"encoding/hex"
	"math"
	"slices"
	"strings"
)

// Sizes of a TLSH digest, by Oliver, Cheng and Chen, "TLSH - A Locality Sensitive Hash"
// (2013), in the variant of 128 buckets and one byte of checksum.
const (
	tlshMin     = 50 // minimum input of the published tool, in bytes
	tlshBuckets = 128
	tlshCode    = tlshBuckets / 4
	tlshPrefix  = "T1"
)

// pearson is the permutation of RFC 3074, Section 6, which TLSH uses to map triplets.
var pearson = [256]byte{
	1, 87, 49, 12, 176, 178, 102, 166, 121, 193, 6, 84, 249, 230, 44, 163,
	14, 197, 213, 181, 161, 85, 218, 80, 64, 239, 24, 226, 236, 142, 38, 200,
	110, 177, 104, 103, 141, 253, 255, 50, 77, 101, 81, 18, 45, 96, 31, 222,
	25, 107, 190, 70, 86, 237, 240, 34, 72, 242, 20, 214, 244, 227, 149, 235,
	97, 234, 57, 22, 60, 250, 82, 175, 208, 5, 127, 199, 111, 62, 135, 248,
	174, 169, 211, 58, 66, 154, 106, 195, 245, 171, 17, 187, 182, 179, 0, 243,
	132, 56, 148, 75, 128, 133, 158, 100, 130, 126, 91, 13, 153, 246, 216, 219,
	119, 68, 223, 78, 83, 88, 201, 99, 122, 11, 92, 32, 136, 114, 52, 10,
	138, 30, 48, 183, 156, 35, 61, 26, 143, 74, 251, 94, 129, 162, 63, 152,
	170, 7, 115, 167, 241, 206, 3, 150, 55, 59, 151, 220, 90, 53, 23, 131,
	125, 173, 15, 238, 79, 95, 89, 16, 105, 137, 225, 224, 217, 160, 37, 123,
	118, 73, 2, 157, 46, 116, 9, 145, 134, 228, 207, 212, 202, 215, 69, 229,
	27, 188, 67, 124, 168, 252, 42, 4, 29, 108, 21, 247, 19, 205, 39, 203,
	233, 40, 186, 147, 198, 192, 155, 33, 164, 191, 98, 204, 165, 180, 117, 76,
	140, 36, 210, 172, 41, 54, 159, 8, 185, 232, 113, 196, 231, 47, 146, 120,
	51, 65, 28, 144, 254, 221, 93, 189, 194, 139, 112, 43, 71, 109, 184, 209,
}

func triplet(salt, a, b, c byte) byte { return pearson[pearson[pearson[pearson[salt]^a]^b]^c] }

// TLSH returns the locality-sensitive digest of data, or "" if data is shorter than 50
// bytes or too uniform.
func TLSH(data []byte) string {
	if len(data) < tlshMin {
		return ""
	}
	counts, checksum := tlshCount(data)
	sorted := counts
	used := sorted[:tlshBuckets]
	slices.Sort(used)
	q1, q2, q3 := used[tlshBuckets/4-1], used[tlshBuckets/2-1], used[3*tlshBuckets/4-1]
	// At least half of the buckets must be filled, as in the published tool.
	if used[tlshBuckets/2-1] == 0 || q3 == 0 {
		return ""
	}
	digest := [3 + tlshCode]byte{
		swap(checksum), swap(tlshLength(len(data))),
		tlshRatio(q1, q3)<<4 | tlshRatio(q2, q3),
	}
	for i := range tlshCode {
		var code byte
		for j := range 4 {
			code |= quartile(counts[4*i+j], q1, q2, q3) << (2 * j)
		}
		digest[len(digest)-1-i] = code // the published digest is written backwards
	}
	return tlshPrefix + strings.ToUpper(hex.EncodeToString(digest[:]))
}

// tlshCount slides a window of five bytes and counts its six triplets.
func tlshCount(data []byte) (counts [256]uint32, checksum byte) {
	for i := 4; i < len(data); i++ {
		a, b, c, d, e := data[i], data[i-1], data[i-2], data[i-3], data[i-4]
		checksum = triplet(0, a, b, checksum)
		counts[triplet(2, a, b, c)]++
		counts[triplet(3, a, b, d)]++
		counts[triplet(5, a, c, d)]++
		counts[triplet(7, a, c, e)]++
		counts[triplet(11, a, b, e)]++
		counts[triplet(13, a, d, e)]++
	}
	return counts, checksum
}

func tlshRatio(q, q3 uint32) byte { return byte(uint32(float32(q*100)/float32(q3)) % 16) }

func quartile(n, q1, q2, q3 uint32) byte {
	switch {
	case n > q3:
		return 3
	case n > q2:
		return 2
	case n > q1:
		return 1
	}
	return 0
}

// tlshLength maps a length to a byte: finer steps for longer files.
func tlshLength(n int) byte {
	l := math.Log(float64(n))
	switch {
	case n <= 656:
		l /= math.Log(1.5)
	case n <= 3199:
		l = l/math.Log(1.3) - 8.72777
	default:
		l = l/math.Log(1.1) - 62.5472
	}
	return byte(int(math.Floor(l)))
}

func swap(b byte) byte { return b<<4 | b>>4 }
