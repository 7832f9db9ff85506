package thread

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// dateReader collects the parts of a date in any order.
type dateReader struct {
	day, month, year, hour, minute, second int
	afternoon, morning, clock              bool
	zone                                   *time.Location
}

// parseDate parses the date in s, in any language and order of a client. It returns the
// zero time if day and month are ambiguous.
func parseDate(s string) time.Time {
	const most = 200
	r := dateReader{zone: time.UTC}
	separate := func(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune(",()<>*年月日", c) }
	for word := range strings.FieldsFuncSeq(clip(s, most), separate) {
		if strings.Contains(word, "@") {
			break
		}
		r.word(strings.ToLower(strings.Trim(word, ".")))
	}
	return r.time()
}

func (r *dateReader) word(w string) {
	switch {
	case w == "pm" || w == "p.m":
		r.afternoon = true
	case w == "am" || w == "a.m":
		r.morning = true
	case w == "":
	case w[0] == '+' || w[0] == '-':
		r.offset(w)
	case w[0] >= '0' && w[0] <= '9':
		r.number(w)
	default:
		r.name(w)
	}
}

func (r *dateReader) name(w string) {
	runes := []rune(w)
	if len(runes) < 3 || r.month > 0 {
		return
	}
	prefix := string(runes[:3])
	if prefix == "jui" && len(runes) > 3 { // French: juin, juillet
		r.month = map[rune]int{'n': 6, 'l': 7}[runes[3]]
		return
	}
	r.month = months[prefix]
}

func (r *dateReader) offset(w string) {
	n, err := strconv.Atoi(strings.ReplaceAll(w, ":", ""))
	if err == nil && len(w) >= 5 && n >= -1400 && n <= 1400 {
		r.zone = time.FixedZone("", (n/100*60+n%100)*60)
	}
}

func (r *dateReader) number(w string) {
	if strings.Contains(w, ":") {
		r.readClock(w)
		return
	}
	parts := strings.FieldsFunc(w, func(c rune) bool { return c < '0' || c > '9' })
	ns := make([]int, 0, 3)
	for _, p := range parts[:min(len(parts), 3)] {
		n, _ := strconv.Atoi(p)
		ns = append(ns, n)
	}
	switch {
	case len(ns) == 3 && ns[0] > 1900: // 2006-01-02
		r.year, r.month, r.day = ns[0], ns[1], ns[2]
	case len(ns) == 3 && ns[2] > 1900 && (strings.Contains(w, ".") || ns[0] > 12): // 02.01.2006
		r.day, r.month, r.year = ns[0], ns[1], ns[2]
	case len(ns) == 3 && ns[2] > 1900 && ns[1] > 12: // 01/02/2006 with a day above 12
		r.month, r.day, r.year = ns[0], ns[1], ns[2]
	case len(ns) == 1 && ns[0] > 1900 && ns[0] < 2200:
		r.year = ns[0]
	case len(ns) == 1 && ns[0] >= 1 && ns[0] <= 31 && r.day == 0:
		r.day = ns[0]
	}
}

func (r *dateReader) readClock(w string) {
	if r.clock {
		return
	}
	r.afternoon = r.afternoon || strings.HasSuffix(w, "pm")
	r.morning = r.morning || strings.HasSuffix(w, "am")
	into := []*int{&r.hour, &r.minute, &r.second}
	i := 0
	for p := range strings.SplitSeq(strings.TrimRight(w, "apm:"), ":") {
		n, err := strconv.Atoi(p)
		if err != nil || i == len(into) {
			return
		}
		*into[i] = n
		i++
	}
	r.clock = true
}

func (r *dateReader) time() time.Time {
	if r.afternoon && r.hour < 12 {
		r.hour += 12
	}
	if r.morning && r.hour == 12 {
		r.hour = 0
	}
	if r.year < 1970 || r.year > 2200 || r.month < 1 || r.month > 12 || r.day < 1 || r.hour > 23 || r.minute > 59 || r.second > 60 {
		return time.Time{}
	}
	t := time.Date(r.year, time.Month(r.month), r.day, r.hour, r.minute, r.second, 0, r.zone)
	if t.Day() != r.day {
		return time.Time{}
	}
	return t
}
