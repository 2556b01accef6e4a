package http

import (
	"io"
	"math"
	"mime"
	"strconv"
	"strings"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http/transport"
)

const (
	// inlineMultipart is the size in bytes up to which a multipart body is put
	// together before it is sent.
	inlineMultipart = 16 << 10

	defaultFileType = "application/octet-stream"
	fileWanted      = "text, an ArrayBuffer, a typed array, an array of bytes or what http.payload() returns"
)

// fileFunc implements http.file(data, filename, contentType). What it returns is
// a plain object with these three, which a script may change, and a mark by
// which it is known.
func (m *module) fileFunc(fc goja.FunctionCall) goja.Value {
	given := func(v goja.Value, otherwise func() string) goja.Value {
		if goja.IsUndefined(v) || goja.IsNull(v) || v.StrictEquals(m.rt.ToValue("")) {
			return m.rt.ToValue(otherwise())
		}
		return v
	}
	o := m.rt.NewObject()
	m.define(o, "data", fc.Argument(0))
	m.define(o, "filename", given(fc.Argument(1), m.timestamp))
	m.define(o, "content_type", given(fc.Argument(2), func() string { return defaultFileType }))
	_ = o.DefineDataPropertySymbol(m.p.fileMark, m.rt.ToValue(true), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_TRUE) // o is ours
	m.file("http.file", o)
	return o
}

// timestamp returns the time in nanoseconds: a name that no other file has.
func (m *module) timestamp() string {
	now := time.Now
	if m.p.host.Now != nil {
		now = m.p.host.Now
	}
	return strconv.FormatInt(now().UnixNano(), 10)
}

// file is a file to be uploaded. Its content is text or source.
type file struct {
	name, contentType string
	text              string
	source            transport.Source
	lent              bool // text is memory of the script's
}

// isFile reports whether o is what http.file returned, or a copy of it.
func (m *module) isFile(o *goja.Object) bool { return o.GetSymbol(m.p.fileMark) != nil }

// file decodes what http.file returned, as it is now.
func (m *module) file(where string, o *goja.Object) *file {
	f := &file{
		name:        m.text(where, "filename", "a string", o.Get("filename")),
		contentType: m.text(where, "content_type", "a content type such as \"image/png\"", o.Get("content_type")),
	}
	if !validHeaderValue(f.contentType) {
		m.throw("TypeError", where+": content_type holds a line break or another control character")
	}
	switch data := o.Get("data").(type) {
	case goja.String:
		f.text = data.String()
	case *goja.Object:
		if p, ok := hosted[*payload](data); ok {
			f.source = p
		} else if b, ok := m.binary(data); ok {
			if f.lent = len(b) >= sharedBody; f.lent {
				f.text = stringOf(b)
			} else {
				f.text = string(b)
			}
		} else if data.ClassName() == "Array" {
			f.text = m.bytes(where, data)
		} else if data.ClassName() == "String" {
			f.text = data.String()
		} else {
			m.wrong(where, "data", fileWanted, data)
		}
	default:
		m.wrong(where, "data", fileWanted, data)
	}
	return f
}

// bytes decodes an array of numbers from 0 to 255.
func (m *module) bytes(where string, list *goja.Object) string {
	keys := list.Keys()
	b := make([]byte, len(keys))
	for i, key := range keys {
		v := list.Get(key)
		n, ok := number(v)
		if !ok || n != math.Trunc(n) || n < 0 || n > 255 {
			m.wrong(where, "data["+transport.Clip(key)+"]", "a number from 0 to 255", v)
		}
		b[i] = byte(n)
	}
	return string(b)
}

// partedBody is a body of several parts (RFC 7578), none of which is copied.
// Immutable; safe for concurrent use.
type partedBody struct {
	pieces []piece
	size   int64
}

// piece is text, or a source.
type piece struct {
	text   string
	source transport.Source
	lent   bool // text is memory of the script's
}

var _ transport.Source = (*partedBody)(nil)

// multipart makes fields the body of r. The boundary is that of a Content-Type
// the script set, if it is one for multipart; any other Content-Type would be
// wrong and is replaced.
func (m *module) multipart(r *request, fields []field) {
	contentType, boundary := "", ""
	for i := range r.Headers {
		if h := &r.Headers[i]; h.Name == "Content-Type" {
			kind, params, err := mime.ParseMediaType(h.Value)
			if err == nil && strings.HasPrefix(kind, "multipart/") && validBoundary(params["boundary"]) {
				contentType, boundary = h.Value, params["boundary"]
			}
		}
	}
	if boundary == "" {
		boundary = m.boundary()
		contentType = "multipart/form-data; boundary=" + boundary
	}
	body := assemble(fields, boundary)
	r.Headers = without(r.Headers, "Content-Type")
	r.header("Content-Type", contentType)
	if body.size <= inlineMultipart && body.known() {
		r.Call.Body = body.text()
		return
	}
	r.Source = body
	for i := range body.pieces {
		r.lent = r.lent || body.pieces[i].lent
	}
}

// boundary returns a text that no part holds, as far as chance allows.
func (m *module) boundary() string {
	return "----swarm" + strconv.FormatUint(m.random().Uint64(), 36) + strconv.FormatUint(m.random().Uint64(), 36)
}

// validBoundary reports whether s may be one (RFC 2046, section 5.1.1).
func validBoundary(s string) bool {
	for i := range len(s) {
		if c := s[i]; !letter(c) && !digit(c) && strings.IndexByte("'()+_,-./:=? ", c) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= 70 && s[len(s)-1] != ' '
}

// assemble puts fields between boundaries.
func assemble(fields []field, boundary string) *partedBody {
	m := &partedBody{}
	var b strings.Builder // text since the last piece
	flush := func() {
		m.add(piece{text: b.String()})
		b = strings.Builder{}
	}
	for i := range fields {
		f := &fields[i]
		b.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"")
		escapeName(&b, f.name)
		b.WriteByte('"')
		if f.file == nil {
			b.WriteString("\r\n\r\n" + f.value + "\r\n")
			continue
		}
		b.WriteString("; filename=\"")
		escapeName(&b, f.file.name)
		b.WriteString("\"\r\nContent-Type: " + f.file.contentType + "\r\n\r\n")
		flush()
		m.add(piece{text: f.file.text, source: f.file.source, lent: f.file.lent})
		b.WriteString("\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	flush()
	return m
}

// escapeName writes a name between quotes as browsers do (HTML, 4.10.21.8).
func escapeName(b *strings.Builder, name string) {
	for i := range len(name) {
		switch c := name[i]; c {
		case '"':
			b.WriteString("%22")
		case '\r':
			b.WriteString("%0D")
		case '\n':
			b.WriteString("%0A")
		default:
			b.WriteByte(c)
		}
	}
}

func (m *partedBody) add(p piece) {
	switch {
	case p.source != nil:
		m.size += p.source.Size()
	case p.text == "":
		return
	default:
		m.size += int64(len(p.text))
	}
	m.pieces = append(m.pieces, p)
}

// known reports whether everything is text.
func (m *partedBody) known() bool {
	for i := range m.pieces {
		if m.pieces[i].source != nil {
			return false
		}
	}
	return true
}

// text returns the whole body; it is known.
func (m *partedBody) text() string {
	var b strings.Builder
	b.Grow(int(m.size))
	for i := range m.pieces {
		b.WriteString(m.pieces[i].text)
	}
	return b.String()
}

// own returns m without memory of the script's.
func (m *partedBody) own() *partedBody {
	owned := &partedBody{size: m.size}
	for _, p := range m.pieces {
		if p.lent {
			p.text, p.lent = strings.Clone(p.text), false
		}
		owned.pieces = append(owned.pieces, p)
	}
	return owned
}

// Size implements transport.Source.
func (m *partedBody) Size() int64 { return m.size }

// Reader implements transport.Source.
func (m *partedBody) Reader() io.Reader {
	readers := make([]io.Reader, len(m.pieces))
	for i := range m.pieces {
		if p := &m.pieces[i]; p.source != nil {
			readers[i] = p.source.Reader()
		} else {
			readers[i] = strings.NewReader(p.text)
		}
	}
	return io.MultiReader(readers...)
}
