package main

import (
	"encoding/json"
	"errors"
	"io"
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
	if start := w.next(); start < len(text) && text[start] != '{' {
		r.fail(w.position(start), `such as { "vus": 10 }`, "must be an object of options")
	} else if err := w.value(nil); err != nil {
		w.failJSON(err)
	} else if rest := w.next(); rest < len(text) {
		r.fail(w.position(rest), "", "must hold one value, another begins here")
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
	at := w.position(int(w.decoder.InputOffset()))
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		at = w.position(int(syntax.Offset) - 1)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		at, err = w.position(len(w.text)), errors.New("unexpected end")
	}
	w.fail(at, "", "is not valid JSON: %v", err)
}

// value goes through the value at path.
func (w *jsonWalk) value(path []string) error {

	if len(path) > maxConfigDepth {
		return errors.New("is nested too deep")
	}
	token, err := w.decoder.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('['):
		for i := 0; w.decoder.More(); i++ {
			below := append(path[:len(path):len(path)], strconv.Itoa(i))
			w.place(below, w.position(w.next()))
			if err := w.value(below); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		if err := w.object(path); err != nil {
			return err
		}
	default:
		return nil
	}
	_, err = w.decoder.Token()
	return err
}

func (w *jsonWalk) object(path []string) error {
	seen := map[string]int{}
	for w.decoder.More() {
		at := w.position(w.next())
		token, err := w.decoder.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		if first, twice := seen[key]; twice {
			w.fail(at, "", "%q is given twice, first in line %d", key, first)
		}
		seen[key] = at.Line
		below := append(path[:len(path):len(path)], key)
		w.place(below, at)
		if err := w.value(below); err != nil {
			return err
		}
	}
	return nil
}
