package attachment

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// PoolConfig configures the workers. Zero fields mean the stated defaults.
type PoolConfig struct {
	Command []string      // program and arguments of a worker, which calls Serve on its standard input and output
	Size    int           // maximum number of workers (2)
	Queue   int           // callers that may wait for a worker (16 per worker)
	Recycle int           // files after which a worker is replaced (200)
	Idle    time.Duration // idle time after which a worker ends (never)
	Limits  Limits        // per file (DefaultLimits)
	Setup   Setup         // setup of each worker (no tools)
	Log     *slog.Logger  // (discarded)
}

// grace is the time beyond Limits.Wall after which a worker is killed.
const grace = 3 * time.Second

// replyTime is the part of the caller's time that is reserved for the reply: partial
// findings before the deadline are worth more than complete ones after it.
const replyTime = 300 * time.Millisecond

// Pool inspects files in worker processes. It is safe for concurrent use.
type Pool struct {
	config  PoolConfig
	setup   atomic.Pointer[Setup]
	idle    *time.Timer   // ends unused workers; nil without idle limit
	slots   chan struct{} // Size slots; the owner of a slot may run a worker
	mu      sync.Mutex
	ready   []*worker // guarded by mu: idle workers, the last used last
	waiting atomic.Int64
	shared  atomic.Bool  // namespaces were refused: workers share the network of this process
	worked  atomic.Int64 // time of the last reply of a worker, in Unix nanoseconds; 0 after a failure
	close   sync.Once
	closed  chan struct{}
}

// worker is a running process, owned by the holder of its slot.
type worker struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	setup  *Setup
	used   time.Time
	killed bool // by the timer: it must not be used again
	files  int
}

// NewPool returns a pool. Workers start on demand, and the first by Warm.
func NewPool(c PoolConfig) *Pool {
	if c.Size <= 0 {
		c.Size = 2
	}
	if c.Queue <= 0 {
		c.Queue = 16 * c.Size
	}
	if c.Recycle <= 0 {
		c.Recycle = 200
	}
	if c.Limits == (Limits{}) {
		c.Limits = DefaultLimits()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pool{config: c, slots: make(chan struct{}, c.Size), closed: make(chan struct{})}
	p.setup.Store(&c.Setup)
	for range c.Size {
		p.slots <- struct{}{}
	}
	if c.Idle > 0 {
		p.idle = time.AfterFunc(c.Idle, p.rest)
	}
	return p
}

// Warm starts a worker if none runs, so that the first message need not wait for one. A
// failure costs only that time.
func (p *Pool) Warm(ctx context.Context) error {
	w, err := p.worker(ctx)
	if err != nil {
		return err
	}
	w.used = time.Now()
	p.give(w)
	return nil
}

// rest ends idle workers. It holds a slot, so that Close waits for it.
func (p *Pool) rest() {
	for range p.config.Size {
		select {
		case <-p.slots:
			p.endIdle()
			p.slots <- struct{}{}
		default:
			return
		}
	}
}

// endIdle ends the worker that was idle longest, if it exceeds the limit.
func (p *Pool) endIdle() {
	w := p.oldest()
	if w == nil {
		return
	}
	if err := w.stop(false); err != nil {
		p.config.Log.Warn("attachment worker that was not needed did not end well", "error", err)
	}
}

func (p *Pool) oldest() *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ready) == 0 || time.Since(p.ready[0].used) < p.config.Idle {
		return nil
	}
	w := p.ready[0]
	p.ready = slices.Delete(p.ready, 0, 1)
	return w
}

// UseRules sets the YARA rules for later inspections. Workers with older rules are replaced
// on demand; running inspections continue with their rules.
func (p *Pool) UseRules(rules string) {
	old := p.setup.Load()
	if s := *old; s.Rules != rules {
		s.Rules = rules
		p.setup.CompareAndSwap(old, &s)
	}
}

// ErrClosed is returned by Inspect after Close.
var ErrClosed = errors.New("the pool of attachment workers is closed")

// Inspect inspects a file in a worker. If a worker crashes or exceeds its time, or the
// queue is full, the report names the file and has a note. Errors are the end of ctx, a
// closed pool, and a worker that cannot be started.
func (p *Pool) Inspect(ctx context.Context, in Input) (*Report, error) {
	reports, err := p.InspectAll(ctx, []Input{in})
	if err != nil {
		return nil, err
	}
	return reports[0], nil
}

// InspectAll is Inspect for up to eight consecutive files of a message, in one worker.
// Consecutive pictures are also examined as one.
func (p *Pool) InspectAll(ctx context.Context, ins []Input) ([]*Report, error) {
	if len(ins) == 0 || len(ins) > maxInputs {
		return nil, fmt.Errorf("inspecting %d files at once: one to %d are allowed", len(ins), maxInputs)
	}
	q := request{Inputs: slices.Clone(ins), Limits: p.config.Limits}
	size := 0
	for k := range q.Inputs {
		in := &q.Inputs[k]
		in.Name, in.ContentType = clean(in.Name, 1<<10), clean(in.ContentType, 200)
		size += len(in.Data)
	}
	if size > maxContent {
		return q.without(NoteBytes, "larger than a worker accepts"), nil
	}
	if p.waiting.Add(1) > int64(p.config.Queue+p.config.Size) {
		p.waiting.Add(-1)
		return q.without(NoteBusy, "the queue is full"), nil
	}
	defer p.waiting.Add(-1)
	w, err := p.worker(ctx)
	if err != nil {
		return nil, err
	}
	return p.use(ctx, w, q)
}

// worker takes a slot, and starts a worker if none is idle.
func (p *Pool) worker(ctx context.Context) (*worker, error) {
	if err := p.take(ctx); err != nil {
		return nil, err
	}
	w := p.last()
	if w != nil && w.setup == p.setup.Load() {
		return w, nil
	}
	if w != nil {
		if err := w.stop(false); err != nil {
			p.config.Log.WarnContext(ctx, "attachment worker with other tools did not end well", "error", err)
		}
	}
	w, err := p.start()
	if err != nil {
		p.worked.Store(0)
		p.slots <- struct{}{}
		return nil, fmt.Errorf("starting an attachment worker: %w", err)
	}
	return w, nil
}

// last returns the most recently used worker, whose caches are warmest, or nil.
func (p *Pool) last() *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.ready) - 1
	if n < 0 {
		return nil
	}
	w := p.ready[n]
	p.ready = p.ready[:n]
	return w
}

// give returns a slot, with a usable worker or nil.
func (p *Pool) give(w *worker) {
	if w != nil {
		p.mu.Lock()
		p.ready = append(p.ready, w)
		p.mu.Unlock()
	}
	p.slots <- struct{}{}
}

// use sends a request to the worker and returns the slot.
func (p *Pool) use(ctx context.Context, w *worker, q request) ([]*Report, error) {
	reports, err := w.ask(ctx, q)
	if w.files++; err != nil || w.killed || w.files >= p.config.Recycle {
		err = errors.Join(err, w.stop(err != nil))
		w = p.successor(err)
	} else {
		w.used = time.Now()
	}
	p.give(w)
	if p.idle != nil {
		p.idle.Reset(p.config.Idle)
	}
	if reports == nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		p.worked.Store(0)
		p.config.Log.WarnContext(ctx, "attachment worker died", "error", err, "files", len(q.Inputs))
		return q.without(NoteWorkerDied, err.Error()), nil
	}
	p.worked.Store(time.Now().UnixNano())
	return reports, nil
}

// workedFor is how long an answer proves that workers run.
const workedFor = time.Minute

// Health returns nil if a worker inspected a file within the last minute, or inspects one now, or
// all are busy. A file that makes a worker crash is no failure of the pool.
func (p *Pool) Health(ctx context.Context) error {
	if time.Since(time.Unix(0, p.worked.Load())) < workedFor {
		return nil
	}
	report, err := p.Inspect(ctx, Input{Name: "health.txt", Data: []byte("health")})
	switch {
	case err != nil && ctx.Err() != nil && len(p.slots) == 0:
		return nil // no worker was free
	case err != nil:
		return err
	case report.Has(NoteWorkerDied):
		return fmt.Errorf("inspecting a file: the worker died: %s", report.Notes[0].Detail)
	}
	return nil
}

// successor starts the replacement of a worker that has reached Recycle in advance. After a
// failure the next caller starts it, and reports the error.
func (p *Pool) successor(failed error) *worker {
	if failed != nil {
		return nil
	}
	w, err := p.start()
	if err != nil {
		return nil
	}
	w.used = time.Now()
	return w
}

// take waits for a slot.
func (p *Pool) take(ctx context.Context) error {
	select {
	case <-p.closed:
		return ErrClosed
	default:
	}
	select {
	case <-p.slots:
		return nil
	case <-p.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close waits for the inspections under way and stops all workers.
func (p *Pool) Close() error {
	var errs []error
	p.close.Do(func() {
		close(p.closed)
		if p.idle != nil {
			p.idle.Stop()
		}
		for range p.config.Size {
			<-p.slots
		}
		for w := p.last(); w != nil; w = p.last() {
			errs = append(errs, w.stop(false))
		}
	})
	return errors.Join(errs...)
}

// without returns a report of the input alone: its name, and facts that need no reader.
func without(in Input, kind NoteKind, detail string) *Report {
	f := File{Parent: -1, Name: clean(in.Name, 1<<10), Size: int64(len(in.Data)), Type: unknown, Format: unknown, MIME: octets, Unread: true}
	f.Extension = extension(f.Name)
	f.NameFacts = factsOf(f.Name, in.ContentType, &f)
	return &Report{Files: []File{f}, Notes: []Note{{Kind: kind, Detail: clean(detail, 200)}}}
}

// without reports the inputs alone.
func (q *request) without(kind NoteKind, detail string) []*Report {
	var out []*Report
	for _, in := range q.Inputs {
		out = append(out, without(in, kind, detail))
	}
	return out
}

// start runs a worker without environment and, if the kernel permits, without network.
func (p *Pool) start() (*worker, error) {
	if !p.shared.Load() {
		w, err := p.run(true)
		if err == nil {
			return w, nil
		}
		if !refused(err) {
			return nil, err // a temporary lack of memory or processes does not justify a worker with network
		}
		p.shared.Store(true)
		p.config.Log.Warn("attachment workers share the network: the kernel refused a namespace", "error", err)
	}
	return p.run(false)
}

func (p *Pool) run(alone bool) (*worker, error) {
	if len(p.config.Command) == 0 {
		return nil, errors.New("no command is configured")
	}
	// The worker outlives the request that starts it, so no context ends it.
	cmd := exec.Command(p.config.Command[0], p.config.Command[1:]...) //nolint:gosec,noctx // the operator's own binary; stop ends it
	cmd.Env, cmd.Dir = []string{"GOTRACEBACK=none"}, "/"
	if alone {
		cmd.SysProcAttr = isolated()
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("opening its input: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("opening its output: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the process: %w", err)
	}
	return &worker{cmd: cmd, in: in, out: bufio.NewReader(out), setup: p.setup.Load()}, nil
}

// ask sends files and reads the reports. A timer kills a late worker, which ends the reads
// and writes here.
func (w *worker) ask(ctx context.Context, q request) ([]*Report, error) {
	q.Left = time.Duration(len(q.Inputs)) * q.Limits.Wall
	late := q.Left + grace
	if d, ok := ctx.Deadline(); ok {
		left := time.Until(d)
		q.Left = min(q.Left, left-min(left/5, replyTime))
	}
	if w.files == 0 {
		late += w.setup.setupTimeout()
	}
	ctx, cancel := context.WithTimeout(ctx, late)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = w.cmd.Process.Kill() })
	defer func() { w.killed = !stop() }() // the timer may fire just after the reply
	if w.files == 0 {
		if err := encodeFrame(w.in, w.setup); err != nil {
			return nil, err
		}
	}
	if err := encodeFrame(w.in, q); err != nil {
		return nil, err
	}
	for k := range q.Inputs {
		if err := writeFrame(w.in, q.Inputs[k].Data); err != nil {
			return nil, err
		}
	}
	var reports []*Report
	if err := decodeFrame(w.out, maxReply, &reports); err != nil {
		return nil, fmt.Errorf("reading the reports: %w", noEOF(err))
	}
	if len(reports) != len(q.Inputs) || slices.ContainsFunc(reports, func(r *Report) bool { return r == nil || len(r.Files) == 0 }) {
		return nil, fmt.Errorf("reading %d reports: malformed worker response", len(reports))
	}
	return reports, nil
}

// stop ends the process and waits for it. A worker ends when its input does.
func (w *worker) stop(kill bool) error {
	if kill {
		_ = w.cmd.Process.Kill()
	}
	late := time.AfterFunc(grace, func() { _ = w.cmd.Process.Kill() })
	defer late.Stop()
	_ = w.in.Close()
	if err := w.cmd.Wait(); err != nil {
		return fmt.Errorf("ending a worker: %w", err)
	}
	return nil
}

// refused reports whether the kernel forbids namespaces to ordinary users.
func refused(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOSPC)
}

// Unopened returns the report of a file that was not opened.
func Unopened(in Input, why string) *Report { return without(in, NoteBusy, why) }

// Uncounted returns the report of a file beyond the number of opened files.
func Uncounted(in Input) *Report { return without(in, NoteMany, "the message has too many files") }
