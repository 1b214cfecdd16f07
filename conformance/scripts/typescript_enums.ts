//! Enums and namespaces: TypeScript that is more than types.
enum Color { Red, Green, Blue = 10, Last }
enum Text { A = 'a', B = `b` }
const enum Bits { None = 0, One = 1 << 0, Two = 1 << 1, Both = One | Two, Not = ~Both }
enum Mixed { No = 0, Yes = 'yes', Length = 'abc'.length, 'with-dash' = 7 }
enum Color { More = 20 }
export enum Exported { X = Color.Blue }
declare enum Elsewhere { Y }

namespace Geometry {
  export const unit: number = 2;
  const secret = 3;
  export function area(side: number): number { return side * side * unit * secret; }
  export namespace Inner { export class Box { size: number = unit; } }
  export enum Kind { Flat, Solid }
  export interface Shape { side: number }
  export let count = 0;
  export function more(): number { count += 1; return count; }
}
namespace Geometry.Inner { export const extra = 'extra'; }
namespace OnlyTypes { export type T = string; }

export default function () {
  const shape: Geometry.Shape = { side: 2 };
  console.log(JSON.stringify([Color, Text, Mixed, Exported]));
  console.log(Bits.Both, Bits.Not, Color[10], Color.Last, Color['Red'], Mixed[7]);
  console.log(Geometry.area(shape.side), new Geometry.Inner.Box().size, Geometry.Inner.extra, Geometry.Kind[1]);
  Geometry.more();
  console.log(Geometry.count, typeof (globalThis as any).OnlyTypes);
}
