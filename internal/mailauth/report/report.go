// Package report parses the reports that receivers send about a domain: DMARC aggregate
// reports and SMTP TLS reports.
//
// A receiver counts a domain's mail of a day, by sending address and outcome, and mails the
// counts as an attachment, mostly compressed. The reports show an owner who sends in his
// name and what a stricter policy would break. They come unauthenticated from anybody, so
// they are weak evidence and hostile input.
//
// Standards: RFC 7489, Appendix C and RFC 9990 (aggregate reports), RFC 8460 (TLS reports).
//
// Divergences: element names are matched without their namespace. Unknown elements are
// skipped. Values outside of the schema are kept as written.
//
// Limits: see Limits. Document types, entities beyond the five of XML, and encodings other
// than UTF-8 and its subsets are refused. Of a ZIP archive the first file is read.
package report

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// Limits bounds the size of one report.
type Limits struct {
	Bytes   int64 // after unpacking; 0 is 32 MiB, above the largest reports of large receivers
	Records int   // records or failure details; 0 is 100,000
}

func (l Limits) bytes() int64 {
	if l.Bytes == 0 {
		return 32 << 20
	}
	return l.Bytes
}

func (l Limits) records() int {
	if l.Records == 0 {
		return 100_000
	}
	return l.Records
}

// The errors of parsing.
var (
	// ErrTooLarge is the error of a report above the limits.
	ErrTooLarge = errors.New("the report is too large")
	// ErrSyntax is the error of a malformed report.
	ErrSyntax = errors.New("malformed report")
)

// unpack returns the plain bytes of an attachment, which is plain, GZIP or ZIP. The content
// decides, since names and types in mail are often wrong.
func unpack(data []byte, l Limits) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("unpacking report: %w: %w", ErrSyntax, err)
		}
		// RFC 1952 allows several members; a report has one, and more is padding.
		z.Multistream(false)
		return readAll(z, l)
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return unzip(data, l)
	case int64(len(data)) > l.bytes():
		return nil, fmt.Errorf("reading report: %w", ErrTooLarge)
	default:
		return data, nil
	}
}

func unzip(data []byte, l Limits) ([]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("unpacking report: %w: %w", ErrSyntax, err)
	}
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("unpacking report: %w: %w", ErrSyntax, err)
		}
		out, err := readAll(r, l)
		return out, errors.Join(err, r.Close())
	}
	return nil, fmt.Errorf("unpacking report: %w: the archive is empty", ErrSyntax)
}

func readAll(r io.Reader, l Limits) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, l.bytes()+1))
	if err != nil {
		return nil, fmt.Errorf("unpacking report: %w: %w", ErrSyntax, err)
	}
	if int64(len(out)) > l.bytes() {
		return nil, fmt.Errorf("unpacking report: %w", ErrTooLarge)
	}
	return out, nil
}
