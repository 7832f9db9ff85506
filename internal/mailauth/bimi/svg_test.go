package bimi_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"

	"outrider/internal/mailauth/bimi"
)

const (
	svgHead = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9">`
	goodSVG = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + svgHead + `
<!-- a comment --><title>A title</title><desc>Of a test</desc>
<defs><linearGradient id="b"><stop offset="0" stop-color="#fff"/></linearGradient><path id="a" d="M0 0h9v9z"/></defs>
<g><use xlink:href="#a" fill="url(#b)"/><text x="1" y="2">T</text></g></svg>`
)

func packed(tb testing.TB, s string) string {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// doubled has groups, each of which draws the one before it twice.
func doubled(levels int) string {
	out := `<path id="g0" d="M0 0"/>`
	for k := range levels {
		out += fmt.Sprintf(`<g id="g%d"><use href="#g%d"/><use href="#g%d"/></g>`, k+1, k, k)
	}
	return out
}

// drawings are files, and whether they are harmless.
func drawings() map[string]struct {
	svg string
	ok  bool
} {
	within := func(s string) string { return svgHead + "<title>T</title>" + s + "</svg>" }
	head := func(from, to string) string { return strings.Replace(within(""), from, to, 1) }
	type file = struct {
		svg string
		ok  bool
	}
	return map[string]file{
		"a logo":                      {goodSVG, true},
		"nothing but a title":         {within(""), true},
		"a byte order mark":           {"\ufeff" + goodSVG, true},
		"a prefix":                    {`<s:svg xmlns:s="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps"><s:title>T</s:title></s:svg>`, true},
		"parts that are used twice":   {within(`<defs><g id="a"><path d="M0 0"/></g><g id="b"><use href="#a"/><use href="#a"/></g></defs><use href="#b"/><use href="#b"/>`), true},
		"references that multiply":    {within(doubled(20)), false},
		"a reference to itself":       {within(`<g id="a"><use href="#a"/></g>`), false},
		"references in a circle":      {within(`<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>`), false},
		"a thousand references":       {within(`<path id="a" d="M0 0"/>` + strings.Repeat(`<use href="#a"/>`, 1000)), true},
		"no title":                    {svgHead + "</svg>", false},
		"an empty title":              {svgHead + "<title> </title></svg>", false},
		"a title that is too deep":    {svgHead + "<g><title>T</title></g></svg>", false},
		"no svg":                      {"<html/>", false},
		"no xml":                      {"GIF89a", false},
		"nothing":                     {"", false},
		"an end that is missing":      {strings.TrimSuffix(goodSVG, "</svg>"), false},
		"two roots":                   {within("") + within(""), false},
		"svg within svg":              {within(within("")), false},
		"another version":             {head(`"1.2"`, `"1.1"`), false},
		"another profile":             {head("tiny-ps", "tiny"), false},
		"no profile":                  {head(`baseProfile="tiny-ps"`, ""), false},
		"another namespace":           {head("2000/svg", "2001/svg"), false},
		"a root with a place":         {head("viewBox", `x="0" viewBox`), false},
		"a script":                    {within("<script>alert(1)</script>"), false},
		"a script of another case":    {within("<SCRIPT/>"), false},
		"a script of html":            {within(`<script xmlns="http://www.w3.org/1999/xhtml"/>`), false},
		"an animation":                {within(`<g><animate attributeName="x"/></g>`), false},
		"a set":                       {within(`<set attributeName="x"/>`), false},
		"an image":                    {within(`<image xlink:href="data:image/png;base64,AA=="/>`), false},
		"a link":                      {within(`<a xlink:href="#a"/>`), false},
		"foreign objects":             {within(`<foreignObject/>`), false},
		"a style sheet":               {within(`<style>@import "x"</style>`), false},
		"a style":                     {within(`<g style="fill:red"/>`), false},
		"a handler":                   {within(`<g onclick="x()"/>`), false},
		"a handler of another case":   {within(`<g ONload="x()"/>`), false},
		"use of another file":         {within(`<use xlink:href="https://a.example/#a"/>`), false},
		"use of another file, plain":  {within(`<use href="//a.example/#a"/>`), false},
		"use of data":                 {within(`<use href="data:image/svg+xml,x"/>`), false},
		"paint of another file":       {within(`<g fill="url(https://a.example/#a)"/>`), false},
		"paint of one and another":    {within(`<g fill="url(#a)" stroke="url( #b) url('x')"/>`), false},
		"paint, escaped":              {within(`<g fill="u\72l(x)"/>`), false},
		"paint in upper case":         {within(`<g fill="URL(x)"/>`), false},
		"another base":                {within(`<g xml:base="https://a.example/"/>`), false},
		"a document type":             {"<!DOCTYPE svg>" + goodSVG, false},
		"an entity":                   {within("&x;"), false},
		"many entities":               {`<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + within("&b;"), false},
		"a style sheet from outside":  {`<?xml-stylesheet href="x"?>` + goodSVG, false},
		"another charset":             {strings.Replace(goodSVG, "UTF-8", "ISO-2022-JP", 1), false},
		"depth that is enough":        {within(strings.Repeat("<g>", 63) + strings.Repeat("</g>", 63)), true},
		"depth that is too much":      {within(strings.Repeat("<g>", 64) + strings.Repeat("</g>", 64)), false},
		"32 KiB":                      {goodSVG + strings.Repeat(" ", 32<<10-len(goodSVG)), true},
		"more than 32 KiB":            {goodSVG + strings.Repeat(" ", 32<<10-len(goodSVG)+1), false},
		"text that only looks so":     {within("<desc>&lt;script&gt;</desc>"), true},
		"a script in a data section":  {within("<desc><![CDATA[<script>]]></desc>"), true},
		"an attribute of an editor":   {within(`<g xmlns:i="urn:editor" i:label="x"/>`), true},
		"an address in an attribute":  {within(`<g id="a" class="javascript:x"/>`), false},
		"a reference to nothing":      {within(`<use href=""/>`), false},
		"a reference in another case": {within(`<use HREF="x"/>`), false},
	}
}

func TestCheckSVG(t *testing.T) {
	t.Parallel()
	for name, d := range drawings() {
		if err := bimi.CheckSVG([]byte(d.svg)); d.ok != (err == nil) || !d.ok && !errors.Is(err, bimi.ErrLogo) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCheckSVG(f *testing.F) {
	for _, d := range drawings() {
		f.Add([]byte(d.svg))
	}
	f.Fuzz(func(t *testing.T, svg []byte) {
		if bimi.CheckSVG(svg) != nil {
			return
		}
		lower := bytes.ToLower(svg)
		if len(svg) > 32<<10 || !bytes.Contains(lower, []byte("tiny-ps")) || bytes.Contains(lower, []byte("<script")) && !bytes.Contains(svg, []byte("<![CDATA[")) && !bytes.Contains(svg, []byte("<!--")) {
			t.Errorf("accepted %q", svg)
		}
	})
}
