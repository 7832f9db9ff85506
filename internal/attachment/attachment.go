// Package attachment identifies an attached file and its contents.
//
// Senders hide programs under false names, in nested archives, and behind passwords that
// the message itself contains. The package identifies a file by its content, unpacks
// supported formats, tries the passwords, and reports every file it found as a flat list,
// breadth first. Hostile files are opened in a worker process, so that a file which crashes
// the reader costs a note in the report and not the mail flow. With Input.Explode, each
// file also has the data that rules use: strings, metadata, scripts, and the files hidden
// in scripts and base64.
//
// Actions on opening, or hidden content, that honest files do not have are a Harm: macros
// that run automatically, DDE links, templates and objects from other hosts, programs in
// documents, contradictory names, and files that cannot be opened. Inner texts and pages
// are reported as Content, so that they are judged like the text of the message.
//
// Standards: APPNOTE.TXT 6.3.10 (zip), WinZip AE-1 and AE-2, RFC 1952 (gzip), RFC 8878
// (zstd), ECMA-119 (ISO 9660) with Joliet, ECMA-167 (UDF), FAT, VHD and MS-VHDX (discs),
// MS-CAB, MS-MCI and MS-PATCH (cabinets), MS-SHLLINK (shell links), MS-OXTNEF (attachments
// of Outlook), POSIX.1 ustar, pax, cpio and compress, RFC 5545 (calendars), and the
// published formats of xz, 7z, rar, rpm, LHA, SYLK and TLSH.
//
// Divergences: a zip is read by its central directory, as common unpackers do, and entries
// that only local headers list are read too and noted. If the two name an entry
// differently, both names are reported. Names inside archives are facts and never used as
// paths.
//
// Limits: Quantum cabinets, zip methods except stored, deflate, bzip2, xz and zstd, zip
// strong encryption, the methods of LHA except lh0 and lh4 to lh7, the archives and discs
// of unreadArchives, help files, file systems except ISO 9660, UDF and FAT, presentations
// of PowerPoint 97 behind passwords, and volumes of a split archive are noted or only
// named, not opened. Of lzip the first member is read. Passwords are not tried if a key
// takes more than 2^19 rounds (RAR 5) or 2^20 (7z), nor after maxLocked entries of a zip
// stayed encrypted. TLSH and patterns cover at most the first Limits.FileBytes of a file.
// Beyond Limits.Files and Limits.Entries only names are read, up to maxNames of one
// archive, and those that run when opened are reported. Of File.Content the first and last
// halves of maxContentFile are kept.
package attachment

import (
	"time"

	"outrider/internal/attachment/scan"
)

// Input is a file as attached to the message.
type Input struct {
	Name        string   `json:"name"`         // file name as declared, decoded to UTF-8
	ContentType string   `json:"content_type"` // declared media type, without parameters
	Data        []byte   `json:"-"`            // content after transfer decoding
	Passwords   []string `json:"passwords"`    // candidates found in the message, best first
	Explode     bool     `json:"explode"`      // fill File.Scan, and extract files from scripts and base64
}

// Limits bounds the cost of one Inspect. The zero value allows nothing; start from
// DefaultLimits.
type Limits struct {
	Bytes     int64         `json:"bytes"`      // unpacked, total of all files
	FileBytes int64         `json:"file_bytes"` // kept per file; the rest is ignored
	Files     int           `json:"files"`      // reported files, including the input
	Depth     int           `json:"depth"`      // levels of nesting below the input
	Entries   int           `json:"entries"`    // directory entries of one archive whose content is read
	Notes     int           `json:"notes"`      // notes in a report
	Passwords int           `json:"passwords"`  // candidates tried on one archive
	Ratio     int64         `json:"ratio"`      // unpacked to packed, above RatioFloor
	Memory    int64         `json:"memory"`     // bytes of unpacked files held at once
	Window    int64         `json:"window"`     // largest dictionary of a decompressor
	Wall      time.Duration `json:"wall"`       // for the whole inspection
}

// RatioFloor is the size below which a high ratio is ignored: empty tables and one-colour
// pictures legitimately shrink a thousandfold.
const RatioFloor = 8 << 20

// DefaultLimits returns the limits for one attachment in a worker of 256 MiB.
func DefaultLimits() Limits {
	return Limits{
		Bytes:     256 << 20, // as budget.UnpackedBytes
		FileBytes: 48 << 20,  // enough to identify padded programs of 700 MB
		Files:     2000,
		Depth:     12,   // honest mail reaches 4
		Entries:   5000, // source archives; the first ones name what matters
		Notes:     500,
		Passwords: 30,
		Ratio:     1200, // deflate reaches 1032; bzip2 and xz exceed it only for bombs
		Memory:    112 << 20,
		Window:    64 << 20, // xz -9 and the largest of rar's graphical front end
		Wall:      20 * time.Second,
	}
}

// File is one file of a report: the input, or a file found inside.
type File struct {
	ID        int    `json:"id"`     // index in Report.Files
	Parent    int    `json:"parent"` // ID of the container, -1 for the input
	Depth     int    `json:"depth"`  // 0 for the input
	Name      string `json:"name"`   // as in the container, valid UTF-8, at most 1 KiB
	Extension string `json:"extension"`
	// Type is the type in terms of the message data model, or "unknown".
	Type string `json:"type"`
	// Format is more specific, such as "pe", "lnk" or "docm"; equal to Type if nothing more
	// is known.
	Format string `json:"format"`
	MIME   string `json:"mime"` // media type by content
	Size   int64  `json:"size"` // bytes examined; see note "file-truncated"

	MD5     string  `json:"md5"` // lower-case hexadecimal, as the other digests
	SHA1    string  `json:"sha1"`
	SHA256  string  `json:"sha256"`
	TLSH    string  `json:"tlsh,omitempty"` // "T1" and 70 digits; empty if too short or too uniform
	Entropy float64 `json:"entropy"`        // bits per byte, 0 to 8

	Encrypted bool          `json:"encrypted,omitempty"` // its content, or that of an entry in it, needs a password
	Unread    bool          `json:"unread,omitempty"`    // only name and declared size are known
	Password  string        `json:"password,omitempty"`  // the candidate that opened it
	NameFacts NameFacts     `json:"name_facts,omitzero"`
	Archive   *ArchiveFacts `json:"archive,omitempty"`  // nil unless an opened archive
	Document  *Document     `json:"document,omitempty"` // nil unless a document that was read
	Matches   []string      `json:"matches,omitempty"`  // names of matching YARA rules, sorted, at most maxMatches
	Head      []byte        `json:"head,omitempty"`     // first bytes, at most 64

	// HostScript reports whether a script calls the Windows Script Host, which web pages
	// and software packages do not.
	HostScript bool `json:"host_script,omitempty"`
	// Harms are actions on opening, or hidden content, that honest files do not have.
	Harms []Harm `json:"harms,omitempty"`
	// Content is a page, text, calendar or card as UTF-8; of a long one the beginning and
	// the end. It is judged like the text of the message. The input itself has none, since
	// the caller has it.
	Content []byte `json:"content,omitempty"`

	// The data for rules, if Input.Explode is set.
	Scan    *scan.Scan    `json:"scan,omitempty"`    // nil if a limit was met before
	Flavors *scan.Flavors `json:"flavors,omitempty"` // as Scan
	Source  string        `json:"source,omitempty"`  // reader that extracted it, if no opener did
}

// ArchiveFacts holds the facts and contradictions of an archive.
type ArchiveFacts struct {
	Entries      int      `json:"entries"`   // in the directory, including folders, up to maxNames
	Extracted    int      `json:"extracted"` // files whose content was read
	Paths        []string `json:"paths,omitempty"`
	Encrypted    int      `json:"encrypted"`  // entries that need a password
	Links        int      `json:"links"`      // symbolic and hard links
	Traversals   int      `json:"traversals"` // names that are absolute or climb with ".."
	Mismatches   int      `json:"mismatches"` // zip: local header and directory disagree
	Hidden       int      `json:"hidden"`     // entries missing in the directory
	Overlaps     int      `json:"overlaps"`   // entries that share packed bytes
	LeadingJunk  int64    `json:"leading_junk"`
	TrailingJunk int64    `json:"trailing_junk"`
	Comment      string   `json:"comment,omitempty"`
	Volume       string   `json:"volume,omitempty"` // label of a disc image
}

// Note describes unexamined content, or a defect.
type Note struct {
	Kind   NoteKind `json:"kind"`
	File   int      `json:"file"` // ID of its file
	Detail string   `json:"detail,omitempty"`
}

// NoteKind is the machine-readable kind of a note.
type NoteKind string

// The kinds of notes.
const (
	NoteBytes       NoteKind = "limit-bytes"       // Limits.Bytes is spent
	NoteFiles       NoteKind = "limit-files"       // Limits.Files is spent
	NoteDepth       NoteKind = "limit-depth"       // a container below Limits.Depth was not opened
	NoteEntries     NoteKind = "limit-entries"     // beyond Limits.Entries only names were read
	NoteMemory      NoteKind = "limit-memory"      // a container was listed but not kept for opening
	NoteWall        NoteKind = "limit-wall"        // Limits.Wall or the context ended it
	NoteWindow      NoteKind = "limit-window"      // a dictionary above Limits.Window was refused
	NoteRounds      NoteKind = "limit-rounds"      // deriving a key would take too long, and was skipped
	NoteRatio       NoteKind = "limit-ratio"       // unpacking was stopped: a decompression bomb
	NoteTruncated   NoteKind = "file-truncated"    // only the first bytes were examined
	NoteStalled     NoteKind = "no-progress"       // a decompressor repeatedly returned no data
	NoteUnreadable  NoteKind = "unreadable"        // the format is malformed
	NoteUnsupported NoteKind = "unsupported"       // an unsupported method
	NotePassword    NoteKind = "password-needed"   // no candidate opened it
	NoteMismatch    NoteKind = "header-mismatch"   // two places in the archive contradict each other
	NoteOverlap     NoteKind = "overlapping-files" // entries share packed bytes
	NoteHidden      NoteKind = "hidden-entry"      // missing in the directory
	NotePanic       NoteKind = "reader-panicked"   // a bug of ours or of a library
	NoteWorkerDied  NoteKind = "worker-died"       // the worker crashed or was killed
	NoteBusy        NoteKind = "worker-busy"       // no worker was free in time
	NoteMany        NoteKind = "limit-attachments" // the message has more files than are opened
	NotePatterns    NoteKind = "limit-patterns"    // matching YARA rules stopped before the end
	NoteContent     NoteKind = "limit-content"     // the middle of a text was left out of File.Content
	NotePictures    NoteKind = "limit-pictures"    // some pictures of a document were not examined
	NoteExplode     NoteKind = "limit-explode"     // strings or other data are truncated, or inner files left out
)

// Report is the result of an inspection. Files[0] is the input; the others follow breadth
// first, so that a parent precedes its children. Pictures of pages, requested by
// Input.Explode, come last.
type Report struct {
	Files []File `json:"files"`
	Notes []Note `json:"notes,omitempty"`
}

// Unfinished reports whether time ran out before all of the file was read.
func (r *Report) Unfinished() bool {
	return r.Has(NoteBusy) || r.Has(NoteWorkerDied) || r.Has(NoteWall)
}

// Has reports whether the report has a note of the kind.
func (r *Report) Has(kind NoteKind) bool {
	for _, n := range r.Notes {
		if n.Kind == kind {
			return true
		}
	}
	return false
}

// candidates returns the passwords to try: the distinct given ones, then the most common
// ones for samples and malware.
func candidates(given []string, most int) []string {
	var out []string
	seen := map[string]bool{"": true}
	for _, p := range append(given[:len(given):len(given)], "infected", "1234", "123", "12345", "password") {
		if !seen[p] && len(p) <= 128 && len(out) < most {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}
