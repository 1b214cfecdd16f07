//! Relative modules, in both systems, once each.
import { double, counter, bump } from './lib/math.js';
import * as math from './lib/math.js';
import fallback, { named } from './lib/both.js';
import cjs, { exported } from './lib/common.js';
import { get } from './lib/client.js';
import './lib/effect.js';
import './lib/effect.js';

export { options } from './lib/options.js';
export { teardown } from './lib/hooks.js';

export default function () {
  console.log(double(21), counter, math.double === double, Object.keys(math).sort().join());
  bump();
  console.log(counter, math.counter);
  console.log(fallback(), named, cjs.exported, exported, typeof cjs);
  console.log(get('/get').status);
  console.log(typeof import.meta, typeof import.meta.resolve, import.meta.resolve('./x.js').endsWith('/x.js'), String(import.meta.url));
}
