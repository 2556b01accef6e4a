// Package bundle turns a script and everything it imports into one sealed
// value that a runner can execute without reading a file.
//
// Every byte comes through an [os.Root] opened at the project folder, text is
// bounded before a parser sees it, and what the bundler emits is reshaped for
// how it will be used: compiled once, run in thousands of small runtimes. So
// modules the runtime provides become plain variables, closures are not
// wrapped to keep their names, and no export helper is left in the text.
// Measured in goja, those helpers alone held 25 KB in every runtime.
package bundle

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/evanw/esbuild/pkg/api"
)

// Bundle is a script with all it needs. Immutable once built; safe for
// concurrent use.
type Bundle struct {
	Entry string // path of the script relative to the project folder, slash-separated
	// Code is CommonJS text: the body of a function with the parameters
	// module, exports and require. Host modules stay as require calls, each
	// under its canonical name. Its first line maps to no source, so text
	// that is put before it on the same line disturbs no position.
	Code    []byte
	Map     []byte            // source map (JSON) of Code, sources relative to the project folder
	Sources map[string][]byte // original text by path, for code frames
	Hash    string            // hex SHA-256 over all of the above

	lookup lookup
}

// HostModule tells the bundler of a module the runtime provides.
type HostModule struct {
	Names      []string // canonical name first, then aliases: "swarm/http", "k6/http"
	Exports    []string // named exports
	HasDefault bool     // the module object has a property "default" of its own; else the default import is the module object
}

// Options of Build.
type Options struct {
	Root    string       // project folder; nothing outside is read, no symlink out of it followed
	Entry   string       // script, relative to Root
	Modules []HostModule // what may be imported beside files
}

// Build bundles the script. The error is a [Diagnostics] when the script is at
// fault; it then names every problem found.
//
// Text that keeps the bundler busy is given up after 20 seconds.
func Build(o Options) (*Bundle, error) { return build(o, 20*time.Second) }

func build(o Options, limit time.Duration) (*Bundle, error) {
	project, err := openProject(o.Root)
	if err != nil {
		return nil, err
	}
	defer project.Close()

	entry, problem := project.entry(o.Entry)
	if problem != nil {
		return nil, Diagnostics{*problem}
	}
	l := newLoader(project, entry, newHosts(o.Modules))
	result, err := esbuild(buildOptions(project.dir, l), limit)
	if f, ok := err.(fault); ok {
		return nil, Diagnostics{{At: Position{File: entry}, Length: 1, Message: f.message, Hint: f.hint}}
	} else if err != nil {
		return nil, fmt.Errorf("bundling %s: %w", entry, err)
	}
	if found := l.diagnose(result); len(found) > 0 {
		return nil, found
	}

	code, mapping, err := outputs(result)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Entry: entry, Code: wrap(code), Sources: l.sources}
	if b.Map, err = wrapMap(mapping); err != nil {
		return nil, err
	}
	b.Hash = b.digest()
	return b, nil
}

// buildOptions says what goja can run: ES2022 without what is named here.
// esbuild touches no file itself: the loader answers for every path, in a
// namespace of its own, and a tsconfig is given so that none is looked for.
func buildOptions(dir string, l *loader) api.BuildOptions {
	return api.BuildOptions{
		Bundle:   true,
		Format:   api.FormatESModule, // its only trace is the export clause at the end; see wrap
		Platform: api.PlatformNeutral,
		Target:   api.ES2022,
		Supported: map[string]bool{
			"async-generator": false,
			"decorators":      false,
			"dynamic-import":  false,
			"for-await":       false,
			"hashbang":        false,
			"import-meta":     false,
			"top-level-await": false,
			"using":           false,

			"regexp-match-indices":            false,
			"regexp-set-notation":             false,
			"regexp-unicode-property-escapes": false,
		},
		LogOverride: map[string]api.LogLevel{"direct-eval": api.LogLevelWarning, "unsupported-regexp": api.LogLevelWarning},
		Inject:      []string{symbols},
		Define:      map[string]string{"process.env.NODE_ENV": `"production"`},
		TreeShaking: api.TreeShakingTrue,
		// Source maps inside sources could name any file of this machine,
		// whose text esbuild would then copy here.
		SourcesContent: api.SourcesContentExclude,
		Sourcemap:      api.SourceMapExternal,
		LegalComments:  api.LegalCommentsNone,
		TsconfigRaw:    "{}",
		LogLevel:       api.LogLevelSilent,
		AbsWorkingDir:  dir,
		EntryPoints:    []string{l.entry},
		Outfile:        filepath.Join(dir, "bundle.js"), // never written
		Plugins:        []api.Plugin{l.plugin()},
	}
}

// esbuild runs the bundler, no longer than limit, and turns a panic of it into
// a fault. There is text that keeps it busy for hours; it cannot be stopped in
// the middle of a file, so its goroutine may then outlive the call.
func esbuild(o api.BuildOptions, limit time.Duration) (api.BuildResult, error) {
	context, invalid := api.Context(o)
	if invalid != nil {
		return api.BuildResult{}, invalid
	}
	type outcome struct {
		result api.BuildResult
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		var out outcome
		defer func() {
			if r := recover(); r != nil {
				out.err = errCannotCope
			}
			done <- out
		}()
		defer context.Dispose()
		out.result = context.Rebuild()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case out := <-done:
		return out.result, out.err
	case <-timer.C:
		go context.Cancel()
		return api.BuildResult{}, fault{fmt.Sprintf("bundling took longer than %v", limit), "is a file generated, or does it hold very many mistakes?"}
	}
}

// outputs picks the code and the source map out of a result.
func outputs(result api.BuildResult) (code, mapping []byte, err error) {
	for _, f := range result.OutputFiles {
		if strings.HasSuffix(f.Path, ".map") {
			mapping = f.Contents
		} else {
			code = f.Contents
		}
	}
	if code == nil || mapping == nil {
		return nil, nil, errors.New("bundling gave no code")
	}
	return code, mapping, nil
}
