package config

import "time"

// Config is the whole configuration of one Outrider process.
type Config struct {
	// Hostname is the name that this host gives itself in SMTP greetings, Received and Authentication-Results.
	// It should be the name that the MX record points to. Default: the system's host name.
	Hostname string `yaml:"hostname"`
	// DataDir is the directory that holds everything Outrider keeps: spool, database, quarantined bodies, keys.
	DataDir string `yaml:"data_dir"`
	// Listen says where Outrider accepts connections.
	Listen Listen `yaml:"listen"`
	// SMTP holds the limits of the receiving edge.
	SMTP SMTP `yaml:"smtp"`
	// TLS names the certificate of the receiving edge.
	TLS TLS `yaml:"tls"`
	// DNS says whom to ask.
	DNS DNS `yaml:"dns"`
	// Auth says whose authentication results to believe.
	Auth Auth `yaml:"auth"`
	// Relay holds what concerns delivery to every next hop.
	Relay Relay `yaml:"relay"`
	// Spool holds the limits of the durable journal.
	Spool Spool `yaml:"spool"`
	// Quarantine says how long held messages are kept.
	Quarantine Quarantine `yaml:"quarantine"`
	// Retention says how long records are kept.
	Retention Retention `yaml:"retention"`
	// Detection holds what concerns judging.
	Detection Detection `yaml:"detection"`
	// Revisit holds what concerns judging messages again.
	Revisit Revisit `yaml:"revisit"`
	// Attachments holds what concerns opening attachments.
	Attachments Attachments `yaml:"attachments"`
	// Rules holds what concerns the rules that come from feeds, and those of the organisation itself.
	Rules Rules `yaml:"rules"`
	// Log says what is logged, to standard error.
	Log Log `yaml:"log"`
	// Tenants are the organisations that this installation protects. At least one.
	Tenants []Tenant `yaml:"tenants"`
}

// Listen says where Outrider accepts connections.
type Listen struct {
	// SMTP lists addresses, host:port, on which mail is received.
	SMTP []string `yaml:"smtp"`
	// HTTP is the address of /metrics, /healthz and /readyz. Empty: none.
	HTTP string `yaml:"http"`
}

// SMTP holds the limits of the receiving edge.
type SMTP struct {
	// MaxSize is the largest message accepted.
	MaxSize Size `yaml:"max_size"`
	// MaxRecipients is the largest number of recipients in one transaction.
	MaxRecipients int `yaml:"max_recipients"`
	// MaxMessages is the largest number of messages in one connection.
	MaxMessages int `yaml:"max_messages"`
	// MaxConnections is the largest number of connections at once.
	MaxConnections int `yaml:"max_connections"`
	// MaxConnectionsPerAddress is the same for one client address (one /64 for IPv6).
	MaxConnectionsPerAddress int `yaml:"max_connections_per_address"`
	// BareNewlines says what happens to mail with a CR or LF that stands alone: reject or normalise.
	BareNewlines string `yaml:"bare_newlines"`
	// EarlyTalkDelay is how long a client must wait for the greeting; one that talks first is refused. 0: no check.
	EarlyTalkDelay Duration `yaml:"early_talk_delay"`
	// CommandTimeout is how long the edge waits for the next command.
	CommandTimeout Duration `yaml:"command_timeout"`
	// DataTimeout is how long the edge waits for the next block of a message.
	DataTimeout Duration `yaml:"data_timeout"`
	// ProxyFrom lists the networks whose PROXY protocol header is believed (and required).
	ProxyFrom []string `yaml:"proxy_from"`
	// XClientFrom lists the networks that may use XCLIENT.
	XClientFrom []string `yaml:"xclient_from"`
	// DrainTimeout is how long open transactions may go on after a stop was asked for.
	DrainTimeout Duration `yaml:"drain_timeout"`
}

// TLS names the certificate of the receiving edge.
type TLS struct {
	// Cert is the PEM file of the certificate chain; it is read again when it changes. Empty: self-signed, made at first start.
	Cert string `yaml:"cert"`
	// Key is the PEM file of its private key.
	Key string `yaml:"key"`
	// Off disables STARTTLS.
	Off bool `yaml:"off"`
}

// DNS says whom to ask.
type DNS struct {
	// Servers lists resolvers, host or host:port. Empty: those of /etc/resolv.conf.
	Servers []string `yaml:"servers"`
	// Timeout is how long one question may take.
	Timeout Duration `yaml:"timeout"`
	// Off asks nothing: authentication results become "temperror" and are named in "degraded".
	Off bool `yaml:"off"`
}

// Auth says whose authentication results to believe.
type Auth struct {
	// TrustedHosts lists the authserv-id names whose Authentication-Results are believed for mail that others received.
	// Empty: the top-most Authentication-Results of such mail is believed.
	TrustedHosts []string `yaml:"trusted_hosts"`
	// TrustedSealers lists the domains of forwarders and lists whose ARC seals are believed: mail that they received in
	// order and changed is not taken for forged.
	TrustedSealers []string `yaml:"trusted_sealers"`
	// Seal says in whose name Outrider adds to the ARC chain of the mail it relays, so that hosts behind it can believe what
	// it found before it changed the message. Nothing is sealed unless all of it is given.
	Seal Seal `yaml:"seal"`
}

// Seal is the key of an ARC sealer.
type Seal struct {
	// Domain is the domain that seals.
	Domain string `yaml:"domain"`
	// Selector names the key below the domain.
	Selector string `yaml:"selector"`
	// Key is a file with the private key in PEM: RSA of at least 2048 bits, or Ed25519. "outrider check" tells the record to
	// publish.
	Key string `yaml:"key"`
}

// On reports whether there is a sealer.
func (s *Seal) On() bool { return s.Domain != "" }

// Relay holds what concerns delivery to every next hop.
type Relay struct {
	// ConnectTimeout bounds one attempt to connect.
	ConnectTimeout Duration `yaml:"connect_timeout"`
	// ReplyTimeout bounds the wait for one reply.
	ReplyTimeout Duration `yaml:"reply_timeout"`
	// FinalTimeout bounds the wait for the reply to the final dot.
	FinalTimeout Duration `yaml:"final_timeout"`
	// MaxConnectionsPerRoute bounds the connections to one next hop.
	MaxConnectionsPerRoute int `yaml:"max_connections_per_route"`
	// FirstRetry is how long a deferred message waits for its second attempt; the waits double from there up to four hours.
	FirstRetry Duration `yaml:"first_retry"`
	// RetryFor is how long a deferred message is tried again before it is bounced.
	RetryFor Duration `yaml:"retry_for"`
	// DelayNotice is when a sender who asked for it hears of a delay.
	DelayNotice Duration `yaml:"delay_notice"`
	// Outbound is the route of what Outrider itself sends to senders: delivery status notifications. Default: their MX.
	Outbound Route `yaml:"outbound"`
	// DANE honours TLSA records of mail hosts that are found by MX, where a resolver on this machine vouches for them by DNSSEC.
	DANE bool `yaml:"dane"`
	// MTASTS fetches and honours the MTA-STS policies of domains whose mail hosts are found by MX.
	MTASTS bool `yaml:"mta_sts"`
	// AllowPrivateMX delivers to MX hosts on private, loopback and other addresses that are not public. Needed for MX records
	// of an intranet; without it a stranger's MX cannot point Outrider at what stands behind the firewall.
	AllowPrivateMX bool `yaml:"allow_private_mx"`
	// MaxHops refuses a message with more Received fields, as a loop.
	MaxHops int `yaml:"max_hops"`
}

// Attachments holds what concerns opening attachments.
type Attachments struct {
	// Rules lists directories of YARA rules (.yar, .yara), which every file is compared with. Rules that are not understood
	// are named in the log and left out.
	Rules []string `yaml:"rules"`
	// Languages are those of text in pictures, by the names of tesseract, for revisit.deep and "outrider scan --deep". Default: eng.
	Languages []string `yaml:"languages"`
	// ClamAV is the socket of a clamd that is asked about every attachment: a path, or host:port. Empty: nobody is asked.
	ClamAV string `yaml:"clamav"`
}

// Spool holds the limits of the durable journal.
type Spool struct {
	// MinFree is the free space below which mail is refused with 452.
	MinFree Size `yaml:"min_free"`
}

// Quarantine says how long held messages are kept.
type Quarantine struct {
	// Keep is how long a held message can be released.
	Keep Duration `yaml:"keep"`
}

// Retention says how long records are kept.
type Retention struct {
	// Keep is how long messages, verdicts, events and senders not heard of are kept. 0: for ever. Held mail stays until it expires.
	Keep Duration `yaml:"keep"`
}

// Detection holds what concerns judging.
type Detection struct {
	// Off places all mail unjudged.
	Off bool `yaml:"off"`
	// Deadline bounds the inline judgement of one message.
	Deadline Duration `yaml:"deadline"`
	// Memory bounds the message bytes under judgement at once.
	Memory Size `yaml:"memory"`
	// Disable lists the ids of signals that are not used.
	Disable []string `yaml:"disable"`
	// OnFailure says what happens to a message that could not be judged: deliver or defer.
	OnFailure string `yaml:"on_failure"`
}

// Revisit holds what concerns judging messages again, behind their delivery, when what their verdict lacked may be had.
type Revisit struct {
	// Off never judges a message again. What waits for it is let go.
	Off bool `yaml:"off"`
	// Deep draws the pages of PDFs and reads text in pictures when a message is judged again. Without tesseract pages are still
	// drawn.
	Deep bool `yaml:"deep"`
}

// Rules holds what concerns the rules that come from feeds, and those of the organisation itself.
type Rules struct {
	// Directory holds the organisation's own rules, one YAML file each. Where one has the id of a rule of a feed, it runs
	// instead. Changes run from the next "outrider rules activate" on, which keeps every version.
	Directory string `yaml:"directory"`
	// Lists is a directory of the organisation's own lists, one text file each, with one entry a line: the name of the file
	// is that of the list. They replace lists of the same name that feeds bring. An empty file says that the list is known to
	// be empty.
	Lists string `yaml:"lists"`
	// MaxAside is how many percent of the rules of a feed may be beyond understanding before the feed is refused and the one
	// that runs stays.
	MaxAside int `yaml:"max_aside"`
	// Whois lets rules ask when and by whom domains were registered (RDAP, over HTTPS). On the way of a message only what is
	// known already counts; the rest is asked behind it. Off where DNS is.
	Whois bool `yaml:"whois"`
	// AssumeUnsolicited takes it that nobody here wrote to a sender first, where no sent mail passes this installation and so
	// nobody can know. Without it, rules that need to know are not decided; with it, some match mail of correspondents.
	AssumeUnsolicited bool `yaml:"assume_unsolicited"`
}

// Log says what is logged.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is text or json.
	Format string `yaml:"format"`
}

// Tenant is one organisation.
type Tenant struct {
	// ID names the tenant in the API and in events; it never changes.
	ID string `yaml:"id"`
	// Name is shown to people.
	Name string `yaml:"name"`
	// Domains are the domains whose mail is accepted.
	Domains []Domain `yaml:"domains"`
	// People are those whose names attackers use.
	People []Person `yaml:"people"`
	// Partners are organisations that the tenant trades with.
	Partners []Partner `yaml:"partners"`
	// Trusted lists senders whose mail is let through.
	Trusted []Trusted `yaml:"trusted"`
	// Blocked lists senders whose mail is malicious by definition.
	Blocked []Blocked `yaml:"blocked"`
	// Exempt lists recipients who get everything, such as a report mailbox.
	Exempt []string `yaml:"exempt"`
	// Policy says what happens to each disposition; a domain may override it.
	Policy Policy `yaml:"policy"`
}

// Domain is one protected domain.
type Domain struct {
	// Name is the domain; mail for its subdomains is accepted only where they are listed themselves.
	Name string `yaml:"name"`
	// Route says where its mail goes.
	Route Route `yaml:"route"`
	// LookbackHops is how many Received hops before Outrider the true sender connected: 0 when Outrider is the MX,
	// 1 to 20 behind other gateways.
	LookbackHops int `yaml:"lookback_hops"`
	// TrustedHops lists the networks of the gateways in front of Outrider; look-back stops at the first other address.
	TrustedHops []string `yaml:"trusted_hops"`
	// AllowFrom lists the networks that may send to the domain. Empty: all.
	AllowFrom []string `yaml:"ip_restrictions"`
	// RequireTLS refuses recipients of the domain on clear-text sessions.
	RequireTLS bool `yaml:"require_tls_inbound"`
	// Recipients says how recipients are checked: none, list or ask (asks the next hop by RCPT and remembers).
	Recipients string `yaml:"recipients"`
	// RecipientList lists the local parts that exist, for recipients: list.
	RecipientList []string `yaml:"recipient_list"`
	// Policy overrides single settings of the tenant's policy.
	Policy Policy `yaml:"policy"`
}

// Route says where mail goes next.
type Route struct {
	// Type is smtp, lmtp or maildir.
	Type string `yaml:"type"`
	// Hosts are tried in order, host or host:port. Empty: the MX of MX.
	Hosts []string `yaml:"hosts"`
	// MX is the domain whose MX records are used when there are no hosts. Empty: the domain of the recipient.
	MX string `yaml:"mx"`
	// Port is the TCP port for hosts without one: 25 for smtp, 24 for lmtp.
	Port int `yaml:"port"`
	// TLS is none, opportunistic, required or verified.
	TLS string `yaml:"tls"`
	// Name is checked against the certificate instead of the host's name.
	Name string `yaml:"name"`
	// CA is a PEM file of authorities to trust instead of the system's.
	CA string `yaml:"ca"`
	// Path is the directory, for type maildir.
	Path string `yaml:"path"`
}

// Person is someone whose name attackers may use.
type Person struct {
	// Name is the display name.
	Name string `yaml:"name"`
	// Addresses are all addresses from which the person writes.
	Addresses []string `yaml:"addresses"`
}

// Partner is an organisation that the tenant trades with.
type Partner struct {
	// Domain is the partner's domain, subdomains included.
	Domain string `yaml:"domain"`
	// RequireTLS refuses mail from the domain on clear-text sessions.
	RequireTLS bool `yaml:"require_tls"`
	// Except lists subdomains to which RequireTLS does not apply.
	Except []string `yaml:"except"`
}

// Trusted is a sender whose mail is let through.
type Trusted struct {
	// Sender is an address, a domain, or a network in CIDR form.
	Sender string `yaml:"sender"`
	// Accept exempts from SPAM, SPOOF and BULK only; otherwise the sender is trusted in everything.
	Accept bool `yaml:"accept"`
	// Unverified honours the entry without SPF, DKIM or DMARC having passed for the sender's domain.
	Unverified bool `yaml:"unverified"`
	// Expires is the day from which the entry no longer holds, as 2026-12-31. Empty: never.
	Expires string `yaml:"expires"`
	// Note says why the entry exists.
	Note string `yaml:"note"`
}

// Blocked is a sender whose mail is malicious by definition.
type Blocked struct {
	// Sender is an address, a domain, or a network in CIDR form.
	Sender string `yaml:"sender"`
	// Note says why the entry exists.
	Note string `yaml:"note"`
}

// Policy says what happens to each disposition.
type Policy struct {
	// Actions maps a disposition to what is done: deliver, quarantine, reject or defer.
	Actions map[string]string `yaml:"actions"`
	// SubjectTag maps a disposition to a prefix of the subject; %LABELS stands for the labels of the message.
	SubjectTag map[string]string `yaml:"subject_tag"`
	// Banner maps a disposition to a text put before the body; %LABELS and %REASONS are replaced.
	Banner map[string]string `yaml:"banner"`
	// Labels maps a disposition to the word that %LABELS shows for it. Default: the disposition.
	Labels map[string]string `yaml:"labels"`
	// External marks mail from outside with the disposition EXTERNAL when nothing worse is found.
	External *bool `yaml:"external"`
	// Headers writes the X-Outrider headers. Default: true.
	Headers *bool `yaml:"headers"`
}

// Default returns the configuration that holds where the file says nothing. It has
// no tenants.
func Default() Config {
	return Config{
		DataDir: "var",
		Listen:  Listen{SMTP: []string{"127.0.0.1:2525"}, HTTP: "127.0.0.1:8025"},
		SMTP: SMTP{
			MaxSize: 50 << 20, MaxRecipients: 1000, MaxMessages: 1000,
			MaxConnections: 1000, MaxConnectionsPerAddress: 100, BareNewlines: "reject",
			CommandTimeout: Duration(5 * time.Minute), DataTimeout: Duration(3 * time.Minute),
			DrainTimeout: Duration(30 * time.Second),
		},
		DNS: DNS{Timeout: Duration(3 * time.Second)},
		Relay: Relay{
			ConnectTimeout: Duration(30 * time.Second), ReplyTimeout: Duration(2 * time.Minute),
			FinalTimeout: Duration(10 * time.Minute), MaxConnectionsPerRoute: 64,
			FirstRetry: Duration(time.Minute), RetryFor: Duration(5 * 24 * time.Hour), DelayNotice: Duration(4 * time.Hour),
			Outbound: Route{Type: "smtp"}, MaxHops: 50, DANE: true, MTASTS: true,
		},
		Spool:      Spool{MinFree: 256 << 20},
		Quarantine: Quarantine{Keep: Duration(30 * 24 * time.Hour)},
		Retention:  Retention{Keep: Duration(180 * 24 * time.Hour)},
		Detection:  Detection{Deadline: Duration(5 * time.Second), Memory: 256 << 20, OnFailure: "deliver"},
		Revisit:    Revisit{Deep: true},
		Rules:      Rules{MaxAside: 5, Whois: true},
		Log:        Log{Level: "info", Format: "text"},
	}
}

// DefaultPolicy returns the policy of a tenant that configures none.
func DefaultPolicy() Policy {
	yes, no := true, false
	return Policy{
		Actions: map[string]string{
			"MALICIOUS": "quarantine", "MALICIOUS-BEC": "quarantine", "SUSPICIOUS": "deliver", "SPOOF": "quarantine",
			"SPAM": "deliver", "BULK": "deliver", "ENCRYPTED": "deliver", "EXTERNAL": "deliver", "UNKNOWN": "deliver", "NONE": "deliver",
		},
		SubjectTag: map[string]string{"SUSPICIOUS": "[%LABELS] ", "SPAM": "[%LABELS] ", "UNKNOWN": "[NOT CHECKED] "},
		Banner: map[string]string{
			"SUSPICIOUS": "Caution: this message looks suspicious. %REASONS Do not follow links, open attachments or pay before you have checked with the sender by a way you know.",
		},
		Labels: map[string]string{}, External: &no, Headers: &yes,
	}
}
