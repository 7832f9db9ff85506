// Package schema defines the types of the rule language, their fields, and the values that
// rules compute with.
//
// A generator derives the fields from the Go types of the message data model and of
// function results, so that a rule reads the struct itself without copies or reflection. A
// field outside of this table does not exist for rules.
//
// Limits: none of its own.
package schema

//go:generate go run ./gen

import (
	"slices"
	"strings"
)

// Type is a type of the rule language.
type Type struct {
	Kind     Kind
	Name     string   // of an Object
	Elem     *Type    // of a List or a Map
	Fields   []*Field // of an Object, as declared
	Enriched bool     // an Object returned by a function: its lists are null if not examined
	byName   map[string]*Field
}

// Field is a field of an object.
type Field struct {
	Name string
	Doc  string
	Type *Type
	Get  func(object any) Value // object is a pointer to the struct
}

// The types without a name.
var (
	NullType    = &Type{Kind: Null}
	BoolType    = &Type{Kind: Bool}
	IntType     = &Type{Kind: Int}
	FloatType   = &Type{Kind: Float}
	StringType  = &Type{Kind: String}
	TimeType    = &Type{Kind: Time}
	DynamicType = &Type{Kind: Dynamic}
)

// ListOf returns the type of lists of a type.
func ListOf(t *Type) *Type { return &Type{Kind: List, Elem: t} }

// MapOf returns the type of maps to a type.
func MapOf(t *Type) *Type { return &Type{Kind: Map, Elem: t} }

// Field returns a field, or nil.
func (t *Type) Field(name string) *Field { return t.byName[name] }

// String returns the name of the type for authors of rules.
func (t *Type) String() string {
	switch t.Kind {
	case Object:
		return t.Name
	case List:
		if t.Elem == nil {
			return "list"
		}
		return "list of " + t.Elem.String()
	case Map:
		return "map of " + t.Elem.String()
	default:
		return t.Kind.String()
	}
}

// Same reports whether two types are identical.
func (t *Type) Same(o *Type) bool {
	if t == o {
		return true
	}
	if t == nil || o == nil || t.Kind != o.Kind || t.Name != o.Name {
		return false
	}
	return t.Elem == o.Elem || t.Elem.Same(o.Elem)
}

// Types is all object types by name.
type Types map[string]*Type

// NewTypes builds the table.
func NewTypes() Types {
	t := make(Types)
	t.declareMdm()
	t.declareResult()
	t.declareScan()
	d := t["Domain"]
	d.add(&Field{Name: "error", Doc: "why the name cannot be read", Type: StringType, Get: domainError})
	for _, o := range t {
		o.Enriched = strings.Contains(o.Name, ".")
	}
	return t
}

// object returns the type with a name, declared or not yet.
func (t Types) object(name string) *Type {
	o := t[name]
	if o == nil {
		o = &Type{Kind: Object, Name: name, byName: make(map[string]*Field)}
		t[name] = o
	}
	return o
}

func (t *Type) add(f *Field) {
	t.Fields = append(t.Fields, f)
	t.byName[f.Name] = f
}

// Names returns the names of the fields, sorted.
func (t *Type) Names() []string {
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	slices.Sort(names)
	return names
}
