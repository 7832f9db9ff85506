package attachment

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"github.com/nwaples/rardecode/v2"

	"outrider/internal/attachment/shortcut"
	"outrider/internal/observable"
)

// inspector is one inspection. It belongs to one goroutine.
type inspector struct {
	ctx       func() error // the reason to stop, or nil
	limits    Limits
	passwords []string
	visit     func(*File, []byte)
	report    *Report
	spent     int64  // unpacked so far
	kept      int    // bytes of File.Content
	charset   string // declared by the message for the part that is being added
	held      int64  // bytes of pending containers, and of the open one
	queue     []node
	explode   *explosion // nil unless Input.Explode
	known     *remembered
}

// node is a pending container.
type node struct {
	id   int
	data []byte
}

// opener reads its formats and passes their contents to the inspector.
type opener struct {
	formats []string
	open    func(*inspector, *node)
}

func zips() []string { return []string{"zip", "jar", "apk", "epub", "msix"} }

func packages() []string {
	return []string{"docx", "docm", "xlsx", "xlsm", "xlsb", "pptx", "pptm", "ooxml"}
}

// openers is the table of container formats. zip stands for all zip-based formats.
func openers() []opener {
	return []opener{
		{zips(), openZip},
		{packages(), openOffice},
		{[]string{"odf"}, openODF},
		{[]string{"wordml", "xlml", "flatopc", "fodt"}, openFlat},
		{[]string{"doc", "xls", "ppt", "msg", "msi", "ole", "encrypted-ooxml"}, openOLE},
		{[]string{"rtf"}, openRTF},
		{[]string{"csv"}, openTable},
		{[]string{"htmlsheet"}, openPageTable},
		{[]string{"slk"}, openSYLK},
		{unreadArchives(), openUnread},
		{[]string{"activemime"}, openActiveMime},
		{[]string{"7z"}, open7z},
		{[]string{"rar"}, openRAR},
		{[]string{"tar"}, openTar},
		{[]string{"ar", "deb"}, openAr},
		{[]string{"gz", "bz2", "xz", "zst", "lzma", "lz", "Z"}, openStream},
		{[]string{"cpio"}, openCpio},
		{[]string{"rpm"}, openRPM},
		{[]string{"lha"}, openLHA},
		{[]string{"ics"}, openCalendar},
		{[]string{"iso", "udf"}, openISO},
		{[]string{"fat", "vhd"}, openDisk},
		{[]string{"cab"}, openCab},
		{[]string{"tnef"}, openTNEF},
		{[]string{"onenote"}, openOneNote},
		{[]string{"eml"}, openMessage},
		{[]string{"pdf"}, openPDF},
		{[]string{"lnk"}, openLink},
		{shortcut.Formats(), openShortcut},
		{pictures(), openPicture},
		{[]string{"svg"}, openSVG},
	}
}

// Reasons to stop unpacking a file. Each becomes the note of the same name.
var (
	errBytes   = errors.New("the budget of unpacked bytes is spent")
	errRatio   = errors.New("its compression ratio is implausibly high")
	errStalled = errors.New("the decompressor makes no progress")
	errWindow  = errors.New("the dictionary is larger than allowed")
	errMethod  = errors.New("the method is not supported")
	errRounds  = errors.New("its key takes too long to derive")
	errLocked  = errors.New("no password opens it")
)

func (i *inspector) run(in Input) {
	id := i.add(File{Parent: -1, Name: in.Name}, in.Data, in.ContentType)
	for len(i.queue) > 0 && id == 0 {
		n := i.queue[0]
		i.queue = i.queue[1:]
		if i.stopped(n.id) {
			break
		}
		i.open(&n)
		i.held -= int64(len(n.data))
	}
	i.report.Notes = i.report.Notes[:min(len(i.report.Notes), max(0, i.limits.Notes))]
}

// stopped reports whether the inspection must end, and notes the reason.
func (i *inspector) stopped(id int) bool {
	if err := i.ctx(); err != nil {
		i.noteOnce(NoteWall, id, err.Error())
		return true
	}
	return i.spent >= i.limits.Bytes
}

// open unpacks one container, and queues its contents.
func (i *inspector) open(n *node) {
	i.unpack(n)
	if d := i.file(n.id).Document; d != nil && n.id > 0 && len(d.Text) > maxInnerText {
		d.Text, _ = ends(d.Text, maxInnerText)
		d.note(noteCut)
	}
	i.explode.children(n.id)
}

// unpack runs the reader of a container. A panic is a bug, and costs only the rest of this
// container.
func (i *inspector) unpack(n *node) {
	defer i.rescue(n.id)
	format := i.report.Files[n.id].Format
	for _, o := range openers() {
		for _, f := range o.formats {
			if f == format {
				o.open(i, n)
			}
		}
	}
}

// rescue notes a panic. It is deferred around code that may panic.
func (i *inspector) rescue(id int) {
	if r := recover(); r != nil {
		i.note(NotePanic, id, fmt.Sprint(r))
	}
}

func opens(format string) bool {
	for _, o := range openers() {
		for _, f := range o.formats {
			if f == format {
				return true
			}
		}
	}
	return false
}

func (i *inspector) file(id int) *File { return &i.report.Files[id] }

// archive returns the facts of an archive to fill in; never nil.
func (i *inspector) archive(id int) *ArchiveFacts {
	f := i.file(id)
	if f.Archive == nil {
		f.Archive = &ArchiveFacts{}
	}
	return f.Archive
}

func (i *inspector) note(kind NoteKind, id int, detail string) {
	if len(i.report.Notes) < i.limits.Notes {
		i.report.Notes = append(i.report.Notes, Note{Kind: kind, File: id, Detail: clean(detail, 200)})
	}
	i.harmOfNote(kind, id, detail)
}

// noteOnce notes a kind once per report: the first place is enough.
func (i *inspector) noteOnce(kind NoteKind, id int, detail string) {
	if !i.report.Has(kind) {
		i.note(kind, id, detail)
	}
}

// fail notes the error that ended the reading of a file.
func (i *inspector) fail(id int, err error) {
	kind := NoteUnreadable
	for _, k := range [...]struct {
		err  error
		kind NoteKind
	}{
		{errBytes, NoteBytes}, {errRatio, NoteRatio}, {errStalled, NoteStalled}, {errWindow, NoteWindow},
		{rardecode.ErrDictionaryTooLarge, NoteWindow}, {zstd.ErrWindowSizeExceeded, NoteWindow}, {zstd.ErrDecoderSizeExceeded, NoteWindow}, {errRounds, NoteRounds}, {errShared, NoteOverlap},
		{rardecode.ErrBadPassword, NotePassword}, {rardecode.ErrArchivedFileEncrypted, NotePassword},
		{errMethod, NoteUnsupported}, {errLocked, NotePassword}, {errWall, NoteWall}, {errCut, NoteTruncated},
	} {
		if errors.Is(err, k.err) {
			kind = k.kind
		}
	}
	i.note(kind, id, err.Error())
}

// add reports a file, examines its bytes, and queues it if it is a container. It returns
// the ID, or -1 if the report is full.
func (i *inspector) add(f File, data []byte, contentType string) int {
	if i.full() {
		i.noteOnce(NoteFiles, max(f.Parent, 0), "")
		if !i.reportsName(f.Name) {
			return -1
		}
		f.Unread, data = true, nil
	}
	f.ID = len(i.report.Files)
	f.Name = clean(f.Name, 1<<10)
	f.Extension = extension(f.Name)
	if f.Parent >= 0 {
		f.Depth = i.file(f.Parent).Depth + 1
	}
	f.Size = max(f.Size, int64(len(data)))
	if !f.Unread {
		f.Size = int64(len(data))
		examine(&f, data)
	} else {
		f.Type, f.Format, f.MIME = unknown, unknown, "application/octet-stream"
	}
	f.NameFacts = factsOf(f.Name, contentType, &f)
	i.content(&f, data, i.charset)
	i.report.Files = append(i.report.Files, f)
	i.harmOfName(f.ID)
	if !f.Unread {
		i.look(f.ID, data)
		i.enqueue(f.ID, data)
	}
	return f.ID
}

// look examines the bytes of a file. A panic costs only the facts of this file.
func (i *inspector) look(id int, data []byte) {
	if i.visit == nil {
		return
	}
	defer i.rescue(id)
	i.visit(i.file(id), data)
}

func (i *inspector) enqueue(id int, data []byte) {
	f := i.file(id)
	switch {
	case !opens(f.Format) && !i.explode.found(id):
	case f.Depth >= i.limits.Depth:
		i.note(NoteDepth, id, "")
	case id > 0 && i.held+int64(len(data)) > i.limits.Memory:
		i.note(NoteMemory, id, "")
	default:
		i.held += int64(len(data))
		i.queue = append(i.queue, node{id: id, data: data})
	}
}

// maxNames bounds the names of one archive that are examined, beyond the entries that are
// read.
const maxNames = 100_000

// maxUnreadPrograms bounds the files reported beyond Limits.Files by name: those that run when
// opened. Preceding files cannot hide a program.
const maxUnreadPrograms = 100

func (i *inspector) full() bool { return len(i.report.Files) >= i.limits.Files }

// reportsName reports whether a file with that name is reported beyond the limit of files.
func (i *inspector) reportsName(name string) bool {
	return len(i.report.Files) < i.limits.Files+maxUnreadPrograms && observable.RunsWhenOpened(extension(name))
}

// entry counts an entry of an archive and records its path. It reports whether the
// directory may continue.
func (i *inspector) entry(id int, name string) bool {
	a := i.archive(id)
	a.Entries++
	if a.Entries > i.limits.Entries {
		i.noteOnce(NoteEntries, id, "")
	}
	if len(a.Paths) < 1000 {
		a.Paths = append(a.Paths, clean(name, 256))
	}
	if climbs(name) {
		a.Traversals++
	}
	return a.Entries <= max(maxNames, i.limits.Entries) && i.ctx() == nil
}

// namesOnly reports whether a limit stops reading the content of further files in an
// archive. Their names are still read.
func (i *inspector) namesOnly(id int) bool {
	return i.full() || i.archive(id).Entries > i.limits.Entries || i.spent > i.limits.Bytes
}

// named reports an unread file whose name shows that it runs.
func (i *inspector) named(f *File) {
	if i.full() {
		i.noteOnce(NoteFiles, f.Parent, "")
	}
	if i.reportsName(f.Name) {
		i.add(File{Parent: f.Parent, Name: f.Name, Size: f.Size, Encrypted: f.Encrypted, Unread: true}, nil, "")
	}
}

// unread reports an unread entry, with the reason as a note.
func (i *inspector) unread(parent int, name string, size int64, encrypted bool, reason error) {
	id := i.add(File{Parent: parent, Name: name, Size: size, Encrypted: encrypted, Unread: true}, nil, "")
	if reason != nil && id >= 0 {
		i.fail(id, reason)
	}
}

// take reads one packed file within all limits and reports it. packed is its packed size
// for the ratio, or 0 if unknown. Data read before an error is examined. The result reports
// whether the whole inspection may continue.
func (i *inspector) take(f File, r io.Reader, packed int64) bool {
	if i.namesOnly(f.Parent) {
		i.named(&f)
		return true
	}
	data, err := i.read(r, packed)
	if err != nil && len(data) == 0 {
		i.unread(f.Parent, f.Name, f.Size, f.Encrypted, err)
		return goesOn(err)
	}
	id := i.add(f, data, "")
	i.archive(f.Parent).Extracted++
	if err != nil && id >= 0 {
		i.fail(id, err)
	}
	return goesOn(err)
}

// goesOn reports whether a directory is read further. When the bytes are used up, names are
// still read.
func goesOn(err error) bool { return !errors.Is(err, errWall) }

var (
	errWall  = errors.New("the time is up")
	errCut   = errors.New("only the first bytes were looked at")
	maxEmpty = 64 // reads without data until a decompressor counts as stalled
)

// read reads at most Limits.FileBytes. It counts every byte against the budget, checks the
// ratio and the time, and stops a reader that makes no progress.
func (i *inspector) read(r io.Reader, packed int64) ([]byte, error) {
	most := min(i.limits.FileBytes, max(i.limits.Memory-i.held, 1<<20))
	var out []byte
	for empty := 0; ; {
		if i.ctx() != nil {
			return out, errWall
		}
		if len(out) == cap(out) {
			out = append(make([]byte, 0, min(int64(max(32<<10, cap(out)*2)), most+1)), out...)
		}
		room := out[len(out):min(cap(out), len(out)+1<<18)]
		n, err := r.Read(room)
		out = out[:len(out)+n]
		i.spent += int64(n)
		if empty++; n > 0 {
			empty = 0
		}
		switch size := int64(len(out)); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return out, fmt.Errorf("unpacking: %w", err)
		case i.spent > i.limits.Bytes:
			return out, errBytes
		case packed > 0 && size > RatioFloor && size/packed > i.limits.Ratio:
			return out, errRatio
		case size > most:
			return out[:most], errCut
		case empty > maxEmpty:
			return out, errStalled
		}
	}
}

// clean returns valid UTF-8 without NUL, cut at a rune.
func clean(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	return strings.ReplaceAll(s, "\x00", "")
}

// climbs reports whether a naive unpacker would write outside of its directory.
func climbs(name string) bool {
	name = strings.ReplaceAll(name, `\`, "/")
	if strings.HasPrefix(name, "/") || len(name) > 1 && name[1] == ':' {
		return true
	}
	return name == ".." || strings.HasPrefix(name, "../") || strings.Contains(name, "/../") || strings.HasSuffix(name, "/..")
}
