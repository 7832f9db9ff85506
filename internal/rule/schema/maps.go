package schema

import (
	"maps"
	"slices"
)

// named is a map of strings.
type named map[string]string

// OfNamed returns a map of strings.
func OfNamed(m map[string]string) Value { return OfMap(named(m)) }

func (m named) Len() int       { return len(m) }
func (m named) Keys() []string { return slices.Sorted(maps.Keys(m)) }
func (m named) Get(key string) (Value, bool) {
	s, ok := m[key]
	if !ok {
		return Value{}, false
	}
	return OfString(s), true
}

// multi is a map of lists of strings.
type multi map[string][]string

func ofMulti(m map[string][]string) Value {
	if m == nil {
		return Value{}
	}
	return OfMap(multi(m))
}

func (m multi) Len() int       { return len(m) }
func (m multi) Keys() []string { return slices.Sorted(maps.Keys(m)) }

// Get returns the list of a key. Lists of a message are never null: a missing one is empty.
func (m multi) Get(key string) (Value, bool) {
	s, ok := m[key]
	return OfStrings(s), ok
}

// OfJSON returns the value of data that encoding/json decoded into an any.
func OfJSON(v any) Value {
	switch v := v.(type) {
	case bool:
		return OfBool(v)
	case float64:
		if i := int64(v); float64(i) == v && i > -1<<53 && i < 1<<53 {
			return OfInt(i)
		}
		return OfFloat(v)
	case string:
		return OfString(v)
	case []any:
		return OfList(array(v))
	case map[string]any:
		return OfMap(object(v))
	default:
		return Value{}
	}
}

// array is a JSON list.
type array []any

func (l array) Len() int       { return len(l) }
func (l array) At(i int) Value { return OfJSON(l[i]) }

// object is a JSON object.
type object map[string]any

func (m object) Len() int       { return len(m) }
func (m object) Keys() []string { return slices.Sorted(maps.Keys(m)) }
func (m object) Get(key string) (Value, bool) {
	v, ok := m[key]
	return OfJSON(v), ok
}
