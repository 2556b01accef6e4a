package transport

import (
	"context"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBudget takes all there is, drops it, and takes it again: what nobody holds
// any more is given back without being told.
func TestBudget(t *testing.T) {
	n := NewNetwork(nil)
	n.bodies.limit = 8 << 20
	free, f := new(Room).Grow(n, nil, freeBody)
	if f != nil || n.bodies.held != 0 {
		t.Fatalf("%s, %d bytes held for a small buffer", describe(f), n.bodies.held)
	}
	var held [][]byte
	for range 4 {
		b, f := new(Room).Grow(n, nil, 2<<20)
		if f != nil || cap(b) != 2<<20 || len(b) != 0 {
			t.Fatalf("%s, %d bytes", describe(f), cap(b))
		}
		held = append(held, b)
	}
	if b, f := new(Room).Grow(n, free, freeBody+1); f != failNoRoom || cap(b) != cap(free) {
		t.Errorf("%s, %d bytes beyond the budget", describe(f), cap(b))
	}
	runtime.KeepAlive(held)
	held = nil
	time.Sleep(collectEvery)
	b, f := new(Room).Grow(n, []byte("kept"), 7<<20)
	if f != nil || string(b) != "kept" || cap(b) < 7<<20+4 {
		t.Errorf("%s, %q with room for %d: garbage was not given back", describe(f), b, cap(b))
	}
	if _, f := new(Room).Grow(n, nil, 9<<20); f != failNoRoom {
		t.Errorf("%s for more than the budget", describe(f))
	}
	runtime.KeepAlive(b)
}

// heapPeak runs f and returns how large the heap was at most, garbage included.
func heapPeak(f func()) int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	done, most := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for highest := int64(0); ; {
			metrics.Read(sample)
			highest = max(highest, int64(sample[0].Value.Uint64()))
			select {
			case <-tick.C:
			case <-done:
				most <- highest
				return
			}
		}
	}()
	f()
	close(done)
	return <-most
}

// TestManyBombs has many VUs ask for bodies that unpack to far more than they
// are. Some get them, the others are told, and the heap stays bounded.
func TestManyBombs(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("unpacks gigabytes")
	}
	for name, size := range map[string]int64{"endless": 1 << 30, "held": 60 << 20} {
		body := packed(t, size)
		for _, p := range ways {
			t.Run(p.proto+" "+name, func(t *testing.T) {
				url, ca := p.start(t, body)
				v := newVU(t, ca, func(o *Options) { o.Version = p.proto })
				runtime.GC()
				var whole, tooLarge, noRoom atomic.Int64
				peak := heapPeak(func() {
					var vus sync.WaitGroup
					replies := make([]Reply, 50)
					for i := range replies {
						vus.Go(func() {
							c := NewClient(v.set, 0)
							defer c.Close()
							q := v.call("GET", url+"/")
							q.Deadline += time.Minute
							c.Do(context.Background(), q, &replies[i])
							switch r := &replies[i]; r.Fail {
							case nil:
								whole.Add(1)
							case failBodyTooLarge:
								tooLarge.Add(1)
							case failNoRoom:
								noRoom.Add(1)
							default:
								t.Error(describe(r.Fail))
							}
							if replies[i].Fail != nil {
								replies[i].Raw, replies[i].Body = nil, nil
							}
						})
					}
					vus.Wait()
					runtime.KeepAlive(replies)
				})
				t.Logf("peak %d MiB; %d whole, %d too large, %d without room", peak>>20, whole.Load(), tooLarge.Load(), noRoom.Load())
				if peak > 1200<<20 {
					t.Errorf("the heap was %d MiB large", peak>>20)
				}
				if name == "held" && (whole.Load() == 0 || whole.Load() > maxBodies/size || whole.Load()+noRoom.Load() != 50) {
					t.Errorf("%d bodies of %d bytes are held", whole.Load(), size)
				}
				time.Sleep(collectEvery)
				if r := v.get(url + "/"); size > maxBody && r.Fail != failBodyTooLarge || size <= maxBody && r.Fail != nil {
					t.Errorf("afterwards: %s", describe(r.Fail))
				}
			})
		}
	}
}

// TestManyLargeBodies has VUs ask for large bodies again and again, which fit
// together: none is refused, however much garbage they leave.
func TestManyLargeBodies(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("moves gigabytes")
	}
	const size, vus, rounds = 12 << 20, 20, 5
	body := packed(t, size)
	for _, p := range ways {
		t.Run(p.proto, func(t *testing.T) {
			url, ca := p.start(t, body)
			v := newVU(t, ca, func(o *Options) { o.Version = p.proto })
			peak := heapPeak(func() {
				var all sync.WaitGroup
				for range vus {
					all.Go(func() {
						c := NewClient(v.set, 0)
						defer c.Close()
						for range rounds {
							q := v.call("GET", url+"/")
							q.Deadline += time.Minute
							var r Reply
							if c.Do(context.Background(), q, &r); r.Fail != nil || len(r.Body) != size {
								t.Errorf("%d bytes, %s", len(r.Body), describe(r.Fail))
							}
						}
					})
				}
				all.Wait()
			})
			t.Logf("peak %d MiB", peak>>20)
		})
	}
}
