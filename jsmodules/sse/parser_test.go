package sse

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// parse feeds the pieces to a new parser.
func parse(pieces ...string) (*parser, []event, error) {
	p := &parser{}
	var events []event
	for _, piece := range pieces {
		var err error
		if events, err = p.feed(events, []byte(piece)); err != nil {
			return p, events, err
		}
	}
	return p, events, nil
}

func TestParser(t *testing.T) {
	m := func(data string) event { return event{"message", data, ""} }
	for _, c := range []struct {
		name, stream string
		want         []event
	}{
		// The examples of the standard, 9.2.6.
		{"one event of three lines", "data: YHOO\ndata: +2\ndata: 10\n\n", []event{m("YHOO\n+2\n10")}},
		{"four blocks", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
			[]event{{"message", "first event", "1"}, {"message", "second event", ""}}},
		{"an ended third", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
			[]event{{"message", "first event", "1"}, {"message", "second event", ""}, {"message", " third event", ""}}},
		{"empty data", "data\n\ndata\ndata\n\ndata:", []event{m(""), m("\n")}},
		{"one space", "data:test\n\ndata: test\n\n", []event{m("test"), m("test")}},
		{"named events", "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
			[]event{{"add", "73857293", ""}, {"remove", "2153", ""}, {"add", "113411", ""}}},

		{"nothing", "", nil},
		{"empty lines", "\n\n\r\r\n\n", nil},
		{"CR", "data:a\rdata:b\r\rdata:c\r\r", []event{m("a\nb"), m("c")}},
		{"CRLF", "data:a\r\ndata:b\r\n\r\ndata:c\r\n\r\n", []event{m("a\nb"), m("c")}},
		{"all at once", "data:a\rdata:b\ndata:c\r\n\r\r\ndata:d\n\r\n", []event{m("a\nb\nc"), m("d")}},
		{"LF CR is two", "data:a\n\rdata:b\n\n", []event{m("a"), m("b")}},
		{"mark", "\xef\xbb\xbfdata:a\n\n", []event{m("a")}},
		{"two marks", "\xef\xbb\xbf\xef\xbb\xbfdata:a\n\ndata:b\n\n", []event{m("b")}},
		{"a late mark", "data:a\n\n\xef\xbb\xbfdata:b\n\n", []event{m("a")}},
		{"half a mark", "\xef\xbb", nil},
		{"no mark", "\xefdata:a\ndata:b\n\n", []event{m("b")}},
		{"comments", ":\n:x\ndata:a\n:data:b\n\n:\n\n", []event{m("a")}},
		{"colons", "data:a:b: c\n\n", []event{m("a:b: c")}},
		{"unknown fields", "Data:a\n data:b\ndata :c\nfoo\nfoo:bar\ndata:d\n\n", []event{m("d")}},
		{"type is forgotten", "event:x\n\ndata:a\n\nevent:x\nevent\ndata:b\n\nevent: y \ndata:c\n\n", []event{m("a"), m("b"), {"y ", "c", ""}}},
		{"id stays", "id:1\n\ndata:a\n\ndata:b\nid: 2\n\ndata:c\n\nid\ndata:d\n\n",
			[]event{{"message", "a", "1"}, {"message", "b", "2"}, {"message", "c", "2"}, {"message", "d", ""}}},
		{"id with NUL", "id:1\ndata:a\n\nid:2\x003\ndata:b\n\n", []event{{"message", "a", "1"}, {"message", "b", "1"}}},
		{"NUL elsewhere", "data:\x00\nevent:\x00\n\n", []event{{"\x00", "\x00", ""}}},
		{"only spaces", "data: \n\ndata:  \n\n", []event{m(""), m(" ")}},
		{"tab", "data:\ta\n\n", []event{m("\ta")}},
		{"last line unended", "data:a\n\ndata:b", []event{m("a")}},
		{"last event unended", "data:a\n\ndata:b\n", []event{m("a")}},
		{"two in one", "data:a\n\ndata:b\n\n", []event{m("a"), m("b")}},
		{"UTF-8", "data:ok…\nevent:ä\nid:日本\n\n", []event{{"ä", "ok…", "日本"}}},
		{"not UTF-8", "data:a\xffb\xe2\x82c\xf0\x9f\x98d\xed\xa0\x80\xc0\xafe\xf4\x90\x80\x80\xe2\n\n",
			[]event{m("a\ufffdb\ufffdc\ufffdd\ufffd\ufffd\ufffd\ufffd\ufffde\ufffd\ufffd\ufffd\ufffd\ufffd")}},
		{"cut by a line end", "data:\xe2\x82\ndata:\xac\n\n", []event{m("\ufffd\n\ufffd")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, got, err := parse(c.stream); err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
				t.Errorf("got %q and %v, want %q", got, err, c.want)
			}
			var bytewise []string
			for i := range len(c.stream) {
				bytewise = append(bytewise, c.stream[i:i+1])
			}
			if _, got, err := parse(bytewise...); err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
				t.Errorf("byte by byte: got %q and %v, want %q", got, err, c.want)
			}
		})
	}
}

// An event is there with the line end that completes it, not a byte later.
func TestParserIsPrompt(t *testing.T) {
	for _, end := range []string{"\n\n", "\r\r", "\r\n\r"} {
		if _, got, _ := parse("data:a" + end); len(got) != 1 {
			t.Errorf("after %q: %d events", end, len(got))
		}
	}
}

func TestRetry(t *testing.T) {
	for _, c := range []struct {
		stream string
		want   time.Duration // -1: not set
	}{
		{"data:a\n\n", -1},
		{"retry:1500\n", 1500 * time.Millisecond},
		{"retry: 0\n", 0},
		{"retry: 007\n", 7 * time.Millisecond},
		{"retry:10\nretry:20\n", 20 * time.Millisecond},
		{"retry:10\nretry:x\n", 10 * time.Millisecond},
		{"retry\n", -1},
		{"retry:\n", -1},
		{"retry:-1\n", -1},
		{"retry:1.5\n", -1},
		{"retry:1 \n", -1},
		{"retry:  1\n", -1},
		{"retry:1e3\n", -1},
		{"retry:٣\n", -1},
		{"retry:" + strings.Repeat("9", 1000) + "\n", maxRetry},
		{"retry:10", -1},
	} {
		p, _, err := parse(c.stream)
		if got := p.retry; err != nil || p.hasRetry != (c.want >= 0) || p.hasRetry && got != c.want {
			t.Errorf("%.40q: got %v (%v) and %v, want %v", c.stream, got, p.hasRetry, err, c.want)
		}
	}
}

func TestParserLimits(t *testing.T) {
	line := strings.Repeat("x", maxLine-len("data:"))
	for _, c := range []struct {
		name   string
		pieces []string
		events int
		want   error
	}{
		{"the longest line", []string{"data:" + line + "\n\n"}, 1, nil},
		{"in pieces", []string{"da", "ta:", line, "\n", "\n"}, 1, nil},
		{"a line too long", []string{"data:a\n\ndata:x" + line + "\n\n"}, 1, errLine},
		{"in pieces", []string{"data:a\n\ndata:x", line, "\n\n"}, 1, errLine},
		{"with its end", []string{"data:a\n\ndata:x", line + "\n\n"}, 1, errLine},
		{"a comment without end", []string{":", line, line}, 0, errLine},
		{"an event too large", []string{strings.Repeat("data:"+line+"\n", maxEvent/maxLine+1)}, 0, errEvent},
		{"of empty lines", []string{strings.Repeat("data\n", maxEvent+2)}, 0, errEvent},
	} {
		p, events, err := parse(c.pieces...)
		if !errors.Is(err, c.want) || len(events) != c.events {
			t.Errorf("%s: %d events and %v, want %d and %v", c.name, len(events), err, c.events, c.want)
		}
		if err == nil && cap(p.line)+cap(p.data) > 2*keptRoom {
			t.Errorf("%s: %d bytes are kept", c.name, cap(p.line)+cap(p.data))
		}
	}
}

// Wherever a stream is cut, it holds the same events.
func FuzzParser(f *testing.F) {
	f.Add([]byte("\xef\xbb\xbfid:1\r\ndata: a\r\rdata\xe2\x82\n\nevent:x\nretry:5\ndata:b\n\r\n"), uint64(7))
	f.Add([]byte(": c\n\ndata:1\ndata:2\n\n\r\r\n"), uint64(1<<40+3))
	f.Fuzz(func(t *testing.T, stream []byte, cuts uint64) {
		whole, want, wantErr := parse(string(stream))
		p := &parser{}
		var got []event
		var err error
		rest := stream
		for i := 0; len(rest) > 0 && err == nil; i++ {
			n := min(1+int(cuts>>(i%60)&7), len(rest))
			piece := append([]byte(nil), rest[:n]...)
			got, err = p.feed(got, piece)
			for j := range piece {
				piece[j] = '!' // the parser must not hold on to it
			}
			rest = rest[n:]
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) || err != wantErr {
			t.Errorf("cut: %q and %v, whole: %q and %v", got, err, want, wantErr)
		}
		if p.lastID != whole.lastID || p.retry != whole.retry || p.hasRetry != whole.hasRetry {
			t.Errorf("cut: %q %v, whole: %q %v", p.lastID, p.retry, whole.lastID, whole.retry)
		}
	})
}

func BenchmarkParser(b *testing.B) {
	stream := []byte(strings.Repeat("id: 17\nevent: price\ndata: {\"symbol\":\"ABC\",\"price\":12.5}\n\n", 64))
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	var p parser
	var events []event
	for b.Loop() {
		var err error
		if events, err = p.feed(events[:0], stream); err != nil || len(events) != 64 {
			b.Fatal(len(events), err)
		}
	}
}
