//! minIterationDuration fills short iterations up, but not their metric.
//! tries: 3

export const options = { iterations: 3, minIterationDuration: '300ms', thresholds: { iteration_duration: ['max<250'] } };
const start = Date.now();

export default function () {}

export function teardown() {
  console.log('long enough', Date.now() - start >= 800);
}
