package http

import (
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http/transport"
)

const (
	maxPayload   = 1 << 50  // bytes
	payloadBlock = 16 << 10 // least size in bytes of a block that is repeated
)

// payload is what http.payload returns: a body that is made while it is sent.
// Immutable; safe for concurrent use.
type payload struct {
	m    *module // for what scripts see of it
	size int64
	fill string // "zero", "random" or the text that is repeated

	seed  [32]byte // of what is random
	block string   // the text, often enough that copying it is fast
}

var _ transport.Source = (*payload)(nil)

// payloadFunc implements http.payload(size, {fill}).
func (m *module) payloadFunc(fc goja.FunctionCall) goja.Value {
	const where = "http.payload"
	p := &payload{m: m, fill: "zero"}
	switch v := fc.Argument(0).(type) {
	case goja.String:
		size, ok := parseSize(v.String())
		if !ok {
			m.wrong(where, "size", sizeWanted, v)
		}
		p.size = size
	default:
		n, ok := number(v)
		if !ok || n != math.Trunc(n) || n < 0 || n > maxPayload {
			m.wrong(where, "size", sizeWanted, v)
		}
		p.size = int64(n)
	}
	if v := fc.Argument(1); !goja.IsUndefined(v) && !goja.IsNull(v) {
		o := m.dictionary(where, "options", v)
		for _, key := range o.GetOwnPropertyNames() {
			if key != "fill" {
				m.unknownKey(where, "option", key, []string{"fill"})
			}
			if v := o.Get(key); v != nil && !goja.IsUndefined(v) {
				const wanted = `"zero", "random" or a text to repeat`
				if p.fill = m.text(where, key, wanted, v); p.fill == "" {
					m.wrong(where, key, wanted, v)
				}
			}
		}
	}
	if p.fill == "random" {
		for i := 0; i < len(p.seed); i += 8 {
			binary.LittleEndian.PutUint64(p.seed[i:], m.random().Uint64())
		}
	}
	p.prepare()
	return m.rt.NewDynamicObject(p)
}

// prepare makes what readers share.
func (p *payload) prepare() {
	if p.fill != "zero" && p.fill != "random" {
		p.block = strings.Repeat(p.fill, 1+payloadBlock/len(p.fill))
	}
}

const sizeWanted = `a number of bytes or a text such as "10MB" or "1GiB"`

// parseSize reads an amount of data: a whole number of bytes, or a number with a
// decimal (kB, MB, GB, TB) or binary (KiB, MiB, GiB, TiB) unit, in any case.
func parseSize(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	digits := len(s) - len(strings.TrimLeft(s, "0123456789."))
	n, err := strconv.ParseFloat(s[:digits], 64)
	if err != nil {
		return 0, false
	}
	unit := 1.0
	switch name := strings.ToLower(strings.TrimSpace(s[digits:])); name {
	case "", "b":
	case "kb":
		unit = 1e3
	case "mb":
		unit = 1e6
	case "gb":
		unit = 1e9
	case "tb":
		unit = 1e12
	case "kib":
		unit = 1 << 10
	case "mib":
		unit = 1 << 20
	case "gib":
		unit = 1 << 30
	case "tib":
		unit = 1 << 40
	default:
		return 0, false
	}
	n *= unit
	if n != math.Trunc(n) || n > maxPayload {
		return 0, false
	}
	return int64(n), true
}

// Size implements transport.Source.
func (p *payload) Size() int64 { return p.size }

// Reader implements transport.Source. All readers of one payload give the same.
func (p *payload) Reader() io.Reader {
	switch p.fill {
	case "zero":
		return &zeros{p.size}
	case "random":
		return io.LimitReader(rand.NewChaCha8(p.seed), p.size)
	}
	return &repeated{block: p.block, left: p.size}
}

type zeros struct{ left int64 }

func (z *zeros) Read(b []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), z.left)]
	clear(b)
	z.left -= int64(len(b))
	return len(b), nil
}

// repeated gives block again and again.
type repeated struct {
	block string
	at    int
	left  int64
}

func (r *repeated) Read(b []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), r.left)]
	for n := 0; n < len(b); {
		k := copy(b[n:], r.block[r.at:])
		r.at = (r.at + k) % len(r.block)
		n += k
	}
	r.left -= int64(len(b))
	return len(b), nil
}

// Get implements goja.DynamicObject.
func (p *payload) Get(key string) goja.Value {
	switch key {
	case "size":
		return p.m.rt.ToValue(p.size)
	case "fill":
		return p.m.rt.ToValue(p.fill)
	}
	return nil
}

// Set implements goja.DynamicObject: nothing about a payload changes.
func (p *payload) Set(string, goja.Value) bool { return false }

// Has implements goja.DynamicObject.
func (p *payload) Has(key string) bool { return key == "size" || key == "fill" }

// Delete implements goja.DynamicObject.
func (p *payload) Delete(key string) bool { return !p.Has(key) }

// Keys implements goja.DynamicObject.
func (p *payload) Keys() []string { return []string{"size", "fill"} }
