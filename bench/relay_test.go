package bench

import (
	"fmt"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"outrider/internal/mailtest"
)

// relayMessages is how many messages of 10 KB one measurement sends: with fewer, the faster
// gateway is done before the disk has settled.
const relayMessages = 12_000

// warmMessages is how many go before, so that no gateway is measured while it starts.
const warmMessages = 500

// BenchmarkRelay sends mail through each gateway, nothing judged, from Postfix's
// smtp-source to Postfix's smtp-sink.
func BenchmarkRelay(b *testing.B) {
	for _, sessions := range []int{10, 50} {
		for _, kept := range []bool{false, true} {
			for _, gateway := range []string{"Outrider", "Postfix"} {
				name := fmt.Sprintf("%d sessions/%s/%s", sessions, map[bool]string{false: "connection per message", true: "kept connections"}[kept], gateway)
				b.Run(name, func(b *testing.B) {
					next := quietAddr(b)
					addr := start(b, gateway, next)
					pump(b, addr, next, sessions, kept, warmMessages) // processes are started, pools filled
					for b.Loop() {
						relayOnce(b, addr, next, sessions, kept)
					}
				})
			}
		}
	}
}

// start starts a gateway that judges nothing.
func start(b *testing.B, gateway, next string) string {
	b.Helper()
	if gateway == "Postfix" {
		return startPostfix(b, next, nil)
	}
	return startOutrider(b, next, false).addr
}

// relayOnce measures one flood.
func relayOnce(b *testing.B, addr, next string, sessions int, kept bool) {
	b.Helper()
	taken, took := pump(b, addr, next, sessions, kept, relayMessages)
	b.ReportMetric(relayMessages/took.Seconds(), "msgs/s")
	b.ReportMetric(relayMessages/taken.Seconds(), "taken/s")
}

// pump sends messages and returns how long it took until the gateway had taken them,
// and until the sink had them.
func pump(b *testing.B, addr, next string, sessions int, kept bool, messages int) (taken, took time.Duration) {
	b.Helper()
	sink := startCountingSink(b, next, messages)
	args := []string{"-s", strconv.Itoa(sessions), "-m", strconv.Itoa(messages), "-l", "10240", "-f", "ann@sender.example", "-t", recipient}
	if kept {
		args = append(args, "-d")
	}
	began := time.Now()
	out, err := exec.CommandContext(b.Context(), mailtest.Need(b, "smtp-source", "postfix"), append(args, addr)...).CombinedOutput()
	if err != nil {
		b.Fatalf("sending: %v\n%s", err, out)
	}
	taken = time.Since(began)
	sink.wait(b)
	return taken, time.Since(began)
}
