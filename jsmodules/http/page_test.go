package http

import (
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"testing"
)

const pageText = `<!doctype html><title>Shop</title>
<h1 class=head>Hello <b>you</b></h1>
<a href="/first?x=1#top">first</a> <a class=next href="../next">next</a> <a name=anchor>no link</a>
<form action="login" method=POST>
 <input name=user value=anna><input type=password name=pass><input type=checkbox name=keep value=yes checked>
 <button type=submit name=do value=in>Log in</button><button id=other type=submit name=do value=other formaction=/other>Other</button>
</form>
<form id=search><input name=q value="a b"></form>
<form id=upload method=post enctype=multipart/form-data action=/up><input name=note value=n><input type=file name=doc></form>
<form id=plain method=post enctype=text/plain action=/plain><input name=note value=n></form>`

// shop is a server with a page, which tells of other requests.
func shop(t *testing.T) *counting {
	return count(t, false, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		switch r.URL.Path {
		case "/dir/page":
			nethttp.SetCookie(w, &nethttp.Cookie{Name: "seen", Value: "1", Path: "/"})
			io.WriteString(w, pageText)
			return
		case "/moved":
			nethttp.Redirect(w, r, "/dir/page", nethttp.StatusFound)
			return
		}
		kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		if kind == "multipart/form-data" {
			_ = r.ParseMultipartForm(1 << 20)
			fmt.Fprintf(w, "%s %s %s %v %d", r.Method, r.URL, kind, r.MultipartForm.Value, len(r.MultipartForm.File))
			return
		}
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %q %s %s", r.Method, r.URL, kind, b, r.Header.Get("Cookie"), r.Header.Get("X-Own"))
	})
}

func TestPage(t *testing.T) {
	s := shop(t)
	w := says(t, newPlan(), "const url = '"+s.URL+"';", `
		const page = http.get(url + '/moved');
		say(page.html().find('h1').text(), page.html('title').text(), page.html('a').size(), page.html('.nothing').size());
		say(page.clickLink().body);
		say(page.clickLink({selector: 'a.next', params: {headers: {'X-Own': 'x'}, tags: {kind: 'link'}}}).body);
		say(page.submitForm().body);
		say(page.submitForm({formSelector: 'form', fields: {pass: 'secret ü', keep: null, more: ['1', 2]}, submitSelector: '#other'}).body);
		say(page.submitForm({formSelector: '#search', fields: {q: 'x&y'}}).url.replace(url, ''));
		say(page.submitForm({formSelector: '#upload'}).body);
		say(page.submitForm({formSelector: '#plain', params: {tags: {kind: 'plain'}}}).body.replace(/\r\n/g, '|'));
		const api = new http.Client({baseURL: url, headers: {'x-own': 'client'}});
		say(api.get('/dir/page').submitForm().body);
	`,
		"Hello you Shop 3 0",
		`GET /first?x=1  "" seen=1 `,
		`GET /next  "" seen=1 x`,
		`POST /dir/login application/x-www-form-urlencoded "user=anna&pass=&keep=yes&do=in" seen=1 `,
		`POST /other application/x-www-form-urlencoded "user=anna&pass=secret+%C3%BC&do=other&more=1&more=2" seen=1 `,
		`/dir/page?q=x%26y`,
		"POST /up multipart/form-data map[doc:[] note:[n]] 0",
		`POST /plain text/plain "note=n\r\n" seen=1 `,
		`POST /dir/login application/x-www-form-urlencoded "user=anna&pass=&keep=yes&do=in" seen=1 client`,
	)
	if n := w.value("http_reqs", "kind", "link").Sum; n != 1 {
		t.Errorf("%v requests bear the tag, want 1", n)
	}
}

func TestPageMisuse(t *testing.T) {
	s := shop(t)
	for _, c := range []struct{ code, want string }{
		{"r.html(5)", "TypeError: response.html: the selector must be a string, got 5"},
		{"r.html(':::')", "TypeError: "},
		{"r.clickLink({selektor: 'a'})", `TypeError: response.clickLink: unknown argument "selektor", did you mean "selector"?`},
		{"r.clickLink('a')", `TypeError: response.clickLink: the argument must be an object, got "a"`},
		{"r.clickLink({selector: '.none'})", "Error: response.clickLink: "},
		{"r.clickLink({selector: '[name]'})", "Error: response.clickLink: "},
		{"r.clickLink({params: {tag: 1}})", `unknown parameter "tag", did you mean "tags"?`},
		{"r.submitForm({formSelector: '#none'})", "Error: response.submitForm: "},
		{"r.submitForm({formSelector: 'h1'})", "Error: response.submitForm: "},
		{"r.submitForm({submitSelector: '#none'})", "Error: response.submitForm: "},
		{"r.submitForm({fields: [1]})", "TypeError: response.submitForm: fields must be an object, got an array"},
		{"r.submitForm({formSelector: 1})", "TypeError: response.submitForm: formSelector must be a string, got 1"},
		{"http.get('http://127.0.0.1:1/').submitForm()", "Error: response.submitForm: the request failed, there is no body"},
		{"http.get('" + s.URL + "/dir/page', {responseType: 'none'}).clickLink()", "Error: response.clickLink: the body was discarded"},
		{"r.html.call({})", "TypeError: response.html was called on something that is not a response"},
	} {
		throws(t, newPlan(), "const r = http.get('"+s.URL+"/dir/page');"+c.code, c.want)
	}
}

func TestConstants(t *testing.T) {
	plain := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {})
	secure := count(t, true, func(w nethttp.ResponseWriter, r *nethttp.Request) {})
	p := newPlan()
	p.HTTP.InsecureSkipTLSVerify = true
	says(t, p, "", `
		say(http.TLS_1_0, http.TLS_1_3, http.OCSP_STATUS_GOOD, http.OCSP_STATUS_UNKNOWN, http.OCSP_REASON_KEY_COMPROMISE);
		let r = http.get('`+plain+`'); say(JSON.stringify(r.ocsp), r.ocsp === r.ocsp, '[' + r.tls_version + ']');
		r = http.get('`+secure.URL+`'); say(r.ocsp.status === http.OCSP_STATUS_UNKNOWN, r.tls_version === http.TLS_1_3);`,
		"tls1.0 tls1.3 good unknown key_compromise",
		`{"produced_at":0,"this_update":0,"next_update":0,"revocation_reason":"","revoked_at":0,"status":""} true []`,
		"true true")
}
