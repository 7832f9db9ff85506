package schema

import (
	"outrider/internal/evidence/mdm"
	"outrider/internal/observable"
)

// domainError says why a name cannot be read. The feed asks for it, though its published
// schema does not have it.
func domainError(o any) Value {
	if d, ok := o.(*mdm.Domain); ok && !d.Valid {
		return OfString("not a valid domain name")
	}
	return Value{}
}

// ofURL gives a URL that a scanner wrote down as text as the model's URL.
func ofURL(s string) Value {
	u, ok := observable.ParseURL(s)
	if !ok {
		return Value{}
	}
	m := mdm.NewURL(u)
	return OfObject(&m)
}

func ofOptionalURL(s *string) Value {
	if s == nil {
		return Value{}
	}
	return ofURL(*s)
}

// urls gives a list of such texts as URLs.
type urls []string

func (l *urls) Len() int       { return len(*l) }
func (l *urls) At(i int) Value { return ofURL((*l)[i]) }

// ofEmail gives an address that a scanner wrote down as text as the model's address.
func ofEmail(s string) Value {
	e := mdm.NewEmail(s)
	return OfObject(&e)
}
