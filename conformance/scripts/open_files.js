//! open(): text, binary, mistakes, too late.
const text = open('./data/hello.txt');
const again = open('data/hello.txt');
const binary = open('./data/bytes.bin', 'b');

function attempt(label, f) {
  try {
    console.log(label, f());
  } catch (e) {
    console.log(label, 'threw', String(e).replace(/open \/.*\//, 'open …/').replace(/"\/.*\//, '"…/'));
  }
}

if (__VU === 0) {
  attempt('missing', () => open('./data/missing.txt'));
  attempt('empty', () => open(''));
  attempt('folder', () => open('./data'));
  attempt('nothing', () => open());
}

export default function () {
  console.log(JSON.stringify(text), again === text, binary instanceof ArrayBuffer, new Uint8Array(binary).join());
  attempt('too late', () => open('./data/hello.txt'));
  attempt('require too late', () => require('./lib/nested/inner.js'));
}
