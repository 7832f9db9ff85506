package rule

import (
	"outrider/internal/rule/schema"
)

// Schema is what rules may name: fields, functions and lists.
type Schema struct {
	types     schema.Types
	functions schema.Functions
	switches  Switches
}

// Switches settle what the documentation of the language leaves open. The zero value is
// what Outrider takes to be right.
type Switches struct {
	// AnyUnknownIsFalse makes any(...) false where no element is true and some are unknown,
	// instead of unknown, and all(...) true where none is false.
	AnyUnknownIsFalse bool
	// CountOverlapping makes strings.count find "aa" twice in "aaa", instead of once.
	CountOverlapping bool
	// LenientURL makes strings.parse_url take a text without a scheme for one of the web where
	// the rule does not say strict=..., instead of for none.
	LenientURL bool
	// NullListOfNull makes a list null whose object is null, in the message too, instead of
	// empty: body.html.links of a message without HTML.
	NullListOfNull bool
	// AllOfNullIsUnknown makes all(...) of a list that is null unknown, instead of true.
	AllOfNullIsUnknown bool
}

// NewSchema returns the schema of the language.
func NewSchema() *Schema { return NewSchemaWith(Switches{}) }

// NewSchemaWith returns the schema with open questions settled otherwise.
func NewSchemaWith(s Switches) *Schema {
	t := schema.NewTypes()
	return &Schema{types: t, functions: schema.NewFunctions(t), switches: s}
}

// Types returns the object types by name, for documentation.
func (s *Schema) Types() schema.Types { return s.types }

// Functions returns the functions by name, for documentation.
func (s *Schema) Functions() schema.Functions { return s.functions }

// root is the type of the message.
func (s *Schema) root() *schema.Type { return s.types["Message"] }

// listElement returns the type of the elements of a named list.
func (s *Schema) listElement(name string) *schema.Type {
	if name == "org_vips" {
		return s.types["result.Person"]
	}
	return schema.StringType
}
