package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// scenarioOf reads the options of one scenario, a, of a script that has a
// threshold and exports shape.
func scenarioOf(executor, fields string) (*Plan, error) {
	src := source()
	src.Exports = append(src.Exports, "shape")
	options := fmt.Sprintf(`{"thresholds":{"errors":"rate<1"},"scenarios":{"a":{"executor":%q%s}}}`, executor, fields)
	return Parse([]byte(options), Overrides{}, src)
}

func TestExecutors(t *testing.T) {
	const s = time.Second
	strings0 := map[string]string{}
	buyers := Class{Name: "buyers", Exec: "buy", Weight: 3, Env: map[string]string{"A": "1", "B": "own"}, Tags: map[string]string{"x": "y"}}
	for _, c := range []struct {
		executor, fields string
		want             Scenario
	}{
		{ConstantArrivalRate, `,"rate":10,"duration":"1m","preAllocatedVUs":5`, Scenario{
			Rate: 10, Duration: time.Minute, TimeUnit: s, PreAllocatedVUs: 5, MaxVUs: 5, MaxIterationDelay: 100 * time.Millisecond,
		}},
		{ConstantArrivalRate, `,"rate":"600","timeUnit":"1m","duration":1000,"preAllocatedVUs":0,"maxVUs":9,"maxIterationDelay":0,"gracefulStop":"1s"`, Scenario{
			Rate: 600, Duration: s, TimeUnit: time.Minute, MaxVUs: 9, GracefulStop: s,
		}},
		{ConstantArrivalRate, `,"rate":10000000,"duration":"1m","preAllocatedVUs":5`, Scenario{
			Rate: 10_000_000, Duration: time.Minute, TimeUnit: s, PreAllocatedVUs: 5, MaxVUs: 5, MaxIterationDelay: 100 * time.Millisecond,
		}},
		{RampingArrivalRate, `,"stages":[{"duration":"5s","target":300},{"duration":"0s","target":1},{"duration":"1s","target":0}],"preAllocatedVUs":5,"maxVUs":50`, Scenario{
			Stages: []Stage{{5 * s, 300}, {0, 1}, {s, 0}}, TimeUnit: s, PreAllocatedVUs: 5, MaxVUs: 50, MaxIterationDelay: 100 * time.Millisecond,
		}},
		{RampingArrivalRate, `,"stages":[{"duration":"5s","target":0}],"startRate":7,"timeUnit":"100ms","preAllocatedVUs":5`, Scenario{
			StartRate: 7, Stages: []Stage{{5 * s, 0}}, TimeUnit: 100 * time.Millisecond, PreAllocatedVUs: 5, MaxVUs: 5, MaxIterationDelay: 100 * time.Millisecond,
		}},
		{ExternallyControlled, ``, Scenario{VUs: 1, MaxVUs: 1}},
		{ExternallyControlled, `,"vus":0,"maxVUs":30,"duration":"0s"`, Scenario{MaxVUs: 30}},
		{ExternallyControlled, `,"vus":11,"maxVUs":30,"duration":"2m"`, Scenario{VUs: 11, MaxVUs: 30, Duration: 2 * time.Minute, StartJitter: 2 * time.Millisecond}},
		{Users, ``, Scenario{VUs: 1, SpawnRate: 1, Classes: []Class{{"default", "default", 1, 0, strings0, strings0}}}},
		{Users, `,"users":100,"spawnRate":"2.5","runTime":90,"exec":"buy","env":{"A":1},"maxVUs":200`, Scenario{
			VUs: 100, MaxVUs: 200, SpawnRate: 2.5, Duration: 90 * s, Exec: "buy", Env: map[string]string{"A": "1"},
			Classes: []Class{{"buy", "buy", 1, 0, map[string]string{"A": "1"}, strings0}},
		}},
		{Users, `,"duration":90,"classes":[{"exec":"buy","name":"buyers","weight":3,"env":{"B":"own"},"tags":{"x":"y"}},{"exec":"browse","fixedCount":1,"weight":0},{}],"env":{"A":1,"B":2}`, Scenario{
			VUs: 1, SpawnRate: 1, Duration: 90 * time.Millisecond, Exec: "buy", Env: map[string]string{"A": "1", "B": "2"},
			Classes: []Class{
				buyers,
				{"browse", "browse", 0, 1, map[string]string{"A": "1", "B": "2"}, strings0},
				{"default", "default", 1, 0, map[string]string{"A": "1", "B": "2"}, strings0},
			},
		}},
		{Shape, `,"maxVUs":101`, Scenario{Shape: "shape", Tick: s, MaxVUs: 101, StartJitter: 20 * time.Millisecond}},
		{Shape, `,"maxVUs":1000,"shape":"buy","tick":500,"spawnRate":10,"duration":"1h","preAllocatedVUs":7`, Scenario{
			Shape: "buy", Tick: 500 * time.Millisecond, MaxVUs: 1000, PreAllocatedVUs: 7, SpawnRate: 10, Duration: time.Hour,
		}},
		{Shape, `,"maxVUs":100,"model":"open","timeUnit":"1m"`, Scenario{
			Shape: "shape", Tick: s, Open: true, MaxVUs: 100, PreAllocatedVUs: 100, TimeUnit: time.Minute, MaxIterationDelay: 100 * time.Millisecond,
		}},
		{Capacity, `,"preAllocatedVUs":10`, Scenario{
			Rate: 100, TimeUnit: s, PreAllocatedVUs: 10, MaxVUs: 10, MaxIterationDelay: 100 * time.Millisecond, MaxDuration: 30 * time.Minute,
			Search: Search{MaxRate: 1_000_000, Step: 10 * s, Settle: 2 * s, Hold: 30 * s, Precision: 0.05},
		}},
		{Capacity, `,"preAllocatedVUs":10,"maxVUs":20,"rate":5,"maxRate":50,"minRate":20,"timeUnit":"1m","step":"5s","settle":0,"hold":"7s","precision":0.1,"maxDuration":"16.5s"`, Scenario{
			Rate: 5, TimeUnit: time.Minute, PreAllocatedVUs: 10, MaxVUs: 20, MaxIterationDelay: 100 * time.Millisecond, MaxDuration: 16500 * time.Millisecond,
			Search: Search{MaxRate: 50, MinRate: 20, Step: 5 * s, Hold: 7 * s, Precision: 0.1},
		}},
		{Capacity, `,"preAllocatedVUs":10,"maxRate":7`, Scenario{ // below the default of rate
			Rate: 7, TimeUnit: s, PreAllocatedVUs: 10, MaxVUs: 10, MaxIterationDelay: 100 * time.Millisecond, MaxDuration: 30 * time.Minute,
			Search: Search{MaxRate: 7, Step: 10 * s, Settle: 2 * s, Hold: 30 * s, Precision: 0.05},
		}},
		{Capacity, `,"preAllocatedVUs":10,"rate":2000000`, Scenario{ // above the default of maxRate
			Rate: 2_000_000, TimeUnit: s, PreAllocatedVUs: 10, MaxVUs: 10, MaxIterationDelay: 100 * time.Millisecond, MaxDuration: 30 * time.Minute,
			Search: Search{MaxRate: 2_000_000, Step: 10 * s, Settle: 2 * s, Hold: 30 * s, Precision: 0.05},
		}},
	} {
		p, err := scenarioOf(c.executor, c.fields)
		if err != nil {
			t.Errorf("%s%s: %v", c.executor, c.fields, err)
			continue
		}
		c.want.Name, c.want.Executor = "a", c.executor
		if c.want.Exec == "" {
			c.want.Exec = "default"
		}
		if c.want.GracefulStop == 0 {
			c.want.GracefulStop = 30 * s
		}
		if diff := cmp.Diff([]Scenario{c.want}, p.Scenarios, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s%s differs (-want +got):\n%s", c.executor, c.fields, diff)
		}
	}
}

func TestProblemsOfExecutors(t *testing.T) {
	const open = `,"rate":10,"duration":"1m","preAllocatedVUs":5`
	for _, c := range []struct{ executor, fields, want string }{
		// Missing.
		{ConstantArrivalRate, ``, "scenarios.a: rate is missing: constant-arrival-rate needs it\n" +
			"scenarios.a: duration is missing: constant-arrival-rate needs it\nscenarios.a: preAllocatedVUs is missing: constant-arrival-rate needs it"},
		{RampingArrivalRate, `,"preAllocatedVUs":1`, `scenarios.a: stages is missing: ramping-arrival-rate needs it`},
		{Shape, ``, `scenarios.a: maxVUs is missing: shape needs it`},
		{Capacity, ``, `scenarios.a: preAllocatedVUs is missing: capacity needs it`},

		// Rates.
		{ConstantArrivalRate, `,"rate":-1,"duration":"1m","preAllocatedVUs":5`, `scenarios.a.rate: must be a whole number of at least 1, got -1`},
		{ConstantArrivalRate, `,"rate":null,"duration":"1m","preAllocatedVUs":5`, `scenarios.a.rate: must be a whole number of at least 1, got null (NaN and Infinity arrive as null)`},
		{ConstantArrivalRate, `,"rate":0.5,"duration":"1m","preAllocatedVUs":5`, `scenarios.a.rate: must be a whole number of at least 1, got 0.5`},
		{ConstantArrivalRate, `,"rate":1e308,"duration":"1m","preAllocatedVUs":5`, `scenarios.a.rate: must be a whole number of at most 10,000,000, got 1e308 (10,000,000 iterations a second are the most)`},
		{ConstantArrivalRate, `,"rate":10000001,"duration":"1m","preAllocatedVUs":5`, `scenarios.a.rate: must be a whole number of at most 10,000,000, got 10000001 (10,000,000 iterations a second are the most)`},
		{ConstantArrivalRate, `,"rate":10001,"timeUnit":"1ms","duration":"1m","preAllocatedVUs":5`, `scenarios.a.rate: must be a whole number of at most 10,000, got 10001 (10,000,000 iterations a second are the most)`},
		{ConstantArrivalRate, open + `,"timeUnit":"1ns"`, `scenarios.a.timeUnit: must be at least 1µs, got "1ns"`},
		{ConstantArrivalRate, open + `,"timeUnit":0`, `scenarios.a.timeUnit: must be at least 1µs, got 0`},
		{ConstantArrivalRate, open + `,"timeUnit":-1`, `scenarios.a.timeUnit: must not be negative, got -1`},
		{ConstantArrivalRate, open + `,"timeUnit":"1e9h"`, `scenarios.a.timeUnit: must be a duration such as "30s" or "1m30s", or a number of milliseconds, got "1e9h"`},
		{ConstantArrivalRate, `,"rate":10,"duration":1e308,"preAllocatedVUs":5`, `scenarios.a.duration: must be at most 365 days, got 1e308`},
		{RampingArrivalRate, `,"preAllocatedVUs":1,"stages":[{"duration":"1s","target":10000001}]`, `scenarios.a.stages[0].target: must be a whole number of at most 10,000,000, got 10000001`},
		{RampingArrivalRate, `,"preAllocatedVUs":1,"stages":[{"duration":"1s","target":0}]`, `scenarios.a.stages: one stage at least must have a target above 0`},
		{RampingArrivalRate, `,"preAllocatedVUs":1,"startRate":5,"stages":[{"duration":"0s","target":9}]`, `scenarios.a.stages: together the stages must last longer than 0`},
		{RampingArrivalRate, `,"preAllocatedVUs":1,"startRate":-5,"stages":[{"duration":"1s","target":9}]`, `scenarios.a.startRate: must be a whole number of at least 0, got -5`},

		// VUs.
		{ConstantArrivalRate, `,"rate":1,"duration":"1m","preAllocatedVUs":5,"maxVUs":4`, `scenarios.a.maxVUs: must be at least preAllocatedVUs (5), got 4`},
		{ConstantArrivalRate, `,"rate":1,"duration":"1m","preAllocatedVUs":0`, `scenarios.a.preAllocatedVUs: must be at least 1, got 0 (give maxVUs too, to have VUs made during the load)`},
		{ConstantArrivalRate, `,"rate":1,"duration":"1m","preAllocatedVUs":2000000`, `scenarios.a.preAllocatedVUs: must be a whole number of at most 1,000,000, got 2000000`},
		{Capacity, `,"preAllocatedVUs":5,"maxVUs":4`, `scenarios.a.maxVUs: must be at least preAllocatedVUs (5), got 4`},
		{Shape, `,"preAllocatedVUs":5,"maxVUs":4`, `scenarios.a.maxVUs: must be at least preAllocatedVUs (5), got 4`},
		{ExternallyControlled, `,"vus":5,"maxVUs":4`, `scenarios.a.maxVUs: must be at least vus (5), got 4`},
		{ExternallyControlled, `,"vus":0`, `scenarios.a.vus: must be at least 1, got 0 (give maxVUs too, to start from 0)`},
		{Users, `,"users":5,"maxVUs":4`, `scenarios.a.maxVUs: must be at least users (5), got 4`},

		// Users.
		{Users, `,"users":0`, `scenarios.a.users: must be a whole number of at least 1, got 0`},
		{Users, `,"spawnRate":0`, `scenarios.a.spawnRate: must be a number from 0.001 to 1,000,000, got 0`},
		{Users, `,"spawnRate":"fast"`, `scenarios.a.spawnRate: must be a number from 0.001 to 1,000,000, got "fast"`},
		{Users, `,"spawnRate":null`, `scenarios.a.spawnRate: must be a number from 0.001 to 1,000,000, got null (NaN and Infinity arrive as null)`},
		{Users, `,"spawnRate":1e308`, `scenarios.a.spawnRate: must be a number from 0.001 to 1,000,000, got 1e308`},
		{Users, `,"runTime":1e308`, `scenarios.a.runTime: must be at most 365 days, got 1e308`},
		{Users, `,"runTime":-3`, `scenarios.a.runTime: must not be negative, got -3`},
		{Users, `,"runTime":"1m","duration":"1m"`, `scenarios.a.runTime: conflicts with duration: they mean the same`},
		{Users, `,"classes":[]`, `scenarios.a.classes: must have at least one class`},
		{Users, `,"classes":null`, `scenarios.a.classes: must be an array of classes, got null`},
		{Users, `,"classes":["buy"]`, `scenarios.a.classes[0]: must be an object with exec, weight and the like, got "buy"`},
		{Users, `,"classes":[null]`, `scenarios.a.classes[0]: must be an object with exec, weight and the like, got null`},
		{Users, `,"classes":[{"exec":"byu"}]`, `scenarios.a.classes[0].exec: the script exports no function "byu" (did you mean "buy"?)`},
		{Users, `,"classes":[{"exec":"buy","wieght":1}]`, `scenarios.a.classes[0].wieght: unknown option of a class (did you mean "weight"?)`},
		{Users, `,"classes":[{"exec":"buy","weight":0}]`, `scenarios.a.classes[0].weight: must be above 0, got 0 (leave the class out, or give it a fixedCount)`},
		{Users, `,"classes":[{"exec":"buy","weight":-1}]`, `scenarios.a.classes[0].weight: must be a number from 0 to 1,000,000, got -1`},
		{Users, `,"classes":[{"exec":"buy"},{"exec":"buy","weight":2}]`, `scenarios.a.classes[1]: there are two classes named "buy" (give each a name)`},
		{Users, `,"classes":[{"exec":"buy"},{"exec":"browse","name":"buy"}]`, `scenarios.a.classes[1].name: there are two classes named "buy" (give each a name)`},
		{Users, `,"exec":"buy","classes":[{"exec":"buy"}]`, `scenarios.a.exec: conflicts with classes (each class has its own)`},
		{Users, `,"vus":3`, `scenarios.a.vus: is not an option of users (vus belongs to constant-vus, shared-iterations, per-vu-iterations, externally-controlled)`},

		// Shapes.
		{Shape, `,"maxVUs":9,"shape":"shpae"`, `scenarios.a.shape: the script exports no function "shpae" (did you mean "shape"?)`},
		{Shape, `,"maxVUs":9,"exec":"shop"`, `scenarios.a.exec: the script exports no function "shop"`},
		{Shape, `,"maxVUs":9,"model":"opened"`, `scenarios.a.model: must be "closed" or "open", got "opened"`},
		{Shape, `,"maxVUs":9,"tick":"1ms"`, `scenarios.a.tick: must be at least 100ms, got "1ms"`},
		{Shape, `,"maxVUs":9,"timeUnit":"1m"`, `scenarios.a.timeUnit: is not an option of a shape whose model is "closed"`},
		{Shape, `,"maxVUs":9,"model":"open","spawnRate":5`, `scenarios.a.spawnRate: is not an option of a shape whose model is "open"`},
		{Shape, `,"maxVUs":0`, `scenarios.a.maxVUs: must be a whole number of at least 1, got 0`},

		// Searches.
		{Capacity, `,"preAllocatedVUs":5,"rate":50,"maxRate":40`, `scenarios.a.rate: must be at most maxRate (40), got 50`},
		{Capacity, `,"preAllocatedVUs":5,"minRate":2000,"maxRate":1000`, `scenarios.a.minRate: must be at most maxRate (1,000), got 2,000 (no rate above maxRate is tried)`},
		{Capacity, `,"preAllocatedVUs":5,"step":"2s"`, `scenarios.a.step: must be longer than settle (2s), got 2s (nothing is judged before a rate has settled)`},
		{Capacity, `,"preAllocatedVUs":5,"settle":"30s"`, "scenarios.a.step: must be longer than settle (30s), got 10s (nothing is judged before a rate has settled)\n" +
			"scenarios.a.hold: must be longer than settle (30s), got 30s (nothing is judged before a rate has settled)"},
		{Capacity, `,"preAllocatedVUs":5,"maxDuration":"40s"`, `scenarios.a.maxDuration: must be at least 44.5s: step, hold and what it takes to see their results; got 40s`},
		{Capacity, `,"preAllocatedVUs":5,"precision":0`, `scenarios.a.precision: must be a number from 0.001 to 0.5, got 0`},
		{Capacity, `,"preAllocatedVUs":5,"precision":"NaN"`, `scenarios.a.precision: must be a number from 0.001 to 0.5, got "NaN"`},

		// What does not belong together.
		{ConstantArrivalRate, open + `,"startJitter":"1s"`, `scenarios.a.startJitter: is not an option of constant-arrival-rate (iterations begin when they are due)`},
		{ConstantArrivalRate, open + `,"vus":3`, `scenarios.a.vus: is not an option of constant-arrival-rate (vus belongs to constant-vus, shared-iterations, per-vu-iterations, externally-controlled)`},
	} {
		_, err := scenarioOf(c.executor, c.fields)
		if got := fmt.Sprint(err); got != c.want {
			t.Errorf("%s%s:\n got %s\nwant %s", c.executor, c.fields, got, c.want)
		}
	}
	_, err := Parse([]byte(`{"scenarios":{"a":{"executor":"shape","maxVUs":3}}}`), Overrides{}, source())
	if want := `scenarios.a.shape: the script exports no function "shape" (add "export function shape(now) { … }", or name the function in shape)`; fmt.Sprint(err) != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestProblemsBetweenScenarios(t *testing.T) {
	const closed = `"executor":"constant-vus","duration":"1s"`
	const search = `"executor":"capacity","preAllocatedVUs":2`
	for options, want := range map[string]string{
		`{"scenarios":{"a":{` + closed + `,"startAfter":"a"}}}`:                                                                                                                   `scenarios.a.startAfter: must name another scenario, not its own`,
		`{"scenarios":{"buy":{` + closed + `},"a":{` + closed + `,"startAfter":"byu"}}}`:                                                                                          `scenarios.a.startAfter: there is no scenario "byu" (did you mean "buy"?)`,
		`{"scenarios":{"a":{` + closed + `,"startAfter":["b","b"]},"b":{` + closed + `}}}`:                                                                                        `scenarios.a.startAfter: must be a string, got an array`,
		`{"scenarios":{"a":{` + closed + `,"startAfter":"b"},"b":{` + closed + `,"startAfter":"c"},"c":{` + closed + `,"startAfter":"a"},"d":{` + closed + `,"startAfter":"a"}}}`: `scenarios.a.startAfter: these scenarios wait for one another: "a", "b", "c" (one of them must not wait)`,
		`{"startAfter":"b","rate":5}`: "startAfter: belongs into a scenario\nrate: belongs into a scenario",

		`{"scenarios":{"a":{` + search + `}}}`:                                                                         `scenarios.a: a capacity scenario looks for the rate at which thresholds hold: there are none (such as thresholds: { http_req_response_time: ["p(95)<200"] })`,
		`{"failOnCheck":true,"scenarios":{"a":{` + search + `}}}`:                                                      `scenarios.a: a capacity scenario looks for the rate at which thresholds hold: there are none (such as thresholds: { http_req_response_time: ["p(95)<200"] })`,
		`{"noThresholds":true,"thresholds":{"checks":"rate==1"},"scenarios":{"a":{` + search + `}}}`:                   `scenarios.a: a capacity scenario looks for the rate at which thresholds hold: it cannot go without (noThresholds)`,
		`{"thresholds":{"checks":"rate==1"},"scenarios":{"a":{` + search + `},"b":{` + search + `,"startTime":"5s"}}}`: `scenarios.b: two capacity scenarios cannot search at the same time, and "a" does (let one start after the other: startAfter: "a")`,

		`{"executionSegment":"1/2:1/3"}`:                                    `executionSegment: segment "1/2:1/3": …`,
		`{"executionSegment":"0:1/2","executionSegmentSequence":"0,1/3,1"}`: `executionSegment: segment "0:1/2" is not one of the sequence "0,1/3,1"`,
		`{"executionSegment":3}`:                                            `executionSegment: must be a string, got 3`,
		`{"executionSegment":"1/2:1","executionSegmentSequence":"0,1/2,1"}`: `executionSegment: no VU of the test falls into segment 1/2:1 (use fewer segments)`,
	} {
		_, err := Parse([]byte(options), Overrides{}, source())
		// What is wrong with a segment is for segment.go to say.
		got, _, _ := strings.Cut(fmt.Sprint(err), ` (such as executionSegment`)
		if got != want && !(strings.HasSuffix(want, "…") && strings.HasPrefix(got, strings.TrimSuffix(want, "…"))) {
			t.Errorf("%s:\n got %s\nwant %s", options, got, want)
		}
	}
	if _, err := Parse([]byte(`{"thresholds":{"checks":"rate==1"},"scenarios":{"a":{`+search+`},"b":{`+search+`,"startAfter":"a"}}}`), Overrides{}, source()); err != nil {
		t.Errorf("searches one after the other: %v", err)
	}
}

func TestSelectorsThatCannotMatch(t *testing.T) {
	for options, want := range map[string]string{
		`{"thresholds":{"http_req_response_time":"p(95)<9"}}`:             `thresholds.http_req_response_time: http_req_response_time counts from an intended start, which no scenario has (arrival rates and minIterationDuration have one; else use http_req_duration)`,
		`{"thresholds":{"iteration_delay":"p(95)<9"}}`:                    `thresholds.iteration_delay: iteration_delay counts from an intended start, which no scenario has (arrival rates and minIterationDuration have one; else use iteration_duration)`,
		`{"thresholds":{"checks{scenario:defualt}":"rate==1"}}`:           `thresholds["checks{scenario:defualt}"]: there is no scenario "defualt" (did you mean "default"?)`,
		`{"thresholds":{"checks":"rate==1 over 500ms"}}`:                  `thresholds.checks: over must be followed by whole seconds, such as over 30s, got "rate==1 over 500ms"`,
		`{"thresholds":{"checks":"rate==1 over soon"}}`:                   `thresholds.checks: over: must be a duration such as "30s" or "1m30s", or a number of milliseconds, got "rate==1 over soon"`,
		`{"thresholds":{"checks":{"threshold":"rate==1","noData":"ok"}}}`: `thresholds.checks.noData: must be "pass" or "fail", got "ok"`,
		`{"noData":true}`:                  `noData: must be a string, got true`,
		`{"metrics":["http_req_duraton"]}`: `metrics[0]: unknown metric "http_req_duraton" (did you mean "http_req_duration"?)`,
		`{"metrics":"checks"}`:             `metrics: must be an array of names of metrics, got "checks"`,
		`{"metrics":[7]}`:                  `metrics[0]: must be a string, got 7`,
	} {
		_, err := Parse([]byte(options), Overrides{}, source())
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%s:\n got %s\nwant %s", options, got, want)
		}
	}
	for options, want := range map[string]string{
		`{"thresholds":{"http_reqs{statu:200}":"count>0"}}`:                                                                        `thresholds["http_reqs{statu:200}"]: is the tag "statu" one of the script's? did you mean "status"?`,
		`{"thresholds":{"http_reqs{vu:1}":"count>0"}}`:                                                                             `thresholds["http_reqs{vu:1}"]: no sample has the tag vu, unless the script sets it: systemTags leaves it out`,
		`{"thresholds":{"checks{group:buy}":"rate==1"}}`:                                                                           `thresholds["checks{group:buy}"]: the tag group holds a path: write group:::buy`,
		`{"thresholds":{"http_reqs{status:200}":"count>0"},"systemTags":["url"]}`:                                                  `thresholds["http_reqs{status:200}"]: no sample has the tag status, unless the script sets it: systemTags leaves it out`,
		`{"thresholds":{"http_reqs{statu:200}":"count>0"},"tags":{"statu":"x"}}`:                                                   ``,
		`{"thresholds":{"http_reqs{team:a,user:b,scenario:default}":"count>0"}}`:                                                   ``,
		`{"minIterationDuration":"1s","thresholds":{"iteration_response_time":"max<9"}}`:                                           ``,
		`{"scenarios":{"x":{"executor":"users","startAfter":"y"},"y":{"executor":"externally-controlled"}}}`:                       `scenario x waits for y, which has no duration: it starts when that is ended by hand, or by its shape`,
		`{"scenarios":{"x":{"executor":"users","users":3,"classes":[{"exec":"buy","fixedCount":4}]}}}`:                             `scenarios.x.classes: their fixedCount comes to 4, more than users (3): not all will be there`,
		`{"scenarios":{"x":{"executor":"users","users":9,"classes":[{"exec":"buy","fixedCount":2},{"name":"b","fixedCount":1}]}}}`: `scenarios.x.classes: there will be 3 users, not 9, as that is what fixedCount comes to and no class has a weight`,
		`{"scenarios":{"x":{"executor":"users","users":3,"classes":[{"exec":"buy","fixedCount":3},{}]}}}`:                          `scenarios.x.classes: those with a weight get no user, as users (3) are no more than fixedCount comes to`,
	} {
		p, err := Parse([]byte(options), Overrides{}, source())
		if err != nil {
			t.Errorf("%s: %v", options, err)
			continue
		}
		if got := strings.Join(p.Notes, "\n"); got != want {
			t.Errorf("%s:\n notes %s\n want %s", options, got, want)
		}
	}
}

func TestJudgementOptions(t *testing.T) {
	p := parse(t, `{"noData":"pass","failOnCheck":true,"metrics":["http_reqs","http_reqs","wait_time"],"thresholds":{
		"errors": ["rate<0.1 over 1m30s", {"threshold":"rate<0.01","noData":"fail"}],
		"http_req_duration{name:a}": "p(95) < 200  over  30s",
		"http_req_duration{ name:\"a\" }": "max<9",
		"checks{group:::x}": [],
		"checks{ group:::x }": []
	}}`, Overrides{})
	type row struct {
		metric, expression string
		over               time.Duration
		noDataOK           bool
	}
	want := []row{
		{"errors", "rate<0.1", 90 * time.Second, true},
		{"errors", "rate<0.01", 0, false},
		{"http_req_duration", "p(95) < 200", 30 * time.Second, true},
		{"http_req_duration", "max<9", 0, true},
		{"checks", "rate==1", 0, true},
		{"script_errors", "count==0", 0, false},
	}
	var got []row
	for _, x := range p.Thresholds {
		got = append(got, row{x.Metric, x.Expression, x.Over, x.NoDataOK})
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("thresholds differ (-want +got):\n%s", diff)
	}
	if len(p.Submetrics) != 1 {
		t.Errorf("submetrics %+v", p.Submetrics)
	}
	kept := []string{"http_reqs", "wait_time"}
	for _, name := range append(vital(), "errors", "http_req_duration", "checks") {
		if !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	if diff := cmp.Diff(kept, p.Metrics); diff != "" {
		t.Errorf("metrics kept (-want +got):\n%s", diff)
	}
	checkPlan(t, p)
	if _, err := p.Compile(); err != nil {
		t.Error(err)
	}
}

func TestLifeCycleOptions(t *testing.T) {
	p := parse(t, `{"initTimeout":"1s","vuSetupTimeout":2000,"vuTeardownTimeout":"3s","paused":true,"vus":4,"duration":"1s","executionSegment":"1/4:1/2"}`, Overrides{})
	if p.InitTimeout != time.Second || p.VUSetupTimeout != 2*time.Second || p.VUTeardownTimeout != 3*time.Second || !p.Paused {
		t.Errorf("timeouts %v %v %v, paused %t", p.InitTimeout, p.VUSetupTimeout, p.VUTeardownTimeout, p.Paused)
	}
	if p.Segment.String() != "1/4:1/2" || p.MaxVUs() != 1 || p.InitialVUs() != 1 || p.Scenarios[0].VUs != 4 {
		t.Errorf("segment %v has %d of %d VUs", p.Segment, p.MaxVUs(), p.Scenarios[0].VUs)
	}
	checkSettled(t, p)
}
