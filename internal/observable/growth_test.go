package observable_test

import (
	"strings"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/mailtest"
	"outrider/internal/observable"
)

// TestTimeGrowsWithTheText reads families of text that are easy to read again and again.
func TestTimeGrowsWithTheText(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{
		"中.", "a.", "a.中", "http://", "http://a.", "www.", "://", "a@", "http://u@", "http://a.test/?u=http://", "http://a.test,", "(http://a.test", "[a](", "%68%74", "\u00ad", "é。",
		"1", "1-", "(1", "+1 ", "555 ", "５", "①", "555-FLOW", "tel:", "1\u2011", "(((", "O1", ". 1",
	} {
		t.Run(unit, func(t *testing.T) {
			t.Parallel()
			mailtest.Linear(t, 1<<16, func(size int) {
				text := strings.Repeat(unit, size/len(unit))
				observable.TextURLs(text, budget.New(budget.Default()))
				observable.Phones(text)
			})
		})
	}
}
