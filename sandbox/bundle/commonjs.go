package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
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
	exportClause  = regexp.MustCompile(`^export \{\n((?:  [^\s,;"]+(?: as (?:[^\s,;"]+|"(?:[^"\\\n]|\\.)*"))?,?\n)*)\};\n$`)
	exportDefault = regexp.MustCompile(`^export default ([\w$]+\(\));\n$`)
	exportItem    = regexp.MustCompile(`(?m)^  ([^\s,]+) as (.*?)(,?)$`)
)

// wrap turns esbuild's ES module into the body of a CommonJS wrapper. The text
// gains exactly one line, at the top.
func wrap(esm []byte) []byte {
	head, tail := openESM, "return {};\n"
	esm = bytes.Replace(esm, []byte(requires), []byte("require"+strings.Repeat("\n", strings.Count(requires, "\n"))), 1)
	last := 0 // where the last statement may begin
	if i := bytes.LastIndex(esm, []byte("\nexport ")); i >= 0 {
		last = i + 1
	}
	if m := exportClause.FindSubmatch(esm[last:]); m != nil {
		tail = "return {\n" + string(exportItem.ReplaceAll(m[1], []byte("  $2: $1$3"))) + "};\n"
		esm = esm[:last]
	} else if m := exportDefault.FindSubmatch(esm[last:]); m != nil {
		// The script is a CommonJS module: what it assigned to module.exports is all it exports.
		head, tail = openCJS, "return "+string(m[1])+";\n"
		esm = esm[:last]
	}
	return slices.Concat([]byte(head), esm, []byte(tail), []byte(closing))
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
