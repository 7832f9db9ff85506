package thread_test

import (
	"strings"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/markup"
	"outrider/internal/thread"
)

const (
	lure    = "Dear customer, call our billing department today."
	wrote   = "On Mon, 2 Nov 2026 at 09:00, Someone <x@there.test> wrote:\n"
	forward = "---------- Forwarded message ---------\nFrom: Someone <x@there.test>\nDate: Mon, 2 Nov 2026 at 09:00\nSubject: bill\nTo: Ann <ann@here.test>\n\n"
	outlook = "-----Original Message-----\nFrom: Someone <x@there.test>\nSent: Monday, November 2, 2026 9:00 AM\nTo: Ann\nSubject: bill\n\n"
)

// TestOwnText checks that a quotation counts as the author's text if its author adds
// nothing, and does not if he writes above it.
func TestOwnText(t *testing.T) {
	t.Parallel()
	marked := "> " + lure
	for name, tc := range map[string]struct {
		text string
		own  bool // the lure is the author's
	}{
		"all is marked":                    {marked, true},
		"all is marked twice":              {">> " + lure, true},
		"all is marked, below a banner":    {"[EXTERNAL]\n" + marked, true},
		"all is marked, above a mark":      {">> " + lure + "\n> a", true},
		"all is marked, above a signature": {marked + "\n\n-- \nAnn", true},
		"an attribution alone":             {wrote + marked, true},
		"an attribution and a signature":   {wrote + marked + "\n\n-- \nAnn", true},
		"a forward alone":                  {forward + lure, true},
		"a forward below one word":         {"FYI\n\n" + forward + lure, true},
		"a forward below a point":          {".\n\n" + forward + lure, true},
		"an original message alone":        {outlook + lure, true},
		"text above an attribution":        {"Please ignore this one.\n\n" + wrote + marked, false},
		"a word above an attribution":      {"Thanks!\n\n" + wrote + marked, false},
		"text above an original message":   {"Please ignore this one.\n\n" + outlook + lure, false},
		"text above a forward":             {"Is this ours?\n\n" + forward + lure, false},
		"text below the quotation":         {wrote + marked + "\n\nPlease ignore this one.", false},
		"no quotation":                     {lure, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := thread.Split(tc.text)
			if got := strings.Contains(th.Own(), lure); got != tc.own {
				t.Errorf("own text %q of %+v", th.Own(), th)
			}
		})
	}
}

func TestOwnTextOfHTML(t *testing.T) {
	t.Parallel()
	attribution := "<div class=\"gmail_attr\">On Mon, 2 Nov 2026 at 09:00, Someone &lt;x@there.test&gt; wrote:<br></div>"
	for name, tc := range map[string]struct {
		html string
		own  bool
	}{
		"a quotation of Gmail alone":      {"<div class=gmail_quote>" + attribution + "<blockquote class=gmail_quote>" + lure + "</blockquote></div>", true},
		"a cited quotation alone":         {"<blockquote type=cite>" + lure + "</blockquote>", true},
		"text above a quotation of Gmail": {"<div>Please ignore it.</div><div class=gmail_quote>" + attribution + "<blockquote class=gmail_quote>" + lure + "</blockquote></div>", false},
		"hidden text above a quotation":   {"<div style='display:none'>Please ignore it.</div><blockquote type=cite>" + lure + "</blockquote>", true},
		"text above the header of Outlook": {"<p>Please ignore it.</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p><b>From:</b> S &lt;x@there.test&gt;<br><b>Sent:</b> Monday, " +
			"November 2, 2026 9:00 AM<br><b>To:</b> Ann<br><b>Subject:</b> x</p></div><p>" + lure + "</p>", false},
		"text above a quotation of Yahoo": {"<div>Please ignore it.</div><div class=yahoo_quoted><div>On Monday, S wrote:</div><div>" + lure + "</div></div>", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := thread.SplitHTML(markup.Parse(tc.html, budget.New(budget.Default())))
			if got := strings.Contains(th.Own(), lure); got != tc.own {
				t.Errorf("own text %q of %+v", th.Own(), th)
			}
		})
	}
}
