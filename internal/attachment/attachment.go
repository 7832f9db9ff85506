// Package attachment says what an attached file is and what is inside it.
//
// Senders hide programs under false names, in archives within archives, and behind
// passwords that the message itself tells. The package judges a file by its content,
// unpacks what it knows, tries the passwords, and reports every file it found as a flat
// list, breadth first. Hostile files are opened in a worker process, so that a file
// which breaks the reader costs a note in the report and not the mail flow. Where
// Input.Explode asks for it, each file also says what rules ask about its inside: strings,
// metadata, scripts, and the files that scripts and base64 hide.
//
// What opening a file does, or hides, that honest files do not do is a Harm of it: macros that run
// by themselves, links of DDE, templates and objects from other hosts, programs in documents, names
// that contradict each other, and files that cannot be opened. Texts and pages that were found inside come
// as Content, so that they are judged as the text of the message is.
//
// Standards: APPNOTE.TXT 6.3.10 (zip), WinZip AE-1 and AE-2, RFC 1952 (gzip), RFC 8878
// (zstd), ECMA-119 (ISO 9660) with Joliet, ECMA-167 (UDF), FAT, VHD and MS-VHDX (discs),
// MS-CAB, MS-MCI and MS-PATCH (cabinets), MS-SHLLINK (shell links), MS-OXTNEF (attachments of
// Outlook), POSIX.1 ustar, pax, cpio and compress, RFC 5545 (calendars), and the published formats of
// xz, 7z, rar, rpm, LHA, SYLK and TLSH.
//
// Divergences: a zip is read by its central directory, as unpackers for people do, and
// entries that only local headers show are read too and noted. Where the two name an entry
// differently, both names are reported. Names inside archives are facts and never used as paths.
//
// Limits: Quantum cabinets, zip methods but stored, deflate, bzip2, xz and zstd, zip strong
// encryption, the methods of LHA but lh0 and lh4 to lh7, the archives and discs of
// unreadArchives, help files, file systems but ISO 9660, UDF and FAT, presentations of PowerPoint 97
// behind passwords, and volumes of a split archive are noted or only named, not opened. Of lzip the
// first member is read. Passwords are not tried where a key takes more than 2^19 rounds (RAR
// 5) or 2^20 (7z), nor any more where maxLocked entries of a zip stayed closed. TLSH and
// patterns see at most the first Limits.FileBytes of a file. Beyond Limits.Files and Limits.Entries
// names are read only, up to maxNames of one archive, and of them those are reported that run when
// opened. Of File.Content the first and last halves of maxContentFile are kept.
package attachment

import (
	"time"

	"outrider/internal/attachment/scan"
)

// Input is a file as the message carries it.
type Input struct {
	Name        string   `json:"name"`         // file name as declared, decoded to UTF-8
	ContentType string   `json:"content_type"` // declared media type, without parameters
	Data        []byte   `json:"-"`            // content after transfer decoding
	Passwords   []string `json:"passwords"`    // candidates found in the message, best first
	Explode     bool     `json:"explode"`      // fill File.Scan, and find what scripts and base64 hold
}

// Limits bounds what one Inspect may cost. The zero value allows nothing; start from
// DefaultLimits.
type Limits struct {
	Bytes     int64         `json:"bytes"`      // unpacked, all files together
	FileBytes int64         `json:"file_bytes"` // kept of one file; the rest is not looked at
	Files     int           `json:"files"`      // files reported, the input included
	Depth     int           `json:"depth"`      // levels of nesting below the input
	Entries   int           `json:"entries"`    // directory entries of one archive whose content is read
	Notes     int           `json:"notes"`      // notes in a report
	Passwords int           `json:"passwords"`  // candidates tried on one archive
	Ratio     int64         `json:"ratio"`      // unpacked to packed, above RatioFloor
	Memory    int64         `json:"memory"`     // bytes of unpacked files held at one time
	Window    int64         `json:"window"`     // largest dictionary of a decompressor
	Wall      time.Duration `json:"wall"`       // for the whole inspection
}

// RatioFloor is the size below which a high ratio is no finding: empty tables and
// pictures of one colour shrink a thousandfold honestly.
const RatioFloor = 8 << 20

// DefaultLimits returns the limits for one attachment in a worker of 256 MiB.
func DefaultLimits() Limits {
	return Limits{
		Bytes:     256 << 20, // as budget.UnpackedBytes
		FileBytes: 48 << 20,  // padded programs of 700 MB show what they are at once
		Files:     2000,
		Depth:     12,   // honest mail reaches 4
		Entries:   5000, // source archives; the first ones name what matters
		Notes:     500,
		Passwords: 30,
		Ratio:     1200, // deflate reaches 1032; bzip2 and xz go further only for bombs
		Memory:    112 << 20,
		Window:    64 << 20, // xz -9 and the largest of rar's graphical front end
		Wall:      20 * time.Second,
	}
}

// File is one file of a report: the input, or what was found inside.
type File struct {
	ID        int    `json:"id"`     // index in Report.Files
	Parent    int    `json:"parent"` // ID of the container, -1 for the input
	Depth     int    `json:"depth"`  // 0 for the input
	Name      string `json:"name"`   // as the container tells it, valid UTF-8, at most 1 KiB
	Extension string `json:"extension"`
	// Type is the word of the message data model, "unknown" where it has none.
	Type string `json:"type"`
	// Format is our finer word, such as "pe", "lnk" or "docm"; equal to Type where
	// nothing finer is known.
	Format string `json:"format"`
	MIME   string `json:"mime"` // media type by content
	Size   int64  `json:"size"` // bytes looked at; see note "file-truncated"

	MD5     string  `json:"md5"` // lower-case hexadecimal, as the other digests
	SHA1    string  `json:"sha1"`
	SHA256  string  `json:"sha256"`
	TLSH    string  `json:"tlsh,omitempty"` // "T1" and 70 digits; empty if too short or too uniform
	Entropy float64 `json:"entropy"`        // bits per byte, 0 to 8

	Encrypted bool          `json:"encrypted,omitempty"` // its content, or that of an entry in it, needs a password
	Unread    bool          `json:"unread,omitempty"`    // only name and declared size are known
	Password  string        `json:"password,omitempty"`  // the candidate that opened it
	NameFacts NameFacts     `json:"name_facts,omitzero"`
	Archive   *ArchiveFacts `json:"archive,omitempty"`  // nil if not an archive that was opened
	Document  *Document     `json:"document,omitempty"` // nil if not a document that was read
	Matches   []string      `json:"matches,omitempty"`  // names of the YARA rules it satisfies, sorted, at most maxMatches
	Head      []byte        `json:"head,omitempty"`     // first bytes, at most 64

	// HostScript says that a script calls the script host of Windows, which web pages and packages
	// of software do not.
	HostScript bool `json:"host_script,omitempty"`
	// Harms are what opening the file does, or can hide, that honest files do not do.
	Harms []Harm `json:"harms,omitempty"`
	// Content is a page, text, calendar or card as UTF-8; of a long one the beginning and the end.
	// What people read of it is judged as the text of the message is. The input itself has none,
	// since its reader has it.
	Content []byte `json:"content,omitempty"`

	// What rules ask about the inside, where Input.Explode asks for it.
	Scan    *scan.Scan    `json:"scan,omitempty"`    // nil where a limit was met before
	Flavors *scan.Flavors `json:"flavors,omitempty"` // as Scan
	Source  string        `json:"source,omitempty"`  // reader that found it, if no opener did
}

// ArchiveFacts is what an archive says of itself and where it contradicts itself.
type ArchiveFacts struct {
	Entries      int      `json:"entries"`   // in the directory, folders included, up to maxNames
	Extracted    int      `json:"extracted"` // files whose content was read
	Paths        []string `json:"paths,omitempty"`
	Encrypted    int      `json:"encrypted"`  // entries that need a password
	Links        int      `json:"links"`      // symbolic and hard links
	Traversals   int      `json:"traversals"` // names that are absolute or climb with ".."
	Mismatches   int      `json:"mismatches"` // zip: local header and directory disagree
	Hidden       int      `json:"hidden"`     // entries that the directory does not name
	Overlaps     int      `json:"overlaps"`   // entries that share packed bytes
	LeadingJunk  int64    `json:"leading_junk"`
	TrailingJunk int64    `json:"trailing_junk"`
	Comment      string   `json:"comment,omitempty"`
	Volume       string   `json:"volume,omitempty"` // label of a disc image
}

// Note says what was not looked at, or what is wrong.
type Note struct {
	Kind   NoteKind `json:"kind"`
	File   int      `json:"file"` // ID of the file it is about
	Detail string   `json:"detail,omitempty"`
}

// NoteKind is the machine's word for a note.
type NoteKind string

// The kinds of notes.
const (
	NoteBytes       NoteKind = "limit-bytes"       // Limits.Bytes is spent
	NoteFiles       NoteKind = "limit-files"       // Limits.Files is spent
	NoteDepth       NoteKind = "limit-depth"       // a container below Limits.Depth was not opened
	NoteEntries     NoteKind = "limit-entries"     // of a directory beyond Limits.Entries only names were looked at
	NoteMemory      NoteKind = "limit-memory"      // a container was listed but not kept for opening
	NoteWall        NoteKind = "limit-wall"        // Limits.Wall or the context ended it
	NoteWindow      NoteKind = "limit-window"      // a dictionary above Limits.Window was refused
	NoteRounds      NoteKind = "limit-rounds"      // deriving a key would take too long, and is left out
	NoteRatio       NoteKind = "limit-ratio"       // unpacking was stopped: a decompression bomb
	NoteTruncated   NoteKind = "file-truncated"    // only the first bytes were looked at
	NoteStalled     NoteKind = "no-progress"       // a decompressor gave nothing, again and again
	NoteUnreadable  NoteKind = "unreadable"        // the format is broken there
	NoteUnsupported NoteKind = "unsupported"       // a method that we do not read
	NotePassword    NoteKind = "password-needed"   // no candidate opened it
	NoteMismatch    NoteKind = "header-mismatch"   // two places in the archive disagree
	NoteOverlap     NoteKind = "overlapping-files" // entries share packed bytes
	NoteHidden      NoteKind = "hidden-entry"      // the directory does not name it
	NotePanic       NoteKind = "reader-panicked"   // a bug of ours or of a library
	NoteWorkerDied  NoteKind = "worker-died"       // the worker crashed or was killed
	NoteBusy        NoteKind = "worker-busy"       // no worker was free in time
	NoteMany        NoteKind = "limit-attachments" // the message has more files than are opened
	NotePatterns    NoteKind = "limit-patterns"    // matching YARA rules stopped before the end
	NoteContent     NoteKind = "limit-content"     // the middle of a text was left out of File.Content
	NotePictures    NoteKind = "limit-pictures"    // not all pictures of a document were looked at
	NoteExplode     NoteKind = "limit-explode"     // strings and the like are cut, or files in them left out
)

// Report is all that was found. Files[0] is the input; the others follow breadth
// first, so that a parent is before its children. Pictures of pages, which Input.Explode
// asks for, stand last.
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

// candidates returns the passwords to try: the given ones, without doubles, then the
// words that senders of samples and of malware use most.
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
