package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/swarmload/swarm/engine/metric"
	"pgregory.net/rapid"
)

func source() Source {
	return Source{
		Exports: []string{"default", "buy", "browse", "setup"},
		Metrics: []metric.Metric{{Name: "errors", Type: metric.Rate}, {Name: "wait_time", Type: metric.Trend, Unit: metric.Time}},
	}
}

func parse(t *testing.T, options string, o Overrides) *Plan {
	t.Helper()
	p, err := Parse([]byte(options), o, source())
	if err != nil {
		t.Fatalf("Parse(%s): %v", options, err)
	}
	return p
}

func TestDefaults(t *testing.T) {
	for _, options := range []string{"", " \n", "{}", "null", `{"scenarios":{}}`, `{"stages":[]}`, `{"scenarios":null,"stages":null,"tags":null}`} {
		p := parse(t, options, Overrides{})
		want := &Plan{
			Scenarios: []Scenario{{
				Name: "default", Executor: SharedIterations, GracefulStop: 30 * time.Second, Exec: "default",
				VUs: 1, Iterations: 1, MaxDuration: 10 * time.Minute,
			}},
			Thresholds:   []Threshold{{Metric: "script_errors", Expression: "count==0", Default: true, Type: metric.Counter}},
			SetupTimeout: time.Minute, TeardownTimeout: time.Minute, HandleSummaryTimeout: 2 * time.Minute,
			InitTimeout: time.Minute, VUSetupTimeout: time.Minute, VUTeardownTimeout: time.Minute,
			SystemTags: []string{"proto", "subproto", "status", "method", "url", "name", "group", "check", "error",
				"error_code", "tls_version", "scenario", "service", "expected_response"},
			MaxSeries:         10_000,
			SummaryTrendStats: []string{"avg", "min", "med", "max", "p(90)", "p(95)"},
			HTTP: HTTP{
				UserAgent:    "swarm (+https://github.com/swarmload/swarm)",
				MaxRedirects: 10, Batch: 20, BatchPerHost: 6,
				DNS: DNS{TTL: 5 * time.Minute, Select: "random", Policy: "preferIPv4"},
			},
		}
		if diff := cmp.Diff(want, p, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("Parse(%q) differs (-want +got):\n%s", options, diff)
		}
	}
}

// flags are overrides as the command line makes them.
func flags(options string) Overrides {
	return Overrides{Above: []Layer{{Options: []byte(options), Locate: func(path []string) Position {
		if len(path) == 0 {
			return Position{}
		}
		return Position{File: "--" + path[0]}
	}}}}
}

func TestShortcuts(t *testing.T) {
	ramp := []Stage{{10 * time.Second, 5}, {5 * time.Second, 0}}
	for _, c := range []struct {
		options string
		o       Overrides
		want    Scenario
	}{
		{`{"duration":"10s"}`, Overrides{}, Scenario{Executor: ConstantVUs, VUs: 1, Duration: 10 * time.Second}},
		{`{"vus":10,"duration":"10s"}`, Overrides{}, Scenario{Executor: ConstantVUs, VUs: 10, Duration: 10 * time.Second, StartJitter: 1800 * time.Microsecond}},
		{`{"vus":"10","duration":1500.5}`, Overrides{}, Scenario{Executor: ConstantVUs, VUs: 10, Duration: 1500500 * time.Microsecond, StartJitter: 1800 * time.Microsecond}},
		{`{"vus":5}`, Overrides{}, Scenario{Executor: SharedIterations, VUs: 5, Iterations: 5, MaxDuration: 10 * time.Minute, StartJitter: 800 * time.Microsecond}},
		{`{"iterations":7}`, Overrides{}, Scenario{Executor: SharedIterations, VUs: 1, Iterations: 7, MaxDuration: 10 * time.Minute}},
		{`{"vus":2,"iterations":7,"duration":"3s"}`, Overrides{}, Scenario{Executor: SharedIterations, VUs: 2, Iterations: 7, MaxDuration: 3 * time.Second, StartJitter: 200 * time.Microsecond}},
		{`{"stages":[{"duration":"10s","target":5},{"duration":"5s","target":0}]}`, Overrides{}, Scenario{Executor: RampingVUs, StartVUs: 1, Stages: ramp, GracefulRampDown: 30 * time.Second}},
		{`{"vus":0,"stages":[{"duration":"10s","target":5},{"target":0,"duration":5000}]}`, Overrides{}, Scenario{Executor: RampingVUs, StartVUs: 0, Stages: ramp, GracefulRampDown: 30 * time.Second}},
		// Flags over the script.
		{`{"vus":10,"duration":"10s"}`, flags(`{"vus":20}`), Scenario{Executor: ConstantVUs, VUs: 20, Duration: 10 * time.Second, StartJitter: 3800 * time.Microsecond}},
		{`{"vus":1,"stages":[{"duration":"10s","target":5}]}`, flags(`{"duration":"1s"}`), Scenario{Executor: ConstantVUs, VUs: 1, Duration: time.Second}},
		{`{"vus":1,"duration":"10s"}`, flags(`{"iterations":3}`), Scenario{Executor: SharedIterations, VUs: 1, Iterations: 3, MaxDuration: 10 * time.Minute}},
		{`{"iterations":3}`, flags(`{"stages":[{"duration":"10s","target":5},{"duration":"5s","target":0}]}`), Scenario{Executor: RampingVUs, StartVUs: 1, Stages: ramp, GracefulRampDown: 30 * time.Second}},
		{`{"scenarios":{"a":{"executor":"nonsense"}}}`, flags(`{"duration":"1s"}`), Scenario{Executor: ConstantVUs, VUs: 1, Duration: time.Second}},
		{`{"scenarios":{"a":{"executor":"constant-vus","duration":"1s"}}}`, flags(`{"vus":1}`), Scenario{Executor: SharedIterations, VUs: 1, Iterations: 1, MaxDuration: 10 * time.Minute}},
	} {
		p := parse(t, c.options, c.o)
		c.want.Name, c.want.Exec, c.want.GracefulStop = "default", "default", 30*time.Second
		if diff := cmp.Diff([]Scenario{c.want}, p.Scenarios, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: scenario differs (-want +got):\n%s", c.options, diff)
		}
	}
}

func TestScenarios(t *testing.T) {
	p := parse(t, `{"startJitter":"50ms","scenarios":{
		"late": {"executor":"constant-vus","vus":5,"duration":"1m","startTime":"10s","gracefulStop":"0s","startJitter":0},
		"b": {"executor":"ramping-vus","startVUs":0,"stages":[{"duration":"1s","target":3}],"gracefulRampDown":"2s","exec":"buy"},
		"a": {"executor":"per-vu-iterations","vus":3,"iterations":2,"maxDuration":"1m30s","exec":"browse",
			"env":{"N":1,"S":"x","B":true},"tags":{"team":"a","n":1.5},"options":{}},
		"c": {"executor":"shared-iterations"}
	}}`, Overrides{})
	jitter := 50 * time.Millisecond
	want := []Scenario{
		{Name: "a", Executor: PerVUIterations, GracefulStop: 30 * time.Second, Exec: "browse", VUs: 3, Iterations: 2, MaxDuration: 90 * time.Second,
			Env: map[string]string{"N": "1", "S": "x", "B": "true"}, Tags: map[string]string{"team": "a", "n": "1.5"}, StartJitter: jitter},
		{Name: "b", Executor: RampingVUs, GracefulStop: 30 * time.Second, Exec: "buy", StartVUs: 0,
			Stages: []Stage{{time.Second, 3}}, GracefulRampDown: 2 * time.Second, StartJitter: jitter},
		{Name: "c", Executor: SharedIterations, GracefulStop: 30 * time.Second, Exec: "default", VUs: 1, Iterations: 1, MaxDuration: 10 * time.Minute, StartJitter: jitter},
		{Name: "late", Executor: ConstantVUs, StartTime: 10 * time.Second, Exec: "default", VUs: 5, Duration: time.Minute},
	}
	if diff := cmp.Diff(want, p.Scenarios, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("scenarios differ (-want +got):\n%s", diff)
	}
}

func TestThresholds(t *testing.T) {
	p := parse(t, `{"thresholds":{
		"http_req_duration{name:pay, url:http://h:1/x}": ["p(95) < 200", {"threshold":"avg<1","abortOnFail":true,"delayAbortEval":"10s"}],
		"errors": "rate<0.01",
		"checks{group:::outer::inner}": {"threshold":"rate==1"},
		"http_reqs{status:200}": []
	}}`, Overrides{})
	pay := map[string]string{"name": "pay", "url": "http://h:1/x"}
	want := []Threshold{
		{Metric: "http_req_duration", Filter: pay, Expression: "p(95) < 200", Type: metric.Trend, Unit: metric.Time},
		{Metric: "http_req_duration", Filter: pay, Expression: "avg<1", AbortOnFail: true, DelayAbortEval: 10 * time.Second, Type: metric.Trend, Unit: metric.Time},
		{Metric: "errors", Expression: "rate<0.01", Type: metric.Rate},
		{Metric: "checks", Filter: map[string]string{"group": "::outer::inner"}, Expression: "rate==1", Type: metric.Rate},
		{Metric: "script_errors", Expression: "count==0", Default: true, Type: metric.Counter},
	}
	if diff := cmp.Diff(want, p.Thresholds, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("thresholds differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Selector{{"http_reqs", map[string]string{"status": "200"}}}, p.Submetrics); diff != "" {
		t.Errorf("submetrics differ (-want +got):\n%s", diff)
	}
	compiled, err := p.Compile()
	if err != nil || len(compiled) != len(want) {
		t.Errorf("Compile: %d thresholds, %v", len(compiled), err)
	}

	own := parse(t, `{"thresholds":{"script_errors":["count<10"]}}`, Overrides{})
	if len(own.Thresholds) != 1 || own.Thresholds[0].Default || own.Thresholds[0].Expression != "count<10" {
		t.Errorf("a threshold on script_errors does not replace the default one: %+v", own.Thresholds)
	}
	none := parse(t, `{"noThresholds":true}`, Overrides{})
	if compiled, err := none.Compile(); len(compiled) != 0 || err != nil {
		t.Errorf("noThresholds leaves %d thresholds, %v", len(compiled), err)
	}
}

func TestOptions(t *testing.T) {
	p := parse(t, `{
		"setupTimeout":"10s","teardownTimeout":1000,"handleSummaryTimeout":"1m","minIterationDuration":"1s","iterationTimeout":"5s",
		"noSetup":true,"noTeardown":true,"tags":{"a":"script","b":2,"c":false},"systemTags":["url","vu","url"],"maxSeries":500,
		"summaryTrendStats":["avg","p( 99.90 )","count","avg"],"summaryTimeUnit":"ms",
		"baseURL":"https://h:8443/x","userAgent":"","maxRedirects":0,"batch":1,"batchPerHost":0,"throw":true,"discardResponseBodies":true,
		"noConnectionReuse":true,"noVUConnectionReuse":true,"noCookiesReset":true,"insecureSkipTLSVerify":true,
		"hosts":{"Example.com":"127.0.0.1","*.example.com:443":"127.0.0.1:8443","v6.test":"::1","w6.test":"[::1]:80"},
		"rps":0,"blacklistIPs":[],"tlsAuth":null,"executionSegment":"0:1","paused":false,
		"cloud":{"projectID":1},"ext":{"loadimpact":{"name":"x"}},"httpDebug":"full","linger":false
	}`, flags(`{"tags":{"a":"flag","d":"flag"},"userAgent":"me","throw":false}`))
	want := &Plan{
		SetupTimeout: 10 * time.Second, TeardownTimeout: time.Second, HandleSummaryTimeout: time.Minute,
		MinIterationDuration: time.Second, IterationTimeout: 5 * time.Second, NoSetup: true, NoTeardown: true,
		InitTimeout: time.Minute, VUSetupTimeout: time.Minute, VUTeardownTimeout: time.Minute,
		Tags:       map[string]string{"a": "flag", "b": "2", "c": "false", "d": "flag"},
		SystemTags: []string{"url", "vu"}, MaxSeries: 500,
		SummaryTrendStats: []string{"avg", "p(99.9)", "count"}, SummaryTimeUnit: "ms",
		HTTP: HTTP{
			BaseURL: "https://h:8443/x", UserAgent: "me", MaxRedirects: 0, Batch: 1, BatchPerHost: 100_000,
			DiscardResponseBodies: true, NoConnectionReuse: true, NoVUConnectionReuse: true,
			NoCookiesReset: true, InsecureSkipTLSVerify: true,
			Debug: "full", DNS: DNS{TTL: 5 * time.Minute, Select: "random", Policy: "preferIPv4"},
			Hosts: map[string]string{"example.com": "127.0.0.1", "*.example.com:443": "127.0.0.1:8443", "v6.test": "::1", "w6.test": "[::1]:80"},
		},
		Notes: []string{
			"cloud has no effect: swarm runs no tests in k6's cloud",
			"ext has no effect: swarm runs no tests in k6's cloud",
		},
	}
	ignore := cmpopts.IgnoreFields(Plan{}, "Scenarios", "Thresholds")
	if diff := cmp.Diff(want, p, ignore, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("plan differs (-want +got):\n%s", diff)
	}
}

func TestOverridesOfEverything(t *testing.T) {
	p := parse(t, `{"throw":false,"noSetup":false}`, flags(`{"noSetup":true,"noTeardown":true,"noThresholds":true,"summaryTrendStats":["max"],"summaryTimeUnit":"s","maxRedirects":3,
		"throw":true,"insecureSkipTLSVerify":true,"noConnectionReuse":true,"noVUConnectionReuse":true,"discardResponseBodies":true}`))
	h := p.HTTP
	if !p.NoSetup || !p.NoTeardown || !p.NoThresholds || p.SummaryTrendStats[0] != "max" || p.SummaryTimeUnit != "s" ||
		h.MaxRedirects != 3 || !h.Throw || !h.InsecureSkipTLSVerify || !h.NoConnectionReuse || !h.NoVUConnectionReuse || !h.DiscardResponseBodies {
		t.Errorf("an override is lost: %+v", p)
	}
}

// TestEveryOptionRefusesNonsense guards against a key that is known but
// forgotten: each must complain or leave a note.
func TestEveryOptionRefusesNonsense(t *testing.T) {
	d := &draft{ledger: &ledger{}}
	seen := map[string]bool{}
	for _, o := range d.options() {
		if seen[o.name] {
			t.Errorf("option %s is listed twice", o.name)
		}
		seen[o.name] = true
		options := fmt.Sprintf(`{%q:{"nonsense":[1]}}`, o.name)
		p, err := Parse([]byte(options), Overrides{}, source())
		if err == nil && len(p.Notes) == 0 {
			t.Errorf("%s passes without a problem or a note", options)
		}
	}
	// The keys of k6 2.x.
	for _, key := range strings.Fields(`vus duration iterations stages scenarios thresholds setupTimeout teardownTimeout
		handleSummaryTimeout rps dns maxRedirects userAgent batch batchPerHost httpDebug insecureSkipTLSVerify tlsCipherSuites
		tlsVersion tlsAuth throw blacklistIPs blockHostnames hosts noConnectionReuse noVUConnectionReuse minIterationDuration
		summaryTrendStats summaryTimeUnit systemTags tags noCookiesReset discardResponseBodies executionSegment
		executionSegmentSequence cloud ext localIPs linger paused noUsageReport noSetup noTeardown noThresholds`) {
		if !seen[key] {
			t.Errorf("option %s is unknown", key)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	for _, options := range []string{"", `{"vus":3,"stages":[{"duration":"1s","target":9}],"thresholds":{"checks{a:b}":["rate>0.9"],"checks{c:d}":[]},
		"tags":{"a":"b"},"hosts":{"a":"127.0.0.1"},"cloud":{"x":1},"systemTags":[]}`} {
		p := parse(t, options, Overrides{})
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var again Plan
		if err := json.Unmarshal(data, &again); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p, &again) {
			t.Errorf("plan changes on its way through JSON:\n%s", cmp.Diff(p, &again))
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "null", "[]", `{"vus":10,"duration":"1m30s"}`, `{"vus":1e308}`, `{"duration":-1}`, `{"stages":[{"duration":"1s","target":3}]}`,
		`{"scenarios":{"a":{"executor":"ramping-vus","stages":[{"duration":"9e99d","target":1}]}}}`,
		`{"scenarios":{"a":{"executor":"per-vu-iterations","iterations":5,"exec":"buy"},"b":{"executor":"constant-vus","duration":"1d2h"}}}`,
		`{"thresholds":{"http_req_duration{a:b,c:\"d,e\"}":["p(95)<200",{"threshold":"max<1","abortOnFail":true}]}}`,
		`{"hosts":{"*.a.b:80":"[::1]:80"},"tags":{"a":1},"systemTags":["url"],"summaryTrendStats":["p(99.99)"]}`,
		`{"scenarios":{"a":{"executor":"constant-arrival-rate","rate":5,"timeUnit":"1m","duration":"3s","preAllocatedVUs":2,"maxVUs":3}},"noData":"pass","paused":true}`,
		`{"scenarios":{"b":{"executor":"ramping-arrival-rate","startRate":1,"stages":[{"duration":"2s","target":1000000}],"preAllocatedVUs":1,"startAfter":"a"},"a":{"executor":"externally-controlled"}}}`,
		`{"scenarios":{"u":{"executor":"users","users":9,"runTime":3,"classes":[{"exec":"buy","fixedCount":2,"env":{"A":1}},{"weight":0.5}],"tags":{"a":"b"}}},"executionSegment":"1/3:2/3"}`,
		`{"scenarios":{"s":{"executor":"shape","shape":"buy","model":"open","maxVUs":7,"tick":100}},"metrics":["checks"],"minIterationDuration":1}`,
		`{"scenarios":{"c":{"executor":"capacity","preAllocatedVUs":7,"precision":"0.25","settle":1,"step":"1s","hold":"2s"}},"thresholds":{"http_req_response_time{scenario:c}":{"threshold":"p(95)<9 over 1m","noData":"fail"}},"failOnCheck":true}`,
		`{"users":3,"spawnRate":0.5,"runTime":"9"}`, `{"vus":3,"spawnRate":1e9}`,
		`{"vus":1,"vus":2,"a":{"b":[[[[[[]]]]]]}}`,
		`{"dns":"ttl=inf,select=first","proxy":{"http":"http://a:1","no":"*"},"tlsVersion":{"max":"tls1.0"},"httpVersion":2,"rps":9,"httpDebug":true}`,
		`{"blacklistIPs":["::ffff:1.2.3.4/97"],"blockHostnames":["*.é.test."],"localIPs":"1.2.3.4-1.2.3.5,::/1","hosts":{"*.É:1":"[::1]:1","h":"unix:/a"}}`,
		secrets(),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, options string) {
		src := source()
		src.Locate = func(path []string) Position { return Position{"s.js", len(path) + 1, 1} }
		p, err := Parse([]byte(options), Overrides{}, src)
		if err != nil {
			checkProblems(t, err)
			return
		}
		checkPlan(t, p)
	})
}

// failer is what *testing.T and *rapid.T have in common here.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkProblems checks that an error can be shown as it is.
func checkProblems(t failer, err error) {
	t.Helper()
	var problems Problems
	if !errors.As(err, &problems) || len(problems) == 0 || len(problems) > maxProblems+1 {
		t.Fatalf("not a list of problems: %v", err)
	}
	for _, p := range problems {
		line := p.String()
		if p.Message == "" || len(line) > 4000 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("not an inert line: %q", line)
		}
	}
}

// checkPlan checks what the engine relies on.
func checkPlan(t failer, p *Plan) {
	t.Helper()
	if len(p.Scenarios) == 0 {
		t.Fatalf("no scenario")
	}
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		if i > 0 {
			before := p.Scenarios[i-1]
			if s.StartTime < before.StartTime || s.StartTime == before.StartTime && s.Name <= before.Name {
				t.Fatalf("scenarios out of order: %s after %s", s.Name, before.Name)
			}
		}
		for _, d := range []time.Duration{s.StartTime, s.GracefulStop, s.Span(), s.GracefulRampDown, s.StartJitter} {
			if d < 0 || d > MaxDuration {
				t.Fatalf("scenario %s: duration %v out of bounds", s.Name, d)
			}
		}
		if s.Peak() < 1 || s.Peak() > MaxVUs || s.Span() <= 0 {
			t.Fatalf("scenario %s: peak %d, span %v", s.Name, s.Peak(), s.Span())
		}
		switch s.Executor {
		case ConstantVUs, RampingVUs, ExternallyControlled, Shape:
		case ConstantArrivalRate, RampingArrivalRate, Capacity:
			top := max(s.Rate, s.StartRate, s.Search.MaxRate)
			for _, stage := range s.Stages {
				top = max(top, int64(stage.Target))
			}
			if top < 1 || float64(top) > MaxRate*s.TimeUnit.Seconds() || s.PreAllocatedVUs > s.MaxVUs {
				t.Fatalf("scenario %s: %d per %v on %d of %d VUs", s.Name, top, s.TimeUnit, s.PreAllocatedVUs, s.MaxVUs)
			}
		case Users:
			if len(s.Classes) == 0 || s.SpawnRate <= 0 {
				t.Fatalf("scenario %s: %d classes, %v come per second", s.Name, len(s.Classes), s.SpawnRate)
			}
		case SharedIterations:
			if s.Iterations < int64(s.VUs) || s.Iterations > MaxIterations {
				t.Fatalf("scenario %s: %d iterations for %d VUs", s.Name, s.Iterations, s.VUs)
			}
		case PerVUIterations:
			if s.Iterations < 1 || s.Iterations > MaxIterations {
				t.Fatalf("scenario %s: %d iterations", s.Name, s.Iterations)
			}
		default:
			t.Fatalf("scenario %s: executor %q", s.Name, s.Executor)
		}
		if s.Exec != "default" && s.Exec != "buy" && s.Exec != "browse" && s.Exec != "setup" {
			t.Fatalf("scenario %s: exec %q", s.Name, s.Exec)
		}
	}
	if n := p.MaxVUs(); n < 1 || n > MaxVUs {
		t.Fatalf("%d VUs", n)
	}
	if n, most := p.InitialVUs(), p.MaxVUs(); n < 0 || n > most {
		t.Fatalf("%d VUs at first, %d at most", n, most)
	}
	if d := p.Duration(); d <= 0 || d > never {
		t.Fatalf("lasts %v", d)
	}
	if len(p.SummaryTrendStats) == 0 || p.HTTP.Batch < 1 || p.HTTP.BatchPerHost < 1 || p.SetupTimeout <= 0 {
		t.Fatalf("a default is missing: %+v", p)
	}
	if len(p.Thresholds) == 0 {
		t.Fatalf("no threshold on script_errors")
	}
	if _, err := p.Compile(); err != nil {
		t.Fatalf("accepted a threshold that does not compile: %v", err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatalf("plan is not JSON: %v", err)
	}
	var again Plan
	if err := json.Unmarshal(data, &again); err != nil || !reflect.DeepEqual(p, &again) {
		t.Fatalf("plan changes on its way through JSON: %v", err)
	}
	checkSettled(t, p)
}

// checkSettled checks that the settled options make the same plan again.
func checkSettled(t failer, p *Plan) {
	t.Helper()
	again, settings, err := Explain(p.Options(), Overrides{}, source())
	if err != nil {
		t.Fatalf("settled options are refused: %v\n%s", err, p.Options())
	}
	ignore := cmpopts.IgnoreFields(Plan{}, "Notes")
	if diff := cmp.Diff(p, again, ignore, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("settled options make another plan (-want +got):\n%s\n%s", diff, p.Options())
	}
	if !json.Valid(p.Options()) || len(settings) < 30 {
		t.Fatalf("%d settings of %s", len(settings), p.Options())
	}
}

// TestOverridesNeverPanic lays arbitrary flags over arbitrary options.
func TestOverridesNeverPanic(t *testing.T) {
	options := []string{"", "[]", `{"tags":3}`, `{"scenarios":{"u":{"executor":"users","users":4}}}`, `{"vus":2,"duration":"1s"}`, `{"scenarios":{"a":{"executor":"constant-vus","duration":"1s"}}}`}
	rapid.Check(t, func(t *rapid.T) {
		given := map[string]any{}
		maybe := func(key string, value func() any) {
			if rapid.Bool().Draw(t, key+"?") {
				given[key] = value()
			}
		}
		maybe("vus", func() any { return rapid.IntRange(-2, 2_000_000).Draw(t, "vus") })
		maybe("users", func() any { return rapid.IntRange(-2, 2_000_000).Draw(t, "users") })
		maybe("spawnRate", func() any { return rapid.Float64().Draw(t, "spawnRate") })
		maybe("runTime", func() any { return rapid.Float64().Draw(t, "runTime") })
		maybe("duration", func() any { return time.Duration(rapid.Int64().Draw(t, "duration")).String() })
		maybe("iterations", func() any { return rapid.Int64().Draw(t, "iterations") })
		maybe("stages", func() any {
			stages := []any{}
			for range rapid.IntRange(0, 3).Draw(t, "n") {
				stages = append(stages, map[string]any{
					"duration": time.Duration(rapid.Int64().Draw(t, "d")).String(), "target": rapid.Int().Draw(t, "target"),
				})
			}
			return stages
		})
		maybe("tags", func() any { return rapid.MapOfN(rapid.String(), rapid.String(), 0, 2).Draw(t, "tags") })
		maybe("userAgent", func() any { return rapid.String().Draw(t, "agent") })
		data, err := json.Marshal(given)
		if err != nil {
			t.Fatal(err)
		}
		o := flags(string(data))
		if rapid.Bool().Draw(t, "below") {
			o.Below = o.Above
		}
		p, err := Parse([]byte(rapid.SampledFrom(options).Draw(t, "options")), o, source())
		if err != nil {
			checkProblems(t, err)
			return
		}
		checkPlan(t, p)
	})
}

// TestEveryOptionIsDocumented holds docs/options.md against what is read.
func TestEveryOptionIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/options.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	d := &draft{ledger: &ledger{}}
	for _, o := range d.options() {
		names = append(names, o.name)
	}
	names = append(names, commonOptions()...)
	for _, e := range executors() {
		names = append(append(names, e.name), e.options...)
	}
	for _, name := range names {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/options.md does not tell of %s", name)
		}
	}
}
