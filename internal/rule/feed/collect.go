package feed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds on pulled data.
const (
	maxArchive   = 64 << 20  // bytes of an archive, or of a git pack
	maxUnpacked  = 512 << 20 // bytes that are read from an archive, kept or not
	maxKept      = 256 << 20 // bytes that are kept
	maxEntries   = 200_000   // files and directories of an archive
	maxFiles     = 50_000    // files that are kept
	maxPathBytes = 400
	maxPathDepth = 16
	maxMailFile  = 16 << 20
)

// Reasons to refuse a whole source.
var (
	ErrHostile  = errors.New("the archive is not trustworthy")
	ErrTooLarge = errors.New("the feed is too large")
)

// keepAs returns the maximum size of a file in bytes, or 0 for one that rules do not use.
// Licences are kept, because most feeds require that.
func keepAs(p string) int64 {
	base := strings.ToUpper(path.Base(p))
	for _, licence := range []string{"LICENSE", "LICENCE", "COPYING", "NOTICE"} {
		if name, _, _ := strings.Cut(base, "."); name == licence {
			return maxRuleFile
		}
	}
	switch strings.ToLower(path.Ext(p)) {
	case ".yml", ".yaml", ".yara", ".yar":
		return maxRuleFile
	case ".txt", ".csv":
		return maxListFile
	case ".eml":
		return maxMailFile
	default:
		return 0
	}
}

// collector writes the files of a feed into a new directory, for any source. File names are
// untrusted.
type collector struct {
	root    *os.Root
	entries int
	seen    int64 // bytes that were read
	kept    int64
	taken   map[string]string // form for comparison -> path, of files and directories
	folders map[string]bool   // the directories in taken
	sums    []fileSum
	skipped int // links, devices, and files that rules do not use
}

// fileSum is the digest of one file.
type fileSum struct {
	path string
	size int64
	sum  [sha256.Size]byte
}

func newCollector(root *os.Root) *collector {
	return &collector{root: root, taken: make(map[string]string), folders: make(map[string]bool)}
}

// entry counts an entry of an archive, kept or not.
func (c *collector) entry() error {
	if c.entries++; c.entries > maxEntries {
		return fmt.Errorf("%w: it has more than %d entries", ErrTooLarge, maxEntries)
	}
	return nil
}

// look counts bytes that are read, kept or not.
func (c *collector) look(n int64) error {
	if c.seen += n; c.seen > maxUnpacked {
		return fmt.Errorf("%w: more than %d MiB unpacked", ErrTooLarge, maxUnpacked>>20)
	}
	return nil
}

// add keeps a file that rules may use. The path is relative, with slashes.
func (c *collector) add(p string, from io.Reader) error {
	p, err := cleanPath(p)
	if err != nil {
		return err
	}
	most := keepAs(p)
	if most == 0 || isHidden(p) {
		c.skipped++
		return nil
	}
	if err := c.claim(p); err != nil {
		return err
	}
	if len(c.sums) == maxFiles {
		return fmt.Errorf("%w: more than %d files", ErrTooLarge, maxFiles)
	}
	raw, err := io.ReadAll(io.LimitReader(from, most+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", p, err)
	}
	if int64(len(raw)) > most {
		return fmt.Errorf("%w: %s has more than %d bytes", ErrTooLarge, p, most)
	}
	if c.kept += int64(len(raw)); c.kept > maxKept {
		return fmt.Errorf("%w: more than %d MiB", ErrTooLarge, maxKept>>20)
	}
	c.sums = append(c.sums, fileSum{p, int64(len(raw)), sha256.Sum256(raw)})
	return c.write(p, raw)
}

func (c *collector) write(p string, raw []byte) error {
	if dir := path.Dir(p); dir != "." {
		if err := c.root.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("writing %s: %w", p, err)
		}
	}
	f, err := c.root.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("writing %s: %w", p, err)
	}
	_, err = io.Copy(f, bytes.NewReader(raw))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", p, err)
	}
	return nil
}

// claim registers a path and its directories. It refuses two paths that some file system
// treats as equal, since the checked file could differ from the active one.
func (c *collector) claim(p string) error {
	parts := strings.Split(p, "/")
	for i := range parts {
		name := strings.Join(parts[:i+1], "/")
		form := strings.ToLower(norm.NFC.String(name))
		isFolder := i < len(parts)-1
		other, ok := c.taken[form]
		if ok && (other != name || !isFolder || !c.folders[form]) {
			return fmt.Errorf("%w: %q and %q collide", ErrHostile, other, p)
		}
		c.taken[form], c.folders[form] = name, isFolder
	}
	return nil
}

// cleanPath returns the path in its shortest form. It rejects paths that leave the
// directory, or that other systems interpret differently.
func cleanPath(p string) (string, error) {
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("%w: the path %s %s", ErrHostile, strconv.QuoteToASCII(p[:min(len(p), maxPathBytes)]), why)
	}
	switch {
	case len(p) > maxPathBytes:
		return bad("is too long")
	case !utf8.ValidString(p):
		return bad("is not UTF-8")
	case strings.HasPrefix(p, "/"):
		return bad("is absolute")
	case strings.ContainsAny(p, "\\:") || strings.ContainsFunc(p, unicode.IsControl):
		return bad("has characters that are not allowed")
	}
	parts := strings.Split(p, "/")
	if slices.Contains(parts, "..") {
		return bad("leads out of the archive")
	}
	if len(parts) > maxPathDepth {
		return bad("is too deep")
	}
	return path.Clean(p), nil
}

// isHidden reports whether a file is in a directory such as .github.
func isHidden(p string) bool { return strings.HasPrefix(p, ".") || strings.Contains(p, "/.") }

// digest identifies the contents: SHA-256 over the paths, sizes and digests of all files,
// in order of their paths.
func digest(sums []fileSum) string {
	sums = slices.SortedFunc(slices.Values(sums), func(a, b fileSum) int { return strings.Compare(a.path, b.path) })
	h := sha256.New()
	for _, s := range sums {
		fmt.Fprintf(h, "%s\x00%d\x00%x\n", s.path, s.size, s.sum) //nolint:errcheck // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}

// outermost returns the single top directory of all paths, with a slash, or "". Archives of
// code hosts have one, whose name changes with the version.
func outermost(paths []string) string {
	first := ""
	for i, p := range paths {
		dir, _, ok := strings.Cut(p, "/")
		switch {
		case !ok:
			return ""
		case i == 0:
			first = dir
		case dir != first:
			return ""
		}
	}
	if first == "" || slices.Contains(knownFolders, first) {
		return ""
	}
	return first + "/"
}

// knownFolders are feed directories that are never stripped as the top directory, even if
// alone.
var knownFolders = []string{"detection-rules", "discovery-rules", "dlp-discovery-rules", "insights", "exclusions", "automations", "yara", "lists", "rules"}
