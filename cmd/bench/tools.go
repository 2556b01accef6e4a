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

// Tools lists what can be measured here: swarm, and those of wrk, bombardier
// and k6 that are on PATH.
func Tools(swarm, scripts, url string, connections int, duration time.Duration, paced int) []Tool {
	var tools []Tool
	c, d := strconv.Itoa(connections), fmt.Sprintf("%ds", int(duration.Seconds()))
	found := func(name string) bool { _, err := exec.LookPath(name); return err == nil }

	if found("wrk") {
		tools = append(tools, Tool{Name: "wrk", Args: []string{"wrk", "-t1", "-c" + c, "-d" + d, url}})
	}
	if found("bombardier") {
		tools = append(tools, Tool{Name: "bombardier", Args: []string{"bombardier", "--fasthttp", "-q", "-c", c, "-d", d, url}})
	}
	for _, script := range []string{"minimal", "checked", "realistic", "paced"} {
		vus := c
		if script == "paced" {
			if paced == 0 {
				continue
			}
			vus = strconv.Itoa(paced)
		}
		file := filepath.Join(scripts, script+".js")
		args := []string{"run", "--quiet", "-e", "TARGET=" + url, "-u", vus, "-d", d, file}
		tools = append(tools, Tool{Name: "swarm " + script, Args: append([]string{swarm}, args...)})
		if found("k6") {
			tools = append(tools, Tool{
				Name: "k6 " + script,
				Args: append([]string{"k6"}, args...),
				Env:  []string{"K6_NO_USAGE_REPORT=true", "K6_ADDRESS="},
			})
		}
	}
	return tools
}
