export const page = `<!DOCTYPE html><html lang="en"><head><title>Shop</title><meta name="csrf" content="t0k"></head><body>
<div id="top" class="a  b" data-user-id="7" data-obj='{"a":[1,{"b":null}]}' data-flag="true" data-empty="" data-n="1.50" data-half="1.5" data-neg="-3" data-null="null" data-bad="{x" data-the-long-name="long" data-url-path="/u">
<p lang="en-GB">One <b>bold</b></p><p class="x">Two &amp; three</p><!-- a comment -->
<ul id="list"><li>1</li><li class="odd">2</li><li class="odd last">3</li><li>4</li></ul>
<a href="/rel?q=1#frag" rel="next nofollow">rel</a><a href="http://u:p%40w@h.example:81/p%20a/x?q=1#fr%20ag">abs</a><a name="here">no href</a></div>
<form id="f" action="/anything/form" method="POST"><fieldset disabled><input name="off" value="1"></fieldset>
<input name="text" value="a &quot;b&quot;"><input name="nothing"><input type="checkbox" name="on" checked><input type="checkbox" name="cv" value="v" checked="checked"><input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked="checked">
<select name="one"><option value="a">A</option><option selected>B</option></select>
<select name="many" multiple><option value="a" selected>A</option><option value="b" selected>B</option><option>C</option></select>
<textarea name="area">some <i>text</i></textarea><input type="file" name="file"><input name="gone" disabled="disabled" value="x"><input type="hidden" name="token" value="t1"><input type="submit" name="go" value="Go"><button type="submit" name="other" value="Other">Other</button></form>
<p>tail</p></body></html>`;

/** What a selection is, on one line. */
export const show = (s) => `${s.size()}: ${s.toArray().map((e) => `${e.get(0) ? e.get(0).nodeName() : '?'}#${e.attr('id') || ''}(${e.text().trim().replace(/\s+/g, ' ').slice(0, 30)})`).join(' ')}`;
