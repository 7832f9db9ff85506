package app

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// resultWriter prints what scan found of each message.
type resultWriter interface {
	write(r *scanResult) error
	close() error
}

// scanWriter prints results in one format.
type scanWriter struct {
	cli    *cli
	format string
	table  *table
	csv    *csv.Writer
}

func (c *cli) newScanWriter(format string) *scanWriter {
	s := &scanWriter{cli: c, format: format}
	switch format {
	case "csv":
		s.csv = csv.NewWriter(c.out)
		_ = s.csv.Write([]string{"path", "disposition", "score", "findings", "degraded", "micros", "error"}) // close returns the error
	case "text":
		s.table = c.newStream(column{title: "DISPOSITION", width: 13}, column{title: "SCORE", width: 5, right: true}, column{title: "FROM", width: 28, min: 20},
			column{title: "TO", width: 24, min: 16}, column{title: "SUBJECT", width: 36, min: 20}, column{title: "PATH", width: 36, min: 20})
	}
	return s
}

func (s *scanWriter) write(r *scanResult) error {
	switch s.format {
	case "csv":
		return s.writeCSV(r)
	case "text":
		return s.writeRow(r)
	default:
		return s.cli.jsonLine(r)
	}
}

func (s *scanWriter) writeCSV(r *scanResult) error {
	var ids []string
	for _, f := range r.Findings {
		ids = append(ids, f.ID)
	}
	return s.csv.Write([]string{
		formulaSafe(r.Path), r.Disposition.String(), fmt.Sprintf("%.4f", r.Score), strings.Join(ids, " "), strings.Join(r.Degraded, " "),
		strconv.FormatInt(r.Micros, 10), formulaSafe(r.Error),
	})
}

// formulaSafe keeps a spreadsheet from taking a file name for a formula.
func formulaSafe(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// maxRowFindings is how many findings are shown under a row.
const maxRowFindings = 3

func (s *scanWriter) writeRow(r *scanResult) error {
	err := s.table.add(cell{r.Disposition.String(), styleOf(r.Disposition)}, cell{text: fmt.Sprintf("%.2f", r.Score)}, cell{text: r.Author}, cell{text: firstOf(r.Recipients)}, cell{text: r.Subject}, cell{text: r.Path})
	if r.Error != "" && err == nil {
		err = s.table.note("error: "+r.Error, red)
	}
	for i, f := range r.Findings {
		if i == maxRowFindings || f.Weight <= 0 || err != nil {
			break
		}
		err = s.table.note(fmt.Sprintf("%+5.1f  %s: %s", f.Weight, f.ID, f.Explanation()), plain)
	}
	if len(r.Degraded) > 0 && err == nil {
		err = s.table.note("no result from "+strings.Join(r.Degraded, ", "), yellow)
	}
	return err
}

func (s *scanWriter) close() error {
	if s.csv == nil {
		return nil
	}
	s.csv.Flush()
	return s.csv.Error()
}

// modelWriter prints the message data model of each message: indented for people, on one line for
// programs.
type modelWriter struct{ enc *json.Encoder }

func newModelWriter(w io.Writer, format string) resultWriter {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if format != "json" {
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
