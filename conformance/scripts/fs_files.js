//! k6/experimental/fs: open, read, seek, stat.
import * as fs from 'k6/experimental/fs';
import { open, SeekMode } from 'k6/experimental/fs';
import { attempt } from './lib/attempt.js';

const file = await open('data/hello.txt');
const again = await fs.open('./data/hello.txt');
const bytes = await fs.open('data/bytes.bin');
if (__VU === 0) {
  for (const path of ['data/missing.txt', 'data', '', undefined, null, 5]) await attempt(`open ${path}`, async () => (await open(path)).path !== undefined);
}

const text = (buffer, n) => String.fromCharCode(...buffer.slice(0, n));

export default async function () {
  console.log(Object.keys(SeekMode).sort().join(), SeekMode.Start, SeekMode.Current, SeekMode.End);
  await attempt('stat', () => file.stat());
  await attempt('path', () => [file.path.endsWith('/data/hello.txt'), typeof file.read, typeof file.seek]);
  const buffer = new Uint8Array(4);
  await attempt('read', async () => { const n = await file.read(buffer); return [n, text(buffer, n)]; });
  await attempt('another', async () => { const n = await again.read(buffer); return [n, text(buffer, n)]; });
  await attempt('rest', async () => {
    const seen = [];
    for (;;) {
      const n = await file.read(buffer);
      if (n === null) break;
      seen.push(text(buffer, n));
    }
    return seen.join('|');
  });
  await attempt('end', () => file.read(buffer));
  await attempt('seek', async () => [await file.seek(2, SeekMode.Start), await file.seek(1, SeekMode.Current), await file.seek(-1, SeekMode.End), await file.seek(0, SeekMode.End)]);
  await attempt('read after seek', async () => { const n = await file.read(buffer); return [n, text(buffer, n)]; });
  for (const [offset, whence] of [[-1, 0], [1, 2], [-100, 1], [1000, 0], [0, 7], [undefined, 0], [0, undefined], ['1', 0], [1.5, 0], [null, 0], [0, null]]) await attempt(`seek ${offset} ${whence}`, () => file.seek(offset, whence));
  for (const into of [undefined, null, 'x', {}, new Uint16Array(2), new ArrayBuffer(2)]) await attempt(`read into ${Object.prototype.toString.call(into)}`, () => file.read(into));
  await attempt('read nothing', async () => { await file.seek(0, SeekMode.Start); return file.read(new Uint8Array(0)); });
  await attempt('bytes', async () => { const all = new Uint8Array((await bytes.stat()).size); return [await bytes.read(all), all.join()]; });
  await attempt('late', () => open('data/hello.txt'));
}
