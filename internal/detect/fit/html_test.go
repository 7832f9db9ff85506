package fit_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/detect"
	"outrider/internal/detect/fit"
	"outrider/internal/mailtest"
	"outrider/internal/markup"
	"outrider/internal/observable"
	"outrider/internal/signal"
	"outrider/internal/verdict"
)

// maxHTMLFlagged is the floor of quality on bodies of real newsletters and notices, to
// which the test adds a header, without any proof of the sender.
const maxHTMLFlagged = 2

// The senders are constructed: the domain that most links lead to, no authentication.
func TestCommercialMailIsNotFlagged(t *testing.T) {
	t.Parallel()
	engine := detect.New(detect.Default(), signal.New(nil))
	total, flagged, held := 0, 0, 0
	err := filepath.WalkDir(mailtest.Data(t, "mail/html_ham"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		domain := mainDomain(string(body))
		raw := fmt.Sprintf("From: Team <news@%s>\r\nTo: reader@example.org\r\nSubject: News\r\nMessage-ID: <1@%s>\r\nDate: Thu, 05 Nov 2026 07:30:00 +0000\r\n"+
			"MIME-Version: 1.0\r\nList-Unsubscribe: <https://%s/leave>\r\nContent-Type: text/html; charset=utf-8\r\n\r\n%s", domain, domain, domain, body)
		v := engine.Judge(t.Context(), fit.Evidence([]byte(raw)))
		total++
		if v.Disposition >= verdict.Spam {
			flagged++
			var b strings.Builder
			for _, f := range v.Findings {
				fmt.Fprintf(&b, " %s:%.1f:%.90s", f.ID, f.Weight, f.Value)
			}
			t.Logf("%s %s %.2f%s", filepath.Base(path), v.Disposition, v.Score, b.String())
		}
		if v.Disposition >= verdict.MaliciousBEC {
			held++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d flagged, %d held", flagged, total, held)
	if flagged > maxHTMLFlagged || held > 0 {
		t.Errorf("%d of %d commercial bodies flagged, %d held; at most %d and 0", flagged, total, held, maxHTMLFlagged)
	}
}

// mainDomain returns the organizational domain of most links.
func mainDomain(body string) string {
	count, best := make(map[string]int), "sender.example"
	for _, l := range markup.Parse(body, nil).Links() {
		u, ok := observable.ParseURL(l.URL)
		if o := u.Org(); ok && o != "" && l.Place == markup.PlaceAnchor {
			count[o]++
			if count[o] > count[best] {
				best = o
			}
		}
	}
	return best
}
