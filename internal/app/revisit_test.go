package app_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"outrider/internal/app"
	"outrider/internal/config"
	"outrider/internal/egress"
	"outrider/internal/event"
	"outrider/internal/mailtest"
	"outrider/internal/store"
)

// registry answers that every domain was registered three days ago. It returns the
// bootstrap file that leads to it, and the guard that lets it be asked.
func registry(t *testing.T) (file string, guard egress.Config) {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/rdap+json")
		name := q.URL.Path[strings.LastIndexByte(q.URL.Path, '/')+1:]
		_, _ = fmt.Fprintf(w, `{"objectClassName":"domain","ldhName":%q,"events":[{"eventAction":"registration","eventDate":%q}]}`,
			name, time.Now().Add(-3*24*time.Hour).Format(time.RFC3339))
	}))
	t.Cleanup(s.Close)
	guard = egress.Config{AllowPrivate: true, Roots: x509.NewCertPool()}
	guard.Roots.AddCert(s.Certificate())
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	guard.Ports = []uint16{uint16(n)}
	file = write(t, filepath.Join(t.TempDir(), "dns.json"), fmt.Sprintf(`{"version":"1.0","services":[[["example"],["%s/"]]]}`, s.URL))
	return file, guard
}

// startWithRules runs a gateway with rules, a name server and a registry.
func startWithRules(t *testing.T, more string, rules ...string) *bundle {
	t.Helper()
	b := &bundle{t: t, dir: t.TempDir()}
	b.maildir = filepath.Join(b.dir, "maildir")
	zone := mailtest.StartZone(t, "example. SOA ns.example. root.example. 1 1 1 1 1\n")
	yaml := func(smtp, web string) string {
		return strings.Replace(b.yaml(smtp, web), "dns: {off: true}", fmt.Sprintf("dns: {servers: [%q]}\n%s", zone.Addr, more), 1)
	}
	b.config = write(t, filepath.Join(b.dir, "outrider.yaml"), yaml("127.0.0.1:0", "127.0.0.1:0"))
	for i, r := range rules {
		write(t, filepath.Join(b.dir, "feed", fmt.Sprintf("%d.yml", i)), r)
	}
	b.must("rules", "pull", "--activate", filepath.Join(b.dir, "feed"))
	c, err := config.Parse([]byte(yaml("127.0.0.1:0", "127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	file, guard := registry(t)
	if b.app, err = app.NewBesideRegistry(t.Context(), c, file, guard, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	b.serve(yaml)
	return b
}

// lifeOf waits for a fact about the only message, and returns all there are.
func (b *bundle) lifeOf(kind event.Kind) (id string, events []event.Event) {
	b.t.Helper()
	db, err := store.OpenSQLite(b.t.Context(), filepath.Join(b.dir, "data", "outrider.db"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			b.t.Error(err)
		}
	}()
	mailtest.Until(b.t, string(kind), func() bool {
		events, err = db.Events(b.t.Context(), "a", 0, 100)
		if err != nil {
			b.t.Fatal(err)
		}
		return len(events) > 0 && events[len(events)-1].Kind == kind
	})
	return events[0].MessageID, events
}

// detailOf returns the detail of the last event of a kind.
func detailOf[T any](t *testing.T, events []event.Event, kind event.Kind) (d T) {
	t.Helper()
	for i := range events {
		if events[i].Kind != kind {
			continue
		}
		d = *new(T)
		if err := json.Unmarshal(events[i].Detail, &d); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestRuleThatWaitsForARegistryIsDecidedLater(t *testing.T) {
	t.Parallel()
	b := startWithRules(t, "", ruleYAML("young", "critical", "network.whois(sender.email.domain).days_old < 30"))
	b.must("inject", write(t, filepath.Join(b.dir, "m.eml"), fmt.Sprintf(message, "new.example")))
	id, events := b.lifeOf(event.Rejudged)
	first := detailOf[event.JudgedDetail](t, events, event.Judged).Verdict
	if first.Has("young") || len(first.Undecided) != 1 || first.Undecided[0].ID != "young" || first.Undecided[0].Waits[0] != "whois" {
		t.Errorf("the first verdict is %+v", first)
	}
	d := detailOf[event.RejudgedDetail](t, events, event.Rejudged)
	if !d.Verdict.Has("young") || len(d.Verdict.Undecided) != 0 || d.Before != first.Disposition || d.Verdict.Disposition <= first.Disposition || d.Attempt != 1 {
		t.Errorf("the look gave %+v", d)
	}
	show := b.must("messages", "show", id)
	want := fmt.Sprintf("%s, was %s, re-evaluation 1 (undecided: whois)", d.Verdict.Disposition, d.Before)
	if !strings.Contains(show, want) || !strings.Contains(show, "verdict   "+d.Verdict.Disposition.String()) {
		t.Errorf("%q is missing in\n%s", want, show)
	}
	mailtest.Until(t, "the metrics", func() bool {
		_, metrics := get(t, "http://"+b.http+"/metrics")
		return strings.Contains(metrics, `outrider_rejudged_total{result="worse"} 1`) && strings.Contains(metrics, "outrider_revisits_waiting 0") &&
			strings.Contains(metrics, "outrider_revisits_skipped_total 0")
	})
	// The next message of the domain is judged with what is known now.
	b.must("inject", filepath.Join(b.dir, "m.eml"))
	_, events = b.lifeOf(event.Placed)
	if second := detailOf[event.JudgedDetail](t, events, event.Judged).Verdict; !second.Has("young") || len(second.Undecided) != 0 {
		t.Errorf("the second message was judged as the first: %+v", second)
	}
}

// screenshot is a picture of a text.
func screenshot(t *testing.T, lines ...string) []byte {
	t.Helper()
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 28, DPI: 72})
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(image.Rect(0, 0, 900, 50*(len(lines)+1)))
	draw.Draw(img, img.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	for k, line := range lines {
		d := font.Drawer{Dst: img, Src: image.NewUniform(color.Black), Face: face, Dot: fixed.P(20, 50*(k+1))}
		d.DrawString(line)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRuleThatReadsPicturesIsDecidedLater(t *testing.T) {
	t.Parallel()
	mailtest.Need(t, "tesseract", "tesseract-ocr")
	b := startWithRules(t, "rules: {whois: false}", ruleYAML("picture", "high", `any(attachments, strings.icontains(beta.ocr(.).text, "mailbox"))`))
	var text strings.Builder
	text.WriteString("From: Ann <ann@new.example>\nTo: x@example.org\nSubject: hello\nMIME-Version: 1.0\nContent-Type: image/png; name=a.png\n" +
		"Content-Disposition: attachment; filename=a.png\nContent-Transfer-Encoding: base64\n\n")
	lines := base64.StdEncoding.EncodeToString(screenshot(t, "Your mailbox is almost full", "Sign in before Friday to keep your messages"))
	for len(lines) > 76 {
		_, _ = io.WriteString(&text, lines[:76]+"\n")
		lines = lines[76:]
	}
	text.WriteString(lines + "\n")
	b.must("inject", write(t, filepath.Join(b.dir, "m.eml"), text.String()))
	id, events := b.lifeOf(event.Rejudged)
	if first := detailOf[event.JudgedDetail](t, events, event.Judged).Verdict; first.Has("picture") || len(first.Undecided) != 1 || first.Undecided[0].Waits[0] != "ocr" {
		t.Errorf("the first verdict is %+v", first)
	}
	if d := detailOf[event.RejudgedDetail](t, events, event.Rejudged); !d.Verdict.Has("picture") || len(d.Verdict.Undecided) != 0 {
		t.Errorf("the look gave %+v", d)
	}
	if show := b.must("messages", "show", id); !strings.Contains(show, "undecided: ocr") {
		t.Errorf("messages show shows\n%s", show)
	}
}

// TestRevisitingIsSwitchedOffAndOnByAReload proves that rules are then not told to wait for
// what will not be looked at.
func TestRevisitingIsSwitchedOffAndOnByAReload(t *testing.T) {
	t.Parallel()
	b := startWithRules(t, "", ruleYAML("young", "critical", "network.whois(sender.email.domain).days_old < 30"))
	on, err := config.Load(b.config)
	if err != nil {
		t.Fatal(err)
	}
	off := on
	off.Revisit.Off = true
	if err := b.app.Reload(t.Context(), off); err != nil {
		t.Fatal(err)
	}
	mail := func(domain string) string {
		return write(t, filepath.Join(b.dir, domain+".eml"), fmt.Sprintf(message, domain))
	}
	b.must("inject", mail("first.example"))
	_, events := b.lifeOf(event.Placed)
	if v := detailOf[event.JudgedDetail](t, events, event.Judged).Verdict; len(v.Undecided) != 0 {
		t.Errorf("the verdict waits for a look that is switched off: %+v", v)
	}
	mailtest.Until(t, "what the first message made known", func() bool {
		b.must("inject", mail("first.example"))
		_, events := b.lifeOf(event.Placed)
		return detailOf[event.JudgedDetail](t, events, event.Judged).Verdict.Score > 0.5
	})
	if err := b.app.Reload(t.Context(), on); err != nil {
		t.Fatal(err)
	}
	b.must("inject", mail("second.example"))
	_, events = b.lifeOf(event.Rejudged)
	if d := detailOf[event.RejudgedDetail](t, events, event.Rejudged); !d.Verdict.Has("young") {
		t.Errorf("got %+v", d)
	}
}
