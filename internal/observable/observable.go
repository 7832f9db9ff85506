// Package observable finds the items of a message that can be looked up, compared or
// followed: URLs, their domains, phone numbers, extensions of file names, and the visible
// and hidden text of an HTML document.
//
// Mail clients pass links to browsers, which repair them; so URLs are parsed by the WHATWG
// URL Standard, including tabs inside, back-slashes and numeric addresses. Text is compared
// in two forms: folded, where typographic variants are equal, and as a skeleton (UTS #39),
// where look-alike characters are equal.
//
// Standards: RFC 3986 (URI), RFC 5890 to 5892 (IDNA), UAX #15 (NFKD), UTS #39 (skeletons),
// WHATWG URL and HTML.
//
// Divergences: the skeleton also equates digits with look-alike letters ("paypa1"), and
// folds case, which UTS #39 does not.
//
// Limits: of style sheets only inline styles count; scripts are not run. URLs and HTML
// tokens are bounded by package budget.
package observable
