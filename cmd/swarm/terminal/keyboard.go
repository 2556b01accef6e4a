package terminal

import (
	"errors"
	"sync"
	"time"
)

// patience is how long a look at the keys may take: Close waits for it.
const patience = 100 * time.Millisecond

// ErrNoKeyboard says that keys cannot be read one by one.
var ErrNoKeyboard = errors.New("keys cannot be read here")

// Keyboard reads keys as they are pressed, without waiting for Enter and
// without echo. Ctrl-C, Ctrl-Z and Ctrl-\ send their signals as ever, and
// output is processed as ever.
//
// It owns the mode of the terminal while it is open: a single goroutine sets
// it, watches that the process is in the foreground (one in the background
// must neither read nor change the mode), and puts back what was when it ends,
// also by a panic of the function it calls. A nil Keyboard has nothing to do.
type Keyboard struct {
	tty   tty
	press func(keys []byte)

	mu      sync.Mutex // guards the mode of the terminal and what follows
	ours    bool       // the mode is
	asleep  bool       // Suspend is under way
	closed  bool
	stop    chan struct{}
	working sync.WaitGroup
}

// tty is what the system must provide.
type tty interface {
	foreground() bool
	keyMode() error // keys one by one
	restore() error // as it was at the beginning
	// read waits a moment for keys and returns what there is; nil when nothing
	// came. An error is the end.
	read() ([]byte, error)
}

func newKeyboard(t tty, press func([]byte)) *Keyboard {
	k := &Keyboard{tty: t, press: press, stop: make(chan struct{})}
	k.working.Go(k.loop)
	return k
}

// Close puts back the terminal's mode and waits for the goroutine, unless it
// is called by press. It may be called repeatedly, from any goroutine.
func (k *Keyboard) Close() {
	if k != nil {
		k.Release()
		k.working.Wait()
	}
}

// Release is Close without waiting: for when the process is about to end, from
// wherever.
func (k *Keyboard) Release() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.giveBack()
	if !k.closed {
		k.closed = true
		close(k.stop)
	}
}

// Suspend puts back the terminal's mode, calls stop, which returns when the
// process goes on, and takes the terminal again once it is in the foreground.
func (k *Keyboard) Suspend(stop func()) {
	if k == nil {
		stop()
		return
	}
	k.mu.Lock()
	k.asleep = true
	k.giveBack()
	k.mu.Unlock()
	stop()
	k.mu.Lock()
	k.asleep = false
	k.mu.Unlock()
}

// giveBack restores the mode. In the background it is the shell's, which has
// put it right already. The caller holds mu.
func (k *Keyboard) giveBack() {
	if k.ours && k.tty.foreground() {
		k.tty.restore()
	}
	k.ours = false
}

// take sets the mode if the terminal is ours to use.
func (k *Keyboard) take() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || k.asleep {
		return false
	}
	if !k.tty.foreground() {
		k.ours = false // whoever is has set it as they like
		return false
	}
	if !k.ours {
		k.ours = k.tty.keyMode() == nil
	}
	return k.ours
}

func (k *Keyboard) loop() {
	defer k.Release() // also when press panics: a crash must not leave the terminal mute
	for {
		if !k.take() {
			select {
			case <-k.stop:
				return
			case <-time.After(patience):
			}
			continue
		}
		keys, err := k.tty.read()
		if err != nil {
			return // the terminal is gone
		}
		select {
		case <-k.stop:
			return
		default:
		}
		if len(keys) > 0 {
			k.press(keys)
		}
	}
}
