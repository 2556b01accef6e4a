package control

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:6565": "127.0.0.1:6565", "localhost:0": "127.0.0.1:0", "[::1]:80": "[::1]:80", "127.9.9.9:1": "127.9.9.9:1",
	} {
		at, err := ParseAddress(text)
		if err != nil || at.String() != want {
			t.Errorf("%q: %v, %v", text, at, err)
		}
	}
	for text, hint := range map[string]string{
		"":                       "such as 127.0.0.1:6565",
		"6565":                   "such as 127.0.0.1:6565",
		"127.0.0.1":              "with a port: 127.0.0.1:6565",
		"localhost":              "with a port: localhost:6565",
		":6565":                  "127.0.0.1:6565",
		"0.0.0.0:6565":           "ssh -L 6565",
		"[::]:6565":              "127.0.0.1:6565",
		"192.168.1.1:6565":       "127.0.0.1:6565",
		"example.com:6565":       "127.0.0.1:6565",
		"127.0.0.1:99999":        "from 0 to 65535",
		"127.0.0.1:http":         "from 0 to 65535",
		"127.0.0.1:-1":           "from 0 to 65535",
		"[::ffff:10.0.0.1]:6565": "127.0.0.1:6565",
		"localhost.evil.com:1":   "127.0.0.1:1",
	} {
		_, err := ParseAddress(text)
		var wrong *AddressError
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Hint, hint) {
			t.Errorf("%q: %#v, want a hint with %q", text, err, hint)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, text := range []string{"127.0.0.1:6565", "[::1%lo]:1", ":1", "localhost:0", "[::ffff:127.0.0.1]:1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if at, err := ParseAddress(text); err == nil && !at.Addr().IsLoopback() {
			t.Errorf("%q gives %v", text, at)
		}
	})
}

func TestTokens(t *testing.T) {
	a, b := NewToken(), NewToken()
	if len(a) != 64 || a == b || CheckToken(a) != nil {
		t.Errorf("%q and %q", a, b)
	}
	for _, bad := range []string{"", strings.Repeat("x", 31), strings.Repeat("x", 40) + " ", strings.Repeat("é", 32), strings.Repeat("x", 40) + "\n"} {
		if CheckToken(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestWriteToken: nobody else can read it, whatever was there before, and what
// a link led to stays as it was.
func TestWriteToken(t *testing.T) {
	dir := t.TempDir()
	name, other := filepath.Join(dir, "token"), filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, name); err != nil {
		t.Skip(err)
	}
	for range 2 {
		if err := WriteToken(name, "secret"); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(name)
		if err != nil || info.Mode() != 0o600 {
			t.Fatalf("%v, %v", info.Mode(), err)
		}
	}
	if text, _ := os.ReadFile(name); string(text) != "secret\n" {
		t.Errorf("%q", text)
	}
	if text, _ := os.ReadFile(other); string(text) != "precious" {
		t.Errorf("the link was followed: %q", text)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
	if err := WriteToken(filepath.Join(dir, "none", "token"), "secret"); err == nil {
		t.Error("no error without a folder")
	}
}
