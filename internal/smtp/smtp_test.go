package smtp_test

import (
	"errors"
	"fmt"
	"testing"

	"outrider/internal/smtp"
)

func TestUnknownErrorsAreTemporaryAndSayNothing(t *testing.T) {
	t.Parallel()
	secret := errors.New("table senders is corrupt")
	for name, err := range map[string]error{"a plain error": secret, "a wrapped one": fmt.Errorf("judging: %w", secret)} {
		r := smtp.ReplyFor(err)
		if r.Code != 451 || !smtp.IsTemporary(err) || r.Text == "" || errors.Is(r.Err(), secret) {
			t.Errorf("%s is answered %s", name, r)
		}
	}
}

func TestPublicTextAndPrivateCauseAreApart(t *testing.T) {
	t.Parallel()
	cause := errors.New("rule 17 of tenant x")
	err := fmt.Errorf("deciding: %w", &smtp.Error{Code: 550, Enhanced: "5.7.1", Text: "Refused", Err: cause})
	if r := smtp.ReplyFor(err); r.String() != "550 5.7.1 Refused" {
		t.Errorf("the other side reads %q", r)
	}
	if smtp.IsTemporary(err) || !errors.Is(err, cause) {
		t.Error("the cause or the kind is lost")
	}
}

func TestEnhancedCodeFollowsFromTheCode(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{421: "4.0.0", 554: "5.0.0"} {
		if r := (&smtp.Error{Code: code}).Reply(); r.Enhanced != want {
			t.Errorf("%d gives %s", code, r.Enhanced)
		}
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	if (smtp.Reply{Code: 250}).Err() != nil || (smtp.Reply{Code: 354}).Err() != nil || (smtp.Reply{Code: 451}).Err() == nil {
		t.Error("the kind of a reply is not its first digit")
	}
	if got := (smtp.Reply{Code: 250, Text: "a\nb"}).String(); got != "250 a b" {
		t.Errorf("got %q", got)
	}
}
