package app

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"outrider/internal/config"
	"outrider/internal/quarantine"
	"outrider/internal/store"
)

//go:embed default.yaml
var defaultConfig []byte

// defaultFile is read when no configuration is named and it exists.
const defaultFile = "outrider.yaml"

// commands is the command line. The help texts are the manual of each command.
type commands struct {
	Config string `short:"c" help:"Configuration file. Default: ${default_file} if it exists, otherwise the built-in one, which protects example.org." type:"path" env:"OUTRIDER_CONFIG"`
	Color  string `enum:"auto,always,never" default:"auto" help:"Colours: auto (on a terminal, unless NO_COLOR is set), always or never."`

	Serve      serveCmd      `cmd:"" help:"Receive, analyse and deliver mail."`
	Scan       scanCmd       `cmd:"" help:"Analyse messages in files without delivering them."`
	Inject     injectCmd     `cmd:"" help:"Send files through a running gateway and show the result of each."`
	Check      checkCmd      `cmd:"" help:"Check configuration, certificates, routes, next hops and DNS records."`
	Quarantine quarantineCmd `cmd:"" help:"List, show, release and delete quarantined messages."`
	Messages   messagesCmd   `cmd:"" help:"List and show messages with their verdicts and delivery status."`
	Events     eventsCmd     `cmd:"" help:"List recorded events, newest last, and follow new ones."`
	DB         dbCmd         `cmd:"" name:"db" help:"Verify, back up and restore database and quarantine."`
	Rules      rulesCmd      `cmd:"" help:"Fetch, check, activate, list and override detection rules."`
	Settings   configCmd     `cmd:"" name:"config" help:"Print the reference of all settings."`
	Schema     schemaCmd     `cmd:"" help:"Print the JSON Schema of what a command prints with --format json."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Worker     workerCmd     `cmd:"" hidden:"" help:"Inspect attachments from standard input."`
}

// cli is what commands print to and read their configuration from.
type cli struct {
	ctx         context.Context //nolint:containedctx // lives for one command
	out, errOut io.Writer
	screen      screen
	path        string // of the configuration, or ""
}

// ExitError asks for an exit code without a message.
type ExitError int

// Error returns the code.
func (e ExitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Main runs the command line and returns the exit code: 0 for success, 1 for a
// failure, 2 for a wrong call, and what scan says of the mail.
func Main(ctx context.Context, args []string, out, errOut io.Writer) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c, kong.Name("outrider"), kong.Description("Self-hosted email security."),
		kong.Writers(out, errOut), kong.UsageOnError(), kong.Vars{"default_file": defaultFile, "states": statesText(), "outputs": strings.Join(outputNames(), ", ")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Exit(func(code int) { exit = code }))
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "outrider:", err)
		return 1
	}
	kctx, err := parser.Parse(customary(args))
	if exit >= 0 { // help was asked for
		return exit
	}
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "outrider: %v\n  %s\n", err, usageHint(err))
		return 2
	}
	err = kctx.Run(&cli{ctx: ctx, out: out, errOut: errOut, screen: screenOf(out, c.Color), path: c.Config})
	if code, ok := errors.AsType[ExitError](err); ok {
		return int(code)
	}
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "outrider:", err)
		return 1
	}
	return 0
}

// customary replaces "help" and "--version", which many programs know, by what this one calls them.
func customary(args []string) []string {
	if len(args) == 0 {
		return args
	}
	switch args[0] {
	case "help":
		return append(slices.Clone(args[1:]), "--help")
	case "--version":
		return []string{"version"}
	}
	return args
}

// usageHint names the help of the command that was called in a wrong way.
func usageHint(err error) string {
	if p, ok := errors.AsType[*kong.ParseError](err); ok {
		if node := p.Context.Selected(); node != nil {
			return fmt.Sprintf("Run \"outrider %s --help\" to see how to call it.", node.Path())
		}
	}
	return "Run \"outrider --help\" to see all commands."
}

// statesText lists the states of held messages.
func statesText() string {
	var names []string
	for _, s := range quarantine.States() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// load returns the configuration that the command line names.
func (c *cli) load() (config.Config, error) {
	if c.builtIn() {
		return config.Parse(defaultConfig)
	}
	return config.Load(cmp.Or(c.path, defaultFile))
}

// builtIn reports whether no configuration is named and none is in the working directory.
func (c *cli) builtIn() bool {
	_, err := os.Stat(defaultFile)
	return c.path == "" && err != nil
}

// database opens the store of the configured data directory beside a running gateway.
func (c *cli) database() (*store.DB, config.Config, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, cfg, err
	}
	path := databasePath(&cfg)
	err = opens(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, cfg, fmt.Errorf("opening the database: %w\n  Run this command as the user that runs Outrider", err)
	}
	if err != nil {
		return nil, cfg, fmt.Errorf("opening the database: %w\n  Outrider has not run with this data directory yet: start it with \"%s serve\"", err, c.program())
	}
	db, err := store.OpenSQLite(c.ctx, path)
	return db, cfg, err
}

// opens tries whether a file can be read: it opens and closes it.
func opens(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// printf writes to standard output; a closed pipe is the reader's choice.
func (c *cli) printf(format string, args ...any) { _, _ = fmt.Fprintf(c.out, format, args...) }

// jsonLine prints one value on a line of its own.
func (c *cli) jsonLine(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// note tells people something beside the results.
func (c *cli) note(format string, args ...any) {
	_, _ = fmt.Fprintf(c.errOut, "outrider: "+format+"\n", args...)
}

// cutShort says how much of a list was printed, where that is not all.
func (c *cli) cutShort(shown int, what string, count func() (int, error)) error {
	total, err := count()
	if err == nil && total > shown {
		c.note("showing %s of %s %s; use --limit", grouped(shown), grouped(total), what)
	}
	return err
}

// knownTenant checks the name of a tenant that the command line has; "" is all.
func knownTenant(cfg *config.Config, id string) error {
	var ids []string
	for i := range cfg.Tenants {
		ids = append(ids, cfg.Tenants[i].ID)
	}
	if id == "" || slices.Contains(ids, id) {
		return nil
	}
	return fmt.Errorf("reading --tenant: %q is none of %s", id, strings.Join(ids, ", "))
}

// listing is the flags of a command that lists.
type listing struct {
	Limit  int    `default:"50" help:"Maximum number of rows."`
	Format string `enum:"text,json" default:"text" help:"text, or json: one object per line (see outrider schema)."`
}

// Validate is called by the parser.
func (l *listing) Validate() error {
	if l.Limit < 1 || l.Limit > quarantine.MaxList {
		return fmt.Errorf("reading --limit: %d is not between 1 and %s", l.Limit, grouped(quarantine.MaxList))
	}
	return nil
}

// since is a point in time that the command line gives: a duration before now, an RFC 3339 time,
// or a date. The zero value is the beginning.
type since struct {
	ago config.Duration
	at  time.Time
}

// UnmarshalText reads a point in time.
func (s *since) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, string(text), time.Local); err == nil {
			*s = since{at: t}
			return nil
		}
	}
	var d config.Duration
	if err := d.UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is neither a time span such as 90s, 12h or 30d nor a time such as 2026-11-30T08:00:00Z", text)
	}
	*s = since{ago: d}
	return nil
}

// time returns the point in time, as of now.
func (s *since) time(now time.Time) time.Time {
	if s.ago > 0 {
		return now.Add(-s.ago.D())
	}
	return s.at
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(c *cli) error {
	c.printf("outrider %s\n", Version())
	return nil
}

// Version returns the version of the build.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	parts := []string{info.Main.Version}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			parts = append(parts, s.Value)
		}
	}
	return strings.Join(append(parts, info.GoVersion), " ")
}

type configCmd struct {
	Reference referenceCmd `cmd:"" help:"Print all settings with meaning and default."`
}

type referenceCmd struct {
	Format string `enum:"markdown,schema" default:"markdown" help:"markdown or schema (JSON Schema)."`
}

// Run prints the reference.
func (r *referenceCmd) Run(c *cli) error {
	text, err := config.Reference(r.Format)
	c.printf("%s", text)
	return err
}
