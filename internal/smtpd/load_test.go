package smtpd_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"outrider/internal/smtpd"
)

// TestTenAddressesCannotHoldAllConnections lets ten clients open as many sessions as they get and
// be silent. Another client is served at once, and all are rid of within the short time-out.
func TestTenAddressesCannotHoldAllConnections(t *testing.T) {
	bubble(t, func(cfg *smtpd.Config, _ *desk) {
		cfg.MaxConns, cfg.MaxConnsPerAddr = 100, 10
	}, func(s *setup) {
		t := s.t
		began := time.Now()
		var silent []*client
		for addr := range 10 {
			for port := range 10 {
				c := s.dial(t, fmt.Sprintf("192.0.%d.1:%d", addr, 1000+port))
				if line := c.line(); line[:3] == "220" {
					silent = append(silent, c)
				}
			}
		}
		// 7 addresses have 10 each, the next ones 5 each from the 75th session on.
		if len(silent) != 85 {
			t.Errorf("ten addresses hold %d sessions", len(silent))
		}
		honest := s.dial(t, "198.51.100.1:1")
		honest.envelope()
		honest.send("x\r\n.\r\n")
		honest.expect("250 2.0.0 Taken")
		for _, c := range silent {
			c.expect("421 4.4.2", "EOF")
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("silent clients held their sessions for %v", took)
		}
		synctest.Wait()
		honest = s.dial(t, "198.51.100.1:2")
		honest.envelope()
		<-time.After(time.Minute) // the usual time-outs apply again
		honest.send("x\r\n.\r\n")
		honest.expect("250 2.0.0 Taken")
		s.ledger.read(func() {
			if got := fmt.Sprint(s.ledger.stress); got != "[true false]" {
				t.Errorf("stress mode changed: %s", got)
			}
		})
	})
}

// TestStressTakesSlowMessages sends a message steadily, though slowly, while the server is under stress.
func TestStressTakesSlowMessages(t *testing.T) {
	bubble(t, func(cfg *smtpd.Config, _ *desk) { cfg.MaxConns = 4 }, func(s *setup) {
		t := s.t
		// Two sessions go on, so that stress mode does when the others have ended.
		slow := []*client{s.dial(t, "192.0.1.1:1"), s.dial(t, "192.0.2.1:1")}
		for _, c := range slow {
			c.envelope()
			c.send("text\r\n")
		}
		stalled, dripping := s.dial(t, "192.0.3.1:1"), s.dial(t, "192.0.4.1:1")
		stalled.envelope()
		stalled.send("text\r\n")
		began := time.Now()
		dripping.expect("220")
		for _, b := range "NOOP NOOP" {
			<-time.After(2 * time.Second)
			dripping.send(string(b))
			for _, c := range slow {
				c.send(fmt.Sprintf("%04000d\r\n", 0))
			}
		}
		dripping.expect("421 4.4.2", "EOF")
		stalled.expect("421 4.4.2", "EOF")
		if took := time.Since(began); took > 31*time.Second {
			t.Errorf("a stalled message held its session for %v", took)
		}
		for _, c := range slow {
			c.send(".\r\n")
			c.expect("250 2.0.0 Taken")
		}
	})
}

func TestLimitPerNetwork(t *testing.T) {
	bubble(t, func(cfg *smtpd.Config, _ *desk) {
		cfg.MaxConnsPerAddr, cfg.MaxConnsPerNetwork = 2, 3
		cfg.Gateways = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	}, func(s *setup) {
		t := s.t
		for _, from := range []string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "192.0.3.1:1", "[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", "[2001:db8:0:3::1]:1", "[2001:db8:1::1]:1"} {
			s.dial(t, from).expect("220")
		}
		s.dial(t, "192.0.2.4:1").expect("421 4.7.0", "EOF")
		s.dial(t, "[2001:db8:0:4::1]:1").expect("421 4.7.0", "EOF")
		for port := range 9 {
			s.dial(t, fmt.Sprintf("203.0.113.1:%d", 10+port)).expect("220")
		}
		s.ledger.read(func() {
			if got := fmt.Sprint(s.ledger.refused); got != "[max-conns-per-network max-conns-per-network]" {
				t.Errorf("refused %s", got)
			}
		})
	})
}
