package attachment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"outrider/internal/attachment/ocr"
	"outrider/internal/attachment/page"
	"outrider/internal/attachment/yara"
)

// Setup says which tools a worker has. Its zero value has none.
type Setup struct {
	Rules string       `json:"rules,omitempty"` // source of YARA rules, see yara.Compile
	Pages *page.Limits `json:"pages,omitempty"` // draws pages of PDFs: 3 s at the start, and 350 MB
	Text  *ocr.Config  `json:"text,omitempty"`  // reads text in pictures, by a program that the worker starts
}

// patience is how long a worker may take to set its tools up.
func (s Setup) patience() time.Duration {
	if s.Pages != nil {
		return 30 * time.Second
	}
	return 2 * time.Second
}

// memory is what Go's collector works against.
func (s Setup) memory() int64 {
	if s.Pages != nil {
		return goMemory + pageMemory
	}
	return goMemory
}

// Tools are what looking at a file needs and costs too much to be made for each. They are
// for one goroutine.
type Tools struct {
	rules  *yara.Rules
	pages  *page.Renderer
	limits page.Limits
	text   *ocr.Reader
	known  *remembered // made at the first use
	inputs int         // of the request under way, which share what a reply may weigh
}

// NewTools sets the tools up.
func NewTools(s Setup) (*Tools, error) {
	t := &Tools{}
	var err error
	if s.Rules != "" {
		if t.rules, err = yara.Compile(s.Rules); err != nil {
			return nil, fmt.Errorf("reading the rules for attachments: %w", err)
		}
	}
	if s.Pages != nil {
		t.limits = *s.Pages
		if t.pages, err = page.Open(); err != nil {
			return nil, fmt.Errorf("preparing to draw pages: %w", err)
		}
	}
	if s.Text != nil {
		if t.text, err = ocr.Open(context.Background(), *s.Text); err != nil {
			return nil, fmt.Errorf("preparing to read text: %w", err)
		}
	}
	return t, nil
}

// Close gives the tools up.
func (t *Tools) Close() error {
	if t.pages == nil {
		return nil
	}
	return t.pages.Close() //nolint:wrapcheck // it names the action
}

// Inspect looks at the file and at what is inside, as the function of the same name, and
// with the tools.
func (t *Tools) Inspect(ctx context.Context, in Input, l Limits) *Report {
	return t.walk(ctx, in, l, nil)
}

func (t *Tools) walk(ctx context.Context, in Input, l Limits, visit func(*File, []byte)) *Report {
	ctx, cancel := context.WithTimeout(ctx, l.Wall)
	defer cancel()
	if t.known == nil {
		t.known = newRemembered()
	}
	i := &inspector{ctx: ctx.Err, limits: l, passwords: candidates(in.Passwords, l.Passwords), report: &Report{}, known: t.known}
	if in.Explode {
		i.explode = newExplosion(i, max(1, t.inputs))
	}
	second := &secondLook{tools: t, inspector: i}
	patterns := &matcher{t.rules, yara.DefaultLimits().Work}
	i.visit = func(f *File, data []byte) {
		patterns.file(i, f, data)
		i.explode.file(f, data)
		second.keep(f, data)
		if visit != nil {
			visit(f, data)
		}
	}
	i.run(in)
	second.run(ctx)
	i.explode.finish()
	return i.report
}

// maxMatches is how many rules are reported of one file.
const maxMatches = 32

// matcher names the rules that the files of one inspection satisfy.
type matcher struct {
	rules *yara.Rules
	work  int // left for all files together
}

func (m *matcher) file(i *inspector, f *File, data []byte) {
	if m.rules == nil || i.ctx() != nil {
		return
	}
	l := yara.DefaultLimits()
	l.Work, l.Kept = m.work, l.Kept/4
	r := m.rules.Match(data, l)
	m.work -= r.Work
	for _, n := range r.Notes {
		i.noteOnce(NotePatterns, f.ID, string(n))
	}
	for _, match := range r.Matches[:min(len(r.Matches), maxMatches)] {
		f.Matches = append(f.Matches, match.Rule)
	}
	i.explode.matched(f.ID, r)
	slices.Sort(f.Matches)
}
