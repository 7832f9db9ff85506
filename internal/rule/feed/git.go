package feed

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"

	"outrider/internal/egress"
)

// gitDir returns the directory of the repository at a path, or "".
func gitDir(dir string) string {
	for _, d := range []string{filepath.Join(dir, ".git"), dir} {
		if isFile(filepath.Join(d, "HEAD")) && isDir(filepath.Join(d, "objects")) {
			return d
		}
	}
	return ""
}

func isFile(p string) bool {
	info, err := os.Stat(p)
	return err == nil && info.Mode().IsRegular()
}

func isDir(p string) bool {
	info, err := os.Stat(p)
	return err == nil && info.IsDir()
}

// pullRepository collects the files of a commit of a local repository, and returns the
// commit. It does not run the git program.
func pullRepository(c *collector, s *Source) (string, error) {
	store := filesystem.NewStorage(osfs.New(gitDir(s.Location)), cache.NewObjectLRU(16<<20))
	hash, err := localCommit(store, s)
	if err != nil {
		return "", err
	}
	if err := s.unlessKnown(hash.String()); err != nil {
		return "", err
	}
	return collectCommit(c, store, hash)
}

// localCommit finds the requested commit.
func localCommit(store *filesystem.Storage, s *Source) (plumbing.Hash, error) {
	if s.Commit != "" {
		return fullHash(s.Commit)
	}
	names := []plumbing.ReferenceName{plumbing.HEAD}
	if s.Branch != "" {
		names = []plumbing.ReferenceName{plumbing.NewBranchReferenceName(s.Branch), plumbing.NewRemoteReferenceName("origin", s.Branch), plumbing.NewTagReferenceName(s.Branch)}
	}
	for _, name := range names {
		ref, err := storer.ResolveReference(store, name)
		if err == nil {
			return ref.Hash(), nil
		}
		if !errors.Is(err, plumbing.ErrReferenceNotFound) {
			return plumbing.ZeroHash, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	return plumbing.ZeroHash, fmt.Errorf("the repository has no branch %q", cmp.Or(s.Branch, "HEAD"))
}

// fullHash parses a full commit hash. A short one could become ambiguous.
func fullHash(commit string) (plumbing.Hash, error) {
	if !plumbing.IsHash(strings.ToLower(commit)) {
		return plumbing.ZeroHash, fmt.Errorf("%q is not a commit hash: all 40 digits are needed", commit)
	}
	return plumbing.NewHash(commit), nil
}

// collectCommit collects the files of a commit, or of an annotated tag of one, and returns
// the commit.
func collectCommit(c *collector, store storer.EncodedObjectStorer, hash plumbing.Hash) (string, error) {
	if tag, err := object.GetTag(store, hash); err == nil {
		hash = tag.Target
	}
	commit, err := object.GetCommit(store, hash)
	if err != nil {
		return "", fmt.Errorf("reading commit %s: %w", hash, err)
	}
	tree, err := commit.Tree()
	if err != nil {
		return "", fmt.Errorf("reading the tree of %s: %w", hash, err)
	}
	return hash.String(), collectTree(c, store, tree, "", 0)
}

// collectTree collects the files of a tree. The bound on entries stops a tree that contains
// itself many times.
func collectTree(c *collector, store storer.EncodedObjectStorer, tree *object.Tree, under string, depth int) error {
	if depth > maxPathDepth {
		return fmt.Errorf("%w: folders are nested too deeply", ErrHostile)
	}
	for _, e := range tree.Entries {
		if err := c.entry(); err != nil {
			return err
		}
		if err := collectItem(c, store, e, under+e.Name, depth); err != nil {
			return err
		}
	}
	return nil
}

func collectItem(c *collector, store storer.EncodedObjectStorer, e object.TreeEntry, p string, depth int) error {
	switch e.Mode {
	case filemode.Dir:
		sub, err := object.GetTree(store, e.Hash)
		if err != nil {
			return fmt.Errorf("reading folder %q: %w", p, err)
		}
		return collectTree(c, store, sub, p+"/", depth+1)
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
		return collectBlob(c, store, e.Hash, p)
	default: // links and submodules
		c.skipped++
		return nil
	}
}

func collectBlob(c *collector, store storer.EncodedObjectStorer, hash plumbing.Hash, p string) error {
	most := keepAs(p)
	if most == 0 {
		c.skipped++
		return nil
	}
	blob, err := object.GetBlob(store, hash)
	if err != nil {
		return fmt.Errorf("reading %q: %w", p, err)
	}
	if blob.Size > most {
		return fmt.Errorf("%w: %q has %d bytes", ErrTooLarge, p, blob.Size)
	}
	r, err := blob.Reader()
	if err != nil {
		return fmt.Errorf("reading %q: %w", p, err)
	}
	defer r.Close() //nolint:errcheck // it was read only
	return c.add(p, &counted{c, r})
}

// fetchRepository fetches one commit of a repository over https and collects its files. All
// connections use package egress.
func fetchRepository(ctx context.Context, c *collector, client *egress.Client, s *Source) (string, error) {
	end, err := transport.NewEndpoint(s.Location)
	if err != nil {
		return "", fmt.Errorf("reading the address: %w", err)
	}
	session, err := githttp.NewClient(client.HTTP(egress.Options{HTTPSOnly: true, MaxBody: maxArchive})).NewUploadPackSession(end, nil)
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", s.Location, err)
	}
	defer session.Close() //nolint:errcheck // it keeps nothing open
	refs, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return "", fmt.Errorf("listing the branches of %s: %w", s.Location, err)
	}
	hash, err := remoteCommit(refs, s)
	if err != nil {
		return "", err
	}
	if err := s.unlessKnown(hash.String()); err != nil {
		return "", err
	}
	pack, err := download(ctx, session, refs, hash, s)
	if err != nil {
		return "", err
	}
	if err := checkPack(pack); err != nil {
		return "", err
	}
	store := memory.NewStorage()
	if err := packfile.UpdateObjectStorage(store, bytes.NewReader(pack)); err != nil {
		return "", fmt.Errorf("reading the pack: %w", err)
	}
	return collectCommit(c, store, hash)
}

// remoteCommit finds the requested commit among the server's refs.
func remoteCommit(refs *packp.AdvRefs, s *Source) (plumbing.Hash, error) {
	if s.Commit != "" {
		return fullHash(s.Commit)
	}
	if s.Branch == "" {
		if refs.Head == nil {
			return plumbing.ZeroHash, errors.New("the repository has no default branch; name one with --branch")
		}
		return *refs.Head, nil
	}
	for _, name := range []plumbing.ReferenceName{plumbing.NewBranchReferenceName(s.Branch), plumbing.NewTagReferenceName(s.Branch)} {
		if hash, ok := refs.Peeled[name.String()]; ok {
			return hash, nil
		}
		if hash, ok := refs.References[name.String()]; ok {
			return hash, nil
		}
	}
	return plumbing.ZeroHash, fmt.Errorf("the repository has no branch %q", s.Branch)
}

// download requests the commit alone if the server supports that, or with its history.
func download(ctx context.Context, session transport.UploadPackSession, refs *packp.AdvRefs, hash plumbing.Hash, s *Source) ([]byte, error) {
	req := packp.NewUploadPackRequestFromCapabilities(refs.Capabilities)
	if refs.Capabilities.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(1)
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return nil, fmt.Errorf("requesting a single commit: %w", err)
		}
	}
	if refs.Capabilities.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return nil, fmt.Errorf("disabling progress messages: %w", err)
		}
	}
	req.Wants = append(req.Wants, hash)
	answer, err := session.UploadPack(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("fetching %s of %s: %w", hash, s.Location, err)
	}
	defer answer.Close() //nolint:errcheck // it was read only
	raw, err := io.ReadAll(io.LimitReader(demultiplexed(req, answer), maxArchive+1))
	if err != nil {
		return nil, fmt.Errorf("fetching %s of %s: %w", hash, s.Location, err)
	}
	if len(raw) > maxArchive {
		return nil, fmt.Errorf("%w: the pack has more than %d MiB", ErrTooLarge, maxArchive>>20)
	}
	return raw, nil
}

// demultiplexed returns the pack alone, without interleaved messages of the server.
func demultiplexed(req *packp.UploadPackRequest, answer io.Reader) io.Reader {
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, answer)
	case req.Capabilities.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, answer)
	default:
		return answer
	}
}

// checkPack counts the unpacked size of a pack, before any of it is kept in memory.
func checkPack(pack []byte) error {
	s := packfile.NewScanner(bytes.NewReader(pack))
	_, objects, err := s.Header()
	if err != nil {
		return fmt.Errorf("reading the pack: %w", err)
	}
	if objects > maxEntries*2 {
		return fmt.Errorf("%w: the pack has %d objects", ErrTooLarge, objects)
	}
	total := int64(0)
	for range objects {
		h, err := s.NextObjectHeader()
		if err != nil {
			return fmt.Errorf("reading the pack: %w", err)
		}
		head := &prefix{}
		n, _, err := s.NextObject(head)
		if err != nil {
			return fmt.Errorf("reading the pack: %w", err)
		}
		if total += n + head.target(h.Type); total > maxUnpacked || total < 0 {
			return fmt.Errorf("%w: the pack unpacks to more than %d MiB", ErrTooLarge, maxUnpacked>>20)
		}
	}
	return nil
}

// prefix keeps the first bytes written to it.
type prefix struct{ b []byte }

func (p *prefix) Write(b []byte) (int, error) {
	if room := 20 - len(p.b); room > 0 {
		p.b = append(p.b, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

// target returns the size of a delta's result; sizes of other objects are known.
func (p *prefix) target(t plumbing.ObjectType) int64 {
	if !t.IsDelta() {
		return 0
	}
	_, rest := varint(p.b)
	size, _ := varint(rest)
	return size
}

// varint parses a git number: seven bits a byte, lowest first.
func varint(b []byte) (n int64, rest []byte) {
	for i, c := range b {
		if i == 9 {
			return maxUnpacked + 1, nil
		}
		n |= int64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return n, b[i+1:]
		}
	}
	return n, nil
}
