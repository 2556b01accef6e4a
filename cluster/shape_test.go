package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/plan"
)

var (
	closedShape = &plan.Scenario{Name: "s", Executor: plan.Shape, Shape: "shape", MaxVUs: 100, SpawnRate: 3, Tick: time.Second}
	openShape   = &plan.Scenario{Name: "s", Executor: plan.Shape, Shape: "shape", MaxVUs: 100, Open: true, TimeUnit: time.Minute, Tick: time.Second}
)

func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		s    *plan.Scenario
		in   string
		to   engine.Level
		want string
	}{
		{closedShape, `{"users": 10}`, engine.Level{VUs: 10, SpawnRate: 3}, ""},
		{closedShape, ` {"users": 10, "spawnRate": 0.5} `, engine.Level{VUs: 10, SpawnRate: 0.5}, ""},
		{closedShape, `{"users": 9.6}`, engine.Level{VUs: 10, SpawnRate: 3}, ""},
		{closedShape, `{"users": 0}`, engine.Level{SpawnRate: 3}, ""},
		{closedShape, `[20, 5]`, engine.Level{VUs: 20, SpawnRate: 5}, ""},
		{closedShape, `[20]`, engine.Level{VUs: 20, SpawnRate: 3}, ""},
		{closedShape, ``, engine.Level{End: true}, ""},
		{closedShape, `null`, engine.Level{End: true}, ""},
		{closedShape, `false`, engine.Level{End: true}, ""},
		{openShape, `{"rate": 120}`, engine.Level{Rate: 2}, ""},
		{openShape, `{"rate": 0}`, engine.Level{}, ""},

		{closedShape, `{"users": null}`, engine.Level{}, "users must be a finite number (NaN and Infinity arrive as null)"},
		{closedShape, `{"users": "10"}`, engine.Level{}, "users must be a finite number"},
		{closedShape, `{"users": 1e999}`, engine.Level{}, "users must be a finite number"},
		{closedShape, `{"users": -1}`, engine.Level{}, "users must be at least 0"},
		{closedShape, `{"users": 101}`, engine.Level{}, "users must be at most maxVUs, which is 100"},
		{closedShape, `{"users": 1e300}`, engine.Level{}, "users must be at most maxVUs"},
		{closedShape, `{"users": 1, "spawnRate": 0}`, engine.Level{}, "spawnRate must be above 0"},
		{closedShape, `{"users": 1, "spawnRate": null}`, engine.Level{}, "spawnRate must be a finite number"},
		{closedShape, `{"users": 1, "spawnRate": -2}`, engine.Level{}, "spawnRate must be above 0"},
		{closedShape, `{}`, engine.Level{}, "users must be a finite number"},
		{closedShape, `{"user": 1}`, engine.Level{}, `unknown field "user": did you mean users?`},
		{closedShape, `{"rate": 1}`, engine.Level{}, `unknown field "rate"`},
		{closedShape, `5`, engine.Level{}, "expected an object such as {users: 10, spawnRate: 5}"},
		{closedShape, `"5"`, engine.Level{}, "expected an object"},
		{closedShape, `true`, engine.Level{}, "expected an object"},
		{closedShape, `[]`, engine.Level{}, "an array holds [users] or [users, spawnRate]"},
		{closedShape, `[1,2,3]`, engine.Level{}, "an array holds"},
		{closedShape, `[null, 2]`, engine.Level{}, "users must be a finite number"},
		{closedShape, `[1, null]`, engine.Level{}, "spawnRate must be a finite number"},
		{closedShape, `[[1], 2]`, engine.Level{}, "an array holds"},
		{closedShape, `{"users": 1} {"users": 2}`, engine.Level{}, "expected an object of numbers"},
		{closedShape, `{"users": `, engine.Level{}, "expected an object of numbers"},
		{openShape, `{"users": 5}`, engine.Level{}, `unknown field "users"`},
		{openShape, `[5, 1]`, engine.Level{}, "expected an object such as {rate: 100}"},
		{openShape, `{"rate": -0.1}`, engine.Level{}, "rate must be at least 0"},
		{openShape, `{"rate": null}`, engine.Level{}, "rate must be a finite number"},
		{openShape, `{"rate": 1e300}`, engine.Level{}, "rate must be at most"},
	} {
		to, err := readAdvice([]byte(c.in), c.s)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || to != c.to {
			t.Errorf("%s: %+v, %v; want %+v, %q", c.in, to, err, c.to, c.want)
		}
	}
}

// Whatever a script returns, the level is one that its scenario allows.
func FuzzAdvice(f *testing.F) {
	for _, seed := range []string{`{"users":1,"spawnRate":2}`, `[1,2]`, `{"rate":5}`, `null`, `{"users":{}}`} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, open bool) {
		s := closedShape
		if open {
			s = openShape
		}
		to, err := readAdvice(data, s)
		switch {
		case err != nil:
			if to != (engine.Level{}) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: %+v, %q", data, to, err)
			}
		case to.VUs < 0 || to.VUs > 100 || !(to.Rate >= 0 && to.Rate <= plan.MaxRate) || !(to.SpawnRate >= 0 && finite(to.SpawnRate)):
			t.Errorf("%q: %+v", data, to)
		case open && to.VUs != 0 || !open && to.Rate != 0:
			t.Errorf("%q: %+v is of the other model", data, to)
		}
	})
}
