//! A syntax error in TypeScript.
interface A {
  b: string;
}
const a: A = ;

export default function () {}
