package relay_test

import (
	"bytes"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

// A real LMTP server answers for every recipient on its own after the message.
func TestDovecotByLMTP(t *testing.T) {
	t.Parallel()
	d := mailtest.StartDovecot(t, "ann", "bob")
	r := newRelay(t)
	route := routeTo(t, d.Addr)
	route.Transport = tenant.TransportLMTP
	const content = "Subject: dots\r\n\r\n.one\r\n..two\r\n.\r\nend\r\n"
	j := job(content)
	j.Envelope.Recipients = []smtp.Recipient{{Address: "ann@there.example"}, {Address: "nobody@there.example"}, {Address: "bob@there.example"}}
	res := r.Deliver(t.Context(), route, j, nil)
	if len(res) != 3 || res[0].Status != relay.Delivered || res[1].Status != relay.Failed || res[2].Status != relay.Delivered {
		t.Fatalf("results %+v", res)
	}
	for _, user := range []string{"ann", "bob"} {
		mails := d.Mail(t, user)
		if len(mails) != 1 || !bytes.HasSuffix(bytes.ReplaceAll(bytes.ReplaceAll(mails[0], []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n")), []byte(content)) {
			t.Errorf("%s has %d messages: %q", user, len(mails), mails)
		}
	}
	// The connection is used again.
	if again := r.Deliver(t.Context(), route, j, nil); again[2].Status != relay.Delivered || len(d.Mail(t, "bob")) != 2 {
		t.Errorf("second message: %+v", again)
	}
}
