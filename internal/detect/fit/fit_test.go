package fit_test

import (
	"os"
	"testing"

	"outrider/internal/detect"
	"outrider/internal/detect/fit"
	"outrider/internal/mailtest"
	"outrider/internal/signal"
)

func judged(t *testing.T, list string, dirs ...string) []fit.Sample {
	t.Helper()
	samples, err := fit.Load(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := fit.JudgeAll(t.Context(), detect.New(detect.Default(), signal.New(nil)), samples, dirs...); err != nil {
		t.Fatal(err)
	}
	return samples
}

func TestQuality(t *testing.T) {
	t.Parallel()
	root := mailtest.Data(t, "mail")
	dev := judged(t, root+"/dev.csv", root+"/dev", root)
	fit.Table(os.Stdout, "dev", dev)
	fit.Counts(os.Stdout, dev)
	fp := judged(t, root+"/fp_suite.csv", root, root+"/train", root+"/dev")
	fit.Table(os.Stdout, "fp", fp)
	fit.Counts(os.Stdout, fp)
}
