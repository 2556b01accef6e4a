// Package bundle turns a script and everything it imports into one sealed
// value that a runner can execute without reading a file.
package bundle

// CONTRACT (scaffolding, replaced by the implementation; signatures stay).

// Bundle is a script with all it needs. Immutable once built.
type Bundle struct {
	Entry   string            // path of the script relative to the project folder, slash-separated
	Code    []byte            // CommonJS text; host modules stay as require calls
	Map     []byte            // source map (JSON) of Code, sources relative to the project folder
	Sources map[string][]byte // original text by path, for code frames
	Hash    string            // hex SHA-256 over all of the above
}

// HostModule tells the bundler of a module the runtime provides.
type HostModule struct {
	Names      []string // "swarm/http", "k6/http"
	Exports    []string // named exports
	HasDefault bool     // the module object has a property "default" of its own; else the default import is the module object
}

// Options of Build.
type Options struct {
	Root    string       // project folder; nothing outside is read, no symlink out of it followed
	Entry   string       // script, relative to Root
	Modules []HostModule // what may be imported beside files
}

// Build bundles the script. The error is a Diagnostics when the script is at fault.
func Build(o Options) (*Bundle, error) { panic("contract") }

// Position is a place in a source file; Line and Column start at 1, 0 is unknown.
type Position struct {
	File         string
	Line, Column int
}

// Diagnostic is one problem with a script.
type Diagnostic struct {
	At      Position
	Length  int    // characters to underline, at least 1
	Line    string // text of the source line, "" when unknown
	Message string // one lower-case line
	Hint    string // may be empty
}

// Diagnostics is an error made of all problems found.
type Diagnostics []Diagnostic

// Error gives one line per problem: "file:line:col: message".
func (d Diagnostics) Error() string { panic("contract") }

// Locate returns where the value at path stands in the object literal that the
// script exports as `options`; the zero Position when that cannot be told.
func (b *Bundle) Locate(path []string) Position { panic("contract") }

// SourceLine returns the text of a line of an original source, "" when unknown.
func (b *Bundle) SourceLine(file string, line int) string { panic("contract") }
