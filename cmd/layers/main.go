// Command layers checks that packages import each other in one direction only.
//
// It reads the map of allowed imports (map.txt, embedded), asks the go command
// for the imports of every package of the module in the current folder, and
// prints each arrow the map does not allow. It exits 1 if there is one.
package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

//go:embed map.txt
var layers string

func main() {
	if err := run(layers, ".", os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "layers:", err)
		os.Exit(1)
	}
}

// run checks the module in dir against the map and reports to w.
func run(text, dir string, w io.Writer) error {
	rules, err := Parse(text)
	if err != nil {
		return err
	}
	pkgs, err := list(dir)
	if err != nil {
		return err
	}
	wrong := rules.Check(pkgs)
	for _, line := range wrong {
		fmt.Fprintln(w, line)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d wrong arrows", len(wrong))
	}
	fmt.Fprintf(w, "layers: %d packages, every import goes the right way\n", len(pkgs))
	return nil
}

// list returns the packages of the module in dir with what their non-test
// files import.
func list(dir string) ([]Package, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Module", "./...")
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var pkgs []Package
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
			Module     struct{ Path string }
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		pkgs = append(pkgs, Package{Module: p.Module.Path, Path: p.ImportPath, Imports: p.Imports})
	}
}
