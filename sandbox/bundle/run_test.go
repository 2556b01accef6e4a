package bundle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

// modules are the host modules of the tests.
var modules = []HostModule{
	{Names: []string{"swarm", "k6"}, Exports: []string{"check", "group", "sleep", "fail"}},
	{Names: []string{"swarm/http", "k6/http"}, Exports: []string{"get", "post", "del", "delete", "Client"}},
	{Names: []string{"swarm/own", "k6/own"}, Exports: []string{"default", "name"}, HasDefault: true},
	{Names: []string{"swarm/kept", "https://elsewhere.example/kept/*/index.js"}, Exports: []string{"f"}},
}

// write makes a project folder of the files and returns it.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// tryBuild bundles script.js, script.ts or what entry names of the files.
func tryBuild(t testing.TB, files map[string]string, entry ...string) (*Bundle, error) {
	t.Helper()
	name := "script.js"
	if _, ok := files["script.ts"]; ok {
		name = "script.ts"
	}
	if len(entry) > 0 {
		name = entry[0]
	}
	return Build(Options{Root: write(t, files), Entry: name, Modules: modules})
}

func mustBuild(t testing.TB, files map[string]string, entry ...string) *Bundle {
	t.Helper()
	b, err := tryBuild(t, files, entry...)
	if err != nil {
		t.Fatalf("Build: %v", err)
	}
	return b
}

// vm is a bundle run as the sandbox would run it.
type vm struct {
	rt       *goja.Runtime
	exports  *goja.Object
	required []string // names given to require, in order
	modules  map[string]*goja.Object
}

func run(t testing.TB, b *Bundle) *vm {
	t.Helper()
	v, err := tryRun(b)
	if err != nil {
		t.Fatalf("running the bundle: %v\n%s", err, b.Code)
	}
	return v
}

func tryRun(b *Bundle) (*vm, error) {
	v := &vm{rt: goja.New(), modules: map[string]*goja.Object{}}
	program, err := goja.Compile("bundle.js", "(function(module, exports, require){"+string(b.Code)+"})", false)
	if err != nil {
		return nil, err
	}
	wrapper, err := v.rt.RunProgram(program)
	if err != nil {
		return nil, err
	}
	call, _ := goja.AssertFunction(wrapper)
	module := v.rt.NewObject()
	if err := module.Set("exports", v.rt.NewObject()); err != nil {
		return nil, err
	}
	if _, err := call(goja.Undefined(), module, module.Get("exports"), v.rt.ToValue(v.require)); err != nil {
		return nil, err
	}
	v.exports = module.Get("exports").ToObject(v.rt)
	return v, nil
}

func (v *vm) require(call goja.FunctionCall) goja.Value {
	name := call.Argument(0).String()
	v.required = append(v.required, name)
	for _, m := range modules {
		if name != m.Names[0] && name != m.Names[1] {
			continue
		}
		name = m.Names[0]
		if v.modules[name] == nil {
			o := v.rt.NewObject()
			for _, e := range m.Exports {
				text := name + "." + e
				_ = o.Set(e, func(goja.FunctionCall) goja.Value { return v.rt.ToValue(text) })
			}
			v.modules[name] = o
		}
		return v.modules[name]
	}
	panic(v.rt.NewTypeError("cannot import " + name))
}

// call runs an exported function; a promise must have settled by then.
func (v *vm) call(t testing.TB, name string, args ...any) any {
	t.Helper()
	f, ok := goja.AssertFunction(v.exports.Get(name))
	if !ok {
		t.Fatalf("%s is not an exported function", name)
	}
	values := make([]goja.Value, len(args))
	for i, a := range args {
		values[i] = v.rt.ToValue(a)
	}
	value, err := f(goja.Undefined(), values...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if p, ok := value.Export().(*goja.Promise); ok {
		if p.State() != goja.PromiseStateFulfilled {
			t.Fatalf("%s: promise is %v: %v", name, p.State(), p.Result())
		}
		value = p.Result()
	}
	return value.Export()
}

// diagnose returns the problems of a build that must fail.
func diagnose(t testing.TB, files map[string]string, entry ...string) Diagnostics {
	t.Helper()
	_, err := tryBuild(t, files, entry...)
	found, ok := err.(Diagnostics)
	if !ok {
		t.Fatalf("Build returned %v (%T), want Diagnostics", err, err)
	}
	for _, d := range found {
		if d.Message == "" || strings.Contains(d.Message+d.Hint, "\n") || d.Length < 1 {
			t.Errorf("malformed diagnostic %+v", d)
		}
		if strings.Contains(strings.ToLower(d.Message+d.Hint), "esbuild") || strings.Contains(d.Message, prefix) {
			t.Errorf("the bundler shows through: %+v", d)
		}
	}
	return found
}

// Scripts made executable start with a line for the system.
func TestHashbang(t *testing.T) {
	for _, name := range []string{"script.js", "script.ts"} {
		for _, start := range []string{"", "\ufeff"} {
			b := mustBuild(t, map[string]string{
				name:     start + "#!/usr/bin/env -S swarm run '`\nimport {two} from './two.js'; export default function () { return two }",
				"two.js": "#!/bin/sh\r\nexport const two = 2;",
			}, name)
			if got := run(t, b).call(t, "default"); got != int64(2) {
				t.Errorf("%s: got %v", name, got)
			}
		}
	}
	if found := diagnose(t, map[string]string{"script.js": "#!x\nexport default function () {\n#! }"}); len(found) != 1 || found[0].At.Line != 3 {
		t.Errorf("in the middle of a file: %+v", found)
	}
}
