//! http.file: multipart bodies.
import http from 'k6/http';
import { sorted } from './lib/sorted.js';

const url = `${__ENV.BASE}/post`;
const text = open('./data/hello.txt');
const binary = open('./data/bytes.bin', 'b');

export default function () {
  const file = http.file(text, 'hello.txt', 'text/plain');
  console.log(Object.keys(file).sort().join(), file.filename, file.content_type);
  const plain = http.file('x');
  console.log(typeof plain.filename, plain.content_type, plain.data);
  for (const body of [
    { file },
    { field: 'standard field', n: 5, file },
    { data: http.file(binary, 'bytes.bin') },
    { a: http.file('one', 'a "quoted".txt'), b: http.file('two', 'b.json', 'application/json') },
    { list: [http.file('1', '1.txt'), http.file('2', '2.txt')], x: 'y' },
  ]) {
    try {
      const res = http.post(url, body);
      console.log(res.status, sorted(res.json('form')), sorted(res.json('files')));
    } catch (e) {
      console.log('threw', String(e));
    }
  }
}
