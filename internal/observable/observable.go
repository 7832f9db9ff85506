// Package observable finds what can be looked up, compared or followed in a message:
// URLs, the domains in them, phone numbers, the extensions of file names, and what an
// HTML document shows and hides.
//
// Mail clients hand links to browsers, and browsers repair them; so URLs are read as
// the WHATWG URL Standard reads them, with tabs inside, back-slashes, numbers for
// addresses and all. Text is compared in two forms: folded, in which typographic
// variants are one, and as a skeleton (UTS #39), in which characters that look alike
// are one.
//
// Standards: RFC 3986 (URI), RFC 5890 to 5892 (IDNA), UAX #15 (NFKD), UTS #39
// (skeletons), WHATWG URL and HTML.
//
// Divergences: the skeleton also equates digits with the letters that people read
// them as ("paypa1"), and folds case, which UTS #39 does not.
//
// Limits: of style sheets only inline styles count; scripts are not run. URLs and HTML
// tokens are bounded by package budget.
package observable
