package schema

import "strings"

// Capability is a data source or model that a function needs besides the message. A rule
// that needs a missing capability is indeterminate, and reports it.
type Capability uint32

// The capabilities.
const (
	Files      Capability = 1 << iota // opening of attachments
	OCR                               // recognition of text in pictures
	QR                                // decoding of codes in pictures
	History                           // earlier correspondence
	Whois                             // registration of domains
	Language                          // a language model for classifying text
	Browser                           // following of links
	Screenshot                        // rendering of messages
	Logos                             // a model that recognises logos of brands
	Macros                            // a model that judges macros
	Translator                        // a model that translates
	Scores                            // a model with a verdict of its own
	Sensitive                         // a model that finds sensitive data
	Triaging                          // reports by users and analysts
	Listed                            // a list that is not configured
)

var capabilityNames = []string{
	"attachments", "ocr", "qr", "history", "whois", "language model", "link analysis", "screenshots", "logo model",
	"macro model", "translation", "attack score", "sensitive data model", "triage", "list",
}

// Names returns the names of the capabilities in the set.
func (c Capability) Names() []string {
	var out []string
	for i, n := range capabilityNames {
		if c&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// String returns the names, separated by commas.
func (c Capability) String() string { return strings.Join(c.Names(), ", ") }

// Form is how a call is compiled.
type Form uint8

// The forms.
const (
	Plain   Form = iota // the arguments are evaluated before the call
	Lambda              // the second argument is evaluated for each element of the first
	Pattern             // arguments after the first are literal patterns
)

// Function is a function of the language.
type Function struct {
	Name     string
	Params   []Param
	Variadic bool    // the last parameter may be repeated
	Named    []Param // keyword arguments, all optional
	Result   *Type   // nil if it depends on the arguments
	Form     Form
	Needs    Capability
	Doc      string
}

// Param is a parameter.
type Param struct {
	Name     string
	Accepts  string // "string", "number", "list", "map", "any", "bool", "int" or names of object types, separated by "|"
	Optional bool
}

// Signature returns the signature of the function for authors.
func (f *Function) Signature() string {
	var b strings.Builder
	b.WriteString(f.Name + "(")
	for i, p := range f.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name)
		if p.Optional {
			b.WriteByte('?')
		}
	}
	if f.Variadic {
		b.WriteString(", ...")
	}
	for _, p := range f.Named {
		b.WriteString(", " + p.Name + "=")
	}
	b.WriteByte(')')
	return b.String()
}

// aliases are older names in rules of other feeds.
var aliases = map[string]string{
	"beta.scan_base64": "strings.scan_base64", "beta.linkanalysis": "ml.link_analysis", "beta.message_screenshot": "file.message_screenshot",
	"beta.parse_text": "file.parse_text", "beta.binexplode": "file.explode", "beta.oletools": "file.oletools", "beta.parse_eml": "file.parse_eml",
	"regex_match": "regex.match", "regex_search": "regex.contains", "iregex_match": "regex.imatch", "iregex_search": "regex.icontains",
	"like": "strings.like", "ilike": "strings.ilike", "beta.whois": "network.whois", "beta.levenshtein": "strings.levenshtein",
}

// Functions is all functions by name.
type Functions map[string]*Function

// Lookup finds a function by its name or an alias.
func (f Functions) Lookup(name string) *Function {
	if n, ok := aliases[name]; ok {
		name = n
	}
	return f[name]
}

// files lists the types that functions of files accept.
const files = "Attachment|result.File|result.HTML|scan.Response"

// NewFunctions builds the table over the types.
func NewFunctions(t Types) Functions {
	b := &builder{types: t, all: make(Functions)}
	b.lists()
	b.strings()
	b.files()
	b.sources()
	return b.all
}

type builder struct {
	types Types
	all   Functions
}

// add adds a function. Parameters are "name kind", "name? kind" for an optional one, "..."
// at the end for repetition, and "=name kind" for keywords.
func (b *builder) add(name string, result *Type, form Form, needs Capability, doc string, params ...string) {
	f := &Function{Name: name, Result: result, Form: form, Needs: needs, Doc: doc}
	for _, p := range params {
		if p == "..." {
			f.Variadic = true
			continue
		}
		word, kind, _ := strings.Cut(p, " ")
		if n, ok := strings.CutPrefix(word, "="); ok {
			f.Named = append(f.Named, Param{Name: n, Accepts: kind, Optional: true})
			continue
		}
		n, optional := strings.CutSuffix(word, "?")
		f.Params = append(f.Params, Param{Name: n, Accepts: kind, Optional: optional})
	}
	b.all[name] = f
}

func (b *builder) lists() {
	b.add("any", BoolType, Lambda, 0, "whether the condition holds for at least one element", "list list", "condition bool")
	b.add("all", BoolType, Lambda, 0, "whether the condition holds for every element; true for an empty list", "list list", "condition bool")
	b.add("filter", nil, Lambda, 0, "the elements for which the condition holds", "list list", "condition bool")
	b.add("map", nil, Lambda, 0, "the expression for each element", "list list", "expression any")
	b.add("distinct", nil, Lambda, 0, "the first element of each value of the key, or of each value", "list list", "key? any")
	b.add("ratio", FloatType, Lambda, 0, "which part of the elements fulfils the condition, from 0 to 1; null for an empty list", "list list", "condition bool")
	b.add("sum", nil, Plain, 0, "the sum of the numbers in a list", "list list")
	b.add("length", IntType, Plain, 0, "characters of a string, elements of a list, entries of a map", "value any")
	b.add("coalesce", nil, Plain, 0, "the first value that is not null", "value any", "other any", "...")
	b.add("flatten", nil, Plain, 0, "a list of lists as one list", "list list")
	b.add("keys", ListOf(StringType), Plain, 0, "the keys of a map, sorted", "map map")
	b.add("values", nil, Plain, 0, "the values of a map, in the order of the keys", "map map")
}

func (b *builder) strings() {
	for _, f := range []struct{ name, doc string }{
		{"contains", "whether the text contains one of the others"},
		{"starts_with", "whether the text begins with one of the others"},
		{"ends_with", "whether the text ends with one of the others"},
		{"like", "whether the whole text is of a pattern: * stands for any run of characters, ? for one"},
	} {
		b.add("strings."+f.name, BoolType, Plain, 0, f.doc, "text string", "other string", "...")
		b.add("strings.i"+f.name, BoolType, Plain, 0, f.doc+", whatever the case of letters", "text string", "other string", "...")
	}
	for _, i := range []string{"", "i"} {
		fold := ""
		if i != "" {
			fold = ", whatever the case of letters"
		}
		b.add("strings."+i+"count", IntType, Plain, 0, "how often the text contains the other, without overlap"+fold, "text string", "other string")
		b.add("strings."+i+"levenshtein", IntType, Plain, 0, "how many characters must be inserted, removed or replaced to make one text of the other"+fold, "text string", "other string")
		b.add("regex."+i+"match", BoolType, Pattern, 0, "whether the whole text is of one of the patterns"+fold, "text string", "pattern string", "...")
		b.add("regex."+i+"contains", BoolType, Pattern, 0, "whether one of the patterns matches in the text"+fold, "text string", "pattern string", "...")
		b.add("regex."+i+"count", IntType, Pattern, 0, "how often the pattern matches in the text, without overlap"+fold, "text string", "pattern string")
		b.add("regex."+i+"extract", ListOf(b.types["result.Match"]), Pattern, 0, "what the pattern matches in the text"+fold, "text string", "pattern string", "...")
	}
	b.add("strings.concat", StringType, Plain, 0, "the texts, joined", "text string", "...")
	b.add("strings.replace_confusables", StringType, Plain, 0, "the text with letters that only look Latin replaced by Latin ones", "text string")
	b.add("strings.parse_url", b.types["URL"], Plain, 0, "a text as a URL", "text string", "=strict bool")
	b.add("strings.parse_domain", b.types["Domain"], Plain, 0, "a text as a domain name", "text string")
	b.add("strings.parse_email", b.types["Email"], Plain, 0, "a text as an address", "text string")
	b.add("strings.parse_json", DynamicType, Plain, 0, "a text as JSON", "text string")
	b.add("strings.parse_html", b.types["result.HTML"], Plain, 0, "a text as HTML", "text string")
	b.add("strings.scan_base64", ListOf(StringType), Plain, 0, "base64 in the text, decoded", "text string", "=encodings list", "=ignore_padding bool", "=format string")
	b.add("strings.decode_base64", StringType, Plain, 0, "a text decoded from base64", "text string")
	b.add("hash.sha256", StringType, Plain, 0, "SHA-256 of a text, in lower-case hexadecimal", "text string")
	b.add("beta.ip_in", BoolType, Plain, 0, "whether an address is one of the others, or in one of the networks", "address string|IP", "network string", "...")
	b.add("html.xpath", b.types["result.XPath"], Pattern, 0, "the nodes of an HTML document that an XPath expression selects", "document HTML|result.HTML", "expression string")
}

func (b *builder) files() {
	b.add("file.explode", ListOf(b.types["scan.Response"]), Plain, Files, "the file and all that is in it, scanned", "file "+files)
	b.add("file.expand_archives", b.types["result.Archive"], Plain, Files, "the files in archives", "file "+files+"|list")
	b.add("file.parse_eml", b.types["Message"], Plain, 0, "an attached message, as a message of its own", "file "+files)
	b.add("file.parse_html", b.types["result.HTML"], Plain, 0, "a file as HTML", "file "+files)
	b.add("file.parse_text", b.types["result.Text"], Plain, 0, "a file as text", "file "+files, "=encodings list")
	b.add("beta.file.parse_ics", b.types["result.ICS"], Plain, 0, "a file as a calendar", "file "+files)
	b.add("beta.parse_exif", b.types["scan.EXIF"], Plain, Files, "what a file says of itself", "file "+files)
	b.add("beta.ocr", b.types["scan.OCRText"], Plain, Files|OCR, "the text of a picture", "file "+files)
	b.add("beta.scan_qr", b.types["scan.QR"], Plain, Files|QR, "the codes in a picture", "file "+files)
	b.add("file.oletools", b.types["scan.Oletools"], Plain, Files, "macros, relations and encryption of an Office file", "file "+files)
	b.add("file.message_screenshot", b.types["result.File"], Plain, Screenshot, "a picture of the message")
	b.add("file.html_screenshot", b.types["result.File"], Plain, Screenshot, "a picture of an HTML document", "document HTML|result.HTML|"+files)
}

func (b *builder) sources() {
	p := b.types["result.Profile"]
	b.add("profile.by_sender", p, Plain, History, "what is known of the sender: of the address at free providers, of the domain elsewhere")
	b.add("profile.by_sender_email", p, Plain, History, "what is known of the sender's address")
	b.add("profile.by_sender_domain", p, Plain, History, "what is known of the sender's domain")
	b.add("beta.profile.by_reply_to", p, Plain, History, "what is known of the address that replies go to")
	b.add("network.whois", b.types["result.Whois"], Plain, Whois, "the registration of a domain", "domain Domain")
	b.add("ml.nlu_classifier", b.types["result.Language"], Plain, Language, "intents, entities and topics of a text", "text string", "=subject string")
	b.add("beta.ml_topic", b.types["result.Language"], Plain, Language, "topics of a text", "text string")
	b.add("ml.link_analysis", b.types["result.Links"], Plain, Browser, "what following a link shows", "link Link|URL", "=mode string")
	b.add("ml.logo_detect", b.types["result.Logos"], Plain, Logos, "the brands that a picture shows", "file "+files)
	b.add("ml.macro_classifier", b.types["result.Macro"], Plain, Macros, "what a model thinks of the macros of a file", "file "+files)
	b.add("beta.ml_translate", b.types["result.Text"], Plain, Translator, "a text in English", "text string", "=to string")
	b.add("beta.fuzzy_attack_score", b.types["result.Verdict"], Plain, Scores, "the verdict of a model")
	b.add("ml.attack_score", b.types["result.Verdict"], Plain, Scores, "the verdict of a model")
	b.add("beta.ml_extract_sensitive_information", b.types["result.Sensitive"], Plain, Sensitive, "sensitive data in a text", "text string")
}
