package attachment

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// PoolConfig says how workers run. Zero fields take the defaults named.
type PoolConfig struct {
	Command []string     // program and arguments of a worker, which calls Serve on its standard input and output
	Size    int          // workers at most (2)
	Queue   int          // callers that may wait for a worker (16 per worker)
	Recycle int          // files after which a worker is replaced (200)
	Limits  Limits       // of one file (DefaultLimits)
	Log     *slog.Logger // (discarded)
}

// grace is how long a worker may take beyond Limits.Wall until it is killed.
const grace = 3 * time.Second

// Pool inspects files in worker processes. It is safe for concurrent use.
type Pool struct {
	config  PoolConfig
	slots   chan *worker // Size slots, nil where no worker runs; taking one is owning it
	waiting atomic.Int64
	shared  atomic.Bool // namespaces were refused: workers share the network of this process
	close   sync.Once
	closed  chan struct{}
}

// worker is a running process and belongs to who took its slot.
type worker struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	killed bool // by the clock: nobody may use it again
	files  int
}

// NewPool returns a pool. Workers start when they are needed.
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
	p := &Pool{config: c, slots: make(chan *worker, c.Size), closed: make(chan struct{})}
	for range c.Size {
		p.slots <- nil
	}
	return p
}

// ErrClosed is returned by Inspect after Close.
var ErrClosed = errors.New("the pool of attachment workers is closed")

// Inspect looks at the file in a worker. A worker that crashes or overruns the clock is
// a note of a report that still names the file; so is a full queue. Errors are the end
// of ctx, a closed pool, and a worker that cannot be started.
func (p *Pool) Inspect(ctx context.Context, in Input) (*Report, error) {
	in.Name, in.ContentType = clean(in.Name, 1<<10), clean(in.ContentType, 200)
	if len(in.Data) > maxContent {
		return without(in, NoteBytes, "larger than a worker accepts"), nil
	}
	if p.waiting.Add(1) > int64(p.config.Queue+p.config.Size) {
		p.waiting.Add(-1)
		return without(in, NoteBusy, "the queue is full"), nil
	}
	defer p.waiting.Add(-1)
	w, err := p.take(ctx)
	if err != nil {
		return nil, err
	}
	if w == nil {
		if w, err = p.start(); err != nil {
			p.slots <- nil
			return nil, fmt.Errorf("starting an attachment worker: %w", err)
		}
	}
	report, err := w.ask(ctx, request{Input: in, Limits: p.config.Limits})
	if w.files++; err != nil || w.killed || w.files >= p.config.Recycle {
		err = errors.Join(err, w.stop(err != nil))
		w = nil
	}
	p.slots <- w
	if report == nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		p.config.Log.WarnContext(ctx, "attachment worker died", "error", err, "bytes", len(in.Data))
		return without(in, NoteWorkerDied, err.Error()), nil
	}
	return report, nil
}

// take waits for a slot.
func (p *Pool) take(ctx context.Context) (*worker, error) {
	select {
	case <-p.closed:
		return nil, ErrClosed
	default:
	}
	select {
	case w := <-p.slots:
		return w, nil
	case <-p.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close waits for the inspections under way and stops all workers.
func (p *Pool) Close() error {
	var errs []error
	p.close.Do(func() {
		close(p.closed)
		for range p.config.Size {
			if w := <-p.slots; w != nil {
				errs = append(errs, w.stop(false))
			}
		}
	})
	return errors.Join(errs...)
}

// without reports the input alone: its name, and nothing that needs a reader.
func without(in Input, kind NoteKind, detail string) *Report {
	f := File{Parent: -1, Name: clean(in.Name, 1<<10), Size: int64(len(in.Data)), Type: unknown, Format: unknown, MIME: octets, Unread: true}
	f.Extension = extension(f.Name)
	f.NameFacts = factsOf(f.Name, in.ContentType, &f)
	return &Report{Files: []File{f}, Notes: []Note{{Kind: kind, Detail: clean(detail, 200)}}}
}

// start runs a worker without environment and, where the kernel permits, without network.
func (p *Pool) start() (*worker, error) {
	if !p.shared.Load() {
		w, err := p.run(true)
		if err == nil {
			return w, nil
		}
		if !refused(err) {
			return nil, err // a passing want of memory or processes is no reason to go without
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
	// The worker lives longer than the request that starts it, so no context ends it.
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
	return &worker{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// ask sends one file and reads the report. The clock kills a worker that is late, which
// ends the reads and writes here.
func (w *worker) ask(ctx context.Context, q request) (*Report, error) {
	ctx, cancel := context.WithTimeout(ctx, q.Limits.Wall+grace)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = w.cmd.Process.Kill() })
	defer func() { w.killed = !stop() }() // the clock may strike just behind the reply
	head, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	if err := writeFrame(w.in, head); err != nil {
		return nil, err
	}
	if err := writeFrame(w.in, q.Input.Data); err != nil {
		return nil, err
	}
	reply, err := readFrame(w.out, maxReply)
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", noEOF(err))
	}
	r := &Report{}
	if err := json.Unmarshal(reply, r); err != nil || len(r.Files) == 0 {
		return nil, fmt.Errorf("decoding the report of %d files: %w", len(r.Files), errors.Join(err, errors.New("the worker answered nonsense")))
	}
	return r, nil
}

// stop ends the process and waits for it. A worker ends by itself when its input does.
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

// refused reports whether the kernel does not let an ordinary user make namespaces.
func refused(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOSPC)
}

// Unopened returns the report of a file that nobody has looked into.
func Unopened(in Input, why string) *Report { return without(in, NoteBusy, why) }
