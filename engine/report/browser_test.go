package report

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// browser is a real one, which the tests steer by its own protocol
// (https://chromedevtools.github.io/devtools-protocol/).
type browser struct {
	t    *testing.T
	conn *websocket.Conn
	next int

	mu       sync.Mutex
	answers  map[int]chan json.RawMessage
	console  []string // what pages complained of
	requests []string // what pages asked for
	loaded   chan struct{}
	session  string
}

// patience bounds every wait for the browser.
const patience = 30 * time.Second

// openBrowser starts Chromium. Where there is none the test is skipped, and says
// so, unless TEST_READERS=require makes it fail.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		const message = "NOT TESTED IN A BROWSER: no chromium on PATH; apt-get install chromium"
		if os.Getenv("TEST_READERS") == "require" {
			t.Fatal(message)
		}
		fmt.Fprintln(os.Stderr, message)
		t.Skip(message)
	}
	profile, err := os.MkdirTemp("", "swarm-browser-")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-extensions", "--no-first-run", "--no-default-browser-check", "--metrics-recording-only",
		"--user-data-dir="+profile, "--remote-debugging-port=0", "--remote-allow-origins=http://127.0.0.1", "about:blank")
	c.Env = append(os.Environ(), "HOME="+profile)
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		for range 20 { // its children end a little later
			if os.RemoveAll(profile) == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			if _, url, ok := strings.Cut(lines.Text(), "DevTools listening on "); ok {
				found <- url
			}
		}
	}()
	b := &browser{t: t, answers: map[int]chan json.RawMessage{}, loaded: make(chan struct{}, 16)}
	select {
	case url := <-found:
		if b.conn, err = websocket.Dial(url, "", "http://127.0.0.1"); err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("the browser does not start")
	}
	b.conn.MaxPayloadBytes = 64 << 20
	t.Cleanup(func() { b.conn.Close() })
	go b.read()
	var target struct{ TargetID, SessionID string }
	b.call("Target.createTarget", `{"url":"about:blank"}`, &target)
	b.call("Target.attachToTarget", fmt.Sprintf(`{"targetId":%q,"flatten":true}`, target.TargetID), &target)
	b.session = target.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", `{}`, nil)
	}
	return b
}

// read sorts what the browser sends until the connection ends.
func (b *browser) read() {
	for {
		var m struct {
			ID     int
			Method string
			Result json.RawMessage
			Error  json.RawMessage
			Params struct {
				Request          struct{ URL string }
				Entry            struct{ Level, Text, URL string }
				ExceptionDetails json.RawMessage
				Type             string
			}
		}
		if websocket.JSON.Receive(b.conn, &m) != nil {
			return
		}
		b.mu.Lock()
		switch m.Method {
		case "":
			if waiting := b.answers[m.ID]; waiting != nil {
				delete(b.answers, m.ID)
				if m.Error != nil {
					b.console = append(b.console, "protocol: "+string(m.Error))
				}
				waiting <- m.Result
			}
		case "Network.requestWillBeSent":
			b.requests = append(b.requests, m.Params.Request.URL)
		case "Log.entryAdded":
			b.console = append(b.console, m.Params.Entry.Level+": "+m.Params.Entry.Text+" "+m.Params.Entry.URL)
		case "Runtime.exceptionThrown":
			b.console = append(b.console, string(m.Params.ExceptionDetails))
		case "Runtime.consoleAPICalled":
			b.console = append(b.console, "console."+m.Params.Type)
		case "Page.loadEventFired":
			b.loaded <- struct{}{}
		}
		b.mu.Unlock()
	}
}

func (b *browser) call(method, params string, into any) {
	b.t.Helper()
	b.mu.Lock()
	b.next++
	answer := make(chan json.RawMessage, 1)
	b.answers[b.next] = answer
	m := map[string]any{"id": b.next, "method": method, "params": json.RawMessage(params)}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	b.mu.Unlock()
	if err := websocket.JSON.Send(b.conn, m); err != nil {
		b.t.Fatal(err)
	}
	select {
	case raw := <-answer:
		if into != nil {
			if err := json.Unmarshal(raw, into); err != nil {
				b.t.Fatalf("%s: %v: %s", method, err, raw)
			}
		}
	case <-time.After(patience):
		b.t.Fatalf("%s: no answer", method)
	}
}

// open shows a page of text and waits until it has loaded.
func (b *browser) open(text string) (url string) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	url = "file://" + file
	for len(b.loaded) > 0 {
		<-b.loaded
	}
	b.call("Page.navigate", fmt.Sprintf(`{"url":%q}`, url), nil)
	select {
	case <-b.loaded:
	case <-time.After(patience):
		b.t.Fatal("the page does not load")
	}
	return url
}

// evaluate runs an expression in the page, which gives JSON.
func (b *browser) evaluate(expression string, into any) {
	b.t.Helper()
	var answer struct {
		Result struct {
			Value       json.RawMessage
			Description string
		}
		ExceptionDetails json.RawMessage
	}
	params, _ := json.Marshal(map[string]any{"expression": expression, "returnByValue": true})
	b.call("Runtime.evaluate", string(params), &answer)
	if answer.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, answer.ExceptionDetails)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(answer.Result.Value, into); err != nil {
		b.t.Fatalf("%s: %v: %s", expression, err, answer.Result.Value)
	}
}

func (b *browser) press(key string) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		text := ""
		if len(key) == 1 {
			text = key
		}
		b.call("Input.dispatchKeyEvent", fmt.Sprintf(`{"type":%q,"key":%q,"text":%q}`, kind, key, map[bool]string{true: text}[kind == "keyDown"]), nil)
	}
}

func (b *browser) screen(width, height int, scheme, media string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", fmt.Sprintf(`{"width":%d,"height":%d,"deviceScaleFactor":1,"mobile":false}`, width, height), nil)
	b.call("Emulation.setEmulatedMedia", fmt.Sprintf(`{"media":%q,"features":[{"name":"prefers-color-scheme","value":%q}]}`, media, scheme), nil)
}

// quiet fails the test if the page complained or asked for anything but itself.
func (b *browser) quiet(url string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.console {
		b.t.Errorf("the page complains: %s", line)
	}
	for _, asked := range b.requests {
		if asked != url && asked != "about:blank" {
			b.t.Errorf("the page asks for %s", asked)
		}
	}
	b.console, b.requests = nil, nil
}

// picture stores a screenshot of the whole page in the folder SWARM_SCREENSHOTS
// and returns it as PNG.
func (b *browser) picture(name string) []byte {
	b.t.Helper()
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", `{"format":"png","captureBeyondViewport":true}`, &shot)
	return b.store(name, shot.Data)
}

func (b *browser) store(name, data string) []byte {
	b.t.Helper()
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		b.t.Fatal(err)
	}
	if folder := os.Getenv("SWARM_SCREENSHOTS"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, name), raw, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	return raw
}

// drawn tells of each chart what the browser made of it.
const drawn = `(() => {
  const charts = [...document.querySelectorAll("figure.chart")];
  return charts.map((f) => {
    const plot = f.querySelector("svg.plot").getBoundingClientRect();
    const paths = [...f.querySelectorAll("path.line, path.heat")];
    const boxes = paths.map((p) => p.getBoundingClientRect());
    return {
      id: f.dataset.chart,
      width: plot.width, height: plot.height,
      lines: paths.length,
      length: Math.max(...paths.filter((p) => p.closest("svg.plot")).map((p) => p.getTotalLength())),
      stroke: getComputedStyle(f.querySelector("svg.plot path")).stroke + getComputedStyle(f.querySelector("svg.plot path")).fill,
      ticks: f.querySelectorAll("svg.y text").length, times: f.querySelectorAll("svg.x text").length,
      label: f.getAttribute("aria-label"), focusable: f.tabIndex === 0,
      inside: boxes.every((b) => b.left >= f.getBoundingClientRect().left - 2 && b.right <= f.getBoundingClientRect().right + 2),
    };
  });
})()`

// TestInBrowser opens the page in Chromium: every chart has drawn, nothing is
// loaded, nothing complains, and keys and mouse do what they should.
func TestInBrowser(t *testing.T) {
	b := openBrowser(t)
	text := written(t, shop(t))
	b.screen(1280, 900, "light", "")
	url := b.open(text)
	var ready string
	if b.evaluate(`document.documentElement.dataset.ready`, &ready); ready != "8" {
		t.Fatalf("the script drew %q charts", ready)
	}
	var charts []struct {
		ID                    string
		Width, Height, Length float64
		Lines, Ticks, Times   int
		Stroke, Label         string
		Focusable, Inside     bool
	}
	b.evaluate(drawn, &charts)
	seen := map[string]bool{}
	for _, c := range charts {
		seen[c.ID] = true
		if c.Width < 300 || c.Height < 100 || c.Lines == 0 || c.Length < 500 || c.Ticks < 2 || c.Times < 3 || !c.Focusable || !c.Inside || c.Label == "" || strings.Contains(c.Stroke, "rgb(0, 0, 0)none") {
			t.Errorf("chart %+v", c)
		}
	}
	for _, id := range []string{"requests", "times", "vus", "iterations", "heat", "data", "cpu", "lag"} {
		if !seen[id] {
			t.Errorf("no chart %s", id)
		}
	}
	b.picture("light.png")

	// The cursor is in all charts at once, and tells what the data is.
	b.evaluate(`document.querySelector("#c-requests").focus()`, nil)
	b.press("ArrowRight")
	b.press("ArrowRight")
	var readings []string
	b.evaluate(`[...document.querySelectorAll(".chart output")].map((o) => o.textContent)`, &readings)
	if len(readings) < 12 || !regexp.MustCompile(`^\d+/s$`).MatchString(readings[0]) || !regexp.MustCompile(` ms$`).MatchString(readings[2]) {
		t.Errorf("readings: %q", readings)
	}
	var cursors int
	if b.evaluate(`document.querySelectorAll(".cursor:not([hidden])").length`, &cursors); cursors != 8 {
		t.Errorf("%d cursors", cursors)
	}
	var time string
	if b.evaluate(`document.querySelector(".time").textContent`, &time); time != "00:01" {
		t.Errorf("the cursor is at %q", time)
	}
	b.press("+")
	var views []string
	if b.evaluate(`[...new Set([...document.querySelectorAll("svg.plot")].map((s) => s.getAttribute("viewBox")))]`, &views); len(views) == 0 || slices.Contains(views, "0 0 1000 200") {
		t.Errorf("zoomed to %q", views)
	}
	b.press("Escape")
	if b.evaluate(`[...new Set([...document.querySelectorAll("svg.plot")].map((s) => s.getAttribute("viewBox")))]`, &views); len(views) != 1 || views[0] != "0 0 1000 200" {
		t.Errorf("reset to %q", views)
	}

	// Dragging zooms; a name hides its line; a title sorts.
	var box struct{ X, Y, Width float64 }
	b.evaluate(`(() => { const r = document.querySelector("#c-times .area").getBoundingClientRect(); return {x: r.x, y: r.y + 40, width: r.width} })()`, &box)
	for i, kind := range []string{"mousePressed", "mouseMoved", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", fmt.Sprintf(`{"type":%q,"x":%f,"y":%f,"button":"left","buttons":1,"clickCount":1}`, kind, box.X+box.Width*(0.25+0.25*float64(min(i, 1))), box.Y), nil)
	}
	if b.evaluate(`[...new Set([...document.querySelectorAll("svg.plot")].map((s) => s.getAttribute("viewBox")))]`, &views); len(views) == 0 || !strings.HasPrefix(views[0], "25") && !strings.HasPrefix(views[0], "24") {
		t.Errorf("dragged to %q", views)
	}
	b.picture("zoom.png")
	b.evaluate(`document.querySelector("#c-times").dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}))`, nil)
	var display string
	if b.evaluate(`(document.querySelector("#c-times .legend button").click(), document.querySelector("#c-times svg.plot .line").style.display)`, &display); display != "none" {
		t.Errorf("the line has display %q", display)
	}
	b.evaluate(`document.querySelector("#c-times .legend button").click()`, nil)
	var first []string
	b.evaluate(`[...document.querySelectorAll("[aria-labelledby=h-requests] thead button")].slice(5, 6).flatMap((x) => { const top = () => document.querySelector("[aria-labelledby=h-requests] tbody th").textContent; x.click(); const a = top(); x.click(); return [a, top()]; })`, &first)
	if len(first) != 2 || !strings.Contains(first[0], "/pay") || first[0] == first[1] {
		t.Errorf("sorted by p95: %q", first)
	}

	// Dark, by the system and by the button; narrow; printed.
	b.screen(1280, 900, "dark", "")
	var background, toggled string
	b.evaluate(`getComputedStyle(document.body).backgroundColor`, &background)
	b.picture("dark.png")
	b.evaluate(`(document.querySelector("#theme").click(), getComputedStyle(document.body).backgroundColor)`, &toggled)
	if background != "rgb(15, 20, 26)" || toggled != "rgb(255, 255, 255)" {
		t.Errorf("dark is %s, then %s", background, toggled)
	}
	b.screen(390, 800, "light", "")
	var overflow float64
	if b.evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow); overflow > 0 {
		t.Errorf("on a narrow screen %v pixels stick out", overflow)
	}
	b.picture("narrow.png")
	b.screen(794, 1123, "light", "print")
	b.picture("print.png")
	b.screen(1280, 900, "light", "")
	var pdf struct{ Data string }
	b.call("Page.printToPDF", `{"printBackground":true,"preferCSSPageSize":false,"paperWidth":8.27,"paperHeight":11.69}`, &pdf)
	if raw := b.store("print.pdf", pdf.Data); !strings.HasPrefix(string(raw), "%PDF-") || len(raw) < 20_000 {
		t.Errorf("printed %d bytes", len(raw))
	}
	b.quiet(url)
}

// TestHostileInBrowser: no text becomes an element, a script or a request.
func TestHostileInBrowser(t *testing.T) {
	b := openBrowser(t)
	for name, r := range map[string]string{"hostile": written(t, hostile(t)), "empty": written(t, empty(t)), "long": written(t, long(t))} {
		url := b.open(r)
		var page struct {
			Title, Ready           string
			Scripts, Images, Links int
			Text                   string
		}
		b.evaluate(`({title: document.title, ready: document.documentElement.dataset.ready, scripts: document.scripts.length,
			images: document.querySelectorAll("img, iframe, object, embed, b:not(.values b)").length, links: document.querySelectorAll("a, link, form").length, text: document.body.innerText})`, &page)
		if strings.HasPrefix(page.Title, "owned") || page.Ready == "" || page.Scripts != 2 || page.Images != 0 || page.Links != 0 {
			t.Errorf("%s: %q, ready %q, %d scripts, %d images, %d links", name, page.Title, page.Ready, page.Scripts, page.Images, page.Links)
		}
		if name == "hostile" {
			for _, want := range []string{"<img src=x onerror=", `\x1b[2J`, `\u202egnp.exe`, "{{.}}"} {
				if !strings.Contains(page.Text, want) {
					t.Errorf("%q is not shown", want)
				}
			}
			if strings.ContainsAny(page.Text, "\x1b\u202e") {
				t.Error("the text is not inert")
			}
		}
		b.picture(name + ".png")
		b.quiet(url)
	}
	// What a script in the page could do is refused even if one got in.
	b.open(strings.Replace(written(t, shop(t)), "</main>", `<script>document.title="owned"</script><img src="https://evil.example/x.png"></main>`, 1))
	var title string
	if b.evaluate(`document.title`, &title); title == "owned" {
		t.Error("a foreign script ran")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if complaints := strings.Join(b.console, "\n"); !strings.Contains(complaints, "Content Security Policy") {
		t.Errorf("the policy was not applied: %s", complaints)
	}
}
