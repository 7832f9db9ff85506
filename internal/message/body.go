package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// MemoryThreshold is the size in bytes up to which a message stays in memory while it is
// received; a larger one streams to an unlinked file.
const MemoryThreshold = 1 << 20

// ErrBodyTooLarge is returned by Capture.Write once the message exceeds its limit.
var ErrBodyTooLarge = errors.New("message exceeds the size limit")

// Memory bounds the bytes in memory of the messages of all connections. Messages without
// room are kept in a file. It is safe for concurrent use; nil is unbounded.
type Memory struct{ left atomic.Int64 }

// NewMemory returns a Memory of size bytes.
func NewMemory(size int64) *Memory {
	m := &Memory{}
	m.left.Store(size)
	return m
}

// take reserves n bytes, if available.
func (m *Memory) take(n int) bool {
	if m == nil {
		return true
	}
	if m.left.Add(-int64(n)) >= 0 {
		return true
	}
	m.give(n)
	return false
}

// give releases n bytes.
func (m *Memory) give(n int) {
	if m != nil {
		m.left.Add(int64(n))
	}
}

// Body is the raw bytes of one message, in memory or in an unlinked file. Reading is safe
// for concurrent use; Close is not, and no method may follow it.
type Body struct {
	mem    []byte
	memory *Memory  // the Memory that mem was taken from, or nil
	file   *os.File // or nil
	size   int64
}

// NewBody returns a body that shares raw, which must not change afterwards.
func NewBody(raw []byte) *Body { return &Body{mem: raw, size: int64(len(raw))} }

// Size returns the number of bytes.
func (b *Body) Size() int64 { return b.size }

// Bytes returns all bytes. A body on disk is read into memory on each call, so the caller
// bounds the number of concurrent calls.
func (b *Body) Bytes() ([]byte, error) {
	if b.file == nil {
		return b.mem, nil
	}
	raw := make([]byte, b.size)
	if _, err := b.file.ReadAt(raw, 0); err != nil {
		return nil, fmt.Errorf("reading message from its capture file: %w", err)
	}
	return raw, nil
}

// ReadAt reads len(p) bytes at offset off, as io.ReaderAt.
func (b *Body) ReadAt(p []byte, off int64) (int, error) {
	if b.file == nil {
		return bytes.NewReader(b.mem).ReadAt(p, off)
	}
	return b.file.ReadAt(p, off)
}

// Range copies the bytes from offset from to offset to into w.
func (b *Body) Range(w io.Writer, from, to int64) error {
	if b.file == nil {
		_, err := w.Write(b.mem[from:to])
		return err
	}
	_, err := io.Copy(w, io.NewSectionReader(b.file, from, to-from))
	return err
}

// WriteTo writes all bytes to w.
func (b *Body) WriteTo(w io.Writer) (int64, error) { return b.size, b.Range(w, 0, b.size) }

// Close releases the file of a body on disk, and the Memory of a body in memory. A second
// call does nothing.
func (b *Body) Close() error {
	b.memory.give(cap(b.mem))
	b.memory = nil
	if b.file == nil {
		return nil
	}
	f := b.file
	b.file = nil
	return f.Close()
}

// Capture collects the bytes of one message while they are received. The zero value
// is not usable; call NewCapture. Finish or Discard must be called.
type Capture struct {
	dir    string
	limit  int64
	memory *Memory
	room   func(bytes int64) error // or nil
	mem    []byte                  // its whole capacity is taken from memory
	file   *os.File
	size   int64
	asked  int64 // bytes on disk that were reserved
}

// roomStep is the number of bytes on disk that are reserved at a time.
const roomStep = 1 << 20

// AskRoom sets a function that reserves disk space before it is written. An error ends the capture.
func (c *Capture) AskRoom(room func(bytes int64) error) { c.room = room }

// NewCapture returns a capture that refuses more than limit bytes. It keeps them in memory
// if there is room and they are at most MemoryThreshold bytes, otherwise in a file in dir.
func NewCapture(dir string, limit int64, memory *Memory) *Capture {
	return &Capture{dir: dir, limit: limit, memory: memory}
}

// leastGrowth is the initial memory of a capture, in bytes.
const leastGrowth = 4 << 10

// Expect reserves memory for a message of size bytes, as declared by its sender. It
// reserves at most MemoryThreshold, since a declaration costs its sender nothing.
func (c *Capture) Expect(size int64) {
	if c.mem == nil && size > 0 && size <= min(c.limit, MemoryThreshold) {
		c.grow(int(size + size/64)) // room for the growth by normalization
	}
}

// grow reserves memory for a message of size bytes, and reports whether there is room.
func (c *Capture) grow(size int) bool {
	if size <= cap(c.mem) {
		return true
	}
	size = max(size, min(2*cap(c.mem), MemoryThreshold), leastGrowth)
	if !c.memory.take(size - cap(c.mem)) {
		return false
	}
	c.mem = append(make([]byte, 0, size), c.mem...)
	return true
}

// Write appends p. It keeps nothing of p if the limit would be exceeded.
func (c *Capture) Write(p []byte) (int, error) {
	size := c.size + int64(len(p))
	if size > c.limit {
		return 0, ErrBodyTooLarge
	}
	if c.file != nil || size > MemoryThreshold || !c.grow(int(size)) {
		if err := c.onDisk(size); err != nil {
			return 0, err
		}
	}
	if c.file == nil {
		c.mem = append(c.mem, p...)
	} else if _, err := c.file.Write(p); err != nil {
		return 0, fmt.Errorf("writing message to its capture file: %w", err)
	}
	c.size = size
	return len(p), nil
}

// onDisk reserves disk space for a message of size bytes, and moves the message to disk.
func (c *Capture) onDisk(size int64) error {
	for c.room != nil && c.asked < size {
		if err := c.room(roomStep); err != nil {
			return fmt.Errorf("making room for a message on disk: %w", err)
		}
		c.asked += roomStep
	}
	if c.file != nil {
		return nil
	}
	return c.spill()
}

// spill moves the collected bytes to an unlinked file, which cannot outlive a crash.
func (c *Capture) spill() error {
	f, err := os.CreateTemp(c.dir, "capture-*")
	if err != nil {
		return fmt.Errorf("creating capture file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return fmt.Errorf("unlinking capture file: %w", err)
	}
	if _, err := f.Write(c.mem); err != nil {
		_ = f.Close()
		return fmt.Errorf("writing message to its capture file: %w", err)
	}
	c.file = f
	c.free()
	return nil
}

// free releases the memory.
func (c *Capture) free() {
	c.memory.give(cap(c.mem))
	c.mem = nil
}

// Size returns the number of bytes written so far.
func (c *Capture) Size() int64 { return c.size }

// Finish returns the body. The capture must not be used afterwards.
func (c *Capture) Finish() *Body {
	b := &Body{mem: c.mem, memory: c.memory, file: c.file, size: c.size}
	c.mem, c.file = nil, nil
	return b
}

// Discard releases the collected bytes. It does nothing after Finish.
func (c *Capture) Discard() {
	if c.file != nil {
		_ = c.file.Close()
	}
	c.file = nil
	c.free()
}
