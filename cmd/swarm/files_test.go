package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestIsReport(t *testing.T) {
	for name, want := range map[string]bool{
		"summary.json": true, "out/report.HTML": true, "a/b/junit.xml": true, "notes.md": true,
		".bashrc": false, ".config/x.json": false, "out/.hidden.txt": false,
		"Makefile": false, "run.sh": false, "script.js": false, "conftest.py": false, "noending": false,
		"package.json": false, "sub/Package.JSON": false, "CMakeLists.txt": false,
		"node_modules/a/x.json": false, "": false, "x.": false,
	} {
		if got := isReport(name); got != want {
			t.Errorf("isReport(%q) = %v", name, got)
		}
	}
}

func TestWriteBelow(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, tc := range []struct {
		name     string
		anything bool
		ok       bool
	}{
		{"a.json", false, true},
		{"a.json", false, true}, // again: a report is replaced
		{"deep/er/b.txt", false, true},
		{filepath.Join(dir, "c.md"), false, true},
		{".profile", false, false},
		{".profile", true, true},
		{"run.sh", true, true},
		{"../d.txt", true, false},
		{filepath.Join(outside, "e.txt"), true, false},
		{"link/f.txt", true, false},
		{"", true, false},
	} {
		err := writeBelow(root, tc.name, []byte("x"), tc.anything)
		if (err == nil) != tc.ok {
			t.Errorf("%q (anything: %v): error %v", tc.name, tc.anything, err)
		}
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("written outside: %v", left)
	}
}
