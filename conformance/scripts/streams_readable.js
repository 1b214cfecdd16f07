//! k6/experimental/streams: readable streams.
import { ReadableStream, ReadableStreamDefaultReader, CountQueuingStrategy } from 'k6/experimental/streams';
import { attempt } from './lib/attempt.js';

const drain = async (stream) => {
  const reader = stream.getReader();
  const seen = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return seen;
    seen.push(value);
  }
};

export default async function () {
  await attempt('pull', () => { let i = 0; return drain(new ReadableStream({ pull(controller) { controller.enqueue(i++); if (i === 3) controller.close(); } })); });
  await attempt('start', () => drain(new ReadableStream({ start(controller) { controller.enqueue('a'); controller.enqueue('b'); controller.close(); } })));
  await attempt('async start', () => drain(new ReadableStream({ async start(controller) { await Promise.resolve(); controller.enqueue(1); controller.close(); } })));
  await attempt('async pull', () => { let i = 0; return drain(new ReadableStream({ async pull(controller) { await Promise.resolve(); if (i < 3) controller.enqueue(i++); else controller.close(); } })); });
  await attempt('timers', () => drain(new ReadableStream({ start(controller) { let i = 0; const id = setInterval(() => { controller.enqueue(i++); if (i === 3) { clearInterval(id); controller.close(); } }, 1); } })));
  await attempt('error', () => drain(new ReadableStream({ start(controller) { controller.error(new RangeError('no')); } })));
  await attempt('start throws', () => new ReadableStream({ start() { throw new RangeError('no'); } }));
  await attempt('pull throws', () => drain(new ReadableStream({ pull() { throw new RangeError('no'); } })));
  await attempt('pull rejects', () => drain(new ReadableStream({ pull() { return Promise.reject(new RangeError('no')); } })));
  await attempt('locked', () => { const stream = new ReadableStream(); const before = stream.locked; const reader = stream.getReader(); const during = stream.locked; reader.releaseLock(); return [before, during, stream.locked]; });
  await attempt('two readers', () => { const stream = new ReadableStream(); stream.getReader(); stream.getReader(); });
  await attempt('reader of nothing', () => new ReadableStreamDefaultReader());
  await attempt('reader by hand', async () => { const reader = new ReadableStreamDefaultReader(new ReadableStream({ start(controller) { controller.enqueue(5); } })); const { done, value } = await reader.read(); return [done, value]; });
  await attempt('cancel', async () => { let reason; const stream = new ReadableStream({ cancel(why) { reason = why; } }); await stream.cancel('enough'); return reason; });
  await attempt('cancel of a reader', async () => { let reason; const reader = new ReadableStream({ cancel(why) { reason = why; } }).getReader(); await reader.cancel('enough'); return [reason, await reader.read(), await reader.closed === undefined]; });
  await attempt('cancel when locked', () => { const stream = new ReadableStream(); stream.getReader(); return stream.cancel('x'); });
  await attempt('cancel rejects', () => new ReadableStream({ cancel() { throw new RangeError('no'); } }).cancel());
  await attempt('closed', async () => { const reader = new ReadableStream({ start(controller) { controller.close(); } }).getReader(); return [await reader.closed === undefined, await reader.read()]; });
  await attempt('released', async () => { const reader = new ReadableStream().getReader(); reader.releaseLock(); return reader.read(); });
  await attempt('desired size', () => { const sizes = []; new ReadableStream({ start(controller) { sizes.push(controller.desiredSize); controller.enqueue(1); sizes.push(controller.desiredSize); controller.enqueue(2); sizes.push(controller.desiredSize); controller.close(); sizes.push(controller.desiredSize); } }); return sizes; });
  await attempt('strategy', () => { const sizes = []; new ReadableStream({ start(controller) { sizes.push(controller.desiredSize); controller.enqueue(1); sizes.push(controller.desiredSize); } }, new CountQueuingStrategy({ highWaterMark: 5 })); return sizes; });
  await attempt('own strategy', () => { const sizes = []; new ReadableStream({ start(controller) { controller.enqueue('abc'); sizes.push(controller.desiredSize); } }, { highWaterMark: 10, size: (chunk) => chunk.length }); return sizes; });
  for (const mark of [-1, NaN, 'x']) await attempt(`mark ${mark}`, () => typeof new ReadableStream({}, { highWaterMark: mark }));
  await attempt('backpressure', async () => { let pulls = 0; const stream = new ReadableStream({ pull(controller) { pulls++; controller.enqueue(pulls); } }, { highWaterMark: 3 }); await new Promise((resolve) => setTimeout(resolve, 5)); const before = pulls; await stream.getReader().read(); await new Promise((resolve) => setTimeout(resolve, 5)); return [before, pulls]; });
  await attempt('enqueue after close', () => { let thrown; new ReadableStream({ start(controller) { controller.close(); try { controller.enqueue(1); } catch (e) { thrown = e.name; } } }); return thrown; });
  await attempt('close twice', () => { let thrown; new ReadableStream({ start(controller) { controller.close(); try { controller.close(); } catch (e) { thrown = e.name; } } }); return thrown; });
  await attempt('count', () => [new CountQueuingStrategy({ highWaterMark: 4 }).highWaterMark, new CountQueuingStrategy({ highWaterMark: 4 }).size()]);
  await attempt('count of nothing', () => typeof new CountQueuingStrategy());
  await attempt('bad source', () => typeof new ReadableStream(null));
  await attempt('bad type', () => typeof new ReadableStream({ type: 'nope' }));
  await attempt('bad pull', () => typeof new ReadableStream({ pull: 5 }));
}
