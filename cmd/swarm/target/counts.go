package target

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// Counts tells what a [Server] received. /count and /reset are left out.
type Counts struct {
	Total    uint64            `json:"total"`
	Routes   map[string]uint64 `json:"routes"`   // by "METHOD /route"
	Statuses map[string]uint64 `json:"statuses"` // of the answers, by "200"
}

// Write prints the counts as a table.
func (c Counts) Write(w io.Writer) error {
	var b strings.Builder
	routes := make([]string, 0, len(c.Routes))
	width := len("total")
	for r := range c.Routes {
		routes = append(routes, r)
		width = max(width, len(r))
	}
	slices.Sort(routes)
	fmt.Fprintf(&b, "received\n")
	for _, r := range routes {
		fmt.Fprintf(&b, "  %-*s  %10d\n", width, r, c.Routes[r])
	}
	fmt.Fprintf(&b, "  %-*s  %10d\n", width, "total", c.Total)
	_, err := io.WriteString(w, b.String())
	return err
}

// Methods are counted by name only if they are one of these, so that a client
// cannot grow the table.
var methods = [...]string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
	http.MethodPatch, http.MethodDelete, http.MethodOptions, "OTHER",
}

func methodIndex(method string) int {
	i := slices.Index(methods[:], method)
	if i < 0 {
		i = len(methods) - 1
	}
	return i
}

// counters are one number per route and method and one per status. They never
// grow and take no lock.
type counters struct {
	routes   [routeCount][len(methods)]atomic.Uint64
	statuses [600]atomic.Uint64
}

func (c *counters) counts() Counts {
	out := Counts{Routes: map[string]uint64{}, Statuses: map[string]uint64{}}
	for r := range c.routes {
		for m := range c.routes[r] {
			if n := c.routes[r][m].Load(); n > 0 {
				out.Routes[methods[m]+" "+routeNames[r]] = n
				out.Total += n
			}
		}
	}
	for status := range c.statuses {
		if n := c.statuses[status].Load(); n > 0 {
			out.Statuses[fmt.Sprint(status)] = n
		}
	}
	return out
}

func (c *counters) reset() {
	for r := range c.routes {
		for m := range c.routes[r] {
			c.routes[r][m].Store(0)
		}
	}
	for s := range c.statuses {
		c.statuses[s].Store(0)
	}
}
