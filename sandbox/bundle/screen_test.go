package bundle

import (
	"runtime/debug"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Texts that are harmless, each holding something that a hasty scanner takes
// for brackets, quotes or the start of a regular expression.
var harmless = []string{
	"const s = '[[[[', t = \"((((\", u = `{{{{`;",
	"const s = 'it\\'s [', t = \"\\\"[\", u = `\\`[${'['}[`;",
	"// [[[[ ' \" `\n/* (((( ' \" ` */ x();",
	"const r = /[[({'\"`]/.test(a) / 2 / /\\/[/(]/.source.length;",
	"if (a) /[`'\"(]/.test(b); while (c) /`/.test(d);",
	"x = a / b / c; y = (a) / b / (c); z = a[0] / b[0] / '`'.length;",
	"for (const x of /`/[Symbol.split](s)) return_ / 2;",
	"return_ = `${a ? `${b}` : /`/.test(c)}`;",
	"x = y++ / 2; z = a.return / 2 + '`' / 3;",
	"function f() { return /`/; }\n/`/.test(s);",
	"class A { get x() { return /`/ } static y = /`/; [z]() {} }\n/`/.test(s)",
	"label: { /`/.test(s) }",
	"switch (a) { case /`/: break; default: /`/.exec(s) }",
	"const o = { a: 1 }; o / 2; const p = { if: /`/, class: 1, function: 2 } / 2",
	"x = a ? { b: 1 } : { c: 2 }; y = x => ({ z: /`/ }); w = () => { /`/.test(x) }",
	"x = function () { } / 2; y = class { } / 2",
	"a = b\n/ 2 / 3",
	"<!-- ` [ \nx()\n--> ` [ \n",
	"#!/usr/bin/env swarm ` [\nx()",
	"x\u00a0=\u00a0/`/; y\u2028= /`/",
	"// comment\u2028x = '[' // `\u2029y = ')'",
	"const \\u{61} = 1 / 2; const \\u0061b = /`/;",
	"x = 1.5 / .5 / 1. / 0x1f / 1e3 / 1_0n / '`'.length",
	"type A<T> = { [K in keyof T]: T[K] extends (infer U)[] ? U : never };\nlet x: Array<Array<string>> = [];",
	"const x = y as any / 2; let z = <number>w; const t = a! / b!;",
	"export default { a: 1 }\n",
	"'a\\\nb[' + 'c\\\r\nd['",
	"async function f() { for await (const x of y) /`/.test(x); await /a/; }",
	"do /`/.test(x); while (y) /`/.test(z)",
	"}}}]])) x", // the parser's to tell
	"'unclosed [\nx = `",
}

func TestScreenKnowsTheLanguage(t *testing.T) {
	for _, text := range harmless {
		s := screen(text+"\n;", 0)
		if s.why != "" {
			t.Errorf("%q: refused at %d: %s", text, s.pos, s.why)
		}
		if len(s.levels) != 1 {
			t.Errorf("%q: %d brackets stay open", text, len(s.levels)-1)
		}
		// What follows must be seen: neither swallowed by a string nor by a template.
		if strings.HasSuffix(text, "`") {
			continue
		}
		if s := screen(text+"\n;"+strings.Repeat("[", maxNesting+1), 0); s.why == "" {
			t.Errorf("%q hides what follows", text)
		}
	}
}

func TestScreenAcceptsWhatPeopleWrite(t *testing.T) {
	for name, text := range map[string]string{
		"many statements without semicolons": strings.Repeat("a.b = c.d(e) ? f : !g\n", 20000),
		"many statements in blocks":          strings.Repeat("if (a) { b() } else if (!c) { d() }\n", 20000),
		"many functions":                     strings.Repeat("function f() { return x => -x }\n", 20000),
		"many cases":                         "switch (x) {" + strings.Repeat("case 'a': return !b;\n", 20000) + "}",
		"a big array":                        "x = [" + strings.Repeat("{ a: -1, b: [1.5, !0] }, ", 20000) + "]",
		"a long concatenation":               "x = ''" + strings.Repeat(" + 'line\\n'\n", 20000),
		"a long chain":                       "x" + strings.Repeat("\n  .then(a => a.b)", 2000),
		"a long else-if":                     strings.Repeat("if (a == 1) { b() } else ", 1000) + "{}",
		"a long conditional":                 "x = " + strings.Repeat("a === 1 ? b : ", 500) + "c",
		"deep brackets":                      strings.Repeat("[", maxNesting) + strings.Repeat("]", maxNesting),
	} {
		if s := screen(text, 0); s.why != "" {
			t.Errorf("%s: refused at %d: %s", name, s.pos, s.why)
		}
	}
}

// hostile texts repeat something a parser recurses into.
var hostile = map[string]struct{ before, repeat, after string }{
	"brackets":                {"", "[", ""},
	"parentheses":             {"", "(", ""},
	"blocks":                  {"", "{", ""},
	"arrow functions":         {"x = ", "a=>", "a"},
	"async arrows":            {"x = ", "async a=>", "a"},
	"templates":               {"x = ", "`${", ""},
	"nots":                    {"x = ", "!", "a"},
	"not and newline":         {"x = ", "!\n", "a"},
	"minuses":                 {"x = ", "- ", "a"},
	"typeofs":                 {"x = ", "typeof ", "a"},
	"voids and newline":       {"x = ", "void\n", "a"},
	"news":                    {"x = ", "new ", "a"},
	"awaits":                  {"async function f() { ", "await ", "a }"},
	"awaits and newline":      {"async function f() { ", "await\n", "a }"},
	"yields":                  {"function* f() { ", "yield ", "a }"},
	"deletes":                 {"x = ", "delete ", "a"},
	"assignments":             {"x = ", "a=", "a"},
	"assignments to newline":  {"x = ", "a=\n", "a"},
	"exponents":               {"x = ", "a**", "a"},
	"conditionals":            {"x = ", "a?b:", "c"},
	"nested conditionals":     {"x = ", "a?", "b"},
	"conditionals of objects": {"x = ", "a?{}:", "c"},
	"ifs":                     {"", "if(a)", "b"},
	"ifs and newline":         {"", "if(a)\n", "b"},
	"else ifs":                {"", "if(a)b;else ", "c"},
	"else ifs with blocks":    {"", "if(a){}else ", "c"},
	"else ifs with commas":    {"", "if(a)b,c;else ", "c"},
	"else ifs with do":        {"", "if(a)do b;while(c);else ", "c"},
	"else ifs with try":       {"", "if(a)try{}catch{}else ", "c"},
	"conditionals of arrows":  {"x = ", "a?()=>{}:", "c"},
	"else ifs by lines":       {"", "if(a)\nb\nelse ", "c"},
	"whiles":                  {"", "while(a)", "b"},
	"fors":                    {"", "for(;;)", "b"},
	"dos":                     {"", "do ", "a"},
	"labels":                  {"", "a:", "b"},
	"labels and newline":      {"", "a:\n", "b"},
	"members":                 {"x = a", ".b", ""},
	"members and newline":     {"x = a", "\n.b", ""},
	"optional members":        {"x = a", "?.b", ""},
	"calls":                   {"x = a", "()", ""},
	"calls and newline":       {"x = a", "()\n", ""},
	"indexes":                 {"x = a", "[0]", ""},
	"tagged templates":        {"x = a", "``", ""},
	"sums":                    {"x = a", "+a", ""},
	"sums and newline":        {"x = a", "\n+a", ""},
	"ands":                    {"x = a", "&&a", ""},
	"nullish":                 {"x = a", "??a", ""},
	"ins":                     {"x = a", " in a", ""},
	"instanceofs":             {"x = a", " instanceof a", ""},
	"less":                    {"x = a", "<a", ""},
	"commas in members":       {"x = [", "a.b(", ""},
	"keyofs":                  {"type A = ", "keyof ", "B"},
	"keyofs and newline":      {"type A = ", "keyof\n", "B"},
	"type arguments":          {"type A = ", "B<", ""},
	"conditional types":       {"type A = ", "B extends C ? D : ", "E"},
	"function types":          {"type A = ", "(a:B)=>", "C"},
	"readonly types":          {"type A = ", "readonly ", "B[]"},
	"not null":                {"x = a", "!", ""},
	"decorators":              {"", "@a ", "class A {}"},
	"extends":                 {"x = ", "class extends ", "A {}"},
	"infers":                  {"type A = B extends ", "infer ", "C ? 1 : 2"},
	"behind a regexp":         {"x = {}\n/[`]/\n", "[", "`"},
	"behind a division":       {"x = function(){} /`/`/ ", "[", ""},
	"behind a type":           {"type A = {}\n/`/;", "[", "`"},
	"in a type's shadow":      {"x = y as Array<string> / `/`.length;", "[", ""},
	"behind a default":        {"export default function(){} /`/;", "[", "`"},
	"behind async":            {"x = async function(){} / `/`;", "[", ""},
	"behind an HTML comment":  {"<!-- `\n", "[", ""},
	"behind a line separator": {"// `\u2028", "[", ""},
	"behind a space":          {"x =\u00a0/`/;", "[", ""},
	"behind an object":        {"x = yield {} / `/`;", "[", ""},
	"brackets by lines":       {"x = {}\n", "/[ // ]/\n", ""},
	"slashes":                 {"x ", "=/[]=/(", ""},
	"mixed":                   {"x = ", "!a(-b[", ""},
}

// TestHostileText gives each text to Build, in a size that must be refused and
// in the largest size that may pass: neither may end the process or take a
// stack that comes near the limit.
func TestHostileText(t *testing.T) {
	// 16 times less than a program has: what passes stays far from its end.
	defer debug.SetMaxStack(debug.SetMaxStack(64 << 20))
	for name, h := range hostile {
		t.Run(name, func(t *testing.T) {
			full := h.before + strings.Repeat(h.repeat, (2<<20)/len(h.repeat)) + h.after
			if s := screen(full, 0); s.why == "" && name != "decorators" && name != "not null" {
				t.Errorf("2 MB of %q pass", h.repeat)
			}
			low, high := 1, 1<<20/len(h.repeat)
			for low < high { // the most repetitions that pass
				n := (low + high + 1) / 2
				if screen(h.before+strings.Repeat(h.repeat, n)+h.after, 0).why == "" {
					low = n
				} else {
					high = n - 1
				}
			}
			for _, text := range []string{full, h.before + strings.Repeat(h.repeat, low) + h.after} {
				b, err := tryBuild(t, map[string]string{"script.ts": text})
				if err == nil {
					b.Locate(nil)
					continue
				}
				if _, ok := err.(Diagnostics); !ok {
					t.Errorf("%v (%T)", err, err)
				}
			}
		})
	}
}

func TestScreenNeverPanics(t *testing.T) {
	pieces := []string{"a", "1", ".", "`", "${", "}", "{", "(", ")", "[", "]", "/", "\\", "'", "\"", "\n", "\u2028", " ", "if", "return", "function", "=>", "=", "?", ":",
		"<!--", "-->", "//", "/*", "*/", "#", "!", "++", "async", "await", "class", ";", ",", "\\u{", "\xff", "sourceMappingURL=", "of", "x", "\u00a0"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom(pieces)).Draw(t, "text"), "")
		s := screen(text, 0)
		if len(s.text) != len(text) {
			t.Fatalf("the text changed its length")
		}
		if s.pos < 0 || s.pos > len(text) {
			t.Fatalf("position %d of %d", s.pos, len(text))
		}
		if s.sum.nested < 0 || s.sum.chained < 0 || s.sum.terms < 0 {
			t.Fatalf("counts below zero: %+v", s.sum)
		}
	})
}
