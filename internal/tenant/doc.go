// Package tenant knows the organisations that Outrider protects: their domains,
// people, partners, routes and policy settings.
//
// A Directory is an immutable snapshot made from the configuration; a reload builds
// a new one and swaps it, so that one message is judged under one configuration.
package tenant
