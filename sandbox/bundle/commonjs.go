package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// esbuild prints an ES module. Two things in it are not yet CommonJS: the
// export clause, always the last statement, and the stand-in for require,
// always the same text. Both are replaced line for line, so that the source
// map still holds, and the whole is put into a function of its own, where a
// script may call its variables "module" or "exports" as it likes.
const (
	openESM  = `"use strict";module.exports=(function(){` + "\n"
	openCJS  = `module.exports=(function(){` + "\n" // CommonJS scripts may be sloppy
	closing  = "})();\n"
	requires = `((x) => typeof require !== "undefined" ? require : typeof Proxy !== "undefined" ? new Proxy(x, {
  get: (a, b) => (typeof require !== "undefined" ? require : a)[b]
}) : x)(function(x) {
  if (typeof require !== "undefined") return require.apply(this, arguments);
  throw Error('Dynamic require of "' + x + '" is not supported');
})`
	prefix = namespace + ":" // of a source's name in the source map
)

var (
	exportClause  = regexp.MustCompile(`(?:^|\n)export \{\n((?:  [\w$]+(?: as [\w$]+)?,?\n)*)\};\n$`)
	exportDefault = regexp.MustCompile(`(?:^|\n)export default ([\w$]+\(\));\n$`)
	exportItem    = regexp.MustCompile(`(?m)^  ([\w$]+) as ([\w$]+)`)
)

// wrap turns esbuild's ES module into the body of a CommonJS wrapper. The text
// gains exactly one line, at the top.
func wrap(esm []byte) []byte {
	head := openESM
	esm = bytes.Replace(esm, []byte(requires), []byte("require"+strings.Repeat("\n", strings.Count(requires, "\n"))), 1)
	if m := exportClause.FindSubmatchIndex(esm); m != nil {
		items := exportItem.ReplaceAll(esm[m[2]:m[3]], []byte("  $2: $1"))
		esm = append(esm[:m[0]:m[0]], "\nreturn {\n"+string(items)+"};\n"...)
	} else if m := exportDefault.FindSubmatchIndex(esm); m != nil {
		// The script is a CommonJS module: what it assigned to module.exports is all it exports.
		head = openCJS
		esm = append(esm[:m[0]:m[0]], "\nreturn "+string(esm[m[2]:m[3]])+";\n"...)
	} else {
		esm = append(esm[:len(esm):len(esm)], "return {};\n"...)
	}
	return append(append([]byte(head), esm...), closing...)
}

// wrapMap makes esbuild's source map fit what wrap returns: one line further
// down, sources named by their path.
func wrapMap(text []byte) ([]byte, error) {
	var m struct {
		Version  int      `json:"version"`
		Sources  []string `json:"sources"`
		Names    []string `json:"names"`
		Mappings string   `json:"mappings"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("reading the bundler's source map: %w", err)
	}
	for i, s := range m.Sources {
		m.Sources[i] = strings.TrimPrefix(s, prefix)
	}
	m.Mappings = ";" + m.Mappings
	return json.Marshal(m)
}
