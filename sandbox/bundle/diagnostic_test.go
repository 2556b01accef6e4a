package bundle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// problems are scripts that must be refused. want is what Error gives; hint is
// part of the first hint.
var problems = []struct {
	name  string
	files map[string]string
	want  string
	hint  string
}{
	{"missing file", map[string]string{"script.js": "\nimport { a } from './lib/checkuot.js';", "lib/checkout.js": ""},
		"script.js:2:19: no such file ./lib/checkuot.js", "did you mean ./lib/checkout.js?"},
	{"missing file beside", map[string]string{"script.js": "import './halper.js';", "helper.js": ""},
		"script.js:1:8: no such file ./halper.js", "did you mean ./helper.js?"},
	{"all at once", map[string]string{"script.js": "import './x1';\nimport './lib.js';\nrequire('./x2');\nimport { chekc } from 'k6';", "lib.js": "let a;\nlet a;\nimport fs from 'fs'"},
		"lib.js:2:5: 'a' is already declared\nlib.js:3:16: cannot import 'fs'\nscript.js:1:8: no such file ./x1\nscript.js:3:9: no such file ./x2", ""},
	{"unknown export", map[string]string{"script.js": "import { check } from 'k6';\nimport http, { gett, nothing } from 'k6/http';\nexport default () => check(gett(), nothing, http)"},
		"script.js:2:16: 'swarm/http' has no export 'gett'\nscript.js:2:22: 'swarm/http' has no export 'nothing'", "did you mean 'get'?"},
	{"unknown export of a file", map[string]string{"script.js": "import { lgoin } from './a.js';\nlgoin();", "a.js": "export async function login() {}"},
		"script.js:1:10: a.js has no export 'lgoin'", "did you mean 'login'?"},
	{"no default export", map[string]string{"script.js": "import a from './a.js';\na();", "a.js": "export const b = 1;"},
		"script.js:1:8: a.js has no export 'default'", "in braces"},
	{"syntax error", map[string]string{"script.js": "export default function () {\n  const x = ;\n}"},
		"script.js:2:13: syntax error: unexpected ';'", ""},
	{"expected", map[string]string{"script.js": "const ä = '😀', x = (1;"},
		"script.js:1:22: syntax error: expected ')', found ';'", ""},
	{"unclosed", map[string]string{"script.js": "export default () => {"},
		"script.js:1:23: syntax error: unexpected end of file", "not closed"},
	{"syntax error in an import", map[string]string{"script.ts": "import './lib';", "lib.ts": "enum {"},
		"lib.ts:1:6: syntax error: expected identifier, found '{'", ""},
	{"bad JSON", map[string]string{"script.js": "import d from './d.json'; d()", "d.json": "{\n  \"a\": 1,\n}"},
		"d.json:2:9: JSON does not support trailing commas", ""},
	{"Node module", map[string]string{"script.js": "import fs from 'fs';\nconst p = require('node:path');\nfs(p)"},
		"script.js:1:16: cannot import 'fs'\nscript.js:2:19: cannot import 'node:path'", "k6/http"},
	{"near a host module", map[string]string{"script.js": "import http from 'k6/htpp'; http()"},
		"script.js:1:18: cannot import 'k6/htpp'", "did you mean 'k6/http'?"},
	{"forgotten dot", map[string]string{"script.js": "import 'lib/a.js'", "lib/a.js": ""},
		"script.js:1:8: cannot import 'lib/a.js'", "did you mean './lib/a.js'?"},
	{"remote", map[string]string{"script.js": "import x from 'https://jslib.k6.io/k6-utils/1.4.0/index.js'; x()"},
		"script.js:1:15: cannot import 'https://jslib.k6.io/k6-utils/1.4.0/index.js': scripts are not loaded from the network", "save the file"},
	{"no version of what is kept here", map[string]string{"script.js": "import 'https://elsewhere.example/kept/index.js';\nimport 'https://elsewhere.example/kept/1/2/index.js';\nimport 'http://elsewhere.example/kept/1/index.js';\nimport 'https://elsewhere.example/kept/1/index.js'"},
		"script.js:1:8: cannot import 'https://elsewhere.example/kept/index.js': scripts are not loaded from the network\nscript.js:2:8: cannot import 'https://elsewhere.example/kept/1/2/index.js': scripts are not loaded from the network\nscript.js:3:8: cannot import 'http://elsewhere.example/kept/1/index.js': scripts are not loaded from the network", "save the file"},
	{"absolute", map[string]string{"script.js": "import '/etc/passwd';\nimport 'file:///etc/passwd';\nimport 'data:text/javascript,1'"},
		"script.js:1:8: cannot import '/etc/passwd': an import may not name an absolute path\nscript.js:2:8: cannot import 'file:///etc/passwd': an import may not name an absolute path\nscript.js:3:8: cannot import 'data:text/javascript,1'", "relative"},
	{"outside", map[string]string{"script.js": "import '../../etc/passwd';\nimport './a/../../b.js';"},
		"script.js:1:8: cannot import '../../etc/passwd': it is outside the project folder\nscript.js:2:8: cannot import './a/../../b.js': it is outside the project folder", "package.json"},
	{"directory", map[string]string{"script.js": "import './lib';", "lib/a.js": ""},
		"script.js:1:8: cannot import './lib': it is a directory without an index file", "'./lib/a.js'"},
	{"NUL", map[string]string{"script.js": `import './a\0.js';`},
		`script.js:1:8: cannot import './a\x00.js': a path cannot hold a NUL character`, ""},
	{"csv", map[string]string{"script.js": "import u from './u.csv'; u()", "u.csv": "a,b"},
		"script.js:1:15: cannot import './u.csv': .csv files cannot be imported yet", ".json"},
	{"other kind of file", map[string]string{"script.js": "import './a.wasm'", "a.wasm": ""},
		"script.js:1:8: cannot import './a.wasm': .wasm files cannot be imported", ".json"},
	{"package without that export", map[string]string{"script.js": "import 'p/private'", "node_modules/p/package.json": `{"exports": "./i.js"}`, "node_modules/p/private.js": "", "node_modules/p/i.js": ""},
		"script.js:1:8: cannot import 'p/private': the package does not export ./private", ""},
	{"package that leads out", map[string]string{"script.js": "import 'p'; import 'q/../../secret.js'", "secret.js": "", "node_modules/p/package.json": `{"exports": "./../../secret.js"}`, "node_modules/q/index.js": ""},
		"script.js:1:8: cannot import 'p': it leads out of the package\nscript.js:1:20: cannot import 'q/../../secret.js': it leads out of the package", ""},
	{"direct eval", map[string]string{"script.js": "switch(1){default: let j=eval();}"},
		"script.js:1:26: eval is not available to scripts", ""},
	{"top-level await", map[string]string{"script.js": "await 1;\nexport default () => {}"},
		"script.js:1:1: await is not supported at the top level of a script", "setup()"},
	{"import.meta", map[string]string{"script.js": "export default () => import.meta.url"},
		"script.js:1:22: import.meta is not supported", ""},
	{"regexp flag", map[string]string{"script.js": "export default () => /a/d"},
		"script.js:1:25: the regular expression flag d is not supported", ""},
	{"regexp property", map[string]string{"script.js": "export default () => /[\\p{L}]/u.test(/\\p{L}/)"},
		"script.js:1:24: \\p{…} in a regular expression is not supported", "ranges"},
	{"constant", map[string]string{"script.js": "import { a } from './a.js'; a = 1;", "a.js": "export let a = 1"},
		"script.js:1:29: cannot assign to 'a': it is a constant", ""},
	{"with", map[string]string{"script.js": "export default () => { with (a) b }"},
		"script.js:1:24: with statements cannot be used in a module", ""},
	{"empty import", map[string]string{"script.js": "import ''"}, "script.js:1:8: the import names nothing", ""},
	{"nested", map[string]string{"script.js": "x = 1\n  " + strings.Repeat("[", 800<<10)},
		"script.js:2:1003: brackets are nested more than 1,000 deep", ""},
	{"nested JSON", map[string]string{"script.js": "import a from './a.json'; a()", "a.json": strings.Repeat(`{"a":`, 2000)},
		"a.json:1:5001: brackets are nested more than 1,000 deep", ""},
}

func TestProblems(t *testing.T) {
	for _, c := range problems {
		t.Run(c.name, func(t *testing.T) {
			found := diagnose(t, c.files)
			if got := found.Error(); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if !strings.Contains(found[0].Hint, c.hint) {
				t.Errorf("hint is %q, want %q in it", found[0].Hint, c.hint)
			}
			for _, d := range found {
				if want := lineOf([]byte(c.files[d.At.File]), d.At.Line); d.Line != want {
					t.Errorf("line is %q, want %q", d.Line, want)
				}
			}
		})
	}
}

func TestUnderline(t *testing.T) {
	d := diagnose(t, map[string]string{"script.js": "const ä = '😀'; import './fehlt.js'"})[0]
	if marked := string([]rune(d.Line)[d.At.Column-1 : d.At.Column-1+d.Length]); marked != "'./fehlt.js'" {
		t.Errorf("%+v marks %s", d, marked)
	}
}

func TestEntry(t *testing.T) {
	root := write(t, map[string]string{"load/script.js": "export default () => {}", "load.ts": "", "data.json": "{}", "README": ""})
	link(t, "load", filepath.Join(root, "linked"))
	link(t, os.TempDir(), filepath.Join(root, "out"))
	for _, c := range []struct{ entry, want, hint string }{
		{"load/scirpt.js", "load/scirpt.js: no such file", "did you mean load/script.js?"},
		{"laod.ts", "laod.ts: no such file", "did you mean load.ts?"},
		{"nothing/like/it.js", "nothing/like/it.js: no such file", ""},
		{"load", "load: the script is a directory", "did you mean load/script.js?"},
		{"../x.js", "../x.js: the script is outside the project folder", ""},
		{"/etc/passwd", "/etc/passwd: the script is outside the project folder", ""},
		{"out/x.js", "out/x.js: the script is a symbolic link that leads outside the project folder", ""},
		{"", "no script given", ""},
		{".", ".: no script given", ""},
		{"data.json", "data.json: the script is not JavaScript or TypeScript", ".mts or .cts"},
		{"README", "README: the script is not JavaScript or TypeScript", ".mts or .cts"},
		{"a\x00b.js", `a\x00b.js: no such file`, ""},
		{"a\x1b[31m.js", `a\x1b[31m.js: no such file`, ""},
	} {
		_, err := Build(Options{Root: root, Entry: c.entry, Modules: modules})
		found, ok := err.(Diagnostics)
		if !ok || len(found) != 1 || found.Error() != c.want || found[0].Hint != c.hint && !strings.HasSuffix(found[0].Hint, c.hint) {
			t.Errorf("%q: %+v (%T)", c.entry, err, err)
		}
	}
	for _, entry := range []string{"load/script.js", "./load/../load/script.js", "linked/script.js", filepath.Join(root, "load/script.js")} {
		b, err := Build(Options{Root: root, Entry: entry})
		if err != nil || b.Entry != "load/script.js" {
			t.Errorf("%s: %v", entry, err)
		}
	}
	if _, err := Build(Options{Root: filepath.Join(root, "missing"), Entry: "a.js"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing root: %v", err)
	}
}

func TestLinksOutside(t *testing.T) {
	outside := write(t, map[string]string{"secret.js": "export default 'secret'", "pkg/index.js": "", "secret.json": `"secret"`})
	root := write(t, map[string]string{
		"script.js":               "import './file.js';\nimport './dir/secret.js';\nimport 'pkg';\nimport './loop.js';\nimport './deep.js'; import s from './up/secret.json'; s()",
		"node_modules/x/empty.js": "",
	})
	link(t, filepath.Join(outside, "secret.js"), filepath.Join(root, "file.js"))
	link(t, outside, filepath.Join(root, "dir"))
	link(t, filepath.Join(outside, "pkg"), filepath.Join(root, "node_modules/pkg"))
	link(t, "loop.js", filepath.Join(root, "loop.js"))
	link(t, "file.js", filepath.Join(root, "deep.js"))
	up, err := filepath.Rel(root, outside)
	if err != nil {
		t.Fatal(err)
	}
	link(t, up, filepath.Join(root, "up"))
	_, err = Build(Options{Root: root, Entry: "script.js"})
	want := `script.js:1:8: cannot import './file.js': it is a symbolic link that leads outside the project folder
script.js:2:8: cannot import './dir/secret.js': it is a symbolic link that leads outside the project folder
script.js:3:8: cannot import 'pkg': its folder in node_modules is a symbolic link that leads outside the project folder
script.js:4:8: no such file ./loop.js
script.js:5:8: cannot import './deep.js': it is a symbolic link that leads outside the project folder
script.js:5:35: cannot import './up/secret.json': it is a symbolic link that leads outside the project folder`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestSourceMapsInSourcesReadNothing(t *testing.T) {
	outside := write(t, map[string]string{"secret": "TOP-SECRET"})
	url := "file://" + filepath.ToSlash(filepath.Join(outside, "secret"))
	inline := fmt.Sprintf(`{"version":3,"sources":[%q],"mappings":"AAAA"}`, url)
	b := mustBuild(t, map[string]string{"script.js": "import './b.js';\nexport default () => 1;\n//# sourceMappingURL=data:application/json," + inline,
		"b.js": "export const x = '//# sourceMappingURL=kept';\nglobalThis.x = x;\n/*# sourceMappingURL=" + url + " */"})
	if all := string(b.Code) + string(b.Map); strings.Contains(all, "TOP-SECRET") || strings.Contains(all, "file://") {
		t.Errorf("a source map led outside: %s", all)
	}
	if !strings.Contains(string(b.Code), "//# sourceMappingURL=kept") {
		t.Error("a string was changed")
	}
	if at, ok := b.MapPosition(3, 1); ok && b.Sources[at.File] == nil {
		t.Errorf("position in %s, which is no source", at.File)
	}
}

func TestSizeLimits(t *testing.T) {
	files := map[string]string{"script.js": "import './big.js'", "big.js": strings.Repeat("// padding\n", maxFile/11+1)}
	if got := diagnose(t, files).Error(); got != "script.js:1:8: big.js is larger than 4 MB" {
		t.Errorf("one file: %s", got)
	}
	files = map[string]string{"script.js": ""}
	for i := range 5 {
		files["script.js"] += fmt.Sprintf("import './%d.txt';\n", i)
		files[fmt.Sprintf("%d.txt", i)] = strings.Repeat("x", maxFile-10)
	}
	if got := diagnose(t, files).Error(); !strings.HasSuffix(got, "the script and its imports are larger than 16 MB in all") {
		t.Errorf("all files: %s", got)
	}
}

func TestTooManyProblems(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, "import './missing%d.js';\n", i)
	}
	found := diagnose(t, map[string]string{"script.js": b.String()})
	if len(found) != maxDiagnostics+1 || found[maxDiagnostics].Message != "450 more problems" {
		t.Errorf("%d diagnostics, the last: %s", len(found), found[len(found)-1])
	}
}

func TestBuildGivesUp(t *testing.T) {
	root := write(t, map[string]string{"script.js": "export default " + strings.Repeat("a + ", 40_000) + "1"})
	_, err := build(Options{Root: root, Entry: "script.js"}, 1)
	found, ok := err.(Diagnostics)
	if !ok || found.Error() != "script.js: bundling took longer than 1ns" {
		t.Errorf("%v (%T)", err, err)
	}
}

func TestManyProblemsAreBounded(t *testing.T) {
	for name, text := range map[string]string{
		"declarations on one line": "let a;" + strings.Repeat("let a;", 5_000),
		"missing imports":          manyImports(100_000),
		"missing exports":          "import {" + manyNames(100_000) + "} from './lib.js'",
		"regexp properties":        strings.Repeat(`/\p{L}/u;`, 200_000),
	} {
		t.Run(name, func(t *testing.T) {
			found := diagnose(t, map[string]string{"script.js": text, "lib.js": strings.Repeat("export const x1 = 1;\n", 1)})
			if len(found) == 0 || len(found) > maxDiagnostics+1 {
				t.Errorf("%d diagnostics", len(found))
			}
		})
	}
}

func manyImports(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "import './%d';", i)
	}
	return b.String()
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "y%d,", i)
	}
	return b.String()
}
