//! A file of JavaScript has no types.
export default function () {
  const a: number = 1;
}
