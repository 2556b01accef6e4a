package main

import (
	"fmt"
	"slices"
	"strings"
)

// Package is one package of the module and what it imports (full paths).
type Package struct {
	Module  string
	Path    string
	Imports []string
}

// Rules is a parsed map.
type Rules struct {
	layers    []rule // of packages of the module
	libraries []rule // of libraries: name is the library, allowed its owners
}

type rule struct {
	name    string
	allowed []string
}

// Parse reads a map: `package: allowed…` and `library path owner…` lines, with
// # comments.
func Parse(text string) (Rules, error) {
	var r Rules
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case fields[0] == "library" && len(fields) > 2:
			r.libraries = append(r.libraries, rule{fields[1], fields[2:]})
		case strings.HasSuffix(fields[0], ":") && len(fields[0]) > 1:
			r.layers = append(r.layers, rule{strings.TrimSuffix(fields[0], ":"), fields[1:]})
		default:
			return Rules{}, fmt.Errorf("map line %d: want `package: imports…` or `library path owners…`", i+1)
		}
	}
	return r, nil
}

// Check returns one line for each import that the rules do not allow and for
// each package that they do not name.
func (r Rules) Check(pkgs []Package) []string {
	var wrong []string
	for _, p := range pkgs {
		name := local(p.Module, p.Path)
		own, ok := best(r.layers, name)
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s: no line in the map names this package", name))
			continue
		}
		for _, imp := range p.Imports {
			if to := local(p.Module, imp); to != imp {
				if !matchAny(own.allowed, to) {
					wrong = append(wrong, fmt.Sprintf("%s imports %s: the map allows only [%s]", name, to, strings.Join(own.allowed, " ")))
				}
			} else if lib, ok := best(r.libraries, imp); ok && !matchAny(lib.allowed, name) {
				wrong = append(wrong, fmt.Sprintf("%s imports %s: only [%s] may", name, imp, strings.Join(lib.allowed, " ")))
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// local returns a path relative to its module, or the path itself when it
// belongs to another one.
func local(module, path string) string {
	if rest, ok := strings.CutPrefix(path, module+"/"); ok {
		return rest
	}
	return path
}

// best returns the most specific rule for a package or library: an exact name
// before the longest pattern. A library's rule also covers what is below it.
func best(rules []rule, name string) (rule, bool) {
	found, ok := rule{}, false
	for _, r := range rules {
		if r.name == name {
			return r, true
		}
		if (match(r.name, name) || strings.HasPrefix(name, r.name+"/") && strings.Contains(r.name, ".")) && len(r.name) > len(found.name) {
			found, ok = r, true
		}
	}
	return found, ok
}

func matchAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, name) })
}

// match reports whether name fits pattern: the same, or `dir/*` for packages
// directly below dir, or `dir/...` for all below it.
func match(pattern, name string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(name, dir+"/")
	}
	if dir, ok := strings.CutSuffix(pattern, "/*"); ok {
		rest, below := strings.CutPrefix(name, dir+"/")
		return below && !strings.Contains(rest, "/")
	}
	return pattern == name
}
