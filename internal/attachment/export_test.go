package attachment

// What the tests of this package reach inside for.
var (
	ServeUnconfined = serve
	SevenZipWindow  = sevenZipWindow
)

// UnpackRTF is the decompression of RTF in MAPI.
var UnpackRTF = unpackRTF
