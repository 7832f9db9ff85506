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
)

// Bounds of the protocol between pool and worker. A request is a frame of JSON and a
// frame of content; a reply is one frame of JSON. A frame is its length in four bytes,
// big-endian, and so many bytes.
const (
	maxHead    = 1 << 20   // names and passwords of a request
	maxContent = 128 << 20 // the largest attachment, see budget.DecodedBytes
	maxReply   = 64 << 20
	goMemory   = 224 << 20 // Go's collector works against this limit
)

type request struct {
	Input  Input  `json:"input"`
	Limits Limits `json:"limits"`
}

// Serve is the loop of a worker: it gives up the rights that reading files does not
// need, then answers requests from r on w until r ends. It returns nil at a clean end.
func Serve(r io.Reader, w io.Writer) error {
	debug.SetMemoryLimit(goMemory)
	if err := confine(); err != nil {
		return fmt.Errorf("confining the worker: %w", err)
	}
	return serve(r, w)
}

func serve(r io.Reader, w io.Writer) error {
	in := bufio.NewReader(r)
	for {
		head, err := readFrame(in, maxHead)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		var q request
		if err := json.Unmarshal(head, &q); err != nil {
			return fmt.Errorf("decoding a request: %w", err)
		}
		if q.Input.Data, err = readFrame(in, maxContent); err != nil {
			return fmt.Errorf("reading the content: %w", err)
		}
		reply, err := json.Marshal(Inspect(context.Background(), q.Input, q.Limits))
		if err != nil {
			return fmt.Errorf("encoding the report: %w", err)
		}
		if err := writeFrame(w, reply); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
}

// readFrame reads one frame. It returns io.EOF only between frames, and allocates as
// bytes arrive, not as the length claims.
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

func writeFrame(w io.Writer, data []byte) error {
	if _, err := w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(data)))); err != nil {
		return fmt.Errorf("writing the length: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("writing the frame: %w", err)
	}
	return nil
}
