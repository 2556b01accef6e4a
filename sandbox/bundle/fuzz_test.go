package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzBuild gives any text as a script beside one that imports it: Build
// returns a sound bundle or diagnostics, never anything else.
func FuzzBuild(f *testing.F) {
	for _, text := range harmless {
		f.Add(text)
	}
	for _, c := range language {
		f.Add("export default async function () {" + c.body + "}")
	}
	for _, c := range problems {
		if text := c.files["script.js"]; len(text) < 1000 {
			f.Add(text)
		}
	}
	for _, h := range hostile {
		f.Add(h.before + strings.Repeat(h.repeat, 20) + h.after)
	}
	f.Add("export const options = { vus: 1, stages: [{ target: 5 }] }; module.exports = {}; export { options as default }")
	root := f.TempDir()
	if err := os.WriteFile(filepath.Join(root, "entry.ts"), []byte("import * as all from './script.js'; import d from './script.js'; export default () => [all, d];"), 0o644); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(root, "script.js"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, entry := range []string{"script.js", "entry.ts"} {
			b, err := Build(Options{Root: root, Entry: entry, Modules: modules})
			if err != nil {
				var found Diagnostics
				if !errors.As(err, &found) || len(found) == 0 {
					t.Fatalf("%v (%T)", err, err)
				}
				for _, d := range found {
					if d.Message == "" || strings.ContainsAny(d.Message+d.Hint, "\n\x1b") || d.Length < 1 || !utf8.ValidString(d.Message) {
						t.Fatalf("malformed: %+q", d)
					}
				}
				continue
			}
			if err := b.Verify(); err != nil {
				t.Fatal(err)
			}
			for _, path := range [][]string{nil, {"vus"}, {"stages", "0", "target"}} {
				if at := b.Locate(path); at != (Position{}) && b.Sources[at.File] == nil {
					t.Fatalf("options located at %v", at)
				}
			}
			if string(b.Sources["script.js"]) != text {
				t.Fatal("the source is not the file's text")
			}
		}
	})
}
