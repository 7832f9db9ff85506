package feed_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"

	"outrider/internal/rule/feed"
)

// repository is a repository with a history.
type repository struct {
	tb   testing.TB
	dir  string
	git  *git.Repository
	work *git.Worktree
}

func newRepository(tb testing.TB) *repository {
	tb.Helper()
	r := &repository{tb: tb, dir: tb.TempDir()}
	var err error
	if r.git, err = git.PlainInit(r.dir, false); err != nil {
		tb.Fatal(err)
	}
	if r.work, err = r.git.Worktree(); err != nil {
		tb.Fatal(err)
	}
	return r
}

// commit changes files, and returns the commit.
func (r *repository) commit(files tree) string {
	r.tb.Helper()
	for p, text := range files {
		full := filepath.Join(r.dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			r.tb.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			r.tb.Fatal(err)
		}
	}
	return r.add()
}

func (r *repository) add() string {
	r.tb.Helper()
	if err := r.work.AddGlob("."); err != nil {
		r.tb.Fatal(err)
	}
	who := &object.Signature{Name: "A", Email: "a@example.org", When: time.Unix(1_700_000_000, 0)}
	hash, err := r.work.Commit("change", &git.CommitOptions{Author: who})
	if err != nil {
		r.tb.Fatal(err)
	}
	return hash.String()
}

func (r *repository) branch(name string) {
	r.tb.Helper()
	if err := r.work.Checkout(&git.CheckoutOptions{Branch: plumbing.NewBranchReferenceName(name), Create: true}); err != nil {
		r.tb.Fatal(err)
	}
}

// tag makes an annotated tag, which is an object of its own.
func (r *repository) tag(name, commit string) {
	r.tb.Helper()
	who := &object.Signature{Name: "A", Email: "a@example.org", When: time.Unix(1_700_000_000, 0)}
	if _, err := r.git.CreateTag(name, plumbing.NewHash(commit), &git.CreateTagOptions{Tagger: who, Message: name}); err != nil {
		r.tb.Fatal(err)
	}
}

func TestCommitsAndBranchesOfARepository(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	first := r.commit(small)
	second := r.commit(tree{"rules/four.yml": ruleFile(4, "type.inbound")})
	r.tag("v1", second)
	r.branch("next")
	if err := os.Symlink("/etc/passwd", filepath.Join(r.dir, "link.yml")); err != nil {
		t.Fatal(err)
	}
	third := r.commit(tree{"rules/five.yml": ruleFile(5, "type.inbound")})
	if err := os.WriteFile(filepath.Join(r.dir, "rules", "six.yml"), []byte("not committed"), 0o600); err != nil {
		t.Fatal(err)
	}
	web := serve(t, filepath.Join(r.dir, ".git"))
	for _, at := range []struct{ what, location string }{{"on disk", r.dir}, {"bare", filepath.Join(r.dir, ".git")}, {"https", web.URL + "/rules.git"}} {
		for _, tc := range []struct {
			what, branch, commit, want string
			rules                      int
		}{
			{what: "HEAD", want: third, rules: 5},
			{what: "a branch", branch: "master", want: second, rules: 4},
			{what: "a tag", branch: "v1", want: second, rules: 4},
			{what: "a commit of a branch", commit: second, want: second, rules: 4},
			{what: "an older commit", commit: first, want: first, rules: 3},
			{what: "an older commit in capitals", commit: strings.ToUpper(first), want: first, rules: 3},
		} {
			src := feed.Source{Name: "public", Location: at.location, Branch: tc.branch, Commit: tc.commit, AllowPrivate: true, Fetch: secure(t, web)}
			m, err := newStore(t).Pull(t.Context(), src)
			if err != nil || m.Version != tc.want || m.Commit != tc.want || m.Rules != tc.rules {
				t.Errorf("%s, %s: got %+v, %v", at.what, tc.what, m, err)
			}
		}
		for _, src := range []feed.Source{{Branch: "none"}, {Commit: strings.Repeat("1", 40)}} {
			src.Name, src.Location, src.AllowPrivate, src.Fetch = "public", at.location, true, secure(t, web)
			if m, err := newStore(t).Pull(t.Context(), src); err == nil {
				t.Errorf("%s: pulled what does not exist: %+v", at.what, m)
			}
		}
	}
	if m := newStore(t).pull(r.dir); m.Skipped != 2 { // the link, and what is no rule
		t.Errorf("skipped %d", m.Skipped)
	}
}

func TestACommitIsFetchedOnce(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit(small)
	web := serve(t, filepath.Join(r.dir, ".git"))
	var fetched atomic.Int64
	answer := web.Config.Handler
	web.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost {
			fetched.Add(1)
		}
		answer.ServeHTTP(w, req)
	})
	s := newStore(t)
	src := feed.Source{Name: "public", Location: web.URL + "/rules.git", AllowPrivate: true, Fetch: secure(t, web)}
	pull := func() *feed.Manifest {
		m, err := s.Pull(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		return m.Manifest
	}
	first := pull()
	if again := pull(); !again.Time.Equal(first.Time) || fetched.Load() != 1 {
		t.Errorf("fetched %d times", fetched.Load())
	}
	if err := os.Remove(filepath.Join(s.dir, "feeds", "public", first.Version, "files", "rules", "one.yml")); err != nil {
		t.Fatal(err)
	}
	if pull(); fetched.Load() != 2 {
		t.Error("a version that was damaged was not fetched again")
	}
	r.commit(tree{"rules/four.yml": ruleFile(4, "type.inbound")})
	if m := pull(); m.Rules != 4 || fetched.Load() != 3 {
		t.Errorf("fetched %d times, %+v", fetched.Load(), m)
	}
}

func TestARepositoryIsAPlainDirectoryForOwnRules(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit(small)
	if err := os.Remove(filepath.Join(r.dir, "rules", "one.yml")); err != nil {
		t.Fatal(err)
	}
	s, p := newStore(t), plan()
	p.Rules = r.dir
	if c := s.activate(p); c.Rules != 2 || len(s.active().Rules) != 2 {
		t.Errorf("own rules are %d", c.Rules)
	}
}

// serve answers over https for one repository, as the smart protocol of git has it.
func serve(tb testing.TB, dir string) *httptest.Server {
	tb.Helper()
	transports := server.NewServer(server.NewFilesystemLoader(osfs.New(dir)))
	session := func() transport.UploadPackSession {
		end, err := transport.NewEndpoint("file:///")
		if err != nil {
			tb.Error(err)
		}
		s, err := transports.NewUploadPackSession(end, nil)
		if err != nil {
			tb.Error(err)
		}
		return s
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rules.git/info/refs", func(w http.ResponseWriter, r *http.Request) {
		refs, err := session().AdvertisedReferencesContext(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		refs.Prefix = [][]byte{[]byte("# service=git-upload-pack"), pktline.Flush}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		if err := refs.Encode(w); err != nil {
			tb.Error(err)
		}
	})
	mux.HandleFunc("POST /rules.git/git-upload-pack", func(w http.ResponseWriter, r *http.Request) {
		req := packp.NewUploadPackRequest()
		if err := req.Decode(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := session().UploadPack(r.Context(), req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		if err := answer.Encode(w); err != nil {
			tb.Error(err)
		}
	})
	web := httptest.NewTLSServer(mux)
	tb.Cleanup(web.Close)
	return web
}

// bombed is the answer of a server whose pack holds what the writer makes.
func bombed(tb testing.TB, answer func(io.Writer)) *httptest.Server {
	tb.Helper()
	hash := strings.Repeat("a", 40)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rules.git/info/refs", func(w http.ResponseWriter, _ *http.Request) {
		e := pktline.NewEncoder(w)
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		_ = e.EncodeString("# service=git-upload-pack\n")
		_ = e.Flush()
		_ = e.EncodeString(hash + " HEAD\x00agent=x\n")
		_ = e.Flush()
	})
	mux.HandleFunc("POST /rules.git/git-upload-pack", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		_ = pktline.NewEncoder(w).EncodeString("NAK\n")
		answer(w)
	})
	web := httptest.NewTLSServer(mux)
	tb.Cleanup(web.Close)
	return web
}

// pack returns a pack of one object: its kind, its size, and its bytes.
func pack(tb testing.TB, kind byte, size int64, extra []byte, from io.Reader) []byte {
	tb.Helper()
	var b bytes.Buffer
	b.WriteString("PACK")
	_ = binary.Write(&b, binary.BigEndian, []uint32{2, 1})
	first := kind<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		b.WriteByte(first | 0x80)
		first = byte(size & 127)
	}
	b.WriteByte(first)
	b.Write(extra)
	z, err := zlib.NewWriterLevel(&b, zlib.BestSpeed)
	if err != nil {
		tb.Fatal(err)
	}
	_, err = io.Copy(z, from)
	if err := errors.Join(err, z.Close()); err != nil {
		tb.Fatal(err)
	}
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...)
}

func TestPacksOfStrangersAreBounded(t *testing.T) {
	t.Parallel()
	const blob, deltaOfRef = 3, 7
	size := zeros(600 << 20)
	// The source of the delta has one byte, and its target half a terabyte.
	delta := []byte{1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0x91, 0, 1}
	for name, tc := range map[string]struct {
		answer func(io.Writer)
		want   error
	}{
		"a blob of 600 MiB": {func(w io.Writer) { _, _ = w.Write(pack(t, blob, int64(size), nil, &size)) }, feed.ErrTooLarge},
		"a delta of 512 GiB": {func(w io.Writer) {
			_, _ = w.Write(pack(t, deltaOfRef, int64(len(delta)), make([]byte, 20), bytes.NewReader(delta)))
		}, feed.ErrTooLarge},
		"a pack without end": {func(w io.Writer) {
			z := zeros(1 << 40)
			_, _ = io.WriteString(w, "PACK\x00\x00\x00\x02\x00\x00\x00\x01")
			_, _ = io.Copy(w, &z)
		}, nil},
		"no pack": {func(w io.Writer) { _, _ = io.WriteString(w, "hello") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := bombed(t, tc.answer)
			_, err := newStore(t).Pull(t.Context(), feed.Source{
				Name: "public", Location: web.URL + "/rules.git", AllowPrivate: true, Fetch: secure(t, web),
			})
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
