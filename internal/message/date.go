package message

import (
	"strconv"
	"strings"
	"time"
)

// maxDate bounds the bytes of a date that are parsed; the longest that clients write have
// 60, including comments.
const maxDate = 200

// dateReader collects the fields of a date in any order.
type dateReader struct {
	day, year  int
	month      time.Month
	clock      [3]int
	hasClock   bool
	zone       int // seconds east of UTC
	zoneSet    bool
	afternoon  bool
	wellFormed bool
}

// ParseDate parses a date as clients write it: RFC 5322, its obsolete forms, the form of
// asctime, and RFC 3339.
func ParseDate(s string) (time.Time, bool) {
	s = s[:min(len(s), maxDate)]
	if t, err := time.Parse(time.RFC3339, strings.TrimSpace(s)); err == nil {
		return t, true
	}
	r := dateReader{day: -1, year: -1, wellFormed: true}
	for s != "" {
		if s = skipComments(s); s == "" {
			break
		}
		i := strings.IndexAny(s, " \t,(")
		switch {
		case i < 0:
			i = len(s)
		case i == 0:
			s = s[1:]
			continue
		}
		r.word(s[:i])
		s = s[i:]
	}
	return r.time()
}

// word parses one word of the date.
func (r *dateReader) word(w string) {
	switch {
	case w[0] == '+' || w[0] == '-':
		r.offset(w)
	case strings.Contains(w, ":"):
		r.time24(w)
	case w[0] >= '0' && w[0] <= '9':
		r.number(w)
	default:
		r.letters(w)
	}
}

// number parses a day, a year, or "14-Nov-2024".
func (r *dateReader) number(w string) {
	if strings.Count(w, "-") == 2 {
		for part := range strings.SplitSeq(w, "-") {
			if part != "" {
				r.word(part)
			}
		}
		return
	}
	n, err := strconv.Atoi(strings.TrimRight(w, ".thndrs"))
	switch {
	case err != nil || n < 0:
		r.wellFormed = false
	case r.day < 0 && n <= 31 && len(w) <= 4:
		r.day = n
	case r.year < 0:
		r.year = fullYear(n, len(w))
	}
}

// fullYear completes a year.
// RFC 5322, Section 4.3: two digits up to 49 mean 2000 and later, three add 1900.
func fullYear(n, digits int) int {
	switch {
	case digits <= 2 && n < 50:
		return 2000 + n
	case digits <= 3:
		return 1900 + n
	default:
		return n
	}
}

func (r *dateReader) time24(w string) {
	if i := strings.IndexAny(w, "+-"); i > 0 {
		r.offset(w[i:])
		w = w[:i]
	}
	w, _, _ = strings.Cut(w, ".")
	for i, part := range strings.SplitN(w, ":", 3) {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			r.wellFormed = false
			return
		}
		r.clock[i] = n
	}
	r.hasClock = true
}

// offset parses a zone such as "+0200" or "-05:30".
func (r *dateReader) offset(w string) {
	n, err := strconv.Atoi(strings.ReplaceAll(w[1:], ":", ""))
	if err != nil || n < 0 || n > 9999 {
		r.wellFormed = r.wellFormed && r.zoneSet
		return
	}
	if n < 100 {
		n *= 100
	}
	r.zone = (n/100)*3600 + (n%100)*60
	if w[0] == '-' {
		r.zone = -r.zone
	}
	r.zoneSet = true
}

// letters parses names of months and zones. Names of days are redundant.
func (r *dateReader) letters(w string) {
	w = strings.ToLower(strings.Trim(w, ".\""))
	if len(w) >= 3 && r.month == 0 {
		if i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", w[:3]); i >= 0 && i%3 == 0 {
			r.month = time.Month(i/3 + 1)
			return
		}
	}
	if w == "pm" {
		r.afternoon = true
	}
	if hours, ok := zoneNames[w]; ok && !r.zoneSet {
		r.zone, r.zoneSet = hours*3600, true
	}
}

// zoneNames are the named zones in mail, in hours east of UTC. RFC 5322, Section 4.3.
var zoneNames = map[string]int{
	"ut": 0, "gmt": 0, "utc": 0, "z": 0, "edt": -4, "est": -5, "cdt": -5, "cst": -6, "mdt": -6, "mst": -7, "pdt": -7,
	"pst": -8, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3, "jst": 9,
}

// time combines the fields.
func (r *dateReader) time() (time.Time, bool) {
	h, m, s := r.clock[0], r.clock[1], r.clock[2]
	if r.afternoon && h < 12 {
		h += 12
	}
	switch {
	case !r.wellFormed || !r.hasClock || r.month == 0 || r.day < 1 || r.year < 1900 || r.year > 9999:
		return time.Time{}, false
	case h > 23 || m > 59 || s > 60 || r.zone > 24*3600 || r.zone < -24*3600:
		return time.Time{}, false
	}
	zone := time.UTC
	if r.zone != 0 {
		zone = time.FixedZone("", r.zone)
	}
	return time.Date(r.year, r.month, r.day, h, m, s, 0, zone), true
}
