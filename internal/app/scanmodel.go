package app

import (
	"encoding/json"
	"fmt"
	"io"
)

// resultWriter prints what scan found of each message.
type resultWriter interface {
	write(r *scanResult) error
	close() error
}

// modelWriter prints the message data model of each message, for people in lines and for
// programs (jsonl) in one line each.
type modelWriter struct{ enc *json.Encoder }

func newModelWriter(w io.Writer, format string) resultWriter {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if format != "jsonl" {
		enc.SetIndent("", "  ")
	}
	return modelWriter{enc}
}

func (m modelWriter) write(r *scanResult) error {
	var v any = r.model
	if r.model == nil {
		v = r // why there is none
	}
	if err := m.enc.Encode(v); err != nil {
		return fmt.Errorf("printing the model of %s: %w", r.Path, err)
	}
	return nil
}

func (m modelWriter) close() error { return nil }
