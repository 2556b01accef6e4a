package http

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/jsmodules/http/cache"
	"github.com/swarmload/swarm/jsmodules/http/coding"
	"github.com/swarmload/swarm/jsmodules/http/proxy"
	"github.com/swarmload/swarm/jsmodules/http/tlsconfig"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// program is what all VUs of a runner share: settings, caches and pools. Safe
// for concurrent use.
type program struct {
	host    *sandbox.Host
	opt     plan.HTTP
	net     *transport.Network
	own     *habits // of the module's own functions
	system  systemTags
	shape   *sandbox.Shape[*module]
	metrics httpMetrics
	keys    keyReader

	clients  cache.Cache[string, *clientKind]
	rate     *rate        // of requests; nil: no limit
	coder    coding.Coder // of request bodies
	proxies  cache.Cache[string, *proxy.Proxy]
	fileMark *goja.Symbol // a property of what http.file returns

	requests sync.Pool // of *request

	tagSets  cache.Cache[string, *tagSet]
	series   cache.Cache[seriesKey, *seriesSet]
	warnings cache.Cache[string, struct{}]
	warning  sync.Mutex // one decides at a time
	names    names
}

func newProgram(h *sandbox.Host) (*program, error) {
	p := &program{host: h, net: transport.NewNetwork(h.Dial), shape: sandbox.NewShape(exports[:]...), keys: newKeyReader(), fileMark: goja.NewSymbol("FileData")}
	system := defaultSystemTags
	// A script that is only inspected has no plan; it makes no requests either.
	if h.Plan != nil {
		p.opt = h.Plan.HTTP
		system = h.Plan.SystemTags
	}
	p.system = newSystemTags(system)
	p.net.DialPacket, p.net.Permit, p.net.Resolve, p.net.CheckHost = h.DialPacket, h.Permit, h.Resolve, h.CheckHost
	var err error
	if p.own, err = p.newHabits(&p.opt); err != nil {
		return nil, fmt.Errorf("option %w", err)
	}
	p.requests.New = func() any { return new(request) }
	p.clients.Limit = maxClientKinds
	p.proxies.Limit = maxProxies
	p.tagSets.Limit = maxTagSets
	p.series.Limit = maxSeriesSet
	p.warnings.Limit = maxWarnings
	p.rate = newRate(p.opt.RPS, p.net.Clock, h.Sleepers)
	return p, p.metrics.define(h.Registry)
}

// newHabits returns what sessions do under options o. An error is a
// *plan.Fault.
func (p *program) newHabits(o *plan.HTTP) (*habits, error) {
	settings, err := settingsOf(o, p.host.KeyLog)
	if err != nil {
		return nil, err
	}
	h := &habits{userAgent: o.UserAgent, base: request{redirects: o.MaxRedirects, throw: o.Throw, timeout: defaultTimeout}}
	h.base.Discard = o.DiscardResponseBodies
	h.set = transport.NewSettings(p.net, settings)
	return h, nil
}

// Check reports whether requests can be made under a plan's options: whether
// keys fit their certificates, and so on. An error is a *plan.Fault.
func Check(o *plan.HTTP) error {
	_, err := settingsOf(o, nil)
	return err
}

// settingsOf returns what options o ask of connections.
func settingsOf(o *plan.HTTP, keyLog io.Writer) (transport.Options, error) {
	settings := transport.Options{
		BaseURL: o.BaseURL, UserAgent: o.UserAgent, Hosts: o.Hosts, NoReuse: o.NoConnectionReuse,
		Version: o.Version, Lifetime: o.ConnectionLifetime,
	}
	if !validHeaderValue(o.UserAgent) {
		return settings, &plan.Fault{
			Path: []string{"userAgent"}, Message: fmt.Sprintf("%q holds a character that headers must not have", transport.Clip(o.UserAgent)),
		}
	}
	var err error
	if settings.Proxy, err = proxies(o); err != nil {
		return settings, err
	}
	settings.TLS, err = tlsconfig.New(o.TLS, o.InsecureSkipTLSVerify, keyLog)
	return settings, err
}

// proxies returns what says which proxy a URL is for; nil when there is none. An
// error is a *plan.Fault.
func proxies(o *plan.HTTP) (func(*url.URL) *proxy.Proxy, error) {
	if o.Proxy != "" {
		px, err := proxy.Parse(o.Proxy)
		return func(*url.URL) *proxy.Proxy { return px }, proxyFault(err)
	}
	if o.Proxies == (plan.Proxies{}) {
		return nil, nil
	}
	for _, of := range []struct{ key, url string }{{"http", o.Proxies.HTTP}, {"https", o.Proxies.HTTPS}} {
		if of.url == "" {
			continue
		}
		if _, err := proxy.Parse(of.url); err != nil {
			return nil, proxyFault(err, of.key)
		}
	}
	return proxy.FromEnv(func(name string) (string, bool) {
		switch name {
		case "HTTP_PROXY":
			return o.Proxies.HTTP, o.Proxies.HTTP != ""
		case "HTTPS_PROXY":
			return o.Proxies.HTTPS, o.Proxies.HTTPS != ""
		case "NO_PROXY":
			return o.Proxies.No, o.Proxies.No != ""
		}
		return "", false
	})
}

// proxyFault says that what proxy, or a key of it, names is none.
func proxyFault(err error, key ...string) error {
	if err == nil {
		return nil
	}
	return &plan.Fault{Path: append([]string{"proxy"}, key...), Message: strings.TrimPrefix(err.Error(), "proxy ")}
}

// warn logs text once. Texts are stable, so there are few; should there be many,
// those over the limit are left out.
func (p *program) warn(text string) {
	if p.warned(text) || p.host.Log == nil {
		return
	}
	p.host.Log(sandbox.LogLine{Level: "warn", Text: text, Source: "http"})
}

// warnAt is warn with a place in the script, and a hint. It must be called on the
// goroutine of v.
func (p *program) warnAt(v *sandbox.VU, at func() vu.Frame, text, hint string) {
	if p.warned(text) || p.host.Log == nil {
		return
	}
	p.host.Log(sandbox.LogLine{Level: "warn", Text: text, Source: "http", VU: v.Identity().InTest, At: at(), Hint: hint})
}

// warned reports whether text was logged before, or must not be, and notes it.
func (p *program) warned(text string) bool {
	if _, known := p.warnings.Lookup(text); known {
		return true
	}
	p.warning.Lock()
	defer p.warning.Unlock()
	if _, known := p.warnings.Lookup(text); known {
		return true
	}
	p.warnings.Put(text, struct{}{})
	_, kept := p.warnings.Lookup(text)
	return !kept
}

// httpMetrics are the metrics a request causes.
type httpMetrics struct {
	reqs, failed                                                               *metric.Metric
	duration, blocked, connecting, tlsHandshaking, sending, waiting, receiving *metric.Metric
	sent, received, retries, response                                          *metric.Metric
}

func (m *httpMetrics) define(r *metric.Registry) error {
	if r == nil {
		return nil
	}
	for _, d := range []struct {
		m    **metric.Metric
		name string
	}{
		{&m.reqs, metric.HTTPReqs}, {&m.failed, metric.HTTPReqFailed}, {&m.duration, metric.HTTPReqDuration},
		{&m.blocked, metric.HTTPReqBlocked}, {&m.connecting, metric.HTTPReqConnecting},
		{&m.tlsHandshaking, metric.HTTPReqTLSHandshaking}, {&m.sending, metric.HTTPReqSending},
		{&m.waiting, metric.HTTPReqWaiting}, {&m.receiving, metric.HTTPReqReceiving},
		{&m.sent, metric.DataSent}, {&m.received, metric.DataReceived}, {&m.retries, metric.HTTPReqRetries},
		{&m.response, metric.HTTPReqResponseTime},
	} {
		if *d.m = r.Lookup(d.name); *d.m == nil {
			return fmt.Errorf("metric %s is not defined", d.name)
		}
	}
	return nil
}
