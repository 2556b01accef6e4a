package result

import (
	"cmp"
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Store is a folder of results, each in a file named after its ID. Any number
// of processes may use it at once: a file appears with all that is in it, and
// no two get one ID.
type Store struct{ folder string }

// DefaultKeep is how many results a store keeps unless told otherwise.
const DefaultKeep = 100

// Last is the name of the newest result in a store.
const Last = "last"

// ErrNotFound is wrapped by errors about results that are not there.
var ErrNotFound = errors.New("no such run")

const (
	extension = ".json.gz"
	temporary = ".saving-"
	// abandoned is how old something unfinished is when whoever began it is
	// surely gone.
	abandoned = time.Hour
)

// Entry is what a list tells of a result.
type Entry struct {
	ID       string        `json:"id"`
	Script   string        `json:"script"`
	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"duration"` // of the load phase
	Passed   bool          `json:"passed"`
	Requests uint64        `json:"requests"`
}

func entryOf(r *Result) Entry {
	return Entry{
		ID: r.ID, Script: r.Summary.Script, Started: r.Started,
		Duration: r.Summary.Duration, Passed: r.Summary.Passed, Requests: r.Summary.Total.Count,
	}
}

// NewStore returns the store in a folder, which need not exist.
func NewStore(folder string) *Store { return &Store{folder} }

// DefaultFolder returns where runs are kept: $SWARM_RUNS, else below the
// folder in which the system wants the state of programs. env looks up
// variables.
func DefaultFolder(env func(string) string) (string, error) {
	if folder := env("SWARM_RUNS"); folder != "" {
		return folder, nil
	}
	if state := env("XDG_STATE_HOME"); filepath.IsAbs(state) { // its specification: ignore others
		return filepath.Join(state, "swarm", "runs"), nil
	}
	if local := env("LocalAppData"); runtime.GOOS == "windows" && local != "" {
		return filepath.Join(local, "swarm", "runs"), nil
	}
	if home := env("HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "swarm", "runs"), nil
	}
	return "", errors.New("no folder for runs: set SWARM_RUNS")
}

// Folder returns the folder.
func (s *Store) Folder() string { return s.folder }

// Save keeps r under a new ID, which it sets in r and in its summary before
// writing, and deletes all but the newest keep results (0: deletes none). Only
// the user may read what it writes. When deleting fails, r is saved all the
// same and the error is that of deleting.
func (s *Store) Save(r *Result, keep int) error {
	if r.Plan == nil || r.Summary == nil {
		return errors.New("save run: a result needs a plan and a summary")
	}
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return fmt.Errorf("save run: %w", err)
	}
	path, id, err := s.reserve()
	if err != nil {
		return fmt.Errorf("save run: %w", err)
	}
	before, saved := r.ID, r.Summary.Saved
	r.ID, r.Summary.Saved = id, id
	if err := s.write(path, r); err != nil {
		r.ID, r.Summary.Saved = before, saved
		return fmt.Errorf("save run: %w", errors.Join(err, os.Remove(path)))
	}
	if keep <= 0 {
		return nil
	}
	return s.prune(keep, id)
}

// reserve finds an ID that is free and makes an empty file for it.
func (s *Store) reserve() (path, id string, err error) {
	for attempt := range 64 {
		var random [4]byte
		rand.Read(random[:]) // never fails
		// Four digits do for a hundred runs; a fuller store takes more.
		id = hex.EncodeToString(random[:])[:min(4+attempt/4, 8)]
		if id == strings.Repeat("0", len(id)) {
			continue
		}
		path = s.path(id)
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", "", err
		}
		return path, id, f.Close()
	}
	return "", "", fmt.Errorf("no free id in %s", s.folder)
}

func (s *Store) path(id string) string { return filepath.Join(s.folder, id+extension) }

// write writes r beside path and then puts it there.
func (s *Store) write(path string, r *Result) (err error) {
	f, err := os.CreateTemp(s.folder, temporary+"*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = Write(f, r)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing // after another error it adds nothing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Open returns a result by its ID, the beginning of its ID if only one has it,
// [Last], or the path of a file. The error wraps ErrNotFound when there is none.
func (s *Store) Open(name string) (*Result, error) {
	path, err := s.find(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
		}
		return nil, fmt.Errorf("open run: %w", err)
	}
	defer f.Close()
	r, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// find returns the file of a result.
func (s *Store) find(name string) (path string, err error) {
	if name == Last {
		entries, err := s.List()
		if err != nil {
			return "", err
		}
		if len(entries) == 0 {
			return "", fmt.Errorf("%w: %s holds none yet", ErrNotFound, s.folder)
		}
		return s.path(entries[0].ID), nil
	}
	if !isID(name) {
		return name, nil
	}
	ids, err := s.ids()
	if err != nil {
		return "", err
	}
	var found []string
	for _, id := range ids {
		if id == name {
			return s.path(id), nil
		}
		if strings.HasPrefix(id, name) {
			found = append(found, id)
		}
	}
	switch {
	case len(found) == 1:
		return s.path(found[0]), nil
	case len(found) > 1:
		return "", fmt.Errorf("%s is the beginning of %d runs: %s", name, len(found), strings.Join(found[:min(len(found), 8)], ", "))
	}
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	return "", fmt.Errorf("%w: %s is none in %s", ErrNotFound, name, s.folder)
}

func isID(name string) bool {
	return name != "" && len(name) <= 8 && strings.Trim(name, "0123456789abcdef") == ""
}

// ids returns the IDs of the results that are there, sorted.
func (s *Store) ids() ([]string, error) {
	files, err := os.ReadDir(s.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var ids []string
	for _, f := range files {
		id, ok := strings.CutSuffix(f.Name(), extension)
		if !ok || !isID(id) || !f.Type().IsRegular() {
			continue
		}
		if info, err := f.Info(); err == nil && info.Size() > 0 { // else being saved
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// List returns what is kept, the newest first. Files that are damaged or of a
// later version are left out.
func (s *Store) List() ([]Entry, error) {
	ids, err := s.ids()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, id := range ids {
		if e, err := s.entry(id); err == nil {
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(a.ID, b.ID))
	})
	return entries, nil
}

// entry reads the beginning of a result.
func (s *Store) entry(id string) (e Entry, err error) {
	f, err := os.Open(s.path(id))
	if err != nil {
		return e, err
	}
	defer f.Close()
	packed, err := gzip.NewReader(f)
	if err != nil {
		return e, err
	}
	const beginning = 64 << 10 // script may be a long path
	dec := json.NewDecoder(&limited{r: packed, left: beginning})
	if _, err := dec.Token(); err != nil {
		return e, err
	}
	var schema string
	fields := map[string]any{
		"schema": &schema, "id": &e.ID, "script": &e.Script, "started": &e.Started,
		"duration": &e.Duration, "passed": &e.Passed, "requests": &e.Requests,
	}
	for len(fields) > 0 {
		key, err := dec.Token()
		if err != nil {
			return e, err
		}
		name, _ := key.(string)
		into, ok := fields[name]
		if !ok {
			into = new(json.RawMessage) // of a version that tells more
		}
		if err := dec.Decode(into); err != nil {
			return e, err
		}
		delete(fields, name)
	}
	e.ID = id // a copied file is another result
	return e, knownSchema(schema)
}

// prune deletes all but the newest results, never the one just saved, and what
// was abandoned while being saved.
func (s *Store) prune(keep int, saved string) error {
	entries, err := s.List()
	if err != nil {
		return err
	}
	var failed error
	remove := func(path string) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = fmt.Errorf("delete old runs: %w", err)
		}
	}
	for i, e := range entries {
		if i >= keep && e.ID != saved {
			remove(s.path(e.ID))
		}
	}
	files, err := os.ReadDir(s.folder)
	if err != nil {
		return fmt.Errorf("delete old runs: %w", err)
	}
	for _, f := range files {
		id, named := strings.CutSuffix(f.Name(), extension)
		unfinished := strings.HasPrefix(f.Name(), temporary) || named && isID(id)
		info, err := f.Info()
		if err != nil || !unfinished || !f.Type().IsRegular() || time.Since(info.ModTime()) < abandoned {
			continue
		}
		if named && info.Size() > 0 {
			continue
		}
		remove(filepath.Join(s.folder, f.Name()))
	}
	return failed
}
