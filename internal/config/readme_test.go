package config_test

import (
	"os"
	"strings"
	"testing"

	"outrider/internal/config"
)

// TestExamplesInTheDocumentsAreValid runs every YAML block that is in a document
// and is a whole configuration.
func TestExamplesInTheDocumentsAreValid(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, path := range []string{"../../README.md", "../../docs/operations.md"} {
		doc, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(doc), "```yaml\n")
		for _, p := range parts[1:] {
			block, _, _ := strings.Cut(p, "```")
			if !strings.Contains(block, "tenants:") {
				continue
			}
			seen++
			if _, err := config.Parse([]byte(block)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if seen == 0 {
		t.Error("no example was found")
	}
}
