package egress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// Range is a range of addresses of one family; First and Last belong to it.
type Range struct{ First, Last netip.Addr }

// ParseRange reads an address ("10.0.0.1"), a range ("10.0.0.1-10.0.0.9") or a
// network ("10.0.0.0/24"). Of an IPv4 network the first and the last address,
// which name the network and all its hosts, are left out if there are others.
func ParseRange(text string) (Range, error) {
	bad := func() (Range, error) {
		return Range{}, fmt.Errorf("%.100q is not an address, a range or a network", text)
	}
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Is4In6() {
			return bad()
		}
		r := Range{p.Masked().Addr(), last(p)}
		if r.First.Is4() && p.Bits() < 31 {
			r.First, r.Last = r.First.Next(), r.Last.Prev()
		}
		return r, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	first, err1 := netip.ParseAddr(from)
	end, err2 := netip.ParseAddr(to)
	r := Range{first.Unmap(), end.Unmap()}
	if err1 != nil || err2 != nil || first.Zone() != "" || end.Zone() != "" ||
		r.First.Is4() != r.Last.Is4() || r.Last.Less(r.First) {
		return bad()
	}
	return r, nil
}

// last returns the last address of p.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := range b {
		switch free := len(b)*8 - p.Bits() - (len(b)-1-i)*8; {
		case free >= 8:
			b[i] = 0xff
		case free > 0:
			b[i] |= 1<<free - 1
		}
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

// size is the number of addresses, at most the largest uint64.
func (r Range) size() uint64 {
	high1, low1 := halves(r.First)
	high2, low2 := halves(r.Last)
	low, borrow := bits.Sub64(low2, low1, 0)
	high, _ := bits.Sub64(high2, high1, borrow)
	if high > 0 || low == math.MaxUint64 {
		return math.MaxUint64
	}
	return low + 1
}

// at returns the address n places after the first.
func (r Range) at(n uint64) netip.Addr {
	high, low := halves(r.First)
	low, carry := bits.Add64(low, n, 0)
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], high+carry)
	binary.BigEndian.PutUint64(b[8:], low)
	addr := netip.AddrFrom16(b)
	if r.First.Is4() {
		return addr.Unmap()
	}
	return addr
}

func halves(a netip.Addr) (high, low uint64) {
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

// locals are the addresses to send from, by family. Immutable; its size goes by
// the number of ranges, not of addresses.
type locals struct{ v4, v6 pool }

type pool struct {
	ranges []Range
	total  uint64 // addresses, at most the largest uint64
}

func newLocals(ranges []Range) (l locals) {
	for _, r := range ranges {
		p := &l.v6
		if r.First.Is4() {
			p = &l.v4
		}
		p.ranges = append(p.ranges, r)
		sum, carry := bits.Add64(p.total, r.size(), 0)
		if carry > 0 {
			sum = math.MaxUint64
		}
		p.total = sum
	}
	return l
}

func (l *locals) empty() bool { return l.v4.total == 0 && l.v6.total == 0 }

// pick returns the address that VU n sends to addr from: the n-th of the right
// family, around and around. The zero Addr leaves it to the system; ok is false
// if there are local addresses and none of them can reach addr.
func (l *locals) pick(n uint64, addr netip.Addr) (local netip.Addr, ok bool) {
	if l.empty() {
		return netip.Addr{}, true
	}
	p := &l.v6
	if addr.Is4() {
		p = &l.v4
	}
	if p.total == 0 {
		return netip.Addr{}, false
	}
	n = max(n, 1) - 1
	n %= p.total
	for _, r := range p.ranges {
		size := r.size()
		if n < size {
			return r.at(n), true
		}
		n -= size
	}
	return netip.Addr{}, false // not reached: n is below the sum of sizes
}

// NoLocal says that a connection could not be opened from the address that
// localIPs gives the VU.
type NoLocal struct {
	Remote netip.Addr
	Local  netip.Addr // the zero Addr: there is none of Remote's family
}

// Error is one line for the user.
func (e *NoLocal) Error() string {
	if e.Local.IsValid() {
		return fmt.Sprintf("cannot send from %s: it is not an address of this machine", e.Local)
	}
	return fmt.Sprintf("cannot send to %s: localIPs has no address of its family", e.Remote)
}

// foreign turns the failure to bind to an address that is not this machine's
// into a *NoLocal. Left as it is, it reads like a lack of free ports.
func foreign(err error, local, remote netip.Addr) error {
	var call *os.SyscallError
	if local.IsValid() && errors.As(err, &call) && call.Syscall == "bind" && errors.Is(call.Err, syscall.EADDRNOTAVAIL) {
		return &NoLocal{Remote: remote, Local: local}
	}
	return err
}
