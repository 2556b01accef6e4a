package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
	"github.com/swarmload/swarm/engine/plan"
)

func TestStagesFlag(t *testing.T) {
	var s stagesFlag
	for _, text := range []string{"30s:10", "1m:20, 500:0"} {
		if err := s.Set(text); err != nil {
			t.Fatal(err)
		}
	}
	want := []plan.Stage{{Duration: 30 * time.Second, Target: 10}, {Duration: time.Minute, Target: 20}, {Duration: 500 * time.Millisecond}}
	if diff := cmp.Diff(want, s.stages); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "30s", "30s:", ":10", "30s:1.5", "30s:10,", "x:1"} {
		if err := s.Set(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if len(s.stages) != len(want) {
		t.Errorf("a refused value left stages behind: %v", s.stages)
	}
}

// What a flag says on the command line hides what the environment says of it
// and, of duration, iterations and stages, of the others too.
func TestFlagsOverTheEnvironment(t *testing.T) {
	five, seven, ten := 5, int64(7), 10*time.Second
	for _, c := range []struct {
		args string
		vars map[string]string
		want plan.Overrides
	}{
		{"", nil, plan.Overrides{}},
		{"-u 5", nil, plan.Overrides{VUs: &five}},
		{"", map[string]string{"K6_VUS": "5"}, plan.Overrides{VUs: &five}},
		{"", map[string]string{"K6_VUS": "4", "SWARM_VUS": "5"}, plan.Overrides{VUs: &five}},
		{"-u 5", map[string]string{"SWARM_VUS": "4"}, plan.Overrides{VUs: &five}},
		{"-i 7", map[string]string{"K6_DURATION": "10s", "K6_VUS": "5"}, plan.Overrides{Iterations: &seven, VUs: &five}},
		{"-u 5", map[string]string{"K6_DURATION": "10s"}, plan.Overrides{VUs: &five, Duration: &ten}},
		{"", map[string]string{"K6_DURATION": "10s", "K6_ITERATIONS": "7"}, plan.Overrides{Duration: &ten, Iterations: &seven}},
		{"-s 10s:5", map[string]string{"K6_STAGES": "1s:1,2s:2"}, plan.Overrides{Stages: []plan.Stage{{Duration: ten, Target: 5}}}},
		{"", map[string]string{"K6_STAGES": "10s:5", "K6_STAGE": "1s:1"}, plan.Overrides{Stages: []plan.Stage{{Duration: ten, Target: 5}}}},
		{"--no-setup", map[string]string{"K6_NO_TEARDOWN": "true"}, plan.Overrides{NoSetup: true, NoTeardown: true}},
		{"--tag a=1 --tag b=2", nil, plan.Overrides{Tags: map[string]string{"a": "1", "b": "2"}}},
	} {
		var o overrideFlags
		f := pflag.NewFlagSet("run", pflag.ContinueOnError)
		o.register(f)
		if err := f.Parse(strings.Fields(c.args)); err != nil {
			t.Fatal(err)
		}
		set, err := fromEnvironment(f, func(name string) (string, bool) { v, ok := c.vars[name]; return v, ok })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, o.overrides(f, set)); diff != "" {
			t.Errorf("%q with %v:\n%s", c.args, c.vars, diff)
		}
	}
}

func FuzzStagesFlag(f *testing.F) {
	f.Add("30s:10,1m:0")
	f.Fuzz(func(t *testing.T, text string) {
		var s, again stagesFlag
		if s.Set(text) != nil {
			return
		}
		if err := again.Set(s.String()); err != nil || !cmp.Equal(s.stages, again.stages) {
			t.Errorf("%q reads as %v and is written as %q, which gives %v, %v", text, s.stages, s.String(), again.stages, err)
		}
	})
}

func FuzzEnvFile(f *testing.F) {
	f.Add("A=1\n# c\nexport B = 'x'\n")
	f.Fuzz(func(t *testing.T, text string) {
		all := map[string]string{}
		if readEnvFile(all, "file", text) != nil {
			return
		}
		for name := range all {
			if name == "" || name != strings.TrimSpace(name) || strings.Contains(name, "\n") {
				t.Errorf("name %q", name)
			}
		}
	})
}

// panicking is a stream that fails in the worst way.
type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("out\x1b[2J of order") }

func TestAPanicIsOneLineAndItsOwnExitCode(t *testing.T) {
	var stderr strings.Builder
	e := env{
		stdout: terminal.Stream{Writer: panicking{}},
		stderr: terminal.Stream{Writer: &stderr},
		lookup: func(string) (string, bool) { return "", false },
	}
	if code := execute(e, []string{"version"}); code != exitInternal {
		t.Errorf("exit code %d", code)
	}
	want := "error: internal fault: out\\x1b[2J of order\n  " + reportHint + "\n"
	if stderr.String() != want {
		t.Errorf("printed %q, want %q", stderr.String(), want)
	}
}
