// Package result holds the result types of functions of the rule language.
//
// A nil field is null in a rule: not determined, or absent. Lists of these types are null
// too if not determined, unlike those of the message itself.
//
// Functions that need a model, a browser or an external data source have their types here
// even if not implemented, so that every rule of the public feed can be checked.
package result

import (
	"time"

	"golang.org/x/net/html"

	"outrider/internal/evidence/mdm"
)

// HTML is an HTML document or a part of one. Its fields are computed on first use: rules
// use few of the selected parts, and one field of those.
type HTML struct {
	Raw         func() string     `json:"raw"`
	InnerText   func() string     `json:"inner_text"`
	DisplayText func() string     `json:"display_text"`
	Links       func() []mdm.Link `json:"links"`

	Root func() *html.Node `json:"-"` // of a document; nil for a part
}

// XPath is the result of an XPath expression.
type XPath struct {
	Nodes []HTML `json:"nodes"`
}

// Match is one match of a regular expression.
type Match struct {
	FullMatch   string            `json:"full_match"`
	Groups      []string          `json:"groups"` // a group without a match is ""
	NamedGroups map[string]string `json:"named_groups"`
}

// Text is a file read as text.
type Text struct {
	Text string `json:"text"`
}

// Archive is the files in an archive.
type Archive struct {
	Files []mdm.Attachment `json:"files"`
}

// KeyValue is a named text.
type KeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// ICS is a calendar.
type ICS struct {
	Events    []Event `json:"events"`
	ProductID *string `json:"product_id"`
	Scale     *string `json:"scale"`
	Method    *string `json:"method"`
}

// Event is one event of a calendar.
type Event struct {
	Summary         *string       `json:"summary"`
	Description     *string       `json:"description"`
	DescriptionHTML *HTML         `json:"description_html"`
	Location        *string       `json:"location"`
	Organizer       *mdm.Mailbox  `json:"organizer"`
	Attendees       []mdm.Mailbox `json:"attendees"`
	Links           []mdm.Link    `json:"links"`
	RawProperties   []KeyValue    `json:"raw_properties"`
}

// Profile is the history of a sender before the message.
type Profile struct {
	Prevalence                 *string    `json:"prevalence"` // new, outlier, rare, uncommon, common or unknown
	Solicited                  *bool      `json:"solicited"`  // a user of the tenant wrote to the sender first
	AnyMessagesBenign          *bool      `json:"any_messages_benign"`
	AnyMessagesMaliciousOrSpam *bool      `json:"any_messages_malicious_or_spam"`
	AnyFalsePositives          *bool      `json:"any_false_positives"`
	DaysKnown                  *int       `json:"days_known"`
	AuthFailed                 *bool      `json:"auth_failed"`
	DaysSince                  *DaysSince `json:"days_since"`
}

// DaysSince counts days back from the message.
type DaysSince struct {
	FirstContact *int `json:"first_contact"`
	LastContact  *int `json:"last_contact"`
	LastInbound  *int `json:"last_inbound"`
	LastOutbound *int `json:"last_outbound"`
}

// Whois is the registration of a domain.
type Whois struct {
	Found                     *bool        `json:"found"`
	DaysOld                   *int         `json:"days_old"`
	CreatedAt                 *time.Time   `json:"created_at"`
	UpdatedAt                 *time.Time   `json:"updated_at"`
	ExpiresAt                 *time.Time   `json:"expires_at"`
	CheckedAt                 *time.Time   `json:"checked_at"`
	RootDomain                *string      `json:"root_domain"`
	RegistrarName             *string      `json:"registrar_name"`
	RegistrantName            *string      `json:"registrant_name"`
	RegistrantCompany         *string      `json:"registrant_company"`
	RegistrantEmail           *string      `json:"registrant_email"`
	RegistrantCountry         *string      `json:"registrant_country"`
	RegistrantCountryCode     *string      `json:"registrant_country_code"`
	RegistrantState           *string      `json:"registrant_state"`
	RegistrantCity            *string      `json:"registrant_city"`
	RegistrantZip             *string      `json:"registrant_zip"`
	RegistrantAddress         *string      `json:"registrant_address"`
	RegistrantPhone           *string      `json:"registrant_phone"`
	RegistrantFax             *string      `json:"registrant_fax"`
	AdministrativeName        *string      `json:"administrative_name"`
	AdministrativeCompany     *string      `json:"administrative_company"`
	AdministrativeEmail       *string      `json:"administrative_email"`
	AdministrativeCountry     *string      `json:"administrative_country"`
	AdministrativeCountryCode *string      `json:"administrative_country_code"`
	AdministrativeState       *string      `json:"administrative_state"`
	AdministrativeCity        *string      `json:"administrative_city"`
	AdministrativeZip         *string      `json:"administrative_zip"`
	AdministrativeAddress     *string      `json:"administrative_address"`
	AdministrativePhone       *string      `json:"administrative_phone"`
	AdministrativeFax         *string      `json:"administrative_fax"`
	TechnicalName             *string      `json:"technical_name"`
	TechnicalCompany          *string      `json:"technical_company"`
	TechnicalEmail            *string      `json:"technical_email"`
	TechnicalCountry          *string      `json:"technical_country"`
	TechnicalCountryCode      *string      `json:"technical_country_code"`
	TechnicalState            *string      `json:"technical_state"`
	TechnicalCity             *string      `json:"technical_city"`
	TechnicalZip              *string      `json:"technical_zip"`
	TechnicalAddress          *string      `json:"technical_address"`
	TechnicalPhone            *string      `json:"technical_phone"`
	TechnicalFax              *string      `json:"technical_fax"`
	DomainStatus              []string     `json:"domain_status"`
	NameServers               []mdm.Domain `json:"name_servers"`
	Error                     *string      `json:"error"`
}

// Language is a model's analysis of a text.
type Language struct {
	Entities []Entity `json:"entities"`
	Intents  []Guess  `json:"intents"`
	Tags     []Guess  `json:"tags"`
	Topics   []Guess  `json:"topics"`
	Language *string  `json:"language"`
	Success  *bool    `json:"success"`
	Error    *string  `json:"error"`
}

// Entity is a named thing in a text.
type Entity struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Guess is a name by a model, with its confidence.
type Guess struct {
	Name       string  `json:"name"`
	Confidence *string `json:"confidence"` // low, medium or high
}

// File is a file that was downloaded or created.
type File struct {
	FileName      *string `json:"file_name"`
	FileExtension *string `json:"file_extension"`
	FileType      *string `json:"file_type"`
	ContentType   *string `json:"content_type"`
	Size          *int    `json:"size"`
	MD5           *string `json:"md5"`
	SHA1          *string `json:"sha1"`
	SHA256        *string `json:"sha256"`
	Raw           *string `json:"raw"` // base64
}

// Links is the result of following a link.
type Links struct {
	OriginalURL         *mdm.URL   `json:"original_url"`
	EffectiveURL        *mdm.URL   `json:"effective_url"`
	RedirectHistory     []mdm.URL  `json:"redirect_history"`
	UniqueURLsAccessed  []mdm.URL  `json:"unique_urls_accessed"`
	StatusCode          *int       `json:"status_code"`
	ContentType         *string    `json:"content_type"`
	FinalDOM            *HTML      `json:"final_dom"`
	Screenshot          *File      `json:"screenshot"`
	FilesDownloaded     []File     `json:"files_downloaded"`
	AdditionalResponses []Response `json:"additional_responses"`
	Credphish           *Credphish `json:"credphish"`
	Submitted           *bool      `json:"submitted"`
	Retrieved           *bool      `json:"retrieved"`
	Analyzed            *bool      `json:"analyzed"`
	RetrievedAt         *time.Time `json:"retrieved_at"`
}

// Response is one further response that a page loaded.
type Response struct {
	URL         *mdm.URL `json:"url"`
	StatusCode  *int     `json:"status_code"`
	ContentType *string  `json:"content_type"`
	File        *File    `json:"file"`
	JSON        any      `json:"json"`
}

// Credphish is whether a page asks for credentials of another organisation.
type Credphish struct {
	Disposition     *string `json:"disposition"` // benign, phishing or unknown
	Confidence      *string `json:"confidence"`
	Brand           *Guess  `json:"brand"`
	ContainsLogin   *bool   `json:"contains_login"`
	ContainsCaptcha *bool   `json:"contains_captcha"`
}

// Logos holds the brands that a picture shows.
type Logos struct {
	Brands     []Guess    `json:"brands"`
	Scanned    *bool      `json:"scanned"`
	Error      *string    `json:"error"`
	TotalPages *int       `json:"total_pages"`
	Pages      []LogoPage `json:"page_results"`
}

// LogoPage holds the brands on one page.
type LogoPage struct {
	PageIndex int     `json:"page_index"`
	Brands    []Guess `json:"brands"`
	Error     *string `json:"error"`
}

// Verdict is a model's judgement.
type Verdict struct {
	Verdict       *string  `json:"verdict"`
	Score         *float64 `json:"score"`
	GraymailScore *float64 `json:"graymail_score"`
	TopSignals    []Signal `json:"top_signals"`
}

// Signal is one reason of a Verdict.
type Signal struct {
	Category    *string `json:"category"`
	Description *string `json:"description"`
}

// Macro is a model's judgement of macros.
type Macro struct {
	Malicious  *bool   `json:"malicious"`
	Confidence *string `json:"confidence"`
	Error      *string `json:"error"`
}

// Sensitive is sensitive data in a text.
type Sensitive struct {
	Elements []SensitiveElement `json:"elements"`
}

// SensitiveElement is one item of sensitive data.
type SensitiveElement struct {
	Type       string  `json:"type"`
	Text       string  `json:"text"`
	Confidence *string `json:"confidence"`
}

// Triage is the data for automations about a reported or flagged message.
type Triage struct {
	Trigger        *string         `json:"trigger"`
	Classification *Classification `json:"classification"`
	Agents         *Agents         `json:"agents"`
	UserReports    *UserReports    `json:"user_reports"`
	FlaggedRules   []FlaggedRule   `json:"flagged_rules"`
}

// Classification is an analyst's label of a message.
type Classification struct {
	Classification *string `json:"classification"`
}

// Agents holds the results of automatic analysts.
type Agents struct {
	ASA *Verdict `json:"asa"`
}

// UserReports counts the people who reported a message.
type UserReports struct {
	Count *int `json:"count"`
}

// FlaggedRule is a rule that matched.
type FlaggedRule struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Severity *string `json:"severity"`
}

// Person is a member of an organisation's list of people.
type Person struct {
	DisplayName string `json:"display_name"`
	Email       string `json:"email"`
}
