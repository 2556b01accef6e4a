package bundle

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/evanw/esbuild/pkg/api"
	"github.com/swarmload/swarm/engine/spelling"
)

const (
	maxDiagnostics = 50
	maxLine        = 400 // characters of a source line worth showing; minified text has none
)

var errCannotCope = fault{"the bundler could not cope with this script", "please report it"}

// fatalWarnings are warnings of esbuild that are errors here, with our words.
var fatalWarnings = map[string]fault{
	"direct-eval":       {"eval is not available to scripts", "a script can run no text as code"},
	"empty-import-meta": {"import.meta is not supported", "use __ENV for settings and open() for files"},
}

// diagnose turns what esbuild reports into our words, in order of position.
func (l *loader) diagnose(r api.BuildResult) Diagnostics {
	fatal := r.Errors
	for _, m := range r.Warnings {
		if fatalWarning(m) {
			fatal = append(fatal, m)
		}
	}
	slices.SortStableFunc(fatal, func(a, b api.Message) int { return compare(place(a), place(b)) })
	// Few are read, and putting each into words may mean going through its file.
	more := max(len(fatal)-maxDiagnostics, 0)
	var all Diagnostics
	for _, m := range fatal[:len(fatal)-more] {
		all = append(all, l.translate(m))
	}
	all = slices.CompactFunc(all, func(a, b Diagnostic) bool { return a.At == b.At && a.Message == b.Message })
	if more > 0 {
		all = append(all, Diagnostic{At: Position{File: l.entry}, Length: 1, Message: fmt.Sprintf("%d more problems", more)})
	}
	return all
}

func fatalWarning(m api.Message) bool {
	if _, ours := m.Detail.(Diagnostic); ours {
		return true
	}
	_, fatal := fatalWarnings[m.ID]
	return fatal || regexpFlag.MatchString(m.Text) && m.Location != nil && !strings.Contains(m.Location.File, "node_modules/")
}

// place is where a message belongs, good for nothing but comparing.
func place(m api.Message) Position {
	if d, ok := m.Detail.(Diagnostic); ok {
		return d.At
	}
	if at := m.Location; at != nil {
		return Position{strings.TrimPrefix(at.File, prefix), at.Line, at.Column + 1}
	}
	return Position{}
}

func compare(a, b Position) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

func (l *loader) translate(m api.Message) Diagnostic {
	if d, ok := m.Detail.(Diagnostic); ok {
		return d
	}
	d := Diagnostic{At: Position{File: l.entry}, Length: 1}
	if at := m.Location; at != nil && strings.HasPrefix(at.File, prefix) {
		d.At, d.Length, d.Line = l.locate(at)
	}
	f, ok := m.Detail.(fault)
	if !ok {
		f = l.reword(m)
	}
	d.Message, d.Hint = f.message, f.hint
	return d
}

// locate turns esbuild's location, in bytes, into ours, in characters.
func (l *loader) locate(at *api.Location) (Position, int, string) {
	pos := Position{File: strings.TrimPrefix(at.File, prefix), Line: at.Line, Column: 1}
	text := at.LineText
	start := min(at.Column, len(text))
	end := min(start+max(at.Length, 0), len(text))
	pos.Column += utf8.RuneCountInString(text[:start])
	length := max(1, utf8.RuneCountInString(text[start:end]))
	// Not at.LineText, which lost the marks that onLoad took out.
	return pos, length, lineOf(l.sources[pos.File], at.Line)
}

var (
	noExport    = regexp.MustCompile(`^No matching export in "(.*)" for import "(.*)"$`)
	expected    = regexp.MustCompile(`^Expected (.*) but found (.*)$`)
	declared    = regexp.MustCompile(`^The symbol "(.*)" has already been declared$`)
	constant    = regexp.MustCompile(`^Cannot assign to (?:"(.*)"|import "(.*)").*$`)
	unavailable = regexp.MustCompile(`^(.*) (?:is|are) not available in the configured target environment.*$`)
	panicked    = regexp.MustCompile(`^panic: .*$`)
	regexpFlag  = regexp.MustCompile(`^The regular expression flag "(.)" is not available`)
	strictMode  = regexp.MustCompile(`^(.*) cannot be used (?:in strict mode|in an ECMAScript module|with the "esm" output format.*)$`)
)

// reword puts a message of esbuild into one lower-case line of ours.
func (l *loader) reword(m api.Message) fault {
	if f, ok := fatalWarnings[m.ID]; ok {
		return f
	}
	text := firstLine(m.Text)
	switch {
	case regexpFlag.MatchString(text):
		return fault{"the regular expression flag " + regexpFlag.FindStringSubmatch(text)[1] + " is not supported", ""}
	case noExport.MatchString(text):
		p := noExport.FindStringSubmatch(text)
		return l.noExport(p[1], p[2])
	case expected.MatchString(text):
		p := expected.FindStringSubmatch(text)
		return fault{"syntax error: expected " + requote(p[1]) + ", found " + requote(p[2]), ""}
	case strings.HasPrefix(text, "Unexpected "), strings.HasPrefix(text, "Unterminated "), strings.HasPrefix(text, "Invalid "), strings.HasPrefix(text, "Syntax error "):
		text = strings.TrimPrefix(text, "Syntax error ")
		hint := ""
		if strings.Contains(text, "end of file") {
			hint = "a bracket, a quote or a comment is probably not closed"
		}
		return fault{"syntax error: " + lower(requote(text)), hint}
	case declared.MatchString(text):
		return fault{requote(declared.ReplaceAllString(text, `"$1"`)) + " is already declared", "rename one of the two"}
	case constant.MatchString(text):
		return fault{"cannot assign to " + requote(constant.ReplaceAllString(text, `"$1$2"`)) + ": it is a constant", ""}
	case strings.HasPrefix(text, "Top-level await"):
		return fault{"await is not supported at the top level of a script", "move it into setup() or the default function"}
	case unavailable.MatchString(text):
		return fault{lower(requote(unavailable.ReplaceAllString(text, "$1"))) + " is not supported", ""}
	case strictMode.MatchString(text):
		return fault{lower(requote(strictMode.ReplaceAllString(text, "$1"))) + " cannot be used in a module", ""}
	case panicked.MatchString(text):
		return errCannotCope
	}
	return fault{lower(requote(text)), ""}
}

// noExport says that a module has no export of that name, and which it may be.
func (l *loader) noExport(from, name string) fault {
	f := fault{}
	if host, ok := strings.CutPrefix(from, hostNamespace+":"); ok {
		f.message = quote(host) + " has no export " + quote(name)
		m := l.hosts.find(host)
		if best := spelling.Nearest(name, m.Exports); best != "" {
			f.hint = "did you mean " + quote(best) + "?"
		} else {
			f.hint = "it exports " + strings.Join(m.Exports, ", ")
		}
		return f
	}
	file := strings.TrimPrefix(from, prefix)
	f.message = printable(file) + " has no export " + quote(name)
	if name == "default" {
		f.hint = "import a name in braces, or add an export default"
	} else if best := spelling.Nearest(name, l.exportNames(file)); best != "" {
		f.hint = "did you mean " + quote(best) + "?"
	}
	return f
}

var declaration = regexp.MustCompile(`(?m)^\s*export\s+(?:async\s+)?(?:const|let|var|class|function\*?|enum)\s+([\w$]+)`)

// exportNames are the names that a source plainly exports, for suggestions.
func (l *loader) exportNames(file string) []string {
	names, known := l.exports[file]
	if !known {
		for _, m := range declaration.FindAllSubmatch(l.sources[file], 1000) {
			names = append(names, string(m[1]))
		}
		l.exports[file] = names
	}
	return names
}

// requote shows esbuild's quoted words as ours are.
func requote(s string) string {
	s = strings.ReplaceAll(s, `"`+prefix, `"`)
	return printable(strings.ReplaceAll(s, `"`, `'`))
}

// lower begins a sentence with a small letter, unless it begins with a name.
func lower(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if second, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(second) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// lineOf returns a line of text, "" when there is none or it is too long to show.
func lineOf(text []byte, line int) string {
	rest := string(text)
	for ; line > 1; line-- {
		i := strings.IndexByte(rest, '\n')
		if i < 0 {
			return ""
		}
		rest = rest[i+1:]
	}
	rest = strings.TrimSuffix(firstLine(rest), "\r")
	if len(rest) > maxLine {
		return ""
	}
	return strings.TrimPrefix(rest, "\ufeff")
}
