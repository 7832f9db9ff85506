package fit_test

import (
	"os"
	"path/filepath"
	"testing"

	"outrider/internal/detect"
	"outrider/internal/detect/fit"
	"outrider/internal/mailtest"
	"outrider/internal/signal"
)

// BenchmarkJudge judges the development mail, parsing included, one message per turn.
func BenchmarkJudge(b *testing.B) {
	root := mailtest.Data(b, "mail")
	samples, err := fit.Load(root + "/dev.csv")
	if err != nil {
		b.Fatal(err)
	}
	var mails [][]byte
	size := 0
	for _, s := range samples {
		raw, err := os.ReadFile(filepath.Join(root, "dev", s.Path))
		if err != nil {
			b.Fatal(err)
		}
		mails = append(mails, raw)
		size += len(raw)
	}
	engine := detect.New(detect.Default(), signal.New(nil))
	b.ReportAllocs()
	b.SetBytes(int64(size / len(mails)))
	i := 0
	for b.Loop() {
		engine.Judge(b.Context(), fit.Evidence(mails[i%len(mails)]))
		i++
	}
}

// BenchmarkSignals leaves the parser out: all signals on one median message.
func BenchmarkSignals(b *testing.B) {
	raw, err := os.ReadFile("../../../samples/good-02-receipt.eml")
	if err != nil {
		b.Fatal(err)
	}
	engine := detect.New(detect.Default(), signal.New(nil))
	b.ReportAllocs()
	for b.Loop() {
		engine.Judge(b.Context(), fit.Evidence(raw))
	}
}
