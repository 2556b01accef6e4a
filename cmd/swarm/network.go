package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/pflag"
	"github.com/swarmload/swarm/cmd/swarm/codeframe"
)

// networkFlags are the flags of name resolution, connections and TLS, which
// are options of the script like the others but for what they read: files, and
// the operator's environment.
type networkFlags struct {
	rps                                 int
	dns, version, proxy                 string
	debug                               debugFlag
	blacklist, blockHostnames, localIPs []string
	blacklistIPs                        []string // the same from K6_BLACKLIST_IPS
	unixSockets                         []string

	caCerts                         []string // names of files, like the next two
	tlsCert, tlsKey, tlsMin, tlsMax string
}

func (n *networkFlags) register(f *pflag.FlagSet) {
	f.IntVar(&n.rps, "rps", 0, "`number` of requests per second of the whole test, at most; no limit without")
	f.StringVar(&n.version, "http-version", "", "`version` of HTTP: 1.1, 2, h2c, 3 or auto (2 where a TLS server offers it, else 1.1)")
	f.Var(&n.debug, "http-debug", "log requests and responses; --http-debug=full with bodies")
	f.Lookup("http-debug").NoOptDefVal = "true"
	f.StringVar(&n.dns, "dns", "", "how names are resolved: `settings` such as ttl=5m,select=random,policy=preferIPv4")
	f.StringSliceVar(&n.blacklist, "blacklist-ip", nil, "`networks` that are never contacted, such as 10.0.0.0/8")
	f.StringSliceVar(&n.blacklistIPs, "blacklist-ips", nil, "")
	f.Lookup("blacklist-ips").Hidden = true // K6_BLACKLIST_IPS; the flag is --blacklist-ip
	f.StringSliceVar(&n.blockHostnames, "block-hostnames", nil, "host `names` that are never contacted, such as *.example.com")
	f.StringSliceVar(&n.localIPs, "local-ips", nil, "`addresses`, ranges and networks to send from")
	f.StringVar(&n.proxy, "proxy", "", "`URL` of a proxy, env for those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY, or none")
	f.StringArrayVar(&n.caCerts, "ca-cert", nil, "PEM `file` with certificates to trust beside the system's; repeat for more")
	f.StringVar(&n.tlsCert, "tls-cert", "", "PEM `file` with the client certificate to show")
	f.StringVar(&n.tlsKey, "tls-key", "", "PEM `file` with its private key (the file of --tls-cert)")
	f.StringVar(&n.tlsMin, "tls-min", "", "oldest `version` of TLS, such as 1.2")
	f.StringVar(&n.tlsMax, "tls-max", "", "newest `version` of TLS")
	f.StringSliceVar(&n.unixSockets, "allow-unix-socket", nil, "`path` of a unix socket that the script may connect to; repeat for more")
}

// debugFlag is a flag that may go without a value, in the help too.
type debugFlag string

func (d *debugFlag) Set(text string) error { *d = debugFlag(text); return nil }
func (d *debugFlag) String() string        { return string(*d) }
func (d *debugFlag) Type() string          { return "bool" }

// options returns the flags with their values. It reads the files and the
// variables that those given name.
func (n *networkFlags) options(f *pflag.FlagSet, lookup func(string) (string, bool)) ([]flagOption, error) {
	all := []flagOption{
		{flag: "rps", option: "rps", value: n.rps},
		{flag: "http-version", option: "httpVersion", value: n.version},
		{flag: "http-debug", option: "httpDebug", value: string(n.debug)},
		{flag: "dns", option: "dns", value: n.dns},
		{flag: "blacklist-ips", option: "blacklistIPs", value: n.blacklistIPs},
		{flag: "blacklist-ip", option: "blacklistIPs", value: n.blacklist},
		{flag: "block-hostnames", option: "blockHostnames", value: n.blockHostnames},
		{flag: "local-ips", option: "localIPs", value: n.localIPs},
		{flag: "proxy", option: "proxy", value: n.proxyOption(lookup), parts: n.proxyParts(lookup)},
		{flag: "allow-unix-socket", option: "unixSockets", value: n.unixSockets},
	}
	if f.Changed("tls-min") || f.Changed("tls-max") {
		versions := map[string]string{}
		for end, version := range map[string]string{"min": n.tlsMin, "max": n.tlsMax} {
			if version != "" {
				versions[end] = tlsVersion(version)
			}
		}
		parts := map[string]string{"min": "--tls-min", "max": "--tls-max"}
		all = append(all,
			flagOption{flag: "tls-min", option: "tlsVersion", value: versions, parts: parts},
			flagOption{flag: "tls-max", option: "tlsVersion", value: versions, parts: parts})
	}
	if f.Changed("ca-cert") {
		certs := []string{}
		for _, name := range n.caCerts {
			text, err := readPEM("--ca-cert", name)
			if err != nil {
				return nil, err
			}
			certs = append(certs, text)
		}
		all = append(all, flagOption{flag: "ca-cert", option: "tlsCACerts", value: certs})
	}
	if !f.Changed("tls-cert") {
		if f.Changed("tls-key") {
			return nil, &usageError{message: "--tls-key is of no use without --tls-cert", hint: "--tls-cert FILE names the certificate that the key is for"}
		}
		return all, nil
	}
	cert, err := readPEM("--tls-cert", n.tlsCert)
	key := cert
	if err == nil && f.Changed("tls-key") {
		key, err = readPEM("--tls-key", n.tlsKey)
	}
	if err != nil {
		return nil, err
	}
	auth, parts := map[string]string{"cert": cert, "key": key}, map[string]string{"0.password": tlsKeyPassword}
	if f.Changed("tls-key") {
		parts["0.key"] = "--tls-key"
	}
	if password, ok := lookup(tlsKeyPassword); ok && password != "" {
		auth["password"] = password
	}
	return append(all, flagOption{flag: "tls-cert", option: "tlsAuth", value: []any{auth}, parts: parts}), nil
}

// tlsKeyPassword is a variable and no flag: everybody can read a command line.
const tlsKeyPassword = "SWARM_TLS_KEY_PASSWORD"

// maxPEMFile bounds a file of certificates, in bytes.
const maxPEMFile = 1 << 20

// readPEM reads the file of a flag.
func readPEM(flag, name string) (string, error) {
	text, err := readBounded(name, maxPEMFile)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = fmt.Errorf("%s: %w", path.Path, path.Err)
		}
		return "", &configError{fmt.Errorf("%s: %w", flag, err)}
	}
	return string(text), nil
}

// tlsVersion takes 1.2 for tls1.2.
func tlsVersion(text string) string {
	if strings.HasPrefix(text, "1.") {
		return "tls" + text
	}
	return text
}

// proxyOption returns what --proxy stands for.
func (n *networkFlags) proxyOption(lookup func(string) (string, bool)) any {
	switch n.proxy {
	case "none":
		return ""
	case "env":
		of := func(name string) string { value, _ := proxyVariable(lookup, name); return value }
		return map[string]string{"http": proxyURL(of("HTTP_PROXY")), "https": proxyURL(of("HTTPS_PROXY")), "no": of("NO_PROXY")}
	}
	return n.proxy
}

// proxyParts names the variables that --proxy env goes by.
func (n *networkFlags) proxyParts(lookup func(string) (string, bool)) map[string]string {
	if n.proxy != "env" {
		return nil
	}
	parts := map[string]string{}
	for part, name := range map[string]string{"http": "HTTP_PROXY", "https": "HTTPS_PROXY", "no": "NO_PROXY"} {
		if _, found := proxyVariable(lookup, name); found != "" {
			parts[part] = found
		}
	}
	return parts
}

// proxyURL adds the scheme that such variables may go without.
func proxyURL(value string) string {
	if value != "" && !strings.Contains(value, "://") {
		return "http://" + value
	}
	return value
}

// proxyVariable looks a variable up under its two customary names, of which the
// one in lower case counts more, as it does for curl.
func proxyVariable(lookup func(string) (string, bool), name string) (value, found string) {
	for _, spelling := range []string{strings.ToLower(name), name} {
		if value, ok := lookup(spelling); ok && value != "" {
			return value, spelling
		}
	}
	return "", ""
}

// unusedProxies tells that the environment names proxies which nobody asked to
// use: most programs take them by themselves.
func (n *networkFlags) unusedProxies(f *pflag.FlagSet, lookup func(string) (string, bool)) (note codeframe.Frame, any bool) {
	if f.Changed("proxy") {
		return note, false
	}
	var names []string
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		if _, found := proxyVariable(lookup, name); found != "" {
			names = append(names, found)
		}
	}
	if len(names) == 0 {
		return note, false
	}
	verb := " is not used"
	if len(names) > 1 {
		verb = " are not used"
	}
	return codeframe.Frame{
		Severity: "note", Message: strings.Join(names, " and ") + " of the environment" + verb,
		Hint: "--proxy env takes what the environment names, --proxy none says that it is not meant",
	}, true
}
