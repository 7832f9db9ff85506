// Package telemetry builds the loggers and metrics of a process.
//
// Logs are structured lines on standard error with constant messages and snake-case
// keys. Metrics are Prometheus's; their names begin with "outrider_", and the steps of
// a message are named as in package mailflow.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewLogger returns a logger that writes to w. level is debug, info, warn or error;
// format is text or json.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("reading log level: %w", err)
	}
	o := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return slog.New(slog.NewTextHandler(w, o)), nil
}

// Metrics are the metrics of one process.
type Metrics struct {
	registry *prometheus.Registry

	Sessions   prometheus.Gauge       // SMTP sessions open
	Stress     prometheus.Gauge       // 1 in stress mode
	Refused    *prometheus.CounterVec // connections turned away, by reason
	Ended      *prometheus.CounterVec // sessions ended, by reason
	Replies    *prometheus.CounterVec // replies to DATA and BDAT, by code
	Recipients *prometheus.CounterVec // recipients refused at RCPT, by code
	Bytes      prometheus.Counter     // bytes of messages received
	Verdicts   *prometheus.CounterVec // messages judged, by disposition
	JudgeTime  prometheus.Histogram   // seconds from the last byte to the verdict
	Outcomes   *prometheus.CounterVec // recipients, by what became of them
	Attempts   *prometheus.CounterVec // recipients of retried mail, by status
	Rejudged   *prometheus.CounterVec // messages judged again, by how the verdict changed
	Skipped    prometheus.Counter     // looks that were owed and not taken
	Rebuilt    *prometheus.CounterVec // rebuilds of the database, by fault
}

// NewMetrics returns the metrics in a registry of their own, with those of the Go
// runtime and the process.
func NewMetrics() *Metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := &Metrics{
		registry: r,
		Sessions: prometheus.NewGauge(prometheus.GaugeOpts{Name: "outrider_smtp_sessions", Help: "SMTP sessions open."}),
		Stress:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "outrider_smtp_stress", Help: "1 while most SMTP connections are in use and time-outs are shorter, otherwise 0."}),
		Bytes:    prometheus.NewCounter(prometheus.CounterOpts{Name: "outrider_received_bytes_total", Help: "Bytes of messages received."}),
		Skipped:  prometheus.NewCounter(prometheus.CounterOpts{Name: "outrider_revisits_skipped_total", Help: "Messages that were owed another look and got none, for want of room."}),
		JudgeTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "outrider_judge_seconds", Help: "Seconds from the last byte received to the verdict.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
		}),
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		r.MustRegister(v)
		return v
	}
	m.Refused = vec("outrider_smtp_refused_total", "Connections turned away before their first command.", "reason")
	m.Ended = vec("outrider_smtp_ended_total", "SMTP sessions ended.", "reason")
	m.Replies = vec("outrider_smtp_messages_total", "Messages answered, by class of the reply.", "class")
	m.Recipients = vec("outrider_smtp_recipients_refused_total", "Recipients refused, by code.", "code")
	m.Verdicts = vec("outrider_verdicts_total", "Messages judged.", "disposition")
	m.Outcomes = vec("outrider_recipients_total", "Recipients by what became of their message.", "outcome")
	m.Attempts = vec("outrider_retries_total", "Recipients of spooled mail tried again, by status.", "status")
	m.Rejudged = vec("outrider_rejudged_total", "Messages judged again, by how the new verdict compares.", "result")
	m.Rebuilt = vec("outrider_database_rebuilds_total", "Times the database was rebuilt or brought up to date, by what was wrong with it.", "fault")
	r.MustRegister(m.Sessions, m.Stress, m.Bytes, m.JudgeTime, m.Skipped)
	return m
}

// Gauge adds a gauge whose value is read when it is asked for.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Degraded adds a gauge that is 1 while a component does not work and mail is evaluated without it.
func (m *Metrics) Degraded(component string, value func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "outrider_degraded", Help: "1 while a component does not work; mail flows without it.", ConstLabels: prometheus.Labels{"component": component},
	}, func() float64 {
		if value() {
			return 1
		}
		return 0
	}))
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}
