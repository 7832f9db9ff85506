package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/config"
	"outrider/internal/evidence/mdm"
	"outrider/internal/mailbox/file"
	"outrider/internal/mailflow"
	"outrider/internal/message"
	"outrider/internal/rule"
	"outrider/internal/rule/schema"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

type scanCmd struct {
	Paths  []string `arg:"" help:"Files (eml, mbox, gz), Maildirs or directories; - is standard input."`
	Format string   `enum:"text,json,jsonl,csv" default:"text" help:"text, json (one object per line, see outrider schema; jsonl is the same) or csv."`
	AskDNS bool     `name:"ask-dns" help:"Verify SPF, DKIM and DMARC by DNS now instead of reading Authentication-Results."`
	Jobs   int      `help:"Messages analysed in parallel. Default: one per core."`
	MDM    bool     `name:"mdm" help:"Print the message data model of each message as JSON instead of the verdict."`
	Deep   bool     `help:"Also render PDF pages and run OCR on images (tesseract), without a deadline."`
	Quiet  bool     `short:"q" help:"Print no progress and no summary."`
}

// scanResult is what scan prints of one message as JSON.
type scanResult struct {
	Path        string              `json:"path" doc:"file; #N is the Nth message of an mbox"`
	Author      string              `json:"author" doc:"first address of the From field"`
	Subject     string              `json:"subject" doc:"subject"`
	Recipients  []string            `json:"recipients" doc:"recipients, as far as the header names them"`
	Disposition verdict.Disposition `json:"disposition" doc:"disposition"`
	Score       float64             `json:"score" doc:"0 to 1: probability that the message is unwanted"`
	Classes     map[string]float64  `json:"classes" doc:"probability of each class of unwanted mail"`
	Findings    []verdict.Finding   `json:"findings" doc:"reasons for the verdict, heaviest first"`
	Degraded    []string            `json:"degraded" doc:"stages without result"`
	Undecided   []verdict.Undecided `json:"undecided" doc:"rules that wait for evidence"`
	Micros      int64               `json:"micros" doc:"time of analysis in microseconds"`
	Error       string              `json:"error,omitempty" doc:"why the message could not be analysed"`

	model *mdm.Message // of --mdm, or nil
	bytes int
}

// Run judges every message and reports the worst disposition by its exit code: 0 up to
// BULK, 3 SPAM, 4 SPOOF, 5 SUSPICIOUS, 6 MALICIOUS or MALICIOUS-BEC, 1 for a message that could
// not be read.
func (s *scanCmd) Run(c *cli) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if s.Format == "jsonl" { // its name in earlier versions, which scripts use
		s.Format = "json"
	}
	collectSeldom(&cfg)
	o, err := c.offline(&cfg, startingRules(&cfg, quietLog(c)), s.Deep, s.AskDNS)
	if err != nil {
		return err
	}
	defer o.close()
	var out resultWriter = c.newScanWriter(s.Format)
	if s.MDM {
		out = newModelWriter(c.out, s.Format)
	}
	sum := summary{start: time.Now()}
	bar := s.progress(c.errOut)
	for r := range s.judgeAll(c.ctx, o.judge, o.settings) {
		sum.add(&r)
		if err := out.write(&r); err != nil {
			return fmt.Errorf("writing results: %w", err)
		}
		bar.add(r.Path)
	}
	bar.done()
	if err := out.close(); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	if !s.Quiet {
		sum.print(c.errOut)
	}
	return sum.exit()
}

// offline judges mail that others received.
type offline struct {
	judge    *mailflow.Judge
	settings *mailflow.Settings
	workers  *attachment.Pool
	whois    *registries // or nil
	nobody   rule.Lists  // of mail for no tenant, before those of the rules; or nil
}

// offline builds what judges files, with some rules. Deep inspection draws pages and reads
// text in pictures.
func (c *cli) offline(cfg *config.Config, base *ruleBase, deep, askDNS bool) (*offline, error) {
	log := quietLog(c)
	can := asks{have: opensFiles}
	if deep {
		can.have |= schema.OCR
	}
	o := &offline{}
	var err error
	if o.workers, err = newWorkers(cfg, base.Active, deep, log); err != nil {
		return nil, err
	}
	if o.settings, err = newSettings(cfg, base, can, log); err != nil {
		return nil, errors.Join(err, o.workers.Close())
	}
	o.judge = &mailflow.Judge{Limits: budget.Default(), TrustedHosts: cfg.Auth.TrustedHosts, Sealers: cfg.Auth.TrustedSealers, AskDNS: askDNS}
	o.judge.Limits.Wall = cfg.Detection.Deadline.D()
	if deep {
		o.judge.Limits.Wall = deepWall
	}
	if askDNS {
		if o.judge.DNS, err = newResolver(cfg); err != nil {
			return nil, errors.Join(err, o.workers.Close())
		}
		if o.whois, err = newRegistries(cfg, o.judge.DNS, iana(), log); err != nil {
			return nil, errors.Join(err, o.workers.Close())
		}
		if o.whois != nil {
			o.judge.Whois = o.whois.ask
		}
	}
	o.judge.Open, o.judge.Scan = opener(o.workers, log), scanner(newClamAV(cfg), log)
	return o, nil
}

// close stops the workers and what asks registries, of which nothing is kept.
func (o *offline) close() { _ = errors.Join(o.workers.Close(), o.whois.close()) }

// judgeAll judges in parallel and yields the results in the order of the files.
func (s *scanCmd) judgeAll(ctx context.Context, judge *mailflow.Judge, settings *mailflow.Settings) func(func(scanResult) bool) {
	return func(yield func(scanResult) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		jobs := s.Jobs
		if jobs <= 0 {
			jobs = runtime.GOMAXPROCS(0)
		}
		pending := make(chan chan scanResult, 2*jobs)
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(pending)
			slots := make(chan struct{}, jobs)
			for item, err := range file.Read(os.Stdin, s.Paths...) {
				done := make(chan scanResult, 1)
				select {
				case pending <- done:
				case <-ctx.Done():
					return
				}
				slots <- struct{}{}
				wg.Go(func() {
					defer func() { <-slots }()
					done <- s.scanOne(ctx, judge, settings, item, err)
				})
			}
		})
		defer wg.Wait()
		for done := range pending {
			if r := <-done; !yield(r) {
				cancel()
				return
			}
		}
	}
}

// scanOne judges one message as the mailbox of its recipient would have received it.
func (s *scanCmd) scanOne(ctx context.Context, judge *mailflow.Judge, settings *mailflow.Settings, item file.Item, err error) scanResult {
	r := scanResult{Path: item.Path, Recipients: []string{}, Findings: []verdict.Finding{}, Degraded: []string{}, Undecided: []verdict.Undecided{}, bytes: len(item.Raw)}
	if err != nil {
		r.Error, r.Disposition = err.Error(), verdict.Unknown
		return r
	}
	received := &message.Received{
		ID: message.NewID(time.Now()), Source: message.SourceFile, At: time.Now(), Body: message.NewBody(item.Raw),
	}
	d := addressee(settings.Directory, item.Raw, received)
	j, err := judge.Inline(ctx, settings, received, item.Raw, d)
	if err != nil {
		r.Error = err.Error()
	}
	r.Disposition, r.Score, r.Classes, r.Micros = j.Verdict.Disposition, j.Verdict.Score, j.Verdict.Classes.Map(), j.Took.Microseconds()
	r.Findings, r.Degraded = append(r.Findings, j.Verdict.Findings...), append(r.Degraded, j.Verdict.Degraded...)
	r.Undecided = append(r.Undecided, j.Verdict.Undecided...)
	r.Subject, r.Author = j.Message.Subject(), j.Author
	for _, rcpt := range received.Envelope.Recipients {
		r.Recipients = append(r.Recipients, rcpt.Address)
	}
	if s.MDM && j.Evidence != nil {
		r.model = j.Evidence.Model()
	}
	return r
}

// addressee recovers the envelope from the fields that delivery leaves behind, and
// returns the protected domain of the first recipient that has one.
func addressee(dir *tenant.Directory, raw []byte, r *message.Received) *tenant.Domain {
	h := message.Parse(headerOf(raw), budget.New(budget.Default())).Header()
	for _, m := range h.Mailboxes("Return-Path") {
		r.Envelope.From = m.Address()
		break
	}
	var found *tenant.Domain
	for _, name := range []string{"Delivered-To", "X-Original-To", "To", "Cc"} {
		for _, m := range h.Mailboxes(name) {
			r.Envelope.Recipients = append(r.Envelope.Recipients, smtp.Recipient{Address: m.Address()})
			if found == nil {
				found = dir.Domain(m.Domain)
			}
		}
	}
	return found
}

// headerOf returns the bytes up to the first empty line, 64 KiB at most: the body is parsed
// once, when it is judged.
func headerOf(raw []byte) []byte {
	raw = raw[:min(len(raw), 64<<10)]
	for at := 0; at < len(raw); {
		n := bytes.IndexByte(raw[at:], '\n')
		if n < 0 {
			break
		}
		line := raw[at : at+n]
		at += n + 1
		if len(bytes.TrimSuffix(line, []byte("\r"))) == 0 && at > 2 {
			return raw[:at]
		}
	}
	return raw
}

// summary is what scan says at the end.
type summary struct {
	start           time.Time
	messages, bytes int
	errors          int
	by              [verdict.NumDispositions]int
	worst           verdict.Disposition
}

func (s *summary) add(r *scanResult) {
	s.messages++
	s.bytes += r.bytes
	s.by[r.Disposition]++
	s.worst = max(s.worst, r.Disposition)
	if r.Error != "" {
		s.errors++
	}
}

func (s *summary) print(w io.Writer) {
	took := time.Since(s.start)
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // cannot fail for the own process
	_, _ = fmt.Fprintf(w, "%d messages analysed, %d with errors, in %.2f s: %.0f messages/s, %.1f MB/s, peak memory %d MiB\n",
		s.messages, s.errors, took.Seconds(), float64(s.messages)/took.Seconds(), float64(s.bytes)/1e6/took.Seconds(), usage.Maxrss>>10)
	for d := verdict.NumDispositions; d > 0; d-- {
		if n := s.by[d-1]; n > 0 {
			_, _ = fmt.Fprintf(w, "  %-14s %d\n", d-1, n)
		}
	}
}

func (s *summary) exit() error {
	if s.errors > 0 {
		return ExitError(1)
	}
	code := map[verdict.Disposition]int{
		verdict.Spam: 3, verdict.Spoof: 4, verdict.Suspicious: 5, verdict.MaliciousBEC: 6, verdict.Malicious: 6,
	}[s.worst]
	if code == 0 {
		return nil
	}
	return ExitError(code)
}

// progress is a bar on a terminal and nothing elsewhere.
type progress struct {
	pool *mpb.Progress
	bar  *mpb.Bar
}

func (s *scanCmd) progress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if s.Quiet || !ok || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	total := 0
	for _, p := range s.Paths {
		total += file.Count(p)
	}
	pool := mpb.New(mpb.WithOutput(f), mpb.WithWidth(40))
	return &progress{pool: pool, bar: pool.AddBar(int64(total),
		mpb.PrependDecorators(decor.CountersNoUnit("%d/%d files")), mpb.AppendDecorators(decor.AverageSpeed(0, "%.0f/s")))}
}

// add counts a file when its first message is done.
func (p *progress) add(path string) {
	if _, n, ok := strings.Cut(path, "#"); p.bar != nil && (!ok || n == "1") {
		p.bar.Increment()
	}
}

func (p *progress) done() {
	if p.bar != nil {
		p.bar.SetTotal(-1, true)
		p.pool.Wait()
	}
}
