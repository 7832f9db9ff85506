package scan

// EXIF is the metadata of a file and its maker. Both the scanner exiftool and the function
// beta.parse_exif return it.
type EXIF struct {
	Fields               []EXIFField `json:"fields"`                 // in the order of the file
	Creator              *string     `json:"creator"`                // person of Office documents, program of PDF
	Producer             *string     `json:"producer"`               // program that made a PDF
	Title                *string     `json:"title"`                  // of a document or page
	Author               *string     `json:"author"`                 // person
	PageCount            *int        `json:"page_count"`             // pages
	ImageWidth           *int        `json:"image_width"`            // pixels
	ImageHeight          *int        `json:"image_height"`           // pixels
	CreateDate           *string     `json:"create_date"`            // as ExifTool writes it: 2026:01:31 12:00:00
	ModifyDate           *string     `json:"modify_date"`            // as create_date
	CommandLineArguments *string     `json:"command_line_arguments"` // of a shortcut
	ZipFileName          *string     `json:"zip_file_name"`          // first entry of a zip
	ZipUncompressedSize  *int64      `json:"zip_uncompressed_size"`  // bytes of that entry
	ZipCompressedSize    *int64      `json:"zip_compressed_size"`    // packed bytes of that entry
}

// EXIFField is one field, under ExifTool's name. A list is an array in JSON.
type EXIFField struct {
	Key   string `json:"key"`   // ExifTool's name
	Value string `json:"value"` // may be empty
}

// HTMLFile is the content of a page's tags.
type HTMLFile struct {
	Title          *string      `json:"title"`           // of the first title element
	Hyperlinks     []string     `json:"hyperlinks"`      // of a and img, each once
	Scripts        []HTMLScript `json:"scripts"`         // in the order of the page
	Spans          []HTMLSpan   `json:"spans"`           // each once
	Forms          []HTMLForm   `json:"forms"`           // in the order of the page
	Frames         []HTMLFrame  `json:"frames"`          // in the order of the page
	Inputs         []HTMLInput  `json:"inputs"`          // in the order of the page
	TotalScripts   int          `json:"total_scripts"`   // script elements
	TotalSpans     int          `json:"total_spans"`     // span elements
	TotalForms     int          `json:"total_forms"`     // form elements
	TotalFrames    int          `json:"total_frames"`    // frame and iframe elements
	TotalInputs    int          `json:"total_inputs"`    // input elements
	TotalExtracted int          `json:"total_extracted"` // scripts that have text
}

// HTMLScript is a script element.
type HTMLScript struct {
	Language *string `json:"language"` // attribute, as written
	Type     *string `json:"type"`     // attribute, as written
	Src      *string `json:"src"`      // attribute, as written
	Scripts  *string `json:"scripts"`  // the beginning of its text; the whole is a file of its own
}

// HTMLSpan is a span element.
type HTMLSpan struct {
	Class *string `json:"class"` // attribute
	Style *string `json:"style"` // attribute
}

// HTMLForm is a form element.
type HTMLForm struct {
	Action *string `json:"action"` // attribute
	Method *string `json:"method"` // attribute
}

// HTMLFrame is a frame or iframe element.
type HTMLFrame struct {
	Src   *string `json:"src"`   // attribute
	Name  *string `json:"name"`  // attribute
	Style *string `json:"style"` // attribute
}

// HTMLInput is an input element.
type HTMLInput struct {
	Type  *string `json:"type"`  // attribute
	Name  *string `json:"name"`  // attribute
	Value *string `json:"value"` // attribute
}

// XMLFile is the content of the tags of XML.
type XMLFile struct {
	DocType        *string  `json:"doc_type"`        // declaration without its inner part
	Version        *string  `json:"version"`         // of the declaration
	Namespaces     []string `json:"namespaces"`      // each once
	Tags           []string `json:"tags"`            // local names, each once
	TotalTags      int      `json:"total_tags"`      // elements
	TotalScripts   int      `json:"total_scripts"`   // script elements
	TotalExtracted int      `json:"total_extracted"` // scripts that have text
}

// ICSFile is an iCalendar file.
type ICSFile struct {
	Calendars []ICSCalendar `json:"calendars"` // at most one is read
}

// ICSCalendar is one calendar.
type ICSCalendar struct {
	Method     *string        `json:"method"`     // upper case
	ProdID     *string        `json:"prodid"`     // program that made it
	CalScale   *string        `json:"calscale"`   // as written
	Components []ICSComponent `json:"components"` // in the order of the file
}

// ICSComponent is an event, a task or another entry.
type ICSComponent struct {
	Type        string          `json:"type"`        // upper case: VEVENT and so on
	UID         *string         `json:"uid"`         // null where it is missing
	Summary     *string         `json:"summary"`     // title
	Description *string         `json:"description"` // text
	Location    *string         `json:"location"`    // text
	Status      *string         `json:"status"`      // upper case
	DTStart     *string         `json:"dtstart"`     // as written
	DTEnd       *string         `json:"dtend"`       // as written
	Organizers  []ICSPerson     `json:"organizers"`  // at most one
	Attendees   []ICSPerson     `json:"attendees"`   // in the order of the file
	Attachments []ICSAttachment `json:"attachments"` // in the order of the file
	URLs        []string        `json:"urls"`        // of its property URL
}

// ICSPerson is an organizer or attendee.
type ICSPerson struct {
	Mailbox  ICSMailbox `json:"mailbox"`  // name and address
	PartStat *string    `json:"partstat"` // answer, upper case
}

// ICSMailbox is a name and an address.
type ICSMailbox struct {
	DisplayName *string `json:"display_name"` // common name
	Email       string  `json:"email"`        // without "mailto:"
}

// ICSAttachment is a property ATTACH.
type ICSAttachment struct {
	Type string  `json:"type"` // uri, data_uri or binary
	URI  *string `json:"uri"`  // null for embedded content
}

// ICS is the result of beta.file.parse_ics.
type ICS struct {
	Events    []ICSEvent `json:"events"`     // entries except time zones and alarms
	ProductID *string    `json:"product_id"` // program that made it
	Scale     *string    `json:"scale"`      // as written
}

// ICSEvent is one entry of a calendar.
type ICSEvent struct {
	Description     *string       `json:"description"`      // text
	DescriptionHTML *string       `json:"description_html"` // non-standard HTML description
	Links           []string      `json:"links"`            // in texts and properties, as written
	RawProperties   []ICSProperty `json:"raw_properties"`   // in the order of the file
}

// ICSProperty is one property as written.
type ICSProperty struct {
	Key   string `json:"key"`   // upper case
	Value string `json:"value"` // text unescaped
}

// Docx holds the properties of a text document.
type Docx struct {
	Author         *string  `json:"author"`            // person who made it
	Title          *string  `json:"title"`             // of its properties
	Subject        *string  `json:"subject"`           // of its properties
	Keywords       *string  `json:"keywords"`          // of its properties
	Comments       *string  `json:"comments"`          // of its properties
	Category       *string  `json:"category"`          // of its properties
	LastModifiedBy *string  `json:"last_modified_by"`  // person
	Revision       *string  `json:"revision"`          // number, as written
	Created        *string  `json:"created"`           // as written, RFC 3339
	Modified       *string  `json:"modified"`          // as written
	WordCount      int      `json:"word_count"`        // words of the text
	ImageCount     int      `json:"image_count"`       // pictures on the pages
	FontColors     []string `json:"font_colors"`       // RRGGBB in upper case, or "auto"
	WhiteTextInDoc bool     `json:"white_text_in_doc"` // some text is white
}

// Pptx holds the properties of a presentation.
type Pptx struct {
	Author         *string  `json:"author"`           // person who made it
	Title          *string  `json:"title"`            // of its properties
	Subject        *string  `json:"subject"`          // of its properties
	Keywords       *string  `json:"keywords"`         // of its properties
	Comments       *string  `json:"comments"`         // of its properties
	Category       *string  `json:"category"`         // of its properties
	LastModifiedBy *string  `json:"last_modified_by"` // person
	Revision       *string  `json:"revision"`         // number, as written
	Created        *string  `json:"created"`          // as written, RFC 3339
	Modified       *string  `json:"modified"`         // as written
	SlideCount     int      `json:"slide_count"`      // slides
	WordCount      int      `json:"word_count"`       // words on the slides
	ImageCount     int      `json:"image_count"`      // pictures on the slides
	URLs           []string `json:"urls"`             // of links
}

// Oletools is the result of file.oletools.
type Oletools struct {
	Error         *string       `json:"error"`         // null where it was read
	Indicators    Indicators    `json:"indicators"`    // indicators of danger
	Macros        Macros        `json:"macros"`        // sources and their words
	Relationships []OfficeLinks `json:"relationships"` // that lead outside
}

// Indicators are the properties by which a document is rated dangerous.
type Indicators struct {
	ContainerFormat       Named   `json:"container_format"`       // OLE or OpenXML
	FileFormat            Named   `json:"file_format"`            // name of the format
	Encryption            Present `json:"encryption"`             // a password is needed
	VBAMacros             Present `json:"vba_macros"`             // high where they have suspicious words
	XLMMacros             Present `json:"xlm_macros"`             // macros of Excel 4
	ObjectPool            Present `json:"object_pool"`            // embedded objects of Word 97
	ExternalRelationships Counted `json:"external_relationships"` // external parts, including links
	FlashObjects          Counted `json:"flash_objects"`          // Flash films
}

// Named is an indicator with a name.
type Named struct {
	Value string `json:"value"` // name
	Risk  string `json:"risk"`  // none, info, low, medium or high
}

// Present is an indicator that is present or absent.
type Present struct {
	Exists bool   `json:"exists"` // whether it is there
	Risk   string `json:"risk"`   // none, low, medium or high
}

// Counted is an indicator with a count.
type Counted struct {
	Count int    `json:"count"` // how often it is there
	Risk  string `json:"risk"`  // none, low, medium or high
}

// Macros are the macros of a document.
type Macros struct {
	VBACodeAllModules *string        `json:"vba_code_all_modules"` // null where there is none
	Keywords          []MacroKeyword `json:"keywords"`             // words that matter
	Modules           []MacroModule  `json:"modules"`              // in the order of the project
}

// MacroKeyword is a suspicious word.
type MacroKeyword struct {
	Type        string `json:"type"`        // autoexec, suspicious, ioc, hex_string or base64_string
	Keyword     string `json:"keyword"`     // as written; hex and base64 decoded
	Description string `json:"description"` // why it is suspicious
}

// MacroModule is a module of a project.
type MacroModule struct {
	Name       string `json:"name"`        // as the project names it
	StreamPath string `json:"stream_path"` // of the stream that holds it
}

// OfficeLinks is an external relationship.
type OfficeLinks struct {
	Name      string  `json:"name"`       // kind, such as "hyperlink" or "attachedTemplate"
	Target    string  `json:"target"`     // as written
	TargetURL *string `json:"target_url"` // null where the target is no address
}
