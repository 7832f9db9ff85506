package scan

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
)

// tastes map prefixes of files to their kinds.
var tastes = [...]struct{ prefix, name string }{
	{"MZ", "mz_file"}, {"\x7fELF", "elf_file"},
	{"\xcf\xfa\xed\xfe", "macho_file"}, {"\xce\xfa\xed\xfe", "macho_file"}, {"\xfe\xed\xfa\xcf", "macho_file"}, {"\xfe\xed\xfa\xce", "macho_file"},
	{"L\x00\x00\x00\x01\x14\x02\x00", "lnk_file"}, {"%PDF", "pdf_file"}, {"{\\rt", "rtf_file"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "olecf_file"}, {"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "onenote_file"},
	{"7z\xbc\xaf\x27\x1c", "_7zip_file"}, {"Rar!\x1a\x07", "rar_file"}, {"MSCF\x00\x00\x00\x00", "cab_file"}, {"\x60\xea", "arj_file"},
	{"\x1f\x8b\x08", "gzip_file"}, {"BZh", "bzip2_file"}, {"\xfd7zXZ\x00", "xz_file"}, {"\x5d\x00\x00", "lzma_file"},
	{"\x78\x01", "zlib_file"}, {"\x78\x9c", "zlib_file"}, {"\x78\xda", "zlib_file"}, {"\x78\x9f\x3e\x22", "tnef_file"},
	{"\x89PNG", "png_file"}, {"\xff\xd8\xff", "jpeg_file"}, {"GIF87a", "gif_file"}, {"GIF89a", "gif_file"}, {"8BPS", "psd_file"},
	{"!<arch>\ndebian", "debian_package_file"}, {"\xed\xab\xee\xdb", "rpm_file"}, {"xar!", "xar_file"}, {"bplist00", "bplist_file"},
	{"FWS", "fws_file"}, {"CWS", "cws_file"}, {"ZWS", "zws_file"}, {"ID3", "mp3_file"}, {"%!PS-Adobe-3.0", "postscript_file"},
	{"-----BEGIN CERTI", "x509_pem_file"}, {"-----BEGIN PKCS7", "pkcs7_file"}, {"<?mso-", "mso_file"},
	{"Attribute VB_Name =", "vb_file"}, {"Option Explicit", "vb_file"}, {"Dim ", "vb_file"}, {"Public Sub ", "vb_file"}, {"Private Sub ", "vb_file"},
}

// kinds map our formats to kinds of files.
var kinds = map[string]string{
	"js": "javascript_file", "vbs": "vb_file", "html": "html_file", "htmlsheet": "html_file", "hta": "hta_file", "bat": "batch_file", "svg": "svg_file", "xml": "xml_file",
	"eml": "email_file", "iso": "iso_file", "tar": "tar_file", "macho": "macho_file", "zip": "zip_file", "jar": "zip_file", "odf": "zip_file",
	"apk": "zip_file", "epub": "zip_file", "docx": "ooxml_file", "docm": "ooxml_file", "xlsx": "ooxml_file", "xlsm": "ooxml_file",
	"xlsb": "ooxml_file", "pptx": "ooxml_file", "pptm": "ooxml_file", "ooxml": "ooxml_file", "encrypted-ooxml": "encrypted_word_document",
	"pgp": "pgp_file", "ics": "ics_file", "vcf": "vcard_file", "json": "json_file", "pdf": "pdf_file", "rtf": "rtf_file", "bmp": "bmp_file",
}

// Tastes returns the kinds of a file, sorted. script reports whether its container runs it
// as JavaScript.
func Tastes(data []byte, format string, script bool) []string {
	out := []string{}
	for _, t := range tastes {
		if bytes.HasPrefix(data, []byte(t.prefix)) {
			out = append(out, t.name)
		}
	}
	if name := kinds[format]; name != "" {
		out = append(out, name)
	}
	if script {
		out = append(out, "javascript_file")
	}
	if format == "hta" {
		out = append(out, "html_file")
	}
	if encryptedZip(data) {
		out = append(out, "encrypted_zip")
	}
	if hasProgram(data) {
		out = append(out, "base64_pe")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// encryptedZip reports whether a local header of a zip has the encryption flag. APPNOTE
// 4.4.4.
func encryptedZip(data []byte) bool {
	if !bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		return false
	}
	for at := 0; ; at += 4 {
		n := bytes.Index(data[at:], []byte("PK\x03\x04"))
		if n < 0 || at+n+8 > len(data) {
			return false
		}
		if at += n; data[at+6]&1 != 0 {
			return true
		}
	}
}

// headerRun is the length of the DOS header in characters of base64.
const headerRun = 88

// hasProgram reports whether the file contains a Windows program in base64: a DOS header
// followed by a Windows header. UTF-16 is searched too.
func hasProgram(data []byte) bool {
	if bytes.HasPrefix(data, []byte("MZ")) {
		return false
	}
	for _, step := range []int{1, 2} {
		for at := 0; ; at++ {
			n := bytes.Index(data[at:], mark(step))
			if n < 0 {
				break
			}
			at += n
			if programAt(data[at:min(len(data), at+step*headerRun)], step) {
				return true
			}
		}
	}
	return false
}

// mark is the beginning of every program in base64.
func mark(step int) []byte {
	if step == 1 {
		return []byte("TV")
	}
	return []byte("T\x00V\x00")
}

func programAt(b []byte, step int) bool {
	if len(b) < step*headerRun || strings.IndexByte("opqr", b[2*step]) < 0 {
		return false
	}
	const last = headerRun - 8 // characters before the offset of the second header
	var run [8]byte
	for k := range run {
		run[k] = b[(last+k)*step]
	}
	var tail [6]byte
	if _, err := base64.StdEncoding.Decode(tail[:], run[:]); err != nil {
		return false
	}
	for k := range last {
		if c := base64Class(b[k*step]); c != 1 && c != 2 {
			return false
		}
	}
	at := binary.LittleEndian.Uint32(tail[:])
	return at >= 0x40 && at <= 0x1000
}
