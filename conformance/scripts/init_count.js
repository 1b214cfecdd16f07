//! How often init code runs, and as which VU.
//! order: any
export const options = { vus: 2, iterations: 2 };
console.log('init', __VU, typeof __ITER);

export function setup() {
  console.log('setup', __VU, typeof __ITER);
}

export default function () {}

export function teardown() {
  console.log('teardown', __VU);
}

export function handleSummary() {
  console.log('summary', __VU);
  return {};
}
