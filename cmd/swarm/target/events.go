package target

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds of what a query may ask for.
const (
	maxEvents   = 1_000_000
	maxLines    = 1000
	maxInterval = time.Minute
)

// feed is what a request of /sse asks for.
type feed struct {
	first, count, lines int
	interval, retry     time.Duration
	kind                string
}

// readFeed reads a query:
//
//	count     events (10)               lines     lines of each one's data (1)
//	interval  between two (100ms)       event     their type (none: message)
//	retry     when to come back (none)
//
// Events are numbered from 1. A client that comes back with the header
// Last-Event-ID gets those that follow, or 204 when there are none.
func readFeed(r *http.Request) (f feed, problem string) {
	f = feed{count: 10, lines: 1, interval: 100 * time.Millisecond}
	for name, values := range r.URL.Query() {
		value, ok := values[0], true
		switch name {
		case "count":
			f.count, ok = number(value, 0, maxEvents)
		case "lines":
			f.lines, ok = number(value, 1, maxLines)
		case "interval":
			f.interval, ok = wait(value)
		case "retry":
			f.retry, ok = wait(value)
		case "event":
			f.kind, ok = value, len(value) <= 100 && !strings.ContainsAny(value, "\r\n")
		default:
			return f, "unknown parameter " + strconv.Quote(name) + "; there are count, lines, interval, retry and event"
		}
		if !ok {
			return f, "the parameter " + name + " cannot be " + strconv.Quote(value)
		}
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		var ok bool
		if f.first, ok = number(id, 0, maxEvents); !ok {
			return f, "there is no event " + strconv.Quote(id)
		}
	}
	return f, ""
}

// wait reads a time that is no longer than maxInterval.
func wait(s string) (time.Duration, bool) {
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0 && d <= maxInterval
}

// events answers with the events that the query asks for.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	f, problem := readFeed(r)
	switch {
	case problem != "":
		s.answer(w, routeEvents, http.StatusBadRequest, message(problem))
		return
	case f.first > 0 && f.first >= f.count:
		s.answer(w, routeEvents, http.StatusNoContent, nil)
		return
	}
	s.counters.statuses[http.StatusOK].Add(1)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := func() {}
	if flusher, ok := w.(http.Flusher); ok {
		flush = flusher.Flush
	}
	if f.retry > 0 {
		fmt.Fprintf(w, "retry: %d\n\n", f.retry.Milliseconds())
	}
	flush()
	for n := f.first + 1; n <= f.count; n++ {
		if n > f.first+1 && !sleep(r.Context(), f.interval) {
			return
		}
		if _, err := io.WriteString(w, f.event(n)); err != nil {
			return // the client went away
		}
		flush()
	}
}

// event renders event number n.
func (f *feed) event(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "id: %d\n", n)
	if f.kind != "" {
		fmt.Fprintf(&b, "event: %s\n", f.kind)
	}
	if f.lines == 1 {
		fmt.Fprintf(&b, "data: {\"n\":%d}\n\n", n)
		return b.String()
	}
	for line := range f.lines {
		fmt.Fprintf(&b, "data: event %d, line %d\n", n, line+1)
	}
	return b.String() + "\n"
}
