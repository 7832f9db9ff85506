package feed_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"outrider/internal/egress"
	"outrider/internal/rule/feed"
)

// item is an entry of an archive.
type item struct {
	name string
	text string
	link string // of a symbolic link
	kind byte   // of tar; a file when 0
}

func items(t tree) (out []item) {
	for _, p := range slices.Sorted(maps.Keys(t)) {
		out = append(out, item{name: p, text: t[p]})
	}
	return out
}

func tarOf(tb testing.TB, list []item) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range list {
		h := &tar.Header{Name: i.name, Mode: 0o644, Size: int64(len(i.text)), Typeflag: i.kind, Linkname: i.link}
		if i.kind != 0 {
			h.Size = 0
		}
		if err := w.WriteHeader(h); err != nil {
			tb.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, i.text); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(tb testing.TB, raw []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(raw)
	if err := errors.Join(err, w.Close()); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func zstded(tb testing.TB, raw []byte) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return w.EncodeAll(raw, nil)
}

func zipOf(tb testing.TB, list []item) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, i := range list {
		h := &zip.FileHeader{Name: i.name, Method: zip.Deflate}
		h.SetMode(0o644)
		if i.kind == tar.TypeSymlink {
			h.SetMode(0o777 | os.ModeSymlink)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(f, i.text+i.link); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// packers make each kind of archive.
var packers = map[string]func(testing.TB, []item) []byte{
	"feed.tar.gz":  func(tb testing.TB, l []item) []byte { tb.Helper(); return gzipped(tb, tarOf(tb, l)) },
	"feed.tar.zst": func(tb testing.TB, l []item) []byte { tb.Helper(); return zstded(tb, tarOf(tb, l)) },
	"feed.zip":     zipOf,
}

func file(tb testing.TB, name string, raw []byte) string {
	tb.Helper()
	p := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(p, raw, 0o600); err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestArchivesAndDirectoriesGiveTheSameVersion(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	want := s.pull(small.write(t)).Version
	for name, pack := range packers {
		if m := s.pull(file(t, name, pack(t, items(small)))); m.Version != want {
			t.Errorf("%s is another version", name)
		}
		// Forges wrap everything into a folder, whose name changes with each version.
		wrapped := tree{}
		for p, text := range small {
			wrapped["rules-abc123/"+p] = text
		}
		if m := s.pull(file(t, name, pack(t, items(wrapped)))); m.Version != want {
			t.Errorf("%s with a folder around it is another version", name)
		}
	}
}

func TestHostileArchivesAreRefused(t *testing.T) {
	t.Parallel()
	rule := ruleFile(1, "type.inbound")
	for name, tc := range map[string]struct {
		list []item
		want error
	}{
		"a path that leads out":            {[]item{{name: "../evil.yml", text: rule}}, feed.ErrHostile},
		"a path that leads out and back":   {[]item{{name: "a/../../evil.yml", text: rule}}, feed.ErrHostile},
		"an absolute path":                 {[]item{{name: "/etc/evil.yml", text: rule}}, feed.ErrHostile},
		"a path of another system":         {[]item{{name: `..\evil.yml`, text: rule}}, feed.ErrHostile},
		"a drive":                          {[]item{{name: "C:evil.yml", text: rule}}, feed.ErrHostile},
		"a control character":              {[]item{{name: "a\x1b[2J.yml", text: rule}}, feed.ErrHostile},
		"a path that is too long":          {[]item{{name: strings.Repeat("a", 401) + ".yml", text: rule}}, feed.ErrHostile},
		"folders without end":              {[]item{{name: strings.Repeat("a/", 20) + "b.yml", text: rule}}, feed.ErrHostile},
		"the same path twice":              {[]item{{name: "a.yml", text: rule}, {name: "a.yml", text: rule}}, feed.ErrHostile},
		"paths that differ in case":        {[]item{{name: "rules/a.yml", text: rule}, {name: "Rules/A.yml", text: rule}}, feed.ErrHostile},
		"paths that differ in composition": {[]item{{name: "\u00e9.yml", text: rule}, {name: "e\u0301.yml", text: rule}}, feed.ErrHostile},
		"a file that is a folder too":      {[]item{{name: "a.yml", text: rule}, {name: "a.yml/b.yml", text: rule}}, feed.ErrHostile},
		"a rule that is too large":         {[]item{{name: "a.yml", text: strings.Repeat("#", 2<<20+1)}}, feed.ErrTooLarge},
		"a folder that is a file too":      {[]item{{name: "a.yml/b.yml", text: rule}, {name: "a.yml", text: rule}}, feed.ErrHostile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, pack := range packers {
				s := newStore(t)
				_, err := s.Pull(t.Context(), feed.Source{Name: "public", Location: file(t, kind, pack(t, tc.list))})
				if !errors.Is(err, tc.want) {
					t.Errorf("%s: got %v", kind, err)
				}
				left, err := filepath.Glob(filepath.Join(s.dir, "feeds", "public", "*"))
				if err != nil || len(left) != 0 {
					t.Errorf("%s: left behind %v, %v", kind, left, err)
				}
			}
		})
	}
}

func TestLinksAndDevicesAreNotKept(t *testing.T) {
	t.Parallel()
	list := append(items(small), item{name: "link.yml", link: "/etc/passwd", kind: tar.TypeSymlink})
	for kind, pack := range packers {
		s := newStore(t)
		if m := s.pull(file(t, kind, pack(t, list))); m.Files != 6 || m.Skipped != 2 {
			t.Errorf("%s: %+v", kind, m)
		}
	}
	others := append(items(small), item{name: "hard.yml", link: "rules/one.yml", kind: tar.TypeLink}, item{name: "fifo.yml", kind: tar.TypeFifo}, item{name: "device.yml", kind: tar.TypeChar})
	s := newStore(t)
	if m := s.pull(file(t, "feed.tar.gz", gzipped(t, tarOf(t, others)))); m.Files != 6 || m.Skipped != 4 {
		t.Errorf("%+v", m)
	}
	dir := small.write(t)
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link.yml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc", filepath.Join(dir, "folder")); err != nil {
		t.Fatal(err)
	}
	if m := newStore(t).pull(dir); m.Files != 6 || m.Skipped != 3 {
		t.Errorf("directory: %+v", m)
	}
}

// zeros is a reader of so many bytes.
type zeros int64

func (z *zeros) Read(p []byte) (int, error) {
	if *z <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), int64(*z))
	clear(p[:n])
	*z -= zeros(n)
	return int(n), nil
}

func TestBombsAreStopped(t *testing.T) {
	t.Parallel()
	large := func(w io.Writer, header *tar.Header) error {
		a := tar.NewWriter(w)
		if err := a.WriteHeader(header); err != nil {
			return err
		}
		z := zeros(header.Size)
		_, err := io.Copy(a, &z)
		return errors.Join(err, a.Close())
	}
	for name, tc := range map[string]struct {
		file string
		make func(io.Writer) error
	}{
		"a file that nobody wants, gzip": {"feed.tar.gz", func(w io.Writer) error {
			g, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
			return errors.Join(large(g, &tar.Header{Name: "x.bin", Size: 600 << 20, Mode: 0o644}), g.Close())
		}},
		"a list, zstd": {"feed.tar.zst", func(w io.Writer) error {
			z, _ := zstd.NewWriter(w)
			return errors.Join(large(z, &tar.Header{Name: "x.txt", Size: 600 << 20, Mode: 0o644}), z.Close())
		}},
		"a list, zip": {"feed.zip", func(w io.Writer) error {
			z := zip.NewWriter(w)
			f, err := z.Create("x.txt")
			if err != nil {
				return err
			}
			n := zeros(100 << 20)
			_, err = io.Copy(f, &n)
			return errors.Join(err, z.Close())
		}},
		"entries without end": {"feed.tar.zst", func(w io.Writer) error {
			z, _ := zstd.NewWriter(w)
			a := tar.NewWriter(z)
			for i := range 200_001 {
				if err := a.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d/", i), Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
					return err
				}
			}
			return errors.Join(a.Close(), z.Close())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := tc.make(&b); err != nil {
				t.Fatal(err)
			}
			_, err := newStore(t).Pull(t.Context(), feed.Source{Name: "public", Location: file(t, tc.file, b.Bytes())})
			if !errors.Is(err, feed.ErrTooLarge) {
				t.Errorf("%d bytes: got %v", b.Len(), err)
			}
		})
	}
}

func TestWhatIsNoArchiveIsToldSo(t *testing.T) {
	t.Parallel()
	good := gzipped(t, tarOf(t, items(small)))
	for name, raw := range map[string][]byte{
		"a text": []byte("hello"), "nothing": nil, "half an archive": good[:len(good)/2], "a gzip without a tar": gzipped(t, []byte("hello")),
	} {
		if m, err := newStore(t).Pull(t.Context(), feed.Source{Name: "public", Location: file(t, "feed.tar.gz", raw)}); err == nil {
			t.Errorf("%s: pulled %+v", name, m)
		}
	}
}

// secure makes clients that trust a test server on this machine.
func secure(tb testing.TB, web *httptest.Server) func(egress.Config) *egress.Client {
	tb.Helper()
	return func(c egress.Config) *egress.Client {
		c.Roots = web.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		return egress.New(c)
	}
}

func TestArchivesAreFetchedThroughEgress(t *testing.T) {
	t.Parallel()
	raw := zipOf(t, items(small))
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/feed.zip":
			_, _ = w.Write(raw)
		case "/large.zip":
			z := zeros(65 << 20)
			_, _ = io.Copy(w, &z)
		default:
			http.Redirect(w, r, "http://"+r.Host+"/feed.zip", http.StatusFound)
		}
	}))
	t.Cleanup(web.Close)
	src := feed.Source{Name: "public", Location: web.URL + "/feed.zip", AllowPrivate: true, Fetch: secure(t, web)}
	if m, err := newStore(t).Pull(t.Context(), src); err != nil || m.Rules != 3 {
		t.Errorf("got %+v, %v", m, err)
	}
	src.Location = web.URL + "/large.zip"
	if _, err := newStore(t).Pull(t.Context(), src); !errors.Is(err, egress.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	src.Location = web.URL + "/clear.zip"
	if _, err := newStore(t).Pull(t.Context(), src); !errors.Is(err, egress.ErrURL) {
		t.Errorf("got %v", err)
	}
	src.Location, src.AllowPrivate = web.URL+"/feed.zip", false
	if _, err := newStore(t).Pull(t.Context(), src); !errors.Is(err, egress.ErrAddress) {
		t.Errorf("got %v", err)
	}
}
