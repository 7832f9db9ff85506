package feed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"outrider/internal/egress"
)

// Names of the feeds that come from the customer's own directories.
const (
	Own      = "own"       // rules
	OwnLists = "own-lists" // lists
)

// Source is the origin of a feed.
type Source struct {
	// Name of the feed: small letters, digits and hyphens.
	Name string
	// Location is a directory, an archive (.tar.zst, .tar.gz, .tgz, .zip), or a git
	// repository; each local or, except for directories, at an https URL.
	Location string
	// Branch or tag of a repository. "": its default branch.
	Branch string
	// Commit pins a repository to a full 40-character commit hash. "": the tip of the
	// branch.
	Commit string
	// Plain treats a repository as a plain directory.
	Plain bool
	// Fetch makes the client for an https URL. Nil: egress with its defaults.
	Fetch func(egress.Config) *egress.Client
	// AllowPrivate allows https URLs in private networks.
	AllowPrivate bool

	// known returns an existing undamaged version, or nil.
	known func(version string) *Manifest
}

// knownError reports that a commit is stored already, so that it need not be fetched.
type knownError struct{ manifest *Manifest }

// Error names the version.
func (e *knownError) Error() string { return "version " + e.manifest.Short() + " is kept already" }

// unlessKnown returns an error if a commit need not be fetched.
func (s *Source) unlessKnown(commit string) error {
	if m := s.known(commit); m != nil {
		return &knownError{m}
	}
	return nil
}

// nameForm is the form of a name. It becomes the name of a directory.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func (s *Source) check() error {
	switch {
	case !nameForm.MatchString(s.Name):
		return fmt.Errorf("%q is not a valid feed name: use lower-case letters, digits and hyphens", s.Name)
	case s.Location == "":
		return errors.New("no source is named")
	case s.Commit != "":
		_, err := fullHash(s.Commit)
		return err
	}
	return nil
}

// fetchTimeout bounds one pull over the network.
const fetchTimeout = 5 * time.Minute

// collect collects the files of the source, and returns the commit of a repository.
func (s *Source) collect(ctx context.Context, c *collector) (commit string, err error) {
	if strings.Contains(s.Location, "://") || strings.HasPrefix(s.Location, "git@") {
		return s.collectRemote(ctx, c)
	}
	info, err := os.Stat(s.Location)
	switch {
	case err != nil:
		return "", fmt.Errorf("opening the source: %w", err)
	case !info.IsDir():
		if s.Commit != "" || s.Branch != "" {
			return "", errors.New("an archive has no commits and branches")
		}
		raw, err := readFile(s.Location)
		if err != nil {
			return "", err
		}
		return "", unpack(c, raw)
	case !s.Plain && gitDir(s.Location) != "":
		return pullRepository(c, s)
	case s.Commit != "" || s.Branch != "":
		return "", fmt.Errorf("%s is not a git repository, so it has no commits and branches", s.Location)
	default:
		return "", collectDirectory(c, s.Location)
	}
}

// collectRemote collects the files at an https URL.
func (s *Source) collectRemote(ctx context.Context, c *collector) (string, error) {
	u, err := url.Parse(s.Location)
	if err != nil || u.Scheme != "https" {
		return "", fmt.Errorf("%s is neither a path nor an https URL", s.Location)
	}
	conf := egress.Config{MaxBody: maxArchive, Timeout: fetchTimeout, AllowPrivate: s.AllowPrivate}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		conf.Ports = []uint16{443, uint16(port)}
	}
	client := s.client(conf)
	defer client.Close() //nolint:errcheck // closing idle connections cannot fail
	if !isArchive(u.Path) {
		return fetchRepository(ctx, c, client, s)
	}
	if s.Commit != "" || s.Branch != "" {
		return "", errors.New("an archive has no commits and branches")
	}
	answer, err := client.Get(ctx, s.Location, egress.Options{HTTPSOnly: true})
	if err != nil {
		return "", fmt.Errorf("fetching the archive: %w", err)
	}
	return "", unpack(c, answer.Body)
}

func (s *Source) client(conf egress.Config) *egress.Client {
	if s.Fetch != nil {
		return s.Fetch(conf)
	}
	return egress.New(conf)
}

// collectDirectory collects the files below a directory. Links are not followed.
func collectDirectory(c *collector, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening the source: %w", err)
	}
	defer root.Close() //nolint:errcheck // it was read only
	from := root.FS()
	return fs.WalkDir(from, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading the source: %w", err)
		}
		if err := c.entry(); err != nil {
			return err
		}
		switch {
		case d.IsDir() && p != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir():
			return nil
		case !d.Type().IsRegular() || keepAs(p) == 0:
			c.skipped++
			return nil
		}
		f, err := from.Open(filepath.ToSlash(p))
		if err != nil {
			return fmt.Errorf("reading the source: %w", err)
		}
		defer f.Close() //nolint:errcheck // it was read only
		return c.add(p, &counted{c, f})
	})
}
