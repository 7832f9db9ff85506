package config

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
)

//go:embed config.go
var source string

// setting is one line of the reference.
type setting struct {
	Path, Type, Default, Doc string
}

// Reference returns the manual of all settings, made from the comments and defaults of
// Config: "markdown" for people, "schema" as JSON Schema for editors.
func Reference(format string) (string, error) {
	docs, err := comments()
	if err != nil {
		return "", err
	}
	if format == "schema" {
		raw, err := json.MarshalIndent(schemaOf(reflect.TypeFor[Config](), docs), "", "  ")
		return string(raw) + "\n", err
	}
	var b strings.Builder
	b.WriteString("# Configuration\n\nOne YAML file. Unknown settings are errors. Times are written as `90s`, `5m`, `12h` or `30d`, sizes as `50MiB`. SIGHUP applies all\nsettings but those that need a restart.\n\n")
	b.WriteString("| setting | type | default | meaning |\n|---|---|---|---|\n")
	for _, s := range walk("", reflect.ValueOf(Default()), docs) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Path, s.Type, s.Default, s.Doc)
	}
	return b.String(), nil
}

// comments returns the comment of every field, by "Type.Field".
func comments() (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", source, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("reading the comments of the configuration: %w", err)
	}
	docs := make(map[string]string)
	ast.Inspect(file, func(n ast.Node) bool {
		t, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := t.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				for _, name := range f.Names {
					docs[t.Name.Name+"."+name.Name] = sentence(name.Name, f.Doc.Text())
				}
			}
		}
		return true
	})
	return docs, nil
}

// sentence returns a comment without the name of its field, which the reader sees already.
func sentence(name, comment string) string {
	s := strings.TrimPrefix(strings.Join(strings.Fields(comment), " "), name+" ")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "is "), "are ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// walk lists the settings below v in order.
func walk(path string, v reflect.Value, docs map[string]string) []setting {
	var out []setting
	for i := range v.NumField() {
		f := v.Type().Field(i)
		p := strings.TrimPrefix(path+"."+f.Tag.Get("yaml"), ".")
		doc := docs[v.Type().Name()+"."+f.Name]
		value := v.Field(i)
		switch {
		case f.Type.Kind() == reflect.Struct:
			out = append(out, setting{p, "section", "", doc})
			out = append(out, walk(p, value, docs)...)
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			out = append(out, setting{p, "list", "", doc})
			out = append(out, walk(p+"[]", reflect.New(f.Type.Elem()).Elem(), docs)...)
		default:
			if f.Tag.Get("reload") == "restart" {
				doc += " Needs a restart."
			}
			out = append(out, setting{p, typeName(f.Type), defaultText(value), doc})
		}
	}
	return out
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Duration]():
		return "time"
	case t == reflect.TypeFor[Size]():
		return "size"
	case t.Kind() == reflect.Pointer:
		return typeName(t.Elem())
	case t.Kind() == reflect.Slice:
		return "list of " + typeName(t.Elem())
	case t.Kind() == reflect.Map:
		return "map of " + typeName(t.Elem())
	default:
		return t.Kind().String()
	}
}

func defaultText(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	return "`" + fmt.Sprint(v.Interface()) + "`"
}

// schemaOf returns the JSON Schema of a type.
func schemaOf(t reflect.Type, docs map[string]string) map[string]any {
	switch {
	case t == reflect.TypeFor[Duration](), t == reflect.TypeFor[Size](), t.Kind() == reflect.String:
		return map[string]any{"type": "string"}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	case t.Kind() == reflect.Int:
		return map[string]any{"type": "integer"}
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem(), docs)
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem(), docs)}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem(), docs)}
	}
	properties := make(map[string]any)
	for i := range t.NumField() {
		f := t.Field(i)
		p := schemaOf(f.Type, docs)
		p["description"] = docs[t.Name()+"."+f.Name]
		properties[f.Tag.Get("yaml")] = p
	}
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
}
