package summary

import (
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

func TestUnder(t *testing.T) {
	for _, c := range []struct {
		template, path string
		want           bool
	}{
		{"/users/{id}", "/users/7", true},
		{"/users/{id}", "/users/a@b.example", true},
		{"/users/{id}", "/users/0f3b6a1c-0000-4000-8000-000000000000", true},
		{"/users/{id}", "/users/me", false},
		{"/users/{id}", "/users/", false},
		{"/users/{id}", "/users/7/orders", false},
		{"/users/{id}", "/items/7", false},
		{"/users/{id}", "/users/{id}", true},
		{"http://h/users/{id}/orders/{id}?all", "http://h/users/7/orders/8", true},
		{"http://h/users/{id}", "http://i/users/7", false},
		{"{id}", "7", true},
		{"", "", true},
	} {
		if got := under(c.template, c.path); got != c.want {
			t.Errorf("%s under %s: %v", c.path, c.template, got)
		}
	}
}

// TestExplodedNames lists what was named before the names became too many
// under the name that came after.
func TestExplodedNames(t *testing.T) {
	r := record(t)
	for _, name := range []string{"/users/1", "/users/2?x=1", "/users/{id}", "/users/{id}", "/users/me"} {
		r.request("GET", name, "500", 10, true)
	}
	r.request("POST", "/users/1", "200", 10, false) // another method has its own names
	r.at(time.Second)
	s := Build(r.input(`{}`))
	got := map[string]uint64{}
	for _, row := range s.Requests {
		got[row.Method+" "+row.Name] = row.Count
	}
	if len(got) != 3 || got["GET /users/{id}"] != 4 || got["GET /users/me"] != 1 || got["POST /users/1"] != 1 {
		t.Errorf("rows: %v", got)
	}
	if len(s.Errors) != 2 || s.Errors[0].Message != "500 from GET /users/{id}" || s.Errors[0].Count != 4 {
		t.Errorf("errors: %+v", s.Errors)
	}
	if total, _ := r.set.Select(metric.HTTPReqs, metric.Tags{}); s.Total.Count != uint64(total.Sum) {
		t.Errorf("total %d", s.Total.Count)
	}
}
