package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// kind is the type of a JSON value.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

// node is one JSON value. Unlike a decoded map it keeps the order of the
// source and the text of numbers, so that problems come in order and 1e308 is
// reported as it was written.
type node struct {
	kind    kind
	literal string // of a boolean or number; content of a string
	items   []node // of a list
	fields  []field

	// from is the layer that gave the value and where is its path there; nil
	// for what lies inside a value that has them.
	from  *layer
	where []string
}

type field struct {
	key   string
	value node
}

// maxDepth bounds the nesting of options; the deepest real option has 6 levels.
const maxDepth = 64

// decode reads options. An empty text is an empty object.
func decode(options []byte) (node, error) {
	if len(bytes.TrimSpace(options)) == 0 {
		return node{kind: object}, nil
	}
	dec := json.NewDecoder(bytes.NewReader(options))
	dec.UseNumber()
	n, err := decodeNext(dec, 0)
	if err != nil {
		return node{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return node{}, fmt.Errorf("are not one JSON value: more follows at byte %d", dec.InputOffset())
	}
	if n.kind == null {
		n.kind = object
	}
	return n, nil
}

func decodeNext(dec *json.Decoder, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, fmt.Errorf("are nested deeper than %d levels", maxDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return node{}, notJSON(dec, err)
	}
	switch t := token.(type) {
	case bool:
		return node{kind: boolean, literal: fmt.Sprint(t)}, nil
	case json.Number:
		return node{kind: number, literal: t.String()}, nil
	case string:
		return node{kind: text, literal: t}, nil
	case json.Delim:
		if t == '[' {
			return decodeList(dec, depth)
		}
		return decodeObject(dec, depth)
	}
	return node{kind: null}, nil
}

func decodeList(dec *json.Decoder, depth int) (node, error) {
	n := node{kind: list}
	for dec.More() {
		item, err := decodeNext(dec, depth+1)
		if err != nil {
			return node{}, err
		}
		n.items = append(n.items, item)
	}
	return n, closing(dec)
}

// decodeObject lets the last of several equal keys win, as JavaScript does.
func decodeObject(dec *json.Decoder, depth int) (node, error) {
	n := node{kind: object}
	places := map[string]int{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return node{}, notJSON(dec, err)
		}
		key, _ := token.(string)
		value, err := decodeNext(dec, depth+1)
		if err != nil {
			return node{}, err
		}
		if i, twice := places[key]; twice {
			n.fields[i].value = value
			continue
		}
		places[key] = len(n.fields)
		n.fields = append(n.fields, field{key, value})
	}
	return n, closing(dec)
}

// closing consumes the bracket that ends a list or an object.
func closing(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return notJSON(dec, err)
	}
	return nil
}

func notJSON(dec *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("are not valid JSON at byte %d: %w", dec.InputOffset(), err)
}

// get returns the value of key.
func (n node) get(key string) (node, bool) {
	for _, f := range n.fields {
		if f.key == key {
			return f.value, true
		}
	}
	return node{}, false
}

// set replaces or appends the value of key.
func (n *node) set(key string, value node) {
	for i := range n.fields {
		if n.fields[i].key == key {
			n.fields[i].value = value
			return
		}
	}
	n.fields = append(n.fields, field{key, value})
}

// drop removes keys.
func (n *node) drop(keys ...string) {
	for _, key := range keys {
		for i := range n.fields {
			if n.fields[i].key == key {
				n.fields = append(n.fields[:i], n.fields[i+1:]...)
				break
			}
		}
	}
}

// neutral reports whether a value asks for nothing, so that not honouring it
// changes nothing.
func (n node) neutral() bool {
	switch n.kind {
	case null:
		return true
	case boolean:
		return n.literal == "false"
	case number:
		return n.literal == "0"
	case text:
		return n.literal == ""
	case list:
		return len(n.items) == 0
	}
	return len(n.fields) == 0
}
