package plan

import (
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// readHosts reads {"host": "ip"}; both may carry a port, the host may begin
// with "*.", and instead of an address there may be the path of a unix socket.
func (d *draft) readHosts(v value) {
	const most = 10_000
	if len(v.fields) > most {
		v.fail("must have at most %d hosts, got %d", most, len(v.fields))
		return
	}
	v.object(" of addresses by host", func(host string, v value) {
		ok := true
		if hint := hostProblem(host); hint != "" {
			v.failHint(hint, "%s is not a host name, with or without a port", quote(host))
			ok = false
		}
		address, isText := v.str()
		if !isText {
			if v.kind == null {
				v.fail("must be an IP address, got null")
			}
			return
		}
		if path, isPath := strings.CutPrefix(address, "unix:"); isPath {
			if !isSocketPath(path) {
				v.failHint(`such as "unix:/run/app.sock"`, "must name a unix socket by its whole path, got %s", v.got())
				ok = false
			}
			d.sockets = append(d.sockets, socket{path, v})
		} else if !isAddress(address) {
			v.fail("must be an IP address, with or without a port, got %s", v.got())
			ok = false
		}
		if ok {
			host = asciiHost(host)
			d.plan.HTTP.Hosts[host] = address
			d.alias(v, "hosts", host)
		}
	})
}

// hostProblem says what keeps host from being a key of hosts, "" if nothing.
func hostProblem(host string) string {
	if strings.Contains(host, "://") {
		return "leave out the scheme"
	}
	name := host
	if h, port, err := net.SplitHostPort(host); err == nil {
		if !isPort(port) {
			return "a port is a number from 1 to 65535"
		}
		name = h
	}
	name = strings.TrimPrefix(name, "*.")
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	if !isHostName(name) {
		return `such as "example.com", "*.example.com" or "example.com:8080"`
	}
	return ""
}

func isAddress(text string) bool {
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Zone() == ""
	}
	a, err := netip.ParseAddrPort(text)
	return err == nil && a.Port() != 0 && a.Addr().Zone() == ""
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// isHostName reports whether name can be that of a host, in any script.
func isHostName(name string) bool {
	if _, err := toASCII(name); err != nil {
		return false
	}
	return name != "" && len(name) <= 253 && !strings.ContainsAny(name, "*/:@?#[]%\\ ,") &&
		strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// toASCII returns name as it is looked up: in lower case, an international one
// in its ASCII form.
func toASCII(name string) (string, error) {
	for i := 0; i < len(name); i++ {
		if name[i] >= 0x80 {
			ascii, err := idna.Lookup.ToASCII(name)
			return strings.ToLower(ascii), err
		}
	}
	return strings.ToLower(name), nil
}

// asciiHost is toASCII for a key of hosts that was checked: "*." may be in
// front and a port behind.
func asciiHost(host string) string {
	rest, wild := strings.CutPrefix(host, "*.")
	port := ""
	if name, p, err := net.SplitHostPort(rest); err == nil && !strings.HasPrefix(rest, "[") {
		rest, port = name, ":"+p
	}
	if ascii, err := toASCII(rest); err == nil {
		rest = ascii
	}
	if wild {
		rest = "*." + rest
	}
	return rest + port
}

// readBlocked reads the names that are never contacted.
func (d *draft) readBlocked(v value) {
	v.list(" of host names", 10_000, func(_ int, v value) {
		text, ok := v.str()
		if !ok {
			if v.kind == null {
				v.fail("must be a host name, got null")
			}
			return
		}
		pattern, ok := hostPattern(text)
		if _, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
			v.failHint("blacklistIPs is for addresses", "must be a host name, got %s", v.got())
			return
		}
		if text == "*" {
			pattern, ok = "*", true
		}
		if !ok {
			v.failHint(`such as "example.com", "*.example.com" or "*"`, "must be a host name, with or without *. in front, got %s", v.got())
			return
		}
		d.plan.HTTP.BlockHostnames = addOnce(d.plan.HTTP.BlockHostnames, pattern)
	})
}

// hostPattern returns a host name, or one with "*." in front, in lower-case ASCII.
func hostPattern(text string) (string, bool) {
	name, wild := strings.CutPrefix(strings.TrimSuffix(text, "."), "*.")
	if !isHostName(name) {
		return "", false
	}
	name, _ = toASCII(name)
	if wild {
		name = "*." + name
	}
	return name, true
}

func addOnce(all []string, text string) []string {
	if slices.Contains(all, text) {
		return all
	}
	return append(all, text)
}

// socket is a unix socket that hosts name, and where.
type socket struct {
	path  string
	value value
}

// readUnixSockets reads the sockets that may be connected to. A script must not
// give itself that permission: sockets are how a machine is administered.
func (d *draft) readUnixSockets(v value) {
	if v.from.isScript() {
		if !v.neutral() {
			v.failHint("--allow-unix-socket PATH does", "a script cannot allow itself unix sockets")
		}
		return
	}
	v.list(" of paths", 1_000, func(_ int, v value) {
		name, ok := v.str()
		if ok && !isSocketPath(name) {
			v.fail("must be the whole path of a unix socket, such as \"/run/app.sock\", got %s", v.got())
			ok = false
		}
		if ok {
			d.plan.HTTP.UnixSockets = addOnce(d.plan.HTTP.UnixSockets, name)
		}
	})
}

// isSocketPath reports whether name is an absolute path, or begins with "@" as
// those do that Linux keeps outside the file system.
func isSocketPath(name string) bool {
	const most = 107 // bytes in a socket's address
	return len(name) > 1 && len(name) <= most && (name[0] == '/' || name[0] == '@') &&
		strings.IndexFunc(name, unicode.IsControl) < 0
}

// checkSockets compares the sockets that hosts name with those allowed.
func (d *draft) checkSockets() {
	for _, s := range d.sockets {
		allowed := func(name string) bool {
			return name == s.path || name[0] == '/' && s.path[0] == '/' && path.Clean(name) == path.Clean(s.path)
		}
		if isSocketPath(s.path) && !slices.ContainsFunc(d.plan.HTTP.UnixSockets, allowed) {
			s.value.failHint("--allow-unix-socket "+shorten(s.path)+" allows it", "the unix socket %s is not allowed", quote(s.path))
		}
	}
}
