package sse

import (
	"bytes"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// What a server may send of one event.
const (
	maxLine  = 1 << 20 // bytes of a line
	maxEvent = 8 << 20 // bytes of an event's data
	keptRoom = 64 << 10
)

var (
	errLine  = errors.New("a line of the event stream is longer than 1 MiB")
	errEvent = errors.New("an event is larger than 8 MiB")
)

// event is what a server sent.
type event struct{ kind, data, id string }

// parser turns the bytes of a stream into events, wherever they were cut when
// they arrived. It is the interpretation of event streams in the HTML Standard,
// 9.2.6. The zero parser is ready for a new stream.
//
// The standard decodes first and cuts into lines then. As no byte below 0x80 is
// ever part of a longer sequence in UTF-8, well-formed or not, cutting first
// gives the same.
type parser struct {
	begun bool   // past the place of a byte order mark
	cr    bool   // the last byte was a CR that ended a line: a LF belongs to it
	line  []byte // the beginning of a line that has not ended

	kind   string
	data   []byte // with a LF after each line
	lastID string

	retry    time.Duration // as the server set it
	hasRetry bool
}

const byteOrderMark = "\xef\xbb\xbf"

// feed appends to events those that end in b. What came before an error counts.
func (p *parser) feed(events []event, b []byte) ([]event, error) {
	if !p.begun {
		b = p.begin(b)
	}
	for len(b) > 0 {
		if p.cr {
			p.cr = false
			if b[0] == '\n' {
				b = b[1:]
				continue
			}
		}
		end := bytes.IndexAny(b, "\r\n")
		if end < 0 {
			return events, p.keep(b)
		}
		line := b[:end]
		p.cr = b[end] == '\r'
		b = b[end+1:]
		if len(p.line) > 0 {
			if err := p.keep(line); err != nil {
				return events, err
			}
			line = p.line
		}
		if len(line) > maxLine {
			return events, errLine
		}
		var err error
		events, err = p.take(events, line)
		if p.line = p.line[:0]; cap(p.line) > keptRoom {
			p.line = nil
		}
		if err != nil {
			return events, err
		}
	}
	return events, nil
}

// begin takes the byte order mark off, which may come in pieces.
func (p *parser) begin(b []byte) []byte {
	p.line = append(p.line, b...)
	b, p.line = p.line, nil
	if len(b) < len(byteOrderMark) && strings.HasPrefix(byteOrderMark, string(b)) {
		p.line = b
		return nil
	}
	p.begun = true
	return bytes.TrimPrefix(b, []byte(byteOrderMark))
}

// keep holds the beginning of a line until the rest is there.
func (p *parser) keep(b []byte) error {
	if len(p.line)+len(b) > maxLine {
		return errLine
	}
	p.line = append(p.line, b...)
	return nil
}

// take acts upon a line.
func (p *parser) take(events []event, line []byte) ([]event, error) {
	if len(line) == 0 {
		return p.dispatch(events), nil
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		p.kind = decode(value)
	case "data":
		if len(p.data)+len(value) > maxEvent {
			return events, errEvent
		}
		p.data = append(p.data, value...)
		p.data = append(p.data, '\n')
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			p.lastID = decode(value)
		}
	case "retry":
		if d, ok := milliseconds(value); ok {
			p.retry, p.hasRetry = d, true
		}
	}
	return events, nil
}

// dispatch ends an event.
func (p *parser) dispatch(events []event) []event {
	kind, data := p.kind, p.data
	p.kind, p.data = "", p.data[:0]
	if len(data) == 0 {
		return events
	}
	if kind == "" {
		kind = "message"
	}
	events = append(events, event{kind, decode(data[:len(data)-1]), p.lastID})
	if cap(p.data) > keptRoom {
		p.data = nil
	}
	return events
}

// maxRetry keeps what a server asks for far from overflow.
const maxRetry = 24 * time.Hour

// milliseconds reads a number of ASCII digits.
func milliseconds(digits []byte) (time.Duration, bool) {
	ms := time.Duration(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		ms = min(10*ms+time.Duration(c-'0'), maxRetry/time.Millisecond)
	}
	return ms * time.Millisecond, len(digits) > 0
}

// decode returns b as text: each piece that is not UTF-8 becomes a U+FFFD, as in
// the WHATWG's Encoding Standard.
func decode(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	out.Grow(len(b) + 8)
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			size = malformed(b)
		}
		out.WriteRune(r)
		b = b[size:]
	}
	return out.String()
}

// malformed returns the length of the longest beginning of b that could have
// been that of a sequence, at least 1: what one U+FFFD stands for.
func malformed(b []byte) int {
	low, high, rest := byte(0x80), byte(0xbf), 0
	switch c := b[0]; {
	case c >= 0xc2 && c <= 0xdf:
		rest = 1
	case c >= 0xe0 && c <= 0xef:
		rest = 2
		if c == 0xe0 {
			low = 0xa0
		} else if c == 0xed {
			high = 0x9f
		}
	case c >= 0xf0 && c <= 0xf4:
		rest = 3
		if c == 0xf0 {
			low = 0x90
		} else if c == 0xf4 {
			high = 0x8f
		}
	}
	n := 1
	for ; n <= rest && n < len(b) && b[n] >= low && b[n] <= high; n++ {
		low, high = 0x80, 0xbf
	}
	return n
}
