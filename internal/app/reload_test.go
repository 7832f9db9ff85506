package app_test

import (
	"log/slog"
	"testing"

	"outrider/internal/app"
	"outrider/internal/config"
)

// A reload reads rules only where others are active: they are compiled in seconds.
func TestReloadKeepsTheRulesThatRun(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	a.must("pull --name f " + a.feed + " --activate")
	c, err := config.Load(a.config)
	if err != nil {
		t.Fatal(err)
	}
	c.Listen.SMTP, c.Listen.HTTP, c.DNS.Off = []string{"127.0.0.1:0"}, "", true
	gateway, err := app.New(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Close(gateway) })
	before := app.RulesOf(gateway)
	c.Relay.MaxHops = 7
	reload := func() any {
		if err := gateway.Reload(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		return app.RulesOf(gateway)
	}
	if reload() != before {
		t.Error("rules that did not change were compiled again")
	}
	a.must("override a --off")
	off := reload()
	if off == before {
		t.Error("an override did not reach the rules that run")
	}
	a.rule("feed/d.yml", ruleYAML("d", "high", "strings.icontains(subject.subject, \"refund\")"))
	a.must("pull --name f " + a.feed + " --activate")
	if reload() == off {
		t.Error("rules that were activated do not run")
	}
}
