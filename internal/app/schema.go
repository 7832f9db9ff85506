package app

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"outrider/internal/event"
	"outrider/internal/verdict"
)

// outputs are the types that commands print with --format json, one object per line.
func outputs() map[string]struct {
	title string
	of    reflect.Type
} {
	return map[string]struct {
		title string
		of    reflect.Type
	}{
		"messages":   {"A line of outrider messages list --format json", reflect.TypeFor[messageLine]()},
		"quarantine": {"A line of outrider quarantine list --format json", reflect.TypeFor[quarantineLine]()},
		"events":     {"A line of outrider events --format json; docs/events.md describes the details", reflect.TypeFor[event.Event]()},
		"inject":     {"A line of outrider inject --format json", reflect.TypeFor[injectLine]()},
		"scan":       {"A line of outrider scan --format json", reflect.TypeFor[scanResult]()},
		"rules":      {"A line of outrider rules list --format json", reflect.TypeFor[ruleLine]()},
		"hunt":       {"A line of outrider rules hunt --format json", reflect.TypeFor[huntLine]()},
	}
}

type schemaCmd struct {
	Output string `arg:"" help:"What to describe: ${outputs}."`
}

// outputNames lists the outputs that have a schema.
func outputNames() []string { return slices.Sorted(maps.Keys(outputs())) }

// Run prints the schema.
func (s *schemaCmd) Run(c *cli) error {
	if err := oneOf("the name", s.Output, outputNames()); err != nil {
		return err
	}
	o := outputs()[s.Output]
	schema := schemaOf(o.of)
	schema["$schema"], schema["title"] = "https://json-schema.org/draft/2020-12/schema", o.title
	raw, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the schema: %w", err)
	}
	c.printf("%s\n", raw)
	return nil
}

// enums lists the values of types that have few.
func enums(t reflect.Type) []string {
	var out []string
	switch t {
	case reflect.TypeFor[verdict.Disposition]():
		for d := verdict.None; d < verdict.NumDispositions; d++ {
			out = append(out, d.String())
		}
	case reflect.TypeFor[verdict.Class]():
		for _, c := range verdict.Classes() {
			out = append(out, c.String())
		}
	case reflect.TypeFor[event.Kind]():
		for _, k := range event.Kinds() {
			out = append(out, string(k))
		}
	}
	return out
}

// schemaOf returns the JSON Schema of what encoding/json writes of a type.
func schemaOf(t reflect.Type) map[string]any {
	if values := enums(t); values != nil {
		return map[string]any{"type": "string", "enum": values}
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[json.RawMessage]():
		return map[string]any{"type": "object"}
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice, reflect.Array:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Struct:
		return objectSchema(t)
	default: // integers of all sizes
		return map[string]any{"type": "integer"}
	}
}

func objectSchema(t reflect.Type) map[string]any {
	properties, required := make(map[string]any), []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		p := schemaOf(f.Type)
		if doc := f.Tag.Get("doc"); doc != "" {
			p["description"] = doc
		}
		properties[name] = p
		if options == "" {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}
