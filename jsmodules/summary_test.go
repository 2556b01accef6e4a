package jsmodules_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/inert"
)

const summaryData = `{
	"root_group": {"name": "", "path": "", "groups": [
		{"name": "browse", "path": "::browse", "groups": [{"name": "deep", "groups": [], "checks": [{"name": "is fine", "passes": 3, "fails": 0}]}], "checks": [{"name": "status is 200", "passes": 98, "fails": 2}]},
		{"name": "empty", "groups": [], "checks": []}
	], "checks": [{"name": "at the root", "passes": 1, "fails": 0}]},
	"options": {"summaryTrendStats": ["avg", "p(95)", "count"], "summaryTimeUnit": "", "noColor": true},
	"state": {"isStdOutTTY": false, "testRunDurationMs": 1000},
	"metrics": {
		"http_req_duration": {"type": "trend", "contains": "time", "values": {"avg": 1.25, "p(95)": 231.4, "count": 1234}, "thresholds": {"p(95)<200": {"ok": false}, "avg<5": {"ok": true}}},
		"http_req_duration{name:pay}": {"type": "trend", "contains": "time", "values": {"avg": 64, "p(95)": 1900, "count": 9}},
		"http_req_durations": {"type": "trend", "contains": "default", "values": {"avg": 1.5}},
		"http_reqs": {"type": "counter", "contains": "default", "values": {"count": 12345, "rate": 411.5}},
		"data_received": {"type": "counter", "contains": "data", "values": {"count": 1234567, "rate": 41152}},
		"checks": {"type": "rate", "contains": "default", "values": {"rate": 0.98, "passes": 98, "fails": 2}, "thresholds": {"rate>0.9": {"ok": true}}},
		"vus": {"type": "gauge", "contains": "default", "values": {"value": 5, "min": 1, "max": 10}}
	}
}`

const importSummary = `import { textSummary, jUnit, humanizeValue } from "https://jslib.k6.io/k6-summary/0.0.4/index.js";
`

// summarize runs body as handleSummary and returns what it gave for stdout.
func summarize(t *testing.T, data, body string) (string, error) {
	t.Helper()
	files, err := newWorld(nil).program(t, importSummary+"export function handleSummary(data) {"+body+"}\nexport default function(){}").HandleSummary(t.Context(), []byte(data))
	return string(files["stdout"]), err
}

func TestTextSummary(t *testing.T) {
	got, err := summarize(t, summaryData, `return {stdout: textSummary(data, {indent: "> ", enableColors: false})}`)
	if err != nil {
		t.Fatal(err)
	}
	const want = `>   ✓ at the root

>   █ browse
>     ✗ status is 200
>       98 %  98 passed, 2 failed

>     █ deep
>       ✓ is fine

>   █ empty

>   ✓ checks.........................: 98 %  98 of 100
>     data_received..................: 1.2 MB  41 KB/s
>   ✗ http_req_duration..............: avg=1.2 ms  p(95)=231 ms  count=1,234
>       ✗ p(95)<200
>       http_req_duration{name:pay}..: avg=64 ms   p(95)=1.9 s   count=9
>     http_req_durations.............: avg=1.5
>     http_reqs......................: 12,345  411.5/s
>     vus............................: 5  min=1  max=10
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTextSummaryColors(t *testing.T) {
	for options, colored := range map[string]bool{
		``: false, `, {}`: false, `, {enableColors: true}`: true, `, {enableColors: false}`: false, `, null`: false,
	} {
		got, err := summarize(t, summaryData, `return {stdout: textSummary(data`+options+`)}`)
		if err != nil || strings.Contains(got, "\x1b[31m✗\x1b[0m") != colored || !colored && strings.Contains(got, "\x1b") {
			t.Errorf("%s: %v\n%q", options, err, got)
		}
	}
	got, err := summarize(t, summaryData, `data.options.noColor = false; data.options.summaryTimeUnit = "us"; return {stdout: textSummary(data)}`)
	if err != nil || !strings.Contains(got, "\x1b[32m✓") || !strings.Contains(got, "avg=1,250 µs") {
		t.Errorf("%v\n%q", err, got)
	}
}

// The script may have changed the data, and may pass anything.
func TestTextSummaryOfAnything(t *testing.T) {
	for name, c := range map[string]struct{ body, want, failure string }{
		"metric deleted":     {body: `for (const k in data.metrics) if (k !== "vus") delete data.metrics[k]; data.root_group = null; return {stdout: textSummary(data)}`, want: "     vus..: 5  min=1  max=10\n"},
		"metric added":       {body: `return {stdout: textSummary({metrics: {mine: {type: "other", values: {b: 2, a: 1}}}}, off)}`, want: "     mine..: a=1  b=2\n"},
		"empty":              {body: `return {stdout: "[" + textSummary({}) + "]"}`, want: "[]"},
		"wrong types":        {body: `return {stdout: textSummary({metrics: {a: 1, b: {type: 2, values: {x: "y", z: null}}, c: {type: "trend", contains: "time", values: {avg: Infinity, med: 1}}}, root_group: {checks: "many"}}, off)}`, want: "     a..: \n     b..: \n     c..: med=1.0 ms\n"},
		"stats not there":    {body: `return {stdout: textSummary({options: {summaryTrendStats: ["p(99)", "med"]}, metrics: {c: {type: "trend", contains: "time", values: {avg: 3, med: 1}}}}, off)}`, want: "     c..: med=1.0 ms\n"},
		"no data":            {body: `textSummary()`, failure: "TypeError: textSummary: data must be an object, got undefined"},
		"text":               {body: `textSummary("x")`, failure: "TypeError: textSummary: data must be an object, got x"},
		"options are text":   {body: `textSummary(data, "x")`, failure: "TypeError: textSummary: options must be an object, got x"},
		"getter throws":      {body: `textSummary({get metrics(){ throw new RangeError("mine") }})`, failure: "RangeError: mine"},
		"toJSON throws":      {body: `jUnit({toJSON(){ throw new RangeError("mine") }})`, failure: "RangeError: mine"},
		"cyclic":             {body: `data.data = data; textSummary(data)`, failure: "TypeError"},
		"no data for jUnit":  {body: `jUnit(null)`, failure: "TypeError: jUnit: data must be an object, got null"},
		"metric of humanize": {body: `humanizeValue(1, 2)`, failure: "TypeError: humanizeValue: the metric must be an object, got 2"},
		"deep groups":        {body: `let g = {name: "g", groups: [], checks: []}; for (let i = 0; i < 300; i++) g = {name: "g", groups: [g], checks: []}; return {stdout: String(textSummary({root_group: g}).includes("…"))}`, want: "true"},
		"huge indent":        {body: `return {stdout: String(textSummary(data, {indent: "x".repeat(1e6)}).length < 1e4)}`, want: "true"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := summarize(t, summaryData, `const off = {enableColors: false};`+c.body)
			if c.failure != "" {
				wantException(t, err, c.failure)
			} else if err != nil || got != c.want {
				t.Errorf("%v\ngot  %q\nwant %q", err, got, c.want)
			}
		})
	}
}

const hostileName = "\x1b[2J\u202e</testcase>&\"'<script>\n]]>\x00"

// Text of scripts and targets acts neither on a terminal nor in a document.
func TestSummariesAreInert(t *testing.T) {
	const body = `const evil = %q; const both = {[evil]: {ok: false}};
		const d = {root_group: {checks: [{name: evil, passes: 1, fails: 1}], groups: [{name: evil, checks: []}]}, options: {summaryTrendStats: [evil]},
			metrics: {[evil]: {type: "trend", contains: evil, values: {[evil]: 1}, thresholds: both}}};
		return {stdout: %s}`
	text, err := summarize(t, "{}", fmt.Sprintf(body, hostileName, `textSummary(d, {indent: evil, enableColors: false})`))
	if err != nil || inert.Text(text) != text || !strings.Contains(text, `\x1b[2J\u202e`) {
		t.Errorf("%v\n%q", err, text)
	}
	report, err := summarize(t, "{}", fmt.Sprintf(body, hostileName, `jUnit(d, {name: evil, classname: evil})`))
	if err != nil || strings.Contains(report, "<script>") || inert.Text(report) != report {
		t.Errorf("%v\n%q", err, report)
	}
	elements(t, report, "testsuites testsuite testcase failure")
}

// elements fails unless the document is well-formed and has these elements.
func elements(t *testing.T, document, want string) {
	t.Helper()
	var names []string
	for d := xml.NewDecoder(strings.NewReader(document)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if start, ok := token.(xml.StartElement); ok {
			names = append(names, start.Name.Local)
		}
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("elements %s, want %s", got, want)
	}
}

func TestJUnit(t *testing.T) {
	got, err := summarize(t, summaryData, `return {stdout: jUnit(data, {name: "nightly", classname: "shop"})}`)
	if err != nil {
		t.Fatal(err)
	}
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1">
  <testsuite name="nightly" tests="3" failures="1" errors="0">
    <testcase name="checks - rate&gt;0.9" classname="shop"></testcase>
    <testcase name="http_req_duration - avg&lt;5" classname="shop"></testcase>
    <testcase name="http_req_duration - p(95)&lt;200" classname="shop">
      <failure message="the threshold p(95)&lt;200 of http_req_duration does not hold"></failure>
    </testcase>
  </testsuite>
</testsuites>
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHumanizeValue(t *testing.T) {
	for call, want := range map[string]string{
		`0.5, {type: "rate", contains: "default"}`:            "50 %",
		`1234567, {type: "counter", contains: "data"}`:        "1.2 MB",
		`1234.5, {type: "trend", contains: "time"}`:           "1.2 s",
		`1234.5, {type: "trend", contains: "time"}, "ms"`:     "1234.50 ms",
		`1234.56789012, {type: "gauge", contains: "default"}`: "1,234.57",
		`NaN, {type: "trend", contains: "time"}`:              "NaN",
		`5`:                                                   "5",
		`"12", {type: "counter"}, null`:                       "12",
		`-Infinity, {type: "rate"}`:                           "-Inf",
	} {
		got, err := summarize(t, "{}", `return {stdout: humanizeValue(`+call+`)}`)
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", call, got, err, want)
		}
	}
}

// Any version of the library elsewhere is the module here; nothing else is.
func TestSummaryByAddress(t *testing.T) {
	for _, from := range []string{"swarm/summary", "https://jslib.k6.io/k6-summary/0.0.1/index.js", "https://jslib.k6.io/k6-summary/0.1.0/index.js", "https://jslib.k6.io/k6-summary/1.0.0-rc.1/index.js"} {
		for _, load := range []string{`import { textSummary as f } from %q;`, `const { textSummary: f } = require(%q);`, `import * as m from %q; const f = m.textSummary;`} {
			p := newWorld(nil).program(t, fmt.Sprintf(load, from)+`export function handleSummary(data) { return {stdout: f({})+"ok"} }`)
			files, err := p.HandleSummary(t.Context(), []byte("{}"))
			if err != nil || string(files["stdout"]) != "ok" {
				t.Errorf("%s %s: %v", load, from, err)
			}
		}
	}
}
