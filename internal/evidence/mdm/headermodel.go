package mdm

import "time"

// Headers is the header section of the message.
type Headers struct {
	AuthSummary          AuthSummary `json:"auth_summary"`
	Date                 *time.Time  `json:"date"`
	DateOriginalOffset   *string     `json:"date_original_offset"` // hours, for example "-4" or "+5:30"
	DeliveredTo          *Email      `json:"delivered_to"`
	Domains              []Domain    `json:"domains"` // all in Received fields
	From                 *Mailbox    `json:"from"`
	Hops                 []Hop       `json:"hops"` // from the author to the recipient
	InReplyTo            *string     `json:"in_reply_to"`
	IPs                  []IP        `json:"ips"` // all in Received fields
	Mailer               *string     `json:"mailer"`
	MessageID            *string     `json:"message_id"` // with angle brackets
	References           []string    `json:"references"` // without angle brackets
	ReplyTo              []Mailbox   `json:"reply_to"`
	ReturnPath           *Email      `json:"return_path"`
	XAuthenticatedDomain *Domain     `json:"x_authenticated_domain"`
	XAuthenticatedSender *Email      `json:"x_authenticated_sender"`
	XClientIP            *IP         `json:"x_client_ip"`
	XOriginatingIP       *IP         `json:"x_originating_ip"`
	XSecureServerAccount *string     `json:"x_secure_server_account"`
	XSender              *Email      `json:"x_sender"`
}

// AuthSummary holds the results of the receiving host.
type AuthSummary struct {
	SPF   SPFSummary   `json:"spf"`
	DMARC DMARCSummary `json:"dmarc"`
}

// SPFSummary is the SPF result.
type SPFSummary struct {
	Pass        *bool   `json:"pass"` // null if not checked
	Error       *bool   `json:"error"`
	ReceivedHop *int    `json:"received_hop"`
	Details     SPFInfo `json:"details"`
}

// DMARCSummary is the DMARC result.
type DMARCSummary struct {
	Pass        *bool     `json:"pass"` // null if not checked or without a policy
	Error       *bool     `json:"error"`
	ReceivedHop *int      `json:"received_hop"`
	Details     DMARCInfo `json:"details"`
}

// SPFInfo is a host's claim about SPF.
type SPFInfo struct {
	Verdict     *string `json:"verdict"`
	Designator  *string `json:"designator"` // the checked identity
	Description *string `json:"description"`
	ClientIP    *IP     `json:"client_ip"`
	Helo        *Domain `json:"helo"`
	Server      *Domain `json:"server"`
}

// DMARCInfo is a host's claim about DMARC.
type DMARCInfo struct {
	Verdict     *string `json:"verdict"`
	From        *Domain `json:"from"`
	Action      *string `json:"action"`
	Disposition *string `json:"disposition"`
	Policy      *string `json:"policy"`
	SubPolicy   *string `json:"sub_policy"`
	Version     *string `json:"version"`
}

// Hop is one hop of the message: the fields that one host added.
type Hop struct {
	Index                 int          `json:"index"`
	Fields                []Field      `json:"fields"`
	Received              *Received    `json:"received"`
	ReceivedSPF           *SPFInfo     `json:"received_spf"`
	AuthenticationResults *AuthResults `json:"authentication_results"`
	Signature             *Signature   `json:"signature"`
}

// Field is one header field.
type Field struct {
	Name     string `json:"name"` // as written
	Value    string `json:"value"`
	Position int    `json:"position"` // counted from the last field of the header section
}

// Received is one Received field.
type Received struct {
	Additional *Raw       `json:"additional"`
	ID         *Raw       `json:"id"`
	Link       *Raw       `json:"link"`     // "via"
	Mailbox    *Raw       `json:"mailbox"`  // "for"
	Protocol   *Raw       `json:"protocol"` // "with"
	Server     *Raw       `json:"server"`   // "by"
	Source     *Raw       `json:"source"`   // "from"
	Time       *time.Time `json:"time"`
	ZoneOffset *string    `json:"zone_offset"`
}

// Raw is a clause as written.
type Raw struct {
	Raw string `json:"raw"`
}

// AuthResults is an Authentication-Results field or a similar one.
type AuthResults struct {
	Type         string      `json:"type"` // "standard", "arc", "original", "microsoft", "agari"
	Instance     *string     `json:"instance"`
	Server       *Domain     `json:"server"`
	SPF          *string     `json:"spf"`
	SPFDetails   SPFInfo     `json:"spf_details"`
	DKIM         *string     `json:"dkim"`
	DKIMDetails  []Signature `json:"dkim_details"`
	DMARC        *string     `json:"dmarc"`
	DMARCDetails DMARCInfo   `json:"dmarc_details"`
	CompAuth     *CompAuth   `json:"compauth"`
}

// CompAuth is Microsoft's composite authentication.
type CompAuth struct {
	Verdict *string `json:"verdict"`
	Reason  *string `json:"reason"`
}

// Signature is a signature field, or a host's claim about one.
type Signature struct {
	Type      string  `json:"type"` // "dkim", "domainkey", "google" or "arc"
	Algorithm *string `json:"algorithm"`
	Selector  *string `json:"selector"`
	Domain    *string `json:"domain"`
	Headers   *string `json:"headers"`
	Signature *string `json:"signature"`
	BodyHash  *string `json:"body_hash"`
	Version   *string `json:"version"`
	Instance  *string `json:"instance"`
}
