package schema

import (
	"outrider/internal/evidence/mdm"
	"outrider/internal/observable"
)

// domainError returns why a name does not parse. The feed uses this field, although its
// published schema lacks it.
func domainError(o any) Value {
	if d, ok := o.(*mdm.Domain); ok && !d.Valid {
		return OfString("not a valid domain name")
	}
	return Value{}
}

// ofURL returns a URL in a scanner's text as the model's URL.
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

// urls returns a list of such texts as URLs.
type urls []string

func (l *urls) Len() int       { return len(*l) }
func (l *urls) At(i int) Value { return ofURL((*l)[i]) }

// ofEmail returns an address in a scanner's text as the model's address.
func ofEmail(s string) Value {
	e := mdm.NewEmail(s)
	return OfObject(&e)
}
