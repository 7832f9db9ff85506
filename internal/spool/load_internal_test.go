package spool

import (
	"encoding/json"
	"testing"
	"time"

	"outrider/internal/smtp"
)

// TestBodyIsFoundInItsRow compares the short way with the whole row, of rows as they are written
// and of others.
func TestBodyIsFoundInItsRow(t *testing.T) {
	t.Parallel()
	tricky := smtp.Envelope{From: `x","body":{"id":"fake"}}@example.org`, Body: `{"body":{"id":"fake"}}`}
	var rows []string
	for _, b := range []Body{{ID: "b1", Size: 5}, {ID: "b2", Size: 1 << 40, File: true}} {
		for _, v := range []any{
			Entry{ID: "e", Envelope: tricky, Created: time.Unix(1, 0), LastReply: `,"body":{`, Body: b},
			Held{ID: "h", Envelope: tricky, Meta: json.RawMessage(`{"x":1,"body":{"id":"meta"}}`), Body: b},
		} {
			raw, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, string(raw))
		}
	}
	rows = append(rows, `{"body":{"id":"b3","size":1},"after":{"x":{}}}`, `{"x":0,"body":{"id":"b4","size":1},"after":{}}`, `{"x":0,"body":{"id":"b5","new":{"x":1}}}`, `{"x":0}`)
	for _, row := range rows {
		var want struct{ Body Body }
		if err := json.Unmarshal([]byte(row), &want); err != nil {
			t.Fatal(err)
		}
		if got, err := bodyOf([]byte(row)); err != nil || got != want.Body {
			t.Errorf("%s: got %+v, %v", row, got, err)
		}
	}
	if _, err := bodyOf([]byte(`{"x":`)); err == nil {
		t.Error("a damaged row was read")
	}
}
