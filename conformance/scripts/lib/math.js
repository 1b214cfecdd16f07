export let counter = 0;
export function bump() {
  counter += 1;
}
export const double = (n) => 2 * n;
