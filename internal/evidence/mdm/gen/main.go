// Command gen prints the table of fields of the message data model, from the types of
// package mdm and their comments.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	text, err := table("internal/evidence/mdm", ".data/sublime/sublime-rules/detection-rules")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(text)
}

const intro = `# The message data model

Written by ` + "`make docs`" + ` from package ` + "`evidence/mdm`" + `; do not edit. ` + "`outrider scan --mdm FILE`" + ` prints the model of a message.

A field with a question mark may be null: the message does not contain it, or it was not looked for. A list is never null. "Rules"
counts the detection rules of the public feed in which the last two names of the field (of a field of a list element, the
last) stand; a name that several types have counts for each.

| field | type | rules | what it is |
|---|---|---:|---|
`

// field is one field of a struct.
type field struct {
	name, goType, doc string
}

// table returns the page; rules is the directory of the feed's rules.
func table(dir, rules string) (string, error) {
	types, err := structs(dir)
	if err != nil {
		return "", err
	}
	texts, err := read(rules)
	if err != nil {
		return "", err
	}
	g := generator{types: types, rules: texts, seen: map[string]bool{}}
	g.out.WriteString(intro)
	g.walk("Message", "", nil)
	return g.out.String(), nil
}

// structs parses the struct types of a package.
func structs(dir string) (map[string][]field, error) {
	types := make(map[string][]field)
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", dir, err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if st, ok := spec.Type.(*ast.StructType); ok {
					types[spec.Name.Name] = fields(st)
				}
			}
			return true
		})
	}
	return types, nil
}

func fields(st *ast.StructType) []field {
	var out []field
	for _, f := range st.Fields.List {
		if f.Tag == nil || len(f.Names) == 0 {
			continue
		}
		_, name, ok := strings.Cut(f.Tag.Value, `json:"`)
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(name, `"`)
		out = append(out, field{name: name, goType: typeOf(f.Type), doc: strings.TrimSpace(f.Comment.Text())})
	}
	return out
}

func typeOf(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.StarExpr:
		return "*" + typeOf(t.X)
	case *ast.ArrayType:
		return "[]" + typeOf(t.Elt)
	case *ast.SelectorExpr:
		return t.Sel.Name
	case *ast.MapType:
		return "map"
	default:
		return "?"
	}
}

// read returns the text of every rule.
func read(dir string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yml" {
			return err
		}
		raw, err := os.ReadFile(path)
		out = append(out, string(raw))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	return out, nil
}

type generator struct {
	types map[string][]field
	rules []string
	seen  map[string]bool
	out   strings.Builder
}

// words maps Go types to type names of the rule language.
var words = map[string]string{"string": "string", "bool": "bool", "int": "int", "Time": "time", "map": "map of string lists"}

// walk prints the fields of a type. within lists the enclosing types.
func (g *generator) walk(name, path string, within []string) {
	for _, f := range g.types[name] {
		full := strings.TrimPrefix(path+"."+f.name, ".")
		kind := strings.TrimLeft(f.goType, "*[]")
		shown := words[kind]
		if shown == "" {
			shown = strings.ToLower(kind)
		}
		if strings.Contains(f.goType, "[]") {
			shown = "list of " + shown
			full += "[]"
		}
		if strings.HasPrefix(f.goType, "*") {
			shown += "?"
		}
		fmt.Fprintf(&g.out, "| `%s` | %s | %s | %s |\n", full, shown, g.used(full), f.doc)
		// The fields of names, addresses and URLs are printed once, at their first use.
		if g.types[kind] != nil && !slices.Contains(within, kind) && !g.printed(kind) {
			g.walk(kind, full, append(within, kind))
		}
	}
}

// common lists the types whose fields are printed once.
const common = " Domain Email Mailbox URL Link IP Banner Recipients Subject SPFInfo DMARCInfo Signature Rewrite Raw "

// printed reports whether the fields of a common type are in the table already.
func (g *generator) printed(kind string) bool {
	if !strings.Contains(common, " "+kind+" ") {
		return false
	}
	seen := g.seen[kind]
	g.seen[kind] = true
	return seen
}

// used counts the rules that use a field.
func (g *generator) used(full string) string {
	parts := strings.Split(full, ".")
	last := strings.TrimSuffix(parts[len(parts)-1], "[]")
	name := last
	if n := len(parts); n > 1 {
		parent := parts[n-2]
		name = parent + "." + last
		if strings.HasSuffix(parent, "[]") {
			name = "." + last
		}
	}
	re := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`)
	if strings.HasPrefix(name, ".") {
		re = regexp.MustCompile(regexp.QuoteMeta(name) + `\b`)
	}
	n := 0
	for _, r := range g.rules {
		if strings.Contains(r, name) && re.MatchString(r) {
			n++
		}
	}
	if strings.HasPrefix(full, "outrider") {
		return "ours"
	}
	return strconv.Itoa(n)
}
