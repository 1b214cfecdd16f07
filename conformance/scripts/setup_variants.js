//! What setup may give.
//! case nothing: -e GIVE=nothing
//! case null: -e GIVE=null
//! case number: -e GIVE=number
//! case promise: -e GIVE=promise
//! case text: -e GIVE=text
//! case nan: -e GIVE=nan
//! case cycle: -e GIVE=cycle
//! case function: -e GIVE=function
//! case nested_function: -e GIVE=nested
//! case no_setup: -e GIVE=number --no-setup
//! case no_teardown: -e GIVE=number --no-teardown
export function setup() {
  const cycle = {};
  cycle.cycle = cycle;
  return { nothing: undefined, null: null, number: 5, text: 'text', nan: NaN, cycle, function: () => 1, nested: { list: [() => 1] }, promise: new Promise((resolve) => setTimeout(() => resolve({ later: true }), 20)) }[__ENV.GIVE];
}

export default function (data) {
  console.log('default', typeof data, JSON.stringify(data));
}

export function teardown(data) {
  console.log('teardown', typeof data, JSON.stringify(data));
}
