package bombs

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"outrider/internal/app"
	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/detect"
	"outrider/internal/mailflow"
	"outrider/internal/message"
	"outrider/internal/signal"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

// page is where the table stands for people to read.
const page = "../../docs/bombs.md"

var update = flag.Bool("update", false, "write the table to docs/bombs.md")

// TestMain lets the test binary be the outrider program, which opens attachments by the
// same sub-command.
func TestMain(m *testing.M) {
	if slices.Equal(os.Args[1:], []string{"worker"}) {
		os.Exit(app.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// What Outrider promises.
const (
	lateness   = 2 * time.Second // of a judgement beyond its deadline, on a machine that is busy
	workerPeak = 256             // MiB
)

// bomb is one hostile input.
type bomb struct {
	name string
	make func() []byte
	says string // one of the words that Outrider must say, or silent with the reason
}

// silent says why a row says nothing, and must not.
func silent(why string) string { return silence + why }

const silence = "silent: "

// row is what one bomb cost.
type row struct {
	name  string
	size  int
	took  time.Duration
	alloc int64         // MiB that the judging process allocated, all together
	probe time.Duration // of a plain message that was judged meanwhile
	peak  int64         // MiB of the worker at most, 0 if none ran or lives
	words []string
}

// workers is a pool of one worker, which can be told from those of other rows by the path
// of its program.
type workers struct {
	*attachment.Pool
	program string
}

func startWorkers(t *testing.T) workers {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "outrider")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	p := attachment.NewPool(attachment.PoolConfig{Command: []string{program, "worker"}, Size: 1})
	t.Cleanup(func() { _ = p.Close() })
	return workers{p, program}
}

// peak returns the largest memory of the worker in MiB, 0 if it does not run. The pages of
// the program, which all its processes share, are left out.
func (w workers) peak() int64 {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		if line, err := os.ReadFile(path); err != nil || string(line) != w.program+"\x00worker\x00" {
			continue
		}
		status, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "status"))
		return (kib(status, "VmHWM:") - kib(status, "RssFile:")) >> 10
	}
	return 0
}

// kib returns a number of /proc/PID/status.
func kib(status []byte, name string) int64 {
	_, rest, _ := strings.Cut(string(status), name)
	n, _ := strconv.ParseInt(strings.Fields(rest + " 0")[0], 10, 64)
	return n
}

// judge is the judge of the gateway, with all its detectors, that opens files with w.
func judge(w workers) (*mailflow.Judge, *mailflow.Settings) {
	open := func(ctx context.Context, ins []attachment.Input) []*attachment.Report {
		reports, err := w.InspectAll(ctx, ins)
		if err == nil {
			return reports
		}
		for _, in := range ins {
			reports = append(reports, attachment.Unopened(in, err.Error()))
		}
		return reports
	}
	return &mailflow.Judge{Limits: budget.Default(), Open: open},
		&mailflow.Settings{Directory: &tenant.Directory{}, Engine: detect.New(detect.Default(), signal.New(nil))}
}

func received(raw []byte) *message.Received {
	return &message.Received{
		ID: message.NewID(time.Now()), Source: message.SourceSMTP, At: time.Now(), Body: message.NewBody(raw), Traits: message.TraitsOf(raw),
		Peer:     message.Peer{Addr: netip.MustParseAddr("192.0.2.1"), Helo: "client.example", Protocol: "ESMTP"},
		Envelope: smtp.Envelope{From: "ann@sender.example", Recipients: []smtp.Recipient{{Address: "bob@plain.example"}}},
	}
}

// judged judges a message and fills in the row.
func judged(t *testing.T, raw []byte) row {
	t.Helper()
	w := startWorkers(t)
	g, s := judge(w)
	r := received(raw)
	before, start := allocated(), time.Now()
	j, err := g.Inline(t.Context(), s, r, raw, nil)
	late := time.Since(start) - g.Limits.Wall
	if err != nil {
		t.Errorf("judging failed: %v", err)
	}
	if late > patience(lateness) {
		t.Errorf("the judgement came %v behind its deadline", late.Round(time.Millisecond))
	}
	out := row{words: slices.DeleteFunc(slices.Clone(j.Verdict.Degraded), needsDNS)}
	if j.Evidence != nil {
		for _, resource := range j.Evidence.Model().Outrider.Exceeded {
			out.words = append(out.words, "budget:"+resource)
		}
		for _, report := range j.Evidence.Reports() {
			out.words = append(out.words, notes(report)...)
		}
	}
	if arc := j.Auth.ARC.Result; arc != "" {
		out.words = append(out.words, "arc:"+string(arc))
	}
	out.took, out.alloc = time.Since(start), allocated()-before
	for _, d := range j.Message.Defects {
		out.words = append(out.words, string(d.Kind))
	}
	out.peak = w.peak()
	return out
}

// needsDNS reports whether a stage says only that there is no resolver here.
func needsDNS(stage string) bool { return stage == "spf" || stage == "dmarc" }

func notes(r *attachment.Report) (words []string) {
	if r == nil {
		return nil
	}
	for _, n := range r.Notes {
		words = append(words, string(n.Kind))
	}
	for i := range r.Files {
		if d := r.Files[i].Document; d != nil {
			words = append(words, slices.DeleteFunc(slices.Clone(d.Notes), isFact)...)
		}
	}
	return words
}

// isFact reports whether the note of a document tells what is in it, and not what is wrong.
func isFact(note string) bool { return strings.ContainsAny(note, " =") }

func allocated() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.TotalAlloc >> 20)
}

// table gathers the rows of all tests.
type table struct {
	mu   sync.Mutex
	rows []row
}

// run lets off the bombs, one after another or as many at once as there are processors.
func (all *table) run(t *testing.T, bombs []bomb, together bool, judge func(*testing.T, []byte) row) {
	t.Helper()
	for _, b := range bombs {
		t.Run(b.name, func(t *testing.T) {
			if together {
				t.Parallel()
			}
			data := b.make()
			r := judge(t, data)
			r.name, r.size = b.name, len(data)
			slices.Sort(r.words)
			r.words = slices.Compact(r.words)
			b.check(t, &r)
			all.mu.Lock()
			defer all.mu.Unlock()
			all.rows = append(all.rows, r)
		})
	}
}

// patience is how long a row may take. The promise itself is held where the table is
// written, on a machine that does nothing else; beside other tests, only what is stuck is
// told from what is slow.
func patience(promised time.Duration) time.Duration {
	if *update {
		return promised
	}
	return 4 * promised
}

// check holds the row against what Outrider promises.
func (b *bomb) check(t *testing.T, r *row) {
	t.Helper()
	if wall := patience(budget.Default().Wall); r.took > wall {
		t.Errorf("took %v of %v", r.took, wall)
	}
	if r.peak > workerPeak {
		t.Errorf("the worker took %d MiB", r.peak)
	}
	for _, bad := range []attachment.NoteKind{attachment.NotePanic, attachment.NoteWorkerDied} {
		if slices.Contains(r.words, string(bad)) {
			t.Error(bad)
		}
	}
	switch {
	case strings.HasPrefix(b.says, silence):
		if len(r.words) > 0 {
			t.Errorf("says %v", r.words)
		}
	case !slices.Contains(r.words, b.says):
		t.Errorf("no %s in %v", b.says, r.words)
	}
}

// TestBombs judges every message, opens every file, and prints the tables.
func TestBombs(t *testing.T) {
	var all, opened table
	t.Run("messages", func(t *testing.T) { all.run(t, messages(), false, judged) })
	t.Run("files", func(t *testing.T) { opened.run(t, files(), true, inspected(t)) })
	text := all.text(heading) + opened.text(filesHeading)
	t.Log("\n" + text)
	all.rows = append(all.rows, opened.rows...)
	if want := len(messages()) + len(files()); len(all.rows) < want || want < 100 {
		t.Logf("%d of %d rows: a part, too few to compare with the page", len(all.rows), want)
		return
	}
	if *update {
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(all.names(), namesIn(string(written))) {
		t.Errorf("docs/bombs.md has other rows: write it anew with -update")
	}
}

const heading = `# Bombs

What is made to break a gateway, and what it cost. Messages are judged as the gateway judges
them, with the deadline of five seconds and without DNS, and a worker opens their attachments.
Generated by ` + "`go test ./test/bombs -update`" + `; figures are of one run on two cores. Allocated is the sum over the judgement in the gateway, peak the largest
memory of the worker (a dash: less than 1 MiB, or no worker ran or outlived the row).

| What | Size | Time | Allocated | Peak | What Outrider said |
| --- | ---: | ---: | ---: | ---: | --- |
`

const filesHeading = `
## Files

Opened by a worker as the gateway starts it, without the deadline of a message; meanwhile the gateway judged a plain message
in its own process, and Meanwhile is how long that took.

| What | Size | Time | Meanwhile | Peak | What Outrider said |
| --- | ---: | ---: | ---: | ---: | --- |
`

// text prints the rows, the slowest first.
func (all *table) text(heading string) string {
	slices.SortFunc(all.rows, func(a, b row) int { return cmp.Compare(b.took, a.took) })
	var b strings.Builder
	b.WriteString(heading)
	for _, r := range all.rows {
		cost := mib(r.alloc)
		if r.probe > 0 {
			cost = fmt.Sprintf("%d ms", r.probe.Milliseconds())
		}
		fmt.Fprintf(&b, "| %s | %d KiB | %d ms | %s | %s | %s |\n", r.name, r.size>>10, r.took.Milliseconds(), cost, mib(r.peak), strings.Join(r.words, ", "))
	}
	return b.String()
}

func mib(n int64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%d MiB", n)
}

func (all *table) names() []string {
	var names []string
	for _, r := range all.rows {
		names = append(names, r.name)
	}
	slices.Sort(names)
	return names
}

// namesIn returns the names of the rows of a page, sorted.
func namesIn(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		name, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if ok && name != "What" && name != "---" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// inspected returns a function that opens one file in a worker, as the gateway does, and
// judges a plain message meanwhile.
func inspected(t *testing.T) func(*testing.T, []byte) row {
	t.Helper()
	g, s := judge(startWorkers(t))
	probe := func(t *testing.T) time.Duration {
		t.Helper()
		start := time.Now()
		j, err := g.Inline(context.Background(), s, received(plainMail), plainMail, nil)
		if err != nil || !slices.Equal(j.Verdict.Degraded, []string{"dmarc", "spf"}) {
			t.Errorf("the plain message: %v, %v", j.Verdict.Degraded, err)
		}
		return max(time.Since(start), 1)
	}
	probe(t) // reads what all judgements share
	return func(t *testing.T, data []byte) row {
		t.Helper()
		w, done := startWorkers(t), make(chan time.Duration)
		start := time.Now()
		go func() { done <- probe(t) }()
		report, err := w.Inspect(t.Context(), attachment.Input{Name: "file", Data: data})
		out := row{took: time.Since(start), probe: <-done, words: notes(report), peak: w.peak()}
		if err != nil {
			t.Errorf("opening failed: %v", err)
		}
		if out.probe > patience(probePatience) {
			t.Errorf("a plain message waited %v", out.probe)
		}
		return out
	}
}

// probePatience is how long a plain message may take while a worker is busy.
const probePatience = 2 * time.Second

// plainMail is what people write.
var plainMail = []byte(head + "Subject: Minutes\r\n\r\nSee you on Tuesday.\r\n")

// TestPlainMailIsJudgedMeanwhile judges a plain message again and again while bombs go off
// beside it, in the same process.
func TestPlainMailIsJudgedMeanwhile(t *testing.T) {
	g, s := judge(startWorkers(t))
	g.Open = nil
	raw := plainMail
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	for _, name := range []string{"nested divisions", "text of dots", "many addresses"} {
		bomb := find(t, name)
		work.Go(func() {
			for ctx.Err() == nil {
				_, _ = g.Inline(ctx, s, received(bomb), bomb, nil)
			}
		})
	}
	worst := time.Duration(0)
	for range 50 {
		start := time.Now()
		if j, err := g.Inline(ctx, s, received(raw), raw, nil); err != nil || !slices.Equal(j.Verdict.Degraded, []string{"dmarc", "spf"}) {
			t.Errorf("the plain message: %v, %v", j.Verdict.Degraded, err)
		}
		worst = max(worst, time.Since(start))
	}
	stop()
	work.Wait()
	t.Logf("the slowest of 50 plain messages took %v", worst.Round(time.Millisecond))
	if worst > budget.Default().Wall {
		t.Errorf("a plain message waited %v", worst)
	}
}

func find(t *testing.T, name string) []byte {
	t.Helper()
	for _, b := range messages() {
		if b.name == name {
			return b.make()
		}
	}
	t.Fatalf("no bomb is called %s", name)
	return nil
}
