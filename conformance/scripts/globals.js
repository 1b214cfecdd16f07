//! What is and is not there.
export default function () {
  const names = ['fetch', 'URL', 'URLSearchParams', 'performance', 'structuredClone', 'queueMicrotask', 'btoa', 'atob', 'setImmediate', 'process', 'Buffer', 'window', 'global', 'globalThis', 'require', 'open', 'setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'TextEncoder', 'TextDecoder', 'console', 'Promise', 'Map', 'WeakMap', 'Symbol', 'Proxy', 'Reflect', 'BigInt', '__ENV', '__VU', '__ITER'];
  for (const name of names) {
    console.log(name, typeof globalThis[name]);
  }
  console.log(__VU, __ITER, typeof __ENV.BASE);
}
