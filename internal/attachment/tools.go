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

// Setup selects the tools of a worker. The zero value has none.
type Setup struct {
	Rules string       `json:"rules,omitempty"` // source of YARA rules, see yara.Compile
	Pages *page.Limits `json:"pages,omitempty"` // renders pages of PDFs: 3 s at the start, and 350 MB
	Text  *ocr.Config  `json:"text,omitempty"`  // recognises text in pictures, by a program that the worker starts
}

// setupTimeout is the time limit for setting up a worker's tools.
func (s Setup) setupTimeout() time.Duration {
	if s.Pages != nil {
		return 30 * time.Second
	}
	return 2 * time.Second
}

// memory is the limit of Go's garbage collector.
func (s Setup) memory() int64 {
	if s.Pages != nil {
		return goMemory + pageMemory
	}
	return goMemory
}

// Tools are tools that are too costly to create for each file. They serve one goroutine.
type Tools struct {
	rules  *yara.Rules
	pages  *page.Renderer
	limits page.Limits
	text   *ocr.Reader
	known  *remembered // created on first use
	inputs int         // of the current request, which share the size of a reply
}

// NewTools creates the tools.
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

// Close releases the tools.
func (t *Tools) Close() error {
	if t.pages == nil {
		return nil
	}
	return t.pages.Close() //nolint:wrapcheck // it names the action
}

// Inspect is the function Inspect, with the tools.
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

// maxMatches bounds the reported rules of one file.
const maxMatches = 32

// matcher finds the matching rules of the files of one inspection.
type matcher struct {
	rules *yara.Rules
	work  int // remaining work for all files
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
