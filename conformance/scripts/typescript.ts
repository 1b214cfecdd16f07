//! Types, and where an exception in a TypeScript file is.
import { Options } from 'k6/options';
import { check } from 'k6';
import type { Reply } from './lib/types';
import { describe, type Item } from './lib/items.ts';

export const options: Options = {
  vus: 1,
  iterations: 1,
};

interface Point { x: number; y?: number }
type Named<T> = T & { name: string };

function first<T>(list: readonly T[], otherwise?: T): T | undefined {
  return list.length > 0 ? list[0]! : otherwise;
}

function over(a: string): string;
function over(a: number): string;
function over(a: any): string { return typeof a; }

export default function (): void {
  const point: Named<Point> = { x: 1, name: 'p' } satisfies Named<Point>;
  const items: Item[] = [{ id: 1 }, { id: 2 }];
  const text = describe(first<Item>(items) as Item);
  let later!: string;
  later = over(1) + over('a');
  const reply = <Reply>{ status: 200 };
  const { x, y = 5 }: Point = point;
  check(reply, { 'is 200': (r: Reply) => r.status === 200 });
  console.log(text, later, x, y, (point as any).nope?.deep, point!.name);
  try {
    (null as any).boom;
  } catch (e: unknown) {
    console.log((e as Error).message);
  }
  const later2 = async (n: number): Promise<number> => n * 2;
  later2(3).then((n: number): void => console.log(n));
}
