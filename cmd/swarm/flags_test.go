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

// What a flag says on the command line lies over what the environment says,
// and each tells where it is from.
func TestFlagsAndEnvironmentAreLayers(t *testing.T) {
	type layer struct {
		Options string
		From    map[string]string
	}
	for _, c := range []struct {
		args string
		vars map[string]string
		want []layer
	}{
		{"", nil, nil},
		{"-u 5", nil, []layer{{`{"vus":5}`, map[string]string{"vus": "--vus"}}}},
		{"", map[string]string{"K6_VUS": "5"}, []layer{{`{"vus":5}`, map[string]string{"vus": "K6_VUS"}}}},
		{"", map[string]string{"K6_VUS": "4", "SWARM_VUS": "5"}, []layer{{`{"vus":5}`, map[string]string{"vus": "SWARM_VUS"}}}},
		{"-u 5", map[string]string{"SWARM_VUS": "4"}, []layer{{`{"vus":5}`, map[string]string{"vus": "--vus"}}}},
		{"-i 7", map[string]string{"K6_DURATION": "10s", "K6_VUS": "5"}, []layer{
			{`{"duration":"10s","vus":5}`, map[string]string{"duration": "K6_DURATION", "vus": "K6_VUS"}},
			{`{"iterations":7}`, map[string]string{"iterations": "--iterations"}},
		}},
		{"-s 10s:5", map[string]string{"K6_STAGES": "1s:1,2s:2"}, []layer{
			{`{"stages":[{"duration":"1s","target":1},{"duration":"2s","target":2}]}`, map[string]string{"stages": "K6_STAGES"}},
			{`{"stages":[{"duration":"10s","target":5}]}`, map[string]string{"stages": "--stage"}},
		}},
		{"", map[string]string{"K6_STAGES": "10s:5", "K6_STAGE": "1s:1"}, []layer{
			{`{"stages":[{"duration":"10s","target":5}]}`, map[string]string{"stages": "K6_STAGES"}},
		}},
		{"--no-setup --no-teardown=false", nil, []layer{
			{`{"noSetup":true,"noTeardown":false}`, map[string]string{"noSetup": "--no-setup", "noTeardown": "--no-teardown"}},
		}},
		{"--tag a=1 --tag b=2", nil, []layer{{`{"tags":{"a":"1","b":"2"}}`, map[string]string{"tags": "--tag"}}}},
		{"--users 100 -r 2.5 -t 300 -H http://h", nil, []layer{
			{`{"baseURL":"http://h","runTime":"300","spawnRate":2.5,"users":100}`, map[string]string{"users": "--users", "spawnRate": "--spawn-rate", "runTime": "--run-time", "baseURL": "--host"}},
		}},
		{"--paused --min-iteration-duration 1500 --system-tags url,vu --execution-segment 1/2", map[string]string{"K6_EXECUTION_SEGMENT_SEQUENCE": "0,1/2,1"}, []layer{
			{`{"executionSegmentSequence":"0,1/2,1"}`, map[string]string{"executionSegmentSequence": "K6_EXECUTION_SEGMENT_SEQUENCE"}},
			{`{"executionSegment":"1/2","minIterationDuration":"1.5s","paused":true,"systemTags":["url","vu"]}`, map[string]string{"paused": "--paused", "executionSegment": "--execution-segment"}},
		}},
	} {
		var o overrideFlags
		f := pflag.NewFlagSet("run", pflag.ContinueOnError)
		o.register(f)
		if err := f.Parse(strings.Fields(c.args)); err != nil {
			t.Fatal(err)
		}
		lookup := func(name string) (string, bool) { v, ok := c.vars[name]; return v, ok }
		variables, err := fromEnvironment(f, lookup)
		if err != nil {
			t.Fatal(err)
		}
		overrides, err := o.overrides(f, variables, lookup, t.TempDir())
		if err != nil || len(overrides.Below) > 0 || len(overrides.Above) != len(c.want) {
			t.Errorf("%q with %v: %v, %+v", c.args, c.vars, err, overrides)
			continue
		}
		for i, got := range overrides.Above {
			if want := c.want[i].Options; string(got.Options) != want {
				t.Errorf("%q with %v: options %s, want %s", c.args, c.vars, got.Options, want)
			}
			for option, want := range c.want[i].From {
				if from := got.Locate([]string{option, "0"}); from != (plan.Position{File: want}) {
					t.Errorf("%q with %v: %s is from %v, want %s", c.args, c.vars, option, from, want)
				}
			}
		}
	}
}

func TestRunTimeFlag(t *testing.T) {
	for text, ok := range map[string]bool{"300": true, "300s": true, "1h30m": true, "0": true, "soon": false, "": false, "NaN": false, "1e300": false} {
		var r runTimeFlag
		if err := r.Set(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
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

// TestHelpOfNetworkFlags: what pflag makes of types and backquotes reads well.
func TestHelpOfNetworkFlags(t *testing.T) {
	var n networkFlags
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	n.register(f)
	usages := f.FlagUsages()
	for _, odd := range []string{"[=", "number;", "(number"} {
		if strings.Contains(usages, odd) {
			t.Errorf("the help says %q:\n%s", odd, usages)
		}
	}
	for args, want := range map[string]string{"--http-debug": "true", "--http-debug=full": "full", "--http-debug=false": "false", "--rps=1": ""} {
		var n networkFlags
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		n.register(f)
		if err := f.Parse([]string{args}); err != nil || string(n.debug) != want {
			t.Errorf("%s: %q, %v", args, n.debug, err)
		}
	}
}
