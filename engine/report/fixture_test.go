package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/result"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/timeline"
)

// recording feeds a set and a timeline the way a run does.
type recording struct {
	t        testing.TB
	registry *metric.Registry
	set      *metric.Set
	line     *timeline.Timeline
	started  time.Time
}

func record(t testing.TB) *recording {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := &recording{t, metric.NewRegistry(metric.Options{Shards: 1}), metric.NewSet(), timeline.New(start, timeline.Options{}), start}
	r.registry.Snapshot(start)
	return r
}

func (r *recording) add(name string, value float64, tags ...string) {
	r.t.Helper()
	var pairs []metric.Tag
	for i := 0; i < len(tags); i += 2 {
		pairs = append(pairs, metric.Tag{Key: tags[i], Value: tags[i+1]})
	}
	r.registry.Recorder(0).Record(r.registry.Series(r.registry.Lookup(name), metric.NewTags(pairs...)), value)
}

func (r *recording) at(since time.Duration) {
	r.t.Helper()
	s := r.registry.Snapshot(r.started.Add(since))
	if err := r.set.Merge("runner", s); err != nil {
		r.t.Fatal(err)
	}
	r.line.Add("runner", s)
}

func (r *recording) result(options string, took time.Duration, more func(*summary.Input)) *result.Result {
	r.t.Helper()
	p, err := plan.Parse([]byte(options), plan.Overrides{}, plan.Source{Exports: []string{"default", "browse", "pay"}})
	if err != nil {
		r.t.Fatal(err)
	}
	compiled, err := p.Compile()
	if err != nil {
		r.t.Fatal(err)
	}
	verdicts, _ := threshold.Evaluate(compiled, r.set, took)
	in := summary.Input{
		Script: "checkout.js", Started: r.started, Duration: took, Plan: p, Set: r.set, Timeline: r.line, Verdicts: verdicts,
		VUsMax: 400, Isolation: "process",
	}
	if more != nil {
		more(&in)
	}
	return &result.Result{
		ID: "7f3c", Version: "0.3.0", Started: r.started, Host: result.Host{OS: "linux", Arch: "amd64", Processors: 8},
		Plan: p, Summary: summary.Build(in), Timeline: r.line,
	}
}

// shop is a run that has a bit of everything: a ramp, a slow phase of the
// target with errors, a span in which the generator was slow.
func shop(t testing.TB) *result.Result {
	r := record(t)
	random := rand.New(rand.NewPCG(1, 2))
	const seconds = 180
	for s := range seconds {
		users := min(400, 20+s*5)
		slow := 1.0
		if s >= 95 && s < 115 {
			slow = 3.5
		}
		drift := 1 + 0.12*math.Sin(float64(s)/9)
		for range users / 4 {
			r.add(metric.Iterations, 1, "scenario", "browse")
			for _, e := range []struct {
				method, name string
				median       float64
				share        float64
			}{{"GET", "https://shop.example.com/items", 14, 1}, {"GET", "https://shop.example.com/items/{id}", 22, 0.7}, {"POST", "https://shop.example.com/pay", 70, 0.2}} {
				if random.Float64() > e.share {
					continue
				}
				ms := e.median * slow * drift * (0.7 + float64(users)/600) * math.Exp(0.35*random.NormFloat64())
				if random.Float64() < 0.004 {
					ms *= 6
				}
				status, failed := "200", 0.0
				if e.name == "https://shop.example.com/pay" && slow > 1 && random.Float64() < 0.12 {
					status, failed = "503", 1
				}
				tags := []string{"method", e.method, "name", e.name, "status", status, "scenario", "browse"}
				r.add(metric.HTTPReqs, 1, tags...)
				r.add(metric.HTTPReqDuration, ms, tags...)
				r.add(metric.HTTPReqResponseTime, ms*(1+max(slow-1, 0)*random.Float64()), tags...)
				r.add(metric.HTTPReqFailed, failed, tags...)
				r.add(metric.DataReceived, 5200, tags...)
				r.add(metric.DataSent, 420, tags...)
			}
			r.add(metric.Checks, 1-math.Floor(random.Float64()*1.004), "check", "status is 200", "group", "::browse")
		}
		if slow > 1 {
			r.add(metric.DroppedIterations, float64(random.IntN(30)), "scenario", "buy")
		}
		r.add(metric.VUs, float64(users))
		r.add(metric.VUsMax, 400)
		cpu := 0.25 + float64(users)/900 + 0.04*random.NormFloat64()
		if s >= 140 && s < 148 {
			cpu = 0.99
		}
		r.add(metric.GeneratorCPU, cpu)
		r.add(metric.GeneratorMemory, 180e6+float64(s)*1e5)
		for range 20 {
			lag := 0.05 * math.Exp(random.NormFloat64())
			if cpu > 0.95 {
				lag *= 90
			}
			r.add(metric.GeneratorLag, lag)
		}
		r.at(time.Duration(s+1) * time.Second)
	}
	return r.result(`{
		"scenarios": {
			"browse": {"executor": "ramping-vus", "exec": "browse", "startVUs": 20, "stages": [{"duration":"76s","target":400},{"duration":"104s","target":400}]}
		},
		"thresholds": {
			"http_req_duration{name:https://shop.example.com/pay}": ["p(95)<200"],
			"http_req_duration": ["p(95)<150", "max<60000"], "http_req_failed": ["rate<0.01"], "checks": ["rate>0.9"]
		}}`, seconds*time.Second, func(in *summary.Input) {
		in.Scenarios = []summary.Scenario{{Name: "browse", Executor: plan.RampingVUs, Iterations: 14_000, Interrupted: 3, Dropped: 290}}
		in.Marks = []health.Mark{{From: 140 * time.Second, To: 148 * time.Second, Cause: health.CPU, Worst: 0.99}}
		in.Exceptions = []summary.ErrorGroup{{Kind: "exception", Message: "TypeError: order is undefined", File: "checkout.js", Line: 44, Column: 9, Count: 17, First: 72 * time.Second, Last: 131 * time.Second}}
		in.Notes = []string{"cloud has no effect: swarm runs no tests in k6's cloud"}
		step := func(phase string, rate int64, p95 float64, why string) capacity.Step {
			return capacity.Step{
				Probe:       capacity.Probe{Phase: phase, Rate: rate, Length: 10 * time.Second},
				Observation: capacity.Observation{Achieved: float64(rate), P95: p95}, Held: why == "", Why: why,
			}
		}
		in.Capacity = []capacity.Report{{Scenario: "browse", Rate: 400, TimeUnit: time.Second, Broke: 500, Complete: true, Limit: "thresholds", Steps: []capacity.Step{
			step("ramp", 200, 31, ""), step("ramp", 400, 64, ""), step("ramp", 800, 940, "http_req_duration p(95)<150: 940 ms"),
			step("bisect", 500, 171, "http_req_duration p(95)<150: 171 ms"), step("hold", 400, 66, ""),
		}}}
	})
}

// bad are texts that try to become something else in a page, a terminal, or a
// spreadsheet.
var bad = []string{
	"</script><script>document.title='owned'</script>", "<img src=x onerror=\"document.title='owned'\">", "\x1b[2J\x1b[31mred", "\u202egnp.exe",
	"=HYPERLINK(\"http://evil.example/\",\"x\")", "+1+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "a,b\"c\nd", "{{.}}", "${1}", "--><b>x", "]]>", "\xff\xfe",
	"＝1＋1",
}

// hostile is a run all of whose texts are bad.
func hostile(t testing.TB) *result.Result {
	r := record(t)
	for i, text := range bad {
		tags := []string{"method", text, "name", text, "status", text, "scenario", text, "group", "::" + text, "check", text, text + "k", text}
		r.add(metric.HTTPReqs, 1, tags...)
		r.add(metric.HTTPReqDuration, float64(i+1), tags...)
		r.add(metric.HTTPReqFailed, 1, tags...)
		r.add(metric.Checks, 0, tags...)
	}
	r.at(time.Second)
	r.at(5 * time.Second)
	run := r.result(`{}`, 5*time.Second, func(in *summary.Input) {
		in.Script, in.Ended, in.Isolation = bad[0], bad[1], bad[2]
		for _, text := range bad {
			in.Exceptions = append(in.Exceptions, summary.ErrorGroup{Kind: "exception", Message: text, File: text, Count: 1})
			in.Notes = append(in.Notes, text)
			in.Scenarios = append(in.Scenarios, summary.Scenario{Name: text, Executor: text})
			in.Verdicts = append(in.Verdicts, threshold.Verdict{Name: text, Expression: text})
			in.Marks = append(in.Marks, health.Mark{From: 0, To: time.Second, Cause: health.Cause(text), Runner: text})
			in.Capacity = append(in.Capacity, capacity.Report{Scenario: text, Limit: text, Steps: []capacity.Step{{Probe: capacity.Probe{Phase: text}, Why: text}}})
		}
	})
	run.ID, run.Version, run.Host.OS, run.Host.Arch = bad[0], bad[1], bad[2], bad[3]
	return run
}

// long is a run of hours with many names, the largest page there is.
func long(t testing.TB) *result.Result {
	r := record(t)
	for s := range 4 * 60 {
		for i := range 60 {
			tags := []string{"method", "GET", "name", fmt.Sprintf("/some/longer/path/of/a/resource/%d", i), "status", "200"}
			r.add(metric.HTTPReqs, 1, tags...)
			r.add(metric.HTTPReqDuration, float64(1+(s*7+i*13)%400), tags...)
		}
		r.at(time.Duration(s+1) * time.Minute)
	}
	return r.result(`{}`, 4*time.Hour, nil)
}

// empty is a run without load.
func empty(t testing.TB) *result.Result {
	r := record(t)
	run := r.result(`{"thresholds":{"http_reqs":["count>1"]}}`, 0, func(in *summary.Input) { in.Failed, in.Ended = true, "setup() threw" })
	run.Timeline = nil
	return run
}
