//! k6/experimental/streams: writable streams.
import { WritableStream, WritableStreamDefaultWriter, CountQueuingStrategy } from 'k6/experimental/streams';
import { attempt } from './lib/attempt.js';

export default async function () {
  await attempt('write', async () => {
    const seen = [];
    const writer = new WritableStream({ start() { seen.push('start'); }, write(chunk) { seen.push(chunk); }, close() { seen.push('close'); } }).getWriter();
    await writer.write('a');
    await writer.write('b');
    await writer.close();
    await writer.closed;
    return seen;
  });
  await attempt('async sink', async () => {
    const seen = [];
    const writer = new WritableStream({ async write(chunk) { await new Promise((resolve) => setTimeout(resolve, 1)); seen.push(chunk); } }).getWriter();
    writer.write(1);
    writer.write(2);
    await writer.close();
    return seen;
  });
  await attempt('desired size', async () => {
    const writer = new WritableStream({}, new CountQueuingStrategy({ highWaterMark: 3 })).getWriter();
    const sizes = [writer.desiredSize];
    const first = writer.write(1);
    sizes.push(writer.desiredSize);
    await first;
    sizes.push(writer.desiredSize);
    await writer.close();
    sizes.push(writer.desiredSize);
    return sizes;
  });
  await attempt('ready', async () => {
    const order = [];
    const writer = new WritableStream({ async write(chunk) { await new Promise((resolve) => setTimeout(resolve, 1)); order.push(`written ${chunk}`); } }).getWriter();
    await writer.ready;
    order.push('ready');
    writer.write(1);
    await writer.ready;
    order.push('ready again');
    return order;
  });
  await attempt('write throws', async () => { const writer = new WritableStream({ write() { throw new RangeError('no'); } }).getWriter(); writer.closed.catch(() => {}); await writer.write(1); });
  await attempt('closed after error', async () => { const writer = new WritableStream({ write() { throw new RangeError('no'); } }).getWriter(); writer.write(1).catch(() => {}); return writer.closed; });
  await attempt('abort', async () => { let reason; const writer = new WritableStream({ abort(why) { reason = why; } }).getWriter(); writer.closed.catch(() => {}); await writer.abort('enough'); return reason; });
  await attempt('abort of a stream', async () => { let reason; await new WritableStream({ abort(why) { reason = why; } }).abort('enough'); return reason; });
  await attempt('controller', async () => { const writer = new WritableStream({ start(controller) { controller.error(new RangeError('no')); } }).getWriter(); writer.closed.catch(() => {}); return writer.write(1); });
  await attempt('locked', () => { const stream = new WritableStream(); const before = stream.locked; const writer = stream.getWriter(); const during = stream.locked; writer.releaseLock(); return [before, during, stream.locked]; });
  await attempt('two writers', () => { const stream = new WritableStream(); stream.getWriter(); stream.getWriter(); });
  await attempt('writer by hand', async () => { const seen = []; const writer = new WritableStreamDefaultWriter(new WritableStream({ write(chunk) { seen.push(chunk); } })); await writer.write(7); return seen; });
  await attempt('close of a stream', async () => { let isClosed = false; await new WritableStream({ close() { isClosed = true; } }).close(); return isClosed; });
  await attempt('close when locked', () => { const stream = new WritableStream(); stream.getWriter(); return stream.close(); });
  await attempt('write after close', async () => { const writer = new WritableStream().getWriter(); await writer.close(); return writer.write(1); });
  await attempt('start throws', () => new WritableStream({ start() { throw new RangeError('no'); } }));
  await attempt('released', async () => { const writer = new WritableStream().getWriter(); writer.closed.catch(() => {}); writer.ready.catch(() => {}); writer.releaseLock(); return writer.write(1); });
}
