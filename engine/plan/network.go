package plan

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

func (d *draft) readRPS(v value) {
	if v.kind == null {
		return
	}
	if n, ok := v.integer(0, maxPerSecond); ok {
		d.plan.HTTP.RPS = n
	}
}

// maxPerSecond bounds rps, as it bounds arrival rates.
const maxPerSecond = 10_000_000

// readHTTPVersion takes numbers too: 2 reads as well as "2".
func (d *draft) readHTTPVersion(v value) {
	versions := []string{"", "1.1", "2", "h2c", "3", "auto"}
	switch v.kind {
	case null:
		return
	case text, number:
		if slices.Contains(versions, v.literal) {
			d.plan.HTTP.Version = v.literal
			return
		}
	}
	v.failHint(v.to.didYouMean(v.literal, versions[1:]), `must be "1.1", "2", "h2c", "3" or "auto", got %s`, v.got())
}

// readDebug takes true for "headers": k6's flag goes without a value.
func (d *draft) readDebug(v value) {
	switch {
	case v.kind == null:
	case v.kind == boolean || v.kind == text && slices.Contains([]string{"", "false", "true"}, v.literal):
		d.plan.HTTP.Debug = ""
		if v.literal == "true" {
			d.plan.HTTP.Debug = "headers"
		}
	default:
		if word, ok := v.choice("headers", "full"); ok {
			d.plan.HTTP.Debug = word
		}
	}
}

// readProxy reads the URL of a proxy, or {http, https, no} as the environment
// has them.
func (d *draft) readProxy(v value) {
	v = v.concealURL()
	h := &d.plan.HTTP
	switch v.kind {
	case null:
	case object:
		v.object("", func(key string, v value) {
			switch key {
			case "http":
				v.setProxy(&h.Proxies.HTTP)
			case "https":
				v.setProxy(&h.Proxies.HTTPS)
			case "no":
				if list, ok := v.str(); ok {
					h.Proxies.No = list
				}
			default:
				v.unknown("kind of proxy", []string{"http", "https", "no"})
			}
		})
		if h.Proxies.HTTP == "" && h.Proxies.HTTPS == "" {
			h.Proxies = Proxies{}
		}
	default:
		v.setProxy(&h.Proxy)
	}
}

// setProxy reads the URL of a proxy; "" is none.
func (v value) setProxy(dst *string) {
	const example = `such as "http://127.0.0.1:3128" or "socks5://user:password@127.0.0.1:1080"`
	address, ok := v.str()
	if !ok || address == "" {
		return
	}
	schemes := []string{"http", "https", "socks5", "socks5h"}
	u, err := url.Parse(address)
	switch {
	case err != nil || !strings.Contains(address, "://"):
		v.failHint(example, "must be the URL of a proxy")
	case !slices.Contains(schemes, u.Scheme):
		v.failHint(v.to.didYouMean(u.Scheme, schemes), "must be an http, https, socks5 or socks5h URL, got one of %s", quote(u.Scheme))
	case !isProxyHost(u):
		v.failHint(example, "must name the host of a proxy, and its port")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		v.failHint(example, "must end after the port")
	case masked(u):
		v.failHint(maskedHint, "its password is masked")
	default:
		*dst = address
	}
}

func isProxyHost(u *url.URL) bool {
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err != nil && !isHostName(host) {
		return false
	}
	return u.Port() == "" && !strings.HasSuffix(u.Host, ":") || isPort(u.Port())
}

func defaultDNS() DNS { return DNS{TTL: 5 * time.Minute, Select: "random", Policy: "preferIPv4"} }

// readDNS reads {ttl, select, policy} or "ttl=5m,select=random,policy=any".
func (d *draft) readDNS(v value) {
	if v.kind != text {
		v.object(` or a string such as "ttl=5m,select=random"`, d.readDNSPart)
		return
	}
	written, ok := v.str()
	if !ok || strings.TrimSpace(written) == "" {
		return
	}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(written, ",") {
		key, setting, found := strings.Cut(part, "=")
		key = strings.TrimSpace(key)
		switch {
		case !found || key == "":
			v.failHint(`such as "ttl=5m,select=random,policy=preferIPv4"`, "must be key=value pairs, got %s", v.got())
			return
		case seen[key]:
			v.fail("names %s twice", quote(key))
			return
		}
		seen[key] = true
		one := v.child(key, textNode(strings.TrimSpace(setting)))
		one.from, one.where = v.from, v.where
		d.readDNSPart(key, one)
		d.alias(v, "dns", key)
	}
}

func (d *draft) readDNSPart(key string, v value) {
	dns := &d.plan.HTTP.DNS
	choose := func(dst *string, words ...string) {
		if word, ok := v.choice(words...); ok {
			*dst = word
		}
	}
	switch key {
	case "ttl":
		d.readTTL(v)
	case "select":
		choose(&dns.Select, "first", "random", "roundRobin")
	case "policy":
		choose(&dns.Policy, "preferIPv4", "preferIPv6", "onlyIPv4", "onlyIPv6", "any")
	default:
		v.unknown("setting of dns", []string{"ttl", "select", "policy"})
	}
}

func (d *draft) readTTL(v value) {
	if v.kind == null {
		return
	}
	if v.kind == text && v.literal == "inf" {
		d.plan.HTTP.DNS.TTL = -1
		return
	}
	ttl, err := ParseDuration(v.literal)
	if v.kind != text && v.kind != number || err != nil && err != errTooLong {
		v.fail(`must be a duration such as "5m", a number of milliseconds, or "inf", got %s`, v.got())
		return
	}
	switch {
	case err != nil:
		v.failHint(`"inf" is for ever`, "%v, got %s", err, v.got())
	case ttl < 0:
		v.failHint(`"inf" is for ever`, "must not be negative, got %s", v.got())
	default:
		d.plan.HTTP.DNS.TTL = ttl
	}
}

// readBlacklist reads networks and single addresses.
func (d *draft) readBlacklist(v value) {
	v.list(" of address ranges", 10_000, func(_ int, v value) {
		text, ok := v.str()
		if !ok {
			if v.kind == null {
				v.fail("must be an address range, got null")
			}
			return
		}
		p, ok := prefix(text)
		if !ok {
			v.fail(`must be an IP address or a network such as "10.0.0.0/8", got %s`, v.got())
			return
		}
		d.plan.HTTP.BlacklistIPs = addOnce(d.plan.HTTP.BlacklistIPs, p.String())
	})
}

func prefix(text string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, false
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

// readLocalIPs reads addresses, ranges and networks: a list, or one text with
// commas as k6's flag has it.
func (d *draft) readLocalIPs(v value) {
	add := func(v value, text string) {
		if !isLocal(text) {
			v.fail(`must be an IP address, a range such as "10.0.0.2-10.0.0.9" or a network such as "10.0.0.0/24", got %s`, quote(text))
			return
		}
		d.plan.HTTP.LocalIPs = append(d.plan.HTTP.LocalIPs, text)
	}
	if v.kind == text {
		if all, ok := v.str(); ok && all != "" {
			for part := range strings.SplitSeq(all, ",") {
				add(v, strings.TrimSpace(part))
			}
		}
		return
	}
	v.list(" of IP addresses", 10_000, func(_ int, v value) {
		if text, ok := v.str(); ok {
			add(v, text)
		} else if v.kind == null {
			v.fail("must be an IP address, got null")
		}
	})
}

// isLocal reports whether text names addresses one could send from.
func isLocal(text string) bool {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		return err == nil && !p.Addr().Is4In6() && p.Bits() > 0
	}
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	first, err1 := netip.ParseAddr(from)
	last, err2 := netip.ParseAddr(to)
	return err1 == nil && err2 == nil && first.Zone() == "" && last.Zone() == "" && !first.IsUnspecified() && !first.IsMulticast() &&
		first.Unmap().Is4() == last.Unmap().Is4() && !last.Unmap().Less(first.Unmap())
}
