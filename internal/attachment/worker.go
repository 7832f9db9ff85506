package attachment

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"
)

// Bounds of the protocol between pool and worker. First the pool sends a JSON frame with
// the Setup. A request is a JSON frame and a content frame for each input; a reply is one
// JSON frame. A frame is its length in four bytes, big-endian, and that many bytes.
const (
	maxSetup   = 16 << 20  // YARA rules
	maxHead    = 1 << 20   // names and passwords of a request
	maxContent = 128 << 20 // the largest attachment, see budget.DecodedBytes
	maxReply   = 64 << 20
	goMemory   = 208 << 20 // limit of Go's garbage collector; the program's pages are not included
	pageMemory = 320 << 20 // addition for rendering pages
)

type request struct {
	Inputs []Input `json:"inputs"`
	Limits Limits  `json:"limits"`
	// Left is the time for all inputs together; Limits.Wall bounds each of them.
	Left time.Duration `json:"left"`
}

// maxInputs bounds the files of one request.
const maxInputs = 8

// Serve is the loop of a worker: it reads its setup, drops the privileges that reading
// files does not need, then answers requests from r on w until r ends. It returns nil at a
// clean end.
func Serve(r io.Reader, w io.Writer) error {
	return serve(r, w, confine)
}

func serve(r io.Reader, w io.Writer, confine func(Setup) error) error {
	in := bufio.NewReader(r)
	var s Setup
	if err := decodeFrame(in, maxSetup, &s); err != nil {
		return cleanEnd("reading the setup", err)
	}
	debug.SetMemoryLimit(s.memory())
	if err := confine(s); err != nil {
		return fmt.Errorf("confining the worker: %w", err)
	}
	tools, err := NewTools(s)
	if err != nil {
		return fmt.Errorf("setting up the worker: %w", err)
	}
	defer func() { _ = tools.Close() }() // the process ends
	for {
		q, err := readRequest(in)
		if err != nil {
			return cleanEnd("reading a request", err)
		}
		reply, err := json.Marshal(tools.answer(q))
		if err != nil {
			return fmt.Errorf("encoding the reports: %w", err)
		}
		if err := writeFrame(w, reply); err != nil {
			return fmt.Errorf("writing the reports: %w", err)
		}
	}
}

// answer inspects the inputs of a request within its time.
func (t *Tools) answer(q *request) []*Report {
	ctx, cancel := context.WithTimeout(context.Background(), q.Left)
	defer cancel()
	return t.InspectAll(ctx, q.Inputs, q.Limits)
}

// cleanEnd returns nil if the pool has closed between frames.
func cleanEnd(action string, err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("%s: %w", action, err)
}

func readRequest(r io.Reader) (*request, error) {
	q := &request{}
	if err := decodeFrame(r, maxHead, q); err != nil {
		return nil, err
	}
	if len(q.Inputs) > maxInputs {
		return nil, fmt.Errorf("%d inputs, %d are allowed", len(q.Inputs), maxInputs)
	}
	for k := range q.Inputs {
		data, err := readFrame(r, maxContent)
		if err != nil {
			return nil, fmt.Errorf("reading the content: %w", noEOF(err))
		}
		q.Inputs[k].Data = data
	}
	return q, nil
}

func decodeFrame(r io.Reader, most uint32, to any) error {
	data, err := readFrame(r, most)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, to); err != nil {
		return fmt.Errorf("decoding %d bytes: %w", len(data), err)
	}
	return nil
}

// readFrame reads one frame. It returns io.EOF only between frames, and allocates as bytes
// arrive, independent of the declared length.
func readFrame(r io.Reader, most uint32) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > most {
		return nil, fmt.Errorf("a frame of %d bytes, %d are allowed", n, most)
	}
	if n <= 1<<20 {
		data := make([]byte, n)
		_, err := io.ReadFull(r, data)
		return data, noEOF(err)
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(data) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	return data, err
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func encodeFrame(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a frame: %w", err)
	}
	return writeFrame(w, data)
}

func writeFrame(w io.Writer, data []byte) error {
	if _, err := w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(data)))); err != nil {
		return fmt.Errorf("writing the length: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("writing the frame: %w", err)
	}
	return nil
}
