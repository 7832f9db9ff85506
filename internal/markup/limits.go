package markup

// Bounds on one document.
const (
	maxDepth       = 256       // open elements; html.Parse refuses 512, newsletters reach 80
	maxTail        = 256 << 10 // bytes at the end of a document of too many tokens
	maxFormatting  = 48        // open formatting elements, which html.Parse reopens in each paragraph
	maxAttributes  = 128       // per element; html.Parse compares those of formatting elements pairwise
	maxRootTags    = 8         // html and body tags, whose attributes html.Parse merges
	smallDocument  = 64 << 10  // bytes up to which joining texts is cheap
	maxHidden      = 64 << 10  // bytes of hidden text, and of Outlook's
	keptTail       = 16 << 10  // bytes of the end of a text beyond its bound
	maxPictures    = 20        // pictures of data: URLs, and the same number of drawings
	maxPicture     = 4 << 20   // bytes of one picture, as written
	maxScript      = 256 << 10 // bytes of inline script
	maxSheet       = 512 << 10 // bytes of style sheets
	maxRules       = 8192      // selectors of style sheets
	maxCompounds   = 8         // compound selectors in one selector
	maxMatchSteps  = 4_000_000 // comparisons of selectors with elements
	maxLinkText    = 1 << 10   // bytes of the text of one link
	maxTarget      = 1 << 20   // bytes of one target; data URLs are longer than names
	maxAlt         = 200       // alternative texts
	maxForms       = 100       // forms
	maxFields      = 100       // fields of one form
	maxNested      = 2         // nested documents in attributes and comments
	maxSrcset      = 50        // candidates of one srcset
	maxCodeTargets = 100       // targets written in one script
	maxPreheader   = 200       // characters
	maxStyles      = 2000      // distinct style attributes whose parsed form is kept
	largeBase64    = 1024      // characters of base64 that are a payload and no identifier
)
