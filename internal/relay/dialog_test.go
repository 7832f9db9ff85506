package relay_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"outrider/internal/message"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

// TestDialogs runs each file of testdata/dialog: what the next hop says, what it must
// hear, and what Deliver must report. Time is virtual, so that a next hop may stall for
// minutes.
//
// A file has three kinds of blocks, in any order, each started by a line of its own:
//
//	route <transport> <hosts> [mx=<domain>]   the route; once
//	connect <host>                            one connection, in order of dialling
//	deliver <flags>                           one call of Deliver
//
// In a connect block "S: " lines are sent, "C: " lines must be heard, "D: n" reads a
// message of n raw octets, and "close", "stall" and "flood" end it. "refuse" makes the
// dial fail. In a deliver block there is one "rcpt <address> [params]" line per
// recipient with the wanted "<status> <host> <reply>" below it.
func TestDialogs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/dialog/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogs: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			d := parseDialog(t, file)
			synctest.Test(t, d.run)
		})
	}
}

// dialog is one file.
type dialog struct {
	route    tenant.Route
	cfg      relay.Config
	conns    []script
	delivers []deliver
}

// script is one connection.
type script struct {
	host  string
	lines []string
}

// deliver is one call of Deliver.
type deliver struct {
	job   relay.Job
	flags map[string]string
	want  []string
}

func parseDialog(t *testing.T, file string) *dialog {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := &dialog{}
	var rest *[]string
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		word := strings.Fields(line)
		switch {
		case len(word) == 0 || word[0] == "#":
		case word[0] == "route":
			d.parseRoute(word[1:])
		case word[0] == "connect":
			d.conns = append(d.conns, script{host: word[1]})
			rest = &d.conns[len(d.conns)-1].lines
		case word[0] == "deliver":
			d.delivers = append(d.delivers, parseDeliver(word[1:]))
			rest = &d.delivers[len(d.delivers)-1].want
		case word[0] == "rcpt":
			dl := &d.delivers[len(d.delivers)-1]
			dl.job.Envelope.Recipients = append(dl.job.Envelope.Recipients, parseRcpt(word[1:]))
		default:
			*rest = append(*rest, strings.TrimSpace(line))
		}
	}
	return d
}

func (d *dialog) parseRoute(word []string) {
	d.route = tenant.Route{Transport: tenant.Transport(word[0]), TLS: tenant.TLSNone}
	for _, w := range word[1:] {
		k, v, ok := strings.Cut(w, "=")
		switch {
		case !ok:
			d.route.Hosts = append(d.route.Hosts, strings.Split(w, ",")...)
		case k == "mx":
			d.route.Domain = v
		case k == "tls":
			d.route.TLS = tenant.TLSMode(v)
		case k == "refuse8bit":
			d.cfg.Refuse8Bit = true
		case k == "max":
			d.cfg.MaxMessages, _ = strconv.Atoi(v)
		}
	}
}

func parseDeliver(word []string) deliver {
	dl := deliver{flags: map[string]string{}}
	for _, w := range word {
		k, v, _ := strings.Cut(w, "=")
		dl.flags[k] = v
	}
	body := "Subject: x\r\n\r\nbody\r\n"
	if q, ok := dl.flags["content"]; ok {
		body, _ = strconv.Unquote(q)
	}
	_, eight := dl.flags["eightbit"]
	_, utf8 := dl.flags["utf8"]
	_, tls := dl.flags["requiretls"]
	dl.job = relay.Job{
		Content:  message.NewBody([]byte(body)),
		Traits:   message.Traits{EightBit: eight || utf8, HeaderUTF8: utf8},
		Envelope: smtp.Envelope{From: dl.flags["from"], UTF8: utf8, RequireTLS: tls, Ret: dl.flags["ret"], EnvID: dl.flags["envid"]},
	}
	return dl
}

func parseRcpt(word []string) smtp.Recipient {
	r := smtp.Recipient{Address: word[0]}
	for _, w := range word[1:] {
		k, v, _ := strings.Cut(w, "=")
		if k == "notify" {
			r.Notify = v
		} else {
			r.ORcpt = v
		}
	}
	return r
}

// zone answers MX questions of the dialogs.
type zone struct{}

func (zone) LookupMX(_ context.Context, domain string) ([]*net.MX, error) {
	switch domain {
	case "two.example":
		return []*net.MX{{Host: "mx2.example.", Pref: 20}, {Host: "mx1.example.", Pref: 10}}, nil
	case "null.example":
		return []*net.MX{{Host: ".", Pref: 0}}, nil
	case "loop.example":
		return []*net.MX{{Host: "out.example.", Pref: 10}, {Host: "mx2.example.", Pref: 10}}, nil
	case "behind.example":
		return []*net.MX{{Host: "OUT.example.", Pref: 10}, {Host: "mx1.example.", Pref: 5}, {Host: "mx2.example.", Pref: 10}}, nil
	case "down.example":
		return nil, &net.DNSError{Err: "timeout", Name: domain, IsTimeout: true}
	default:
		return nil, &net.DNSError{Err: "no such host", Name: domain, IsNotFound: true}
	}
}

func (zone) LookupHost(_ context.Context, host string) ([]netip.Addr, error) {
	switch host {
	case "mx1.example":
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	case "mx2.example":
		return []netip.Addr{netip.MustParseAddr("192.0.2.2")}, nil
	case "plain.example":
		return []netip.Addr{netip.MustParseAddr("192.0.2.3")}, nil
	default:
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
}

var dialogHosts = map[string]string{"192.0.2.1": "mx1.example", "192.0.2.2": "mx2.example", "192.0.2.3": "plain.example"}

func (d *dialog) run(t *testing.T) {
	t.Helper()
	p := &peer{t: t, conns: d.conns}
	cfg := d.cfg
	cfg.Hostname, cfg.Resolver, cfg.Dial, cfg.Log = "out.example", zone{}, p.dial, slog.New(slog.DiscardHandler)
	r := relay.New(cfg)
	for i := range d.delivers {
		d.delivers[i].run(t, r, d.route)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	p.wg.Wait()
	if p.next != len(p.conns) {
		t.Errorf("%d connections, want %d", p.next, len(p.conns))
	}
}

func (dl *deliver) run(t *testing.T, r *relay.Relay, route tenant.Route) {
	t.Helper()
	ctx := t.Context()
	if v, ok := dl.flags["timeout"]; ok {
		d, err := time.ParseDuration(v)
		if err != nil {
			t.Fatal(err)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	if v, ok := dl.flags["pause"]; ok {
		d, _ := time.ParseDuration(v)
		<-time.After(d)
	}
	before := r.Stats().Ambiguous
	results := r.Deliver(ctx, route, dl.job, dl.commit(t))
	var got []string
	for _, res := range results {
		got = append(got, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", res.Status, res.Host, res.Reply)), " "))
	}
	if diff := gocmp.Diff(dl.want, got); diff != "" {
		t.Error(diff)
	}
	if _, want := dl.flags["ambiguous"]; want != (r.Stats().Ambiguous > before) {
		t.Errorf("ambiguous deliveries: %d", r.Stats().Ambiguous-before)
	}
}

// commit returns the callback for the flag commit: "ok", "fail" or "permanent". It
// must be called exactly once.
func (dl *deliver) commit(t *testing.T) func(context.Context) error {
	t.Helper()
	v, ok := dl.flags["commit"]
	if !ok {
		return nil
	}
	calls := 0
	t.Cleanup(func() {
		if calls != 1 {
			t.Errorf("commit was called %d times", calls)
		}
	})
	return func(context.Context) error {
		calls++
		switch v {
		case "fail":
			return &smtp.Error{Code: 452, Enhanced: "4.3.1", Text: "Insufficient system storage"}
		case "permanent":
			return &smtp.Error{Code: 554, Enhanced: "5.0.0", Text: "Never"}
		}
		return nil
	}
}

// peer is the other side of all connections.
type peer struct {
	t     *testing.T
	conns []script
	wg    sync.WaitGroup

	mu   sync.Mutex
	next int // guarded by mu
}

var (
	errRefused = errors.New("connection refused")
	errHeard   = errors.New("something else was expected")
)

func (p *peer) dial(_ context.Context, _, addr string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ip, _, _ := net.SplitHostPort(addr)
	if p.next == len(p.conns) {
		p.t.Errorf("unexpected connection to %s", addr)
		return nil, errRefused
	}
	s := p.conns[p.next]
	p.next++
	if s.host != dialogHosts[ip] {
		p.t.Errorf("connection %d goes to %s, want %s", p.next, addr, s.host)
	}
	if len(s.lines) > 0 && s.lines[0] == "refuse" {
		return nil, errRefused
	}
	client, server := net.Pipe()
	n := p.next
	p.wg.Go(func() {
		defer func() { _ = server.Close() }()
		if err := s.play(server); err != nil {
			p.t.Errorf("connection %d: %v", n, err)
		}
	})
	return client, nil
}

// play runs the script on a connection.
func (s *script) play(conn net.Conn) error {
	br := bufio.NewReaderSize(conn, 1<<20)
	for _, line := range s.lines {
		if line == "close" {
			return nil
		}
		if line == "stall" {
			_, _ = io.Copy(io.Discard, br)
			return nil
		}
		if line == "flood" {
			for {
				if _, err := conn.Write([]byte("250-more and more and more\r\n")); err != nil {
					return nil //nolint:nilerr // the client has hung up, as it should
				}
			}
		}
		if err := step(conn, br, line[:1], strings.TrimPrefix(line[2:], " ")); err != nil {
			return fmt.Errorf("at %q: %w", line, err)
		}
	}
	if _, err := br.ReadByte(); err == nil {
		return errors.New("client goes on behind the end of the script")
	}
	return nil
}

func step(conn net.Conn, br *bufio.Reader, who, what string) error {
	switch who {
	case "S":
		text, err := strconv.Unquote(`"` + strings.ReplaceAll(what, `"`, `\"`) + `"`)
		if err != nil {
			return err
		}
		_, err = conn.Write([]byte(text + "\r\n"))
		return err
	case "C":
		line, err := br.ReadString('\n')
		if err != nil || line != what+"\r\n" {
			return fmt.Errorf("unexpected reply %q: %w", line, cmp.Or(err, errHeard))
		}
		return nil
	case "D":
		want, err := strconv.Unquote(what)
		if err != nil {
			return err
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(br, got); err != nil || string(got) != want {
			return fmt.Errorf("unexpected reply %q: %w", got, cmp.Or(err, errHeard))
		}
		return nil
	default:
		return fmt.Errorf("unknown line %q", who)
	}
}
