package signal

import (
	"outrider/internal/address"
	"outrider/internal/attachment"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// documentLink finds attached documents of strangers that lead to somebody else's site:
// a link inside a document is out of sight of whoever reads only the body. Documents that
// lead to their sender's own site, answers, and mail of people who wrote before pass;
// authors who are proved count half.
func documentLink() Signal {
	return Signal{
		ID: "document-link", Name: "Link hidden in an attached document", Class: verdict.ClassPhish, Weight: 4, Since: "0.2",
		Why: "The attached document %s leads to %s, which is not its sender's site.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReply() || e.IsReport() || e.AuthorKnown() || throughList(e) {
				return nil
			}
			files, times := e.Files(), 1.0
			if e.AuthorProved() {
				times = 0.5
			}
			for i, r := range e.Insides() {
				if host := leadsTo(r, address.Organizational(e.Author().Domain)); host != "" {
					return one(Match{Portion: verdict.PortionAttachment, Field: files[i].Part.Path, Value: host, Args: []any{nameOf(&files[i]), host}, Times: times})
				}
			}
			return nil
		},
	}
}

// leadsTo returns the host of the first foreign link of the documents in a report, or "".
func leadsTo(r *attachment.Report, own string) string {
	if r == nil {
		return ""
	}
	for k := range r.Files {
		if host := foreignLink(r.Files[k].Document, own); host != "" {
			return host
		}
	}
	return ""
}

// foreignLink returns the host of the first link or code of a document that leads to
// another organization than own, or "". What programs that make documents put into them
// counts for nothing.
func foreignLink(d *attachment.Document, own string) string {
	if d == nil {
		return ""
	}
	for _, list := range [][]string{d.Codes, d.URLs} {
		for _, raw := range list {
			u, ok := observable.ParseURL(raw)
			if !ok || !u.IsWeb() {
				continue
			}
			if org := u.Org(); org != own && !makesDocuments(org) {
				return u.Host
			}
		}
	}
	return ""
}

// makesDocuments reports whether an organization makes programs that leave their address
// in documents, or defines formats that documents name.
func makesDocuments(org string) bool {
	switch org {
	case "tcpdf.org", "adobe.com", "w3.org", "wkhtmltopdf.org", "ghostscript.com", "fpdf.org", "pdfkit.org", "itextpdf.com", "creativecommons.org":
		return true
	}
	return false
}
