package scan_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"

	"outrider/internal/mailtest"
)

// structs returns the fields of the types of this package: by type and name in JSON, the
// type without its stars and brackets.
func structs(t *testing.T) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	for _, path := range []string{"scan.go", "document.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if st, ok := spec.Type.(*ast.StructType); ok {
					out[spec.Name.Name] = tags(t, st)
				}
			}
			return true
		})
	}
	return out
}

func tags(t *testing.T, st *ast.StructType) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range st.Fields.List {
		if f.Tag == nil || len(f.Names) != 1 || f.Comment == nil {
			t.Fatalf("a field without a tag or comment: %v", f.Names)
		}
		_, name, _ := strings.Cut(f.Tag.Value, `json:"`)
		name = name[:strings.IndexAny(name, `",`)]
		out[name] = base(f.Type)
	}
	return out
}

func base(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return base(e.X)
	case *ast.ArrayType:
		return base(e.Elt)
	case *ast.Ident:
		return e.Name
	default:
		return "map"
	}
}

// Every name that the feed uses exists. The rest after an address belongs to the model's
// type for addresses.
func TestFeedAsksForNothingElse(t *testing.T) {
	t.Parallel()
	types := structs(t)
	re := regexp.MustCompile(`\.(scan|flavors)((?:\.[a-z_0-9]+)+)`)
	asked := 0
	for _, path := range mailtest.Files(t, []string{"sublime/sublime-rules"}, ".yml") {
		rule, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range re.FindAllStringSubmatch(string(rule), -1) {
			asked++
			at := map[string]string{"scan": "Scan", "flavors": "Flavors"}[m[1]]
			for name := range strings.SplitSeq(m[2][1:], ".") {
				next, ok := types[at][name]
				if !ok {
					t.Errorf("%s asks for %s, and %s has no %s", path, m[0], at, name)
				}
				if at = next; types[at] == nil {
					break
				}
			}
		}
	}
	t.Logf("%d questions have an answer", asked)
	if asked < 1000 {
		t.Errorf("only %d questions were found", asked)
	}
}
