package executor

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/vu"
)

// setUpAgain is the load time after which a VU whose vuSetup failed tries again.
const setUpAgain = time.Second

// setUp runs the VU's vuSetup with its timeout, unless it was completed before.
func (c *Crew) setUp(ctx context.Context, m *vu.Member) error {
	if d := c.host.Plan.VUSetupTimeout; d > 0 {
		limited, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		ctx = limited
	}
	return m.Setup(ctx)
}

// notSetUp accounts for an error of setUp.
func (c *Crew) notSetUp(rec *metric.Recorder, r *role, err error) {
	if e, is := errors.AsType[*vu.Exception](err); is {
		c.exception(rec, r, e)
	} else if ended(err) {
		c.exception(rec, r, timeout("vuSetup", "vuSetupTimeout", c.host.Plan.VUSetupTimeout))
	} else {
		c.host.Events.Fault(c.plan.Name, err)
	}
}

// ended reports whether the script, or the end of its time, caused the error:
// then the VU can go on.
func ended(err error) bool {
	if _, is := errors.AsType[*vu.Exception](err); is {
		return true
	}
	_, is := errors.AsType[*vu.Interrupted](err)
	return is || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// setUpSpread is how far apart VUs begin vuSetup when many do.
const setUpSpread = 200 * time.Microsecond

// prepare takes as many of n VUs as are free and sets them up, so that they are
// ready when the first iteration is due. One that fails tries again when it is
// at work.
func (c *Crew) prepare(ctx context.Context, stop <-chan struct{}, n int) []*vu.Member {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var members []*vu.Member
	var working sync.WaitGroup
	timer := time.NewTimer(forever)
	defer timer.Stop()
	for range n {
		m := c.host.Pool.Take()
		if m == nil {
			break
		}
		members = append(members, m)
		done := make(chan struct{})
		working.Go(func() {
			defer close(done)
			c.prepareOne(ctx, m)
		})
		// Whoever has nothing to do is done by now: only the others are spread.
		timer.Reset(setUpSpread)
		select {
		case <-done:
		case <-timer.C:
		case <-stop:
			cancel()
		}
	}
	all := make(chan struct{})
	go func() {
		defer close(all)
		working.Wait()
	}()
	select {
	case <-all:
	case <-stop:
		cancel()
		<-all
	}
	return members
}

func (c *Crew) prepareOne(ctx context.Context, m *vu.Member) {
	if m.VU == nil {
		return // whoever works with it makes it
	}
	err := c.setUp(ctx, m)
	if err == nil || ctx.Err() != nil {
		return
	}
	c.notSetUp(c.host.Registry.Recorder(int(m.ID.InInstance)), &c.roles[0], err)
	if !ended(err) {
		// An error leaves the place empty: whoever works with it tries again.
		_ = c.host.Pool.Replace(ctx, m)
	}
}
