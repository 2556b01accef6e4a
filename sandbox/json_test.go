package sandbox

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/vu"
)

// ParseJSON gives what JSON.parse gives, and refuses what it refuses.
func checkParseJSON(t *testing.T, v *VU, text string) {
	t.Helper()
	parse, _ := goja.AssertFunction(v.rt.GlobalObject().Get("JSON").ToObject(v.rt).Get("parse"))
	stringify, _ := goja.AssertFunction(v.rt.GlobalObject().Get("JSON").ToObject(v.rt).Get("stringify"))
	print := func(value goja.Value) string {
		text, err := stringify(goja.Undefined(), value)
		if err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	got, err := v.ParseJSON(text)
	want, wantErr := parse(goja.Undefined(), v.rt.ToValue(text))
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%q: %v, JSON.parse: %v", text, err, wantErr)
	}
	if err != nil {
		if err.Error() == "" || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%q: %q", text, err)
		}
		return
	}
	if g, w := print(got), print(want); g != w {
		t.Fatalf("%q: %s, JSON.parse: %s", text, g, w)
	}
}

var jsonTexts = []string{
	`{}`, `[]`, `null`, `true`, `"a\u00e9\n"`, `-1.5e3`, `12345678901234567890`, `{"a":[1,{"b":null}],"c":"d","a":2}`, `{"__proto__":{"x":1},"constructor":1}`,
	`{"2":1,"1":2,"b":3}`, `"\ud800"`, ` [ 1 , 2 ] `, ``, ` `, `{`, `[1,`, `{"a"`, `{"a":`, `{"a":1`, `[1 2]`, `{"a" 1}`, `{a:1}`, `[1]]`, `1 2`, `nul`, `NaN`, `'a'`, `]`, `}`, `,`, `1e999`, "\x00", "\"\xff\"",
}

func TestParseJSON(t *testing.T) {
	v := newVU(t, newProgram(t, newHost(), `exports.default = () => {}`))
	for _, text := range jsonTexts {
		checkParseJSON(t, v, text)
	}
	if _, err := v.ParseJSON(strings.Repeat("[", 1<<20)); err == nil || !strings.Contains(err.Error(), "nested deeper") {
		t.Errorf("deep: %v", err)
	}
	if _, err := v.ParseJSON(strings.Repeat("[", maxNesting) + strings.Repeat("]", maxNesting)); err != nil {
		t.Errorf("just deep enough: %v", err)
	}
}

// Nothing that a script did to its intrinsics shows.
func TestParseJSONIsOutOfReach(t *testing.T) {
	p := newProgram(t, newHost(), `JSON.parse = () => { throw 1 }; JSON = null; Object.defineProperty(Object.prototype, "a", {set(){ throw 2 }});
		exports.default = d => { if (d.a[0] !== 1 || Object.keys(d).join() !== "a,__proto__" || Object.getPrototypeOf(d) !== Object.prototype || !Array.isArray(d.a)) throw 3 }`)
	p.SetSetupData(json.RawMessage(`{"a":[1],"__proto__":{"x":1}}`))
	v := newVU(t, p)
	if err := v.Iterate(t.Context(), vu.Iteration{Scenario: defaultScenario}); err != nil {
		t.Fatal(err)
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add(text)
	}
	v := newVU(f, newProgram(f, newHost(), `exports.default = () => {}`))
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < maxNesting {
			checkParseJSON(t, v, text)
		}
	})
}
