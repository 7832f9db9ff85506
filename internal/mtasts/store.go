package mtasts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"outrider/internal/durable"
)

// suffix is the extension of policy files. Files with other names, other than unfinished
// ones, are ignored.
const suffix = ".sts"

// maxFile bounds a file: an escaped policy, and its metadata.
const maxFile = 8 * maxPolicy

// store keeps policies in a directory, one file per domain. Without a directory it keeps
// nothing.
type store struct{ dir string }

// kept is the content of a file.
type kept struct {
	Domain  string    `json:"domain"`
	ID      string    `json:"id"`
	Fetched time.Time `json:"fetched"`
	Policy  string    `json:"policy"` // as fetched
}

// load calls add for the unexpired policies, at most limit, and removes the others.
func (s store) load(limit int, add func(domain string, e *entry)) error {
	if s.dir == "" {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("making directory: %w", err)
	}
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("reading directory: %w", err)
	}
	n := 0
	for _, f := range files {
		domain, ok := strings.CutSuffix(f.Name(), suffix)
		if !ok {
			if strings.HasPrefix(f.Name(), durable.Unfinished) {
				_ = os.Remove(filepath.Join(s.dir, f.Name())) // retried at the next start
			}
			continue
		}
		e, err := s.read(domain)
		if err != nil || n >= limit {
			if err := s.remove(domain); err != nil {
				return err
			}
			continue
		}
		add(domain, e)
		n++
	}
	return nil
}

// errStale is the error of a file with an expired policy.
var errStale = errors.New("policy has expired")

// read returns the policy in a file.
func (s store) read(domain string) (*entry, error) {
	path := filepath.Join(s.dir, domain+suffix)
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading policy: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("reading policy: %w: %d bytes", ErrPolicy, info.Size())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading policy: %w", err)
	}
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		return nil, fmt.Errorf("reading policy: %w", err)
	}
	policy, err := ParsePolicy([]byte(k.Policy))
	if err != nil {
		return nil, err
	}
	e := &entry{id: k.ID, policy: policy, text: []byte(k.Policy), fetched: k.Fetched}
	if now := time.Now(); k.Domain != domain || k.Fetched.After(now) || !e.live(now) {
		return nil, errStale
	}
	return e, nil
}

// named reports whether the domain is usable as a file name.
func (s store) named(domain string) bool {
	return s.dir != "" && len(domain)+len(suffix) <= 255 && !strings.ContainsFunc(domain, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	})
}

// save writes a policy atomically: after a loss of power the file has either the old
// content or the new.
func (s store) save(domain string, e *entry) error {
	if !s.named(domain) {
		return nil
	}
	raw, err := json.Marshal(kept{Domain: domain, ID: e.id, Fetched: e.fetched, Policy: string(e.text)})
	if err != nil {
		return fmt.Errorf("writing policy: %w", err)
	}
	return durable.Write(filepath.Join(s.dir, domain+suffix), raw, 0o600)
}

func (s store) remove(domain string) error {
	if !s.named(domain) {
		return nil
	}
	if err := os.Remove(filepath.Join(s.dir, domain+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing policy: %w", err)
	}
	return nil
}
