//! Selectors in the dialect of k6's library, valid and not.
import { parseHTML } from 'k6/html';
import { page, show } from './lib/page.js';

const doc = parseHTML(page);
const selectors = [
  '*', 'p', 'P.x', '#list > li', 'ul li.odd.last', 'p, title', 'li + li', 'li.odd ~ li', 'div p b', 'body > *',
  'li:first-child', 'li:last-child', 'li:nth-child(2)', 'li:nth-child(odd)', 'li:nth-child(2n)', 'li:nth-child(-n+2)', 'li:nth-child(n + 3)', 'li:nth-last-child(2)', 'p:first-of-type', 'p:last-of-type', 'p:nth-of-type(2)', 'p:nth-last-of-type(1)', 'b:only-child', 'ul:only-of-type',
  'li:not(.odd)', 'li:not(.odd, :first-child)', 'p:has(b)', 'div:haschild(ul)', 'body:haschild(li)', 'p:contains(Two)', 'p:contains("one BOLD")', 'p:containsOwn(bold)', 'p:containsOwn(One)', 'p:matches(^T)', 'p:matchesOwn(thr[e]+)', ':contains("tail")',
  '[lang]', '[lang=en-GB]', '[lang|=en]', '[class~=last]', '[class^=od]', '[class$="last"]', '[class*="d l"]', 'li[class!=odd]', '[name#=(^o.$)]', "[class='ODD' i]", '[href^="/"]', '[href*=example]', 'a:not([href])', 'input[type=checkbox][checked]',
  ':input', 'input:checked', 'option:checked', 'input:disabled', 'form > input:enabled', ':root', 'a:link', 'i:empty', ':empty', 'b:lang(en)', 'a:visited', 'a:hover', ':target',
  '\\70.x', '[ lang ]', 'li:nth-child( 2 )', 'p/* c */.x', 'li /* c */ + li', '*|*', '.a.b', '.-x', '#f input[name="te\\78 t"]',
  // None of these is a selector there.
  '', ' ', 'p,', '> p', 'p >', '[lang', '[lang=', '[lang=1]', 'li:eq(1)', 'li:first', 'p::before', ':is(p)', ':where(p)', ':nope', 'p{', 'li:nth-child()', 'li:nth-child(x)', ':not()', ':not(p', '1', 'p:contains(two words)', ':matches([)', "[a='x]", '.1', '#', '.',
];

export default function () {
  for (const selector of selectors) {
    console.log(JSON.stringify(selector), show(doc.find(selector)));
  }
  console.log(show(doc.find('p').find('b')), show(doc.find('html')), show(doc.find('li').filter('.odd')), doc.find('li').is('.last'), doc.find('li').is('p'));
}
