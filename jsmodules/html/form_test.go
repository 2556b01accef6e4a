package html

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const formPage = `<base target=x><base href="/based/"><p>
<form id=f action="go" method=POST>
<input name=u value="a b"><input type=checkbox name=c checked><input type=checkbox name=d value=1>
<input type=radio name=r value=1 checked><input type=radio name=r value=2 checked><input type=radio name=q value=1>
<select name=s><option value=o1>A<option value=o2 selected>B</select><select name=m multiple><option selected>x<option selected>y<option selected disabled>z</select>
<textarea name=t>
line 1
line 2</textarea><button name=plain type=button value=no>No</button><button name=btn type=submit value=go>Go</button><input type=submit name=sb value=v formaction="/other?x#y" formmethod=get>
<input type=image name=im formenctype=text/plain><input type=image id=nameless><input type=file name=fi><input name=dis disabled value=q><input value=noname><input type=reset name=re>
<fieldset disabled><legend><input name=h value="é*-._~"></legend><input name=inside value=1></fieldset><datalist><input name=dl></datalist>
</form>
<form id=g action="/g?old=1#frag"><input name=q value=1></form>
<form id=n action="  "><input name=q value=1></form>
<form id=mp method=post enctype="Multipart/Form-Data" action=http://else.example/mp><input name=q value=1><input type=file name=up></form>
<form id=di method=dialog></form>
<form id=bad action="http://[::1/"></form>
<form id=pt method=post enctype=text/plain><input name=a value="1&#10;2"><input name=_charset_ type=hidden></form>
<input form=n name=outside value=o>
<table><form id=broken action=/broken><tr><td><input name=cell value=1></td></tr><tr><td><input name=cell2 value=2></form></table>`

func parse(t testing.TB, text string) *Document {
	t.Helper()
	d, err := Parse(context.Background(), text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestForm(t *testing.T) {
	d := parse(t, formPage)
	const at = "http://h.example/dir/page?p=1#top"
	const all = "u=a+b&c=on&r=2&s=o2&m=x&m=y&t=line+1%0D%0Aline+2&"
	const rest = "&fi=&h=%C3%A9*-._%7E"
	for name, c := range map[string]struct {
		fill Fill
		want Submission
		body string
	}{
		"first form and its button": {Fill{}, Submission{Method: "POST", URL: "http://h.example/based/go", Enctype: URLEncoded}, all + "btn=go" + rest},
		"fields": {Fill{Fields: []Values{{"u", []string{"U"}}, {"extra", []string{"E"}}, {"d", []string{"1", "2"}}, {"r", []string{"3"}}, {"m", nil}}},
			Submission{Method: "POST", URL: "http://h.example/based/go", Enctype: URLEncoded},
			"u=U&c=on&d=1&d=2&r=3&s=o2&t=line+1%0D%0Aline+2&btn=go&fi=&h=%C3%A9*-._%7E&extra=E"},
		"disabled field":     {Fill{Fields: []Values{{"dis", []string{"on"}}}}, Submission{Method: "POST", URL: "http://h.example/based/go", Enctype: URLEncoded}, all + "btn=go&fi=&dis=on&h=%C3%A9*-._%7E"},
		"button not pressed": {Fill{Fields: []Values{{"sb", []string{"on"}}}}, Submission{Method: "POST", URL: "http://h.example/based/go", Enctype: URLEncoded}, all + "btn=go" + rest + "&sb=on"},
		"other button":       {Fill{Submit: "[name=sb]"}, Submission{Method: "GET", URL: "http://h.example/other?" + all + "sb=v" + rest}, ""},
		"image button":       {Fill{Submit: "[name=im]"}, Submission{Method: "POST", URL: "http://h.example/based/go", Enctype: PlainText}, "u=a b\r\nc=on\r\nr=2\r\ns=o2\r\nm=x\r\nm=y\r\nt=line 1\r\nline 2\r\nim.x=0\r\nim.y=0\r\nfi=\r\nh=é*-._~\r\n"},
		"nameless image":     {Fill{Submit: "#nameless", Fields: []Values{{"t", nil}, {"m", nil}, {"s", nil}, {"h", nil}}}, Submission{Method: "POST", URL: "http://h.example/based/go", Enctype: URLEncoded}, "u=a+b&c=on&r=2&x=0&y=0&fi="},
		"get":                {Fill{Form: "#g"}, Submission{Method: "GET", URL: "http://h.example/g?q=1"}, ""},
		"no action":          {Fill{Form: "#n"}, Submission{Method: "GET", URL: "http://h.example/dir/page?q=1&outside=o"}, ""},
		"multipart":          {Fill{Form: "#mp"}, Submission{Method: "POST", URL: "http://else.example/mp", Enctype: Multipart}, ""},
		"plain text":         {Fill{Form: "#pt"}, Submission{Method: "POST", URL: "http://h.example/dir/page?p=1", Enctype: PlainText}, "a=1\r\n2\r\n_charset_=UTF-8\r\n"},
		"form in a table":    {Fill{Form: "#broken"}, Submission{Method: "GET", URL: "http://h.example/broken?cell=1&cell2=2"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.fill.Page = at
			got, err := d.Form(context.Background(), c.fill)
			if err != nil {
				t.Fatal(err)
			}
			if c.body != "" && got.Body() != c.body {
				t.Errorf("body\n got %s\nwant %s", got.Body(), c.body)
			}
			if name == "multipart" {
				if diff := cmp.Diff([]Field{{Name: "q", Value: "1"}, {Name: "up", File: true}}, got.Fields); diff != "" {
					t.Error(diff)
				}
			}
			got.Fields = nil
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, c := range map[string]struct {
		fill     Fill
		want     string
		notFound bool
	}{
		"no form":       {Fill{Form: "#zz"}, `not found: no form fits "#zz"`, true},
		"not a form":    {Fill{Form: "p"}, `"p" finds a <p>, not a form`, false},
		"wrong form":    {Fill{Form: "form["}, `"form[" is not a selector`, false},
		"no button":     {Fill{Submit: ".zz"}, `not found: no button of the form fits ".zz"`, true},
		"wrong button":  {Fill{Submit: ">"}, `">" is not a selector`, false},
		"other's":       {Fill{Form: "#g", Submit: "[name=sb]"}, `no button of the form`, true},
		"dialog":        {Fill{Form: "#di"}, `closes a dialog`, false},
		"wrong address": {Fill{Form: "#bad"}, `the form's action: "http://[::1/" is no address`, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.fill.Page = at
			_, err := d.Form(context.Background(), c.fill)
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrNotFound) != c.notFound || errors.Is(err, ErrSelector) != strings.Contains(c.want, "not a selector") {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// The documented default, [type="submit"], goes before other buttons.
func TestFormButton(t *testing.T) {
	for page, want := range map[string]string{
		`<form><button name=a value=1></button><input type=submit name=b value=2></form>`:                                              "b=2",
		`<form><button name=a value=1></button></form>`:                                                                                "a=1",
		`<form><input type=submit name=a value=1 disabled><button type=SUBMIT name=b value=2></form>`:                                  "b=2",
		`<form><button type=reset name=a></button><input name=i value=3></form>`:                                                       "i=3",
		`<form id=x></form><button form=x name=a value=1></button>`:                                                                    "a=1",
		`<form id=x></form><form id=x></form><form><button form=x name=a value=1></button><button name=c type=submit></button></form>`: "a=1",
	} {
		s, err := parse(t, page).Form(context.Background(), Fill{Page: "http://h/"})
		if err != nil {
			t.Fatal(err)
		}
		if want = "http://h/?" + want; s.URL != want {
			t.Errorf("%s\n got %s\nwant %s", page, s.URL, want)
		}
	}
}

func TestLink(t *testing.T) {
	for _, c := range []struct{ page, selector, want string }{
		{`<a name=x><a href=y>`, "", "http://h/d/y"},
		{`<a href="  x y?q=1&amp;r=2#f ">`, "", "http://h/d/x%20y?q=1&r=2"},
		{`<a href="">`, "", "http://h/d/p?q"},
		{`<a href="#f">`, "", "http://h/d/p?q"},
		{`<a href="?a">`, "", "http://h/d/p?a"},
		{`<a href="//else/x">`, "", "http://else/x"},
		{`<a href="../../..">`, "", "http://h/"},
		{`<a href="/100%?a=%zz%41">`, "", "http://h/100%25?a=%25zz%41"},
		{"<a href='/a\nb\tc'>", "", "http://h/abc"},
		{`<a href=1><a href=2 class=k>`, ".k", "http://h/d/2"},
		{`<a href=1><a href=2>`, "a:nth-child(2)", "http://h/d/2"},
		{`<map><area href=1></map>`, "area", "http://h/d/1"},
		{`<base href="https://b.example/c/"><base href="http://no/"><a href=1>`, "", "https://b.example/c/1"},
		{`<base target=x><base href="sub/"><a href=1>`, "", "http://h/d/sub/1"},
		{`<base href="data:,x"><a href=1>`, "", "http://h/d/1"},
		{`<svg><a href=1>`, "", "http://h/d/1"},
		{`<a href="javascript:alert(1)">`, "", "javascript:alert(1)"},
	} {
		got, err := parse(t, c.page).Link(context.Background(), "http://h/d/p?q#top", c.selector)
		if err != nil || got != c.want {
			t.Errorf("%s\n got %s, %v\nwant %s", c.page, got, err, c.want)
		}
	}
	for _, c := range []struct{ page, selector, want string }{
		{`<a>`, "", `not found: no link fits "a[href]"`},
		{`<a>`, "a", `"a" finds a <a> without href`},
		{`<a>`, "a[", `"a[" is not a selector`},
		{`<a href="http://[">`, "", `the link: "http://[" is no address`},
		{`<a href="http://a b/">`, "", `is no address`},
	} {
		if got, err := parse(t, c.page).Link(context.Background(), "http://h/", c.selector); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, %v; want %s", c.page, got, err, c.want)
		}
	}
}
