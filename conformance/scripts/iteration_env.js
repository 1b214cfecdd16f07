//! __ENV is a scenario's own; globals are a VU's own.
let n = 0;
export const options = { vus: 1, iterations: 3 };

export default function () {
  n += 1;
  __ENV.MADE = `${__ENV.MADE || ''}x`;
  globalThis.seen = (globalThis.seen || 0) + 1;
  console.log(n, __ENV.MADE, globalThis.seen, __ITER);
}
