package result

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/summary"
)

func shopSet() *metric.Set { return metric.NewSet() }

func packed(t testing.TB, r *Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func plainText(t testing.TB, r *Result) []byte {
	t.Helper()
	text, err := unpack(bytes.NewReader(packed(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(text)
	w.Close()
	return b.Bytes()
}

// same compares results, time series included.
func same(t testing.TB, got, want *Result) {
	t.Helper()
	options := []cmp.Option{
		cmpopts.IgnoreFields(Result{}, "Timeline"), cmpopts.EquateEmpty(),
		// Tags of JSON leave it out.
		cmp.FilterPath(func(p cmp.Path) bool {
			return p.Last().String() == ".Metric" && p.Last().Type() == reflect.TypeFor[metric.Metric]()
		}, cmp.Ignore()),
	}
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("read is not what was written:\n%s", diff)
	}
	if (got.Timeline == nil) != (want.Timeline == nil) {
		t.Fatalf("timeline: %v, want %v", got.Timeline != nil, want.Timeline != nil)
	}
	if want.Timeline == nil {
		return
	}
	a, errA := got.Timeline.MarshalBinary()
	b, errB := want.Timeline.MarshalBinary()
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("the time series differs: %d and %d bytes, %v, %v", len(a), len(b), errA, errB)
	}
}

func TestWrittenAndRead(t *testing.T) {
	filled := &Result{ID: "abcd1234", Started: day(2), Summary: full()}
	var everything plan.Plan
	fill(reflect.ValueOf(&everything).Elem())
	filled.Plan = &everything
	for name, r := range map[string]*Result{"a run": shop(t, 90), "all there": filled} {
		t.Run(name, func(t *testing.T) {
			data := packed(t, r)
			got, err := Read(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, r)
			// What somebody unpacked by hand is a result still.
			text, err := unpack(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if got, err = Read(iotest.OneByteReader(bytes.NewReader(text))); err != nil {
				t.Fatal(err)
			}
			same(t, got, r)
		})
	}
}

// TestOthersReadIt reads a result as a script in any language would.
func TestOthersReadIt(t *testing.T) {
	r := shop(t, 30)
	unpacked, err := gzip.NewReader(bytes.NewReader(packed(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	var other struct {
		Schema   string
		Requests int
		Summary  struct {
			Thresholds []struct{ Expression string }
		}
		Timeline []byte
	}
	if err := json.NewDecoder(unpacked).Decode(&other); err != nil {
		t.Fatal(err)
	}
	if other.Schema != Schema || other.Requests != 600 || other.Summary.Thresholds[0].Expression != "p(95)<200" || len(other.Timeline) == 0 {
		t.Errorf("read %+v", other)
	}
}

// A summary that was read prints as it did when it was written: the units of
// what thresholds are about come from the plan.
func TestReadRestoresTheSummary(t *testing.T) {
	r := shop(t, 30)
	got, err := Read(bytes.NewReader(packed(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	var before, after strings.Builder
	for s, to := range map[*summary.Summary]*strings.Builder{r.Summary: &before, got.Summary: &after} {
		if err := summary.WriteText(to, s, summary.Style{Width: 120, Mode: "full"}); err != nil {
			t.Fatal(err)
		}
	}
	if before.String() != after.String() || !strings.Contains(after.String(), " ms ") {
		t.Errorf("written:\n%s\nread:\n%s", &before, &after)
	}
}

func TestReadRefuses(t *testing.T) {
	good := shop(t, 5)
	data, text := packed(t, good), plainText(t, good)
	replaced := func(old, by string) []byte {
		if !bytes.Contains(text, []byte(old)) {
			t.Fatalf("no %s in the result", old)
		}
		return zipped(bytes.Replace(text, []byte(old), []byte(by), 1))
	}
	flipped := bytes.Clone(data)
	flipped[len(flipped)/2] ^= 0xff
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":        {nil, "not a result of swarm"},
		"text":           {[]byte("hello"), "not a result of swarm"},
		"other JSON":     {[]byte(`{"metrics":{}}`), "not a result of swarm"},
		"a summary":      {[]byte(`{"schema":"swarm.summary/1"}`), "not a result of swarm"},
		"other gzip":     {zipped([]byte("hello")), "not a result of swarm"},
		"later":          {replaced(Schema, "swarm.result/2"), "written by a later version of swarm: its form is 2, this version reads up to 1"},
		"version":        {replaced(Schema, "swarm.result/x"), "not a result of swarm"},
		"cut short":      {data[:len(data)/2], "damaged: unexpected EOF"},
		"half a header":  {data[:5], "damaged: unexpected EOF"},
		"flipped":        {flipped, ""},
		"no plan":        {[]byte(`{"schema":"swarm.result/1","summary":{}}`), "no plan or no summary"},
		"wrong type":     {replaced(`"passed":`, `"passed":3,"was":`), "damaged: "},
		"nested":         {zipped([]byte(`{"schema":"swarm.result/1","plan":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`)), "nested deeper than 64 levels"},
		"nested at once": {zipped([]byte(strings.Repeat("[", 1<<20))), "not a result of swarm, or damaged"},
		"timeline":       {replaced(`"timeline":"c3d0`, `"timeline":"AAAA`), "not a timeline"},
		"no base64":      {replaced(`"timeline":"c3d0`, `"timeline":"c3d!`), "damaged: "},
		"two results":    {zipped(append(bytes.Clone(text), text...)), "not a result of swarm, or damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Read(bytes.NewReader(tt.data))
			if err == nil || r != nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "read result: ") {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
		})
	}
}

// endless gives as many spaces as one likes, which are no end of a JSON text.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestBoundOfSize(t *testing.T) {
	l := &limited{r: endless{}, left: 100}
	text, err := io.ReadAll(l)
	if !errors.Is(err, errTooLarge) || len(text) != 100 {
		t.Errorf("read %d bytes, %v", len(text), err)
	}
	// What is as large as allowed is not too large.
	l = &limited{r: strings.NewReader("12345"), left: 6}
	if text, err := io.ReadAll(l); err != nil || string(text) != "12345" {
		t.Errorf("read %q, %v", text, err)
	}
}

func TestWriteNeedsASummary(t *testing.T) {
	for _, r := range []*Result{{Plan: &plan.Plan{}}, {Summary: &summary.Summary{}}} {
		if err := Write(io.Discard, r); err == nil {
			t.Errorf("%+v was written", r)
		}
		if err := NewStore(t.TempDir()).Save(r, 1); err == nil {
			t.Errorf("%+v was saved", r)
		}
	}
}

// full disks and closed pipes.
type broken struct{ after int }

func (b *broken) Write(p []byte) (int, error) {
	if b.after -= len(p); b.after < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestWriteTellsOfErrors(t *testing.T) {
	r := shop(t, 30)
	size := len(packed(t, r))
	for _, after := range []int{0, size / 2, size - 1} {
		if err := Write(&broken{after}, r); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("after %d of %d bytes: %v", after, size, err)
		} else if strings.Count(err.Error(), "disk full") > 1 || strings.Contains(err.Error(), "\n") {
			t.Errorf("after %d of %d bytes: told twice: %q", after, size, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	r := shop(f, 3)
	f.Add(packed(f, r))
	f.Add(plainText(f, r))
	r.Timeline = nil
	f.Add(plainText(f, r))
	f.Add([]byte(`{"schema":"swarm.result/1","plan":{},"summary":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		began := time.Now()
		r, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := Read(bytes.NewReader(packed(t, r)))
		if err != nil {
			t.Fatalf("read, written, and refused: %v", err)
		}
		same(t, again, r)
		if took := time.Since(began); took > 10*time.Second {
			t.Fatalf("%d bytes took %v", len(data), took)
		}
	})
}

// BenchmarkResult writes and reads a run of an hour.
func BenchmarkResult(b *testing.B) {
	r := shop(b, 3600)
	data := packed(b, r)
	b.Run("Write", func(b *testing.B) {
		for b.Loop() {
			if err := Write(io.Discard, r); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(data)), "B-file")
	})
	b.Run("Read", func(b *testing.B) {
		for b.Loop() {
			got, err := Read(bytes.NewReader(data))
			if err != nil || got.Timeline.End() != time.Hour {
				b.Fatal(err)
			}
		}
	})
}
