package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestProblems(t *testing.T) {
	scenario := func(fields string) string {
		return `{"scenarios":{"a":{"executor":"constant-vus","duration":"1s",` + fields + `}}}`
	}
	for options, want := range map[string]string{
		// Shape.
		`[]`:                         `options must be an object, got an array (export const options = { … })`,
		`{"vus":1`:                   `options are not valid JSON at byte 8: unexpected EOF`,
		`{"vus":1} 2`:                `options are not one JSON value: more follows at byte 11`,
		strings.Repeat(`[`, 100_000): `options are nested deeper than 64 levels`,

		// Unknown keys, with the nearest name.
		`{"stagse":[]}`:                            `stagse: unknown option (did you mean "stages"?)`,
		`{"max_redirects":3}`:                      `max_redirects: unknown option (did you mean "maxRedirects"?)`,
		`{"VUS":3}`:                                `VUS: unknown option (did you mean "vus"?)`,
		`{"insecureSkipTlsVerify":true}`:           `insecureSkipTlsVerify: unknown option (did you mean "insecureSkipTLSVerify"?)`,
		`{"qqqqq":3}`:                              `qqqqq: unknown option`,
		`{"a\u001b[2J":3}`:                         `["a\x1b[2J"]: unknown option`,
		`{"stages":[{"duration":"1s","taget":1}]}`: `stages[0].taget: unknown option of a stage (did you mean "target"?)`,
		scenario(`"vu":3`):                         `scenarios.a.vu: unknown option of a scenario (did you mean "vus"?)`,
		scenario(`"gracefullStop":"1s"`):           `scenarios.a.gracefullStop: unknown option of a scenario (did you mean "gracefulStop"?)`,
		scenario(`"stages":[]`):                    `scenarios.a.stages: is not an option of constant-vus (stages belongs to ramping-vus, ramping-arrival-rate)`,

		// Numbers.
		`{"vus":-3,"duration":"1s"}`:     `vus: must be a whole number of at least 1, got -3`,
		`{"vus":0,"duration":"1s"}`:      `vus: must be a whole number of at least 1, got 0`,
		`{"vus":1.5,"duration":"1s"}`:    `vus: must be a whole number of at least 1, got 1.5`,
		`{"vus":1e308,"duration":"1s"}`:  `vus: must be a whole number of at most 1,000,000, got 1e308`,
		`{"vus":1e999,"duration":"1s"}`:  `vus: must be a whole number of at most 1,000,000, got 1e999`,
		`{"vus":"many","duration":"1s"}`: `vus: must be a whole number of at least 1, got "many"`,
		`{"vus":"","duration":"1s"}`:     `vus: must be a whole number of at least 1, got ""`,
		`{"vus":"0x10","duration":"1s"}`: `vus: must be a whole number of at least 1, got "0x10"`,
		`{"vus":null,"duration":"1s"}`:   `vus: must be a whole number of at least 1, got null (NaN and Infinity arrive as null)`,
		`{"vus":"NaN","duration":"1s"}`:  `vus: must be a whole number of at least 1, got "NaN"`,
		`{"vus":true,"duration":"1s"}`:   `vus: must be a whole number of at least 1, got true`,
		`{"vus":[],"duration":"1s"}`:     `vus: must be a whole number of at least 1, got an array`,
		`{"iterations":1e13}`:            `iterations: must be a whole number of at most 1,000,000,000,000, got 1e13`,
		`{"vus":5,"iterations":3}`:       `iterations: must be at least vus (5), got 3 (each VU should get at least one iteration)`,
		`{"maxSeries":1}`:                `maxSeries: must be a whole number of at least 100, got 1`,

		// Durations.
		`{"duration":"soon"}`:                  `duration: must be a duration such as "30s" or "1m30s", or a number of milliseconds, got "soon"`,
		`{"duration":"-5s"}`:                   `duration: must not be negative, got "-5s"`,
		`{"duration":-1}`:                      `duration: must not be negative, got -1`,
		`{"duration":0}`:                       `duration: must be longer than 0, got 0`,
		`{"duration":1e308}`:                   `duration: must be at most 365 days, got 1e308`,
		`{"duration":"366d"}`:                  `duration: must be at most 365 days, got "366d"`,
		`{"duration":"99999999999999999999h"}`: `duration: must be at most 365 days, got "99999999999999999999h"`,
		`{"duration":{}}`:                      `duration: must be a duration such as "30s" or "1m30s", or a number of milliseconds, got an object`,
		`{"setupTimeout":null}`:                `setupTimeout: must be a duration such as "30s" or "1m30s", or a number of milliseconds, got null (NaN and Infinity arrive as null)`,
		`{"stages":[{"duration":"365d","target":1},{"duration":"1ms","target":1}]}`: `stages: together the stages must be at most 365 days`,

		// Stages.
		`{"stages":{}}`:                                                `stages: must be an array of stages, got an object`,
		`{"stages":"1s:5"}`:                                            `stages: must be an array of stages, got "1s:5"`,
		`{"stages":[null]}`:                                            `stages[0]: must be an object with duration and target, got null`,
		`{"stages":["1s:5"]}`:                                          `stages[0]: must be an object with duration and target, got "1s:5"`,
		`{"stages":[{"target":5}]}`:                                    `stages[0]: duration is missing`,
		`{"stages":[{"duration":"0s","target":5}]}`:                    `stages: together the stages must last longer than 0`,
		`{"vus":0,"stages":[{"duration":"1s","target":0}]}`:            `stages: one stage at least must have a target above 0`,
		`{"scenarios":{"a":{"executor":"ramping-vus","stages":[]}}}`:   `scenarios.a.stages: must have at least one stage`,
		`{"scenarios":{"a":{"executor":"ramping-vus","stages":null}}}`: `scenarios.a.stages: must be an array of stages, got null`,

		// Conflicts.
		`{"duration":"1s","stages":[{"duration":"1s","target":5}]}`:                 `duration: conflicts with stages (a ramp lasts as long as its stages)`,
		`{"iterations":9,"stages":[{"duration":"1s","target":5}]}`:                  `iterations: conflicts with stages (a ramp lasts as long as its stages)`,
		`{"vus":3,"scenarios":{"a":{"executor":"constant-vus","duration":"1s"}}}`:   `vus: conflicts with scenarios (move it into a scenario, or remove scenarios, which k6 would not run beside it)`,
		`{"users":3,"scenarios":{"a":{"executor":"constant-vus","duration":"1s"}}}`: `users: conflicts with scenarios (move it into a scenario, or remove scenarios)`,

		// Scenarios.
		`{"scenarios":[]}`:                                       `scenarios: must be an object, got an array`,
		`{"scenarios":{"a":1}}`:                                  `scenarios.a: must be an object, got 1`,
		`{"scenarios":{"a":null}}`:                               `scenarios.a: must be an object, got null`,
		`{"scenarios":{"a":{}}}`:                                 `scenarios.a: executor is missing (one of constant-vus, shared-iterations, per-vu-iterations, ramping-vus, constant-arrival-rate, ramping-arrival-rate, externally-controlled, users, shape, capacity)`,
		`{"scenarios":{"a b":{"executor":"shared-iterations"}}}`: `scenarios["a b"]: a scenario's name has at most 128 letters, digits, - and _`,
		`{"scenarios":{"a":{"executor":"constant-vu","nonsense":1}}}`: `scenarios.a.executor: unknown executor "constant-vu" (did you mean "constant-vus"?)` + "\n" +
			`scenarios.a.nonsense: unknown option of a scenario`,
		`{"scenarios":{"a":{"executor":"users","anything":5}}}`: `scenarios.a.anything: unknown option of a scenario`,
		`{"scenarios":{"a":{"executor":"constant-vus"}}}`:       `scenarios.a: duration is missing: constant-vus needs it`,
		`{"scenarios":{"a":{"executor":"ramping-vus"}}}`:        `scenarios.a: stages is missing: ramping-vus needs it`,
		scenario(`"exec":"byu"`):                                `scenarios.a.exec: the script exports no function "byu" (did you mean "buy"?)`,
		scenario(`"exec":3`):                                    `scenarios.a.exec: must be a string, got 3`,
		scenario(`"env":{"A":{}}`):                              `scenarios.a.env.A: must be a string, a number or a boolean, got an object`,
		scenario(`"options":{"browser":{"type":"chromium"}}`):   `scenarios.a.options: browser scenarios are not supported yet`,
		scenario(`"startAfter":"b"`):                            `scenarios.a.startAfter: there is no scenario "b"`,
		`{"scenarios":{"a":{"executor":"constant-vus","duration":"1s","vus":600000},"b":{"executor":"constant-vus","duration":"1s","vus":600000}}}`: `scenarios: scenarios that overlap need at most 1,000,000 VUs together, got 1,200,000`,

		// Thresholds.
		`{"thresholds":{"http_req_duraton":["p(95)<1"]}}`:                         `thresholds.http_req_duraton: unknown metric "http_req_duraton" (did you mean "http_req_duration"?)`,
		`{"thresholds":{"error":["rate<1"]}}`:                                     `thresholds.error: unknown metric "error" (did you mean "errors"?)`,
		`{"thresholds":{"grpc_req_duration":["avg<1"]}}`:                          `thresholds.grpc_req_duration: metric grpc_req_duration is not available in this version yet`,
		`{"thresholds":{"checks":["rat<1"]}}`:                                     `thresholds.checks[0]: column 1: unknown method "rat": expected avg, min, max, med, count, rate, value or p(N)`,
		`{"thresholds":{"http_reqs":"p(95)<200"}}`:                                `thresholds.http_reqs: p(95) needs a trend; http_reqs is a counter (a counter has count, rate)`,
		`{"thresholds":{"checks{a}":["rate<1"]}}`:                                 `thresholds["checks{a}"]: expected tag:value in the tag filter, got "a" (a value that holds a comma needs quotes)`,
		`{"thresholds":{"checks":[{"threshold":"rate<1","abortOnFial":true}]}}`:   `thresholds.checks[0].abortOnFial: unknown option of a threshold (did you mean "abortOnFail"?)`,
		`{"thresholds":{"checks":[{"abortOnFail":true}]}}`:                        `thresholds.checks[0]: threshold is missing`,
		`{"thresholds":{"checks":[{"threshold":"rate<1","delayAbortEval":"x"}]}}`: `thresholds.checks[0].delayAbortEval: must be a duration such as "30s" or "1m30s", or a number of milliseconds, got "x"`,
		`{"thresholds":{"checks":5}}`:                                             `thresholds.checks: must be a condition such as "p(95)<200" or an array of them, got 5`,
		`{"thresholds":{"checks":[5]}}`:                                           `thresholds.checks[0]: must be a condition such as "p(95)<200", got 5`,
		`{"thresholds":["checks"]}`:                                               `thresholds: must be an object of conditions by metric, got an array`,

		// Others.
		`{"throw":"yes"}`:                `throw: must be true or false, got "yes"`,
		`{"tags":{"a":[]}}`:              `tags.a: must be a string, a number or a boolean, got an array`,
		`{"systemTags":["ulr"]}`:         `systemTags[0]: unknown system tag "ulr" (did you mean "url"?)`,
		`{"summaryTrendStats":["p95"]}`:  `summaryTrendStats[0]: must be avg, min, med, max, count or p(N) with N from 0 to 100, got "p95" (did you mean "p(95)"?)`,
		`{"summaryTrendStats":["rate"]}`: `summaryTrendStats[0]: must be avg, min, med, max, count or p(N) with N from 0 to 100, got "rate"`,
		`{"summaryTimeUnit":"h"}`:        `summaryTimeUnit: must be "s", "ms" or "us", got "h"`,
		`{"userAgent":"a\r\nHost: b"}`:   `userAgent: must not hold control characters, got "a\r\nHost: b"`,
		`{"baseURL":"localhost"}`:        `baseURL: must be a URL such as "https://host:8443", got "localhost"`,
		`{"hosts":{"a.b":"c.d"}}`:        `hosts["a.b"]: must be an IP address, with or without a port, got "c.d"`,
		`{"hosts":{"http://a.b":"::1"}}`: `hosts["http://a.b"]: "http://a.b" is not a host name, with or without a port (leave out the scheme)`,
		`{"hosts":{"a.b":null}}`:         `hosts["a.b"]: must be an IP address, got null`,

		// Known, and dangerous to ignore.
		`{"limits":{"memory":"1g"}}`: `limits: not supported yet`,
	} {
		p, err := Parse([]byte(options), Overrides{}, source())
		if len(options) > 200 {
			options = options[:200]
		}
		if err == nil {
			t.Errorf("%s: accepted as %+v, want\n%s", options, p, want)
			continue
		}
		if got := err.Error(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", options, got, want)
		}
	}
}

func TestMissingFunctions(t *testing.T) {
	for _, c := range []struct {
		exports []string
		want    string
	}{
		{nil, `the script exports no default function (add "export default function () { … }")`},
		{[]string{"setup", "buy"}, `the script exports no default function (add "export default function () { … }", or a scenario whose exec is "buy")`},
	} {
		_, err := Parse(nil, Overrides{}, Source{Exports: c.exports})
		if err == nil || err.Error() != c.want {
			t.Errorf("exports %q: %v, want %s", c.exports, err, c.want)
		}
	}
}

func TestProblemOfOverride(t *testing.T) {
	_, err := Parse([]byte(`{"vus":1}`), flags(`{"vus":-1,"duration":"-1s"}`), source())
	want := "--vus: vus: must be a whole number of at least 1, got -1\n" +
		`--duration: duration: must not be negative, got "-1s"`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestProblemsComeInSourceOrder(t *testing.T) {
	places := map[string]Position{
		"throw":                 {"s.js", 9, 3},
		"batch":                 {"s.js", 4, 10},
		"scenarios/a":           {"s.js", 5, 1},
		"scenarios/a/startTime": {"s.js", 4, 2},
	}
	src := source()
	src.Locate = func(path []string) Position { return places[strings.Join(path, "/")] }
	_, err := Parse([]byte(`{"throw":1,"unknown":1,"batch":0,"scenarios":{"a":{"executor":"constant-vus","startTime":-1}}}`), Overrides{}, src)
	want := `s.js:4:2: scenarios.a.startTime: must not be negative, got -1
s.js:4:10: batch: must be a whole number of at least 1, got 0
s.js:5:1: scenarios.a: duration is missing: constant-vus needs it
s.js:9:3: throw: must be true or false, got 1
unknown: unknown option`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"vus":1`)
	for i := range 5_000 {
		fmt.Fprintf(&b, `,"nonsense%d":1`, i)
	}
	b.WriteString(`}`)
	_, err := Parse([]byte(b.String()), Overrides{}, source())
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != 101 || lines[100] != "and 4900 more problems like these" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

func TestDuplicateKeys(t *testing.T) {
	p := parse(t, `{"duration":"nonsense","vus":2,"duration":"3s","vus":1}`, Overrides{})
	if s := p.Scenarios[0]; s.VUs != 1 || s.Duration != 3*time.Second {
		t.Errorf("the last of equal keys does not win: %+v", s)
	}
}
