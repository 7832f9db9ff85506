package message

import (
	"cmp"
	"slices"
)

// maxDefects bounds the defects kept for one message; more add no information.
const maxDefects = 200

// maxSameKind bounds the kept defects of one kind, so that many of one kind do not hide the
// others.
const maxSameKind = 10

// maxDetail bounds the bytes of Detail.
const maxDetail = 100

// DefectKind is the kind of a deviation from the standards.
type DefectKind string

// Defects of lines and bytes. Each is reported once per message, at the first place.
const (
	DefectBareLF   DefectKind = "bare-lf"   // a line ends with LF alone
	DefectBareCR   DefectKind = "bare-cr"   // a CR without LF
	DefectNUL      DefectKind = "nul"       // a NUL byte
	DefectLongLine DefectKind = "long-line" // a line is longer than 998 octets
)

// Defects of header sections.
const (
	DefectMboxFrom         DefectKind = "mbox-from"              // an mbox line "From " in the header section
	DefectHeaderMark       DefectKind = "header-byte-order-mark" // a byte order mark precedes the first field
	DefectNoHeader         DefectKind = "no-header"              // the message begins with its body
	DefectNoBody           DefectKind = "no-body"                // the message ends within its header section
	DefectHeaderEnd        DefectKind = "missing-header-end"     // no empty line ends the header section
	DefectNoColon          DefectKind = "field-without-colon"    // a header line is no field
	DefectSpaceBeforeColon DefectKind = "space-before-colon"     // white space between field name and colon
	DefectStrayFold        DefectKind = "stray-continuation"     // the first header line is a continuation
	DefectBlankFold        DefectKind = "blank-continuation"     // a header line has white space only; some clients end the section there
	DefectHeader8Bit       DefectKind = "header-8bit"            // bytes above 127 that are not UTF-8
	DefectHeaderUTF8       DefectKind = "header-utf8"            // UTF-8 without encoding
	DefectHeaderControl    DefectKind = "header-control"         // control characters in a field
	DefectDuplicateFrom    DefectKind = "duplicate-from"         // several From fields
	DefectDuplicateSubject DefectKind = "duplicate-subject"      // several Subject fields
	DefectDuplicateField   DefectKind = "duplicate-field"        // another field that may occur once is duplicated
	DefectDuplicateType    DefectKind = "duplicate-content-type" // several Content-Type fields
	DefectDuplicateMIME    DefectKind = "duplicate-mime-field"   // another MIME field is duplicated
	DefectBadWord          DefectKind = "bad-encoded-word"       // an encoded-word with unknown charset or encoding, or broken content
	DefectManyHeaders      DefectKind = "header-too-large"       // the budget for header sections is spent
)

// Defects of MIME fields.
const (
	DefectBadType          DefectKind = "bad-content-type"        // Content-Type without type and subtype
	DefectBadParameter     DefectKind = "bad-parameter"           // junk between parameters, an unterminated quote, a value that needs quotes
	DefectDuplicateParam   DefectKind = "duplicate-parameter"     // one parameter with different values
	DefectManyParameters   DefectKind = "too-many-parameters"     // more parameters than the limit
	DefectParamGap         DefectKind = "parameter-gap"           // RFC 2231 continuations that do not count up from 0
	DefectParamDuplicate   DefectKind = "parameter-section-twice" // duplicate number of an RFC 2231 continuation
	DefectParamMixed       DefectKind = "parameter-mixed"         // a parameter both plain and by RFC 2231
	DefectParamCharset     DefectKind = "parameter-charset"       // RFC 2231 value with unknown charset or bad percent signs
	DefectNameConflict     DefectKind = "conflicting-filename"    // Content-Disposition and Content-Type name different files
	DefectUnknownEncoding  DefectKind = "unknown-encoding"        // unknown transfer encoding, or several in a field
	DefectEncodedContainer DefectKind = "encoded-container"       // base64 or the like on a multipart or message
	DefectUnknownCharset   DefectKind = "unknown-charset"         // an unknown charset
	DefectCharsetMismatch  DefectKind = "charset-mismatch"        // bytes that are invalid in the declared charset
	DefectEightBit         DefectKind = "eight-bit"               // bytes above 127 in a part declared 7bit
)

// Defects of multiparts.
const (
	DefectNoBoundary        DefectKind = "missing-boundary"      // multipart without the parameter
	DefectEmptyBoundary     DefectKind = "empty-boundary"        // multipart with an empty boundary
	DefectLongBoundary      DefectKind = "long-boundary"         // boundary longer than 70 characters
	DefectAmbiguousBoundary DefectKind = "ambiguous-boundary"    // boundary that clients interpret differently
	DefectBoundaryReused    DefectKind = "boundary-reused"       // a multipart has the boundary of an outer one
	DefectDelimiterPrefix   DefectKind = "delimiter-prefix"      // a line that begins like a delimiter and continues
	DefectBoundaryNotFound  DefectKind = "boundary-not-found"    // the multipart contains no delimiter line
	DefectUnclosed          DefectKind = "unclosed-multipart"    // the closing delimiter is missing
	DefectAfterClose        DefectKind = "delimiter-after-close" // parts after the closing delimiter
	DefectPreamble          DefectKind = "preamble-content"      // more than a note before the first delimiter
	DefectEpilogue          DefectKind = "epilogue-content"      // text after the closing delimiter
	DefectTooDeep           DefectKind = "nested-too-deep"       // the budget for levels is spent
	DefectTooManyParts      DefectKind = "too-many-parts"        // the budget for parts is spent
)

// Defects of encoded bodies.
const (
	DefectBase64Junk      DefectKind = "base64-junk"           // characters outside the alphabet
	DefectBase64Padding   DefectKind = "base64-inner-padding"  // content after the padding
	DefectBase64Truncated DefectKind = "base64-truncated"      // the last group is incomplete
	DefectBadQP           DefectKind = "bad-quoted-printable"  // "=" without two hexadecimal digits
	DefectInlineUU        DefectKind = "uuencoded-in-text"     // a uuencoded file in a text part
	DefectInlineYEnc      DefectKind = "yenc-in-text"          // a yEnc file in a text part
	DefectDecodedTooLarge DefectKind = "decoded-too-large"     // the budget for decoded bytes is spent
	DefectManyReadings    DefectKind = "too-many-second-reads" // more parts need a second reading than the limit
)

// defects collects the deviations of one message.
type defects struct {
	list  []Defect
	parts []*Part // the part of each, or nil; paths are determined at the end
	same  map[DefectKind]int
}

// add records one defect, unless it is a duplicate or its kind has reached the limit.
func (d *defects) add(kind DefectKind, offset int, part *Part, detail string) {
	if len(d.list) == maxDefects || d.same[kind] == maxSameKind || d.known(kind, offset) {
		return
	}
	if d.same == nil {
		d.same = make(map[DefectKind]int)
	}
	d.same[kind]++
	detail = toUTF8(detail[:min(len(detail), maxDetail)])
	d.list = append(d.list, Defect{Kind: kind, Offset: offset, Detail: detail})
	d.parts = append(d.parts, part)
}

// known reports whether the defect is in the list: a second reading finds the defects of
// the first again.
func (d *defects) known(kind DefectKind, offset int) bool {
	return slices.ContainsFunc(d.list, func(x Defect) bool { return x.Kind == kind && x.Offset == offset })
}

// done returns the defects in order of offset.
func (d *defects) done() []Defect {
	for i, p := range d.parts {
		if p != nil {
			d.list[i].Part = p.Path
		}
	}
	slices.SortStableFunc(d.list, func(a, b Defect) int { return cmp.Compare(a.Offset, b.Offset) })
	return d.list
}

// Has reports whether the message has a defect of one of the kinds.
func (m *Message) Has(kinds ...DefectKind) bool {
	return slices.ContainsFunc(m.Defects, func(d Defect) bool { return slices.Contains(kinds, d.Kind) })
}
