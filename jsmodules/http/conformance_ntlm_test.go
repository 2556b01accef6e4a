package http

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 NTLM is made of it
)

// ntlm asks for NTLM (MS-NLMP), which logs in a connection: a challenge is
// good for the connection it was sent on, and so is the login.
func (s *site) ntlm(w nethttp.ResponseWriter, r *nethttp.Request) {
	io.Copy(io.Discard, r.Body)
	c := r.Context().Value(connKey{}).(*connState)
	c.mu.Lock()
	defer c.mu.Unlock()
	message, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "NTLM "))
	deny := func(challenge string) {
		w.Header().Set("WWW-Authenticate", strings.TrimSpace("NTLM "+challenge))
		w.WriteHeader(401)
	}
	switch {
	case len(message) < 12 || string(message[:8]) != "NTLMSSP\x00":
		deny("")
	case message[8] == 1:
		c.challenge = []byte("8 bytes!")
		m := make([]byte, 48)
		copy(m, "NTLMSSP\x00\x02")
		binary.LittleEndian.PutUint32(m[16:], 48)         // target name: empty, at the end
		binary.LittleEndian.PutUint32(m[20:], 0x00828201) // Unicode, NTLM, always sign, extended security, target info
		copy(m[24:], c.challenge)
		binary.LittleEndian.PutUint16(m[40:], 4) // target info: its end alone
		binary.LittleEndian.PutUint16(m[42:], 4)
		binary.LittleEndian.PutUint32(m[44:], 48)
		deny(base64.StdEncoding.EncodeToString(append(m, 0, 0, 0, 0)))
	case message[8] == 3 && c.challenge != nil:
		part := func(at int) []byte {
			n, from := int(binary.LittleEndian.Uint16(message[at:])), int(binary.LittleEndian.Uint32(message[at+4:]))
			if from < 0 || from+n > len(message) {
				return nil
			}
			return message[from : from+n]
		}
		response, domain, user := part(20), part(28), part(36)
		md := md4.New()
		md.Write(utf16le("secret"))
		key := hmac.New(md5.New, md.Sum(nil))
		key.Write(utf16le(strings.ToUpper(fromUTF16(user)) + fromUTF16(domain)))
		proof := hmac.New(md5.New, key.Sum(nil))
		proof.Write(c.challenge)
		c.challenge = nil
		if len(response) < 16 {
			deny("")
			return
		}
		proof.Write(response[16:])
		if !hmac.Equal(proof.Sum(nil), response[:16]) {
			deny("")
			return
		}
		fmt.Fprintf(w, "hello %s of %s", fromUTF16(user), fromUTF16(domain))
	default:
		deny("")
	}
}

// utf16le and fromUTF16 convert ASCII to UTF-16LE and back.
func utf16le(s string) (b []byte) {
	for i := range len(s) {
		b = append(b, s[i], 0)
	}
	return b
}

func fromUTF16(b []byte) string {
	var s []byte
	for i := 0; i+1 < len(b); i += 2 {
		s = append(s, b[i])
	}
	return string(s)
}
