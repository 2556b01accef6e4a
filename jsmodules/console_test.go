package jsmodules_test

import (
	"slices"
	"strings"
	"testing"
)

func TestConsole(t *testing.T) {
	w := newWorld(nil)
	err := w.run(t, "", `
		console.log("text", 1, true, null, undefined, 1.5, {a: [1, "x"]}, [1, 2], new Error("bad"), () => 1, Symbol("s"), 10n);
		console.info(); console.warn("w"); console.error("e"); console.debug("d");
		const cyclic = {}; cyclic.self = cyclic; console.log(cyclic);
		console.log({toJSON(){ throw 1 }});
		const {log} = console; log("detached");`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`info text 1 true null undefined 1.5 {"a":[1,"x"]} [1,2] Error: bad a function Symbol(s) 10`,
		`info `, `warn w`, `error e`, `debug d`, `info [object Object]`, `info [object Object]`, `info detached`,
	}
	if got := w.log(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if line := w.lines[0]; line.Source != "console" || line.VU != 1 || line.Scenario != "default" {
		t.Errorf("line %+v", line)
	}
}

func TestLongLinesAreCut(t *testing.T) {
	w := newWorld(nil)
	if err := w.run(t, "", `console.log("ä".repeat(1e6)); console.log(...Array(1e4).fill("xxxxxxxxxx"))`); err != nil {
		t.Fatal(err)
	}
	for _, line := range w.log() {
		if len(line) > 17<<10 || !strings.HasSuffix(line, "…") || strings.ContainsRune(line, '\uFFFD') {
			t.Errorf("a line of %d bytes ends with %q", len(line), line[len(line)-10:])
		}
	}
}

func TestConsoleCanBeReplaced(t *testing.T) {
	w := newWorld(nil)
	if err := w.run(t, `let seen = 0; console.log = () => seen++;`, `console.log(1); globalThis.console = {log: () => seen += 10}; console.log(2); if (seen !== 11) throw seen`); err != nil {
		t.Fatal(err)
	}
	if lines := w.log(); len(lines) != 0 {
		t.Errorf("logged %q", lines)
	}
}
