package health

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// process is where a Monitor reads from.
type process interface {
	// use returns what was used so far.
	use() usage
	// processors returns how many may be used; a part of one counts.
	processors() float64
	close()
}

// usage is what a process used.
type usage struct {
	cpu    time.Duration   // since it began
	memory uint64          // bytes resident now
	pauses []time.Duration // stops of the world since the last call, valid until the next
	// work and collector are seconds of processor time as the Go runtime
	// counts them, at the end of each collection.
	work, collector float64
}

// self is this process.
type self struct {
	statm   *os.File // /proc/self/statm; nil elsewhere
	quota   float64  // of a control group, in processors; 0: none
	stats   debug.GCStats
	seen    int64 // collections
	samples []metrics.Sample
}

const (
	sampleWork = iota
	sampleCollector
	sampleMapped
	sampleReleased
)

func openProcess() *self {
	p := &self{quota: quota(os.DirFS("/"))}
	p.samples = []metrics.Sample{
		sampleWork:      {Name: "/cpu/classes/total:cpu-seconds"},
		sampleCollector: {Name: "/cpu/classes/gc/total:cpu-seconds"},
		sampleMapped:    {Name: "/memory/classes/total:bytes"},
		sampleReleased:  {Name: "/memory/classes/heap/released:bytes"},
	}
	if runtime.GOOS == "linux" {
		p.statm, _ = os.Open("/proc/self/statm") // without it use knows another way
	}
	debug.ReadGCStats(&p.stats)
	p.seen = p.stats.NumGC
	return p
}

func (p *self) use() usage {
	metrics.Read(p.samples)
	u := usage{
		cpu:       processorTime(),
		memory:    p.resident(),
		work:      p.seconds(sampleWork),
		collector: p.seconds(sampleCollector),
	}
	debug.ReadGCStats(&p.stats)
	// The newest come first, and only some hundred are kept.
	u.pauses = p.stats.Pause[:min(max(p.stats.NumGC-p.seen, 0), int64(len(p.stats.Pause)))]
	p.seen = p.stats.NumGC
	return u
}

func (p *self) seconds(sample int) float64 {
	if v := p.samples[sample].Value; v.Kind() == metrics.KindFloat64 {
		return v.Float64()
	}
	return 0
}

// resident returns the bytes of memory in use; where the system does not say
// as a file, those that the Go runtime has.
func (p *self) resident() uint64 {
	if p.statm != nil {
		var buf [128]byte
		n, _ := p.statm.ReadAt(buf[:], 0) // it ends with EOF
		if pages, ok := residentPages(buf[:n]); ok {
			return pages * uint64(os.Getpagesize())
		}
	}
	mapped, released := p.samples[sampleMapped].Value, p.samples[sampleReleased].Value
	if mapped.Kind() != metrics.KindUint64 || released.Kind() != metrics.KindUint64 {
		return 0
	}
	return mapped.Uint64() - min(released.Uint64(), mapped.Uint64())
}

// residentPages reads the second number of a statm file.
func residentPages(statm []byte) (pages uint64, ok bool) {
	field := 0
	for _, c := range statm {
		switch {
		case c == ' ':
			if field++; field > 1 {
				return pages, ok
			}
		case field == 1 && '0' <= c && c <= '9':
			pages, ok = pages*10+uint64(c-'0'), true
		}
	}
	return 0, false
}

func (p *self) processors() float64 {
	n := float64(runtime.GOMAXPROCS(0))
	if p.quota > 0 {
		return min(n, p.quota)
	}
	return n
}

func (p *self) close() {
	if p.statm != nil {
		p.statm.Close()
	}
}
