package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestForeverStale stops at a server that calls everything stale.
func TestForeverStale(t *testing.T) {
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Digest realm="r", nonce="%d", qop="auth", stale=true`, n))
		w.WriteHeader(401)
	}))
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	defer srv.Close()
	if status := do(t, newDigest(t, "u", "p"), "GET", srv.URL, "/", ""); status != 401 || n != MaxRounds {
		t.Errorf("status %d after %d requests", status, n)
	}
}

// TestHostileChallenges: an error, or nothing, but never a header with another in it.
func TestHostileChallenges(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = `Digest realm="r", nonce="n"`
	}
	params := `Digest realm="r", nonce="n"`
	for i := range 100 {
		params += fmt.Sprintf(`, p%d=x`, i)
	}
	for _, tt := range []struct {
		name   string
		fields []string
		retry  bool
		err    error
	}{
		{"nothing", nil, false, nil},
		{"empty", []string{"", " , ,"}, false, nil},
		{"another scheme", []string{`Basic realm="x", charset="UTF-8"`, "Negotiate", "NTLM TlRM=="}, false, nil},
		{"unquoted", []string{`digest REALM=r,nonce=abc/+=,QOP=auth,algorithm=md5`}, true, nil},
		{"spaces", []string{"Digest\trealm = \"r\" ,\tnonce\t=\t\"n\" , ,qop= \"auth\""}, true, nil},
		{"quoted algorithm", []string{`Digest realm="r", nonce="n", algorithm="MD5"`}, true, nil},
		{"no realm", []string{`Digest nonce="n"`}, true, nil},
		{"a good one after a bad one", []string{`Digest nonce="`, `Digest nonce="n"`}, true, nil},
		{"a known one after an unknown one", []string{`Digest nonce="a", algorithm=SHA3, Digest nonce="n"`}, true, nil},
		{"some unknown qop", []string{`Digest nonce="n", qop="auth-conf, auth"`}, true, nil},
		{"empty qop", []string{`Digest nonce="n", qop=""`}, true, nil},

		{"no nonce", []string{`Digest realm="r"`}, false, ErrMalformed},
		{"empty nonce", []string{`Digest realm="r", nonce=""`}, false, ErrMalformed},
		{"bare", []string{`Digest`}, false, ErrMalformed},
		{"token", []string{`Digest abcdef==`}, false, ErrMalformed},
		{"two nonces", []string{`Digest nonce="a", nonce="b"`}, false, ErrMalformed},
		{"open quote", []string{`Digest nonce="n, realm=x`}, false, ErrMalformed},
		{"open escape", []string{`Digest nonce="n\`}, false, ErrMalformed},
		{"text after quote", []string{`Digest nonce="n"x`}, false, ErrMalformed},
		{"line break in quotes", []string{"Digest nonce=\"n\r\nX-Evil: 1\""}, false, ErrMalformed},
		{"escaped line break", []string{"Digest nonce=\"n\\\r\\\nX-Evil: 1\""}, false, ErrMalformed},
		{"line break outside", []string{"Digest nonce=n\r\nX-Evil: 1"}, false, ErrMalformed},
		{"NUL", []string{"Digest nonce=\"a\x00b\""}, false, ErrMalformed},
		{"no name", []string{`Digest ="n"`}, false, ErrMalformed},
		{"binary", []string{"\xff\xfe\x00"}, false, ErrMalformed},
		{"unknown algorithm", []string{`Digest nonce="n", algorithm=ROT13`}, false, ErrUnsupported},
		{"session of nothing", []string{`Digest nonce="n", qop=auth, algorithm=-sess-sess`}, false, ErrUnsupported},
		{"session without qop", []string{`Digest nonce="n", algorithm=MD5-sess`}, false, ErrUnsupported},
		{"nonsense qop", []string{`Digest nonce="n", qop="no, sense"`}, false, ErrUnsupported},
		{"huge", []string{`Digest nonce="` + strings.Repeat("n", 1<<20) + `"`}, false, ErrMalformed},
		{"huge together", []string{`Digest nonce="n", opaque="` + strings.Repeat("n", 10000) + `"`, `X y="` + strings.Repeat("n", 10000) + `"`}, false, ErrMalformed},
		{"many", many, false, ErrMalformed},
		{"many in one", []string{strings.Repeat("A,", 1000)}, false, ErrMalformed},
		{"many parameters", []string{params}, false, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDigest(t, "u", "p")
			retry, err := d.Challenge("", tt.fields)
			if retry != tt.retry || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("%v, %v, want %v, %v", retry, err, tt.retry, tt.err)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\"\\\r\n\x00") {
				t.Errorf("the text has the peer's bytes: %q", err)
			}
			if header, ok := d.Authorize("GET", "/", nil); ok != tt.retry || strings.ContainsAny(header, "\r\n\x00") {
				t.Errorf("%v %q", ok, header)
			}
		})
	}
	d := newDigest(t, "u", "p")
	d.Challenge("", []string{`Digest nonce="n"`})
	if header, ok := d.Authorize("GET", "/\r\nX: y", nil); ok {
		t.Errorf("%q", header)
	}
	d.Info([]string{"nextnonce=\"x\r\ny\"", `nextnonce="`, strings.Repeat("x", 1<<20), "", `nextnonce=""`})
	if header, ok := d.Authorize("GET", "/", nil); !ok || !strings.Contains(header, `nonce="n"`) {
		t.Errorf("%q", header)
	}
}

func TestCredentials(t *testing.T) {
	for _, c := range [][2]string{{"", "p"}, {"u\r\nX: y", "p"}, {"u", "p\x00"}, {strings.Repeat("u", 2000), "p"}, {"u", strings.Repeat("p", 2000)}} {
		if d, err := NewDigest(c[0], c[1]); d != nil || err == nil || strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("digest takes %.20q: %v", c, err)
		}
		if n, err := NewNTLM(c[0], c[1]); n != nil || err == nil || strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("ntlm takes %.20q: %v", c, err)
		}
	}
}

// TestQuoting checks that every value a server may send comes back as it was.
func TestQuoting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[^\x00-\x1f\x7f]{1,30}`)
		realm, nonce, opaque := value.Draw(t, "realm"), value.Draw(t, "nonce"), value.Draw(t, "opaque")
		username := value.Draw(t, "username")
		field := "Digest realm=" + string(appendQuoted(nil, realm)) + ", nonce=" + string(appendQuoted(nil, nonce)) + ", opaque=" + string(appendQuoted(nil, opaque))
		d, err := NewDigest(username, "p")
		if err != nil {
			t.Fatal(err)
		}
		if retry, err := d.Challenge("", []string{field}); !retry || err != nil {
			t.Fatal(field, err)
		}
		header, _ := d.Authorize("GET", "/", nil)
		c := sentDigest(header)
		if c == nil || c.get("realm") != realm || c.get("nonce") != nonce || c.get("opaque") != opaque || c.get("username") != username {
			t.Fatalf("%q became %q", field, header)
		}
	})
}

func FuzzDigest(f *testing.F) {
	f.Add(`Digest realm="a \"b\"", nonce="n", qop="auth,auth-int", algorithm=MD5-sess, Basic realm=x`, `nextnonce="x"`)
	f.Add(`Newfangled a68==, Digest nonce=n, stale=true, userhash=true`, `qop=auth`)
	f.Fuzz(func(t *testing.T, field, info string) {
		d := newDigest(t, "u", "p")
		retry, err := d.Challenge("", []string{field})
		if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
			t.Fatal(err)
		}
		header, ok := d.Authorize("GET", "/", nil)
		if ok != retry || ok && err != nil {
			t.Fatalf("retry %v, err %v, but %q", retry, err, header)
		}
		if !ok {
			return
		}
		d.Info([]string{info})
		again, _ := d.Authorize("GET", "/", nil)
		for _, h := range []string{header, again} {
			if strings.ContainsFunc(h, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				t.Fatalf("%q gives %q", field, h)
			}
			if c := sentDigest(h); c == nil || c.get("response") == "" || c.get("username") == "" {
				t.Fatalf("%q gives %q, which cannot be read", field, h)
			}
		}
		// Refused, it is not sent again, and stale, it is.
		d.Challenge(header, []string{field + ", stale=true"})
		d.Challenge(header, []string{field})
	})
}
