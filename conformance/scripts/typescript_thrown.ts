//! Where exceptions of a TypeScript file are.
interface Deep {
  value: number;
}
function inner(deep: Deep | null): number { return deep!.value; }
function outer<T extends Deep>(deep: T | null): number {
  return inner(deep as Deep);
}
export default function (): void {
  const nothing: Deep | null = null;
  outer(nothing);
}
