package bundle

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"
)

// manifest is what matters here of a package.json.
type manifest struct {
	Main        string          `json:"-"`
	Module      string          `json:"-"`
	Exports     json.RawMessage `json:"exports"`
	SideEffects json.RawMessage `json:"sideEffects"`
	RawMain     json.RawMessage `json:"main"`
	RawModule   json.RawMessage `json:"module"`
}

// bare finds an npm package: in the node_modules of the importing folder or of
// one above it, up to the project folder.
func (l *loader) bare(specifier, dir string, require bool) (target, error) {
	name, subpath := splitPackage(specifier)
	if name == "" {
		return target{}, l.unknown(specifier, dir)
	}
	for d := dir; ; d = path.Dir(d) {
		if path.Base(d) != "node_modules" {
			k, real := l.project.look(path.Join(d, "node_modules", name))
			switch k {
			case aFolder:
				return l.fromPackage(specifier, real, subpath, require)
			case escape:
				return target{}, fault{"cannot import " + quote(specifier) + ": its folder in node_modules is a symbolic link that leads outside the project folder", ""}
			}
		}
		if d == "." || d == "/" {
			return target{}, l.unknown(specifier, dir)
		}
	}
}

// splitPackage parts "@scope/name/sub/path" into "@scope/name" and "./sub/path".
func splitPackage(specifier string) (name, subpath string) {
	parts := strings.SplitN(specifier, "/", 3)
	n := 1
	if strings.HasPrefix(specifier, "@") {
		n = 2
	}
	if len(parts) < n {
		return "", ""
	}
	for _, p := range parts[:n] {
		if p == "" || p == "." || p == ".." || p == "@" {
			return "", ""
		}
	}
	name = strings.Join(parts[:n], "/")
	subpath = "." + strings.TrimPrefix(specifier, name)
	return name, strings.TrimSuffix(subpath, "/")
}

// fromPackage finds the file of a package that subpath names.
func (l *loader) fromPackage(specifier, dir, subpath string, require bool) (target, error) {
	m := l.manifest(dir)
	missing := func(what string) error {
		return fault{"cannot import " + quote(specifier) + ": " + what, "the package in " + printable(dir) + " may be incomplete or not meant for this use"}
	}
	var name string
	if m != nil && len(m.Exports) > 0 && string(m.Exports) != "null" {
		to, ok := exported(m.Exports, subpath, require)
		if !ok {
			return target{}, missing("the package does not export " + printable(subpath))
		}
		name = path.Join(dir, to)
	} else if subpath != "." {
		name = path.Join(dir, subpath)
	} else if m != nil {
		mains := []string{m.Module, m.Main}
		if require {
			mains = []string{m.Main, m.Module}
		}
		for _, main := range mains {
			if main == "" {
				continue
			}
			if k, real := l.find(path.Join(dir, main), packageExtensions); k == aFile && within(dir, path.Join(dir, main)) {
				return l.accept(specifier, real)
			}
		}
		name = dir + "/index"
	} else {
		name = dir + "/index"
	}
	if !within(dir, name) {
		return target{}, missing("it leads out of the package")
	}
	switch k, real := l.find(name, packageExtensions); k {
	case aFile:
		return l.accept(specifier, real)
	case escape:
		return target{}, fault{"cannot import " + quote(specifier) + ": it is a symbolic link that leads outside the project folder", ""}
	}
	return target{}, missing("the package has no file " + printable(strings.TrimPrefix(name, dir+"/")))
}

func within(dir, name string) bool {
	return dir == "." || strings.HasPrefix(name, dir+"/")
}

// manifest reads the package.json of a folder; nil when it has none that can be read.
func (l *loader) manifest(dir string) *manifest {
	if m, ok := l.packages[dir]; ok {
		return m
	}
	var m *manifest
	if k, real := l.project.look(path.Join(dir, "package.json")); k == aFile {
		if text, err := l.project.read(real); err == nil {
			m = new(manifest)
			if json.Unmarshal(text, m) != nil {
				m = nil
			} else {
				// Fields of an unexpected type are as good as absent.
				_ = json.Unmarshal(m.RawMain, &m.Main)
				_ = json.Unmarshal(m.RawModule, &m.Module)
			}
		}
	}
	l.packages[dir] = m
	return m
}

// sideEffectFree tells whether the package that holds a file promises that
// loading it does nothing, so that what is not used of it can be left out.
func (l *loader) sideEffectFree(name string) bool {
	if !strings.Contains(name, "node_modules/") {
		return false
	}
	for d := path.Dir(name); d != "." && path.Base(d) != "node_modules"; d = path.Dir(d) {
		if m := l.manifest(d); m != nil {
			return string(m.SideEffects) == "false"
		}
	}
	return false
}

// exported resolves a subpath by the exports field of package.json, as Node.js
// documents it ("Conditional exports", "Subpath patterns").
func exported(exports json.RawMessage, subpath string, require bool) (string, bool) {
	keys, values, ok := entries(exports)
	if !ok || len(keys) == 0 || !strings.HasPrefix(keys[0], ".") {
		// Sugar: what "." exports.
		if subpath != "." {
			return "", false
		}
		return condition(exports, "", require, 0)
	}
	var best, star string
	var found json.RawMessage
	for i, k := range keys {
		if k == subpath {
			return condition(values[i], "", require, 0)
		}
		before, after, pattern := strings.Cut(k, "*")
		if pattern && len(subpath) > len(before)+len(after)-1 && len(subpath) >= len(before)+len(after) &&
			strings.HasPrefix(subpath, before) && strings.HasSuffix(subpath, after) && len(before) >= len(best) {
			best, star, found = before, subpath[len(before):len(subpath)-len(after)], values[i]
		}
	}
	if found == nil {
		return "", false
	}
	return condition(found, star, require, 0)
}

// condition picks the target whose conditions hold: ours are import or
// require, module and default.
func condition(value json.RawMessage, star string, require bool, depth int) (string, bool) {
	if depth > 20 {
		return "", false
	}
	var to string
	if json.Unmarshal(value, &to) == nil && to != "" {
		if !strings.HasPrefix(to, "./") {
			return "", false
		}
		return strings.ReplaceAll(to, "*", star), true
	}
	var list []json.RawMessage
	if json.Unmarshal(value, &list) == nil {
		for _, v := range list {
			if to, ok := condition(v, star, require, depth+1); ok {
				return to, true
			}
		}
		return "", false
	}
	keys, values, _ := entries(value)
	for i, k := range keys {
		if k == "default" || k == "module" && !require || k == "import" && !require || k == "require" && require {
			if to, ok := condition(values[i], star, require, depth+1); ok {
				return to, true
			}
		}
	}
	return "", false
}

// entries returns the members of a JSON object in their order, which decides
// between conditions.
func entries(object json.RawMessage) (keys []string, values []json.RawMessage, ok bool) {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, false
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, nil, false
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, nil, false
		}
		keys, values = append(keys, t.(string)), append(values, v)
	}
	return keys, values, true
}
