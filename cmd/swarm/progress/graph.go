package progress

import (
	"strings"

	"github.com/swarmload/swarm/cmd/swarm/terminal"
)

// bar draws a bar of n columns, filled to share.
func bar(share float64, n int, paint terminal.Paint) string {
	share = min(max(share, 0), 1)
	halves := int(share*float64(2*n) + 0.5)
	full := strings.Repeat("━", halves/2)
	if halves%2 == 1 {
		full += "╸"
	}
	rest := strings.Repeat("─", n-(halves+1)/2)
	return paint.Cyan(full) + paint.Dim(rest)
}

// spark draws the latest n values as blocks between zero and the largest.
func spark(values []float64, n int) string {
	blocks := []rune("▁▂▃▄▅▆▇█")
	if len(values) > n {
		values = values[len(values)-max(n, 0):]
	}
	top := 0.0
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for _, v := range values {
		level := 0
		if top > 0 {
			level = int(max(v, 0) / top * float64(len(blocks)-1))
		}
		b.WriteRune(blocks[level])
	}
	return b.String()
}
