package wire

import (
	"encoding/json"
	"fmt"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// FromPlan encodes p as JSON, which is how plans are stored, too.
func FromPlan(p *plan.Plan) ([]byte, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return data, nil
}

// ToPlan is the inverse of FromPlan.
func ToPlan(data []byte) (*plan.Plan, error) {
	p := new(plan.Plan)
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("%w: plan: %w", ErrMalformed, err)
	}
	return p, nil
}

// FromBundle encodes b; it shares b's memory.
func FromBundle(b *bundle.Bundle) *Bundle {
	m := &Bundle{Entry: []byte(b.Entry), Code: b.Code, Map: b.Map, Hash: Text(b.Hash)}
	for path, source := range b.Sources {
		m.Sources = append(m.Sources, &Source{Path: []byte(path), Text: source})
	}
	return m
}

// ToBundle decodes m; it shares m's memory. It does not verify the hash.
func ToBundle(m *Bundle) (*bundle.Bundle, error) {
	b := &bundle.Bundle{
		Entry:   string(m.GetEntry()),
		Code:    m.GetCode(),
		Map:     m.GetMap(),
		Sources: make(map[string][]byte, len(m.GetSources())),
		Hash:    m.GetHash(),
	}
	for _, s := range m.GetSources() {
		path := string(s.GetPath())
		if _, twice := b.Sources[path]; twice {
			return nil, fmt.Errorf("%w: source %q comes twice", ErrMalformed, path)
		}
		b.Sources[path] = s.GetText()
	}
	return b, nil
}

// What is kept of an exception: enough to understand it, and no more than a
// hostile script may cost a coordinator.
const (
	maxName    = 128
	maxMessage = 4 << 10
	maxFrames  = 16
	maxPath    = 256
)

// Trim returns e within the bounds of what travels; e itself if it is.
func Trim(e *vu.Exception) *vu.Exception {
	ok := len(e.Name) <= maxName && len(e.Message) <= maxMessage && len(e.Stack) <= maxFrames
	for _, f := range e.Stack {
		ok = ok && len(f.Function) <= maxPath && len(f.File) <= maxPath
	}
	if ok {
		return e
	}
	out := &vu.Exception{Name: Shorten(e.Name, maxName), Message: Shorten(e.Message, maxMessage)}
	for _, f := range e.Stack[:min(len(e.Stack), maxFrames)] {
		f.Function, f.File = Shorten(f.Function, maxPath), Shorten(f.File, maxPath)
		out.Stack = append(out.Stack, f)
	}
	return out
}

// Shorten cuts s to at most n bytes, an ellipsis included.
func Shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const ellipsis = "…"
	end := n - len(ellipsis)
	for end > 0 && s[end]&0xC0 == 0x80 { // within a character
		end--
	}
	return s[:end] + ellipsis
}

// FromException encodes e, trimmed; nil gives nil.
func FromException(e *vu.Exception) *Exception {
	if e == nil {
		return nil
	}
	e = Trim(e)
	m := &Exception{Name: Text(e.Name), Message: Text(e.Message)}
	for _, f := range e.Stack {
		m.Stack = append(m.Stack, FromFrame(f))
	}
	return m
}

// ToException decodes m, trimmed; nil gives nil.
func ToException(m *Exception) *vu.Exception {
	if m == nil {
		return nil
	}
	e := &vu.Exception{Name: m.GetName(), Message: m.GetMessage()}
	for _, f := range m.GetStack() {
		e.Stack = append(e.Stack, ToFrame(f))
	}
	return Trim(e)
}

// FromFrame encodes f; the zero Frame gives nil.
func FromFrame(f vu.Frame) *Frame {
	if f == (vu.Frame{}) {
		return nil
	}
	return &Frame{
		Function: Text(f.Function), File: Text(f.File),
		Line: uint32(max(f.Line, 0)), Column: uint32(max(f.Column, 0)),
	}
}

// ToFrame decodes f; nil gives the zero Frame.
func ToFrame(f *Frame) vu.Frame {
	return vu.Frame{
		Function: Shorten(f.GetFunction(), maxPath), File: Shorten(f.GetFile(), maxPath),
		Line: int(f.GetLine()), Column: int(f.GetColumn()),
	}
}
