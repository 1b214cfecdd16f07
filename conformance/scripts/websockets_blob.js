//! k6/websockets: Blob.
import { Blob } from 'k6/websockets';

export default async function () {
  const blob = new Blob(['ab', new Uint8Array([99, 100]), new Uint8Array([101]).buffer, new Blob(['fg'])], { type: 'text/plain' });
  console.log(blob.size, blob.type, await blob.text(), String(blob));
  console.log(Array.from(new Uint8Array(await blob.arrayBuffer())).join());
  console.log(Array.from(await blob.bytes()).join());
  const part = blob.slice(1, -2, 'x/y');
  console.log(part.size, part.type, await part.text());
  console.log(await blob.slice(2).text(), await blob.slice().text());
  console.log(new Blob().size, new Blob([]).size);
  for (const size of [0, 3, 1024, 2500]) {
    const stream = new Blob(['ü'.repeat(size / 2)]).stream();
    const reader = stream.getReader();
    const pieces = [];
    for (let i = 0; i < 10; i++) {
      const { done, value } = await reader.read();
      if (done) {
        pieces.push(`done ${value}`);
        break;
      }
      pieces.push(`${typeof value} ${value.length} ${value.slice(0, 3)}`);
    }
    console.log(size, pieces.join());
  }
  for (const [label, f] of [
    ['number', () => new Blob([5])],
    ['options', () => new Blob([], 5)],
  ]) {
    try {
      console.log(label, f().size);
    } catch (e) {
      console.log(label, String(e));
    }
  }
}
