// Package fit measures judgement on labelled mail and fits the weights of signals to it.
//
// Every message is judged as by "outrider scan": as mail that other hosts received, with
// the authentication results of the receiving host, without a tenant. Weights are fitted by
// logistic regression with a prior: they keep the hand-set value unless the mail
// contradicts it, and never change their sign. Kinds of mail that the sources lack (modern
// commercial mail, fraud among partners) therefore keep the hand-set weights.
//
// Limits: the sources are a honeypot and public mailing lists, so the figures do not apply
// to a company's mail.
package fit

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"outrider/internal/budget"
	"outrider/internal/detect"
	"outrider/internal/evidence"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/verdict"
)

// Sample is one labelled message.
type Sample struct {
	Path    string
	Label   string // ham, phish, fraud, spam
	Source  string
	Lang    string
	Conf    string // confidence of the label
	Cluster string // near duplicates share one
	Group   string // category of the false positive suite, or ""

	Missing bool // the file is missing; some lists include mail that is held out
	Verdict verdict.Verdict
	Took    time.Duration
}

// Load reads the list of a corpus. Missing columns stay empty; a list without labels
// contains ham.
func Load(list string) ([]Sample, error) {
	f, err := os.Open(list)
	if err != nil {
		return nil, fmt.Errorf("opening list: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Base(list), err)
	}
	column := make(map[string]int)
	for i, name := range rows[0] {
		column[name] = i
	}
	get := func(row []string, name string) string {
		if i, ok := column[name]; ok {
			return row[i]
		}
		return ""
	}
	var out []Sample
	for _, row := range rows[1:] {
		s := Sample{
			Path: get(row, "path"), Label: get(row, "label"), Source: get(row, "source"), Lang: get(row, "lang_guess") + get(row, "lang"),
			Conf: get(row, "label_conf"), Cluster: get(row, "cluster"), Group: get(row, "category"),
		}
		if s.Label == "" {
			s.Label = "ham"
		}
		out = append(out, s)
	}
	return out, nil
}

// JudgeAll judges the samples, whose files are below one of the directories, and returns
// those with a file.
func JudgeAll(ctx context.Context, engine *detect.Engine, samples []Sample, dirs ...string) ([]Sample, error) {
	var wg sync.WaitGroup
	n := runtime.GOMAXPROCS(0)
	errs := make([]error, n)
	for w := range n {
		wg.Go(func() {
			for i := w; i < len(samples) && errs[w] == nil; i += n {
				errs[w] = judge(ctx, engine, &samples[i], dirs)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(samples, func(s Sample) bool { return s.Missing }), nil
}

func judge(ctx context.Context, engine *detect.Engine, s *Sample, dirs []string) error {
	raw, err := read(s.Path, dirs)
	if errors.Is(err, fs.ErrNotExist) {
		s.Missing = true
		return nil
	}
	if err != nil {
		return err
	}
	start := time.Now()
	s.Verdict = engine.Judge(ctx, Evidence(raw))
	s.Took = time.Since(start)
	return nil
}

func read(path string, dirs []string) ([]byte, error) {
	var err error
	for _, dir := range dirs {
		var raw []byte
		if raw, err = os.ReadFile(filepath.Join(dir, path)); err == nil {
			return raw, nil
		}
	}
	return nil, fmt.Errorf("reading sample: %w", err)
}

// Evidence returns the evidence of a message that other hosts received, without a tenant.
func Evidence(raw []byte) *evidence.Evidence {
	b := budget.New(budget.Default())
	m := message.Parse(raw, b)
	r := &message.Received{ID: "0", Source: message.SourceFile, Body: message.NewBody(raw)}
	return evidence.New(evidence.Facts{Received: r, Message: m, Auth: mailauth.FromHeader(m, nil), Budget: b})
}
