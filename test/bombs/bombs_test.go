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

// TestMain lets the test binary be the worker that opens attachments. The argument behind
// the name of the command tells the workers of different rows apart.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "worker" {
		if attachment.Serve(os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// What Outrider promises, with room for a machine that is busy.
const (
	patience   = 30 * time.Second // for one row, the worker included
	lateness   = 2 * time.Second  // of a judgement beyond its deadline
	workerPeak = 400              // MiB: 256 for the file, the rest for the program and the collector
)

// bomb is one hostile input.
type bomb struct {
	name string
	make func() []byte
	says string // one of the words that Outrider must say; "" where silence is honest
}

// row is what one bomb cost.
type row struct {
	name  string
	size  int
	took  time.Duration
	alloc int64 // MiB that the judging process allocated, all together
	peak  int64 // MiB of the worker at most, 0 if none ran or lives
	words []string
}

// workers is a pool of one worker, which can be told from those of other rows.
type workers struct {
	*attachment.Pool
	token string
}

func startWorkers(t *testing.T) workers {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	token := strings.ReplaceAll(t.Name(), "/", ":")
	p := attachment.NewPool(attachment.PoolConfig{Command: []string{self, "worker", token}, Size: 1})
	t.Cleanup(func() { _ = p.Close() })
	return workers{p, token}
}

// peak returns the largest memory of the worker in MiB, 0 if it does not run.
func (w workers) peak() int64 {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		if line, err := os.ReadFile(path); err != nil || !strings.HasSuffix(string(line), "\x00worker\x00"+w.token+"\x00") {
			continue
		}
		status, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "status"))
		if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib >> 10
		}
	}
	return 0
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
		ID: message.NewID(time.Now()), Road: message.RoadSMTP, At: time.Now(), Body: message.NewBody(raw), Traits: message.TraitsOf(raw),
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
	if late > lateness {
		t.Errorf("the judgement came %v behind its deadline", late.Round(time.Millisecond))
	}
	out := row{words: slices.DeleteFunc(slices.Clone(j.Verdict.Degraded), needsDNS)}
	if j.Evidence != nil {
		_ = j.Evidence.Model()
		for _, report := range j.Evidence.Insides() {
			out.words = append(out.words, notes(report)...)
		}
	}
	out.took, out.alloc = time.Since(start), allocated()-before
	for _, d := range j.Message.Defects {
		out.words = append(out.words, string(d.Kind))
	}
	out.peak = w.peak()
	return out
}

// needsDNS reports whether a stage says only that nobody answers questions here.
func needsDNS(stage string) bool { return stage == "spf" || stage == "dmarc" }

func notes(r *attachment.Report) (words []string) {
	if r == nil {
		return nil
	}
	for _, n := range r.Notes {
		words = append(words, string(n.Kind))
	}
	return words
}

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

// run lets off the bombs one after another.
func (all *table) run(t *testing.T, bombs []bomb) {
	t.Helper()
	for _, b := range bombs {
		t.Run(b.name, func(t *testing.T) {
			data := b.make()
			r := judged(t, data)
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

// check holds the row against what Outrider promises.
func (b *bomb) check(t *testing.T, r *row) {
	t.Helper()
	if r.took > patience {
		t.Errorf("took %v", r.took)
	}
	if r.peak > workerPeak {
		t.Errorf("the worker took %d MiB", r.peak)
	}
	if slices.Contains(r.words, string(attachment.NotePanic)) {
		t.Error("a reader panicked")
	}
	if b.says != "" && !slices.Contains(r.words, b.says) {
		t.Errorf("no %s in %v", b.says, r.words)
	}
}

// TestBombs judges every message and prints the table.
func TestBombs(t *testing.T) {
	var all table
	all.run(t, messages())
	slices.SortFunc(all.rows, func(a, b row) int { return cmp.Compare(b.took, a.took) })
	text := all.text()
	t.Log("\n" + text)
	if len(all.rows) < len(messages()) {
		t.Logf("%d rows: a part, too few to compare with the page", len(all.rows))
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

func (all *table) text() string {
	var b strings.Builder
	b.WriteString(heading)
	for _, r := range all.rows {
		fmt.Fprintf(&b, "| %s | %d KiB | %d ms | %s | %s | %s |\n", r.name, r.size>>10, r.took.Milliseconds(), mib(r.alloc), mib(r.peak), strings.Join(r.words, ", "))
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
	_, text, _ = strings.Cut(text, "---: | --- |\n")
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TestPlainMailIsJudgedMeanwhile judges a plain message again and again while bombs go off
// beside it, in the same process.
func TestPlainMailIsJudgedMeanwhile(t *testing.T) {
	g, s := judge(startWorkers(t))
	g.Open = nil
	raw := []byte(head + "Subject: Minutes\r\n\r\nSee you on Tuesday.\r\n")
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
