package control

import (
	"errors"
	"fmt"
	"time"

	"github.com/swarmload/swarm/engine"
)

// Screen is where Keys answer. Its methods return soon.
type Screen interface {
	// Say shows a line until another, or until it has been read; bad ones are refusals.
	Say(text string, bad bool)
	// Help shows what the keys do, or takes it away.
	Help(on bool)
	// Select marks the scenario that + and - act on.
	Select(scenario string)
}

// Keys turn what is pressed into commands. Not safe for concurrent use.
type Keys struct {
	Control engine.Control
	Board   *Board
	Screen  Screen
	// Stop ends the run gracefully, Quit at once: what Ctrl-C does, once and twice.
	Stop, Quit func()
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	help     bool
	selected string
	quitAt   time.Time // when q was pressed first
	stopped  bool
	last     Scaled // what was set last, which the status tells only later
	lastAt   time.Time
	pausing  bool // what was ordered last
	pausedAt time.Time
}

const (
	// confirm is how long the second q is waited for.
	confirm = 3 * time.Second
	// statusLag is how old the level in a status may be.
	statusLag = 2500 * time.Millisecond
)

// Press takes in what a terminal gives at once: a key, several that were
// pressed in haste, or the sequence of a key without a character, which means
// nothing here.
func (k *Keys) Press(keys []byte) {
	if len(keys) > 1 && keys[0] == '\x1b' {
		return
	}
	for _, key := range keys {
		k.press(key)
	}
}

func (k *Keys) now() time.Time {
	if k.Now != nil {
		return k.Now()
	}
	return time.Now()
}

func (k *Keys) press(key byte) {
	if key != 'q' && key != 'Q' {
		k.quitAt = time.Time{}
	}
	if k.help && key != '?' && key != 'h' {
		k.showHelp(false)
		if key == '\x1b' {
			return
		}
	}
	switch key {
	case 'p', 'P', ' ':
		k.pause()
	case '+', '=':
		k.scale(+1)
	case '-', '_':
		k.scale(-1)
	case 's', 'S':
		k.stop()
	case 'q', 'Q':
		k.quit()
	case '?', 'h':
		k.showHelp(!k.help)
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		k.choose(int(key - '1'))
	default:
		if key > ' ' && key < 0x7f {
			k.Screen.Say(fmt.Sprintf("%c does nothing; ? shows the keys", key), true)
		}
	}
}

func (k *Keys) showHelp(on bool) {
	k.help = on
	k.Screen.Help(on)
}

func (k *Keys) refused(err error) { k.Screen.Say(err.Error(), true) }

// paused is whether the run is, or was last ordered to be.
func (k *Keys) paused() bool {
	if !k.pausedAt.IsZero() && k.now().Sub(k.pausedAt) < statusLag {
		return k.pausing
	}
	return k.Board.Paused()
}

func (k *Keys) pause() {
	if k.paused() {
		if err := k.Control.Resume(); err != nil {
			k.refused(err)
			return
		}
		k.pausing, k.pausedAt = false, k.now()
		k.Screen.Say("the run goes on", false)
		return
	}
	if err := k.Control.Pause(); err != nil {
		k.refused(err)
		return
	}
	k.pausing, k.pausedAt = true, k.now()
	k.Screen.Say("paused: no iteration begins, running ones end; p lets the run go on", false)
}

func (k *Keys) choose(n int) {
	can := k.Board.Scalable()
	switch {
	case len(can) == 0:
		k.Screen.Say("no scenario can be scaled", true)
	case n >= len(can):
		k.Screen.Say(fmt.Sprintf("there is no scenario %d to choose", n+1), true)
	default:
		k.selected = can[n].Name
		k.Screen.Select(k.selected)
		k.Screen.Say(fmt.Sprintf("+ and − scale %s", k.selected), false)
	}
}

func (k *Keys) scale(direction int) {
	can := k.Board.Scalable()
	if len(can) == 0 {
		err := k.Control.Scale("", engine.Level{}) // which says why
		if err == nil {
			err = errors.New("no scenario can be scaled")
		}
		k.refused(err)
		return
	}
	it := can[0]
	if len(can) > 1 {
		found := false
		for _, c := range can {
			if c.Name == k.selected {
				it, found = c, true
			}
		}
		if !found {
			keys := "1 or 2"
			if n := min(len(can), 9); n > 2 {
				keys = fmt.Sprintf("1 to %d", n)
			}
			k.Screen.Say("press "+keys+" to choose a scenario first", true)
			return
		}
	}
	// Status lags a second behind: of several presses each counts.
	if k.last.Name == it.Name && k.now().Sub(k.lastAt) < statusLag {
		it.Level = k.last.Level
	}
	to, ok := step(it.Model, it.Level, direction)
	if !ok {
		k.Screen.Say(fmt.Sprintf("%s: no less than %s; p pauses", it.Name, describe(it.Model, it.Level)), true)
		return
	}
	if err := k.Control.Scale(it.Name, to); err != nil {
		k.refused(err)
		return
	}
	k.last, k.lastAt = Scaled{it.Name, it.Model, to}, k.now()
	k.Screen.Say(fmt.Sprintf("%s: %s → %s", it.Name, describe(it.Model, it.Level), describe(it.Model, to)), false)
}

func (k *Keys) stop() {
	if k.stopped {
		k.Screen.Say("stopping already; q q ends the run at once", true)
		return
	}
	k.stopped = true
	k.Stop()
}

func (k *Keys) quit() {
	now := k.now()
	if k.quitAt.IsZero() || now.Sub(k.quitAt) > confirm {
		k.quitAt = now
		k.Screen.Say("q again quits: iterations are cut off, no teardown", true)
		return
	}
	k.Quit()
}
