package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Tool is one program with one job, as a command line.
type Tool struct {
	Name string
	Args []string // Args[0] is the program
	Env  []string
}

// job is what several tools are to do.
type job struct {
	swarm       string // the binary
	scripts     string // the folder
	url         string
	connections int // or VUs
	duration    time.Duration
}

func (j job) vus() string  { return strconv.Itoa(j.connections) }
func (j job) time() string { return fmt.Sprintf("%ds", int(j.duration.Seconds())) }

// found reports whether a program is on PATH.
func found(program string) bool { _, err := exec.LookPath(program); return err == nil }

// peer returns the tool in a list, an empty one if it is not on PATH.
func peer(name string, args ...string) []Tool {
	if !found(args[0]) {
		return nil
	}
	return []Tool{{Name: name, Args: args}}
}

// script returns swarm and k6 with one script.
func (j job) script(name, vus string, flags ...string) []Tool {
	file := filepath.Join(j.scripts, name+".js")
	args := append([]string{"run", "--quiet", "-e", "TARGET=" + j.url, "-u", vus, "-d", j.time()}, flags...)
	args = append(args, file)
	tools := []Tool{{Name: "swarm " + name, Args: append([]string{j.swarm}, args...)}}
	if found("k6") {
		tools = append(tools, Tool{
			Name: "k6 " + name,
			Args: append([]string{"k6"}, args...),
			Env:  []string{"K6_NO_USAGE_REPORT=true", "K6_ADDRESS="},
		})
	}
	return tools
}

// Tools lists what can be measured here: swarm, and those of wrk, bombardier
// and k6 that are on PATH. With paced above 0 that many VUs are measured too.
func (j job) Tools(paced int) []Tool {
	tools := peer("wrk", "wrk", "-t1", "-c"+j.vus(), "-d"+j.time(), j.url)
	tools = append(tools, peer("bombardier", "bombardier", "--fasthttp", "-q", "-c", j.vus(), "-d", j.time(), j.url)...)
	for _, name := range []string{"minimal", "checked", "realistic"} {
		tools = append(tools, j.script(name, j.vus())...)
	}
	if paced > 0 {
		tools = append(tools, j.script("paced", strconv.Itoa(paced))...)
	}
	return tools
}

// skipVerify is the flag of both swarm and k6.
const skipVerify = "--insecure-skip-tls-verify"

// TLSTools is Tools for a target that speaks HTTP/1.1 over TLS only.
func (j job) TLSTools() []Tool {
	tools := peer("wrk", "wrk", "-t1", "-c"+j.vus(), "-d"+j.time(), j.url)
	tools = append(tools, peer("bombardier", "bombardier", "--fasthttp", "-k", "-q", "-c", j.vus(), "-d", j.time(), j.url)...)
	return append(tools, j.script("minimal", j.vus(), skipVerify)...)
}

// HTTP2Tools is Tools for a target that offers HTTP/2 over TLS. All of them
// have one request at a time on each connection, as a VU does.
func (j job) HTTP2Tools() []Tool {
	tools := peer("h2load", "h2load", "-t", "1", "-c", j.vus(), "-m", "1", "-D", j.time(), j.url)
	tools = append(tools, peer("bombardier", "bombardier", "--http2", "-k", "-q", "-c", j.vus(), "-d", j.time(), j.url)...)
	return append(tools, j.script("minimal", j.vus(), skipVerify)...)
}
