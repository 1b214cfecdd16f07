//! Options that are no JSON.
//! case nan: -e O=nan
//! case function: -e O=function
//! case cycle: -e O=cycle
//! case text: -e O=text
const cycle = {};
cycle.self = cycle;
export const options = { nan: { vus: NaN }, function: () => 1, cycle, text: 'text' }[__ENV.O];

export default function () {}
