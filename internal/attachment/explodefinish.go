package attachment

import (
	"strconv"
	"strings"

	"outrider/internal/attachment/scan"
)

// finish adds the facts that depend on all files. Children come after their parents, so a
// backward pass brings the macros of parts to their documents.
func (x *explosion) finish() {
	if x == nil {
		return
	}
	for id := len(x.inspector.report.Files) - 1; id >= 0; id-- {
		x.inside(id)
		x.shown(id)
		if o, parent := x.offices[id], x.inspector.file(id).Parent; o != nil && x.offices[parent] != nil {
			up := &x.offices[parent].Project
			up.Modules = append(up.Modules, o.Project.Modules...)
			up.Keywords = append(up.Keywords, o.Project.Keywords...)
			up.Formulas += o.Project.Formulas
		}
	}
	x.functions()
}

// inside records the contents of archives, and the passwords that opened them.
func (x *explosion) inside(id int) {
	f := x.inspector.file(id)
	x.fact(id, func(s *scan.Scan, b *scan.Budget) {
		s.Yara = x.yara[id]
		if f.Archive != nil {
			archived(s, f, b)
		}
		if f.Encrypted && (x.offices[id] != nil || f.Format == "pdf") {
			s.EncryptedDoc = &scan.EncryptedDoc{CrackedPassword: optional(f.Password)}
		}
	})
	if f.Archive != nil && (f.Format == "rar" || f.Format == "7z") {
		x.metadata(id, func(m *scan.Metadata) { m.Archive(f.Archive.Paths) })
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// archived records the facts of an archive under the name of its reader.
func archived(s *scan.Scan, f *File, b *scan.Budget) {
	a := f.Archive
	total := &scan.Total{TotalFiles: a.Entries, TotalExtracted: a.Extracted}
	switch f.Format {
	case "pdf", "rtf", "ics", "eml", "html", "htmlsheet", "doc", "xls", "ppt", "ole", "msg", "msi", "lnk", "encrypted-ooxml", "onenote", "tnef":
	case "rar":
		s.RAR = total
	case "tar":
		s.Tar = total
	case "gz":
		s.Gzip = total
	case "bz2":
		s.Bzip2 = total
	case "zip", "jar", "apk", "epub", "odf", "msix", "docx", "docm", "xlsx", "xlsm", "xlsb", "pptx", "pptm", "ooxml":
		s.Zip = scan.NewZip(b, a.Paths, f.Encrypted)
		s.Zip.TotalFiles, s.Zip.TotalExtracted = a.Entries, a.Extracted
		if f.Encrypted {
			s.EncryptedZip = &scan.EncryptedZip{CrackedPassword: optional(f.Password), TotalFiles: a.Entries, TotalExtracted: a.Extracted}
		}
	default:
		s.Libarchive = total
	}
}

// shown records the codes and recognised text of a file.
func (x *explosion) shown(id int) {
	f := x.inspector.file(id)
	x.fact(id, func(s *scan.Scan, b *scan.Budget) {
		if f.Document != nil && (IsPicture(f.Format) || f.Format == "pdf") {
			codesOf(x.inspector.report, id, b)
		}
		if texts, ok := x.pages[id]; ok {
			s.OCR = scan.NewOCR(texts, b)
		}
	})
}

// codesOf sets the codes of a file; those of the input include those of its pictures.
func codesOf(r *Report, id int, b *scan.Budget) {
	s := r.Files[id].Scan
	if s == nil {
		return
	}
	codes := r.Files[id].Document.Codes
	for k := 1; id == 0 && k < len(r.Files); k++ {
		if f := &r.Files[k]; f.Parent == 0 && f.Document != nil {
			codes = append(codes[:len(codes):len(codes)], f.Document.Codes...)
		}
	}
	first, all := scan.ReadCodes(distinct(codes), find, b)
	s.QR = first
	if id == 0 {
		s.Codes = all
	}
}

func distinct(list []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// functions sets the results of separate functions for the input.
func (x *explosion) functions() {
	x.fact(0, func(s *scan.Scan, b *scan.Budget) {
		if o := x.offices[0]; o != nil {
			o.Flash = x.inspector.report.count("swf")
			s.Oletools = o.Oletools(b)
			if s.VBA == nil {
				s.VBA = o.Project.VBA(b)
			}
		}
		if texts := x.allTexts(); len(texts) > 0 {
			s.Read = scan.NewOCRText(texts, b)
		}
	})
}

// allTexts returns the texts shown by the input and its pages and pictures.
func (x *explosion) allTexts() []string {
	var out []string
	for k := range x.inspector.report.Files {
		if x.inspector.file(k).Parent <= 0 {
			out = append(out, x.pages[k]...)
		}
	}
	return out
}

// count returns the number of files with the format.
func (r *Report) count(format string) int {
	n := 0
	for k := range r.Files {
		if r.Files[k].Format == format {
			n++
		}
	}
	return n
}

// Responses returns the files of a report in the form for rules: a flat list, breadth
// first, the input first. Files that were not scanned have only the known facts.
func Responses(r *Report) []scan.Response {
	var out []scan.Response
	deepest := 0
	for k := range r.Files {
		deepest = max(deepest, r.Files[k].Depth)
	}
	for depth := range deepest + 1 {
		for k := range r.Files {
			if r.Files[k].Depth == depth {
				out = append(out, response(r, k))
			}
		}
	}
	return out
}

func response(r *Report, k int) scan.Response {
	f := &r.Files[k]
	out := scan.Response{
		Depth: f.Depth, FileName: f.Name, FileExtension: f.Extension, Size: f.Size, NodeID: strconv.Itoa(f.ID), Source: f.Source,
		Flavors: scan.Flavors{MIME: f.MIME, Yara: []string{}, External: []string{}},
	}
	if f.Parent >= 0 {
		parent := strconv.Itoa(f.Parent)
		out.ParentNodeID = &parent
		if out.Source == "" || out.Source == SourceTNEFBody || out.Source == SourceMessageBody {
			out.Source = sourceOf(r.Files[f.Parent].Format)
		}
	}
	if f.Flavors != nil {
		out.Flavors = *f.Flavors
	}
	if f.Scan != nil {
		out.Scan = *f.Scan
	}
	return out
}

// sourceOf returns the public rules' name of the reader that extracts files from a format.
func sourceOf(format string) string {
	switch format {
	case "gz":
		return "ScanGzip"
	case "bz2":
		return "ScanBzip2"
	case "docx", "docm", "xlsx", "xlsm", "xlsb", "pptx", "pptm", "ooxml", "jar", "apk", "epub", "odf", "msix":
		return "ScanZip"
	case "doc", "xls", "ppt", "ole", "msi", "msg", "encrypted-ooxml":
		return "ScanOle"
	case "eml":
		return "ScanEmail"
	case "":
		return ""
	}
	return "Scan" + strings.ToUpper(format[:1]) + format[1:]
}
