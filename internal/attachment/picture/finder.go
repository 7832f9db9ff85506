package picture

import "math"

// A code has three marks, each a dark square in a light ring in a dark one: every line
// through the centre has runs of 1:1:3:1:1. ISO/IEC 18004, Section 6.3.3. The search is
// that of gozxing; its decoder only runs with three marks.

// mark is a candidate for a corner mark.
type mark struct {
	x, y, module float64
	seen         float64
}

// rowStep is the distance between searched rows: a mark is seven modules high.
const rowStep = 3

// marks returns the candidates in the picture, at most one more than most.
func (k *ink) marks(most int) []mark {
	var found []mark
	for y := rowStep - 1; y < k.h && len(found) <= most; y += rowStep {
		var runs [5]int // the last runs, oldest first
		n := 0          // number of them, from a dark one on
		k.row(y, func(dark bool, length, end int) {
			if n == 0 && !dark {
				return
			}
			copy(runs[:], runs[1:])
			runs[4] = length
			n++
			if !dark || n < 5 || !ratio(runs, 2) {
				return
			}
			if m, ok := k.confirm(runs, end, y); ok {
				found = addMark(found, m)
				n = 0
			}
		})
	}
	return found
}

// ratio reports whether runs are 1:1:3:1:1, each within a module divided by slack.
func ratio(runs [5]int, slack float64) bool {
	total := 0
	for _, r := range runs {
		if r == 0 {
			return false
		}
		total += r
	}
	if total < 7 {
		return false
	}
	module := float64(total) / 7
	off := module / slack
	for i, want := range [5]float64{1, 1, 3, 1, 1} {
		if math.Abs(want*module-float64(runs[i])) >= want*off {
			return false
		}
	}
	return true
}

// confirm checks the column, the row and a diagonal through a candidate.
func (k *ink) confirm(runs [5]int, end, y int) (mark, bool) {
	total := sum(runs)
	x := middle(runs, end)
	column, down, ok := k.across(int(x), y, 0, 1, runs[2])
	if !ok || 5*abs(sum(column)-total) >= 2*total || !ratio(column, 2) {
		return mark{}, false
	}
	cy := middle(column, down)
	line, right, ok := k.across(int(x), int(cy), 1, 0, runs[2])
	if !ok || 5*abs(sum(line)-total) >= total || !ratio(line, 2) {
		return mark{}, false
	}
	cx := middle(line, right)
	diagonal, _, _ := k.across(int(cx), int(cy), 1, 1, k.w+k.h)
	if !ratio(diagonal, 1.333) {
		return mark{}, false
	}
	return mark{cx, cy, float64(total) / 7, 1}, true
}

// across returns the five runs of a line through a pixel of the middle one, and the end of
// the last. A ring longer than most does not count.
func (k *ink) across(x, y, dx, dy, most int) (runs [5]int, end int, ok bool) {
	i := 0
	step := func(run, sign int, dark bool, most int) bool {
		for runs[run] <= most {
			px, py := x+sign*i*dx, y+sign*i*dy
			if px < 0 || py < 0 || px >= k.w || py >= k.h {
				return run == 0 || run == 4
			}
			if k.at(px, py) != dark {
				return true
			}
			runs[run]++
			i++
		}
		return false
	}
	long := k.w + k.h
	if !step(2, -1, true, long) || !step(1, -1, false, most) || !step(0, -1, true, most) {
		return runs, 0, false
	}
	i = 1
	ok = step(2, 1, true, long) && step(3, 1, false, most) && step(4, 1, true, most)
	return runs, max(x*dx, y*dy) + i, ok
}

// middle returns the centre of five runs with the given end.
func middle(runs [5]int, end int) float64 {
	return float64(end-runs[4]-runs[3]) - float64(runs[2])/2
}

func sum(runs [5]int) int { return runs[0] + runs[1] + runs[2] + runs[3] + runs[4] }

func abs(n int) int { return max(n, -n) }

// addMark adds a candidate, or merges it with an existing one.
func addMark(list []mark, m mark) []mark {
	for i := range list {
		o := &list[i]
		if off := math.Abs(m.module - o.module); math.Abs(m.x-o.x) > m.module || math.Abs(m.y-o.y) > m.module || off > 1 && off > o.module {
			continue
		}
		n := o.seen + 1
		o.x, o.y, o.module, o.seen = (o.seen*o.x+m.x)/n, (o.seen*o.y+m.y)/n, (o.seen*o.module+m.module)/n, n
		return list
	}
	return append(list, m)
}

// triple reports whether three candidates can be the corners of one code: similar, and at
// the ends of two equal lines at a right angle, as in gozxing.
func triple(a, b, c mark) bool {
	low, high := min(a.module, b.module, c.module), max(a.module, b.module, c.module)
	if high-low > 2*alikePixels && high > low*(1+2*alikeShare) {
		return false
	}
	sides := [3]float64{distance(a, b), distance(b, c), distance(a, c)}
	long := max(sides[0], sides[1], sides[2])
	short := min(sides[0], sides[1], sides[2])
	other := sides[0] + sides[1] + sides[2] - long - short
	modules := (short + other) / (2 * high)
	right := math.Hypot(short, other)
	return modules <= 190 && short+other >= 8*2*low && other-short < 0.12*short && math.Abs(long-right) < 0.12*min(long, right)
}

// Maximum differences between the marks of one code, as gozxing uses between neighbours in
// size.
const (
	alikePixels = 0.5
	alikeShare  = 0.05
)

func distance(a, b mark) float64 { return math.Hypot(a.x-b.x, a.y-b.y) }

// mayHold reports whether candidates can be the marks of a code. The first three are always
// tried.
func mayHold(list []mark) bool {
	if len(list) <= 3 {
		return len(list) == 3
	}
	for i := range list {
		for j := i + 1; j < len(list); j++ {
			for k := j + 1; k < len(list); k++ {
				if triple(list[i], list[j], list[k]) {
					return true
				}
			}
		}
	}
	return false
}
