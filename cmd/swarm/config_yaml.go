package main

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/swarmload/swarm/engine/plan"
	"go.yaml.in/yaml/v4"
)

// parseYAML reads a configuration file in YAML. Aliases are refused: options
// have no use for them, and ten lines of them unfold to gigabytes.
func parseYAML(file, text string) (plan.Layer, plan.Problems) {
	r := newConfigReader(file, text)
	options := []byte("{}")
	var document yaml.Node
	loader, err := yaml.NewLoader(strings.NewReader(text))
	if err == nil {
		err = loader.Load(&document)
	}
	switch {
	case errors.Is(err, io.EOF): // empty
	case err != nil:
		r.failYAML(err)
	case len(document.Content) > 0 && document.Content[0].ShortTag() != "!!null":
		root := document.Content[0]
		if root.Kind != yaml.MappingNode {
			r.fail(r.at(root.Line, root.Column), `such as "vus: 10"`, "must be a mapping of options")
			break
		}
		options = r.yaml(nil, root, nil)
		var second yaml.Node
		if err := loader.Load(&second); err == nil {
			r.fail(r.at(second.Line, second.Column), "", "must hold one document, another begins here")
		} else if !errors.Is(err, io.EOF) {
			r.failYAML(err)
		}
	}
	return r.layer(options), r.problems
}

// failYAML reports that the text is no YAML.
func (r *configReader) failYAML(err error) {
	at, message := plan.Position{File: r.file}, strings.TrimPrefix(err.Error(), "yaml: ")
	if failure := (*yaml.LoadError)(nil); errors.As(err, &failure) {
		at, message = r.at(failure.Mark.Line, failure.Mark.Column), failure.Message
	}
	r.fail(at, "", "is not valid YAML: %s", message)
}

// yaml appends the node, which stands at path, as JSON.
func (r *configReader) yaml(out []byte, n *yaml.Node, path []string) []byte {
	at := r.at(n.Line, n.Column)
	switch {
	case len(path) > maxConfigDepth:
		r.fail(at, "", "is nested deeper than %d levels", maxConfigDepth)
		return append(out, "null"...)
	case n.Kind == yaml.AliasNode:
		if !r.aliased { // once will do: where there is one there may be hundreds
			r.fail(at, "write the value out", "aliases are not allowed")
		}
		r.aliased = true
		return append(out, "null"...)
	case n.Kind == yaml.SequenceNode:
		out = append(out, '[')
		for i, item := range n.Content {
			if i > 0 {
				out = append(out, ',')
			}
			below := append(path[:len(path):len(path)], strconv.Itoa(i))
			r.place(below, r.at(item.Line, item.Column))
			out = r.yaml(out, item, below)
		}
		return append(out, ']')
	case n.Kind == yaml.MappingNode:
		return r.yamlMapping(out, n, path)
	}
	return r.yamlScalar(out, n)
}

func (r *configReader) yamlMapping(out []byte, n *yaml.Node, path []string) []byte {
	out = append(out, '{')
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := r.at(key.Line, key.Column)
		first, twice := seen[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.fail(at, "", "the name of an option must be text")
			continue
		case key.ShortTag() == "!!merge":
			r.fail(at, "write the values out", "merge keys are not allowed")
			continue
		case twice:
			r.fail(at, "", "%q is given twice, first in line %d", key.Value, first)
			continue
		}
		seen[key.Value] = key.Line
		if out[len(out)-1] != '{' {
			out = append(out, ',')
		}
		below := append(path[:len(path):len(path)], key.Value)
		r.place(below, at)
		out = append(appendJSONText(out, key.Value), ':')
		out = r.yaml(out, value, below)
	}
	return append(out, '}')
}

func (r *configReader) yamlScalar(out []byte, n *yaml.Node) []byte {
	switch n.ShortTag() {
	case "!!null":
		return append(out, "null"...)
	case "!!str", "!!timestamp":
		return appendJSONText(out, n.Value)
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			r.fail(r.at(n.Line, n.Column), "", "%q is not a value", n.Value)
			return append(out, "null"...)
		}
		if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return appendJSONText(out, n.Value) // refused as such where a number is due
		}
		data, err := json.Marshal(v)
		if err != nil {
			return appendJSONText(out, n.Value)
		}
		return append(out, data...)
	}
	r.fail(r.at(n.Line, n.Column), "", "values of type %s are not allowed", n.ShortTag())
	return append(out, "null"...)
}

func appendJSONText(out []byte, s string) []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	return append(out, data...)
}
