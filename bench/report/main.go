// Command report turns the output of "go test -bench" into the tables of
// docs/benchmarks.md: the median of the runs, with the least and the most.
//
// It reads standard input and writes standard output. Names of benchmarks are paths
// whose last element is the gateway, where there are two; the second column then says
// how many times as much Outrider did.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// series are the values of one metric of one benchmark.
type series struct {
	name, unit string
	values     []float64
}

// report is everything that was read, in order.
type report struct{ rows []*series }

func (r *report) add(name, unit string, v float64) {
	for _, s := range r.rows {
		if s.name == name && s.unit == unit {
			s.values = append(s.values, v)
			return
		}
	}
	r.rows = append(r.rows, &series{name, unit, []float64{v}})
}

func (r *report) find(name, unit string) *series {
	for _, s := range r.rows {
		if s.name == name && s.unit == unit {
			return s
		}
	}
	return nil
}

var processors = regexp.MustCompile(`-\d+$`) // behind every name

// read takes the lines of results and leaves out others.
func (r *report) read(in io.Reader) error {
	sc := bufio.NewScanner(in)
	for sc.Scan() {
		f := strings.Fields(sc.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(strings.TrimPrefix(f[0], "Benchmark"), "")
		macro := slices.ContainsFunc(f, func(s string) bool { return s == "msgs/s" || s == "p50-ms" })
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return fmt.Errorf("reading %q: %w", sc.Text(), err)
			}
			if macro && f[i+1] == "ns/op" {
				continue // the whole run, which the other metrics put into words
			}
			r.add(strings.ReplaceAll(name, "_", " "), f[i+1], v)
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("reading results: %w", err)
	}
	return nil
}

func (s *series) median() float64 {
	v := slices.Sorted(slices.Values(s.values))
	return v[len(v)/2]
}

func (s *series) String() string {
	return fmt.Sprintf("%s (%s..%s)", number(s.median()), number(slices.Min(s.values)), number(slices.Max(s.values)))
}

// number prints four digits that matter.
func number(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// times compares with the peer whose row has the same name but for the last element.
func (r *report) times(s *series) string {
	base, ok := strings.CutSuffix(s.name, "/Outrider")
	if !ok {
		return ""
	}
	for _, peer := range []string{"/Postfix", "/Postfix and Rspamd"} {
		if p := r.find(base+peer, s.unit); p != nil && p.median() > 0 {
			return strconv.FormatFloat(s.median()/p.median(), 'f', 1, 64) + " times"
		}
	}
	return ""
}

func (r *report) write(out io.Writer) error {
	var b strings.Builder
	b.WriteString("| measured | unit | median (least..most) | against the peer |\n|---|---|---:|---:|\n")
	for _, s := range r.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", strings.ReplaceAll(s.name, "/", ", "), s.unit, s, r.times(s))
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func main() {
	var r report
	err := r.read(os.Stdin)
	if err == nil {
		err = r.write(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}
