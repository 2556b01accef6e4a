package sse

import (
	"context"
	nethttp "net/http"
	"strings"
	"testing"
)

// One operation is one event, from the socket to a handler that reads its data.
func BenchmarkEvents(b *testing.B) {
	const n = 10_000
	text := strings.Repeat("id: 17\nevent: message\ndata: {\"symbol\":\"ABC\",\"price\":12.5}\n\n", n)
	url := serve(b, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Write([]byte(text))
	})
	for _, bm := range []struct{ name, code string }{
		{"open", `let n = 0; sse.open('URL', c => c.on('event', e => n += e.data.length))`},
		{"source", `let n = 0; new EventSource('URL').onmessage = e => n += e.data.length`},
		{"loop", `let n = 0; for await (const e of sse.events('URL')) n += e.data.length`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			w := newWorld(b, newPlan(), url, "", bm.code)
			b.ReportAllocs()
			b.SetBytes(int64(len(text) / n))
			b.ResetTimer()
			for i := 0; i < b.N; i += n {
				if err := w.iterate(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if got := w.value("sse_events").Sum; got < float64(b.N) {
				b.Fatalf("%v events, want %d", got, b.N)
			}
		})
	}
}
