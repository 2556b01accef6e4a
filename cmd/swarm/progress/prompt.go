package progress

import (
	"fmt"
	"strings"

	"github.com/swarmload/swarm/cmd/swarm/terminal"
	"github.com/swarmload/swarm/engine/inert"
)

// keys is the line that says what can be pressed; what does not fit is in the help.
func keys(s State, paint terminal.Paint, width int) string {
	type key struct{ name, does string }
	var all []key
	if s.Phase == "load" && !s.Stopping {
		if s.Paused {
			all = append(all, key{"p", "go on"})
		} else {
			all = append(all, key{"p", "pause"})
		}
		switch can := s.scalable(); {
		case len(can) == 1:
			all = append(all, key{"+ −", "scale"})
		case len(can) > 1 && s.Prompt.Selected == "":
			all = append(all, key{fmt.Sprintf("1–%d", min(len(can), 9)), "choose"}, key{"+ −", "scale"})
		case len(can) > 1:
			all = append(all, key{"+ −", "scale " + inert.Cut(s.Prompt.Selected, 12)})
		}
	}
	if !s.Stopping {
		all = append(all, key{"s", "stop"})
	}
	all = append(all, key{"q", "quit"}, key{"?", "help"})
	var parts []string
	for _, k := range all {
		parts = append(parts, paint.Bold(k.name)+" "+paint.Dim(k.does))
	}
	for _, between := range []string{"   ", "  "} {
		if line := strings.Join(parts, between); terminal.Columns(line) <= width {
			return line
		}
	}
	return strings.Join(parts, " ")
}

// answer is the line in place of the keys after one was pressed.
func answer(p Prompt, paint terminal.Paint) string {
	text := inert.Line(p.Text)
	if p.Bad {
		return paint.Yellow(text)
	}
	return paint.Cyan(text)
}

// help says what the keys do.
func help(s State, paint terminal.Paint) (lines []string) {
	what := "of the only scenario that can be scaled"
	switch can := s.scalable(); {
	case len(can) == 0:
		what = "(no scenario can be scaled)"
	case len(can) > 1 && s.Prompt.Selected == "":
		what = "of the scenario chosen with its number"
	case len(can) > 1:
		what = "of " + inert.Cut(s.Prompt.Selected, 24)
	}
	for _, k := range [][2]string{
		{"p", "pause: no iteration begins; p again lets the run go on"},
		{"+ −", "a tenth more or less load " + what},
		{"1 to 9", "choose the scenario that + and − act on"},
		{"s", "stop: iterations finish, teardown and summary follow"},
		{"q q", "quit: iterations are cut off, no teardown"},
		{"Ctrl-C", "as s; twice as q q"},
		{"Ctrl-Z", "pause and suspend; fg resumes both"},
		{"?", "this help; any key takes it away"},
	} {
		lines = append(lines, "   "+paint.Bold(pad(k[0], 8))+k[1])
	}
	return lines
}
