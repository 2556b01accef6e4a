package egress

import (
	"context"
	"net/netip"
)

// Resolve returns host:port with the address that Dial would try first in the
// host's place, for proxies that resolve no names. It fails as Dial does.
func (d *Dialer) Resolve(ctx context.Context, address string) (string, error) {
	routes, port, err := d.routes(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	return netip.AddrPortFrom(routes[0].remote, port).String(), nil
}
