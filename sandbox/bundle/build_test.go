package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestImportForms(t *testing.T) {
	// Every way to import a module of the runtime gives the one object and its functions.
	b := mustBuild(t, map[string]string{"script.js": `
import http from 'k6/http';
import canonical, { get, post as send, delete as remove, default as again } from 'swarm/http';
import * as all from 'k6/http';
import own, { name } from 'k6/own';
import * as ownAll from 'swarm/own';
import 'k6';
const required = require('k6/http');
const module = 1, exports = 2; // not the wrapper's
export default async function () {
  const dynamic = await import('k6/http');
  const method = ['get'][0];
  return [
    http === canonical, http === again, http === required, all.default === http, dynamic.default === http,
    get === http.get, all.get === get, all[method] === get, dynamic.get === get, required.delete === remove,
    get(), send(), remove(), all.del(), typeof http.Client,
    own(), name(), ownAll.default === own, module + exports,
  ].join();
}`})
	v := run(t, b)
	want := "true,true,true,true,true,true,true,true,true,true," +
		"swarm/http.get,swarm/http.post,swarm/http.delete,swarm/http.del,function," +
		"swarm/own.default,swarm/own.name,true,3"
	if got := v.call(t, "default"); got != want {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if slices.Sort(v.required); !slices.Equal(v.required, []string{"swarm/http", "swarm/http", "swarm/own"}) {
		t.Errorf("require was called with %q: once per module and per require of the script", v.required)
	}
}

func TestHotPathHasNoIndirection(t *testing.T) {
	b := mustBuild(t, map[string]string{"script.js": `
import http from 'k6/http';
import { check } from 'k6';
export const options = { vus: 1 };
export default function () {
  const res = http.get('/');
  check(res, { 'status is 200': (r) => r.status === 200 });
}`})
	code := string(b.Code)
	for _, want := range []string{`__require("swarm/http")`, "const res = swarm_http_module.get(\"/\");", "\n  check(res, { \"status is 200\": (r) => r.status === 200 });"} {
		if !strings.Contains(code, want) {
			t.Errorf("code lacks %s", want)
		}
	}
	// Each of these costs memory in every runtime or time in every iteration.
	for _, never := range []string{"__export(", "__toESM", "__name(", "defineProperty", "group", "Proxy", "swarm_http_module.post"} {
		if strings.Contains(code, never) {
			t.Errorf("code holds %s", never)
		}
	}
	if t.Failed() {
		t.Log(code)
	}
}

func TestCommonJSScript(t *testing.T) {
	b := mustBuild(t, map[string]string{
		"script.js": "var http = require('k6/http');\nvar lib = require('./lib');\n" +
			"implicit = 'sloppy';\nmodule.exports = { options: { vus: 3 }, default: function () { return http.get() + lib.twice(2) + implicit; } };",
		"lib.js": "exports.twice = function (n) { return 2 * n; };",
	})
	v := run(t, b)
	if got := v.call(t, "default"); got != "swarm/http.get4sloppy" {
		t.Errorf("default gave %v", got)
	}
	if got := b.Locate([]string{"vus"}); got != (Position{"script.js", 4, 31}) {
		t.Errorf("vus is at %v", got)
	}
}

func TestNoExports(t *testing.T) {
	v := run(t, mustBuild(t, map[string]string{"script.js": "console"}))
	if v == nil {
		t.Fatal("unreachable")
	}
}

func TestModulesAreStrict(t *testing.T) {
	_, err := tryRun(mustBuild(t, map[string]string{"script.js": "undeclared = 1;\nexport default function () {}"}))
	if err == nil || !strings.Contains(err.Error(), "undeclared") {
		t.Errorf("assigning to an undeclared variable gave %v", err)
	}
}

func TestTypeScript(t *testing.T) {
	b := mustBuild(t, map[string]string{
		"script.ts": `
import { Color, type Shape, area } from './shapes.js'; // as TypeScript writes it
import type { Unused } from './missing-types';
interface Settings { vus: number; tags?: Record<string, string> }
export const options = { vus: 2 } satisfies Settings;
enum Level { Low = 1, High = Low << 4 }
namespace Units { export const ms = 1000; }
abstract class Base<T> { constructor(protected readonly value: T) {} abstract get(): T; }
class Box extends Base<number> { get(): number { return this.value!; } }
function pick<T extends object, K extends keyof T>(o: T, k: K): T[K] { return o[k]; }
export default function (): string {
  const s = { side: 3 } as Shape;
  return [Color.Green, Level.High, Units.ms, new Box(7).get(), area(s), pick({ a: 1 }, 'a')].join();
}`,
		"shapes.ts": "export enum Color { Red, Green = 'green' }\nexport interface Shape { side: number }\nexport const area = (s: Shape): number => s.side ** 2;",
	})
	if got := run(t, b).call(t, "default"); got != "green,16,1000,7,9,1" {
		t.Errorf("got %v", got)
	}
}

func TestFiles(t *testing.T) {
	files := map[string]string{
		"package.json": "{}",
		"scripts/script.js": `
import users from '../data/users.json';
import { name } from '../data/users.json';
import motd from '../data/motd.txt';
import { up } from '../lib/up';
import fromIndex from '../lib';
import { a } from './a.mjs';
import c from './c.cjs';
import withBOM from './bom.js';
export default () => [users.list.length, name, motd, up(), fromIndex, a(), c.c, withBOM].join('|');`,
		"data/users.json": `{"name": "users", "list": [1, 2, 3]}`,
		"data/motd.txt":   "hello\n",
		"lib/up.ts":       "export const up = (): string => 'up';",
		"lib/up.js":       "export const up = () => 'compiled';",
		"lib/index.ts":    "export default 'index';",
		"scripts/a.mjs":   "import { b } from './b.js'; export const a = () => 'a' + b(); export const tail = 't';",
		"scripts/b.js":    "import { tail } from './a.mjs'; export function b() { return 'b' + tail; }",
		"scripts/c.cjs":   "exports.c = typeof module;",
		"scripts/bom.js":  "\ufeffexport default 'bom';",
	}
	b := mustBuild(t, files, "scripts/script.js")
	if got := run(t, b).call(t, "default"); got != "3|users|hello\n|up|index|abt|object|bom" {
		t.Errorf("got %q", got)
	}
	if b.Entry != "scripts/script.js" {
		t.Errorf("entry is %q", b.Entry)
	}
	for name, text := range b.Sources {
		if files[name] != string(text) {
			t.Errorf("source %s is %q", name, text)
		}
	}
	if len(b.Sources) != 9 {
		t.Errorf("%d sources, want the nine that were used", len(b.Sources))
	}
}

func TestPackages(t *testing.T) {
	b := mustBuild(t, map[string]string{
		"package.json": `{"dependencies": {}}`,
		"script.js": `
import main from 'main-only';
import { chosen } from 'conditional';
import feature from 'conditional/features/x.js';
import { used } from 'pure';
import scoped from '@scope/pkg/sub';
import dot from '.dotless';
const cjs = require('conditional');
export default () => [main(), chosen, feature, used, scoped, cjs.chosen].join();`,
		"node_modules/main-only/package.json":              `{"main": "lib/main"}`,
		"node_modules/main-only/lib/main.js":               `var dep = require('dep'); module.exports = function () { return 'main+' + dep; };`,
		"node_modules/main-only/node_modules/dep/index.js": `module.exports = 'nested';`,
		"node_modules/dep/index.js":                        `module.exports = 'outer';`,
		"node_modules/conditional/package.json":            `{"main": "never.js", "exports": {".": {"node": "./node.js", "import": {"types": "./x.d.ts", "default": "./esm.mjs"}, "require": "./cjs.cjs"}, "./features/*.js": "./src/*.js", "./features/private/*": null}}`,
		"node_modules/conditional/esm.mjs":                 `export const chosen = 'esm';`,
		"node_modules/conditional/cjs.cjs":                 `exports.chosen = 'cjs';`,
		"node_modules/conditional/src/x.js":                `export default 'feature';`,
		"node_modules/pure/package.json":                   `{"module": "es.js", "main": "never.js", "sideEffects": false}`,
		"node_modules/pure/es.js":                          `export { used } from './used.js'; export { unused } from './unused.js';`,
		"node_modules/pure/used.js":                        `export const used = process.env.NODE_ENV;`,
		"node_modules/pure/unused.js":                      `globalThis.effect = 'UNUSED'; export const unused = 1;`,
		"node_modules/@scope/pkg/sub.js":                   `export default 'scoped';`,
		"node_modules/@scope/pkg/package.json":             `{"name": "@scope/pkg"}`,
		"node_modules/.dotless/index.js":                   ``,
	})
	if got := run(t, b).call(t, "default"); got != "main+nested,esm,feature,production,scoped,cjs" {
		t.Errorf("got %v", got)
	}
	if strings.Contains(string(b.Code), "UNUSED") {
		t.Error("what a side-effect-free package does not need is in the bundle")
	}
}

func TestLinksInside(t *testing.T) {
	// As package managers lay node_modules out: links to a store inside the project.
	root := write(t, map[string]string{
		"script.js": "import a from 'a'; import { n } from './alias.js'; import { n as m } from './lib.js'; export default () => a + (n === m);",
		"lib.js":    "export const n = {};",
		"node_modules/.store/a/node_modules/a/index.js": "export { default } from 'b';",
		"node_modules/.store/a/node_modules/b/index.js": "export default 'b';",
	})
	link(t, ".store/a/node_modules/a", filepath.Join(root, "node_modules/a"))
	link(t, filepath.Join(root, "lib.js"), filepath.Join(root, "alias.js"))
	b, err := Build(Options{Root: root, Entry: "script.js", Modules: modules})
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, b).call(t, "default"); got != "btrue" {
		t.Errorf("got %v", got)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip("no symbolic links here:", err)
	}
}

func TestProjectRoot(t *testing.T) {
	root := write(t, map[string]string{"p/package.json": "{}", "p/a/b/script.js": "", "q/script.js": "", "g/.git/HEAD": "", "g/s/t.ts": ""})
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, root, entry string }{
		{"p/a/b/script.js", "p", "a/b/script.js"},
		{"p/a/missing.js", "p", "a/missing.js"},
		{"g/s/t.ts", "g", "s/t.ts"},
	} {
		gotRoot, entry, err := ProjectRoot(filepath.Join(root, c.path))
		if err != nil || gotRoot != filepath.Join(root, c.root) || entry != c.entry {
			t.Errorf("ProjectRoot(%s) = %s, %s, %v", c.path, gotRoot, entry, err)
		}
	}
	if got, entry, err := ProjectRoot(filepath.Join(root, "q/script.js")); err != nil || filepath.Join(got, entry) != filepath.Join(root, "q/script.js") {
		t.Errorf("ProjectRoot without a mark = %s, %s, %v", got, entry, err)
	}
}

func TestSeal(t *testing.T) {
	files := map[string]string{"script.js": "import { a } from './a.js'; export default () => a;", "a.js": "export const a = 1;"}
	b, again := mustBuild(t, files), mustBuild(t, files)
	if b.Hash != again.Hash || !reflect.DeepEqual(b.Sources, again.Sources) || string(b.Code) != string(again.Code) || string(b.Map) != string(again.Map) {
		t.Error("the same project gives different bundles")
	}
	if err := b.Verify(); err != nil {
		t.Error(err)
	}
	changes := map[string]func(b *Bundle){
		"entry":  func(b *Bundle) { b.Entry += "x" },
		"code":   func(b *Bundle) { b.Code = append(slices.Clone(b.Code), ' ') },
		"map":    func(b *Bundle) { b.Map = b.Map[1:] },
		"source": func(b *Bundle) { b.Sources = map[string][]byte{"script.js": b.Sources["script.js"], "a.js": nil} },
		"source name": func(b *Bundle) {
			b.Sources = map[string][]byte{"script.js": b.Sources["script.js"], "b.js": b.Sources["a.js"]}
		},
		"missing": func(b *Bundle) { b.Sources = map[string][]byte{"script.js": b.Sources["script.js"]} },
		"moved border": func(b *Bundle) {
			b.Map, b.Code = append(slices.Clone(b.Code[len(b.Code)-1:]), b.Map...), b.Code[:len(b.Code)-1]
		},
		"hash": func(b *Bundle) { b.Hash = strings.ToUpper(b.Hash) },
	}
	for name, change := range changes {
		c := &Bundle{Entry: b.Entry, Code: b.Code, Map: b.Map, Sources: b.Sources, Hash: b.Hash}
		change(c)
		if err := c.Verify(); !errors.Is(err, ErrTampered) {
			t.Errorf("%s changed: Verify gave %v", name, err)
		}
	}
}
