package sse

import (
	"context"
	"mime"
	"strconv"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/jsmodules/http/transport"
)

const (
	readBuffer   = 4 << 10
	defaultRetry = 3 * time.Second
	minRetry     = 10 * time.Millisecond // whatever the server says
	maxSentID    = 4 << 10               // bytes of a Last-Event-ID; servers refuse longer headers
)

// Error codes beside those of requests.
const (
	codeNoStream = 1038 // the response is no event stream
	codeTooLarge = 1039 // a line or an event is
)

// options say when a subscription ends.
type options struct {
	reconnect   bool
	maxEvents   int           // 0: any number
	maxDuration time.Duration // from when the stream is open; 0: for ever
}

// subscription is a stream of events that a script asked for, with the requests
// that carry it. It touches no JavaScript. For the goroutine that runs it.
type subscription struct {
	options
	req *http.Streaming
	rec *metric.Recorder

	events, first, interval *metric.Series

	lastID string
	retry  time.Duration
	got    int           // events
	opened bool          // once
	since  time.Duration // when, on clock
	clock  func() time.Duration
}

// news is what a subscription tells: one of these.
type news struct {
	opened *opening
	events []event
	ended  *ending
}

// opening is the beginning of a stream.
type opening struct {
	url    string // after redirects
	status int
}

// ending is the end of a request.
type ending struct {
	live *http.Live
	fail *transport.Failure // nil: it ended as it should
	// again tells that the server will be asked again; otherwise nothing follows.
	again bool
}

// status returns the status of the response, 0 when there is none.
func (e *ending) status() int {
	if e.live == nil {
		return 0
	}
	return e.live.Answer().Reply().Status
}

// run asks for the stream by open, and tells what comes until tell returns false
// or there is no more to come. The last it tells is an ending, even when it is
// false already.
func (s *subscription) run(ctx context.Context, open func() *http.Live, tell func(news) bool) {
	for {
		end := s.follow(open(), tell)
		if !end.again || ctx.Err() != nil {
			end.again = false
			tell(news{ended: &end})
			return
		}
		wanted := tell(news{ended: &end})
		if id := s.lastID; id == "" || len(id) > maxSentID {
			s.req.Drop("Last-Event-Id")
		} else {
			s.req.Set("Last-Event-Id", id)
		}
		if !wanted || !s.pause(ctx) {
			tell(news{ended: &ending{live: end.live, fail: end.fail}})
			return
		}
	}
}

// pause waits before the server is asked again.
func (s *subscription) pause(ctx context.Context) bool {
	timer := time.NewTimer(max(s.retry, minRetry))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// follow tells what comes from one request. It ends the request whatever happens,
// also when what it tells makes a script throw.
func (s *subscription) follow(live *http.Live, tell func(news) bool) (end ending) {
	end.live = live
	defer func() { live.End(end.fail) }()
	if end.fail, end.again = refusal(live.Answer()); end.fail != nil {
		end.again = end.again && s.reconnect
		live.Refuse(end.fail)
		return end
	}
	answer := live.Answer()
	url, _ := answer.URL()
	now := s.clock()
	if !s.opened {
		s.opened, s.since = true, now
	}
	limit := time.Duration(0)
	if s.maxDuration > 0 {
		limit = s.since + s.maxDuration
		live.Limit(limit - now)
	}
	if !tell(news{opened: &opening{url: url, status: answer.Reply().Status}}) {
		return end
	}
	p := parser{lastID: s.lastID}
	var last time.Duration // when the last event came
	for buf := make([]byte, readBuffer); ; {
		n, err := live.Read(buf)
		now := s.clock()
		events, broken := p.feed(nil, buf[:n])
		s.lastID = p.lastID
		if p.hasRetry {
			s.retry = p.retry
		}
		enough := limit > 0 && now >= limit
		if s.maxEvents > 0 && s.got+len(events) >= s.maxEvents {
			events, enough = events[:s.maxEvents-s.got], true
		}
		if len(events) > 0 {
			s.record(live, events, now, last)
			last = now
			s.got += len(events)
			if !tell(news{events: events}) {
				return end
			}
		}
		switch {
		case enough:
			return end
		case broken != nil:
			end.fail = &transport.Failure{Code: codeTooLarge, Text: broken.Error()}
			return end
		case err != nil:
			end.fail = live.Failure(err)
			end.again = s.reconnect && end.fail != transport.FailInterrupted
			return end
		}
	}
}

// record counts events that came at once, now; last is when those before came, 0
// for never.
func (s *subscription) record(live *http.Live, events []event, now, last time.Duration) {
	s.rec.Record(s.events, float64(len(events)))
	for range events {
		if last == 0 {
			s.rec.Record(s.first, millis(live.Since()))
		} else {
			s.rec.Record(s.interval, millis(now-last))
		}
		last = now
	}
}

func millis(d time.Duration) float64 { return float64(d) / 1e6 }

// streams reports whether a response is an event stream.
func streams(a http.Answer) bool {
	return a.Reply().Status == 200 && mediaType(a) == "text/event-stream"
}

func mediaType(a http.Answer) string {
	kind := ""
	a.Lines(func(name, value string) {
		if name == "Content-Type" {
			kind, _, _ = mime.ParseMediaType(value)
			if kind == "" {
				kind, _, _ = strings.Cut(value, ";")
				kind = strings.ToLower(strings.TrimSpace(kind))
			}
		}
	})
	return kind
}

// refusal says why a is no event stream; again tells that it may be one another
// time: the network failed, not the server.
func refusal(a http.Answer) (f *transport.Failure, again bool) {
	if f := a.Fail(); f != nil {
		return f, f != transport.FailInterrupted && f.Code != transport.CodeURL
	}
	status := a.Reply().Status
	switch {
	case streams(a):
		return nil, false
	case status == 204:
		return &transport.Failure{Code: codeNoStream, Text: "the server has no events and wants not to be asked again (204)"}, false
	case status != 200:
		f := &transport.Failure{Code: codeNoStream, Text: "the server answered " + strconv.Itoa(status) + " instead of an event stream"}
		if code := transport.StatusCode(status); code != 0 {
			f.Code = code
		}
		return f, false
	}
	return &transport.Failure{Code: codeNoStream, Text: "the response is no event stream: its Content-Type is not text/event-stream"}, false
}
