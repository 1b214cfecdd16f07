//! The methods that every element has.
import { parseHTML } from 'k6/html';
import { page } from './lib/page.js';

const name = (e) => (e === undefined || e === null ? String(e) : `${e.nodeName()}:${JSON.stringify(e.textContent().trim().slice(0, 12))}`);
const names = (list) => list.map(name).join(' ');

export default function () {
  const doc = parseHTML(page);
  const b = doc.find('b').get(0);
  const p = doc.find('p').get(0);
  const top = doc.find('#top').get(0);
  console.log(b.nodeName(), b.nodeType(), b.nodeValue(), b.textContent(), b.innerHTML(), b.id() === '', top.id(), String(b), b.toString());
  console.log(name(b.parentNode()), name(b.parentElement()), name(b.previousSibling()), name(b.previousElementSibling()), name(b.nextElementSibling()), name(p.nextElementSibling()), name(p.firstChild()), name(p.lastChild()), name(p.firstElementChild()), name(p.lastElementChild()), name(b.firstElementChild()), name(b.lastElementChild()));
  console.log(names(p.childNodes()), '|', names(p.children()), p.childElementCount(), p.hasChildNodes(), doc.find('input').get(0).hasChildNodes());
  const text = b.firstChild();
  console.log(text.nodeName(), text.nodeType(), text.nodeValue(), text.textContent(), String(text), name(text.parentNode()), JSON.stringify(text.classList()), text.hasAttributes());
  const comment = doc.find('.x').get(0).nextSibling();
  console.log(comment.nodeName(), comment.nodeType(), JSON.stringify(comment.nodeValue()), JSON.stringify(comment.textContent()), String(comment));
  const document = b.ownerDocument();
  console.log(document.nodeName(), document.nodeType(), document.nodeValue(), String(document), names(document.childNodes()), document.parentNode(), document.parentElement());
  const doctype = document.firstChild();
  console.log(doctype.nodeName(), doctype.nodeType(), doctype.nodeValue(), String(doctype), name(doctype.nextSibling()));
  console.log(top.getAttribute('class'), top.getAttribute('nope'), top.hasAttribute('id'), top.hasAttribute('nope'), top.hasAttributes(), b.hasAttributes());
  const attributes = doc.find('.x').get(0).attributes();
  console.log(Object.keys(attributes).join(), attributes.class.name, attributes.class.value, attributes.class.prefix() === '', attributes.class.namespaceURI(), attributes.class.localName(), name(attributes.class.owner_element));
  const node = top.getAttributeNode('id');
  console.log(node.name, node.value, node.localName(), top.getAttributeNode('nope'));
  console.log(JSON.stringify(top.classList()), JSON.stringify(b.classList()), top.className(), b.className(), p.lang(), b.lang());
  console.log(names(top.getElementsByClassName('odd')), '|', names(top.getElementsByTagName('b')), '|', name(top.querySelector('li')), name(top.querySelector('nothing')), '|', names(top.querySelectorAll('.odd, b')), top.querySelectorAll('[').length);
  console.log(top.matches('div'), top.matches('.a.b'), top.matches('p'), top.matches('['));
  console.log(top.contains(b), b.contains(top), b.contains(b), b.isSameNode(doc.find('b').get(0)), b.isSameNode(p), b.isEqualNode(doc.find('b').get(0)), b.isEqualNode(p), b.isSameNode('b'), top.contains(doc.find('li').get(0)));
  console.log(b.namespaceURI(), b.isDefaultNamespace(), name(b), b.selection().text(), typeof b.selection().find);
  const svg = parseHTML('<svg viewBox="0 0 1 1"><a xlink:href="#x" xml:lang="de">t</a></svg><math><mi>x</mi></math>');
  const link = svg.find('svg a').get(0);
  console.log(link.namespaceURI(), link.isDefaultNamespace(), link.lang(), link.getAttribute('href'), link.attributes().href.prefix(), svg.find('mi').get(0).namespaceURI(), svg.find('svg').get(0).getAttribute('viewBox'));
  console.log(JSON.stringify(b.getAttribute()), JSON.stringify(top.getElementsByClassName()), top.matches());
}
