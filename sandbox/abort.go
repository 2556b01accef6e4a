package sandbox

import (
	"github.com/dop251/goja"
)

// maxReason bounds what a script gives as the reason of an abort.
const maxReason = 1000 // bytes

// Aborted is the cause of the interruption of a VU that asked for the end of
// the test.
type Aborted struct{ Reason string }

func (a *Aborted) Error() string {
	if a.Reason == "" {
		return "the script aborted the test"
	}
	return "the script aborted the test: " + a.Reason
}

// Abort asks for the end of the whole test and stops the script, past every
// catch and finally. It does not return; what runs in this VU next, such as
// vuTeardown, is not affected.
func (v *VU) Abort(reason string) {
	v.aborted = &Aborted{Clip(reason, maxReason)}
	if test := v.program.host.Test; test != nil {
		test.Abort(v.aborted.Reason)
	}
	// The panic ends what runs now. Should one of those in between hold it, as
	// does who reads a script's object without wanting to know what it throws,
	// the next instruction of the script is its last.
	v.rt.Interrupt(v.aborted)
	panic(&goja.InterruptedError{})
}

// Fail makes the whole test fail, and lets it go on.
func (v *VU) Fail(reason string) {
	if test := v.program.host.Test; test != nil {
		test.Fail(Clip(reason, maxReason))
	}
}

// Status returns where the runner's load stands; the zero Status outside it.
func (v *VU) Status() Status {
	if test := v.program.host.Test; test != nil {
		return test.Status()
	}
	return Status{}
}
