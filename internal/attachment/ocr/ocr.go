// Package ocr recognises the text in a picture.
//
// A letter that is one screenshot is opaque to a filter and readable to people. Tesseract,
// a separate program, recognises the text; this package runs it once per picture. It passes
// plain samples, so that no decoder of that program reads a stranger's file, and returns
// words with a confidence; text of low confidence is guesswork and should weigh little.
//
// Standards: Netpbm PGM (input), Tesseract's tab-separated output of twelve columns.
//
// Divergences: none.
//
// Limits: the program runs with bounded memory, CPU and wall time, without environment or
// files to write, and with one thread. Languages are those installed and configured; the
// language of a text is not detected. Only Linux has these bounds.
package ocr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/image/draw"
)

// Config configures text recognition. Zero fields mean the stated defaults.
type Config struct {
	Program   string        `json:"program"`   // path of tesseract (/usr/bin/tesseract)
	Languages []string      `json:"languages"` // as Tesseract names them (eng)
	Pixels    int           `json:"pixels"`    // larger pictures are shrunk to this (4 million)
	Memory    int64         `json:"memory"`    // address space of the program, bytes (1 GiB)
	Wall      time.Duration `json:"wall"`      // for one picture (10 s)
}

// Bounds of the program's output.
const (
	maxOutput  = 4 << 20
	maxErrors  = 2 << 10
	maxText    = 64 << 10
	checkClock = 10 * time.Second
)

// Text is the recognised text of a picture.
type Text struct {
	Text       string  // lines; paragraphs are apart by an empty line
	Words      int     // words kept
	Confidence float64 // mean over the letters, 0 to 100
	Languages  string  // configured languages, such as "deu+eng"
}

// Reader reads text. It is safe for concurrent use.
type Reader struct {
	config Config
	langs  string
}

// Open checks that the program runs and supports the languages.
func Open(ctx context.Context, c Config) (*Reader, error) {
	if c.Program == "" {
		c.Program = "/usr/bin/tesseract"
	}
	if len(c.Languages) == 0 {
		c.Languages = []string{"eng"}
	}
	if c.Pixels <= 0 {
		c.Pixels = 4_000_000
	}
	if c.Memory <= 0 {
		c.Memory = 1 << 30
	}
	if c.Wall <= 0 {
		c.Wall = 10 * time.Second
	}
	r := &Reader{config: c, langs: strings.Join(c.Languages, "+")}
	ctx, cancel := context.WithTimeout(ctx, checkClock)
	defer cancel()
	out, err := r.run(ctx, nil, "--list-langs")
	if err != nil {
		return nil, fmt.Errorf("asking tesseract for its languages: %w", err)
	}
	_, list, _ := strings.Cut(string(out), "\n")
	for _, l := range c.Languages {
		if !slices.Contains(strings.Fields(list), l) {
			return nil, fmt.Errorf("tesseract has no language %q, Debian has it in tesseract-ocr-%s", l, strings.ReplaceAll(l, "_", "-"))
		}
	}
	return r, nil
}

// Read returns the text of a picture.
func (r *Reader) Read(ctx context.Context, img image.Image) (Text, error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.Wall)
	defer cancel()
	g := r.grey(img)
	if g == nil {
		return Text{}, errors.New("reading text of a picture without pixels")
	}
	out, err := r.run(ctx, pgm(g), "stdin", "stdout", "-l", r.langs, "--dpi", "150", "--psm", "3", "tsv")
	if err != nil {
		return Text{}, fmt.Errorf("reading text of a picture: %w", err)
	}
	t := parse(out)
	t.Languages = r.langs
	return t, nil
}

// grey returns a picture over white, doubled if it is small, since letters on screens are
// small, and shrunk if it is large.
func (r *Reader) grey(img image.Image) *image.Gray {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if w <= 0 || h <= 0 {
		return nil
	}
	if w*h <= r.config.Pixels/4 {
		w, h = 2*w, 2*h
	}
	for w*h > r.config.Pixels && min(w, h) > 1 {
		w, h = w*9/10, h*9/10
	}
	if w*h > r.config.Pixels {
		return nil // a line of a pixel
	}
	g := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(g, g.Rect, image.White, image.Point{}, draw.Src)
	draw.BiLinear.Scale(g, g.Rect, img, b, draw.Over, nil)
	return g
}

// pgm encodes a picture as Netpbm.
func pgm(g *image.Gray) []byte {
	return append(fmt.Appendf(nil, "P5\n%d %d\n255\n", g.Rect.Dx(), g.Rect.Dy()), g.Pix...)
}

// run runs the program on input, and returns its output.
func (r *Reader) run(ctx context.Context, input []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, r.config.Program, args...) //nolint:gosec // the operator's program, arguments of ours
	cmd.Env, cmd.Dir = []string{"OMP_THREAD_LIMIT=1", "LC_ALL=C"}, "/"
	cmd.WaitDelay = time.Second
	out, errs := &limited{most: maxOutput}, &limited{most: maxErrors}
	cmd.Stdout, cmd.Stderr = out, errs
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("opening its input: %w", err)
	}
	release := attach(cmd)
	defer release()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", r.config.Program, err)
	}
	// It waits for its input, so the bounds apply before it does anything.
	err = bound(cmd.Process.Pid, r.config.Memory, r.config.Wall)
	if err == nil {
		_, err = io.Copy(in, bytes.NewReader(input))
	}
	err = errors.Join(err, in.Close())
	if waited := cmd.Wait(); waited != nil {
		return nil, fmt.Errorf("running %s: %w: %s", r.config.Program, errors.Join(waited, context.Cause(ctx)), bytes.TrimSpace(errs.Bytes()))
	}
	if len(input) > 0 && err != nil {
		return nil, fmt.Errorf("sending it the picture: %w", err)
	}
	return out.Bytes(), nil
}

// limited keeps the first bytes, and discards the rest.
type limited struct {
	bytes.Buffer

	most int
}

// Write keeps bytes up to the limit.
func (l *limited) Write(p []byte) (int, error) {
	_, _ = l.Buffer.Write(p[:min(len(p), l.most-l.Len())]) // a buffer does not fail
	return len(p), nil
}
