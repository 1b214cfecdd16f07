//! What any text becomes, and how it is written again.
import { parseHTML } from 'k6/html';

const pages = [
  '', 'text', '<p>1<p>2', '<b>1<p>2</b>3', '<a>1<a>2', '<table>x<tr><td>1<td>2<tr><th>3</table>', '<ul><li>1<li>2</ul>', '<select><option>1<option>2</select>',
  '<br><hr><img src=a>', '<p title="a&amp;\'b\'">1 &lt; 2 "q" &copy; &euro; &nbsp;&#x41;&#66;&bogus; &ampx</p>', '<script>a < b && c</script><style>p > b { }</style>', '<textarea><b>&amp;</textarea><title>&lt;</title>', '<pre>\n\nx</pre>',
  '<!-- a > b --><p><!-- & --></p>', '<!DOCTYPE html><p>x', '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd"><p>x', '<noscript><p>n</p></noscript>', '<body><noscript><p>n</p></noscript>',
  '<svg viewBox="0 0 1 1"><a xlink:href="#x">t</a><foreignObject><p>y</p></foreignObject></svg>', '<math><mi>x</mi></math>', '<template><i>x</i></template>', '<iframe><p>x</iframe>', '<div/>after', '<p/>after', '<DIV CLASS=A ID=b>x</DIV>', '<p a=1 a=2 b c="">x', '</p>x</br>', '<frameset><frame></frameset>', '<p>\r\nline\rline', '<form><form><input></form>', '<h1>1<h2>2', '<html lang=a><html lang=b class=c><body id=x><body class=y>', '<?xml version="1.0"?><p>x', 'a\u0000b', 'ü€😀', '<p>x</p></body>after</html>more',
];

export default function () {
  for (const text of pages) {
    const doc = parseHTML(text);
    console.log(JSON.stringify(text), JSON.stringify(doc.html()), JSON.stringify(doc.text()));
  }
  for (const value of [undefined, null, 5, true]) {
    console.log(String(value), JSON.stringify(parseHTML(value).find('body').html()));
  }
  console.log(JSON.stringify(parseHTML().html()));
}
