package event_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"outrider/internal/event"
)

// TestEveryKindAndFieldIsDocumented compares docs/events.md with the code.
func TestEveryKindAndFieldIsDocumented(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	kinds := 0
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		if l, ok := v.Values[0].(*ast.BasicLit); ok && l.Kind == token.STRING {
			kinds++
			if row := "| `" + strings.Trim(l.Value, `"`) + "` |"; !strings.Contains(string(raw), row) {
				t.Errorf("kind %s is missing", l.Value)
			}
		}
		return true
	})
	if kinds < 13 || kinds != len(event.Kinds()) {
		t.Errorf("%d kinds were found in event.go, Kinds lists %d", kinds, len(event.Kinds()))
	}
	for _, detail := range []reflect.Type{
		reflect.TypeFor[event.Event](), reflect.TypeFor[event.ReceivedDetail](), reflect.TypeFor[event.JudgedDetail](),
		reflect.TypeFor[event.RejudgedDetail](), reflect.TypeFor[event.DeliveryDetail](), reflect.TypeFor[event.HeldDetail](),
	} {
		for i := range detail.NumField() {
			name, _, _ := strings.Cut(detail.Field(i).Tag.Get("json"), ",")
			if !strings.Contains(string(raw), "`"+name+"`") {
				t.Errorf("%s.%s (%s) is missing", detail.Name(), detail.Field(i).Name, name)
			}
		}
	}
}
