// Package scan extracts the data about the contents of a file that rules of the public feed
// use.
//
// Such rules do not read a file themselves: they use its strings and addresses, the
// identifiers of its scripts, the metadata of a document, and its embedded files. This
// package defines those data as types named as in the feed, and reads them from bytes, or
// from the results of the format readers. Every reader takes linear time, keeps what a
// Budget allows, and never fails.
//
// Standards: ECMA-262 (the lexical grammar of JavaScript), HTML Living Standard (tokens, by
// golang.org/x/net/html), XML 1.0 (tags), ISO 32000-1 (objects and information of PDF),
// ECMA-376 (properties of documents), ICC.1 (headers of profiles), GIF89a, ITU-T T.81,
// APPNOTE.TXT 6.3.10 (the first entry of a zip). Names of metadata are those of ExifTool.
//
// Divergences: strings of a text are its lines with letters of all scripts; texts of
// template literals are strings of a script; words in hexadecimal and base64 of macros are
// decoded.
//
// Limits: metadata are those of pictures, PDF, Office, HTML, archives and shortcuts. The
// object hash of a PDF uses the last definition of each object.
package scan

// Response is one file of an explosion: the input, or a file found inside.
type Response struct {
	Depth         int     `json:"depth"`          // 0 for the input
	FileName      string  `json:"file_name"`      // as in its container
	FileExtension string  `json:"file_extension"` // lower case, without dot
	Size          int64   `json:"size"`           // bytes
	Source        string  `json:"source"`         // reader that found it, "" for the input
	NodeID        string  `json:"node_id"`        // unique within the list
	ParentNodeID  *string `json:"parent_node_id"` // null for the input
	Flavors       Flavors `json:"flavors"`        // kinds of the file
	Scan          Scan    `json:"scan"`           // results of the scanners
}

// Flavors holds the kinds of a file, by three methods.
type Flavors struct {
	MIME     string   `json:"mime"`     // media type by content
	Yara     []string `json:"yara"`     // kinds by content, such as "mz_file"
	External []string `json:"external"` // kinds declared by its container
}

// Scan holds the results of the scanners; null if a scanner did not run.
type Scan struct {
	Strings      *Strings       `json:"strings,omitempty"`       // printable runs
	OCR          *OCR           `json:"ocr,omitempty"`           // recognised text of a picture or page; null without recognition
	QR           *QRCode        `json:"qr,omitempty"`            // of pictures and PDF
	URL          *URLList       `json:"url,omitempty"`           // addresses; null for packed files and pictures
	ExifTool     *EXIF          `json:"exiftool,omitempty"`      // beta.parse_exif reads it too
	Yara         *Yara          `json:"yara,omitempty"`          // null where no rules are loaded
	JavaScript   *JavaScript    `json:"javascript,omitempty"`    // of scripts
	PDF          *PDF           `json:"pdf,omitempty"`           // links of a PDF
	PDFObjHash   *PDFObjectHash `json:"pdf_obj_hash,omitempty"`  // of a PDF
	Entropy      *Entropy       `json:"entropy,omitempty"`       // of every file
	Zip          *Zip           `json:"zip,omitempty"`           // of zips, and of documents that are zips
	EncryptedZip *EncryptedZip  `json:"encrypted_zip,omitempty"` // of encrypted zips
	EncryptedDoc *EncryptedDoc  `json:"encrypted_doc,omitempty"` // of encrypted documents
	HTML         *HTMLFile      `json:"html,omitempty"`          // of pages
	ICS          *ICSFile       `json:"ics,omitempty"`           // of calendars
	Docx         *Docx          `json:"docx,omitempty"`          // of text documents in Office Open XML
	Pptx         *Pptx          `json:"pptx,omitempty"`          // of presentations in Office Open XML
	Hash         *Hash          `json:"hash,omitempty"`          // of every file
	XML          *XMLFile       `json:"xml,omitempty"`           // of XML and SVG
	VBA          *VBA           `json:"vba,omitempty"`           // of documents with macros
	LNK          *LNK           `json:"lnk,omitempty"`           // of shortcuts of Windows
	OLE          *Total         `json:"ole,omitempty"`           // streams and embedded files of OLE documents
	RTF          *Total         `json:"rtf,omitempty"`           // objects of Rich Text Format
	RAR          *Total         `json:"rar,omitempty"`           // of rar archives
	Tar          *Total         `json:"tar,omitempty"`           // of tar archives
	Gzip         *Total         `json:"gzip,omitempty"`          // of gzip streams
	Bzip2        *Total         `json:"bzip2,omitempty"`         // of bzip2 streams
	Zlib         *Total         `json:"zlib,omitempty"`          // always null: bare zlib streams are not opened
	Libarchive   *Total         `json:"libarchive,omitempty"`    // other archives and discs
	Macho        *Macho         `json:"macho,omitempty"`         // of programs of macOS
	GIF          *Trailer       `json:"gif,omitempty"`           // of GIF pictures
	JPEG         *Trailer       `json:"jpeg,omitempty"`          // of JPEG pictures

	// What functions other than file.explode return; of the input only.
	Oletools *Oletools `json:"oletools,omitempty"` // file.oletools
	Codes    *QR       `json:"codes,omitempty"`    // beta.scan_qr
	Read     *OCRText  `json:"read,omitempty"`     // beta.ocr
	Calendar *ICS      `json:"calendar,omitempty"` // beta.file.parse_ics
}

// Strings are the printable runs of a file.
type Strings struct {
	Strings []string `json:"strings"` // at least four characters long, each once
	Raw     *string  `json:"raw"`     // the whole text, null if not text
}

// OCR is the recognised text of a picture.
type OCR struct {
	Raw  string   `json:"raw"`  // lines as read
	Text []string `json:"text"` // its words
}

// OCRText is the result of beta.ocr.
type OCRText struct {
	Text        string    `json:"text"`         // of all pages
	Success     bool      `json:"success"`      // whether text recognition ran
	PageResults []OCRPage `json:"page_results"` // in the order of the pages
}

// OCRPage is the text of one page or picture.
type OCRPage struct {
	Text string `json:"text"` // lines as read
}

// QRCode is the first code of a picture.
type QRCode struct {
	Data *string `json:"data"` // null where there is no code
	Type *string `json:"type"` // url, email, mobile, app, geo, wifi or undefined
	URL  *string `json:"url"`  // its address, null for other data
}

// QR is the result of beta.scan_qr.
type QR struct {
	Found bool     `json:"found"` // whether there is a code
	Items []QRCode `json:"items"` // in the order found
}

// URLList are the addresses in a file.
type URLList struct {
	URLs        []string `json:"urls"`         // each once, as written
	InvalidURLs []string `json:"invalid_urls"` // texts that resemble addresses and are invalid
}

// Yara holds the matching rules of a file.
type Yara struct {
	Matches []YaraMatch `json:"matches"` // rules in the order of their source
	Flags   []string    `json:"flags"`   // notes of the matcher
}

// YaraMatch is one rule.
type YaraMatch struct {
	Name string            `json:"name"` // of the rule
	Meta map[string]string `json:"meta"` // metadata of the rule
}

// JavaScript holds the tokens of a script, distinct and in textual order.
type JavaScript struct {
	Tokens             []string `json:"tokens"`              // kinds of tokens
	Keywords           []string `json:"keywords"`            // reserved words
	Identifiers        []string `json:"identifiers"`         // as written, escapes included
	Strings            []string `json:"strings"`             // as written, without quotes
	RegularExpressions []string `json:"regular_expressions"` // with slashes and flags
}

// PDF holds the links of a document.
type PDF struct {
	URLs           []string `json:"urls"`            // of links, as written
	InvalidURLs    []string `json:"invalid_urls"`    // of links, without a scheme
	TotalExtracted int      `json:"total_extracted"` // attached files and pictures
	TotalObjects   int      `json:"total_objects"`   // all revisions together
}

// PDFObjectHash identifies documents of one maker by the types of their objects.
type PDFObjectHash struct {
	ObjectHash string `json:"object_hash"` // MD5 of hash_string, lower-case hexadecimal
	HashString string `json:"hash_string"` // types in file order, each followed by a bar
}

// Entropy is the entropy of the bytes.
type Entropy struct {
	Entropy float64 `json:"entropy"` // bits per byte, 0 to 8
}

// Total counts the contents of a container.
type Total struct {
	TotalFiles     int `json:"total_files"`     // entries
	TotalExtracted int `json:"total_extracted"` // whose content was read
}

// Zip is the directory of a zip.
type Zip struct {
	AllPaths       []string `json:"all_paths"`       // names of all entries
	AttemptedFiles []string `json:"attempted_files"` // without folders
	Encrypted      bool     `json:"encrypted"`       // an entry needs a password
	TotalFiles     int      `json:"total_files"`     // entries
	TotalExtracted int      `json:"total_extracted"` // files whose content was read
}

// EncryptedZip is an encrypted zip.
type EncryptedZip struct {
	CrackedPassword *string `json:"cracked_password"` // null if no password opens it
	TotalFiles      int     `json:"total_files"`      // entries
	TotalExtracted  int     `json:"total_extracted"`  // files whose content was read
}

// EncryptedDoc is an encrypted document.
type EncryptedDoc struct {
	CrackedPassword *string `json:"cracked_password"` // null if no password opens it
}

// Hash are digests in lower-case hexadecimal.
type Hash struct {
	MD5    string  `json:"md5"`    // of the examined bytes
	SHA1   string  `json:"sha1"`   // of the examined bytes
	SHA256 string  `json:"sha256"` // of the examined bytes
	SSDeep *string `json:"ssdeep"` // not computed
}

// VBA holds the suspicious words of macros.
type VBA struct {
	AutoExec       []string `json:"auto_exec"`       // events that run automatically
	Suspicious     []string `json:"suspicious"`      // words typical of malware
	IOC            []string `json:"ioc"`             // addresses and names of programs
	Hex            []string `json:"hex"`             // decoded
	Base64         []string `json:"base64"`          // decoded
	Dridex         []string `json:"dridex"`          // always empty: that coding is not supported
	TotalFiles     int      `json:"total_files"`     // modules
	TotalExtracted int      `json:"total_extracted"` // modules whose source was read
}

// LNK is a shortcut of Windows.
type LNK struct {
	CommandLineArguments *string `json:"command_line_arguments"` // as written
	Target               *string `json:"target"`                 // what it starts
	Description          *string `json:"description"`            // shown as a tip
	WorkingDirectory     *string `json:"working_directory"`      // folder in which it starts
	IconLocation         *string `json:"icon_location"`          // file that holds the icon
}

// Macho is the header of a program of macOS.
type Macho struct {
	Bits       int  `json:"bits"`       // 32 or 64, 0 where it holds several
	Commands   int  `json:"commands"`   // load commands
	FileType   int  `json:"file_type"`  // 2 is a program, 6 a library
	Processors int  `json:"processors"` // programs in one file
	Universal  bool `json:"universal"`  // for several processors
}

// Trailer is the end of a picture.
type Trailer struct {
	TrailerIndex *int `json:"trailer_index"` // offset of the end mark, null without one
}
