package markup

import "unicode/utf8"

// hiddenTexts keeps the first and the last of the hidden texts.
type hiddenTexts struct {
	head, tail         []HiddenText
	headSize, tailSize int
}

// hide adds a text, and reports whether any text was dropped.
func (h *hiddenTexts) hide(s string, why Why) (cut bool) {
	const whole = maxHidden + keptTail
	if len(s) > whole {
		h.hide(clip(s, maxHidden), why)
		h.hide(clipStart(s, keptTail), why)
		return true
	}
	if s = collapse(s); s == "" {
		return false
	}
	if len(h.tail) == 0 && h.headSize+len(s) <= maxHidden {
		h.headSize += len(s) + 1
		h.head = append(h.head, HiddenText{Text: s, Why: why})
		return false
	}
	h.tail = append(h.tail, HiddenText{Text: s, Why: why})
	h.tailSize += len(s) + 1
	for h.tailSize > whole && len(h.tail) > 1 {
		h.tailSize -= len(h.tail[0].Text) + 1
		h.tail = h.tail[1:]
		cut = true
	}
	return cut
}

func (h *hiddenTexts) join() []HiddenText { return append(h.head, h.tail...) }

// endsWriter keeps the beginning and the end of a text.
type endsWriter struct {
	head, tail textWriter
	cut        bool
}

func (w *endsWriter) write(s string) {
	if w.head.b.Len() < maxHidden {
		n := len(clip(s, maxHidden-w.head.b.Len()))
		w.head.write(s[:n], false)
		s = s[n:]
	}
	if s == "" {
		return
	}
	w.tail.write(s, false)
	if text := w.tail.b.String(); len(text) > 4*keptTail {
		w.cut = true
		w.tail.b.Reset()
		w.tail.b.WriteString(clipStart(text, keptTail))
	}
}

func (w *endsWriter) text() string {
	if w.tail.b.Len() == 0 {
		return w.head.b.String()
	}
	return w.head.b.String() + " " + w.tail.b.String()
}

// clipStart returns at most the last n bytes of s, whole characters only.
func clipStart(s string, n int) string {
	if len(s) <= n {
		return s
	}
	i := len(s) - n
	for i < len(s) && !utf8.RuneStart(s[i]) {
		i++
	}
	return s[i:]
}
