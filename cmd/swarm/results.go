package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/cmd/swarm/codeframe"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
	render "github.com/swarmload/swarm/engine/report"
	"github.com/swarmload/swarm/engine/result"
	"github.com/swarmload/swarm/engine/spelling"
	"github.com/swarmload/swarm/engine/summary"
)

// results says where what a run came to goes.
type results struct {
	summary choiceFlag // how much the text tells
	out     []string   // of --out
	export  string     // of --summary-export
	dir     string     // where handleSummary may write, "" for reports below the current folder
	noSave  bool

	outputs []output
	store   *result.Store // nil: the run is not saved
	actions *actions      // nil outside GitHub Actions
}

// summaryModes are how much the text tells; the first is the default.
func summaryModes() choiceFlag {
	return choiceFlag{value: "normal", choices: []string{"compact", "normal", "full", "off"}}
}

func (r *results) register(f *pflag.FlagSet) {
	r.summary = summaryModes()
	f.Var(&r.summary, "summary", "how much the summary tells")
	registerOut(f, &r.out)
	f.StringVar(&r.export, "summary-export", "", "the same as --out json=`FILE`")
	f.StringVar(&r.dir, "summary-dir", "", "let handleSummary write any file below `DIR`; without it, reports below the current folder")
	f.BoolVar(&r.noSave, "no-save", false, "do not keep the run for swarm report and swarm compare")
}

func registerOut(f *pflag.FlagSet, out *[]string) {
	f.StringArrayVarP(out, "out", "o", nil, "also write results: json, junit, markdown, csv (time series) or html=`FILE`, - for the standard output; repeat for more")
}

// settle reads what the flags say.
func (r *results) settle(e *env) (err error) {
	if r.outputs, err = parseOutputs(r.out); err != nil {
		return err
	}
	if r.export != "" {
		r.outputs = append(r.outputs, output{"json", r.export})
	}
	if !r.noSave {
		// Where no run can be kept the run itself is no worse.
		if folder, err := result.DefaultFolder(e.variable); err != nil {
			e.show(codeframe.Frame{Severity: "warning", Message: "the run will not be saved: " + err.Error(), Hint: "--no-save says so"})
		} else {
			r.store = result.NewStore(folder)
		}
	}
	r.actions = newActions(e)
	return nil
}

// variable returns an environment variable, "" if it is not set.
func (e *env) variable(name string) string {
	value, _ := e.lookup(name)
	return value
}

// output is one file and its format.
type output struct{ format, file string }

// format is how results can be written.
type format struct {
	name string
	// write may need the time series, which a run without load has not.
	write func(w io.Writer, r *result.Result) error
}

func formats() []format {
	return []format{
		{"json", func(w io.Writer, r *result.Result) error { return summary.WriteJSON(w, r.Summary) }},
		{"junit", func(w io.Writer, r *result.Result) error { return summary.WriteJUnit(w, r.Summary) }},
		{"markdown", func(w io.Writer, r *result.Result) error { return summary.WriteMarkdown(w, r.Summary) }},
		{"csv", render.WriteCSV},
		{"html", render.WriteHTML},
	}
}

// parseOutputs reads the values of --out: format=file.
func parseOutputs(specs []string) (all []output, err error) {
	known := formats()
	var names []string
	for _, f := range known {
		names = append(names, f.name)
	}
	hint := "one of " + strings.Join(names, ", ") + ", then =FILE; such as html=report.html"
	for _, spec := range specs {
		name, file, ok := strings.Cut(spec, "=")
		switch {
		case !slices.Contains(names, name):
			if near := spelling.Nearest(name, names); near != "" {
				hint = "did you mean " + near + "=" + file + "?"
			}
			return nil, &usageError{message: fmt.Sprintf("--out: unknown format %q", name), hint: hint}
		case !ok || file == "":
			return nil, &usageError{message: "--out: a file is missing", hint: name + "=FILE writes the results as " + name}
		case file == "-" && slices.ContainsFunc(all, func(o output) bool { return o.file == "-" }):
			return nil, &usageError{message: "--out: only one format can go to the standard output"}
		}
		all = append(all, output{name, file})
	}
	return all, nil
}

// check finds out before the load whether the files can be written.
func (r *results) check() error {
	if r.dir != "" {
		if info, err := os.Stat(r.dir); err != nil {
			return &configError{fmt.Errorf("--summary-dir: %w", err)}
		} else if !info.IsDir() {
			return &configError{fmt.Errorf("--summary-dir: %s is not a folder", r.dir)}
		}
	}
	return checkOutputs(r.outputs)
}

func checkOutputs(all []output) error {
	for _, o := range all {
		if o.file == "-" {
			continue
		}
		_, missing := os.Stat(o.file)
		f, err := os.OpenFile(o.file, os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return &configError{fmt.Errorf("write the results: %w", err)}
		}
		f.Close()
		if missing != nil {
			os.Remove(o.file) // a run that does not begin leaves nothing behind
		}
	}
	return nil
}

// writeOutputs writes all files, whichever of them fails, and returns the first error.
func writeOutputs(e *env, all []output, r *result.Result) (failed error) {
	for _, o := range all {
		if err := o.write(e, r); err != nil && failed == nil {
			failed = fmt.Errorf("write the results as %s to %s: %w", o.format, o.file, err)
		}
	}
	return failed
}

func (o output) write(e *env, r *result.Result) error {
	at := slices.IndexFunc(formats(), func(f format) bool { return f.name == o.format })
	write := formats()[at].write
	if o.file == "-" {
		return write(e.stdout, r)
	}
	f, err := os.Create(o.file)
	if err != nil {
		return pathless(err)
	}
	return pathless(errors.Join(write(f, r), f.Close()))
}

// pathless is an error without the name of the file, which is told already.
func pathless(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// toStdout reports whether the standard output belongs to a format.
func toStdout(all []output) bool {
	return slices.ContainsFunc(all, func(o output) bool { return o.file == "-" })
}

// write saves the run, prints the summary, or what the script's handleSummary
// made instead, and writes the files. It tries all of it. If a file of
// handleSummary cannot be written, the summary is printed too: its numbers
// exist nowhere else.
func (r *results) write(e *env, res *cluster.Result, about runFacts) error {
	run := about.result(res)
	if r.store != nil {
		if err := r.store.Save(run, result.DefaultKeep); err != nil {
			message := "the run was not saved: " + err.Error()
			if run.ID != "" {
				message = err.Error() // it was; another could not be deleted
			}
			e.show(codeframe.Frame{Severity: "warning", Message: message, Hint: "SWARM_RUNS names another folder, --no-save saves nothing"})
		}
	}
	var failed error
	note := func(err error) {
		if failed == nil && err != nil {
			failed = &configError{err}
		}
	}
	note(writeFiles(e, r.dir, res.Files))
	_, printed := res.Files["stdout"]
	if (res.Files == nil || failed != nil && !printed) && r.summary.value != "off" {
		out := e.stdout
		if toStdout(r.outputs) {
			out = e.stderr // who reads the other wants nothing else there
		}
		note(writeText(e, out, run.Summary, r.summary.value))
	}
	note(writeOutputs(e, r.outputs, run))
	if r.actions != nil {
		note(r.actions.tell(e, run.Summary, about))
	}
	return failed
}

// writeText prints the summary for a person.
func writeText(e *env, to terminal.Stream, s *summary.Summary, mode string) error {
	out := e.color(to)
	style := summary.Style{Color: out.Color, Width: out.Width(), Mode: mode}
	if mode == "normal" {
		style.Mode = ""
	}
	if out.Interactive {
		fmt.Fprintln(out) // a line between what was logged and the verdict
	}
	return summary.WriteText(out, s, style)
}

// runFacts are what is known of a run before it begins.
type runFacts struct {
	seed   uint64
	root   string // the project's folder
	script scriptPlaces
}

// result makes what is kept of a run.
func (f runFacts) result(res *cluster.Result) *result.Result {
	return &result.Result{
		Version:  readBuild().Version,
		Started:  res.Summary.Started,
		Host:     result.Host{OS: runtime.GOOS, Arch: runtime.GOARCH, Processors: runtime.NumCPU()},
		Seed:     f.seed,
		Plan:     res.Plan.Masked(),
		Summary:  res.Summary,
		Timeline: res.Timeline,
	}
}
