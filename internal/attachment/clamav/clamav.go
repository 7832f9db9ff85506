// Package clamav scans files with a ClamAV daemon.
//
// Signatures of known malware are maintained by others and updated several times a day, and
// the daemon that holds them uses a gigabyte of memory; so it is a separate service and not
// a library. A file is sent over a socket in pieces and one line is returned. A daemon that
// is down, busy or reloading yields no result for the file: such errors are temporary, and
// the caller decides whether mail waits.
//
// Standards: the protocol of clamd(8), commands zPING, zVERSION and zINSTREAM.
//
// Divergences: a name in a reply is kept without the digest that extended detection
// information appends.
//
// Limits: one connection per command. Files beyond Config.Bytes are not sent, and the limit
// of the daemon, StreamMaxLength, may be lower.
package clamav

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Config locates the daemon. Zero fields mean the stated defaults.
type Config struct {
	Network string        // "unix" or "tcp" (unix)
	Address string        // path or host:port (/run/clamav/clamd.ctl)
	Bytes   int64         // largest file to send (100 MiB, the default of StreamMaxLength)
	Connect time.Duration // for the connection (5 s)
	Wall    time.Duration // for a command including its connection (60 s)
}

const (
	chunk    = 128 << 10 // bytes sent at once
	maxReply = 4 << 10
)

// Client uses one daemon. It is safe for concurrent use.
type Client struct{ config Config }

// New returns a client. It connects on each command.
func New(c Config) *Client {
	if c.Network == "" {
		c.Network = "unix"
	}
	if c.Address == "" {
		c.Address = "/run/clamav/clamd.ctl"
	}
	if c.Bytes <= 0 {
		c.Bytes = 100 << 20
	}
	if c.Connect <= 0 {
		c.Connect = 5 * time.Second
	}
	if c.Wall <= 0 {
		c.Wall = time.Minute
	}
	return &Client{c}
}

// ErrTooLarge is the error for a file above our limit or the daemon's.
var ErrTooLarge = errors.New("the file is larger than clamd takes")

// Error is a failure of the daemon or of the connection to it. It is no result for the
// file, and is temporary.
type Error struct {
	Action string // failed action
	Err    error
}

// Error describes the failure.
func (e *Error) Error() string { return e.Action + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports that a later retry makes sense.
func (e *Error) Temporary() bool { return true }

// Version returns the versions of the engine and of the signatures.
func (c *Client) Version(ctx context.Context) (Version, error) {
	reply, err := c.ask(ctx, "VERSION", nil)
	if err != nil {
		return Version{}, &Error{"asking clamd for its version", err}
	}
	v, err := parseVersion(string(reply))
	if err != nil {
		return Version{}, &Error{"asking clamd for its version", err}
	}
	return v, nil
}

// Scan scans a file. It returns the name of the matching signature, or "". The error is
// ErrTooLarge or an *Error.
func (c *Client) Scan(ctx context.Context, data []byte) (signature string, err error) {
	if int64(len(data)) > c.config.Bytes {
		return "", fmt.Errorf("scanning %d bytes, %d are allowed: %w", len(data), c.config.Bytes, ErrTooLarge)
	}
	reply, err := c.ask(ctx, "INSTREAM", data)
	if err == nil {
		signature, err = parseScan(string(reply))
	}
	switch {
	case errors.Is(err, ErrTooLarge):
		return "", fmt.Errorf("scanning %d bytes: %w", len(data), err)
	case err != nil:
		return "", &Error{"scanning with clamd", err}
	}
	return signature, nil
}

// ask sends a command, with a stream if it is INSTREAM, and returns the reply.
func (c *Client) ask(ctx context.Context, command string, stream []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Wall)
	defer cancel()
	d := net.Dialer{Timeout: c.config.Connect}
	conn, err := d.DialContext(ctx, c.config.Network, c.config.Address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = conn.Close() }() // the reply or an error was returned before
	// A deadline in the past ends pending reads and writes.
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	sent := send(conn, command, stream)
	reply, err := readReply(conn)
	switch {
	case ctx.Err() != nil && err != nil:
		return nil, context.Cause(ctx)
	case err == nil:
		return reply, nil // the daemon replies before the end of a stream that it refuses
	case sent != nil:
		return nil, sent
	}
	return nil, err
}

// send writes a command and its stream: pieces after their length in four bytes, big-endian,
// and an empty one at the end.
func send(w io.Writer, command string, stream []byte) error {
	b := bufio.NewWriterSize(w, chunk+4)
	_, _ = b.WriteString("z" + command + "\x00") // a buffer keeps its error until Flush
	if command == "INSTREAM" {
		for len(stream) > 0 {
			n := min(len(stream), chunk)
			_, _ = b.Write(binary.BigEndian.AppendUint32(nil, uint32(n)))
			if _, err := b.Write(stream[:n]); err != nil {
				return fmt.Errorf("sending the file: %w", err)
			}
			stream = stream[n:]
		}
		_, _ = b.Write(make([]byte, 4))
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("sending the command: %w", err)
	}
	return nil
}

// readReply reads up to the NUL that ends a reply.
func readReply(r io.Reader) ([]byte, error) {
	reply, err := bufio.NewReader(io.LimitReader(r, maxReply)).ReadBytes(0)
	switch {
	case errors.Is(err, io.EOF) && len(reply) >= maxReply:
		return nil, fmt.Errorf("reading the reply: more than %d bytes", maxReply)
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("reading the reply: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return nil, fmt.Errorf("reading the reply: %w", err)
	}
	return bytes.TrimRight(reply, "\x00\r\n"), nil
}
