//! Functions given to selections, and what they may throw.
import { parseHTML } from 'k6/html';
import { page, show } from './lib/page.js';

const attempt = (name, f) => {
  try {
    console.log(name, String(f()));
  } catch (e) {
    console.log(name, 'threw', String(e));
  }
};

export default function () {
  const doc = parseHTML(page);
  const li = doc.find('li');
  const seen = [];
  const same = li.each((i, e) => seen.push(`${i}${e.nodeName()}${e.textContent()}`));
  console.log(seen.join(), show(same));
  console.log(li.map((i, s) => `${i}:${s.text()}:${typeof s.find}`).join('|'), JSON.stringify(doc.find('nothing').map(() => 1)));
  console.log(li.map((i) => { if (i === 1) { throw new Error('left out'); } return i; }).join());
  console.log(show(li.filter((i) => i % 2 === 0)), show(li.not((i) => i % 2 === 0)), li.is((i) => i === 3), li.is(() => false));
  console.log(show(li.filter((i, s) => s.text() === '2')), show(li.filter((i, s) => s.is('.last'))), show(li.filter((i, s) => s.hasClass('odd'))));
  li.filter((i, s) => { console.log(JSON.stringify(s.attr('class')), s.attrOr('class', 'none'), s.length()); return true; });
  attempt('each throws', () => li.each(() => { throw new Error('boom'); }));
  attempt('filter throws', () => li.filter(() => { throw new Error('boom'); }));
  attempt('is throws', () => li.is(() => { throw new TypeError('boom'); }));
  attempt('not throws', () => li.not(() => { throw 'text'; }));
  attempt('each without', () => li.each());
  attempt('each text', () => li.each('li'));
  attempt('map without', () => li.map());
  attempt('filter without', () => li.filter(3));
  attempt('is without', () => li.is(3));
  attempt('filter element', () => li.filter(doc.find('b').get(0)));
  attempt('find number', () => doc.find(3));
  attempt('find fraction', () => doc.find(3.5));
  attempt('find boolean', () => doc.find(true));
  attempt('find array', () => doc.find([]));
  attempt('find object', () => doc.find({}));
  attempt('find nothing', () => doc.find());
  attempt('find null', () => doc.find(null));
  attempt('find function', () => doc.find(() => 1));
  attempt('find kind of element', () => doc.find(doc.find('a').get(0)));
  attempt('closest kind of element', () => doc.find('b').closest(li.get(0)));
  attempt('until number', () => li.nextUntil(3));
  attempt('until element', () => li.nextUntil(doc.find('b').get(0)));
  attempt('add number', () => li.add(1));
  attempt('deep', () => parseHTML('<div>'.repeat(510)).size());
  attempt('too deep', () => parseHTML('<div>'.repeat(511)).size());
  attempt('much too deep', () => parseHTML('<b>'.repeat(5000)).size());
}
