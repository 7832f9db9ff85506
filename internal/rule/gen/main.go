// Command gen prints the reference of the rule language, from its schema.
package main

import (
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"outrider/internal/rule"
	"outrider/internal/rule/schema"
)

//go:embed intro.md
var intro string

func main() {
	letter, err := os.ReadFile(filepath.Join("internal", "rule", "testdata", "letter.eml"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(page(string(letter)))
}

// page returns the whole reference.
func page(letter string) string {
	var b strings.Builder
	b.WriteString(strings.Replace(intro, "{{letter}}", letter, 1))
	s := rule.NewSchema()
	functions(&b, s.Functions())
	answers(&b, s.Types())
	return b.String()
}

func functions(b *strings.Builder, all schema.Functions) {
	b.WriteString("\n## Functions\n\nA question mark follows optional arguments, dots follow arguments that may be repeated. Of each list the function takes the " +
		"elements in order.\n\n| function | answers | needs | what it is |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		answer := "what it is given"
		if f.Result != nil {
			answer = typeName(f.Result)
		}
		needs := f.Needs.String()
		if needs == "" {
			needs = "–"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.Signature(), answer, needs, f.Doc)
	}
}

func typeName(t *schema.Type) string {
	return strings.NewReplacer("result.", "", "scan.", "").Replace(t.String())
}

// answers lists the result types of functions; the types of the message have a separate
// page.
func answers(b *strings.Builder, types schema.Types) {
	b.WriteString("\n## What functions answer\n\nFields that could not be filled are null, lists too.\n")
	for _, name := range slices.Sorted(maps.Keys(types)) {
		t := types[name]
		if !t.Enriched || len(t.Fields) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n### %s\n\n| field | type | what it is |\n|---|---|---|\n", typeName(t))
		for _, f := range t.Fields {
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.Name, typeName(f.Type), f.Doc)
		}
	}
}
