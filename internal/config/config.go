package config

import "time"

// Config is the whole configuration of one Outrider process.
type Config struct {
	// Hostname is the name that this host uses in SMTP greetings, Received and Authentication-Results fields.
	// It should be the name that the MX record points to. Default: the system's host name.
	Hostname string `yaml:"hostname" reload:"restart"`
	// DataDir is the directory for all data of Outrider: spool, database, quarantined messages, keys.
	DataDir string `yaml:"data_dir" reload:"restart"`
	// Listen says where Outrider accepts connections.
	Listen Listen `yaml:"listen"`
	// SMTP holds the limits of the receiving edge.
	SMTP SMTP `yaml:"smtp"`
	// TLS names the certificate of the receiving edge.
	TLS TLS `yaml:"tls"`
	// DNS configures the resolvers.
	DNS DNS `yaml:"dns"`
	// Auth configures which authentication results are trusted.
	Auth Auth `yaml:"auth"`
	// Relay holds what concerns delivery to every next hop.
	Relay Relay `yaml:"relay"`
	// Spool holds the limits of the durable journal.
	Spool Spool `yaml:"spool"`
	// Quarantine configures the quarantine.
	Quarantine Quarantine `yaml:"quarantine"`
	// Retention configures how long records are kept.
	Retention Retention `yaml:"retention"`
	// Detection configures the analysis of messages.
	Detection Detection `yaml:"detection"`
	// Revisit configures the re-evaluation of messages after delivery.
	Revisit Revisit `yaml:"revisit"`
	// Attachments configures the inspection of attachments.
	Attachments Attachments `yaml:"attachments"`
	// Rules configures detection rules: those of feeds and the organisation's own.
	Rules Rules `yaml:"rules"`
	// Log configures logging to standard error.
	Log Log `yaml:"log"`
	// Tenants are the protected organisations. At least one is required.
	Tenants []Tenant `yaml:"tenants"`
}

// Listen says where Outrider accepts connections.
type Listen struct {
	// SMTP lists addresses, host:port, on which mail is received.
	SMTP []string `yaml:"smtp" reload:"restart"`
	// HTTP is the address of /metrics, /healthz and /readyz. Empty: none.
	HTTP string `yaml:"http" reload:"restart"`
}

// SMTP holds the limits of the receiving edge.
type SMTP struct {
	// MaxSize is the largest message accepted.
	MaxSize Size `yaml:"max_size" reload:"restart"`
	// MaxRecipients is the largest number of recipients in one transaction.
	MaxRecipients int `yaml:"max_recipients" reload:"restart"`
	// MaxMessages is the largest number of messages in one connection.
	MaxMessages int `yaml:"max_messages" reload:"restart"`
	// MaxConnections is the largest number of connections at once.
	MaxConnections int `yaml:"max_connections" reload:"restart"`
	// MaxConnectionsPerAddress is the same for one client address (one /64 for IPv6). Networks in a domain's `trusted_hops` are exempt.
	// When 3/4 of all connections are in use, an address gets at most 1/20 of them, and clients are waited for 10 seconds only.
	MaxConnectionsPerAddress int `yaml:"max_connections_per_address" reload:"restart"`
	// MaxConnectionsPerNetwork is the same for one /24 (one /48 for IPv6); never less than for one address.
	MaxConnectionsPerNetwork int `yaml:"max_connections_per_network" reload:"restart"`
	// Memory is what messages being received may take in memory, all together; beyond that they are written to files in `data_dir`.
	Memory Size `yaml:"memory" reload:"restart"`
	// BareNewlines is the treatment of mail with a bare CR or LF: reject or normalise.
	BareNewlines string `yaml:"bare_newlines" reload:"restart"`
	// EarlyTalkDelay is the delay before the greeting; clients that talk first are rejected. 0 disables the check.
	EarlyTalkDelay Duration `yaml:"early_talk_delay" reload:"restart"`
	// CommandTimeout is the timeout for the next command.
	CommandTimeout Duration `yaml:"command_timeout" reload:"restart"`
	// DataTimeout is the timeout for the next block of message data.
	DataTimeout Duration `yaml:"data_timeout" reload:"restart"`
	// ProxyFrom lists networks whose PROXY protocol header is trusted (and required).
	ProxyFrom []string `yaml:"proxy_from" reload:"restart"`
	// XClientFrom lists networks that may use XCLIENT.
	XClientFrom []string `yaml:"xclient_from" reload:"restart"`
	// DrainTimeout is the time for open transactions to finish at shutdown.
	DrainTimeout Duration `yaml:"drain_timeout" reload:"restart"`
}

// TLS names the certificate of the receiving edge.
type TLS struct {
	// Cert is the PEM file of the certificate chain; it is read again when it changes. Empty: self-signed, made at first start.
	Cert string `yaml:"cert" reload:"restart"`
	// Key is the PEM file of its private key.
	Key string `yaml:"key" reload:"restart"`
	// Off disables STARTTLS.
	Off bool `yaml:"off" reload:"restart"`
}

// DNS configures the resolvers.
type DNS struct {
	// Servers lists resolvers, host or host:port. Empty: those of /etc/resolv.conf.
	Servers []string `yaml:"servers" reload:"restart"`
	// Timeout is the timeout of one query.
	Timeout Duration `yaml:"timeout" reload:"restart"`
	// Off disables DNS: authentication results become "temperror" and verdicts list them as degraded.
	Off bool `yaml:"off" reload:"restart"`
}

// Auth configures which authentication results are trusted.
type Auth struct {
	// TrustedHosts lists the authserv-ids whose Authentication-Results fields are trusted for mail received by other servers.
	// Empty: the topmost field is trusted.
	TrustedHosts []string `yaml:"trusted_hosts" reload:"restart"`
	// TrustedSealers lists the domains of forwarders and mailing lists whose ARC seals are trusted: mail that passed DMARC there
	// and was modified is not treated as forged.
	TrustedSealers []string `yaml:"trusted_sealers" reload:"restart"`
	// Seal adds an ARC set to relayed mail, so that downstream hosts can trust the authentication results from before
	// modification. Domain, selector and key are required together.
	Seal Seal `yaml:"seal"`
}

// Seal is the key of an ARC sealer.
type Seal struct {
	// Domain is the signing domain.
	Domain string `yaml:"domain"`
	// Selector is the selector of the key.
	Selector string `yaml:"selector"`
	// Key is the private key file in PEM: RSA (at least 2048 bits) or Ed25519. "outrider check" prints the DNS record to
	// publish.
	Key string `yaml:"key"`
}

// On reports whether there is a sealer.
func (s *Seal) On() bool { return s.Domain != "" }

// Relay holds what concerns delivery to every next hop.
type Relay struct {
	// ConnectTimeout is the timeout of one connection attempt.
	ConnectTimeout Duration `yaml:"connect_timeout" reload:"restart"`
	// ReplyTimeout is the timeout of one reply.
	ReplyTimeout Duration `yaml:"reply_timeout" reload:"restart"`
	// FinalTimeout is the timeout of the reply after the message data.
	FinalTimeout Duration `yaml:"final_timeout" reload:"restart"`
	// MaxConnectionsPerRoute is the maximum number of connections to one next hop.
	MaxConnectionsPerRoute int `yaml:"max_connections_per_route" reload:"restart"`
	// FirstRetry is the delay before the second delivery attempt; it doubles with each attempt, up to four hours.
	FirstRetry Duration `yaml:"first_retry"`
	// RetryFor is the queue lifetime: undelivered messages bounce after it.
	RetryFor Duration `yaml:"retry_for"`
	// DelayNotice is the age at which senders who asked for it receive a delay notification.
	DelayNotice Duration `yaml:"delay_notice"`
	// Outbound is the route for delivery status notifications. Default: the MX of the recipient.
	Outbound Route `yaml:"outbound"`
	// DANE enforces TLSA records of MX hosts. Requires a DNSSEC-validating resolver on this machine.
	DANE bool `yaml:"dane" reload:"restart"`
	// MTASTS enforces the MTA-STS policies of domains that are routed by MX.
	MTASTS bool `yaml:"mta_sts" reload:"restart"`
	// AllowPrivateMX permits delivery to MX hosts with private or loopback addresses, e.g. in an intranet. When false, an
	// external MX record cannot direct Outrider to internal hosts.
	AllowPrivateMX bool `yaml:"allow_private_mx" reload:"restart"`
	// MaxHops is the maximum number of Received fields; messages with more are rejected as a mail loop.
	MaxHops int `yaml:"max_hops"`
}

// Attachments configures the inspection of attachments.
type Attachments struct {
	// Rules lists directories of YARA rules (.yar, .yara) that all files are matched against. Invalid rules are logged and
	// skipped.
	Rules []string `yaml:"rules"`
	// Languages are the OCR languages, as tesseract names them, for revisit.deep and "outrider scan --deep". Default: eng.
	Languages []string `yaml:"languages" reload:"restart"`
	// ClamAV is the address of a clamd that scans every attachment: a socket path or host:port. Empty disables ClamAV.
	ClamAV string `yaml:"clamav" reload:"restart"`
}

// Spool holds the limits of the durable journal.
type Spool struct {
	// MinFree is the free disk space below which mail is rejected with 452.
	MinFree Size `yaml:"min_free" reload:"restart"`
}

// Quarantine configures the quarantine.
type Quarantine struct {
	// Keep is the time after which quarantined messages are deleted.
	Keep Duration `yaml:"keep"`
}

// Retention configures how long records are kept.
type Retention struct {
	// Keep is the retention of messages, verdicts, events and inactive senders. 0 keeps them forever. Quarantined mail stays until it expires.
	Keep Duration `yaml:"keep"`
}

// Detection configures the analysis of messages.
type Detection struct {
	// Off delivers all mail without analysis.
	Off bool `yaml:"off"`
	// Deadline is the time limit for the inline analysis of one message.
	Deadline Duration `yaml:"deadline"`
	// Memory is the maximum number of message bytes under analysis at once.
	Memory Size `yaml:"memory" reload:"restart"`
	// Disable lists the ids of disabled signals.
	Disable []string `yaml:"disable"`
	// OnFailure is the action for messages whose analysis failed: deliver or defer.
	OnFailure string `yaml:"on_failure"`
}

// Revisit configures the re-evaluation of messages after delivery, when missing evidence becomes available.
type Revisit struct {
	// Off disables re-evaluation and drops pending entries.
	Off bool `yaml:"off"`
	// Deep renders PDF pages and runs OCR on images during re-evaluation. Without tesseract, pages are rendered only.
	Deep bool `yaml:"deep" reload:"restart"`
}

// Rules configures detection rules: those of feeds and the organisation's own.
type Rules struct {
	// Directory contains the organisation's own rules, one YAML file per rule. A rule with the id of a feed rule replaces it.
	// Changes take effect with the next "outrider rules activate", which keeps every version.
	Directory string `yaml:"directory"`
	// Lists is a directory of the organisation's own lists: one text file per list, one entry per line, named after the list.
	// They replace feed lists of the same name. An empty file is a list that is known to be empty.
	Lists string `yaml:"lists"`
	// MaxInvalidPercent is the share of invalid rules, in percent, above which a feed is rejected and the active version stays.
	MaxInvalidPercent int `yaml:"max_invalid_percent"`
	// Whois lets rules query domain registrations (RDAP over HTTPS). Inline, only cached registrations are used; others are
	// fetched after delivery. Requires DNS.
	Whois bool `yaml:"whois" reload:"restart"`
	// AssumeUnsolicited treats all senders as unsolicited when outbound mail does not pass through Outrider. When false, rules that
	// depend on it stay undecided; when true, some match mail from correspondents.
	AssumeUnsolicited bool `yaml:"assume_unsolicited"`
}

// Log says what is logged.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level" reload:"restart"`
	// Format is text or json.
	Format string `yaml:"format" reload:"restart"`
}

// Tenant is one organisation.
type Tenant struct {
	// ID identifies the tenant in the API and in events. Do not change it.
	ID string `yaml:"id"`
	// Name is the display name.
	Name string `yaml:"name"`
	// Domains are the domains for which mail is accepted.
	Domains []Domain `yaml:"domains"`
	// People are protected persons: executives and others whom attackers impersonate.
	People []Person `yaml:"people"`
	// Partners are business partners.
	Partners []Partner `yaml:"partners"`
	// Trusted lists trusted senders.
	Trusted []Trusted `yaml:"trusted"`
	// Blocked lists blocked senders; their mail is MALICIOUS.
	Blocked []Blocked `yaml:"blocked"`
	// Exempt lists recipients who receive all mail, such as an abuse mailbox.
	Exempt []string `yaml:"exempt"`
	// Policy maps dispositions to actions; a domain may override it.
	Policy Policy `yaml:"policy"`
}

// Domain is one protected domain.
type Domain struct {
	// Name is the domain. Subdomains must be listed themselves.
	Name string `yaml:"name"`
	// Route is the destination of its mail.
	Route Route `yaml:"route"`
	// LookbackHops is the number of Received hops between Outrider and the true sender: 0 when Outrider is the MX,
	// 1 to 20 downstream of other gateways.
	LookbackHops int `yaml:"lookback_hops"`
	// TrustedHops lists the networks of upstream gateways; look-back stops at the first other address.
	TrustedHops []string `yaml:"trusted_hops"`
	// AllowFrom lists networks that may send to the domain. Empty: all.
	AllowFrom []string `yaml:"ip_restrictions"`
	// RequireTLS rejects recipients of the domain in sessions without TLS.
	RequireTLS bool `yaml:"require_tls_inbound"`
	// Recipients is the recipient verification: none, list, or ask (RCPT at the next hop, cached).
	Recipients string `yaml:"recipients"`
	// RecipientList lists valid local parts, for recipients: list.
	RecipientList []string `yaml:"recipient_list"`
	// Policy overrides single settings of the tenant's policy.
	Policy Policy `yaml:"policy"`
}

// Route says where mail goes next.
type Route struct {
	// Type is smtp, lmtp or maildir.
	Type string `yaml:"type"`
	// Hosts are the next hops in order of preference, host or host:port. Empty: the MX hosts of the domain in mx.
	Hosts []string `yaml:"hosts"`
	// MX is the domain whose MX records are used when there are no hosts. Empty: the domain of the recipient.
	MX string `yaml:"mx"`
	// Port is the TCP port for hosts without one: 25 for smtp, 24 for lmtp.
	Port int `yaml:"port"`
	// TLS is none, opportunistic, required or verified.
	TLS string `yaml:"tls"`
	// Name is the name expected in the certificate, instead of the host name.
	Name string `yaml:"name"`
	// CA is a PEM file of certificate authorities that replaces those of the system.
	CA string `yaml:"ca"`
	// Path is the directory, for type maildir.
	Path string `yaml:"path"`
}

// Person is someone whom attackers may impersonate.
type Person struct {
	// Name is the display name.
	Name string `yaml:"name"`
	// Addresses are all sender addresses of the person.
	Addresses []string `yaml:"addresses"`
}

// Partner is an organisation that the tenant trades with.
type Partner struct {
	// Domain is the partner's domain, subdomains included.
	Domain string `yaml:"domain"`
	// RequireTLS rejects mail from the domain in sessions without TLS.
	RequireTLS bool `yaml:"require_tls"`
	// Except lists subdomains to which RequireTLS does not apply.
	Except []string `yaml:"except"`
}

// Trusted is a sender whose mail is let through.
type Trusted struct {
	// Sender is an address, a domain, or a network in CIDR form.
	Sender string `yaml:"sender"`
	// Accept limits the entry to SPAM, SPOOF and BULK; otherwise it covers all dispositions.
	Accept bool `yaml:"accept"`
	// Unverified applies the entry even when neither SPF, DKIM nor DMARC passed for the sender's domain.
	Unverified bool `yaml:"unverified"`
	// Expires is the first day on which the entry no longer applies, such as 2026-12-31. Empty: never.
	Expires string `yaml:"expires"`
	// Note is the reason for the entry.
	Note string `yaml:"note"`
}

// Blocked is a sender whose mail is malicious by definition.
type Blocked struct {
	// Sender is an address, a domain, or a network in CIDR form.
	Sender string `yaml:"sender"`
	// Note is the reason for the entry.
	Note string `yaml:"note"`
}

// Policy says what happens to each disposition.
type Policy struct {
	// Actions maps a disposition to what is done: deliver, quarantine, reject or defer.
	Actions map[string]string `yaml:"actions"`
	// SubjectTag maps a disposition to a prefix of the subject; %LABELS stands for the labels of the message.
	SubjectTag map[string]string `yaml:"subject_tag"`
	// Banner maps a disposition to a text in any script that is put before the body; %LABELS and %REASONS are replaced.
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
			MaxConnections: 1000, MaxConnectionsPerAddress: 100, MaxConnectionsPerNetwork: 200, Memory: 64 << 20, BareNewlines: "reject",
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
		Rules:      Rules{MaxInvalidPercent: 5, Whois: true},
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
