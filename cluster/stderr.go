package cluster

import (
	"bytes"
	"strings"
	"sync"

	"github.com/swarmload/swarm/engine/inert"
)

// stderrTail takes in what a runner writes to standard error: the beginning of
// a crash report, which says what happened, and the last bytes of the rest.
// None of it is shown as it is: a user has no use for a Go stack. Safe for
// concurrent use.
type stderrTail struct {
	mu    sync.Mutex
	line  []byte // being written; cut at maxStderrLine
	crash []byte // from the line that begins a crash report
	tail  []byte
}

const (
	maxStderr     = 64 << 10
	maxCrash      = 8 << 10
	maxStderrLine = 1 << 10
	maxShown      = 200 // runes
)

// Write never fails and never blocks.
func (t *stderrTail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		t.line = append(t.line, line[:min(len(line), maxStderrLine-len(t.line))]...)
		rest = after
		if whole {
			t.take(t.line)
			t.line = t.line[:0]
		}
	}
	return len(p), nil
}

// take keeps a line.
func (t *stderrTail) take(line []byte) {
	if len(t.crash) > 0 || beginsCrash(string(line)) {
		if len(t.crash)+len(line) < maxCrash {
			t.crash = append(append(t.crash, line...), '\n')
		}
		return
	}
	t.tail = append(append(t.tail, line...), '\n')
	if over := len(t.tail) - maxStderr; over > 0 {
		t.tail = append(t.tail[:0], t.tail[over:]...)
	}
}

func beginsCrash(line string) bool {
	for _, prefix := range []string{"panic: ", "fatal error: ", "runtime: ", "SIG", "unexpected fault address"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

// crashed returns the cause of a crash in one line: memory, stack or what was
// reported; "" if there was no crash.
func (t *stderrTail) crashed() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	crash := string(t.crash)
	if len(t.line) > 0 && beginsCrash(string(t.line)) {
		crash += string(t.line)
	}
	switch {
	case strings.Contains(crash, "out of memory"), strings.Contains(crash, "cannot allocate memory"):
		return "memory: it asked for more than there is"
	case strings.Contains(crash, "stack overflow"), strings.Contains(crash, "goroutine stack exceeds"):
		return "stack: the script recursed too deep"
	case crash != "":
		first, _, _ := strings.Cut(crash, "\n")
		for _, prefix := range []string{"panic: ", "fatal error: ", "runtime: "} {
			first = strings.TrimPrefix(first, prefix)
		}
		first, _, _ = strings.Cut(first, " [recovered")
		return "crash: " + inert.Cut(first, maxShown)
	}
	return ""
}

// lastLine returns the last line that is not of a crash report.
func (t *stderrTail) lastLine() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.tail)+string(t.line)), "\n")
	return inert.Cut(strings.TrimSpace(lines[len(lines)-1]), maxShown)
}
