package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/result"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

var steady = model{seconds: 60, perSecond: 40, memory: 0.3, wander: 0.05, noise: 0.4, failed: 0.02}

// TestOneRunWithItself: nothing differs, whatever the run.
func TestOneRunWithItself(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := model{
			seconds: rapid.IntRange(0, 50).Draw(rt, "seconds"), perSecond: rapid.IntRange(0, 12).Draw(rt, "rate"),
			memory: rapid.Float64Range(0, 0.95).Draw(rt, "memory"), wander: rapid.Float64Range(0, 1).Draw(rt, "wander"),
			noise: rapid.Float64Range(0, 2).Draw(rt, "noise"), failed: rapid.Float64Range(0, 1).Draw(rt, "failed"),
			ramp: rapid.Bool().Draw(rt, "ramp"),
		}
		r := m.run(t, rapid.Uint64().Draw(rt, "seed"))
		other := *r
		if rapid.Bool().Draw(rt, "other plan") {
			other.Plan = nil
		}
		c := compare(t, r, &other, Bounds{Confidence: 0.5}) // narrow bands
		for _, row := range c.Rows {
			if row.Verdict != same && row.Verdict != unknown || row.Change != 0 || row.Low > 0 || row.High < 0 {
				rt.Fatalf("%+v", row)
			}
		}
		if len(c.Regressions) > 0 {
			rt.Fatal(c.Regressions)
		}
	})
}

// TestSlowerIsWorse: what is much slower is worse, the other way round better,
// and the bound decides what counts.
func TestSlowerIsWorse(t *testing.T) {
	slow := steady
	slow.shift, slow.failed = 0.5, 0.1
	a, b := steady.run(t, 1), slow.run(t, 2)
	c := compare(t, a, b, Bounds{Regression: 0.05})
	for _, name := range []string{"http_req_duration p(95)", "GET /a p(95)", "GET /b p(99)", "http_req_failed rate"} {
		if r := c.row(t, name); r.Verdict != worse || r.Low <= 0 || r.Change < r.Low || r.Change > r.High {
			t.Errorf("%+v", r)
		}
	}
	if r := c.row(t, "http_reqs rate"); r.Verdict != same || r.Better != "higher" {
		t.Errorf("%+v", r)
	}
	if len(c.Regressions) < 4 || !strings.HasPrefix(c.Regressions[0], "http_req_duration p(95): ") {
		t.Errorf("regressions: %q", c.Regressions)
	}
	back := compare(t, b, a, Bounds{})
	if r := back.row(t, "http_req_duration p(95)"); r.Verdict != better || len(back.Regressions) > 0 {
		t.Errorf("%+v, %q", r, back.Regressions)
	}
	if c := compare(t, a, b, Bounds{Regression: 20}); len(c.Regressions) > 0 {
		t.Errorf("within a bound of 2000 %%: %q", c.Regressions)
	}
	only := compare(t, a, b, Bounds{Metrics: []string{"http_reqs rate"}})
	if len(only.Regressions) > 0 || only.row(t, "http_req_duration p(95)").Judges {
		t.Errorf("a row that was not named judges: %q", only.Regressions)
	}
	var first, second bytes.Buffer
	for _, w := range []*bytes.Buffer{&first, &second} {
		if err := WriteJSON(w, compare(t, a, b, Bounds{Regression: 0.05})); err != nil {
			t.Fatal(err)
		}
	}
	if first.String() != second.String() {
		t.Error("two comparisons of the same runs differ")
	}
}

// TestErrorsFromNone: a share that was 0 has no relative change and can be worse.
func TestErrorsFromNone(t *testing.T) {
	clean, faulty := steady, steady
	clean.failed, faulty.failed = 0, 0.05
	c := compare(t, clean.run(t, 1), faulty.run(t, 2), Bounds{Regression: 0.05})
	if r := c.row(t, "http_req_failed rate"); r.Verdict != worse || r.Change != 0 {
		t.Errorf("%+v", r)
	}
	if !slices.ContainsFunc(c.Regressions, func(l string) bool { return strings.HasPrefix(l, "http_req_failed rate: ") }) {
		t.Errorf("regressions: %q", c.Regressions)
	}
	// One or two failures of thousands prove nothing.
	faulty.failed = 0.0005
	for seed := range uint64(10) {
		if r := compare(t, clean.run(t, 1), faulty.run(t, seed), Bounds{}).row(t, "http_req_failed rate"); r.B*60*40 < 2.5 && r.Verdict != same {
			t.Errorf("%+v", r)
		}
	}
}

func TestTooShort(t *testing.T) {
	short := steady
	short.seconds = 12
	slow := short
	slow.shift = 1
	a, b := short.run(t, 1), slow.run(t, 2)
	b.ID = "80aa"
	c := compare(t, a, b, Bounds{})
	if r := c.row(t, "http_req_duration p(95)"); r.Verdict != unknown || r.Low != 0 || r.High != 0 || r.Change < 0.5 {
		t.Errorf("%+v", r)
	}
	if len(c.Regressions) > 0 || !hasNote(c, "too short") {
		t.Errorf("%q %q", c.Regressions, c.Notes)
	}
	if ok, why := c.Judged(); ok || why != "the runs are too short: each needs at least 20 intervals of 1.0s that count" {
		t.Errorf("judged: %t, %q", ok, why)
	}
	// Nor without time series.
	a, b = steady.run(t, 1), steady.run(t, 2)
	b.ID, b.Timeline = "80aa", nil
	c = compare(t, a, b, Bounds{})
	if r := c.row(t, "http_req_duration p(95)"); r.Verdict != unknown || r.A == 0 || r.B == 0 || !hasNote(c, "no time series") {
		t.Errorf("%+v %q", r, c.Notes)
	}
	if ok, why := c.Judged(); ok || !strings.Contains(why, "no time series") {
		t.Errorf("judged: %t, %q", ok, why)
	}
	// Nor a percentile with hardly a sample beyond.
	few := steady
	few.perSecond = 2
	if r := compare(t, few.run(t, 1), few.run(t, 2), Bounds{}).row(t, "http_req_duration p(99)"); r.Verdict != unknown {
		t.Errorf("%+v", r)
	}
}

func hasNote(c *Comparison, part string) bool {
	return slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, part) })
}

// TestMarkedSpans: what the generator made slow is not the target's doing.
func TestMarkedSpans(t *testing.T) {
	a, b := steady.run(t, 1), steady
	b.warmUp = 0
	marked := b.run(t, 2)
	marked.Summary.Generator.Marks = []health.Mark{{From: 10 * time.Second, To: 15 * time.Second, Cause: health.CPU}}
	c := compare(t, a, marked, Bounds{})
	if !hasNote(c, "left out 5.0s in which the generator was slow") {
		t.Errorf("notes: %q", c.Notes)
	}
	marked.Summary.Generator.Marks[0].To = time.Hour
	if c := compare(t, a, marked, Bounds{}); !hasNote(c, "in most of") {
		t.Errorf("notes: %q", c.Notes)
	}
}

// TestItself: nobody should take a comparison of a run with itself for a good one.
func TestItself(t *testing.T) {
	a, b := steady.run(t, 1), steady.run(t, 2)
	a.ID, b.ID = "7f3c", "7f3c"
	b.Started = a.Started.Add(time.Hour)
	if c := compare(t, a, b, Bounds{}); hasNote(c, "the same run") {
		t.Errorf("runs of two stores: %q", c.Notes)
	}
	if c := compare(t, a, a, Bounds{}); !hasNote(c, "both are the same run") {
		t.Errorf("notes: %q", c.Notes)
	}
	a.Timeline = nil
	if ok, why := compare(t, a, a, Bounds{}).Judged(); !ok {
		t.Errorf("a run differs from itself: %s", why)
	}
}

// TestManyRows: a person is shown what differs, and not hundreds of rows that do not.
func TestManyRows(t *testing.T) {
	c := &Comparison{}
	for i := range 3 * maxRows {
		verdict := []string{same, unknown}[i%2]
		if i == 2*maxRows {
			verdict = worse
		}
		c.Rows = append(c.Rows, Row{Name: fmt.Sprintf("row%03d", i), Unit: "ms", A: 1, B: 1, Verdict: verdict})
	}
	var b strings.Builder
	if err := WriteText(&b, c, false, 100); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if n := strings.Count(got, "   row"); n != maxRows+1 || !strings.Contains(got, fmt.Sprintf("row%03d", 2*maxRows)) || !strings.Contains(got, "and 119 more") {
		t.Errorf("%d rows:\n%s", n, got)
	}
}

func TestOtherRuns(t *testing.T) {
	a, b := steady.run(t, 1), steady.run(t, 2)
	b.Summary.Script, b.Version, a.Version = "other.js", "v2", "v1"
	b.Host = result.Host{OS: "linux", Arch: "arm64", Processors: 2}
	b.Plan.Scenarios[0].VUs = 99
	c := compare(t, a, b, Bounds{})
	for _, part := range []string{"different scripts: s.js and other.js", "different versions", "different machines", "different plans"} {
		if !hasNote(c, part) {
			t.Errorf("no note of %s in %q", part, c.Notes)
		}
	}
	if r := c.row(t, "http_reqs rate"); r.Better != "" || r.Judges {
		t.Errorf("%+v", r)
	}
	for _, bad := range []Bounds{{Confidence: 1}, {Confidence: -1}, {Confidence: math.NaN()}, {Metrics: []string{"nothing"}}} {
		if _, err := Compare(a, b, bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	if _, err := Compare(nil, b, Bounds{}); err == nil {
		t.Error("a run that is nil is compared")
	}
}

// TestWarmUp cuts what is slow in the beginning, and nothing of noise.
func TestWarmUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, 120)
	for i := range x {
		x[i] = 100 + random.NormFloat64()
		if i < 18 {
			x[i] += 50
		}
	}
	if cut := warmUp(x); cut < 15 || cut > 30 {
		t.Errorf("cut %d of a warm-up of 18", cut)
	}
	for i := range x {
		x[i] = float64(i) // never settles
	}
	if cut := warmUp(x); cut != 0 {
		t.Errorf("cut %d of a straight rise", cut)
	}
	if cut := warmUp(x[:10]); cut != 0 {
		t.Errorf("cut %d of ten values", cut)
	}
	hot := steady
	hot.warmUp, hot.perSecond = 20, 100
	if c := compare(t, hot.run(t, 1), hot.run(t, 2), Bounds{}); !hasNote(c, "leave out the warm-up") {
		t.Errorf("notes: %q", c.Notes)
	}
}

// TestBlockLength: the longer the memory, the longer the blocks.
func TestBlockLength(t *testing.T) {
	length := func(memory float64) float64 {
		sum := 0
		for seed := range uint64(20) {
			random := rand.New(rand.NewPCG(seed, 3))
			x, level := make([]float64, 400), 0.0
			for i := range x {
				level = memory*level + random.NormFloat64()
				x[i] = level
			}
			sum += blockLength(x)
		}
		return float64(sum) / 20
	}
	none, some, strong := length(0), length(0.5), length(0.9)
	if none > 4 || some < none+1 || strong < some+3 || strong > 50 {
		t.Errorf("blocks of %.1f, %.1f and %.1f", none, some, strong)
	}
	for _, x := range [][]float64{nil, {1}, make([]float64, 100), {math.NaN(), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}} {
		if n := blockLength(x); n < 1 || n > max(len(x), 1) {
			t.Errorf("blocks of %d for %v", n, x)
		}
	}
}

func TestDraw(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	sum := make([]float64, 10)
	for range 5_000 {
		weights := make([]float64, 10)
		draw(weights, 3, random)
		total := 0.0
		for i, w := range weights {
			total += w
			sum[i] += w
		}
		if total != 10 {
			t.Fatalf("a run of %v intervals", total)
		}
	}
	for i, s := range sum {
		if math.Abs(s-5_000) > 400 {
			t.Errorf("interval %d was drawn %v times of 5000", i, s)
		}
	}
}

// TestQuantile compares with the tables of Student's t.
func TestQuantile(t *testing.T) {
	for _, c := range []struct{ p, freedom, want float64 }{
		{0.975, 7, 2.365}, {0.975, 30, 2.042}, {0.975, math.Inf(1), 1.960}, {0.995, 7, 3.499}, {0.9995, 10, 4.587}, {0.9995, 60, 3.460}, {0.95, 20, 1.725}, {0.5, 9, 0},
	} {
		if got := quantile(c.p, c.freedom); math.Abs(got-c.want) > 0.01*c.want+0.0006 {
			t.Errorf("t(%v, %v) = %.3f, want %.3f", c.p, c.freedom, got, c.want)
		}
	}
}

// TestPercentileAgrees: unweighted, it is the aggregate's to a bucket.
func TestPercentileAgrees(t *testing.T) {
	r := steady.run(t, 5)
	w := windowsOf(r, r, true)
	for _, p := range []float64{1, 50, 95, 99, 100} {
		c := w.a.column(selection{metric: "http_req_duration"}, w.a.all, w.step)
		got, _ := c.evaluator(percentile, p).of(nil)
		agg, _ := r.Timeline.Between(0, time.Hour).Select("http_req_duration", metric.Tags{})
		if want := agg.Percentile(p); math.Abs(got-want) > 0.011*want {
			t.Errorf("p(%v) = %v, want %v", p, got, want)
		}
	}
}

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

func table() *Comparison {
	return &Comparison{
		Schema: Schema, A: Run{"7f3c", "shop.js"}, B: Run{"9a01", "shop.js"},
		Rows: []Row{
			{Name: "http_reqs rate", Unit: "/s", A: 500, B: 498.8, Change: -0.0024, Low: -0.006, High: 0.001, Better: "higher", Verdict: same, Judges: true},
			{Name: "http_req_duration p(95)", Unit: "ms", A: 200, B: 231, Change: 0.155, Low: 0.11, High: 0.2, Better: "lower", Verdict: worse, Judges: true},
			{Name: "http_req_duration p(50)", Unit: "ms", A: 20, B: 22, Change: 0.1, Low: 0.02, High: 0.18, Better: "lower", Verdict: worse},
			{Name: "http_req_failed rate", Unit: "%", B: 0.01, Better: "lower", Verdict: worse, Judges: true},
			{Name: "data_received rate", Unit: "B/s", A: 1e6, B: 2e6, Change: 1, Low: 0.9, High: 1.1, Verdict: different},
			{Name: "GET https://shop.example.com/api/v2/items p(95)", Unit: "ms", A: 9.5, B: 4.75, Change: -0.5, Low: -0.55, High: -0.45, Better: "lower", Verdict: better, Judges: true},
			{Name: "basket p(95)", A: 3, B: 1e9, Change: 333333332, Better: "", Verdict: unknown},
		},
		Regressions: []string{"http_req_duration p(95): 231 ms against 200 ms (+11 % to +20 %)", "http_req_failed rate: 1 % against 0 %"},
		Notes:       []string{"times leave out the warm-up: the first 20.0s"},
	}
}

func TestPrint(t *testing.T) {
	for name, write := range map[string]func(w *strings.Builder, c *Comparison) error{
		"table.txt":        func(w *strings.Builder, c *Comparison) error { return WriteText(w, c, false, 120) },
		"table.narrow.txt": func(w *strings.Builder, c *Comparison) error { return WriteText(w, c, false, 60) },
		"table.md":         func(w *strings.Builder, c *Comparison) error { return WriteMarkdown(w, c) },
		"table.json":       func(w *strings.Builder, c *Comparison) error { return WriteJSON(w, c) },
	} {
		var b strings.Builder
		if err := write(&b, table()); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
	for width := 30; width < 140; width++ {
		var b strings.Builder
		if err := WriteText(&b, table(), false, width); err != nil {
			t.Fatal(err)
		}
		rows := strings.Split(b.String(), "\n\n")[1]
		for _, line := range strings.Split(rows, "\n") {
			if n := inert.Columns(line); n > width {
				t.Fatalf("%d columns of %d: %q", n, width, line)
			}
		}
	}
	var again Comparison
	var b bytes.Buffer
	if err := WriteJSON(&b, table()); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &again); err != nil || !reflect.DeepEqual(&again, table()) {
		t.Errorf("JSON: %v, %+v", err, again)
	}
}

// TestPrintIsInert: names of scripts and targets cannot play with the reader.
func TestPrintIsInert(t *testing.T) {
	const bad = "\x1b[2J\u202e|`<b>\n"
	c := table()
	c.A, c.B = Run{bad, bad}, Run{"", bad}
	for i := range c.Rows {
		c.Rows[i].Name = bad
	}
	c.Notes, c.Regressions = []string{bad}, []string{bad}
	for name, write := range map[string]func(w *strings.Builder) error{
		"text":     func(w *strings.Builder) error { return WriteText(w, c, false, 0) },
		"markdown": func(w *strings.Builder) error { return WriteMarkdown(w, c) },
		"json":     func(w *strings.Builder) error { return WriteJSON(w, c) },
	} {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(b.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }) {
			t.Errorf("%s is not inert: %q", name, b.String())
		}
		if name == "markdown" && strings.Contains(b.String(), "<b>") {
			t.Errorf("markup in %s", b.String())
		}
	}
	broken := errors.New("disk full")
	for _, write := range []func(w writer) error{
		func(w writer) error { return WriteText(w, c, true, 80) },
		func(w writer) error { return WriteMarkdown(w, c) },
		func(w writer) error { return WriteJSON(w, c) },
	} {
		if err := write(writer{broken}); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	}
}

type writer struct{ err error }

func (w writer) Write([]byte) (int, error) { return 0, w.err }

func BenchmarkCompare(b *testing.B) {
	m := model{seconds: 600, perSecond: 100, memory: 0.5, wander: 0.1, noise: 0.5}
	x, y := m.run(b, 1), m.run(b, 2)
	for b.Loop() {
		compare(b, x, y, Bounds{})
	}
}
