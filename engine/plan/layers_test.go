package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/engine/figure"
)

// file is a layer whose values stand in a file, each at the line of its depth.
func file(name, options string) Layer {
	return Layer{Options: []byte(options), Locate: func(path []string) Position {
		if len(path) == 0 {
			return Position{File: name}
		}
		return Position{File: name, Line: len(path), Column: 1}
	}}
}

// named is a layer whose values have names, not places.
func named(prefix, options string) Layer {
	return Layer{Options: []byte(options), Locate: func(path []string) Position {
		if len(path) == 0 {
			return Position{}
		}
		return Position{File: prefix + path[0]}
	}}
}

// layered parses options between a file below and an environment and flags above.
func layered(config, script, env, flags string) (*Plan, map[string]string, error) {
	var o Overrides
	if config != "" {
		o.Below = append(o.Below, file("swarm.yaml", config))
	}
	if env != "" {
		o.Above = append(o.Above, named("$", env))
	}
	if flags != "" {
		o.Above = append(o.Above, named("--", flags))
	}
	src := source()
	src.Locate = file("s.js", "").Locate
	p, settings, err := Explain([]byte(script), o, src)
	from := map[string]string{}
	for _, s := range settings {
		from[s.Path] = s.Value + " " + s.From.String()
	}
	return p, from, err
}

func TestTheTopmostLayerCounts(t *testing.T) {
	_, from, err := layered(
		`{"batch":1,"throw":true,"userAgent":"config","maxRedirects":1,"tags":{"a":"1","b":"1","c":"1"}}`,
		`{"throw":false,"userAgent":"script","maxRedirects":2,"tags":{"b":"2","c":"2"},"setupTimeout":"5s"}`,
		`{"userAgent":"env","maxRedirects":3,"tags":{"c":"3"}}`,
		`{"maxRedirects":4}`)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"batch":                      "1 swarm.yaml:1:1",
		"throw":                      "false s.js:1:1",
		"userAgent":                  `"env" $userAgent`,
		"maxRedirects":               "4 --maxRedirects",
		"tags.a":                     `"1" swarm.yaml:2:1`,
		"tags.b":                     `"2" s.js:2:1`,
		"tags.c":                     `"3" $tags`,
		"setupTimeout":               `"5s" s.js:1:1`,
		"teardownTimeout":            `"1m" `,
		"scenarios.default.executor": `"shared-iterations" `,
	} {
		if from[path] != want {
			t.Errorf("%s is %s, want %s", path, from[path], want)
		}
	}
}

func TestWorkloadsAcrossLayers(t *testing.T) {
	const users = `{"scenarios":{"u":{"executor":"users","users":5,"spawnRate":2,"duration":"10s","exec":"buy"}}}`
	const mixed = `{"scenarios":{"u":{"executor":"users","users":5,"duration":"10s"},"c":{"executor":"constant-vus","duration":"3s"}}}`
	summary := func(p *Plan) string {
		var all []string
		for i := range p.Scenarios {
			s := &p.Scenarios[i]
			all = append(all, fmt.Sprintf("%s %s %d %v %d %v", s.Name, s.Executor, s.VUs, s.Duration, s.Iterations, s.SpawnRate))
		}
		return strings.Join(append(all, p.Notes...), "; ")
	}
	for _, c := range []struct{ config, script, env, flags, want string }{
		// k6's words.
		{`{"vus":3,"duration":"9s"}`, ``, ``, ``, "default constant-vus 3 9s 0 0"},
		{`{"vus":3,"duration":"9s"}`, `{"iterations":7}`, ``, ``, "default shared-iterations 3 0s 7 0"},
		{`{"iterations":7}`, `{"duration":"2s"}`, ``, ``, "default constant-vus 1 2s 0 0"},
		{``, `{"duration":"2s"}`, `{"iterations":7}`, `{"duration":"1s"}`, "default constant-vus 1 1s 0 0"},
		{``, `{"duration":"2s"}`, `{"vus":4}`, `{"iterations":8}`, "default shared-iterations 4 0s 8 0"},
		{`{"duration":"9s"}`, mixed, ``, ``, "c constant-vus 1 3s 0 0; u users 5 10s 0 1"},
		{`{"scenarios":{"x":{"executor":"shared-iterations"}}}`, `{"vus":2,"duration":"1s"}`, ``, ``, "default constant-vus 2 1s 0 0; the scenarios of swarm.yaml are not run: s.js takes their place"},
		{``, mixed, ``, `{"iterations":2}`, "default shared-iterations 1 0s 2 0; the scenarios of s.js are not run: --iterations takes their place"},
		{``, `{"stages":[]}`, ``, `{"vus":2,"duration":"1s"}`, "default constant-vus 2 1s 0 0"},

		// Locust's.
		{``, ``, ``, `{"users":100,"spawnRate":10,"runTime":"60"}`, "default users 100 1m0s 0 10"},
		{``, ``, ``, `{"vus":100,"spawnRate":10,"runTime":"1m"}`, "default users 100 1m0s 0 10"},
		{``, ``, ``, `{"users":100}`, "default users 100 0s 0 1"},
		{``, ``, ``, `{"runTime":"300s"}`, "default users 1 5m0s 0 1"},
		{`{"users":9,"runTime":30}`, `{}`, ``, `{"users":4}`, "default users 4 30s 0 1"},
		{``, `{"vus":5,"duration":"10s"}`, ``, `{"users":7}`, "default users 7 10s 0 1"},
		{``, `{"users":5,"spawnRate":5,"runTime":"1m"}`, ``, `{"vus":7}`, "default users 7 1m0s 0 5"},
		{``, `{"users":5,"spawnRate":5,"runTime":"1m"}`, ``, `{"iterations":7}`, "default shared-iterations 1 0s 7 0"},
		{``, `{"stages":[{"duration":"1s","target":1}]}`, ``, `{"users":7}`, "default users 7 0s 0 1"},
		{``, `{"duration":"1s"}`, ``, `{"users":7,"runTime":5}`, "default users 7 5s 0 1"},

		// Changing a users scenario in place.
		{``, users, ``, `{"users":50}`, "u users 50 10s 0 2"},
		{``, users, ``, `{"vus":50,"duration":"1s"}`, "u users 50 1s 0 2"},
		{``, users, `{"runTime":"3"}`, `{"spawnRate":9}`, "u users 5 3s 0 9"},
		{``, users, ``, `{"iterations":3}`, "default shared-iterations 1 0s 3 0; the scenarios of s.js are not run: --iterations takes their place"},
		{``, mixed, ``, `{"users":50}`, "c constant-vus 1 3s 0 0; u users 50 10s 0 1"},
		{``, mixed, ``, `{"vus":50,"runTime":"1s"}`, "c constant-vus 1 3s 0 0; u users 50 1s 0 1"},
		{``, mixed, ``, `{"vus":50,"duration":"1s"}`, "default constant-vus 50 1s 0 0; the scenarios of s.js are not run: --vus takes their place"},
		{``, `{"scenarios":{"c":{"executor":"constant-vus","duration":"3s"}}}`, ``, `{"users":50}`, "default users 50 0s 0 1; the scenarios of s.js are not run: --users takes their place"},
	} {
		p, _, err := layered(c.config, c.script, c.env, c.flags)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if got := summary(p); got != c.want {
			t.Errorf("%s < %s < %s < %s:\n got %s\nwant %s", c.config, c.script, c.env, c.flags, got, c.want)
		}
		checkPlan(t, p)
	}
}

func TestOriginsOfShortForms(t *testing.T) {
	for _, c := range []struct {
		script, flags string
		want          map[string]string
	}{
		{`{"vus":3,"duration":"9s","startJitter":"1s"}`, `{"duration":"5s"}`, map[string]string{
			"executor": `"constant-vus" --duration`, "vus": "3 s.js:1:1", "duration": `"5s" --duration`, "startJitter": `"1s" s.js:1:1`, "exec": `"default" `,
		}},
		{`{"vus":3,"stages":[{"duration":"1s","target":5}]}`, ``, map[string]string{
			"executor": `"ramping-vus" s.js:1:1`, "startVUs": "3 s.js:1:1", "stages": `[{"duration":"1s","target":5}] s.js:1:1`, "gracefulRampDown": `"30s" `,
		}},
		{`{"duration":"9s"}`, `{"iterations":5,"duration":"1m"}`, map[string]string{
			"executor": `"shared-iterations" --iterations`, "iterations": "5 --iterations", "maxDuration": `"1m" --duration`, "vus": "1 ",
		}},
		{`{}`, `{"users":5,"runTime":"90"}`, map[string]string{
			"users": "5 --users", "duration": `"1m30s" --runTime`, "spawnRate": "1 ",
		}},
		{`{"scenarios":{"default":{"executor":"users","users":5,"runTime":3,"exec":"buy"}}}`, `{"spawnRate":5}`, map[string]string{
			"users": "5 s.js:3:1", "duration": `"3s" s.js:3:1`, "spawnRate": "5 --spawnRate", "classes": `[{"exec":"buy","name":"buy","weight":1}] s.js:3:1`,
		}},
	} {
		_, from, err := layered("", c.script, "", c.flags)
		if err != nil {
			t.Errorf("%s < %s: %v", c.script, c.flags, err)
			continue
		}
		for option, want := range c.want {
			if got := from["scenarios.default."+option]; got != want {
				t.Errorf("%s < %s: %s is %s, want %s", c.script, c.flags, option, got, want)
			}
		}
	}
}

func TestExplainOfRenamedKeys(t *testing.T) {
	_, from, err := layered(`{"hosts":{"Example.COM":"127.0.0.1"},"thresholds":{"checks{ b:\"1\",a:2 }":["rate>0.5 over 60s"],"http_reqs{a:b}":[]}}`, "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		`hosts["example.com"]`:          `"127.0.0.1" swarm.yaml:2:1`,
		`thresholds["checks{a:2,b:1}"]`: `["rate>0.5 over 1m"] swarm.yaml:2:1`,
		`thresholds["http_reqs{a:b}"]`:  `[] swarm.yaml:2:1`,
	} {
		if from[path] != want {
			t.Errorf("%s is %q, want %q", path, from[path], want)
		}
	}
}

// TestProblemsOfLayersTellTheirSource: all at once, whoever gave them.
func TestProblemsOfLayersTellTheirSource(t *testing.T) {
	for _, c := range []struct{ config, script, env, flags, want string }{
		{`{"batch":0}`, `{"throw":3}`, `{"maxRedirects":-1}`, `{"userAgent":7}`, "s.js:1:1: throw: must be true or false, got 3\n" +
			"swarm.yaml:1:1: batch: must be a whole number of at least 1, got 0\n" +
			"$maxRedirects: maxRedirects: must be a whole number of at least 0, got -1\n" +
			"--userAgent: userAgent: must be a string, got 7"},
		{`[]`, ``, ``, `{"vus":`, "swarm.yaml: options must be an object, got an array\noptions are not valid JSON at byte 7: unexpected EOF"},
		{`{"vsu":3,"scenarios":{"a":{"executor":"users","nope":1}}}`, ``, ``, `{"users":-1}`, `swarm.yaml:1:1: vsu: unknown option (did you mean "vus"?)` + "\n" +
			"swarm.yaml:3:1: scenarios.a.nope: unknown option of a scenario\n" +
			"--users: scenarios.a.users: must be a whole number of at least 1, got -1"},
		{`{"duration":"1s"}`, `{"vus":null}`, ``, ``, "s.js:1:1: vus: must be a whole number of at least 1, got null (NaN and Infinity arrive as null)"},
		{`{"tags":7}`, `{"tags":{"a":"b"}}`, ``, ``, "swarm.yaml:1:1: tags: must be an object of strings, got 7"},
		{``, `{"vus":1,"scenarios":{"a":{"executor":"shared-iterations"}}}`, ``, ``, "s.js:1:1: vus: conflicts with scenarios (move it into a scenario, or remove scenarios, which k6 would not run beside it)"},
		{``, `{"vus":1,"users":5,"iterations":3}`, ``, ``, "s.js:1:1: iterations: conflicts with users, spawnRate and runTime (these belong to users, which come at spawnRate and stay for runTime)\n" +
			"s.js:1:1: vus: conflicts with users"},
		{``, `{"users":5,"runTime":1,"duration":2}`, ``, ``, "s.js:1:1: duration: conflicts with runTime"},
	} {
		_, _, err := layered(c.config, c.script, c.env, c.flags)
		if got := fmt.Sprint(err); got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c, got, c.want)
		}
	}
}

func TestInitTimeoutOfLayers(t *testing.T) {
	for _, c := range []struct {
		below, above string
		want         time.Duration
	}{
		{"", "", 0},
		{`{"initTimeout":"5s"}`, "", 5 * time.Second},
		{`{"initTimeout":"5s"}`, `{"initTimeout":2000}`, 2 * time.Second},
		{`{"initTimeout":"soon"}`, `{"initTimeout":[]}`, 0},
		{`nonsense`, `{"initTimeout":-1}`, 0},
	} {
		o := Overrides{Below: []Layer{{Options: []byte(c.below)}}, Above: []Layer{{Options: []byte(c.above)}}}
		if got := o.InitTimeout(); got != c.want {
			t.Errorf("%s, %s: %v, want %v", c.below, c.above, got, c.want)
		}
	}
}

func TestWriteDuration(t *testing.T) {
	got := map[time.Duration]string{}
	want := map[time.Duration]string{
		0: "0s", time.Minute: "1m", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", time.Hour: "1h", time.Hour + time.Second: "1h0m1s",
		10 * time.Hour: "10h", 1500 * time.Microsecond: "1.5ms", 20 * time.Second: "20s", MaxDuration: "8760h", 70 * time.Minute: "1h10m",
	}
	for d := range want {
		got[d] = figure.Span(d)
		if again, err := ParseDuration(got[d]); err != nil || again != d {
			t.Errorf("%v is written as %s, which reads as %v, %v", d, got[d], again, err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
