package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// httpServer serves metrics and health.
type httpServer struct {
	app    *App
	server *http.Server
	ln     net.Listener // or nil: not configured
}

func newHTTPServer(a *App) *httpServer {
	h := &httpServer{app: a}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.Handler())
	mux.HandleFunc("GET /healthz", h.alive)
	mux.HandleFunc("GET /readyz", h.ready)
	h.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	return h
}

// alive says that the process answers.
func (h *httpServer) alive(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("ok\n"))
}

// ready says whether mail is accepted. The database is named, but it being down does
// not stop the mail.
func (h *httpServer) ready(w http.ResponseWriter, r *http.Request) {
	if err := h.app.flow.Healthy(r.Context()); err != nil {
		http.Error(w, "spool: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	if _, why := h.app.db.State(); why != "" {
		_, _ = fmt.Fprintf(w, "ok, degraded: the database is down (%s); mail flows, %d events wait in the spool\n", why, h.app.spool.Stats().Facts)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

// HTTPAddr returns the address of metrics and health once Listen has bound it, or "".
func (a *App) HTTPAddr() string {
	if a.http.ln == nil {
		return ""
	}
	return a.http.ln.Addr().String()
}

func (h *httpServer) listen(ctx context.Context, addr string) error {
	if addr == "" {
		return nil
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listening for HTTP on %s: %w", addr, err)
	}
	h.ln = ln
	return nil
}

// run serves until ctx ends.
func (h *httpServer) run(ctx context.Context) error {
	if h.ln == nil {
		<-ctx.Done()
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- h.server.Serve(h.ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("serving HTTP: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := h.server.Shutdown(stop)
	if serr := <-done; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}
