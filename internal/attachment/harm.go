package attachment

// Harm is one thing about a file that honest files do not do.
type Harm struct {
	Kind   HarmKind `json:"kind"`
	Detail string   `json:"detail,omitempty"` // what is started, fetched or contradicted, at most 200 bytes
}

// HarmKind is the machine's word for a harm.
type HarmKind string

// The kinds of harms.
const (
	HarmMacro          HarmKind = "macro"           // VBA that runs when the user starts it
	HarmAutoMacro      HarmKind = "auto-macro"      // VBA that runs when the document opens or closes
	HarmMacroSheet     HarmKind = "macro-sheet"     // Excel 4.0 macros
	HarmAutoSheet      HarmKind = "auto-sheet"      // Excel 4.0 macros that run when the workbook opens, or start programs
	HarmDDE            HarmKind = "dde"             // a field or formula that starts a program by DDE
	HarmLaunch         HarmKind = "launch"          // an action that starts a program or opens another file
	HarmOpenScript     HarmKind = "open-script"     // a script that runs when a PDF opens
	HarmScript         HarmKind = "script"          // a script that runs at a click or in a form
	HarmRemoteTemplate HarmKind = "remote-template" // a template, subdocument or frame that is fetched from a network
	HarmRemoteObject   HarmKind = "remote-object"   // a linked OLE object that is fetched from a network
	HarmEquation       HarmKind = "equation"        // an object of the Equation Editor
	HarmProgram        HarmKind = "program"         // an embedded object that is a program, or starts one
	HarmSubmitForm     HarmKind = "submit-form"     // a form that sends what is filled in to a host
	HarmKnownPassword  HarmKind = "known-password"  // encrypted with a password that the program tries by itself
	HarmLocked         HarmKind = "locked"          // encrypted, and no password opened it
	HarmTwoNames       HarmKind = "two-names"       // an archive that names one entry in two ways
	HarmUnopened       HarmKind = "unopened"        // an archive or disc of a format that is not read, or damaged
)
