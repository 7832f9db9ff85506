package message_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"outrider/internal/message"
)

func TestPatchMakesTheRenditionAgain(t *testing.T) {
	t.Parallel()
	eachGolden(t, func(t *testing.T, raw []byte) {
		t.Helper()
		drop := func(f message.Field) bool { return f.Key == "received" || f.Key == "to" }
		want, r := render(t, raw, message.Edit{Prepend: []byte("X-A: b\r\n"), Remove: drop})
		stored, err := json.Marshal(r.Patch())
		if err != nil {
			t.Fatal(err)
		}
		var p message.Patch
		if err := json.Unmarshal(stored, &p); err != nil {
			t.Fatal(err)
		}
		p = p.Prepend([]byte("X-First: c\r\n"), int64(len(raw)))
		var got bytes.Buffer
		n, err := p.Write(&got, bytes.NewReader(raw))
		if err != nil || got.String() != "X-First: c\r\n"+string(want) || n != int64(got.Len()) || n != p.Size(int64(len(raw))) {
			t.Errorf("%d bytes, %v: %q", n, err, got.Bytes())
		}
	})
}

func TestPatchThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, p := range []message.Patch{{{From: 0, To: 99}}, {{From: 90, To: 99}}, {{From: 2, To: 3}, {From: 1, To: 2}}, {{From: 3, To: 1}}} {
		if _, err := p.Write(io.Discard, strings.NewReader("abcd")); !errors.Is(err, message.ErrBadPatch) {
			t.Errorf("%v: %v", p, err)
		}
	}
	var none message.Patch
	var got strings.Builder
	if n, err := none.Write(&got, strings.NewReader("abcd")); n != 4 || err != nil || got.String() != "abcd" || none.Size(4) != 4 {
		t.Errorf("the empty patch: %q, %v", got.String(), err)
	}
	got.Reset()
	if _, err := none.Prepend([]byte("x"), 4).Write(&got, strings.NewReader("abcd")); err != nil || got.String() != "xabcd" {
		t.Errorf("prepended: %q, %v", got.String(), err)
	}
}
