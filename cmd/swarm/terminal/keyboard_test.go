package terminal

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeTTY is a terminal that keeps what was done to its mode.
type fakeTTY struct {
	mu         sync.Mutex
	background bool
	log        []string
	keys       []string // to be read, one at a time
	end        error
}

func (f *fakeTTY) note(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, what)
	return nil
}

func (f *fakeTTY) foreground() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.background
}

func (f *fakeTTY) keyMode() error { return f.note("keys") }
func (f *fakeTTY) restore() error { return f.note("restored") }

func (f *fakeTTY) read() ([]byte, error) {
	time.Sleep(patience)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.background {
		panic("read in the background")
	}
	if len(f.keys) == 0 {
		return nil, f.end
	}
	key := f.keys[0]
	f.keys = f.keys[1:]
	return []byte(key), nil
}

func (f *fakeTTY) set(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *fakeTTY) did() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.log, " ")
}

func TestKeyboard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTTY{keys: []string{"p", "+", "\x1b[A"}}
		var pressed []string
		k := newKeyboard(f, func(keys []byte) { pressed = append(pressed, string(keys)) })
		time.Sleep(time.Second)
		k.Close()
		k.Close()
		if !slices.Equal(pressed, []string{"p", "+", "\x1b[A"}) || f.did() != "keys restored" {
			t.Errorf("pressed %q, terminal %q", pressed, f.did())
		}
	})
}

// TestKeyboardRestoresAfterPanic: a crash must not leave the terminal mute.
func TestKeyboardRestoresAfterPanic(t *testing.T) {
	f := &fakeTTY{keys: []string{"p"}}
	k := &Keyboard{tty: f, press: func([]byte) { panic("a fault") }, stop: make(chan struct{})}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is lost")
			}
		}()
		k.loop()
	}()
	if f.did() != "keys restored" {
		t.Errorf("terminal %q", f.did())
	}
}

func TestKeyboardSuspends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTTY{}
		k := newKeyboard(f, func([]byte) {})
		time.Sleep(time.Second)
		k.Suspend(func() {
			time.Sleep(time.Minute)
			if f.did() != "keys restored" {
				t.Errorf("while suspended: %q", f.did())
			}
		})
		time.Sleep(time.Second)
		k.Close()
		if f.did() != "keys restored keys restored" {
			t.Errorf("terminal %q", f.did())
		}
	})
}

// TestKeyboardLeavesTheBackgroundAlone: a process in the background neither
// reads nor changes the mode, and takes the terminal when it is in the
// foreground again.
func TestKeyboardLeavesTheBackgroundAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTTY{background: true}
		k := newKeyboard(f, func([]byte) {})
		time.Sleep(time.Minute)
		if f.did() != "" {
			t.Errorf("in the background: %q", f.did())
		}
		f.set(func() { f.background = false })
		time.Sleep(time.Second)
		if f.did() != "keys" {
			t.Errorf("in the foreground: %q", f.did())
		}
		k.Close()
		if f.did() != "keys restored" {
			t.Errorf("terminal %q", f.did())
		}
	})
}

func TestKeyboardEndsWithTheTerminal(t *testing.T) {
	for _, end := range []error{io.EOF, errors.New("input/output error")} {
		f := &fakeTTY{end: end}
		k := newKeyboard(f, func([]byte) {})
		k.working.Wait()
		if f.did() != "keys restored" {
			t.Errorf("terminal %q", f.did())
		}
		k.Close()
	}
}

func TestNoKeyboard(t *testing.T) {
	var k *Keyboard
	ran := false
	k.Suspend(func() { ran = true })
	k.Release()
	k.Close()
	if !ran {
		t.Error("Suspend did not call its function")
	}
}
