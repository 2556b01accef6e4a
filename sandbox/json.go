package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dop251/goja"
)

// maxNesting bounds how deep arrays and objects of JSON may lie in each other.
const maxNesting = 10_000

// ParseJSON turns JSON into a value of the script, as JSON.parse does. A script
// has no hold on it, and a VU whose script never mentions JSON is spared that
// object and its functions, 3.5 KB.
func (v *VU) ParseJSON(text string) (goja.Value, error) {
	p := jsonParser{rt: v.rt, tokens: json.NewDecoder(strings.NewReader(text))}
	value, err := p.value(0)
	if err == nil {
		if _, err = p.tokens.Token(); err == nil {
			err = errors.New("there is something after the end of the JSON")
		} else if err == io.EOF {
			return value, nil
		}
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errors.New("unexpected end of JSON")
	}
	return nil, err
}

type jsonParser struct {
	rt     *goja.Runtime
	tokens *json.Decoder
}

func (p *jsonParser) value(depth int) (goja.Value, error) {
	token, err := p.tokens.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxNesting {
		return nil, fmt.Errorf("the JSON is nested deeper than %d", maxNesting)
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case nil:
		return goja.Null(), nil
	default: // string, float64, bool
		return p.rt.ToValue(token), nil
	}
}

func (p *jsonParser) object(depth int) (goja.Value, error) {
	obj := p.rt.NewObject()
	for p.tokens.More() {
		key, err := p.tokens.Token()
		if err != nil {
			return nil, err
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		// Set would call setters that the script gave to Object.prototype.
		if err := obj.DefineDataProperty(key.(string), value, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE); err != nil {
			return nil, err
		}
	}
	_, err := p.tokens.Token()
	return obj, err
}

func (p *jsonParser) array(depth int) (goja.Value, error) {
	var items []any
	for p.tokens.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := p.tokens.Token()
	return p.rt.NewArray(items...), err
}
