package arc

import (
	"context"
	"errors"
	"slices"

	"outrider/internal/budget"
	"outrider/internal/mailauth/dkim"
)

// Validate validates the chain of a message, and charges each signature to b. The chain
// keeps raw for sealing, without changing it.
func Validate(ctx context.Context, raw []byte, v *dkim.Verifier, b *budget.Budget) *Chain {
	m := dkim.Open(raw)
	c := &Chain{Result: None, OldestPass: -1, message: m}
	var p *problem
	c.fields, c.highest, p = collect(m)
	if len(c.fields) == 0 && p == nil {
		return c
	}
	if p == nil {
		p = structure(c.fields)
	}
	for i := range c.fields {
		c.Sets = append(c.Sets, c.fields[i].view(i+1))
	}
	slices.Reverse(c.Sets)
	if p == nil {
		p = c.check(ctx, v, b)
	}
	c.Result = Pass
	if p != nil {
		c.Result, c.Why, c.At, c.Detail, c.Temporary = Fail, p.why, p.at, p.detail, p.temp
		c.OldestPass = -1
	}
	return c
}

// check verifies the newest message signature, every seal, and then since which hop the
// message is unchanged.
func (c *Chain) check(ctx context.Context, v *dkim.Verifier, b *budget.Budget) *problem {
	n := len(c.fields)
	if p := c.checkMessage(ctx, n, v, b); p != nil {
		return p
	}
	for i := n; i >= 1; i-- {
		if p := c.checkSeal(ctx, i, v, b); p != nil {
			return p
		}
	}
	c.OldestPass = n
	for i := n - 1; i >= 1; i-- {
		// RFC 8617, Section 5.2: optional, and no reason to fail the chain.
		if p := c.checkMessage(ctx, i, v, b); p != nil {
			c.set(i).Why = p.why
			return nil
		}
		c.OldestPass = i
	}
	c.OldestPass = 0
	return nil
}

// set returns the view of an instance.
func (c *Chain) set(n int) *Set { return &c.Sets[len(c.Sets)-n] }

func (c *Chain) checkMessage(ctx context.Context, n int, v *dkim.Verifier, b *budget.Budget) *problem {
	if !b.Spend(budget.Signatures, 1) {
		return &problem{why: WhyBudget, at: n, detail: "no budget left for signatures", temp: true}
	}
	if _, err := v.CheckParams(ctx, c.message, &c.fields[n-1].ams); err != nil {
		return broken(err, n)
	}
	c.set(n).Unbroken = true
	return nil
}

func (c *Chain) checkSeal(ctx context.Context, n int, v *dkim.Verifier, b *budget.Budget) *problem {
	if !b.Spend(budget.Signatures, 1) {
		return &problem{why: WhyBudget, at: n, detail: "no budget left for signatures", temp: true}
	}
	key, err := v.CheckSeal(ctx, &c.fields[n-1].as, sealed(c.fields[:n]))
	c.set(n).SealKey = key
	if err != nil {
		c.set(n).Why = broken(err, n).why
		return broken(err, n)
	}
	c.set(n).Sealed = true
	return nil
}

// sealed returns the input of the last set's seal, without that seal itself. RFC 8617,
// Section 5.1.1: all sets in ascending order, in each the results, the message signature
// and the seal.
func sealed(sets []set) []dkim.Field {
	var out []dkim.Field
	for i := range sets {
		out = append(out, sets[i].results, sets[i].signature)
		if i+1 < len(sets) {
			out = append(out, sets[i].seal)
		}
	}
	return out
}

func broken(err error, n int) *problem {
	p := &problem{why: Why(dkim.WhySyntax), at: n, detail: err.Error()}
	if e, ok := errors.AsType[*dkim.Error](err); ok {
		p.why, p.temp = Why(e.Why), e.Result == dkim.TempError
	}
	return p
}
