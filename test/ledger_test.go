package test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ledger is a next hop that writes down what it takes responsibility for, and that
// misbehaves as long as it is not told to be healthy.
type ledger struct {
	addr    string
	healthy atomic.Bool
	closed  atomic.Bool // refuses connections, as a host that is down
	stop    chan struct{}
	work    sync.WaitGroup

	mu         sync.Mutex
	copies     map[string]int  // by "id recipient"; guarded by mu
	gateway    map[string]bool // ids that the gateway gave to what arrived; guarded by mu
	damaged    []string        // ids whose body is not what was sent; guarded by mu
	excuses    map[string]int  // copies that may have to be sent again, since the gateway may not have read the reply; guarded by mu
	unanswered int             // taken, without the reply reaching the gateway; guarded by mu
	notices    int             // with a null sender; guarded by mu
	conns      map[net.Conn]struct{}
}

// startLedger listens on loopback until the test ends.
func startLedger(t *testing.T) *ledger {
	t.Helper()
	ln, err := net.Listen("tcp", quietAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{addr: ln.Addr().String(), stop: make(chan struct{}), copies: map[string]int{}, excuses: map[string]int{}, gateway: map[string]bool{}, conns: map[net.Conn]struct{}{}}
	l.work.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if l.closed.Load() {
				_ = conn.Close()
				continue
			}
			l.mu.Lock()
			l.conns[conn] = struct{}{}
			l.mu.Unlock()
			l.work.Go(func() { l.serve(conn) })
		}
	})
	t.Cleanup(func() {
		close(l.stop)
		_ = ln.Close()
		l.hangUp()
		l.work.Wait()
	})
	return l
}

// hangUp ends all connections.
func (l *ledger) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Close()
	}
}

// mood is what the ledger does at one step.
type mood int

const (
	good mood = iota
	temporary
	permanent
	drop
	halfClose
	stall
)

// draw picks a mood: per step, so many of a thousand.
func (l *ledger) draw(of map[mood]int) mood {
	if l.healthy.Load() {
		return good
	}
	n := rand.IntN(1000)
	for _, m := range []mood{temporary, permanent, drop, halfClose, stall} {
		if n -= of[m]; n < 0 {
			return m
		}
	}
	return good
}

// act misbehaves as the mood says, and reports whether the connection goes on and
// whether the step is over.
func (l *ledger) act(m mood, conn net.Conn) (goesOn, over bool) {
	switch m {
	case temporary:
		_, err := io.WriteString(conn, "451 4.3.0 Not now\r\n")
		return err == nil, true
	case permanent:
		_, err := io.WriteString(conn, "550 5.7.1 Never\r\n")
		return err == nil, true
	case drop:
		return false, true
	case halfClose:
		if c, ok := conn.(*net.TCPConn); ok {
			_ = c.CloseWrite()
		}
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		_, _ = io.Copy(io.Discard, conn)
		return false, true
	case stall:
		timer := time.NewTimer(3 * time.Second) // longer than the gateway waits
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.stop:
		}
		return false, true
	default:
		return true, false
	}
}

// delivery is one transaction.
type delivery struct {
	open  bool // MAIL was accepted
	from  string
	rcpts []string
	taken []string // the last message that was taken on this connection, by "id recipient"
}

func (l *ledger) serve(conn net.Conn) {
	defer func() {
		l.mu.Lock()
		delete(l.conns, conn)
		l.mu.Unlock()
		_ = conn.Close()
	}()
	if goesOn, over := l.act(l.draw(map[mood]int{temporary: 3, drop: 5}), conn); over || !goesOn {
		return
	}
	if _, err := io.WriteString(conn, "220 ledger.example ESMTP\r\n"); err != nil {
		return
	}
	br := bufio.NewReaderSize(conn, 64<<10)
	var d delivery
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			l.excuse(d.taken) // the gateway ended, perhaps before it recorded the reply
			return
		}
		if !l.command(conn, br, &d, strings.TrimRight(line, "\r\n")) {
			return
		}
	}
}

var path = regexp.MustCompile(`<([^>]*)>`)

func pathOf(line string) string {
	if m := path.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}

// command answers one command and reports whether the connection goes on.
func (l *ledger) command(conn net.Conn, br *bufio.Reader, d *delivery, line string) bool {
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	answer := "250 2.0.0 Ok"
	switch verb {
	case "EHLO":
		answer = "250-ledger.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE"
	case "MAIL":
		*d = delivery{taken: d.taken}
		if goesOn, over := l.act(l.draw(map[mood]int{temporary: 5, drop: 5}), conn); over {
			return goesOn
		}
		*d = delivery{from: pathOf(line), open: true, taken: d.taken}
	case "RCPT":
		if !d.open {
			answer = "503 5.5.1 MAIL first"
			break
		}
		if goesOn, over := l.act(l.draw(map[mood]int{temporary: 10, permanent: 5, drop: 3}), conn); over {
			return goesOn
		}
		d.rcpts = append(d.rcpts, pathOf(line))
	case "DATA":
		if len(d.rcpts) > 0 {
			return l.data(conn, br, d)
		}
		answer = "554 5.5.1 No valid recipients"
	case "RSET":
		*d = delivery{taken: d.taken}
	case "QUIT":
		_, _ = io.WriteString(conn, "221 2.0.0 Bye\r\n")
		return false
	}
	_, err := io.WriteString(conn, answer+"\r\n")
	return err == nil
}

// data reads a message, and takes responsibility or not.
func (l *ledger) data(conn net.Conn, br *bufio.Reader, d *delivery) bool {
	if goesOn, over := l.act(l.draw(map[mood]int{temporary: 5, drop: 5}), conn); over {
		return goesOn
	}
	if _, err := io.WriteString(conn, "354 Go on\r\n"); err != nil {
		return false
	}
	raw, err := readDots(br)
	if err != nil {
		return false
	}
	m := l.draw(map[mood]int{temporary: 20, permanent: 10, drop: 15, halfClose: 5, stall: 3})
	if m == temporary || m == permanent || m != good && rand.IntN(2) == 0 {
		goesOn, _ := l.act(m, conn) // nothing is taken
		return goesOn
	}
	l.take(d, raw)
	if m == good {
		if _, err := io.WriteString(conn, "250 2.0.0 Taken\r\n"); err == nil {
			return true
		}
	}
	l.mu.Lock()
	l.unanswered++
	l.mu.Unlock()
	l.excuse(d.taken)
	d.taken = nil
	goesOn, _ := l.act(m, conn)
	return goesOn && m == good
}

// readDots reads up to the end of data.
func readDots(br *bufio.Reader) ([]byte, error) {
	var raw []byte
	for {
		line, err := br.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		if string(line) == ".\r\n" {
			return raw, nil
		}
		raw = append(raw, bytes.TrimPrefix(line, []byte("."))...)
	}
}

var gatewayID = regexp.MustCompile(`(?s)^Received: .*?\sid\s+(\S+)`)

// take writes the message down.
func (l *ledger) take(d *delivery, raw []byte) {
	header, body, _ := strings.Cut(string(raw), "\r\n\r\n")
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.from == "" {
		l.notices++
		return
	}
	id := field(header, "X-Torture-ID")
	if sum := sha256.Sum256([]byte(body)); field(header, "X-Torture-Sum") != hex.EncodeToString(sum[:]) {
		l.damaged = append(l.damaged, id)
	}
	if m := gatewayID.FindStringSubmatch(header); m != nil {
		l.gateway[strings.TrimSuffix(m[1], ";")] = true
	} else {
		l.damaged = append(l.damaged, id+" (no Received)")
	}
	d.taken = nil
	for _, r := range d.rcpts {
		l.copies[id+" "+r]++
		d.taken = append(d.taken, id+" "+r)
	}
}

// excuse notes that the gateway may have to send to these recipients again.
func (l *ledger) excuse(taken []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range taken {
		l.excuses[key]++
	}
}

// field returns the value of a short field.
func field(header, name string) string {
	_, rest, ok := strings.Cut("\r\n"+header, "\r\n"+name+": ")
	if !ok {
		return ""
	}
	v, _, _ := strings.Cut(rest, "\r\n")
	return v
}
