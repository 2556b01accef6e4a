package codeframe

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestVeil(t *testing.T) {
	for line, want := range map[string]string{
		`http.get('http://u:hunter2@127.0.0.1:1/');`:                       `http.get('http://u:*******@127.0.0.1:1/');`,
		`http.get("https://hunter2@h/a@b");`:                               `http.get("https://*******@h/a@b");`,
		`http.get('http://u:hun/er2@h/');`:                                 `http.get('http://u:*******@h/');`,
		`http.get('http://h:8080/a?mail=a@b.c');`:                          `http.get('http://h:8080/a?mail=a@b.c');`,
		`http.get('/x', {proxy: 'http://a:pw@127.0.0.1:1'});`:              `http.get('/x', {proxy: 'http://a:**@127.0.0.1:1'});`,
		`  // see http://u:hunter2@host`:                                   `  // see http://u:*******@host`,
		`http.get(u, {headers: {Authorization: 'Bearer hunter2'}});`:       `http.get(u, {headers: {Authorization: '**************'}});`,
		`http.get(u, h('Bearer hunter2'));`:                                `http.get(u, h('Bearer *******'));`,
		`const h = {'X-Api-Key': "hunter2", Accept: '*/*'};`:               `const h = {'X-Api-Key': "*******", Accept: '*/*'};`,
		"h['X-Auth-Token'] = `hunter2`;":                                   "h['X-Auth-Token'] = `*******`;",
		`headers.set('Authorization', 'hunter2', 'x');`:                    `headers.set('Authorization', '*******', 'x');`,
		`const password = __ENV.PW || 'hunter2', user = 'me';`:             `const password = __ENV.PW || '*******', user = 'me';`,
		`login({user: 'me', passwd: 'hunter2', to: '/x'})`:                 `login({user: 'me', passwd: '*******', to: '/x'})`,
		`login({dbPassword:'a'+"b", refresh_token: 'c'}); f('d')`:          `login({dbPassword:'*'+"*", refresh_token: '*'}); f('d')`,
		`http.get(u, {cookies: {a: 'hunter2', b: {value: 'x'}}, tags: 1})`: `http.get(u, {cookies: {a: '*******', b: {value: '*'}}, tags: 1})`,
		`const token = login('https://h/login', 'hunter2');`:               `const token = login('https://h/login', '*******');`,
		`http.post(u, '{"user":"me","password":"hunter2"}');`:              `http.post(u, '{"user":"me","password":"*******"}');`,
		`http.post(u, "{\"password\":\"hunter2\",\"a\":\"b\"}");`:          `http.post(u, "{\"password\":\"*******\",\"a\":\"b\"}");`,
		`http.post(u, 'user=me&password=hunter2&a=b');`:                    `http.post(u, 'user=me&password=*******&a=b');`,
		`http.get('http://h/?access_token=hunter2&q=1#x');`:                `http.get('http://h/?access_token=*******&q=1#x');`,
		`const k = '-----BEGIN PRIVATE KEY-----\nMII';`:                    `const k = '********************************';`,
		`http.get(u, {auth: 'digest'});`:                                   `http.get(u, {auth: 'digest'});`,
		`check(r, {'token is there': r => r.json('id')});`:                 `check(r, {'token is there': r => r.json('id')});`,
		`getToken('one'); monkey.eat('two');`:                              `getToken('one'); monkey.eat('two');`,
		`const author = 'me', keyboard = 'de';`:                            `const author = 'me', keyboard = 'de';`,
		`password: '漢字', x`:                                                `password: '**', x`,
		`password: 'unterminated`:                                          `password: '************`,
		`password: 'it\'s', x: 'y'`:                                        `password: '*****', x: 'y'`,
		"\tpassword:\t'a\tb'":                                              "\tpassword:\t'*\t*'",
		``:                                                                 ``,
	} {
		if got := veil(line); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

// TestVeilHidesWhateverTheSecret: no secret is shown, what is around it stays,
// and every column is where it was.
func TestVeilHidesWhateverTheSecret(t *testing.T) {
	places := []string{
		"http.get('http://u:§@host/a', x)", "proxy: \"socks5://me:§@127.0.0.1:1\"", "Authorization: 'Bearer §'", "f('Basic §')",
		"{'X-Api-Key': '§'}", "password = '§'", "clientSecret: `§`,", "set('token', \"§\")", "'{\"apiKey\": \"§\"}'", "'a=b&pwd=§'",
	}
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[A-Za-zäß漢0-9_.~-]{1,20}hunter2[A-Za-z0-9%+:]{0,8}`).Draw(t, "secret")
		place := rapid.SampledFrom(places).Draw(t, "place")
		before, after, _ := strings.Cut(place, "§")
		lead := strings.Repeat(" ", rapid.IntRange(0, 4).Draw(t, "indent"))
		line := lead + before + secret + after
		got := veil(line)
		if strings.Contains(got, "hunter2") {
			t.Fatalf("%s: shown in %s", line, got)
		}
		if utf8.RuneCountInString(got) != utf8.RuneCountInString(line) {
			t.Fatalf("%s: %s is of another length", line, got)
		}
		if head, _, found := strings.Cut(before, "Bearer"); !strings.HasPrefix(got, lead+head) || !found && !strings.HasSuffix(got, after) {
			t.Fatalf("%s: %s hides too much", line, got)
		}
	})
}

func FuzzVeil(f *testing.F) {
	f.Add("http.get('http://u:p@h', {token: \"a\\\"b\"})")
	f.Add("`${'a'}` password['=']]]}")
	f.Fuzz(func(t *testing.T, line string) {
		got := veil(line)
		was, is := []rune(line), []rune(got)
		if len(was) != len(is) {
			t.Fatalf("%q became %q", line, got)
		}
		for i := range was {
			if was[i] != is[i] && is[i] != '*' {
				t.Fatalf("%q became %q", line, got)
			}
		}
	})
}
