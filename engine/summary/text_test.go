package summary

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/inert"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); -update writes it anew:\n%s", name, diff)
	}
}

func text(t *testing.T, s *Summary, st Style) string {
	t.Helper()
	var b strings.Builder
	if err := WriteText(&b, s, st); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	for name, s := range fixtures(t) {
		golden(t, name+".txt", text(t, s, Style{Width: 100}))
		golden(t, name+".compact.txt", text(t, s, Style{Width: 100, Mode: "compact"}))
		golden(t, name+".full.txt", text(t, s, Style{Width: 100, Mode: "full"}))
		golden(t, name+".narrow.txt", text(t, s, Style{}))
		if off := text(t, s, Style{Mode: "off"}); off != "" {
			t.Errorf("%s: mode off prints %q", name, off)
		}
	}
}

// TestRequestsFit: the table leaves columns out before it is wider than the terminal.
func TestRequestsFit(t *testing.T) {
	for name, s := range fixtures(t) {
		for width := 20; width <= 140; width++ {
			p := &printer{style: Style{Width: width}}
			p.requests(s, false)
			for _, line := range strings.Split(p.b.String(), "\n") {
				if n := inert.Columns(line); n > width {
					t.Fatalf("%s: %d columns of %d: %q", name, n, width, line)
				}
			}
			if text := p.b.String(); text != "" && !strings.Contains(text, "p95") {
				t.Fatalf("%s: no p95 in %d columns:\n%s", name, width, text)
			}
		}
	}
}

// TestVitalsAreWhole: no figure of the generator is cut on a narrow terminal.
func TestVitalsAreWhole(t *testing.T) {
	g := Generator{CPU: 0.123, CPUMax: 0.456, LagP99: 12.3, LagMax: 456, Memory: 27 << 20, SocketErrors: 3}
	whole := vitals(g, 1000)
	if len(whole) != 1 || strings.Count(whole[0], "·") != 3 {
		t.Fatalf("%q", whole)
	}
	for columns := range 100 {
		lines := vitals(g, columns)
		if got := strings.Join(lines, "  ·  "); got != whole[0] {
			t.Errorf("%d columns: %q", columns, lines)
		}
		for _, line := range lines {
			if n := inert.Columns(line); n > max(columns, 32) {
				t.Errorf("%d columns of %d: %q", n, columns, line)
			}
		}
	}
}

func TestColourChangesNothingElse(t *testing.T) {
	sgr := regexp.MustCompile("\x1b\\[[0-9]+m")
	for name, s := range fixtures(t) {
		for _, mode := range []string{"", "compact", "full"} {
			plain, coloured := text(t, s, Style{Mode: mode}), text(t, s, Style{Mode: mode, Color: true})
			if !strings.Contains(coloured, "\x1b[") {
				t.Errorf("%s: no colour", name)
			}
			if got := sgr.ReplaceAllString(coloured, ""); got != plain {
				t.Errorf("%s: the text with colours differs:\n%s", name, cmp.Diff(plain, got))
			}
			if strings.ContainsFunc(plain, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }) {
				t.Errorf("%s: not inert: %q", name, plain)
			}
			for _, line := range strings.Split(plain, "\n") {
				if strings.TrimRight(line, " ") != line {
					t.Errorf("%s: line ends in spaces: %q", name, line)
				}
			}
		}
	}
}

// TestLongTextIsCut: a script cannot flood the summary.
func TestLongTextIsCut(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	s := &Summary{Script: long, Reasons: []string{long}, Notes: []string{long}, Errors: []ErrorGroup{{Message: long, File: long}}}
	if n := len(text(t, s, Style{Width: 100})); n > 8<<10 {
		t.Errorf("megabytes of text stay %d bytes", n)
	}
}

func TestWriteErrorIsReturned(t *testing.T) {
	broken := errors.New("disk full")
	for _, write := range []func(w writer) error{
		func(w writer) error { return WriteText(w, &Summary{}, Style{}) },
		func(w writer) error { return WriteJSON(w, &Summary{}) },
		func(w writer) error { return WriteJUnit(w, &Summary{}) },
		func(w writer) error { return WriteMarkdown(w, &Summary{}) },
	} {
		if err := write(writer{broken}); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	}
}

type writer struct{ err error }

func (w writer) Write([]byte) (int, error) { return 0, w.err }

func TestJSON(t *testing.T) {
	for name, s := range fixtures(t) {
		var b strings.Builder
		if err := WriteJSON(&b, s); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(b.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }) {
			t.Errorf("%s: JSON is not inert", name)
		}
		var again Summary
		if err := json.Unmarshal([]byte(b.String()), &again); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range s.Thresholds {
			again.Thresholds[i].Metric = s.Thresholds[i].Metric // not stored
		}
		if name != "hostile" { // its invalid bytes become U+FFFD
			if diff := cmp.Diff(s, &again); diff != "" {
				t.Errorf("%s changes on its way through JSON:\n%s", name, diff)
			}
		}
	}
	var b strings.Builder
	if err := WriteJSON(&b, Build(quick(t))); err != nil {
		t.Fatal(err)
	}
	golden(t, "quick.json", b.String())
}

// TestAnySummaryIsInert prints arbitrary summaries, as a hostile script makes them.
func TestAnySummaryIsInert(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		any := rapid.StringN(0, 60, -1)
		number := rapid.Float64Range(-1e300, 1e300)
		s := &Summary{
			Script:   any.Draw(t, "script"),
			Reasons:  []string{any.Draw(t, "reason")},
			Checks:   []Check{{any.Draw(t, "group"), any.Draw(t, "check"), rapid.Uint64().Draw(t, "passes"), rapid.Uint64().Draw(t, "fails")}},
			Requests: []Request{{Method: any.Draw(t, "method"), Name: any.Draw(t, "name"), Count: rapid.Uint64().Draw(t, "count"), P50: number.Draw(t, "p50"), Rate: number.Draw(t, "rate")}},
			Total:    Request{Count: 1},
			Errors:   []ErrorGroup{{Message: any.Draw(t, "message"), File: any.Draw(t, "file"), Line: 1}},
			Metrics:  []Metric{{Name: any.Draw(t, "metric"), Type: "trend", Samples: 1, Values: map[string]float64{"avg": number.Draw(t, "avg")}}},
			Notes:    []string{any.Draw(t, "note")}, TrendStats: []string{"avg"}, Isolation: any.Draw(t, "isolation"),
		}
		var b strings.Builder
		st := Style{Mode: rapid.SampledFrom([]string{"", "full", "compact"}).Draw(t, "mode"), Width: rapid.IntRange(0, 200).Draw(t, "width")}
		if err := WriteText(&b, s, st); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(b.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }) {
			t.Fatalf("not inert: %q", b.String())
		}
	})
}

// TestLinesFit: the first line and what the numbers must be read with are no
// wider than the terminal, and none of their words is lost.
func TestLinesFit(t *testing.T) {
	for name, s := range fixtures(t) {
		s.Script = "checkout-with-a-rather-long-name.ts"
		whole := &printer{style: Style{Width: 1000}}
		whole.truth(s)
		for _, width := range []int{60, 80, 100} {
			p := &printer{style: Style{Width: width}}
			reasons := s.Reasons
			s.Reasons = nil
			p.verdict(s)
			s.Reasons = reasons
			first := p.b.Len()
			p.truth(s)
			for _, line := range strings.Split(p.b.String(), "\n") {
				if n := inert.Columns(line); n > width {
					t.Errorf("%s: %d columns of %d: %q", name, n, width, line)
				}
			}
			words := func(text string) string {
				return strings.Join(strings.Fields(strings.ReplaceAll(text, "·", " ")), " ")
			}
			if got, want := words(p.b.String()[first:]), words(whole.b.String()); got != want {
				t.Errorf("%s at %d: %q, want %q", name, width, got, want)
			}
		}
	}
}

// TestSentencesFit: reasons and notes are broken between words, and what is
// broken stands further in.
func TestSentencesFit(t *testing.T) {
	long := "none of 14,172 requests was answered: no address for shop.example.com can be reached from any of the local addresses"
	for _, width := range []int{40, 60, 80, 200} {
		p := &printer{style: Style{Width: width}}
		p.verdict(&Summary{Reasons: []string{long}})
		p.notes(&Summary{Notes: []string{long}})
		lines := strings.Split(strings.TrimRight(p.b.String(), "\n"), "\n")
		for _, line := range lines[1:] {
			if n := inert.Columns(line); n > width {
				t.Errorf("%d columns of %d: %q", n, width, line)
			}
		}
		if got := strings.Count(strings.Join(strings.Fields(p.b.String()), " "), long); got != 2 {
			t.Errorf("at %d: %q", width, lines)
		}
		if width == 60 && (!strings.HasPrefix(lines[1], "   none") || !strings.HasPrefix(lines[2], "     ") || lines[2][5] == ' ') {
			t.Errorf("%q", lines)
		}
	}
}

func TestPeriod(t *testing.T) {
	for want, e := range map[string]ErrorGroup{
		"at 00:02":                {Count: 1, First: 2 * time.Second, Last: 3 * time.Second},
		"at 00:03":                {Count: 2, First: 3 * time.Second, Last: 3 * time.Second},
		"first 00:02, last 00:03": {Count: 2, First: 2 * time.Second, Last: 3 * time.Second},
	} {
		if got := period(e); got != want {
			t.Errorf("%d errors: %q, want %q", e.Count, got, want)
		}
	}
}

// TestSaturatedIsOfProcessors: other causes make a generator slow.
func TestSaturatedIsOfProcessors(t *testing.T) {
	for cause, want := range map[health.Cause]string{
		health.CPU: "the generator was saturated for 3 s", health.Lag: "the generator was slow for 3 s", health.GC: "the generator was slow for 3 s",
	} {
		g := Generator{Known: true, Marked: 3 * time.Second, Marks: []health.Mark{{To: 3 * time.Second, Cause: cause}}}
		if text, ok := wellbeing(g, 10*time.Second); ok || !strings.HasPrefix(text, want) {
			t.Errorf("%v: %q", cause, text)
		}
	}
}

// TestMarkdownNamesAreCut: a name of a kilobyte makes a table nobody reads.
func TestMarkdownNamesAreCut(t *testing.T) {
	long := strings.Repeat("x", 500)
	s := &Summary{Script: long, Requests: []Request{{Name: long}, {Name: "b"}}, Total: Request{Count: 2}, Checks: []Check{{Name: long}}}
	var b strings.Builder
	if err := WriteMarkdown(&b, s); err != nil {
		t.Fatal(err)
	}
	if cut := "`" + long[:maxName] + "…`"; strings.Count(b.String(), cut) != 3 || strings.Contains(b.String(), long[:maxName+1]) {
		t.Error(b.String())
	}
	if exact := long[:maxName]; name(exact) != "`"+exact+"`" {
		t.Errorf("%d characters are cut", maxName)
	}
}
