package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/swarmload/swarm/engine/spelling"
)

// Limits on what is read, for text that means harm.
const (
	maxFile  = 4 << 20  // bytes of one file
	maxTotal = 16 << 20 // bytes of all files of a bundle
	maxLinks = 40       // symbolic links on the way to one file
)

// ProjectRoot tells where a script's project begins: the nearest folder at or
// above it that holds package.json, jsconfig.json, tsconfig.json or .git, else
// the script's own folder. entry is the script relative to root,
// slash-separated. The script itself need not exist.
func ProjectRoot(entryPath string) (root, entry string, err error) {
	abs, err := filepath.Abs(entryPath)
	if err != nil {
		return "", "", fmt.Errorf("finding the project of %s: %w", entryPath, err)
	}
	// The folder's real path, so that a script reached through a link is
	// found below the root it really lives in.
	dir := filepath.Dir(abs)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	root = dir
	for d := dir; ; d = filepath.Dir(d) {
		if marksProject(d) {
			root = d
			break
		}
		if d == filepath.Dir(d) {
			break
		}
	}
	entry, err = filepath.Rel(root, filepath.Join(dir, filepath.Base(abs)))
	if err != nil {
		return "", "", fmt.Errorf("finding the project of %s: %w", entryPath, err)
	}
	return root, filepath.ToSlash(entry), nil
}

func marksProject(dir string) bool {
	for _, name := range [...]string{"package.json", "jsconfig.json", "tsconfig.json", ".git"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// project reads files below one folder and nothing else. Paths are relative to
// it, slash-separated and clean. Not safe for concurrent use.
type project struct {
	root  *os.Root
	dir   string            // absolute
	real  string            // dir without symbolic links
	links map[string]string // canonical path of folders already walked
	total int               // bytes read
}

func openProject(dir string) (*project, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the project folder: %w", err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("opening the project folder: %w", err)
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		real = abs
	}
	return &project{root: root, dir: abs, real: real, links: map[string]string{}}, nil
}

func (p *project) Close() error { return p.root.Close() }

var (
	errOutside   = errors.New("outside the project folder")
	errTooBig    = errors.New("too big")
	errTooMuch   = errors.New("too much in all")
	errIrregular = errors.New("not a regular file")
)

// canonical follows the symbolic links in name, as long as they stay in the
// project. One file then has one name, whatever way led to it, and packages
// that an installer linked find their own dependencies.
func (p *project) canonical(name string) (string, error) {
	return p.follow(name, new(int))
}

func (p *project) follow(name string, hops *int) (string, error) {
	if name == "." {
		return name, nil
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", errOutside
	}
	if real, ok := p.links[name]; ok {
		return real, nil
	}
	parent, err := p.follow(path.Dir(name), hops)
	if err != nil {
		return "", err
	}
	real := path.Join(parent, path.Base(name))
	info, err := p.root.Lstat(filepath.FromSlash(real))
	if err != nil {
		return "", err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if *hops++; *hops > maxLinks {
			return "", errors.New("too many symbolic links")
		}
		target, err := p.root.Readlink(filepath.FromSlash(real))
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			if target, err = filepath.Rel(p.real, target); err != nil {
				return "", errOutside
			}
			target = filepath.ToSlash(target)
		} else {
			target = path.Join(parent, filepath.ToSlash(target))
		}
		if real, err = p.follow(path.Clean(target), hops); err != nil {
			return "", err
		}
	}
	p.links[name] = real
	return real, nil
}

// kind of what a path leads to.
type kind uint8

const (
	nothing kind = iota
	aFile
	aFolder
	escape // a link that leads outside
	other  // a device, a pipe: never opened
)

// look tells what name is and its canonical path.
func (p *project) look(name string) (kind, string) {
	if strings.ContainsRune(name, 0) {
		return nothing, name
	}
	real, err := p.canonical(name)
	if err != nil {
		if errors.Is(err, errOutside) {
			return escape, name
		}
		return nothing, name
	}
	info, err := p.root.Lstat(filepath.FromSlash(real))
	switch {
	case err != nil:
		return nothing, name
	case info.IsDir():
		return aFolder, real
	case info.Mode().IsRegular():
		return aFile, real
	}
	return other, real
}

// read returns the text of a file that look has found.
func (p *project) read(name string) ([]byte, error) {
	f, err := p.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errIrregular
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, errTooBig
	}
	if p.total += len(text); p.total > maxTotal {
		return nil, errTooMuch
	}
	return text, nil
}

// list names what is in a folder, for suggestions.
func (p *project) list(dir string) []string {
	f, err := p.root.Open(filepath.FromSlash(dir))
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(1000)
	return names
}

// entry checks that the script is there, and returns its path.
func (p *project) entry(name string) (string, *Diagnostic) {
	fault := func(at, message, hint string) *Diagnostic {
		return &Diagnostic{At: Position{File: printable(at)}, Length: 1, Message: message, Hint: hint}
	}
	given := name
	if filepath.IsAbs(name) {
		if rel, err := filepath.Rel(p.dir, name); err == nil {
			name = rel
		}
	}
	name = path.Clean(filepath.ToSlash(name))
	if given == "" || name == "." {
		return "", fault(given, "no script given", "name a .js or .ts file")
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", fault(given, "the script is outside the project folder", "")
	}
	k, real := p.look(name)
	switch k {
	case aFile:
	case aFolder:
		hint := ""
		for _, inside := range [...]string{"script.js", "script.ts", "index.js", "index.ts", "main.js", "main.ts"} {
			if k, _ := p.look(path.Join(name, inside)); k == aFile {
				hint = "did you mean " + path.Join(given, inside) + "?"
				break
			}
		}
		return "", fault(given, "the script is a directory", hint)
	case escape:
		return "", fault(given, "the script is a symbolic link that leads outside the project folder", "")
	case other:
		return "", fault(given, "the script is not a regular file", "")
	default:
		return "", fault(given, "no such file", p.nearby(path.Dir(name), path.Base(name), path.Dir(filepath.ToSlash(given))))
	}
	if _, ok := loaderFor(real); !ok || dataFile(real) {
		return "", fault(given, "the script is not JavaScript or TypeScript", "its name must end in .js, .mjs, .cjs, .ts, .mts or .cts")
	}
	return real, nil
}

// nearby proposes a file of dir whose name is close to base, written as below
// the prefix shown.
func (p *project) nearby(dir, base, shown string) string {
	if best := spelling.Nearest(base, p.list(dir)); best != "" && best != base {
		if shown != "" && shown != "." {
			best = strings.TrimSuffix(shown, "/") + "/" + best
		}
		return "did you mean " + printable(best) + "?"
	}
	return ""
}
