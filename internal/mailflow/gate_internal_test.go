package mailflow

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"outrider/internal/smtp"
)

var (
	hopTakes   = func(context.Context) (smtp.Reply, error) { return smtp.Reply{Code: 250}, nil }
	hopRefuses = func(context.Context) (smtp.Reply, error) { return smtp.Reply{Code: 550}, nil }
	hopIsDown  = func(context.Context) (smtp.Reply, error) { return smtp.Reply{}, errors.New("connection refused") }
	hopIsBusy  = func(context.Context) (smtp.Reply, error) { return smtp.Reply{Code: 451}, nil }
)

// Mail for known recipients goes on while the next hop is down, whatever happened to this
// process or its memory in between.
func TestKnownRecipientsPassWhileTheNextHopIsDown(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := newRecipientCache(func(_ context.Context, key string) (bool, error) {
		if key == "broken@x.test" {
			return true, errors.New("the database is locked")
		}
		return key == "old@x.test", nil
	})
	want := func(key string, code int, verify func(context.Context) (smtp.Reply, error)) {
		t.Helper()
		err := c.ask(ctx, key, verify)
		got := 250
		if e, ok := errors.AsType[*smtp.Error](err); ok {
			got = e.Code
		}
		if got != code {
			t.Errorf("%s: %d, want %d (%v)", key, got, code, err)
		}
	}
	want("ann@x.test", 250, hopTakes)
	want("nobody@x.test", 550, hopRefuses)
	want("ann@x.test", 250, hopRefuses) // remembered
	c.doubt()
	want("ann@x.test", 250, hopIsDown)
	want("nobody@x.test", 451, hopIsBusy)
	want("old@x.test", 250, hopIsDown) // delivered before this start
	want("new@x.test", 451, hopIsDown)
	want("broken@x.test", 451, hopIsDown)
	for i := range maxChecked {
		c.remember(fmt.Sprint(i), smtp.Reply{Code: 550})
	}
	c.doubt()
	want("ann@x.test", 250, hopIsDown) // guesses do not push it out
	want("ann@x.test", 550, hopRefuses)
}
