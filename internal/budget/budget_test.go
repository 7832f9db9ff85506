package budget_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"outrider/internal/budget"
)

func limited(r budget.Resource, n int64) *budget.Budget {
	l := budget.Default()
	l.Of[r] = n
	return budget.New(l)
}

func TestSpendingEnds(t *testing.T) {
	t.Parallel()
	b := limited(budget.URLs, 10)
	if !b.Spend(budget.URLs, 7) || b.Spend(budget.URLs, 4) || !b.Spend(budget.URLs, 3) || b.Spend(budget.URLs, 1) {
		t.Error("spending does not follow the limit")
	}
	if got := b.Exceeded(); len(got) != 1 || got[0] != budget.URLs || b.Left(budget.URLs) != 0 {
		t.Errorf("exceeded %v, left %d", got, b.Left(budget.URLs))
	}
}

func TestHeightsAreNotSummed(t *testing.T) {
	t.Parallel()
	b := limited(budget.Depth, 3)
	for range 10 {
		if !b.Reach(budget.Depth, 3) {
			t.Fatal("an allowed depth was refused")
		}
	}
	if b.Reach(budget.Depth, 4) || len(b.Exceeded()) != 1 {
		t.Error("a forbidden depth was allowed")
	}
}

func TestManySpendersTogetherStayBelowTheLimit(t *testing.T) {
	t.Parallel()
	b := limited(budget.Parts, 1000)
	var got atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				if b.Spend(budget.Parts, 1) {
					got.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := got.Load(); n > 1000 || n < 990 {
		t.Errorf("%d of 1000 were spent", n)
	}
}

func TestEveryResourceHasALimitAndAName(t *testing.T) {
	t.Parallel()
	for r, n := range budget.Default().Of {
		if n <= 0 || budget.Resource(r).String() == "" {
			t.Errorf("resource %d: limit %d, name %q", r, n, budget.Resource(r))
		}
	}
}

func TestWhatIsLeftOutIsRecorded(t *testing.T) {
	t.Parallel()
	b := budget.New(budget.Default())
	b.Omit(budget.Addresses)
	b.Omit(budget.HTMLDetails)
	got := b.Exceeded()
	if len(got) != 2 || got[0].String() != "addresses" || got[1].String() != "html-details" {
		t.Errorf("exceeded %v", got)
	}
}
