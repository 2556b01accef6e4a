package proxy

import (
	"encoding/binary"
	"io"
	"net"
)

// SOCKS5 is written here rather than taken from golang.org/x/net/proxy, whose
// errors are texts alone: callers tell replies apart. The tests compare the two.

const (
	socksVersion    = 5
	socksConnect    = 1
	authVersion     = 1
	methodNone      = 0x00
	methodPassword  = 0x02
	methodNoneOf    = 0xff
	addressIPv4     = 1
	addressName     = 3
	addressIPv6     = 4
	maxBoundAddress = 1 + 255 + 2
)

// negotiate asks a SOCKS5 proxy for a connection. It reads exactly what the
// proxy answers, so that what follows stays in conn.
func (p *Proxy) negotiate(conn net.Conn, to target) error {
	if err := p.authenticate(conn); err != nil {
		return err
	}
	request := append(make([]byte, 0, 4+maxBoundAddress), socksVersion, socksConnect, 0)
	switch {
	case to.addr.Is4():
		request = append(append(request, addressIPv4), to.addr.AsSlice()...)
	case to.addr.IsValid():
		request = append(append(request, addressIPv6), to.addr.AsSlice()...)
	default:
		request = append(append(request, addressName, byte(len(to.name))), to.name...)
	}
	if _, err := conn.Write(binary.BigEndian.AppendUint16(request, to.port)); err != nil {
		return err
	}
	var buf [maxBoundAddress]byte
	answer := buf[:4]
	if err := readFull(conn, answer[:2]); err != nil {
		return err
	}
	switch {
	case answer[0] != socksVersion:
		return ErrMalformed
	case answer[1] != 0:
		// Some proxies close right after the code.
		return &ReplyError{Reply(answer[1])}
	}
	// The address the proxy sends from, which nobody needs.
	if err := readFull(conn, answer[2:]); err != nil {
		return err
	}
	n := 0
	switch answer[3] {
	case addressIPv4:
		n = net.IPv4len
	case addressIPv6:
		n = net.IPv6len
	case addressName:
		if err := readFull(conn, buf[:1]); err != nil {
			return err
		}
		n = int(buf[0])
	default:
		return ErrMalformed
	}
	return readFull(conn, buf[:n+2])
}

// authenticate agrees on a method and goes through it.
func (p *Proxy) authenticate(conn net.Conn) error {
	hello := []byte{socksVersion, 1, methodNone}
	if p.auth {
		hello = []byte{socksVersion, 2, methodNone, methodPassword}
	}
	if _, err := conn.Write(hello); err != nil {
		return err
	}
	var answer [2]byte
	if err := readFull(conn, answer[:]); err != nil {
		return err
	}
	switch method := answer[1]; {
	case answer[0] != socksVersion:
		return ErrMalformed
	case method == methodNone:
		return nil
	case method == methodNoneOf && p.auth:
		return ErrAuthRefused
	case method == methodNoneOf:
		return ErrAuthRequired
	case method != methodPassword || !p.auth:
		return ErrMalformed // a method that was not offered
	}
	login := append([]byte{authVersion, byte(len(p.user))}, p.user...)
	login = append(append(login, byte(len(p.password))), p.password...)
	if _, err := conn.Write(login); err != nil {
		return err
	}
	if err := readFull(conn, answer[:]); err != nil {
		return err
	}
	switch {
	case answer[1] != 0:
		// Not all set the version of the answer right; the code is what counts.
		return ErrAuthRefused
	case answer[0] != authVersion && answer[0] != socksVersion:
		return ErrMalformed
	}
	return nil
}

func readFull(conn net.Conn, b []byte) error {
	_, err := io.ReadFull(conn, b)
	return closed(err)
}
