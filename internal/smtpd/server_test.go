package smtpd_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"outrider/internal/smtp"
	"outrider/internal/smtpd"
)

// envelope sends an envelope up to the answer to DATA.
func (c *client) envelope() {
	c.t.Helper()
	c.expect("220")
	c.send("HELO c.example\r\nMAIL FROM:<ann@c.example>\r\nRCPT TO:<bob@site.example>\r\nDATA\r\n")
	c.expect("250", "250", "250", "354")
}

// bubble runs f with a server in virtual time.
func bubble(t *testing.T, change func(*smtpd.Config, *desk), f func(s *setup)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, d := smtpd.DefaultConfig("mx.example"), &desk{}
		change(&cfg, d)
		f(start(t, cfg, d))
	})
}

// unchanged leaves the configuration as it is.
func unchanged(*smtpd.Config, *desk) {}

func TestDrainTellsIdleSessionsAtOnce(t *testing.T) {
	bubble(t, unchanged, func(s *setup) {
		t := s.t
		idle := s.dial(t, "192.0.2.1:1")
		idle.expect("220")
		said := s.dial(t, "192.0.2.1:2")
		said.expect("220")
		said.send("EHLO c.example\r\n")
		said.reply()
		half := s.dial(t, "192.0.2.1:3")
		half.expect("220")
		half.send("NOO")
		began := time.Now()
		synctest.Wait()
		s.cancel()
		for _, c := range []*client{idle, said, half} {
			c.expect("421 4.3.2", "EOF")
		}
		if err := <-s.served; err != nil || time.Since(began) > 0 {
			t.Errorf("Serve returned %v after %v", err, time.Since(began))
		}
	})
}

func TestDrainLetsTransactionsFinish(t *testing.T) {
	bubble(t, unchanged, func(s *setup) {
		t := s.t
		c := s.dial(t, "192.0.2.1:1")
		c.envelope()
		c.send("half")
		synctest.Wait()
		s.cancel()
		synctest.Wait()
		<-time.After(10 * time.Second)
		c.send(" done\r\n.\r\n")
		c.expect("250 2.0.0 Taken", "421 4.3.2", "EOF")
		if err := <-s.served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
		if m := s.desk.messages(); len(m) != 1 || string(m[0].body) != "half done\r\n" {
			t.Errorf("messages are %+v", m)
		}
	})
}

func TestDrainEndsTransactionsAtItsDeadline(t *testing.T) {
	bubble(t, unchanged, func(s *setup) {
		t := s.t
		c := s.dial(t, "192.0.2.1:1")
		c.envelope()
		began := time.Now()
		s.cancel()
		c.expect("421 4.3.2", "EOF")
		if err := <-s.served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("Serve returned after %v", took)
		}
	})
}

func TestDrainStopsHandlersAtItsDeadline(t *testing.T) {
	bubble(t, func(_ *smtpd.Config, d *desk) {
		d.onData = func(ctx context.Context) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}
	}, func(s *setup) {
		t := s.t
		c := s.dial(t, "192.0.2.1:1")
		c.envelope()
		c.send("x\r\n.\r\n")
		synctest.Wait()
		s.cancel()
		c.expect("451 4.3.0", "421 4.3.2", "EOF")
		if err := <-s.served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
}

func TestLimitPerAddress(t *testing.T) {
	bubble(t, func(cfg *smtpd.Config, _ *desk) {
		cfg.MaxConnsPerAddr = 2
		cfg.MaxConns = 5
		cfg.XClientFrom = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	}, func(s *setup) {
		t := s.t
		first := s.dial(t, "192.0.2.1:1")
		first.expect("220")
		s.dial(t, "192.0.2.1:2").expect("220")
		s.dial(t, "192.0.2.1:3").expect("421 4.7.0 Too many connections", "EOF")
		for port := range 3 {
			s.dial(t, fmt.Sprintf("198.51.100.1:%d", 10+port)).expect("220")
		}
		s.dial(t, "203.0.113.1:4").expect("421 4.7.0", "EOF")
		if first.say("QUIT") != "221 2.0.0 Bye" {
			t.Error("QUIT was not answered")
		}
		synctest.Wait()
		s.dial(t, "192.0.2.1:5").expect("220")
		s.ledger.read(func() {
			if got := fmt.Sprint(s.ledger.refused); got != "[max-conns-per-addr max-conns]" || s.ledger.opened != 6 {
				t.Errorf("refused %s, opened %d", got, s.ledger.opened)
			}
		})
	})
}

func TestLimitPerNetworkOfIPv6(t *testing.T) {
	bubble(t, func(cfg *smtpd.Config, _ *desk) {
		cfg.MaxConnsPerAddr = 2
		cfg.MaxConns = 10
	}, func(s *setup) {
		t := s.t
		first := s.dial(t, "[2001:db8:0:1::1]:1")
		first.expect("220")
		s.dial(t, "[2001:db8:0:1:ffff::2]:1").expect("220")
		s.dial(t, "[2001:db8:0:1::3]:1").expect("421 4.7.0 Too many connections", "EOF")
		s.dial(t, "[2001:db8:0:2::1]:1").expect("220")
		for i := range 3 { // mapped addresses are IPv4, and three clients
			s.dial(t, fmt.Sprintf("[::ffff:192.0.2.%d]:1", i)).expect("220")
		}
		if first.say("QUIT") != "221 2.0.0 Bye" {
			t.Error("QUIT was not answered")
		}
		synctest.Wait()
		s.dial(t, "[2001:db8:0:1::4]:1").expect("220")
		s.dial(t, "[2001:db8:0:1::5]:1").expect("421 4.7.0", "EOF")
	})
}

func TestConnectPolicy(t *testing.T) {
	refusals := map[string]struct {
		err  error
		want []string
	}{
		"temporary refusal closes":             {&smtp.Error{Code: 421, Enhanced: "4.7.0", Text: "Later"}, []string{"421 4.7.0 Later", "EOF"}},
		"unclassified error closes":            {errors.New("dns broke"), []string{"451 4.3.0", "EOF"}},
		"521 closes":                           {&smtp.Error{Code: 521, Enhanced: "5.7.1", Text: "No mail"}, []string{"521 5.7.1", "EOF"}},
		"554 waits for QUIT and takes no mail": {&smtp.Error{Code: 554, Enhanced: "5.7.1", Text: "Go"}, []string{"554 5.7.1", "503 5.5.1", "503 5.5.1", "221", "EOF"}},
	}
	for name, tc := range refusals {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(_ *smtpd.Config, d *desk) {
				d.connect = func(*smtpd.Session) error { return tc.err }
			}, func(s *setup) {
				t := s.t
				c := s.dial(t, "192.0.2.1:1")
				c.expect(tc.want[0])
				if len(tc.want) > 2 {
					c.send("HELO c.example\r\nMAIL FROM:<>\r\nQUIT\r\n")
				}
				c.expect(tc.want[1:]...)
			})
		})
	}
}

// counted counts the writes of a connection.
type counted struct {
	net.Conn
	writes *atomic.Int32
}

func (c counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p) //nolint:wrapcheck // a mere counter
}

func TestRepliesToPipelinedCommandsGoOutTogether(t *testing.T) {
	bubble(t, unchanged, func(s *setup) {
		t := s.t
		var writes atomic.Int32
		here, there := net.Pipe()
		addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:1"))
		s.ln.conns <- counted{Conn: addressed{Conn: there, addr: addr}, writes: &writes}
		c := &client{t: t, conn: here}
		c.read()
		defer func() { _ = here.Close() }()
		c.expect("220")
		before := writes.Load()
		c.envelopeRest()
		if n := writes.Load() - before; n != 1 {
			t.Errorf("replies to one envelope took %d writes", n)
		}
	})
}

// envelopeRest sends an envelope after the greeting was read.
func (c *client) envelopeRest() {
	c.t.Helper()
	c.send("HELO c.example\r\nMAIL FROM:<ann@c.example>\r\nRCPT TO:<bob@site.example>\r\nDATA\r\n")
	c.expect("250", "250", "250", "354")
}

func TestMessageOfVanishedClientIsHandledOnce(t *testing.T) {
	bubble(t, func(_ *smtpd.Config, d *desk) {
		d.onData = func(context.Context) error {
			<-time.After(time.Second) // until the client has gone
			return nil
		}
	}, func(s *setup) {
		t := s.t
		c := s.dial(t, "192.0.2.1:1")
		c.envelope()
		c.send("x\r\n.\r\n")
		_ = c.conn.Close()
		<-time.After(2 * time.Second)
		synctest.Wait()
		s.ledger.read(func() {
			if len(s.desk.messages()) != 1 || s.ledger.lost != 1 || fmt.Sprint(s.ledger.ends, s.ledger.codes) != "[gone] [250]" {
				t.Errorf("%d messages, %d lost replies, %v, %v", len(s.desk.messages()), s.ledger.lost, s.ledger.ends, s.ledger.codes)
			}
		})
	})
}

func TestClientThatDoesNotReadIsGivenUp(t *testing.T) {
	bubble(t, unchanged, func(s *setup) {
		t := s.t
		conn := s.ln.dial("192.0.2.1:1")
		defer func() { _ = conn.Close() }()
		<-time.After(61 * time.Second) // nobody takes the greeting
		synctest.Wait()
		s.ledger.read(func() {
			if fmt.Sprint(s.ledger.ends) != "[gone]" {
				t.Errorf("ends are %v", s.ledger.ends)
			}
		})
	})
}

func TestServerSharesLimitsBetweenListeners(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := smtpd.DefaultConfig("mx.example")
		cfg.MaxConns = 1
		server := smtpd.New(cfg, &desk{}, slog.New(slog.DiscardHandler), smtpd.Observer{})
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 2)
		a, b := newMemListener(), newMemListener()
		for _, ln := range []*memListener{a, b} {
			go func() { served <- server.Serve(ctx, ln) }()
		}
		one := &setup{ln: a}
		two := &setup{ln: b}
		one.dial(t, "192.0.2.1:1").expect("220")
		two.dial(t, "192.0.2.1:2").expect("421")
		cancel()
		if err := errors.Join(<-served, <-served); err != nil {
			t.Error(err)
		}
	})
}

// flaky is a listener whose first Accept calls do not succeed.
type flaky struct {
	*memListener
	left atomic.Int32
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.left.Add(-1) >= 0 {
		return nil, errors.New("too many open files")
	}
	return f.memListener.Accept()
}

func TestServeOutlivesFailingAccepts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ln := &flaky{memListener: newMemListener()}
		ln.left.Store(20)
		server := smtpd.New(smtpd.DefaultConfig("mx.example"), &desk{}, slog.New(slog.DiscardHandler), smtpd.Observer{})
		served := make(chan error, 1)
		go func() { served <- server.Serve(t.Context(), ln) }()
		s := &setup{ln: ln.memListener}
		s.dial(t, "192.0.2.1:1").expect("220")
		_ = ln.Close()
		// The listener failed without being asked to: the caller must know.
		if err := <-served; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
}

func TestLongRepliesAreSplit(t *testing.T) {
	bubble(t, func(_ *smtpd.Config, d *desk) {
		d.connect = func(*smtpd.Session) error {
			return &smtp.Error{Code: 421, Enhanced: "4.7.0", Text: strings.Repeat("é", 400)}
		}
	}, func(s *setup) {
		t := s.t
		c := s.dial(t, "192.0.2.1:1")
		for _, want := range []string{"421-4.7.0 ??", "421 4.7.0 ??"} {
			line := c.line()
			if !strings.HasPrefix(line, want) || len(line) > 510 {
				t.Errorf("got %d octets: %.20q", len(line), line)
			}
		}
		c.expect("EOF")
	})
}
