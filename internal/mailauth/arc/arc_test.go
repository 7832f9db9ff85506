package arc_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider/internal/budget"
	"outrider/internal/mailauth/arc"
	"outrider/internal/mailauth/dkim"
)

const letter = "From: Ann <ann@example.org>\r\nTo: list@lists.example\r\nSubject: A letter\r\n\r\nHello.\r\n"

var key = ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))

func keyZone() zone {
	record := "k=ed25519; p=" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	z := zone{"slow._domainkey.hop1.example": "TEMPERROR"}
	for i := 1; i <= 60; i++ {
		z[fmt.Sprintf("s._domainkey.hop%d.example", i)] = record
	}
	return z
}

func validate(tb testing.TB, raw string, b *budget.Budget) *arc.Chain {
	tb.Helper()
	return arc.Validate(tb.Context(), []byte(raw), &dkim.Verifier{Resolver: keyZone()}, b)
}

// seal puts the set of hop n on raw.
func seal(tb testing.TB, raw string, n int) string {
	tb.Helper()
	s := dkim.Signer{Domain: fmt.Sprintf("hop%d.example", n), Selector: "s", Key: key}
	results := fmt.Sprintf("mx.hop%d.example; dkim=pass header.d=example.org; spf=fail smtp.mailfrom=ann@example.org", n)
	fields, err := arc.Seal(validate(tb, raw, limits()), &s, results, time.Unix(1_700_000_000, 0))
	if err != nil {
		tb.Fatal(err)
	}
	return fields + raw
}

func sealed(tb testing.TB, n int) string {
	tb.Helper()
	raw := letter
	for i := 1; i <= n; i++ {
		raw = seal(tb, raw, i)
	}
	return raw
}

func TestChain(t *testing.T) {
	t.Parallel()
	c := validate(t, sealed(t, 3), limits())
	if c.Result != arc.Pass || c.OldestPass != 0 || !slices.Equal(c.Sealers(), []string{"hop3.example", "hop2.example", "hop1.example"}) {
		t.Fatalf("got %+v", c)
	}
	s := c.Sets[1]
	if s.Instance != 2 || s.CV != "pass" || s.Selector != "s" || s.Signer != "hop2.example" || s.AuthServID != "mx.hop2.example" || !s.Sealed || !s.Unbroken {
		t.Errorf("got %+v", s)
	}
	if len(s.Results) != 2 || s.Results[0].Method != "dkim" || s.Results[0].Value != "pass" || s.Results[0].Prop("header.d") != "example.org" {
		t.Errorf("results %+v", s.Results)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		make   func() string
		want   arc.Why
		at     int
		oldest int
	}{
		"a list that changes the body and seals again": {
			make: func() string {
				return seal(t, strings.Replace(sealed(t, 2), "Hello.", "Hello. Bye.", 1), 3)
			}, want: "body-hash", at: 2, oldest: -1,
		},
		"a change after the last seal": {
			make: func() string { return strings.Replace(sealed(t, 2), "A letter", "A bill", 1) }, want: "signature", at: 2, oldest: -1,
		},
		"a set cut out": {
			make: func() string { return strings.ReplaceAll(sealed(t, 3), "i=2;", "i=4;") }, want: arc.WhyIncomplete, at: 2, oldest: -1,
		},
		"results forged in an old set": {
			make: func() string { return strings.Replace(sealed(t, 2), "spf=fail", "spf=pass", 2) }, want: "signature", at: 2, oldest: -1,
		},
		"instance 51": {
			make: func() string { return "ARC-Seal: i=51; a=x\r\n" + letter }, want: arc.WhyInstance, oldest: -1,
		},
		"a key that is not answered": {
			make: func() string { return strings.ReplaceAll(sealed(t, 1), " s=s", " s=slow") }, want: "dns", at: 1, oldest: -1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := validate(t, tc.make(), limits())
			if name == "a list that changes the body and seals again" {
				// Its seal says cv=fail, and that closes the chain.
				if c.Why != arc.WhySealedFail || c.At != 3 {
					t.Errorf("got %s at %d (%s)", c.Why, c.At, c.Detail)
				}
				return
			}
			if c.Result != arc.Fail || c.Why != tc.want || c.At != tc.at || c.OldestPass != tc.oldest || c.Temporary != (tc.want == "dns") {
				t.Errorf("got %s %s at %d, oldest %d (%s)", c.Result, c.Why, c.At, c.OldestPass, c.Detail)
			}
		})
	}
}

// TestOldestPass lets a hop change the message between validating and sealing, as lists do.
func TestOldestPass(t *testing.T) {
	t.Parallel()
	raw := sealed(t, 2)
	before := validate(t, raw, limits())
	changed := strings.Replace(raw, "Hello.", "Hello. Bye.", 1)
	fields, err := arc.Seal(before.Leaving([]byte(changed)), &dkim.Signer{Domain: "hop3.example", Selector: "s", Key: key}, "mx.hop3.example; arc=pass", time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	c := validate(t, fields+changed, limits())
	if c.Result != arc.Pass || c.OldestPass != 3 || c.Sets[1].Unbroken || c.Sets[1].Why != "body-hash" {
		t.Errorf("got %+v", c)
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	l := budget.Default()
	l.Of[budget.Signatures] = 3
	if c := validate(t, sealed(t, 3), budget.New(l)); c.Result != arc.Fail || c.Why != arc.WhyBudget || !c.Temporary {
		t.Errorf("got %+v", c)
	}
	if c := validate(t, sealed(t, 2), budget.New(l)); c.Result != arc.Pass || c.OldestPass != 2 {
		t.Errorf("got %+v", c)
	}
}

func TestSealRefuses(t *testing.T) {
	t.Parallel()
	s := dkim.Signer{Domain: "hop1.example", Selector: "s", Key: key}
	if _, err := arc.Seal(validate(t, letter, limits()), &s, "mx; spf=pass\r\nX-Evil: 1", time.Now()); !errors.Is(err, arc.ErrResults) {
		t.Errorf("an injection: %v", err)
	}
	slow := validate(t, strings.ReplaceAll(sealed(t, 1), " s=s", " s=slow"), limits())
	if _, err := arc.Seal(slow, &s, "mx; none", time.Now()); !errors.Is(err, arc.ErrUnsettled) {
		t.Errorf("an unfinished chain: %v", err)
	}
	full := validate(t, sealed(t, 50), limits())
	if _, err := arc.Seal(full, &s, "mx; none", time.Now()); full.Result != arc.Pass || !errors.Is(err, arc.ErrClosed) {
		t.Errorf("a full chain: %s %s, %v", full.Result, full.Detail, err)
	}
}

func FuzzValidate(f *testing.F) {
	f.Add([]byte(sealed(f, 1)))
	f.Add([]byte(sealed(f, 2)))
	f.Add([]byte("ARC-Seal: i=1; cv=none\r\nARC-Authentication-Results: i=1; x\r\nARC-Message-Signature: i=1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := validate(t, string(raw), limits())
		if (c.Result == arc.Fail) != (c.Why != "") || len(c.Sets) > 50 {
			t.Errorf("%+v", c)
		}
		fields, err := arc.Seal(c, &dkim.Signer{Domain: "hop9.example", Selector: "s", Key: key}, "mx; none", time.Unix(1, 0))
		if err == nil && strings.Count(fields, "\r\nARC-") != 2 {
			t.Errorf("sealed with %q", fields)
		}
	})
}
