package wire

import (
	"slices"
	"time"
)

// Exactly once: the Sender numbers each Delta and keeps it until it is acked;
// the Receiver takes each number once and only in order, and acks the last it
// took. What is lost is sent again, what comes twice is dropped, what comes
// too early is dropped as well and comes again. Neither does any input or
// output, so the same pair serves every connection.

// Sender is the runner's side. Not safe for concurrent use.
type Sender struct {
	epoch   uint64
	seq     uint64 // of the newest Delta
	unacked []*Delta
	sent    time.Time // when the unacked were last sent, or something was acked
}

// NewSender returns a Sender for one life of a runner.
func NewSender(epoch uint64) *Sender { return &Sender{epoch: epoch} }

// Add numbers d, which the caller then sends and never changes again.
func (s *Sender) Add(d *Delta, now time.Time) {
	s.seq++
	d.Epoch, d.Seq = s.epoch, s.seq
	if len(s.unacked) == 0 {
		s.sent = now
	}
	s.unacked = append(s.unacked, d)
}

// Ack forgets what has been counted. Acks may be lost, repeated and reordered.
func (s *Sender) Ack(a *Ack, now time.Time) {
	if a.GetEpoch() != s.epoch || a.GetSeq() > s.seq {
		return
	}
	n := 0
	for n < len(s.unacked) && s.unacked[n].Seq <= a.GetSeq() {
		s.unacked[n] = nil
		n++
	}
	if n > 0 {
		s.unacked = s.unacked[n:]
		s.sent = now
	}
}

// Last returns the number of the newest Delta, 0 before the first.
func (s *Sender) Last() uint64 { return s.seq }

// Pending returns how many Deltas are not acked. A caller that finds many
// stops taking snapshots for a while: what is not taken stays in the registry,
// so memory is bounded and nothing is lost.
func (s *Sender) Pending() int { return len(s.unacked) }

// Due returns the Deltas to send again: all that are not acked, oldest first,
// if there was no ack for the given time; nil otherwise. After a reconnect,
// pass 0.
func (s *Sender) Due(now time.Time, after time.Duration) []*Delta {
	if len(s.unacked) == 0 || now.Sub(s.sent) < after {
		return nil
	}
	s.sent = now
	return slices.Clone(s.unacked)
}

// Receiver is the coordinator's side for one life of a runner. Not safe for
// concurrent use.
type Receiver struct {
	epoch, last uint64

	// Dropped counts what was not taken: repeated, ahead of a gap, or of
	// another epoch.
	Repeated, Ahead, Foreign uint64
}

// NewReceiver returns a Receiver that takes Deltas of the given epoch alone.
func NewReceiver(epoch uint64) *Receiver { return &Receiver{epoch: epoch} }

// Accept says whether d is to be counted now. Call it once for each Delta that
// arrives, count d if it returns true, and send Ack in either case.
func (r *Receiver) Accept(d *Delta) bool {
	switch {
	case d.GetEpoch() != r.epoch:
		r.Foreign++
	case d.GetSeq() <= r.last:
		r.Repeated++
	case d.GetSeq() != r.last+1:
		r.Ahead++
	default:
		r.last = d.GetSeq()
		return true
	}
	return false
}

// Last returns the number of the last Delta taken, 0 before the first.
func (r *Receiver) Last() uint64 { return r.last }

// Ack returns the acknowledgement of all Deltas taken so far.
func (r *Receiver) Ack() *Ack { return &Ack{Epoch: r.epoch, Seq: r.last} }
