package app

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"outrider/internal/config"
	"outrider/internal/store"
)

//go:embed default.yaml
var defaultConfig []byte

// defaultFile is read when no configuration is named and it exists.
const defaultFile = "outrider.yaml"

// cli is the command line. The help texts are the manual of each command.
type cli struct {
	Config string `short:"c" help:"Configuration file. Default: ${default_file} if it exists, otherwise the built-in one, which protects example.org." type:"path" env:"OUTRIDER_CONFIG"`

	Serve      serveCmd      `cmd:"" help:"Receive, analyse and deliver mail."`
	Scan       scanCmd       `cmd:"" help:"Analyse messages in files without delivering them."`
	Inject     injectCmd     `cmd:"" help:"Send files through a running gateway and show the result of each."`
	Check      checkCmd      `cmd:"" help:"Check configuration, certificates, routes, next hops and DNS records."`
	Quarantine quarantineCmd `cmd:"" help:"List, show, release and delete quarantined messages."`
	Messages   messagesCmd   `cmd:"" help:"List and show messages with their verdicts and delivery status."`
	DB         dbCmd         `cmd:"" name:"db" help:"Verify, back up and restore database and quarantine."`
	Rules      rulesCmd      `cmd:"" help:"Fetch, check, activate, list and override detection rules."`
	Settings   configCmd     `cmd:"" name:"config" help:"Print the reference of all settings."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Worker     workerCmd     `cmd:"" hidden:"" help:"Inspect attachments from standard input."`
}

// console is what commands print to and read their configuration from.
type console struct {
	ctx         context.Context //nolint:containedctx // lives for one command
	out, errOut io.Writer
	path        string // of the configuration, or ""
}

// ExitError asks for an exit code without a message.
type ExitError int

// Error returns the code.
func (e ExitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Main runs the command line and returns the exit code: 0 for success, 1 for a
// failure, 2 for a wrong call, and what scan says of the mail.
func Main(ctx context.Context, args []string, out, errOut io.Writer) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("outrider"), kong.Description("Self-hosted email security."),
		kong.Writers(out, errOut), kong.UsageOnError(), kong.Vars{"default_file": defaultFile},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Exit(func(code int) { exit = code }))
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "outrider:", err)
		return 1
	}
	kctx, err := parser.Parse(args)
	if exit >= 0 { // help was asked for
		return exit
	}
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "outrider: %v\n  Run \"outrider --help\" to see all commands.\n", err)
		return 2
	}
	err = kctx.Run(&console{ctx: ctx, out: out, errOut: errOut, path: c.Config})
	if code, ok := errors.AsType[ExitError](err); ok {
		return int(code)
	}
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "outrider:", err)
		return 1
	}
	return 0
}

// load returns the configuration that the command line names.
func (c *console) load() (config.Config, error) {
	if c.builtIn() {
		return config.Parse(defaultConfig)
	}
	return config.Load(cmp.Or(c.path, defaultFile))
}

// builtIn reports whether no configuration is named and none is in the working directory.
func (c *console) builtIn() bool {
	_, err := os.Stat(defaultFile)
	return c.path == "" && err != nil
}

// database opens the store of the configured data directory beside a running gateway.
func (c *console) database() (*store.DB, config.Config, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, cfg, err
	}
	path := databasePath(&cfg)
	if _, err := os.Stat(path); err != nil {
		return nil, cfg, fmt.Errorf("opening the database: %w\n  Outrider has not run with this data directory yet: start it with \"outrider serve\"", err)
	}
	db, err := store.OpenSQLite(c.ctx, path)
	return db, cfg, err
}

// printf writes to standard output; a closed pipe is the reader's choice.
func (c *console) printf(format string, args ...any) { _, _ = fmt.Fprintf(c.out, format, args...) }

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(c *console) error {
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
func (r *referenceCmd) Run(c *console) error {
	text, err := config.Reference(r.Format)
	c.printf("%s", text)
	return err
}
