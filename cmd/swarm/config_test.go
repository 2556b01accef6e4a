package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/plan"
)

func TestConfigFiles(t *testing.T) {
	for _, c := range []struct{ yaml, json, want string }{
		{"", "", "{}"},
		{"# nothing\n", " \n", "{}"},
		{"---\n", "{}", "{}"},
		{"vus: 10\nduration: 1m30s\n", `{"vus": 10, "duration": "1m30s"}`, `{"vus":10,"duration":"1m30s"}`},
		{"tags: {a: b, \"c d\": 'e'}\nthrow: true\nhosts: ~", "{\"tags\":{\"a\":\"b\",\"c d\":\"e\"},\n\t\"throw\":true,\"hosts\":null}", `{"tags":{"a":"b","c d":"e"},"throw":true,"hosts":null}`},
		{"stages:\n  - duration: 5s\n    target: 7\n  - {duration: 1, target: 0}\n", `{"stages":[{"duration":"5s","target":7},{"duration":1,"target":0}]}`,
			`{"stages":[{"duration":"5s","target":7},{"duration":1,"target":0}]}`},
		{"userAgent: |\n  a\n  b\nsummaryTimeUnit: yes\n", `{"userAgent":"a\nb\n","summaryTimeUnit":"yes"}`, `{"userAgent":"a\nb\n","summaryTimeUnit":"yes"}`},
		{"a: 0x10\nb: 1.5\nc: 1e308\nd: 2026-01-02\n1: one", `{"a":16,"b":1.5,"c":1e308,"d":"2026-01-02","1":"one"}`, `{"a":16,"b":1.5,"c":1e+308,"d":"2026-01-02","1":"one"}`},
		{"vus: .nan\nbatch: -.inf\n", `{"vus":".nan","batch":"-.inf"}`, `{"vus":".nan","batch":"-.inf"}`},
	} {
		for name, text := range map[string]string{"x.yaml": c.yaml, "x.json": c.json} {
			parse := parseYAML
			if name == "x.json" {
				parse = parseJSON
			}
			layer, problems := parse(name, text)
			if len(problems) > 0 {
				t.Errorf("%s %q: %v", name, text, problems)
				continue
			}
			if got, want := canonical(t, layer.Options), canonical(t, []byte(c.want)); got != want {
				t.Errorf("%s %q: %s, want %s", name, text, got, want)
			}
		}
	}
}

// canonical returns JSON in one form, however it was written.
func canonical(t *testing.T, data []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestPlacesInConfigFiles(t *testing.T) {
	yaml, _ := parseYAML("c.yaml", "vus: 10\nscenarios:\n  buy:\n    stages:\n      - {target: 5, duration: 1s}\n      - target: 7\n")
	json, _ := parseJSON("c.json", "{\"vus\": 10,\n  \"scenarios\": {\n    \"ü\": 1, \"buy\": {\"stages\": [\n {\"target\": 5},\n\t{ \"target\": 7}]}}}")
	for _, c := range []struct {
		path       string
		yaml, json plan.Position
	}{
		{"", plan.Position{File: "c.yaml"}, plan.Position{File: "c.json"}},
		{"vus", plan.Position{File: "c.yaml", Line: 1, Column: 1}, plan.Position{File: "c.json", Line: 1, Column: 2}},
		{"scenarios", plan.Position{File: "c.yaml", Line: 2, Column: 1}, plan.Position{File: "c.json", Line: 2, Column: 3}},
		{"scenarios buy", plan.Position{File: "c.yaml", Line: 3, Column: 3}, plan.Position{File: "c.json", Line: 3, Column: 13}},
		{"scenarios buy stages 0", plan.Position{File: "c.yaml", Line: 5, Column: 9}, plan.Position{File: "c.json", Line: 4, Column: 2}},
		{"scenarios buy stages 1 target", plan.Position{File: "c.yaml", Line: 6, Column: 9}, plan.Position{File: "c.json", Line: 5, Column: 4}},
		{"nothing", plan.Position{}, plan.Position{}},
	} {
		path := strings.Fields(c.path)
		if got := yaml.Locate(path); got != c.yaml {
			t.Errorf("%q in YAML: %v, want %v", c.path, got, c.yaml)
		}
		if got := json.Locate(path); got != c.json {
			t.Errorf("%q in JSON: %v, want %v", c.path, got, c.json)
		}
	}
	if got := yaml.Line(3); got != "  buy:" {
		t.Errorf("line 3 is %q", got)
	}
	if got := yaml.Line(99) + yaml.Line(0) + yaml.Line(-1); got != "" {
		t.Errorf("lines that are not there: %q", got)
	}
}

func TestBadConfigFiles(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 8), i)
	}
	for _, c := range []struct{ name, text, want string }{
		{"c.yaml", "vus: 1\n  b: 2\n", "c.yaml:2:4: is not valid YAML: mapping values are not allowed in this context"},
		{"c.yaml", "a: [1, 2\nb: 3", "c.yaml:2:2: is not valid YAML: did not find expected ',' or ']'"},
		{"c.yaml", "\tvus: 1", "c.yaml:1:1: is not valid YAML: found character that cannot start any token"},
		{"c.yaml", "- vus", `c.yaml:1:1: must be a mapping of options (such as "vus: 10")`},
		{"c.yaml", "vus", `c.yaml:1:1: must be a mapping of options (such as "vus: 10")`},
		{"c.yaml", "vus: 1\nduration: 1s\nvus: 2", `c.yaml:3:1: "vus" is given twice, first in line 1`},
		{"c.yaml", "vus: 1\n---\nvus: 2", `c.yaml:2:1: must hold one document, another begins here`},
		{"c.yaml", "a: &x {b: 1}\nc: *x", `c.yaml:2:4: aliases are not allowed (write the value out)`},
		{"c.yaml", "a: {b: 1}\nc:\n  <<: {b: 2}", `c.yaml:3:3: merge keys are not allowed (write the values out)`},
		{"c.yaml", "a: !!binary aGFsbG8=\nb: !own x", "c.yaml:1:4: values of type !!binary are not allowed\nc.yaml:2:4: values of type !own are not allowed"},
		{"c.yaml", "[a, b]: 1", `c.yaml:1:1: the name of an option must be text`},
		{"c.yaml", "? [a, b]\n: 1", `c.yaml:1:3: the name of an option must be text`},
		{"c.yaml", bomb.String(), "c.yaml:2:10: aliases are not allowed (write the value out)"},
		{"c.yaml", "a: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "c.yaml:1:36: is nested deeper than 32 levels"},
		{"c.yaml", "a: " + strings.Repeat("[", 500_000), "c.yaml:1:"},
		{"c.yaml", "a: \"\x00\"", "c.yaml"},

		{"c.json", `{"vus": 1,}`, "c.json:1:11: is not valid JSON: "},
		{"c.json", "{\n\"vus\" 1}", "c.json:2:7: is not valid JSON: "},
		{"c.json", "{\n\"vus\": 1", "c.json:2:9: is not valid JSON: unexpected end of JSON input"},
		{"c.json", `[1]`, `c.json:1:1: must be an object of options (such as { "vus": 10 })`},
		{"c.json", `{"vus":1} 2`, "c.json:1:11: is not valid JSON: invalid character '2' after top-level value"},
		{"c.json", "{\"vus\":1,\n \"vus\":2}", `c.json:2:2: "vus" is given twice, first in line 1`},
		{"c.json", `{"a":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "}", `c.json:1:38: is nested deeper than 32 levels`},
	} {
		file := filepath.Join(t.TempDir(), c.name)
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, found, err := readConfig(file, t.TempDir())
		got := strings.ReplaceAll(fmt.Sprint(err), file, c.name)
		if len(c.text) > 100 {
			c.text = c.text[:100]
		}
		if found || !strings.HasPrefix(got, c.want) {
			t.Errorf("%q:\n got %s\nwant %s", c.text, got, c.want)
		}
		if exitCode(err) != exitConfiguration {
			t.Errorf("%q: exit code %d", c.text, exitCode(err))
		}
	}
}

func TestConfigFileOfTheProject(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if _, found, err := readConfig("", root); found || err != nil {
		t.Errorf("an empty folder: %t, %v", found, err)
	}
	if err := os.Mkdir(filepath.Join(root, "swarm.yml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, found, err := readConfig("", root); found || err != nil {
		t.Errorf("a folder of that name: %t, %v", found, err)
	}
	json := write("swarm.json", `{"vus": 3}`)
	if layer, found, err := readConfig("", root); !found || err != nil || string(layer.Options) != `{"vus": 3}` || layer.Locate(nil).File != json {
		t.Errorf("swarm.json: %t, %v, %s at %v", found, err, layer.Options, layer.Locate(nil))
	}
	t.Chdir(root)
	if layer, _, err := readConfig("", root); err != nil || layer.Locate(nil).File != "swarm.json" {
		t.Errorf("from inside it is called %v, %v", layer.Locate(nil), err)
	}
	write("swarm.yaml", `vus: 3`)
	if _, _, err := readConfig("", root); exitCode(err) != exitConfiguration {
		t.Errorf("two files: %v", err)
	}
	if _, found, err := readConfig("swarm.yaml", root); !found || err != nil {
		t.Errorf("two files and a choice: %t, %v", found, err)
	}
	if _, _, err := readConfig("none.yaml", root); exitCode(err) != exitConfiguration {
		t.Errorf("a file that is not there: %v", err)
	}
	write("big.yaml", "a: "+strings.Repeat("x", maxConfig))
	if _, _, err := readConfig("big.yaml", root); exitCode(err) != exitConfiguration || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Errorf("a big file: %v", err)
	}
}

// FuzzConfig: whatever a file holds, the layer is JSON or there is a problem
// that can be shown.
func FuzzConfig(f *testing.F) {
	f.Add("vus: 10\nstages:\n  - {duration: 5s, target: 3}\n")
	f.Add(`{"vus": 10, "stages": [{"duration": "5s"}]}`)
	f.Add("a: &x [1]\nb: *x\n<<: *x\nc: .nan\n? {}\n: !!binary x")
	f.Add("{\"a\": \"\\ud800\", \"b\": 1e999}")
	f.Fuzz(func(t *testing.T, text string) {
		for name, parse := range map[string]func(file, text string) (plan.Layer, plan.Problems){"c.yaml": parseYAML, "c.json": parseJSON} {
			layer, problems := parse(name, text)
			if len(problems) == 0 && !json.Valid(layer.Options) {
				t.Errorf("%s: %q became %q", name, text, layer.Options)
			}
			for _, p := range problems {
				if p.Message == "" || p.At.File != name || p.At.Line < 0 || p.At.Column < 0 {
					t.Errorf("%s: %q: problem %+v", name, text, p)
				}
			}
			if len(problems) == 0 {
				_, err := plan.Parse(nil, plan.Overrides{Below: []plan.Layer{layer}}, plan.Source{Exports: []string{"default"}})
				_ = fmt.Sprint(err)
			}
		}
	})
}

// A bomb of aliases is one mistake, not hundreds.
func TestAliasesAreRefusedOnce(t *testing.T) {
	_, problems := parseYAML("c.yaml", "a: &a [1]\nb: [*a, *a]\nc: *a\nvus: 1\nvus: 2\n")
	if len(problems) != 2 || !strings.Contains(problems[0].Message, "aliases") || !strings.Contains(problems[1].Message, "given twice") {
		t.Errorf("%v", problems)
	}
}
