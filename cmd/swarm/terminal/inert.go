package terminal

import (
	"strings"

	"github.com/swarmload/swarm/engine/inert"
)

// InertColored is [inert.Text] for text that may be coloured: sequences that only
// set colours and weights stay.
func InertColored(s string) string {
	var b strings.Builder
	for s != "" {
		next := strings.Index(s, "\x1b[")
		if next < 0 {
			b.WriteString(inert.Text(s))
			break
		}
		b.WriteString(inert.Text(s[:next]))
		s = s[next:]
		size := sequence(s)
		if size == 0 {
			b.WriteString(inert.Text(s[:2]))
			s = s[2:]
			continue
		}
		b.WriteString(s[:size])
		s = s[size:]
	}
	return b.String()
}
