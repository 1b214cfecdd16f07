//! TypeScript on standard input, whose name has no extension.
//! stdin
interface A { a: number }
export default function (): void {
  const a: A = { a: 1 };
  console.log((a as any).a);
}
