package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/jsmodules/http/peers"
)

// load is a script that asks for a little of everything. An iteration is nine
// requests: a redirect is two.
const load = `
import http from "k6/http";
export const options = {
  scenarios: { load: { executor: "per-vu-iterations", vus: 4, iterations: 10 } },
  thresholds: { http_req_failed: ["rate<0.2"] },
};
const base = __ENV.BASE;
export default function () {
  http.get(base + "/get?a=1");
  http.post(base + "/post", "x".repeat(40000));
  http.get(base + "/redirect-to?url=%2Fget");
  http.get(base + "/status/404");
  http.get(base + "/bytes/30000", { responseType: "none" });
  http.batch([base + "/get?b=1", base + "/get?b=2", ["PUT", base + "/put", { a: 1 }]]);
}
`

const (
	perIteration = 9
	iterations   = 40
)

// TestTotals runs the binary against servers that nobody here wrote, in each
// version of HTTP, and holds its totals against theirs.
func TestTotals(t *testing.T) {
	bin, quic := peers.HTTPBin(t), peers.QUIC(t)
	for _, tt := range []struct {
		name, version, url, protocol string
		server                       *peers.Server
		ends                         int64 // bytes of the end of a connection that belong to no request
	}{
		{"HTTP/1.1", "1.1", bin.HTTP, "HTTP/1.1", bin, 0},
		{"HTTP/1.1 over TLS", "1.1", bin.HTTPS, "HTTP/1.1", bin, 24},
		{"HTTP/2", "2", bin.H2, "HTTP/2.0", bin, 24},
		{"h2c", "h2c", bin.H2C, "HTTP/2.0", bin, 0},
		{"HTTP/3", "3", quic.H3, "HTTP/3.0", quic, 4 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reqs := tt.server.Requests(tt.protocol)
			in, out := tt.server.Wire()
			s := runToTheEnd(t, load, "--http-version", tt.version, "-e", "BASE="+tt.url, "--ca-cert", write(t, "ca.pem", tt.server.PEM()))
			tt.server.Log(reqs + iterations*perIteration)
			if n := tt.server.Requests(tt.protocol) - reqs; n != iterations*perIteration || metricValue(s, "http_reqs", "count") != float64(n) {
				t.Errorf("swarm counts %v requests, the server %d, the script makes %d", metricValue(s, "http_reqs", "count"), n, iterations*perIteration)
			}
			in2, out2 := tt.server.Wire()
			in, out = in2-in, out2-out
			conns := int64(4) // one for each VU, and two more for its batch
			if tt.protocol == "HTTP/1.1" {
				conns *= 3
			}
			sent, received := int64(metricValue(s, "data_sent", "count")), int64(metricValue(s, "data_received", "count"))
			early, lost := int64(0), int64(0)
			if tt.version == "3" {
				early, lost = conns*tt.ends, in/10 // datagrams that get lost are sent again
			}
			if sent < in-early || sent > in+lost {
				t.Errorf("data_sent is %d, the server received %d", sent, in)
			}
			if received > out || received < out-conns*tt.ends {
				t.Errorf("data_received is %d, the server sent %d, of which %d may belong to ends", received, out, conns*tt.ends)
			}
		})
	}
}

// TestNginxTotals does the same with nginx's own log.
func TestNginxTotals(t *testing.T) {
	nginx := peers.Nginx(t, "keepalive_requests 7;")
	const script = `
import http from "k6/http";
export const options = { scenarios: { load: { executor: "per-vu-iterations", vus: 3, iterations: 20 } }, thresholds: { http_req_failed: ["rate<1"] } };
const base = __ENV.BASE;
export default function () {
  http.get(base + "/json");
  http.get(base + "/bytes/1024");
  http.get(base + "/redirect/302");
  http.get(base + "/close");
  http.get(base + "/status/503");
  http.post(base + "/limited", "x".repeat(2000));
}
`
	const total, refused = 3 * 20 * 7, 2000
	for name, url := range map[string]string{"HTTP/1.1": nginx.HTTP, "HTTP/1.1 over TLS": nginx.HTTPS, "HTTP/2": nginx.H2} {
		t.Run(name, func(t *testing.T) {
			before := len(nginx.Log(0))
			in, out := nginx.Wire()
			s := runToTheEnd(t, script, "-e", "BASE="+url, "--ca-cert", write(t, "ca.pem", nginx.PEM()))
			if n := len(nginx.Log(before+total)) - before; n != total || metricValue(s, "http_reqs", "count") != float64(n) {
				t.Errorf("swarm counts %v requests, nginx %d, the script makes %d", metricValue(s, "http_reqs", "count"), n, total)
			}
			if name != "HTTP/1.1" {
				return // nginx logs what is inside
			}
			in2, out2 := nginx.Wire()
			in, out = in2-in+3*20*refused, out2-out // nginx does not count a body that it refuses to read
			if sent, received := metricValue(s, "data_sent", "count"), metricValue(s, "data_received", "count"); sent != float64(in) || received != float64(out) {
				t.Errorf("swarm counts %v bytes out and %v in, nginx %d and %d", sent, received, in, out)
			}
		})
	}
}

// runToTheEnd runs a script with the binary, which must exit with 0, and
// returns its summary.
func runToTheEnd(t *testing.T, script string, args ...string) summary.Summary {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "out.json")
	path := filepath.Join(dir, "script.js")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("swarm", append(append([]string{"run", "--out", "json=" + out}, args...), path)...)
	c.Env = append(os.Environ(), "SWARM_RUNS="+filepath.Join(dir, ".runs"))
	var said strings.Builder
	c.Stdout, c.Stderr = &said, &said
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var s summary.Summary
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
