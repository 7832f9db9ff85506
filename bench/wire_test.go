package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// sink takes every message and forgets it. It is used where the number of messages is
// not known beforehand, or the time of a single one matters.
type sink struct {
	addr  string
	taken atomic.Int64
	work  sync.WaitGroup
}

func startSink(b *testing.B) *sink {
	b.Helper()
	ln, err := net.Listen("tcp", quietAddr(b))
	if err != nil {
		b.Fatal(err)
	}
	s := &sink{addr: ln.Addr().String()}
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	s.work.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[conn] = true
			mu.Unlock()
			s.work.Go(func() { s.serve(conn) })
		}
	})
	b.Cleanup(func() {
		_ = ln.Close()
		mu.Lock()
		for c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		s.work.Wait()
	})
	return s
}

func (s *sink) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	br, bw := bufio.NewReaderSize(conn, 64<<10), bufio.NewWriter(conn)
	say := func(text string) { _, _ = bw.WriteString(text + "\r\n") }
	say("220 sink.example ESMTP")
	for {
		if br.Buffered() == 0 && bw.Flush() != nil {
			return
		}
		line, err := br.ReadSlice('\n')
		if err != nil {
			return
		}
		switch verb := string(bytes.ToUpper(line[:min(4, len(line))])); verb {
		case "EHLO":
			say("250-sink.example\r\n250-PIPELINING\r\n250-SIZE\r\n250-SMTPUTF8\r\n250 8BITMIME")
		case "DATA":
			say("354 Go on")
			if bw.Flush() != nil || skipMessage(br) != nil {
				return
			}
			s.taken.Add(1)
			say("250 Taken")
		case "QUIT":
			say("221 Bye")
			_ = bw.Flush()
			return
		default:
			say("250 Ok")
		}
	}
}

// skipMessage reads up to the end of data.
func skipMessage(br *bufio.Reader) error {
	whole := true // the last piece ended a line
	for {
		line, err := br.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if whole && string(line) == ".\r\n" {
			return nil
		}
		whole = err == nil
	}
}

// session is a client with one connection.
type session struct {
	conn net.Conn
	tp   *textproto.Reader
}

func dial(addr string) (*session, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, tp: textproto.NewReader(bufio.NewReader(conn))}
	for _, line := range []string{"", "EHLO client.example\r\n"} {
		if _, err := io.WriteString(conn, line); err != nil {
			return nil, err
		}
		if _, _, err := s.tp.ReadResponse(2); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// send sends one message whose dots are doubled already, and returns the reply code.
func (s *session) send(stuffed []byte) (int, error) {
	envelope := "MAIL FROM:<ann@sender.example>\r\nRCPT TO:<" + recipient + ">\r\nDATA\r\n"
	if _, err := io.WriteString(s.conn, envelope); err != nil {
		return 0, err
	}
	for _, want := range []int{250, 250, 354} {
		if code, text, err := s.tp.ReadResponse(want); err != nil {
			return code, fmt.Errorf("server said %d %s: %w", code, text, err)
		}
	}
	if _, err := s.conn.Write(stuffed); err != nil {
		return 0, err
	}
	code, _, err := s.tp.ReadResponse(0)
	return code, err
}

// wire returns a message as it is sent, the end of data included.
func wire(message []byte) []byte {
	s := strings.ReplaceAll(string(message), "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	s = strings.ReplaceAll("\n"+strings.TrimSuffix(s, "\n")+"\n", "\n.", "\n..")
	return []byte(strings.ReplaceAll(s[1:], "\n", "\r\n") + ".\r\n")
}

// text returns a message of so many bytes.
func text(size int) []byte {
	line := "The quick brown fox jumps over the lazy dog and runs away from it.\n"
	return []byte("From: ann@sender.example\nTo: " + recipient + "\nSubject: benchmark\nDate: Tue, 03 Nov 2026 09:12:44 +0100\n" +
		"Message-ID: <bench@sender.example>\n\n" + strings.Repeat(line, size/len(line)))
}
