package bundle

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/swarmload/swarm/engine/spelling"
)

var (
	// TypeScript's own order first: beside a .ts file a .js one is its output.
	sourceExtensions = []string{".ts", ".mts", ".cts", ".js", ".mjs", ".cjs", ".json"}
	// Packages are published compiled, sometimes with their sources.
	packageExtensions = []string{".js", ".mjs", ".cjs", ".json", ".ts", ".mts", ".cts"}
	// What TypeScript writes as the name of the output stands for the source.
	typeScriptFor = map[string]string{".js": ".ts", ".mjs": ".mts", ".cjs": ".cts"}

	scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`)
)

// resolve finds what the specifier names in a file of folder dir.
func (l *loader) resolve(specifier, dir string, require bool) (target, error) {
	shown := quote(specifier)
	switch {
	case specifier == "":
		return target{}, fault{"the import names nothing", ""}
	case strings.ContainsRune(specifier, 0):
		return target{}, fault{"cannot import " + shown + ": a path cannot hold a NUL character", ""}
	case strings.HasPrefix(specifier, "https://"), strings.HasPrefix(specifier, "http://"), strings.HasPrefix(specifier, "//"):
		return target{}, fault{"cannot import " + shown + ": scripts are not loaded from the network", "save the file in the project and import it by a relative path"}
	case strings.HasPrefix(specifier, "/"), strings.HasPrefix(specifier, "file:"), len(specifier) > 2 && specifier[1] == ':':
		return target{}, fault{"cannot import " + shown + ": an import may not name an absolute path", "use a path relative to the importing file, below the project folder"}
	case scheme.MatchString(specifier):
		return target{}, l.unknown(specifier, dir)
	case specifier == ".", specifier == "..", strings.HasPrefix(specifier, "./"), strings.HasPrefix(specifier, "../"):
		return l.relative(specifier, path.Join(dir, specifier))
	case strings.HasPrefix(specifier, "#"):
		return target{}, fault{"cannot import " + shown + ": the imports field of package.json is not supported", "use a relative path"}
	case strings.Contains(specifier, `\`):
		return target{}, fault{"cannot import " + shown + ": a path is written with / here", "did you mean " + quote(strings.ReplaceAll(specifier, `\`, "/")) + "?"}
	}
	return l.bare(specifier, dir, require)
}

// relative finds the file at name, a path from the project folder.
func (l *loader) relative(specifier, name string) (target, error) {
	shown := quote(specifier)
	if name == ".." || strings.HasPrefix(name, "../") {
		return target{}, fault{"cannot import " + shown + ": it is outside the project folder",
			"the project is the nearest folder with a package.json: put one in a folder above both files"}
	}
	k, real := l.find(name, sourceExtensions)
	switch k {
	case aFile:
		return l.accept(specifier, real)
	case aFolder:
		return target{}, fault{"cannot import " + shown + ": it is a directory without an index file", l.inside(specifier, real)}
	case escape:
		return target{}, fault{"cannot import " + shown + ": it is a symbolic link that leads outside the project folder", "copy the file into the project"}
	case other:
		return target{}, fault{"cannot import " + shown + ": it is not a regular file", ""}
	}
	hint := l.project.nearby(path.Dir(name), path.Base(name), parentOf(specifier))
	return target{}, fault{"no such file " + printable(specifier), hint}
}

// parentOf keeps the leading ./ that path.Dir drops.
func parentOf(specifier string) string {
	if i := strings.LastIndexByte(strings.TrimRight(specifier, "/"), '/'); i >= 0 {
		return specifier[:i+1]
	}
	return "./"
}

// inside proposes a file of a folder that has no index.
func (l *loader) inside(specifier, dir string) string {
	names := l.project.list(dir)
	slices.Sort(names)
	for _, n := range names {
		if _, ok := loaderFor(n); ok {
			return "name a file in it, such as " + quote(strings.TrimSuffix(specifier, "/")+"/"+n)
		}
	}
	return ""
}

// find looks for name as it stands, as the TypeScript source of it, with an
// extension, and as a folder with an index file.
func (l *loader) find(name string, extensions []string) (kind, string) {
	k, real := l.project.look(name)
	if k == aFile || k == escape || k == other {
		return k, real
	}
	ext := path.Ext(name)
	if e := typeScriptFor[ext]; e != "" {
		if k, real := l.project.look(strings.TrimSuffix(name, ext) + e); k == aFile {
			return k, real
		}
	}
	for _, e := range extensions {
		if k, real := l.project.look(name + e); k == aFile || k == escape {
			return k, real
		}
	}
	if k != aFolder {
		return nothing, name
	}
	for _, e := range extensions {
		if k, real := l.project.look(path.Join(real, "index"+e)); k == aFile {
			return k, real
		}
	}
	return aFolder, real
}

// accept returns the file unless it is of a kind that cannot be imported.
func (l *loader) accept(specifier, name string) (target, error) {
	if _, ok := loaderFor(name); ok {
		return target{path: name, pure: l.sideEffectFree(name)}, nil
	}
	ext := strings.ToLower(path.Ext(name))
	if ext == ".csv" {
		return target{}, fault{"cannot import " + quote(specifier) + ": .csv files cannot be imported yet", "convert it to .json, or name it .txt and split its lines in the script"}
	}
	what := "files without an extension"
	if ext != "" {
		what = printable(ext) + " files"
	}
	return target{}, fault{fmt.Sprintf("cannot import %s: %s cannot be imported", quote(specifier), what), "scripts import .js, .ts, .json and .txt files"}
}

// unknown is the fault of a specifier that is neither a file nor a package nor
// a module of the runtime.
func (l *loader) unknown(specifier, dir string) error {
	f := fault{message: "cannot import " + quote(specifier)}
	if name := spelling.Nearest(specifier, l.hosts.names); name != "" {
		f.hint = "did you mean " + quote(name) + "?"
		return f
	}
	if !scheme.MatchString(specifier) {
		if k, _ := l.find(path.Join(dir, specifier), sourceExtensions); k == aFile {
			f.hint = "did you mean " + quote("./"+specifier) + "?"
			return f
		}
	}
	switch {
	case strings.HasPrefix(specifier, "node:"), slices.Contains(nodeModules, strings.Split(specifier, "/")[0]):
		f.hint = "modules of Node.js do not exist here; " + l.hosts.allowed()
	case strings.HasPrefix(specifier, "k6/x/"):
		f.hint = "extensions of k6 do not exist here; " + l.hosts.allowed()
	default:
		f.hint = l.hosts.allowed() + ", relative files, and npm packages installed in node_modules"
	}
	return f
}

// nodeModules are names that people try.
var nodeModules = []string{"assert", "async_hooks", "buffer", "child_process", "cluster", "console", "crypto", "dns", "events", "fs",
	"http", "http2", "https", "module", "net", "os", "path", "perf_hooks", "process", "querystring", "readline", "stream", "timers",
	"tls", "url", "util", "v8", "vm", "worker_threads", "zlib"}
