package rule

import (
	"outrider/internal/rule/schema"
)

// Schema holds the names that rules can use: fields, functions and lists.
type Schema struct {
	types     schema.Types
	functions schema.Functions
	switches  Switches
}

// Switches settle questions that the documentation of the language leaves open. The zero
// value is Outrider's choice.
type Switches struct {
	// AnyUnknownIsFalse makes any(...) false if no element is true and some are unknown,
	// instead of unknown, and all(...) true if none is false.
	AnyUnknownIsFalse bool
	// CountOverlapping makes strings.count find "aa" twice in "aaa", instead of once.
	CountOverlapping bool
	// LenientURL makes strings.parse_url treat a text without a scheme as a web URL if the
	// rule has no strict=..., instead of as invalid.
	LenientURL bool
	// NullListOfNull makes a list of a null object null, in the message too, instead of
	// empty: body.html.links of a message without HTML.
	NullListOfNull bool
	// AllOfNullIsUnknown makes all(...) of a null list unknown, instead of true.
	AllOfNullIsUnknown bool
}

// NewSchema returns the schema of the language.
func NewSchema() *Schema { return NewSchemaWith(Switches{}) }

// NewSchemaWith returns the schema with other switches.
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
