//! Classes: parameter properties, abstract members, modifiers, overloads, fields.
interface Runs { run(): string }

abstract class Base<T> implements Runs {
  protected static readonly kind: string = 'base';
  declare ghost: number;
  readonly items: T[] = [];
  maybe?: string;
  private _size: number = 0;
  [key: string]: any;
  constructor(public readonly name: string, protected count = 1, plain?: boolean) {
    this.items.length = plain ? 1 : 0;
  }
  abstract shout(word: string): string;
  get size(): number { return this._size; }
  set size(n: number) { this._size = n; }
  run(): string;
  run(times: number): string;
  run(times: number = 1): string { return this.shout(this.name.repeat(times)) + Base.kind; }
  static make<U>(this: new () => U): U { return new this(); }
}

class Loud extends Base<string> {
  private extra: string;
  constructor(private mark: string = '!') {
    super('ab', 2);
    this.extra = mark + mark;
  }
  override shout(word: string): string { return word.toUpperCase() + this.extra + this.mark; }
  public async *walk(): AsyncGenerator<number, void, unknown> { yield this.count; }
}

export default function (): void {
  const loud = Loud.make();
  loud.size = 3;
  console.log(loud.run(), loud.run(2), loud.size, Object.keys(loud).sort().join());
  console.log('ghost' in loud, 'maybe' in loud, loud instanceof Base);
  const anonymous = new (class implements Runs { run(): string { return 'anonymous'; } })();
  console.log(anonymous.run());
}
