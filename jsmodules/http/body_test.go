package http

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	nethttp "net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// anatomy answers with the parts of a multipart request, and with digest and
// size of any other body.
func anatomy(w nethttp.ResponseWriter, r *nethttp.Request) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%x %d %d %v", sha256.Sum256(body), len(body), r.ContentLength, err)
		return
	}
	in := multipart.NewReader(r.Body, params["boundary"])
	for {
		p, err := in.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Fprintf(w, "broken: %v", err)
			return
		}
		data, err := io.ReadAll(p)
		if len(data) > 100 {
			data = fmt.Appendf(nil, "%x %d", sha256.Sum256(data), len(data))
		}
		fmt.Fprintf(w, "[%s|%s|%s|%s|%v]", p.FormName(), p.FileName(), p.Header.Get("Content-Type"), data, err)
	}
	fmt.Fprintf(w, " %v", r.ContentLength > 0)
}

func digest(b []byte) string { return fmt.Sprintf("%x %d %d <nil>", sha256.Sum256(b), len(b), len(b)) }

func TestMultipart(t *testing.T) {
	url := serve(t, anatomy)
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	says(t, newPlan(), "const url = '"+url+"';", `
		const bin = new Uint8Array([0, 255, 10, 13]);
		say(http.post(url, {z: 'first', f: http.file(bin, 'a.bin'), a: [1, true, null], u: undefined}).body);
		say(http.post(url, {f: http.file('text ä', 'naïve "q"\r\n.txt', 'text/plain; charset=utf-8')}).body);
		say(http.post(url, {f: [http.file(bin.buffer, '1'), http.file([65, 66], '2'), http.file(bin.subarray(1, 2), '3', '')]}).body);
		const f = http.file('x');
		say(/^\d{19}$/.test(f.filename), f.content_type, f.data, Object.keys(f).join(), f.filename !== http.file('x').filename);
		f.filename = 'renamed'; f.data = 'changed';
		say(http.post(url, {f: {...f}}).body);
		const big = new Uint8Array(1 << 18); for (let i = 0; i < big.length; i++) big[i] = '0123456789abcdef'.charCodeAt(i % 16);
		let r = http.post(url, {before: 1, f: http.file(big.buffer, 'big'), p: http.file(http.payload('100KB', {fill: 'ab'}), 'made'), after: 2});
		say(r.body);
		say(r.request.body.length > 1 << 18, r.request.headers['Content-Length'][0] == r.request.body.length);
		r = http.post(url, {f: http.file('x', 'n')}, {headers: {'Content-Type': 'multipart/related; boundary=own'}});
		say(r.body, r.request.headers['Content-Type'][0], r.request.body);
		r = http.post(url, {f: http.file('x', 'n')}, {headers: {'Content-Type': 'multipart/form-data'}});
		say(r.body, /^multipart\/form-data; boundary=----swarm\w+$/.test(r.request.headers['Content-Type'][0]));
		// What the FormData of jslib makes: bytes and a boundary.
		const text = '--b\r\nContent-Disposition: form-data; name="k"\r\n\r\nv\r\n--b--\r\n';
		const fd = new Uint8Array(text.length); for (let i = 0; i < text.length; i++) fd[i] = text.charCodeAt(i);
		say(http.post(url, fd.buffer, {headers: {'Content-Type': 'multipart/form-data; boundary=b'}}).body);
	`,
		"[z|||first|<nil>][f|a.bin|application/octet-stream|\x00\xff\n\r|<nil>][a|||1|<nil>][a|||true|<nil>][a||||<nil>][u||||<nil>] true",
		`[f|naïve %22q%22%0D%0A.txt|text/plain; charset=utf-8|text ä|<nil>] true`,
		"[f|1|application/octet-stream|\x00\xff\n\r|<nil>][f|2|application/octet-stream|AB|<nil>][f|3|application/octet-stream|\xff|<nil>] true",
		"true application/octet-stream x data,filename,content_type true",
		"[f|renamed|application/octet-stream|changed|<nil>] true",
		fmt.Sprintf("[before|||1|<nil>][f|big|application/octet-stream|%x %d|<nil>][p|made|application/octet-stream|%x 100000|<nil>][after|||2|<nil>] true",
			sha256.Sum256(big), len(big), sha256.Sum256([]byte(strings.Repeat("ab", 50000)))),
		"true true",
		"[f|n|application/octet-stream|x|<nil>] true multipart/related; boundary=own --own\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n\"\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n--own--\r\n",
		"[f|n|application/octet-stream|x|<nil>] true true",
		"[k|||v|<nil>] true",
	)
}

// A multipart body is the same however it is cut, and its size is right.
func TestMultipartReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 40, -1)
		fields := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) field {
			f := field{name: text.Draw(t, "name"), value: text.Draw(t, "value")}
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 1:
				f.file = &file{name: "f", contentType: "a/b", text: f.value, lent: rapid.Bool().Draw(t, "lent")}
			case 2:
				fill := rapid.SampledFrom([]string{"zero", "random", "xyz"}).Draw(t, "fill")
				p := &payload{size: rapid.Int64Range(0, 1000).Draw(t, "size"), fill: fill}
				p.prepare()
				f.file = &file{name: "f", contentType: "a/b", source: p}
			}
			return f
		}), 0, 6).Draw(t, "fields")
		m := assemble(fields, "b")
		one, err := io.ReadAll(m.Reader())
		if err != nil || int64(len(one)) != m.Size() {
			t.Fatalf("%d bytes, the size is %d: %v", len(one), m.Size(), err)
		}
		two, err := io.ReadAll(m.own().Reader())
		if err != nil || !bytes.Equal(one, two) || m.own().Size() != m.Size() {
			t.Fatalf("own: %q, not %q", two, one)
		}
		if m.known() && m.text() != string(one) {
			t.Fatalf("text: %q, not %q", m.text(), one)
		}
		for _, p := range m.own().pieces {
			if p.lent {
				t.Fatal("a piece is still the script's")
			}
		}
	})
}

func TestPayloads(t *testing.T) {
	url := serve(t, anatomy)
	says(t, newPlan(), "const url = '"+url+"';", `
		for (const p of [http.payload(0), http.payload(100000), http.payload('64KiB', {fill: 'äb'}), http.payload('1kB', {fill: 'zero'})]) {
			const r = http.post(url, p);
			say(p.size, p.fill, r.body, r.request.body.length);
		}
		const p = http.payload('0.5MB', {fill: 'random'});
		say(http.put(url, p).body === http.put(url, p).body, http.put(url, http.payload('0.5MB', {fill: 'random'})).body !== http.put(url, p).body);
		const r = http.post(url, http.payload('17MiB'));
		say(r.request.body, r.request.headers['Content-Length'][0], JSON.stringify(p));
		p.size = 5; say(p.size);
	`,
		"0 zero "+digest(nil)+" 0",
		"100000 zero "+digest(make([]byte, 100000))+" 100000",
		"65536 äb "+digest([]byte(strings.Repeat("äb", 30000))[:65536])+fmt.Sprint(" ", len([]rune(strings.ToValidUTF8(string([]byte(strings.Repeat("äb", 30000))[:65536]), "?")))),
		"1000 zero "+digest(make([]byte, 1000))+" 1000",
		"true true",
		`null 17825792 {"size":500000,"fill":"random"}`,
		"500000",
	)
	for _, bad := range []struct{ code, text string }{
		{`http.payload()`, `http.payload: size must be a number of bytes or a text such as "10MB" or "1GiB", got undefined`},
		{`http.payload('10 apples')`, `got "10 apples"`}, {`http.payload(-1)`, `got -1`}, {`http.payload(1.5)`, `got 1.5`},
		{`http.payload('2000TB')`, `got "2000TB"`}, {`http.payload(1, {fil: 'x'})`, `unknown option "fil", did you mean "fill"?`},
		{`http.payload(1, {fill: ''})`, `fill must be "zero", "random" or a text to repeat, got ""`}, {`http.payload(1, {fill: 1})`, `got 1`},
		{`http.payload({})`, `got an object`}, {`http.payload(NaN)`, `got NaN`}, {`http.payload(1, 'zero')`, `options must be an object, got "zero"`},
		{`http.file()`, `http.file: data must be text, an ArrayBuffer`}, {`http.file({})`, `got an object`},
		{`http.file([1, 256])`, `http.file: data[1] must be a number from 0 to 255, got 256`},
		{`http.file('x', 5)`, `http.file: filename must be a string, got 5`}, {`http.file('x', 'y', 'a\nb')`, `content_type holds a line break`},
		{`http.file('x', 'y', {})`, `content_type must be a content type such as "image/png", got an object`},
		{`const f = http.file('x'); f.data = 1; http.post('x', {a: f})`, `http.post: the field "a" of the body: data must be`},
		{`http.post('x', Symbol('s'))`, `http.post: the body must be text, binary data or an object, got a symbol`},
		{`http.post('x', () => 1)`, `got a function`}, {`http.post('x', {a: Symbol('s')})`, `the field "a" of the body must be text or a file`},
		{`http.get(Symbol('s'))`, `http.get: the URL must be a string, got a symbol`},
	} {
		throws(t, newPlan(), bad.code, bad.text)
	}
}

func TestSizes(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "10": 10, "10B": 10, "10MB": 1e7, "1 GiB": 1 << 30, "1.5kB": 1500, "0.5 KiB": 512, " 3tb ": 3e12, "2TiB": 2 << 40,
		"": -1, "x": -1, "-1": -1, "1.0001kB": -1, "1e3": -1, "0x10": -1, "1 XB": -1, "9999999999999999999": -1, "1..2": -1, ".": -1, "NaN": -1, "Inf": -1,
	} {
		got, ok := parseSize(in)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("parseSize(%q) is %d, want %d", in, got, want)
		}
	}
}

// Large binary bodies are sent from the script's memory; what the script does to
// it afterwards changes no text it was given.
func TestLargeBodies(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/again" {
			nethttp.Redirect(w, r, "/", nethttp.StatusTemporaryRedirect)
			return
		}
		anatomy(w, r)
	})
	big := bytes.Repeat([]byte{7}, 1<<20)
	w := says(t, newPlan(), "const url = '"+url+"';", `
		const b = new Uint8Array(1 << 20).fill(7);
		const r = http.post(url, b.buffer);
		say(r.body);
		say(http.put(url + '/again', new DataView(b.buffer, 1)).body);
		say(http.batch([['POST', url, b], ['POST', url, b.subarray(0, 10)]]).map(r => r.body).join(' | '));
		b.fill(65);
		const shown = r.request.body;
		b.fill(66);
		say(shown[0], shown.length, r.request.body[0]);
		say(http.post(url, new Uint8Array(0)).body, http.post(url, new Float64Array([1])).body);
		say(http.post(url, {buffer: 1}).body);
		const beside = [http.asyncRequest('POST', url, b), http.asyncRequest('POST', url, {f: http.file(b, 'n')})];
		b.fill(67);
		Promise.all(beside).then(rs => say(rs.map(r => r.body).join(' | ')));
	`,
		digest(big), digest(big[1:]), digest(big)+" | "+digest(big[:10]), "A 1048576 A",
		digest(nil)+" "+digest([]byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}), digest([]byte("buffer=1")),
		fmt.Sprintf("%s | [f|n|application/octet-stream|%x %d|<nil>] true", digest(bytes.Repeat([]byte("B"), 1<<20)), sha256.Sum256(bytes.Repeat([]byte("B"), 1<<20)), 1<<20))
	if n := w.value("http_reqs").Sum; n != 10 {
		t.Errorf("%v requests", n)
	}
}

// What is uploaded takes no memory beside the script's.
func TestUploadsAreNotCopied(t *testing.T) {
	var taken atomic.Int64
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		taken.Add(n)
	})
	const size = 32 << 20
	w := newWorld(t, newPlan(), fmt.Sprintf("const u = %q, b = new Uint8Array(%d), s = 'x'.repeat(%d); let n = 0;", url, size, size), `
		const bodies = [b, b.buffer, s, {a: 1, f: http.file(b, 'n'), g: http.file(s)}, http.payload('256MiB', {fill: 'random'}), {p: http.file(http.payload('64MiB'))}];
		if (http.post(u, bodies[n++ % bodies.length], {responseType: 'none'}).status !== 200) throw new Error('failed');`)
	for i, want := range []int64{size, size, size, 2 * size, 256 << 20, 64 << 20} {
		var before, after runtime.MemStats
		taken.Store(0)
		runtime.ReadMemStats(&before)
		w.run()
		runtime.ReadMemStats(&after)
		if got := taken.Load(); got < want || got > want+1000 {
			t.Errorf("upload %d: %d bytes arrived, want %d", i, got, want)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("upload %d of %d MiB allocated %d KiB", i, want>>20, n>>10)
		}
	}
}

func TestCompression(t *testing.T) {
	plain := strings.Repeat("compress me ", 500)
	var headers []string
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		headers = append(headers, r.Header.Get("Content-Encoding"))
		var body io.Reader = r.Body
		codings := strings.Split(r.Header.Get("Content-Encoding"), ",")
		slices.Reverse(codings)
		for _, c := range codings {
			var err error
			switch strings.TrimSpace(c) {
			case "gzip":
				body, err = gzip.NewReader(body)
			case "deflate":
				body, err = zlib.NewReader(body)
			case "br":
				body = brotli.NewReader(body)
			case "zstd":
				var z *zstd.Decoder
				if z, err = zstd.NewReader(body); err == nil {
					defer z.Close()
					body = z
				}
			}
			if err != nil {
				fmt.Fprint(w, err)
				return
			}
		}
		out, err := io.ReadAll(body)
		fmt.Fprint(w, string(out) == plain, " ", r.ContentLength < int64(len(plain))/4, " ", err)
	})
	w := says(t, newPlan(), fmt.Sprintf("const url = %q, text = %q;", url, plain), `
		for (const c of ['gzip', 'deflate', 'br', 'zstd', 'gzip, deflate', ' zstd,br,gzip ', 'GZIP'])
			say(http.post(url, text, {compression: c}).body);
		say(http.post(url, text, {compression: ''}).body);
		say(http.post(url, text, {compression: 'gzip', headers: {'content-encoding': 'gzip'}}).body);
		say(http.post(url, text, {compression: 'gzip', headers: {'Content-Encoding': 'wrong'}}).body);
		say(http.post(url, http.payload(text.length, {fill: 'compress me '}), {compression: 'gzip'}).body);
		say(http.post(url, '', {compression: 'gzip'}).request.headers['Content-Encoding'] === undefined);
		const big = new Uint8Array(1 << 20);
		const r = http.post(url, big, {compression: 'gzip'});
		say(r.request.body.length < 10000, big[0]);
	`, "true true <nil>", "true true <nil>", "true true <nil>", "true true <nil>", "true true <nil>", "true true <nil>", "true true <nil>",
		"true false <nil>", "true true <nil>", "false true <nil>", "true true <nil>", "true", "true 0")
	want := []string{"gzip", "deflate", "br", "zstd", "gzip, deflate", "zstd, br, gzip", "gzip", "", "gzip", "wrong", "gzip", "", "gzip"}
	if !slices.Equal(headers, want) {
		t.Errorf("Content-Encoding %q, want %q", headers, want)
	}
	if logged := w.logged(); len(logged) != 1 || !strings.Contains(logged[0], `compressed with gzip, but its script says Content-Encoding: "wrong"`) {
		t.Errorf("logged %q", logged)
	}
	throws(t, newPlan(), `http.post('x', 'y', {compression: 'lzma'})`, `http.post: compression: unknown content coding "lzma": use gzip, deflate, br and zstd`)
	throws(t, newPlan(), `http.post('x', 'y', {compression: true})`, `http.post: compression must be a list of gzip, deflate, br and zstd such as "gzip", got true`)
	throws(t, newPlan(), `http.post('x', http.payload('65MiB'), {compression: 'br'})`, `at most 64 MiB`)
}
