package main

import (
	"os"
	"strings"

	"github.com/swarmload/swarm/cmd/swarm/codeframe"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
)

// env is what a command may touch of the world around it.
type env struct {
	stdin          *os.File // keys are read from it if it is a terminal; may be nil
	stdout, stderr terminal.Stream
	lookup         func(name string) (string, bool) // one environment variable
	environ        []string                         // all of them, as NAME=value
	signals        <-chan os.Signal
	subscribe      func()         // from now on, Ctrl-C, SIGTERM and SIGHUP go to signals
	end            func(code int) // ends the process at once

	noColor    bool // --no-color
	everything bool // show all findings, however many
}

// color applies --no-color, which is known only after the flags were read.
func (e *env) color(s terminal.Stream) terminal.Stream {
	s.Color = s.Color && !e.noColor
	return s
}

// show prints a frame on the standard error.
func (e *env) show(f codeframe.Frame) {
	s := e.color(e.stderr)
	lines := codeframe.Render(f, terminal.Paint{On: s.Color}, s.Width())
	s.Write([]byte(strings.Join(lines, "\n") + "\n"))
}
