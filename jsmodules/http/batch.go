package http

import (
	"fmt"

	"github.com/dop251/goja"
)

// item is one request of a batch.
type item struct {
	key  string
	req  request
	res  *response
	host string
}

// batch implements http.batch: several requests at once, as a browser does when
// it loads a page. JavaScript is touched before the first request starts and
// after the last one ended, never in between.
func (m *module) batch(s *session, where string, fc goja.FunctionCall) goja.Value {
	m.online(s, where)
	list := m.object_(where, "the list of requests", fc.Argument(0))
	keys := list.Keys()
	items := make([]*item, len(keys))
	for i, key := range keys {
		it := &item{key: key, res: &response{m: m, s: s}}
		m.decodeItem(s, where+": request "+quoted(key), it, list.Get(key))
		if it.req.Target != nil {
			it.host = it.req.Target.SNI
		}
		items[i] = it
	}
	s.client.Watch(m.context())
	m.run(s, items)
	m.v.StopIfDone()

	array := list.ClassName() == "Array"
	out := m.rt.NewObject()
	if array {
		out = m.rt.NewArray()
	}
	for i, it := range items {
		key := it.key
		if array {
			key = fmt.Sprint(i)
		}
		m.define(out, key, m.finish(&it.req, it.res))
	}
	return out
}

// decodeItem decodes one request: a URL, [method, url, body, params], or
// {method, url, body, params}.
func (m *module) decodeItem(s *session, where string, it *item, v goja.Value) {
	o, ok := v.(*goja.Object)
	if !ok {
		m.decode(s, where, &it.req, "GET", v, nil, nil)
		return
	}
	if _, ok := hosted[*urlTemplate](o); ok {
		m.decode(s, where, &it.req, "GET", v, nil, nil)
		return
	}
	names := [4]string{"method", "url", "body", "params"}
	if o.ClassName() == "Array" {
		names = [4]string{"0", "1", "2", "3"}
	} else if o.Get("url") == nil && o.Get("href") != nil { // a URL object
		m.decode(s, where, &it.req, "GET", v, nil, nil)
		return
	}
	method := "GET"
	if v := o.Get(names[0]); v != nil && !goja.IsUndefined(v) && !goja.IsNull(v) {
		method = m.verb(where, v)
	}
	m.decode(s, where, &it.req, method, o.Get(names[1]), o.Get(names[2]), o.Get(names[3]))
}

// run carries out the items, at most opt.Batch at a time and opt.BatchPerHost to
// one host, in order as far as these allow. It returns when all have ended.
func (m *module) run(s *session, items []*item) {
	scope, ctx, queued := m.v.Scope(), m.context(), m.p.net.Clock()
	total, perHost := limitOr(m.p.opt.Batch, len(items)), limitOr(m.p.opt.BatchPerHost, len(items))
	delay, scheduled := m.v.Delay()
	running := map[string]int{}
	ended := make(chan *item)
	free := []*recorder{}
	work := func(it *item, w *recorder) {
		defer func() { ended <- it }()
		it.req.Queued, it.req.Start = queued, m.p.net.Clock()
		m.carry(ctx, &it.req, scope, w, it.res)
	}
	inUse := map[*item]*recorder{}
	waiting, active := items, 0
	for len(waiting) > 0 || active > 0 {
		rest := waiting[:0:0]
		for i, it := range waiting {
			if active >= total {
				rest = append(rest, waiting[i:]...)
				break
			}
			if running[it.host] >= perHost {
				rest = append(rest, it)
				continue
			}
			w := &recorder{p: m.p, rec: m.rec.rec, delay: delay, scheduled: scheduled}
			if n := len(free); n > 0 {
				w, free = free[n-1], free[:n-1]
			}
			inUse[it] = w
			running[it.host]++
			active++
			go work(it, w)
		}
		waiting = rest
		it := <-ended
		active--
		running[it.host]--
		free = append(free, inUse[it])
		delete(inUse, it)
	}
}

// limitOr returns n, or all when n sets no limit.
func limitOr(n, all int) int {
	if n <= 0 {
		return max(all, 1)
	}
	return n
}
