package yara_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"outrider/internal/attachment/yara"
)

func TestGather(t *testing.T) {
	t.Parallel()
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	source, err := yara.Gather(fstest.MapFS{
		"b.yara":     file("rule b { condition: true } // the end"),
		"a/a.yar":    file("rule a { condition: true }"),
		"broken.yar": file("rule c {\n condition: $x }"),
		"module.yar": file(`import "pe" rule d { condition: true }`),
		"twice.yar":  file("rule a { condition: false }"),
		"readme.txt": file("no rules"),
	})
	rules, fails := yara.Compile(source)
	if fails != nil {
		t.Fatal(fails)
	}
	if got := rules.Names(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
	for _, want := range []string{"broken.yar: compiling yara rules: line 2", "module.yar", "twice.yar: second rule a"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}
