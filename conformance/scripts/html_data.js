//! `data()`: attributes that start with data-.
import { parseHTML } from 'k6/html';
import { page } from './lib/page.js';
import { sorted } from './lib/sorted.js';

export default function () {
  const top = parseHTML(page).find('#top');
  console.log(sorted(top.data()));
  for (const name of ['userId', 'userID', 'user-id', 'obj', 'flag', 'empty', 'n', 'half', 'neg', 'null', 'bad', 'theLongName', 'the-long-name', 'TheLongName', 'urlPath', 'nope', '', undefined]) {
    console.log(name, JSON.stringify(top.data(name)), typeof top.data(name));
  }
  console.log(top.find('b').data(), top.find('b').data('x'), top.find('nothing').data(), JSON.stringify(top.find('ul').data()));
  const odd = parseHTML('<i data-a="1e5" data-b="0x10" data-c="007" data-d="1.0" data-e="12345678901234567890" data-f="[1,2" data-g=\'"s"\' data-h="Infinity" data-i=" 1" data-j="-0" data-k="0.1" data-l="undefined" data-m="TRUE" data-my-id="i" data-json-api="j" data-a-b-c="k" data-="l">x</i>').find('i');
  console.log(sorted(odd.data()));
}
