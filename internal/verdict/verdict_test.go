package verdict_test

import (
	"encoding/json"
	"testing"

	"outrider/internal/verdict"
)

func TestNamesReadBack(t *testing.T) {
	t.Parallel()
	for _, c := range verdict.Classes() {
		if got, err := verdict.ParseClass(c.String()); err != nil || got != c {
			t.Errorf("class %s reads back as %s, %v", c, got, err)
		}
	}
	for d := verdict.None; d < verdict.NumDispositions; d++ {
		if got, err := verdict.ParseDisposition(d.String()); err != nil || got != d {
			t.Errorf("disposition %s reads back as %s, %v", d, got, err)
		}
	}
	if _, err := verdict.ParseClass("junk"); err == nil {
		t.Error("an unknown class was read")
	}
	if _, err := verdict.ParseDisposition(""); err == nil {
		t.Error("an empty disposition was read")
	}
}

// The order is that of the reference product, but for SPOOF: forged mail is held by default and
// suspicious mail is not, so more evidence against a forgery must not make it the milder one.
func TestSeverityFollowsWhatIsDoneByDefault(t *testing.T) {
	t.Parallel()
	order := []string{"MALICIOUS", "MALICIOUS-BEC", "SPOOF", "SUSPICIOUS", "SPAM", "BULK", "ENCRYPTED", "EXTERNAL", "UNKNOWN", "NONE"}
	for i := 1; i < len(order); i++ {
		worse, err1 := verdict.ParseDisposition(order[i-1])
		better, err2 := verdict.ParseDisposition(order[i])
		if err1 != nil || err2 != nil || worse <= better {
			t.Errorf("%s is not worse than %s", order[i-1], order[i])
		}
	}
}

func TestFindingsAreOrdered(t *testing.T) {
	t.Parallel()
	v := verdict.Verdict{Findings: []verdict.Finding{{ID: "b", Weight: 1}, {ID: "c", Weight: -1}, {ID: "a", Weight: 1}, {ID: "d", Weight: 2}}}
	v.Sort()
	got := ""
	for _, f := range v.Findings {
		got += f.ID
	}
	if got != "dabc" || !v.Has("c") || v.Has("x") {
		t.Errorf("order %s", got)
	}
}

func TestVerdictSurvivesJSON(t *testing.T) {
	t.Parallel()
	in := verdict.Verdict{Disposition: verdict.MaliciousBEC, Score: 0.5, Findings: []verdict.Finding{{ID: "a", Class: verdict.ClassBEC, Weight: 2}}}
	in.Classes[verdict.ClassBEC] = 0.5
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out verdict.Verdict
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	if out.Disposition != in.Disposition || out.Findings[0].Class != verdict.ClassBEC || out.Classes != in.Classes {
		t.Errorf("wrote %s, read %+v", raw, out)
	}
	if c, p := out.Classes.Worst(); c != verdict.ClassBEC || p != 0.5 || out.Classes.Map()["bec"] != 0.5 {
		t.Errorf("worst %s %f", c, p)
	}
}
