package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 it is what NTLM is made of
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func utf16le(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// ntowfv2 is NTOWFv2 of MS-NLMP, section 3.3.2.
func ntowfv2(user, domain, password string) []byte {
	h := md4.New()
	h.Write(utf16le(password))
	return hmacMD5(h.Sum(nil), utf16le(strings.ToUpper(user)+domain))
}

// The example of MS-NLMP, section 4.2.4.
const (
	targetInfo = "02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000"
	// its CHALLENGE_MESSAGE, section 4.2.4.3
	exampleChallenge = "4e544c4d53535000 02000000 0c000c0038000000 33828ae2 0123456789abcdef 0000000000000000 2400240044000000 060070170000000f 530065007200760065007200" + targetInfo
)

// TestVerifier holds the verifier of these tests against the document.
func TestVerifier(t *testing.T) {
	key := ntowfv2("User", "Domain", "Password")
	if got := hex.EncodeToString(key); got != "0c868a403bfd7a93a3001ef22ef02e3f" {
		t.Errorf("NTOWFv2 is %s", got)
	}
	temp := unhex(t, "0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000"+targetInfo+"00000000")
	if got := hex.EncodeToString(hmacMD5(key, unhex(t, "0123456789abcdef"), temp)); got != "68cd0ab851e51c96aabc927bebef6a1c" {
		t.Errorf("NTProofStr is %s", got)
	}
}

// verify checks an AUTHENTICATE_MESSAGE (MS-NLMP, section 2.2.1.3) by section
// 3.3.2 and returns who it is from.
func verify(message, serverChallenge, info []byte, password string) (user, domain string, ok bool) {
	field := func(at int) []byte {
		if len(message) < at+8 {
			return nil
		}
		n, off := int(binary.LittleEndian.Uint16(message[at:])), int(binary.LittleEndian.Uint32(message[at+4:]))
		if off+n > len(message) {
			return nil
		}
		return message[off : off+n]
	}
	text := func(b []byte) string {
		u := make([]uint16, len(b)/2)
		for i := range u {
			u[i] = binary.LittleEndian.Uint16(b[2*i:])
		}
		return string(utf16.Decode(u))
	}
	if len(message) < 64 || string(message[:8]) != "NTLMSSP\x00" || message[8] != 3 {
		return "", "", false
	}
	response := field(20)
	domain, user = text(field(28)), text(field(36))
	if len(response) < 44 || !bytes.HasPrefix(response[16:], []byte{1, 1, 0, 0, 0, 0, 0, 0}) || !bytes.Contains(response[44:], info) {
		return user, domain, false
	}
	return user, domain, hmac.Equal(response[:16], hmacMD5(ntowfv2(user, domain, password), serverChallenge, response[16:]))
}

// negotiable is the example's challenge without key exchange, which is not spoken.
func negotiable(t testing.TB) []byte {
	m := unhex(t, exampleChallenge)
	m[23] &^= 0x40
	return m
}

func newNTLM(t testing.TB, username, password string) *NTLM {
	t.Helper()
	n, err := NewNTLM(username, password)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func offer(scheme string, message []byte) []string {
	return []string{"Basic realm=x", scheme + " " + base64.StdEncoding.EncodeToString(message)}
}

// TestMessages goes through the handshake by hand.
func TestMessages(t *testing.T) {
	for _, tt := range []struct{ username, user, domain string }{
		{`Domain\User`, "User", "Domain"},
		{`User`, "User", ""},
		{`user@domain.example`, "user@domain.example", ""},
		{`DOM\Jäsøn 𝄞`, "Jäsøn 𝄞", "DOM"},
	} {
		n := newNTLM(t, tt.username, "Pässword")
		if !n.Opening() {
			t.Error("a new one does not open")
		}
		header, ok := n.Authorize()
		token, is := strings.CutPrefix(header, "NTLM ")
		message, err := base64.StdEncoding.DecodeString(token)
		if !ok || !is || err != nil || !bytes.HasPrefix(message, []byte("NTLMSSP\x00\x01\x00\x00\x00")) || n.Opening() {
			t.Fatalf("%q", header)
		}
		if retry, err := n.Challenge(offer("ntlm", negotiable(t))); !retry || err != nil {
			t.Fatal(retry, err)
		}
		header, ok = n.Authorize()
		message, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(header, "NTLM "))
		if !ok || err != nil {
			t.Fatalf("%q", header)
		}
		user, domain, valid := verify(message, unhex(t, "0123456789abcdef"), unhex(t, targetInfo), "Pässword")
		if user != tt.user || domain != tt.domain || !valid {
			t.Errorf("%s: from %q of %q, valid: %v", tt.username, user, domain, valid)
		}
		if header, ok := n.Authorize(); ok {
			t.Errorf("after the handshake: %q", header)
		}
	}
}

// TestSteps tries the turns a server may take.
func TestSteps(t *testing.T) {
	n := newNTLM(t, "u", "p")
	expect := func(what string, prefix string) {
		t.Helper()
		header, ok := n.Authorize()
		if ok != (prefix != "") || !strings.HasPrefix(header, prefix) {
			t.Fatalf("%s: %q", what, header)
		}
	}
	challenge := func(what string, want bool, fields ...string) {
		t.Helper()
		if retry, err := n.Challenge(fields); retry != want || err != nil {
			t.Fatalf("%s: %v, %v", what, retry, err)
		}
	}
	const first = "NTLM TlRMTVNTUAAB"
	expect("first", first)
	challenge("the handshake starts over", false, "NTLM")
	expect("again", first)
	challenge("type 2", true, offer("NTLM", negotiable(t))...)
	expect("last", "NTLM TlRMTVNTUAAD")
	challenge("refused", false, "NTLM")
	expect("another try", first)
	challenge("type 2", true, offer("NTLM", negotiable(t))...)
	expect("last", "NTLM TlRMTVNTUAAD")
	expect("accepted", "")
	expect("accepted", "")
	challenge("authenticated again, for each request", true, "NTLM")
	expect("first", first)
	expect("nobody asked", "")
	challenge("Basic alone", false, "Basic realm=x")

	n = newNTLM(t, "u", "p")
	challenge("nothing was sent", true, "Negotiate", "NTLM")
	expect("first", first)
	challenge("Negotiate alone", true, "Negotiate")
	expect("first by another name", "Negotiate TlRMTVNTUAAB")
	challenge("Negotiate again", false, "Negotiate")
	expect("first by another name", "Negotiate TlRMTVNTUAAB")
	challenge("type 2", true, offer("Negotiate", negotiable(t))...)
	expect("last", "Negotiate TlRMTVNTUAAD")
	expect("accepted", "")
}

func TestHostileMessages(t *testing.T) {
	edit := func(f func(m []byte) []byte) []string { return offer("NTLM", f(negotiable(t))) }
	flags := func(set, clear uint32) []string {
		return edit(func(m []byte) []byte {
			binary.LittleEndian.PutUint32(m[20:], binary.LittleEndian.Uint32(m[20:])&^clear|set)
			return m
		})
	}
	for _, tt := range []struct {
		name   string
		fields []string
		err    error
	}{
		{"key exchange", offer("NTLM", unhex(t, exampleChallenge)), ErrUnsupported},
		{"NTLMv1", flags(0x80, 0), ErrUnsupported},
		{"OEM", flags(0, 1), ErrUnsupported},
		{"not base64", []string{"NTLM TlRMTVNTUAA-"}, ErrMalformed},
		{"bad padding", []string{"NTLM TlRMTVNTUAAD="}, ErrMalformed},
		{"short", offer("NTLM", []byte("NTLMSSP\x00\x02\x00\x00\x00")), ErrMalformed},
		{"another type", edit(func(m []byte) []byte { m[8] = 3; return m }), ErrMalformed},
		{"another signature", edit(func(m []byte) []byte { m[0] = 'X'; return m }), ErrMalformed},
		{"name beyond the end", edit(func(m []byte) []byte { m[16] = 0xff; return m }), ErrMalformed},
		{"name far beyond the end", edit(func(m []byte) []byte { m[19] = 0xff; return m }), ErrMalformed},
		{"odd name", edit(func(m []byte) []byte { m[12] = 11; return m }), ErrMalformed},
		{"target info beyond the end", edit(func(m []byte) []byte { m[41] = 0xff; return m }), ErrMalformed},
		{"target info without an end", edit(func(m []byte) []byte { m[40] = 32; return m }), ErrMalformed},
		{"value beyond the end", edit(func(m []byte) []byte { m[68+3] = 0xff; return m }), ErrMalformed},
		{"huge", offer("NTLM", append(negotiable(t), make([]byte, 1<<20)...)), ErrMalformed},
		{"line break", []string{"NTLM TlRM\r\nX: y"}, ErrMalformed},
		{"parameters", []string{`NTLM realm="` + "\x00" + `"`}, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNTLM(t, "u", "p")
			n.Authorize()
			if retry, err := n.Challenge(tt.fields); retry || !errors.Is(err, tt.err) || strings.ContainsAny(err.Error(), "{}\r\n\x00") {
				t.Errorf("%v, %v, want %v", retry, err, tt.err)
			}
			if !n.Opening() {
				t.Error("it does not start over")
			}
		})
	}
}

// ntlmServer authenticates connections.
type ntlmServer struct {
	mu  sync.Mutex
	log []string
}

type connState struct {
	challenge []byte
	user      string
}

type connKey struct{}

func (s *ntlmServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c := r.Context().Value(connKey{}).(*connState)
	verdict := s.check(w, r, c)
	s.mu.Lock()
	s.log = append(s.log, verdict)
	s.mu.Unlock()
	if verdict != "ok" {
		w.WriteHeader(401)
		return
	}
	io.WriteString(w, c.user+" "+string(body))
}

func (s *ntlmServer) check(w http.ResponseWriter, r *http.Request, c *connState) string {
	header := r.Header.Get("Authorization")
	message, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(header, "NTLM "))
	switch {
	case header == "" && c.user != "":
		return "ok"
	case header == "" || err != nil || len(message) < 12:
		w.Header().Set("WWW-Authenticate", "NTLM")
		return "none"
	case message[8] == 1:
		c.challenge = make([]byte, 8)
		rand.Read(c.challenge)
		m, _ := hex.DecodeString(strings.ReplaceAll(exampleChallenge, " ", ""))
		m[23] &^= 0x40
		copy(m[24:], c.challenge)
		w.Header().Set("WWW-Authenticate", "NTLM "+base64.StdEncoding.EncodeToString(m))
		return "negotiate"
	}
	info, _ := hex.DecodeString(strings.ReplaceAll(targetInfo, " ", ""))
	user, domain, ok := verify(message, c.challenge, info, "secret")
	if !ok || domain != "CORP" {
		w.Header().Set("WWW-Authenticate", "NTLM")
		return "refused"
	}
	c.user = user
	return "ok"
}

// TestNTLM makes requests over one connection of a real server.
func TestNTLM(t *testing.T) {
	for password, want := range map[string]string{"secret": "negotiate ok ok ok", "wrong": "negotiate refused negotiate refused negotiate refused"} {
		s := new(ntlmServer)
		srv := httptest.NewUnstartedServer(s)
		srv.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, new(connState))
		}
		srv.Start()
		tr := &http.Transport{MaxConnsPerHost: 1}
		n := newNTLM(t, `CORP\jane`, password)
		for range 3 {
			for round := 1; ; round++ {
				body := "the body"
				if n.Opening() {
					body = ""
				}
				req, err := http.NewRequest("POST", srv.URL, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if header, ok := n.Authorize(); ok {
					req.Header.Set("Authorization", header)
				}
				resp, err := tr.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				got, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode == 200 {
					if string(got) != "jane the body" {
						t.Errorf("%q", got)
					}
					break
				}
				retry, err := n.Challenge(resp.Header.Values("WWW-Authenticate"))
				if err != nil {
					t.Fatal(err)
				}
				if !retry {
					break
				}
				if round == MaxRounds {
					t.Fatal("it never ends")
				}
			}
		}
		if got := strings.Join(s.log, " "); got != want {
			t.Errorf("the server saw: %s, want %s", got, want)
		}
		tr.CloseIdleConnections()
		srv.Close()
	}
}

func FuzzNTLM(f *testing.F) {
	f.Add(negotiable(f))
	f.Add(unhex(f, exampleChallenge))
	f.Fuzz(func(t *testing.T, message []byte) {
		n := newNTLM(t, `D\u`, "p")
		n.Authorize()
		retry, err := n.Challenge(offer("NTLM", message))
		if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
			t.Fatal(err)
		}
		header, ok := n.Authorize()
		if !ok || retry != strings.HasPrefix(header, "NTLM TlRMTVNTUAAD") {
			t.Fatalf("%v, %v, %q", retry, err, header)
		}
	})
}

// FuzzParse reads challenges of all schemes: what is read has no control
// characters in it.
func FuzzParse(f *testing.F) {
	f.Add(`Digest realm="a", nonce="b", Basic, NTLM abc==, Newauth realm="apps", type=1, title="Login to \"apps\""`)
	f.Fuzz(func(t *testing.T, field string) {
		list, err := parse(field)
		if err != nil && (list != nil || err != ErrMalformed) {
			t.Fatal(list, err)
		}
		for _, c := range list {
			all := c.scheme + c.token
			for _, p := range c.params {
				all += p.name + p.value
			}
			if c.scheme == "" || c.token != "" && c.params != nil || strings.ContainsAny(all, "\r\n\x00") {
				t.Fatalf("%q gives %q", field, list)
			}
		}
	})
}
