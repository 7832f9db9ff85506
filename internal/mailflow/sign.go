package mailflow

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"

	"outrider/internal/message"
)

// Signer proves that header fields are ours: to the hosts after us that hold the key,
// and to ourselves when a message comes back.
type Signer struct {
	key      []byte
	instance string // names the installation in the trace, without telling the key
}

// NewSigner returns a signer with a secret key.
func NewSigner(key []byte) *Signer {
	s := &Signer{key: bytes.Clone(key)}
	s.instance = hex.EncodeToString(s.mac("instance"))[:12]
	return s
}

// mac authenticates a list of values, each with its length, so that no two lists have
// the same bytes.
func (s *Signer) mac(values ...string) []byte {
	h := hmac.New(sha256.New, s.key)
	for _, v := range values {
		_, _ = fmt.Fprintf(h, "%d:%s", len(v), v) // a hash takes everything
	}
	return h.Sum(nil)
}

// signed are the fields of the message that the signature covers.
var signed = []string{"From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "Content-Type", "Content-Transfer-Encoding"}

func (s *Signer) sign(disposition, verdict string, h *message.Header, body []byte) string {
	return "v=1; h=" + base64.StdEncoding.EncodeToString(body) + "; b=" +
		base64.StdEncoding.EncodeToString(s.signature(disposition, verdict, h, body))
}

func (s *Signer) signature(disposition, verdict string, h *message.Header, body []byte) []byte {
	values := []string{"signature", disposition, collapse(verdict), string(body)}
	for _, name := range signed {
		for _, v := range h.All(name) {
			values = append(values, name, collapse(v))
		}
	}
	return s.mac(values...)
}

// collapse makes folding and unfolding on the way change nothing.
func collapse(s string) string { return strings.Join(strings.Fields(s), " ") }

// Verify reports whether the X-Outrider fields of a message are ours, and belong to
// its body and its author, date and id.
func (s *Signer) Verify(m *message.Message) error {
	h := m.Header()
	tags := tagsOf(h.Get(headerSignature))
	body := sha256.Sum256(m.Raw[m.Root.Body.From:])
	if tags["v"] != "1" || tags["h"] != base64.StdEncoding.EncodeToString(body[:]) {
		return fmt.Errorf("verifying %s: the body is not the one that was signed", headerSignature)
	}
	want := s.signature(h.Get(headerDisposition), h.Get(headerVerdict), h, body[:])
	got, err := base64.StdEncoding.DecodeString(tags["b"])
	if err != nil || !hmac.Equal(got, want) {
		return fmt.Errorf("verifying %s: the signature is not ours", headerSignature)
	}
	return nil
}

// trace returns the value of the trace field: how often the message came through here.
func (s *Signer) trace(h *message.Header) string {
	n := strconv.Itoa(s.passes(h) + 1)
	return "i=" + s.instance + "; n=" + n + "; b=" + hex.EncodeToString(s.mac("trace", n, collapse(h.Get("Message-ID"))))
}

// passes returns how often the message came through this installation, by the trace
// fields that prove to be ours.
func (s *Signer) passes(h *message.Header) int {
	most := 0
	for _, v := range h.All(headerTrace) {
		tags := tagsOf(v)
		n, err := strconv.Atoi(tags["n"])
		got, herr := hex.DecodeString(tags["b"])
		if err == nil && herr == nil && hmac.Equal(got, s.mac("trace", tags["n"], collapse(h.Get("Message-ID")))) {
			most = max(most, n)
		}
	}
	return most
}

// tagsOf reads "a=1; b=2".
func tagsOf(value string) map[string]string {
	tags := make(map[string]string)
	for part := range strings.SplitSeq(value, ";") {
		if name, v, ok := strings.Cut(part, "="); ok {
			tags[strings.TrimSpace(name)] = strings.Join(strings.Fields(v), "")
		}
	}
	return tags
}

// sumBody returns the header section of a message and the SHA-256 of what follows it.
func sumBody(r io.WriterTo) (header, sum []byte, err error) {
	s := &bodySummer{sum: sha256.New()}
	if _, err := r.WriteTo(s); err != nil {
		return nil, nil, err
	}
	return s.header, s.sum.Sum(nil), nil
}

// bodySummer hashes what is written to it after the first empty line.
type bodySummer struct {
	sum    hash.Hash
	header []byte // with the empty line, once it has come
	body   bool
}

func (s *bodySummer) Write(p []byte) (int, error) {
	n := len(p)
	if s.body {
		s.sum.Write(p)
		return n, nil
	}
	end := []byte("\r\n\r\n")
	from := max(0, len(s.header)-len(end)+1) // the end may lie across two writes
	s.header = append(s.header, p...)
	i := bytes.Index(s.header[from:], end)
	if i < 0 {
		return n, nil
	}
	s.body = true
	s.sum.Write(s.header[from+i+len(end):])
	s.header = s.header[:from+i+len(end)]
	return n, nil
}
