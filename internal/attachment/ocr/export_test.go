package ocr

// Parse is the reader of the program's table.
var Parse = parse
