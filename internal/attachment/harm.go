package attachment

import (
	"cmp"
	"slices"
	"strings"
)

// Harm is one harmful property of a file that honest files do not have.
type Harm struct {
	Kind   HarmKind `json:"kind"`
	Detail string   `json:"detail,omitempty"` // started program, fetched target or contradiction, at most 200 bytes
}

// HarmKind is the machine-readable kind of a harm.
type HarmKind string

// The kinds of harms.
const (
	HarmMacro          HarmKind = "macro"           // VBA that runs when the user starts it
	HarmAutoMacro      HarmKind = "auto-macro"      // VBA that runs when the document opens or closes
	HarmMacroSheet     HarmKind = "macro-sheet"     // Excel 4.0 macros
	HarmAutoSheet      HarmKind = "auto-sheet"      // Excel 4.0 macros that run when the workbook opens, or start programs
	HarmDDE            HarmKind = "dde"             // a field or formula that starts a program by DDE
	HarmLaunch         HarmKind = "launch"          // an action that starts a program or opens another file
	HarmOpenScript     HarmKind = "open-script"     // a script that runs when a PDF opens
	HarmScript         HarmKind = "script"          // a script that runs at a click or in a form
	HarmRemoteTemplate HarmKind = "remote-template" // a template, subdocument or frame that is fetched from a network
	HarmRemoteObject   HarmKind = "remote-object"   // a linked OLE object that is fetched from a network
	HarmEquation       HarmKind = "equation"        // an object of the Equation Editor
	HarmProgram        HarmKind = "program"         // an embedded object that is a program, or starts one
	HarmSubmitForm     HarmKind = "submit-form"     // a form that sends its data to a host
	HarmOpenSubmit     HarmKind = "open-submit"     // a PDF that sends its form to a host when it opens
	HarmKnownPassword  HarmKind = "known-password"  // encrypted with a password that the program tries automatically
	HarmLocked         HarmKind = "locked"          // encrypted, and no password opened it
	HarmTwoNames       HarmKind = "two-names"       // an archive with two names for one entry
	HarmUnopened       HarmKind = "unopened"        // an archive or disc of an unsupported format, or damaged
)

// maxHarms bounds the harms of one file.
const maxHarms = 50

// harm records a harm of a file, once.
func (i *inspector) harm(id int, kind HarmKind, detail string) {
	f := i.file(id)
	h := Harm{kind, clean(strings.TrimSpace(detail), 200)}
	if len(f.Harms) < maxHarms && !slices.Contains(f.Harms, h) {
		f.Harms = append(f.Harms, h)
	}
}

// HasHarm reports whether a file has a harm of one of the kinds.
func (f *File) HasHarm(kinds ...HarmKind) bool {
	return slices.ContainsFunc(f.Harms, func(h Harm) bool { return slices.Contains(kinds, h.Kind) })
}

// owner returns the document that contains a part, or the part itself: macros and objects
// of a document are separate files in the report.
func (i *inspector) owner(id int) int {
	for f := i.file(id); f.Parent >= 0 && ownsParts(i.file(f.Parent).Format); f = i.file(id) {
		id = f.Parent
	}
	return id
}

// ownsParts reports formats whose macros and objects are files in the report.
func ownsParts(format string) bool {
	switch format {
	case "odf", "wordml", "xlml", "flatopc", "fodt", "activemime":
		return true
	}
	return slices.Contains(packages(), format)
}

// harmOfNote records the harm of a file that stays closed. For a closed entry, the archive
// has the harm.
func (i *inspector) harmOfNote(kind NoteKind, id int, detail string) {
	stays := map[NoteKind]HarmKind{
		NotePassword: HarmLocked, NoteUnreadable: HarmUnopened, NoteUnsupported: HarmUnopened, NoteStalled: HarmUnopened,
		NoteWindow: HarmUnopened, NoteRounds: HarmUnopened,
	}
	harm, ok := stays[kind]
	if !ok || id >= len(i.report.Files) {
		return
	}
	if f := i.file(id); f.Unread && f.Parent >= 0 {
		id = f.Parent
	}
	if harm == HarmLocked || isArchive(i.file(id).Format) {
		i.harm(id, harm, detail)
	}
}

// isArchive reports whether the format is an archive or disc, which is opaque if it does
// not open.
func isArchive(format string) bool {
	switch format {
	case "zip", "7z", "rar", "tar", "ar", "deb", "gz", "bz2", "xz", "zst", "lzma", "lz", "Z", "cpio", "rpm", "lha", "iso", "udf", "fat", "vhd", "cab",
		"vhdx":
		return true
	}
	return slices.Contains(unreadArchives(), format)
}

// unreadArchives are the recognised but unsupported formats of archives and discs. The last
// one is for files known only by name.
func unreadArchives() []string {
	return []string{"ace", "arj", "wim", "zoo", "alz", "egg", "sit", "lz4", "lrz", "vmdk", "qcow2", "archive"}
}

// harmOfName records a program in a document. In archives programs are legitimate, and
// listed as files.
func (i *inspector) harmOfName(id int) {
	f := i.file(id)
	if f.Parent < 0 || !isDocumentFormat(i.file(f.Parent).Format) {
		return
	}
	if IsProgram(f.Format) || f.NameFacts.Runs {
		i.harm(i.owner(f.Parent), HarmProgram, f.Name)
	}
}

// isDocumentFormat reports whether people regard files of the format as documents, which do
// not contain programs.
func isDocumentFormat(format string) bool {
	switch format {
	case "pdf", "rtf", "doc", "xls", "ppt", "onenote", "odf", "ole", "wordml", "xlml", "flatopc", "fodt":
		return true
	}
	return slices.Contains(packages(), format)
}

// openUnread records a recognised but unsupported format.
func openUnread(i *inspector, n *node) {
	f := i.file(n.id)
	i.note(NoteUnsupported, n.id, "archives of the format are not read: "+cmp.Or(f.Extension, f.Format))
}
