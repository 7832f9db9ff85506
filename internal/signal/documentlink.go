package signal

import (
	"outrider/internal/address"
	"outrider/internal/attachment"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// documentLink finds attached documents of strangers that link to a third party's site: a
// link inside a document is outside of the body. Documents that link to their sender's own
// site, answers, and mail of earlier senders pass; proved authors count half.
func documentLink() Signal {
	return Signal{
		ID: "document-link", Name: "Link hidden in an attached document", Class: verdict.ClassPhish, Weight: 4, Since: "0.2",
		Why: "The attached document %s leads to %s, which is not its sender's site.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReply() || e.IsReport() || e.AuthorKnown() || throughList(e) {
				return nil
			}
			times, own := 1.0, address.Organizational(e.Author().Domain)
			if e.AuthorProved() {
				times = 0.5
			}
			for _, f := range e.Files() {
				if host := foreignLink(f.Document, own); host != "" {
					return one(Match{Portion: verdict.PortionAttachment, Field: f.Part.Path, Value: host, Args: []any{f.Label(), host}, Times: times})
				}
			}
			return nil
		},
	}
}

// foreignLink returns the host of the first link or code of a document that leads outside
// of the organization own, or "". Links that document software inserts are ignored.
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

// makesDocuments reports whether an organization makes programs that put their address into
// documents, or defines formats that documents name.
func makesDocuments(org string) bool {
	switch org {
	case "tcpdf.org", "adobe.com", "w3.org", "wkhtmltopdf.org", "ghostscript.com", "fpdf.org", "pdfkit.org", "itextpdf.com", "creativecommons.org":
		return true
	}
	return false
}
