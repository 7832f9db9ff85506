package mailtest

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Sides of the window that each document is shown in, in CSS pixels. Of its height, the
// picture has the first FrameSeen pixels.
const (
	FrameWidth  = 1024
	FrameHeight = 768
	FrameSeen   = 160
)

// framesPerPage is how many documents one page shows.
const framesPerPage = 60

// Browser is a headless Chromium without a way to other hosts. It renders documents that
// tests write themselves, without their scripts, as mail clients do; mail from elsewhere
// must not be given to it.
type Browser struct {
	in      *os.File
	out     *bufio.Reader
	server  *httptest.Server
	mu      sync.Mutex
	docs    []string
	next    int
	session string
}

// Seen is what the browser shows of one document.
type Seen struct {
	Picture *image.RGBA
	Links   []string // targets of links as the browser resolves them
}

// Chromium starts a browser, which ends with the test.
func Chromium(tb testing.TB) *Browser {
	tb.Helper()
	program := Need(tb, "chromium", "chromium")
	b := &Browser{}
	b.server = httptest.NewServer(http.HandlerFunc(b.serve))
	tb.Cleanup(b.server.Close)
	b.start(tb, program)
	var created struct {
		TargetID string `json:"targetId"`
	}
	must(tb, b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &created))
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	must(tb, b.call("Target.attachToTarget", map[string]any{"targetId": created.TargetID, "flatten": true}, &attached))
	b.session = attached.SessionID
	screen := map[string]any{"width": FrameWidth, "height": FrameHeight, "deviceScaleFactor": 1, "mobile": false}
	must(tb, b.call("Emulation.setDeviceMetricsOverride", screen, nil))
	return b
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func (b *Browser) start(tb testing.TB, program string) {
	tb.Helper()
	commands, in, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, answers, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	cmd := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--hide-scrollbars",
		"--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-pipe",
		"--user-data-dir="+tb.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{commands, answers}
	if err := cmd.Start(); err != nil {
		tb.Fatalf("starting Chromium: %v", err)
	}
	_, _ = commands.Close(), answers.Close()
	b.in, b.out = in, bufio.NewReaderSize(out, 1<<20)
	tb.Cleanup(func() {
		_ = in.Close() // which ends the browser
		late := time.AfterFunc(10*time.Second, cancel)
		_ = cmd.Wait()
		late.Stop()
		cancel()
		_ = out.Close()
	})
}

// call sends one command of the DevTools protocol and reads up to its answer.
func (b *Browser) call(method string, params map[string]any, result any) error {
	b.next++
	command := map[string]any{"id": b.next, "method": method, "params": params}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	raw, err := json.Marshal(command)
	if err != nil {
		return err
	}
	if _, err := b.in.Write(append(raw, 0)); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	for {
		line, err := b.out.ReadBytes(0)
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		var answer struct {
			ID     int             `json:"id"`
			Error  json.RawMessage `json:"error"`
			Result json.RawMessage `json:"result"`
		}
		switch err := json.Unmarshal(line[:len(line)-1], &answer); {
		case err != nil:
			return fmt.Errorf("%s: %w", method, err)
		case answer.ID != b.next:
		case answer.Error != nil:
			return fmt.Errorf("%s: %s", method, answer.Error)
		case result == nil:
			return nil
		default:
			return json.Unmarshal(answer.Result, result)
		}
	}
}

// serve gives out the documents of a page, and the page that writes each into a frame. A
// frame that is written costs a tenth of one that is fetched.
func (b *Browser) serve(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	docs := b.docs
	b.mu.Unlock()
	switch r.URL.Path {
	case "/docs":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(docs)
	case "/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><style>body{margin:0}iframe{border:0;display:block;width:", FrameWidth, "px;height:", FrameHeight,
			"px}div{overflow:hidden;height:", FrameSeen, "px}</style><body>")
	default:
		http.NotFound(w, r)
	}
}

// Look renders documents, each in a window of its own.
func (b *Browser) Look(docs []string) ([]Seen, error) { return b.pages(docs, true) }

// Links renders documents, and returns the targets of the links of each.
func (b *Browser) Links(docs []string) ([][]string, error) {
	seen, err := b.pages(docs, false)
	links := make([][]string, len(seen))
	for i := range seen {
		links[i] = seen[i].Links
	}
	return links, err
}

func (b *Browser) pages(docs []string, drawn bool) ([]Seen, error) {
	var all []Seen
	for len(docs) > 0 {
		n := min(len(docs), framesPerPage)
		page, err := b.page(docs[:n], drawn)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		docs = docs[n:]
	}
	return all, nil
}

func (b *Browser) page(docs []string, drawn bool) ([]Seen, error) {
	b.mu.Lock()
	b.docs = docs
	b.mu.Unlock()
	if err := b.call("Page.navigate", map[string]any{"url": b.server.URL + "/"}, nil); err != nil {
		return nil, err
	}
	links, err := b.settled()
	if err != nil {
		return nil, err
	}
	if len(links) != len(docs) {
		return nil, fmt.Errorf("%d frames for %d documents", len(links), len(docs))
	}
	seen := make([]Seen, len(docs))
	for i := range docs {
		seen[i].Links = links[i]
	}
	if !drawn {
		return seen, nil
	}
	picture, err := b.screenshot(FrameSeen * len(docs))
	if err != nil {
		return nil, err
	}
	for i := range docs {
		seen[i].Picture = part(picture, i*FrameSeen)
	}
	return seen, nil
}

func (b *Browser) screenshot(height int) (image.Image, error) {
	var shot struct {
		Data string `json:"data"`
	}
	err := b.call("Page.captureScreenshot", map[string]any{
		"format": "png", "captureBeyondViewport": true, "optimizeForSpeed": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": FrameWidth, "height": height, "scale": 1},
	}, &shot)
	if err != nil {
		return nil, err
	}
	return png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(shot.Data)))
}

// settled waits until all frames are read and drawn, and returns the links of each.
func (b *Browser) settled() ([][]string, error) {
	var result struct {
		Result struct {
			Value string `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	err := b.call("Runtime.evaluate", map[string]any{"expression": waitAndList, "awaitPromise": true, "returnByValue": true}, &result)
	if err != nil {
		return nil, err
	}
	var links [][]string
	if err := json.Unmarshal([]byte(result.Result.Value), &links); err != nil {
		return nil, fmt.Errorf("%w: %s", err, result.Exception)
	}
	return links, nil
}

// waitAndList runs in the page around the frames, not in the documents.
const waitAndList = `(async () => {
  const frames = (await (await fetch("/docs")).json()).map(doc => {
    const holder = document.body.appendChild(document.createElement("div"));
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-same-origin";
    holder.append(frame);
    return [frame, doc];
  });
  const loaded = frames.map(([frame, doc]) => new Promise(done => {
    frame.addEventListener("load", done);
    frame.contentDocument.open();
    frame.contentDocument.write(doc);
    frame.contentDocument.close();
    if (frame.contentDocument.readyState === "complete") done();
  }));
  await Promise.all(loaded);
  await new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 250));
  return JSON.stringify(frames.map(([frame]) => {
    const inside = frame.contentDocument;
    return [...inside.querySelectorAll("a,area")].flatMap(a => {
      if (typeof a.href === "string") return a.href ? [a.href] : [];
      try { return [new URL(a.href.baseVal, inside.baseURI).href] } catch { return [] }
    });
  }));
})()`

// Differs reports whether something else is drawn. Rounding of colors is no difference.
func (s Seen) Differs(other Seen) bool {
	const rounding = 3
	for i, v := range s.Picture.Pix {
		if d := int(v) - int(other.Picture.Pix[i]); d > rounding || d < -rounding {
			return true
		}
	}
	return false
}

// part copies what one frame shows.
func part(picture image.Image, top int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, FrameWidth, FrameSeen))
	draw.Draw(out, out.Rect, picture, image.Pt(0, top), draw.Src)
	return out
}
