package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/evanw/esbuild/pkg/api"
)

// Namespaces of esbuild paths. None is "file": esbuild reads nothing itself.
const (
	namespace     = "script"
	hostNamespace = "host"
)

// symbols names a module that gives scripts the well-known symbols which goja
// lacks, by the names that esbuild's lowered code falls back to.
const (
	symbols       = "swarm:symbols"
	symbolsSource = `const known = (name) => Symbol[name] || Symbol.for("Symbol." + name);
const asyncIterator = /* @__PURE__ */ known("asyncIterator");
const dispose = /* @__PURE__ */ known("dispose");
const asyncDispose = /* @__PURE__ */ known("asyncDispose");
export { asyncIterator as "Symbol.asyncIterator", dispose as "Symbol.dispose", asyncDispose as "Symbol.asyncDispose" };
`
)

// loader answers esbuild's questions about paths and texts. esbuild asks from
// many goroutines; mu guards everything.
type loader struct {
	mu       sync.Mutex
	project  *project
	entry    string
	hosts    *hosts
	packages map[string]*manifest // by folder
	sources  map[string][]byte
	effort   int // see maxEffort
	resolved map[request]answer
	faults   int
	exports  map[string][]string // by file, for suggestions
}

func newLoader(p *project, entry string, h *hosts) *loader {
	return &loader{project: p, entry: entry, hosts: h, packages: map[string]*manifest{},
		sources: map[string][]byte{}, resolved: map[request]answer{}, exports: map[string][]string{}}
}

func (l *loader) plugin() api.Plugin {
	return api.Plugin{Name: "swarm", Setup: func(b api.PluginBuild) {
		b.OnResolve(api.OnResolveOptions{Filter: ".*"}, l.onResolve)
		b.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: namespace}, l.onLoad)
		b.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: hostNamespace}, l.onLoadHost)
	}}
}

// target is where an import leads.
type target struct {
	path string
	pure bool // its package promises that it does nothing when loaded
}

// maxFaults bounds the search for files and for what was meant instead.
const maxFaults = 1000

type request struct {
	specifier, dir string
	require        bool
}

type answer struct {
	to  target
	err error
}

// fault is why an import leads nowhere: a message and a hint.
type fault struct{ message, hint string }

func (f fault) Error() string { return f.message }

func (l *loader) onResolve(a api.OnResolveArgs) (api.OnResolveResult, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.Kind == api.ResolveEntryPoint && a.Path == symbols {
		return api.OnResolveResult{Path: symbols, Namespace: hostNamespace, SideEffects: api.SideEffectsFalse}, nil
	}
	if a.Kind == api.ResolveEntryPoint {
		return api.OnResolveResult{Path: l.entry, Namespace: namespace}, nil
	}
	if h := l.hosts.find(a.Path); h != nil {
		if a.Kind == api.ResolveJSRequireCall {
			return api.OnResolveResult{Path: h.Names[0], External: true}, nil
		}
		return api.OnResolveResult{Path: h.Names[0], Namespace: hostNamespace, SideEffects: api.SideEffectsFalse}, nil
	}
	if l.faults >= maxFaults { // nothing will come of this build
		return api.OnResolveResult{Path: a.Path, External: true}, nil
	}
	ask := request{a.Path, path.Dir(a.Importer), a.Kind == api.ResolveJSRequireCall}
	found, known := l.resolved[ask]
	if !known {
		found.to, found.err = l.resolve(ask.specifier, ask.dir, ask.require)
		l.resolved[ask] = found
	}
	if found.err != nil {
		l.faults++
		return api.OnResolveResult{Errors: []api.Message{{Text: found.err.Error(), Detail: found.err}}}, nil
	}
	to := found.to
	r := api.OnResolveResult{Path: to.path, Namespace: namespace}
	if to.pure {
		r.SideEffects = api.SideEffectsFalse
	}
	return r, nil
}

func (l *loader) onLoad(a api.OnLoadArgs) (api.OnLoadResult, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, err := l.project.read(a.Path)
	if err != nil {
		return api.OnLoadResult{Errors: []api.Message{{Text: err.Error(), Detail: l.unreadable(a.Path, err)}}}, nil
	}
	l.sources[a.Path] = text
	kind, _ := loaderFor(a.Path)
	contents := strings.TrimPrefix(string(text), "\ufeff")
	var warnings []api.Message
	if kind != api.LoaderText {
		effort := l.effort
		if kind == api.LoaderJSON {
			effort = noScopes
		}
		bom := len(text) - len(contents)
		if rest, ok := strings.CutPrefix(contents, "#!"); ok && kind != api.LoaderJSON {
			contents = "//" + rest // esbuild keeps it, but not on the first line of the bundle
		}
		s := screen(contents, effort)
		if kind != api.LoaderJSON {
			l.effort = s.effort
		}
		if s.why != "" {
			d := l.at(a.Path, s.pos+bom)
			d.Message = s.why
			return api.OnLoadResult{Errors: []api.Message{{Text: s.why, Detail: d}}}, nil
		}
		// A package may hold such an expression where nobody goes.
		if !strings.Contains(a.Path, "node_modules/") {
			for _, at := range s.properties {
				d := l.at(a.Path, at+bom)
				d.Message, d.Hint = `\p{…} in a regular expression is not supported`, "write the characters as ranges, such as [a-zA-Z]"
				warnings = append(warnings, api.Message{Text: d.Message, Detail: d})
			}
		}
		contents = s.text
	}
	return api.OnLoadResult{Contents: &contents, Loader: kind, Warnings: warnings}, nil
}

func (l *loader) onLoadHost(a api.OnLoadArgs) (api.OnLoadResult, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := symbolsSource
	if a.Path != symbols {
		text = l.hosts.find(a.Path).source()
	}
	return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
}

// unreadable says why a file that exists could not be read.
func (l *loader) unreadable(name string, err error) error {
	name = printable(name)
	switch {
	case errors.Is(err, errTooBig):
		return fault{fmt.Sprintf("%s is larger than %d MB", name, maxFile>>20), "load big data with a SharedArray or split the file"}
	case errors.Is(err, errTooMuch):
		return fault{fmt.Sprintf("the script and its imports are larger than %d MB in all", maxTotal>>20), ""}
	case errors.Is(err, fs.ErrPermission):
		return fault{"no permission to read " + name, ""}
	case errors.Is(err, fs.ErrNotExist):
		return fault{"no such file " + name, ""}
	}
	return fault{"cannot read " + name + ": " + reason(err), ""}
}

// reason strips the operation and path from a file error.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return firstLine(err.Error())
}

// at makes a diagnostic that points at a byte offset of a source.
func (l *loader) at(name string, offset int) Diagnostic {
	text := l.sources[name]
	offset = min(offset, len(text))
	line := 1 + strings.Count(string(text[:offset]), "\n")
	start := strings.LastIndexByte(string(text[:offset]), '\n') + 1
	return Diagnostic{
		At:     Position{File: name, Line: line, Column: 1 + len([]rune(string(text[start:offset])))},
		Length: 1,
		Line:   lineOf(text, line),
	}
}

// loaderFor tells how a file of that name is read; ok is false when it is not.
func loaderFor(name string) (kind api.Loader, ok bool) {
	switch strings.ToLower(path.Ext(name)) {
	case ".js", ".mjs", ".cjs":
		return api.LoaderJS, true
	case ".ts", ".mts", ".cts":
		return api.LoaderTS, true
	case ".json":
		return api.LoaderJSON, true
	case ".txt":
		return api.LoaderText, true
	}
	return api.LoaderNone, false
}

func dataFile(name string) bool {
	kind, _ := loaderFor(name)
	return kind == api.LoaderJSON || kind == api.LoaderText
}
