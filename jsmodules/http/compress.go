package http

import (
	"io"
	"strings"
	"unsafe"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http/coding"
)

// coding decodes the parameter compression: "gzip", or "gzip, br" for one over
// the other.
func (m *module) coding(where string, v goja.Value) []string {
	list := m.text(where, "compression", `a list of gzip, deflate, br and zstd such as "gzip"`, v)
	names, err := coding.Names(list)
	if err != nil {
		m.throw("TypeError", where+": compression: "+err.Error())
	}
	return names
}

// compress encodes the body of r if it is asked to. A Content-Encoding the script set itself stays:
// tests of servers send wrong ones on purpose.
func (m *module) compress(where string, r *request) {
	body := bytesOf(r.Call.Body)
	if len(r.coding) == 0 || r.Source == nil && len(body) == 0 {
		return
	}
	if r.Source != nil {
		if r.Source.Size() > maxEncodedBody {
			m.throw("RangeError", where+": compression holds the whole body in memory, so a body that is made while it is sent may have at most 64 MiB with it")
		}
		var err error
		if body, err = io.ReadAll(r.Source.Reader()); err != nil {
			m.throw("Error", where+": the body could not be read")
		}
		r.Source = nil
	}
	out, header, err := m.p.coder.Encode(r.coding, body)
	if err != nil {
		m.throw("Error", where+": compression: "+err.Error())
	}
	r.Call.Body, r.lent = stringOf(out), false
	for i := range r.Headers {
		if h := &r.Headers[i]; h.Name == "Content-Encoding" {
			if !strings.EqualFold(strings.ReplaceAll(h.Value, " ", ""), strings.ReplaceAll(header, " ", "")) {
				m.p.warn("a request was compressed with " + header + ", but its script says Content-Encoding: " + quoted(h.Value))
			}
			return
		}
	}
	r.header("Content-Encoding", header)
}

// bytesOf returns s as bytes without a copy. They must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
