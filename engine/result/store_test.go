package result

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/summary"
)

func small(script string, started time.Time) *Result {
	return &Result{
		Version: "1.2.3", Started: started, Seed: 7, Host: Host{"linux", "amd64", 2},
		Plan: &plan.Plan{},
		Summary: &summary.Summary{
			Script: script, Started: started, Duration: 90 * time.Second, Passed: true,
			Total: summary.Request{Count: 1234},
		},
	}
}

func day(n int) time.Time { return time.Date(2026, 1, n, 3, 4, 5, 0, time.UTC) }

func TestSaveListOpen(t *testing.T) {
	s := NewStore(filepath.Join(t.TempDir(), "deep", "runs"))
	if entries, err := s.List(); len(entries) != 0 || err != nil {
		t.Errorf("a folder that is not there lists %v, %v", entries, err)
	}
	if _, err := s.Open(Last); !errors.Is(err, ErrNotFound) {
		t.Errorf("last of none: %v", err)
	}
	var ids []string
	for i, n := range []int{2, 3, 1} {
		r := small(fmt.Sprint("script", i, ".js"), day(n))
		if err := s.Save(r, DefaultKeep); err != nil {
			t.Fatal(err)
		}
		if r.ID != r.Summary.Saved || !isID(r.ID) || len(r.ID) < 4 {
			t.Errorf("id %q, in the summary %q", r.ID, r.Summary.Saved)
		}
		ids = append(ids, r.ID)
	}
	entries, err := s.List()
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v, %v", entries, err)
	}
	want := Entry{ids[1], "script1.js", day(3), 90 * time.Second, true, 1234}
	if entries[0] != want {
		t.Errorf("newest is %+v, want %+v", entries[0], want)
	}
	if entries[1].ID != ids[0] || entries[2].ID != ids[2] {
		t.Errorf("list is %+v", entries)
	}
	for name, id := range map[string]string{
		ids[0]: ids[0], Last: ids[1], s.path(ids[2]): ids[2],
	} {
		if r, err := s.Open(name); err != nil || r.ID != id || r.Summary.Saved != id {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
	for _, name := range []string{"ffffffff", "no/such/file", "last.json"} {
		if _, err := s.Open(name); !errors.Is(err, ErrNotFound) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are those of unix")
	}
	s := NewStore(filepath.Join(t.TempDir(), "runs"))
	r := small("a.js", day(1))
	if err := s.Save(r, 0); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{s.folder: os.ModeDir | 0o700, s.path(r.ID): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestPrefix(t *testing.T) {
	s := NewStore(t.TempDir())
	var text bytes.Buffer
	if err := Write(&text, small("a.js", day(1))); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"abcd", "abce", "abcde", "1234"} {
		if err := os.WriteFile(s.path(id), text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"1": "1234", "abcd": "abcd", "abcde": "abcde"} {
		if path, err := s.find(name); err != nil || path != s.path(want) {
			t.Errorf("%s: %s, %v", name, path, err)
		}
	}
	if _, err := s.Open("abc"); err == nil || !strings.Contains(err.Error(), "3 runs: abcd, abcde, abce") {
		t.Errorf("ambiguous: %v", err)
	}
	// A file of the working folder may have a name that could be an ID.
	t.Chdir(t.TempDir())
	if err := os.WriteFile("beef", text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Open("beef"); err != nil || r.Seed != 7 {
		t.Errorf("file: %v", err)
	}
}

func TestPruneKeepsTheNewest(t *testing.T) {
	s := NewStore(t.TempDir())
	for n := 1; n <= 6; n++ {
		if err := s.Save(small(fmt.Sprint(n), day(n)), 4); err != nil {
			t.Fatal(err)
		}
	}
	scripts := func() (all []string) {
		entries, err := s.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Script)
		}
		return all
	}
	if got := scripts(); !slices.Equal(got, []string{"6", "5", "4", "3"}) {
		t.Errorf("kept %v", got)
	}
	// The clock was set back: what was just saved stays.
	if err := s.Save(small("old", day(1)), 2); err != nil {
		t.Fatal(err)
	}
	if got := scripts(); !slices.Equal(got, []string{"6", "5", "old"}) {
		t.Errorf("kept %v", got)
	}
}

func TestPruneSparesWhatItDoesNotKnow(t *testing.T) {
	s := NewStore(t.TempDir())
	long := time.Now().Add(-2 * abandoned)
	files := map[string]bool{ // name: goes
		temporary + "123": true, "aaaa" + extension: true, "notes.txt": false, "later" + extension: false,
		"cccc" + extension: false,
	}
	for name := range files {
		text := ""
		if name == "cccc"+extension {
			text = "damaged"
		}
		path := filepath.Join(s.folder, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, long, long)); err != nil {
			t.Fatal(err)
		}
	}
	fresh := filepath.Join(s.folder, temporary+"now")
	if err := os.WriteFile(fresh, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(small("a", day(1)), 1); err != nil {
		t.Fatal(err)
	}
	for name, goes := range files {
		if _, err := os.Stat(filepath.Join(s.folder, name)); errors.Is(err, os.ErrNotExist) != goes {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Error(err)
	}
	if entries, err := s.List(); len(entries) != 1 || err != nil {
		t.Errorf("list: %v, %v", entries, err)
	}
}

// TestManyAtOnce saves, lists and opens at the same time.
func TestManyAtOnce(t *testing.T) {
	folder := t.TempDir()
	const savers, each, keep = 8, 12, 10
	var all sync.Map
	var wg sync.WaitGroup
	for i := range savers {
		wg.Go(func() {
			s := NewStore(folder) // as if of another process
			for n := range each {
				r := small(fmt.Sprint(i), day(n+1))
				if err := s.Save(r, keep); err != nil {
					t.Error(err)
				}
				if other, taken := all.LoadOrStore(r.ID, i); taken && other != i {
					// An ID may come again once its run was deleted.
					t.Logf("id %s was used by %v before", r.ID, other)
				}
			}
		})
		wg.Go(func() {
			s := NewStore(folder)
			for range each {
				entries, err := s.List()
				if err != nil {
					t.Error(err)
				}
				for _, e := range entries {
					if r, err := s.Open(e.ID); err != nil && !errors.Is(err, ErrNotFound) || err == nil && r.ID != e.ID {
						t.Errorf("%s: %v", e.ID, err)
					}
				}
			}
		})
	}
	wg.Wait()
	s := NewStore(folder)
	if err := s.Save(small("end", day(30)), keep); err != nil {
		t.Fatal(err)
	}
	entries, err := s.List()
	if err != nil || len(entries) != keep || entries[0].Script != "end" {
		t.Errorf("%d kept, %v", len(entries), err)
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != keep {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func TestListReadsLittle(t *testing.T) {
	s := NewStore(t.TempDir())
	r := small("a.js", day(1))
	if err := s.Save(r, 0); err != nil {
		t.Fatal(err)
	}
	// All but the beginning is lost, and still the list knows it.
	var text bytes.Buffer
	if err := Write(&text, r); err != nil {
		t.Fatal(err)
	}
	unpacked, err := unpack(&text)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := bytes.Cut(unpacked, []byte(`"version"`))
	var cut bytes.Buffer
	packed := gzip.NewWriter(&cut)
	packed.Write(head)
	packed.Flush()
	if err := os.WriteFile(s.path(r.ID), cut.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if entries, err := s.List(); err != nil || len(entries) != 1 || entries[0].Requests != 1234 {
		t.Errorf("list: %v, %v", entries, err)
	}
	if _, err := s.Open(r.ID); err == nil {
		t.Error("a cut result was opened")
	}
}

func TestDefaultFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths are those of unix")
	}
	for want, env := range map[string]map[string]string{
		"/r":                         {"SWARM_RUNS": "/r", "XDG_STATE_HOME": "/x", "HOME": "/h"},
		"/x/swarm/runs":              {"XDG_STATE_HOME": "/x", "HOME": "/h"},
		"/h/.local/state/swarm/runs": {"XDG_STATE_HOME": "relative", "HOME": "/h"},
	} {
		if got, err := DefaultFolder(func(k string) string { return env[k] }); got != want || err != nil {
			t.Errorf("%v: %s, %v", env, got, err)
		}
	}
	if _, err := DefaultFolder(func(string) string { return "" }); err == nil {
		t.Error("no folder is none")
	}
}
