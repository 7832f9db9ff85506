package feed

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"outrider/internal/durable"
)

// KeepVersions is the number of latest versions of a feed to keep, besides those that are
// active, staged, or were active in the last KeepStates activations.
const KeepVersions = 5

// KeepStates is the number of activations in the history, for rollback.
const KeepStates = 5

// Names within the store. A version is the directory <feed>/<version>, with its manifest and
// its files.
const (
	feedsDir     = "feeds"
	filesDir     = "files"
	manifestFile = "manifest.json"
	activeFile   = "active.json"
	stagedFile   = "staged.json"
	overrideFile = "overrides.yaml"
	lockFile     = "lock"
)

// Store keeps the versions of all feeds, and records which of them are active. It is safe
// for concurrent use, also by several processes: writers hold a lock, and readers see one
// state or the next.
type Store struct{ dir string }

// Manifest describes a version.
type Manifest struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"` // the commit, or the digest
	Source   string    `json:"source"`
	Commit   string    `json:"commit,omitempty"`
	Digest   string    `json:"digest"`
	Time     time.Time `json:"time"` // when it was pulled
	Rules    int       `json:"rules"`
	Patterns int       `json:"patterns"`
	Lists    int       `json:"lists"`
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"`
	Skipped  int       `json:"skipped"` // links, and files that rules do not use
}

// Short returns the version for display.
func (m *Manifest) Short() string { return short(m.Version) }

func short(version string) string { return version[:min(len(version), 12)] }

// State maps each feed to a version.
type State struct {
	Feeds map[string]string `json:"feeds"`
	Time  time.Time         `json:"time"`
}

// record is the file of the active state. The history is in the same file, so that the two
// never disagree.
type record struct {
	Active  State   `json:"active"`
	History []State `json:"history"` // the newest first
}

// Open opens the store in a directory, which need not exist yet.
func Open(dir string) (*Store, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("opening the store of rules: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("opening the store of rules: %s is not a directory", dir)
	}
	return &Store{dir}, nil
}

// Stamp returns a text that changes with the active rules, lists or overrides.
func (s *Store) Stamp() (string, error) {
	sum := sha256.New()
	for _, name := range []string{activeFile, overrideFile} {
		raw, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("reading the state of the rules: %w", err)
		}
		_, _ = fmt.Fprintf(sum, "%d ", len(raw)) // writing to a hash cannot fail
		_, _ = sum.Write(raw)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// change runs do under the lock of the store.
func (s *Store) change(do func() error) (err error) {
	if err := os.MkdirAll(filepath.Join(s.dir, feedsDir), 0o700); err != nil {
		return fmt.Errorf("creating the store of rules: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("locking the store of rules: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("locking the store of rules: %w", err)
	}
	if err := durable.Clean(s.dir); err != nil {
		return fmt.Errorf("tidying the store of rules: %w", err)
	}
	return do()
}

// Pulled is a version that was pulled, and the old unreferenced versions that were removed
// meanwhile.
type Pulled struct {
	*Manifest

	Pruned []*Manifest
}

// Pull fetches a source, keeps it as a version and stages it. An existing version is not
// written again.
func (s *Store) Pull(ctx context.Context, src Source) (*Pulled, error) {
	if src.Name == Own || src.Name == OwnLists {
		return nil, fmt.Errorf("the name %q is reserved for the rules and lists of the configuration", src.Name)
	}
	p := new(Pulled)
	var err error
	p.Manifest, err = s.keep(ctx, src, func(m *Manifest) (err error) {
		if err := s.stage(src.Name, m.Version); err != nil {
			return err
		}
		p.Pruned, err = s.prune()
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// keep fetches a source and keeps it as a version, and then calls then under the lock of
// the store.
func (s *Store) keep(ctx context.Context, src Source, then func(*Manifest) error) (m *Manifest, err error) {
	if err := src.check(); err != nil {
		return nil, fmt.Errorf("pulling feed %s: %w", src.Name, err)
	}
	err = s.change(func() error {
		if m, err = s.take(ctx, &src); err != nil {
			return fmt.Errorf("pulling feed %s: %w", src.Name, err)
		}
		return then(m)
	})
	return m, err
}

// take writes a source into a temporary directory, which is renamed when it is complete and
// on disk.
func (s *Store) take(ctx context.Context, src *Source) (m *Manifest, err error) {
	home := filepath.Join(s.dir, feedsDir, src.Name)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	if err := durable.Clean(home); err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp(home, durable.Unfinished)
	if err != nil {
		return nil, err
	}
	defer func() {
		if temp != "" {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	src.known = func(version string) *Manifest { return s.whole(src.Name, version) }
	m, err = s.fill(ctx, src, temp)
	if known, ok := errors.AsType[*knownError](err); ok {
		return known.manifest, nil
	}
	if err != nil {
		return nil, err
	}
	final := filepath.Join(home, m.Version)
	if old := s.whole(src.Name, m.Version); old != nil && old.Digest == m.Digest {
		return old, nil
	}
	if err := os.RemoveAll(final); err != nil { // it was damaged
		return nil, err
	}
	if err := syncTree(temp); err != nil {
		return nil, err
	}
	if err := os.Rename(temp, final); err != nil {
		return nil, err
	}
	temp = ""
	return m, durable.Sync(home)
}

// fill writes the files of a source and their manifest into an empty directory.
func (s *Store) fill(ctx context.Context, src *Source, dir string) (*Manifest, error) {
	files := filepath.Join(dir, filesDir)
	if err := os.Mkdir(files, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(files)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // what was written is synced
	c := newCollector(root)
	commit, err := src.collect(ctx, c)
	if err != nil {
		return nil, err
	}
	read, err := Load(src.Name, root.FS())
	if err != nil {
		return nil, err
	}
	where := src.Location
	if full, err := filepath.Abs(where); err == nil && !strings.Contains(where, "://") {
		where = full
	}
	m := &Manifest{
		Name: src.Name, Source: where, Commit: commit, Digest: digest(c.sums), Time: time.Now().UTC(),
		Rules: len(read.Rules), Patterns: len(read.Patterns), Lists: len(read.Lists), Files: len(c.sums), Bytes: c.kept, Skipped: c.skipped,
	}
	m.Version = cmp.Or(commit, m.Digest)
	return m, writeJSON(filepath.Join(dir, manifestFile), m)
}

// manifest reads the manifest of a version.
func (s *Store) manifest(name, version string) (*Manifest, error) {
	if !nameForm.MatchString(name) || !isVersion(version) {
		return nil, fmt.Errorf("%q of feed %q is not a version", version, name)
	}
	m := new(Manifest)
	if err := readJSON(filepath.Join(s.dir, feedsDir, name, version, manifestFile), m); err != nil {
		return nil, fmt.Errorf("reading version %s of feed %s: %w", short(version), name, err)
	}
	if m.Name != name || m.Version != version {
		return nil, fmt.Errorf("reading version %s of feed %s: its manifest is that of %s of %s", short(version), name, short(m.Version), m.Name)
	}
	return m, nil
}

// isVersion reports whether a name is a commit or a digest.
func isVersion(v string) bool {
	return (len(v) == 40 || len(v) == 64) && strings.Trim(v, "0123456789abcdef") == ""
}

// files opens the files of a version.
func (s *Store) files(name, version string) fs.FS {
	return os.DirFS(filepath.Join(s.dir, feedsDir, name, version, filesDir))
}

// whole returns the manifest of an existing and undamaged version, or nil.
func (s *Store) whole(name, version string) *Manifest {
	m, err := s.manifest(name, version)
	if err != nil || s.verify(m) != nil {
		return nil
	}
	return m
}

// verify reads a whole version and compares it with its digest.
func (s *Store) verify(m *Manifest) error {
	var sums []fileSum
	from := s.files(m.Name, m.Version)
	err := fs.WalkDir(from, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := from.Open(p)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // it was read only
		h := sha256.New()
		n, err := io.Copy(h, f)
		sums = append(sums, fileSum{p, n, [sha256.Size]byte(h.Sum(nil))})
		return err
	})
	if err != nil {
		return fmt.Errorf("reading version %s of feed %s: %w", m.Short(), m.Name, err)
	}
	if got := digest(sums); got != m.Digest {
		return fmt.Errorf("reading version %s of feed %s: its files are not those that were pulled (digest %s, not %s)", m.Short(), m.Name, short(got), short(m.Digest))
	}
	return nil
}

// Versions returns the existing versions of a feed, newest first.
func (s *Store) Versions(name string) ([]*Manifest, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, feedsDir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the versions of feed %s: %w", name, err)
	}
	var out []*Manifest
	for _, e := range entries {
		if m, err := s.manifest(name, e.Name()); err == nil {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b *Manifest) int { return b.Time.Compare(a.Time) })
	return out, nil
}

// prune removes old unreferenced versions of all feeds: not those that are active, in the
// history, staged, or in the states in more. It returns the removed ones.
func (s *Store) prune(more ...State) (gone []*Manifest, err error) {
	used, err := s.used(more)
	if err != nil {
		return nil, err
	}
	names, err := os.ReadDir(filepath.Join(s.dir, feedsDir))
	if err != nil {
		return nil, fmt.Errorf("listing feeds: %w", err)
	}
	for _, n := range names {
		versions, err := s.Versions(n.Name())
		if err != nil {
			return gone, err
		}
		for _, m := range versions[min(len(versions), KeepVersions):] {
			if used[m.Name+"/"+m.Version] {
				continue
			}
			if err := s.drop(m); err != nil {
				return gone, fmt.Errorf("removing an old version of feed %s: %w", m.Name, err)
			}
			gone = append(gone, m)
		}
	}
	return gone, nil
}

// used returns the referenced versions, as feed/version.
func (s *Store) used(more []State) (map[string]bool, error) {
	r, err := s.record()
	if err != nil {
		return nil, err
	}
	staged, err := s.Staged()
	if err != nil {
		return nil, err
	}
	used := make(map[string]bool)
	for _, state := range slices.Concat(more, []State{r.Active, *staged}, r.History[:min(len(r.History), KeepStates)]) {
		for name, version := range state.Feeds {
			used[name+"/"+version] = true
		}
	}
	return used, nil
}

// drop removes a version atomically, even in a crash.
func (s *Store) drop(m *Manifest) error {
	home := filepath.Join(s.dir, feedsDir, m.Name)
	gone := filepath.Join(home, durable.Unfinished+m.Version)
	if err := os.Rename(filepath.Join(home, m.Version), gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

// stage stages a version, unless it is active.
func (s *Store) stage(name, version string) error {
	staged, err := s.Staged()
	if err != nil {
		return err
	}
	r, err := s.record()
	if err != nil {
		return err
	}
	staged.Feeds[name], staged.Time = version, time.Now().UTC()
	if r.Active.Feeds[name] == version {
		delete(staged.Feeds, name)
	}
	return writeJSON(filepath.Join(s.dir, stagedFile), staged)
}

// Staged returns the staged versions.
func (s *Store) Staged() (*State, error) {
	out := new(State)
	err := readJSON(filepath.Join(s.dir, stagedFile), out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the staged versions: %w", err)
	}
	if out.Feeds == nil {
		out.Feeds = make(map[string]string)
	}
	return out, nil
}

// record reads the active state.
func (s *Store) record() (*record, error) {
	out := new(record)
	err := readJSON(filepath.Join(s.dir, activeFile), out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the active versions: %w", err)
	}
	if out.Active.Feeds == nil {
		out.Active.Feeds = make(map[string]string)
	}
	return out, nil
}

// point makes a state the active one.
func (s *Store) point(r *record, next State) error {
	if len(r.Active.Feeds) > 0 {
		r.History = append([]State{r.Active}, r.History...)
		r.History = r.History[:min(len(r.History), KeepStates)]
	}
	r.Active = next
	return writeJSON(filepath.Join(s.dir, activeFile), r)
}

// Status is the content of the store.
type Status struct {
	Active, Staged State
	History        []State
	Versions       map[string][]*Manifest // by feed, the newest first
}

// Status returns the active, staged and kept versions.
func (s *Store) Status() (*Status, error) {
	r, err := s.record()
	if err != nil {
		return nil, err
	}
	staged, err := s.Staged()
	if err != nil {
		return nil, err
	}
	out := &Status{Active: r.Active, Staged: *staged, History: r.History, Versions: make(map[string][]*Manifest)}
	names, err := os.ReadDir(filepath.Join(s.dir, feedsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing feeds: %w", err)
	}
	for _, n := range names {
		if out.Versions[n.Name()], err = s.Versions(n.Name()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// same reports whether two states are equal.
func same(a, b State) bool { return maps.Equal(a.Feeds, b.Feeds) }
