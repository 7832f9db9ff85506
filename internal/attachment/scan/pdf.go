package scan

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the published hash of objects is MD5
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"outrider/internal/attachment/pdf"
)

// ReadPDF returns the links of a document.
func ReadPDF(p *pdf.Document, extracted int, b *Budget) *PDF {
	out := &PDF{InvalidURLs: []string{}, TotalExtracted: extracted, TotalObjects: p.Objects}
	good := set{}
	for _, u := range p.URIs {
		if strings.Contains(u, ":") || strings.HasPrefix(strings.ToLower(u), "www.") {
			good.add(b, u, maxWord, maxStrings)
		} else {
			b.keep(&out.InvalidURLs, u, maxWord, maxItems)
		}
	}
	out.URLs = good.strings()
	return out
}

// Objects holds the objects of a PDF with their order and types: those in the file itself,
// each by its last definition.
type Objects struct {
	data []byte
	all  []pdfObject // in the order of the file
}

// pdfObject is one object that is in the file itself.
type pdfObject struct {
	num      int
	from, to int // of its dictionary in the data, both 0 if it is another value
}

// maxObjects bounds the objects of one document; a book of a thousand pages has 20,000.
const maxObjects = 100_000

// ReadObjects finds the objects of a document. Each byte is read once.
func ReadObjects(data []byte) *Objects {
	o := &Objects{data: data}
	last := map[int]int{}
	var found []pdfObject
	ends := pdfEnds{data: data}
	for at := 0; len(found) < maxObjects; {
		n := bytes.Index(data[at:], []byte("obj"))
		if n < 0 {
			break
		}
		at += n + 3
		num, _, ok := pdf.ObjectNumber(data, at-3)
		if !ok {
			continue
		}
		x := pdfLexer{data: data, at: at}
		object := pdfObject{num: num}
		if x.dictionary(nil) {
			object.from, object.to = at, x.at
		}
		x.space()
		at = max(at, x.at)
		if object.to > 0 && bytes.HasPrefix(data[x.at:], []byte("stream")) {
			at = ends.streamEnd(x.at, object.lengthOf(data))
		}
		last[num] = len(found)
		found = append(found, object)
	}
	for k := range found {
		if last[found[k].num] == k {
			o.all = append(o.all, found[k])
		}
	}
	return o
}

var (
	infoRef     = regexp.MustCompile(`/Info[\s\x00]+([0-9]{1,10})[\s\x00]+[0-9]{1,5}[\s\x00]+R`)
	encryptRef  = regexp.MustCompile(`/Encrypt[\s\x00]+([0-9]{1,10})[\s\x00]+[0-9]{1,5}[\s\x00]+R`)
	streamTable = regexp.MustCompile(`^[\s\x00]*[0-9]{1,10}[\s\x00]+[0-9]{1,5}[\s\x00]+obj`)
)

// lengthOf returns the direct length in the dictionary of a stream, or -1.
func (o *pdfObject) lengthOf(data []byte) int {
	length := -1
	x := pdfLexer{data: data[:o.to], at: o.from}
	x.dictionary(func(key string, value []byte) {
		if n, err := strconv.Atoi(string(bytes.TrimSpace(value))); key == "Length" && err == nil && n >= 0 && n <= len(data) {
			length = n
		}
	})
	return length
}

// pdfEnds finds the ends of streams. A missing word is searched once.
type pdfEnds struct {
	data []byte
	next int // offset of the next "endstream", as far as searched
}

func (e *pdfEnds) streamEnd(at, length int) int {
	if to := at + len("stream") + length; length >= 0 && to < len(e.data) {
		if bytes.Contains(e.data[to:min(len(e.data), to+16)], []byte("endstream")) {
			return to
		}
	}
	if e.next < at {
		n := bytes.Index(e.data[at:], []byte("endstream"))
		if n < 0 {
			n = len(e.data) - at
		}
		e.next = at + n
	}
	return e.next
}

// dict calls f with the keys of an object's dictionary and their values as written.
func (o *Objects) dict(p pdfObject, f func(key string, value []byte)) {
	if p.to > 0 {
		x := pdfLexer{data: o.data[:p.to], at: p.from}
		x.dictionary(f)
	}
}

// object returns the object with that number.
func (o *Objects) object(num int) (pdfObject, bool) {
	k := slices.IndexFunc(o.all, func(p pdfObject) bool { return p.num == num })
	if k < 0 {
		return pdfObject{}, false
	}
	return o.all[k], true
}

// Hash returns Proofpoint's PDF object hash: the MD5 of the type of every object in file
// order, each followed by a bar. The type is that of the dictionary with its subtype, or
// the first key without a type, or "None" if it is no dictionary. Signatures without a
// blank after /Type are left out, as its authors do.
func (o *Objects) Hash(b *Budget) *PDFObjectHash {
	var s strings.Builder
	for _, p := range o.all {
		if t, out := o.typeOf(p); !out {
			s.WriteString(t + "|")
		}
		if s.Len() > maxRaw {
			b.Cut = true
			break
		}
	}
	sum := md5.Sum([]byte(s.String())) //nolint:gosec // see the import
	return &PDFObjectHash{ObjectHash: hex.EncodeToString(sum[:]), HashString: b.Text(s.String(), maxRaw/8)}
}

// typeOf returns the hash's word for an object, and whether it is left out as a signature.
func (o *Objects) typeOf(p pdfObject) (word string, out bool) {
	var first, kind, sub string
	o.dict(p, func(key string, value []byte) {
		if first == "" {
			first = key
		}
		v := strings.TrimPrefix(strings.TrimSpace(string(value[:min(len(value), 128)])), "/")
		switch key {
		case "Type":
			kind, out = v, bytes.HasPrefix(value, []byte("/Sig"))
		case "Subtype":
			sub = v
		}
	})
	switch {
	case kind != "" && sub != "":
		return kind + "/" + sub, out
	case kind != "":
		return kind, out
	case first != "":
		return first, false
	default:
		return "None", false
	}
}

// PDF adds the metadata of a document. data is the file, p its parsed form.
func (m *Metadata) PDF(data []byte, p *pdf.Document, o *Objects) {
	m.AddSome("PDFVersion", p.Version)
	m.Add("Linearized", yesNo(bytes.Contains(data[:min(len(data), 1024)], []byte("/Linearized"))))
	if warning := xrefWarning(data); warning != "" {
		m.Add("Warning", warning)
	}
	if slices.Contains(p.Notes, pdf.BadEncryption) {
		m.Add("Warning", "Document is password protected (use Password option)")
	}
	if p.Encrypted {
		m.Add("Encryption", o.encryption())
	}
	if p.Pages > 0 {
		m.Add("PageCount", strconv.Itoa(p.Pages))
	}
	m.information(p, o)
	m.signature(o)
	m.xmp(data)
}

func yesNo(b bool) string {
	if b {
		return "Yes"
	}
	return "No"
}

// xrefWarning describes the defect of the object table in ExifTool's words. ISO 32000-1,
// Section 7.5.5: its offset is near the end of the file.
func xrefWarning(data []byte) string {
	at := bytes.LastIndex(data, []byte("startxref"))
	if at < 0 {
		return "Missing xref table"
	}
	fields := bytes.Fields(data[at+9 : min(len(data), at+40)])
	if len(fields) == 0 {
		return "Invalid xref table"
	}
	offset, err := strconv.Atoi(string(fields[0]))
	start := max(0, bytes.Index(data[:min(len(data), 1024)], []byte("%PDF-")))
	if offset += start; err != nil || offset < 0 || offset >= len(data) {
		return "Invalid xref table"
	}
	if table := data[offset:min(len(data), offset+64)]; !bytes.HasPrefix(bytes.TrimLeft(table, "\r\n \t"), []byte("xref")) && !streamTable.Match(table) {
		return "Invalid xref table"
	}
	return ""
}

// encryption names the security handler as ExifTool does.
func (o *Objects) encryption() string {
	values := map[string]string{"Filter": "Standard", "Length": "40"}
	if num, ok := lastRef(o.data, encryptRef); ok {
		if p, ok := o.object(num); ok {
			o.dict(p, func(key string, value []byte) {
				values[key] = strings.TrimPrefix(strings.TrimSpace(string(value[:min(len(value), 32)])), "/")
			})
		}
	}
	if values["V"] == "5" {
		values["Length"] = "256"
	}
	return values["Filter"] + " V" + values["V"] + "." + values["R"] + " (" + values["Length"] + "-bit)"
}

func lastRef(data []byte, re *regexp.Regexp) (int, bool) {
	all := re.FindAllSubmatch(data, 1000)
	if len(all) == 0 {
		return 0, false
	}
	n, err := strconv.Atoi(string(all[len(all)-1][1]))
	return n, err == nil
}

// information adds the information dictionary. ISO 32000-1, Section 14.3.3. Empty values
// are kept: they identify some makers of lures.
func (m *Metadata) information(p *pdf.Document, o *Objects) {
	known := map[string]string{
		"Title": p.Info.Title, "Author": p.Info.Author, "Subject": p.Info.Subject, "Creator": p.Info.Creator, "Producer": p.Info.Producer,
	}
	if num, ok := lastRef(o.data, infoRef); ok && !p.Encrypted {
		if info, ok := o.object(num); ok {
			o.dict(info, func(key string, value []byte) {
				if _, is := known[key]; is && known[key] == "" {
					m.Add(key, pdfText(value))
				}
				switch key {
				case "CreationDate":
					m.AddSome("CreateDate", pdfDate(pdfText(value)))
				case "ModDate":
					m.AddSome("ModifyDate", pdfDate(pdfText(value)))
				case "Keywords":
					m.Add("Keywords", pdfText(value))
				}
			})
		}
	}
	for _, key := range []string{"Title", "Author", "Subject", "Creator", "Producer"} {
		m.AddSome(key, known[key])
	}
}

// signature adds the fields of the first signature. ISO 32000-1, table 252.
func (m *Metadata) signature(o *Objects) {
	for _, p := range o.all {
		if t, _ := o.typeOf(p); t != "Sig" {
			continue
		}
		o.dict(p, func(key string, value []byte) {
			switch key {
			case "Reason":
				m.AddSome("SigningReason", pdfText(value))
			case "Location":
				m.AddSome("SigningLocation", pdfText(value))
			case "M":
				m.AddSome("SigningDate", pdfDate(pdfText(value)))
			}
		})
		return
	}
}
