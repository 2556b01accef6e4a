package egress

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Select says which address of a name is tried first; the others follow if it
// does not answer.
type Select string

// The ways to select. The zero Select is First.
const (
	First      Select = "first"      // in the order of the resolver
	Random     Select = "random"     // in a new order for each dial
	RoundRobin Select = "roundRobin" // one after the other, dial by dial
)

// Policy says which addresses of a name count.
type Policy string

// The policies. The zero Policy is Any.
const (
	PreferIPv4 Policy = "preferIPv4" // IPv6 only if no IPv4 address answers
	PreferIPv6 Policy = "preferIPv6"
	OnlyIPv4   Policy = "onlyIPv4"
	OnlyIPv6   Policy = "onlyIPv6"
	Any        Policy = "any"
)

// Options are what a test may reach, and how it gets there. The zero value
// allows what [Check] allows and remembers no name.
type Options struct {
	Blacklist   []netip.Prefix // refused beside what Check refuses
	BlockHosts  []string       // names and "*.names" that are never contacted; "*": none is
	UnixSockets []string       // paths that may be connected to; no others
	// TTL is how long the addresses of a name are used: 0 for one dial,
	// negative for ever. At most 4,096 names are remembered.
	TTL        time.Duration
	Select     Select
	Policy     Policy
	LocalAddrs []Range // addresses to send from, see WithLocal; none: the system's choice

	// Lookup resolves a host name to "ip", "ip4" or "ip6" addresses; nil means
	// the system's resolver. It must return when its context ends.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// DialIP opens a connection to one literal address or, on "unix", a path,
	// from local unless that is the zero Addr; nil means a net.Dialer.
	DialIP func(ctx context.Context, network, address string, local netip.Addr) (net.Conn, error)
}

// Dialer opens connections to addresses that pass its checks. The zero value
// is that of the zero Options. Safe for concurrent use; it starts no goroutine
// and needs no end.
type Dialer struct {
	blacklist []netip.Prefix
	blocked   blocklist
	sockets   map[string]struct{}
	locals    locals
	selection Select
	policy    Policy
	dialIP    func(ctx context.Context, network, address string, local netip.Addr) (net.Conn, error)
	names     resolver
}

// New returns a Dialer. An error names the option that cannot be used.
func New(o Options) (*Dialer, error) {
	d := &Dialer{
		selection: o.Select,
		policy:    o.Policy,
		locals:    newLocals(o.LocalAddrs),
		dialIP:    o.DialIP,
		sockets:   map[string]struct{}{},
		names:     resolver{lookup: o.Lookup, network: "ip", ttl: o.TTL, sorted: o.Select == RoundRobin},
	}
	var err error
	if d.blocked, err = newBlocklist(o.BlockHosts); err != nil {
		return nil, err
	}
	for _, p := range o.Blacklist {
		if !p.IsValid() {
			return nil, errors.New("blacklist: invalid prefix")
		}
		d.blacklist = append(d.blacklist, unmapped(p))
	}
	for _, r := range o.LocalAddrs {
		if !r.First.IsValid() || !r.Last.IsValid() || r.First.Is4() != r.Last.Is4() || r.Last.Less(r.First) {
			return nil, fmt.Errorf("local addresses: invalid range from %s to %s", r.First, r.Last)
		}
	}
	for _, path := range o.UnixSockets {
		d.sockets[socketPath(path)] = struct{}{}
	}
	switch o.Policy {
	case OnlyIPv4:
		d.names.network = "ip4"
	case OnlyIPv6:
		d.names.network = "ip6"
	case "", Any, PreferIPv4, PreferIPv6:
	default:
		return nil, fmt.Errorf("unknown DNS policy %q", o.Policy)
	}
	switch o.Select {
	case "", First, Random, RoundRobin:
	default:
		return nil, fmt.Errorf("unknown DNS selection %q", o.Select)
	}
	return d, nil
}

// unmapped returns a prefix of v4-mapped addresses as one of IPv4, which is the
// form addresses are compared in.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// Check returns a *Blocked if addr must not be dialled.
func (d *Dialer) Check(addr netip.Addr) error { return check(addr, d.blacklist) }

// CheckHost returns a *BlockedHost if name, the host of a URL, must not be
// contacted, whatever it is mapped or resolved to. Case, a trailing dot and the
// form of an international name make no difference.
func (d *Dialer) CheckHost(name string) error {
	if !d.blocked.all && len(d.blocked.exact) == 0 && len(d.blocked.below) == 0 {
		return nil
	}
	host, err := canonical(name)
	if err != nil {
		return err
	}
	if d.blocked.matches(host) {
		return &BlockedHost{Host: host}
	}
	return nil
}

// BlockedSocket says that the operator did not allow a unix socket.
type BlockedSocket struct{ Path string }

// Error is one line for the user.
func (b *BlockedSocket) Error() string {
	return fmt.Sprintf("egress blocked: the unix socket %.200q is not allowed", b.Path)
}

// CheckSocket returns a *BlockedSocket unless the operator allowed path.
func (d *Dialer) CheckSocket(path string) error {
	if _, allowed := d.sockets[socketPath(path)]; !allowed || path == "" {
		return &BlockedSocket{Path: path}
	}
	return nil
}

// socketPath returns the form in which paths are compared. Names in Linux's
// abstract name space, which begin with "@", are no paths.
func socketPath(path string) string {
	if path == "" || path[0] == '@' || path[0] == 0 {
		return path
	}
	return filepath.Clean(path)
}

// Dial connects to host:port on "tcp", "tcp4" or "tcp6", or to a path on
// "unix". Every address the host resolves to is checked, on every dial: those
// refused are left out, and if none remains the error is a *Blocked, else a
// *BlockedHost, *BlockedSocket, *NoLocal, *net.DNSError or the system's. The
// others are tried in the order that Policy and Select give, until one answers;
// each gets a fair share of the time until ctx's deadline.
func (d *Dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network == "unix" {
		if err := d.CheckSocket(address); err != nil {
			return nil, err
		}
		return d.open(ctx, network, socketPath(address), netip.Addr{})
	}
	routes, port, err := d.routes(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return d.try(ctx, network, routes, port)
}

// Permit returns an error if host:port, which a proxy is to be asked for, must
// not be reached: a blocked name, a refused address, or a name that resolves
// here to refused addresses alone. A name that does not resolve here, within
// two seconds, passes: it is the proxy's to resolve.
func (d *Dialer) Permit(ctx context.Context, address string) error {
	host, _, err := split(address)
	if err != nil {
		return err
	}
	if err := d.CheckHost(host); err != nil {
		return err
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return d.Check(addr)
	}
	if host, err = canonical(host); err != nil {
		return err
	}
	addrs, err := d.names.glance(ctx, host, traceOf(ctx))
	if err != nil || len(addrs) == 0 {
		return err
	}
	_, err = d.permitted(addrs)
	return err
}

// route is an address that may be dialled and where from.
type route struct{ remote, local netip.Addr }

// Resolve returns host:port with the host as the address that Dial would try
// first, for proxies that resolve no names. Its errors are those of Dial.
func (d *Dialer) Resolve(ctx context.Context, address string) (string, error) {
	addrs, port, err := d.addresses(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	return netip.AddrPortFrom(addrs[0], port).String(), nil
}

// routes resolves host:port to what may be dialled, in order; at least one.
func (d *Dialer) routes(ctx context.Context, network, address string) ([]route, uint16, error) {
	addrs, port, err := d.addresses(ctx, network, address)
	if err != nil {
		return nil, 0, err
	}
	routes, n := make([]route, 0, len(addrs)), localOf(ctx)
	for _, a := range addrs {
		if local, ok := d.locals.pick(n, a); ok {
			routes = append(routes, route{remote: a, local: local})
		}
	}
	if len(routes) == 0 {
		return nil, 0, &NoLocal{Remote: addrs[0]}
	}
	return routes, port, nil
}

// addresses resolves host:port to what passes, in order; at least one.
func (d *Dialer) addresses(ctx context.Context, network, address string) ([]netip.Addr, uint16, error) {
	host, port, err := split(address)
	if err != nil {
		return nil, 0, err
	}
	if err := d.CheckHost(host); err != nil {
		return nil, 0, err
	}
	var addrs []netip.Addr
	var turn uint64
	literal, err := netip.ParseAddr(host)
	named := err != nil
	if named {
		if host, err = canonical(host); err != nil {
			return nil, 0, &net.DNSError{Err: err.Error(), Name: clip(host), IsNotFound: true}
		}
		if addrs, turn, err = d.names.resolve(ctx, host, traceOf(ctx)); err != nil {
			return nil, 0, err
		}
	} else {
		addrs = []netip.Addr{literal}
	}
	if addrs, err = d.permitted(addrs); err != nil {
		return nil, 0, err
	}
	if named {
		addrs = d.arrange(addrs, turn)
	}
	addrs = ofFamily(network, addrs)
	if len(addrs) == 0 {
		return nil, 0, &net.DNSError{Err: "no address of the family asked for", Name: clip(host), IsNotFound: true}
	}
	return addrs, port, nil
}

// split takes host:port apart.
func split(address string) (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("dial %s: port %q must be a number from 1 to 65535", clip(address), clip(text))
	}
	return host, uint16(n), nil
}

func clip(s string) string {
	if len(s) > 300 {
		return strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}

// permitted returns the addresses that pass. The error, given when none does,
// is that of the first.
func (d *Dialer) permitted(addrs []netip.Addr) ([]netip.Addr, error) {
	ok := make([]netip.Addr, 0, len(addrs))
	var first error
	for _, a := range addrs {
		if err := d.Check(a); err == nil {
			ok = append(ok, a.Unmap())
		} else if first == nil {
			first = err
		}
	}
	if len(ok) == 0 {
		return nil, first
	}
	return ok, nil
}

// arrange puts the addresses of a name, which is dialled for the turn-th time,
// in the order they are tried in. It works in place.
func (d *Dialer) arrange(addrs []netip.Addr, turn uint64) []netip.Addr {
	switch d.policy {
	case PreferIPv4, OnlyIPv4:
		four := preferred(addrs, netip.Addr.Is4)
		d.order(addrs[:four], turn)
		d.order(addrs[four:], turn)
		if d.policy == OnlyIPv4 {
			addrs = addrs[:four]
		}
	case PreferIPv6, OnlyIPv6:
		six := preferred(addrs, netip.Addr.Is6)
		d.order(addrs[:six], turn)
		d.order(addrs[six:], turn)
		if d.policy == OnlyIPv6 {
			addrs = addrs[:six]
		}
	default:
		d.order(addrs, turn)
	}
	return addrs
}

// preferred moves the addresses that is holds for to the front, and returns
// how many they are. Otherwise their order stays.
func preferred(addrs []netip.Addr, is func(netip.Addr) bool) int {
	var others []netip.Addr
	n := 0
	for _, a := range addrs {
		if is(a) {
			addrs[n] = a
			n++
		} else {
			others = append(others, a)
		}
	}
	copy(addrs[n:], others)
	return n
}

func (d *Dialer) order(addrs []netip.Addr, turn uint64) {
	if len(addrs) < 2 {
		return
	}
	switch d.selection {
	case Random:
		rand.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	case RoundRobin:
		at := int(turn % uint64(len(addrs)))
		rotated := append(append(make([]netip.Addr, 0, len(addrs)), addrs[at:]...), addrs[:at]...)
		copy(addrs, rotated)
	}
}

// ofFamily leaves those that network allows.
func ofFamily(network string, addrs []netip.Addr) []netip.Addr {
	switch {
	case strings.HasSuffix(network, "4"):
		return addrs[:preferred(addrs, netip.Addr.Is4)]
	case strings.HasSuffix(network, "6"):
		return addrs[:preferred(addrs, netip.Addr.Is6)]
	}
	return addrs
}

// try dials one after the other and gives each a fair share of the time left,
// so that a silent address does not use it up.
func (d *Dialer) try(ctx context.Context, network string, routes []route, port uint16) (net.Conn, error) {
	var errs []error
	for i, r := range routes {
		conn, err := d.within(ctx, network, netip.AddrPortFrom(r.remote, port).String(), r, len(routes)-i)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	if len(errs) == 1 {
		return nil, errs[0]
	}
	return nil, errors.Join(errs...)
}

func (d *Dialer) within(ctx context.Context, network, address string, r route, shares int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && shares > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(shares), 2*time.Second))
		defer cancel()
	}
	conn, err := d.open(ctx, network, address, r.local)
	if err != nil {
		return nil, foreign(err, r.local, r.remote)
	}
	return conn, nil
}

// open connects to one address that was checked.
func (d *Dialer) open(ctx context.Context, network, address string, local netip.Addr) (net.Conn, error) {
	if d.dialIP != nil {
		return d.dialIP(ctx, network, address, local)
	}
	var dialer net.Dialer
	if local.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
		dialer.ControlContext = bindLate
	}
	return dialer.DialContext(ctx, network, address)
}
