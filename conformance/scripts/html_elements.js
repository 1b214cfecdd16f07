//! The methods that elements of a kind have.
import { parseHTML } from 'k6/html';
import http from 'k6/http';

const cases = [
  ['a', '<a href="http://u:p%40w@h.example:81/p%20a/x?q=1#fr%20ag" rel="a b" download="d" referrerpolicy="origin" target="t" type="ty" accesskey="k" hreflang="de">text</a>'],
  ['a', '<a href="/rel/./x/../y?z">text</a>'], ['a', '<a referrerpolicy="bad">text</a>'], ['a', '<a href="http://h:80/">x</a>'], ['a', '<a href="https://h:443/?#">x</a>'], ['a', '<a href="mailto:a@b">x</a>'], ['a', '<a href="">x</a>'], ['a', '<a href="//other/x">x</a>'], ['a', '<a href="?only">x</a>'], ['a', '<a href="#only">x</a>'], ['a', '<a href="http://[::1]:81/">x</a>'],
  ['area', '<map><area href="/x" alt=a></map>'],
  ['audio', '<audio autoplay controls src="/s" preload="none" crossorigin="anonymous" mediagroup="m"><track><track></audio>'], ['video', '<video src=v crossorigin=bad></video>'],
  ['base', '<base href="/b/" target="t">'], ['base', '<base>'],
  ['button', '<form action="/f" method="Post" enctype="text/plain" novalidate target="ft"><label for="b1">L</label><button id="b1" accesskey="k" autofocus disabled tabindex="3" type="bad" name="n" value="v">x</button></form>'], ['button', '<button formaction="/own" formmethod="post" formenctype="multipart/form-data" formtarget="o" type="menu">x<i>y</i></button>'], ['button', '<form id="o" action="/o"></form><button form="o">x</button>'],
  ['canvas', '<canvas width=3></canvas>'], ['data', '<data value="v">x</data>'], ['datalist', '<datalist><option value=1><option>2</datalist>'], ['del', '<del cite="/c" datetime="d">x</del>'], ['ins', '<ins cite="/c">x</ins>'], ['embed', '<embed height=1 width=2 src=s type=t>'],
  ['fieldset', '<form id=f><fieldset disabled name=n><input><select></select><button></button></fieldset></form>'],
  ['form', '<form action="/a" method="post" name="n" target="t" enctype="bad" accept-charset="utf-8" autocomplete="off" novalidate><input><fieldset></fieldset><textarea></textarea></form>'], ['form', '<form method="POST"></form>'],
  ['iframe', '<iframe allowfullscreen referrerpolicy=origin height=1 width=2 name=n src="/s"></iframe>'],
  ['img', '<img src="/s" sizes=z srcset=ss alt=a crossorigin=use-credentials height=1 width=2x ismap name=n usemap="#m">'],
  ['input', '<form><input name=n type=email disabled autofocus required value=v checked alt=a src="/s" height=1 width=2 accept=ac autocomplete=off maxlength=3 size=4 pattern=p placeholder=pl readonly min=1 max=2 dirname=d accesskey=k multiple step=s tabindex=5 list=dl></form><datalist id=dl></datalist>'], ['input', '<label>L<input type="bad"></label>'], ['input', '<input type=radio list=dl><datalist id=dl></datalist>'],
  ['keygen', '<form><keygen autofocus challenge=c disabled keytype=bad name=n></form>'],
  ['label', '<form><label for=c>L</label><input id=c></form>'], ['label', '<label>L</label>'], ['legend', '<form><fieldset><legend accesskey=k>x</legend></fieldset></form>'],
  ['li', '<ul><li value=3 type=A>x</ul>'], ['link', '<link href="/l" crossorigin=anonymous referrerpolicy=bad hreflang=h media=m rel="a  b" target=t type=ty>'],
  ['map', '<map id=m name=n><area><area></map><img usemap="#m"><object usemap="#m"></object>'], ['map', '<map name=n></map>'], ['meta', '<meta name=n content=c http-equiv=refresh>'], ['meter', '<label>L<meter min=1 max=10 low=2 high=8 optimum=5>x</meter></label>'],
  ['object', '<form><object data="/d" height=1 name=n type=t tabindex=2 typemustmatch usemap="#u" width=3></object></form>'], ['ol', '<ol reversed start=3 type=a></ol>'], ['optgroup', '<select><optgroup disabled label=l></optgroup></select>'],
  ['option', '<form><select><optgroup disabled><option value=v label=l selected>x</option></optgroup></select></form>'], ['option', '<form id=o></form><select form=o><option>1<option disabled>2</select>'], ['option', '<datalist><option>1</datalist>'],
  ['output', '<form><label for=o>L</label><output id=o for="a b" name=n>5</output></form>'], ['param', '<object><param name=n value=v></object>'], ['pre', '<pre name=n value=v>x</pre>'],
  ['progress', '<progress max=4 value=1>x</progress>'], ['progress', '<progress>x</progress>'], ['progress', '<progress max=-1 value=bad>x</progress>'], ['q', '<q cite="/c">x</q>'], ['blockquote', '<blockquote cite="/c">x</blockquote>'], ['quote', '<quote cite="/c">x</quote>'],
  ['script', '<script crossorigin=c type=t src="/s" charset=cs async defer nomodule>code</script>'],
  ['select', '<form><label for=s>L</label><select id=s autofocus disabled multiple name=n required tabindex=1><option>1<option selected value=two>2<option selected>3</select></form>'], ['select', '<select><option>1</select>'],
  ['source', '<video><source keysystem=k media=m sizes=z src="/s" srcset=ss type=t></video>'], ['style', '<style media=m>x</style>'], ['style', '<style type=t></style>'],
  ['table', '<table sortable><caption>c</caption><thead><tr><th>1</thead><tfoot><tr><td>2</tfoot><tbody><tr><td>3</tbody><tbody></tbody></table>'], ['thead', '<table><thead><tr><tr></thead></table>'],
  ['tr', '<table><thead><tr></thead><tbody><tr><td><th></tbody></table>'], ['tbody tr', '<table><thead><tr></thead><tbody><tr><tr><td><th></tbody></table>'], ['td', '<table><tr><th>1<td colspan=2 rowspan=bad headers=h>2</table>'], ['th', '<table><tr><th abbr=a scope=row sorted>1</table>'], ['col', '<table><col span=0></table>'], ['col', '<table><col span=3></table>'],
  ['textarea', '<form><textarea value=v placeholder=p rows=2 cols=bad maxlength=3 tabindex=4 accesskey=k readonly required autocomplete=off autocapitalize=words wrap=hard>x</textarea></form>'],
  ['time', '<time datetime=d>x</time>'], ['title', '<title>t</title>'], ['track', '<video><track kind=chapters src="/t" srclang=de label=l default></video>'], ['ul', '<ul type=t></ul>'], ['span', '<span>x</span>'],
];
const methods = 'abbr accept acceptCharset accessKey action allowfullscreen alt areas async autocapitalize autocomplete autofocus autoplay caption cells cellIndex challenge charset checked cite colSpan cols content control controls crossOrigin currentSrc data datetime default defaultChecked defaultMuted defaultSelected defaultValue defer dirName disabled download elements encoding enctype form formAction formEnctype formMethod formNoValidate formTarget hash headers height high host hostname href hrefLang hreflang htmlFor httpEquiv images index isMap keySystem keytype kind label labels length list loop low max maxLength media mediaGroup method min multiple muted name noModule noValidate optimum options origin password pathname pattern placeholder port position preload protocol readOnly readonly referrerPolicy rel relList required reversed rowIndex rowSpan rows scope search sectionRowIndex selected selectedIndex selectedOptions size sizes sortable sorted span src srclang srcset start step tBodies tFoot tHead tabIndex target text textTracks toString type typeMustMatch useMap username validity value width wrap'.split(' ');

const show = (v) => {
  if (Array.isArray(v)) return `[${v.map(show).join()}]`;
  if (v !== null && typeof v === 'object') return `<${v.nodeName()} ${v.id()}>`;
  return v === undefined ? 'undefined' : JSON.stringify(v);
};

function all(doc, selector) {
  const e = doc.find(selector).get(0);
  if (!e) return 'not found';
  return methods.filter((m) => typeof e[m] === 'function').map((m) => `${m}=${show(e[m]())}`).join(' ');
}

export default function () {
  const res = http.get(`${__ENV.BASE}/html`);
  for (const [selector, text] of cases) {
    console.log(text, all(parseHTML(text), selector));
    // The same on a page that came from somewhere.
    res.body = text;
    res.url = 'http://page.example/dir/page.html?q#f';
    console.log('page', all(res.html(), selector));
  }
}
