package http

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// systemTags says which of the tags we set ourselves are wanted.
type systemTags struct {
	proto, status, method, url, name, err, errorCode, tlsVersion, expected, ip bool
}

// defaultSystemTags are those in force when no plan says otherwise.
var defaultSystemTags = []string{
	"proto", "status", "method", "url", "name", "error", "error_code", "tls_version", "expected_response",
}

func newSystemTags(names []string) systemTags {
	has := func(name string) bool { return slices.Contains(names, name) }
	return systemTags{
		proto: has("proto"), status: has("status"), method: has("method"), url: has("url"), name: has("name"),
		err: has("error"), errorCode: has("error_code"), tlsVersion: has("tls_version"),
		expected: has("expected_response"), ip: has("ip"),
	}
}

// tagSet is the tags a script gave to a request. Interned: equal sets are the
// same pointer as long as the cache has room.
type tagSet struct {
	tags []metric.Tag
	name string // value of the tag "name", which also replaces the url tag
}

// has reports whether a tag of that key is in the set.
func (s *tagSet) has(key string) bool {
	return s != nil && slices.ContainsFunc(s.tags, func(t metric.Tag) bool { return t.Key == key })
}

// verdict says whether a response was expected.
type verdict uint8

const (
	unjudged verdict = iota // the response callback is null
	expected
	unexpected
)

// seriesKey is all that tells one combination of tags from another.
type seriesKey struct {
	scope             *sandbox.Scope
	tags              *tagSet
	method, name, err string
	proto, tlsVersion string
	ip                string
	status, code      int
	verdict           verdict
}

// seriesSet holds the series that one request records to.
type seriesSet struct {
	key                                                                        seriesKey
	reqs, failed                                                               *metric.Series
	duration, blocked, connecting, tlsHandshaking, sending, waiting, receiving *metric.Series
	sent, received                                                             *metric.Series
	response                                                                   atomic.Pointer[metric.Series] // made with its first sample
}

// recorder writes the samples of one VU's requests. It remembers the last
// combination of tags: a script that asks for one thing all the time never looks
// further. For one goroutine.
type recorder struct {
	p    *program
	rec  *metric.Recorder
	last *seriesSet

	// Of the iteration the requests belong to, see [sandbox.VU.Delay].
	scheduled bool
	delay     time.Duration
}

// record writes what r measured of q.
func (w *recorder) record(scope *sandbox.Scope, tags *tagSet, q *transport.Call, r *transport.Reply, v verdict, code int) {
	key := w.p.seriesKey(scope, tags, q, r, v, code)
	set := w.last
	if set == nil || key != set.key {
		set = w.p.seriesOf(&key)
		w.last = set
	}
	rec := w.rec
	t := &r.Timings
	rec.Record(set.reqs, 1)
	if r.Fail != transport.FailInterrupted && r.Fail != failAborted {
		rec.Record(set.duration, millis(t.Duration()))
		if w.scheduled {
			rec.Record(w.p.responseSeries(set, &key), millis(t.Duration()+w.delay))
		}
		rec.Record(set.blocked, millis(t.Blocked))
		rec.Record(set.connecting, millis(t.Connecting))
		rec.Record(set.tlsHandshaking, millis(t.TLSHandshaking))
		rec.Record(set.sending, millis(t.Sending))
		rec.Record(set.waiting, millis(t.Waiting))
		rec.Record(set.receiving, millis(t.Receiving))
		if set.failed != nil {
			failed := 0.0
			if v == unexpected {
				failed = 1
			}
			rec.Record(set.failed, failed)
		}
	}
	if r.Sent > 0 {
		rec.Record(set.sent, float64(r.Sent))
	}
	if r.Received > 0 {
		rec.Record(set.received, float64(r.Received))
	}
	if r.Resent { // rare: the series is looked up each time
		rec.Record(w.p.host.Registry.Series(w.p.metrics.retries, scopeTags(scope)), 1)
	}
}

// recordCut writes what there is of q when it was given up. What the target may
// have counted is counted here, with the status it had if its response was on
// the way; it says nothing about the target, so nothing is measured. Bytes are
// bytes, also of a connection over which nothing was asked.
func (w *recorder) recordCut(scope *sandbox.Scope, tags *tagSet, q *transport.Call, r *transport.Reply, code int) {
	if !r.Begun {
		w.transferred(scope, r.Sent, r.Received)
		return
	}
	cut := *r
	if cut.Status == 0 {
		cut.Status = r.Cut
	}
	w.record(scope, tags, q, &cut, unjudged, code)
}

// transferred records bytes that belong to no request that is recorded now.
func (w *recorder) transferred(scope *sandbox.Scope, sent, received int64) {
	reg, tags := w.p.host.Registry, scopeTags(scope)
	if sent > 0 {
		w.rec.Record(reg.Series(w.p.metrics.sent, tags), float64(sent))
	}
	if received > 0 {
		w.rec.Record(reg.Series(w.p.metrics.received, tags), float64(received))
	}
}

func scopeTags(s *sandbox.Scope) metric.Tags {
	if s == nil {
		return metric.Tags{}
	}
	return s.Tags
}

func millis(d time.Duration) float64 { return float64(d) / 1e6 }

func (p *program) seriesKey(scope *sandbox.Scope, tags *tagSet, q *transport.Call, r *transport.Reply, v verdict, code int) seriesKey {
	s := &p.system
	k := seriesKey{scope: scope, tags: tags, verdict: v}
	if s.method {
		k.method = q.Method
	}
	if s.name || s.url {
		switch {
		case tags != nil && tags.name != "":
			k.name = tags.name
		case q.Target != nil:
			k.name = p.labelOf(q.Target)
		default:
			k.name = q.Invalid
		}
	}
	if s.status {
		k.status = r.Status
	}
	if s.errorCode {
		k.code = code
	}
	if s.err && r.Fail != nil {
		k.err = r.Fail.Text
	}
	if s.proto {
		k.proto = r.Proto
	}
	if r.Peer != nil {
		if s.tlsVersion {
			k.tlsVersion = r.Peer.TLSVersion
		}
		if s.ip {
			k.ip = r.Peer.IP
		}
	}
	return k
}

func (p *program) seriesOf(k *seriesKey) *seriesSet {
	if set, ok := p.series.Lookup(*k); ok {
		return set
	}
	set := p.newSeriesSet(k)
	if k.scope != nil && k.scope.Transient {
		return set
	}
	return p.series.Put(*k, set)
}

// responseSeries returns the series of set for times from the intended start.
// A test in which nothing is due at a time has none.
func (p *program) responseSeries(set *seriesSet, k *seriesKey) *metric.Series {
	s := set.response.Load()
	if s == nil {
		s = p.host.Registry.Series(p.metrics.response, p.tagsOf(k))
		set.response.Store(s)
	}
	return s
}

// tagsOf returns the tags of requests with key k.
func (p *program) tagsOf(k *seriesKey) metric.Tags {
	s := &p.system
	var pairs []metric.Tag
	add := func(wanted bool, key, value string) {
		if wanted && value != "" {
			pairs = append(pairs, metric.Tag{Key: key, Value: strings.Clone(value)})
		}
	}
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	add(s.method, "method", k.method)
	add(s.url, "url", k.name)
	add(s.name, "name", k.name)
	add(s.status, "status", strconv.Itoa(k.status))
	add(s.proto, "proto", k.proto)
	add(s.err, "error", k.err)
	add(s.errorCode, "error_code", number(k.code))
	add(s.tlsVersion, "tls_version", k.tlsVersion)
	add(s.ip, "ip", k.ip)
	add(s.expected && k.verdict != unjudged, "expected_response", strconv.FormatBool(k.verdict == expected))
	if k.tags != nil {
		pairs = append(pairs, k.tags.tags...)
	}
	return scopeTags(k.scope).With(pairs...)
}

func (p *program) newSeriesSet(k *seriesKey) *seriesSet {
	scope, tags := scopeTags(k.scope), p.tagsOf(k)
	reg, m := p.host.Registry, &p.metrics
	set := &seriesSet{
		key:            *k,
		reqs:           reg.Series(m.reqs, tags),
		duration:       reg.Series(m.duration, tags),
		blocked:        reg.Series(m.blocked, tags),
		connecting:     reg.Series(m.connecting, tags),
		tlsHandshaking: reg.Series(m.tlsHandshaking, tags),
		sending:        reg.Series(m.sending, tags),
		waiting:        reg.Series(m.waiting, tags),
		receiving:      reg.Series(m.receiving, tags),
		sent:           reg.Series(m.sent, scope),
		received:       reg.Series(m.received, scope),
	}
	if k.verdict != unjudged {
		set.failed = reg.Series(m.failed, tags)
	}
	return set
}
