package relay

import (
	"bufio"
	"crypto/x509"
	"io"

	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

// ReadReply reads one reply.
func ReadReply(r io.Reader) (smtp.Reply, error) { return readReply(bufio.NewReaderSize(r, 16)) }

// ErrCanonical is what a DataWriter answers to content that is not canonical.
var ErrCanonical = errCanonical

// DataWriter is the writer of the content of DATA.
type DataWriter struct{ d dataWriter }

// NewDataWriter returns a writer that writes to w.
func NewDataWriter(w io.Writer) *DataWriter { return &DataWriter{dataWriter{w: w}} }

// Write writes p.
func (w *DataWriter) Write(p []byte) (int, error) { return w.d.Write(p) }

// End writes the end of data.
func (w *DataWriter) End() error { return w.d.end() }

// Authorities returns the content of a CAFile as a handshake would use it now.
func (r *Relay) Authorities(file string) (*x509.CertPool, error) { return r.authorities(file) }

// Forget is a Deliver that ends without having done anything.
func (r *Relay) Forget(job Job) []Result {
	return newDelivery(r, tenant.Route{}, &job, nil).complete()
}

// MakeDir creates a directory and calls sync for those that have changed.
func MakeDir(path string, sync func(dir string) error) error { return makeDir(path, sync) }
