package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestEgress has the binary try what no run may do, in a runner of its own and
// in this process: each request fails by its code, and neither a target nor a
// proxy hears of it.
func TestEgress(t *testing.T) {
	var reached atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		reached.Add(1)
	}))
	defer web.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer proxy.Close()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	local := &httptest.Server{Listener: l, Config: &http.Server{Handler: web.Config.Handler}}
	local.Start()
	defer local.Close()
	port := web.URL[strings.LastIndexByte(web.URL, ':')+1:]

	for _, tt := range []struct {
		name, options, url string
		args               []string
		want               string
		code               int // 99: not one request was answered
	}{
		{"address", "", "http://169.254.169.254/", nil, "cloud metadata", 99},
		{"redirect", "", web.URL + "/?to=http://169.254.169.254/", nil, "cloud metadata", 0},
		{"redirect to IPv6", "", web.URL + "/?to=http://[fd00:ec2::254]/", nil, "cloud metadata", 0},
		{"redirect to a blacklisted one", "", web.URL + "/?to=http://10.9.8.7/", []string{"--blacklist-ip", "10.0.0.0/8"}, "10.9.8.7 is a blacklisted address", 0},
		{"redirect to a blocked name", "", web.URL + "/?to=http://localhost:" + port + "/", []string{"--block-hostnames", "localhost"}, "host name localhost is blocked", 0},
		{"hosts", `hosts: { "app.test": "169.254.169.254:80" }`, "http://app.test/", nil, "cloud metadata", 99},
		{"proxy", "", web.URL, []string{"--proxy", "http://169.254.169.254:3128"}, "cloud metadata", 99},
		{"asked of a proxy", "", "http://169.254.169.254/", []string{"--proxy", proxy.URL}, "cloud metadata", 99},
		{"asked of a proxy in a tunnel", "", "https://169.254.169.254/", []string{"--proxy", proxy.URL}, "cloud metadata", 99},
		{"asked of SOCKS", "", "http://169.254.169.254/", []string{"--proxy", strings.Replace(proxy.URL, "http", "socks5h", 1)}, "cloud metadata", 99},
		{"HTTP/3", "", "https://169.254.169.254/", []string{"--http-version", "3"}, "cloud metadata", 99},
		{"socket", `hosts: { "app.test": "unix:` + socket + `" }`, "http://app.test/", nil, "is not allowed", 104},
	} {
		for _, isolation := range []string{"auto", "off"} {
			t.Run(tt.name+"/"+isolation, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "script.js")
				text := `import http from "k6/http"; export const options = { ` + tt.options + ` }; export default function () { http.get("` + tt.url + `", { timeout: 5000 }); }`
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				before := reached.Load()
				c := exec.Command("swarm", append(append([]string{"run", "--isolation", isolation}, tt.args...), path)...)
				c.Env = append(os.Environ(), "SWARM_RUNS="+t.TempDir())
				said, _ := c.CombinedOutput()
				if code := c.ProcessState.ExitCode(); code != tt.code || !strings.Contains(string(said), tt.want) {
					t.Errorf("exit code %d, want %d, and %q in\n%s", code, tt.code, tt.want, said)
				}
				if reached.Load() != before {
					t.Error("a server was reached")
				}
			})
		}
	}

	// The same script is free once the operator allows the socket.
	path := filepath.Join(t.TempDir(), "script.js")
	text := `import http from "k6/http"; export const options = { hosts: { "app.test": "unix:` + socket + `" } }; export default function () { http.get("http://app.test/"); }`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("swarm", "run", "--allow-unix-socket", socket, path)
	c.Env = append(os.Environ(), "SWARM_RUNS="+t.TempDir())
	if said, err := c.CombinedOutput(); err != nil || reached.Load() == 0 {
		t.Errorf("%v\n%s", err, said)
	}
}
