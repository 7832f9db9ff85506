// Package file reads messages that others received from files: single messages, mbox,
// Maildir and directories of them, plain or compressed with gzip.
//
// An mbox is a text file in which each message begins with a line "From "; lines of
// the body that begin so are written ">From ". A Maildir is a directory with one file
// per message below "cur" and "new". What a file is, is told from its first bytes and
// not from its name.
//
// Standards: RFC 4155 (mbox; the mboxrd quoting is undone).
//
// Limits: IMAP spools, PST and MSG are not read.
package file

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// MaxMessage bounds the bytes of one message that are read; the rest is reported.
const MaxMessage = 256 << 20

// ErrTooLarge says that a message has more than MaxMessage bytes.
var ErrTooLarge = fmt.Errorf("message has more than %d MiB", MaxMessage>>20)

// Item is one message in a file.
type Item struct {
	Path string // of the file; with "#N" after it for the Nth message of an mbox, from 1
	Raw  []byte
}

// Read yields every message below the paths in lexical order, "-" being stdin. An error
// is yielded in the place of the message that it hit, and reading goes on.
func Read(stdin io.Reader, paths ...string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for _, p := range paths {
			if p == "-" {
				if !readStream("-", stdin, 0, yield) {
					return
				}
				continue
			}
			if !readPath(p, yield) {
				return
			}
		}
	}
}

// readPath walks a file or directory. It returns false when the reader has enough.
func readPath(root string, yield func(Item, error) bool) bool {
	for path, err := range messageFiles(resolved(root)) {
		if err != nil {
			if !yield(Item{Path: path}, fmt.Errorf("reading %s: %w", path, err)) {
				return false
			}
			continue
		}
		if !readFile(path, yield) {
			return false
		}
	}
	return true
}

// messageFiles yields the files below root that may hold messages, in lexical order,
// and what could not be read in its place.
func messageFiles(root string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error { // errors are yielded
			more := true
			switch {
			case err != nil:
				more = yield(path, err)
			case d.IsDir() && path != root && skipDir(path, d.Name()):
				return fs.SkipDir
			case d.IsDir(), !d.Type().IsRegular() && d.Type()&fs.ModeSymlink == 0, strings.HasPrefix(d.Name(), "."):
			default:
				more = yield(path, nil)
			}
			return goOn(more)
		})
	}
}

// goOn tells WalkDir whether the reader wants more.
func goOn(more bool) error {
	if more {
		return nil
	}
	return fs.SkipAll
}

// resolved follows a root that is a symbolic link, which WalkDir does not.
func resolved(root string) string {
	if target, err := filepath.EvalSymlinks(root); err == nil {
		return target
	}
	return root
}

// skipDir reports whether a directory holds no messages: the "tmp" of a Maildir, whose
// files are not complete, and hidden ones that are no Maildir folders.
func skipDir(path, name string) bool {
	if name == "tmp" {
		_, err := os.Stat(filepath.Join(filepath.Dir(path), "cur"))
		return err == nil
	}
	if strings.HasPrefix(name, ".") {
		_, err := os.Stat(filepath.Join(path, "cur"))
		return err != nil
	}
	return false
}

// Count returns how many files Read would open below a path, for a progress bar.
func Count(root string) int {
	n := 0
	for _, err := range messageFiles(resolved(root)) {
		if err == nil {
			n++
		}
	}
	return n
}

func readFile(path string, yield func(Item, error) bool) bool {
	f, err := os.Open(path)
	if err != nil {
		return yield(Item{Path: path}, fmt.Errorf("opening %s: %w", path, err))
	}
	defer f.Close() //nolint:errcheck // only read
	var size int64
	if info, err := f.Stat(); err == nil {
		if !info.Mode().IsRegular() {
			return true
		}
		size = info.Size()
	}
	return readStream(path, f, size, yield)
}

// gzipMagic begins every gzip file. RFC 1952, Section 2.3.1.
const gzipMagic = "\x1f\x8b"

// readStream reads what a file holds, of which size bytes are expected; 0 is unknown.
func readStream(path string, r io.Reader, size int64, yield func(Item, error) bool) bool {
	br := bufio.NewReader(r)
	if head, _ := br.Peek(2); string(head) == gzipMagic {
		zr, err := gzip.NewReader(br)
		if err != nil {
			return yield(Item{Path: path}, fmt.Errorf("unpacking %s: %w", path, err))
		}
		br, size = bufio.NewReader(zr), 0
	}
	if head, _ := br.Peek(5); string(head) == "From " {
		return readMbox(path, bufio.NewReaderSize(br, 64<<10), yield)
	}
	raw, err := readAll(br, size)
	if err != nil {
		err = fmt.Errorf("reading %s: %w", path, err)
	}
	return yield(Item{Path: path, Raw: raw}, err)
}

func readAll(r io.Reader, size int64) ([]byte, error) {
	var buf bytes.Buffer
	// ReadFrom needs room after the last byte to detect the end.
	buf.Grow(int(min(max(size, 0), MaxMessage)) + bytes.MinRead)
	_, err := buf.ReadFrom(io.LimitReader(r, MaxMessage+1))
	if buf.Len() > MaxMessage {
		return buf.Bytes()[:MaxMessage], ErrTooLarge
	}
	return buf.Bytes(), err
}

// mbox collects the messages of one mbox.
type mbox struct {
	path    string
	yield   func(Item, error) bool
	msg     bytes.Buffer
	n       int  // messages yielded
	started bool // a separator was seen
	over    bool // the message under way is too large
}

// readMbox splits at separators after an empty line or at the start.
func readMbox(path string, br *bufio.Reader, yield func(Item, error) bool) bool {
	m := &mbox{path: path, yield: yield}
	blank, begin := true, true // the line before is empty; a line begins here
	for {
		line, err := br.ReadSlice('\n')
		if begin && blank && isSeparator(line, m.started) {
			if !m.next() {
				return false
			}
		} else {
			m.add(line, begin)
		}
		fragment := errors.Is(err, bufio.ErrBufferFull)
		blank, begin = begin && !fragment && len(bytes.TrimRight(line, "\r\n")) == 0, !fragment
		if err == nil || fragment {
			continue
		}
		if !errors.Is(err, io.EOF) {
			return yield(Item{Path: path}, fmt.Errorf("reading %s: %w", path, err))
		}
		return !m.started || m.emit()
	}
}

// next begins a message and yields the one before.
func (m *mbox) next() bool {
	more := !m.started || m.emit()
	m.started = true
	return more
}

func (m *mbox) add(line []byte, begin bool) {
	if m.msg.Len()+len(line) > MaxMessage {
		m.over = true
		return
	}
	if begin {
		line = unquote(line)
	}
	m.msg.Write(line)
}

// emit yields the message without the empty line that separates it from the next.
func (m *mbox) emit() bool {
	m.n++
	raw := bytes.TrimSuffix(bytes.TrimSuffix(m.msg.Bytes(), []byte("\n")), []byte("\r"))
	item := Item{Path: fmt.Sprintf("%s#%d", m.path, m.n), Raw: bytes.Clone(raw)}
	m.msg.Reset()
	var err error
	if m.over {
		err = fmt.Errorf("reading %s: %w", item.Path, ErrTooLarge)
	}
	m.over = false
	return m.yield(item, err)
}

// isSeparator reports whether a line begins a message: "From ", a sender and a day of
// the week. The first line of a file needs no more than "From ".
// RFC 4155, Appendix A: the sender is followed by a timestamp in asctime form.
func isSeparator(line []byte, started bool) bool {
	if !bytes.HasPrefix(line, []byte("From ")) {
		return false
	}
	if !started {
		return true
	}
	fields := bytes.Fields(line[:min(len(line), 1000)])
	return len(fields) >= 6 && bytes.Contains([]byte("Mon Tue Wed Thu Fri Sat Sun"), fields[2]) && len(fields[2]) == 3
}

// unquote undoes the mboxrd quoting of lines ">From ".
func unquote(line []byte) []byte {
	if rest := bytes.TrimLeft(line, ">"); len(rest) < len(line) && bytes.HasPrefix(rest, []byte("From ")) {
		return line[1:]
	}
	return line
}
