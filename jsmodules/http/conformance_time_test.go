package http

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/sandbox"
)

// waitFor polls until ok.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen")
		}
	}
}

// testTimings holds the phases against what is known of them: each is measured
// where it happens, connections are opened once, and duration is the sum.
func testTimings(t *testing.T, b *bench) {
	tls := "false"
	if b.row.secure || b.via == "https" {
		tls = "true"
	}
	if b.via == "https" && !b.row.secure {
		tls = "false"
	}
	fresh := "true true " + tls
	if b.version == "3" {
		fresh = "true false true" // QUIC's handshake is that of TLS: there is none before it
	}
	w := b.run(t, script{init: `
		const names = ['blocked', 'looking_up', 'connecting', 'tls_handshaking', 'sending', 'waiting', 'receiving'];
		const sound = t => names.every(n => t[n] >= 0 && Number.isFinite(t[n])) && Math.abs(t.duration - t.sending - t.waiting - t.receiving) < 1e-6;
	`, body: `
		let t = http.get(base + '/delay/20').timings;
		say(sound(t), t.connecting > 0, t.tls_handshaking > 0, t.waiting >= 19, t.looking_up);
		t = http.get(base + '/echo').timings;
		say(sound(t), t.connecting, t.tls_handshaking, t.waiting > 0);
		t = http.get(base + '/bytes/3000000').timings;
		say(sound(t), t.receiving > 0, t.connecting, t.tls_handshaking);
		t = http.post(base + '/echo', 'x'.repeat(1 << 20)).timings;
		say(sound(t), t.sending > 0);
		t = http.get(base + '/redirect/302?to=/delay/20').timings;
		say(sound(t), t.waiting >= 19, t.connecting);
		const before = Date.now();
		http.get(base + '/delay/30');
		say(Date.now() - before >= 30);
	`, want: []string{fresh + " true 0", "true 0 0 true", "true true 0 0", "true true", "true true 0", "true"}})
	for _, name := range []string{"duration", "blocked", "connecting", "tls_handshaking", "sending", "waiting", "receiving"} {
		a := w.value("http_req_" + name)
		if a.Count != 7 || a.Min < 0 || a.Max > 60_000 {
			t.Errorf("http_req_%s has %d samples from %v to %v, want 7", name, a.Count, a.Min, a.Max)
		}
	}
	for name, want := range map[string]bool{"http_req_connecting": b.version != "3", "http_req_tls_handshaking": tls == "true"} {
		if a := w.value(name); (a.Max > 0) != want || a.Sum-a.Max > a.Max/100 {
			t.Errorf("%s is %v at most and %v in all, of one connection", name, a.Max, a.Sum)
		}
	}
}

// testBlocked makes requests wait for each other: that is blocked, and not the
// target's time.
func testBlocked(t *testing.T, b *bench) {
	b.run(t, script{body: `
		const rs = http.batch([base + '/delay/40', base + '/delay/1']);
		say(rs[1].timings.blocked >= 38, rs[1].timings.blocked > rs[0].timings.blocked, rs[0].timings.duration >= 38);
	`, want: []string{"true true true"}, change: func(h *plan.HTTP) { h.BatchPerHost = 1 }})
}

// testTimeoutsOn lets time run out in every phase that the target has a hand in.
func testTimeoutsOn(t *testing.T, b *bench) {
	limit := int64(100)
	if b.via != "" || raceDetector {
		limit = 400 // the tunnel has to be there by then
	}
	w := b.run(t, script{init: fmt.Sprintf(`
		const timed = (f) => { const from = Date.now(); const r = f(); const took = Date.now() - from; say(r.status, r.error_code, r.body, took >= %d - 2, took <= %d || took) };
	`, limit, limit+crowd.Milliseconds()), body: fmt.Sprintf(`
		timed(() => http.get(base + '/gate/never', {timeout: %[1]d}));
		timed(() => http.get(base + '/gate/never?head', {timeout: %[1]d}));
		timed(() => http.get(base + '/gate/never?head', {timeout: %[1]d, responseType: 'none'}));
		timed(() => http.get(base + '/redirect/302?to=/gate/never', {timeout: '%[1]dms'}));
		say(http.get(base + '/echo').status);
		try { http.get(base + '/gate/never', {timeout: 20, throw: true}) } catch (e) { say(e.name, e.message.includes('timeout')) }
	`, limit), want: []string{
		"0 1050 null true true", "0 1050 null true true", "0 1050 null true true", "0 1050 null true true",
		"200", "HTTPError true",
	}, loose: "the end of a request that was given up crosses what the target sends", lost: 4 << 10, unread: 4 << 10})
	if a := w.value("http_reqs", "error_code", "1050"); a.Sum != 5 {
		t.Errorf("%v requests timed out, want 5", a.Sum)
	}
	if a := w.value("http_req_failed"); a.NonZero != 5 || a.Count != 7 {
		t.Errorf("%d of %d requests failed, want 5 of 7", a.NonZero, a.Count)
	}
}

// testSlowConnect lets time run out before there is a connection: nobody takes
// it, or somebody does and keeps silent in the handshake.
func testSlowConnect(t *testing.T, b *bench) {
	const limit = 100
	timed := fmt.Sprintf(`
		const timed = url => { const from = Date.now(); const r = http.get(url, {timeout: %d}); const took = Date.now() - from; say(r.status, r.error_code, took >= %[1]d - 2, took <= %d || took, r.timings.duration) };
	`, limit, limit+crowd.Milliseconds())
	b.run(t, script{init: timed, body: "timed(base + '/echo')", want: []string{"0 1211 true true 0"}, unsent: 1, adjust: func(h *sandbox.Host) {
		h.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		h.DialPacket = func(ctx context.Context, _ string) (net.PacketConn, net.Addr, error) {
			<-ctx.Done()
			return nil, nil, ctx.Err()
		}
	}})
	if !b.row.secure || b.version == "3" {
		return
	}
	silent := rawServer(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	w := newWorld(t, b.plan(), timed, fmt.Sprintf("timed('%s')", strings.Replace(silent, "http:", "https:", 1)))
	if got := w.run(); got[0] != "0 1050 true true 0" {
		t.Errorf("a silent handshake came to %q", got)
	}
	if a := w.value("http_req_tls_handshaking"); a.Max < limit/2 {
		t.Errorf("tls_handshaking is %v of %d ms", a.Max, limit) // less what connecting took
	}
}

// testUntrusted refuses the target's certificate: what was said until then counts.
func testUntrusted(t *testing.T, b *bench) {
	w := b.run(t, script{body: "const r = http.get(base + '/echo'); say(r.status, r.error_code, r.timings.tls_handshaking > 0)", unsent: 1, want: []string{"0 1310 true"},
		loose: "the rest of the handshake is not read", unread: 512,
		change: func(h *plan.HTTP) { h.TLS.CACerts = b.proxy.TLS.CACerts }})
	if in := w.value("data_received").Sum; in < 500 {
		t.Errorf("%v bytes of a handshake were counted", in)
	}
}

// testBroken has the target break off in the middle.
func testBroken(t *testing.T, b *bench) {
	w := b.run(t, script{body: `
		for (const type of ['text', 'none']) {
			const r = http.post(base + '/abort', '', {responseType: type});
			say(r.status, r.body, r.error_code > 0, r.error !== '');
		}
		say(http.get(base + '/echo').status);
		try { http.post(base + '/abort', '', {throw: true}); say('no') } catch (e) { say(e.name) }
	`, want: []string{"0 null true true", "0 null true true", "200", "HTTPError"}, loose: "the target resets", lost: 4 << 10, unread: 4 << 10})
	if a := w.value("http_req_failed"); a.NonZero != 3 {
		t.Errorf("%d requests failed, want 3", a.NonZero)
	}
}

// testUnreachable has nobody there.
func testUnreachable(t *testing.T, b *bench) {
	b.run(t, script{body: `
		const r = http.get(base.replace(/:\d+$/, ':1') + '/', {timeout: 300});
		say(r.status, r.body, r.error_code, r.timings.duration);
	`, unsent: 1, want: []string{unreachable(b)}, loose: "datagrams are sent to nobody", lost: 16 << 10})
}

func unreachable(b *bench) string {
	if b.version == "3" {
		return "0 null 1211 0" // who is not there does not say so
	}
	return "0 null 1212 0"
}

var timeFeatures = []feature{
	{name: "timings", test: testTimings, core: true},
	{name: "blocked", test: testBlocked, direct: true},
	{name: "timeouts", test: testTimeoutsOn, core: true},
	{name: "slow connect", test: testSlowConnect, direct: true},
	{name: "untrusted", test: testUntrusted, core: true, rows: func(r *row) bool { return r.secure }},
	{name: "broken", test: testBroken, direct: true},
	{name: "unreachable", test: testUnreachable, direct: true},
}
