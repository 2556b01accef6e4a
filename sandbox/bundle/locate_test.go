package bundle

import (
	"strings"
	"testing"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
)

func TestLocate(t *testing.T) {
	script := `import { shared } from './shared.js';
const stages = [{ duration: '1s', target: 5 }, { duration: '2s', target: 0 }];
const common = { executor: 'constant-vus', vus: 1 };
const exec = 'browse';
/* ü😀 */ export const options = {
  vus: 10,
  'quoted-key': 1,
  1: 'number',
  scenarios: {
    browse: { ...common, exec, startTime: '5s', stages },
    buy: shared,
  },
  thresholds: { http_req_duration: ['p(95)<200', { threshold: 'p(99)<300', abortOnFail: true }] },
  vus: 20,
  [computed()]: 1,
};
function computed() { return 'x'; }
export default function () {}
`
	shared := "export const shared = {\n  executor: 'shared-iterations',\n  iterations: 5,\n};\n"
	want := map[string]Position{
		"":                                 {"script.js", 5, 33},
		"vus":                              {"script.js", 14, 3},
		"quoted-key":                       {"script.js", 7, 3},
		"1":                                {"script.js", 8, 3},
		"scenarios":                        {"script.js", 9, 3},
		"scenarios/browse":                 {"script.js", 10, 5},
		"scenarios/browse/startTime":       {"script.js", 10, 32},
		"scenarios/browse/exec":            {"script.js", 10, 26},
		"scenarios/browse/executor":        {"script.js", 3, 18},
		"scenarios/browse/stages/1/target": {"script.js", 2, 66},
		"scenarios/browse/stages/1":        {"script.js", 2, 48},
		"scenarios/buy":                    {"script.js", 11, 5},
		"scenarios/buy/iterations":         {"shared.js", 3, 3},
		"thresholds/http_req_duration":     {"script.js", 13, 17},
		"thresholds/http_req_duration/0":   {"script.js", 13, 37},
		"thresholds/http_req_duration/1/abortOnFail": {"script.js", 13, 76},
		"missing":                    {},
		"vus/deeper":                 {},
		"scenarios/browse/stages/2":  {},
		"scenarios/browse/stages/-1": {},
		"scenarios/browse/stages/x":  {},
		"scenarios/none/x":           {},
	}
	for _, files := range []map[string]string{
		{"script.js": script, "shared.js": shared},
	} {
		b := mustBuild(t, files)
		for path, at := range want {
			var keys []string
			if path != "" {
				keys = strings.Split(path, "/")
			}
			if got := b.Locate(keys); got != at {
				t.Errorf("%s is at %v, want %v", path, got, at)
			}
		}
	}
}

func TestLocateForms(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   Position
	}{
		"let":               {"export let options = { vus: 1 };", Position{"script.js", 1, 24}},
		"var":               {"export var options = { vus: 1 };", Position{"script.js", 1, 24}},
		"export clause":     {"const settings = { vus: 1 };\nexport { settings as options };", Position{"script.js", 1, 20}},
		"renamed":           {"export const options = { vus: 1 };\nexport default (function () { var options = options; });", Position{"script.js", 1, 26}},
		"CommonJS":          {"exports.options = { vus: 1 };", Position{"script.js", 1, 21}},
		"module.exports":    {"module.exports = {\n options: { vus: 1 } };", Position{"script.js", 2, 13}},
		"function result":   {"export const options = make();\nfunction make() { return { vus: 1 }; }", Position{}},
		"none":              {"export default () => 1;", Position{}},
		"names in a circle": {"export var options = a; var a = b; var b = a;", Position{}},
	} {
		if got := mustBuild(t, map[string]string{"script.js": c.script}).Locate([]string{"vus"}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	b := mustBuild(t, map[string]string{"script.ts": "type O = { vus: number };\nexport const options: O = { vus: 1 } as O;"})
	if got := b.Locate([]string{"vus"}); got != (Position{"script.ts", 2, 29}) {
		t.Errorf("TypeScript: %v", got)
	}
}

func TestLocateInForeignBundles(t *testing.T) {
	// A bundle from elsewhere may hold anything.
	for _, b := range []*Bundle{
		{},
		{Code: []byte("syntax error("), Map: []byte("{")},
		{Code: []byte("x=(function(){return {options:{a:1}}})()"), Map: []byte(`{"version":9}`)},
		{Code: []byte("x=(function(){return {options:{a:1}}})()"), Map: []byte(`{"version":3,"mappings":"AAAA;;;;","sources":[]}`)},
		{Code: []byte("x=(function(){\nreturn {options:{a:1}}})()"), Map: []byte(`{"version":3,"mappings":";AAAAAAAA","sources":["a"]}`)},
	} {
		if got := b.Locate([]string{"a"}); got != (Position{}) {
			t.Errorf("%s: %v", b.Code, got)
		}
	}
}

func TestMapPosition(t *testing.T) {
	files := map[string]string{
		"script.ts":   "import { fail } from './lib/fail';\ninterface Unused { a: number }\nexport default function () {\n  const s: string = '😀ü'; fail();\n}\n",
		"lib/fail.ts": "type T = string;\nexport function fail(): void {\n  /* ä */ throw new Error('x');\n}\n",
	}
	b := mustBuild(t, files)

	// Positions as goja reports them, of a program of exactly this text.
	text := "(function(module, exports, require){" + string(b.Code) + "})"
	tree, err := goja.Parse("bundle.js", text, parser.WithDisableSourceMaps)
	if err != nil {
		t.Fatal(err)
	}
	program, err := goja.CompileAST(tree, false)
	if err != nil {
		t.Fatal(err)
	}
	rt := goja.New()
	wrapper, err := rt.RunProgram(program)
	if err != nil {
		t.Fatal(err)
	}
	call, _ := goja.AssertFunction(wrapper)
	module := rt.NewObject()
	if _, err := call(goja.Undefined(), module, rt.NewObject(), goja.Undefined()); err != nil {
		t.Fatal(err)
	}
	script, _ := goja.AssertFunction(module.Get("exports").ToObject(rt).Get("default"))
	_, err = script(goja.Undefined())
	thrown, ok := err.(*goja.Exception)
	if !ok {
		t.Fatalf("no exception: %v", err)
	}
	var got []Position
	for _, frame := range thrown.Stack() {
		p := frame.Position()
		if at, ok := b.MapPosition(p.Line, p.Column); ok {
			got = append(got, at)
		}
	}
	want := []Position{{"lib/fail.ts", 3, 17}, {"script.ts", 4, 27}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("the frames are at %v, want %v", got, want)
	}

	for _, c := range [][2]int{{0, 0}, {1, 1}, {1, 20}, {-1, -1}, {1 << 20, 1}} {
		if at, ok := b.MapPosition(c[0], c[1]); ok {
			t.Errorf("position %v maps to %v", c, at)
		}
	}
}

func TestSourceLine(t *testing.T) {
	b := mustBuild(t, map[string]string{"script.js": "\ufeffone();\r\n  two();\nfunction one() {} function two() {}\n"})
	for line, want := range map[int]string{1: "one();", 2: "  two();", 3: "function one() {} function two() {}", 4: "", 5: "", 0: "", -1: ""} {
		if got := b.SourceLine("script.js", line); got != want {
			t.Errorf("line %d is %q, want %q", line, got, want)
		}
	}
	if got := b.SourceLine("other.js", 1); got != "" {
		t.Errorf("line of an unknown file: %q", got)
	}
}
