package execution

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/plan"
)

// What concerns the network is there, but for the secrets in it.
func TestOptionsOfTheNetwork(t *testing.T) {
	p := &plan.Plan{}
	p.HTTP.RPS, p.HTTP.Version, p.HTTP.Proxy = 50, "2", "http://me:hush@proxy:3128"
	p.HTTP.DNS = plan.DNS{TTL: -1, Select: "random", Policy: "onlyIPv4"}
	p.HTTP.TLS = plan.TLS{MinVersion: "tls1.2", Auth: []plan.TLSAuth{{Domains: []string{"a.test"}, Cert: "C", Key: "hush", Password: "hush"}}}
	got := map[string]any{}
	for _, o := range listOptions(p) {
		got[o.name] = plain(o.value)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"rps":50`, `"httpVersion":"2"`, `"dns":{"policy":"onlyIPv4","select":"random","ttl":"inf"}`, `"blacklistIPs":null`,
		`"tlsVersion":{"max":null,"min":"tls1.2"}`, `"domains":["a.test"]`, `"cert":"C"`, `@proxy:3128"`,
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
	if strings.Contains(string(text), "hush") {
		t.Errorf("a secret is told: %s", text)
	}
}

// plain is value without types of ours.
func plain(value any) any {
	switch x := value.(type) {
	case []option:
		out := map[string]any{}
		for _, o := range x {
			out[o.name] = plain(o.value)
		}
		return out
	case []any:
		out := []any{}
		for _, v := range x {
			out = append(out, plain(v))
		}
		return out
	}
	return value
}
