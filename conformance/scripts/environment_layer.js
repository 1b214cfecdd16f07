//! K6_ variables are a layer between script and flags.
//! order: any
//! loud
//! env: K6_ITERATIONS=4
//! env: K6_VUS=2
//! env: K6_TAGS=a:b,c:d
//! env: MY_SECRET=seen
//! case alone:
//! case flag: --iterations 2
//! case excluded: --include-system-env-vars=false
export const options = { vus: 1, iterations: 1 };

export default function () {
  console.log(__ENV.MY_SECRET, __ENV.K6_VUS);
}
