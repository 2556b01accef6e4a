package html

import "testing"

const elements1 = `<!doctype html><html lang=en><head><title>T</title></head><body id=body>text<h1 id=h class="a  b" title="t">Ho<b>l</b>a</h1><!--note--><p id=p></p>
<svg viewBox="0 0 1 1"><path id=path xlink:href="#x"/></svg></body></html>`

func TestElement(t *testing.T) {
	check(t, elements1,
		`e("h1").nodeName()`, `"h1"`,
		`e("h1").nodeType()`, `1`,
		`e("h1").nodeValue()`, `undefined`,
		`$("body").contents().get(0).nodeValue()`, `"text"`,
		`[e("body").firstChild().nodeType(), e("h1").nextSibling().nodeType(), doc.get(0).nodeType(), doc.get(0).firstChild().nodeType()]`, `[3,8,9,10]`,
		`names([e("body").firstChild(), e("h1").nextSibling(), doc.get(0), doc.get(0).firstChild()])`, `"#text #comment #document html"`,
		`e("h1").nextSibling().nodeValue() + e("h1").nextSibling().textContent()`, `"notenote"`,
		`e("h1").toString()`, `"[object html.Node]"`,
		`String(e("h1"))`, `"[object html.Node]"`,
		`e("h1").id() + e("title").id()`, `"h"`,
		`e("h1").className()`, `"a  b"`,
		`e("p").className()`, `undefined`,
		`e("h1").classList()`, `["a","b"]`,
		`e("p").classList()`, `[]`,
		`e("html").lang()`, `"en"`,
		`e("p").lang()`, `undefined`,
		`e("h1").innerHTML()`, `"Ho<b>l</b>a"`,
		`e("h1").textContent()`, `"Hola"`,
		`e("h1").selection().find("b").text()`, `"l"`,
		`name(e("h1").ownerDocument())`, `"#document"`,
		`doc.get(0).ownerDocument()`, `undefined`,
		`name(e("h1").parentNode()) + name(e("h1").parentElement())`, `"body#bodybody#body"`,
		`name(e("html").parentNode())`, `"#document"`,
		`e("html").parentElement()`, `undefined`,
		`doc.get(0).parentNode()`, `undefined`,
		`[e("body").firstChild(), e("body").firstElementChild(), e("h1").lastChild(), e("h1").lastElementChild(), e("body").lastElementChild()].map(name)`,
		`["#text","h1#h","#text","b","svg"]`,
		`[e("p").firstChild(), e("p").firstElementChild(), e("p").lastElementChild()].map(show)`, `["undefined","undefined","undefined"]`,
		`[e("h1").previousSibling(), e("h1").nextSibling(), e("h1").nextElementSibling(), e("p").previousElementSibling()].map(name)`, `["#text","#comment","p#p","h1#h"]`,
		`[e("h1").previousElementSibling(), e("html").nextSibling()].map(show)`, `["undefined","undefined"]`,
		`e("body").childElementCount()`, `3`,
		`names(e("body").children())`, `"h1#h p#p svg"`,
		`names(e("h1").childNodes())`, `"#text b #text"`,
		`[e("h1").hasChildNodes(), e("p").hasChildNodes()]`, `[true,false]`,
		`Object.keys(e("h1").attributes()).join()`, `"id,class,title"`,
		`[e("h1").hasAttributes(), e("b").hasAttributes()]`, `[true,false]`,
		`[e("h1").hasAttribute("ID"), e("h1").hasAttribute("zz")]`, `[true,false]`,
		`[e("h1").getAttribute("title"), show(e("h1").getAttribute("zz"))]`, `["t","undefined"]`,
		`e("svg").getAttribute("viewBox")`, `"0 0 1 1"`,
		`(a => [a.name, a.value, name(a.ownerElement), a.localName(), a.prefix(), a.namespaceURI()])(e("h1").getAttributeNode("class"))`,
		`["class","a  b","h1#h","class","","http://www.w3.org/1999/xhtml"]`,
		`(a => [a.name, a.localName(), a.prefix(), a.namespaceURI()])(e("path").attributes()["xlink:href"])`,
		`["xlink:href","href","xlink","http://www.w3.org/1999/xlink"]`,
		`e("h1").getAttributeNode("zz")`, `undefined`,
		`(() => { "use strict"; e("h1").getAttributeNode("id").value = "x" })()`, `TypeError: 'Set' on a dynamic object returned false`,
		`[e("h1").namespaceURI(), e("path").namespaceURI()]`, `["http://www.w3.org/1999/xhtml","http://www.w3.org/2000/svg"]`,
		`[e("h1").isDefaultNamespace(), e("path").isDefaultNamespace(), e("path").isDefaultNamespace("http://www.w3.org/2000/svg")]`, `[true,false,true]`,
		`[e("h1").isSameNode(e("h1")), e("h1").isSameNode(e("p")), e("h1").isSameNode(null)]`, `[true,false,false]`,
		`[e("h1").contains(e("b")), e("h1").contains(e("h1")), e("b").contains(e("h1")), e("h1").contains(undefined)]`, `[true,true,false,false]`,
		`[e("h1").matches("body > .a.b"), e("h1").matches("p")]`, `[true,false]`,
		`name(e("body").querySelector("h1, p"))`, `"h1#h"`,
		`name(e("h1").querySelector("body b"))`, `"b"`,
		`e("h1").querySelector("h1")`, `undefined`,
		`names(e("body").querySelectorAll("b, path, p"))`, `"b p#p path#path"`,
		`names(doc.get(0).getElementsByTagName("P"))`, `"p#p"`,
		`names(e("body").getElementsByTagName("*"))`, `"h1#h b p#p svg path#path"`,
		`names(doc.get(0).getElementsByClassName("b a"))`, `"h1#h"`,
		`names(doc.get(0).getElementsByClassName(""))`, `""`,
	)
	check(t, `<p a=1 b=2>x<i>y</i></p><p b=2 a=1>x<i>y</i></p><p a=1 b=3>x<i>y</i></p><p a=1 b=2>x<i>z</i></p><p a=1 b=2>x</p>`,
		`$("p").get().map(x => x.isEqualNode(e("p")))`, `[true,true,false,false,false]`,
		`e("p").isEqualNode(null)`, `false`,
	)
	// The examples of k6's documentation.
	check(t, `<dl><dt id="term-1">Value term 1</dt><dt id="term-2">Value term 2</dt></dl>`,
		`$("dl").children().get(1).nodeName() + $("dl").children().get(1).id() + $("dl").children().get(1).textContent()`, `"dtterm-2Value term 2"`,
	)
}

func TestLinkElements(t *testing.T) {
	check(t, `<a href="http://username:password@example.com:80/p/q?x=1#frag" rel="prev  next" target="_self" type="rare" accesskey="q" hreflang="en-US">6</a>
		<a href="rel/y" download=f>r</a><area href="https://h:8443"><a>none</a><a href="http://[">bad</a><a href="//h/x">h</a>
		<link rel="stylesheet icon" href=b media=print><img src=a.png alt=q width=5 ismap usemap=#m><map name=m><area></map><base href="/x/" target=t>`,
		`["hash","host","hostname","port","username","password","origin","pathname","protocol","relList","search","text","href","rel","target","type","accessKey","hreflang"].map(k => e("a")[k]())`,
		`["#frag","example.com","example.com","80","username","password","http://example.com:80","/p/q","http",["prev","next"],"?x=1","6","http://username:password@example.com:80/p/q?x=1#frag","prev  next","_self","rare","q","en-US"]`,
		`["hash","host","hostname","port","username","origin","pathname","protocol","relList","search","download"].map(k => $("a").get(1)[k]())`,
		`["","","","","","","/rel/y","",[],"","f"]`,
		`["host","port","origin","pathname","protocol"].map(k => e("area")[k]())`, `["h:8443","8443","https://h:8443","/","https"]`,
		`[$("a").get(2).href(), $("a").get(2).pathname(), $("a").get(3).host(), $("a").get(4).host()]`, `["","","","h"]`,
		`[e("link").relList(), e("link").href(), e("link").media()]`, `[["stylesheet","icon"],"b","print"]`,
		`[e("img").src(), e("img").width(), e("img").height(), e("img").isMap(), e("img").alt()]`, `["a.png",5,0,true,"q"]`,
		`[names(e("map").areas()), names(e("map").images()), e("map").name()]`, `["area","img","m"]`,
		`[e("base").href(), e("base").target()]`, `["/x/","t"]`,
	)
}

func TestFormElements(t *testing.T) {
	check(t, `<form id=f action="/go" method=POST><input id=i name=u value="a b" list=dl size=9><input id=c type=checkbox checked><input id=k type=IMAGE>
		<select id=s name=s><option value=o1>A<option selected label=L> B
		b <option disabled>C</select><select id=m multiple><optgroup disabled><option selected>x</optgroup><option selected>y</select>
		<textarea id=t name=t placeholder=p>é𝄞</textarea><button id=b name=btn value=go formmethod=dialog formaction=/b>Go</button><label id=l1 for=t>L</label><label id=l2>M<input id=in></label>
		<fieldset id=fs><legend id=lg>x</legend><input id=fi></fieldset><output id=o name=o>42</output><object id=ob></object></form>
		<datalist id=dl><option>1<option>2</datalist><input id=out form=f><label id=l3>none</label><progress id=p1 max=10 value=3></progress><progress id=p2></progress><meter id=me value=0.5 max=2></meter>`,
		`names(e("#f").elements())`, `"input#i input#c select#s select#m textarea#t button#b input#in fieldset#fs input#fi output#o object#ob input#out"`,
		`[e("#f").length(), e("#f").method(), e("#f").action(), e("#f").enctype(), e("#f").name(), e("#f").noValidate()]`, `[12,"post","/go","application/x-www-form-urlencoded","",false]`,
		`["#i","#b","#s","#t","#o","#fs","#lg","#out","option","#l1","#l2"].map(s => name(e(s).form()))`, `["form#f","form#f","form#f","form#f","form#f","form#f","form#f","form#f","form#f","form#f","form#f"]`,
		`[e("#l3").form(), e("#l3").control(), e("#dl option").form()].map(show)`, `["undefined","undefined","undefined"]`,
		`[name(e("#l1").control()), name(e("#l2").control()), e("#l1").htmlFor()]`, `["textarea#t","input#in","t"]`,
		`[names(e("#t").labels()), names(e("#in").labels()), names(e("#i").labels())]`, `["label#l1","label#l2",""]`,
		`[e("#i").name(), e("#i").value(), e("#i").type(), e("#i").size(), e("#i").maxLength(), e("#i").disabled(), name(e("#i").list())]`, `["u","a b","text",9,-1,false,"datalist#dl"]`,
		`[e("#i").formAction(), e("#i").formMethod(), e("#i").formEnctype(), e("#i").formNoValidate(), e("#i").formTarget()]`, `["/go","post","application/x-www-form-urlencoded",false,""]`,
		`[e("#b").formAction(), e("#b").formMethod(), e("#b").type(), e("#b").value(), e("#b").name()]`, `["/b","dialog","submit","go","btn"]`,
		`[e("#c").checked(), e("#c").value(), e("#k").type()]`, `[true,"on","image"]`,
		`[names(e("#s").options()), e("#s").length(), e("#s").selectedIndex(), e("#s").selectedOptions().map(o => o.text()), e("#s").size(), e("#s").type(), e("#s").value()]`,
		`["option option option",3,1,["B b"],1,"select-one","B b"]`,
		`[e("#m").selectedOptions().length, e("#m").type(), e("#m").size(), e("#m").multiple(), $("#m").val()]`, `[2,"select-multiple",4,true,["y"]]`,
		`(o => [o.disabled(), o.index(), o.label(), o.text(), o.value(), o.selected()])($("#s option").get(1))`, `[false,1,"L","B b","B b",true]`,
		`[$("#s option").get(2).disabled(), e("#m option").disabled(), e("#s option").selected(), e("#s option").label()]`, `[true,true,false,"A"]`,
		`[e("#t").value(), e("#t").length(), e("#t").rows(), e("#t").placeholder()]`, `["é𝄞",3,2,"p"]`,
		`[names(e("#fs").elements()), e("#fs").type()]`, `["input#fi","fieldset"]`,
		`[e("#o").value(), e("#o").name(), names(e("#o").labels())]`, `["42","o",""]`,
		`e("#dl").options().length`, `2`,
		`[e("#p1").max(), e("#p1").value(), e("#p1").position(), e("#p2").max(), e("#p2").value(), e("#p2").position()]`, `[10,3,0.3,1,0,-1]`,
		`[e("#me").value(), e("#me").max(), e("#me").min()]`, `[0.5,2,0]`,
	)
}

func TestOtherElements(t *testing.T) {
	check(t, `<title>Ti</title><style type=text/css>x</style><script src=s async>code</script><canvas id=cv height=7></canvas>
		<table id=tb><caption>c</caption><thead><tr id=r0><th>h<tbody id=b1><tr id=r1><td id=d1>1<td id=d2 colspan=2 headers=x>2<tbody id=b2><tr id=r2><tfoot><tr id=r3></table>
		<video id=v controls><track kind=captions></video><ol start=3></ol>`,
		`[e("title").text(), e("script").text(), e("script").src(), e("script").async(), e("style").type()]`, `["Ti","code","s",true,"text/css"]`,
		`[e("canvas").width(), e("canvas").height()]`, `[300,7]`,
		`[name(e("table").caption()), name(e("table").tHead()), name(e("table").thead()), name(e("table").tFoot()), name(e("table").tfoot())]`, `["caption","thead","thead","tfoot","tfoot"]`,
		`[names(e("table").tBodies()), names(e("table").tbody()), names(e("table").rows()), names(e("tbody").rows())]`, `["tbody#b1 tbody#b2","tbody#b1 tbody#b2","tr#r0 tr#r1 tr#r2 tr#r3","tr#r1"]`,
		`[names(e("#r1").cells()), e("#r1").rowIndex(), e("#r1").sectionRowIndex(), e("#r3").rowIndex()]`, `["td#d1 td#d2",1,0,3]`,
		`[e("#d2").cellIndex(), e("#d2").colSpan(), e("#d2").rowSpan(), e("#d2").headers(), e("th").cellIndex()]`, `[1,2,1,"x",0]`,
		`[names(e("video").textTracks()), e("video").controls(), e("ol").start()]`, `["track",true,3]`,
		`[e("p"), typeof e("tr").href, typeof e("td").nodeName].map(show)`, `["undefined","\"undefined\"","\"function\""]`,
	)
	check(t, `<table></table>`, `[e("table").caption(), e("table").tHead()].map(show)`, `["undefined","undefined"]`)
}
