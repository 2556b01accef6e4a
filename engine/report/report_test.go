package report

import (
	"encoding/csv"
	"errors"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/result"
	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// written is the page of a result.
func written(t testing.TB, r *result.Result) string {
	t.Helper()
	var b strings.Builder
	if err := WriteHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPage parses the page with a parser that is not ours.
func TestPage(t *testing.T) {
	for name, r := range map[string]*result.Result{"shop": shop(t), "hostile": hostile(t), "long": long(t), "empty": empty(t)} {
		text := written(t, r)
		if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }) {
			t.Errorf("%s is not inert", name)
		}
		root, err := html.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			for _, a := range n.Attr {
				switch {
				case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "src", a.Key == "href":
					t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
				case a.Key == "id" && ids[a.Val]:
					t.Errorf("%s: two elements with the id %s", name, a.Val)
				case a.Key == "id":
					ids[a.Val] = true
				}
			}
			if slices.Contains([]string{"a", "link", "img", "iframe", "object", "embed", "form", "base"}, n.Data) {
				t.Errorf("%s: <%s>", name, n.Data)
			}
		}
	}
}

// TestSize: without its data the page is small, and the data is what a screen
// shows however long the run was.
func TestSize(t *testing.T) {
	if n := len(written(t, empty(t))); n > 30_000 {
		t.Errorf("a page without data has %d bytes", n)
	}
	for name, r := range map[string]*result.Result{"shop": shop(t), "long": long(t)} {
		if n := len(written(t, r)); n > 350_000 {
			t.Errorf("%s: %d bytes", name, n)
		} else {
			t.Logf("%s: %d bytes", name, n)
		}
	}
}

// TestBins: nothing is lost or counted twice, whatever the lengths.
func TestBins(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := record(t)
		seconds := rapid.IntRange(1, 100).Draw(rt, "seconds")
		each := time.Duration(rapid.IntRange(1, 100).Draw(rt, "interval")) * time.Second
		total := 0.0
		for s := range seconds {
			n := float64(rapid.IntRange(0, 5).Draw(rt, "requests"))
			if total += n; n > 0 {
				r.add(metric.HTTPReqs, n)
			}
			r.at(time.Duration(s+1) * each)
		}
		took := time.Duration(seconds)*each - time.Duration(rapid.IntRange(0, 999).Draw(rt, "short"))*time.Millisecond
		b := binsOf(r.result(`{}`, took, nil), rapid.IntRange(1, 50).Draw(rt, "most"))
		if total == 0 {
			return
		}
		sum := 0.0
		for i, rate := range b.perSecond(metric.HTTPReqs) {
			sum += rate * b.seconds(i)
		}
		if math.Abs(sum-total) > 1e-6 {
			rt.Fatalf("%v requests became %v in %d bins of %v", total, sum, b.n, b.step)
		}
		if b.from(0) != 0 || b.from(b.n) != b.took {
			rt.Fatalf("bins from %v to %v of %v", b.from(0), b.from(b.n), b.took)
		}
	})
}

// TestScales: labels are round, rise, and reach over the values.
func TestScales(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		high := math.Pow(10, rapid.Float64Range(-6, 15).Draw(t, "high"))
		for _, u := range []units{times, counts, sizes, shares} {
			s := linear(high, u, "")
			if s.high < high*(1-1e-9) || s.high > high*2.7 || len(s.ticks) < 3 || len(s.ticks) > 6 {
				t.Fatalf("an axis to %v for %v with %d labels", s.high, high, len(s.ticks))
			}
			rises(t, s)
		}
		low := high / math.Pow(10, rapid.Float64Range(0.05, 6).Draw(t, "decades"))
		s := logarithmic(low, high, times)
		if s.at(low) != 0 || s.at(s.high) != 1 {
			t.Fatalf("%v to %v: %v and %v", low, high, s.at(low), s.at(high))
		}
		rises(t, s)
		took := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(1000*time.Hour)).Draw(t, "took"))
		if ticks := clock(took); len(ticks) < 1 || len(ticks) > 22 {
			t.Fatalf("%d labels for %v", len(ticks), took)
		}
	})
	for high, want := range map[float64]string{0: "0 0.25 0.5 0.75 1", 7: "0 2 4 6 8", 98: "0 25 50 75 100", 412: "0 200 400 600", 41_000: "0 20,000 40,000 60,000"} {
		var labels []string
		for _, tick := range linear(high, counts, "/s").ticks {
			labels = append(labels, tick.label)
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("up to %v: %s, want %s", high, got, want)
		}
	}
}

func rises(t *rapid.T, s scale) {
	seen := map[string]bool{}
	last := -1.0
	for _, tick := range s.ticks {
		if tick.at <= last || tick.at < 0 || tick.at > 1+1e-9 || seen[tick.label] {
			t.Fatalf("%+v", s)
		}
		last, seen[tick.label] = tick.at, true
	}
}

// TestHeatMap: every sample is in a field.
func TestHeatMap(t *testing.T) {
	c := heatMap(shop(t))
	if c == nil || strings.Count(string(c.fill), "<path") < 3 {
		t.Fatalf("%+v", c)
	}
	if heat(0, 10) != 0 || heat(1, 1_000_000) != 1 || heat(10, 10) != heatLevels {
		t.Error("levels are wrong")
	}
}

// csvOf is the CSV of a result.
func csvOf(t *testing.T, r *result.Result) string {
	t.Helper()
	var b strings.Builder
	if err := WriteCSV(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCSV has two readers that are not ours read the series.
func TestCSV(t *testing.T) {
	r := shop(t)
	text := csvOf(t, r)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	sum, samples := 0.0, 0.0
	for _, row := range rows[1:] {
		if row[column["metric"]] == metric.HTTPReqs {
			n, err := strconv.ParseFloat(row[column["sum"]], 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		if row[column["metric"]] == metric.HTTPReqDuration && row[column["name"]] == "https://shop.example.com/pay" {
			n, _ := strconv.ParseFloat(row[column["count"]], 64)
			samples += n
		}
	}
	if sum != float64(r.Summary.Total.Count) {
		t.Errorf("%v requests, want %d", sum, r.Summary.Total.Count)
	}
	for _, row := range r.Summary.Requests {
		if row.Method == "POST" && float64(row.Count) != samples {
			t.Errorf("%v samples of pay, want %d", samples, row.Count)
		}
	}
	python(t, text, len(rows), int(sum))
}

// python counts lines and requests with Python's csv module.
func python(t *testing.T, text string, rows, requests int) {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("TEST_READERS") == "require" {
			t.Fatal("python3 is not on PATH: apt-get install python3")
		}
		t.Log("NOT READ BY PYTHON: no python3 on PATH")
		return
	}
	c := exec.Command(path, "-c", `import csv, sys
rows = list(csv.reader(sys.stdin, strict=True))
head = rows[0]
assert all(len(r) == len(head) for r in rows), "ragged"
at = {name: i for i, name in enumerate(head)}
print(len(rows), int(sum(float(r[at["sum"]]) for r in rows[1:] if r[at["metric"]] == "http_reqs")))
assert not any(cell[:1] in ("=", "+", "@", "\t", "\r") for r in rows for cell in r), "formula"
`)
	c.Stdin = strings.NewReader(text)
	out, err := c.CombinedOutput()
	if want := strconv.Itoa(rows) + " " + strconv.Itoa(requests) + "\n"; err != nil || string(out) != want {
		t.Errorf("python: %v: %q, want %q", err, out, want)
	}
}

// TestCSVIsInert: no cell is a formula, and none plays with a terminal.
func TestCSVIsInert(t *testing.T) {
	number := regexp.MustCompile(`^-?[0-9.]+(e[+-][0-9]+)?$`)
	text := csvOf(t, hostile(t))
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && !number.MatchString(cell) && strings.ContainsAny(cell[:1], "=+-@|%\t\r") {
				t.Errorf("formula: %q", cell)
			}
			if strings.ContainsFunc(cell, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }) {
				t.Errorf("not inert: %q", cell)
			}
		}
	}
	if len(rows) < 4*len(bad) {
		t.Errorf("%d rows", len(rows))
	}
	python(t, text, len(rows), len(bad))
	if got := csvOf(t, empty(t)); strings.Count(got, "\n") != 1 {
		t.Errorf("without a time series: %q", got)
	}
}

func TestWriteErrors(t *testing.T) {
	broken := errors.New("disk full")
	for _, write := range []func(w writer) error{
		func(w writer) error { return WriteHTML(w, empty(t)) },
		func(w writer) error { return WriteCSV(w, empty(t)) },
	} {
		if err := write(writer{broken}); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	}
}

type writer struct{ err error }

func (w writer) Write([]byte) (int, error) { return 0, w.err }

func BenchmarkWriteHTML(b *testing.B) {
	r := shop(b)
	for b.Loop() {
		written(b, r)
	}
}

// TestPointsAloneAreSeen: a value with none beside it is as wide as its bin.
func TestPointsAloneAreSeen(t *testing.T) {
	at, s := bins{step: time.Second, n: 4, took: 4 * time.Second}, scale{high: 2}
	for _, c := range []struct {
		values []float64
		want   string
	}{
		{[]float64{1, gap, gap, 2}, "M0 100H250M750 0H1000"},
		{[]float64{1, 2, gap, 1}, "M125 100L375 0M750 100H1000"},
		{[]float64{gap, gap, gap, gap}, ""},
	} {
		if got := path(c.values, at, s); got != c.want {
			t.Errorf("%v: %s, want %s", c.values, got, c.want)
		}
	}
	if got := path([]float64{2}, bins{step: time.Second, n: 1, took: 300 * time.Millisecond}, s); got != "M0 0H1000" {
		t.Error(got)
	}
}
