package bimi

import (
	"crypto/x509"
	"crypto/x509/pkix"
)

// ReadLogotype returns evidence with the logotype extension der, and nothing else.
func ReadLogotype(der []byte) (*Evidence, error) {
	e := &Evidence{leaf: &x509.Certificate{Extensions: []pkix.Extension{{Id: oidLogotype, Value: der}}}}
	return e, e.readLogotype()
}
