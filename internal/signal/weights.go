package signal

// version changes whenever a signal or a weight does.
const version = "1"

// fitted holds the weights that were fitted on mail.
var fitted = map[string]float64{}
