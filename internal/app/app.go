// Package app builds the parts of Outrider for one process, runs them and stops them,
// and holds the sub-commands.
//
// Everything is built by hand in one place and handed down: nothing registers itself.
// Parts stop in the order of the mail: the edges first, which drain, then the workers,
// then what they write to.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"outrider/internal/attachment"
	"outrider/internal/budget"
	"outrider/internal/clock"
	"outrider/internal/config"
	"outrider/internal/detect"
	"outrider/internal/dns"
	"outrider/internal/egress"
	"outrider/internal/event"
	"outrider/internal/history"
	"outrider/internal/mailauth"
	"outrider/internal/mailflow"
	"outrider/internal/message"
	"outrider/internal/mtasts"
	"outrider/internal/relay"
	"outrider/internal/rule/feed"
	"outrider/internal/rule/schema"
	"outrider/internal/signal"
	"outrider/internal/smtp"
	"outrider/internal/smtpd"
	"outrider/internal/spool"
	"outrider/internal/store"
	"outrider/internal/store/blob"
	"outrider/internal/telemetry"
	"outrider/internal/tenant"
)

// maxLoadedSenders bounds the senders of each tenant that are read back at start.
const maxLoadedSenders = 500_000

// App is one running Outrider.
type App struct {
	log      *slog.Logger
	metrics  *telemetry.Metrics
	lock     *dirLock // of the data directory
	clock    *clock.Clock
	spool    *spool.Spool
	db       *store.Live
	blobs    *blob.Disk // bodies of held mail
	history  *history.Memory
	replayTo uint64           // last event of earlier processes
	dns      *dns.Client      // or nil
	workers  *attachment.Pool // opens attachments
	calm     *attachment.Pool // opens them for later looks
	deep     *attachment.Pool // opens them deeply for later looks, or nil
	reads    bool             // deep reads text in pictures
	fetch    *egress.Client   // or nil
	policies *mtasts.Client   // or nil
	whois    *registries      // or nil
	relay    *relay.Relay
	flow     *mailflow.Flow
	shipper  *mailflow.Shipper
	edge     *smtpd.Server
	http     *httpServer
	health   *health

	mu        sync.Mutex
	config    config.Config  // guarded by mu
	rules     *ruleBase      // that run; guarded by mu
	listeners []net.Listener // bound by Listen; guarded by mu
}

// New builds every part. What it opened is closed again when it fails.
func New(ctx context.Context, c config.Config, log *slog.Logger) (*App, error) {
	return build(ctx, c, iana(), log)
}

func build(ctx context.Context, c config.Config, from bootstrap, log *slog.Logger) (_ *App, err error) {
	a := &App{log: log, metrics: telemetry.NewMetrics(), config: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if err := c.Loops(); err != nil {
		return nil, fmt.Errorf("checking routes:\n%w", err)
	}
	if err := raiseFileLimit(&c, log); err != nil {
		return nil, err
	}
	if err := a.openState(ctx, &c); err != nil {
		return nil, err
	}
	a.rules = startingRules(&c, log)
	resolver, err := newResolver(&c)
	if err != nil {
		return nil, err
	}
	a.dns = resolver
	if err := a.openers(&c, a.rules.Active); err != nil {
		return nil, err
	}
	if a.whois, err = newRegistries(&c, resolver, from, log); err != nil {
		return nil, err
	}
	settings, err := newSettings(&c, a.rules, a.asks(&c), log)
	if err != nil {
		return nil, err
	}
	rc := relayConfig(&c, resolver, log)
	if err := a.transportPolicies(&c, resolver, &rc); err != nil {
		return nil, err
	}
	a.relay = relay.New(rc)
	if err := a.buildFlow(&c, settings, resolver); err != nil {
		return nil, err
	}
	if a.edge, err = a.newEdge(&c); err != nil {
		return nil, err
	}
	a.health = newHealth(a)
	a.http = newHTTPServer(a)
	return a, nil
}

// openers builds the pools of workers. One runs from the start; the others when they are needed.
func (a *App) openers(c *config.Config, active *feed.Active) error {
	pc, err := workerConfig(c, active, a.log)
	if err != nil {
		return err
	}
	a.workers = warmPool(pc, a.log)
	pc.Size = 1
	a.calm = attachment.NewPool(pc)
	if c.Revisit.Deep {
		pc = deepConfig(pc, c, a.log)
		a.deep, a.reads = attachment.NewPool(pc), pc.Setup.Text != nil
	}
	return nil
}

// asks says what rules can ask of the parts that run.
func (a *App) asks(c *config.Config) asks {
	can := asks{have: opensFiles}
	if c.Revisit.Off {
		return can
	}
	if a.whois != nil {
		can.later |= schema.Whois
	}
	if a.reads {
		can.later |= schema.OCR
	}
	return can
}

// transportPolicies lets domains say how their mail hosts are to be recognised. Without a
// resolver no one receives them.
func (a *App) transportPolicies(c *config.Config, resolver *dns.Client, rc *relay.Config) error {
	if resolver == nil {
		return nil
	}
	if c.Relay.DANE {
		rc.Secure = resolver.For(nil)
	}
	if !c.Relay.MTASTS {
		return nil
	}
	a.fetch = egress.New(egress.Config{Resolver: resolver.For(nil), AllowPrivate: c.Relay.AllowPrivateMX})
	var err error
	a.policies, err = mtasts.New(mtasts.Config{
		Resolver: resolver.For(nil), Fetcher: a.fetch, Dir: filepath.Join(c.DataDir, "mta-sts"), Log: a.log,
	})
	if err == nil {
		rc.Policies = a.policies
	}
	return err
}

// openState opens what survives a restart.
func (a *App) openState(ctx context.Context, c *config.Config) (err error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("creating data directory: %w", err)
	}
	seen := lastSeen(c.DataDir)
	if a.lock, err = lockDir(c.DataDir); err != nil {
		return err
	}
	a.clock = clock.New(clock.Config{Seen: seen, Log: a.log})
	if err := private(c.DataDir, a.log); err != nil {
		return err
	}
	edge, err := identity(c.DataDir)
	if err != nil {
		return err
	}
	if err := a.openSpool(c, edge); err != nil {
		return err
	}
	return a.openDatabase(ctx, c, edge)
}

func databasePath(c *config.Config) string { return filepath.Join(c.DataDir, "outrider.db") }

func newResolver(c *config.Config) (*dns.Client, error) {
	if c.DNS.Off {
		return nil, nil //nolint:nilnil // nil is the resolver that is switched off
	}
	return dns.New(dns.Config{Servers: c.DNS.Servers, Timeout: c.DNS.Timeout.D()})
}

// newSettings builds what a reload replaces, with the active rules.
func newSettings(c *config.Config, base *ruleBase, can asks, log *slog.Logger) (*mailflow.Settings, error) {
	dir, err := tenant.New(c)
	if err != nil {
		return nil, err
	}
	s := &mailflow.Settings{
		Directory: dir, Hostname: c.Hostname, Deadline: c.Detection.Deadline.D(), MaxHops: c.Relay.MaxHops, OnFailure: tenant.Action(c.Detection.OnFailure),
		Outbound: tenant.NewRoute(&c.Relay.Outbound), FirstRetry: c.Relay.FirstRetry.D(), RetryFor: c.Relay.RetryFor.D(), DelayAt: c.Relay.DelayNotice.D(),
		HoldFor: c.Quarantine.Keep.D(), KeepFor: c.Retention.Keep.D(), Revisit: !c.Revisit.Off,
	}
	if s.Sealer, err = newSealer(c); err != nil {
		return nil, err
	}
	signals, err := newSignals(c)
	if err != nil {
		return nil, err
	}
	if !c.Detection.Off {
		detectors := []detect.Detector{signals}
		if d := detector(c, base, can, log); d != nil {
			detectors = append(detectors, d)
		}
		s.Engine = detect.New(detect.Default(), detectors...)
	}
	return s, nil
}

// newSignals returns the signals that the configuration leaves in use.
func newSignals(c *config.Config) (*signal.Set, error) {
	known := map[string]bool{}
	for _, s := range signal.All() {
		known[s.ID] = true
	}
	for i, id := range c.Detection.Disable {
		if !known[id] {
			return nil, &config.Error{
				Where: fmt.Sprintf("detection.disable[%d]", i), What: fmt.Sprintf("%q is the id of no signal", id),
				Hint: "Use the ids that findings show; rules are switched off by \"outrider rules override\".",
			}
		}
	}
	return signal.New(c.Detection.Disable), nil
}

// newSealer returns the sealer of the configuration, or nil.
func newSealer(c *config.Config) (*mailauth.Sealer, error) {
	if !c.Auth.Seal.On() {
		return nil, nil //nolint:nilnil // nil is the sealer that is switched off
	}
	pem, err := os.ReadFile(c.Auth.Seal.Key)
	if err != nil {
		return nil, fmt.Errorf("reading auth.seal.key: %w", err)
	}
	key, err := mailauth.ReadKey(pem)
	if err != nil {
		return nil, fmt.Errorf("reading auth.seal.key: %w", err)
	}
	return mailauth.NewSealer(c.Auth.Seal.Domain, c.Auth.Seal.Selector, key), nil
}

func (a *App) buildFlow(c *config.Config, s *mailflow.Settings, resolver *dns.Client) error {
	signer, err := loadSigner(c.DataDir)
	if err != nil {
		return err
	}
	a.history = history.NewLoading()
	judge := &mailflow.Judge{
		DNS: resolver, Limits: budget.Default(), History: a.history, TrustedHosts: c.Auth.TrustedHosts, Sealers: c.Auth.TrustedSealers,
		Open: opener(a.workers, a.log), Scan: scanner(newClamAV(c), a.log), Later: mailflow.Sources{Open: opener(a.calm, a.log), DeepText: a.reads},
	}
	if a.deep != nil {
		judge.Later.Deep = opener(a.deep, a.log)
	}
	if a.whois != nil {
		judge.Whois, judge.Registry, judge.Later.Whois = a.whois.known, a.whois.tells, a.whois.ask
	}
	a.flow = mailflow.New(mailflow.Config{
		Settings: s, Spool: a.spool, Relay: a.relay, History: a.history, Signer: signer, Memory: int64(c.Detection.Memory), Log: a.log, Clock: a.clock,
		Judge: judge, Delivered: a.db.Delivered,
		Observe: mailflow.Observer{
			Judged: func(d string, took time.Duration) {
				a.metrics.Verdicts.WithLabelValues(d).Inc()
				a.metrics.JudgeTime.Observe(took.Seconds())
			},
			Placed:    func(k event.Kind, n int) { a.metrics.Outcomes.WithLabelValues(string(k)).Add(float64(n)) },
			Attempted: func(status string, n int) { a.metrics.Attempts.WithLabelValues(status).Add(float64(n)) },
			Rejudged:  func(result string) { a.metrics.Rejudged.WithLabelValues(result).Inc() },
			Skipped:   a.metrics.Skipped.Inc,
		},
	})
	a.shipper = &mailflow.Shipper{Flow: a.flow, Store: a.db, Blobs: a.blobs, Replay: a.replay}
	a.stateMetrics()
	return nil
}

func blobPath(c *config.Config) string { return filepath.Join(c.DataDir, "blobs") }

// Listen binds every address, so that Run serves from its first moment and ports given
// as 0 are known. It returns the addresses mail is received on.
func (a *App) Listen(ctx context.Context) ([]net.Addr, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var addrs []net.Addr
	// Every read and write of a session has a deadline, so keep-alives would find nothing.
	lc := net.ListenConfig{KeepAlive: -1}
	for _, addr := range a.config.Listen.SMTP {
		ln, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("listening for mail on %s: %w", addr, err)
		}
		a.listeners = append(a.listeners, ln)
		addrs = append(addrs, ln.Addr())
	}
	return addrs, a.http.listen(ctx, a.config.Listen.HTTP)
}

// Run serves until ctx ends, drains, and closes everything.
func (a *App) Run(ctx context.Context) error {
	if err := a.recover(ctx); err != nil {
		return errors.Join(err, a.close())
	}
	// The workers outlive the edges: what an edge accepts while it drains is theirs.
	workers, stopWorkers := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorkers()
	back, wctx := errgroup.WithContext(workers)
	back.Go(func() error { return a.flow.Redeliver(wctx) })
	back.Go(func() error { return a.flow.Revisit(wctx) })
	back.Go(func() error { return a.shipper.Run(wctx) })
	back.Go(func() error { return a.db.Run(wctx) })
	back.Go(func() error { return a.fillHistory(wctx) })
	back.Go(func() error { return a.keepTime(wctx) })
	back.Go(func() error { return a.http.run(wctx) })

	front, fctx := errgroup.WithContext(ctx)
	front.Go(func() error { // a worker that dies takes the edges down with it
		select {
		case <-fctx.Done():
		case <-wctx.Done():
		}
		return wctx.Err()
	})
	for _, ln := range a.listeners {
		front.Go(func() error { return a.edge.Serve(fctx, ln) })
	}
	err := unlessCanceled(front.Wait())
	stopWorkers()
	err = errors.Join(err, unlessCanceled(back.Wait()))
	return errors.Join(err, a.close())
}

// unlessCanceled drops the error that says no more than that the end was asked for.
func unlessCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// recover records the sessions that a crash cut off. Their senders were not answered and
// will send again, or the next hop has had their mail, so nothing is delivered for them
// here.
func (a *App) recover(ctx context.Context) error {
	intents, err := a.spool.Interrupted()
	if err != nil {
		return fmt.Errorf("looking for interrupted sessions: %w", err)
	}
	for _, i := range intents {
		fact := event.New(event.Interrupted, i.Tenant, string(i.ID), time.Now(), i.Envelope.Recipients,
			event.DeliveryDetail{Reply: "the process ended before the outcome was recorded; if the sender was answered, the next hop has it"})
		if err := a.spool.Commit(ctx, spool.Batch{ID: i.ID, Facts: []event.Event{fact}}); err != nil {
			return fmt.Errorf("recording interrupted session %s: %w", i.ID, err)
		}
		a.log.InfoContext(ctx, "action", "action", string(event.Interrupted), "message_id", string(i.ID), "tenant", i.Tenant, "recipients", len(i.Envelope.Recipients))
	}
	return nil
}

// Reload applies a new configuration, or none of it. What only a restart can change is
// named in the log.
func (a *App) Reload(ctx context.Context, c config.Config) error {
	if err := c.Loops(); err != nil {
		return fmt.Errorf("reloading, the old configuration stays: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	rules, err := activeRules(&c, a.rules, a.log)
	if err != nil {
		return fmt.Errorf("reloading, the old configuration stays: %w", err)
	}
	settings, err := newSettings(&c, rules, a.asks(&c), a.log)
	if err != nil {
		return fmt.Errorf("reloading, the old configuration stays: %w", err)
	}
	files, err := workerConfig(&c, rules.Active, a.log)
	if err != nil {
		return fmt.Errorf("reloading, the old configuration stays: %w", err)
	}
	settings.Hostname = a.config.Hostname // the edge and the relay keep theirs, and so must the header
	for _, s := range config.NeedRestart(&a.config, &c) {
		a.log.WarnContext(ctx, "setting requires a restart", "setting", s)
	}
	a.flow.Configure(settings)
	a.rules = rules
	for _, pool := range a.pools() {
		pool.UseRules(files.Setup.Rules)
	}
	return nil
}

// pools lists the pools of processes that open attachments.
func (a *App) pools() []*attachment.Pool {
	return slices.DeleteFunc([]*attachment.Pool{a.workers, a.calm, a.deep}, func(p *attachment.Pool) bool { return p == nil })
}

func (a *App) close() error {
	var errs []error
	for _, ln := range a.listeners {
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if a.relay != nil {
		errs = append(errs, a.relay.Close())
	}
	errs = append(errs, a.whois.close())
	if a.policies != nil {
		errs = append(errs, a.policies.Close())
	}
	if a.fetch != nil {
		errs = append(errs, a.fetch.Close())
	}
	errs = append(errs, a.dns.Close())
	for _, pool := range a.pools() {
		errs = append(errs, pool.Close())
	}
	if a.spool != nil {
		errs = append(errs, a.spool.Close())
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Close())
	}
	return errors.Join(errs...)
}

// edgeHandler is what the SMTP edge asks: the gate at envelope time, and the flow.
type edgeHandler struct{ app *App }

func (h edgeHandler) Connect(ctx context.Context, _ *smtpd.Session) error {
	return h.app.flow.Healthy(ctx)
}

func (h edgeHandler) Mail(ctx context.Context, s *smtpd.Session, env smtp.Envelope) error {
	return h.app.flow.Sender(ctx, s.Peer(), env)
}

func (h edgeHandler) Rcpt(ctx context.Context, s *smtpd.Session, rcpt smtp.Recipient) error {
	err := h.app.flow.Recipient(ctx, s.Peer(), s.Envelope(), rcpt)
	if err != nil {
		h.app.metrics.Recipients.WithLabelValues(strconv.Itoa(smtp.ReplyFor(err).Code)).Inc()
		h.app.log.InfoContext(ctx, "recipient refused", "session", s.ID(), "client", s.Client(), "from", s.Envelope().From, "rcpt", rcpt.Address, "error", err)
	}
	return err
}

func (h edgeHandler) Data(ctx context.Context, _ *smtpd.Session, r *message.Received) (smtp.Reply, error) {
	return h.app.flow.Process(ctx, r, mailflow.NextHop{Relay: h.app.relay})
}
