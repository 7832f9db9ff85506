package mailflow

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outrider/internal/mailauth"
	"outrider/internal/spool"
)

// fill gives every exported field below v a value that is not its zero.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 11, 2, 10, 0, 0, 1000, time.UTC)))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr("2001:db8::1")))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(0.1)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8:
		v.SetUint(1)
	default:
		panic("no value for " + v.Type().String())
	}
}

// TestPendingReadsBackAsItWas proves that a later re-evaluation begins with all that the first one had.
func TestPendingReadsBackAsItWas(t *testing.T) {
	t.Parallel()
	var want, got pending
	fill(reflect.ValueOf(&want).Elem())
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	// The chain of sealers serves only to seal what is sent.
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(mailauth.Results{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if got.changed(&want.Verdict) {
		t.Error("the same verdict counts as another")
	}
}

// TestRoomIsTakenOnce proves that re-evaluations which are being put down count as well.
func TestRoomIsTakenOnce(t *testing.T) {
	t.Parallel()
	var d backlog
	waiting := func() spool.Stats { return spool.Stats{Revisits: maxOwed - 2, RevisitBytes: maxOwedBytes - 10} }
	if !d.take(waiting, 6) || d.take(waiting, 6) || !d.take(waiting, 4) || d.take(waiting, 0) {
		t.Error("more than there is room for was taken, or less")
	}
	d.give(6)
	if !d.take(waiting, 6) || d.take(waiting, 0) {
		t.Error("what was given back cannot be taken")
	}
}
