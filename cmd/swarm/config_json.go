package main

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/swarmload/swarm/engine/plan"
)

// parseJSON reads a configuration file in JSON, such as one of k6's.
func parseJSON(file, text string) (plan.Layer, plan.Problems) {
	r := newConfigReader(file, text)
	if strings.TrimSpace(text) == "" {
		return r.layer([]byte("{}")), nil
	}
	w := &jsonWalk{configReader: r, text: text, decoder: json.NewDecoder(strings.NewReader(text))}
	w.decoder.UseNumber()
	var whole json.RawMessage
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		w.failJSON(err)
	} else if start := w.next(); text[start] != '{' {
		r.fail(w.position(start), `such as { "vus": 10 }`, "must be an object of options")
	} else {
		w.value(nil)
	}
	return r.layer([]byte(text)), r.problems
}

// jsonWalk goes through a JSON text and notes where everything stands.
type jsonWalk struct {
	*configReader
	text    string
	decoder *json.Decoder

	counted, line, lineStart int // position, up to the byte counted
}

// next returns where the next token begins.
func (w *jsonWalk) next() int {
	at := int(w.decoder.InputOffset())
	for at < len(w.text) && strings.IndexByte(" \t\r\n,:", w.text[at]) >= 0 {
		at++
	}
	return at
}

// position turns an offset into a line and a column. Offsets mostly grow.
func (w *jsonWalk) position(offset int) plan.Position {
	offset = min(max(offset, 0), len(w.text))
	if offset < w.counted {
		w.counted, w.line, w.lineStart = 0, 0, 0
	}
	for ; w.counted < offset; w.counted++ {
		if w.text[w.counted] == '\n' {
			w.line++
			w.lineStart = w.counted + 1
		}
	}
	return w.at(w.line+1, utf8.RuneCountInString(w.text[w.lineStart:offset])+1)
}

func (w *jsonWalk) failJSON(err error) {
	at := w.position(len(w.text))
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) && !strings.HasPrefix(syntax.Error(), "unexpected end") {
		at = w.position(int(syntax.Offset) - 1) // the offset counts the byte that is wrong
	}
	w.fail(at, "", "is not valid JSON: %v", err)
}

// value goes through the value at path; more says whether to go on after it.
// The text is valid.
func (w *jsonWalk) value(path []string) (more bool) {
	start := w.next()
	token, err := w.decoder.Token()
	if err != nil {
		w.failJSON(err)
		return false
	}
	if len(path) > maxConfigDepth {
		w.fail(w.position(start), "", "is nested deeper than %d levels", maxConfigDepth)
		return false
	}
	switch token {
	case json.Delim('['):
		for i := 0; w.decoder.More(); i++ {
			below := append(path[:len(path):len(path)], strconv.Itoa(i))
			w.place(below, w.position(w.next()))
			if !w.value(below) {
				return false
			}
		}
	case json.Delim('{'):
		if !w.object(path) {
			return false
		}
	default:
		return true
	}
	_, err = w.decoder.Token() // the bracket
	return err == nil
}

func (w *jsonWalk) object(path []string) (more bool) {
	seen := map[string]int{}
	for w.decoder.More() {
		at := w.position(w.next())
		token, err := w.decoder.Token()
		if err != nil {
			w.failJSON(err)
			return false
		}
		key, _ := token.(string)
		if first, twice := seen[key]; twice {
			w.fail(at, "", "%q is given twice, first in line %d", key, first)
		}
		seen[key] = at.Line
		below := append(path[:len(path):len(path)], key)
		w.place(below, at)
		if !w.value(below) {
			return false
		}
	}
	return true
}
